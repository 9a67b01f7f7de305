/* SPDX-License-Identifier: BSD-2-Clause */
#include "flash_model.h"

#define READY 0x80
#define ERASE_FAILS 0x20
#define PROGRAM_FAILS 0x10
#define PROTECTED 0x02

static bool may_change(const struct flash_model *model, uint64_t offset)
{
    return !model->read_only && offset < model->image;
}

/* The command is over, one way or the other. */
static void over(struct flash_model *model, unsigned errors)
{
    model->status = (uint8_t)(model->status | errors);
    model->count = 0;
}

static void set_bytes(struct flash_model *model, const struct flash_model_write *write)
{
    for (unsigned i = 0; i < write->width; i++)
        model->bytes[write->offset + i] &= (uint8_t)(write->value >> 8 * i);
}

/* 0xe8, how many less one, the words, 0xd0. */
static void judge_buffer(struct flash_model *model)
{
    const struct flash_model_write *w = model->writes, *last = &w[model->count - 1];
    const uint64_t block = w[0].offset / model->block;
    uint32_t words;

    if (model->count == 1)
        return;
    words = (w[1].value & (model->width == 1 ? 0xff : 0xffff)) + 1;
    if (words > model->buffer / model->width || w[1].offset / model->block != block) {
        over(model, ERASE_FAILS | PROGRAM_FAILS);
        return;
    }
    if (model->count <= words + 2)
        return;
    for (uint32_t i = 0; i < words; i++)
        if (w[2 + i].offset / model->block != block ||
            w[2 + i].offset / model->buffer != w[2].offset / model->buffer)
            over(model, ERASE_FAILS | PROGRAM_FAILS);
    if (model->count > 0 && (last->value & 0xff) != 0xd0)
        over(model, ERASE_FAILS | PROGRAM_FAILS);
    if (model->count == 0)
        return;
    if (!may_change(model, w[2].offset)) {
        over(model, PROGRAM_FAILS | PROTECTED);
        return;
    }
    /* A byte that comes twice is the last one's: as a whole, first all, then the bits. */
    for (uint32_t i = 0; i < words; i++)
        for (unsigned byte = 0; byte < w[2 + i].width; byte++) {
            const uint64_t at = w[2 + i].offset + byte;
            bool again = false;

            for (uint32_t later = i + 1; later < words; later++)
                again = again || (at >= w[2 + later].offset && at < w[2 + later].offset + w[2 + later].width);
            if (!again)
                set_bytes(model, &(struct flash_model_write){ at, 1, w[2 + i].value >> 8 * byte });
        }
    over(model, 0);
}

static void judge_erase(struct flash_model *model)
{
    const struct flash_model_write *second = &model->writes[1];
    const uint64_t first = second->offset - second->offset % model->block;

    if (model->count < 2)
        return;
    if ((second->value & 0xff) != 0xd0) {
        over(model, ERASE_FAILS | PROGRAM_FAILS);
    } else if (!may_change(model, first)) {
        over(model, ERASE_FAILS | PROTECTED);
    } else {
        for (uint64_t i = 0; i < model->block; i++)
            model->bytes[first + i] = 0xff;
        over(model, 0);
    }
}

static void judge_program(struct flash_model *model)
{
    if (model->count < 2)
        return;
    if (may_change(model, model->writes[1].offset)) {
        set_bytes(model, &model->writes[1]);
        over(model, 0);
    } else {
        over(model, PROGRAM_FAILS | PROTECTED);
    }
}

static void judge_lock(struct flash_model *model)
{
    const uint32_t second = model->writes[1].value & 0xff;

    if (model->count == 2)
        over(model, second == 0xd0 || second == 0x01 ? 0 : ERASE_FAILS | PROGRAM_FAILS);
}

void flash_model_write(struct flash_model *model, uint64_t offset, unsigned width, uint32_t value)
{
    const uint32_t command = model->count > 0 ? model->writes[0].value & 0xff : value & 0xff;

    model->writes[model->count++] = (struct flash_model_write){ offset, width, value };
    if (command == 0x40 || command == 0x10 || command == 0x20 || command == 0x60 || command == 0xe8) {
        model->shows = MODEL_STATUS;
        model->status |= READY;
    }
    switch (command) {
    case 0x10:
    case 0x40:
        judge_program(model);
        return;
    case 0x20:
        judge_erase(model);
        return;
    case 0x60:
        judge_lock(model);
        return;
    case 0xe8:
        judge_buffer(model);
        return;
    }
    model->count = 0;
    if (command == 0x50)
        model->status = model->clears_ready ? 0 : READY;
    else
        model->shows = command == 0x70   ? MODEL_STATUS
                       : command == 0x90 ? MODEL_ID
                       : command == 0x98 ? MODEL_QUERY
                                         : MODEL_ARRAY;
}

/* How many times 2 makes it, rounded up. */
static unsigned power(uint64_t size)
{
    unsigned n = 0;

    while (UINT64_C(1) << n < size)
        n++;
    return n;
}

static unsigned query(const struct flash_model *model, uint64_t at)
{
    static const char text[] = "QRY";
    static const char own[] = "PRI10";
    const unsigned chips = model->width == 4 ? 2 : 1;
    const uint64_t blocks = model->bank / model->block - 1, units = model->block / chips / 256;
    static const unsigned numbers[][2] = { { 0x13, 1 }, { 0x15, 0x31 }, { 0x1b, 0x45 }, { 0x1c, 0x55 },
                                           { 0x1f, 7 }, { 0x20, 7 },    { 0x21, 10 },   { 0x23, 4 },
                                           { 0x24, 4 }, { 0x25, 4 },    { 0x28, 2 },    { 0x2c, 1 },
                                           { 0x3f, 1 } };

    if (at >= 0x10 && at < 0x13)
        return (unsigned)text[at - 0x10];
    if (at >= 0x31 && at < 0x36)
        return (unsigned)own[at - 0x31];
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (numbers[i][0] == at)
            return numbers[i][1];
    return at == 0x27   ? power(model->bank / chips)
           : at == 0x2a ? power(model->buffer / chips)
           : at == 0x2d ? blocks & 0xff
           : at == 0x2e ? (unsigned)(blocks >> 8)
           : at == 0x2f ? units & 0xff
           : at == 0x30 ? (unsigned)(units >> 8)
                        : 0;
}

static unsigned byte_at(const struct flash_model *model, uint64_t offset)
{
    const uint64_t address = offset % model->block / model->width;

    if (model->shows == MODEL_ARRAY)
        return offset < model->image ? model->bytes[offset] : 0xff;
    if (model->width == 4 && offset % 2 == 1)
        return 0; /* the upper lines of a chip */
    if (model->shows == MODEL_STATUS)
        return model->status;
    if (model->shows == MODEL_QUERY)
        return query(model, address);
    return address == 0 ? 0x89 : address == 1 ? 0x18 : 0;
}

uint32_t flash_model_read(const struct flash_model *model, uint64_t offset, unsigned width)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < width; i++)
        value |= byte_at(model, offset + i) << 8 * i;
    return value;
}
