/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on arm64: devices, reset, power.
 */
#include <stdlib.h>
#include <string.h>

#include "boot/arm64_boot.h"
#include "device/ged.h"
#include "device/pl011.h"
#include "kvm/arm64_entry.h"
#include "layout/arm64.h"
#include "machine/arm64_acpi.h"
#include "machine/dimms_at_boot.h"
#include "machine/state.h"

/* What the guest starts with. */
struct start {
    uint64_t mpidr[CPUS_MAX];
    struct boot_machine machine;
    struct vcpu_entry entry;
};

struct arch_devices {
    struct start start;
    struct pl011 serial;
    struct ged ged;
};

bool machine_arch_create_devices(struct machine *machine, struct error *error)
{
    struct arch_devices *devices = calloc(1, sizeof *devices);

    if (!devices)
        return error_set(error, "out of memory");
    machine->devices = devices;
    pl011_init(&devices->serial, &machine->board, ARM64_PL011, ARM64_GSI_PL011);
    ged_init(&devices->ged, &machine->board, ARM64_GED, ARM64_GSI_GED);
    return true;
}

void machine_arch_destroy_devices(struct machine *machine)
{
    if (!machine->devices)
        return;
    line_stop(&machine->devices->serial.line);
    line_destroy(&machine->devices->serial.line);
    free(machine->devices);
    machine->devices = NULL;
}

bool machine_arch_attach_serial(struct machine *machine, struct chardev *chardev, struct error *error)
{
    return line_attach(&machine->devices->serial.line, chardev, error);
}

enum bus_space machine_arch_hotplug_space(uint64_t *address)
{
    *address = ARM64_MEMHP;
    return BUS_MEMORY;
}

void machine_arch_raise_hotplug(void *opaque)
{
    struct machine *machine = opaque;

    ged_raise(&machine->devices->ged, HOTRAM_GED_MEMORY);
}

void machine_arch_reset_devices(struct machine *machine)
{
    pl011_reset(&machine->devices->serial);
    ged_reset(&machine->devices->ged);
}

void machine_arch_powerdown(struct machine *machine)
{
    ged_raise(&machine->devices->ged, HOTRAM_GED_POWER_BUTTON);
}

/* ---- start ---- */

static bool write_tables(struct machine *machine, const uint64_t *mpidr, uint64_t *rsdp, struct error *error)
{
    struct dimms_at_boot *dimms = malloc(sizeof *dimms);
    struct arm64_acpi_config config = {
        .gic_version = machine->vm.gic_version,
        .sockets = machine->config->sockets,
        .cores = machine->config->cores,
        .threads = machine->config->threads,
        .mpidr = mpidr,
        .slots = machine->config->slots,
        .pmu = machine->vm.has_pmu,
        .console = true,
        .numa = &machine->config->numa,
    };
    uint64_t address, size;
    uint8_t *tables;
    bool written = false;

    boot_tables_area(&machine->boot, &address, &size);
    tables = calloc(1, size);
    if (!dimms || !tables) {
        error_set(error, "out of memory for ACPI tables");
    } else {
        dimms_at_boot_list(machine->config, machine->hotplug, machine_arch_block_guest(machine),
                           machine_ram_end(machine), NULL, dimms);
        config.hotplug = dimms->srat;
        config.hotplug_count = dimms->srat_count;
        written = arm64_acpi_build(&config, tables, size, address, rsdp, error);
        if (written && !guest_memory_write(machine->memory, address, tables, size))
            written = error_set(error, "there is no RAM for the ACPI tables at 0x%llx",
                                (unsigned long long)address);
    }
    free(tables);
    free(dimms);
    return written;
}

bool machine_arch_prepare(struct machine *machine, struct error *error)
{
    struct start *start = &machine->devices->start;

    for (uint32_t i = 0; i < machine->config->cpus; i++)
        start->mpidr[i] = vcpu_arch_mpidr(i);
    start->machine = (struct boot_machine){
        .memory = machine->memory,
        .cpus = machine->config->cpus,
        .mpidr = start->mpidr,
        .gic_version = machine->vm.gic_version,
        .numa = &machine->config->numa,
    };
    start->entry = (struct vcpu_entry){ 0 };
    return !machine->config->acpi || write_tables(machine, start->mpidr, &start->machine.rsdp, error);
}

bool machine_arch_load(struct machine *machine, struct error *error)
{
    struct start *start = &machine->devices->start;

    return boot_load(&machine->boot, &start->machine, &start->entry, error);
}

bool machine_arch_enter(struct machine *machine, struct error *error)
{
    return vcpus_reset(&machine->vcpus, &machine->devices->start.entry, error);
}
