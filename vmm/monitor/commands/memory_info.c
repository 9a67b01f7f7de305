/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that show memory: DIMMs, backends, sums and nodes. Shapes and texts are QEMU's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/result.h"
#include "device/device.h"
#include "hotplug/cpus.h"
#include "hotplug/hotplug.h"
#include "machine/machine.h"
#include "memory/backend.h"
#include "monitor/command.h"
#include "monitor/pending.h"
#include "monitor/session.h"

static struct json_object *describe_blocks(const struct region_holder *place)
{
    struct json_object *data = json_new_object();
    char memdev[DEVICE_PATH_SIZE];

    snprintf(memdev, sizeof memdev, "/objects/%s", place->memdev);
    if (place->id)
        add_string(data, "id", place->id);
    add_number(data, "memaddr", place->addr);
    add_number(data, "requested-size", place->requested);
    add_number(data, "size", place->plugged);
    add_number(data, "max-size", place->size);
    add_number(data, "block-size", place->block_size);
    add_number(data, "node", place->node);
    add_string(data, "memdev", memdev);
    return data;
}

static void describe_device(struct json_object *devices, const struct region_holder *place)
{
    struct json_object *device = json_append_object(devices);

    add_string(device, "type", place->kind == REGION_DIMM ? "dimm" : "virtio-mem");
    json_add(device, "data",
             place->kind == REGION_DIMM ? describe_device_values(place->device) : describe_blocks(place));
}

static bool run_memory_devices(struct monitor_context *context, struct json_object *args,
                               struct json_object **result, struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    uint32_t slot = HOTRAM_SLOT_ANY;
    struct region_holder place;

    (void)args, (void)error;
    *result = json_new_array();
    while (hotplug && hotplug_next_region_holder(hotplug, &slot, &place))
        if (place.kind == REGION_DIMM || place.kind == REGION_BLOCKS)
            describe_device(*result, &place);
    return true;
}

static void print_blocks(struct text *out, struct json_object *data)
{
    static const char *const numbers[] = { "node", "requested-size", "size", "max-size", "block-size" };

    text_printf(out, "  memaddr: 0x%" PRIx64 "\n", get_number(data, "memaddr"));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        text_printf(out, "  %s: %" PRIu64 "\n", numbers[i], get_number(data, numbers[i]));
    text_printf(out, "  memdev: %s\n", get_string(data, "memdev"));
}

static void print_memory_devices(struct text *out, struct json_object *result)
{
    for (size_t i = 0; i < json_object_array_length(result); i++) {
        struct json_object *device = json_object_array_get_idx(result, i);
        struct json_object *data = json_object_object_get(device, "data");

        text_printf(out, "Memory device [%s]: \"%s\"\n", get_string(device, "type"), get_string(data, "id"));
        if (strcmp(get_string(device, "type"), "virtio-mem") == 0) {
            print_blocks(out, data);
            continue;
        }
        text_printf(out, "  addr: 0x%" PRIx64 "\n", get_number(data, "addr"));
        text_printf(out, "  slot: %" PRIu64 "\n", get_number(data, "slot"));
        text_printf(out, "  node: %" PRIu64 "\n", get_number(data, "node"));
        text_printf(out, "  size: %" PRIu64 "\n", get_number(data, "size"));
        text_printf(out, "  memdev: %s\n", get_string(data, "memdev"));
        text_printf(out, "  hotplugged: %s\n", get_string(data, "hotplugged"));
        text_printf(out, "  hotpluggable: %s\n", get_string(data, "hotpluggable"));
    }
}

static struct json_object *describe_backend(const struct backend *backend, const struct backend_usage *usage)
{
    struct json_object *object = json_new_object();
    struct json_object *nodes = json_new_array();

    for (unsigned node = 0; node < HOST_NODES_MAX; node++)
        if (host_nodes_has(&backend->nodes, node))
            json_append(nodes, json_new_number(node));
    add_string(object, "id", backend->id);
    add_number(object, "size", backend->size);
    add_bool(object, "merge", backend->merge);
    add_bool(object, "dump", backend->dump);
    add_bool(object, "prealloc", backend->prealloc);
    add_bool(object, "share", backend->share);
    add_bool(object, "reserve", backend->reserve);
    json_add(object, "host-nodes", nodes);
    add_string(object, "policy", host_policy_names[backend->policy]);
    /* Ours. */
    add_string(object, "type", backend_type(backend->kind)->name);
    add_number(object, "page-size", backend->page_size);
    add_number(object, "resident", usage->resident);
    add_number(object, "reserved", usage->reserved);
    if (backend->mem_path)
        add_string(object, "mem-path", backend->mem_path);
    if (backend->used_by)
        add_string(object, "used-by", backend->used_by);
    return object;
}

/* Who waits until memory is counted. */
struct memdev_query {
    struct pending *pending;
    struct backends *backends;
};

static void memdev_counted(void *opaque)
{
    struct memdev_query *query = opaque;
    struct json_object *result = json_new_array();
    const struct backend *backend = NULL;

    while ((backend = backend_next(query->backends, backend)) != NULL) {
        struct backend_usage usage = backend_usage(backend);

        json_append(result, describe_backend(backend, &usage));
    }
    pending_finish(query->pending, result, NULL);
    free(query);
}

static void memdev_dropped(void *opaque)
{
    struct memdev_query *query = opaque;

    pending_finish(query->pending, NULL, NULL); /* the program ends */
    free(query);
}

