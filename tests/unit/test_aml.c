/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <hotram/aml.h>

#define ROOM 0x200000u

/* A writer over a buffer that is large enough for anything here. */
struct fixture {
    struct hotram_aml aml;
    struct hotram_buffer out;
    uint8_t *data;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    fixture->data = malloc(ROOM);
    memset(fixture->data, 0xee, ROOM);
    hotram_buffer_init(&fixture->out, fixture->data, ROOM);
    hotram_aml_begin(&fixture->aml, &fixture->out);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    free(fixture->data);
    free(fixture);
    return 0;
}

/* What was written since the last call of this. */
static void expect(struct fixture *fixture, const uint8_t *bytes, size_t count)
{
    size_t length;

    assert_int_equal(hotram_aml_finish(&fixture->aml, &length), HOTRAM_OK);
    assert_int_equal(length, count);
    assert_memory_equal(fixture->data, bytes, count);
    assert_int_equal(fixture->data[count], 0xee);
    memset(fixture->data, 0xee, count);
    hotram_buffer_init(&fixture->out, fixture->data, ROOM);
    hotram_aml_begin(&fixture->aml, &fixture->out);
}

#define EXPECT(...) \
    do { \
        static const uint8_t bytes_[] = { __VA_ARGS__ }; \
        expect(fixture, bytes_, sizeof bytes_); \
    } while (0)

/* The status, and a fresh start. */
static void expect_status(struct fixture *fixture, enum hotram_status status)
{
    size_t length = 77;

    assert_int_equal(hotram_aml_finish(&fixture->aml, &length), status);
    assert_int_equal(length, 0);
    hotram_aml_integer(&fixture->aml, 1); /* the first error sticks */
    assert_int_equal(hotram_aml_finish(&fixture->aml, NULL), status);
    hotram_buffer_init(&fixture->out, fixture->data, ROOM);
    hotram_aml_begin(&fixture->aml, &fixture->out);
    memset(fixture->data, 0xee, 4096);
}

static void integers_take_the_shortest_encoding(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_integer(aml, 0);
    EXPECT(0x00);
    hotram_aml_integer(aml, 1);
    EXPECT(0x01);
    hotram_aml_integer(aml, 2);
    EXPECT(0x0a, 0x02);
    hotram_aml_integer(aml, 0xff);
    EXPECT(0x0a, 0xff);
    hotram_aml_integer(aml, 0x100);
    EXPECT(0x0b, 0x00, 0x01);
    hotram_aml_integer(aml, 0xffff);
    EXPECT(0x0b, 0xff, 0xff);
    hotram_aml_integer(aml, 0x10000);
    EXPECT(0x0c, 0x00, 0x00, 0x01, 0x00);
    hotram_aml_integer(aml, 0xffffffff);
    EXPECT(0x0c, 0xff, 0xff, 0xff, 0xff);
    hotram_aml_integer(aml, UINT64_C(0x123456789));
    EXPECT(0x0e, 0x89, 0x67, 0x45, 0x23, 0x01, 0x00, 0x00, 0x00);
    hotram_aml_integer(aml, UINT64_MAX - 1);
    EXPECT(0x0e, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    hotram_aml_integer(aml, UINT64_MAX);
    EXPECT(0xff);
}

static void paths_become_name_strings(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_path(aml, "MHPD");
    EXPECT('M', 'H', 'P', 'D');
    hotram_aml_path(aml, "X");
    EXPECT('X', '_', '_', '_');
    hotram_aml_path(aml, "_SB");
    EXPECT('_', 'S', 'B', '_');
    hotram_aml_path(aml, "\\");
    EXPECT('\\', 0x00);
    hotram_aml_path(aml, "^");
    EXPECT('^', 0x00);
    hotram_aml_path(aml, "\\_SB");
    EXPECT('\\', '_', 'S', 'B', '_');
    hotram_aml_path(aml, "^X1");
    EXPECT('^', 'X', '1', '_', '_');
    hotram_aml_path(aml, "^^A.B");
    EXPECT('^', '^', 0x2e, 'A', '_', '_', '_', 'B', '_', '_', '_');
    hotram_aml_path(aml, "\\_SB.MHPD.M000");
    EXPECT('\\', 0x2f, 3, '_', 'S', 'B', '_', 'M', 'H', 'P', 'D', 'M', '0', '0', '0');
    hotram_aml_path(aml, "A.B.C.D");
    EXPECT(0x2f, 4, 'A', '_', '_', '_', 'B', '_', '_', '_', 'C', '_', '_', '_', 'D', '_', '_', '_');
}

static void what_is_not_a_path_is_refused(void **state)
{
    static const char *const bad[] = {
        "",    ".",   "A.",    ".A",   "A..B", "ABCDE", "A.BCDEF", "1A",   "a",   "Ab",
        "A B", "A-B", "\\\\A", "\\^A", "^\\A", "A^",    "^.A",     "\\.A", "A.1", "\x80",
    };
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        hotram_aml_path(aml, bad[i]);
        expect_status(fixture, HOTRAM_E_ARGUMENT);
        hotram_aml_name(aml, bad[i]);
        expect_status(fixture, HOTRAM_E_ARGUMENT);
        hotram_aml_scope(aml, bad[i]);
        expect_status(fixture, HOTRAM_E_ARGUMENT);
    }
    hotram_aml_path(aml, NULL);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
}

