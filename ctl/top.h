/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guests that top watches.
 */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include <stdbool.h>

#include "guest.h"
#include "view.h"

/* A guest and its last view. */
struct watched {
    struct guest guest;
    struct qmp *qmp; /* NULL: not connected */
    struct view view;
    bool seen;     /* the last watch_look() has updated the view */
    bool found;    /* the last watch_look() has found its socket */
    bool named;    /* by the command line: kept even if it does not exist */
    char why[160]; /* the error, if not seen */
};

struct watch {
    const struct options *options;
    struct watched *guests[GUESTS_MAX];
    size_t count;
};

/* Begin with the guests that the options name, which are borrowed. False and an error: a name is ambiguous or
 * unknown. watch_end() is required in either case. Ends the program if memory runs out, like watch_look(). */
bool watch_begin(struct watch *watch, const struct options *options, struct error *error);
/* Update the views, of all guests that exist if none is named; each has at most 500 ms for an answer. A guest
 * that has disappeared is shown as such once, and removed by the next call. */
void watch_look(struct watch *watch);
void watch_end(struct watch *watch);

/* Append the table of all guests; or return a JSON array of them, a new object. */
void watch_print(const struct watch *watch, struct text *out);
struct json_object *watch_document(const struct watch *watch);

#endif
