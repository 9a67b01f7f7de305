/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every unit test includes: cmocka, and what cmocka's header needs in front of it.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* cmocka 2 calls assert_in_range obsolete, and cmocka 1 has none of those that take its place. */
#define assert_between(value, least, most) \
    do { \
        const uintmax_t value_ = (uintmax_t)(value), least_ = (uintmax_t)(least), most_ = (uintmax_t)(most); \
        if (value_ < least_ || value_ > most_) \
            fail_msg("%s is %ju, not %ju to %ju", #value, value_, least_, most_); \
    } while (0)

/* Repeatable random numbers: xorshift64*. The seed comes from HOTRAM_SEED or is a constant, and is printed
 * so that a failure can be replayed. */
struct unit_random {
    uint64_t state;
};

static inline struct unit_random unit_random_start(const char *what)
{
    const char *given = getenv("HOTRAM_SEED");
    struct unit_random random = { .state = given ? strtoull(given, NULL, 0) : UINT64_C(0x5eed0001) };

    if (random.state == 0)
        random.state = 1;
    print_message("# %s: HOTRAM_SEED=0x%llx\n", what, (unsigned long long)random.state);
    return random;
}

static inline uint64_t unit_random_next(struct unit_random *random)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 .. limit - 1 */
static inline uint32_t unit_random_below(struct unit_random *random, uint32_t limit)
{
    return (uint32_t)((unit_random_next(random) >> 33) % limit);
}

#endif
