/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A gzip stream in the kernel's file, unpacked piece by piece.
 */
#ifndef VMM_BOOT_GUNZIP_H
#define VMM_BOOT_GUNZIP_H

#include <stdbool.h>
#include <stdint.h>

struct boot;
struct gunzip;

/* The stream of at most `size` bytes at `offset` of the file. NULL: out of memory. */
struct gunzip *gunzip_start(const struct boot *boot, uint64_t offset, uint64_t size);
void gunzip_end(struct gunzip *stream);

/* Unpack up to `most` bytes; fewer only at the stream's end, so 0 is the end. False when the stream is cut
 * off or broken (its checksum is compared at its end), or cannot be read: gunzip_problem() says which. */
bool gunzip_read(struct gunzip *stream, void *buffer, uint64_t most, uint64_t *length);
const char *gunzip_problem(const struct gunzip *stream);

#endif
