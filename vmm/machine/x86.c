/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on x86-64: devices, reset, power.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "boot/x86_boot.h"
#include "firmware/flash.h"
#include "firmware/smbios.h"
#include "firmware/table_loader.h"
#include "kvm/x86_entry.h"
#include "kvm/x86_topology.h"
#include "layout/x86.h"
#include "machine/chips.h"
#include "machine/dimms_at_boot.h"
#include "machine/state.h"
#include "machine/x86_acpi.h"

/* What the guest starts with. */
struct start {
    bool present[CPUS_MAX]; /* CPUs, by index */
    struct dimms_at_boot dimms;
    struct boot_machine machine;
    struct vcpu_entry entry;
};

static uint16_t waiting_gpes(void *opaque)
{
    struct machine *machine = opaque;

    return (uint16_t)((hotplug_is_pending(machine->hotplug) ? 1u << HOTRAM_GPE_MEMORY : 0) |
                      (cpus_is_pending(machine->cpus) ? 1u << HOTRAM_GPE_CPU : 0));
}

#define APIC_ID_MAX 254u /* 8 bits, of which 255 means all */

static bool check_apic_ids(const struct config *config, struct error *error)
{
    const struct cpu_topology topology = machine_topology(config);
    uint32_t last = x86_apic_id(&topology, config->maxcpus - 1);

    return last <= APIC_ID_MAX ||
           error_set(error,
                     "-smp: with %" PRIu32 " cores of %" PRIu32
                     " threads in a socket the APIC id of CPU %" PRIu32 " is %" PRIu32
                     ", and at most %u is possible: the ids have gaps where cores or threads are "
                     "no power of two; choose powers of two, or give neither cores nor threads",
                     config->cores, config->threads, config->maxcpus - 1, last, APIC_ID_MAX);
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

enum bus_space machine_arch_cpus_space(uint64_t *address)
{
    *address = X86_PORT_CPUHP;
    return BUS_PORTS;
}

uint64_t machine_arch_cpu_id(const struct config *config, uint32_t index)
{
    const struct cpu_topology topology = machine_topology(config);

    return x86_apic_id(&topology, index);
}

const char machine_arch_cpu_id_name[] = "APIC ID";
const bool machine_arch_cpus_fixed = false;

/* ---- start ---- */

/* What a processor runs after a jump to the BIOS (0xffff0, in real mode), which Linux does as its last way to
 * reboot, and without fixed hardware as its first: mov dx, 0xcf9; mov al, 6; out dx, al; hlt; and again. */
static const uint8_t bios_entry[16] = {
    0xba, X86_PORT_RESET & 0xff, X86_PORT_RESET >> 8, 0xb0, X86_RESET_VALUE, 0xee, 0xf4, 0xeb, 0xfd
};

/* Where SMBIOS's entry point is looked for, below the BIOS's (DSP0134, 5.2.2): from 0xf0000 on. */
#define SMBIOS_ENTRY (X86_BIOS_AREA_END - 0x30)
#define NO_FIRMWARE "direct boot, no firmware"

_Static_assert(SMBIOS_ENTRY % SMBIOS_ALIGN == 0, "SMBIOS's entry point is aligned");

/* SMBIOS tables end in front of their entry point: `area` is the BIOS's, of which bytes from *start on are
 * used. */
static bool write_smbios(const struct machine *machine, uint8_t *area, size_t *start, struct error *error)
{
    const size_t most = SMBIOS_ENTRY - X86_BIOS_AREA;
    uint8_t *table = malloc(most);
    struct hotram_buffer out;
    bool good = table != NULL;

    /* A machine of hundreds of sockets, nodes and DIMMs has no room for all: then its DIMMs are missing. */
    for (unsigned dimms = 2; good && dimms-- > 0;) {
        RESULT_DOES_NOT_MATTER(hotram_buffer_init(&out, table, most / 2), "the buffer is sound");
        good = machine_smbios(machine, NO_FIRMWARE, dimms > 0, &out);
        if (hotram_buffer_status(&out) == HOTRAM_OK)
            break;
    }
    if (!good) {
        error_set(error, "out of memory for SMBIOS tables");
    } else if (hotram_buffer_status(&out) != HOTRAM_OK) {
        good = error_set(error,
                         "the SMBIOS tables have %zu bytes; there is room for %zu: shorten what -smbios says",
                         out.length, most / 2);
    } else {
        *start = (most - out.length) / SMBIOS_ALIGN * SMBIOS_ALIGN;
        memcpy(area + *start, table, out.length);
        smbios_entry_point(area + most, X86_BIOS_AREA + *start, (uint32_t)out.length);
    }
    free(table);
    return good;
}

/* The tables, as the guest finds them at an address. False: an error. */
static bool build_tables(struct machine *machine, const struct dimms_at_boot *dimms, uint8_t *tables,
                         size_t capacity, uint64_t address, uint64_t *rsdp, struct error *error)
{
    const struct x86_acpi_config config = {
        .cpus = machine->config->maxcpus,
        .present = machine->start->present,
        .hot_cpus = cpus_enabled(machine->cpus),
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

    return x86_acpi_build(&config, tables, capacity, address, rsdp, error);
}

/* Tables are built apart and copied: the area they go to may be RAM of two nodes. */
static bool write_tables(struct machine *machine, const struct dimms_at_boot *dimms, uint64_t *rsdp,
                         struct error *error)
{
    const size_t capacity = X86_BIOS_AREA_END - X86_BIOS_AREA;
    uint8_t *tables = calloc(1, capacity);
    size_t smbios = 0;
    bool written;

    if (!tables)
        return error_set(error, "out of memory for ACPI tables");
    written = write_smbios(machine, tables, &smbios, error) &&
              build_tables(machine, dimms, tables, smbios, X86_BIOS_AREA, rsdp, error);
    memcpy(tables + capacity - sizeof bios_entry, bios_entry, sizeof bios_entry);
    if (written && !guest_memory_write(machine->memory, X86_BIOS_AREA, tables, capacity))
        written = error_set(error, "there is no RAM for the ACPI tables at 0x%llx",
                            (unsigned long long)X86_BIOS_AREA);
    free(tables);
    return written;
}

/* ---- with firmware: it finds the tables in its configuration device, and puts them where it likes ---- */

/* SeaBIOS 1.16.2 has room for 32 entries, of which it and the machine need half. */
#define FIRMWARE_MAP_DIMMS 16u

static bool publish_tables(struct machine *machine, const struct dimms_at_boot *dimms, struct error *error)
{
    const size_t capacity = X86_BIOS_AREA_END - X86_BIOS_AREA;
    uint8_t *tables = calloc(1, capacity);
    uint64_t rsdp;
    bool published;

    if (!tables)
        return error_set(error, "out of memory for ACPI tables");
    published = build_tables(machine, dimms, tables, capacity, 0, &rsdp, error) &&
                table_loader_publish(machine->board.fw_cfg, tables, capacity, error);
    free(tables);
    return published;
}

/* As QEMU has it: RAM, KVM's own pages, DIMMs that are to be in it; firmware adds what it uses itself, and
 * PCI's configuration space. */
static bool publish_memory_map(struct machine *machine, const struct dimms_at_boot *dimms,
                               struct error *error)
{
    struct memory_entry entries[3 + HOTRAM_SLOTS_MAX] = {
        { 0, machine->low_ram_end, MEMORY_RAM },
        { X86_IDENTITY_MAP, 16 * KIB, MEMORY_RESERVED },
    };
    unsigned count = 2;

    if (machine->high_ram_size > 0)
        entries[count++] = (struct memory_entry){ X86_HIGH_RAM_START, machine->high_ram_size, MEMORY_RAM };
    for (unsigned i = 0; i < dimms->map_count; i++)
        entries[count++] = dimms->map[i];
    return machine_set_memory_map(machine, entries, count, error);
}

static bool copy_low(struct machine *machine, struct error *error)
{
    return machine->config->firmware == FIRMWARE_FLASH
               ? flash_copy_low(machine->board.flash, machine->memory, error)
               : rom_copy_low(machine->rom.image, machine->rom.size, machine->memory, error);
}

static bool prepare_firmware(struct machine *machine, struct error *error)
{
    struct start *start = machine->start;
    const struct map_room room = {
        .entries = FIRMWARE_MAP_DIMMS,
        .ram_end = machine->high_ram_size > 0 ? X86_HIGH_RAM_START + machine->high_ram_size : 0,
        .why = "firmware's memory map has room for DIMMs in 16 separate ranges",
    };

    dimms_at_boot_list(machine->config, machine->hotplug, machine_arch_block_guest(machine),
                       machine_ram_end(machine), &room, &start->dimms);
    start->entry = (struct vcpu_entry){ .reset_vector = true };
    return publish_tables(machine, &start->dimms, error) &&
           publish_memory_map(machine, &start->dimms, error) &&
           machine_set_boot_order(machine, "", error) && /* the clock chip has the kinds */
           machine_publish_smbios(machine, error) && copy_low(machine, error);
}

bool machine_arch_prepare(struct machine *machine, struct error *error)
{
    struct start *start = machine->start;
    struct map_room room;

    for (uint32_t i = 0; i < machine->config->maxcpus; i++)
        start->present[i] = cpus_present(machine->cpus, i);
    if (machine->config->firmware != FIRMWARE_NONE)
        return prepare_firmware(machine, error);
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

bool machine_arch_describe_pci(struct machine *machine, struct error *error)
{
    return machine->config->firmware == FIRMWARE_NONE ||
           publish_tables(machine, &machine->start->dimms, error);
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
