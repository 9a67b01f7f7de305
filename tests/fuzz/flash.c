/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target of flash: any accesses of a guest, and resets. What is read is what the model says; what is not
 * announced as changed has not changed.
 */
#include "input.h"

#include "../unit/vmm/flash_model.h"
#include "firmware/flash_chip.h"

#define BLOCKS 3u        /* the last has no image */
#define BLOCK (8u << 10) /* of arm64's shape: smaller than it is, for more runs */
#define IMAGE_MAX ((BLOCKS - 1) * BLOCK)

static uint8_t bytes[IMAGE_MAX], model_bytes[IMAGE_MAX], kept[IMAGE_MAX];

static void start(struct flash_chip *chip, struct flash_model *model, struct input *input)
{
    const uint8_t kind = input_u8(input);
    static struct flash_shape arm64;
    const struct flash_shape *shape = kind & 1 ? &flash_shape_x86 : &arm64;
    uint64_t image;

    arm64 = flash_shape_arm64;
    arm64.block = BLOCK;
    image = (BLOCKS - 1) * shape->block;

    *chip = (struct flash_chip){
        .shape = shape, .bytes = bytes, .bank = BLOCKS * shape->block, .image = image, .read_only = kind & 2
    };
    flash_chip_reset(chip);
    *model = (struct flash_model){ .bytes = model_bytes,
                                   .image = image,
                                   .bank = chip->bank,
                                   .block = shape->block,
                                   .buffer = shape->buffer,
                                   .width = shape->width,
                                   .read_only = chip->read_only,
                                   .clears_ready = shape->clears_ready,
                                   .status = 0x80 };
    for (uint64_t i = 0; i < image; i++)
        bytes[i] = model_bytes[i] = kept[i] = (uint8_t)(i * 7 >> 3);
}

static void reset(struct flash_chip *chip, struct flash_model *model)
{
    flash_chip_reset(chip);
    model->shows = MODEL_ARRAY;
    model->status = 0x80;
    model->count = 0;
}

/* Commands most often, and places near each other. */
static void write_both(struct flash_chip *chip, struct flash_model *model, struct input *input,
                       uint64_t offset, unsigned width)
{
    static const uint8_t commands[] = { 0xff, 0x90, 0x98, 0x70, 0x50, 0x40, 0x10, 0xe8,
                                        0xe8, 0x20, 0x60, 0xd0, 0xd0, 0x01, 0,    3 };
    const uint8_t kind = input_u8(input);
    uint32_t value = kind < 200 ? commands[kind % COUNT_OF(commands)] : input_u32(input);
    struct flash_change change;

    if (width < 4)
        value &= (1u << 8 * width) - 1;
    change = flash_chip_write(chip, offset, width, value);
    CHECK(change.length == 0 ||
          (change.offset <= chip->image && change.length <= chip->image - change.offset));
    memcpy(kept + change.offset, bytes + change.offset, change.length);
    flash_model_write(model, offset, width, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct flash_model model; /* large */
    static struct flash_chip chip;
    struct input input = { data, size };
    uint64_t near = 0;

    start(&chip, &model, &input);
    while (input.left > 0) {
        const uint8_t what = input_u8(&input);
        const unsigned width = 1u << what % 3;
        uint64_t offset;

        if (what >= 250)
            near = input_u32(&input) % (chip.bank / 64) * 64;
        offset = near + input_below(&input, 64 / width) * width;
        if (what < 4)
            reset(&chip, &model);
        else if (what < 160)
            write_both(&chip, &model, &input, offset, width);
        CHECK(flash_chip_read(&chip, offset, width) == flash_model_read(&model, offset, width));
        CHECK(flash_chip_is_array(&chip) == (model.shows == MODEL_ARRAY));
    }
    CHECK(memcmp(bytes, model_bytes, chip.image) == 0);
    CHECK(memcmp(bytes, kept, chip.image) == 0);
    return 0;
}
