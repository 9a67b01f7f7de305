/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for what a guest does: with a progress line, with Ctrl-C that cancels, and without believing that
 * a monitor that says nothing is still there.
 */
#ifndef CTL_WAITING_H
#define CTL_WAITING_H

#include "ctl.h"
#include "guest.h"
#include "progress.h"

struct waiting {
    const struct options *options;
    struct guest guest;
    struct qmp *qmp;
    struct progress progress;
    const char *title;        /* of the progress line while no operation is known: "set 2 GiB" */
    struct json_object *ours; /* operations under way that we wait for */
    bool adopts;              /* operations that begin now are ours: those of `set` */
    bool cancels;             /* Ctrl-C cancels, and does not only leave */
    bool cancel_wanted;
    uint64_t allocated, to_allocate; /* bytes, of MEMORY_PREALLOC */
    int signals;                     /* SIGINT and SIGTERM are read here */
    int64_t heard;                   /* ms: when the monitor last said something */
    bool stopped;                    /* the guest is, since then: */
    int64_t stopped_since;           /* ms */
    enum status status;              /* when a function returned false: what to exit with; all is said */
};

/* Connect to the guest that the options name. */
bool waiting_begin(struct waiting *waiting, const struct options *options, bool cancels);
void waiting_end(struct waiting *waiting);

/* Nobody waits for a guest that is stopped, which answers nothing: false, and all is said. `way_out` says
 * what can be done all the same, as "; ...", or is "". */
bool waiting_allowed(struct waiting *waiting, const char *way_out);

/* Ask, and wait for the answer however long it takes. */
bool waiting_ask(struct waiting *waiting, const char *command, struct json_object *args,
                 struct json_object **result);

/* Wait until one of the operations in waiting->ours has ended; it is taken out of there and returned. False,
 * and all is said, also when the guest has been stopped for as long as they may take. */
bool waiting_next(struct waiting *waiting, struct json_object **operation);
void waiting_add(struct waiting *waiting, struct json_object *operation);

#endif
