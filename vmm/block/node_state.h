/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes and drivers, as the files of block/ share them.
 *
 * Threads: main thread only, except that queues read `size` and the members that do not change once the node
 * is open (aio, direct, fd ...).
 */
#ifndef VMM_BLOCK_NODE_STATE_H
#define VMM_BLOCK_NODE_STATE_H

#include <stdatomic.h>

#include "base/event.h"
#include "base/loop.h"
#include "block/node.h"

enum block_aio { BLOCK_AIO_AUTO, BLOCK_AIO_THREADS, BLOCK_AIO_URING };
enum block_locking { BLOCK_LOCKING_AUTO, BLOCK_LOCKING_ON, BLOCK_LOCKING_OFF };

struct block_engine;

struct block_driver {
    const char *name;
    const struct property *properties; /* of struct block_spec */
    size_t property_count;
    bool over;                         /* its nodes stand over another node, "file" */
    const struct block_engine *engine; /* NULL: one that makes calls of the kernel */
    /* Open the storage of a node whose members are set from its spec. False and an error. NULL: there is
     * none. */
    bool (*open)(struct block_node *node, struct error *error);
    /* Change the size, in bytes. False and an error. Main thread. */
    bool (*resize)(struct block_node *node, uint64_t size, struct error *error);
};

struct block_nodes {
    struct block_node *first;
    bool lent;        /* no image is locked, whoever uses it: block_nodes_unlock() */
    unsigned numbers; /* of "#block" names so far */
    /* Receiver of events; NULL: none. */
    struct loop *loop;
    event_sink *event;
    void *opaque;
};

struct block_node {
    struct block_nodes *nodes;
    const struct block_driver *driver;
    char *name;               /* node-name=, or "#block3" */
    bool named;               /* the name was given; otherwise the node is removed with the one over it */
    struct block_node *below; /* the node that it stands over; NULL: it has the bytes itself */
    unsigned above;           /* number of nodes that stand over it */
    char *filename;
    int fd;        /* or -1 */
    bool writable; /* fd is */
    bool direct;   /* O_DIRECT */
    bool no_flush, unmap, read_only, auto_read_only, read_zeroes;
    enum block_aio aio;
    enum block_locking locking;
    uint32_t block;               /* bytes: alignment of offsets and lengths, and of memory with O_DIRECT */
    _Atomic uint64_t size;        /* bytes */
    uint64_t latency;             /* ns */
    struct block_user *users;     /* at the bottom node: its users, and those of nodes over it */
    struct block_stats_info past; /* of users that have left */
    /* Write threshold in bytes, 0: none; and that which was exceeded last, and by how many bytes. Any thread.
     */
    _Atomic uint64_t threshold, exceeded, excess;
    struct work tell;
    int lock_fd; /* has the locks of the image, as its users require; -1: it is not locked. lock.c */
    struct block_node *next;
};

/* threshold.c: check the thresholds of `top` and the nodes below it for a write that ends at offset `end`.
 * One that is exceeded is cleared, and reported by block_threshold_tell(). Any thread that has a queue. */
void block_threshold_check(struct block_node *top, uint64_t end);
/* Send event BLOCK_WRITE_THRESHOLD for a node: its posted work `tell`. Main thread. */
void block_threshold_tell(void *node);

/* The node that has the bytes: the lowest. */
static inline struct block_node *block_node_bottom(const struct block_node *node)
{
    while (node->below)
        node = node->below;
    return (struct block_node *)node;
}

/* file.c: the callbacks of the drivers file and host_device. False and an error that names the file. A host
 * device cannot be resized by hotram: `size` must be the size that the device already has. */
bool block_file_open(struct block_node *node, struct error *error);
bool block_device_open(struct block_node *node, struct error *error);
bool block_file_resize(struct block_node *node, uint64_t size, struct error *error);
bool block_device_resize(struct block_node *node, uint64_t size, struct error *error);

#endif
