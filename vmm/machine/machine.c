/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's life: run states, what the guest and the monitors ask for.
 */
#include "machine/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/json_build.h"
#include "base/loop.h"
#include "base/message.h"
#include "machine/state.h"

/* Between two resets that the guest asks for. */
#define RESET_PAUSE_MS 250

static bool nothing_to_run(const struct machine *machine)
{
    return !machine->config->kernel && machine->config->accel == ACCEL_KVM;
}

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = {
        [RUN_PRECONFIG] = "preconfig",
        [RUN_PRELAUNCH] = "prelaunch",
        [RUN_RUNNING] = "running",
        [RUN_PAUSED] = "paused",
        [RUN_SHUTDOWN] = "shutdown",
        [RUN_INTERNAL_ERROR] = "internal-error",
        [RUN_GUEST_PANICKED] = "guest-panicked",
    };

    return names[state];
}

static const struct cause {
    const char *name;
    bool guest;
} causes[] = {
    [CAUSE_HOST_QMP_QUIT] = { "host-qmp-quit", false },
    [CAUSE_HOST_QMP_SYSTEM_RESET] = { "host-qmp-system-reset", false },
    [CAUSE_HOST_SIGNAL] = { "host-signal", false },
    [CAUSE_HOST_UI] = { "host-ui", false },
    [CAUSE_GUEST_SHUTDOWN] = { "guest-shutdown", true },
    [CAUSE_GUEST_RESET] = { "guest-reset", true },
    [CAUSE_GUEST_PANIC] = { "guest-panic", true },
    [CAUSE_HOST_ERROR] = { "host-error", false },
};

void machine_set_event_sink(struct machine *machine, machine_event_sink *sink, void *opaque)
{
    machine->sink = sink;
    machine->sink_opaque = opaque;
}

void machine_emit(struct machine *machine, const char *event, struct json_object *data)
{
    if (machine->sink)
        machine->sink(machine->sink_opaque, event, data);
    else
        json_object_put(data);
}

const char *machine_stopped(const struct machine *machine)
{
    switch (machine->state) {
    case RUN_RUNNING:
        return NULL;
    case RUN_PRECONFIG:
        return "the machine waits for x-exit-preconfig, and then cont lets the guest run";
    case RUN_SHUTDOWN:
        return "the guest has shut down; system_reset, and then cont, lets it start again";
    case RUN_INTERNAL_ERROR:
        return "the guest has met an internal error; system_reset, and then cont, lets it start again";
    default:
        return nothing_to_run(machine)
                   ? "the guest is stopped, and has nothing to run: start hotram with -kernel FILE"
                   : "the guest is stopped; cont lets it run";
    }
}

const char *machine_hotplug_stopped(void *opaque)
{
    return machine_stopped(opaque);
}

void machine_hotplug_event(void *opaque, const char *name, struct json_object *data)
{
    machine_emit(opaque, name, data);
}

void machine_emit_cause(struct machine *machine, const char *event, enum shutdown_cause cause)
{
    struct json_object *data = json_new_object();

    add_bool(data, "guest", causes[cause].guest);
    add_string(data, "reason", causes[cause].name);
    machine_emit(machine, event, data);
}

/* ---- what monitors ask for ---- */

void machine_stop_into(struct machine *machine, enum run_state state)
{
    bool was_running = machine->state == RUN_RUNNING;

    vcpus_pause(&machine->vcpus);
    guest_clock_stop(&machine->clock);
    machine->state = state;
    hotplug_run_state(machine->hotplug);
    if (was_running)
        machine_emit(machine, "STOP", NULL);
}

void machine_stop(struct machine *machine)
{
    if (machine->state == RUN_RUNNING)
        machine_stop_into(machine, RUN_PAUSED);
}

void machine_let_run(struct machine *machine)
{
    if (machine->state != RUN_RUNNING || machine->reset.loading)
        return;
    guest_clock_start(&machine->clock);
    hotplug_run_state(machine->hotplug);
    /* A request that came while the vCPUs were held is still to be answered: they stay where they are. */
    if (atomic_load(&machine->requests) == 0)
        vcpus_resume(&machine->vcpus);
}

