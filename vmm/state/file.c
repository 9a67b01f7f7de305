/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stream at the beginning of a file. The guest's memory follows it, and is not read: how long that takes
 * must not depend on how large the guest is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/stream.h"

#define STEP ((size_t)64 << 10)
/* Of a saved state, what says how long it is (hotram/state.h). */
#define FRONT 12u
#define LENGTH_AT 8u

/* Where the frames end, as far as they are there. More than `length`: more is needed to tell. What is in
 * them, stream_accept() checks. */
static size_t end_of_frames(const uint8_t *bytes, size_t length)
{
    size_t at = 0;

    while (at < length && length - at >= FRONT && memcmp(bytes + at, "HRST", 4) == 0) {
        const uint8_t *frame = bytes + at + LENGTH_AT;
        const size_t size = frame[0] | (size_t)frame[1] << 8 | (size_t)frame[2] << 16 |
                            (size_t)frame[3] << 24;

        if (size < FRONT)
            return at;
        at += size;
    }
    return at > length || length - at >= FRONT ? at : at + FRONT;
}

/* Up to `size` bytes, or to the end of the file. */
static bool read_up_to(int fd, uint8_t *bytes, size_t size, size_t *length)
{
    while (*length < size) {
        const ssize_t got = pread(fd, bytes + *length, size - *length, (off_t)*length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        *length += (size_t)got;
    }
    return true;
}

uint8_t *stream_read_file(int fd, size_t *length)
{
    uint8_t *bytes = NULL, *larger;
    size_t size = STEP, end;

    *length = 0;
    for (;;) {
        larger = realloc(bytes, size);
        if (!larger)
            break;
        bytes = larger;
        if (!read_up_to(fd, bytes, size, length))
            break;
        end = end_of_frames(bytes, *length);
        if (end <= *length || *length < size || size == STREAM_SIZE_MAX)
            return bytes;
        size = end < STREAM_SIZE_MAX - STEP ? end + STEP : STREAM_SIZE_MAX;
    }
    free(bytes);
    return NULL;
}
