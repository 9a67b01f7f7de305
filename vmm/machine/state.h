/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of machine/ share: the machine's parts, and what differs between architectures.
 *
 * Threads: all of it belongs to the main thread, but for
 * - the devices: power management and GED under the machine lock (bus/machine_lock.h), others under their
 *   own,
 * - what a load uses, as struct reset says,
 * - `requests` and `broken`, by which vCPU threads send requests to the main thread.
 */
#ifndef VMM_MACHINE_STATE_H
#define VMM_MACHINE_STATE_H

#include <stdatomic.h>

#include <hotram/block.h>
#include <hotram/buffer.h>

#include "base/config.h"
#include "base/loop.h"
#include "boot/boot.h"
#include "bus/bus.h"
#include "bus/machine_lock.h"
#include "device/board.h"
#include "firmware/rom.h"
#include "host/guest_clock.h"
#include "host/worker.h"
#include "hotplug/cpus.h"
#include "hotplug/device_operation.h"
#include "hotplug/hotplug.h"
#include "kvm/vcpu.h"
#include "kvm/vm.h"
#include "machine/machine.h"
#include "machine/migration.h"
#include "memory/backend.h"
#include "memory/guest_memory.h"
#include "memory/reservation.h"
#include "pci/bus.h"

/* Requests of a guest to the main thread. */
enum machine_request {
    REQUEST_RESET = 1,
    REQUEST_POWER_OFF = 2,
    REQUEST_BROKEN = 4,
    REQUEST_MEMORY = 8, /* the host cannot provide memory that was accessed */
    REQUEST_PANICKED = 16,
    REQUEST_CRASH_LOADED = 32,
    REQUEST_TABLES = 64, /* firmware's tables are to be made anew */
};

/* Guest-physical addresses that the architecture has for RAM. */
#define RAM_PIECES_MAX 2
struct ram_piece {
    uint64_t address;
    uint64_t size; /* bytes; may be 0 */
};

/*
 * A reset in progress. The start is the first one.
 *
 * The devices stand still, and those whose requests the host works on are waited for in the event loop
 * (struct drain). Then the main thread puts devices back and writes tables; then a worker reads kernel and
 * initrd into RAM, for the files may be slow, and has the architecture's struct start for that time; then the
 * main thread sets the vCPUs, event RESET is sent, and they run. They are held from the first step to the
 * last, and so is the guest's clock. Until devices are put back another reset is the same one. What is asked
 * for while the worker has it, and of what follows this but the first also before:
 * - a reset begins anew, so that DIMMs that came and went meanwhile are where a reset puts them; what is
 *   being loaded is given up, and there is one RESET for all;
 * - stop and cont decide whether the vCPUs run at its end; the run state says so at once;
 * - plugs, unplugs and all else are done at once, as between a reset and the guest's first instruction: a
 *   DIMM that the guest's memory map lacks is an event for it;
 * - whoever asked for a reset is answered at its end; all others at once;
 * - the end of the program tells the worker to stop, and does not wait for a file system that does not
 *   answer: then machine and event loop stay until the process is gone. A load that fails leaves
 *   internal-error, from which the next reset leads.
 */
struct reset {
    struct worker *worker; /* made with the first load */
    struct job job;
    bool draining; /* a device is busy */
    bool loading;  /* then: the worker has it */
    bool again;    /* another reset was asked for meanwhile */
    bool loaded;   /* the worker's while it has it, like the next */
    struct error error;
    enum shutdown_cause cause; /* of the last one that was asked for */
    struct machine_waiter *waiters;
};

/*
 * Requests that the host works on when devices are to stand still (virtio/device.h). Nobody waits for them
 * but in the event loop: `work` is posted whenever a device is drained, and at any other moment at which
 * something may follow; it looks at what is (devices_busy()), so that nothing is counted and nothing is lost.
 * What follows when no device is busy any more:
 * - the end of the program, which has a bound: after it the program ends without the requests, which the host
 * completes or not, as when a machine loses its power; machine and event loop stay until the process is gone;
 * - a reset puts devices back;
 * - a stop is answered; the run state is another, and event STOP is sent, before. cont ends the wait, too.
 * A device that leaves (device_leave()) is removed as soon as it is drained itself. They can all be under way
 * at once, and each still has its one end.
 */
struct drain {
    struct work work;
    struct machine_waiter *waiters; /* for a stop */
    struct timer bound;             /* of the end of the program */
};

struct machine {
    const struct config *config;
    struct loop *loop;
    event_sink *sink;
    void *sink_opaque;
    enum run_state state;
    struct actions actions;   /* the command line's, then set-action's */
    struct guest_clock clock; /* runs in RUN_RUNNING, but not during a reset */
    struct reset reset;
    struct drain drain;
    struct snapshot *snapshot; /* that is being written, or NULL; */
    struct worker *saver;      /* made with the first one, or the first migration */
    struct migration migration;

