/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest does at the registers of a bank, on its way to the main thread: in order, and not faster than
 * the main thread and the monitors can follow.
 *
 * Threads: notice_record() and notices_take() under the machine lock, on any thread; everything else on the
 * main thread. The queue's count, `missed` and `resting` are under that lock.
 */
#ifndef VMM_HOTPLUG_NOTICE_H
#define VMM_HOTPLUG_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "bus/machine_lock.h"

struct notice {
    enum { NOTICE_OST, NOTICE_EJECT } kind;
    uint32_t slot;
    uint32_t event;
    uint32_t status;
    bool no_answer; /* to what it was asked: it is only reported to the monitors */
};

/* Of a guest that reports faster than the main thread reads, only the last codes of each slot are handled,
 * which are kept in the bank; and no eject is ever lost: it is a state of the bank. */
#define NOTICES_MAX 256u
#define NOTICE_SLOTS_MAX 256u

struct notice_queue {
    struct loop *loop;
    struct machine_lock *lock;
    struct notice notices[NOTICES_MAX];
    uint32_t count;
    bool missed[NOTICE_SLOTS_MAX]; /* reports of the slot found no room */
    bool resting;                  /* notices wait for `rest` */
    struct work work;              /* handles them */
    struct timer rest;             /* main thread only, like the next */
    uint64_t window;               /* when counting began, and how many were handled since */
    uint32_t handled;
};

/* `handle` is called from the event loop when there are notices. */
void notice_queue_init(struct notice_queue *queue, struct loop *loop, struct machine_lock *lock,
                       void (*handle)(void *opaque), void *opaque);
void notice_queue_end(struct notice_queue *queue);
void notice_record(struct notice_queue *queue, struct notice notice);
/* Have them handled soon, also if there are none. Under the lock. */
void notice_queue_wake(struct notice_queue *queue);
/* Move all to `notices`, which has room for NOTICES_MAX; returns how many. `missed` is the caller's to look
 * at. */
uint32_t notices_take(struct notice_queue *queue, struct notice *notices);
/* So many were handled: if the guest reports all the time, the next ones are collected for a while. */
void notices_handled(struct notice_queue *queue, uint32_t count);

/* How many events ACPI_DEVICE_OST a slot's reports may cause: ost_events.c. */
struct ost_limit {
    unsigned used;
    bool waits; /* `last` was not reported yet */
    struct notice last;
};

struct ost_reporter {
    struct loop *loop;
    struct ost_limit *limits; /* one for each slot */
    uint32_t count;
    void (*emit)(void *opaque, const struct notice *notice);
    void *opaque;
    struct timer timer;
};

/* The event, now or (a guest that reports all the time) later; and what is still to be told of a slot's
 * device, which goes now. The host asks something of the slot: what the guest answers is not among what it
 * has reported before. */
void ost_event(struct ost_reporter *reporter, const struct notice *notice);
void ost_event_now(struct ost_reporter *reporter, uint32_t slot);
void ost_event_asked(struct ost_reporter *reporter, uint32_t slot);

#endif
