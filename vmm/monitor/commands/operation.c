/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plug and unplug as operations with a result: memory plug, memory unplug, and what became of them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/dimm_place.h"
#include "base/result.h"
#include "device/device.h"
#include "hotplug/device_operation.h"
#include "hotplug/operation.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands/wait.h"
#include "monitor/memory_json.h"
#include "monitor/session.h"

struct plug_values {
    uint64_t size;
    char *id;
    struct dimm_place place;
    char *template;
    uint32_t timeout;
    bool timeout_given;
    bool wait;
};

static const struct property plug_properties[] = {
    PROPERTY_ROW_REQUIRED(
        plug_values, "size", PROPERTY_SIZE, size,
        "size, a multiple of -machine dimm-granularity= (default: the guest's memory block); required",
        "Parameter 'size' is missing: the size of the DIMM, such as 1G"),
    PROPERTY_ROW(plug_values, "id", PROPERTY_STRING, id,
                 "the DIMM's name (default: the first free one of dimm0, dimm1 ...); or that of a virtio-mem "
                 "device, of which so much more is requested"),
    DIMM_PLACE_ROWS(DIMM_PLACE_PROPERTY, plug_values, place),
    PROPERTY_ROW(plug_values, "template", PROPERTY_STRING, template,
                 "its memory in the form of -object, without id and size (default: -machine dimm-template=)"),
    PROPERTY_ROW_GIVEN(plug_values, "timeout", PROPERTY_UINT32, timeout,
                       "seconds that the guest has to respond (default: -machine plug-timeout=)"),
    PROPERTY_ROW(plug_values, "wait", PROPERTY_BOOL, wait,
                 "reply when the guest has responded (default: on in the human monitor, off in QMP)"),
};

struct unplug_values {
    char *id;
    uint64_t size;
    uint32_t timeout;
    bool size_given;
    bool timeout_given;
    bool wait;
};

static const struct property unplug_properties[] = {
    PROPERTY_ROW_REQUIRED(
        unplug_values, "id", PROPERTY_STRING, id, "the name of a DIMM or of a virtio-mem device; required",
        "Parameter 'id' is missing: the id of a DIMM or virtio-mem device; info memory-devices lists them"),
    PROPERTY_ROW_GIVEN(
        unplug_values, "size", PROPERTY_SIZE, size,
        "how much less is requested of a virtio-mem device (default, and always of a DIMM: all)"),
    PROPERTY_ROW_GIVEN(unplug_values, "timeout", PROPERTY_UINT32, timeout,
                       "seconds that the guest has to respond (default: -machine unplug-timeout=)"),
    PROPERTY_ROW(unplug_values, "wait", PROPERTY_BOOL, wait,
                 "reply when the guest has responded (default: on in the human monitor, off in QMP)"),
};

/* What only a new DIMM can have. */
static bool check_blocks(const struct plug_values *values, struct error *error)
{
    const char *name = dimm_place_has_slot(&values->place) ? "slot"
                       : values->place.addr_given          ? "addr"
                       : values->place.node_given          ? "node"
                       : values->template                  ? "template"
                                                           : NULL;

    if (name)
        return error_set(
            error,
            "Parameter '%s' is for a new DIMM, and '%.80s' is a virtio-mem device, which is there "
            "already; leave it out, or choose another id",
            name, values->id);
    return values->size > 0 ||
           error_set(error, "Parameter 'size' expects a size above 0, a multiple of the device's block-size");
}

static bool plug(struct monitor_context *context, const struct plug_values *values,
                 struct json_object **result, struct error *error)
{
    struct auto_dimm auto_dimm = {
        .id = values->id,
        .size = values->size,
        .place = values->place,
        .template = values->template,
    };

    if (!wait_check_timeout(values->timeout_given, values->timeout, error))
        return false;
    if (values->id && hotplug_is_blocks(machine_hotplug(context->machine), values->id))
        return check_blocks(values, error) &&
               wait_for_blocks(context, values->id, '+', values->size, values->timeout * UINT64_C(1000),
                               values->wait, result, error);
    return wait_for_plug(context, &auto_dimm, values->timeout * UINT64_C(1000), values->wait, result, error);
}

static bool run_plug(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    struct plug_values values = { .wait = context->keyval };
    bool done;

    if (!props_read((struct props){ args, context->keyval }, plug_properties, COUNT_OF(plug_properties), NULL,
                    "memory plug", &values, error))
        return false;
    done = plug(context, &values, result, error);
    props_free(plug_properties, COUNT_OF(plug_properties), &values);
    return done;
}

/* A DIMM goes whole, and 0 is not all of a device: whoever computes a size and gets 0 wants no change. */
static bool check_part(struct machine *machine, const struct unplug_values *values, struct error *error)
{
    const struct device *device;
    struct dimm_info info;
    struct error ignored;
    char size[SIZE_TEXT_MAX];

    if (!values->size_given)
        return true;
    if (values->size == 0)
        return error_set(error, "Parameter 'size' expects a size above 0; leave it out to unplug all");
    device = device_resolve(machine_board(machine), values->id, &pc_dimm_type, &ignored);
    if (!device)
        return true; /* not a DIMM */
    hotplug_describe(device, &info);
    return info.size == values->size ||
           error_set(
               error,
               "Parameter 'size' is for a part of a virtio-mem device; the DIMM '%.80s' goes whole, all "
               "%s of it; leave size out",
               values->id, size_text(info.size, size));
}

