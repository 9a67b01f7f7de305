/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flash chips: what drivers do with them, and random writes held against a model.
 */
#include "../unit.h"

#include <stdlib.h>
#include <string.h>

#include "firmware/flash_chip.h"
#include "flash_model.h"

#define ROUNDS 200000u
#define BLOCKS 4u /* of the bank, one of which has no image */

static struct flash_chip chip;
static struct flash_model model;
static uint8_t *kept; /* what was announced as changed */

static void write_both(uint64_t offset, unsigned width, uint32_t value)
{
    const struct flash_change change = flash_chip_write(&chip, offset, width, value);

    assert_true(change.length == 0 || change.offset + change.length <= chip.image);
    memcpy(kept + change.offset, chip.bytes + change.offset, change.length);
    flash_model_write(&model, offset, width, value);
}

static void make(const struct flash_shape *shape, bool read_only)
{
    const uint64_t bank = BLOCKS * shape->block, image = bank - shape->block;

    chip = (struct flash_chip){
        .shape = shape, .bytes = malloc(image), .bank = bank, .image = image, .read_only = read_only
    };
    model = (struct flash_model){ .bytes = malloc(image),
                                  .image = image,
                                  .bank = bank,
                                  .block = shape->block,
                                  .buffer = shape->buffer,
                                  .width = shape->width,
                                  .read_only = read_only,
                                  .clears_ready = shape->clears_ready,
                                  .status = 0x80 };
    kept = malloc(image);
    assert_true(chip.bytes && model.bytes && kept);
    for (uint64_t i = 0; i < image; i++)
        chip.bytes[i] = model.bytes[i] = kept[i] = (uint8_t)(i * 7 >> 3);
    flash_chip_reset(&chip);
}

static void unmake(void)
{
    free(chip.bytes);
    free(model.bytes);
    free(kept);
}

/* ---- what a driver of two 16-bit chips does ---- */

static uint32_t in(uint64_t offset)
{
    return flash_chip_read(&chip, offset, 4);
}

static struct flash_change out(uint64_t offset, uint32_t value)
{
    return flash_chip_write(&chip, offset, 4, value);
}

static void a_driver_finds_what_it_is(void **state)
{
    (void)state;
    make(&flash_shape_arm64, false);
    chip.bank = 64 * MIB;
    out(0x55 * 4, 0x00980098);
    assert_int_equal(in(0x10 * 4), 0x00510051);
    assert_int_equal(in(0x11 * 4), 0x00520052);
    assert_int_equal(in(0x12 * 4), 0x00590059);
    assert_int_equal(in(0x27 * 4) & 0xffff, 25);   /* 32 MiB */
    assert_int_equal(in(0x2a * 4) & 0xffff, 11);   /* 2 KiB */
    assert_int_equal(in(0x2d * 4) & 0xffff, 0xff); /* 256 blocks */
    assert_int_equal(in(0x2e * 4) & 0xffff, 0);
    assert_int_equal(in(0x2f * 4) & 0xffff, 0); /* of 0x200 * 256 bytes */
    assert_int_equal(in(0x30 * 4) & 0xffff, 2);
    out(0, 0x00900090);
    assert_int_equal(in(0), 0x00890089);
    assert_int_equal(in(4), 0x00180018);
    assert_int_equal(in(256 * KIB + 8), 0); /* not locked */
    assert_false(flash_chip_is_array(&chip));
    out(0, 0x00ff00ff);
    assert_true(flash_chip_is_array(&chip));
    assert_memory_equal(chip.bytes, &(uint32_t){ in(0) }, 4);
    unmake();
}

static void a_driver_erases_and_programs(void **state)
{
    struct flash_change change;

    (void)state;
    make(&flash_shape_arm64, false);
    out(256 * KIB, 0x00600060);
    assert_int_equal(out(256 * KIB, 0x00d000d0).length, 0);
    out(256 * KIB + 0x100, 0x00200020);
    change = out(256 * KIB + 0x100, 0x00d000d0);
    assert_int_equal(change.offset, 256 * KIB);
    assert_int_equal(change.length, 256 * KIB);
    assert_int_equal(in(0), 0x00800080);
    out(256 * KIB + 8, 0x00400040);
    change = out(256 * KIB + 8, 0x12345678);
    assert_int_equal(change.offset, 256 * KIB + 8);
    assert_int_equal(change.length, 4);
    out(256 * KIB + 8, 0x00400040);
    out(256 * KIB + 8, 0xffff00ff);
    assert_int_equal(in(0), 0x00800080);
    /* Three words by the buffer, over the same. */
    out(256 * KIB + 8, 0x00e800e8);
    assert_int_equal(in(256 * KIB + 8), 0x00800080);
    out(256 * KIB + 8, 0x00020002);
    out(256 * KIB + 8, 0x1fffffff);
    out(256 * KIB + 12, 0xcafecafe);
    out(256 * KIB + 16, 0);
    change = out(0, 0x00d000d0); /* as EDK2 does it */
    assert_int_equal(change.offset, 256 * KIB + 8);
    assert_int_equal(change.length, 12);
    assert_int_equal(in(0), 0x00800080);
    out(0, 0xff);
    assert_int_equal(in(256 * KIB + 4), UINT32_MAX);
    assert_int_equal(in(256 * KIB + 8), 0x12340078); /* only ever fewer bits */
    assert_int_equal(in(256 * KIB + 12), 0xcafecafe);
    assert_int_equal(in(256 * KIB + 16), 0);
    unmake();
}