static void a_path_has_at_most_255_segments(void **state)
{
    struct fixture *fixture = *state;
    char path[2 * 256 + 1] = "";
    size_t length;

    for (unsigned i = 0; i < 255; i++)
        strcat(path, i ? ".A" : "A");
    hotram_aml_path(&fixture->aml, path);
    assert_int_equal(hotram_aml_finish(&fixture->aml, &length), HOTRAM_OK);
    assert_int_equal(length, 2 + 255 * 4);
    strcat(path, ".A");
    hotram_aml_path(&fixture->aml, path);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
}

static void strings_end_with_zero(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_string(aml, "Hi");
    EXPECT(0x0d, 'H', 'i', 0);
    hotram_aml_string(aml, "");
    EXPECT(0x0d, 0);
    hotram_aml_string(aml, "\xc3\xa4");
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_string(aml, NULL);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
}

static void hardware_ids_are_compressed(void **state)
{
    static const char *const bad[] = { "",        "PNP",     "PNP0C8",  "PNP0C800",
                                       "pnp0C80", "PNP0c80", "PN10C80", "PNPXC80" };
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_eisaid(aml, "PNP0C80");
    EXPECT(0x0c, 0x41, 0xd0, 0x0c, 0x80);
    hotram_aml_eisaid(aml, "PNP0A06");
    EXPECT(0x0c, 0x41, 0xd0, 0x0a, 0x06);
    hotram_aml_eisaid(aml, "AAAFFFF");
    EXPECT(0x0c, 0x04, 0x21, 0xff, 0xff);
    hotram_aml_eisaid(aml, "ZZZ0000");
    EXPECT(0x0c, 0x6b, 0x5a, 0x00, 0x00);
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        hotram_aml_eisaid(aml, bad[i]);
        expect_status(fixture, HOTRAM_E_ARGUMENT);
    }
    hotram_aml_eisaid(aml, NULL);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
}

static void arguments_and_locals_have_their_opcodes(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    for (unsigned i = 0; i < 7; i++) {
        uint8_t byte = (uint8_t)(0x68 + i);

        hotram_aml_arg(aml, i);
        expect(fixture, &byte, 1);
    }
    for (unsigned i = 0; i < 8; i++) {
        uint8_t byte = (uint8_t)(0x60 + i);

        hotram_aml_local(aml, i);
        expect(fixture, &byte, 1);
    }
    hotram_aml_arg(aml, 7);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_local(aml, 8);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
}

static void operators_come_before_their_operands(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_op(aml, HOTRAM_AML_AND);
    hotram_aml_arg(aml, 0);
    hotram_aml_integer(aml, 4);
    hotram_aml_local(aml, 0);
    EXPECT(0x7b, 0x68, 0x0a, 0x04, 0x60);
    hotram_aml_op(aml, HOTRAM_AML_LNOT_EQUAL);
    EXPECT(0x92, 0x93);
    hotram_aml_op(aml, HOTRAM_AML_LLESS_EQUAL);
    EXPECT(0x92, 0x94);
    hotram_aml_op(aml, HOTRAM_AML_LGREATER_EQUAL);
    EXPECT(0x92, 0x95);
    hotram_aml_op(aml, HOTRAM_AML_RETURN);
    hotram_aml_no_target(aml);
    EXPECT(0xa4, 0x00);
}

