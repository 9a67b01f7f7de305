/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block nodes: what disks are made of. A node has a name and a driver: "file" and "host_device" have the
 * bytes, "raw" is over one of them, "null-co" keeps nothing. Words and rules are QEMU's.
 *
 * A device uses a node by a struct block_user: one user that writes, any number that read, or any number that
 * write and share it. While there is a user, the image is locked as QEMU locks it (lock.h).
 *
 * Threads: main thread only, but for block_node_size() and queues (queue.h).
 */
#ifndef VMM_BLOCK_NODE_H
#define VMM_BLOCK_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/props.h"
#include "block/stats.h"

struct block_node;
struct block_nodes;

/* Why requests of a user stand still, as QEMU's io-status: only that of the first of them is kept. */
enum block_io_status { BLOCK_IO_OK, BLOCK_IO_FAILED, BLOCK_IO_NOSPACE };

/* Who reads or writes a node. The struct belongs to the device, which zeroes it at first. */
struct block_user {
    const char *name; /* for people, borrowed: "disk 'vda'" */
    const char *qdev; /* the device's QOM path, borrowed */
    bool write;       /* else it only reads */
    bool share;       /* while others, and other programs, write: share-rw=on */
    bool stops;       /* a request that fails may stop the machine: queries show the next */
    enum block_io_status io_status;
    /* The node has another size now; may be NULL. Main thread. */
    void (*resized)(void *opaque);
    void *opaque;
    struct block_stats stats;
    struct block_node *node; /* the nodes', like the next */
    struct block_user *next;
};

struct block_nodes *block_nodes_create(void); /* NULL: out of memory */
/* No node has a user any more; NULL will do. */
void block_nodes_destroy(struct block_nodes *nodes);

/* All that can be said of a -blockdev without opening anything; references are not looked at. */
bool block_node_check(struct props props, struct error *error);
/* -blockdev, blockdev-add: open it. The properties may be nested, as in JSON, or have names with dots. */
bool block_node_add(struct block_nodes *nodes, struct props props, struct error *error);
/* The node, which has an image, was added without a word about the image's format. *format becomes the name
 * of another format that the image may have (image_format.h), or NULL: it is raw as far as one can tell.
 * False and an error where it cannot be read. */
bool block_node_guess(const struct block_node *node, const char **format, struct error *error);
/* blockdev-del: nobody uses it, and no node is over it. */
bool block_node_remove(struct block_nodes *nodes, const char *name, struct error *error);

struct block_node *block_node_find(const struct block_nodes *nodes, const char *name); /* NULL: none */
/* The same, and otherwise an error with the names that there are. */
struct block_node *block_node_require(const struct block_nodes *nodes, const char *name, struct error *error);
/* In order of creation: NULL gives the first. */
struct block_node *block_node_next(const struct block_nodes *nodes, const struct block_node *node);

/* Who uses the nodes, in order of their nodes: NULL gives the first. */
const struct block_user *block_user_next(const struct block_nodes *nodes, const struct block_user *user);

/* A request of a user has failed, and waits until the machine runs again; `error` is an errno. */
void block_user_stopped(struct block_user *user, int error);
/* The machine runs again: what stands still is tried again. */
void block_users_continue(struct block_nodes *nodes);

const char *block_node_name(const struct block_node *node);
/* Bytes; any thread. */
uint64_t block_node_size(const struct block_node *node);
/* Whether somebody may use it for writing. */
bool block_node_writable(const struct block_node *node);
/* What offsets and lengths of requests are multiples of: 512, or up to 4096 with cache.direct=on on a disk
 * that has such sectors. Bytes. */
uint32_t block_node_alignment(const struct block_node *node);
/* Whether discards reach the host. */
bool block_node_discards(const struct block_node *node);

/* From now on `user` may have queues. False and an error: another user is in its way, or the image is locked
 * by another program. */
bool block_node_use(struct block_node *node, struct block_user *user, struct error *error);
/* Its queues are gone. One that does not use a node will do. */
void block_node_leave(struct block_user *user);

/* block_resize: change the image, and tell its users. */
bool block_node_resize(struct block_node *node, uint64_t size, struct error *error);

/* A node as queries show it. All is borrowed. */
struct block_node_info {
    const char *name, *driver;
    const char *filename;           /* of the image; NULL: null-co, which has none */
    const struct block_node *below; /* what it stands over, or NULL */
    uint64_t size;                  /* bytes */
    uint64_t allocated;             /* bytes that the image takes on the host */
    bool writable, direct, no_flush;
};
void block_node_inspect(const struct block_node *node, struct block_node_info *info);

#endif
