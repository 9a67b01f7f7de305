/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory set: a size for the guest, instead of DIMMs.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "hotplug/resize.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands/wait.h"
#include "monitor/pending.h"
#include "monitor/session.h"

struct values {
    uint64_t size;
    uint32_t node;
    bool node_given;
    bool at_most;
    bool dry_run;
    char *template;
    uint32_t timeout;
    bool timeout_given;
    bool wait;
};

#define NEEDED(name, type, field, given, help, missing) \
    { \
        name, type, offsetof(struct values, field), given, help, missing \
    }
#define SET(name, type, field, given, help) NEEDED(name, type, field, given, help, NULL)

static const struct property set_properties[] = {
    NEEDED("size", PROPERTY_SIZE, size, PROPERTY_NO_GIVEN,
           "what the guest is to have, RAM at start and DIMMs together; required",
           "Parameter 'size' is missing: how much memory the guest is to have, such as 4G"),
    SET("node", PROPERTY_UINT32, node, offsetof(struct values, node_given),
        "only this NUMA node of the guest (default: all, as even as can be)"),
    SET("at-most", PROPERTY_BOOL, at_most, PROPERTY_NO_GIVEN,
        "rather below the size than above it, where DIMMs do not allow it exactly (default: off)"),
    SET("dry-run", PROPERTY_BOOL, dry_run, PROPERTY_NO_GIVEN, "only say what would be done (default: off)"),
    SET("template", PROPERTY_STRING, template, PROPERTY_NO_GIVEN,
        "memory of new DIMMs, as -object has it, without id and size (default: -machine dimm-template=)"),
    SET("timeout", PROPERTY_UINT32, timeout, offsetof(struct values, timeout_given),
        "seconds that the guest has for each DIMM (default: -machine plug-timeout=, unplug-timeout=)"),
    SET("wait", PROPERTY_BOOL, wait, PROPERTY_NO_GIVEN,
        "answer when it has ended (people: on; programs: off)"),
};
#define COUNT (sizeof set_properties / sizeof *set_properties)

/* ---- waiting ---- */

struct waiter {
    struct machine *machine;
    struct pending *pending; /* NULL: nobody waits */
    struct resize_watcher watcher;
};

static void ended(void *opaque, struct json_object *result)
{
    struct waiter *waiter = opaque;

    if (waiter->pending)
        pending_finish(waiter->pending, json_object_get(result), NULL);
    free(waiter);
}

static void say(void *opaque, const char *line)
{
    struct waiter *waiter = opaque;

    if (waiter->pending)
        pending_say(waiter->pending, line);
}

static void cancel(void *opaque)
{
    struct waiter *waiter = opaque;

    resize_cancel(machine_hotplug(waiter->machine));
}

static bool begin(struct monitor_context *context, const struct resize_request *request, bool wait,
                  struct json_object **result, struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    struct waiter *waiter;

    /* One that has nothing to do ends at once, and one that has is refused; only what is under way stands. */
    if (resize_is_under_way(hotplug) && !wait_allowed(context, wait, error))
        return false;
    waiter = calloc(1, sizeof *waiter);
    if (!waiter || (wait && !command_defer(context))) {
        free(waiter);
        return error_set(error, "out of memory");
    }
    waiter->machine = context->machine;
    waiter->pending = context->pending;
    waiter->watcher = (struct resize_watcher){ .ended = ended, .say = say, .opaque = waiter };
    if (!resize_begin(hotplug, request, &waiter->watcher, error)) {
        command_undefer(context);
        free(waiter);
        return false;
    }
    if (wait) {
        waiter->pending->cancel = cancel;
        waiter->pending->opaque = waiter;
    } else {
        *result = resize_under_way(hotplug);
    }
    return true;
}

