/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The board: what devices may touch of the machine that they are in.
 *
 * Threads: filled in before the first device is made, and not changed afterwards; but for the list of
 * devices, that of their buses, and the guest's statistics, which are the main thread's.
 */
#ifndef VMM_DEVICE_BOARD_H
#define VMM_DEVICE_BOARD_H

#include "base/event.h"
#include "base/loop.h"
#include "bus/bus.h"
#include "bus/machine_lock.h"
#include "host/guest_clock.h"
#include "kvm/vm.h"

struct backends;
struct block_nodes;
struct chardevs;
struct child_bus;
struct config;
struct device;
struct flash;
struct fw_cfg;
struct guest_memory;
struct guest_statistics;
struct hotplug;
struct io_thread;
struct line;
struct net_backends;
struct pci_host;
struct pci_layout;
struct reservation;

/* Of ACPI, for the guest. */
enum board_event { BOARD_MEMORY, BOARD_POWER_BUTTON };

struct board {
    const struct vm *vm; /* interrupts: vm_irq_line() */
    struct bus *bus;
    struct machine_lock *lock;       /* of power management and the bank; other devices have their own */
    struct loop *loop;               /* the main thread's */
    const struct guest_clock *clock; /* stands still while the guest does not run */
    /* The guest powers off or resets the machine. Any thread; takes no lock. */
    void (*power_off)(void *machine);
    void (*reset)(void *machine);
    /* Its kernel panics, or starts a crash kernel. The same. */
    void (*panicked)(void *machine);
    void (*crash_loaded)(void *machine);
    /* A disk has failed, and the guest is to stand still. Main thread, from the event loop. */
    void (*io_error)(void *machine);
    /* The guest's watchdog has not been fed. The same. */
    void (*watchdog)(void *machine);
    /* A device that was busy (device/type.h) is so no more. Main thread; what follows comes from the event
     * loop. NULL: nobody waits. */
    void (*drained)(void *machine);
    void *machine;
    /* For the monitors. Main thread. */
    event_sink *event;
    struct block_nodes *blocks;            /* of disks, by name; NULL until they are there */
    struct backends *backends;             /* objects, by id; NULL until they are there */
    struct net_backends *nets;             /* of network cards, by id; NULL: there are none */
    struct chardevs *chardevs;             /* of ports, by id; NULL: there are none, or none any more */
    struct guest_memory *memory;           /* the map; NULL: the machine has none */
    const struct reservation *reservation; /* of the hotplug region; NULL: the same */
    struct io_thread *io; /* of all devices that move data; NULL until the first asks for it (device_io()) */
    /* What the guest itself says of its memory; NULL: no device hears it. Main thread. */
    struct guest_statistics *statistics;
    /* What DIMMs are made of; NULL until it is there. */
    struct hotplug *hotplug;
    /* PCI devices' buses, when the host bridge is built; NULL: the machine has none. */
    struct pci_host *pci;
    /* What firmware reads of the machine, when it is built (firmware/fw_cfg.h); NULL: the machine has none.
     */
    struct fw_cfg *fw_cfg;
    /* The first bank of flash, when it is built (firmware/flash.h); NULL: the machine has none. */
    struct flash *flash;

    /* For chips, while they are built. */
    const struct config *config;
    uint64_t low_ram_end, high_ram_size; /* x86: RAM from 0 on, and bytes of it from 4 GiB on */
    const struct pci_layout *pci_layout;
    unsigned flash_kvm_slot; /* the first of the KVM slots that are flash banks', one each */
    /* The GPEs whose cause the guest has not seen, as bits; under the machine lock. */
    uint16_t (*waiting_gpes)(void *machine);

    /* What chips give, when they are built; NULL: the machine has none. */
    struct line *serial_line;                                   /* of the serial port */
    void (*raise)(struct device *chip, enum board_event event); /* under the machine lock */
    struct device *events;                                      /* the chip of raise() */

    struct device *devices;  /* device/device.h */
    struct child_bus *buses; /* device/child_bus.h */
    uint32_t anonymous_devices;
};

#endif
