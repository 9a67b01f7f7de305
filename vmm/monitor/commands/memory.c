/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that add and remove memory backends and DIMMs, and the types of both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/result.h"
#include "device/device.h"
#include "hotplug/hotplug.h"
#include "machine/machine.h"
#include "memory/backend.h"
#include "monitor/command.h"
#include "monitor/pending.h"
#include "monitor/session.h"

static bool object_type(size_t index, const char **name, const struct property **table, size_t *count)
{
    const struct object_type *type = object_type_at(index);

    if (!type)
        return false;
    *name = type->name;
    *table = type->properties;
    *count = type->property_count;
    return true;
}

static const char *object_id(const char *name)
{
    const struct object_type *type = name ? object_type_find(name) : NULL;

    return type ? type->example_id : "mem1";
}

/* Those that device_add makes. */
static bool device_type(size_t index, const char **name, const struct property **table, size_t *count)
{
    const struct device_type *type;
    size_t hot = 0;

    for (size_t i = 0; (type = device_type_at(i)) != NULL; i++)
        if (type->hot && hot++ == index) {
            *name = type->name;
            *table = type->properties;
            *count = type->property_count;
            return true;
        }
    return false;
}

const struct type_family object_types = {
    .what = "object", .key = "qom-type", .example_id = object_id, .type = object_type
};
const struct type_family device_types = {
    .what = "device", .key = "driver", .example = "pc-dimm", .type = device_type
};

static void print_types(const struct type_family *family, struct text *out)
{
    const struct property *table;
    const char *name;
    size_t count;

    for (size_t i = 0; family->type(i, &name, &table, &count); i++)
        text_printf(out, "%s\n", name);
}

void properties_help(const char *title, const struct property *table, size_t count, struct text *out)
{
    text_printf(out, "%s\n", title);
    for (size_t i = 0; i < count; i++) {
        char left[64];

        snprintf(left, sizeof left, "%s=<%s>", table[i].name, property_type_name(table[i].type));
        text_printf(out, "  %-22s - %s\n", left, table[i].help);
    }
}

static void print_properties(const char *name, const struct property *table, size_t count, struct text *out)
{
    char title[192];

    snprintf(title, sizeof title, "%s options:\n  %-22s - %s", name, "id=<str>",
             "its name; required for removing it");
    properties_help(title, table, count, out);
}

bool type_help(const struct type_family *family, const char *text, struct text *out)
{
    const struct property *table;
    size_t length = strcspn(text, ",");
    const char *name;
    size_t count;

    if (strcmp(text, "help") == 0 || strcmp(text, "?") == 0) {
        print_types(family, out);
        return true;
    }
    if (strcmp(text + length, ",help") != 0 && strcmp(text + length, ",?") != 0)
        return false;
    for (size_t i = 0; family->type(i, &name, &table, &count); i++)
        if (strlen(name) == length && memcmp(name, text, length) == 0) {
            print_properties(name, table, count, out);
            return true;
        }
    return false; /* trying to make one gives the error */
}

/* ---- memory that is allocated while a command waits ---- */

struct allocation {
    struct machine *machine;
    struct pending *pending;
    char *id; /* of the backend */
};

static void allocation_ended(void *opaque, const struct error *error)
{
    struct allocation *allocation = opaque;

    pending_finish(allocation->pending, NULL, error);
    free(allocation->id);
    free(allocation);
}

void prealloc_progress(struct machine *machine, struct pending *pending, const char *id, uint64_t done,
                       uint64_t size)
{
    const struct event event = {
        .kind = EVENT_MEMORY_PREALLOC,
        .prealloc.backend = id,
        .prealloc.done = done,
        .prealloc.size = size,
    };
    char line[256];
    char some[SIZE_TEXT_MAX];
    char all[SIZE_TEXT_MAX];

    machine_emit(machine, &event);
    snprintf(line, sizeof line, "%.80s: %s of %s", id, size_text(done, some), size_text(size, all));
    pending_progress(pending, line);
}

static void allocation_progress(void *opaque, const char *id, uint64_t done, uint64_t size)
{
    struct allocation *allocation = opaque;

    prealloc_progress(allocation->machine, allocation->pending, id, done, size);
}

static void allocation_cancel(void *opaque)
{
    struct allocation *allocation = opaque;

    backend_cancel(machine_backends(allocation->machine), allocation->id);
}

static void plug_cancel(void *opaque)
{
    struct allocation *allocation = opaque;

    if (!device_cancel_add(machine_board(allocation->machine), allocation))
        hotplug_cancel_plug(machine_hotplug(allocation->machine), allocation->id);
}

/* Everything that a later answer needs, before the request, which may not be undone. */
static struct allocation *prepare(struct monitor_context *context, const char *id, struct completion *watcher,
                                  struct error *error)
{
    struct allocation *allocation = calloc(1, sizeof *allocation);

    if (allocation) {
        allocation->machine = context->machine;
        allocation->id = strdup(id ? id : "");
        allocation->pending = command_defer(context);
    }
    if (!allocation || !allocation->id || !allocation->pending) {
        error_set(error, "out of memory");
        command_undefer(context);
    }
    *watcher = (struct completion){ allocation_ended, allocation_progress, allocation };
    return allocation;
}

