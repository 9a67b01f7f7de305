/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the machine does when the host has completed its devices' requests (struct drain in state.h).
 */
#include <time.h>

#include "base/loop.h"
#include "base/message.h"
#include "device/device.h"
#include "machine/snapshot.h"
#include "machine/state.h"

/* How long the end of the program waits for requests: less than programs that end guests wait before SIGKILL.
 */
#define END_MS 5000

/* ---- who waits ---- */

void machine_wait(struct machine_waiter **list, struct machine_waiter *waiter)
{
    waiter->leaves = false;
    waiter->next = *list;
    *list = waiter;
}

void machine_notify(struct machine_waiter **list, bool all)
{
    struct machine_waiter **link = list;

    while (*link) {
        struct machine_waiter *waiter = *link;

        if (all || waiter->leaves) {
            *link = waiter->next;
            waiter->ended(waiter->opaque); /* it may be gone now */
        } else {
            link = &waiter->next;
        }
    }
}

void machine_leave(struct machine *machine, struct machine_waiter *waiter)
{
    waiter->leaves = true;
    loop_post(machine->loop, &machine->drain.work);
}

/* ---- drained ---- */

bool machine_is_drained(struct machine *machine)
{
    devices_remove_left(&machine->board);
    return !devices_busy(&machine->board, NULL);
}

const char *machine_busy(const struct machine *machine)
{
    const struct device *device = devices_busy(&machine->board, NULL);

    return device ? device_name(device) : NULL;
}

/* All that may follow, in this order: each looks for itself whether it does. */
static void continue_drained(void *opaque)
{
    struct machine *machine = opaque;
    const bool drained = machine_is_drained(machine);

    if (drained && machine->ending) {
        timer_cancel(&machine->drain.bound);
        loop_quit(machine->loop);
    }
    machine_reset_drained(machine);
    machine_notify(&machine->drain.waiters, drained || machine->state == RUN_RUNNING);
    machine_notify(&machine->reset.waiters, false);
}

void machine_drained(void *opaque)
{
    struct machine *machine = opaque;

    loop_post(machine->loop, &machine->drain.work);
}

/* ---- the end of the program ---- */

static void give_up(void *opaque)
{
    struct machine *machine = opaque;

    loop_quit(machine->loop);
}

void machine_end(struct machine *machine)
{
    machine->ending = true;
    machine_abandon_snapshot(machine);
    machine_stand_still(machine, RUN_SHUTDOWN);
    if (machine_is_drained(machine))
        loop_quit(machine->loop);
    else
        timer_start(machine->loop, &machine->drain.bound, END_MS, give_up, machine);
}

/* The program ends before its event loop has run. */
static void wait_without_loop(const struct machine *machine)
{
    static const struct timespec pause = { .tv_nsec = 1000000 };
    const uint64_t deadline = loop_now() + END_MS;

    while (machine_busy(machine) && loop_now() < deadline)
        nanosleep(&pause, NULL);
}

bool machine_stop_devices(struct machine *machine)
{
    const char *busy;

    devices_run(&machine->board, false);
    if (!machine->ending)
        wait_without_loop(machine);
    busy = machine_busy(machine);
    if (busy)
        message(
            "device '%s': the host does not complete its requests in time; exiting without waiting for them",
            busy);
    return !busy;
}

/* ---- life ---- */

void machine_init_drain(struct machine *machine)
{
    machine->drain.work = (struct work){ .run = continue_drained, .opaque = machine };
    machine->board.drained = machine_drained;
}

void machine_end_drain(struct machine *machine)
{
    timer_cancel(&machine->drain.bound);
    loop_cancel(machine->loop, &machine->drain.work);
    machine_notify(&machine->drain.waiters, true);
}