static void blocks_carry_their_length(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_scope(aml, "\\_SB");
    hotram_aml_end(aml);
    EXPECT(0x10, 0x06, '\\', '_', 'S', 'B', '_');
    hotram_aml_device(aml, "DEV");
    hotram_aml_end(aml);
    EXPECT(0x5b, 0x82, 0x05, 'D', 'E', 'V', '_');
    hotram_aml_method(aml, "MTH", 3, false);
    hotram_aml_end(aml);
    EXPECT(0x14, 0x06, 'M', 'T', 'H', '_', 0x03);
    hotram_aml_method(aml, "MTH", 7, true);
    hotram_aml_end(aml);
    EXPECT(0x14, 0x06, 'M', 'T', 'H', '_', 0x0f);
    hotram_aml_if(aml);
    hotram_aml_arg(aml, 0);
    hotram_aml_end(aml);
    hotram_aml_else(aml);
    hotram_aml_end(aml);
    EXPECT(0xa0, 0x02, 0x68, 0xa1, 0x01);
    hotram_aml_while(aml);
    hotram_aml_integer(aml, 1);
    hotram_aml_op(aml, HOTRAM_AML_BREAK);
    hotram_aml_end(aml);
    EXPECT(0xa2, 0x03, 0x01, 0xa5);
    hotram_aml_name(aml, "_S5");
    hotram_aml_package(aml, 2);
    hotram_aml_integer(aml, 5);
    hotram_aml_integer(aml, 0);
    hotram_aml_end(aml);
    EXPECT(0x08, '_', 'S', '5', '_', 0x12, 0x05, 0x02, 0x0a, 0x05, 0x00);
    hotram_aml_package(aml, 256);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_method(aml, "MTH", 8, false);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
}

static void buffers_have_size_and_bytes(void **state)
{
    static uint8_t bytes[61] = { 1, 2, 3 };
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_buffer(aml, bytes, 3);
    EXPECT(0x11, 0x06, 0x0a, 0x03, 1, 2, 3);
    hotram_aml_buffer(aml, bytes, 1);
    EXPECT(0x11, 0x03, 0x01, 1);
    hotram_aml_buffer(aml, NULL, 0);
    EXPECT(0x11, 0x02, 0x00);
    hotram_aml_buffer(aml, bytes, 61); /* the first length that takes two bytes */
    assert_memory_equal(fixture->data, "\x11\x41\x04\x0a\x3d\1\2\3", 8);
    assert_int_equal(fixture->out.length, 66);
    hotram_aml_buffer(aml, NULL, 1);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_resource_template(aml);
    hotram_aml_buffer(aml, bytes, 1);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_buffer(NULL, bytes, 1);
}

/* The length that is in front of `at`, and how many bytes it takes (20.2.4). */
static uint32_t decode_length(const uint8_t *at, unsigned *count)
{
    uint32_t length = at[0] & 0x3f;

    *count = 1 + (at[0] >> 6);
    if (*count > 1)
        length = at[0] & 0x0f;
    for (unsigned i = 1; i < *count; i++)
        length |= (uint32_t)at[i] << (8 * i - 4);
    return length;
}

static void lengths_are_minimal_at_every_boundary(void **state)
{
    static const struct {
        size_t content;
        unsigned bytes;
    } cases[] = {
        { 0, 1 },    { 62, 1 },   { 63, 2 },          { 64, 2 },          { 4093, 2 },     { 4094, 3 },
        { 4095, 3 }, { 4096, 3 }, { 0xfffff - 3, 3 }, { 0xfffff - 2, 4 }, { 0x100000, 4 },
    };
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        unsigned count;
        size_t length;

        hotram_aml_else(aml);
        for (size_t n = 0; n < cases[i].content; n++)
            hotram_aml_local(aml, n % 8);
        hotram_aml_end(aml);
        assert_int_equal(hotram_aml_finish(aml, &length), HOTRAM_OK);
        assert_int_equal(decode_length(fixture->data + 1, &count), cases[i].bytes + cases[i].content);
        assert_int_equal(count, cases[i].bytes);
        assert_int_equal(length, 1 + cases[i].bytes + cases[i].content);
        for (size_t n = 0; n < cases[i].content; n++)
            assert_int_equal(fixture->data[1 + count + n], 0x60 + n % 8);
        hotram_buffer_init(&fixture->out, fixture->data, ROOM);
        hotram_aml_begin(aml, &fixture->out);
    }
}