bool machine_cont(struct machine *machine, struct error *error)
{
    switch (machine->state) {
    case RUN_RUNNING:
        return true;
    case RUN_SHUTDOWN:
    case RUN_INTERNAL_ERROR:
        return error_set(error,
                         "Resetting the Virtual Machine is required: its state is %s; use system_reset",
                         run_state_name(machine->state));
    default:
        break;
    }
    if (nothing_to_run(machine))
        return error_set(error, "there is nothing to run: start hotram with -kernel FILE");
    machine->state = RUN_RUNNING;
    machine_emit(machine, "RESUME", NULL);
    machine_let_run(machine);
    return true;
}

bool machine_autostart(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;

    if (config->preconfig && machine->state == RUN_PRECONFIG)
        return true;
    return config->start_paused || nothing_to_run(machine) || machine_cont(machine, error);
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
    machine_emit_cause(machine, "SHUTDOWN", cause);
    if (machine->actions.shutdown_is_pause) {
        machine_stop_into(machine, RUN_SHUTDOWN);
        return;
    }
    machine->ending = true;
    loop_quit(machine->loop);
}

void machine_powerdown(struct machine *machine)
{
    if (machine->devices) { /* -machine none has no button; QEMU says that it was pressed all the same */
        machine_lock_take(&machine->lock);
        machine_arch_powerdown(machine);
        machine_lock_release(&machine->lock);
    }
    machine_emit(machine, "POWERDOWN", NULL);
}

void machine_quit(struct machine *machine, enum shutdown_cause cause)
{
    machine_emit_cause(machine, "SHUTDOWN", cause);
    loop_quit(machine->loop);
}

/* ---- what the guest asks for ---- */

void machine_request(struct machine *machine, enum machine_request request)
{
    atomic_fetch_or(&machine->requests, request);
    vcpus_hold(&machine->vcpus);
    loop_post(machine->loop, &machine->requests_work);
}

static void handle_requests(void *opaque);

static void reset_after_pause(void *opaque)
{
    struct machine *machine = opaque;

    handle_requests(machine);
}

/* A guest that resets itself all the time must not keep this thread busy, nor the monitors with its events:
 * the request is kept, and the vCPUs stay where they are, until RESET_PAUSE_MS after the guest's last reset.
 */
static bool reset_too_soon(struct machine *machine)
{
    uint64_t now = loop_now(), next = machine->last_guest_reset + RESET_PAUSE_MS;

    if (machine->last_guest_reset > 0 && now < next && !machine->actions.reboot_is_shutdown) {
        if (!timer_runs(&machine->reset_pause))
            timer_start(machine->loop, &machine->reset_pause, next - now, reset_after_pause, machine);
        atomic_fetch_or(&machine->requests, REQUEST_RESET);
        return true;
    }
    machine->last_guest_reset = now;
    return false;
}

static void emit_panic(struct machine *machine, const char *event, const char *action)
{
    struct json_object *data = json_new_object();

    add_string(data, "action", action);
    machine_emit(machine, event, data);
}

/* As QEMU: what the event says is what follows. False: the guest goes on. */
static bool panicked(struct machine *machine)
{
    const struct actions *actions = &machine->actions;

    if (actions->panic == PANIC_NONE) {
        emit_panic(machine, "GUEST_PANICKED", "run");
        return false;
    }
    if (actions->panic == PANIC_PAUSE || (actions->panic == PANIC_SHUTDOWN && actions->shutdown_is_pause)) {
        emit_panic(machine, "GUEST_PANICKED", "pause");
        machine_stop_into(machine, RUN_GUEST_PANICKED);
        return true;
    }
    emit_panic(machine, "GUEST_PANICKED", "poweroff");
    machine_stop_into(machine, RUN_GUEST_PANICKED);
    machine->failed = actions->panic == PANIC_EXIT_FAILURE;
    machine_shut_down(machine, CAUSE_GUEST_PANIC);
    return true;
}

