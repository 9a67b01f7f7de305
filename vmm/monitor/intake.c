/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flow control of a session: a client that sends commands faster than it reads answers waits, as it would
 * with any pipe, instead of filling this program's memory.
 */
#include <stdlib.h>
#include <string.h>

#include "base/message.h"
#include "monitor/intake.h"
#include "monitor/session.h"

bool intake_full(const struct intake *intake)
{
    return intake->waiting || channel_pending(intake->channel) > MONITOR_OUTPUT_HIGH;
}

static void hold(struct intake *intake, const uint8_t *bytes, size_t length)
{
    if (!intake->held)
        intake->held = malloc(2 * CHANNEL_INPUT_MAX);
    if (!intake->held) {
        if (!channel_close(intake->channel)) /* better gone than half a command lost */
            warning("out of memory: a monitor on a mux lost input");
        return;
    }
    memmove(intake->held, bytes, length);
    intake->held_count = length;
    channel_pause(intake->channel, !intake->waiting || !intake->reads_on || length > CHANNEL_INPUT_MAX);
}

static void run(struct intake *intake, const uint8_t *bytes, size_t length)
{
    size_t taken = 0;

    while (taken < length && !intake_full(intake))
        taken += intake->take(intake->session, bytes + taken, length - taken);
    if (taken < length) {
        hold(intake, bytes + taken, length - taken);
        return;
    }
    intake->held_count = 0;
    channel_pause(intake->channel, false);
}

void intake_input(struct intake *intake, const uint8_t *bytes, size_t length)
{
    if (intake->held_count == 0) {
        run(intake, bytes, length);
        return;
    }
    /* Behind what is held already: not paused, so there is room. */
    memcpy(intake->held + intake->held_count, bytes, length);
    run(intake, intake->held, intake->held_count + length);
}

static void resume(void *opaque)
{
    intake_drained(opaque);
}

void intake_init(struct intake *intake, struct loop *loop)
{
    intake->loop = loop;
    intake->resume = (struct work){ .run = resume, .opaque = intake };
}

void intake_resume(struct intake *intake)
{
    intake->waiting = false;
    loop_post(intake->loop, &intake->resume);
}

void intake_drained(struct intake *intake)
{
    if (intake->held_count > 0)
        run(intake, intake->held, intake->held_count);
}

void intake_free(struct intake *intake)
{
    loop_cancel(intake->loop, &intake->resume);
    free(intake->held);
    intake->held = NULL;
}
