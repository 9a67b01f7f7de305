/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of acpi.h with any contents: lengths and checksums are right.
 */
#include <hotram/acpi.h>
#include <hotram/acpi_pci.h>

#include "aml.h"

#define NODES_MAX 258

enum kind { RSDP, XSDT, FACS, FADT, MADT, SRAT, SLIT, SSDT, MCFG, KINDS };

static const struct hotram_acpi_ids ids = { "OEMID", "TABLE", 1, "CRTR", 2 };

static enum hotram_status write_xsdt(struct hotram_buffer *out, struct input *input)
{
    uint64_t tables[ENTRIES_MAX];
    const void *given = tables;
    size_t count = fuzz_count(input, &given);

    fuzz_fill(input, tables, sizeof tables[0] * count);
    return hotram_acpi_xsdt(out, &ids, given, count);
}

static enum hotram_status write_fadt(struct hotram_buffer *out, struct input *input)
{
    struct hotram_acpi_fadt config;

    fuzz_fill(input, &config, sizeof config);
    return hotram_acpi_fadt(out, &ids, &config);
}

static enum hotram_status write_madt(struct hotram_buffer *out, struct input *input)
{
    struct hotram_acpi_cpu cpus[ENTRIES_MAX];
    struct hotram_acpi_override overrides[ENTRIES_MAX];
    const void *given_cpus = cpus;
    const void *given_overrides = overrides;
    struct hotram_acpi_madt config = { .lapic = input_u32(input), .ioapic = input_u32(input) };

    config.cpu_count = fuzz_count(input, &given_cpus);
    config.override_count = fuzz_count(input, &given_overrides);
    fuzz_fill(input, cpus, sizeof cpus[0] * config.cpu_count);
    fuzz_fill(input, overrides, sizeof overrides[0] * config.override_count);
    config.cpus = given_cpus;
    config.overrides = given_overrides;
    return hotram_acpi_madt(out, &ids, &config);
}

static enum hotram_status write_srat(struct hotram_buffer *out, struct input *input)
{
    struct hotram_acpi_cpu cpus[ENTRIES_MAX];
    struct hotram_acpi_memory memory[ENTRIES_MAX];
    const void *given_cpus = cpus;
    const void *given_memory = memory;
    size_t cpu_count = fuzz_count(input, &given_cpus);
    size_t memory_count = fuzz_count(input, &given_memory);

    fuzz_fill(input, cpus, sizeof cpus[0] * cpu_count);
    fuzz_fill(input, memory, sizeof memory[0] * memory_count);
    return hotram_acpi_srat(out, &ids, given_cpus, cpu_count, given_memory, memory_count);
}

static enum hotram_status write_slit(struct hotram_buffer *out, struct input *input)
{
    static uint8_t distances[NODES_MAX * NODES_MAX];
    size_t nodes = input_below(input, 16) == 15 ? input_u16(input) % NODES_MAX : input_below(input, 9);

    fuzz_fill(input, distances, 16);
    return hotram_acpi_slit(out, &ids, distances, nodes);
}

static enum hotram_status write_mcfg(struct hotram_buffer *out, struct input *input)
{
    struct hotram_acpi_ecam places[ENTRIES_MAX];
    const void *given = places;
    size_t count = fuzz_count(input, &given);

    for (size_t i = 0; i < count; i++)
        places[i] = (struct hotram_acpi_ecam){ .base = input_number(input) * HOTRAM_ECAM_BUS_LENGTH,
                                               .segment = input_u16(input),
                                               .first_bus = input_u8(input),
                                               .last_bus = input_u8(input) };
    if (count > 0 && input_bool(input))
        places[0].base += input_u8(input);
    return hotram_acpi_mcfg(out, &ids, given, count);
}

/* The devices' AML: all three parts, each of which may be refused and then leaves nothing. */
static enum hotram_status write_ssdt(struct hotram_buffer *out, struct input *input)
{
    const struct hotram_acpi_memory_devices devices = {
        .space = input_bool(input) ? HOTRAM_AML_SYSTEM_IO : HOTRAM_AML_SYSTEM_MEMORY,
        .base = (uint32_t)input_number(input),
        .slots = input_below(input, 16) == 15 ? input_u16(input) : input_below(input, 9),
    };
    unsigned event = input_u8(input) + (unsigned)input_bool(input);
    struct hotram_acpi_ged ged = { .base = (uint32_t)input_number(input), .gsi = input_u32(input) };
    char button[16];
    struct hotram_acpi_table table;
    struct hotram_aml aml;
    size_t before;

    ged.power_button = input_bool(input) ? input_string(input, button, sizeof button) : NULL;
    ged.without_memory = input_bool(input);
    hotram_acpi_table_begin(&table, out, "SSDT", 2, &ids);
    hotram_aml_begin(&aml, out);
    before = out->length;
    CHECK(hotram_acpi_memory_devices(&aml, &devices) == HOTRAM_OK || out->length == before);
    before = out->length;
    CHECK((hotram_acpi_memory_gpe(&aml, event) == HOTRAM_OK) == (event <= 255));
    CHECK(event <= 255 || out->length == before);
    before = out->length;
    CHECK(hotram_acpi_ged(&aml, &ged) == HOTRAM_OK || out->length == before);
    if (hotram_aml_finish(&aml, NULL) == HOTRAM_E_ARGUMENT) {
        CHECK(ged.power_button); /* not a path */
        return HOTRAM_E_ARGUMENT;
    }
    CHECK(hotram_aml_finish(&aml, NULL) == hotram_buffer_status(out));
    return hotram_acpi_table_end(&table);
}

static enum kind any_kind(struct input *input)
{
    return (enum kind)input_below(input, KINDS);
}

static enum hotram_status write_table(struct hotram_buffer *out, struct input input)
{
    size_t before = out->length;
    enum kind kind = any_kind(&input);
    enum hotram_status status = HOTRAM_OK;

    switch (kind) {
    case RSDP:
        return hotram_acpi_rsdp(out, &ids, input_u64(&input));
    case XSDT:
        status = write_xsdt(out, &input);
        break;
    case FACS:
        return hotram_acpi_facs(out);
    case FADT:
        status = write_fadt(out, &input);
        break;
    case MADT:
        status = write_madt(out, &input);
        break;
    case SRAT:
        status = write_srat(out, &input);
        break;
    case SLIT:
        status = write_slit(out, &input);
        break;
    case MCFG:
        status = write_mcfg(out, &input);
        break;
    default:
        return write_ssdt(out, &input);
    }
    CHECK(status != HOTRAM_E_ARGUMENT || out->length == before);
    return status;
}

/* ---- */

/* 5.2.5.3, 5.2.6 and 5.2.10 say where the lengths are and what the checksums cover. */
static void verify_table(const uint8_t *bytes, size_t length, struct input input)
{
    switch (any_kind(&input)) {
    case RSDP:
        CHECK(length == HOTRAM_ACPI_RSDP_LENGTH && fuzz_length(bytes + 20) == length);
        CHECK(fuzz_sum(bytes, 20) == 0 && fuzz_sum(bytes, length) == 0);
        break;
    case FACS:
        CHECK(length == 64 && fuzz_length(bytes + 4) == length);
        break;
    default:
        CHECK(length >= HOTRAM_ACPI_HEADER_LENGTH && fuzz_length(bytes + 4) == length);
        CHECK(fuzz_sum(bytes, length) == 0);
    }
}

const struct subject aml_tables = { write_table, verify_table };
