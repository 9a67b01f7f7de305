/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block nodes: their names, and the nodes that they stand over. Their users are in user.c.
 */
#include "block/node.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/count_of.h"
#include "base/in_use.h"
#include "base/json_build.h"
#include "base/suggest.h"
#include "block/driver.h"
#include "block/lock.h"

/* Nodes over nodes: nobody needs more than raw over file, and each takes a call within a call. */
#define NESTED_MAX 8

struct block_nodes *block_nodes_create(void)
{
    return calloc(1, sizeof(struct block_nodes));
}

static void node_free(struct block_node *node)
{
    if (node->nodes->loop)
        loop_cancel(node->nodes->loop, &node->tell);
    block_unlock(node);
    if (node->fd >= 0)
        close(node->fd);
    free(node->filename);
    free(node->name);
    free(node);
}

/* Out of the list; and those that only stood under it. */
static void drop(struct block_nodes *nodes, struct block_node *node)
{
    while (node) {
        struct block_node *below = node->below;
        struct block_node **link = &nodes->first;

        while (*link && *link != node)
            link = &(*link)->next;
        if (*link)
            *link = node->next;
        node_free(node);
        if (below)
            below->above--;
        node = below && !below->named && below->above == 0 ? below : NULL;
    }
}

void block_nodes_destroy(struct block_nodes *nodes)
{
    while (nodes && nodes->first) {
        struct block_node *node = nodes->first;

        while (node->above > 0) { /* the highest first */
            node = node->next;
        }
        drop(nodes, node);
    }
    free(nodes);
}

struct block_node *block_node_find(const struct block_nodes *nodes, const char *name)
{
    struct block_node *node = nodes->first;

    while (node && strcmp(node->name, name) != 0)
        node = node->next;
    return node;
}

struct block_node *block_node_require(const struct block_nodes *nodes, const char *name, struct error *error)
{
    struct block_node *node = block_node_find(nodes, name);
    struct suggestion suggestion;
    char subject[200];

    if (node)
        return node;
    words_format(subject, sizeof subject, "Cannot find device='' nor node-name='%.80s'", name);
    if (!nodes->first) {
        error_set(error, "%s: there are no block nodes; -blockdev and blockdev-add make them", subject);
        return NULL;
    }
    suggestion_start(&suggestion, name);
    for (node = nodes->first; node; node = node->next)
        suggestion_offer(&suggestion, node->name);
    suggestion_fail(&suggestion, subject, error);
    return NULL;
}

struct block_node *block_node_next(const struct block_nodes *nodes, const struct block_node *node)
{
    return node ? node->next : nodes->first;
}

static struct block_node *node_new(struct block_nodes *nodes, const struct block_spec *spec)
{
    struct block_node *node = calloc(1, sizeof *node);

    if (!node)
        return NULL;
    *node = (struct block_node){ .nodes = nodes,
                                 .tell = { .run = block_threshold_tell, .opaque = node },
                                 .driver = spec->driver,
                                 .named = spec->node_name != NULL,
                                 .fd = -1,
                                 .direct = spec->direct,
                                 .no_flush = spec->no_flush,
                                 .unmap = spec->unmap,
                                 .read_only = spec->read_only,
                                 .auto_read_only = spec->auto_read_only,
                                 .read_zeroes = spec->read_zeroes,
                                 .aio = spec->aio_kind,
                                 .locking = spec->locking_kind,
                                 .lock_fd = -1,
                                 .block = BLOCK_SECTOR,
                                 .size = spec->size,
                                 .latency = spec->latency };
    if (spec->node_name)
        node->name = strdup(spec->node_name);
    else if (asprintf(&node->name, "#block%u", nodes->numbers++) < 0)
        node->name = NULL;
    node->filename = spec->filename ? strdup(spec->filename) : NULL;
    if (node->name && (node->filename || !spec->filename))
        return node;
    node_free(node);
    return NULL;
}

/* A node over another is writable if that is. */
static bool stand_over(struct block_node *node, struct block_node *below, struct error *error)
{
    if (!below->writable && !node->read_only && !node->auto_read_only)
        return error_set(error, "Block node '%s' can only be read, so one over it needs read-only=on",
                         below->name);
    node->below = below;
    node->writable = below->writable && !node->read_only;
    node->block = below->block;
    below->above++;
    return true;
}

static struct block_node *add(struct block_nodes *nodes, struct props flat, const struct block_spec *over,
                              unsigned depth, struct error *error);

/* The node below one that is to stand over another: there already, or made now. */
static struct block_node *find_below(struct block_nodes *nodes, struct props flat,
                                     const struct block_spec *spec, unsigned depth, struct error *error)
{
    struct props below = { block_below(flat.object), flat.keyval };
    struct block_node *node;

    if (*spec->file) {
        node = block_node_require(nodes, spec->file, error);
    } else {
        node = add(nodes, below, spec, depth + 1, error);
        if (!node)
            error_prefix(error, "file: ");
    }
    json_object_put(below.object);
    return node;
}

static struct block_node *open_node(struct block_nodes *nodes, struct props flat,
                                    const struct block_spec *spec, unsigned depth, struct error *error)
{
    struct block_node *below = NULL;
    struct block_node *node;
    bool good;

    if (spec->node_name && block_node_find(nodes, spec->node_name)) {
        error_set(error, "Duplicate nodes with node-name='%s'; blockdev-del frees a name", spec->node_name);
        return NULL;
    }
    if (spec->driver->over && !(below = find_below(nodes, flat, spec, depth, error)))
        return NULL;
    node = node_new(nodes, spec);
    good = node ? below ? stand_over(node, below, error) : spec->driver->open(node, error)
                : error_set(error, "out of memory");
    if (good) {
        struct block_node **link = &nodes->first;

        while (*link)
            link = &(*link)->next;
        *link = node;
        return node;
    }
    if (node)
        node_free(node);
    if (below && !below->named && below->above == 0)
        drop(nodes, below);
    return NULL;
}