static void nested_blocks_move_together(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;
    unsigned outer;
    unsigned inner;

    hotram_aml_scope(aml, "AAAA");
    hotram_aml_device(aml, "BBBB");
    for (unsigned i = 0; i < 100; i++)
        hotram_aml_integer(aml, 0);
    hotram_aml_end(aml);
    hotram_aml_end(aml);
    assert_int_equal(decode_length(fixture->data + 1, &outer), 114);
    assert_int_equal(outer, 2);
    assert_memory_equal(fixture->data + 3, "AAAA", 4);
    assert_int_equal(decode_length(fixture->data + 9, &inner), 106);
    assert_memory_equal(fixture->data + 11, "BBBB", 4);
    assert_int_equal(fixture->out.length, 115);
}

static void named_objects_have_their_encodings(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_operation_region(aml, "HPMR", HOTRAM_AML_SYSTEM_IO, 0xa00, 24);
    EXPECT(0x5b, 0x80, 'H', 'P', 'M', 'R', 0x01, 0x0b, 0x00, 0x0a, 0x0a, 0x18);
    hotram_aml_operation_region(aml, "HPMR", HOTRAM_AML_SYSTEM_MEMORY, 0x09070000, 24);
    EXPECT(0x5b, 0x80, 'H', 'P', 'M', 'R', 0x00, 0x0c, 0x00, 0x00, 0x07, 0x09, 0x0a, 0x18);
    hotram_aml_field(aml, "HPMR", HOTRAM_AML_DWORD_ACCESS | HOTRAM_AML_PRESERVE);
    hotram_aml_field_unit(aml, "MSEL", 32);
    hotram_aml_field_gap(aml, 160);
    hotram_aml_field_unit(aml, "F", 8);
    hotram_aml_end(aml);
    EXPECT(0x5b, 0x81, 0x13, 'H', 'P', 'M', 'R', 0x03, 'M', 'S', 'E', 'L', 0x20, 0x00, 0x40, 0x0a, 'F', '_',
           '_', '_', 0x08);
    hotram_aml_field(aml, "HPMR", HOTRAM_AML_BYTE_ACCESS | HOTRAM_AML_WRITE_AS_ZEROS);
    hotram_aml_end(aml);
    EXPECT(0x5b, 0x81, 0x06, 'H', 'P', 'M', 'R', 0x41);
    hotram_aml_create_qword_field(aml, "BUF", 14, "MIN");
    EXPECT(0x8f, 'B', 'U', 'F', '_', 0x0a, 0x0e, 'M', 'I', 'N', '_');
    hotram_aml_create_dword_field(aml, "BUF", 1, "MIN");
    EXPECT(0x8a, 'B', 'U', 'F', '_', 0x01, 'M', 'I', 'N', '_');
    hotram_aml_mutex(aml, "MLCK");
    EXPECT(0x5b, 0x01, 'M', 'L', 'C', 'K', 0x00);
    hotram_aml_acquire(aml, "MLCK");
    EXPECT(0x5b, 0x23, 'M', 'L', 'C', 'K', 0xff, 0xff);
    hotram_aml_release(aml, "MLCK");
    EXPECT(0x5b, 0x27, 'M', 'L', 'C', 'K');
}

static void field_elements_are_checked(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;
    static const char *const bad[] = { "", "ABCDE", "A.B", "\\A", "^A", "9", NULL };

    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        hotram_aml_field(aml, "HPMR", 0);
        hotram_aml_field_unit(aml, bad[i], 8);
        hotram_aml_end(aml);
        expect_status(fixture, HOTRAM_E_ARGUMENT);
    }
    hotram_aml_field(aml, "HPMR", 0);
    hotram_aml_field_unit(aml, "A", 0x10000000);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_field(aml, "HPMR", 0);
    hotram_aml_field_gap(aml, 0x10000000);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_field(aml, "HPMR", 0x100);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_field(aml, "HPMR", 0);
    hotram_aml_field_gap(aml, 0x0fffffff);
    hotram_aml_end(aml);
    EXPECT(0x5b, 0x81, 0x0b, 'H', 'P', 'M', 'R', 0x00, 0x00, 0xcf, 0xff, 0xff, 0xff);
}

