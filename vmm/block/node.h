/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block nodes: the parts of disks. A node has a name and a driver: "file" and "host_device" contain the data,
 * "raw" is over one of them, "null-co" stores nothing. Names and rules are QEMU's.
 *
 * A device uses a node through a struct block_user: one user that writes, any number that read, or any number
 * that write and share it. While there is a user, the image is locked as QEMU locks it (lock.h).
 *
 * Threads: main thread only, but for block_node_size() and queues (queue.h).
 */
#ifndef VMM_BLOCK_NODE_H
#define VMM_BLOCK_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "base/props.h"
#include "block/stats.h"

struct block_node;
struct block_nodes;
struct loop;

/* Why requests of a user are stopped, QEMU's io-status: that of the first one. */
enum block_io_status { BLOCK_IO_OK, BLOCK_IO_FAILED, BLOCK_IO_NOSPACE };

/* The user of a node. The struct belongs to the device, which zeroes it initially. */
struct block_user {
    const char *name; /* for people, borrowed: "disk 'vda'" */
    const char *qdev; /* the device's QOM path, borrowed */
    bool write;       /* else it only reads */
    bool share;       /* while others, and other programs, write: share-rw=on */
    bool stays;       /* its device cannot be unplugged (base/in_use.h) */
    bool stops;       /* a request that fails may stop the machine: queries show the next */
    enum block_io_status io_status;
    /* The size of the node changed; may be NULL. Main thread. */
    void (*resized)(void *opaque);
    void *opaque;
    struct block_stats stats;
    struct block_node *node; /* the nodes', like the next */
    struct block_user *next;
};

struct block_nodes *block_nodes_create(void); /* NULL: out of memory */
/* From now on `event` is called for thresholds that are exceeded, on the thread of `loop`. Call it before
 * queues are made. Main thread. */
void block_nodes_report(struct block_nodes *nodes, struct loop *loop, event_sink *event, void *opaque);
/* Called when no node has a user any more. Without effect if it is NULL. */
void block_nodes_destroy(struct block_nodes *nodes);

/* All that can be said of a -blockdev without opening anything; references are not looked at. */
bool block_node_check(struct props props, struct error *error);
/* -blockdev, blockdev-add: open it. The properties may be nested, as in JSON, or have names with dots. */
bool block_node_add(struct block_nodes *nodes, struct props props, struct error *error);
/* The node, which has an image, was added without a word about the image's format. *format becomes the name
 * of another format that the image may have (image_format.h), or NULL: it is raw as far as one can tell.
 * False and an error where it cannot be read. */
bool block_node_guess(const struct block_node *node, const char **format, struct error *error);
/* blockdev-del. False and an error: there is no such node, it has a user, or a node is over it. */
bool block_node_remove(struct block_nodes *nodes, const char *name, struct error *error);

struct block_node *block_node_find(const struct block_nodes *nodes, const char *name); /* NULL: none */
/* The same; NULL sets an error that lists the existing names. */
struct block_node *block_node_require(const struct block_nodes *nodes, const char *name, struct error *error);
/* Iterate in order of creation: NULL gives the first; returns NULL after the last. */
struct block_node *block_node_next(const struct block_nodes *nodes, const struct block_node *node);

/* Iterate over the users of all nodes, in the order of the nodes: NULL gives the first; returns NULL after
 * the last. */
const struct block_user *block_user_next(const struct block_nodes *nodes, const struct block_user *user);

/* Record that a request of a user failed with errno `error`, and is stopped until the machine runs again. */
void block_user_stopped(struct block_user *user, int error);
/* The machine runs again: clear what block_user_stopped() recorded. */
void block_users_continue(struct block_nodes *nodes);

const char *block_node_name(const struct block_node *node);
/* Bytes; any thread. */
uint64_t block_node_size(const struct block_node *node);
/* Whether it can be used for writing. */
bool block_node_writable(const struct block_node *node);
/* The alignment of requests' offsets and lengths in bytes: 512, or up to 4096 with cache.direct=on on a disk
 * with such sectors. */
uint32_t block_node_alignment(const struct block_node *node);
/* Whether discards reach the host. */
bool block_node_discards(const struct block_node *node);

/* Add a user, which may then have queues. False and an error: another user conflicts with it, or another
 * program has locked the image. */
bool block_node_use(struct block_node *node, struct block_user *user, struct error *error);
/* The images belong to another program, to which the guest goes or from which it comes: give up all locks,
 * and take none for further users. Nobody reads or writes an image until block_nodes_lock(), except to learn
 * what it is. */
void block_nodes_unlock(struct block_nodes *nodes);
/* The images are this program's again, or now: take the locks that their users need. False and an error that
 * names node and image: another program uses one, and none is locked. Without effect if they are locked. */
bool block_nodes_lock(struct block_nodes *nodes, struct error *error);
/* Remove a user, after its queues have been destroyed. Without effect if it does not use a node. */
void block_node_leave(struct block_user *user);

/* block-set-write-threshold: a write that ends beyond so many bytes is an event, and ends the threshold; 0:
 * none. */
void block_node_set_threshold(struct block_node *node, uint64_t threshold);
uint64_t block_node_threshold(const struct block_node *node);

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
/* What all that use it, or a node over it, have asked of it so far, those included that have left. */
void block_node_stats(const struct block_node *node, struct block_stats_info *info);
void block_node_inspect(const struct block_node *node, struct block_node_info *info);

#endif
