/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations: every plug and every unplug that was accepted, from its start to its one end.
 *
 *     under way --> done | refused | unanswered | cancelled
 *
 * An end is told once: to whoever waits, and as the event MEMORY_OPERATION_DONE. A guest that answers after
 * "unanswered", or gives memory back after "cancelled", is told of as MEMORY_OPERATION_LATE, once; the result
 * stays what it was.
 *
 * operation_table.c  the states: what follows from what happens
 * operation.c        the operations themselves, their deadlines and ends
 * operation_guest.c  what the guest did, read as an end
 * operation_reason.c the guest's codes in words
 * operation_json.c   an operation as monitors show it
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_OPERATION_H
#define VMM_HOTPLUG_OPERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "hotplug/operation_table.h"

struct hotplug;
struct json_object;
struct operation;
struct own_event;

/* Who waits for an end. The struct belongs to the waiter and is off the list when `ended` is called, which
 * the event loop does, soon after the end, and before the operation is forgotten.
 *
 * The deadline is in the guest's time, so a guest that is stopped ends nothing. That nobody waits for ever,
 * `stands` is called, by the event loop, when the guest has been stopped in one piece for as long as the
 * operation may take; the operation goes on, and the waiter may take itself off the list, or wait. */
struct operation_watcher {
    void (*ended)(void *opaque, const struct operation *operation);
    void (*stands)(void *opaque, const struct operation *operation);
    void *opaque;
    struct operation_watcher *next; /* the operation's */
};

#define OPERATION_REASON 320

struct operation {
    struct hotplug *hotplug;
    uint64_t id; /* counts from 1 */
    enum operation_kind kind;
    enum operation_result result;
    char *device; /* the DIMM's id, or NULL */
    uint32_t slot;
    uint64_t size;           /* bytes */
    uint64_t started, ended; /* in the machine's time (host/guest_clock.h), milliseconds */
    uint64_t deadline;       /* milliseconds after the start */
    bool answered;           /* the guest reported by _OST, with these codes: */
    uint32_t ost_event, ost_status;
    bool late;                      /* something came after the end, and was told */
    bool at_reset;                  /* unplug: a reset carries it out */
    struct own_event *begun;        /* MEMORY_OPERATION_STARTED, while it has not been sent */
    char reason[OPERATION_REASON];  /* why it ended like this; may be empty */
    char warning[OPERATION_REASON]; /* what the user should know though it was accepted; may be empty */
    struct timer timer;             /* the guest runs: its deadline; it is stopped: until `stands` */
    struct operation_watcher *watchers;
    struct operation *next; /* by id */
};

/* How many that have ended are remembered. */
#define OPERATIONS_KEPT 64

/* First, while everything can still be undone: room for an operation. `device` may be NULL. NULL: out of
 * memory. */
struct operation *operation_new(struct hotplug *hotplug, enum operation_kind kind, uint32_t slot,
                                const char *device, uint64_t size, struct error *error);
void operation_discard(struct operation *operation); /* NULL will do */
/* Then: the DIMM has been shown to the guest, or was asked for. Its time begins. */
void operation_begin(struct operation *operation);
/* Count anew: it has `milliseconds` from its start. */
void operation_set_deadline(struct operation *operation, uint64_t milliseconds);
/* Its deadline has passed; but what it waits for is certain, and its end only a matter of time. */
void operation_look_again(struct operation *operation, uint64_t milliseconds);
void operation_watch(struct operation *operation, struct operation_watcher *watcher);
void operation_unwatch(struct operation *operation, struct operation_watcher *watcher);

/* Send an event of hotram's own from the event loop: behind the reply of the command that caused it, for
 * clients that take the line after a command for its answer. The data is taken over. Returns what waits to be
 * sent, or NULL. */
struct own_event *hotplug_tell(struct hotplug *hotplug, const char *name, struct json_object *data);

/* Take an unplug's request back, whatever becomes of the operation. */
void operation_withdraw(struct operation *operation);
/* Withdraw an unplug. Fails for a plug, which the guest has seen, and for one that has ended. */
bool operation_cancel(struct operation *operation, struct error *error);
/* The same for the operation of this number. */
bool hotplug_cancel_operation(struct hotplug *hotplug, uint64_t id, struct error *error);

/* The one way to an end: something happens to it, and what follows by the table is done and told. The reason
 * is of what is told; NULL leaves what there was. */
void operation_happens(struct operation *operation, enum operation_event event, const char *reason);

/* The operation of a slot that is under way, or that has ended without the guest's answer and may still get
 * one. NULL: none. */
struct operation *hotplug_operation(const struct hotplug *hotplug, uint32_t slot);
/* All that are remembered, oldest first: NULL gives the first. */
const struct operation *hotplug_next_operation(const struct hotplug *hotplug, const struct operation *last);
/* NULL when there is none of this number any more. */
struct operation *hotplug_find_operation(const struct hotplug *hotplug, uint64_t id);
void operations_tell(void *opaque); /* work of the event loop: those who wait are told of ends */
void operations_free(struct hotplug *hotplug);

/* operation_guest.c: the guest's _OST; its last word on a request; its eject; a reset, before DIMMs go. */
void operation_ost(struct hotplug *hotplug, uint32_t slot, uint32_t event, uint32_t status);
void operation_denied(struct hotplug *hotplug, uint32_t slot, uint32_t event, uint32_t status);
void operation_gone(struct hotplug *hotplug, uint32_t slot);
/* It took the DIMM as it enumerated its devices, which no report tells. */
void operation_found(struct hotplug *hotplug, uint32_t slot);
void operations_before_reset(struct hotplug *hotplug);

/* operation_reason.c. _OST's codes (ACPI 6.5, 6.3.5) in words. */
const char *ost_text(uint32_t event, uint32_t status);
bool ost_is_ejection(uint32_t event);
bool ost_is_insertion(uint32_t event);
bool ost_in_progress(uint32_t event, uint32_t status);
/* What is likely behind a refusal, and the way out. */
void operation_explain_refusal(struct operation *operation);
/* What the guest has done so far, for one that has no answer. */
void operation_explain_silence(struct operation *operation, bool noticed);
const char *operation_kind_name(enum operation_kind kind);
const char *operation_result_name(enum operation_result result);

/* operation_json.c: a new object with the members of MEMORY_OPERATION_DONE. */
struct json_object *operation_describe(const struct operation *operation);
uint64_t operation_milliseconds(const struct operation *operation);
/* The machine's time, in which operations count. */
uint64_t operation_now(const struct hotplug *hotplug);

#endif
