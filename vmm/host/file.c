/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/message.h"

static const char *kind(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a FIFO";
    case S_IFCHR:
    case S_IFBLK:
        return "a device";
    case S_IFSOCK:
        return "a socket";
    default:
        return "something else";
    }
}

static bool not_regular(mode_t mode, char why[FILE_WHY_SIZE])
{
    snprintf(why, FILE_WHY_SIZE, "it is %s, not a regular file", kind(mode));
    errno = EINVAL;
    return false;
}

const char *file_why(int failure)
{
    switch (failure) {
    case EWOULDBLOCK: /* of a regular file that is what O_NONBLOCK gives when open() would have waited */
        return "another process holds a lease on it";
    case ENXIO: /* a FIFO, open for writing */
        return "it has no reader";
    default:
        return strerror(failure);
    }
}

bool file_lacks_room(int failure)
{
    return failure == EMFILE || failure == ENFILE || failure == ENOMEM || failure == ENOBUFS;
}

int file_open_regular(const char *path, int flags, mode_t mode, char why[FILE_WHY_SIZE])
{
    struct stat file;
    int fd;

    if (stat(path, &file) == 0 && !S_ISREG(file.st_mode)) {
        not_regular(file.st_mode, why);
        return -1;
    }
    fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode);
    if (fd < 0) {
        const int failure = errno;

        snprintf(why, FILE_WHY_SIZE, "%s", file_why(failure));
        errno = failure;
        return -1;
    }
    /* It may be another file by now. */
    if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode))
        return fd;
    not_regular(file.st_mode, why);
    close(fd);
    errno = EINVAL;
    return -1;
}

static char *absolute(const char *path)
{
    char *folder = *path == '/' ? NULL : getcwd(NULL, 0);
    char *whole = NULL;

    if (*path == '/')
        return strdup(path);
    if (folder && asprintf(&whole, "%s/%s", folder, path) < 0)
        whole = NULL;
    free(folder);
    return whole;
}

bool made_file_note(struct made_file *file, const char *path)
{
    struct stat status;
    int why;

    *file = (struct made_file){ .path = absolute(path) };
    if (file->path && lstat(path, &status) == 0) {
        file->device = status.st_dev;
        file->inode = status.st_ino;
        return true;
    }
    why = errno;
    free(file->path);
    file->path = NULL;
    RESULT_DOES_NOT_MATTER(unlink(path), "the caller fails for want of the file in any case");
    errno = why;
    return false;
}

void made_file_remove(struct made_file *file)
{
    struct stat status;

    if (file->path && lstat(file->path, &status) == 0 && status.st_dev == file->device &&
        status.st_ino == file->inode)
        if (unlink(file->path) < 0)
            message("%s was created and cannot be removed: %s", file->path, strerror(errno));
    made_file_keep(file);
}

void made_file_keep(struct made_file *file)
{
    free(file->path);
    *file = (struct made_file){ 0 };
}

bool files_open_standard(void)
{
    /* The lowest that is free is what open() gives. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            return false;
    return true;
}

static void close_from_to(unsigned first, unsigned last)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, last, 0) == 0)
        return;
#endif
    /* A kernel before 5.9. */
    for (unsigned fd = first; fd <= last && fd < (unsigned)sysconf(_SC_OPEN_MAX); fd++)
        close((int)fd);
}

void files_close_inherited(const int *keep, size_t count)
{
    int first = STDERR_FILENO + 1;

    for (;;) {
        int next = INT_MAX;

        for (size_t i = 0; i < count; i++)
            if (keep[i] >= first && keep[i] < next)
                next = keep[i];
        if (next > first)
            close_from_to((unsigned)first, (unsigned)next - 1);
        if (next == INT_MAX)
            return;
        first = next + 1;
    }
}
