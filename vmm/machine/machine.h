/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine: its parts, its run state, and what monitors may ask of it.
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
struct guest_memory;
struct hotplug;
struct backends;
struct loop;
struct machine;
struct net_backends;
struct vm_watcher;

/* QMP's RunState, as far as hotram has it. */
enum run_state {
    RUN_PRELAUNCH, /* started with -S, no vCPU has run yet */
    RUN_RUNNING,
    RUN_PAUSED,
    RUN_SHUTDOWN,       /* the guest powered off, and -no-shutdown keeps the program */
    RUN_INTERNAL_ERROR, /* KVM could not go on (emulation failure, bad entry) */
    RUN_IO_ERROR,       /* a disk has failed, and its werror= or rerror= is stop; cont tries again */
    RUN_GUEST_PANICKED, /* and -action panic= stops it */
    RUN_WATCHDOG,       /* it did not feed its watchdog, and -action watchdog= stops it */
    RUN_PRECONFIG,      /* started with --preconfig: x-exit-preconfig goes on */
};

/* Find addresses for all, and open and look at the files of the kernel. Nothing of it has to be undone should
 * a signal end the program meanwhile, so these files may be on a file system that does not answer. */
struct machine *machine_open(const struct config *config, struct loop *loop, struct error *error);
/* Build the machine: KVM, memory, devices, cold-plugged objects and devices, kernel. The event loop runs
 * meanwhile; machine_quit() makes this fail. No vCPU runs yet. */
bool machine_create(struct machine *machine, struct error *error);
/* Before machine_destroy(): end a load that is under way. False: it does not end, so the machine has to be
 * left as it is, and with it the event loop. */
bool machine_stop_loading(struct machine *machine);
void machine_destroy(struct machine *machine);
/* Before that: the start has failed, and what was made for it goes. */
void machine_abandon(struct machine *machine);

/* Everybody who wants to know what happens to the machine: the monitors. NULL: nobody. */
void machine_set_event_sink(struct machine *machine, event_sink *sink, void *opaque);
void machine_emit(struct machine *machine, const struct event *event);
/* An event of which there is nothing more to say. */
void machine_emit_kind(struct machine *machine, enum event_kind kind);

/* The end of the start: the guest runs, unless it is not to yet, or there is nothing to run. */
bool machine_autostart(struct machine *machine, struct error *error);
/* x-exit-preconfig: the end of the start comes now. */
bool machine_exit_preconfig(struct machine *machine, struct error *error);

enum run_state machine_run_state(const struct machine *machine);
const char *run_state_name(
    enum run_state state); /* "prelaunch", "running", "paused", "shutdown", "internal-error" */

/* The program's exit status, once its event loop has ended: 1 after a panic and -action panic=exit-failure.
 */
int machine_exit_status(const struct machine *machine);

/* stop: all vCPUs have left KVM_RUN when it returns; event STOP. Does nothing when not running. */
void machine_stop(struct machine *machine);
/* cont: event RESUME. Fails after SHUTDOWN or an internal error until system_reset. */
bool machine_cont(struct machine *machine, struct error *error);
/* Why the guest does not run, and the way out, as a sentence without its full stop; NULL: it runs. */
const char *machine_stopped(const struct machine *machine);
/* Who waits for the end of a reset, good or bad. Main thread, from the event loop. */
struct reset_waiter {
    void (*ended)(void *opaque); /* once; when the machine goes, at the latest */
    void *opaque;
    bool leaves; /* the machine's, like the next */
    struct reset_waiter *next;
};
/* system_reset: event RESET {guest:false,reason} when kernel and initrd are loaded; where a reboot
 * is a shutdown (machine_actions()), that instead. True: that is later, as struct reset in state.h says, and
 * the waiter (NULL: none) will be called.
 */
bool machine_reset(struct machine *machine, enum shutdown_cause cause, struct reset_waiter *waiter);
/* A waiter does not wait for the end: it is called soon. The reset goes on. */
void machine_reset_leave(struct machine *machine, struct reset_waiter *waiter);
/* system_powerdown: press the ACPI power button; event POWERDOWN. */
void machine_powerdown(struct machine *machine);
/* quit: event SHUTDOWN, then the event loop ends. */
void machine_quit(struct machine *machine, enum shutdown_cause cause);

/* A range of the RAM at start: of one object, in one node, on one side of the holes. */
struct ram_range {
    uint64_t start; /* guest-physical, bytes */
    uint64_t size;
    const char *memdev; /* id of the object, borrowed */
    uint32_t node;      /* 0 when the guest is not told of nodes */
};

/* What it consists of, for queries. */
const struct config *machine_config(const struct machine *machine);
/* What becomes of a reboot and a power off from now on; a monitor may change it. */
struct actions *machine_actions(struct machine *machine);
struct hotplug *machine_hotplug(struct machine *machine);
struct board *machine_board(struct machine *machine);
struct loop *machine_loop(const struct machine *machine);
struct backends *machine_backends(struct machine *machine);
struct block_nodes *machine_blocks(struct machine *machine);
/* Network back ends, which are made before the machine: borrowed, and NULL until they are given. */
void machine_set_nets(struct machine *machine, struct net_backends *nets);
struct net_backends *machine_nets(struct machine *machine);
/* Chardevs, which are opened before it and closed before it: borrowed, and NULL while there are none. */
void machine_set_chardevs(struct machine *machine, struct chardevs *chardevs);
/* COM1's user side, to attach to a character device. */
bool machine_attach_serial(struct machine *machine, struct chardev *chardev, struct error *error);
struct guest_memory *machine_memory(struct machine *machine); /* NULL for -machine none */
/* RAM by rising address: *offset is the cursor, 0 at first; returns false after the last range. */
bool machine_next_ram(const struct machine *machine, uint64_t *offset, struct ram_range *range);
/* One access of 1, 2 or 4 bytes to an I/O port, as a vCPU makes it. Any thread. */
void machine_port_access(struct machine *machine, uint16_t port, bool write, unsigned width, uint8_t *data);
/* One access of 1, 2, 4 or 8 bytes to a device's registers among the guest's memory; false: there is none. */
bool machine_memory_access(struct machine *machine, uint64_t address, bool write, unsigned width,
                           uint8_t *data);
/* -accel qtest: be told, on the main thread, when an interrupt line changes, and of messages. Functions that
 * are NULL: not any more. */
void machine_watch_interrupts(struct machine *machine, const struct vm_watcher *watcher);
/* -accel qtest: the guest's end of interrupt (vm_irq_acknowledge()). */
bool machine_acknowledge_irq(struct machine *machine, unsigned gsi);
/* Linux thread id of a vCPU; 0 when there is none. */
int machine_vcpu_tid(const struct machine *machine, unsigned index);
/* Exits from KVM_RUN to this program since start, all vCPUs together. */
uint64_t machine_exit_count(const struct machine *machine);

#endif
