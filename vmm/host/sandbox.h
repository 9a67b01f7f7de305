/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls that each kind of thread may make (seccomp). Code that takes over a thread by means of a
 * hostile guest, image or client is limited to them: it cannot execute programs, reach other processes, or
 * gain privileges.
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

/* Restrict the main thread, and all that it starts, to its list, and prepare the lists of the others;
 * `flash`: the machine has flash, which its vCPU threads map and unmap. Except with SANDBOX_OFF, executing a
 * program no longer grants privileges (PR_SET_NO_NEW_PRIVS), even if nothing can be filtered. False and an
 * error: SANDBOX_ON or SANDBOX_LOG, and the program or the kernel does not support it; or out of memory. */
bool sandbox_start(enum sandbox_mode mode, bool flash, struct error *error);

/* Restrict the calling thread to the list of its kind. False: the kernel is out of memory, and the list of
 * the main thread remains in force. True also without a sandbox. */
bool sandbox_enter(enum sandbox_thread kind);

#endif
