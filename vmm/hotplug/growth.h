/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verifies whether a guest that accepted a DIMM gained its memory, by the guest's own statistics, which a
 * balloon receives (device/guest_statistics.h). docs/operations.md describes the rule for users.
 *
 * Before a DIMM is announced to the guest, the guest's total is recorded. After the guest has accepted the
 * DIMM, its total is requested repeatedly for a while, since some systems bring memory online later;
 * meanwhile the operation ends only for another reason. Growth is attributed to the DIMMs that are being
 * verified in the order in which they were accepted, to each at most its size.
 *
 * The answer is unknown if something else is known to change the total: an unplug, the balloon, a total that
 * is larger than the machine's memory.
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
    uint64_t turn;   /* while it is being verified: its position in the order of acceptance; otherwise 0 */
    uint64_t since;  /* machine's time, milliseconds */
    bool heard;      /* the guest has reported statistics since */
    bool disturbed;  /* memory may be removed meanwhile */
};

/* The state for all plugs. */
struct growth_ledger {
    void (*happens)(struct operation *operation, enum operation_event event, const char *reason);
    struct guest_total base; /* the total to which the growth of DIMMs is added; if `known` */
    bool known;
    uint64_t recent; /* reports of a smaller number may be older than the last change */
    uint64_t turns;
    struct timer again; /* runs while a plug is being verified */
};

/* The guest's memory changes in another way than by DIMMs: what is being verified is not known. */
void growth_disturb(struct hotplug *hotplug);
/* Called when an operation begins, before the guest can have responded. */
void growth_begin(struct operation *operation);
/* Called when the guest has accepted the DIMM. True: it is being verified, and OPERATION_TAKEN happens at the
 * end. False: it cannot be verified. */
bool growth_verify(struct operation *operation);
/* Whether it is being verified. */
bool growth_is_verified(const struct operation *operation);
/* Called when something else happens to it: end the verification with the present knowledge; OPERATION_TAKEN
 * has happened. False: it was not being verified. */
bool growth_settle(struct operation *operation);
/* Called when it has ended, or had a late event. */
void growth_ended(struct operation *operation);
/* Called when hotplug ends. */
void growth_free(struct hotplug *hotplug);

#endif
