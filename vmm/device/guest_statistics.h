/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's own reports of its memory: the interface between the device that receives them (the balloon,
 * which registers itself on the board) and users that compare them. A guest may report anything.
 *
 * Threads: main thread only.
 */
#ifndef VMM_DEVICE_GUEST_STATISTICS_H
#define VMM_DEVICE_GUEST_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

/* One report. */
struct guest_total {
    uint64_t total;   /* bytes that its kernel manages */
    uint64_t lent;    /* bytes that were in the balloon then, which most kernels do not include in `total` */
    uint64_t reports; /* number of reports, including this one */
};

struct guest_statistics {
    /* Copy the last report. False: there is none, or it has no total. */
    bool (*total)(struct guest_statistics *statistics, struct guest_total *last);
    /* Request a report. `heard` is called from the event loop after one that the guest has made after this
     * call; perhaps never. Requests before that have no effect. */
    void (*ask)(struct guest_statistics *statistics);
    void (*heard)(void *opaque); /* set by the user; may be NULL */
    void *opaque;
};

#endif
