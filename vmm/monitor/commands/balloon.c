/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands for the balloon. Shapes and texts are QEMU's. */
#include "virtio/balloon.h"

#include <inttypes.h>

#include "base/json_build.h"
#include "machine/machine.h"
#include "monitor/command.h"

static bool run_balloon(struct monitor_context *context, struct json_object *args,
                        struct json_object **result, struct error *error)
{
    (void)result;
    return balloon_ask(machine_board(context->machine),
                       json_object_get_int64(json_object_object_get(args, "value")), error);
}

/* People mean MiB, and may add a suffix. */
static bool run_balloon_line(struct monitor_context *context, struct json_object *args,
                             struct json_object **result, struct error *error)
{
    const char *text = json_object_get_string(json_object_object_get(args, "target"));
    uint64_t bytes;

    (void)result;
    if (!size_parse(text, UINT64_C(1) << 20, &bytes, error))
        return error_prefix(error, "Parameter 'target' ");
    return balloon_ask(machine_board(context->machine), bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX,
                       error);
}

static bool run_query(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    uint64_t size;

    (void)args;
    if (!balloon_kept(machine_board(context->machine), &size, error))
        return false;
    *result = json_new_object();
    add_number(*result, "actual", size);
    return true;
}

static void print_query(struct text *out, struct json_object *result)
{
    text_printf(out, "balloon: actual=%" PRIu64 "\n",
                (uint64_t)json_object_get_int64(json_object_object_get(result, "actual")) >> 20);
}

static const struct command commands[] = {
    { .qmp = "balloon", .arguments = { { "value", json_type_int, false } }, .run = run_balloon },
    { .hmp = "balloon",
      .arguments = { { "target", json_type_string, false } },
      .run = run_balloon_line,
      .parameters = "target",
      .help = "ask the guest to keep so much memory (MiB, or with a suffix), and to lend the rest" },
    { .qmp = "query-balloon",
      .hmp = "info balloon",
      .run = run_query,
      .returns = "BalloonInfo",
      .print = print_query,
      .help = "show how much memory the guest keeps, in MiB" },
};

const struct command_area commands_balloon = { commands, sizeof commands / sizeof commands[0] };
