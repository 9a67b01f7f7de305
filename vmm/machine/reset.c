/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything as after power-on, kernel and initrd read anew: at the start and at every reset.
 */
#include "base/loop.h"
#include "base/message.h"
#include "device/device.h"
#include "machine/snapshot.h"
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
    cpus_reset(machine->cpus);
    root_ports_before_reset(machine->board.pci);
    if (!vm_reset_devices(&machine->vm, error))
        return false;
    machine_lock_take(&machine->lock);
    devices_reset(&machine->board);
    machine_lock_release(&machine->lock);
    machine->fresh = true;
    return machine_describe_cpus(machine, error) && machine_arch_prepare(machine, error);
}

/* Of CPUs that came before the guest ran it need not be told: its tables have them. libvirt adds some then,
 * and a guest that boots starts all CPUs that it finds in its tables. */
bool machine_refresh_cpus(struct machine *machine, struct error *error)
{
    if (!machine->fresh || machine_is_resetting(machine) || !cpus_enabled(machine->cpus) ||
        !cpus_have_changed(machine->cpus))
        return true;
    if (!machine_describe_cpus(machine, error) || !machine_arch_prepare(machine, error))
        return false;
    cpus_before_start(machine->cpus);
    return true;
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
    if (machine->config->snapshot_file)
        return machine_restore(machine, error);
    if (machine->config->incoming) {
        machine->state = RUN_INMIGRATE;
        return true;
    }
    if (!boot_is_direct(&machine->boot))
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

static void fail(struct machine *machine, const struct error *why)
{
    struct error error = *why;

    message("reset: %s; the guest is stopped; system_reset tries again", error.text);
    machine_stop_into(machine, RUN_INTERNAL_ERROR);
    if (backend_failed(machine->backends, NULL, &error))
        machine_memory_fault(machine, NULL);
    machine_notify(&machine->reset.waiters, true);
}

static void finish(struct machine *machine)
{
    struct error error;

    if (!enter(machine, &error)) {
        fail(machine, &error);
        return;
    }
    machine_emit_cause(machine, EVENT_RESET, machine->reset.cause);
    devices_run(&machine->board, true); /* as at the start, also of a guest that does not run yet */
    machine_let_run(machine);
    machine_notify(&machine->reset.waiters, true);
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

/* No device has anything under way. */
static void put_back_and_load(struct machine *machine)
{
    struct error error;

    if (!put_back(machine, &error))
        fail(machine, &error);
    else if (!boot_is_direct(&machine->boot))
        finish(machine);
    else if (!begin_load(machine, loaded, &error))
        fail(machine, &error);
}

static void begin_reset(struct machine *machine)
{
    machine->reset.again = false;
    machine->reset.draining = true;
    machine_reset_drained(machine);
}

void machine_reset_drained(struct machine *machine)
{
    if (!machine->reset.draining)
        return;
    devices_run(&machine->board, false); /* those that have come meanwhile, too */
    if (!machine_is_drained(machine))
        return;
    machine->reset.draining = false;
    if (machine->ending)
        machine_notify(&machine->reset.waiters, true);
    else
        put_back_and_load(machine);
}

bool machine_is_resetting(const struct machine *machine)
{
    return machine->reset.draining || machine->reset.loading;
}

bool machine_reset(struct machine *machine, enum shutdown_cause cause, struct machine_waiter *waiter)
{
    struct reset *reset = &machine->reset;
    unsigned requests;

    if (machine->ending)
        return false;
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
    if (machine_migration_resumes(machine) || machine_snapshot_resumes(machine)) {
        machine->state = RUN_RUNNING;
        machine_emit_kind(machine, EVENT_RESUME);
    } else if (machine->state != RUN_RUNNING) {
        machine->state = RUN_PRELAUNCH;
    }
    hotplug_run_state(machine->hotplug);
    reset->cause = cause;
    if (reset->loading) {
        reset->again = true;
        atomic_store(&machine->boot.stop, true);
    } else if (!reset->draining) {
        begin_reset(machine);
    }
    if (machine_is_resetting(machine) && waiter)
        machine_wait(&reset->waiters, waiter);
    return machine_is_resetting(machine);
}

/* ---- the end ---- */

const char *machine_stop_files(struct machine *machine)
{
    bool saved;

    machine_interrupt_migration(machine);
    saved = machine_stop_snapshot(machine);

    atomic_store(&machine->boot.stop, true);
    if (!worker_stop(machine->reset.worker, STOP_MS))
        return "-kernel or -initrd: the host cannot read the file in time";
    return saved ? NULL : "snapshot or migration: the host cannot write the file in time";
}

void machine_end_loading(struct machine *machine)
{
    machine_end_migration(machine);
    machine_end_snapshot(machine);
    atomic_store(&machine->boot.stop, true);
    worker_destroy(machine->reset.worker);
    machine_end_drain(machine);
    machine_notify(&machine->reset.waiters, true);
}
