/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations: every plug, every unplug and every change of a requested size that was accepted, from
 * its start to its one end.
 *
 *     in progress --> done | refused | unanswered | cancelled
 *
 * An end is reported once: to the watchers, and as the event MEMORY_OPERATION_DONE, CPU_OPERATION_DONE or
 * DEVICE_OPERATION_DONE. If a guest answers after "unanswered", or releases a device after "cancelled", that
 * is reported once, as MEMORY_OPERATION_LATE, CPU_OPERATION_LATE or DEVICE_OPERATION_LATE; the result is
 * unchanged.
 *
 * The device that is plugged or unplugged is the operation's subject. All code for a kind of device is in its
 * subject_type: dimm_operation.c has that of DIMMs, cpu_operation.c that of CPUs, mem_operation.c that of
 * devices of blocks, device_operation.c that of devices at root ports.
 *
 * operation_table.c  the state machine event_queue.c      the events, after the replies of the commands that
 * cause them operation_info.c   an operation as events and queries show it operation_list.c   those that are
 * remembered, and their watchers operation.c        beginning, deadline and end
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

/* What events of a kind of subject are called. */
struct operation_events {
    enum event_kind started, done, late;
};

/* The functions of a kind of subject. */
struct subject_type {
    struct operation_events events;
    /* The operation begins, and is the subject's open one. */
    void (*begins)(struct operation *operation);
    /* Withdraw an unplug's request from the guest. */
    void (*withdraw)(struct operation *operation);
    /* The deadline has passed: check once more what the guest did, then call operation_happens() to let the
     * operation expire, or operation_check_again(). */
    void (*expired)(struct operation *operation);
    /* The guest refused an unplug. NULL: nothing depends on it. */
    void (*refused)(struct operation *operation);
    /* Write the reason for the refusal, and the way out, into operation->reason. */
    void (*explain_refusal)(struct operation *operation);
    /* Add the subject's part to the information. */
    void (*inspect)(const struct operation *operation, struct operation_info *info);
    /* Called before an event is processed, and after one that had an effect. May be NULL. */
    void (*happening)(struct operation *operation);
    void (*happened)(struct operation *operation);
};

/* What is plugged or unplugged. The operation has copies of the strings. */
struct subject {
    const struct subject_type *type;
    const char *id;   /* the device's, or NULL */
    const char *path; /* QOM's */
    /* The owner's pointer to the operation that is in progress, or that ended without the guest's answer and
     * may still receive one; *open is NULL without one. After the last event with an effect the operation
     * refers to its own `nothing` instead, so the pointer may be part of the device, which ends then. */
    struct operation **open;
    void *owner; /* the type's: struct hotplug, struct cpus, or struct device_operations */
    union {
        struct memory_subject memory; /* dimm_subject */
        struct cpu_subject cpu;       /* cpu_subject */
        struct blocks_subject blocks; /* blocks_subject */
        struct device_subject device; /* device_subject */
    };
};

/* Waits for the end of an operation. The struct belongs to the waiter, and has been removed from the list
 * when `ended` is called, from the event loop, soon after the end and before the operation is forgotten.
 *
 * The deadline is in the guest's time, so an operation of a stopped guest does not end. `stalled` is called,
 * from the event loop, when the guest has been stopped without interruption for as long as the operation may
 * take; the operation continues, and the waiter may remove itself from the list, or wait. */
struct operation_watcher {
    void (*ended)(void *opaque, const struct operation *operation);
    void (*stalled)(void *opaque, const struct operation *operation);
    void *opaque;
    struct operation_watcher *next; /* the operation's */
};

/* All operations of a machine, whatever their subjects: one count, so a number stands for one operation. */
struct operations {
    const struct guest_clock *clock; /* of the deadlines */
    struct loop *loop;
    uint64_t deadlines[OPERATION_KINDS]; /* by kind: milliseconds */
    /* Returns why the guest does not run, and the way out; NULL: it runs. */
    const char *(*stopped)(void *opaque);
    void *opaque;
    struct event_queue events;
    struct operation *first;  /* all that are remembered, by id */
    struct operation *newest; /* the last of them; undefined if there are none */
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
    bool late;                           /* an event after the end was reported */
    bool at_reset;                       /* unplug: completed by a reset */
    struct queued_event *begun;          /* its event "started", while it has not been sent */
    char reason[OPERATION_REASON_SIZE];  /* of the result; may be empty */
    char warning[OPERATION_REASON_SIZE]; /* for the user, of an accepted request; may be empty */
    struct timer timer;                  /* the guest runs: its deadline; it is stopped: until `stalled` */
    struct operation_watcher *watchers;
    struct operation *next;    /* by id */
    struct operation *nothing; /* NULL */
    char names[];              /* the subject's id and path */
};

/* Number of ended operations that are remembered. */
#define OPERATIONS_KEPT 64

/* ---- operation_list.c ---- */

/* Clock, loop, deadlines, `stopped` and its opaque, sink and opaque of the events are filled in before. */
void operations_init(struct operations *operations);
/* Free all operations at the end of the program; their watchers are called. */
void operations_free(struct operations *operations);

/* Allocate an operation, before the first effect of the request. The subject's strings are copied. NULL and
 * an error: out of memory. */
struct operation *operation_new(struct operations *operations, enum operation_kind kind,
                                const struct subject *subject, struct error *error);
void operation_discard(struct operation *operation); /* NULL will do */
void operation_remember(struct operation *operation);

void operation_watch(struct operation *operation, struct operation_watcher *watcher);
void operation_unwatch(struct operation *operation, struct operation_watcher *watcher);
/* After the end of an operation: let the event loop call its watchers. */
void operations_post_end(struct operations *operations);

/* Iterate over those that are remembered whose subjects have this owner, oldest first: NULL gives the first;
 * returns NULL after the last. */
struct operation *operation_next_of(const struct operations *operations, const void *owner,
                                    const struct operation *last);
/* Find an operation by number; NULL: it is unknown, or no longer remembered. */
struct operation *operation_find(const struct operations *operations, uint64_t id);

/* ---- operation.c ---- */

/* Begin it, after the subject was announced to the guest, or its removal requested. The deadline begins. */
void operation_begin(struct operation *operation);
/* Continue one that began in another program, under its number, after so many milliseconds, without an event.
 * The machine's time is restored before. */
void operation_continue(struct operation *operation, uint64_t id, uint64_t elapsed, uint64_t deadline);
/* Change the deadline to `milliseconds` after its start. */
void operation_set_deadline(struct operation *operation, uint64_t milliseconds);
/* After its deadline: check again in `milliseconds`, since it is certain to end. */
void operation_check_again(struct operation *operation, uint64_t milliseconds);
/* Called when the guest begins to run or stops: deadlines advance only while it runs. */
void operations_run_state(struct operations *operations);

/* The guest has reported by _OST, with these codes. */
void operation_answered(struct operation *operation, uint32_t ost_event, uint32_t ost_status);
/* Process an event by the table, the only way in which an operation ends: change the state and report it.
 * `reason` replaces the operation's reason unless it is NULL. */
void operation_happens(struct operation *operation, enum operation_event event, const char *reason);

/* Withdraw an unplug's request from the guest, without changing the operation. */
void operation_withdraw(struct operation *operation);
/* Cancel it. False and an error: it is a plug, which the guest has seen, or it has ended. */
bool operation_cancel(struct operation *operation, struct error *error);
/* The same by its number. False and an error if there is none with it, too. */
bool operations_cancel(struct operations *operations, uint64_t id, struct error *error);

#endif
