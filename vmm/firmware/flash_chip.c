/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/flash_chip.h"

#include <string.h>

#include "base/count_of.h"

/* Commands, and what confirms them (28F640J3 data sheet, table "Command Bus Definitions"). */
#define READ_ARRAY 0xff
#define READ_ID 0x90
#define READ_QUERY 0x98
#define READ_STATUS 0x70
#define CLEAR_STATUS 0x50
#define PROGRAM 0x40
#define PROGRAM_ALTERNATE 0x10
#define BUFFER_PROGRAM 0xe8
#define BLOCK_ERASE 0x20
#define LOCK_SETUP 0x60
#define LOCK 0x01
#define CONFIRM 0xd0 /* also: unlock */

#define ERASED 0xff
#define MANUFACTURER_INTEL 0x89
#define DEVICE_ID 0x18 /* as QEMU has it */

const struct flash_shape flash_shape_arm64 = {
    .block = 256 * KIB, .buffer = 4 * KIB, .width = 4, .chips = 2, .bank_max = 64 * MIB
};
const struct flash_shape flash_shape_x86 = {
    .block = 4 * KIB, .buffer = 256, .width = 1, .chips = 1, .clears_ready = true, .bank_max = 8 * MIB
};

/* The query's answers that are the same for all, by address of a chip (JESD68.01). Times are powers of two,
 * in microseconds or, to erase, milliseconds: typical ones, then how many times as much at most. */
static const uint8_t query[] = {
    [0x10] = 'Q',  [0x11] = 'R',  [0x12] = 'Y',  [0x13] = 0x01,               /* command set: Intel's, */
    [0x15] = 0x31,                                                            /* whose table is there */
    [0x1b] = 0x45, [0x1c] = 0x55,                                             /* volts, 4 bits and 4 bits */
    [0x1f] = 0x07, [0x20] = 0x07, [0x21] = 0x0a,                              /* program, buffer, erase */
    [0x23] = 0x04, [0x24] = 0x04, [0x25] = 0x04,                              /* at most */
    [0x28] = 0x02,                                                            /* 8 or 16 data lines */
    [0x2c] = 1,                                                               /* kind of blocks */
    [0x31] = 'P',  [0x32] = 'R',  [0x33] = 'I',  [0x34] = '1',  [0x35] = '0', /* no optional features */
    [0x3f] = 1,                                                               /* protection field */
};
#define QUERY_SIZE 0x27       /* of a chip: a power of two, bytes */
#define QUERY_BUFFER 0x2a     /* the same of its write buffer */
#define QUERY_BLOCKS 0x2d     /* two bytes: how many, less one; */
#define QUERY_BLOCK_SIZE 0x2f /* two bytes: in units of 256 bytes */

void flash_chip_reset(struct flash_chip *chip)
{
    chip->mode = FLASH_ARRAY;
    chip->expects = FLASH_COMMAND;
    chip->status = FLASH_READY;
}

/* ---- reading ---- */

static unsigned log2_of(uint64_t power_of_two)
{
    return (unsigned)__builtin_ctzll(power_of_two);
}

/* The size of a bank that is no power of two is that of the next one, as the query can tell no other. */
static unsigned size_log2(uint64_t size)
{
    return 64 - (unsigned)__builtin_clzll(size - 1);
}

/* At an address of a chip. */
static uint8_t answer_query(const struct flash_chip *chip, uint64_t at)
{
    const struct flash_shape *shape = chip->shape;
    const uint64_t blocks = chip->bank / shape->block - 1;
    const uint32_t block = shape->block / shape->chips / 256;

    switch (at) {
    case QUERY_SIZE:
        return (uint8_t)size_log2(chip->bank / shape->chips);
    case QUERY_BUFFER:
        return (uint8_t)log2_of(shape->buffer / shape->chips);
    case QUERY_BLOCKS:
        return (uint8_t)blocks;
    case QUERY_BLOCKS + 1:
        return (uint8_t)(blocks >> 8);
    case QUERY_BLOCK_SIZE:
        return (uint8_t)block;
    case QUERY_BLOCK_SIZE + 1:
        return (uint8_t)(block >> 8);
    default:
        return at < COUNT_OF(query) ? query[at] : 0;
    }
}

/* What each chip says on its lines. */
static uint8_t chip_says(const struct flash_chip *chip, uint64_t offset)
{
    const uint64_t at = offset % chip->shape->block / chip->shape->width;

    switch (chip->mode) {
    case FLASH_ID: /* behind the first two: the block is not locked */
        return at == 0 ? MANUFACTURER_INTEL : at == 1 ? DEVICE_ID : 0;
    case FLASH_QUERY:
        return answer_query(chip, at);
    default:
        return chip->status;
    }
}

/* As many copies of what each says as the access has chips: one of 8 lines, or of 16 with the upper ones 0.
 */
static uint32_t all_say(const struct flash_chip *chip, uint64_t offset, unsigned width)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < width; i++)
        if (chip->shape->width == 1 || (offset + i) % 2 == 0)
            value |= (uint32_t)chip_says(chip, offset + i) << i * 8;
    return value;
}

uint32_t flash_chip_read(const struct flash_chip *chip, uint64_t offset, unsigned width)
{
    uint32_t value = UINT32_MAX >> (32 - width * 8);

    if (chip->mode != FLASH_ARRAY)
        return all_say(chip, offset, width);
    if (offset < chip->image)
        memcpy(&value, chip->bytes + offset, width); /* little-endian, as both architectures are */
    return value;
}

/* ---- changing ---- */

static bool can_change(const struct flash_chip *chip, uint64_t offset)
{
    return !chip->read_only && offset < chip->image;
}

