/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine/arm64_acpi.h"

#include <hotram/memhp.h>

#include "device/device.h"
#include "device/pl011.h"
#include "layout/arm64.h"

static const struct hotram_acpi_pl011 pl011 = {
    .path = PL011_ACPI_PATH,
    .base = (uint32_t)ARM64_PL011,
    .gsi = ARM64_GSI_PL011,
};

static enum hotram_status dsdt(struct hotram_buffer *out, const struct arm64_cpus *cpus)
{
    const struct hotram_acpi_memory_devices memory = {
        .space = HOTRAM_AML_SYSTEM_MEMORY,
        .base = (uint32_t)ARM64_MEMHP,
        .slots = cpus->config->slots,
    };
    const struct hot_parts parts = { .memory = memory.slots > 0, .cpus = arm64_acpi_has_hot_cpus(cpus) };
    enum hotram_status status = HOTRAM_OK;
    struct hotram_acpi_table table;
    struct hotram_aml aml;

    hotram_acpi_table_begin(&table, out, "DSDT", ACPI_DSDT_REVISION, &acpi_ids);
    hotram_aml_begin(&aml, out);
    if (parts.cpus)
        status = arm64_acpi_hot_processors(&aml, cpus);
    else
        arm64_acpi_processors(&aml, cpus);
    devices_aml(cpus->config->board, true, &aml);
    hotram_aml_scope(&aml, "\\_SB");
    devices_aml(cpus->config->board, false, &aml);
    hotram_aml_end(&aml);
    if (status == HOTRAM_OK && parts.memory)
        status = hotram_acpi_memory_devices(&aml, &memory);
    if (status == HOTRAM_OK)
        status = devices_aml_events(cpus->config->board, &parts, &aml);
    if (status == HOTRAM_OK)
        status = hotram_aml_finish(&aml, NULL);
    hotram_acpi_table_end(&table);
    return status;
}

/* No fixed hardware: power off and reset are PSCI's, which KVM answers, so there is neither \_S5 nor a reset
 * register. */
static enum hotram_status fadt(struct hotram_buffer *out, uint64_t dsdt_address)
{
    const struct hotram_acpi_fadt config = {
        .dsdt = dsdt_address,
        .flags = HOTRAM_FADT_HW_REDUCED | HOTRAM_FADT_PWR_BUTTON | HOTRAM_FADT_SLP_BUTTON,
        .arm_boot_arch = HOTRAM_FADT_PSCI | HOTRAM_FADT_PSCI_HVC,
    };

    return hotram_acpi_fadt(out, &acpi_ids, &config);
}

/* KVM's timers wake a vCPU that waits for an interrupt, so the guest needs no other clock for its idle CPUs.
 */
static enum hotram_status gtdt(struct hotram_buffer *out)
{
    const uint32_t level_low = HOTRAM_TIMER_ACTIVE_LOW;
    const struct hotram_acpi_timers timers = {
        .secure = { ARM64_GSI_TIMER_SECURE, level_low },
        .non_secure = { ARM64_GSI_TIMER, level_low | HOTRAM_TIMER_ALWAYS_ON },
        .virtual_el1 = { ARM64_GSI_TIMER_VIRTUAL, level_low | HOTRAM_TIMER_ALWAYS_ON },
        .hypervisor = { ARM64_GSI_TIMER_HYP, level_low },
    };

    return hotram_acpi_gtdt(out, &acpi_ids, &timers);
}

/* ---- All of them ---- */

static const struct arm64_acpi_config *config_of(const void *cpus)
{
    return ((const struct arm64_cpus *)cpus)->config;
}

static bool has_console(const void *cpus)
{
    return config_of(cpus)->console;
}

static bool has_its(const void *cpus)
{
    return config_of(cpus)->its;
}

static bool has_nodes(const void *cpus)
{
    return config_of(cpus)->numa->nodes > 0;
}

static bool has_distances(const void *cpus)
{
    return config_of(cpus)->numa->distances_given;
}

static enum hotram_status write_dsdt(struct acpi_writer *writer, const void *cpus)
{
    return dsdt(&writer->out, cpus);
}

static enum hotram_status write_fadt(struct acpi_writer *writer, const void *cpus)
{
    (void)cpus;
    return fadt(&writer->out, writer->dsdt);
}

static enum hotram_status write_madt(struct acpi_writer *writer, const void *cpus)
{
    return arm64_acpi_madt(&writer->out, cpus);
}

/* Where the messages of PCI functions go. Without an ITS their interrupts are lines, by _PRT. */
static enum hotram_status write_iort(struct acpi_writer *writer, const void *cpus)
{
    static const struct hotram_acpi_root_complex root = { .segment = 0, .address_bits = 64 };
    const struct hotram_acpi_iort iort = { .its_count = 1, .roots = &root, .root_count = 1 };

    (void)cpus;
    return hotram_acpi_iort(&writer->out, &acpi_ids, &iort);
}

static enum hotram_status write_gtdt(struct acpi_writer *writer, const void *cpus)
{
    (void)cpus;
    return gtdt(&writer->out);
}

static enum hotram_status write_pptt(struct acpi_writer *writer, const void *cpus)
{
    return arm64_acpi_pptt(&writer->out, cpus);
}

static enum hotram_status write_spcr(struct acpi_writer *writer, const void *cpus)
{
    (void)cpus;
    return hotram_acpi_spcr(&writer->out, &acpi_ids, &pl011);
}

static enum hotram_status write_dbg2(struct acpi_writer *writer, const void *cpus)
{
    (void)cpus;
    return hotram_acpi_dbg2(&writer->out, &acpi_ids, &pl011);
}

static enum hotram_status write_mcfg(struct acpi_writer *writer, const void *cpus)
{
    return acpi_mcfg(&writer->out, config_of(cpus)->board);
}

static enum hotram_status write_srat(struct acpi_writer *writer, const void *cpus)
{
    return arm64_acpi_srat(&writer->out, cpus);
}

static enum hotram_status write_slit(struct acpi_writer *writer, const void *cpus)
{
    return acpi_slit(&writer->out, config_of(cpus)->numa);
}

static const struct acpi_row rows[] = {
    { "DSDT", ACPI_DSDT, NULL, write_dsdt },          { "FACP", ACPI_LISTED, NULL, write_fadt },
    { "APIC", ACPI_LISTED, NULL, write_madt },        { "GTDT", ACPI_LISTED, NULL, write_gtdt },
    { "IORT", ACPI_LISTED, has_its, write_iort },     { "PPTT", ACPI_LISTED, NULL, write_pptt },
    { "SPCR", ACPI_LISTED, has_console, write_spcr }, { "DBG2", ACPI_LISTED, NULL, write_dbg2 },
    { "SRAT", ACPI_LISTED, has_nodes, write_srat },   { "SLIT", ACPI_LISTED, has_distances, write_slit },
    { "MCFG", ACPI_LISTED, NULL, write_mcfg },
};

bool arm64_acpi_build(const struct arm64_acpi_config *config, uint8_t *buffer, size_t capacity,
                      uint64_t guest_address, uint64_t *rsdp_address, struct error *error)
{
    struct arm64_cpus cpus;

    return arm64_acpi_cpus(&cpus, config, error) &&
           acpi_check(cpus.count, CPUS_MAX, config->slots, config->numa, config->hotplug_count, error) &&
           acpi_write(rows, sizeof rows / sizeof *rows, &cpus, buffer, capacity, guest_address, rsdp_address,
                      error);
}
