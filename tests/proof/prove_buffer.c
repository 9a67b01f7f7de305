/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram/buffer.h, whole: from every state of a buffer of up to CAPACITY bytes, nothing is written but the
 * bytes that were appended and have room, and the length counts them all. Up to COUNT bytes at once.
 *
 * proof: sources core/buffer.c tests/proof/buffer.c
 * proof: options --unsigned-overflow-check --unwind 17
 */
#include "buffer.h"

#define COUNT 5u
#define ALIGN 16u

static struct hotram_buffer *buffer_or_null(void)
{
    arbitrary_buffer();
    return nondet_bool() ? &buffer : NULL;
}

/* After `count` bytes were appended to the buffer, or to none. */
static void prove_appended(const struct hotram_buffer *given, size_t count)
{
    PROVE(is_written_only(before.length));
    PROVE(buffer.length == (given ? longer(before.length, count) : before.length));
    REACHABLE(given && buffer.length <= buffer.capacity && buffer.length > before.length);
    REACHABLE(count == 1 || (given && before.length < buffer.capacity && buffer.length > buffer.capacity));
    REACHABLE(given && !buffer.data);
    REACHABLE(given && before.length > SIZE_MAX - count && count > 0);
    REACHABLE(!given);
}

/* The bytes of a number, the low one first. */
static void prove_number(const struct hotram_buffer *given, uint64_t value, size_t count)
{
    prove_appended(given, count);
    for (size_t i = 0; given && i < count && before.length < CAPACITY; i++)
        PROVE(byte_is(before.length + i, value >> 8 * i & 0xff));
}

void prove_buffer_init(void)
{
    uint8_t *data = nondet_bool() ? memory : NULL;
    size_t capacity = nondet_size();
    struct hotram_buffer *given = buffer_or_null();
    enum hotram_status status = hotram_buffer_init(given, data, capacity);

    PROVE(status == (given && (data || capacity == 0) ? HOTRAM_OK : HOTRAM_E_ARGUMENT));
    if (status == HOTRAM_OK)
        PROVE(buffer.data == data && buffer.capacity == capacity && buffer.length == 0);
    else
        PROVE(buffer.data == before.data && buffer.capacity == before.capacity &&
              buffer.length == before.length);
    REACHABLE(status == HOTRAM_OK && !data);
    REACHABLE(status == HOTRAM_OK && data);
    REACHABLE(status != HOTRAM_OK && given);
}

void prove_buffer_status(void)
{
    struct hotram_buffer *given = buffer_or_null();
    enum hotram_status status = hotram_buffer_status(given);

    PROVE(status == (!given                            ? HOTRAM_E_ARGUMENT
                     : buffer.length > buffer.capacity ? HOTRAM_E_BUFFER
                                                       : HOTRAM_OK));
    PROVE(is_written_only(before.length) && buffer.length == before.length);
    REACHABLE(status == HOTRAM_OK);
    REACHABLE(status == HOTRAM_E_BUFFER);
}

void prove_buffer_u8(void)
{
    struct hotram_buffer *given = buffer_or_null();
    uint8_t value = nondet_uint8();

    hotram_buffer_u8(given, value);
    prove_appended(given, 1);
    PROVE(IMPLIES(given, byte_is(before.length, value)));
}

void prove_buffer_u16(void)
{
    struct hotram_buffer *given = buffer_or_null();
    uint16_t value = nondet_uint16();

    hotram_buffer_u16(given, value);
    prove_number(given, value, 2);
}

void prove_buffer_u32(void)
{
    struct hotram_buffer *given = buffer_or_null();
    uint32_t value = nondet_uint32();

    hotram_buffer_u32(given, value);
    prove_number(given, value, 4);
}

void prove_buffer_u64(void)
{
    struct hotram_buffer *given = buffer_or_null();
    uint64_t value = nondet_uint64();

    hotram_buffer_u64(given, value);
    prove_number(given, value, 8);
}

/* The source is an object of just so many bytes: reading one too many is out of its bounds. */
void prove_buffer_bytes(void) /* slow */
{
    static uint8_t source[COUNT];
    struct hotram_buffer *given = buffer_or_null();
    size_t count = nondet_size();
    uint8_t *bytes;

    ASSUME(count <= COUNT);
    for (size_t i = 0; i < COUNT; i++)
        source[i] = nondet_uint8();
    bytes = nondet_bool() ? source + (COUNT - count) : NULL;
    hotram_buffer_bytes(given, bytes, count);
    if (!bytes) {
        PROVE(is_written_only(before.length) && buffer.length == before.length);
        REACHABLE(given && count > 0);
        return;
    }
    prove_appended(given, count);
    for (size_t i = 0; given && i < count && before.length < CAPACITY; i++)
        PROVE(byte_is(before.length + i, bytes[i]));
}

void prove_buffer_zeros(void) /* slow */
{
    struct hotram_buffer *given = buffer_or_null();
    size_t count = nondet_size();

    ASSUME(count <= COUNT);
    hotram_buffer_zeros(given, count);
    prove_appended(given, count);
    for (size_t i = 0; given && i < count && before.length < CAPACITY; i++)
        PROVE(byte_is(before.length + i, 0));
}

/* Alignments up to ALIGN, and every number that is no power of two. */
void prove_buffer_align(void) /* slow */
{
    struct hotram_buffer *given = buffer_or_null();
    size_t align = nondet_size();
    bool counts = align != 0 && (align & (align - 1)) == 0;
    size_t added;

    ASSUME(!counts || align <= ALIGN);
    hotram_buffer_align(given, align);
    added = buffer.length - before.length;
    PROVE(is_written_only(before.length) && buffer.length >= before.length);
    if (!given || !counts) {
        PROVE(added == 0);
        REACHABLE(given && align != 0);
        return;
    }
    PROVE(added < align && (buffer.length % align == 0 || buffer.length == SIZE_MAX));
    for (size_t i = 0; i < added && before.length < CAPACITY; i++)
        PROVE(byte_is(before.length + i, 0));
    REACHABLE(added == ALIGN - 1 && before.length == 1);
    REACHABLE(added == 0);
    REACHABLE(buffer.length % align != 0);
}