/* Answer now, or later. */
static bool answer_or_defer(struct monitor_context *context, struct allocation *allocation,
                            enum outcome outcome, void (*cancel)(void *opaque))
{
    if (outcome == OUTCOME_LATER) {
        allocation->pending->cancel = cancel;
        allocation->pending->opaque = allocation;
        return true;
    }
    command_undefer(context);
    if (allocation)
        free(allocation->id);
    free(allocation);
    return outcome == OUTCOME_DONE;
}

static const char *argument(struct json_object *args, const char *name)
{
    return json_object_get_string(json_object_object_get(args, name));
}

static bool run_object_add(struct monitor_context *context, struct json_object *args,
                           struct json_object **result, struct error *error)
{
    struct props props = { args, context->keyval };
    const struct object_type *type = object_type_require(argument(args, "qom-type"), error);
    struct completion completion;
    struct allocation *allocation;
    enum outcome outcome = OUTCOME_FAILED;

    (void)result;
    if (!type)
        return false;
    allocation = prepare(context, argument(args, "id"), &completion, error);
    if (context->pending)
        outcome = type->create(machine_backends(context->machine), props, &completion, error);
    return answer_or_defer(context, allocation, outcome, allocation_cancel);
}

static bool run_object_del(struct monitor_context *context, struct json_object *args,
                           struct json_object **result, struct error *error)
{
    struct completion watcher;
    struct allocation *allocation = prepare(context, argument(args, "id"), &watcher, error);
    enum outcome outcome = OUTCOME_FAILED;

    (void)result;
    if (context->pending)
        outcome = backend_del(machine_backends(context->machine), argument(args, "id"), &watcher, error);
    return answer_or_defer(context, allocation, outcome, allocation_cancel);
}

/* The properties of a device as a person would type them. Programs may give them as JSON or, as older ones
 * do, as strings throughout: "slot": 0 and "slot": "0". */
static struct json_object *as_keyval(struct json_object *args, struct error *error)
{
    struct json_object *strings = json_new_object();
    char number[JSON_NUMBER_TEXT_MAX];

    json_object_object_foreach(args, name, value)
    {
        enum json_type type = json_object_get_type(value);

        if (type != json_type_string && type != json_type_int && type != json_type_boolean) {
            if (json_is_huge(value))
                error_set(
                    error,
                    "Parameter '%s' expects integer; got %.17g, and 18446744073709551615 is the largest",
                    name, json_object_get_double(value));
            else
                error_set(error, "Invalid parameter type for '%s', expected: string, integer or boolean",
                          name);
            json_object_put(strings);
            return NULL;
        }
        if (type == json_type_boolean)
            add_string(strings, name, json_object_get_boolean(value) ? "on" : "off");
        else if (type == json_type_int)
            add_string(strings, name, json_number_text(value, number));
        else
            add_string(strings, name, json_object_get_string(value));
    }
    if (json_check(strings, error))
        return strings;
    json_object_put(strings);
    return NULL;
}

static bool run_device_add(struct monitor_context *context, struct json_object *args,
                           struct json_object **result, struct error *error)
{
    struct props props = { as_keyval(args, error), true };
    struct completion watcher;
    struct allocation *allocation;
    enum outcome outcome = OUTCOME_FAILED;

    (void)result;
    if (!props.object)
        return false;
    allocation = prepare(context, argument(props.object, "memdev"), &watcher, error);
    if (context->pending)
        outcome = device_add(machine_board(context->machine), props, true, &watcher, error);
    json_object_put(props.object);
    return answer_or_defer(context, allocation, outcome, plug_cancel);
}

static bool run_device_del(struct monitor_context *context, struct json_object *args,
                           struct json_object **result, struct error *error)
{
    (void)result;
    return device_del(machine_board(context->machine), argument(args, "id"), error);
}

static const struct command commands[] = {
    { .qmp = "object-add",
      .early = true,
      .hmp = "object_add",
      .family = &object_types,
      .run = run_object_add,
      .arguments = { { "qom-type", json_type_string, false }, { "id", json_type_string, false } },
      .parameters = "type,id=str[,prop=value][,...]",
      .help =
          "create a memory backend; `object_add help` lists the types, `object_add TYPE,help` the properties" },
    { .qmp = "object-del",
      .early = true,
      .hmp = "object_del",
      .run = run_object_del,
      .completion = COMPLETE_BACKENDS,
      .arguments = { { "id", json_type_string, false } },
      .parameters = "id",
      .help = "delete a memory backend that is not in use" },
    { .qmp = "device_add",
      .hmp = "device_add",
      .family = &device_types,
      .feature = "json-cli-hotplug", /* -device takes JSON, and what it makes can be unplugged */
      .arguments = { { "driver", json_type_string, false }, { "id", json_type_string, true } },
      .run = run_device_add,
      .parameters = "driver[,prop=value][,...]",
      .help =
          "plug a DIMM, like -device on the command line; `device_add pc-dimm,help` lists the properties" },
    { .qmp = "device_del",
      .hmp = "device_del",
      .run = run_device_del,
      .completion = COMPLETE_DIMMS,
      .arguments = { { "id", json_type_string, false } },
      .parameters = "device",
      .help = "request that the guest release a DIMM; the event DEVICE_DELETED reports its removal" },
};

const struct command_area commands_memory = { commands, sizeof commands / sizeof commands[0] };
