/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One session of a monitor on a fake machine, with a client of our own in place of a chardev's connection: it
 * sends in pieces, reads as slowly as it likes, and keeps all that it was sent. A command that takes long
 * (fake_machine.h) takes as long as some pieces, or until nothing else can go on; every other one fails.
 *
 * Each session has a machine of its own. The monitor stays, because its line editor does: the terminal
 * database never gives back what it has read for one.
 */
#ifndef TESTS_FUZZ_SESSION_H
#define TESTS_FUZZ_SESSION_H

#include "base/config.h"
#include "base/text.h"
#include "chardev/internal.h"
#include "fake_machine.h"
#include "input.h"
#include "monitor/intake.h"
#include "monitor/pending.h"
#include "monitor/session.h"

/* What `info name` and query-name say at the end of every session. */
#define SESSION_NAME "the-end"

struct client {
    size_t piece;    /* bytes that are sent at a time, 1 or more */
    size_t appetite; /* bytes that are read after each piece, 1 or more */
    unsigned columns, rows;
    bool mux; /* between pieces, the keyboard is taken away and given back */
};

struct session {
    struct channel channel; /* first: what the monitor holds is the session */
    struct config config;
    struct machine *machine;
    struct client client;
    struct text output; /* all that was sent to the client */
    size_t pending;     /* bytes of it that the client has not read */
    unsigned waited;    /* pieces sent while the command that takes long takes long */
    unsigned ended;     /* commands that took long */
    bool paused;
    bool closed;
};

/* `control`: QMP, else HMP; the same in each call. */
void session_open(struct session *session, const struct client *client, bool control, bool pretty);
/* Send all bytes, a piece at a time; what is not taken because the session was closed is dropped. */
void session_send(struct session *session, const void *bytes, size_t length);
/* Read all that there is and that still comes. */
void session_read_all(struct session *session);
void session_close(struct session *session);

#endif