/* What is resident is counted page by page, which takes long for large memory: a worker does it. */
static bool run_memdev(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    struct memdev_query *query = calloc(1, sizeof *query);

    (void)args, (void)result;
    if (query)
        *query = (struct memdev_query){ command_defer(context), machine_backends(context->machine) };
    if (query && query->pending && backends_count(query->backends, memdev_counted, memdev_dropped, query))
        return true;
    command_undefer(context);
    free(query);
    return error_set(error, "out of memory");
}

/* What QEMU does not show. */
static void print_own(struct text *out, struct json_object *backend)
{
    static const char *const sizes[] = { "page-size", "resident", "reserved" };
    static const char *const words[] = { "mem-path", "used-by" };

    text_printf(out, "  type: %s\n", get_string(backend, "type"));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        text_printf(out, "  %s: %" PRIu64 "\n", sizes[i], get_number(backend, sizes[i]));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (json_object_object_get(backend, words[i]))
            text_printf(out, "  %s: %s\n", words[i], get_string(backend, words[i]));
}

static void print_memdev(struct text *out, struct json_object *result)
{
    static const char *const flags[] = { "merge", "dump", "prealloc", "share", "reserve" };

    for (size_t i = 0; i < json_object_array_length(result); i++) {
        struct json_object *backend = json_object_array_get_idx(result, i);
        char list[HOST_NODES_TEXT_MAX];
        struct host_nodes nodes;

        text_printf(out, "memory backend: %s\n", get_string(backend, "id"));
        text_printf(out, "  size:  %" PRIu64 "\n", get_number(backend, "size"));
        for (size_t j = 0; j < sizeof flags / sizeof flags[0]; j++)
            text_printf(out, "  %s: %s\n", flags[j], get_string(backend, flags[j]));
        host_nodes_read_json(json_object_object_get(backend, "host-nodes"), &nodes, NULL);
        text_printf(out, "  policy: %s\n  host nodes: %s\n", get_string(backend, "policy"),
                    host_nodes_text(&nodes, list));
        print_own(out, backend);
    }
    text_string(out, "\n");
}

static uint64_t plugged_size(const struct monitor_context *context)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);

    return hotplug ? hotplug_plugged_size(hotplug) : 0;
}

static bool run_size_summary(struct monitor_context *context, struct json_object *args,
                             struct json_object **result, struct error *error)
{
    (void)args, (void)error;
    *result = json_new_object();
    add_number(*result, "base-memory", machine_config(context->machine)->ram_size);
    add_number(*result, "plugged-memory", plugged_size(context));
    return true;
}

static void print_size_summary(struct text *out, struct json_object *result)
{
    text_printf(out, "base memory: %" PRIu64 "\n", get_number(result, "base-memory"));
    text_printf(out, "plugged memory: %" PRIu64 "\n", get_number(result, "plugged-memory"));
}

/* Bytes of the DIMMs and plugged blocks in a node. */
static uint64_t plugged_in_node(const struct monitor_context *context, uint32_t node)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    uint32_t slot = HOTRAM_SLOT_ANY;
    struct region_holder place;
    uint64_t size = 0;

    while (hotplug && hotplug_next_region_holder(hotplug, &slot, &place))
        if (place.node == node)
            size += place.kind == REGION_DIMM ? place.size : place.plugged;
    return size;
}

/* People only: the result is what is shown. */
static bool run_numa(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    const struct config *config = machine_config(context->machine);
    const struct numa_config *numa = &config->numa;
    struct cpus *cpus = machine_cpus(context->machine);
    struct text text = { 0 };

    (void)args, (void)error;
    text_printf(&text, "%" PRIu32 " nodes\n", numa->nodes);
    for (uint32_t node = 0; node < numa->nodes; node++) {
        uint64_t plugged = plugged_in_node(context, node);

        text_printf(&text, "node %" PRIu32 " cpus:", node);
        for (uint32_t i = 0; cpus && i < cpus_possible(cpus); i++)
            if (numa->cpu_node[i] == node && cpus_present(cpus, i))
                text_printf(&text, " %" PRIu32, i);
        text_printf(&text, "\nnode %" PRIu32 " size: %" PRIu64 " MB\n", node,
                    (numa->ram[node] + plugged) >> 20);
        text_printf(&text, "node %" PRIu32 " plugged: %" PRIu64 " MB\n", node, plugged >> 20);
    }
    *result = text_result(&text);
    return true;
}

static const struct command commands[] = {
    { .qmp = "query-memory-devices",
      .hmp = "info memory-devices",
      .run = run_memory_devices,
      .returns = "[MemoryDeviceInfo]",
      .print = print_memory_devices,
      .help = "show memory devices" },
    { .qmp = "query-memdev",
      .early = true,
      .hmp = "info memdev",
      .run = run_memdev,
      .returns = "[Memdev]",
      .print = print_memdev,
      .help = "show memory backends" },
    { .qmp = "query-memory-size-summary",
      .hmp = "info memory_size_summary",
      .run = run_size_summary,
      .returns = "MemoryInfo",
      .print = print_size_summary,
      .help = "show the sizes of the memory at start and of plugged memory, in bytes" },
    { .hmp = "info numa", .run = run_numa, .print = print_string, .help = "show NUMA nodes" },
};

const struct command_area commands_memory_info = { commands, sizeof commands / sizeof commands[0] };
