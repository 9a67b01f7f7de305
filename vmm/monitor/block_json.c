/* SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/block_json.h"

#include "base/count_of.h"
#include "base/json_build.h"
#include "block/node.h"

/* ---- query-block, query-named-block-nodes ---- */

static const char *filename_of(const struct block_node_info *info)
{
    return info->filename ? info->filename : "null-co://";
}

static struct json_object *image_json(const struct block_node_info *info)
{
    struct json_object *image = json_new_object();

    add_number(image, "virtual-size", info->size);
    add_string(image, "filename", filename_of(info));
    add_string(image, "format", info->driver);
    add_number(image, "actual-size", info->allocated);
    if (info->filename) /* as in QEMU */
        add_bool(image, "dirty-flag", false);
    return image;
}

struct json_object *block_node_json(const struct block_node *node)
{
    static const char *const limits[] = { "iops_rd", "iops_wr",           "iops", "bps_wr", "bps_rd",
                                          "bps",     "backing_file_depth" };
    struct json_object *object = json_new_object();
    struct json_object *cache = json_new_object();
    struct block_node_info info;

    block_node_inspect(node, &info);
    for (size_t i = 0; i < COUNT_OF(limits); i++)
        add_number(object, limits[i], 0);
    add_number(object, "write_threshold", block_node_threshold(node));
    add_string(object, "detect_zeroes", "off");
    json_add(object, "image", image_json(&info));
    add_bool(object, "ro", !info.writable);
    add_string(object, "node-name", info.name);
    add_string(object, "drv", info.driver);
    add_bool(object, "encrypted", false);
    add_bool(cache, "no-flush", info.no_flush);
    add_bool(cache, "direct", info.direct);
    add_bool(cache, "writeback", true);
    json_add(object, "cache", cache);
    add_string(object, "file", filename_of(&info));
    return object;
}

struct json_object *block_user_json(const struct block_user *user)
{
    static const char *const statuses[] = {
        [BLOCK_IO_OK] = "ok",
        [BLOCK_IO_FAILED] = "failed",
        [BLOCK_IO_NOSPACE] = "nospace",
    };
    struct json_object *object = json_new_object();

    if (user->stops)
        add_string(object, "io-status", statuses[user->io_status]);
    add_string(object, "device", "");
    add_string(object, "qdev", user->qdev);
    add_string(object, "type", "unknown");
    add_bool(object, "removable", false);
    add_bool(object, "locked", false);
    json_add(object, "inserted", block_node_json(user->node));
    return object;
}

/* ---- query-blockstats ---- */

static const struct {
    enum block_kind kind;
    const char *prefix; /* QEMU's */
    bool bytes;
} kinds[] = {
    { BLOCK_READ, "rd", true },
    { BLOCK_WRITE, "wr", true },
    { BLOCK_FLUSH, "flush", false },
    { BLOCK_DISCARD, "unmap", true },
};

static void add_counts(struct json_object *stats, const struct block_counts_info *counts, const char *prefix,
                       bool bytes)
{
    const struct {
        const char *format;
        uint64_t value;
        bool there;
    } rows[] = {
        { "%s_bytes", counts->bytes, bytes },
        { "%s_operations", counts->operations, true },
        { "%s_total_time_ns", counts->time, true },
        { "%s_merged", 0, bytes },
        { "failed_%s_operations", counts->failed, true },
        { "invalid_%s_operations", counts->invalid, true },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[48];

        words_format(name, sizeof name, rows[i].format, prefix);
        if (rows[i].there)
            add_number(stats, name, rows[i].value);
    }
}

/* `shown` are those of a user, or of the node. */
static struct json_object *stats_json(const struct block_node *node, const struct block_stats_info *shown)
{
    struct json_object *object = json_new_object();
    struct json_object *counts = json_new_object();
    struct block_node_info info;

    block_node_inspect(node, &info);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        add_counts(counts, &shown->of[kinds[i].kind], kinds[i].prefix, kinds[i].bytes);
    add_number(counts, "wr_highest_offset", shown->highest);
    add_bool(counts, "account_failed", true);
    add_bool(counts, "account_invalid", true);
    if (shown->used)
        add_number(counts, "idle_time_ns", shown->idle);
    json_add(counts, "timed_stats", json_new_array());
    json_add(object, "stats", counts);
    add_string(object, "node-name", info.name);
    if (info.below)
        json_add(object, "parent", block_node_stats_json(info.below));
    return object;
}

struct json_object *block_node_stats_json(const struct block_node *node)
{
    struct block_stats_info stats;

    block_node_stats(node, &stats);
    return stats_json(node, &stats);
}

struct json_object *block_user_stats_json(const struct block_user *user)
{
    struct json_object *object;
    struct block_stats_info stats;

    block_stats_inspect(&user->stats, &stats);
    object = stats_json(user->node, &stats);
    add_string(object, "device", "");
    add_string(object, "qdev", user->qdev);
    return object;
}
