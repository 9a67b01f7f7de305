/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that people name: opened without waiting for anybody, and removed again by who made them.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOST_FILE_H
#define VMM_HOST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Open a regular file. A FIFO, a device or a socket is not opened at all: a FIFO would wait for its other
 * end, and opening a device may do something. -1: `why` says what is wrong, and errno is that of open(), or
 * EINVAL for what is no regular file. O_CLOEXEC and O_NONBLOCK are added to the flags. */
#define FILE_WHY_SIZE 96
int file_open_regular(const char *path, int flags, mode_t mode, char why[FILE_WHY_SIZE]);

/* Why open() with O_NONBLOCK has failed, by its errno. */
const char *file_why(int failure);

/* Whether a call that makes a descriptor, such as accept(), has failed, by its errno, for want of descriptors
 * or memory: what it was to take is still there, so that the call would fail again at once. Any thread. */
bool file_lacks_room(int failure);

/* A file that this program has made. */
struct made_file {
    char *path; /* absolute: the program may change its folder; NULL: none */
    dev_t device;
    ino_t inode;
};

/* Remember a file that was just made. False (it is removed again): there is no memory to remember it, or it
 * cannot be looked at. */
bool made_file_note(struct made_file *file, const char *path);
/* Remove it, unless somebody has put another file in its place. */
void made_file_remove(struct made_file *file);
/* It stays. */
void made_file_keep(struct made_file *file);

/* At the very start: standard input, output and error are open, if only on /dev/null. False and errno. */
bool files_open_standard(void);
/* Close all descriptors above them but those in `keep`. */
void files_close_inherited(const int *keep, size_t count);

#endif
