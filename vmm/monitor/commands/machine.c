/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that make the machine run, stop, reset and end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/loop.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/pending.h"
#include "monitor/session.h"
#include "options/parser.h"

#define TICK 1000 /* milliseconds between two lines that say what is waited for */

static bool run_cont(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    (void)args, (void)result;
    return machine_cont(context->machine, error);
}

/* Who waits until kernel and initrd are loaded, or until the host has completed the requests of disks. */
struct query {
    struct machine_waiter waiter;
    struct machine *machine;
    struct pending *pending;
    struct timer timer;
};

static void ended(void *opaque)
{
    struct query *query = opaque;

    timer_cancel(&query->timer);
    pending_finish(query->pending, NULL, NULL);
    free(query);
}

static void cancel(void *opaque)
{
    struct query *query = opaque;

    machine_leave(query->machine, &query->waiter);
}

/* A person learns what does not end. */
static void tick(void *opaque)
{
    struct query *query = opaque;
    const char *busy = machine_busy(query->machine);
    char line[256];

    if (busy) {
        snprintf(line, sizeof line, "waits for: %.80s (the host has not completed its requests)", busy);
        pending_progress(query->pending, line);
    }
    timer_start(machine_loop(query->machine), &query->timer, TICK, tick, query);
}

/* All that is needed later, before the first effect. NULL: out of memory. */
static struct query *prepare(struct monitor_context *context, struct error *error)
{
    struct query *query = calloc(1, sizeof *query);

    if (!query || !command_defer(context)) {
        free(query);
        error_set(error, "out of memory");
        return NULL;
    }
    query->waiter = (struct machine_waiter){ .ended = ended, .opaque = query };
    query->machine = context->machine;
    query->pending = context->pending;
    query->pending->cancel = cancel;
    query->pending->opaque = query;
    return query;
}

static void answer(struct monitor_context *context, struct query *query, bool later)
{
    if (later) {
        timer_start(machine_loop(query->machine), &query->timer, TICK, tick, query);
        return;
    }
    free(query);
    command_undefer(context);
}

static bool run_stop(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    struct query *query = prepare(context, error);

    (void)args, (void)result;
    if (query)
        answer(context, query, machine_stop(context->machine, &query->waiter));
    return query != NULL;
}

static bool run_reset(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    struct query *query = prepare(context, error);

    (void)args, (void)result;
    if (query)
        answer(context, query, machine_reset(context->machine, CAUSE_HOST_QMP_SYSTEM_RESET, &query->waiter));
    return query != NULL;
}

static bool run_powerdown(struct monitor_context *context, struct json_object *args,
                          struct json_object **result, struct error *error)
{
    (void)args, (void)result, (void)error;
    machine_powerdown(context->machine);
    return true;
}

static bool run_nmi(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    (void)args, (void)result;
    return machine_nmi(context->machine, error);
}

static bool run_quit(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    (void)args, (void)result, (void)error;
    machine_quit(context->machine, CAUSE_HOST_QMP_QUIT);
    return true;
}

static bool run_set_action(struct monitor_context *context, struct json_object *args,
                           struct json_object **result, struct error *error)
{
    (void)result;
    return actions_read(args, machine_actions(context->machine), "set-action", error);
}

static bool run_watchdog(struct monitor_context *context, struct json_object *args,
                         struct json_object **result, struct error *error)
{
    (void)result;
    return watchdog_action_read(args, machine_actions(context->machine), "watchdog-set-action", error);
}

static bool run_exit_preconfig(struct monitor_context *context, struct json_object *args,
                               struct json_object **result, struct error *error)
{
    (void)args, (void)result;
    return machine_exit_preconfig(context->machine, error);
}

static const struct command commands[] = {
    { .qmp = "x-exit-preconfig",
      .hmp = "exit_preconfig",
      .early = true,
      .run = run_exit_preconfig,
      .help = "continue a start with --preconfig" },
    { .qmp = "stop",
      .migrating = COMMAND_WHILE_MIGRATING,
      .hmp = "stop",
      .alias = "s",
      .run = run_stop,
      .help = "stop emulation" },
    { .qmp = "cont",
      .migrating = COMMAND_WHILE_MIGRATING,
      .hmp = "cont",
      .alias = "c",
      .run = run_cont,
      .help = "resume emulation" },
    { .qmp = "system_reset", .hmp = "system_reset", .run = run_reset, .help = "reset the system" },
    { .qmp = "system_powerdown",
      .migrating = COMMAND_WHILE_SENDING,
      .hmp = "system_powerdown",
      .run = run_powerdown,
      .help = "press the power button, which asks the guest to shut down" },
    { .qmp = "inject-nmi",
      .migrating = COMMAND_WHILE_SENDING,
      .hmp = "nmi",
      .run = run_nmi,
      .help = "inject a non-maskable interrupt into each vCPU, of which guests dump their state or panic" },
    { .qmp = "set-action",
      .migrating = COMMAND_WHILE_MIGRATING,
      .run = run_set_action,
      .arguments = { { "reboot", json_type_string, true },
                     { "shutdown", json_type_string, true },
                     { "panic", json_type_string, true },
                     { "watchdog", json_type_string, true } } },
    { .qmp = "watchdog-set-action",
      .migrating = COMMAND_WHILE_MIGRATING,
      .hmp = "watchdog_action",
      .run = run_watchdog,
      .completion = COMPLETE_PARAMETERS,
      .arguments = { { "action", json_type_string, false } },
      .parameters = "reset|shutdown|poweroff|pause|debug|none|inject-nmi",
      .help = "what follows when the guest does not feed its watchdog" },
    { .qmp = "quit",
      .early = true,
      .hmp = "quit",
      .alias = "q",
      .run = run_quit,
      .help = "exit hotram and end the guest" },
};

const struct command_area commands_machine = { commands, sizeof commands / sizeof commands[0] };
