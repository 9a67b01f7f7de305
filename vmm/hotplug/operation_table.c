/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What follows from what happens to an operation. See operation_table.h.
 */
#include "hotplug/operation_table.h"

#define EVENTS (OPERATION_REPLACED + 1)
#define STATES (OPERATION_CANCELLED + 1)

#define ENDS(result) \
    { \
        OPERATION_ENDS, OPERATION_##result \
    }
#define LATE(result) \
    { \
        OPERATION_LATE, OPERATION_##result \
    }

/* What is not named stays. */
static const struct operation_step table[OPERATION_KINDS][STATES][EVENTS] = {
    [OPERATION_PLUG] = {
        [OPERATION_IN_PROGRESS] = {
            [OPERATION_TAKEN] = ENDS(DONE),
            [OPERATION_DENIED] = ENDS(REFUSED),
            [OPERATION_GONE] = ENDS(REFUSED), /* given back without being asked */
            [OPERATION_EXPIRED] = ENDS(UNANSWERED),
            [OPERATION_RESET] = ENDS(CANCELLED), /* the guest finds the device as it starts */
            [OPERATION_REPLACED] = ENDS(CANCELLED),
        },
        [OPERATION_UNANSWERED] = {
            [OPERATION_TAKEN] = LATE(DONE),
            [OPERATION_DENIED] = LATE(REFUSED),
            [OPERATION_GONE] = { .action = OPERATION_SHUT },
        },
    },
    [OPERATION_UNPLUG] = {
        /* A reset carries it out: OPERATION_GONE follows. */
        [OPERATION_IN_PROGRESS] = {
            [OPERATION_DENIED] = ENDS(REFUSED),
            [OPERATION_GONE] = ENDS(DONE),
            [OPERATION_EXPIRED] = ENDS(UNANSWERED),
            [OPERATION_WITHDRAWN] = ENDS(CANCELLED),
            [OPERATION_REPLACED] = ENDS(CANCELLED),
        },
        /* As in QEMU it stays asked for. */
        [OPERATION_UNANSWERED] = {
            [OPERATION_DENIED] = LATE(REFUSED),
            [OPERATION_GONE] = LATE(DONE),
        },
        /* The guest may have been at it. */
        [OPERATION_CANCELLED] = {
            [OPERATION_GONE] = LATE(DONE),
        },
    },
    [OPERATION_RESIZE] = {
        /* After a reset the guest finds the same request. */
        [OPERATION_IN_PROGRESS] = {
            [OPERATION_TAKEN] = ENDS(DONE),
            [OPERATION_DENIED] = ENDS(REFUSED),
            [OPERATION_GONE] = ENDS(CANCELLED),
            [OPERATION_EXPIRED] = ENDS(UNANSWERED),
            [OPERATION_WITHDRAWN] = ENDS(CANCELLED),
            [OPERATION_REPLACED] = ENDS(CANCELLED),
        },
        /* It stays requested. */
        [OPERATION_REFUSED] = {
            [OPERATION_TAKEN] = LATE(DONE),
            [OPERATION_GONE] = { .action = OPERATION_SHUT },
        },
        [OPERATION_UNANSWERED] = {
            [OPERATION_TAKEN] = LATE(DONE),
            [OPERATION_GONE] = { .action = OPERATION_SHUT },
        },
    },
};

struct operation_step operation_next(enum operation_kind kind, enum operation_result state,
                                     enum operation_event event)
{
    return table[kind][state][event];
}

bool operation_is_open(enum operation_kind kind, enum operation_result state)
{
    for (unsigned event = 0; event < EVENTS; event++)
        if (table[kind][state][event].action != OPERATION_STAYS)
            return true;
    return false;
}

const char *operation_kind_name(enum operation_kind kind)
{
    static const char *const names[] = {
        [OPERATION_PLUG] = "plug", [OPERATION_UNPLUG] = "unplug", [OPERATION_RESIZE] = "resize"
    };

    return names[kind];
}

const char *operation_result_name(enum operation_result result)
{
    static const char *const names[] = {
        [OPERATION_IN_PROGRESS] = "in-progress", [OPERATION_DONE] = "done",
        [OPERATION_REFUSED] = "refused",         [OPERATION_UNANSWERED] = "unanswered",
        [OPERATION_CANCELLED] = "cancelled",
    };

    return names[result];
}
