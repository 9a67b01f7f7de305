/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The balloon for monitors: memory that the guest lends to the host (VIRTIO 1.2, 5.5).
 *
 * Threads: main thread only.
 */
#ifndef VMM_VIRTIO_BALLOON_H
#define VMM_VIRTIO_BALLOON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct board;

/* `balloon`: ask the guest to keep `size` bytes, and to lend the rest of its memory. Returns before the guest
 * responds. False and an error: the machine has no balloon (class DeviceNotActive), the guest has less
 * memory, or size is 0 or negative. */
bool balloon_ask(const struct board *board, int64_t size, struct error *error);
/* `query-balloon`: set *size to the bytes that the guest keeps. False and an error: the machine has no
 * balloon (class DeviceNotActive). */
bool balloon_kept(const struct board *board, uint64_t *size, struct error *error);

#endif
