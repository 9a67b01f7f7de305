/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every fuzz target needs: numbers out of the fuzzer's bytes, and a check that stops the fuzzer.
 *
 * Bytes beyond the end of the input read as 0, so every input means something and a shorter one can be the
 * same story with its end cut off.
 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fuzzer calls it for each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

struct input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t input_u8(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

static inline uint16_t input_u16(struct input *input)
{
    uint16_t low = input_u8(input);

    return (uint16_t)(low | input_u8(input) << 8);
}

static inline uint32_t input_u32(struct input *input)
{
    uint32_t low = input_u16(input);

    return low | (uint32_t)input_u16(input) << 16;
}

static inline uint64_t input_u64(struct input *input)
{
    uint64_t low = input_u32(input);

    return low | (uint64_t)input_u32(input) << 32;
}

/* 0 .. limit - 1; limit is at most 256. */
static inline unsigned input_below(struct input *input, unsigned limit)
{
    return input_u8(input) % limit;
}

static inline bool input_bool(struct input *input)
{
    return input_u8(input) & 1;
}

/* A number as tests of limits want them: a byte anywhere in 64 bits, or one less than that, or any. */
static inline uint64_t input_number(struct input *input)
{
    uint8_t kind = input_u8(input);
    uint64_t number;

    if (kind == 0xff)
        return input_u64(input);
    number = (uint64_t)input_u8(input) << (kind & 63);
    return kind & 64 ? number - 1 : number;
}

/* A string, cut off at the size of the buffer. It ends at a NUL byte or at the end of the input. */
static inline const char *input_string(struct input *input, char *text, size_t size)
{
    size_t length = 0;
    uint8_t byte;

    while (length + 1 < size && (byte = input_u8(input)) != 0)
        text[length++] = (char)byte;
    text[length] = '\0';
    return text;
}

#endif
