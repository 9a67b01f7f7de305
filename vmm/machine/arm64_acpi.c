/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine/arm64_acpi.h"

#include <hotram/ged.h>
#include <hotram/memhp.h>

#include "machine/arm64_layout.h"

#define POWER_BUTTON "\\_SB.PWRB"

static const struct hotram_acpi_pl011 pl011 = {
    .path = "\\_SB.COM0",
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
    const struct hotram_acpi_ged ged = {
        .base = (uint32_t)ARM64_GED,
        .gsi = ARM64_GSI_GED,
        .power_button = POWER_BUTTON,
        .without_memory = memory.slots == 0,
    };
    enum hotram_status status = HOTRAM_OK;
    struct hotram_acpi_table table;
    struct hotram_aml aml;

    hotram_acpi_table_begin(&table, out, "DSDT", ACPI_DSDT_REVISION, &acpi_ids);
    hotram_aml_begin(&aml, out);
    arm64_acpi_processors(&aml, cpus);
    hotram_acpi_pl011(&aml, &pl011);
    hotram_acpi_power_button(&aml, POWER_BUTTON);
    if (memory.slots > 0)
        status = hotram_acpi_memory_devices(&aml, &memory);
    if (status == HOTRAM_OK)
        status = hotram_acpi_ged(&aml, &ged);
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

static void list_nodes(struct acpi_writer *writer, const struct arm64_cpus *cpus)
{
    const struct numa_config *numa = cpus->config->numa;

    if (numa->nodes > 0) {
        acpi_writer_list(writer);
        arm64_acpi_srat(&writer->out, cpus);
    }
    if (numa->distances_given) {
        acpi_writer_list(writer);
        acpi_slit(&writer->out, numa);
    }
}

/* All tables behind the space for the RSDP; of the results, that of the one that can be refused. */
static enum hotram_status write_tables(struct acpi_writer *writer, const struct arm64_cpus *cpus)
{
    struct hotram_buffer *out = &writer->out;
    uint64_t dsdt_address = acpi_writer_next(writer, ACPI_TABLE_ALIGN);
    enum hotram_status status = dsdt(out, cpus);

    acpi_writer_list(writer);
    fadt(out, dsdt_address);
    acpi_writer_list(writer);
    arm64_acpi_madt(out, cpus);
    acpi_writer_list(writer);
    gtdt(out);
    acpi_writer_list(writer);
    arm64_acpi_pptt(out, cpus);
    if (cpus->config->console) {
        acpi_writer_list(writer);
        hotram_acpi_spcr(out, &acpi_ids, &pl011);
    }
    acpi_writer_list(writer);
    hotram_acpi_dbg2(out, &acpi_ids, &pl011);
    list_nodes(writer, cpus);
    return status;
}

bool arm64_acpi_build(const struct arm64_acpi_config *config, uint8_t *buffer, size_t capacity,
                      uint64_t guest_address, uint64_t *rsdp_address, struct error *error)
{
    struct acpi_writer writer;
    enum hotram_status status;
    struct arm64_cpus cpus;

    if (!arm64_acpi_cpus(&cpus, config, error) ||
        !acpi_check(cpus.count, CPUS_MAX, config->slots, config->numa, config->hotplug_count, error))
        return false;
    if (guest_address % ACPI_TABLE_ALIGN)
        return error_set(error, "ACPI tables: address 0x%llx is not a multiple of %u",
                         (unsigned long long)guest_address, ACPI_TABLE_ALIGN);
    status = acpi_writer_begin(&writer, buffer, capacity, guest_address);
    if (status == HOTRAM_OK)
        status = write_tables(&writer, &cpus);
    return acpi_writer_end(&writer, status, rsdp_address, error);
}
