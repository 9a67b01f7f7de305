/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's time: that of the host while the guest runs, and it stands still while the guest does not.
 * What a guest may measure, and what a guest is given time for, counts by it. (The clock on the wall, which
 * the RTC shows, is the host's and goes on.)
 *
 * Threads: started and stopped on the main thread while no vCPU runs; read there and by vCPUs that run. That
 * vCPUs are paused and resumed orders the two.
 */
#ifndef VMM_HOST_GUEST_CLOCK_H
#define VMM_HOST_GUEST_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: stands at 0. */
struct guest_clock {
    bool runs;
    uint64_t origin; /* runs: CLOCK_MONOTONIC, nanoseconds, when it showed 0; may have wrapped */
    uint64_t stood;  /* does not: what it shows */
};

void guest_clock_start(struct guest_clock *clock);
void guest_clock_stop(struct guest_clock *clock);
uint64_t guest_clock_now(const struct guest_clock *clock); /* nanoseconds */

#endif
