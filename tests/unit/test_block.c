/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <hotram/block.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* What Linux does, in its own terms: page frame numbers, and a search from the largest block down. */
static uint64_t linux_x86(uint64_t end)
{
    const uint64_t max_pfn = end >> 12;
    const uint64_t boot_mem_end = max_pfn << 12;

    if (boot_mem_end < (UINT64_C(64) << 30))
        return UINT64_C(1) << 27; /* SECTION_SIZE_BITS */
    for (unsigned bits = 31; bits > 27; bits--)
        if (boot_mem_end % (UINT64_C(1) << bits) == 0)
            return UINT64_C(1) << bits;
    return UINT64_C(1) << 27;
}

static void on_x86_64_it_follows_from_the_end_as_linux_has_it(void **state)
{
    const uint64_t last = 300 * GIB;

    (void)state;
    for (uint64_t end = 2 * MIB; end < last; end += 2 * MIB)
        assert_int_equal(hotram_block_size(HOTRAM_BLOCK_X86_64, end), linux_x86(end));
    for (unsigned bit = 12; bit < 52; bit++) {
        assert_int_equal(hotram_block_size(HOTRAM_BLOCK_X86_64, UINT64_C(1) << bit),
                         linux_x86(UINT64_C(1) << bit));
        assert_int_equal(hotram_block_size(HOTRAM_BLOCK_X86_64, (UINT64_C(1) << 52) - (UINT64_C(1) << bit)),
                         linux_x86((UINT64_C(1) << 52) - (UINT64_C(1) << bit)));
    }
}

static void on_x86_64_it_is_what_guests_were_seen_to_have(void **state)
{
    (void)state;
    assert_int_equal(hotram_block_size(HOTRAM_BLOCK_X86_64, 63 * GIB), 128 * MIB); /* -m 61G */
    assert_int_equal(hotram_block_size(HOTRAM_BLOCK_X86_64, 64 * GIB), 2 * GIB);   /* -m 62G */
    assert_int_equal(hotram_block_size(HOTRAM_BLOCK_X86_64, 66 * GIB), 2 * GIB);   /* -m 64G */
    assert_int_equal(hotram_block_size(HOTRAM_BLOCK_X86_64, 65 * GIB), 1 * GIB);
    assert_int_equal(hotram_block_size(HOTRAM_BLOCK_X86_64, 64 * GIB - 1), 128 * MIB);
    assert_int_equal(hotram_block_size(HOTRAM_BLOCK_X86_64, 64 * GIB + 2 * MIB), 128 * MIB);
}

/* What older kernels choose is at most this, so that whole blocks of it are whole blocks of theirs. */
static void older_kernels_take_what_is_whole_in_their_largest_block(void **state)
{
    (void)state;
    for (uint64_t end = 128 * MIB; end < 200 * GIB; end += 128 * MIB) {
        const uint64_t block = hotram_block_size(HOTRAM_BLOCK_X86_64_4_0, end);

        assert_int_equal(block, end < 64 * GIB ? 128 * MIB : 2 * GIB);
        assert_int_equal(block % linux_x86(end), 0);
    }
}

static void on_arm64_it_is_a_section_of_these_pages(void **state)
{
    const uint64_t ends[] = { 0, 2 * GIB, 64 * GIB, 66 * GIB, UINT64_MAX };

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        assert_int_equal(hotram_block_size(HOTRAM_BLOCK_ARM64_4K, ends[i]), UINT64_C(1) << 27);
        assert_int_equal(hotram_block_size(HOTRAM_BLOCK_ARM64_16K, ends[i]), UINT64_C(1) << 27);
        assert_int_equal(hotram_block_size(HOTRAM_BLOCK_ARM64_64K, ends[i]), UINT64_C(1) << 29);
        assert_int_equal(hotram_block_size(HOTRAM_BLOCK_ARM64_5_0, ends[i]), UINT64_C(1) << 30);
        assert_int_equal(hotram_block_size((enum hotram_block_guest)99, ends[i]), 2 * GIB);
    }
}

static void a_range_is_whole_blocks_by_address_and_size(void **state)
{
    (void)state;
    assert_true(hotram_block_whole(2 * GIB, 4 * GIB, 2 * GIB));
    assert_true(hotram_block_whole(128 * MIB, 128 * MIB, 384 * MIB));
    assert_false(hotram_block_whole(2 * GIB, 5 * GIB, 2 * GIB));
    assert_false(hotram_block_whole(2 * GIB, 4 * GIB, 3 * GIB));
    assert_false(hotram_block_whole(128 * MIB, 64 * MIB, 128 * MIB));
    assert_false(hotram_block_whole(128 * MIB, 128 * MIB, 0));
    assert_false(hotram_block_whole(0, 128 * MIB, 128 * MIB));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_x86_64_it_follows_from_the_end_as_linux_has_it),
        cmocka_unit_test(on_x86_64_it_is_what_guests_were_seen_to_have),
        cmocka_unit_test(older_kernels_take_what_is_whole_in_their_largest_block),
        cmocka_unit_test(on_arm64_it_is_a_section_of_these_pages),
        cmocka_unit_test(a_range_is_whole_blocks_by_address_and_size),
    };

    return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
