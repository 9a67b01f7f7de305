/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of block/ share: a node, and what a driver is.
 *
 * Threads: main thread only, but that queues read what never changes after the opening (aio, direct, fd ...)
 * and `size`.
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
    bool over;                         /* it stands over another node, "file" */
    const struct block_engine *engine; /* NULL: one that makes calls of the kernel */
    /* Open what is under a node that is filled in from its spec; NULL where there is nothing. */
    bool (*open)(struct block_node *node, struct error *error);
    /* Make it so large; main thread. */
    bool (*resize)(struct block_node *node, uint64_t size, struct error *error);
};

struct block_nodes {
    struct block_node *first;
    unsigned numbers; /* that "#block" names have used */
    /* Who hears of events; NULL: nobody. */
    struct loop *loop;
    event_sink *event;
    void *opaque;
};

struct block_node {
    struct block_nodes *nodes;
    const struct block_driver *driver;
    char *name;               /* node-name=, or "#block3" */
    bool named;               /* it was given; else the node goes with the one over it */
    struct block_node *below; /* what it stands over, or NULL; then the bytes are here: */
    unsigned above;           /* nodes that stand over it */
    char *filename;
    int fd;        /* or -1 */
    bool writable; /* fd is */
    bool direct;   /* O_DIRECT */
    bool no_flush, unmap, read_only, auto_read_only, read_zeroes;
    enum block_aio aio;
    enum block_locking locking;
    uint32_t block;               /* bytes: offsets and lengths are multiples; so is memory, with O_DIRECT */
    _Atomic uint64_t size;        /* bytes */
    uint64_t latency;             /* ns */
    struct block_user *users;     /* of this node and those over it, at the bottom */
    struct block_stats_info past; /* of users that have left */
    /* Of writes: 0: none is set. The next two are of the one that was exceeded last; any thread. */
    _Atomic uint64_t threshold, exceeded, excess;
    struct work tell;
    bool locked; /* the image, as the users need it */
    struct block_node *next;
};

/* threshold.c: a write to `top` ends at byte `end`. Any thread that has a queue. */
void block_threshold_check(struct block_node *top, uint64_t end);
/* The work of a node that has exceeded its threshold. */
void block_threshold_tell(void *node);

/* The node that has the bytes. */
static inline struct block_node *block_node_bottom(const struct block_node *node)
{
    while (node->below)
        node = node->below;
    return (struct block_node *)node;
}

/* file.c */
bool block_file_open(struct block_node *node, struct error *error);
bool block_device_open(struct block_node *node, struct error *error);
bool block_file_resize(struct block_node *node, uint64_t size, struct error *error);
bool block_device_resize(struct block_node *node, uint64_t size, struct error *error);

#endif
