/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's run states, what monitors ask for, and what it consists of.
 */
#include "machine/machine.h"

#include <stdlib.h>

#include "base/config.h"
#include "base/loop.h"
#include "block/node.h"
#include "device/device.h"
#include "device/line.h"
#include "kvm/interrupts.h"
#include "machine/state.h"

static bool nothing_to_run(const struct machine *machine)
{
    return !machine->config->kernel && machine->config->firmware == FIRMWARE_NONE &&
           machine->config->accel == ACCEL_KVM;
}

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = {
        [RUN_PRECONFIG] = "preconfig",     [RUN_PRELAUNCH] = "prelaunch",
        [RUN_RUNNING] = "running",         [RUN_PAUSED] = "paused",
        [RUN_SHUTDOWN] = "shutdown",       [RUN_INTERNAL_ERROR] = "internal-error",
        [RUN_IO_ERROR] = "io-error",       [RUN_GUEST_PANICKED] = "guest-panicked",
        [RUN_WATCHDOG] = "watchdog",       [RUN_INMIGRATE] = "inmigrate",
        [RUN_POSTMIGRATE] = "postmigrate", [RUN_FINISH_MIGRATE] = "finish-migrate",
    };

    return names[state];
}

void machine_set_event_sink(struct machine *machine, event_sink *sink, void *opaque)
{
    machine->sink = sink;
    machine->sink_opaque = opaque;
}

void machine_emit(struct machine *machine, const struct event *event)
{
    if (machine->sink)
        machine->sink(machine->sink_opaque, event);
}

void machine_emit_kind(struct machine *machine, enum event_kind kind)
{
    machine_emit(machine, &(struct event){ .kind = kind });
}

const char *machine_stopped(const struct machine *machine)
{
    switch (machine->state) {
    case RUN_RUNNING:
        return NULL;
    case RUN_PRECONFIG:
        return "the machine is waiting for x-exit-preconfig, after which cont runs the guest";
    case RUN_SHUTDOWN:
        return "the guest has shut down; system_reset followed by cont restarts it";
    case RUN_INTERNAL_ERROR:
        return "the guest has encountered an internal error; system_reset followed by cont restarts it";
    case RUN_IO_ERROR:
        return "a disk has failed; cont resumes the guest and retries the request";
    case RUN_INMIGRATE:
        return "the guest has not arrived; migrate-incoming starts to receive it";
    case RUN_FINISH_MIGRATE:
        return "the guest is stopped for the end of its migration; migrate_cancel resumes it";
    case RUN_POSTMIGRATE:
        return "the guest has been sent to another program, and must not run twice; cont resumes it here";
    case RUN_WATCHDOG:
        return "the guest's watchdog has stopped it; cont resumes it, and system_reset restarts it";
    default:
        return nothing_to_run(machine)
                   ? "the guest is stopped and has no kernel: start hotram with -kernel FILE"
                   : "the guest is stopped; cont resumes it";
    }
}

void machine_raise_hotplug(void *opaque)
{
    struct machine *machine = opaque;

    board_raise(&machine->board, BOARD_MEMORY);
}

void machine_raise_cpus(void *opaque)
{
    struct machine *machine = opaque;

    board_raise(&machine->board, BOARD_CPU);
}

const char *machine_hotplug_stopped(void *opaque)
{
    return machine_stopped(opaque);
}

void machine_event(void *opaque, const struct event *event)
{
    machine_emit(opaque, event);
}

void machine_emit_cause(struct machine *machine, enum event_kind kind, enum shutdown_cause cause)
{
    machine_emit(machine, &(struct event){ .kind = kind, .cause = cause });
}

/* ---- what monitors ask for ---- */

void machine_stand_still(struct machine *machine, enum run_state state)
{
    const bool was_running = machine->state == RUN_RUNNING;

    if (was_running) {
        vcpus_pause(&machine->vcpus);
        guest_clock_stop(&machine->clock);
    }
    devices_run(&machine->board, false);
    machine->state = state;
    if (machine->hotplug) /* the program may end while it starts */
        hotplug_run_state(machine->hotplug);
}

void machine_stop_into(struct machine *machine, enum run_state state)
{
    const bool was_running = machine->state == RUN_RUNNING;

    machine_stand_still(machine, state);
    if (was_running)
        machine_emit_kind(machine, EVENT_STOP);
}

bool machine_stop(struct machine *machine, struct machine_waiter *waiter)
{
    if (machine->state == RUN_RUNNING)
        machine_stop_into(machine, RUN_PAUSED);
    else if (machine->state == RUN_INMIGRATE)
        machine_note_cont(machine, false);
    else if (machine->state == RUN_FINISH_MIGRATE)
        machine_note_stop(machine);
    if (!waiter || machine_is_drained(machine)) /* without devices that have just left it */
        return false;
    machine_wait(&machine->drain.waiters, waiter);
    return true;
}

void machine_io_error(void *opaque)
{
    struct machine *machine = opaque;

    if (machine->state == RUN_RUNNING)
        machine_stop_into(machine, RUN_IO_ERROR);
}

void machine_let_run(struct machine *machine)
{
    if (machine->state != RUN_RUNNING || machine_is_resetting(machine))
        return;
    guest_clock_start(&machine->clock);
    devices_run(&machine->board, true);
    hotplug_run_state(machine->hotplug);
    machine->fresh = false;
    /* A request that came while the vCPUs were held is still to be answered: they stay where they are. */
    if (atomic_load(&machine->requests) == 0)
        vcpus_resume(&machine->vcpus);
}

