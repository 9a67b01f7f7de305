/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine/x86_acpi.h"

#include <stdlib.h>

#include <hotram/acpi.h>
#include <hotram/gpe.h>
#include <hotram/memhp.h>

#include <hotram/acpi_cpus.h>

#include "device/device.h"
#include "kvm/x86_topology.h"
#include "layout/x86.h"
#include "pci/bus.h"

/* ---- DSDT ---- */

/* \_S5: how to power off (7.4.2): PM1a and PM1b sleep types, two reserved. */
static void soft_off(struct hotram_aml *aml)
{
    hotram_aml_name(aml, "_S5");
    hotram_aml_package(aml, 4);
    hotram_aml_integer(aml, X86_SLP_TYP_S5);
    hotram_aml_integer(aml, 0);
    hotram_aml_integer(aml, 0);
    hotram_aml_integer(aml, 0);
    hotram_aml_end(aml);
}

static enum hotram_status dsdt(struct hotram_buffer *out, const struct x86_acpi_config *config,
                               const struct hotram_acpi_cpu *cpus)
{
    const struct hotram_acpi_memory_devices memory = {
        .space = HOTRAM_AML_SYSTEM_IO,
        .base = X86_PORT_MEMHP,
        .slots = config->slots,
    };
    const struct hotram_acpi_cpu_devices processors = {
        .space = HOTRAM_AML_SYSTEM_IO,
        .base = X86_PORT_CPUHP,
        .count = config->cpus,
        .fixed = 1,
        .container = config->topology.cores * config->topology.threads,
        .cpus = cpus,
        .nodes = config->numa->nodes > 0,
    };
    const struct hot_parts parts = { .memory = memory.slots > 0, .cpus = config->hot_cpus };
    struct hotram_acpi_table table;
    struct hotram_aml aml;
    enum hotram_status status = HOTRAM_OK;

    hotram_acpi_table_begin(&table, out, "DSDT", ACPI_DSDT_REVISION, &acpi_ids);
    hotram_aml_begin(&aml, out);
    soft_off(&aml);
    hotram_aml_scope(&aml, "\\_SB");
    devices_aml(config->board, true, &aml);
    devices_aml(config->board, false, &aml);
    hotram_aml_end(&aml);
    if (parts.memory)
        status = hotram_acpi_memory_devices(&aml, &memory);
    if (status == HOTRAM_OK && parts.cpus)
        status = hotram_acpi_cpu_devices(&aml, &processors);
    if (status == HOTRAM_OK)
        status = devices_aml_events(config->board, &parts, &aml);
    if (status == HOTRAM_OK)
        status = hotram_aml_finish(&aml, NULL);
    hotram_acpi_table_end(&table);
    return status;
}

/* ---- The other tables ---- */

/* Without fixed hardware: no registers but those for sleep and reset (4.1). */
static enum hotram_status reduced_fadt(struct hotram_buffer *out, uint64_t dsdt_address)
{
    const struct hotram_acpi_fadt config = {
        .dsdt = dsdt_address,
        .century = 0x32,
        .flags = HOTRAM_FADT_WBINVD | HOTRAM_FADT_PROC_C1 | HOTRAM_FADT_PWR_BUTTON | HOTRAM_FADT_SLP_BUTTON |
                 HOTRAM_FADT_FIX_RTC | HOTRAM_FADT_RESET_REG_SUP | HOTRAM_FADT_HW_REDUCED,
        .boot_arch = HOTRAM_FADT_LEGACY_DEVICES | HOTRAM_FADT_NO_VGA,
        .reset = X86_PORT_RESET,
        .reset_value = X86_RESET_VALUE,
        .sleep_control = X86_PORT_SLEEP,
        .sleep_status = X86_PORT_SLEEP + 1,
    };

    return hotram_acpi_fadt(out, &acpi_ids, &config);
}

static enum hotram_status fadt(struct hotram_buffer *out, uint64_t dsdt_address, uint64_t facs_address)
{
    const struct hotram_acpi_fadt config = {
        .dsdt = dsdt_address,
        .facs = facs_address,
        .century = 0x32, /* as device/rtc.c has it */
        .flags = HOTRAM_FADT_WBINVD | HOTRAM_FADT_PROC_C1 | HOTRAM_FADT_SLP_BUTTON | HOTRAM_FADT_FIX_RTC |
                 HOTRAM_FADT_TMR_VAL_EXT | HOTRAM_FADT_RESET_REG_SUP,
        .boot_arch = HOTRAM_FADT_LEGACY_DEVICES | HOTRAM_FADT_NO_VGA,
        .sci = X86_IRQ_SCI,
        .pm1_event = X86_PORT_PM1_EVENT,
        .pm1_control = X86_PORT_PM1_CONTROL,
        .pm_timer = X86_PORT_PM_TIMER,
        .gpe0 = X86_PORT_GPE0,
        .gpe0_length = HOTRAM_GPE_LENGTH,
        .reset = X86_PORT_RESET,
        .reset_value = X86_RESET_VALUE,
    };

