/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on x86-64: devices, reset, power.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machine/dimms_at_boot.h"
#include "machine/state.h"
#include "machine/x86_acpi.h"
#include "machine/x86_layout.h"
#include "options/config.h"

static void set_sci(void *opaque, bool high)
{
    struct machine *machine = opaque;

    vm_irq_line(&machine->vm, X86_IRQ_SCI, high);
}

static void set_serial_irq(void *opaque, bool high)
{
    struct machine *machine = opaque;

    vm_irq_line(&machine->vm, X86_IRQ_COM1, high);
}

static void set_rtc_irq(void *opaque, bool high)
{
    struct machine *machine = opaque;

    vm_irq_line(&machine->vm, X86_IRQ_RTC, high);
}

static void guest_powers_off(void *opaque)
{
    machine_request(opaque, REQUEST_POWER_OFF);
}

static void guest_resets(void *opaque)
{
    machine_request(opaque, REQUEST_RESET);
}

static const struct pm_ops pm_ops = {
    .sci = set_sci,
    .power_off = guest_powers_off,
    .reset = guest_resets,
};

void machine_arch_devices(struct machine *machine)
{
    const struct config *config = machine->config;
    int64_t offset = config->rtc_base == RTC_DATE ? config->rtc_date - time(NULL) : 0;

    pm_init(&machine->pm, &machine->ports, &pm_ops, machine);
    rtc_init(&machine->rtc, &machine->ports, machine->loop, config->rtc_base == RTC_LOCALTIME, offset,
             set_rtc_irq, machine);
    serial_init(&machine->serial, &machine->ports, X86_PORT_COM1, machine->loop, set_serial_irq, machine);
}

bool machine_attach_serial(struct machine *machine, struct chardev *chardev, struct error *error)
{
    return serial_attach(&machine->serial, chardev, error);
}

uint16_t machine_arch_hotplug_port(void)
{
    return X86_PORT_MEMHP;
}

void machine_arch_raise_hotplug(void *opaque)
{
    struct machine *machine = opaque;

    pm_raise_gpe(&machine->pm, HOTRAM_GPE_MEMORY);
}

void machine_arch_reset_devices(struct machine *machine)
{
    pm_reset(&machine->pm);
    rtc_reset(&machine->rtc);
    serial_reset(&machine->serial);
}

void machine_arch_powerdown(struct machine *machine)
{
    pm_press_power_button(&machine->pm);
}

/* ---- start ---- */

/* Tables are built apart and copied: the area they go to may be RAM of two nodes. */
static bool write_tables(struct machine *machine, const struct dimms_at_boot *dimms, uint64_t *rsdp,
                         struct error *error)
{
    const size_t capacity = X86_BIOS_AREA_END - X86_BIOS_AREA;
    const struct x86_acpi_config config = {
        .cpus = machine->config->cpus,
        .slots = machine->config->slots,
        .low_ram_end = machine->low_ram_end,
        .high_ram_size = machine->high_ram_size,
        .numa = &machine->config->numa,
        .hotplug = dimms->srat,
        .hotplug_count = dimms->srat_count,
    };
    uint8_t *tables = calloc(1, capacity);
    bool written;

    if (!tables)
        return error_set(error, "out of memory for ACPI tables");
    written = x86_acpi_build(&config, tables, capacity, X86_BIOS_AREA, rsdp, error);
    if (written && !guest_memory_write(machine->memory, X86_BIOS_AREA, tables, capacity))
        written = error_set(error, "there is no RAM for the ACPI tables at 0x%llx",
                            (unsigned long long)X86_BIOS_AREA);
    free(tables);
    return written;
}

bool machine_arch_start(struct machine *machine, struct error *error)
{
    struct dimms_at_boot dimms;
    struct boot_machine machine_info = {
        .memory = machine->memory,
        .low_ram_end = machine->low_ram_end,
        .high_ram_size = machine->high_ram_size,
        .dimms = dimms.map,
    };
    struct vcpu_entry entry = { 0 };

    dimms_at_boot_list(machine->config, machine->hotplug, &dimms);
    machine_info.dimm_count = dimms.map_count;
    if (!write_tables(machine, &dimms, &machine_info.rsdp, error))
        return false;
    if (machine->boot.format != KERNEL_NONE && !boot_load(&machine->boot, &machine_info, &entry, error))
        return false;
    return vcpus_reset(&machine->vcpus, &entry, error);
}