static void resource_templates_have_size_and_end_tag(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_resource_template(aml);
    hotram_aml_end(aml);
    EXPECT(0x11, 0x05, 0x0a, 0x02, 0x79, 0x00);
    hotram_aml_resource_template(aml);
    hotram_aml_io(aml, 0x3f8, 0x3f8, 0, 8);
    hotram_aml_irq_no_flags(aml, 4);
    hotram_aml_end(aml);
    EXPECT(0x11, 0x10, 0x0a, 0x0d, 0x47, 0x01, 0xf8, 0x03, 0xf8, 0x03, 0x00, 0x08, 0x22, 0x10, 0x00, 0x79,
           0x00);
    hotram_aml_resource_template(aml);
    hotram_aml_memory32_fixed(aml, 0x09070000, 24);
    hotram_aml_end(aml);
    EXPECT(0x11, 0x11, 0x0a, 0x0e, 0x86, 0x09, 0x00, 0x01, 0x00, 0x00, 0x07, 0x09, 0x18, 0x00, 0x00, 0x00,
           0x79, 0x00);
    hotram_aml_resource_template(aml);
    hotram_aml_interrupt(aml, 41, HOTRAM_AML_INTERRUPT_EDGE | HOTRAM_AML_INTERRUPT_SHARED);
    hotram_aml_end(aml);
    EXPECT(0x11, 0x0e, 0x0a, 0x0b, 0x89, 0x06, 0x00, 0x0b, 0x01, 0x29, 0x00, 0x00, 0x00, 0x79, 0x00);
}

static void memory_descriptors_have_their_fields_where_the_header_says(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_resource_template(aml);
    hotram_aml_dword_memory(aml, 0x11111111, 0x22222222, 0x33333333);
    hotram_aml_end(aml);
    EXPECT(0x11, 0x1f, 0x0a, 0x1c, 0x87, 0x17, 0x00, 0x00, 0x0d, 0x03, 0, 0, 0, 0, 0x11, 0x11, 0x11, 0x11,
           0x22, 0x22, 0x22, 0x22, 0, 0, 0, 0, 0x33, 0x33, 0x33, 0x33, 0x79, 0x00);
    hotram_aml_resource_template(aml);
    hotram_aml_qword_memory(aml, UINT64_C(0x1111111111111111), UINT64_C(0x2222222222222222),
                            UINT64_C(0x3333333333333333));
    hotram_aml_end(aml);
    EXPECT(0x11, 0x33, 0x0a, 0x30, 0x8a, 0x2b, 0x00, 0x00, 0x0d, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x11,
           0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0, 0, 0, 0, 0,
           0, 0, 0, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x79, 0x00);
}

static void windows_of_a_bridge(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_resource_template(aml);
    hotram_aml_bus_window(aml, 0, 0xff);
    hotram_aml_io_window(aml, 0x6200, 0x62ff);
    hotram_aml_end(aml);
    EXPECT(0x11, 0x25, 0x0a, 0x22, 0x88, 0x0d, 0, 2, 0x0c, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 1, 0x88, 0x0d, 0,
           1, 0x0c, 3, 0, 0, 0x00, 0x62, 0xff, 0x62, 0, 0, 0, 1, 0x79, 0x00);
    hotram_aml_resource_template(aml);
    hotram_aml_memory_window(aml, 0xc0000000, 0xfebfffff);
    hotram_aml_end(aml);
    EXPECT(0x11, 0x1f, 0x0a, 0x1c, 0x87, 0x17, 0, 0, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff, 0xbf,
           0xfe, 0, 0, 0, 0, 0, 0, 0xc0, 0x3e, 0x79, 0x00);
    hotram_aml_resource_template(aml);
    hotram_aml_memory_window(aml, 0, UINT32_MAX); /* its length has 33 bits */
    hotram_aml_end(aml);
    EXPECT(0x11, 0x33, 0x0a, 0x30, 0x8a, 0x2b, 0, 0, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
           0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x79, 0x00);
}