static void what_cannot_be_changed_says_so(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t at = i == 0 ? 0 : (BLOCKS - 1) * 256 * KIB; /* read-only; behind the image */

        make(&flash_shape_arm64, i == 0);
        out(at, 0x00400040);
        assert_int_equal(out(at, 0).length, 0);
        assert_int_equal(in(at), 0x00920092);
        out(at, 0x00500050);
        assert_int_equal(in(at), 0x00800080);
        out(at, 0x00200020);
        assert_int_equal(out(at, 0x00d000d0).length, 0);
        assert_int_equal(in(at), 0x00a200a2);
        out(at, 0x00ff00ff);
        assert_int_equal(in(at), i == 0 ? 0x02010000 : UINT32_MAX);
        unmake();
    }
}

/* Firmware for QEMU's PCs: a byte at a time, and it asks nothing in between. */
static void firmware_tells_flash_from_memory(void **state)
{
    (void)state;
    make(&flash_shape_x86, false);
    chip.bytes[16] = 0xff;
    flash_chip_write(&chip, 16, 1, 0x50);
    flash_chip_write(&chip, 16, 1, 0x70);
    assert_int_equal(flash_chip_read(&chip, 16, 1), 0);
    flash_chip_write(&chip, 16, 1, 0xff);
    for (unsigned i = 0; i < 4; i++) {
        flash_chip_write(&chip, 32 + i, 1, 0x20);
        flash_chip_write(&chip, 32 + i, 1, 0xd0);
        flash_chip_write(&chip, 32 + i, 1, 0x10);
        flash_chip_write(&chip, 32 + i, 1, 0xa0 + i);
    }
    flash_chip_write(&chip, 0, 1, 0xff);
    assert_int_equal(flash_chip_read(&chip, 35, 1), 0xa3);
    assert_int_equal(flash_chip_read(&chip, 34, 1), 0xff); /* erased with the block */
    unmake();
}

static void a_change_that_is_not_kept_is_an_error(void **state)
{
    (void)state;
    make(&flash_shape_arm64, false);
    out(0, 0x00400040);
    out(0, 0);
    flash_chip_failed(&chip);
    assert_int_equal(in(0), 0x00b000b0);
    unmake();
}

/* ---- anything ---- */

static uint32_t seed = 1;

static uint32_t roll(uint32_t below)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % below;
}

static void random_write(void)
{
    static const uint8_t commands[] = { 0xff, 0x90, 0x98, 0x70, 0x50, 0x40, 0x10, 0xe8, 0xe8,
                                        0x20, 0x60, 0xd0, 0xd0, 0xd0, 0x01, 0,    3 };
    static uint64_t near;
    const unsigned width = 1u << roll(3);
    uint32_t value = roll(8) ? commands[roll(sizeof commands)] : seed;

    if (roll(16) == 0)
        near = roll((uint32_t)(chip.bank / 8)) * UINT64_C(8);
    if (roll(2))
        value |= value << 16;
    if (width < 4)
        value &= (1u << 8 * width) - 1;
    write_both(near + roll(8 / width) * width, width, value);
}

static void random_writes_are_the_models(void **state)
{
    const struct flash_shape *const shapes[] = { &flash_shape_arm64, &flash_shape_x86 };

    (void)state;
    for (unsigned which = 0; which < 4; which++) {
        make(shapes[which / 2], which % 2);
        for (unsigned i = 0; i < ROUNDS; i++) {
            const unsigned width = 1u << roll(3);
            uint64_t at = roll(4) ? roll(0x100) * UINT64_C(4) : roll((uint32_t)(chip.bank / 4)) * UINT64_C(4);

            random_write();
            at += roll(4 / width) * width;
            assert_int_equal(flash_chip_read(&chip, at, width), flash_model_read(&model, at, width));
        }
        assert_memory_equal(chip.bytes, model.bytes, chip.image);
        assert_memory_equal(chip.bytes, kept, chip.image);
        unmake();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_driver_finds_what_it_is),
        cmocka_unit_test(a_driver_erases_and_programs),
        cmocka_unit_test(what_cannot_be_changed_says_so),
        cmocka_unit_test(firmware_tells_flash_from_memory),
        cmocka_unit_test(a_change_that_is_not_kept_is_an_error),
        cmocka_unit_test(random_writes_are_the_models),
    };

    return cmocka_run_group_tests_name("flash_chip", tests, NULL, NULL);
}
