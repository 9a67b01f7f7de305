/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/gunzip.h"

#include <stdlib.h>
#include <zlib.h>

#include "boot/boot.h"

#define GZIP_ONLY (16 + MAX_WBITS) /* inflateInit2(): a gzip header, and no other */

struct gunzip {
    const struct boot *boot;
    uint64_t offset; /* of what is read next from the file */
    uint64_t left;   /* bytes of the stream from there on */
    bool ended;
    const char *problem;
    z_stream z;
    uint8_t input[64 << 10];
};

struct gunzip *gunzip_start(const struct boot *boot, uint64_t offset, uint64_t size)
{
    struct gunzip *stream = calloc(1, sizeof *stream);

    if (!stream)
        return NULL;
    stream->boot = boot;
    stream->offset = offset;
    stream->left = size;
    if (inflateInit2(&stream->z, GZIP_ONLY) != Z_OK) {
        free(stream);
        return NULL;
    }
    return stream;
}

void gunzip_end(struct gunzip *stream)
{
    if (!stream)
        return;
    inflateEnd(&stream->z);
    free(stream);
}

static bool fail(struct gunzip *stream, const char *problem)
{
    stream->problem = problem;
    return false;
}

static bool refill(struct gunzip *stream)
{
    uint64_t length = stream->left < sizeof stream->input ? stream->left : sizeof stream->input;

    if (length == 0)
        return fail(stream, "unexpected end of data");
    if (!boot_read(stream->boot, stream->offset, stream->input, length))
        return fail(stream, "it cannot be read, or was truncated");
    stream->offset += length;
    stream->left -= length;
    stream->z.next_in = stream->input;
    stream->z.avail_in = (uInt)length;
    return true;
}

bool gunzip_read(struct gunzip *stream, void *buffer, uint64_t most, uint64_t *length)
{
    const uint64_t step = UINT64_C(1) << 30; /* zlib counts with 32 bits */

    stream->z.next_out = buffer;
    *length = 0;
    while (!stream->ended && *length < most) {
        uint64_t room = most - *length < step ? most - *length : step;
        int result;

        if (stream->z.avail_in == 0 && !refill(stream))
            return false;
        stream->z.avail_out = (uInt)room;
        result = inflate(&stream->z, Z_NO_FLUSH);
        *length += room - stream->z.avail_out;
        if (result == Z_MEM_ERROR)
            return fail(stream, "out of memory");
        if (result != Z_OK && result != Z_STREAM_END)
            return fail(stream, stream->z.msg ? stream->z.msg : "it is broken");
        stream->ended = result == Z_STREAM_END;
    }
    return true;
}

const char *gunzip_problem(const struct gunzip *stream)
{
    return stream->problem;
}