static void windows_that_are_none(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_bus_window(aml, 0, 1);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_io_window(aml, 0, 1);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_memory_window(aml, 0, 1);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_resource_template(aml);
    hotram_aml_bus_window(aml, 2, 1);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_resource_template(aml);
    hotram_aml_io_window(aml, 0, UINT16_MAX);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_resource_template(aml);
    hotram_aml_memory_window(aml, 0, UINT64_MAX);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_resource_template(aml);
    hotram_aml_memory_window(aml, 1, 0);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_bus_window(NULL, 0, 1);
    hotram_aml_io_window(NULL, 0, 1);
    hotram_aml_memory_window(NULL, 0, 1);
}

static void descriptors_check_their_arguments(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_resource_template(aml);
    hotram_aml_irq_no_flags(aml, 16);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_resource_template(aml);
    hotram_aml_interrupt(aml, 1, 0x10);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
    hotram_aml_resource_template(aml);
    hotram_aml_interrupt(aml, 1, 1);
    expect_status(fixture, HOTRAM_E_ARGUMENT);
}

static void a_large_template_has_a_large_size(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_resource_template(aml);
    for (unsigned i = 0; i < 40; i++)
        hotram_aml_io(aml, 0, 0, 0, 1);
    hotram_aml_end(aml);
    assert_int_equal(hotram_aml_finish(aml, NULL), HOTRAM_OK);
    assert_memory_equal(fixture->data, "\x11\x47\x14\x0b\x42\x01\x47", 7);
    assert_int_equal(fixture->out.length, 1 + 2 + 3 + 322);
}

static void nesting_is_checked(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_end(aml);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_if(aml);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_if(aml);
    hotram_aml_end(aml);
    hotram_aml_end(aml);
    expect_status(fixture, HOTRAM_E_NESTING);
    for (unsigned i = 0; i < HOTRAM_AML_DEPTH; i++)
        hotram_aml_else(aml);
    for (unsigned i = 0; i < HOTRAM_AML_DEPTH; i++)
        hotram_aml_end(aml);
    assert_int_equal(hotram_aml_finish(aml, NULL), HOTRAM_OK);
    for (unsigned i = 0; i < HOTRAM_AML_DEPTH; i++)
        hotram_aml_else(aml);
    hotram_aml_scope(aml, "A");
    for (unsigned i = 0; i <= HOTRAM_AML_DEPTH; i++)
        hotram_aml_end(aml);
    expect_status(fixture, HOTRAM_E_NESTING);
    for (unsigned i = 0; i < HOTRAM_AML_DEPTH; i++)
        hotram_aml_package(aml, 1);
    hotram_aml_package(aml, 1);
    expect_status(fixture, HOTRAM_E_NESTING);
}

static void things_stand_only_where_they_belong(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml *aml = &fixture->aml;

    hotram_aml_field_unit(aml, "A", 8);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_field_gap(aml, 8);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_io(aml, 0, 0, 0, 1);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_irq_no_flags(aml, 0);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_memory32_fixed(aml, 0, 1);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_dword_memory(aml, 0, 0, 1);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_qword_memory(aml, 0, 0, 1);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_interrupt(aml, 0, 0);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_resource_template(aml);
    hotram_aml_integer(aml, 0);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_resource_template(aml);
    hotram_aml_if(aml);
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_field(aml, "A", 0);
    hotram_aml_device(aml, "B");
    expect_status(fixture, HOTRAM_E_NESTING);
    hotram_aml_field(aml, "A", 0);
    hotram_aml_io(aml, 0, 0, 0, 1);
    expect_status(fixture, HOTRAM_E_NESTING);
}

