/* SPDX-License-Identifier: BSD-2-Clause */
#include "buffer.h"

uint8_t memory[CAPACITY], memory_before[CAPACITY];
struct hotram_buffer buffer, before;

void arbitrary_buffer(void)
{
    size_t capacity = nondet_size();

    ASSUME(capacity <= CAPACITY);
    for (size_t i = 0; i < CAPACITY; i++)
        memory[i] = memory_before[i] = nondet_uint8();
    buffer = before = (struct hotram_buffer){
        .data = capacity == 0 && nondet_bool() ? NULL : memory + (CAPACITY - capacity),
        .capacity = capacity,
        .length = nondet_size(),
    };
}

bool is_written_only(size_t from)
{
    size_t skipped = CAPACITY - before.capacity;

    for (size_t i = 0; i < CAPACITY; i++) {
        bool may_change = i >= skipped && i - skipped >= from && i - skipped < buffer.length;

        if (!may_change && memory[i] != memory_before[i])
            return false;
    }
    return buffer.data == before.data && buffer.capacity == before.capacity;
}

size_t longer(size_t length, size_t count)
{
    return length > SIZE_MAX - count ? SIZE_MAX : length + count;
}

bool byte_is(size_t position, uint8_t value)
{
    return position >= buffer.capacity || buffer.data[position] == value;
}
