/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables and devices of acpi_arm.h with any contents: lengths and checksums are right.
 */
#include <hotram/acpi_arm.h>

#include "aml.h"

enum kind { GIC, SRAT, GTDT, PPTT, SPCR, DBG2, SSDT, IORT, KINDS };

static const struct hotram_acpi_ids ids = { "OEMID", "TABLE", 1, "CRTR", 2 };

/* Mostly processors that are not refused. */
static size_t any_gic_cpus(struct input *input, struct hotram_acpi_gic_cpu *cpus, const void **given)
{
    size_t count = fuzz_count(input, given);

    fuzz_fill(input, cpus, sizeof cpus[0] * count);
    if (input_below(input, 8) == 7)
        return count;
    for (size_t i = 0; i < count; i++) {
        cpus[i].flags %= HOTRAM_CPU_ONLINE_CAPABLE + 1;
        cpus[i].mpidr &= HOTRAM_MPIDR_AFFINITY;
    }
    return count;
}

static enum hotram_status write_gic(struct hotram_buffer *out, struct input *input)
{
    struct hotram_acpi_gic_cpu cpus[ENTRIES_MAX];
    struct hotram_acpi_registers redistributors[ENTRIES_MAX];
    uint64_t its[ENTRIES_MAX];
    const void *given_cpus = cpus;
    const void *given_redistributors = redistributors;
    const void *given_its = its;
    struct hotram_acpi_gic config = { .version = input_below(input, 5), .distributor = input_u64(input) };

    config.cpu_interface = config.version == 2 || input_below(input, 8) == 7 ? input_u64(input) : 0;
    config.pmu_gsi = input_u32(input);
    config.cpu_count = any_gic_cpus(input, cpus, &given_cpus);
    if (config.version != 2 || input_bool(input)) {
        config.redistributor_count = fuzz_count(input, &given_redistributors);
        config.its_count = fuzz_count(input, &given_its);
    }
    for (size_t i = 0; i < config.redistributor_count; i++)
        redistributors[i] = (struct hotram_acpi_registers){ (uint64_t)input_u16(input) << 16,
                                                            HOTRAM_GICR_LENGTH * input_below(input, 256) };
    fuzz_fill(input, its, sizeof its[0] * config.its_count);
    config.cpus = given_cpus;
    config.redistributors = given_redistributors;
    config.its = given_its;
    return hotram_acpi_madt_gic(out, &ids, &config);
}

static enum hotram_status write_srat_gic(struct hotram_buffer *out, struct input *input)
{
    struct hotram_acpi_gic_cpu cpus[ENTRIES_MAX];
    struct hotram_acpi_memory memory[ENTRIES_MAX];
    const void *given_cpus = cpus;
    const void *given_memory = memory;
    size_t cpu_count = any_gic_cpus(input, cpus, &given_cpus);
    size_t memory_count = fuzz_count(input, &given_memory);

    fuzz_fill(input, memory, sizeof memory[0] * memory_count);
    return hotram_acpi_srat_gic(out, &ids, given_cpus, cpu_count, given_memory, memory_count);
}

static enum hotram_status write_iort(struct hotram_buffer *out, struct input *input)
{
    struct hotram_acpi_root_complex roots[ENTRIES_MAX];
    const void *given = roots;
    struct hotram_acpi_iort config = { .its_count = input_below(input, HOTRAM_ITS_MAX + 2) };

    config.root_count = fuzz_count(input, &given);
    for (size_t i = 0; i < config.root_count; i++)
        roots[i] = (struct hotram_acpi_root_complex){ input_u16(input), (uint8_t)input_below(input, 66) };
    config.roots = given;
    return hotram_acpi_iort(out, &ids, &config);
}

static enum hotram_status write_gtdt(struct hotram_buffer *out, struct input *input)
{
    struct hotram_acpi_timers timers = { .secure = { input_u32(input), input_below(input, 9) },
                                         .virtual_el1 = { input_u32(input), input_below(input, 9) },
                                         .hypervisor_virtual = { input_u32(input), input_below(input, 9) } };

