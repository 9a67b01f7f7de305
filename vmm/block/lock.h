/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks by which programs see that an image is in use: QEMU's, byte for byte (its block/file-posix.c), so
 * that hotram, QEMU, qemu-img and qemu-storage-daemon keep off each other's images.
 *
 * Each permission has two bytes in the file. Whoever uses it has a read lock on byte 100 + n; whoever cannot
 * bear that others use it, on byte 200 + n. After taking its locks, each looks whether another one has the
 * opposite byte. The bytes need not be there.
 */
#ifndef VMM_BLOCK_LOCK_H
#define VMM_BLOCK_LOCK_H

#include <stdbool.h>

#include "base/error.h"
#include "block/node_state.h"

/* For a user that writes, or for users that read. True: the node's descriptor has the locks, or locking=auto
 * and the file system knows no locks. */
bool block_lock(struct block_node *node, bool write, bool share, struct error *error);
void block_unlock(struct block_node *node);

#endif
