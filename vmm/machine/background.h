/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a guest that runs, written to a file as it was at one moment, at which guest and devices
 * stood still: all of it is write-protected then (memory/write_protect.h), and each part is written before
 * the first write to it goes through.
 *
 * Threads: main thread, but for background_write().
 */
#ifndef VMM_MACHINE_BACKGROUND_H
#define VMM_MACHINE_BACKGROUND_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

struct background;
struct machine;
struct saved_memory;

/* Prepare it, while the guest runs. NULL and an error: the host or the machine does not allow it, or out of
 * memory. */
struct background *background_create(struct machine *machine, struct error *error);
/* The guest stands still, and no device is busy: protect this memory, which is leased and outlives it. False
 * and an error: nothing is protected. */
bool background_protect(struct background *background, struct saved_memory *memory, int fd,
                        struct error *error);
/* Write all of it. On a worker's thread. Nothing is protected afterwards. False and an error. */
bool background_write(struct background *background, const atomic_bool *stop, struct error *error);
/* Nobody waits for the file any more, and background_write() fails. Returns at once. */
void background_abandon(struct background *background);
/* background_write() has returned, or was not called. Without effect if it is NULL. */
void background_destroy(struct background *background);

/* ---- background_check.c ---- */

/* Whether all of the memory can be write-protected. False and an error: why not. */
bool background_check(const struct machine *machine, struct error *error);

#endif