static bool unplug(struct monitor_context *context, const struct unplug_values *values,
                   struct json_object **result, struct error *error)
{
    const uint64_t deadline = values->timeout * UINT64_C(1000);

    if (!wait_check_timeout(values->timeout_given, values->timeout, error) ||
        !check_part(context->machine, values, error))
        return false;
    if (hotplug_is_blocks(machine_hotplug(context->machine), values->id))
        return wait_for_blocks(context, values->id, '-', values->size, deadline, values->wait, result, error);
    return wait_for_unplug(context, values->id, deadline, values->wait, result, error);
}

static bool run_unplug(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    struct unplug_values values = { .wait = context->keyval };
    bool done;

    if (!props_read((struct props){ args, context->keyval }, unplug_properties, COUNT_OF(unplug_properties),
                    NULL, "memory unplug", &values, error))
        return false;
    done = unplug(context, &values, result, error);
    props_free(unplug_properties, COUNT_OF(unplug_properties), &values);
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
        json_append(*result, operation_json_now(operation));
    return true;
}

static bool run_query_devices(struct monitor_context *context, struct json_object *args,
                              struct json_object **result, struct error *error)
{
    const struct device_operations *devices = machine_device_operations(context->machine);
    const struct operation *operation = NULL;

    (void)args, (void)error;
    *result = json_new_array();
    while ((operation = device_operations_next(devices, operation)) != NULL)
        json_append(*result, operation_json_now(operation));
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
    PROPERTY_ROW_REQUIRED(
        cancel_values, "id", PROPERTY_UINT64, id,
        "the operation's number, from info memory-operations, info cpu-operations or info "
        "device-operations; required",
        "Parameter 'id' is missing: the number of an operation; info memory-operations, info cpu-operations and "
        "info device-operations list them"),
};

/* Both commands are for operations of any kind: their numbers are of one count. */
static bool cancel(struct monitor_context *context, struct json_object *args, const char *command,
                   struct error *error)
{
    struct cancel_values values = { 0 };

    if (!props_read((struct props){ args, context->keyval }, cancel_properties, COUNT_OF(cancel_properties),
                    NULL, command, &values, error))
        return false;
    return operations_cancel(hotplug_operations(machine_hotplug(context->machine)), values.id, error);
}

static bool run_cancel(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    (void)result;
    return cancel(context, args, "memory cancel", error);
}

static bool run_cpus_cancel(struct monitor_context *context, struct json_object *args,
                            struct json_object **result, struct error *error)
{
    (void)result;
    return cancel(context, args, "cpus cancel", error);
}

static const struct command commands[] = {
    { .qmp = "memory-plug",
      .hmp = "memory plug",
      .run = run_plug,
      .returns = "MemoryOperation",
      .print = print_operation,
      .properties = plug_properties,
      .property_count = COUNT_OF(plug_properties),
      .parameters = "size[,id=str][,prop=value][,...]",
      .help =
          "plug a DIMM together with its memory, or blocks of a virtio-mem device, and wait for the guest; "
          "`memory plug help` lists the properties" },
    { .qmp = "memory-unplug",
      .hmp = "memory unplug",
      .run = run_unplug,
      .returns = "MemoryOperation",
      .print = print_operation,
      .completion = COMPLETE_DIMMS,
      .properties = unplug_properties,
      .property_count = COUNT_OF(unplug_properties),
      .parameters = "id[,size=size][,timeout=seconds][,wait=on|off]",
      .help =
          "request that the guest release a DIMM, or blocks of a virtio-mem device, and wait for it; Ctrl-C "
          "withdraws the request" },
    { .qmp = "memory-operation-cancel",
      .hmp = "memory cancel",
      .run = run_cancel,
      .properties = cancel_properties,
      .property_count = COUNT_OF(cancel_properties),
      .parameters = "operation",
      .help = "withdraw an unplug, or the requested size of a virtio-mem device, that is in progress" },
    { .qmp = "cpu-operation-cancel",
      .hmp = "cpus cancel",
      .run = run_cpus_cancel,
      .properties = cancel_properties,
      .property_count = COUNT_OF(cancel_properties),
      .parameters = "operation",
      .help = "withdraw an unplug that is in progress, as memory cancel does" },
    { .qmp = "query-memory-operations",
      .hmp = "info memory-operations",
      .run = run_query,
      .returns = "[MemoryOperation]",
      .print = print_query,
      .help = "show the results of plugs and unplugs, and those in progress" },
    { .qmp = "query-device-operations",
      .hmp = "info device-operations",
      .run = run_query_devices,
      .returns = "[DeviceOperation]",
      .print = print_query,
      .help = "show the results of plugs and unplugs at root ports, and those in progress" },
};

const struct command_area commands_operation = { commands, COUNT_OF(commands) };
