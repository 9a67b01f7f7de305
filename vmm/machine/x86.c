/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on x86-64: devices, reset, power.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/config.h"
#include "boot/x86_boot.h"
#include "device/device.h"
#include "device/ged.h"
#include "device/pm.h"
#include "device/rtc.h"
#include "device/serial.h"
#include "device/sleep.h"
#include "kvm/x86_entry.h"
#include "kvm/x86_topology.h"
#include "layout/x86.h"
#include "machine/dimms_at_boot.h"
#include "machine/state.h"
#include "machine/x86_acpi.h"

/* What the guest starts with. */
struct start {
    struct dimms_at_boot dimms;
    struct boot_machine machine;
    struct vcpu_entry entry;
};

/* ACPI's events come by the fixed hardware or by the Generic Event Device. */
struct arch_devices {
    struct start start;
    bool has_ged;
    struct pm pm;
    struct ged ged;
    struct sleep sleep;
    struct serial serial;
    struct rtc rtc;
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
    const struct config *config = machine->config;
    const struct board *board = &machine->board;
    struct arch_devices *devices;
    int64_t offset = config->rtc_base == RTC_DATE ? config->rtc_date - time(NULL) : 0;

    if (!check_apic_ids(config, error))
        return false;
    devices = calloc(1, sizeof *devices);
    if (!devices)
        return error_set(error, "out of memory");
    machine->devices = devices;
    devices->has_ged = config->ged;
    if (config->ged) {
        ged_init(&devices->ged, board, X86_GED, X86_GSI_GED);
        sleep_init(&devices->sleep, board);
    } else {
        pm_init(&devices->pm, board, X86_IRQ_SCI, waiting_gpes);
    }
    rtc_init(&devices->rtc, board, X86_IRQ_RTC, config->rtc_base == RTC_LOCALTIME, offset);
    rtc_describe(&devices->rtc, &(struct rtc_machine){ .cpus = config->cpus,
                                                       .low_ram_end = machine->low_ram_end,
                                                       .high_ram_size = machine->high_ram_size });
    serial_init(&devices->serial, board, X86_PORT_COM1, X86_IRQ_COM1);
    return true;
}

void machine_arch_destroy_devices(struct machine *machine)
{
    if (!machine->devices)
        return;
    line_stop(&machine->devices->serial.line);
    line_destroy(&machine->devices->serial.line);
    rtc_stop(&machine->devices->rtc);
    rtc_destroy(&machine->devices->rtc);
    free(machine->devices);
    machine->devices = NULL;
}

bool machine_arch_attach_serial(struct machine *machine, struct chardev *chardev, struct error *error)
{
    return line_attach(&machine->devices->serial.line, chardev, error);
}

enum bus_space machine_arch_hotplug_space(uint64_t *address)
{
    *address = X86_PORT_MEMHP;
    return BUS_PORTS;
}

void machine_arch_raise_hotplug(void *opaque)
{
    struct machine *machine = opaque;

    if (machine->devices->has_ged)
        ged_raise(&machine->devices->ged, HOTRAM_GED_MEMORY);
    else
        pm_raise_gpe(&machine->devices->pm, HOTRAM_GPE_MEMORY);
}

void machine_arch_reset_devices(struct machine *machine)
{
    if (machine->devices->has_ged)
        ged_reset(&machine->devices->ged);
    else
        pm_reset(&machine->devices->pm);
    rtc_reset(&machine->devices->rtc);
    serial_reset(&machine->devices->serial);
}

void machine_arch_powerdown(struct machine *machine)
{
    if (machine->devices->has_ged)
        ged_raise(&machine->devices->ged, HOTRAM_GED_POWER_BUTTON);
    else
        pm_press_power_button(&machine->devices->pm);
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
        .devices = devices_aml,
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
    struct start *start = &machine->devices->start;
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
    struct start *start = &machine->devices->start;

    return boot_load(&machine->boot, &start->machine, &start->entry, error);
}

bool machine_arch_enter(struct machine *machine, struct error *error)
{
    return vcpus_reset(&machine->vcpus, &machine->devices->start.entry, error);
}
