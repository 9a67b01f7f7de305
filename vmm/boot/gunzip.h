/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decompression of a gzip stream (RFC 1952) in the kernel's file, piece by piece.
 *
 * Threads: any thread, one at a time for each stream. The struct boot and its file must outlive the stream.
 */
#ifndef VMM_BOOT_GUNZIP_H
#define VMM_BOOT_GUNZIP_H

#include <stdbool.h>
#include <stdint.h>

struct boot;
struct gunzip;

/* Open the stream at `offset` of the file, of at most `size` bytes. NULL: out of memory. */
struct gunzip *gunzip_start(const struct boot *boot, uint64_t offset, uint64_t size);
/* Free the stream; NULL is permitted. */
void gunzip_end(struct gunzip *stream);

/* Unpack up to `most` bytes, and set *length to their number: fewer only at the end of the stream, thus 0
 * after it. False: the stream is truncated, broken (its checksum is compared at its end) or cannot be read,
 * or out of memory; gunzip_problem() returns the reason. */
bool gunzip_read(struct gunzip *stream, void *buffer, uint64_t most, uint64_t *length);
/* A phrase, valid until gunzip_end(); NULL before gunzip_read() has failed. */
const char *gunzip_problem(const struct gunzip *stream);

#endif