    return hotram_acpi_fadt(out, &acpi_ids, &config);
}

/* No override for ISA interrupt 0: KVM's default routing has it at pin 0 of the I/O APIC as well as at 2. */
static enum hotram_status madt(struct hotram_buffer *out, const struct hotram_acpi_cpu *cpus, uint32_t count)
{
    static const struct hotram_acpi_override sci = {
        .source = X86_IRQ_SCI,
        .gsi = X86_IRQ_SCI,
        .flags = HOTRAM_MPS_ACTIVE_HIGH | HOTRAM_MPS_LEVEL,
    };
    const struct hotram_acpi_madt config = {
        .lapic = (uint32_t)X86_LAPIC,
        .ioapic = (uint32_t)X86_IOAPIC,
        .cpus = cpus,
        .cpu_count = count,
        .overrides = &sci,
        .override_count = 1,
    };

    return hotram_acpi_madt(out, &acpi_ids, &config);
}

/* ---- All of them ---- */

struct x86_tables {
    const struct x86_acpi_config *config;
    const struct hotram_acpi_cpu *cpus;
};

static const struct x86_acpi_config *config_of(const void *tables)
{
    return ((const struct x86_tables *)tables)->config;
}

static bool has_nodes(const void *tables)
{
    return config_of(tables)->numa->nodes > 0;
}

static bool has_distances(const void *tables)
{
    return config_of(tables)->numa->distances_given;
}

/* Without fixed hardware it exists, but the tables do not mention it. */
static enum hotram_status write_facs(struct acpi_writer *writer, const void *tables)
{
    (void)tables;
    return hotram_acpi_facs(&writer->out);
}

static enum hotram_status write_dsdt(struct acpi_writer *writer, const void *tables)
{
    return dsdt(&writer->out, config_of(tables), ((const struct x86_tables *)tables)->cpus);
}

static enum hotram_status write_fadt(struct acpi_writer *writer, const void *tables)
{
    return config_of(tables)->ged ? reduced_fadt(&writer->out, writer->dsdt)
                                  : fadt(&writer->out, writer->dsdt, writer->facs);
}

static enum hotram_status write_madt(struct acpi_writer *writer, const void *tables)
{
    return madt(&writer->out, ((const struct x86_tables *)tables)->cpus, config_of(tables)->cpus);
}

static bool has_ecam(const void *tables)
{
    return config_of(tables)->board->pci->layout.ecam != PCI_UNMAPPED;
}

static enum hotram_status write_mcfg(struct acpi_writer *writer, const void *tables)
{
    return acpi_mcfg(&writer->out, config_of(tables)->board);
}

static enum hotram_status write_srat(struct acpi_writer *writer, const void *tables)
{
    return x86_acpi_srat(&writer->out, config_of(tables), ((const struct x86_tables *)tables)->cpus);
}

static enum hotram_status write_slit(struct acpi_writer *writer, const void *tables)
{
    return acpi_slit(&writer->out, config_of(tables)->numa);
}

static const struct acpi_row rows[] = {
    { "FACS", ACPI_FACS, NULL, write_facs },        { "DSDT", ACPI_DSDT, NULL, write_dsdt },
    { "FACP", ACPI_LISTED, NULL, write_fadt },      { "APIC", ACPI_LISTED, NULL, write_madt },
    { "SRAT", ACPI_LISTED, has_nodes, write_srat }, { "SLIT", ACPI_LISTED, has_distances, write_slit },
    { "MCFG", ACPI_LISTED, has_ecam, write_mcfg },
};

static struct hotram_acpi_cpu *make_cpus(const struct x86_acpi_config *config, struct error *error)
{
    uint32_t count = config->cpus;
    struct hotram_acpi_cpu *cpus = calloc(count, sizeof *cpus);

    if (!cpus) {
        error_set(error, "ACPI tables: out of memory for %u CPUs", count);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        cpus[i] = (struct hotram_acpi_cpu){ .uid = i,
                                            .apic_id = x86_apic_id(&config->topology, i),
                                            .node = config->numa->cpu_node[i],
                                            .flags = !config->present || config->present[i]
                                                         ? HOTRAM_CPU_ENABLED
                                                         : HOTRAM_CPU_ONLINE_CAPABLE };
    return cpus;
}

bool x86_acpi_build(const struct x86_acpi_config *config, uint8_t *buffer, size_t capacity,
                    uint64_t guest_address, uint64_t *rsdp_address, struct error *error)
{
    struct hotram_acpi_cpu *cpus;
    bool written;

    if (!acpi_check(config->cpus, CPUS_MAX, config->slots, config->numa, config->hotplug_count, error))
        return false;
    cpus = make_cpus(config, error);
    if (!cpus)
        return false;
    written = acpi_write(rows, sizeof rows / sizeof *rows, &(struct x86_tables){ config, cpus }, buffer,
                         capacity, guest_address, rsdp_address, error);
    free(cpus);
    return written;
}
