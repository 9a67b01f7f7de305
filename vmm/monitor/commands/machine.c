/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that make the machine run, stop, reset and end.
 */
#include <stdlib.h>

#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/pending.h"
#include "monitor/session.h"
#include "options/parser.h"

static bool run_stop(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    (void)args, (void)result, (void)error;
    machine_stop(context->machine);
    return true;
}

static bool run_cont(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    (void)args, (void)result;
    return machine_cont(context->machine, error);
}

/* Who waits until kernel and initrd are loaded. */
struct reset_query {
    struct reset_waiter waiter;
    struct machine *machine;
    struct pending *pending;
};

static void reset_ended(void *opaque)
{
    struct reset_query *query = opaque;

    pending_finish(query->pending, NULL, NULL);
    free(query);
}

static void reset_cancel(void *opaque)
{
    struct reset_query *query = opaque;

    machine_reset_leave(query->machine, &query->waiter);
}

static bool run_reset(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    struct reset_query *query = calloc(1, sizeof *query);

    (void)args, (void)result;
    if (!query || !command_defer(context)) {
        free(query);
        return error_set(error, "out of memory");
    }
    query->waiter = (struct reset_waiter){ .ended = reset_ended, .opaque = query };
    query->machine = context->machine;
    query->pending = context->pending;
    query->pending->cancel = reset_cancel;
    query->pending->opaque = query;
    if (machine_reset(context->machine, CAUSE_HOST_QMP_SYSTEM_RESET, &query->waiter))
        return true;
    free(query->pending);
    free(query);
    context->pending = NULL;
    return true;
}

static bool run_powerdown(struct monitor_context *context, struct json_object *args,
                          struct json_object **result, struct error *error)
{
    (void)args, (void)result, (void)error;
    machine_powerdown(context->machine);
    return true;
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
    { .qmp = "stop", .hmp = "stop", .alias = "s", .run = run_stop, .help = "stop emulation" },
    { .qmp = "cont", .hmp = "cont", .alias = "c", .run = run_cont, .help = "resume emulation" },
    { .qmp = "system_reset", .hmp = "system_reset", .run = run_reset, .help = "reset the system" },
    { .qmp = "system_powerdown",
      .hmp = "system_powerdown",
      .run = run_powerdown,
      .help = "press the power button, which asks the guest to shut down" },
    { .qmp = "set-action",
      .run = run_set_action,
      .arguments = { { "reboot", json_type_string, true },
                     { "shutdown", json_type_string, true },
                     { "panic", json_type_string, true },
                     { "watchdog", json_type_string, true } } },
    { .qmp = "watchdog-set-action",
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
