/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine/throttle.h"

/* The shorter one of the two turns: what a guest notices of it is short, and what switching costs is little.
 */
#define TURN_MS 10
/* Passes are looked at together if they are shorter: what a moment was like says little. */
#define PERIOD_MS 1000
/* So many of these periods in a row must be too bad. */
#define PERIODS 2

/* ---- arithmetic ---- */

bool throttle_note(struct throttle *throttle, const struct throttle_limits *limits, uint64_t now,
                   uint64_t sent, uint64_t written)
{
    bool high;

    throttle->sent += sent;
    throttle->written += written;
    if (now - throttle->since < PERIOD_MS)
        return false;
    high = throttle->written > throttle->sent / 100 * limits->trigger;
    throttle->since = now;
    throttle->sent = throttle->written = 0;
    throttle->high = high ? throttle->high + 1 : 0;
    if (throttle->high < PERIODS)
        return false;
    throttle->high = 0;
    return true;
}

unsigned throttle_next(unsigned percent, const struct throttle_limits *limits)
{
    const uint64_t next = percent ? percent + limits->increment : limits->initial;

    return (unsigned)(next < limits->max ? next : limits->max);
}

struct throttle_turns throttle_turns(unsigned percent)
{
    const unsigned rests = percent, runs = 100 - percent;

    if (rests < runs)
        return (struct throttle_turns){ .run = (TURN_MS * runs + rests / 2) / rests, .rest = TURN_MS };
    return (struct throttle_turns){ .run = TURN_MS, .rest = (TURN_MS * rests + runs / 2) / runs };
}

/* ---- the timer ---- */

static void turn(void *opaque)
{
    struct throttle *throttle = opaque;
    const struct throttle_turns turns = throttle_turns(throttle->percent);

    throttle->rests = !throttle->rests;
    vcpus_rest(throttle->vcpus, throttle->rests);
    timer_start(throttle->loop, &throttle->timer, throttle->rests ? turns.rest : turns.run, turn, throttle);
}

void throttle_begin(struct throttle *throttle, struct loop *loop, struct vcpus *vcpus, uint64_t now)
{
    *throttle = (struct throttle){ .loop = loop, .vcpus = vcpus, .since = now };
}

void throttle_learn(struct throttle *throttle, const struct throttle_limits *limits, uint64_t now,
                    uint64_t sent, uint64_t written)
{
    const bool began = throttle->percent > 0;

    if (!throttle_note(throttle, limits, now, sent, written))
        return;
    throttle->percent = throttle_next(throttle->percent, limits);
    if (!began)
        turn(throttle);
}

void throttle_end(struct throttle *throttle)
{
    timer_cancel(&throttle->timer);
    if (throttle->rests)
        vcpus_rest(throttle->vcpus, false);
    throttle->rests = false;
    throttle->percent = 0;
}