static struct flash_change no_change(void)
{
    return (struct flash_change){ 0, 0 };
}

void flash_chip_failed(struct flash_chip *chip)
{
    chip->status |= FLASH_ERASE_ERROR | FLASH_PROGRAM_ERROR;
}

/* All reads give the status after a command that changes something. */
static void expect(struct flash_chip *chip, enum flash_expects expects)
{
    chip->mode = FLASH_STATUS;
    chip->status |= FLASH_READY;
    chip->expects = expects;
}

/* A sequence of writes that is none. */
static void sequence_error(struct flash_chip *chip)
{
    chip->status |= FLASH_ERASE_ERROR | FLASH_PROGRAM_ERROR;
    expect(chip, FLASH_COMMAND);
}

static struct flash_change program(struct flash_chip *chip, uint64_t offset, const uint8_t *data,
                                   uint64_t length)
{
    expect(chip, FLASH_COMMAND);
    if (!can_change(chip, offset)) {
        chip->status |= FLASH_PROGRAM_ERROR | FLASH_LOCKED;
        return no_change();
    }
    for (uint64_t i = 0; i < length; i++)
        chip->bytes[offset + i] &= data[i];
    return (struct flash_change){ offset, length };
}

static struct flash_change erase(struct flash_chip *chip, uint64_t offset)
{
    const uint64_t block = offset / chip->shape->block * chip->shape->block;

    expect(chip, FLASH_COMMAND);
    if (!can_change(chip, block)) {
        chip->status |= FLASH_ERASE_ERROR | FLASH_LOCKED;
        return no_change();
    }
    memset(chip->bytes + block, ERASED, chip->shape->block);
    return (struct flash_change){ block, chip->shape->block };
}

/* ---- the write buffer ---- */

static void begin_buffer(struct flash_chip *chip, uint64_t offset, uint32_t count)
{
    if (count >= chip->shape->buffer / chip->shape->width || offset / chip->shape->block != chip->block) {
        sequence_error(chip);
        return;
    }
    chip->words = count + 1;
    chip->first = chip->last = 0;
    chip->scattered = false;
    memset(chip->buffer, ERASED, sizeof chip->buffer); /* what gets no data stays as it is */
    expect(chip, FLASH_DATA);
}

/* All words belong into one piece of the bank as large as the buffer, whose place the first one tells. */
static void fill_buffer(struct flash_chip *chip, uint64_t offset, unsigned width, uint32_t value)
{
    if (chip->first == chip->last) {
        chip->buffer_base = offset / chip->shape->buffer * chip->shape->buffer;
        chip->first = offset;
        chip->last = offset + width;
    }
    if (offset / chip->shape->buffer * chip->shape->buffer != chip->buffer_base ||
        offset / chip->shape->block != chip->block) {
        chip->scattered = true;
    } else {
        memcpy(chip->buffer + (offset - chip->buffer_base), &value, width);
        if (offset < chip->first)
            chip->first = offset;
        if (offset + width > chip->last)
            chip->last = offset + width;
    }
    if (--chip->words == 0)
        expect(chip, FLASH_CONFIRM);
}

/* At any address: EDK2 confirms at that of the bank, whatever the block is. */
static struct flash_change confirm_buffer(struct flash_chip *chip, uint8_t command)
{
    if (command != CONFIRM || chip->scattered) {
        sequence_error(chip);
        return no_change();
    }
    return program(chip, chip->first, chip->buffer + (chip->first - chip->buffer_base),
                   chip->last - chip->first);
}

/* ---- commands ---- */

static void begin_command(struct flash_chip *chip, uint64_t offset, uint8_t command)
{
    switch (command) {
    case READ_ID:
        chip->mode = FLASH_ID;
        break;
    case READ_QUERY:
        chip->mode = FLASH_QUERY;
        break;
    case READ_STATUS:
        chip->mode = FLASH_STATUS;
        break;
    case CLEAR_STATUS:
        chip->status = chip->shape->clears_ready ? 0 : FLASH_READY;
        break;
    case PROGRAM:
    case PROGRAM_ALTERNATE:
        expect(chip, FLASH_PROGRAM);
        break;
    case BLOCK_ERASE:
        expect(chip, FLASH_ERASE);
        break;
    case LOCK_SETUP:
        expect(chip, FLASH_LOCK);
        break;
    case BUFFER_PROGRAM:
        chip->block = offset / chip->shape->block;
        expect(chip, FLASH_COUNT);
        break;
    case READ_ARRAY:
    default: /* the chips know no other */
        chip->mode = FLASH_ARRAY;
        break;
    }
}

struct flash_change flash_chip_write(struct flash_chip *chip, uint64_t offset, unsigned width, uint32_t value)
{
    const uint8_t command = (uint8_t)value;

    switch (chip->expects) {
    case FLASH_PROGRAM:
        return program(chip, offset, (const uint8_t *)&value, width);
    case FLASH_ERASE:
        if (command == CONFIRM)
            return erase(chip, offset);
        sequence_error(chip);
        break;
    case FLASH_LOCK: /* no block can be locked, as the query says; drivers unlock before they write */
        if (command == CONFIRM || command == LOCK)
            expect(chip, FLASH_COMMAND);
        else
            sequence_error(chip);
        break;
    case FLASH_COUNT:
        begin_buffer(chip, offset, value & (chip->shape->width == 1 ? 0xff : 0xffff));
        break;
    case FLASH_DATA:
        fill_buffer(chip, offset, width, value);
        break;
    case FLASH_CONFIRM:
        return confirm_buffer(chip, command);
    case FLASH_COMMAND:
        begin_command(chip, offset, command);
        break;
    }
    return no_change();
}