bool machine_answer_guest(struct machine *machine, unsigned requests)
{
    if (requests & REQUEST_CRASH_LOADED)
        emit_panic(machine, "GUEST_CRASHLOADED", "run");
    if (requests & REQUEST_MEMORY) {
        machine_tell_memory_failure(machine);
        machine_stop_into(machine, RUN_INTERNAL_ERROR);
    } else if (requests & REQUEST_BROKEN) {
        message("%s", machine->broken);
        machine_stop_into(machine, RUN_INTERNAL_ERROR);
    } else if ((requests & REQUEST_PANICKED) && panicked(machine)) {
        return false;
    } else if (requests & REQUEST_POWER_OFF) {
        machine_shut_down(machine, CAUSE_GUEST_SHUTDOWN);
    } else {
        return true;
    }
    return false;
}

static void handle_requests(void *opaque)
{
    struct machine *machine = opaque;
    unsigned requests = atomic_exchange(&machine->requests, 0);

    if (requests == 0)
        return;
    vcpus_pause(&machine->vcpus);
    if (!machine_answer_guest(machine, requests))
        return;
    if (!(requests & REQUEST_RESET))
        machine_let_run(machine);
    else if (!reset_too_soon(machine))
        machine_reset(machine, CAUSE_GUEST_RESET, NULL);
}

/* -machine none has no serial port: nobody is at the other end of the chardev, as in QEMU. */
bool machine_attach_serial(struct machine *machine, struct chardev *chardev, struct error *error)
{
    return !machine->devices || machine_arch_attach_serial(machine, chardev, error);
}

void machine_port_access(struct machine *machine, uint16_t port, bool write, unsigned width, uint8_t *data)
{
    bus_access(&machine->bus, BUS_PORTS, port, write, width, data);
}

bool machine_memory_access(struct machine *machine, uint64_t address, bool write, unsigned width,
                           uint8_t *data)
{
    return bus_access(&machine->bus, BUS_MEMORY, address, write, width, data);
}

static void port_access(void *opaque, uint16_t port, bool write, unsigned width, uint8_t *data)
{
    machine_port_access(opaque, port, write, width, data);
}

static void mmio_access(void *opaque, uint64_t address, bool write, unsigned width, uint8_t *data)
{
    machine_memory_access(opaque, address, write, width, data);
}

/* A triple fault, or a call of PSCI. */
void machine_guest_resets(void *opaque)
{
    machine_request(opaque, REQUEST_RESET);
}

void machine_guest_powers_off(void *opaque)
{
    machine_request(opaque, REQUEST_POWER_OFF);
}

void machine_guest_panicked(void *opaque)
{
    machine_request(opaque, REQUEST_PANICKED);
}

void machine_guest_crash_loaded(void *opaque)
{
    machine_request(opaque, REQUEST_CRASH_LOADED);
}

int machine_exit_status(const struct machine *machine)
{
    return machine->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void vcpu_broken(void *opaque, const char *why)
{
    struct machine *machine = opaque;

    machine_lock_take(&machine->lock);
    if (!(atomic_load(&machine->requests) & REQUEST_BROKEN))
        snprintf(machine->broken, sizeof machine->broken, "%s", why);
    machine_request(machine, REQUEST_BROKEN);
    machine_lock_release(&machine->lock);
}

const struct vcpu_ops machine_vcpu_ops = {
    .port = port_access,
    .mmio = mmio_access,
    .reset = machine_guest_resets,
    .power_off = machine_guest_powers_off,
    .memory_fault = machine_memory_fault,
    .broken = vcpu_broken,
};

/* ---- what it consists of ---- */

void machine_init_requests(struct machine *machine)
{
    machine->requests_work = (struct work){ .run = handle_requests, .opaque = machine };
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

struct backends *machine_backends(struct machine *machine)
{
    return machine->backends;
}

struct guest_memory *machine_memory(struct machine *machine)
{
    return machine->memory;
}

void machine_watch_irqs(struct machine *machine, void (*watch)(void *opaque, unsigned gsi, bool high),
                        void *opaque)
{
    machine->vm.irq_watch = watch;
    machine->vm.irq_opaque = opaque;
}

int machine_vcpu_tid(const struct machine *machine, unsigned index)
{
    return index < machine->vcpus.count ? atomic_load(&machine->vcpus.vcpu[index].tid) : 0;
}

uint64_t machine_exit_count(const struct machine *machine)
{
    return vcpus_exits(&machine->vcpus);
}
