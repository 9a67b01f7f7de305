/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AML writer's functions in any order, with arguments good and bad.
 */
#include <hotram/aml.h>

#include "aml.h"

#define PATH_MAX_LENGTH 1600
#define STRING_MAX_LENGTH 5000 /* a block's length takes a byte more from 64 and from 4096 on */

/* A path: one of those that are right, a long one, any text, or none. */
static const char *any_path(struct input *input, char text[PATH_MAX_LENGTH])
{
    static const char *const paths[] = { "_SB", "\\_SB.MHPD", "MPFF", "^^A.B", "A.B.C", "\\", NULL };
    unsigned which = input_below(input, COUNT_OF(paths) + 2);
    unsigned segments;

    if (which < COUNT_OF(paths))
        return paths[which];
    if (which == COUNT_OF(paths))
        return input_string(input, text, 64);
    segments = input_u16(input) % 300;
    for (unsigned i = 0; i < segments; i++)
        memcpy(text + 5 * i, "ABC9.", 6);
    text[segments > 0 ? 5 * segments - 1 : 0] = '\0';
    return text;
}

/* Any text, or one of a length that is often just at one of the limits. */
static const char *any_text(struct input *input, char text[STRING_MAX_LENGTH])
{
    size_t length = 0;

    switch (input_below(input, 4)) {
    case 0:
        return input_string(input, text, 32);
    case 1:
        length = 40 + input_below(input, 32);
        break;
    case 2:
        length = 4070 + input_below(input, 32);
        break;
    default:
        length = input_u16(input) % STRING_MAX_LENGTH;
    }
    memset(text, 'x', length);
    text[length] = '\0';
    return text;
}

static void call_operand(struct hotram_aml *aml, struct input *input)
{
    char text[STRING_MAX_LENGTH];

    switch (input_below(input, 10)) {
    case 0:
        hotram_aml_path(aml, any_path(input, text));
        break;
    case 1:
        hotram_aml_integer(aml, input_number(input));
        break;
    case 2:
        hotram_aml_string(aml, input_below(input, 16) == 15 ? NULL : any_text(input, text));
        break;
    case 3:
        hotram_aml_eisaid(aml, input_bool(input) ? "PNP0C80" : input_string(input, text, 12));
        break;
    case 4:
        hotram_aml_arg(aml, input_below(input, 8));
        break;
    case 5:
        hotram_aml_local(aml, input_below(input, 9));
        break;
    case 6:
        hotram_aml_no_target(aml);
        break;
    case 7:
        hotram_aml_op(aml, HOTRAM_AML_STORE);
        break;
    case 8:
        hotram_aml_op(aml, HOTRAM_AML_LLESS_EQUAL);
        break;
    default:
        hotram_aml_name(aml, any_path(input, text));
    }
}

static void call_block(struct hotram_aml *aml, struct input *input)
{
    char path[PATH_MAX_LENGTH];

    switch (input_below(input, 9)) {
    case 0:
        hotram_aml_scope(aml, any_path(input, path));
        break;
    case 1:
        hotram_aml_device(aml, any_path(input, path));
        break;
    case 2:
        hotram_aml_method(aml, any_path(input, path), input_below(input, 9), input_bool(input));
        break;
    case 3:
        hotram_aml_if(aml);
        break;
    case 4:
        hotram_aml_else(aml);
        break;
    case 5:
        hotram_aml_while(aml);
        break;
    case 6:
        hotram_aml_package(aml, input_u8(input) + (unsigned)input_bool(input));
        break;
    case 7:
        hotram_aml_resource_template(aml);
        break;
    default:
        hotram_aml_field(aml, any_path(input, path), input_u8(input) + (input_bool(input) ? 1u : 0u));
    }
}

