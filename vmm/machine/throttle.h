/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The throttle of a guest that writes to its memory faster than a migration sends it (auto-converge): its
 * vCPUs rest for a part of the time, which grows from step to step until the rest becomes small enough to
 * stop the guest for it.
 *
 * A timer of the main thread lets all vCPUs rest, and run again, in turns (vcpus_rest()). So the vCPUs'
 * threads have no clock of their own to look at, a vCPU never rests while another one waits for its lock, and
 * a guest that is not throttled has no timer at all. A main thread that is late prolongs a turn of either
 * kind.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MACHINE_THROTTLE_H
#define VMM_MACHINE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "kvm/vcpu.h"

/* What monitors set, in percent. */
struct throttle_limits {
    uint64_t trigger; /* so much of what is sent may be written anew meanwhile, */
    uint64_t initial; /* or the vCPUs rest for this part of the time, */
    uint64_t increment;
    uint64_t max;
};
/* QEMU's. */
#define THROTTLE_LIMITS \
    { \
        .trigger = 50, .initial = 20, .increment = 10, .max = 99 \
    }

struct throttle {
    struct loop *loop;
    struct vcpus *vcpus;
    struct timer timer;
    unsigned percent; /* of the time in which the vCPUs rest; 0: there is no timer */
    bool rests;       /* they do now */
    /* Since this time of loop_now(), */
    uint64_t since;
    uint64_t sent, written; /* so many bytes were; */
    unsigned high;          /* so many times in a row, the latter was too much */
};

/* A migration begins to send memory. */
void throttle_begin(struct throttle *throttle, struct loop *loop, struct vcpus *vcpus, uint64_t now);
/* A pass was sent: so many bytes, and the guest has written so many meanwhile. May slow the guest. */
void throttle_learn(struct throttle *throttle, const struct throttle_limits *limits, uint64_t now,
                    uint64_t sent, uint64_t written);
/* However the migration ends. Without effect if the guest is not slowed. */
void throttle_end(struct throttle *throttle);

/* ---- its arithmetic, for throttle.c and tests ---- */

/* Note what a pass was like. Whether a step is due. */
bool throttle_note(struct throttle *throttle, const struct throttle_limits *limits, uint64_t now,
                   uint64_t sent, uint64_t written);
/* The next step. */
unsigned throttle_next(unsigned percent, const struct throttle_limits *limits);
/* How long the vCPUs run, and then rest, in milliseconds; for 1 to 99 percent. */
struct throttle_turns {
    unsigned run, rest;
};
struct throttle_turns throttle_turns(unsigned percent);

#endif
