/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How large a piece of memory becomes, with kernels of any speed.
 */
#include "base/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define CALLS 64

/* A kernel that works on so many bytes in a nanosecond, in hundredths. */
static uint64_t takes(uint64_t bytes, uint64_t speed)
{
    return bytes * 100 / speed;
}

static void each_speed_finds_its_piece(void **state)
{
    (void)state;
    for (uint64_t speed = 1; speed < UINT64_C(1) << 40; speed *= 3) {
        struct pace pace = pace_start(4096);

        for (unsigned i = 0; i < CALLS; i++)
            pace_learn(&pace, takes(pace.piece, speed));
        /* Short enough, or the smallest; and long enough, or the largest. */
        assert_true(takes(pace.piece, speed) <= PACE_MOST || pace.piece == pace.least);
        assert_true(takes(pace.piece, speed) >= PACE_MOST / 4 || pace.piece == pace.most);
        /* And there it stays. */
        for (unsigned i = 0; i < CALLS; i++) {
            const uint64_t before = pace.piece;

            pace_learn(&pace, takes(pace.piece, speed));
            assert_int_equal(pace.piece, before);
        }
    }
}

static void a_kernel_that_becomes_slow(void **state)
{
    struct pace pace = pace_start(4096);

    (void)state;
    for (unsigned i = 0; i < CALLS; i++)
        pace_learn(&pace, 0);
    assert_int_equal(pace.piece, pace.most);
    pace_learn(&pace, PACE_MOST + 1);
    assert_int_equal(pace.piece, pace.most / 2);
    for (unsigned i = 0; i < CALLS; i++)
        pace_learn(&pace, UINT64_MAX);
    assert_int_equal(pace.piece, 2 * MIB);
}

static void a_piece_is_whole_pages(void **state)
{
    const uint64_t pages[] = { 4096, 65536, 2 * MIB, 32 * MIB, 512 * MIB, GIB, 16 * GIB };

    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct pace pace = pace_start(pages[i]);

        for (unsigned call = 0; call < 2 * CALLS; call++) {
            assert_true(pace.piece >= pages[i] && pace.piece % pages[i] == 0);
            pace_learn(&pace, call < CALLS ? 0 : UINT64_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_speed_finds_its_piece),
        cmocka_unit_test(a_kernel_that_becomes_slow),
        cmocka_unit_test(a_piece_is_whole_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
