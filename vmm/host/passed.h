/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that others have passed to the program: by name (QMP's getfd) and in sets (add-fd, -add-fd).
 * Names and rules are QEMU's, except that a user of a descriptor receives a copy: nothing is lost if its use
 * fails, and a name is removed only after it has been used.
 *
 * There is one list for the process. Threads: main thread only.
 */
#ifndef VMM_HOST_PASSED_H
#define VMM_HOST_PASSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/props.h"

/* Limit for each of the two kinds. */
#define PASSED_MAX 256u

struct passed {
    struct passed *next;
    int fd;
    char *name;   /* of getfd; NULL: it is in a set */
    int64_t set;  /* of add-fd */
    char *opaque; /* add-fd's opaque, or NULL */
};

/* ---- by name ---- */

/* getfd: the list owns `fd`, which is closed on failure. A descriptor of the same name is closed and
 * replaced, as in QEMU. False and an error: the name begins with a digit or contains ':', PASSED_MAX is
 * reached, or out of memory. */
bool passed_name(const char *name, int fd, struct error *error);
/* closefd: close the descriptor and remove its name. False and an error: there is no such name. */
bool passed_close_name(const char *name, struct error *error);

/* ---- sets ---- */

/* add-fd: the list owns `fd`, which is closed on failure. If *set is negative, it becomes the lowest unused
 * number. False and an error: PASSED_MAX is reached, or out of memory. */
bool passed_add(int64_t *set, int fd, const char *opaque, struct error *error);
/* remove-fd: close a descriptor of a set, or all of them if `fd` is negative. False and an error: there is no
 * such set or descriptor. */
bool passed_remove(int64_t set, int fd, struct error *error);
/* Iterate over the descriptors in sets, by set and in order of arrival: NULL gives the first; returns NULL
 * after the last. */
const struct passed *passed_next(const struct passed *passed);

/* ---- inherited ones (numbers.h) ---- */

/* An option takes the number for itself, to close it: nobody else can from now on. False and an error, which
 * begins with "fd=N": it was not inherited, is taken, or is in a set. */
bool passed_take(int fd, struct error *error);

/* ---- use ---- */

/* Return a copy (O_CLOEXEC) of the descriptor that a property such as fd= names: getfd's name, or the number
 * of one that is in a set, or that was inherited and is not taken. -1 and an error that begins with the
 * property: there is no such descriptor, or it cannot be copied. */
int passed_copy(const char *property, const char *text, struct error *error);
/* After the successful use of passed_copy()'s copy: remove the name; or take and close the number, unless it
 * is in a set or has a name. */
void passed_used(const char *text);

/* Write the numbers of descriptors in the properties of a -netdev or -device, at most `room`, which
 * passed_copy() will be called for. Returns how many. */
size_t passed_inherited(struct props props, int *descriptors, size_t room);

/* Whether a path is "/dev/fdset/N", a set. */
bool passed_is_set(const char *path);
/* As open(); but for "/dev/fdset/N", return a copy of the set's first descriptor whose access mode is that of
 * `flags`, with O_DIRECT if they contain it; other flags are ignored. -1 and errno: EACCES, no descriptor has
 * this access mode; ENOENT, there is no such set; EBADF, "/dev/fd/N" or "/proc/self/fd/N" is a descriptor of
 * the program's own; or that of open(). */
int passed_open(const char *path, int flags, unsigned mode);

/* The reason for which passed_open() failed with errno `failure`, in words; NULL if the path is not that of a
 * set: strerror() describes it. */
const char *passed_why(const char *path, int failure);

/* Close all descriptors. */
void passed_end(void);

#endif
