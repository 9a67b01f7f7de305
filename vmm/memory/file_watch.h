/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files below guest memory, watched for becoming shorter. The kernel's KVM does not reliably say when a guest
 * touches what is missing: with asynchronous page faults it may try again for ever.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MEMORY_FILE_WATCH_H
#define VMM_MEMORY_FILE_WATCH_H

struct file_watch;
struct loop;

/* `changed` is called from the event loop: one of the files was written or truncated by a system call. NULL
 * when the kernel has no inotify for us: then only accesses show it. */
struct file_watch *file_watch_create(struct loop *loop, void (*changed)(void *opaque), void *opaque);
void file_watch_destroy(struct file_watch *watch);

/* Watch an open file from now on; `watch` may be NULL. */
void file_watch_add(struct file_watch *watch, int fd);

#endif
