/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection of a migration: messages in one direction, answers in the other. docs/migration.md specifies
 * them.
 *
 * Threads: one at a time uses it, the main thread or a worker; wire_interrupt() and wire_limit() may be
 * called on any thread meanwhile.
 */
#ifndef VMM_MACHINE_WIRE_H
#define VMM_MACHINE_WIRE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WIRE_VERSION 1u
#define WIRE_PAGES_MAX (UINT32_C(2) << 20) /* bytes of memory in one message */
#define WIRE_HEADER 16u

/* Kinds of messages; the numbers are part of the format. */
enum wire_kind {
    WIRE_CONFIG = 1, /* what the guest sees of the machine: a stream of saved states */
    WIRE_PAGES = 2,  /* the bytes at a guest address */
    WIRE_ZEROS = 3,  /* so many bytes at a guest address are zero: no contents */
    WIRE_STATE = 4,  /* all state but memory: a stream of saved states */
    /* Answers. */
    WIRE_ACCEPTED = 16, /* the configuration is this machine's */
    WIRE_LOADED = 17,   /* everything has arrived, and is accepted */
    WIRE_RUNS = 18,     /* this machine continues the guest */
    WIRE_FAILED = 19,   /* the reason, as text */
};

struct wire_message {
    enum wire_kind kind;
    uint32_t length;  /* bytes of the contents; of WIRE_ZEROS, of the zeros */
    uint64_t address; /* guest-physical; otherwise 0 */
};

/* One byte, which a source sends last: the target runs the guest. */
#define WIRE_GO 0x47

struct wire {
    int fd;
    int wake;     /* an eventfd */
    bool two_way; /* the other end can answer: it is a socket */
    bool answers; /* and it does */
    bool local;   /* a UNIX socket: it tells an end that has read everything from one that has not */
    /* What was written last has no effect: the other end has said that it fails, or has ended without having
     * read it. */
    bool refused;
    atomic_bool interrupted;
    atomic_uint_fast64_t limit; /* bytes per second; 0: none */
    atomic_uint_fast64_t moved; /* bytes written or read */
    /* Of the limit: so many bytes since that time (CLOCK_MONOTONIC, ns). */
    uint64_t window_start, window_bytes, window_limit;
};

/* What a connection needs here, before there is one: wire->fd is -1. Before the first time wire->wake is -1;
 * without effect if it was done already. False and an error. Main thread. */
bool wire_prepare(struct wire *wire, struct error *error);
/* Then take it; it is closed with the wire. False and an error; it is closed. Main thread. */
bool wire_open(struct wire *wire, int fd, struct error *error);
void wire_close(struct wire *wire); /* what there is of it */
/* What waits in one of the functions below, now or later, ends with the error "cancelled". */
void wire_interrupt(struct wire *wire);
void wire_limit(struct wire *wire, uint64_t bytes_per_second);

/* All of it. False and an error. */
bool wire_write(struct wire *wire, const void *bytes, size_t length, struct error *error);
bool wire_read(struct wire *wire, void *bytes, size_t length, struct error *error);

/* The first bytes of a stream; `answers` is the source's decision. */
bool wire_greet(struct wire *wire, struct error *error);
bool wire_meet(struct wire *wire, struct error *error);
/* A message with its contents, or an answer. */
bool wire_send(struct wire *wire, struct wire_message message, const void *contents, struct error *error);
/* The header of the next one. False and an error: also if it is not possible. */
bool wire_receive(struct wire *wire, struct wire_message *message, struct error *error);
/* Wait for this answer. False and an error: the other end's reason, if it gave one. */
bool wire_await(struct wire *wire, enum wire_kind kind, struct error *error);
/* After a failed write: the reason that the other end gave, if it did. */
void wire_explain(struct wire *wire, struct error *error);

/* As a target: tell the source why it fails, as far as the connection takes it at once; nothing waits for
 * this connection any more. */
void wire_tell_failure(struct wire *wire, const struct error *error);

/* The two forms of a header. False and an error: no such message is possible. */
void wire_encode(const struct wire_message *message, uint8_t bytes[WIRE_HEADER]);
bool wire_decode(const uint8_t bytes[WIRE_HEADER], struct wire_message *message, struct error *error);

#endif
