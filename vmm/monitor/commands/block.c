/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands for block nodes and the disks that use them. Shapes are QEMU's (qapi/block-core.json).
 */
#include <inttypes.h>
#include <string.h>

#include "base/count_of.h"
#include "base/result.h"
#include "block/driver.h"
#include "block/node.h"
#include "machine/machine.h"
#include "monitor/block_json.h"
#include "monitor/command.h"
#include "monitor/session.h"

static bool driver_type(size_t index, const char **name, const struct property **table, size_t *count)
{
    const struct block_driver *driver = block_driver_at(index);

    if (!driver)
        return false;
    *name = driver->name;
    *table = driver->properties;
    *count = driver->property_count;
    return true;
}

static const struct type_family block_drivers = { .what = "block driver",
                                                  .key = "driver",
                                                  .type = driver_type };

static bool run_add(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    struct props props = { args, context->keyval };

    (void)result;
    return block_node_add(machine_blocks(context->machine), props, error);
}

static bool run_delete(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    (void)result;
    return block_node_remove(machine_blocks(context->machine), get_string(args, "node-name"), error);
}

static bool resize(struct monitor_context *context, const char *name, uint64_t size, struct error *error)
{
    struct block_node *node = block_node_require(machine_blocks(context->machine), name, error);

    return node && block_node_resize(node, size, error);
}

static bool run_resize(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    const int64_t size = json_object_get_int64(json_object_object_get(args, "size"));

    if (size < 0)
        return error_set(error, "Parameter 'size' expects a >0 size; got %" PRId64, size);
    (void)result;
    return resize(context, get_string(args, "node-name"), get_number(args, "size"), error);
}

/* For people: a number without a suffix is MiB, as in QEMU. */
static bool run_resize_words(struct monitor_context *context, struct json_object *args,
                             struct json_object **result, struct error *error)
{
    uint64_t size;

    (void)result;
    if (!size_parse(get_string(args, "size"), UINT64_C(1) << 20, &size, error))
        return error_prefix(error, "Parameter 'size' ");
    return resize(context, get_string(args, "node"), size, error);
}

static bool run_threshold(struct monitor_context *context, struct json_object *args,
                          struct json_object **result, struct error *error)
{
    struct block_node *node = block_node_require(machine_blocks(context->machine),
                                                 get_string(args, "node-name"), error);

    (void)result;
    if (!node)
        return false;
    if (json_object_get_int64(json_object_object_get(args, "write-threshold")) < 0)
        return error_set(error, "Parameter 'write-threshold' expects bytes, 0 or more; 0 ends the threshold");
    block_node_set_threshold(node, get_number(args, "write-threshold"));
    return true;
}

static bool run_nodes(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    const struct block_nodes *nodes = machine_blocks(context->machine);
    const struct block_node *node = NULL;

    (void)args, (void)error;
    *result = json_new_array();
    while ((node = block_node_next(nodes, node)) != NULL)
        json_append(*result, block_node_json(node));
    return true;
}

static bool run_block(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    const struct block_nodes *nodes = machine_blocks(context->machine);
    const struct block_user *user = NULL;

    (void)args, (void)error;
    *result = json_new_array();
    while ((user = block_user_next(nodes, user)) != NULL)
        json_append(*result, block_user_json(user));
    return true;
}

static bool run_stats(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    const struct block_nodes *nodes = machine_blocks(context->machine);
    const bool all = json_object_get_boolean(json_object_object_get(args, "query-nodes"));
    const struct block_user *user = NULL;
    const struct block_node *node = NULL;

    (void)error;
    *result = json_new_array();
    while (all && (node = block_node_next(nodes, node)) != NULL)
        json_append(*result, block_node_stats_json(node));
    while (!all && (user = block_user_next(nodes, user)) != NULL)
        json_append(*result, block_user_stats_json(user));
    return true;
}

/* Nodes, then who uses which. */
static bool run_info(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    struct json_object *nodes = NULL;
    struct json_object *users = NULL;

    if (!run_nodes(context, args, &nodes, error) || !run_block(context, args, &users, error))
        return false;
    *result = json_new_object();
    json_add(*result, "nodes", nodes);
    json_add(*result, "users", users);
    return true;
}

