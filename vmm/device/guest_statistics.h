/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest itself says of its memory: between the device that hears it (the balloon, which puts itself
 * on the board) and whoever verifies by it. The guest says what it likes.
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
    uint64_t lent;    /* bytes that were in the balloon then, which most kernels do not count in */
    uint64_t reports; /* how many there have been, this one included */
};

struct guest_statistics {
    /* The last report. False: there is none, or it names no total. */
    bool (*total)(struct guest_statistics *statistics, struct guest_total *last);
    /* Have the guest report anew. When a report has come that was made after this call, `heard` is called,
     * from the event loop; perhaps never. Asking again meanwhile changes nothing. */
    void (*ask)(struct guest_statistics *statistics);
    void (*heard)(void *opaque); /* of whoever asks; NULL: nobody */
    void *opaque;
};

#endif