static bool set(struct monitor_context *context, const struct values *values, struct json_object **result,
                struct error *error)
{
    const struct resize_request request = {
        .size = values->size,
        .node_given = values->node_given,
        .node = values->node,
        .at_most = values->at_most,
        .template = values->template,
        .deadline = values->timeout_given ? values->timeout * UINT64_C(1000) : 0,
    };
    struct resize_plan *plan;
    bool good;

    if (values->timeout_given && (values->timeout < 1 || values->timeout > WAIT_SECONDS_MAX))
        return error_set(error, "Parameter 'timeout' expects 1 to %d seconds; got %" PRIu32, WAIT_SECONDS_MAX,
                         values->timeout);
    if (!values->dry_run)
        return begin(context, &request, values->wait, result, error);
    plan = malloc(sizeof *plan);
    good = plan ? resize_plan(machine_hotplug(context->machine), &request, NULL, plan, error)
                : error_set(error, "out of memory");
    if (good)
        *result = resize_describe_plan(machine_hotplug(context->machine), &request, plan);
    free(plan);
    return good;
}

static bool run_set(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    struct values values = { .wait = context->keyval };
    bool done;

    if (!props_read((struct props){ args, context->keyval }, set_properties, COUNT, NULL, "memory set",
                    &values, error))
        return false;
    done = set(context, &values, result, error);
    props_free(set_properties, COUNT, &values);
    return done;
}

/* ---- for people ---- */

static void print_step(struct text *out, struct json_object *step)
{
    const char *device = get_string(step, "device");
    char size[SIZE_TEXT];

    size_text(get_number(step, "size"), size);
    if (strcmp(get_string(step, "action"), "plug") == 0)
        text_printf(out, "  plug %s at 0x%" PRIx64 ", node %" PRIu64 "\n", size, get_number(step, "addr"),
                    get_number(step, "node"));
    else
        text_printf(out, "  unplug %s (%s, slot %" PRIu64 ")\n", *device ? device : "(no id)", size,
                    get_number(step, "slot"));
}

static void print_set(struct text *out, struct json_object *result)
{
    struct json_object *operations = json_object_object_get(result, "operations");
    struct json_object *plan = json_object_object_get(result, "plan");
    char from[SIZE_TEXT], to[SIZE_TEXT], asked[SIZE_TEXT];

    size_text(get_number(result, "current"), from);
    size_text(get_number(result, "result-size"), to);
    size_text(get_number(result, "requested"), asked);
    if (operations) {
        for (size_t i = 0; i < json_object_array_length(operations); i++)
            print_operation(out, json_object_array_get_idx(operations, i));
        text_printf(out, "from %s to %s", from, to);
    } else {
        text_printf(out, "%zu steps:\n", json_object_array_length(plan));
        for (size_t i = 0; i < json_object_array_length(plan); i++)
            print_step(out, json_object_array_get_idx(plan, i));
        text_printf(out, "from %s to %s; nothing is done yet", from, to);
    }
    if (strcmp(to, asked) != 0)
        text_printf(out, ", asked for %s", asked);
    if (*get_string(result, "reason"))
        text_printf(out, ": %s", get_string(result, "reason"));
    text_string(out, "\n");
}

static bool run_cancel(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);

    (void)args, (void)result;
    if (!resize_is_under_way(hotplug))
        return error_set(error, "no memory set is under way");
    resize_cancel(hotplug);
    return true;
}

static const struct command commands[] = {
    /* People press Ctrl-C. */
    { .qmp = "memory-set-cancel", .run = run_cancel },
    { .qmp = "memory-set",
      .hmp = "memory set",
      .run = run_set,
      .returns = "MemorySet",
      .print = print_set,
      .properties = set_properties,
      .property_count = COUNT,
      .parameters = "size[,node=N][,at-most=on][,dry-run=on][,prop=value]",
      .help =
          "bring the guest to a size, by plugging and unplugging DIMMs; Ctrl-C ends it; `memory set help` "
          "lists the properties" },
};

const struct command_area commands_set = { commands, sizeof commands / sizeof commands[0] };
