/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that users name: opened without blocking, and removed only if the program created them.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOST_FILE_H
#define VMM_HOST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Open a regular file. FIFOs, devices and sockets are not opened at all: opening a FIFO blocks until its
 * other end is opened, and opening a device may have effects. Returns a descriptor; or -1: `why` is the
 * reason in words, and errno that of open(), or EINVAL if it is not a regular file. O_CLOEXEC and O_NONBLOCK
 * are added to the flags. */
#define FILE_WHY_SIZE 96
int file_open_regular(const char *path, int flags, mode_t mode, char why[FILE_WHY_SIZE]);

/* The reason for which open() with O_NONBLOCK failed with this errno, in words. */
const char *file_why(int failure);

/* Whether a call that makes a descriptor, such as accept(), has failed, by its errno, for want of descriptors
 * or memory: what it was to take is still there, so that the call would fail again at once. Any thread. */
bool file_lacks_room(int failure);

/* A file that this program created. */
struct made_file {
    char *path; /* absolute, since the working folder may change; NULL: none */
    dev_t device;
    ino_t inode;
};

/* Record a file that was just created. False: out of memory, or its inode cannot be read; the file has been
 * removed again. */
bool made_file_note(struct made_file *file, const char *path);
/* Remove it, unless it has been replaced by another file. */
void made_file_remove(struct made_file *file);
/* Forget it: the file remains. */
void made_file_keep(struct made_file *file);

/* Called first in the program: open standard input, output and error on /dev/null if they are closed. False
 * and errno: that is not possible. */
bool files_open_standard(void);
/* Close all descriptors above those three except the `count` ones in `keep`. */
void files_close_inherited(const int *keep, size_t count);

#endif
