/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * References to objects by QOM path, as QEMU resolves them (object_resolve_path): an absolute path begins
 * with '/', and empty parts in it count for nothing; a partial path is the last part, or the last parts, of a
 * whole one, and must be so of one object only.
 */
#ifndef VMM_BASE_QOM_PATH_H
#define VMM_BASE_QOM_PATH_H

#include <stdbool.h>

#include "base/error.h"

/* Whether `path`, absolute or partial, names the object whose whole path is `whole`. */
bool qom_path_names(const char *path, const char *whole);

/* A search through all objects of a kind. The path is borrowed. */
struct qom_search {
    const char *path;
    unsigned found; /* how many it names */
};
/* Look at one; true when it is the first that is named. */
bool qom_search_try(struct qom_search *search, const char *whole);
/* Whether exactly one was found; the error says that there are several. Nothing is said when there is none.
 */
bool qom_search_end(const struct qom_search *search, struct error *error);

#endif