static void print_users(struct text *out, struct json_object *users, const char *node)
{
    for (size_t i = 0; i < json_object_array_length(users); i++) {
        struct json_object *user = json_object_array_get_idx(users, i);
        struct json_object *inserted = json_object_object_get(user, "inserted");

        const char *status = get_string(user, "io-status");

        if (strcmp(get_string(inserted, "node-name"), node) != 0)
            continue;
        text_printf(out, "    Attached to:      %s\n", get_string(user, "qdev"));
        if (*status && strcmp(status, "ok") != 0)
            text_printf(out, "    I/O status:       %s\n", status);
    }
}

static void print_info(struct text *out, struct json_object *result)
{
    struct json_object *nodes = json_object_object_get(result, "nodes");

    for (size_t i = 0; i < json_object_array_length(nodes); i++) {
        struct json_object *node = json_object_array_get_idx(nodes, i);
        struct json_object *cache = json_object_object_get(node, "cache");
        const char *name = get_string(node, "node-name");
        const uint64_t size = get_number(json_object_object_get(node, "image"), "virtual-size");
        char words[SIZE_TEXT_MAX];

        text_printf(out, "%s: %s (%s%s)\n", name, get_string(node, "file"), get_string(node, "drv"),
                    strcmp(get_string(node, "ro"), "true") == 0 ? ", read-only" : "");
        print_users(out, json_object_object_get(result, "users"), name);
        text_printf(out, "    Cache mode:       writeback%s%s\n",
                    strcmp(get_string(cache, "direct"), "true") == 0 ? ", direct" : "",
                    strcmp(get_string(cache, "no-flush"), "true") == 0 ? ", ignore flushes" : "");
        text_printf(out, "    Size:             %" PRIu64 " (%s)\n", size, size_text(size, words));
    }
}

static void print_stats(struct text *out, struct json_object *result)
{
    static const char *const shown[] = { "rd_bytes",         "wr_bytes",           "rd_operations",
                                         "wr_operations",    "flush_operations",   "wr_total_time_ns",
                                         "rd_total_time_ns", "flush_total_time_ns" };

    for (size_t i = 0; i < json_object_array_length(result); i++) {
        struct json_object *one = json_object_array_get_idx(result, i);
        struct json_object *stats = json_object_object_get(one, "stats");

        text_printf(out, "%s (%s):", get_string(one, "qdev"), get_string(one, "node-name"));
        for (size_t n = 0; n < COUNT_OF(shown); n++)
            text_printf(out, " %s=%" PRIu64, shown[n], get_number(stats, shown[n]));
        text_string(out, "\n");
    }
}

static const struct command commands[] = {
    { .qmp = "blockdev-add",
      .family = &block_drivers,
      .arguments = { { "driver", json_type_string, false }, { "node-name", json_type_string, false } },
      .run = run_add },
    { .qmp = "blockdev-del", .run = run_delete, .arguments = { { "node-name", json_type_string, false } } },
    { .qmp = "block_resize",
      .run = run_resize,
      .arguments = { { "node-name", json_type_string, false }, { "size", json_type_int, false } } },
    { .hmp = "block_resize",
      .run = run_resize_words,
      .completion = COMPLETE_NODES,
      .arguments = { { "node", json_type_string, false }, { "size", json_type_string, false } },
      .parameters = "node size",
      .help = "change the size of a block node (MiB without a suffix); its disk sees the new size" },
    { .qmp = "block-set-write-threshold",
      .run = run_threshold,
      .arguments = { { "node-name", json_type_string, false },
                     { "write-threshold", json_type_int, false } } },
    { .qmp = "query-named-block-nodes",
      .run = run_nodes,
      .returns = "[BlockDeviceInfo]",
      .arguments = { { "flat", json_type_boolean, true } } },
    { .qmp = "query-block", .run = run_block, .returns = "[BlockInfo]" },
    { .qmp = "query-blockstats",
      .hmp = "info blockstats",
      .run = run_stats,
      .returns = "[BlockStats]",
      .print = print_stats,
      .arguments = { { "query-nodes", json_type_boolean, true } },
      .help = "show what disks have read and written" },
    { .hmp = "info block",
      .run = run_info,
      .print = print_info,
      .help = "show block nodes and the disks that use them" },
};

const struct command_area commands_block = { commands, COUNT_OF(commands) };
