/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's protocols: images that are neither files nor disks of the host, such as those of an NBD server.
 * hotram opens none of them. qemu-storage-daemon does, and serves them as vhost-user-blk.
 */
#ifndef VMM_BLOCK_PROTOCOL_H
#define VMM_BLOCK_PROTOCOL_H

#include <stdbool.h>

#include "base/error.h"

/* Check the name of a block driver. False and an error with the way out: it is a protocol's. Any thread. */
bool block_protocol_check(const char *driver, struct error *error);
/* Check the file= of a -drive, which QEMU takes for a protocol's if a known one and a colon are before the
 * first slash. False and an error with the way out: it is one. Any thread. */
bool block_protocol_check_file(const char *file, struct error *error);

#endif
