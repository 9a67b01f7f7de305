/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/pace.h"

#include <time.h>

/* The first piece, and the smallest: a transparent huge page is not split. */
#define LEAST (UINT64_C(2) << 20)
/* With this size, an untouched terabyte takes a few thousand calls. */
#define MOST (UINT64_C(512) << 20)

struct pace pace_start(uint64_t page_size)
{
    const uint64_t least = page_size > LEAST ? page_size : LEAST;

    return (struct pace){ .piece = least, .least = least, .most = least > MOST ? least : MOST };
}

/* Between a quarter of the time and all of it a piece stays as it is: doubled, it could be too large. */
void pace_learn(struct pace *pace, uint64_t nanoseconds)
{
    if (nanoseconds > PACE_MOST && pace->piece / 2 >= pace->least)
        pace->piece /= 2;
    else if (nanoseconds < PACE_MOST / 4 && pace->piece * 2 <= pace->most)
        pace->piece *= 2;
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void pace_begin(struct pace *pace)
{
    pace->began = now();
}

void pace_end(struct pace *pace)
{
    pace_learn(pace, now() - pace->began);
}