static void call_object(struct hotram_aml *aml, struct input *input)
{
    char first[PATH_MAX_LENGTH];
    char second[PATH_MAX_LENGTH];
    uint64_t offset;

    switch (input_below(input, 7)) {
    case 0:
        offset = input_number(input);
        hotram_aml_operation_region(aml, any_path(input, first),
                                    input_bool(input) ? HOTRAM_AML_SYSTEM_IO : HOTRAM_AML_SYSTEM_MEMORY,
                                    offset, input_number(input));
        break;
    case 1:
        hotram_aml_create_qword_field(aml, any_path(input, first), input_u8(input), any_path(input, second));
        break;
    case 2:
        hotram_aml_create_dword_field(aml, any_path(input, first), input_u8(input), any_path(input, second));
        break;
    case 3:
        hotram_aml_mutex(aml, any_path(input, first));
        break;
    case 4:
        hotram_aml_acquire(aml, any_path(input, first));
        break;
    case 5:
        memset(first, 0x5a, sizeof first);
        hotram_aml_buffer(aml, (const uint8_t *)first, input_below(input, sizeof first));
        break;
    default:
        hotram_aml_release(aml, any_path(input, first));
    }
}

/* What belongs into fields and resource templates. */
static void call_element(struct hotram_aml *aml, struct input *input)
{
    char path[PATH_MAX_LENGTH];

    switch (input_below(input, 11)) {
    case 0:
        hotram_aml_field_unit(aml, any_path(input, path), (uint32_t)input_number(input));
        break;
    case 1:
        hotram_aml_field_gap(aml, (uint32_t)input_number(input));
        break;
    case 2:
        hotram_aml_io(aml, input_u16(input), input_u16(input), input_u8(input), input_u8(input));
        break;
    case 3:
        hotram_aml_irq_no_flags(aml, input_below(input, 17));
        break;
    case 4:
        hotram_aml_memory32_fixed(aml, input_u32(input), input_u32(input));
        break;
    case 5:
        hotram_aml_dword_memory(aml, input_u32(input), input_u32(input), input_u32(input));
        break;
    case 6:
        hotram_aml_qword_memory(aml, input_number(input), input_number(input), input_number(input));
        break;
    case 7:
        hotram_aml_bus_window(aml, input_u8(input), input_u8(input));
        break;
    case 8:
        hotram_aml_io_window(aml, input_u16(input), input_u16(input));
        break;
    case 9:
        hotram_aml_memory_window(aml, input_number(input), input_number(input));
        break;
    default:
        hotram_aml_interrupt(aml, input_u32(input), input_below(input, 32));
    }
}

/* Some inputs are within one block, whose length is checked. */
static bool is_enclosed(struct input *input)
{
    return input_bool(input);
}

static enum hotram_status write_calls(struct hotram_buffer *out, struct input input)
{
    size_t start = out->length;
    unsigned enclosing = is_enclosed(&input);
    struct hotram_aml aml;
    enum hotram_status status;
    size_t length = 77;

    CHECK(hotram_aml_begin(&aml, out) == HOTRAM_OK);
    if (enclosing)
        hotram_aml_while(&aml);
    while (input.left > 0) {
        unsigned which = input_below(&input, 8);

        if (which < 2)
            call_operand(&aml, &input);
        else if (which == 2)
            call_block(&aml, &input);
        else if (which == 3)
            call_object(&aml, &input);
        else if (which < 6)
            call_element(&aml, &input);
        else if (!enclosing || aml.depth > 1)
            hotram_aml_end(&aml);
    }
    /* So that more than the few balanced inputs count as complete. */
    while (aml.status == HOTRAM_OK && aml.depth > 0)
        hotram_aml_end(&aml);
    status = hotram_aml_finish(&aml, &length);
    if (status == HOTRAM_OK || status == HOTRAM_E_BUFFER)
        CHECK(length == out->length - start);
    else
        CHECK(length == 0);
    return status;
}

/* PkgLength (20.2.4): it counts itself and what follows, and takes as few bytes as it can. */
static void verify_calls(const uint8_t *bytes, size_t length, struct input input)
{
    unsigned more;
    size_t value;

    if (!is_enclosed(&input))
        return;
    CHECK(length >= 2 && bytes[0] == 0xa2);
    more = bytes[1] >> 6;
    CHECK(length >= 2 + more);
    value = bytes[1] & (more > 0 ? 0x0f : 0x3f);
    for (unsigned i = 0; i < more; i++)
        value |= (size_t)bytes[2 + i] << (4 + 8 * i);
    CHECK(value == length - 1);
    CHECK(more == 0 || value - 1 >= (more == 1 ? 0x40 : (size_t)1 << (8 * more - 4)));
}

const struct subject aml_calls = { write_calls, verify_calls };
