/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine: its parts, its run state, and its functions for monitors.
 *
 * Threads: all functions here are for the main thread, unless they say otherwise.
 */
#ifndef VMM_MACHINE_MACHINE_H
#define VMM_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/event.h"

struct actions;
struct board;
struct chardev;
struct chardevs;
struct config;
struct cpus;
struct device_operations;
struct guest_memory;
struct hotplug;
struct backends;
struct loop;
struct machine;
struct net_backends;
struct vm_watcher;

/* The values of QMP's RunState that hotram uses. */
enum run_state {
    RUN_PRELAUNCH, /* started with -S, no vCPU has run yet */
    RUN_RUNNING,
    RUN_PAUSED,
    RUN_SHUTDOWN,       /* the guest powered off, and -no-shutdown keeps the program */
    RUN_INTERNAL_ERROR, /* KVM could not continue (emulation failure, failed entry) */
    RUN_IO_ERROR,       /* a disk has failed, and its werror= or rerror= is stop; cont tries again */
    RUN_GUEST_PANICKED, /* and -action panic= stops it */
    RUN_WATCHDOG,       /* its watchdog expired, and -action watchdog= stops it */
    RUN_INMIGRATE,      /* started with -incoming, and the guest has not arrived */
    RUN_FINISH_MIGRATE, /* stopped, while the rest of it is sent */
    RUN_POSTMIGRATE,    /* it was sent, and runs elsewhere */
    RUN_PRECONFIG,      /* started with --preconfig, and waits for x-exit-preconfig */
};

/* Assign addresses, and open and examine the files of the kernel. NULL and an error: the configuration does
 * not fit this host, or a file cannot be used. A signal may end the program meanwhile without cleanup, so the
 * files may be on a file system that does not respond. */
struct machine *machine_open(const struct config *config, struct loop *loop, struct error *error);
/* Build the machine: KVM, memory, devices, cold-plugged objects and devices, kernel. The event loop runs
 * meanwhile; machine_quit() makes this fail. No vCPU runs yet. False and an error that quotes the option or
 * gives the reason. */
bool machine_create(struct machine *machine, struct error *error);
/* Called before machine_destroy(): stop a load and a snapshot that are in progress. NULL, or which file the
 * host does not read or write in time; machine and event loop must be left as they are then. */
const char *machine_stop_files(struct machine *machine);
/* Likewise: the devices stand still. False, and a message with its name: the host still works on requests of
 * one, with the same consequence. */
bool machine_stop_devices(struct machine *machine);
void machine_destroy(struct machine *machine);
/* Called before machine_destroy() after a failed start: files that were created for it are removed. */
void machine_abandon(struct machine *machine);

/* Set the receiver of the machine's events, the monitors; NULL: none. */
void machine_set_event_sink(struct machine *machine, event_sink *sink, void *opaque);
void machine_emit(struct machine *machine, const struct event *event);
/* Emit an event without data. */
void machine_emit_kind(struct machine *machine, enum event_kind kind);

/* The end of the start: let the guest run, unless -S was given or there is no guest. False and an error: the
 * kernel could not be loaded, or KVM refuses. */
bool machine_autostart(struct machine *machine, struct error *error);
/* x-exit-preconfig: complete the start. False and an error: the state is not preconfig, or as for
 * machine_autostart(). */
bool machine_exit_preconfig(struct machine *machine, struct error *error);

enum run_state machine_run_state(const struct machine *machine);
const char *run_state_name(
    enum run_state state); /* "prelaunch", "running", "paused", "shutdown", "internal-error" */

/* The program's exit status, once its event loop has ended: 1 after a panic and -action panic=exit-failure.
 */
int machine_exit_status(const struct machine *machine);

/* Who waits for the end of a reset, good or bad, or of a stop. Main thread, from the event loop. */
struct machine_waiter {
    void (*ended)(void *opaque); /* once; when the machine goes, at the latest */
    void *opaque;
    bool leaves; /* the machine's, like the next */
    struct machine_waiter *next;
};
/* A waiter does not wait for the end: it is called soon. What it waits for goes on. */
void machine_leave(struct machine *machine, struct machine_waiter *waiter);

/* stop: all vCPUs have left KVM_RUN when it returns; event STOP. Does nothing of that when not running. True:
 * the host works on requests of devices, and the waiter (NULL: none) will be called when it has completed
 * them, or the guest runs again. */
