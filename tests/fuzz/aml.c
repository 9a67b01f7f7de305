/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same AML or table into three buffers: one without memory, which measures; one that fits exactly; and
 * one of any size, with something in it already. All three must agree, and the address sanitizer guards
 * their ends.
 */
#include "aml.h"

struct outcome {
    enum hotram_status status;
    size_t length;
};

#define FRONT 0xa5 /* what is in the buffer before */
#define REST 0xee  /* what nothing was written over */

static struct outcome write_into(const struct subject *subject, struct input input, uint8_t *data,
                                 size_t capacity, size_t front)
{
    struct hotram_buffer out;
    struct outcome outcome;

    CHECK(hotram_buffer_init(&out, data, capacity) == HOTRAM_OK);
    for (size_t i = 0; i < front; i++)
        hotram_buffer_u8(&out, FRONT);
    outcome.status = subject->write(&out, input);
    outcome.length = out.length;
    CHECK(outcome.length >= front);
    return outcome;
}

static uint8_t *allocate(size_t size)
{
    uint8_t *data = malloc(size);

    CHECK(data);
    memset(data, REST, size);
    return data;
}

/* A buffer of `capacity` bytes, against `exact`, which is what should come. */
static void check_any(const struct subject *subject, struct input input, const uint8_t *exact,
                      struct outcome wanted, size_t capacity, size_t front)
{
    uint8_t *data = allocate(capacity);
    struct outcome outcome = write_into(subject, input, data, capacity, front);

    CHECK(outcome.length == wanted.length);
    if (capacity >= wanted.length) {
        CHECK(outcome.status == wanted.status);
        CHECK(memcmp(data, exact, wanted.length) == 0);
    } else {
        CHECK(outcome.status == (wanted.status == HOTRAM_OK ? HOTRAM_E_BUFFER : wanted.status));
    }
    for (size_t i = 0; i < front && i < capacity; i++)
        CHECK(data[i] == FRONT);
    for (size_t i = wanted.length; i < capacity; i++)
        CHECK(data[i] == REST);
    free(data);
}

static const struct subject *any_subject(struct input *input)
{
    unsigned which = input_u8(input);

    if (!(which & 1))
        return &aml_calls;
    return which & 2 ? &aml_arm : &aml_tables;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    const struct subject *subject = any_subject(&input);
    size_t front = input_below(&input, 80);
    size_t capacity = input_u16(&input);
    struct outcome measured = write_into(subject, input, NULL, 0, front);
    uint8_t *exact = allocate(measured.length);
    struct outcome outcome = write_into(subject, input, exact, measured.length, front);

    CHECK(outcome.length == measured.length);
    CHECK(outcome.status != HOTRAM_E_BUFFER);
    if (measured.length > 0 && outcome.status == HOTRAM_OK)
        CHECK(measured.status == HOTRAM_E_BUFFER);
    else
        CHECK(measured.status == outcome.status);
    if (outcome.status == HOTRAM_OK && subject->verify)
        subject->verify(exact + front, outcome.length - front, input);
    check_any(subject, input, exact, outcome, capacity, front);
    /* Just too small, and just large enough with one byte to spare. */
    check_any(subject, input, exact, outcome, measured.length - (measured.length > 0), front);
    check_any(subject, input, exact, outcome, measured.length + 1, front);
    free(exact);
    return 0;
}
