/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's time: it advances with the host's clock while the guest runs, and stops while the guest does
 * not. Timers that a guest can read, and deadlines for a guest, use it. (The RTC shows the host's wall-clock
 * time, which does not stop.)
 *
 * Threads: started and stopped on the main thread while no vCPU runs; read there and by running vCPUs.
 * Pausing and resuming vCPUs orders the two.
 */
#ifndef VMM_HOST_GUEST_CLOCK_H
#define VMM_HOST_GUEST_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: stopped at 0. */
struct guest_clock {
    bool runs;
    uint64_t origin; /* while it runs: CLOCK_MONOTONIC in ns at which it was 0; may have wrapped */
    uint64_t stood;  /* while it is stopped: its time, ns */
};

void guest_clock_start(struct guest_clock *clock);
void guest_clock_stop(struct guest_clock *clock);
uint64_t guest_clock_now(const struct guest_clock *clock); /* nanoseconds */

#endif
