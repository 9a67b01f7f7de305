/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target of the firmware configuration device: a guest that reads, selects and transfers whatever it
 * likes, at ports or among memory, while items are set anew. Every byte that it reads, every bit of its
 * memory after each transfer, match a model, which is written from QEMU's specification of the device and
 * knows numbers, bytes and memory as one array.
 */
#include "input.h"

#include "../unit/vmm/fw_cfg_world.h"

#include <endian.h>

#define KEYS 0x24u /* numbers that have, or could have, an item */
#define ITEM_SIZE 300u

static struct fw_cfg_world world;

/* ---- the model ---- */

static struct {
    struct {
        bool there;
        uint8_t bytes[8 * 64];
        size_t length;
    } item[KEYS];
    uint32_t key, at;
    uint64_t high;
    uint8_t memory[WORLD_REGIONS][WORLD_REGION_SIZE];
} model;

static uint8_t *model_memory(uint64_t address, bool write)
{
    const uint64_t page = address / WORLD_REGION_SIZE;

    if (page == WORLD_MEMORY / WORLD_REGION_SIZE || page == WORLD_MEMORY / WORLD_REGION_SIZE + 1)
        return &model.memory[page - WORLD_MEMORY / WORLD_REGION_SIZE][address % WORLD_REGION_SIZE];
    return page == WORLD_ROM / WORLD_REGION_SIZE && !write ? &model.memory[2][address % WORLD_REGION_SIZE]
                                                           : NULL;
}

static bool model_has(uint64_t address, uint64_t length, bool write)
{
    for (uint64_t i = 0; i < length; i++)
        if (address + i < address || !model_memory(address + i, write))
            return false;
    return true;
}

/* The byte that is next, or, behind the end, 0. */
static uint8_t model_peek(uint64_t ahead)
{
    if (model.key >= KEYS || !model.item[model.key].there || model.at + ahead >= model.item[model.key].length)
        return 0;
    return model.item[model.key].bytes[model.at + ahead];
}

static size_t model_left(void)
{
    if (model.key >= KEYS || !model.item[model.key].there || model.at >= model.item[model.key].length)
        return 0;
    return model.item[model.key].length - model.at;
}

static uint8_t model_next(void)
{
    const uint8_t byte = model_peek(0);

    model.at += model_left() > 0;
    return byte;
}

static uint64_t model_number(uint64_t address, unsigned width)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < width; i++)
        number = number << 8 | *model_memory(address + i, false);
    return number;
}

static bool model_read(uint64_t address, uint64_t length)
{
    const size_t left = model_left(), bytes = length < left ? length : left;

    if (length - bytes > FW_CFG_ZEROS_MAX || address + length < address || !model_has(address, bytes, true))
        return false;
    for (size_t i = 0; i < bytes; i++)
        *model_memory(address + i, true) = model_peek(i);
    if (!model_has(address + bytes, length - bytes, true))
        return false;
    for (uint64_t i = bytes; i < length; i++)
        *model_memory(address + i, true) = 0;
    model.at += bytes;
    return true;
}

static void model_transfer(uint64_t at)
{
    uint32_t control, length, result = 0;

    if (!model_has(at, 16, false)) {
        result = 1;
    } else {
        control = (uint32_t)model_number(at, 4);
        length = (uint32_t)model_number(at + 4, 4);
        if (control & 8) {
            model.key = control >> 16;
            model.at = 0;
        }
        if (control & 2)
            result = !model_read(model_number(at + 8, 8), length);
        else if (control & 16)
            result = length > 0;
        else if (control & 4)
            model.at += length < model_left() ? length : model_left();
    }
    if (at > UINT64_MAX - 16 || !model_has(at, 4, true))
        return;
    for (unsigned i = 0; i < 4; i++)
        *model_memory(at + i, true) = i == 3 ? (uint8_t)result : 0;
}

/* ---- the guest ---- */

static void check_memory(void)
{
    CHECK(memcmp(model.memory, world.memory, sizeof model.memory) == 0);
}

static void select_key(struct input *input)
{
    const uint16_t key = input_bool(input) ? (uint16_t)input_below(input, KEYS + 2) : input_u16(input);

    if (world.among_memory)
        fw_cfg_world_write(&world, 8, 2, htobe16(key));
    else
        fw_cfg_world_write(&world, 0, 2, key);
    model.key = key;
    model.at = 0;
}

static void read_data(struct input *input)
{
    const unsigned width = world.among_memory ? 1u << input_below(input, 4) : 1;
    uint64_t value = fw_cfg_world_read(&world, world.among_memory ? 0 : 1, width);

    for (unsigned i = 0; i < width; i++, value >>= 8)
        CHECK((uint8_t)value == model_next());
}

static uint64_t some_address(struct input *input)
{
    switch (input_below(input, 8)) {
    case 0:
        return input_number(input);
    case 1:
        return WORLD_ROM + input_u16(input) % WORLD_REGION_SIZE;
    default:
        return WORLD_MEMORY + input_u16(input) % (2 * WORLD_REGION_SIZE);
    }
}

static void put(uint64_t address, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        uint8_t *real = fw_cfg_world_at(&world, address + i);

        if (real)
            *real = *model_memory(address + i, false) = (uint8_t)(value >> 8 * (width - 1 - i));
    }
}

