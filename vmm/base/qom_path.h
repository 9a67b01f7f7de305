/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * References to objects by QOM path, as QEMU resolves them (object_resolve_path): an absolute path begins
 * with '/', and empty parts in it are ignored; a partial path consists of the last part, or the last parts,
 * of a whole path, and must match one object only.
 */
#ifndef VMM_BASE_QOM_PATH_H
#define VMM_BASE_QOM_PATH_H

#include <stdbool.h>

#include "base/error.h"

/* Whether `path`, absolute or partial, names the object whose whole path is `whole`. */
bool qom_path_names(const char *path, const char *whole);

/* A search through all objects of a kind: set `path`, which is borrowed, and `found` to 0. */
struct qom_search {
    const char *path;
    unsigned found; /* number of objects that it names */
};
/* Compare with an object's whole path; true: this is the first object that the path names. */
bool qom_search_try(struct qom_search *search, const char *whole);
/* True: the path names exactly one object. False: it names several, and the error says so; or none, and the
 * error is not set. */
bool qom_search_end(const struct qom_search *search, struct error *error);

#endif
