/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that others have passed to the program: by name (QMP's getfd) and in sets (add-fd, -add-fd).
 * Words and rules are QEMU's, but that whoever uses a descriptor gets a copy: nothing is lost when that
 * fails, and a name ends only when it has served.
 *
 * There is one list, as there is one table of descriptors. Threads: main thread only.
 */
#ifndef VMM_HOST_PASSED_H
#define VMM_HOST_PASSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/props.h"

/* Of each kind; more are refused. */
#define PASSED_MAX 256u

struct passed {
    struct passed *next;
    int fd;
    char *name;   /* of getfd; NULL: it is in a set */
    int64_t set;  /* of add-fd */
    char *opaque; /* whatever add-fd said of it, or NULL */
};

/* ---- by name ---- */

/* getfd: `fd` is the list's from now on, also after a failure. One of the same name is closed and replaced,
 * as in QEMU. */
bool passed_name(const char *name, int fd, struct error *error);
/* closefd, and what has been taken over. */
bool passed_close_name(const char *name, struct error *error);

/* ---- sets ---- */

/* add-fd: `fd` is the list's from now on, also after a failure. *set < 0: the lowest that is free, which is
 * filled in. */
bool passed_add(int64_t *set, int fd, const char *opaque, struct error *error);
/* remove-fd; fd < 0: all of the set. */
bool passed_remove(int64_t set, int fd, struct error *error);
/* All, by set and in order of arrival, names left out: NULL gives the first. */
const struct passed *passed_next(const struct passed *passed);

/* ---- use ---- */

/* A copy, closed on exec, of what a property such as fd= names: getfd's name, or a number. -1 and an error
 * that begins with the property. */
int passed_copy(const char *property, const char *text, struct error *error);
/* The name, if it is one, has served: it ends. A number that is in no set and has no name is closed: its
 * owner has the copy. */
void passed_used(const char *text);

/* The numbers in properties of a -netdev or -device that passed_copy() will be asked for: how many, at most
 * `room`. */
size_t passed_inherited(struct props props, int *descriptors, size_t room);

/* Whether a path is "/dev/fdset/N". */
bool passed_is_set(const char *path);
/* open(), but for such a path: a copy of the set's first descriptor that may be read and written as `flags`
 * say, with O_DIRECT if they do; the other flags were for whoever opened it. -1 and errno: EACCES: none may,
 * ENOENT: there is no such set. */
int passed_open(const char *path, int flags, unsigned mode);

/* Why passed_open() failed with `failure`, in words; NULL: as open() does. */
const char *passed_why(const char *path, int failure);

/* Close all. */
void passed_end(void);

#endif
