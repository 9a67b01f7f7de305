/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the library's ACPI tables expect of every table.
 */
#ifndef TESTS_UNIT_ACPI_EXPECT_H
#define TESTS_UNIT_ACPI_EXPECT_H

#include "unit.h"

#include <hotram/acpi.h>

typedef enum hotram_status (*acpi_writer)(struct hotram_buffer *out);

static const struct hotram_acpi_ids acpi_test_ids = {
    .oem_id = "OEMID6",
    .oem_table_id = "TABLEID8",
    .oem_revision = 0x01020304,
    .creator_id = "CRTR",
    .creator_revision = 0x05060708,
};

/* Into a buffer of any size goes what fits, and not a byte more. */
static inline void acpi_expect_capacities(const acpi_writer *writers, unsigned count)
{
    for (unsigned w = 0; w < count; w++) {
        static uint8_t good[4096];
        struct hotram_buffer out;
        size_t needed;

        hotram_buffer_init(&out, good, sizeof good);
        assert_int_equal(writers[w](&out), HOTRAM_OK);
        needed = out.length;
        for (size_t capacity = 0; capacity <= needed + 1; capacity++) {
            uint8_t *data = malloc(capacity + 64);

            memset(data, 0xdd, capacity + 64);
            hotram_buffer_init(&out, capacity ? data : NULL, capacity);
            assert_int_equal(writers[w](&out), capacity < needed ? HOTRAM_E_BUFFER : HOTRAM_OK);
            assert_int_equal(out.length, needed);
            if (capacity >= needed)
                assert_memory_equal(data, good, needed);
            for (size_t i = capacity; i < capacity + 64; i++)
                assert_int_equal(data[i], 0xdd);
            free(data);
        }
    }
}

/* The table that is written behind some bytes has this header and this body, to the last byte. */
static inline void acpi_expect_table(acpi_writer writer, const char *signature, uint8_t revision,
                                     const uint8_t *body, size_t length)
{
    uint8_t data[1024];
    const uint8_t *table = data + 5;
    struct hotram_buffer out;
    uint8_t sum = 0;

    memset(data, 0xdd, sizeof data);
    hotram_buffer_init(&out, data, sizeof data);
    hotram_buffer_zeros(&out, 5);
    assert_int_equal(writer(&out), HOTRAM_OK);
    assert_int_equal(out.length, 5 + 36 + length);
    assert_memory_equal(table, signature, 4);
    assert_int_equal(table[4] | table[5] << 8, 36 + length);
    assert_int_equal(table[6] | table[7], 0);
    assert_int_equal(table[8], revision);
    assert_memory_equal(table + 10, "OEMID6TABLEID8\4\3\2\1CRTR\x8\7\6\5", 26);
    assert_memory_equal(table + 36, body, length);
    for (size_t i = 0; i < 36 + length; i++)
        sum = (uint8_t)(sum + table[i]);
    assert_int_equal(sum, 0);
}

/* Refused, with nothing written. */
static inline void acpi_expect_argument(enum hotram_status status, const struct hotram_buffer *out)
{
    assert_int_equal(status, HOTRAM_E_ARGUMENT);
    assert_int_equal(out->length, 0);
}

#endif
