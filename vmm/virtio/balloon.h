/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The balloon as monitors see it: memory that the guest lends to the host. Main thread.
 */
#ifndef VMM_VIRTIO_BALLOON_H
#define VMM_VIRTIO_BALLOON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct board;

/* `balloon`: ask the guest to keep `size` bytes, and to lend the rest of its memory. False: the machine has
 * no balloon (class DeviceNotActive), or the guest has less memory, or size is not above 0. */
bool balloon_ask(const struct board *board, int64_t size, struct error *error);
/* `query-balloon`: the bytes that the guest keeps. False: there is no balloon. */
bool balloon_kept(const struct board *board, uint64_t *size, struct error *error);

#endif
