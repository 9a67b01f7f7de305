/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory set: a size for the guest, instead of DIMMs and blocks.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/result.h"
#include "hotplug/resize.h"
#include "hotplug/resize_report.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands/wait.h"
#include "monitor/memory_json.h"
#include "monitor/pending.h"
#include "monitor/session.h"

struct set_values {
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

static const struct property set_properties[] = {
    PROPERTY_ROW_REQUIRED(
        set_values, "size", PROPERTY_SIZE, size,
        "total memory of the guest, RAM at start plus DIMMs and blocks; typed with + or -, relative to the current size; required",
        "Parameter 'size' is missing: the total memory of the guest, such as 4G"),
    PROPERTY_ROW_GIVEN(set_values, "node", PROPERTY_UINT32, node,
                       "only this NUMA node of the guest (default: all nodes, as evenly as possible)"),
    PROPERTY_ROW(set_values, "at-most", PROPERTY_BOOL, at_most,
                 "prefer a smaller size to a larger one if the exact size cannot be reached (default: off)"),
    PROPERTY_ROW(set_values, "dry-run", PROPERTY_BOOL, dry_run,
                 "only show what would be done (default: off)"),
    PROPERTY_ROW(
        set_values, "template", PROPERTY_STRING, template,
        "memory of new DIMMs in the form of -object, without id and size (default: -machine dimm-template=)"),
    PROPERTY_ROW_GIVEN(
        set_values, "timeout", PROPERTY_UINT32, timeout,
        "seconds that the guest has for each step (default: -machine plug-timeout=, unplug-timeout=)"),
    PROPERTY_ROW(set_values, "wait", PROPERTY_BOOL, wait,
                 "reply when it has ended (default: on in the human monitor, off in QMP)"),
};
/* ---- waiting ---- */

struct waiter {
    struct machine *machine;
    struct pending *pending; /* NULL: no client waits */
    struct resize_watcher watcher;
};

static void set_ended(void *opaque, const struct resize_report *report)
{
    struct waiter *waiter = opaque;

    if (waiter->pending)
        pending_finish(waiter->pending, resize_json(report), NULL);
    free(waiter);
}

static void set_progress(void *opaque, const char *line)
{
    struct waiter *waiter = opaque;

    if (waiter->pending)
        pending_progress(waiter->pending, line);
}

static void cancel(void *opaque)
{
    struct waiter *waiter = opaque;

    resize_cancel(machine_hotplug(waiter->machine));
}

static bool begin_set(struct monitor_context *context, const struct resize_request *request, bool wait,
                      struct json_object **result, struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    struct waiter *waiter;

    /* One that has nothing to do ends at once, and one that has is refused; only what is under way stands. */
    if (resize_is_running(hotplug) && !wait_allowed(context, wait, error))
        return false;
    waiter = calloc(1, sizeof *waiter);
    if (!waiter || (wait && !command_defer(context))) {
        free(waiter);
        return error_set(error, "out of memory");
    }
    waiter->machine = context->machine;
    waiter->pending = context->pending;
    waiter->watcher =
        (struct resize_watcher){ .ended = set_ended, .progress = set_progress, .opaque = waiter };
    if (!resize_begin(hotplug, request, &waiter->watcher, error)) {
        command_undefer(context);
        free(waiter);
        return false;
    }
    if (wait) {
        waiter->pending->cancel = cancel;
        waiter->pending->opaque = waiter;
    } else {
        *result = resize_json(resize_report_current(hotplug));
    }
    return true;
}

/* "+1G", "-1G": typed by people, as hotramctl has it; the rest of the word is a size. 0: it has no sign. */
static char split_sign(struct monitor_context *context, struct json_object *args)
{
    struct error ignored;
    const char *word = context->keyval ? props_string((struct props){ args, true }, "size", &ignored) : NULL;
    char sign = word ? *word : '\0';

    if (sign != '+' && sign != '-')
        return '\0';
    json_add(args, "size", json_new_string(word + 1));
    return sign;
}

/* dry-run: a new object, or NULL and an error. */
static struct json_object *plan_set(struct hotplug *hotplug, const struct resize_request *request,
                                    struct error *error)
{
    struct resize_plan *plan = malloc(sizeof *plan);
    struct resize_report *report = NULL;
    struct json_object *result = NULL;

