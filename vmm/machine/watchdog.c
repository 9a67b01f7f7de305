/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a guest that does not feed its watchdog any more (QEMU's actions of the same names).
 */
#include "base/message.h"
#include "machine/state.h"

/* Each vCPU gets it where its APIC lets such interrupts in; under -accel qtest there is none. */
static void inject_nmi(struct machine *machine)
{
    struct error error;

    vcpus_pause(&machine->vcpus);
    if (!vcpus_nmi(&machine->vcpus, &error))
        warning("watchdog: %s", error.text);
    machine_let_run(machine);
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
