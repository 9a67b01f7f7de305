/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that hotram starts, and the spawner: a process that is forked before the sandbox is closed and
 * starts them, since the program itself no longer can.
 *
 * The spawner does not trust the program: it starts only the one that was specified at the fork, with the
 * arguments and the one descriptor of a request; at most SPAWNER_CHILDREN_MAX of them run at a time. It has
 * no other descriptors, and ends with the program.
 *
 * The program does not wait for the spawner. A started program has the other end of a socket, on which a
 * failure to start it is reported, too.
 *
 * Threads: main thread only; spawner_start() before there are others.
 */
#ifndef VMM_HOST_SPAWNER_H
#define VMM_HOST_SPAWNER_H

#include <stdbool.h>

#include "base/error.h"
#include "host/launch.h"

/* The number of the descriptor that is passed to a started program. */
#define PROGRAM_FD LAUNCH_MORE_FD
#define SPAWNER_CHILDREN_MAX 64u
/* Limits of a request's arguments: bytes including NULs, and number. */
#define SPAWNER_BYTES_MAX 16384u
#define SPAWNER_WORDS_MAX 64u

struct spawner {
    int socket; /* -1: there is no spawner */
};

/* Start `path`, with `fd` at PROGRAM_FD, standard input and output (with -daemonize standard error, too) on
 * /dev/null, and no signal blocked or ignored. words[0] is its name; NULL ends them. Does not wait for its
 * end. False and an error: it could not be started. */
bool program_start(const char *path, char *const words[], int fd, struct error *error);

/* Fork the spawner of one program, whose `path` is absolute. False and an error: fork() or another system
 * call failed. */
bool spawner_start(struct spawner *spawner, const char *path, struct error *error);
/* Let the spawner start the program, without waiting for it; possible in the sandbox. `fd` is a socket: if
 * the program cannot be started, the spawner writes the reason to it, in words, and closes it. False and an
 * error: the request is too large, or the spawner does not accept it. */
bool spawner_run(struct spawner *spawner, char *const words[], int fd, struct error *error);
/* End the spawner. Without effect if there is none. */
void spawner_end(struct spawner *spawner);

#endif
