/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for a guest: with a progress line, with Ctrl-C, which cancels, and with a check whether a silent
 * monitor still exists.
 *
 * A function that returns false has printed the error, and set `status`.
 */
#ifndef CTL_WAITING_H
#define CTL_WAITING_H

#include "ctl.h"
#include "guest.h"
#include "operation.h"
#include "progress.h"

struct waiting {
    const struct options *options;
    struct guest guest;
    struct qmp *qmp;
    struct progress progress;
    const char *title;        /* of the progress line while no operation is known: "set 2 GiB" */
    struct json_object *ours; /* operations in progress that are waited for */
    bool adopts;              /* operations on memory that begin are added: those of `set` */
    bool cancels;             /* the first Ctrl-C cancels; otherwise it ends the wait */
    bool cancel_wanted;
    uint64_t allocated, to_allocate; /* bytes, of MEMORY_PREALLOC */
    int signals;                     /* SIGINT and SIGTERM are read here */
    int64_t heard;                   /* ms: time of the monitor's last message */
    bool stopped;                    /* the guest is stopped */
    int64_t stopped_since;           /* ms */
    enum status status;              /* exit status, after a function has returned false */
};

/* Connect to the guest that the options name, and block SIGINT and SIGTERM. False: there is no
 * connection. */
bool waiting_begin(struct waiting *waiting, const struct options *options, bool cancels);
void waiting_end(struct waiting *waiting);

/* Check that the guest is not stopped: it would not respond. False: it is, or its monitor does not answer.
 * `way_out`: an alternative for the error message, as "; ...", or "". */
bool waiting_allowed(struct waiting *waiting, const char *way_out);

/* Run a command (`args` is consumed) and wait for its answer, without limit; events are handled meanwhile.
 * *result is owned by the caller. False: the command failed, the connection is lost, or a signal ended the
 * wait. */
bool waiting_ask(struct waiting *waiting, const char *command, struct json_object *args,
                 struct json_object **result);

/* Wait until one of the operations in waiting->ours has ended, and move it from there to *operation. False:
 * the connection is lost, a signal ended the wait, or the guest has been stopped for as long as the longest
 * deadline of these operations. */
bool waiting_next(struct waiting *waiting, struct json_object **operation);
/* Wait for a further operation, which is borrowed; it is cancelled at once after a Ctrl-C that cancels. */
void waiting_add(struct waiting *waiting, struct json_object *operation);

#endif
