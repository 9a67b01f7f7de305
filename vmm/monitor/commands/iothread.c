/* SPDX-License-Identifier: BSD-2-Clause */
/* Queries of objects iothread. Shapes and texts are QEMU's (qapi/misc.json). */
#include "virtio/iothread.h"

#include <inttypes.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "machine/machine.h"
#include "memory/object.h"
#include "monitor/command.h"

/* An I/O thread waits for events and never polls for them: so all of polling's figures are 0. */
static const char *const polling[] = { "poll-max-ns", "poll-grow", "poll-shrink", "aio-max-batch" };

static void describe(const struct object *object, struct json_object *one)
{
    add_string(one, "id", object->id);
    add_number(one, "thread-id", (uint64_t)iothread_tid(object));
    for (size_t i = 0; i < COUNT_OF(polling); i++)
        add_number(one, polling[i], 0);
}

static bool run_query(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    const struct backends *backends = machine_backends(context->machine);

    (void)args, (void)error;
    *result = json_new_array();
    for (const struct object *object = object_next(backends, NULL); object;
         object = object_next(backends, object))
        if (iothread_tid(object) != 0)
            describe(object, json_append_object(*result));
    return true;
}

static void print_query(struct text *out, struct json_object *result)
{
    for (size_t i = 0; i < json_object_array_length(result); i++) {
        struct json_object *one = json_object_array_get_idx(result, i);

        text_printf(out, "%s:\n  thread_id=%" PRId64 "\n",
                    json_object_get_string(json_object_object_get(one, "id")),
                    json_object_get_int64(json_object_object_get(one, "thread-id")));
    }
}

static const struct command commands[] = {
    { .qmp = "query-iothreads",
      .hmp = "info iothreads",
      .early = true,
      .run = run_query,
      .returns = "[IOThreadInfo]",
      .print = print_query,
      .help = "show the objects iothread and their threads" },
};

const struct command_area commands_iothread = { commands, COUNT_OF(commands) };
