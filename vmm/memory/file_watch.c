/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/file_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/message.h"

struct file_watch {
    int fd;
    struct watch *watch;
    void (*changed)(void *opaque);
    void *opaque;
};

static void read_events(void *opaque, uint32_t events)
{
    struct file_watch *watch = opaque;
    char buffer[4096];

    (void)events;
    while (read(watch->fd, buffer, sizeof buffer) > 0)
        ;
    watch->changed(watch->opaque);
}

static void cannot_watch(int why, const char *limit)
{
    warning("the truncation of a file of guest memory will be detected late: inotify: %s%s%s%s",
            strerror(why), limit ? " (the limit may be the sysctl " : "", limit ? limit : "",
            limit ? ")" : "");
}

struct file_watch *file_watch_create(struct loop *loop, void (*changed)(void *opaque), void *opaque)
{
    struct file_watch *watch = calloc(1, sizeof *watch);
    int why;

    if (!watch) {
        cannot_watch(ENOMEM, NULL);
        return NULL;
    }
    *watch = (struct file_watch){ .changed = changed, .opaque = opaque };
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->fd >= 0)
        watch->watch = watch_add(loop, watch->fd, EPOLLIN, read_events, watch);
    if (watch->watch)
        return watch;
    why = errno;
    cannot_watch(why, why == EMFILE   ? "fs.inotify.max_user_instances"
                      : why == ENOSPC ? "fs.epoll.max_user_watches"
                                      : NULL);
    file_watch_destroy(watch);
    return NULL;
}

void file_watch_destroy(struct file_watch *watch)
{
    if (!watch)
        return;
    if (watch->watch)
        watch_remove(watch->watch);
    if (watch->fd >= 0)
        close(watch->fd);
    free(watch);
}

void file_watch_add(struct file_watch *watch, int fd)
{
    char path[32];

    /* By descriptor: the name may be another file's by now, or gone. Watches are never taken back: they
     * belong to the inode, and two backends may be of one file. */
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (watch && inotify_add_watch(watch->fd, path, IN_MODIFY) < 0)
        cannot_watch(errno, errno == ENOSPC ? "fs.inotify.max_user_watches" : NULL);
}
