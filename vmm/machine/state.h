/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of machine/ share: the machine's parts, and what differs between architectures.
 *
 * Threads: all of it belongs to the main thread, but for
 * - the devices, which are under the machine lock (device/ports.h),
 * - `requests` and `broken`, with which vCPU threads ask the main thread for something.
 */
#ifndef VMM_MACHINE_STATE_H
#define VMM_MACHINE_STATE_H

#include <stdatomic.h>

#include <hotram/block.h>

#include "boot/boot.h"
#include "device/ports.h"
#include "host/guest_clock.h"
#include "host/loop.h"
#include "hotplug/hotplug.h"
#include "kvm/vcpu.h"
#include "kvm/vm.h"
#include "machine/machine.h"
#include "memory/backend.h"
#include "memory/guest_memory.h"
#include "options/config.h"

/* What a guest asks of the main thread. */
enum machine_request {
    REQUEST_RESET = 1,
    REQUEST_POWER_OFF = 2,
    REQUEST_BROKEN = 4,
    REQUEST_MEMORY = 8, /* the host cannot give memory that was touched */
};

/* Guest-physical addresses that the architecture has for RAM. */
#define RAM_PIECES_MAX 2
struct ram_piece {
    uint64_t address;
    uint64_t size; /* bytes; may be 0 */
};

struct machine {
    const struct config *config;
    struct loop *loop;
    machine_event_sink *sink;
    void *sink_opaque;
    enum run_state state;
    struct guest_clock clock; /* runs in RUN_RUNNING */

    struct vm vm;
    struct vcpus vcpus;
    struct ports ports;
    struct arch_devices *devices; /* the architecture's own (x86.c, arm64.c) */
    struct backends *backends;
    struct backend *ram[NUMA_NODES_MAX]; /* the RAM at start, one behind the other */
    unsigned ram_count;
    struct guest_memory *memory;
    struct hotplug *hotplug;
    struct boot boot;
    struct ram_piece piece[RAM_PIECES_MAX]; /* of addresses that all RAM fills, in this order */
    unsigned piece_count;
    uint64_t low_ram_end;   /* x86: guest RAM is [0, low_ram_end) and */
    uint64_t high_ram_size; /* this many bytes where the architecture's high RAM starts */

    atomic_uint requests;
    struct work requests_work;
    struct timer reset_pause;  /* a reset that the guest has asked for waits for it */
    uint64_t last_guest_reset; /* CLOCK_MONOTONIC, milliseconds; 0: none yet */
    void *_Atomic fault;       /* where the host could not give memory; NULL when that is not known */
    char broken[512]; /* written by the vCPU that sets REQUEST_BROKEN first, under the machine lock */
};

/* Any thread: hold the vCPUs and tell the main thread. */
void machine_request(struct machine *machine, enum machine_request request);

void machine_init_requests(struct machine *machine);
/* vCPUs paused: everything but RAM and DIMMs as after power-on, then the boot loader's work. */
bool machine_start(struct machine *machine, struct error *error);

/* memory_failure.c. Any thread: note where, and tell the main thread. */
void machine_memory_fault(void *machine, void *address);
/* Say which backend it was: to people, and as event MEMORY_FAILURE. The guest does not run. */
void machine_tell_memory_failure(struct machine *machine);

/* machine.c: what the architecture's devices and vCPUs report. */
extern const struct vcpu_ops machine_vcpu_ops;
bool machine_runs(void *opaque);
void machine_hotplug_event(void *opaque, const char *name, struct json_object *data);

/* create.c: where the CPUs are, as the guest is told. */
struct cpu_topology machine_topology(const struct config *config);

/* ram.c: RAM that no object is given for, before the objects; and that of objects, when they are there. */
bool ram_create(struct machine *machine, struct error *error);
bool ram_claim_objects(struct machine *machine, struct error *error);

/* ram_layout.c: where RAM and the hotplug region are, -m held against the host's limits; RAM into the guest's
 * map. */
bool machine_layout(struct machine *machine, uint64_t *region_base, uint64_t *region_size,
                    struct error *error);
bool machine_map_ram(struct machine *machine, struct error *error);
/* Behind the last byte of RAM. */
uint64_t machine_ram_end(const struct machine *machine);

/* x86.c, arm64.c */
/* The pieces of addresses that RAM is in. */
void machine_arch_layout_ram(struct machine *machine);
/* What is where a memslot begins that was given this address; NULL: nothing, or the hotplug region. */
const char *machine_arch_obstacle(const struct machine *machine, uint64_t start);
/* What rules the guest's memory block. The kernel's file is open. */
enum hotram_block_guest machine_arch_block_guest(const struct machine *machine);
bool machine_arch_create_devices(struct machine *machine, struct error *error);
/* No device has work left on the main thread; then they are gone. */
void machine_arch_destroy_devices(struct machine *machine);
/* Where the hotplug register block is, and how its event is raised (under the machine lock). */
enum bus machine_arch_hotplug_bus(uint64_t *address);
void machine_arch_raise_hotplug(void *opaque);
/* Under the machine lock: devices as after power-on. */
void machine_arch_reset_devices(struct machine *machine);
bool machine_arch_attach_serial(struct machine *machine, struct chardev *chardev, struct error *error);
/* Under the machine lock. */
void machine_arch_powerdown(struct machine *machine);
/* Tables and kernel into guest memory, vCPUs to their start. vCPUs paused. */
bool machine_arch_start(struct machine *machine, struct error *error);

#endif