/* Call every function once; with a good writer the result is valid nesting. */
static void call_all(struct hotram_aml *aml)
{
    hotram_aml_scope(aml, "\\_SB");
    hotram_aml_device(aml, "DEV");
    hotram_aml_name(aml, "_UID");
    hotram_aml_string(aml, "a string");
    hotram_aml_eisaid(aml, "PNP0C80");
    hotram_aml_operation_region(aml, "R", HOTRAM_AML_SYSTEM_IO, 0xa00, 24);
    hotram_aml_field(aml, "R", HOTRAM_AML_DWORD_ACCESS);
    hotram_aml_field_unit(aml, "A", 32);
    hotram_aml_field_gap(aml, 64);
    hotram_aml_end(aml);
    hotram_aml_mutex(aml, "M");
    hotram_aml_method(aml, "F", 1, true);
    hotram_aml_acquire(aml, "M");
    hotram_aml_create_qword_field(aml, "B", 1, "C");
    hotram_aml_create_dword_field(aml, "B", 1, "D");
    hotram_aml_while(aml);
    hotram_aml_arg(aml, 0);
    hotram_aml_if(aml);
    hotram_aml_local(aml, 0);
    hotram_aml_op(aml, HOTRAM_AML_BREAK);
    hotram_aml_end(aml);
    hotram_aml_else(aml);
    hotram_aml_no_target(aml);
    hotram_aml_end(aml);
    hotram_aml_end(aml);
    hotram_aml_release(aml, "M");
    hotram_aml_end(aml);
    hotram_aml_package(aml, 1);
    hotram_aml_integer(aml, 0x12345678);
    hotram_aml_path(aml, "^X.Y");
    hotram_aml_end(aml);
    hotram_aml_resource_template(aml);
    hotram_aml_io(aml, 1, 1, 1, 1);
    hotram_aml_irq_no_flags(aml, 1);
    hotram_aml_memory32_fixed(aml, 1, 1);
    hotram_aml_dword_memory(aml, 1, 1, 1);
    hotram_aml_qword_memory(aml, 1, 1, 1);
    hotram_aml_interrupt(aml, 1, 0);
    hotram_aml_end(aml);
    hotram_aml_end(aml);
    hotram_aml_end(aml);
}

static void a_missing_writer_or_buffer_is_harmless(void **state)
{
    struct fixture *fixture = *state;
    struct hotram_aml aml;
    size_t length = 77;

    assert_int_equal(hotram_aml_begin(NULL, &fixture->out), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_aml_begin(NULL, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_aml_begin(&aml, NULL), HOTRAM_E_ARGUMENT);
    call_all(NULL);
    call_all(&aml);
    assert_int_equal(hotram_aml_finish(&aml, &length), HOTRAM_E_ARGUMENT);
    assert_int_equal(length, 0);
    assert_int_equal(hotram_aml_finish(NULL, &length), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_aml_finish(NULL, NULL), HOTRAM_E_ARGUMENT);
}

static void at_every_capacity_nothing_is_written_beyond_it(void **state)
{
    struct fixture *fixture = *state;
    size_t needed;

    call_all(&fixture->aml);
    assert_int_equal(hotram_aml_finish(&fixture->aml, &needed), HOTRAM_OK);
    for (size_t capacity = 0; capacity <= needed + 1; capacity++) {
        uint8_t *data = malloc(capacity + 64);
        struct hotram_buffer out;
        struct hotram_aml aml;
        size_t length;

        memset(data, 0xdd, capacity + 64);
        assert_int_equal(hotram_buffer_init(&out, capacity ? data : NULL, capacity), HOTRAM_OK);
        hotram_aml_begin(&aml, &out);
        call_all(&aml);
        assert_int_equal(hotram_aml_finish(&aml, &length), capacity < needed ? HOTRAM_E_BUFFER : HOTRAM_OK);
        assert_int_equal(length, needed);
        assert_int_equal(out.length, needed);
        if (capacity >= needed)
            assert_memory_equal(data, fixture->data, needed);
        for (size_t i = capacity; i < capacity + 64; i++)
            assert_int_equal(data[i], 0xdd);
        free(data);
    }
}

static void a_writer_s_own_error_outweighs_a_full_buffer(void **state)
{
    struct hotram_buffer out;
    struct hotram_aml aml;

    (void)state;
    hotram_buffer_init(&out, NULL, 0);
    hotram_aml_begin(&aml, &out);
    hotram_aml_integer(&aml, 5);
    hotram_aml_end(&aml);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_E_NESTING);
}

static void a_block_of_2_to_the_28_bytes_is_refused(void **state)
{
    struct hotram_buffer out;
    struct hotram_aml aml;

    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        hotram_buffer_init(&out, NULL, 0);
        hotram_aml_begin(&aml, &out);
        hotram_aml_if(&aml);
        out.length += 0x0fffffff - 4 + over; /* as if so much had been written */
        hotram_aml_end(&aml);
        assert_int_equal(hotram_aml_finish(&aml, NULL), over ? HOTRAM_E_ARGUMENT : HOTRAM_E_BUFFER);
    }
}