/* `over`: the node is made for one with this spec, and has from it what it is not told itself, as in QEMU. */
static void inherit(struct props flat, const struct block_spec *over)
{
    const struct {
        const char *name;
        bool value;
    } switches[] = { { "read-only", over->read_only },
                     { "auto-read-only", over->auto_read_only },
                     { "cache.direct", over->direct },
                     { "cache.no-flush", over->no_flush } };

    for (size_t i = 0; i < COUNT_OF(switches); i++)
        if (!json_object_object_get_ex(flat.object, switches[i].name, NULL))
            json_add(flat.object, switches[i].name,
                     flat.keyval ? json_new_string(switches[i].value ? "on" : "off")
                                 : json_new_bool(switches[i].value));
    if (!json_object_object_get_ex(flat.object, "discard", NULL))
        add_string(flat.object, "discard", "unmap");
}

static struct block_node *add(struct block_nodes *nodes, struct props flat, const struct block_spec *over,
                              unsigned depth, struct error *error)
{
    struct block_node *node = NULL;
    struct block_spec spec;

    if (depth > NESTED_MAX) {
        error_set(error, "more than %u nodes stand over each other", NESTED_MAX);
        return NULL;
    }
    if (over)
        inherit(flat, over);
    if (block_spec_read(flat, over != NULL, &spec, error))
        node = open_node(nodes, flat, &spec, depth, error);
    block_spec_free(&spec);
    return node;
}

bool block_node_add(struct block_nodes *nodes, struct props props, struct error *error)
{
    struct props flat = { props_flatten(props.object, error), props.keyval };
    const bool good = flat.object && add(nodes, flat, NULL, 0, error) != NULL;

    json_object_put(flat.object);
    return good;
}

static bool check(struct props flat, unsigned depth, struct error *error)
{
    struct props below = { block_below(flat.object), flat.keyval };
    struct block_spec spec;
    bool good = depth <= NESTED_MAX ||
                error_set(error, "more than %u nodes stand over each other", NESTED_MAX);

    if (good) {
        good = block_spec_read(flat, depth > 0, &spec, error) &&
               (!below.object || check(below, depth + 1, error) || error_prefix(error, "file: "));
        block_spec_free(&spec);
    }
    json_object_put(below.object);
    return good;
}

bool block_node_check(struct props props, struct error *error)
{
    struct props flat = { props_flatten(props.object, error), props.keyval };
    const bool good = flat.object && json_check(flat.object, error) && check(flat, 0, error);

    json_object_put(flat.object);
    return good;
}

/* Who uses a node itself, and not one over it. */
static const struct block_user *user_of(const struct block_node *node)
{
    const struct block_user *user = block_node_bottom(node)->users;

    while (user && user->node != node)
        user = user->next;
    return user;
}

static const struct block_node *over(const struct block_nodes *nodes, const struct block_node *below)
{
    const struct block_node *node = nodes->first;

    while (node && node->below != below)
        node = node->next;
    return node;
}

bool block_node_remove(struct block_nodes *nodes, const char *name, struct error *error)
{
    struct block_node *node = block_node_find(nodes, name);
    const struct block_user *user;

    if (!node)
        return error_set(
            error, "Failed to find node with node-name='%.80s'; info block lists those that there are", name);
    user = user_of(node);
    if (user)
        return error_set(error, "Node %s is in use: by %s; %s", name, user->name,
                         in_use_way_out(user->stays));
    if (node->above > 0) {
        const struct block_node *upper = over(nodes, node);

        return error_set(error, "Node '%s' is busy: node '%s' stands over it%s", name, upper->name,
                         upper->named ? "; blockdev-del that first" : "");
    }
    drop(nodes, node);
    return true;
}

const char *block_node_name(const struct block_node *node)
{
    return node->name;
}

uint64_t block_node_size(const struct block_node *node)
{
    return atomic_load_explicit(&block_node_bottom(node)->size, memory_order_relaxed);
}

bool block_node_writable(const struct block_node *node)
{
    return node->writable;
}

uint32_t block_node_alignment(const struct block_node *node)
{
    return node->block;
}

bool block_node_discards(const struct block_node *node)
{
    for (; node; node = node->below)
        if (!node->unmap)
            return false;
    return true;
}

bool block_node_resize(struct block_node *node, uint64_t size, struct error *error)
{
    struct block_node *bottom = block_node_bottom(node);

    if (size % node->block != 0)
        return error_set(error, "The new size must be a multiple of %u; got %" PRIu64, node->block, size);
    if (!node->writable)
        return error_set(error, "Block node '%s' is read-only", node->name);
    if (node->nodes->lent)
        return error_set(error,
                         "Block node '%s' belongs to the guest that was sent, which may use its image in "
                         "another program; resize it there, or after cont here, which takes the image back",
                         node->name);
    if (size < block_node_size(node) && bottom->users)
        return error_set(error,
                         "Block node '%s' has %" PRIu64
                         " bytes and is used by %s: it can only become larger; "
                         "without a user it can become smaller, too",
                         node->name, block_node_size(node), bottom->users->name);
    if (!bottom->driver->resize(bottom, size, error))
        return false;
    for (struct block_user *user = bottom->users; user; user = user->next)
        if (user->resized)
            user->resized(user->opaque);
    return true;
}
