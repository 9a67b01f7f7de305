/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guests that top watches.
 */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include <stdbool.h>

#include "guest.h"
#include "view.h"

/* One guest, and what was last seen of it. */
struct watched {
    struct guest guest;
    struct qmp *qmp; /* NULL: not connected */
    struct view view;
    bool seen;     /* the view is of this look */
    bool found;    /* its socket is there at this look */
    bool named;    /* by the command line: stays, even if it is not there */
    char why[160]; /* why it is not seen */
};

struct watch {
    const struct options *options;
    struct watched *guests[GUESTS_MAX];
    size_t count;
};

/* Look at all guests that are named, or else at all that there are: those that are gone are forgotten at the
 * look after the one that says so. */
bool watch_begin(struct watch *watch, const struct options *options, struct error *error);
void watch_look(struct watch *watch);
void watch_end(struct watch *watch);

/* The table, or one JSON array. */
void watch_print(const struct watch *watch, struct text *out);
struct json_object *watch_document(const struct watch *watch);

#endif