static void transfer(struct input *input)
{
    static const uint8_t controls[] = { 2, 10, 8, 4, 12, 16, 18, 0 };
    const uint64_t at = some_address(input), dma = world.among_memory ? 16 : 4;
    const uint32_t control = (uint32_t)input_below(input, KEYS + 2) << 16 |
                             controls[input_below(input, COUNT_OF(controls))];
    const uint32_t length = input_bool(input) ? input_u8(input) : (uint32_t)input_number(input);

    put(at, control, 4);
    put(at + 4, length, 4);
    put(at + 8, some_address(input), 8);
    if (world.among_memory && input_bool(input)) {
        fw_cfg_world_write(&world, dma, 8, htobe64(at));
    } else {
        fw_cfg_world_write(&world, dma, 4, htobe32((uint32_t)(at >> 32)));
        fw_cfg_world_write(&world, dma + 4, 4, htobe32((uint32_t)at));
    }
    model.high = 0;
    model_transfer(at);
    check_memory();
}

/* The halves on their own, in any order. */
static void write_half(struct input *input)
{
    const uint64_t dma = world.among_memory ? 16 : 4;
    const uint32_t half = input_bool(input) ? (uint32_t)some_address(input) : 0;

    if (input_bool(input)) {
        fw_cfg_world_write(&world, dma, 4, htobe32(half));
        model.high = half;
        return;
    }
    fw_cfg_world_write(&world, dma + 4, 4, htobe32(half));
    model_transfer(model.high << 32 | half);
    model.high = 0;
    check_memory();
}

/* Any access to any register but those above: it reads no item, selects nothing and starts nothing. */
static void stray(struct input *input)
{
    const unsigned width = 1u << input_below(input, 3), offset = input_below(input, 3);

    if (world.among_memory)
        fw_cfg_world_write(&world, offset * 8u, 1, input_u8(input));
    else
        fw_cfg_world_write(&world, offset ? 1 : 0, 1, input_u8(input));
    if (!world.among_memory && width > 1)
        CHECK(fw_cfg_world_read(&world, 0, 2) == 0xffff);
    CHECK(world.fw_cfg->state.key == (uint16_t)model.key);
}

/* ---- the machine ---- */

static void set_model(unsigned key, const uint8_t *bytes, size_t length)
{
    model.item[key].there = true;
    model.item[key].length = length;
    memcpy(model.item[key].bytes, bytes, length);
}

static void set_directory(unsigned files, const size_t *lengths)
{
    uint8_t bytes[4 + 4 * 64] = { 0, 0, 0, (uint8_t)files };

    for (unsigned i = 0; i < files; i++) {
        uint8_t *entry = bytes + 4 + 64 * i;

        entry[2] = (uint8_t)(lengths[i] >> 8);
        entry[3] = (uint8_t)lengths[i];
        entry[5] = (uint8_t)(0x20 + i);
        entry[8] = (uint8_t)('a' + i);
    }
    set_model(FW_CFG_FILE_DIR, bytes, 4 + 64u * files);
}

static void set_item(struct input *input)
{
    static size_t lengths[4];
    const unsigned which = input_below(input, 8);
    const size_t length = input_u8(input);
    const char name[2] = { (char)('a' + world.fw_cfg->file_count), 0 };
    uint8_t bytes[ITEM_SIZE];
    struct error error;

    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(length * 3 + i);
    if (which < 4) {
        CHECK(fw_cfg_set(world.fw_cfg, (uint16_t)(2 + which), bytes, length, &error));
        set_model(2 + which, bytes, length);
    } else if (world.fw_cfg->file_count < 4 && which < 6) {
        lengths[world.fw_cfg->file_count] = length;
        set_model(0x20 + world.fw_cfg->file_count, bytes, length);
        CHECK(fw_cfg_add_file(world.fw_cfg, name, bytes, length, &error));
        set_directory(world.fw_cfg->file_count, lengths);
    } else if (world.fw_cfg->file_count > 0) {
        const unsigned file = input_below(input, world.fw_cfg->file_count);
        const char again[2] = { (char)('a' + file), 0 };

        CHECK(!fw_cfg_add_file(world.fw_cfg, again, bytes, length, &error));
        CHECK(fw_cfg_set_file(world.fw_cfg, again, bytes, length, &error));
        lengths[file] = length;
        set_model(0x20 + file, bytes, length);
        set_directory(world.fw_cfg->file_count, lengths);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };

    memset(&model, 0, sizeof model);
    fw_cfg_world_make(&world, input_bool(&input));
    set_model(FW_CFG_SIGNATURE, (const uint8_t *)"QEMU", 4);
    set_model(FW_CFG_ID, (const uint8_t[]){ 3, 0, 0, 0 }, 4);
    set_directory(0, NULL);
    while (input.left > 0) {
        static void (*const steps[])(struct input *) = { select_key, read_data,  read_data, transfer,
                                                         transfer,   write_half, stray,     set_item };

        steps[input_below(&input, COUNT_OF(steps))](&input);
    }
    devices_reset(&world.board);
    model.key = model.at = 0;
    read_data(&input);
    check_memory();
    fw_cfg_world_end(&world);
    return 0;
}
