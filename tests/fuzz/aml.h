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

#endif
