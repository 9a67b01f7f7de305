/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The board: the parts of the machine that its devices may use.
 *
 * Threads: any thread reads members that are set before the first device is created and not changed
 * afterwards. The others belong to the main thread: the lists of devices and of their buses, `statistics`,
 * `io`, and members that are NULL "until" something.
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
struct cpus;
struct device;
struct device_requests;
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

/* ACPI events for the guest. */
enum board_event { BOARD_MEMORY, BOARD_CPU, BOARD_POWER_BUTTON };

struct board {
    const struct vm *vm; /* interrupts: vm_irq_line() */
    struct bus *bus;
    struct machine_lock *lock;       /* of power management and the bank; other devices have their own */
    struct loop *loop;               /* the main thread's */
    const struct guest_clock *clock; /* stops while the guest does not run */
    /* The guest powers off or resets the machine: they post this to the main thread. Any thread; they take no
     * lock. */
    void (*power_off)(void *machine);
    void (*reset)(void *machine);
    /* The guest's kernel has panicked, or starts a crash kernel. Likewise. */
    void (*panicked)(void *machine);
    void (*crash_loaded)(void *machine);
    /* PCI configuration space is elsewhere: firmware's tables describe it anew before the guest continues.
     * Any thread, under the PCI lock; only posts. May be NULL. */
    void (*pci_moved)(void *machine);
    /* A request of a disk has failed, and its policy is to stop the guest. Main thread, from the event loop.
     */
    void (*io_error)(void *machine);
    /* The watchdog has expired. Likewise. */
    void (*watchdog)(void *machine);
    /* A device is no longer busy (device/type.h). Only posts work. Main thread. May be NULL. */
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
    /* The guest's own memory statistics; NULL: no device receives them. Main thread. */
    struct guest_statistics *statistics;
    struct hotplug *hotplug; /* creates DIMMs; NULL until it exists */
    struct cpus *cpus;       /* creates CPUs; NULL until it exists, or the machine has none */
    /* Who is told of plugs and unplugs that the guest carries out; NULL: nobody. */
    const struct device_requests *requests;
    struct pci_host *pci; /* set when the host bridge is built; NULL: the machine has no PCI */
    /* The firmware configuration device (firmware/fw_cfg.h); NULL until it is built, or the machine has none.
     */
    struct fw_cfg *fw_cfg;
    /* The first bank of flash (firmware/flash.h); NULL until it is built, or the machine has none. */
    struct flash *flash;

    /* For chips, while they are built. */
    const struct config *config;
    uint64_t low_ram_end, high_ram_size; /* x86: RAM is [0, low_ram_end) and high_ram_size bytes at 4 GiB */
    const struct pci_layout *pci_layout;
    unsigned flash_kvm_slot;      /* the first of the KVM slots for flash banks, one each */
    unsigned generation_kvm_slot; /* of a vmgenid's page */
    /* The GPEs whose cause persists, as bits (hotram_gpe_write()); called under the machine lock. */
    uint16_t (*waiting_gpes)(void *machine);

    /* Set by chips when they are built; NULL: the machine has none. */
    struct line *serial_line;                                   /* of the serial port */
    void (*raise)(struct device *chip, enum board_event event); /* under the machine lock */
    struct device *events;                                      /* the chip of raise() */
    void (*set_cpus)(struct device *chip, uint32_t count);      /* firmware reads their number in */
    struct device *clock_chip;                                  /* this chip, x86's clock */

    struct device *devices;  /* device/device.h */
    struct device *coming;   /* those whose device_add is not answered yet: device/coming.c */
    struct child_bus *buses; /* device/child_bus.h */
    uint32_t anonymous_devices;
};

#endif
