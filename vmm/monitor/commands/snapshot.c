/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command that writes a snapshot of the machine.
 */
#include <stdlib.h>

#include "base/result.h"
#include "machine/snapshot.h"
#include "monitor/command.h"
#include "monitor/pending.h"
#include "monitor/session.h"

static void ended(void *opaque, const struct error *error)
{
    pending_finish(opaque, NULL, error);
}

static bool run_snapshot(struct monitor_context *context, struct json_object *args,
                         struct json_object **result, struct error *error)
{
    struct pending *pending = command_defer(context);

    (void)result;
    if (!pending)
        return error_set(error, "out of memory");
    if (machine_snapshot(context->machine, get_string(args, "file"),
                         json_object_get_boolean(json_object_object_get(args, "background")), ended, pending,
                         error))
        return true;
    command_undefer(context);
    return false;
}

static const struct command commands[] = {
    { .qmp = "machine-snapshot",
      .hmp = "machine_snapshot",
      .run = run_snapshot,
      .whole_line = true,
      .flag = "-b",
      .flag_argument = "background",
      .arguments = { { "file", json_type_string, false }, { "background", json_type_boolean, true } },
      .parameters = "[-b] FILE",
      .help =
          "write the state of the machine and its memory to a file, from which -incoming file:FILE continues; -b: the guest runs meanwhile" },
};

const struct command_area commands_snapshot = { commands, sizeof commands / sizeof commands[0] };