    return hotram_acpi_gtdt(out, &ids, &timers);
}

static enum hotram_status write_pptt(struct hotram_buffer *out, struct input *input)
{
    struct hotram_acpi_topology nodes[ENTRIES_MAX];
    const void *given = nodes;
    size_t count = fuzz_count(input, &given);

    for (size_t i = 0; i < count; i++) {
        nodes[i].parent = input_bool(input) ? HOTRAM_TOPOLOGY_ROOT : input_below(input, ENTRIES_MAX);
        nodes[i].uid = input_u32(input);
        nodes[i].flags = input_below(input, 33);
    }
    return hotram_acpi_pptt(out, &ids, given, count);
}

static enum hotram_status write_serial(struct hotram_buffer *out, struct input *input, enum kind kind)
{
    char path[16];
    const struct hotram_acpi_pl011 pl011 = {
        .path = input_bool(input) ? input_string(input, path, sizeof path) : "\\_SB.COM0",
        .base = (uint32_t)input_number(input),
        .gsi = input_u32(input),
    };

    return kind == SPCR ? hotram_acpi_spcr(out, &ids, &pl011) : hotram_acpi_dbg2(out, &ids, &pl011);
}

/* Each device may be refused and then leaves nothing; its path may still be none. */
static enum hotram_status write_ssdt(struct hotram_buffer *out, struct input *input)
{
    struct hotram_acpi_gic_cpu cpus[ENTRIES_MAX];
    const void *given = cpus;
    struct hotram_acpi_pl011 pl011 = { .path = "\\_SB.COM0", .base = (uint32_t)input_number(input) };
    struct hotram_acpi_processors processors = { .uid = input_u32(input) };
    char path[16];
    struct hotram_acpi_table table;
    struct hotram_aml aml;
    bool is_written;
    size_t before;

    pl011.gsi = input_u32(input);
    processors.path = input_string(input, path, sizeof path);
    processors.count = any_gic_cpus(input, cpus, &given);
    processors.cpus = given;
    hotram_acpi_table_begin(&table, out, "SSDT", 2, &ids);
    hotram_aml_begin(&aml, out);
    before = out->length;
    CHECK(hotram_acpi_pl011(&aml, &pl011) == HOTRAM_OK || out->length == before);
    CHECK(hotram_acpi_power_button(&aml, "\\_SB.PWRB") == HOTRAM_OK);
    before = out->length;
    is_written = hotram_acpi_processors(&aml, &processors) == HOTRAM_OK;
    CHECK(is_written || out->length == before);
    if (hotram_aml_finish(&aml, NULL) == HOTRAM_E_ARGUMENT) {
        CHECK(is_written); /* not a path */
        return HOTRAM_E_ARGUMENT;
    }
    return hotram_acpi_table_end(&table);
}

static enum hotram_status write_table(struct hotram_buffer *out, struct input input)
{
    size_t before = out->length;
    enum kind kind = (enum kind)input_below(&input, KINDS);
    enum hotram_status status;

    switch (kind) {
    case GIC:
        status = write_gic(out, &input);
        break;
    case SRAT:
        status = write_srat_gic(out, &input);
        break;
    case GTDT:
        status = write_gtdt(out, &input);
        break;
    case PPTT:
        status = write_pptt(out, &input);
        break;
    case IORT:
        status = write_iort(out, &input);
        break;
    case SPCR:
    case DBG2:
        status = write_serial(out, &input, kind);
        break;
    default:
        return write_ssdt(out, &input);
    }
    CHECK(status != HOTRAM_E_ARGUMENT || out->length == before);
    return status;
}

/* All have a header (5.2.6). */
static void verify_table(const uint8_t *bytes, size_t length, struct input input)
{
    (void)input;
    CHECK(length >= HOTRAM_ACPI_HEADER_LENGTH && fuzz_length(bytes + 4) == length);
    CHECK(fuzz_sum(bytes, length) == 0);
}

const struct subject aml_arm = { write_table, verify_table };
