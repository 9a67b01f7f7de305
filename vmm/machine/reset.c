/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything as after power-on, kernel and initrd read anew: at the start and at every reset.
 */
#include "base/loop.h"
#include "base/message.h"
#include "device/device.h"
#include "machine/state.h"
#include "pci/root_port.h"

/* How long the end of the program waits for a load that was told to stop: some steps of a slow disk. */
#define STOP_MS 1000

/* On the worker's thread. */
static void load(void *opaque, const atomic_bool *stop)
{
    struct machine *machine = opaque;
    struct reset *reset = &machine->reset;

    reset->loaded = !atomic_load(stop) && machine_arch_load(machine, &reset->error);
}

static bool begin_load(struct machine *machine, void (*loaded)(void *opaque), struct error *error)
{
    struct reset *reset = &machine->reset;

    if (!reset->worker)
        reset->worker = worker_create(machine->loop);
    if (!reset->worker)
        return error_set(error, "out of memory");
    atomic_store(&machine->boot.stop, false);
    reset->job = (struct job){ .run = load, .done = loaded, .opaque = machine };
    reset->loading = true;
    worker_do(reset->worker, &reset->job);
    return true;
}

/* All but kernel and vCPUs. */
static bool put_back(struct machine *machine, struct error *error)
{
    if (!machine->memory) /* -machine none */
        return true;
    hotplug_reset(machine->hotplug);
    root_ports_remove_asked(machine->board.pci);
    if (!vm_reset_devices(&machine->vm, error))
        return false;
    machine_lock_take(&machine->lock);
    devices_reset(&machine->board);
    machine_lock_release(&machine->lock);
    return machine_arch_prepare(machine, error);
}

/* What was loaded is complete, or there is nothing to load. */
static bool enter(struct machine *machine, struct error *error)
{
    return !machine->memory || machine_arch_enter(machine, error);
}

/* ---- the start ---- */

static void loaded_first(void *opaque)
{
    struct machine *machine = opaque;

    machine->reset.loading = false;
}

bool machine_start(struct machine *machine, struct error *error)
{
    struct reset *reset = &machine->reset;

    if (!put_back(machine, error))
        return false;
    if (machine->boot.format == KERNEL_NONE)
        return enter(machine, error);
    if (!begin_load(machine, loaded_first, error))
        return false;
    while (reset->loading && !loop_quitting(machine->loop))
        loop_once(machine->loop, -1);
    if (reset->loading)
        return error_set(error, "-kernel '%s': loading was cancelled", machine->config->kernel);
    if (reset->loaded)
        return enter(machine, error);
    *error = reset->error;
    return false;
}

/* ---- a reset ---- */

/* Call all who wait, or those who leave. */
static void notify_waiters(struct reset *reset, bool all)
{
    struct reset_waiter **link = &reset->waiters;

    while (*link) {
        struct reset_waiter *waiter = *link;

        if (all || waiter->leaves) {
            *link = waiter->next;
            waiter->ended(waiter->opaque); /* it may be gone now */
        } else {
            link = &waiter->next;
        }
    }
}

static void notify_leaving(void *opaque)
{
    struct machine *machine = opaque;

    notify_waiters(&machine->reset, false);
}

static void fail(struct machine *machine, const struct error *why)
{
    struct error error = *why;

    message("reset: %s; the guest is stopped; system_reset tries again", error.text);
    machine_stop_into(machine, RUN_INTERNAL_ERROR);
    if (backend_failed(machine->backends, NULL, &error))
        machine_memory_fault(machine, NULL);
    notify_waiters(&machine->reset, true);
}

static void finish(struct machine *machine)
{
    struct error error;

    if (!enter(machine, &error)) {
        fail(machine, &error);
        return;
    }
    machine_emit_cause(machine, EVENT_RESET, machine->reset.cause);
    machine_let_run(machine);
    notify_waiters(&machine->reset, true);
}

static void begin_reset(struct machine *machine);

static void loaded(void *opaque)
{
    struct machine *machine = opaque;
    struct reset *reset = &machine->reset;

    reset->loading = false;
    if (reset->again)
        begin_reset(machine);
    else if (reset->loaded)
        finish(machine);
    else
        fail(machine, &reset->error);
}

static void begin_reset(struct machine *machine)
{
    struct error error;

    machine->reset.again = false;
    if (!put_back(machine, &error))
        fail(machine, &error);
    else if (machine->boot.format == KERNEL_NONE)
        finish(machine);
    else if (!begin_load(machine, loaded, &error))
        fail(machine, &error);
}

bool machine_reset(struct machine *machine, enum shutdown_cause cause, struct reset_waiter *waiter)
{
    struct reset *reset = &machine->reset;
    unsigned requests;

    vcpus_pause(&machine->vcpus);
    /* What the guest asked for before this moment comes first, so that a power-off stays one; only its own
     * request for a reset is met by this one. */
    requests = atomic_exchange(&machine->requests, 0);
    machine_answer_guest(machine, requests);
    if (machine->ending)
        return false;
    if (machine->actions.reboot_is_shutdown) {
        machine_shut_down(machine, cause);
        return false;
    }
    guest_clock_stop(&machine->clock);
    if (machine->state != RUN_RUNNING)
        machine->state = RUN_PRELAUNCH;
    hotplug_run_state(machine->hotplug);
    reset->cause = cause;
    if (reset->loading) {
        reset->again = true;
        atomic_store(&machine->boot.stop, true);
    } else {
        begin_reset(machine);
    }
    if (reset->loading && waiter) {
        waiter->leaves = false;
        waiter->next = reset->waiters;
        reset->waiters = waiter;
    }
    return reset->loading;
}

void machine_reset_leave(struct machine *machine, struct reset_waiter *waiter)
{
    waiter->leaves = true;
    loop_post(machine->loop, &machine->reset.leave);
}

/* ---- the end ---- */

bool machine_stop_loading(struct machine *machine)
{
    atomic_store(&machine->boot.stop, true);
    return worker_stop(machine->reset.worker, STOP_MS);
}

void machine_init_reset(struct machine *machine)
{
    machine->reset.leave = (struct work){ .run = notify_leaving, .opaque = machine };
}

void machine_end_loading(struct machine *machine)
{
    atomic_store(&machine->boot.stop, true);
    worker_destroy(machine->reset.worker);
    loop_cancel(machine->loop, &machine->reset.leave);
    notify_waiters(&machine->reset, true);
}
