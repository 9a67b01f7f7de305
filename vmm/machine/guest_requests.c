/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest does that leaves its vCPUs: accesses to devices, and what it asks of the main thread (reset,
 * power off, a panic), which are noted by the vCPU and answered here.
 */
#include <stdio.h>

#include "base/message.h"
#include "kvm/doorbell.h"
#include "machine/state.h"

/* Between two resets that the guest asks for. */
#define RESET_PAUSE_MS 250

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

static void emit_panic(struct machine *machine, enum event_kind kind, enum panic_outcome outcome)
{
    machine_emit(machine, &(struct event){ .kind = kind, .panic.outcome = outcome });
}

/* As QEMU: what the event says is what follows. False: the guest continues. */
static bool panicked(struct machine *machine)
{
    const struct actions *actions = &machine->actions;

    if (actions->panic == PANIC_NONE) {
        emit_panic(machine, EVENT_GUEST_PANICKED, GUEST_RUNS_ON);
        return false;
    }
    if (actions->panic == PANIC_PAUSE || (actions->panic == PANIC_SHUTDOWN && actions->shutdown_is_pause)) {
        emit_panic(machine, EVENT_GUEST_PANICKED, GUEST_PAUSES);
        machine_stop_into(machine, RUN_GUEST_PANICKED);
        return true;
    }
    emit_panic(machine, EVENT_GUEST_PANICKED, GUEST_POWERS_OFF);
    machine_stop_into(machine, RUN_GUEST_PANICKED);
    machine->failed = actions->panic == PANIC_EXIT_FAILURE;
    machine_shut_down(machine, CAUSE_GUEST_PANIC);
    return true;
}

/* False: there is no memory for the tables, so that the guest cannot boot. */
static bool describe_pci(struct machine *machine)
{
    struct error error;

    if (machine_arch_describe_pci(machine, &error))
        return true;
    message("firmware moves PCI configuration space: %s", error.text);
    machine_stop_into(machine, RUN_INTERNAL_ERROR);
    return false;
}

bool machine_answer_guest(struct machine *machine, unsigned requests)
{
    if ((requests & REQUEST_TABLES) && !describe_pci(machine))
        return false;
    if (requests & REQUEST_CRASH_LOADED)
        emit_panic(machine, EVENT_GUEST_CRASHLOADED, GUEST_RUNS_ON);
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

    if (requests == 0 || machine->ending)
        return;
    vcpus_pause(&machine->vcpus);
    if (!machine_answer_guest(machine, requests))
        return;
    if (!(requests & REQUEST_RESET))
        machine_let_run(machine);
    else if (!reset_too_soon(machine))
        machine_reset(machine, CAUSE_GUEST_RESET, NULL);
}

void machine_port_access(struct machine *machine, uint16_t port, bool write, unsigned width, uint8_t *data)
{
    if (!write || !vm_doorbell_ring(&machine->vm, true, port, width, data))
        bus_access(&machine->bus, BUS_PORTS, port, write, width, data);
}

bool machine_memory_access(struct machine *machine, uint64_t address, bool write, unsigned width,
                           uint8_t *data)
{
    return (write && vm_doorbell_ring(&machine->vm, false, address, width, data)) ||
           bus_access(&machine->bus, BUS_MEMORY, address, write, width, data);
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

void machine_guest_moved_pci(void *opaque)
{
    machine_request(opaque, REQUEST_TABLES);
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

void machine_init_requests(struct machine *machine)
{
    machine->requests_work = (struct work){ .run = handle_requests, .opaque = machine };
}
