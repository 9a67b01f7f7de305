/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of guest memory, watched for truncation. KVM does not reliably report that a guest accesses a missing
 * part: with asynchronous page faults it may retry for ever.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MEMORY_FILE_WATCH_H
#define VMM_MEMORY_FILE_WATCH_H

struct file_watch;
struct loop;

/* `changed` is called from the event loop when one of the files was written or truncated by a system call.
 * NULL: inotify is not available, or out of memory; then only accesses to the memory detect it. */
struct file_watch *file_watch_create(struct loop *loop, void (*changed)(void *opaque), void *opaque);
void file_watch_destroy(struct file_watch *watch);

/* Begin to watch an open file; without effect if `watch` is NULL or the kernel refuses. */
void file_watch_add(struct file_watch *watch, int fd);

#endif
