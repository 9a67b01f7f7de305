/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Temporary overlays: what a guest writes to a drive with snapshot=on, which is lost at the end. An overlay
 * is a qcow2 image in a file without a name, which ends with the last program that has it open; a
 * qemu-storage-daemon (storage_daemon.h) serves it, over the image.
 *
 * Threads: main thread only.
 */
#ifndef VMM_BLOCK_OVERLAY_H
#define VMM_BLOCK_OVERLAY_H

#include <stdbool.h>

#include "base/error.h"

/* The image below one. Strings are borrowed during the call. */
struct overlay_base {
    const char *path, *format; /* "raw" or "qcow2" */
    bool format_unsaid;        /* it is raw unless it begins as an image of another format does */
};

/* Descriptors, which the caller owns. */
struct overlay {
    int file;
    int lock; /* of the image, so that nobody writes to it as long as this is open (lock.h) */
};

/* Make one of the image's size, in $TMPDIR or /var/tmp. False and an error: the image cannot be read, is in
 * use for writing, or of another format; or there is no room for a file. Warns if the format was not given.
 */
bool overlay_create(const struct overlay_base *base, struct overlay *overlay, struct error *error);

#endif
