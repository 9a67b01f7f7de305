/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of a flash bank: a copy in memory, which the guest reads, of a block node. What the guest changes
 * is written to the node by the main thread, a page or several that adjoin at a time, soon after the change;
 * the guest does not wait for it. All of it is written at a reset, and before the image is closed.
 *
 * Threads: main thread, but for flash_image_changed(). The bytes and the marks of changed pages are under the
 * lock of the device.
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

#define FLASH_PAGE (4 * KIB) /* of what is written at once: so it is written as a whole, or not at all */

struct flash_image {
    struct loop *loop;
    pthread_mutex_t *lock;
    void (*failed)(void *opaque); /* under the lock: a change is not in the image */
    void *opaque;
    struct block_user user;
    struct block_queue *queue;
    struct watch *watch; /* of the queue */
    char name[32], path[64];

    uint8_t *bytes; /* a mapping of its own: `size` bytes */
    uint64_t size;
    uint8_t *changed; /* under the lock: one for each page */
    struct work store;

    /* What is being written: */
    bool writing, failing; /* and whether the last one failed */
    uint64_t first, count; /* pages */
    uint8_t *copy;         /* a block */
    struct block_request request;
    struct iovec iov;
};

/* Use a node as bank `number` of the shape, and read it. False with an error: its size is no flash's,
 * somebody else uses it, it cannot be read; nothing is left. */
bool flash_image_open(struct flash_image *image, struct board *board, struct block_node *node,
                      unsigned number, const struct flash_shape *shape, struct error *error);
/* Any thread, under the lock: bytes are others now. */
void flash_image_changed(struct flash_image *image, const struct flash_change *change);
/* Without the lock: write all that has changed. It stays marked where that fails. */
void flash_image_settle(struct flash_image *image);
/* One that was not opened will do. */
void flash_image_close(struct flash_image *image);

#endif
