/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images in formats that hotram does not read itself: qemu-storage-daemon serves them, one process for each
 * image, as the back end of a vhost-user-blk (vhost/user.h). It is started before the sandbox closes, which
 * lets no program start; it ends with the program, also where that is killed (PR_SET_PDEATHSIG).
 *
 * The daemon's descriptors are a listening socket, at which hotram's connection waits already and which has
 * no name any more; its monitor, by which it is told to end; a pipe for what it says; and, with snapshot=on,
 * the overlay, a file without a name, and the lock of the image below (overlay.h).
 *
 * Threads: main thread only; storage_daemon_start() before there are others.
 */
#ifndef VMM_BLOCK_STORAGE_DAEMON_H
#define VMM_BLOCK_STORAGE_DAEMON_H

#include <stdbool.h>

#include "base/error.h"

struct loop;
struct storage_daemon;

/* What it serves. Strings are borrowed during the call. */
struct storage_daemon_image {
    const char *name; /* the node's */
    const char *node; /* the argument of its --blockdev */
    bool writable;
    unsigned block_size; /* bytes that are read and written as a whole, a power of two from 512 */
    /* Descriptors: one that `node` opens as STORAGE_DAEMON_OVERLAY, and one that the daemon keeps without
     * knowing it; -1: none. */
    int overlay, lock;
};

#define STORAGE_DAEMON_OVERLAY "/proc/self/fd/5"

/* Start a daemon, and wait until it has opened the image. *connection becomes a socket connected to it, which
 * the caller owns. NULL and an error that quotes the daemon's own message: it does not run. */
struct storage_daemon *storage_daemon_start(const struct storage_daemon_image *image, int *connection,
                                            struct error *error);
/* Print the daemon's output as messages of this program from now on. */
void storage_daemon_watch(struct storage_daemon *daemon, struct loop *loop);
/* Have the daemon flush its caches and end, and wait for that without a time limit. NULL is permitted. */
void storage_daemon_end(struct storage_daemon *daemon);

#endif
