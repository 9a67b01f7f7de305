/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contents of a flash bank: a copy of a block node in memory, which the guest reads. The main thread
 * writes changes to the node soon after they are made, one or several adjacent pages at a time; the guest
 * does not wait for that. All changes are written at a reset, and before the image is closed.
 *
 * Threads: main thread, except flash_image_changed(). The device's lock protects the bytes and the marks of
 * changed pages.
 */
#ifndef VMM_FIRMWARE_FLASH_IMAGE_H
#define VMM_FIRMWARE_FLASH_IMAGE_H

#include <pthread.h>
#include <sys/uio.h>

#include "base/loop.h"
#include "block/node.h"
#include "block/queue.h"
#include "firmware/flash_chip.h"

struct board;
struct watch;

#define FLASH_PAGE (4 * KIB) /* unit of writes to the node */

struct flash_image {
    struct loop *loop;
    pthread_mutex_t *lock;
    void (*failed)(void *opaque); /* called under the lock: a change could not be written to the node */
    void *opaque;
    struct block_user user;
    struct block_queue *queue;
    struct watch *watch; /* of the queue */
    char name[32], path[64];

    uint8_t *bytes; /* a mapping of its own: `size` bytes */
    uint64_t size;
    uint8_t *changed; /* under the lock: for each page, 1: not yet written to the node */
    struct work store;

    /* The write in progress: */
    bool writing, failing; /* a write is in progress; the last one failed */
    uint64_t first, count; /* its pages */
    uint8_t *copy;         /* a copy of them */
    struct block_request request;
    struct iovec iov;
};

/* Use a node as bank `number` of this shape, and read it; waits for that. `lock` and `failed` are set. False
 * and an error: its size does not fit the shape, it is in use, or it cannot be read; nothing is left. */
bool flash_image_open(struct flash_image *image, struct board *board, struct block_node *node,
                      unsigned number, const struct flash_shape *shape, struct error *error);
/* Read it again, while the guest does not run and nothing is to be written. False and an error. */
bool flash_image_read(struct flash_image *image, struct error *error);
/* Bytes of no node, all 0, as many as a bank can have: memory is used for what the guest changes. Nothing is
 * stored. False and an error: out of memory; nothing is left. */
bool flash_image_open_volatile(struct flash_image *image, unsigned number, const struct flash_shape *shape,
                               struct error *error);
/* Have changed bytes written to the node. Any thread, under the lock. */
void flash_image_changed(struct flash_image *image, const struct flash_change *change);
/* Write all changes, and wait for that; those that fail remain marked. Without the lock. */
void flash_image_settle(struct flash_image *image);
/* Write all changes and leave the node; has no effect on an image that is zeroed, or was never opened. */
void flash_image_close(struct flash_image *image);

#endif
