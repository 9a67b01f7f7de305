/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/guest_clock.h"

#include <time.h>

static uint64_t host_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t guest_clock_now(const struct guest_clock *clock)
{
    return clock->runs ? host_now() - clock->origin : clock->stood;
}

void guest_clock_start(struct guest_clock *clock)
{
    if (clock->runs)
        return;
    clock->origin = host_now() - clock->stood;
    clock->runs = true;
}

void guest_clock_stop(struct guest_clock *clock)
{
    clock->stood = guest_clock_now(clock);
    clock->runs = false;
}
