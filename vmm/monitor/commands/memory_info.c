/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that show memory: DIMMs, backends, sums, the guest's last words about each slot, and the hotplug
 * registers. Shapes and texts are QEMU's.
 */
#include <hotram/memhp.h>
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

static struct json_object *cpu_ospm_status(struct cpus *cpus, uint32_t index)
{
    struct json_object *status = json_new_object();
    struct cpu_info info;
    char number[16];

    cpus_inspect(cpus, index, &info);
    snprintf(number, sizeof number, "%u", index);
    if (info.id)
        add_string(status, "device", info.id);
    add_number(status, "source", info.ost_event);
    add_number(status, "status", info.ost_status);
    add_string(status, "slot", number);
    add_string(status, "slot-type", "CPU");
    return status;
}

static bool run_ospm_status(struct monitor_context *context, struct json_object *args,
                            struct json_object **result, struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    uint32_t slots = hotplug ? hotplug_slots(hotplug) : 0;
    struct cpus *cpus = machine_cpus(context->machine);

    (void)args;
    if (strcmp(machine_config(context->machine)->machine, "none") == 0)
        return error_set(error, "command is not supported, missing ACPI device: -machine none has no ACPI");
    *result = json_new_array();
    for (uint32_t slot = 0; slot < slots; slot++) {
        struct json_object *status = json_new_object();
        struct ospm_info info = { 0 };
        char number[16];

        hotplug_ospm(hotplug, slot, &info);
        snprintf(number, sizeof number, "%u", slot);
        if (info.device)
            add_string(status, "device", info.device);
        add_number(status, "source", info.source);
        add_number(status, "status", info.status);
        add_string(status, "slot", number);
        add_string(status, "slot-type", "DIMM");
        json_append(*result, status);
    }
    for (uint32_t i = 0; cpus_enabled(cpus) && i < cpus_possible(cpus); i++)
        json_append(*result, cpu_ospm_status(cpus, i));
    return true;
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

static void print_slot(struct text *out, const struct slot_info *info)
{
    static const char *const states[] = {
        [HOTRAM_DIMM_EMPTY] = "empty",       [HOTRAM_DIMM_RESERVED] = "reserved",
        [HOTRAM_DIMM_PLUGGED] = "plugged",   [HOTRAM_DIMM_REMOVAL_REQUESTED] = "removal requested",
        [HOTRAM_DIMM_EJECTING] = "ejecting",
    };
    char size[SIZE_TEXT_MAX];

    text_printf(out, "slot %u: %s, flags 0x%02x", info->slot, states[info->state], info->flags);
    if (info->flags & HOTRAM_MEMHP_ENABLED)
        text_string(out, " enabled");
    if (info->flags & HOTRAM_MEMHP_INSERT)
        text_string(out, " insert-pending");
    if (info->flags & HOTRAM_MEMHP_REMOVE)
        text_string(out, " remove-pending");
    if (info->flags & HOTRAM_MEMHP_ENABLED) /* else the guest reads zeroes */
        text_printf(out, ", addr 0x%" PRIx64 ", size %" PRIu64 " (%s), node %u", info->addr, info->size,
                    size_text(info->size, size), info->node);
    text_string(out, "\n");
}

static bool run_registers(struct monitor_context *context, struct json_object *args,
                          struct json_object **result, struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    uint32_t slots = hotplug ? hotplug_slots(hotplug) : 0;
    struct text text = { 0 };
    struct slot_info info;
    uint64_t base;
    uint64_t size;

    (void)args, (void)error;
    if (slots == 0) {
        *result = json_new_string("no memory slots; start with -m SIZE,slots=N,maxmem=SIZE\n");
        return true;
    }
    hotplug_region(hotplug, &base, &size);
    text_printf(&text, "region: 0x%" PRIx64 "-0x%" PRIx64 "\n", base, base + size - 1);
    text_printf(&text, "selector: %u\n", hotplug_selector(hotplug));
    for (uint32_t slot = 0; slot < slots; slot++) {
        hotplug_slot(hotplug, slot, &info);
        print_slot(&text, &info);
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
    { .qmp = "query-acpi-ospm-status", .run = run_ospm_status, .returns = "[ACPIOSTInfo]" },
    { .hmp = "info numa", .run = run_numa, .print = print_string, .help = "show NUMA nodes" },
    { .hmp = "info memory-hotplug",
      .run = run_registers,
      .print = print_string,
      .help = "show the slots as the guest sees them in the hotplug registers" },
};

const struct command_area commands_memory_info = { commands, sizeof commands / sizeof commands[0] };