    error_set(error, "out of memory");
    if (plan && resize_plan(hotplug, request, NULL, plan, error)) {
        report = resize_report_plan(hotplug, request, plan);
        if (report)
            result = resize_json(report);
        else
            error_set(error, "out of memory");
    }
    resize_report_release(report);
    free(plan);
    return result;
}

static bool set(struct monitor_context *context, const struct set_values *values, char sign,
                struct json_object **result, struct error *error)
{
    struct resize_request request = {
        .size = values->size,
        .node_given = values->node_given,
        .node = values->node,
        .at_most = values->at_most,
        .template = values->template,
        .deadline = values->timeout_given ? values->timeout * UINT64_C(1000) : 0,
    };

    if (!wait_check_timeout(values->timeout_given, values->timeout, error))
        return false;
    if (sign && !resize_resolve(machine_hotplug(context->machine), &request, sign, error))
        return false;
    if (!values->dry_run)
        return begin_set(context, &request, values->wait, result, error);
    *result = plan_set(machine_hotplug(context->machine), &request, error);
    return *result != NULL;
}

static bool run_set(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    struct set_values values = { .wait = context->keyval };
    const char sign = split_sign(context, args);
    bool done;

    if (!props_read((struct props){ args, context->keyval }, set_properties, COUNT_OF(set_properties), NULL,
                    "memory set", &values, error))
        return false;
    done = set(context, &values, sign, result, error);
    props_free(set_properties, COUNT_OF(set_properties), &values);
    return done;
}

/* ---- for people ---- */

static void print_step(struct text *out, struct json_object *step)
{
    const char *device = get_string(step, "device");
    char size[SIZE_TEXT_MAX], before[SIZE_TEXT_MAX];

    size_text(get_number(step, "size"), size);
    if (strcmp(get_string(step, "action"), "plug") == 0)
        text_printf(out, "  plug %s at 0x%" PRIx64 ", node %" PRIu64 "\n", size, get_number(step, "addr"),
                    get_number(step, "node"));
    else if (strcmp(get_string(step, "action"), "resize") == 0)
        text_printf(out, "  resize %s from %s to %s\n", *device ? device : "(no id)",
                    size_text(get_number(step, "current"), before), size);
    else
        text_printf(out, "  unplug %s (%s, slot %" PRIu64 ")\n", *device ? device : "(no id)", size,
                    get_number(step, "slot"));
}

static void print_set(struct text *out, struct json_object *result)
{
    struct json_object *operations = json_object_object_get(result, "operations");
    struct json_object *plan = json_object_object_get(result, "plan");
    char from[SIZE_TEXT_MAX], to[SIZE_TEXT_MAX], asked[SIZE_TEXT_MAX];

    size_text(get_number(result, "current"), from);
    size_text(get_number(result, "result-size"), to);
    size_text(get_number(result, "requested"), asked);
    if (operations) {
        for (size_t i = 0; i < json_object_array_length(operations); i++)
            print_operation(out, json_object_array_get_idx(operations, i));
        text_printf(out, "from %s to %s", from, to);
    } else {
        const size_t steps = json_object_array_length(plan);

        text_printf(out, "%zu step%s:\n", steps, steps == 1 ? "" : "s");
        for (size_t i = 0; i < json_object_array_length(plan); i++)
            print_step(out, json_object_array_get_idx(plan, i));
        text_printf(out, "from %s to %s; nothing has been done", from, to);
    }
    if (strcmp(to, asked) != 0)
        text_printf(out, ", requested %s", asked);
    if (*get_string(result, "reason"))
        text_printf(out, ": %s", get_string(result, "reason"));
    text_string(out, "\n");
}

static bool run_cancel(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);

    (void)args, (void)result;
    if (!resize_is_running(hotplug))
        return error_set(error, "no memory set is in progress");
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
      .property_count = COUNT_OF(set_properties),
      .parameters = "size[,node=N][,at-most=on][,dry-run=on][,prop=value]",
      .help =
          "change the guest's memory to a size by plugging and unplugging DIMMs and blocks; Ctrl-C ends it; `memory set help` "
          "lists the properties" },
};

const struct command_area commands_set = { commands, sizeof commands / sizeof commands[0] };
