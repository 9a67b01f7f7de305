/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a guest that has accepted a DIMM has gained its memory: by its own statistics, which a balloon
 * hears (device/guest_statistics.h). docs/operations.md has the rule for people.
 *
 * Before a DIMM is shown to the guest, the guest's total is noted. When the guest has accepted the DIMM it is
 * asked for its total again, and for a while again and again, since some systems bring memory online some
 * time after that; the operation ends meanwhile only if something else ends it. Growth is counted to the
 * DIMMs that wait for it in the order in which they were accepted, to each at most its size.
 *
 * What else changes the total makes the answer unknown, as far as it can be known: an unplug, the balloon, a
 * total that is larger than the machine's memory.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_GROWTH_H
#define VMM_HOTPLUG_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "device/guest_statistics.h"
#include "hotplug/operation_table.h"

struct hotplug;
struct operation;

enum growth_verdict { GROWTH_UNKNOWN, GROWTH_YES, GROWTH_NO };

/* Of a plug. */
struct growth {
    enum growth_verdict verdict;
    uint64_t gained; /* bytes; of YES and NO */
    uint64_t turn;   /* it is being verified: the how-manieth that was accepted; 0: it is not */
    uint64_t since;  /* machine's time, milliseconds */
    bool heard;      /* the guest has reported since */
    bool disturbed;  /* memory may leave meanwhile */
};

/* Of all of them. */
struct growth_ledger {
    void (*happens)(struct operation *operation, enum operation_event event, const char *reason);
    struct guest_total base; /* what the growth of DIMMs under way adds to; if `known` */
    bool known;
    uint64_t recent; /* reports of a smaller number may be older than the last change */
    uint64_t turns;
    struct timer again; /* runs while something is verified */
};

/* An operation has begun: the guest has hardly heard of it. */
void growth_begin(struct operation *operation);
/* The guest has accepted the DIMM. True: it is being verified, and OPERATION_TAKEN happens when that is
 * through. */
bool growth_verify(struct operation *operation);
/* It is being verified. */
bool growth_is_verified(const struct operation *operation);
/* Something else happens to it: what is known by now is the answer, and OPERATION_TAKEN has happened. False:
 * it was not being verified. */
bool growth_settle(struct operation *operation);
/* It has ended, or something came late. */
void growth_ended(struct operation *operation);
/* Hotplug ends. */
void growth_free(struct hotplug *hotplug);

#endif
