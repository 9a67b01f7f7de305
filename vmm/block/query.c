/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes, and the requests of their users, as queries show them.
 */
#include <sys/stat.h>

#include "block/node_state.h"

/* Bytes that the image takes on the host; it may be sparse. */
static uint64_t allocated(const struct block_node *bottom)
{
    struct stat file;

    return bottom->fd >= 0 && fstat(bottom->fd, &file) == 0 && S_ISREG(file.st_mode)
               ? (uint64_t)file.st_blocks * 512
               : 0;
}

void block_node_inspect(const struct block_node *node, struct block_node_info *info)
{
    const struct block_node *bottom = block_node_bottom(node);

    *info = (struct block_node_info){ .name = node->name,
                                      .driver = node->driver->name,
                                      .filename = bottom->filename,
                                      .below = node->below,
                                      .size = block_node_size(node),
                                      .allocated = allocated(bottom),
                                      .writable = node->writable,
                                      .direct = node->direct,
                                      .no_flush = node->no_flush };
}

/* Whether requests to `top` come by `node`. */
static bool passes(const struct block_node *top, const struct block_node *node)
{
    while (top && top != node)
        top = top->below;
    return top != NULL;
}

void block_node_stats(const struct block_node *node, struct block_stats_info *info)
{
    struct block_stats_info one;

    *info = (struct block_stats_info){ 0 };
    block_stats_sum(info, &node->past);
    for (const struct block_user *user = block_node_bottom(node)->users; user; user = user->next)
        if (passes(user->node, node)) {
            block_stats_inspect(&user->stats, &one);
            block_stats_sum(info, &one);
        }
}
