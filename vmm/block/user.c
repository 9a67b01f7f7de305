/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The users of block nodes: which of them can use a node at the same time, the lock of the image while there
 * is one, and whether their requests are stopped by an error. A node's users, and those of the nodes over it,
 * are in the list of the node at the bottom.
 */
#include <errno.h>

#include "block/lock.h"
#include "block/node_state.h"

const struct block_user *block_user_next(const struct block_nodes *nodes, const struct block_user *user)
{
    const struct block_node *node = user ? block_node_bottom(user->node)->next : nodes->first;

    if (user && user->next)
        return user->next;
    while (node && !node->users) /* those at the bottom have them */
        node = node->next;
    return node ? node->users : NULL;
}

static const char *on_or_off(bool on)
{
    return on ? "on" : "off";
}

/* All users of a node share its locks, so they have to be of one kind; nodes of one image may differ. */
static bool check_other(const struct block_node *node, const struct block_user *user,
                        const struct block_user *other, struct error *error)
{
    const char *does = other->write ? "writes" : "reads";

    if (user->share != other->share || (user->share && user->write != other->write))
        return error_set(error,
                         "Block node '%s' is in use: %s %s it with share-rw=%s; for a disk that %s with "
                         "share-rw=%s, give the image a node of its own (blockdev-add)",
                         node->name, other->name, does, on_or_off(other->share),
                         user->write ? "writes" : "reads", on_or_off(user->share));
    return user->share || (!user->write && !other->write) ||
           error_set(
               error,
               "Block node '%s' is in use: %s %s it, and who writes shares it with nobody; take another "
               "image, or share-rw=on of both disks for a file system that is made for that",
               node->name, other->name, does);
}

bool block_node_use(struct block_node *node, struct block_user *user, struct error *error)
{
    struct block_node *bottom = block_node_bottom(node);
    const struct block_user *other = bottom->users;

    if (user->write && !node->writable)
        return error_set(error, "Block node '%s' is read-only", node->name);
    if (other && !check_other(node, user, other, error))
        return false;
    if (!other && !node->nodes->lent && !block_lock(bottom, user->write, user->share, error))
        return error_prefix(error, "Block node '%s': ", node->name);
    user->node = node;
    user->next = bottom->users;
    bottom->users = user;
    return true;
}

void block_nodes_unlock(struct block_nodes *nodes)
{
    nodes->lent = true;
    for (struct block_node *node = nodes->first; node; node = node->next)
        block_unlock(node);
}

/* All users of a node are of one kind: check_other(). */
bool block_nodes_lock(struct block_nodes *nodes, struct error *error)
{
    if (!nodes->lent)
        return true;
    for (struct block_node *node = nodes->first; node; node = node->next) {
        const struct block_user *user = node->users;

        if (user && !block_lock(node, user->write, user->share, error)) {
            block_nodes_unlock(nodes);
            return error_prefix(error, "Block node '%s': ", user->node->name);
        }
    }
    nodes->lent = false;
    return true;
}

void block_node_leave(struct block_user *user)
{
    struct block_stats_info stats;
    struct block_node *bottom;
    struct block_user **link;

    if (!user->node)
        return;
    bottom = block_node_bottom(user->node);
    link = &bottom->users;
    while (*link != user)
        link = &(*link)->next;
    *link = user->next;
    block_stats_inspect(&user->stats, &stats);
    for (struct block_node *node = user->node; node; node = node->below)
        block_stats_sum(&node->past, &stats);
    user->node = NULL;
    if (!bottom->users)
        block_unlock(bottom);
}

void block_user_stopped(struct block_user *user, int error)
{
    if (user->stops && user->io_status == BLOCK_IO_OK)
        user->io_status = error == ENOSPC ? BLOCK_IO_NOSPACE : BLOCK_IO_FAILED;
}

void block_users_continue(struct block_nodes *nodes)
{
    struct block_user *user = NULL;

    while ((user = (struct block_user *)block_user_next(nodes, user)) != NULL)
        user->io_status = BLOCK_IO_OK;
}
