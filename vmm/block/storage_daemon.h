/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images in formats that hotram does not read itself: qemu-storage-daemon serves them, one process for each
 * image, as the back end of a vhost-user-blk (vhost/user.h). It is started before the sandbox closes, which
 * lets no program start; it ends with the program, also where that is killed (PR_SET_PDEATHSIG).
 *
 * The daemon has four descriptors: a listening socket, at which hotram's connection waits already and which
 * has no name any more; its monitor, by which it is told to end; and a pipe for what it says.
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
    const char *node; /* the argument of its --blockdev, in key=value form */
    bool writable;
};

/* Start it, and wait until it has opened the image. NULL and an error, which has its own words: nothing runs.
 * *connection is a socket that is connected to it, the caller's. */
struct storage_daemon *storage_daemon_start(const struct storage_daemon_image *image, int *connection,
                                            struct error *error);
/* From now on what it says becomes messages of the program. */
void storage_daemon_watch(struct storage_daemon *daemon, struct loop *loop);
/* Have it write what it holds, and end; waits for that, as long as it may take. NULL will do. */
void storage_daemon_end(struct storage_daemon *daemon);

#endif
