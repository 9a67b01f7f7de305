/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel may still be asked for: a list of system calls for each kind of thread (seccomp). Whoever
 * takes over a thread by way of a hostile guest, image or client gets no further than these lists: nothing is
 * executed, no other process is reached, no right is gained.
 *
 * Threads: sandbox_start() on the main thread, before any other thread and before anything from outside is
 * read. A new thread inherits the main thread's list; vCPU threads, I/O threads and helper threads narrow it
 * as their first act. A list can never be widened again.
 */
#ifndef VMM_HOST_SANDBOX_H
#define VMM_HOST_SANDBOX_H

#include <stdbool.h>

#include "base/config.h"
#include "base/error.h"

enum sandbox_thread {
    SANDBOX_MAIN,   /* monitors, files, all operations */
    SANDBOX_VCPU,   /* runs the guest */
    SANDBOX_IO,     /* moves the bytes of disks, network cards and the like (host/io_thread.h) */
    SANDBOX_DISK,   /* reads and writes an image that is open */
    SANDBOX_HELPER, /* allocates memory and gives it back, reads files that are open */
};

/* Put the main thread, and all that it starts, under its list; get the others' lists ready. Also where
 * nothing is filtered, nobody gains rights by executing a program any more (PR_SET_NO_NEW_PRIVS), but for
 * SANDBOX_OFF. */
bool sandbox_start(enum sandbox_mode mode, struct error *error);

/* The calling thread narrows its list to that of its kind. False: the kernel refused (out of memory), and the
 * list of the main thread still holds. True also where there is no sandbox. */
bool sandbox_enter(enum sandbox_thread kind);

#endif
