/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plug and unplug as operations with a result: memory plug, memory unplug, and what became of them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "hotplug/operation.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands/wait.h"
#include "monitor/session.h"

struct plug_values {
    uint64_t size;
    char *id;
    int32_t slot; /* -1: the first free */
    uint64_t addr;
    bool addr_given;
    uint32_t node;
    bool node_given;
    char *template;
    uint32_t timeout;
    bool timeout_given;
    bool wait;
};

#define NEEDED(name, type, field, given, help, missing) \
    { \
        name, type, offsetof(struct plug_values, field), given, help, missing \
    }
#define PLUG(name, type, field, given, help) NEEDED(name, type, field, given, help, NULL)

static const struct property plug_properties[] = {
    NEEDED("size", PROPERTY_SIZE, size, PROPERTY_NO_GIVEN,
           "how much, a multiple of -machine dimm-granularity= (the guest's memory block); required",
           "Parameter 'size' is missing: how much memory to plug, such as 1G"),
    PLUG("id", PROPERTY_STRING, id, PROPERTY_NO_GIVEN,
         "its name (default: dimm0 ... the first that is free)"),
    PLUG("node", PROPERTY_UINT32, node, offsetof(struct plug_values, node_given),
         "NUMA node of the guest (default: as -machine dimm-node= says, or 0)"),
    PLUG("slot", PROPERTY_INT32, slot, PROPERTY_NO_GIVEN, "slot number; -1 (default): the first free slot"),
    PLUG("addr", PROPERTY_UINT64, addr, offsetof(struct plug_values, addr_given),
         "guest-physical address (default: the lowest that fits)"),
    PLUG("template", PROPERTY_STRING, template, PROPERTY_NO_GIVEN,
         "its memory, as -object has it, without id and size (default: -machine dimm-template=)"),
    PLUG("timeout", PROPERTY_UINT32, timeout, offsetof(struct plug_values, timeout_given),
         "seconds that the guest has to answer (default: -machine plug-timeout=)"),
    PLUG("wait", PROPERTY_BOOL, wait, PROPERTY_NO_GIVEN,
         "answer when the guest has (people: on; programs: off)"),
};

struct unplug_values {
    char *id;
    uint32_t timeout;
    bool timeout_given;
    bool wait;
};

static const struct property unplug_properties[] = {
    { "id", PROPERTY_STRING, offsetof(struct unplug_values, id), PROPERTY_NO_GIVEN,
      "the DIMM's name; required", "Parameter 'id' is missing: which DIMM; info memory-devices lists them" },
    { "timeout", PROPERTY_UINT32, offsetof(struct unplug_values, timeout),
      offsetof(struct unplug_values, timeout_given),
      "seconds that the guest has to answer (default: -machine unplug-timeout=)", NULL },
    { "wait", PROPERTY_BOOL, offsetof(struct unplug_values, wait), PROPERTY_NO_GIVEN,
      "answer when the guest has (people: on; programs: off)", NULL },
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static bool check_timeout(bool given, uint32_t timeout, struct error *error)
{
    return !given || (timeout >= 1 && timeout <= WAIT_SECONDS_MAX) ||
           error_set(error, "Parameter 'timeout' expects 1 to %d seconds; got %" PRIu32, WAIT_SECONDS_MAX,
                     timeout);
}

static bool plug(struct monitor_context *context, const struct plug_values *values,
                 struct json_object **result, struct error *error)
{
    struct module module = {
        .id = values->id,
        .size = values->size,
        .slot_given = values->slot != -1,
        .slot = (uint32_t)values->slot,
        .addr_given = values->addr_given,
        .addr = values->addr,
        .node_given = values->node_given,
        .node = values->node,
        .template = values->template,
    };

    if (!check_timeout(values->timeout_given, values->timeout, error))
        return false;
    return wait_for_plug(context, &module, values->timeout * UINT64_C(1000), values->wait, result, error);
}

static bool run_plug(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    struct plug_values values = { .slot = -1, .wait = context->keyval };
    bool done;

    if (!props_read((struct props){ args, context->keyval }, plug_properties, COUNT(plug_properties), NULL,
                    "memory plug", &values, error))
        return false;
    done = plug(context, &values, result, error);
    props_free(plug_properties, COUNT(plug_properties), &values);
    return done;
}

static bool run_unplug(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    struct unplug_values values = { .wait = context->keyval };
    bool done;

    if (!props_read((struct props){ args, context->keyval }, unplug_properties, COUNT(unplug_properties),
                    NULL, "memory unplug", &values, error))
        return false;
    done = check_timeout(values.timeout_given, values.timeout, error) &&
           wait_for_unplug(context, values.id, values.timeout * UINT64_C(1000), values.wait, result, error);
    props_free(unplug_properties, COUNT(unplug_properties), &values);
    return done;
}

static bool run_query(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    const struct operation *operation = NULL;

    (void)args, (void)error;
    *result = json_new_array();
    while ((operation = hotplug_next_operation(hotplug, operation)) != NULL)
        json_append(*result, operation_describe(operation));
    return true;
}

static void print_query(struct text *out, struct json_object *result)
{
    for (size_t i = 0; i < json_object_array_length(result); i++)
        print_operation(out, json_object_array_get_idx(result, i));
}

struct cancel_values {
    uint64_t id;
};

static const struct property cancel_properties[] = {
    { "id", PROPERTY_UINT64, offsetof(struct cancel_values, id), PROPERTY_NO_GIVEN,
      "the operation's number, from info memory-operations; required",
      "Parameter 'id' is missing: the number of an operation; info memory-operations lists them" },
};

static bool run_cancel(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    struct cancel_values values = { 0 };

    (void)result;
    if (!props_read((struct props){ args, context->keyval }, cancel_properties, COUNT(cancel_properties),
                    NULL, "memory cancel", &values, error))
        return false;
    return hotplug_cancel_operation(machine_hotplug(context->machine), values.id, error);
}

static const struct command commands[] = {
    { .qmp = "memory-plug",
      .hmp = "memory plug",
      .run = run_plug,
      .returns = "MemoryOperation",
      .print = print_operation,
      .properties = plug_properties,
      .property_count = COUNT(plug_properties),
      .parameters = "size[,id=str][,prop=value][,...]",
      .help = "plug a DIMM with memory of its own and wait for the guest; `memory plug help` lists the "
              "properties" },
    { .qmp = "memory-unplug",
      .hmp = "memory unplug",
      .run = run_unplug,
      .returns = "MemoryOperation",
      .print = print_operation,
      .completion = COMPLETE_DIMMS,
      .properties = unplug_properties,
      .property_count = COUNT(unplug_properties),
      .parameters = "id[,timeout=seconds][,wait=on|off]",
      .help = "ask the guest to give a DIMM back and wait for it; Ctrl-C withdraws the request" },
    { .qmp = "memory-operation-cancel",
      .hmp = "memory cancel",
      .run = run_cancel,
      .properties = cancel_properties,
      .property_count = COUNT(cancel_properties),
      .parameters = "operation",
      .help = "withdraw an unplug that is under way" },
    { .qmp = "query-memory-operations",
      .hmp = "info memory-operations",
      .run = run_query,
      .returns = "[MemoryOperation]",
      .print = print_query,
      .help = "show what became of plugs and unplugs, and those under way" },
};

const struct command_area commands_operation = { commands, COUNT(commands) };
