/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on x86-64: devices, reset, power.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "boot/x86_boot.h"
#include "kvm/x86_entry.h"
#include "kvm/x86_topology.h"
#include "layout/x86.h"
#include "machine/chips.h"
#include "machine/dimms_at_boot.h"
#include "machine/state.h"
#include "machine/x86_acpi.h"

/* What the guest starts with. */
struct start {
    struct dimms_at_boot dimms;
    struct boot_machine machine;
    struct vcpu_entry entry;
};

static uint16_t waiting_gpes(void *opaque)
{
    struct machine *machine = opaque;

    return hotplug_is_pending(machine->hotplug) ? 1u << HOTRAM_GPE_MEMORY : 0;
}

#define APIC_ID_MAX 254u /* 8 bits, of which 255 means all */

static bool check_apic_ids(const struct config *config, struct error *error)
{
    const struct cpu_topology topology = machine_topology(config);
    uint32_t last = x86_apic_id(&topology, config->cpus - 1);

    return last <= APIC_ID_MAX ||
           error_set(error,
                     "-smp: with %" PRIu32 " cores of %" PRIu32
                     " threads in a socket the APIC id of CPU %" PRIu32 " is %" PRIu32
                     ", and at most %u is possible: the ids have gaps where cores or threads are "
                     "no power of two; choose powers of two, or -smp %" PRIu32,
                     config->cores, config->threads, config->cpus - 1, last, APIC_ID_MAX, config->cpus);
}

bool machine_arch_create_devices(struct machine *machine, struct error *error)
{
    const struct pci_layout pci = machine_arch_pci(machine);
    struct board *board = &machine->board;
    bool built;

    if (!check_apic_ids(machine->config, error))
        return false;
    machine->start = calloc(1, sizeof *machine->start);
    if (!machine->start)
        return error_set(error, "out of memory");
    board->low_ram_end = machine->low_ram_end;
    board->high_ram_size = machine->high_ram_size;
    board->waiting_gpes = waiting_gpes;
    board->pci_layout = &pci;
    built = x86_chips_build(board, machine->config->ged, error);
    board->pci_layout = NULL; /* the host bridge has its own */
    return built;
}

enum bus_space machine_arch_hotplug_space(uint64_t *address)
{
    *address = X86_PORT_MEMHP;
    return BUS_PORTS;
}

/* ---- start ---- */

/* What a processor runs after a jump to the BIOS (0xffff0, in real mode), which Linux does as its last way to
 * reboot, and without fixed hardware as its first: mov dx, 0xcf9; mov al, 6; out dx, al; hlt; and again. */
static const uint8_t bios_entry[16] = {
    0xba, X86_PORT_RESET & 0xff, X86_PORT_RESET >> 8, 0xb0, X86_RESET_VALUE, 0xee, 0xf4, 0xeb, 0xfd
};

/* Tables are built apart and copied: the area they go to may be RAM of two nodes. */
static bool write_tables(struct machine *machine, const struct dimms_at_boot *dimms, uint64_t *rsdp,
                         struct error *error)
{
    const size_t capacity = X86_BIOS_AREA_END - X86_BIOS_AREA;
    const struct x86_acpi_config config = {
        .cpus = machine->config->cpus,
        .topology = machine_topology(machine->config),
        .slots = machine->config->slots,
        .ged = machine->config->ged,
        .low_ram_end = machine->low_ram_end,
        .high_ram_size = machine->high_ram_size,
        .board = &machine->board,
        .numa = &machine->config->numa,
        .hotplug = dimms->srat,
        .hotplug_count = dimms->srat_count,
    };
    uint8_t *tables = calloc(1, capacity);
    bool written;

    if (!tables)
        return error_set(error, "out of memory for ACPI tables");
    written = x86_acpi_build(&config, tables, capacity - sizeof bios_entry, X86_BIOS_AREA, rsdp, error);
    memcpy(tables + capacity - sizeof bios_entry, bios_entry, sizeof bios_entry);
    if (written && !guest_memory_write(machine->memory, X86_BIOS_AREA, tables, capacity))
        written = error_set(error, "there is no RAM for the ACPI tables at 0x%llx",
                            (unsigned long long)X86_BIOS_AREA);
    free(tables);
    return written;
}

bool machine_arch_prepare(struct machine *machine, struct error *error)
{
    struct start *start = machine->start;
    struct map_room room;

    start->machine = (struct boot_machine){
        .memory = machine->memory,
        .low_ram_end = machine->low_ram_end,
        .high_ram_size = machine->high_ram_size,
        .dimms = start->dimms.map,
    };
    room = boot_map_room(&machine->boot, &start->machine);
    dimms_at_boot_list(machine->config, machine->hotplug, machine_arch_block_guest(machine),
                       machine_ram_end(machine), &room, &start->dimms);
    start->machine.dimm_count = start->dimms.map_count;
    start->entry = (struct vcpu_entry){ 0 };
    return write_tables(machine, &start->dimms, &start->machine.rsdp, error);
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
