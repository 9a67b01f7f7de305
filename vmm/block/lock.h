/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks by which programs see that an image is in use: QEMU's, byte for byte (its block/file-posix.c), so
 * that hotram, QEMU, qemu-img and qemu-storage-daemon do not use the same image in conflicting ways.
 *
 * Each permission has two bytes in the file. A program that uses it has a read lock on byte 100 + n; one that
 * does not permit others to use it, on byte 200 + n. After taking its locks, each checks whether another has
 * locked the opposite byte. The file may be shorter.
 */
#ifndef VMM_BLOCK_LOCK_H
#define VMM_BLOCK_LOCK_H

#include <stdbool.h>

#include "base/error.h"
#include "block/node_state.h"

/* Take the locks of one writer, or of readers. True: the node's lock_fd has the locks, or locking=auto and
 * the file system does not support them. False and an error: another program has conflicting ones. Main
 * thread. */
bool block_lock(struct block_node *node, bool write, bool share, struct error *error);
void block_unlock(struct block_node *node);

#endif