    struct vm vm;
    struct vcpus vcpus;
    struct bus bus;
    struct machine_lock lock;
    struct board board;  /* these, for devices */
    struct start *start; /* what the guest starts with (x86.c, arm64.c) */
    struct backends *backends;
    struct net_backends *nets; /* whoever has made the machine */
    struct block_nodes *blocks;
    struct backend *ram[NUMA_NODES_MAX]; /* the RAM at start, one behind the other */
    unsigned ram_count;
    struct guest_memory *memory;
    struct reservation reservation; /* of the hotplug region's addresses on the host */
    unsigned mem_chunks;            /* KVM slots that there are for virtio-mem devices */
    struct hotplug *hotplug;
    struct device_operations device_operations;
    struct cpus *cpus; /* NULL: -machine none */
    bool fresh;        /* the guest has not run since its start or reset */
    bool arrived;      /* it has been restored here, and has not run since */
    struct boot boot;
    struct rom rom;                         /* no path: firmware is elsewhere, or there is none */
    struct ram_piece piece[RAM_PIECES_MAX]; /* of addresses that all RAM fills, in this order */
    unsigned piece_count;
    uint64_t region_base; /* of the hotplug region: guest-physical, bytes */
    uint64_t region_size;
    uint64_t low_ram_end;   /* x86: guest RAM is [0, low_ram_end) and */
    uint64_t high_ram_size; /* this many bytes where the architecture's high RAM starts */

    atomic_uint requests;
    struct work requests_work;
    bool ending;               /* the program ends: machine_end() */
    bool failed;               /* a panic ends the program with status 1 */
    struct timer reset_pause;  /* a reset that the guest has asked for waits for it */
    uint64_t last_guest_reset; /* CLOCK_MONOTONIC, milliseconds; 0: none yet */
    void *_Atomic fault;       /* where the host could not give memory; NULL when that is not known */
    char broken[512]; /* written by the vCPU that sets REQUEST_BROKEN first, under the machine lock */
};

/* guest_requests.c. Any thread: hold the vCPUs and tell the main thread. */
void machine_request(struct machine *machine, enum machine_request request);
/* The same for board and vCPUs. */
void machine_guest_powers_off(void *machine);
void machine_guest_resets(void *machine);
void machine_guest_panicked(void *machine);
void machine_guest_crash_loaded(void *machine);
void machine_guest_moved_pci(void *machine);
void machine_init_requests(struct machine *machine);
/* What the guest asked for but a reset, as a set of enum machine_request; its vCPUs are held. Whether it goes
 * on after that. */
bool machine_answer_guest(struct machine *machine, unsigned requests);
/* What vCPUs report. */
extern const struct vcpu_ops machine_vcpu_ops;

/* machine.c, for the other files */
/* For disks, on the main thread: the guest stands still, since one has failed. */
void machine_io_error(void *machine);
/* RESET or SHUTDOWN. */
void machine_emit_cause(struct machine *machine, enum event_kind kind, enum shutdown_cause cause);
/* Hold the guest, without an event. Devices may be busy. */
void machine_stand_still(struct machine *machine, enum run_state state);
/* The same, and event STOP if it ran. */
void machine_stop_into(struct machine *machine, enum run_state state);
/* Let the guest run, if its state is RUN_RUNNING and no reset is under way. */
void machine_let_run(struct machine *machine);
/* Event SHUTDOWN, then what -no-shutdown says. */
void machine_shut_down(struct machine *machine, enum shutdown_cause cause);

/* reset.c: the start. The event loop runs until all is loaded, or until it is to end: then this fails. */
bool machine_start(struct machine *machine, struct error *error);
/* From the devices' being put back to the guest's first instruction, and before that while devices are busy.
 */
bool machine_is_resetting(const struct machine *machine);
/* The guest is about to run: if it has not run yet, its tables are written anew for CPUs that have come or
 * gone. False and an error: out of memory. */
bool machine_refresh_cpus(struct machine *machine, struct error *error);
/* A reset that waits for devices continues if none is busy any more. */
void machine_reset_drained(struct machine *machine);
/* Wait for a load that is under way; nothing is loaded any more. */
void machine_end_loading(struct machine *machine);

/* firmware.c: what firmware reads of the machine, when there is the device for that. */
bool machine_describe_to_firmware(struct machine *machine, struct error *error);
/* kernel_keys.c, a part of that: the kernel, initrd and command line that firmware is to start. False and an
 * error: a file cannot be read, an option ROM is missing, or out of memory. */
bool machine_give_kernel_to_firmware(struct machine *machine, struct error *error);
/* The name of the option ROM by which firmware starts the kernel; NULL: it has none to start, or does it
 * itself. */
const char *machine_rom_to_boot(const struct machine *machine);
/* What each reset makes anew: the number of CPUs, which the clock chip tells, too; a memory map; the boot
 * order, with the kinds of -boot (boot_order_publish()). */
struct memory_entry;
bool machine_set_memory_map(struct machine *machine, const struct memory_entry *entries, unsigned count,
                            struct error *error);
bool machine_describe_cpus(struct machine *machine, struct error *error);
bool machine_set_boot_order(struct machine *machine, const char *letters, struct error *error);

/* saved.c. The guest runs: if it has come here from a saved state, its network cards announce themselves. */
void machine_announce_arrival(struct machine *machine);

