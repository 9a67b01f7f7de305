/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands for descriptors that a client passes with them. Shapes are QEMU's (qapi/misc.json). An error
 * closes the descriptor that came with the command.
 */
#include <unistd.h>

#include "base/count_of.h"
#include "base/result.h"
#include "chardev/chardev.h"
#include "host/passed.h"
#include "monitor/command.h"

static int take(struct monitor_context *context, struct error *error)
{
    const int fd = context->channel ? channel_take_descriptor(context->channel) : -1;

    if (fd < 0)
        error_set(error, "No file descriptor supplied via SCM_RIGHTS: it comes with the command, over a UNIX "
                         "socket");
    return fd;
}

static bool run_getfd(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    const int fd = take(context, error);

    (void)result;
    return fd >= 0 && passed_name(get_string(args, "fdname"), fd, error);
}

static bool run_closefd(struct monitor_context *context, struct json_object *args,
                        struct json_object **result, struct error *error)
{
    (void)context, (void)result;
    return passed_close_name(get_string(args, "fdname"), error);
}

/* The number of a set, or -1: not given. */
static bool read_set(struct json_object *args, int64_t *set, struct error *error)
{
    struct json_object *value;

    *set = -1;
    if (!json_object_object_get_ex(args, "fdset-id", &value))
        return true;
    *set = json_object_get_int64(value);
    return *set >= 0 ||
           error_set(error, "Parameter 'fdset-id' expects a non-negative value; got '%lld'", (long long)*set);
}

static bool run_add(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    const int fd = take(context, error);
    int64_t set;

    if (fd < 0)
        return false;
    if (!read_set(args, &set, error)) {
        close(fd);
        return false;
    }
    if (!passed_add(&set, fd, json_object_get_string(json_object_object_get(args, "opaque")), error))
        return false;
    *result = json_new_object();
    add_number(*result, "fdset-id", (uint64_t)set);
    add_number(*result, "fd", (uint64_t)fd);
    return true;
}

static bool run_remove(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    struct json_object *value;
    int64_t set, fd = -1;

    (void)context, (void)result;
    if (!read_set(args, &set, error))
        return false;
    if (json_object_object_get_ex(args, "fd", &value)) {
        fd = json_object_get_int64(value);
        if (fd < 0 || fd > INT32_MAX)
            return error_set(error, "Parameter 'fd' expects the number of a descriptor; got '%lld'",
                             (long long)fd);
    }
    return passed_remove(set, (int)fd, error);
}

static bool run_query(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    const struct passed *passed = NULL;
    struct json_object *set = NULL, *fds = NULL, *one;
    int64_t number = -1;

    (void)context, (void)args, (void)error;
    *result = json_new_array();
    while ((passed = passed_next(passed)) != NULL) {
        if (passed->set != number) {
            number = passed->set;
            set = json_append_object(*result);
            add_number(set, "fdset-id", (uint64_t)number);
            fds = json_new_array();
            json_add(set, "fds", fds);
        }
        one = json_append_object(fds);
        add_number(one, "fd", (uint64_t)passed->fd);
        if (passed->opaque)
            add_string(one, "opaque", passed->opaque);
    }
    return true;
}

static const struct command commands[] = {
    { .qmp = "getfd",
      .migrating = COMMAND_WHILE_MIGRATING,
      .early = true,
      .run = run_getfd,
      .arguments = { { "fdname", json_type_string, false } } },
    { .qmp = "closefd",
      .migrating = COMMAND_WHILE_MIGRATING,
      .early = true,
      .run = run_closefd,
      .arguments = { { "fdname", json_type_string, false } } },
    { .qmp = "add-fd",
      .migrating = COMMAND_WHILE_MIGRATING,
      .early = true,
      .run = run_add,
      .arguments = { { "fdset-id", json_type_int, true }, { "opaque", json_type_string, true } },
      .returns = "AddfdInfo" },
    { .qmp = "remove-fd",
      .migrating = COMMAND_WHILE_MIGRATING,
      .early = true,
      .run = run_remove,
      .arguments = { { "fdset-id", json_type_int, false }, { "fd", json_type_int, true } } },
    { .qmp = "query-fdsets", .early = true, .run = run_query, .returns = "[FdsetInfo]" },
};

const struct command_area commands_descriptors = { commands, COUNT_OF(commands) };
