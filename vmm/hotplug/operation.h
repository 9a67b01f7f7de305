/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations: every plug and every unplug that was accepted, from its start to its one end.
 *
 *     in progress --> done | refused | unanswered | cancelled
 *
 * An end is reported once: to whoever waits, and as the event MEMORY_OPERATION_DONE. If a guest answers after
 * "unanswered", or releases a device after "cancelled", that is reported once, as MEMORY_OPERATION_LATE; the
 * result stays what it was.
 *
 * What comes or goes is the operation's subject. All that depends on what it is, is its type's:
 * dimm_operation.c has that of DIMMs.
 *
 * operation_table.c  the states: what follows from what happens
 * event_queue.c      the events, behind the replies of the commands that cause them
 * operation_info.c   an operation as events and queries show it
 * operation_list.c   those that are remembered, and who waits for them
 * operation.c        how one begins, how long it may take, how it ends
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_OPERATION_H
#define VMM_HOTPLUG_OPERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "host/guest_clock.h"
#include "hotplug/event_queue.h"
#include "hotplug/operation_info.h"
#include "hotplug/operation_table.h"

struct operation;

/* What is particular to a kind of subject. */
struct subject_type {
    /* The operation begins; it is the subject's open one. */
    void (*begins)(struct operation *operation);
    /* Take an unplug's request back from the guest. */
    void (*withdraw)(struct operation *operation);
    /* The deadline has passed, as far as operation.c knows: look once more at what the guest did, then let it
     * expire (operation_happens()) or operation_check_again(). */
    void (*expired)(struct operation *operation);
    /* The guest has refused an unplug. */
    void (*refused)(struct operation *operation);
    /* Write why into the reason, and the way out. */
    void (*explain_refusal)(struct operation *operation);
    /* Add to what is shown of it. */
    void (*inspect)(const struct operation *operation, struct operation_info *info);
    /* Something is about to happen to it; has happened, and the table had something to follow. NULL: it does
     * not care. */
    void (*happening)(struct operation *operation);
    void (*happened)(struct operation *operation);
};

/* What comes or goes. The strings are the operation's own. */
struct subject {
    const struct subject_type *type;
    const char *id;   /* the device's, or NULL */
    const char *path; /* QOM's */
    /* Where its owner keeps the operation that is in progress, or that has ended without the guest's answer
     * and may still get one; NULL there: none. It outlives the operation. */
    struct operation **open;
    void *owner; /* the type's */
    union {
        struct memory_subject memory; /* dimm_subject */
    };
};

/* Who waits for an end. The struct belongs to the waiter and is off the list when `ended` is called, which
 * the event loop does, soon after the end, and before the operation is forgotten.
 *
 * The deadline is in the guest's time, so a guest that is stopped ends nothing. That nobody waits for ever,
 * `stalled` is called, by the event loop, when the guest has been stopped in one piece for as long as the
 * operation may take; the operation continues, and the waiter may take itself off the list, or wait. */
struct operation_watcher {
    void (*ended)(void *opaque, const struct operation *operation);
    void (*stalled)(void *opaque, const struct operation *operation);
    void *opaque;
    struct operation_watcher *next; /* the operation's */
};

/* All of a machine. */
struct operations {
    const struct guest_clock *clock; /* deadlines count by it */
    struct loop *loop;
    uint64_t deadlines[OPERATION_UNPLUG + 1]; /* by kind: milliseconds that a guest has */
    /* Why the guest does not run, and the way out; NULL from it: it runs. */
    const char *(*stopped)(void *opaque);
    void *opaque;
    struct event_queue events;
    struct operation *first;  /* all that are remembered, by id */
    struct operation *newest; /* the last of them; nothing while there are none */
    uint32_t watchers;        /* of all of them */
    uint32_t ended;           /* how many of those remembered */
    uint64_t last_id;
    struct work notify; /* sends events, and tells who waits */
};

struct operation {
    struct operations *operations;
    struct subject subject;
    uint64_t id; /* counts from 1 */
    enum operation_kind kind;
    enum operation_result result;
    uint64_t started, ended; /* in the machine's time (host/guest_clock.h), milliseconds */
    uint64_t deadline;       /* milliseconds after the start */
    bool answered;           /* the guest reported by _OST, with these codes: */
    uint32_t ost_event, ost_status;
    bool late;                           /* something came after the end, and was reported */
    bool at_reset;                       /* unplug: a reset carries it out */
    struct queued_event *begun;          /* MEMORY_OPERATION_STARTED, while it has not been sent */
    char reason[OPERATION_REASON_SIZE];  /* why it ended like this; may be empty */
    char warning[OPERATION_REASON_SIZE]; /* what the user should know though it was accepted; may be empty */
    struct timer timer;                  /* the guest runs: its deadline; it is stopped: until `stalled` */
    struct operation_watcher *watchers;
    struct operation *next; /* by id */
    char names[];           /* the subject's id and path */
};

/* How many that have ended are remembered. */
#define OPERATIONS_KEPT 64

/* ---- operation_list.c ---- */

/* Clock, loop, deadlines, `stopped` and its opaque, sink and opaque of the events are filled in before. */
void operations_init(struct operations *operations);
/* The program ends: watchers are called. */
void operations_free(struct operations *operations);

/* First, while everything can still be undone: room for an operation. The subject's strings are copied. NULL:
 * out of memory. */
struct operation *operation_new(struct operations *operations, enum operation_kind kind,
                                const struct subject *subject, struct error *error);
void operation_discard(struct operation *operation); /* NULL will do */
void operation_remember(struct operation *operation);

void operation_watch(struct operation *operation, struct operation_watcher *watcher);
void operation_unwatch(struct operation *operation, struct operation_watcher *watcher);
/* One has ended: the event loop tells who waits. */
void operations_post_end(struct operations *operations);

/* All that are remembered, oldest first: NULL gives the first. */
struct operation *operation_next_of(const struct operations *operations, const struct operation *last);
/* NULL when there is none of this number any more. */
struct operation *operation_find(const struct operations *operations, uint64_t id);

/* ---- operation.c ---- */

/* Then: the subject has been shown to the guest, or was asked for. Its time begins. */
void operation_begin(struct operation *operation);
/* Count anew: it has `milliseconds` from its start. */
void operation_set_deadline(struct operation *operation, uint64_t milliseconds);
/* Its deadline has passed; but what it waits for is certain, and its end only a matter of time. */
void operation_check_again(struct operation *operation, uint64_t milliseconds);
/* The guest has begun to run, or stopped: deadlines count only while it runs. */
void operations_run_state(struct operations *operations);

/* The one way to an end: something happens to it, and what follows by the table is done and reported.
 * The reason goes with the report; NULL leaves what there was. */
void operation_happens(struct operation *operation, enum operation_event event, const char *reason);

/* Take an unplug's request back, whatever becomes of the operation. */
void operation_withdraw(struct operation *operation);
/* Withdraw an unplug. Fails for a plug, which the guest has seen, and for one that has ended. */
bool operation_cancel(struct operation *operation, struct error *error);

#endif