bool machine_cont(struct machine *machine, struct error *error)
{
    switch (machine->state) {
    case RUN_RUNNING:
        block_users_continue(machine->blocks);
        return true;
    case RUN_SHUTDOWN:
    case RUN_INTERNAL_ERROR:
        return error_set(error,
                         "Resetting the Virtual Machine is required: its state is %s; use system_reset",
                         run_state_name(machine->state));
    case RUN_INMIGRATE:
        machine_note_cont(machine, true);
        return true;
    case RUN_FINISH_MIGRATE:
        return machine_note_resume(machine) ||
               error_set(error, "Migration is not finalized yet; migrate_cancel ends it");
    default:
        break;
    }
    if (nothing_to_run(machine))
        return error_set(error, "there is no kernel to run: start hotram with -kernel FILE");
    if (!machine_refresh_cpus(machine, error))
        return false;
    /* A guest that has been sent, and runs where it was sent to, uses its images there. */
    if (!block_nodes_lock(machine->blocks, error))
        return false;
    block_users_continue(machine->blocks);
    machine->state = RUN_RUNNING;
    machine_emit_kind(machine, EVENT_RESUME);
    machine_let_run(machine);
    machine_announce_arrival(machine);
    machine_drained(machine); /* a stop that waits has come to its end */
    return true;
}

bool machine_autostart(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;

    if (config->preconfig && machine->state == RUN_PRECONFIG)
        return true;
    if (machine->state == RUN_INMIGRATE)
        return machine_begin_incoming(machine, error);
    return config->start_paused || machine->state == RUN_PAUSED || nothing_to_run(machine) ||
           machine_cont(machine, error);
}

bool machine_exit_preconfig(struct machine *machine, struct error *error)
{
    if (machine->state != RUN_PRECONFIG)
        return error_set(error,
                         "The command is permitted only before machine initialization: after a start with "
                         "--preconfig, once");
    machine->state = RUN_PRELAUNCH;
    return machine_autostart(machine, error);
}

void machine_shut_down(struct machine *machine, enum shutdown_cause cause)
{
    machine_emit_cause(machine, EVENT_SHUTDOWN, cause);
    if (machine->actions.shutdown_is_pause) {
        machine_stop_into(machine, RUN_SHUTDOWN);
        return;
    }
    machine_end(machine);
}

void machine_powerdown(struct machine *machine)
{
    /* -machine none has no button; QEMU says that it was pressed all the same. */
    machine_lock_take(&machine->lock);
    board_raise(&machine->board, BOARD_POWER_BUTTON);
    machine_lock_release(&machine->lock);
    machine_emit_kind(machine, EVENT_POWERDOWN);
}

void machine_quit(struct machine *machine, enum shutdown_cause cause)
{
    if (machine->ending)
        return;
    machine_emit_cause(machine, EVENT_SHUTDOWN, cause);
    machine_end(machine);
}

/* ---- what it consists of ---- */

/* -machine none has no serial port: the chardev has no user, as in QEMU. */
bool machine_attach_serial(struct machine *machine, struct chardev *chardev, struct error *error)
{
    struct line *line = machine->board.serial_line;

    return !line || line_attach(line, chardev, error);
}

enum run_state machine_run_state(const struct machine *machine)
{
    return machine->state;
}

const struct config *machine_config(const struct machine *machine)
{
    return machine->config;
}

struct actions *machine_actions(struct machine *machine)
{
    return &machine->actions;
}

struct board *machine_board(struct machine *machine)
{
    return &machine->board;
}

struct hotplug *machine_hotplug(struct machine *machine)
{
    return machine->hotplug;
}

struct loop *machine_loop(const struct machine *machine)
{
    return machine->loop;
}

void machine_set_nets(struct machine *machine, struct net_backends *nets)
{
    machine->nets = nets;
    machine->board.nets = nets;
}

void machine_set_chardevs(struct machine *machine, struct chardevs *chardevs)
{
    if (!chardevs && machine->board.serial_line)
        line_flush(machine->board.serial_line);
    machine->board.chardevs = chardevs;
}

struct net_backends *machine_nets(struct machine *machine)
{
    return machine->nets;
}

struct block_nodes *machine_blocks(struct machine *machine)
{
    return machine->blocks;
}

struct backends *machine_backends(struct machine *machine)
{
    return machine->backends;
}

struct guest_memory *machine_memory(struct machine *machine)
{
    return machine->memory;
}

void machine_watch_interrupts(struct machine *machine, const struct vm_watcher *watcher)
{
    machine->vm.watcher = *watcher;
}

bool machine_acknowledge_irq(struct machine *machine, unsigned gsi)
{
    return machine->vm.interrupts && vm_irq_acknowledge(&machine->vm, gsi);
}

struct cpus *machine_cpus(struct machine *machine)
{
    return machine->cpus;
}

const struct device_operations *machine_device_operations(const struct machine *machine)
{
    return &machine->device_operations;
}

int machine_exit_status(const struct machine *machine)
{
    return machine->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

uint64_t machine_exit_count(const struct machine *machine)
{
    return vcpus_exits(&machine->vcpus);
}
