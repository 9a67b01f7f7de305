/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session is sent and does not take yet.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MONITOR_INTAKE_H
#define VMM_MONITOR_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

struct channel;

/* What a session has been sent and does not take yet: while a command is not answered, so that answers come
 * in the order of the commands; and while more than MONITOR_OUTPUT_HIGH bytes wait for a client that does not
 * read its answers. */
#define MONITOR_OUTPUT_HIGH 65536u

/* Limits of what a QMP client sends as one value (base/json_reader.h). */
#define QMP_DEPTH_MAX 1024u
#define QMP_BYTES_MAX (16u << 20)
#define QMP_TOKENS_MAX 131072u

struct intake {
    struct channel *channel;
    bool waiting;  /* for a command's answer; set by the session */
    bool reads_on; /* meanwhile too, as far as there is room: a person may press Ctrl-C */
    /* Take bytes until intake_full(); returns how many were taken. */
    size_t (*take)(void *session, const uint8_t *bytes, size_t length);
    void *session;
    uint8_t *held; /* twice CHANNEL_INPUT_MAX bytes, or NULL while nothing was held yet */
    size_t held_count;
    struct loop *loop;
    struct work resume; /* goes on with what is held */
};
/* The struct is whole but for what is the intake's own. */
void intake_init(struct intake *intake, struct loop *loop);
bool intake_full(const struct intake *intake);
void intake_input(struct intake *intake, const uint8_t *bytes, size_t length);
void intake_drained(struct intake *intake);
/* The answer is there. What the client sent meanwhile is run from the event loop: whoever gave the answer may
 * be in the middle of a walk, or of something that the next command would change. */
void intake_resume(struct intake *intake);
void intake_free(struct intake *intake);

#endif
