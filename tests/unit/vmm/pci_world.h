/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI bus of x86-64's layout on a machine without KVM, and a guest's accesses to it. What the machine's
 * interrupts do is noted.
 */
#ifndef TESTS_UNIT_VMM_PCI_WORLD_H
#define TESTS_UNIT_VMM_PCI_WORLD_H

#include "../unit.h"

#include "base/loop.h"
#include "device/board.h"
#include "kvm/interrupts.h"
#include "kvm/vm.h"
#include "layout/units.h"
#include "pci/bus.h"
#include "pci/machine.h"

#define ECAM UINT64_C(0xb0000000)
#define LOW UINT64_C(0xc0000000)
#define HIGH UINT64_C(0x4000000000)
#define GSI 16u

static struct vm world_vm;
static struct loop *loop;
static struct bus bus;
static struct machine_lock machine_lock;
static struct board board;
static struct pci_host *host;
static uint32_t lines; /* that are high now: bit n is GSI + n */
static char heard[512];

static void note_line(void *opaque, unsigned gsi, bool high)
{
    (void)opaque;
    assert_between(gsi, GSI, GSI + 3);
    assert_int_not_equal(!!(lines & 1u << (gsi - GSI)), high); /* called for changes only */
    lines ^= 1u << (gsi - GSI);
}

static void note_message(void *opaque, const struct vm_msi *msi)
{
    size_t length = strlen(heard);

    (void)opaque;
    snprintf(heard + length, sizeof heard - length, "%llx:%x:%x ", (unsigned long long)msi->address,
             msi->data, msi->requester);
}

static int world_create(void)
{
    const struct pci_layout layout = { .ecam = ECAM,
                                       .buses = 256,
                                       .ports = true,
                                       .low = { LOW, 0xfebfffff },
                                       .high = { HIGH, 2 * HIGH - 1 },
                                       .movable = { 2 * GIB, 0xfebfffff },
                                       .gsi = GSI };
    struct error error;

    lines = 0;
    heard[0] = '\0';
    loop = loop_create();
    if (!loop || !vm_create_without_kvm(&world_vm, loop, &error) || !vm_complete_devices(&world_vm, &error))
        return -1;
    world_vm.watcher = (struct vm_watcher){ note_line, note_message, NULL };
    bus_init(&bus);
    machine_lock_init(&machine_lock);
    board = (struct board){
        .vm = &world_vm, .bus = &bus, .lock = &machine_lock, .loop = loop, .pci_layout = &layout
    };
    if (!q35_host_type.build(&board, NULL, &error) ||
        !q35_mch_type.build(&board, &(struct chip_place){ PCI_DEVFN(0, 0), 0 }, &error) ||
        !q35_isa_type.build(&board, &(struct chip_place){ PCI_DEVFN(0x1f, 0), 0 }, &error))
        return -1;
    host = board.pci;
    return 0;
}

static int world_destroy(void)
{
    devices_destroy(&board);
    bus_destroy(&bus);
    machine_lock_destroy(&machine_lock);
    vm_destroy(&world_vm);
    loop_destroy(loop);
    return 0;
}

static inline uint64_t in_memory(uint64_t address, unsigned width)
{
    uint64_t value = 0;

    bus_access(&bus, BUS_MEMORY, address, false, width, (uint8_t *)&value);
    return value;
}

static inline void to_memory(uint64_t address, unsigned width, uint64_t value)
{
    bus_access(&bus, BUS_MEMORY, address, true, width, (uint8_t *)&value);
}

static inline uint64_t config_at(unsigned number, unsigned devfn, unsigned offset)
{
    return ECAM + ((uint64_t)number << 20) + (devfn << 12) + offset;
}

static inline uint32_t get(unsigned number, unsigned devfn, unsigned offset, unsigned width)
{
    return (uint32_t)in_memory(config_at(number, devfn, offset), width);
}

static inline void put(unsigned number, unsigned devfn, unsigned offset, unsigned width, uint32_t value)
{
    to_memory(config_at(number, devfn, offset), width, value);
}

/* What was heard by now; the next begins anew. */
static inline void hears(const char *expected)
{
    loop_once(loop, 0);
    assert_string_equal(heard, expected);
    heard[0] = '\0';
}

#endif
