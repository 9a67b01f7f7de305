/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which format an image has, by the bytes at its beginning.
 *
 * The beginning of a raw image belongs to the guest, which can make it look like any format, such as that of
 * a qcow2 image over a file that the guest may not read. What is found here may therefore refuse an image
 * whose format the user did not give; of how such an image is read it decides only where no other file can
 * come into it (image_format_alone()).
 */
#ifndef VMM_BLOCK_IMAGE_FORMAT_H
#define VMM_BLOCK_IMAGE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of an image's beginning that are enough for image_format(). */
#define IMAGE_FORMAT_BYTES 512

/* QEMU's name of the format, such as "qcow2" or "luks", a literal; NULL: no other format than raw has this
 * beginning. `length` is that of `head`; what lies behind it counts as absent. Any thread.
 *
 * Sources: QEMU's docs/interop/qcow2.rst, qed_spec.txt and parallels.txt; VMware's "Virtual Disk Format 5.0";
 * Microsoft's [MS-VHDX] 2.2.1 and "Virtual Hard Disk Image Format Specification"; LUKS1 On-Disk Format 1.2.3.
 */
const char *image_format(const uint8_t *head, size_t length);

/* The format in which the file, or block device, at `path` can be opened though nobody gave its format:
 * "qcow2" if it is a qcow2 image without a backing file and without an external data file; NULL: any other,
 * one that cannot be read included. Any thread.
 *
 * Source: QEMU's docs/interop/qcow2.rst, "Header".
 */
const char *image_format_alone(const char *path);

/* Iterate over the formats that qemu-storage-daemon serves (storage_daemon.h), by QEMU's names: NULL after
 * the last. Any thread. */
const char *image_format_served(size_t index);
/* Whether images of this format, by QEMU's name, are served by qemu-storage-daemon (storage_daemon.h). Any
 * thread. */
bool image_format_is_served(const char *format);

#endif
