/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flow control of a session: a client that sends commands faster than it reads answers waits, as it would
 * with any pipe, instead of filling this program's memory.
 */
#include <stdlib.h>
#include <string.h>

#include "monitor/internal.h"

bool intake_full(const struct intake *intake)
{
    return channel_pending(intake->channel) > MONITOR_OUTPUT_HIGH;
}

static void hold(struct intake *intake, const uint8_t *bytes, size_t length)
{
    if (!intake->held)
        intake->held = malloc(CHANNEL_INPUT_MAX);
    if (!intake->held) {
        channel_close(intake->channel); /* better gone than half a command lost */
        return;
    }
    memmove(intake->held, bytes, length);
    intake->held_count = length;
    channel_pause(intake->channel, true);
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
    run(intake, bytes, length);
}

void intake_drained(struct intake *intake)
{
    if (intake->held_count > 0)
        run(intake, intake->held, intake->held_count);
}

void intake_free(struct intake *intake)
{
    free(intake->held);
    intake->held = NULL;
}
