/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on arm64: devices, reset, power.
 */
#include <stdlib.h>
#include <string.h>

#include "boot/arm64_boot.h"
#include "kvm/arm64_entry.h"
#include "layout/arm64.h"
#include "machine/arm64_acpi.h"
#include "machine/chips.h"
#include "machine/dimms_at_boot.h"
#include "machine/state.h"

/* What the guest starts with. */
struct start {
    uint64_t mpidr[CPUS_MAX];
    struct boot_machine machine;
    struct vcpu_entry entry;
};

bool machine_arch_create_devices(struct machine *machine, struct error *error)
{
    const struct pci_layout pci = machine_arch_pci(machine);
    struct board *board = &machine->board;
    bool built;

    machine->start = calloc(1, sizeof *machine->start);
    if (!machine->start)
        return error_set(error, "out of memory");
    board->pci_layout = &pci;
    built = arm64_chips_build(board, error);
    board->pci_layout = NULL; /* the host bridge has its own */
    return built;
}

enum bus_space machine_arch_hotplug_space(uint64_t *address)
{
    *address = ARM64_MEMHP;
    return BUS_MEMORY;
}

/* ---- start ---- */

static bool write_tables(struct machine *machine, const uint64_t *mpidr, uint64_t *rsdp, struct error *error)
{
    struct dimms_at_boot *dimms = malloc(sizeof *dimms);
    struct arm64_acpi_config config = {
        .gic_version = machine->vm.gic_version,
        .its = machine->vm.has_its,
        .sockets = machine->config->sockets,
        .cores = machine->config->cores,
        .threads = machine->config->threads,
        .mpidr = mpidr,
        .slots = machine->config->slots,
        .pmu = machine->vm.has_pmu,
        .console = true,
        .board = &machine->board,
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
    struct start *start = machine->start;

    for (uint32_t i = 0; i < machine->config->cpus; i++)
        start->mpidr[i] = vcpu_arch_mpidr(i);
    start->machine = (struct boot_machine){
        .memory = machine->memory,
        .cpus = machine->config->cpus,
        .mpidr = start->mpidr,
        .gic_version = machine->vm.gic_version,
        .its = machine->vm.has_its,
        .numa = &machine->config->numa,
        .board = &machine->board,
    };
    start->entry = (struct vcpu_entry){ 0 };
    return !machine->config->acpi || write_tables(machine, start->mpidr, &start->machine.rsdp, error);
}

bool machine_arch_load(struct machine *machine, struct error *error)
{
    struct start *start = machine->start;

    return boot_load(&machine->boot, &start->machine, &start->entry, error);
}

bool machine_arch_enter(struct machine *machine, struct error *error)
{
    return vcpus_reset(&machine->vcpus, &machine->start->entry, error);
}