static void aml_may_follow_other_bytes(void **state)
{
    uint8_t data[8];
    struct hotram_buffer out;
    struct hotram_aml aml;
    size_t length;

    (void)state;
    hotram_buffer_init(&out, data, sizeof data);
    hotram_buffer_u32(&out, 0x11223344);
    hotram_aml_begin(&aml, &out);
    hotram_aml_if(&aml);
    hotram_aml_integer(&aml, 1);
    hotram_aml_end(&aml);
    assert_int_equal(hotram_aml_finish(&aml, &length), HOTRAM_OK);
    assert_int_equal(length, 3);
    assert_memory_equal(data, "\x44\x33\x22\x11\xa0\x02\x01", 7);
}

static void buffers_count_what_does_not_fit(void **state)
{
    uint8_t data[4] = { 0xee, 0xee, 0xee, 0xee };
    struct hotram_buffer buffer;

    (void)state;
    assert_int_equal(hotram_buffer_init(NULL, data, 4), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_buffer_init(&buffer, NULL, 1), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_buffer_status(NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_buffer_init(&buffer, data, 3), HOTRAM_OK);
    hotram_buffer_u16(&buffer, 0x1122);
    assert_int_equal(hotram_buffer_status(&buffer), HOTRAM_OK);
    hotram_buffer_u64(&buffer, UINT64_C(0x8877665544332211));
    assert_int_equal(hotram_buffer_status(&buffer), HOTRAM_E_BUFFER);
    assert_int_equal(buffer.length, 10);
    assert_memory_equal(data, "\x22\x11\x11\xee", 4);
    hotram_buffer_align(&buffer, 8);
    assert_int_equal(buffer.length, 16);
    hotram_buffer_align(&buffer, 8);
    hotram_buffer_align(&buffer, 0);
    hotram_buffer_align(&buffer, 3);
    hotram_buffer_bytes(&buffer, NULL, 5);
    assert_int_equal(buffer.length, 16);
    buffer.length = SIZE_MAX - 1;
    hotram_buffer_zeros(&buffer, 5);
    assert_int_equal(buffer.length, SIZE_MAX);
    hotram_buffer_align(&buffer, 8);
    assert_int_equal(hotram_buffer_status(&buffer), HOTRAM_E_BUFFER);
    hotram_buffer_u8(NULL, 1);
    hotram_buffer_u16(NULL, 1);
    hotram_buffer_u32(NULL, 1);
    hotram_buffer_u64(NULL, 1);
    hotram_buffer_bytes(NULL, data, 4);
    hotram_buffer_zeros(NULL, 4);
    hotram_buffer_align(NULL, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(integers_take_the_shortest_encoding, setup, teardown),
        cmocka_unit_test_setup_teardown(paths_become_name_strings, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_a_path_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_has_at_most_255_segments, setup, teardown),
        cmocka_unit_test_setup_teardown(strings_end_with_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(hardware_ids_are_compressed, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments_and_locals_have_their_opcodes, setup, teardown),
        cmocka_unit_test_setup_teardown(operators_come_before_their_operands, setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_carry_their_length, setup, teardown),
        cmocka_unit_test_setup_teardown(buffers_have_size_and_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(lengths_are_minimal_at_every_boundary, setup, teardown),
        cmocka_unit_test_setup_teardown(nested_blocks_move_together, setup, teardown),
        cmocka_unit_test_setup_teardown(named_objects_have_their_encodings, setup, teardown),
        cmocka_unit_test_setup_teardown(field_elements_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(resource_templates_have_size_and_end_tag, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_descriptors_have_their_fields_where_the_header_says, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(windows_of_a_bridge, setup, teardown),
        cmocka_unit_test_setup_teardown(windows_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(descriptors_check_their_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_template_has_a_large_size, setup, teardown),
        cmocka_unit_test_setup_teardown(nesting_is_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(things_stand_only_where_they_belong, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_writer_or_buffer_is_harmless, setup, teardown),
        cmocka_unit_test_setup_teardown(at_every_capacity_nothing_is_written_beyond_it, setup, teardown),
        cmocka_unit_test(a_writer_s_own_error_outweighs_a_full_buffer),
        cmocka_unit_test(a_block_of_2_to_the_28_bytes_is_refused),
        cmocka_unit_test(aml_may_follow_other_bytes),
        cmocka_unit_test(buffers_count_what_does_not_fit),
    };

    return cmocka_run_group_tests_name("aml", tests, NULL, NULL);
}