/* drain.c. Any thread: look soon at what may follow. For the board, too. */
void machine_drained(void *machine);
/* Remove what has left. Whether no device is busy. */
bool machine_is_drained(struct machine *machine);
/* The end of the program, when nothing is under way any more or END_MS later. */
void machine_end(struct machine *machine);
void machine_init_drain(struct machine *machine);
void machine_end_drain(struct machine *machine);
/* Lists of those who wait: one comes; call all, or those who leave. */
void machine_wait(struct machine_waiter **list, struct machine_waiter *waiter);
void machine_notify(struct machine_waiter **list, bool all);

/* watchdog.c. For its chip, on the main thread: event WATCHDOG, and what -action watchdog= says. */
void machine_watchdog(void *machine);

/* memory_failure.c. Any thread: note where, and tell the main thread. */
void machine_memory_fault(void *machine, void *address);
/* Say which backend it was: to people, and as event MEMORY_FAILURE. The guest does not run. */
void machine_tell_memory_failure(struct machine *machine);

/* machine.c: what the architecture's devices report. */
void machine_raise_hotplug(void *opaque); /* under the machine lock, like the next */
void machine_raise_cpus(void *opaque);
const char *machine_hotplug_stopped(void *opaque);           /* machine_stopped() */
void machine_event(void *opaque, const struct event *event); /* machine_emit(), as an event_sink */

/* create.c: where the CPUs are, as the guest is told. */
struct cpu_topology machine_topology(const struct config *config);

/* ram.c: RAM that no object is given for, before the objects; and that of objects, when they are there. */
/* Whether a device of the command line has another program map guest memory. */
bool ram_is_shared(const struct config *config);
bool ram_create(struct machine *machine, struct error *error);
bool ram_claim_objects(struct machine *machine, struct error *error);
/* How many KVM slots the guest's map gets; behind them are those of flash. RAM is there. */
bool ram_reckon_kvm_slots(struct machine *machine, unsigned *kvm_slots, struct error *error);

/* create.c: put what was given in front of what is wrong with it; false. */
bool machine_quote(const struct object_config *given, struct error *error);
/* create_blocks.c: the block nodes of the command line. False and an error: one of them cannot be used. */
bool machine_create_blocks(struct machine *machine, struct error *error);

/* ram_layout.c: where RAM and the hotplug region are, -m held against the host's limits; RAM into the guest's
 * map. */
bool machine_layout(struct machine *machine, struct error *error);
bool machine_map_ram(struct machine *machine, struct error *error);
/* Behind the last byte of RAM. */
uint64_t machine_ram_end(const struct machine *machine);

/* smbios.c: the SMBIOS structure table of the machine as it is now; `direct` as in firmware/smbios.h, with or
 * without its DIMMs. False: out of memory. */
bool machine_smbios(const struct machine *machine, const char *direct, bool dimms, struct hotram_buffer *out);
/* Once there are devices: whether -smbios names some that are there to stay. False and an error. */
bool machine_check_smbios(const struct machine *machine, struct error *error);
/* The same, with entry point and DIMMs, as files of the firmware configuration device, which the machine has;
 * in place of those that are there. False and an error: out of memory. */
bool machine_publish_smbios(struct machine *machine, struct error *error);

/* x86.c, arm64.c */
/* Where RAM and hotplug region have to end, given the guest's physical address bits. */
uint64_t machine_arch_memory_end(unsigned address_bits);
/* Where PCI is: beside RAM and hotplug region, which have their places. */
struct pci_layout machine_arch_pci(const struct machine *machine);
/* The pieces of addresses that RAM is in. */
void machine_arch_layout_ram(struct machine *machine);
/* What is where a memslot begins that was given this address; NULL: nothing, or the hotplug region. */
const char *machine_arch_obstacle(const struct machine *machine, uint64_t start);
/* What rules the guest's memory block. The kernel's file is open. */
enum hotram_block_guest machine_arch_block_guest(const struct machine *machine);
/* Chips, and the bridges of PCI. */
bool machine_arch_create_devices(struct machine *machine, struct error *error);
/* Where the hotplug register block is. */
enum bus_space machine_arch_hotplug_space(uint64_t *address);
/* The same of CPUs, by what they are known there, and what that is called. */
enum bus_space machine_arch_cpus_space(uint64_t *address);
uint64_t machine_arch_cpu_id(const struct config *config, uint32_t index);
extern const char machine_arch_cpu_id_name[];
/* CPUs that are there at the start stay. */
extern const bool machine_arch_cpus_fixed;
/* vCPUs paused, in this order: tables into guest memory, and what the next needs of the machine as it is now;
 */
bool machine_arch_prepare(struct machine *machine, struct error *error);
/* vCPUs paused, between machine_arch_prepare() and the next: only the tables that firmware will read, since
 * PCI is elsewhere; */
bool machine_arch_describe_pci(struct machine *machine, struct error *error);
/* kernel and initrd into guest memory, if there is a kernel, on a thread of its own; */
bool machine_arch_load(struct machine *machine, struct error *error);
/* vCPUs to their start. */
bool machine_arch_enter(struct machine *machine, struct error *error);

#endif