bool machine_stop(struct machine *machine, struct machine_waiter *waiter);
/* The name of a device that stands still, or leaves, and whose requests the host still works on; NULL: none.
 */
const char *machine_busy(const struct machine *machine);
/* cont: event RESUME. Fails after SHUTDOWN or an internal error until system_reset. */
bool machine_cont(struct machine *machine, struct error *error);
/* Returns why the guest does not run, and the way out, as a sentence without a full stop; NULL: it runs. */
const char *machine_stopped(const struct machine *machine);
/* system_reset: event RESET {guest:false,reason} when kernel and initrd are loaded; where a reboot is a
 * shutdown (machine_actions()), that instead. True: the reset is in progress (struct reset in state.h), and
 * the waiter (NULL: none) will be called at its end. False: there is nothing to wait for. */
bool machine_reset(struct machine *machine, enum shutdown_cause cause, struct machine_waiter *waiter);
/* system_powerdown: press the ACPI power button; event POWERDOWN. */
void machine_powerdown(struct machine *machine);
/* inject-nmi: a non-maskable interrupt for each vCPU whose local APIC lets such interrupts in (LINT1), also
 * while the machine is paused. False and an error: the architecture has none (arm64), the machine has no
 * CPUs, or KVM refuses. Main thread. */
bool machine_nmi(struct machine *machine, struct error *error);
/* quit: event SHUTDOWN; the guest stands still, and the event loop ends when no device is busy any more, or
 * after a bound of some seconds (struct drain in state.h). Does nothing when the program ends already. */
void machine_quit(struct machine *machine, enum shutdown_cause cause);

/* A range of the RAM at start: of one object, in one node, on one side of the holes. */
struct ram_range {
    uint64_t start; /* guest-physical, bytes */
    uint64_t size;
    const char *memdev; /* id of the object, borrowed */
    uint32_t node;      /* 0 without NUMA nodes */
};

/* The parts of the machine, borrowed. */
const struct config *machine_config(const struct machine *machine);
/* What follows a reboot, a power off and the like; monitors may change it. */
struct actions *machine_actions(struct machine *machine);
struct hotplug *machine_hotplug(struct machine *machine);
struct board *machine_board(struct machine *machine);
struct loop *machine_loop(const struct machine *machine);
struct backends *machine_backends(struct machine *machine);
struct block_nodes *machine_blocks(struct machine *machine);
/* Network back ends, which are created before the machine: borrowed; NULL until they are set. */
void machine_set_nets(struct machine *machine, struct net_backends *nets);
struct net_backends *machine_nets(struct machine *machine);
/* Chardevs, which are opened and closed before the machine: borrowed; NULL without them, and before they are
 * closed: what the guest has sent to its serial port is then with its chardev. */
void machine_set_chardevs(struct machine *machine, struct chardevs *chardevs);
/* COM1's user side, to attach to a character device. */
bool machine_attach_serial(struct machine *machine, struct chardev *chardev, struct error *error);
struct guest_memory *machine_memory(struct machine *machine); /* NULL for -machine none */
/* Iterate over RAM by rising address: *offset is the cursor, initially 0; returns false after the last range.
 */
bool machine_next_ram(const struct machine *machine, uint64_t *offset, struct ram_range *range);
/* One access of 1, 2 or 4 bytes to an I/O port, as a vCPU makes it. Any thread. */
void machine_port_access(struct machine *machine, uint16_t port, bool write, unsigned width, uint8_t *data);
/* One access of 1, 2, 4 or 8 bytes to a guest-physical address; false: there is no device. */
bool machine_memory_access(struct machine *machine, uint64_t address, bool write, unsigned width,
                           uint8_t *data);
/* -accel qtest: set the functions that are called, on the main thread, when an interrupt line changes and for
 * each message; NULL: none. */
void machine_watch_interrupts(struct machine *machine, const struct vm_watcher *watcher);
/* -accel qtest: the guest's end of interrupt (vm_irq_acknowledge()). */
bool machine_acknowledge_irq(struct machine *machine, unsigned gsi);
/* Its CPUs; NULL: -machine none. */
struct cpus *machine_cpus(struct machine *machine);
const struct device_operations *machine_device_operations(const struct machine *machine);
/* Exits from KVM_RUN to this program since start, all vCPUs together. */
uint64_t machine_exit_count(const struct machine *machine);

#endif
