/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input of a session that it cannot process yet.
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

/* Input is held back while a command is not answered, so that answers are in the order of commands, and while
 * more than this number of bytes of output wait for a client that does not read. */
#define MONITOR_OUTPUT_HIGH 65536u

/* Limits of one value from a QMP client (base/json_reader.h). */
#define QMP_DEPTH_MAX 1024u
#define QMP_BYTES_MAX (16u << 20)
#define QMP_TOKENS_MAX 131072u

struct intake {
    struct channel *channel;
    bool waiting;  /* for a command's answer; set by the session */
    bool reads_on; /* reads meanwhile, as far as there is room: a person may press Ctrl-C */
    /* Process bytes until intake_full(); returns their number, at least 1. */
    size_t (*take)(void *session, const uint8_t *bytes, size_t length);
    void *session;
    uint8_t *held; /* twice CHANNEL_INPUT_MAX bytes, or NULL while nothing was held yet */
    size_t held_count;
    struct loop *loop;
    struct work resume; /* processes held input */
};
/* Initialize `loop` and `resume`; the caller sets the other members up to `session`. */
void intake_init(struct intake *intake, struct loop *loop);
/* Whether input is to be held back. */
bool intake_full(const struct intake *intake);
/* Process input of the channel, at most CHANNEL_INPUT_MAX bytes, and hold back the rest. Pauses the channel
 * when there is no more room. Out of memory: the channel is closed, or on a mux the input is lost, with a
 * warning. */
void intake_input(struct intake *intake, const uint8_t *bytes, size_t length);
/* Process held input. Called when the channel's output has been sent. */
void intake_drained(struct intake *intake);
/* The command has been answered. Held input is processed later, from the event loop, since the caller may be
 * in the middle of an iteration or of something that the next command would change. */
void intake_resume(struct intake *intake);
/* Free held input, and cancel `resume`. */
void intake_free(struct intake *intake);

#endif
