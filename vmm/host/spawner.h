/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that hotram starts, and the spawner: a process that was forked before the sandbox closed, and
 * starts them where the program itself must not start any.
 *
 * The spawner trusts nobody, not even the program: it starts what it was given at the fork, and nothing else,
 * with the words and the one descriptor of a request; at most SPAWNER_CHILDREN_MAX of them run at a time. It
 * has no other descriptors, and ends with the program.
 *
 * Nobody waits for the spawner. What it starts has the other end of a socket, and there it says what became
 * of the request, too.
 *
 * Threads: main thread only; spawner_start() before there are others.
 */
#ifndef VMM_HOST_SPAWNER_H
#define VMM_HOST_SPAWNER_H

#include <stdbool.h>

#include "base/error.h"

/* The descriptor that a started program finds its own at. */
#define PROGRAM_FD 3
#define SPAWNER_CHILDREN_MAX 64u
/* Bytes of all words of a request, with their ends, and their number. */
#define SPAWNER_BYTES_MAX 16384u
#define SPAWNER_WORDS_MAX 64u

struct spawner {
    int socket; /* -1: there is none */
};

/* Start `path`, with `fd` at PROGRAM_FD, standard input and output on /dev/null, and no signal blocked or
 * ignored. words[0] is its name, NULL ends them. Nobody waits for its end. */
bool program_start(const char *path, char *const words[], int fd, struct error *error);

/* Fork the spawner of one program; `path` is absolute. */
bool spawner_start(struct spawner *spawner, const char *path, struct error *error);
/* The same by the spawner, without waiting for it; in the sandbox. `fd` is a socket: if the spawner cannot
 * start the program, it writes there why, in words, and closes it. False: it does not take the request. */
bool spawner_run(struct spawner *spawner, char *const words[], int fd, struct error *error);
/* It ends. One that was not started will do. */
void spawner_end(struct spawner *spawner);

#endif
