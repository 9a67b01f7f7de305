/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a guest that does not feed its watchdog any more (QEMU's actions of the same names), and
 * the interrupt that is one of them.
 */
#include "base/message.h"
#include "machine/state.h"

/* Under -accel qtest there is no vCPU. */
bool machine_nmi(struct machine *machine, struct error *error)
{
    bool good;

    if (!machine->memory) /* -machine none */
        return error_set(error, "machine does not provide NMIs: -machine none has no CPUs");
    vcpus_pause(&machine->vcpus);
    good = vcpus_nmi(&machine->vcpus, error);
    machine_let_run(machine);
    return good;
}

static void inject_nmi(struct machine *machine)
{
    struct error error;

    if (!machine_nmi(machine, &error))
        warning("watchdog: %s", error.text);
}

/* As in QEMU the event comes first, then those of what follows. */
void machine_watchdog(void *opaque)
{
    struct machine *machine = opaque;
    const enum watchdog_action action = machine->actions.watchdog;

    machine_emit(machine, &(struct event){ .kind = EVENT_WATCHDOG, .watchdog.action = action });
    switch (action) {
    case WATCHDOG_RESETS:
        machine_request(machine, REQUEST_RESET);
        break;
    case WATCHDOG_SHUTS_DOWN:
        machine_powerdown(machine);
        break;
    case WATCHDOG_POWERS_OFF: /* whatever -no-shutdown says */
        machine_quit(machine, CAUSE_GUEST_SHUTDOWN);
        break;
    case WATCHDOG_PAUSES:
        machine_stop_into(machine, RUN_WATCHDOG);
        break;
    case WATCHDOG_DEBUGS:
        message("watchdog: timer fired");
        break;
    case WATCHDOG_INJECTS_NMI:
        inject_nmi(machine);
        break;
    case WATCHDOG_NOTHING:
        break;
    }
}
