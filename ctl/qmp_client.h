/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to a guest's QMP monitor. Whatever the monitor does, functions do not wait longer than their
 * time limits, and store a bounded amount of data.
 */
#ifndef CTL_QMP_CLIENT_H
#define CTL_QMP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct json_object;
struct qmp;

/* Limits of one message. */
#define QMP_BYTES_MAX (8u << 20)
#define QMP_TOKENS_MAX (1u << 20)
#define QMP_EVENTS_MAX 4096 /* kept until somebody reads them; then the oldest go */

enum qmp_heard {
    QMP_MESSAGE,
    QMP_LATE,   /* the deadline has passed */
    QMP_WOKEN,  /* the other descriptor is readable */
    QMP_CLOSED, /* the error gives the reason, such as a message that is not a JSON object, or is too large */
};

int64_t now_ms(void); /* CLOCK_MONOTONIC, ms */

/* Connect and negotiate, within so many milliseconds. NULL and an error. */
struct qmp *qmp_connect(const char *path, uint64_t answer_timeout, struct error *error);
void qmp_close(struct qmp *qmp); /* NULL is allowed */

/* The process that listens there; 0: unknown. Also whether it still runs, or ends within half a second. */
pid_t qmp_pid(const struct qmp *qmp);
bool qmp_process_lives(const struct qmp *qmp);
int qmp_fd(const struct qmp *qmp);

/* Send a command and receive its answer. `args` is taken over and may be NULL. False and an error: *refused
 * (`refused` may be NULL) is true if it is the monitor's answer; otherwise the connection is no longer
 * usable. */
bool qmp_ask(struct qmp *qmp, const char *command, struct json_object *args, uint64_t answer_timeout,
             struct json_object **result, bool *refused, struct error *error);

/* The same in two steps: send, then examine each message until qmp_is_answer(). */
bool qmp_send(struct qmp *qmp, const char *command, struct json_object *args, uint64_t answer_timeout,
              struct error *error);
/* Whether a message answers what was sent last. *good with *result (a reference of its own), or the error. */
bool qmp_is_answer(const struct qmp *qmp, struct json_object *message, bool *good,
                   struct json_object **result, struct error *error);
/* The next message, events that came meanwhile first. `wake_fd`: -1 for none. */
enum qmp_heard qmp_next(struct qmp *qmp, int64_t deadline, int wake_fd, struct json_object **message,
                        struct error *error);
/* Drop stored events, for callers that only send commands. */
void qmp_forget_events(struct qmp *qmp);

#endif
