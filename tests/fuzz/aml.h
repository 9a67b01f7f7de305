/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzz target "aml" writes into buffers of any size: AML, or an ACPI table.
 */
#ifndef TESTS_FUZZ_AML_H
#define TESTS_FUZZ_AML_H

#include <hotram/buffer.h>

#include "input.h"

struct subject {
    /* Append what the input says. Called several times with the same input, which is why that is a copy. */
    enum hotram_status (*write)(struct hotram_buffer *out, struct input input);
    /* Check bytes that were written without an error; may be NULL. */
    void (*verify)(const uint8_t *bytes, size_t length, struct input input);
};

extern const struct subject aml_calls;  /* aml_calls.c: the writer's functions in any order */
extern const struct subject aml_tables; /* aml_tables.c: acpi.h's tables with any contents */
extern const struct subject aml_arm;    /* aml_arm.c: acpi_arm.h's */

/* ---- What the files of tables share ---- */

#define ENTRIES_MAX 24

static inline void fuzz_fill(struct input *input, void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)bytes)[i] = input_u8(input);
}

/* How many entries: one array in 16 is missing. */
static inline size_t fuzz_count(struct input *input, const void **array)
{
    uint8_t byte = input_u8(input);

    if (byte >> 4 == 0xf)
        *array = NULL;
    return byte % ENTRIES_MAX;
}

static inline uint8_t fuzz_sum(const uint8_t *bytes, size_t length)
{
    uint8_t total = 0;

    for (size_t i = 0; i < length; i++)
        total = (uint8_t)(total + bytes[i]);
    return total;
}

static inline uint32_t fuzz_length(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

#endif
