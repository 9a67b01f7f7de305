/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of numbers as bits of words: number n is bit n % 64 of word n / 64. Any thread, as the words' owner
 * says.
 */
#ifndef VMM_BASE_BITS_H
#define VMM_BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>

#define BITS_OF_WORD 64u

static inline bool bit_is_set(const uint64_t *words, uint64_t number)
{
    return words[number / BITS_OF_WORD] >> number % BITS_OF_WORD & 1;
}

/* Those in [first, end) that are in the word of `first`. */
static inline uint64_t bits_from(uint64_t first, uint64_t end)
{
    const uint64_t left = end - first;
    const uint64_t ones = left >= BITS_OF_WORD ? UINT64_MAX : (UINT64_C(1) << left) - 1;

    return ones << first % BITS_OF_WORD;
}

/* The first number of the next word. */
static inline uint64_t bits_next(uint64_t number)
{
    return (number / BITS_OF_WORD + 1) * BITS_OF_WORD;
}

/* Add [first, end), or remove it. */
static inline void bits_set(uint64_t *words, uint64_t first, uint64_t end)
{
    for (uint64_t at = first; at < end; at = bits_next(at))
        words[at / BITS_OF_WORD] |= bits_from(at, end);
}

static inline void bits_clear(uint64_t *words, uint64_t first, uint64_t end)
{
    for (uint64_t at = first; at < end; at = bits_next(at))
        words[at / BITS_OF_WORD] &= ~bits_from(at, end);
}

#endif
