/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams of saved states: what is written is read, and nothing else is.
 */
#include "../unit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "state/stream.h"

#define ROOM 8192

static struct stream_writer writer;
static uint8_t bytes[ROOM];

/* A stream of one section, between a state of another kind. */
static size_t make(void)
{
    static const uint8_t raw[3] = { 0, 0xff, 7 };
    struct hotram_buffer out;
    struct error error;

    assert_int_equal(hotram_buffer_init(&out, bytes, sizeof bytes), HOTRAM_OK);
    stream_begin(&writer, &out, "hotram test");
    assert_int_equal(hotram_state_wrap(HOTRAM_STATE_OWN + 1, 3, raw, sizeof raw, &out), HOTRAM_OK);
    stream_open(&writer, "machine");
    stream_number(&writer, "cpus", 0x123456789abcdef0);
    stream_text(&writer, "type", "hotram-1\n");
    stream_bytes(&writer, "raw", raw, sizeof raw);
    stream_bytes(&writer, "nothing", NULL, 0);
    assert_true(stream_close(&writer, &error));
    assert_true(stream_end(&writer, NULL));
    assert_int_equal(hotram_buffer_status(&out), HOTRAM_OK);
    return out.length;
}

static void what_is_written_is_read(void **state)
{
    const size_t length = make();
    struct hotram_saved stream, rest;
    struct stream_part part;
    struct stream_item item;
    struct error error;
    uint64_t number;
    uint8_t raw[3];

    (void)state;
    bytes[length] = 0x55; /* what follows is not the stream's */
    assert_true(stream_accept(bytes, length + 1, &stream, &error));
    assert_int_equal(stream.length, length);
    rest = stream;
    assert_true(stream_next(&rest, &part));
    assert_string_equal(part.name, "stream");
    assert_true(stream_next(&rest, &part));
    assert_int_equal(part.kind, HOTRAM_STATE_OWN + 1);
    assert_int_equal(part.version, 3);
    assert_string_equal(part.name, "");
    assert_int_equal(part.contents.length, 3);
    assert_true(stream_find(&stream, "machine", &part, &error));
    assert_true(stream_get(&part, "cpus", UINT64_MAX, &number, &error));
    assert_true(number == 0x123456789abcdef0);
    assert_false(stream_get(&part, "cpus", 5, &number, &error));
    assert_non_null(strstr(error.text, "'cpus' is 1311768467463790320, and at most 5 is possible"));
    assert_true(stream_find_item(&part, "type", STREAM_TEXT, &item, &error));
    assert_int_equal(item.length, 9);
    assert_memory_equal(item.value, "hotram-1?", 9);
    assert_true(stream_get_bytes(&part, "raw", raw, 3, &error));
    assert_int_equal(raw[1], 0xff);
    assert_false(stream_get_bytes(&part, "raw", raw, 2, &error));
    assert_true(stream_get_bytes(&part, "nothing", raw, 0, &error));
    assert_false(stream_find_item(&part, "raw", STREAM_TEXT, &item, &error));
    assert_non_null(strstr(error.text, "no item 'raw' of type 2"));
    assert_false(stream_find(&stream, "cpu 0", &part, &error));
    assert_non_null(strstr(error.text, "no section 'cpu 0'"));
}

static void every_change_and_every_end_is_noticed(void **state)
{
    const size_t length = make();
    struct hotram_saved stream;
    struct error error;

    (void)state;
    for (size_t shorter = 0; shorter < length; shorter++)
        assert_false(stream_accept(bytes, shorter, &stream, &error));
    for (size_t i = 0; i < 8 * length; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_false(stream_accept(bytes, length, &stream, &error));
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    assert_true(stream_accept(bytes, length, &stream, &error));
}

/* ---- streams that only a forger writes: each state has a valid frame ---- */

static struct hotram_buffer forged;

static void begin(void)
{
    assert_int_equal(hotram_buffer_init(&forged, bytes, sizeof bytes), HOTRAM_OK);
    stream_begin(&writer, &forged, "forger");
}

static void add(const char *contents, size_t length, uint16_t version)
{
    assert_int_equal(hotram_state_wrap(STREAM_KIND, version, (const uint8_t *)contents, length, &forged),
                     HOTRAM_OK);
}

static void refused(const char *words)
{
    struct hotram_saved stream;
    struct error error;

    assert_true(stream_end(&writer, NULL));
    assert_int_equal(hotram_buffer_status(&forged), HOTRAM_OK);
    assert_false(stream_accept(bytes, forged.length, &stream, &error));
    if (!strstr(error.text, words))
        fail_msg("not '%s': %s", words, error.text);
}

static void forged_sections_are_refused(void **state)
{
    static const struct {
        const char *contents;
        size_t length;
        const char *words;
    } rows[] = {
        { "", 0, "no valid name" },
        { "\0", 1, "no valid name" },
        { "\5abc", 4, "no valid name" },
        { "\3a\nb", 4, "no valid name" },
        { "\1s\1\1", 4, "section 's': an item has no valid name" },
        { "\1s\1\0\0\0\0\0", 8, "section 's': an item has no valid name" },
        { "\1s\3\1\5\0\0\0iabc", 12, "item 'i' has 5 bytes, and the section ends after 3" },
        { "\1s\3\1\xff\xff\xff\xffi", 9, "item 'i' has 4294967295 bytes" },
        { "\1s\1\1\1\0\0\0i1", 10, "number 'i' has 1 bytes instead of 8" },
        { "\1s\2\1\1\0\0\0i\x1b", 10, "text 'i' contains a control character" },
        { "\1s\7\1\1\0\0\0i1", 10, "item 'i' is of type 7" },
        { "\1s\3\1\1\0\0\0i1\3\1\0\0\0\0i", 17, "section 's': item 'i' is there twice" },
        { "\6stream", 7, "section 'stream' is there twice" },
        { "\3end", 4, "section 'end' of the saved state has no item 'states'" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin();
        add(rows[i].contents, rows[i].length, 1);
        refused(rows[i].words);
    }
    begin();
    add("\1s", 2, 2);
    refused("section 's' is of version 2");
    begin();
    stream_open(&writer, "end");
    stream_number(&writer, "states", 7);
    stream_number(&writer, "length", forged.length);
    assert_true(stream_close(&writer, NULL));
    refused("the end follows 1 states");
}

static void other_beginnings_are_refused(void **state)
{
    (void)state;
    assert_int_equal(hotram_buffer_init(&forged, bytes, sizeof bytes), HOTRAM_OK);
    writer.out = &forged;
    refused("does not begin with the section 'stream'");
    assert_int_equal(hotram_buffer_init(&forged, bytes, sizeof bytes), HOTRAM_OK);
    stream_open(&writer, "stream");
    stream_number(&writer, "version", STREAM_VERSION + 1);
    assert_true(stream_close(&writer, NULL));
    refused("the stream is of version 2, and this program reads version 1");
}

/* ---- comparison ---- */

static void section_with(struct stream_part *part, const char *name, uint64_t number, const char *extra)
{
    static struct {
        uint8_t bytes[256];
    } rooms[4];
    static unsigned next;
    struct hotram_buffer out;
    struct hotram_saved rest;

    assert_int_equal(hotram_buffer_init(&out, rooms[next++ % COUNT_OF(rooms)].bytes, 256), HOTRAM_OK);
    writer.out = &out;
    stream_open(&writer, "machine");
    stream_text(&writer, "type", "hotram-1");
    stream_number(&writer, name, number);
    if (extra)
        stream_text(&writer, extra, "x");
    assert_true(stream_close(&writer, NULL));
    rest = (struct hotram_saved){ out.data, out.length };
    assert_true(stream_next(&rest, part));
}

static void both_values_are_named(void **state)
{
    struct stream_part one, other;
    struct error error;

    (void)state;
    section_with(&one, "cpus", 2, NULL);
    section_with(&other, "cpus", 2, NULL);
    assert_true(stream_same(&one, &other, &error));
    section_with(&other, "cpus", 4, NULL);
    assert_false(stream_same(&one, &other, &error));
    assert_string_equal(error.text,
                        "machine: 'cpus' is 2 (0x2) in the saved state, and 4 (0x4) in this machine");
    section_with(&other, "cpus", 2, "dimm");
    assert_false(stream_same(&one, &other, &error));
    assert_string_equal(error.text, "machine: 'dimm' is 'x' in this machine, and the saved state has none");
    assert_false(stream_same(&other, &one, &error));
    assert_string_equal(error.text, "machine: 'dimm' is 'x' in the saved state, and this machine has none");
}

static void too_much_for_a_section_is_an_error(void **state)
{
    static const uint8_t much[STREAM_SECTION_MAX];
    struct error error;

    (void)state;
    begin();
    stream_open(&writer, "big");
    stream_bytes(&writer, "b", much, sizeof much);
    assert_false(stream_close(&writer, &error));
    assert_string_equal(error.text,
                        "section 'big' of the saved state has 65547 bytes; at most 65536 are possible");
}

/* ---- files ---- */

/* What is read of a file that begins with these bytes and has so many in all. */
static uint8_t *read_back(const void *begin, size_t length, off_t size, size_t *got)
{
    const int fd = memfd_create("stream", MFD_CLOEXEC);
    uint8_t *read;

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, begin, length, 0), length);
    assert_int_equal(ftruncate(fd, size), 0);
    read = stream_read_file(fd, got);
    close(fd);
    return read;
}

static void memory_behind_a_stream_is_not_read(void **state)
{
    const size_t length = make();
    struct hotram_saved stream;
    struct error error;
    size_t got;
    uint8_t *read = read_back(bytes, length, (off_t)1 << 30, &got);

    (void)state;
    assert_true(stream_accept(read, got, &stream, &error));
    assert_int_equal(stream.length, length);
    assert_in_range(got, length, 128 << 10);
    free(read);
    read = read_back(bytes, length, (off_t)length, &got); /* nothing follows */
    assert_int_equal(got, length);
    free(read);
    read = read_back(bytes, 0, 0, &got);
    assert_int_equal(got, 0);
    free(read);
}

static void all_of_a_long_stream_is_read(void **state)
{
    enum { COUNT = 5, EACH = 60000, SIZE = COUNT * (EACH + 100) + 200 };
    static uint8_t filler[EACH];
    uint8_t *const many = malloc(SIZE);
    struct hotram_saved stream;
    struct hotram_buffer out;
    struct error error;
    uint8_t *read;
    size_t got;

    (void)state;
    assert_int_equal(hotram_buffer_init(&out, many, SIZE), HOTRAM_OK);
    stream_begin(&writer, &out, "hotram test");
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(hotram_state_wrap(HOTRAM_STATE_OWN + 1, 1, filler, EACH, &out), HOTRAM_OK);
    assert_true(stream_end(&writer, &error));
    assert_int_equal(hotram_buffer_status(&out), HOTRAM_OK);
    read = read_back(many, out.length, (off_t)1 << 30, &got);
    assert_true(stream_accept(read, got, &stream, &error));
    assert_int_equal(stream.length, out.length);
    free(read);
    free(many);
}

/* No more than the limit is read, whatever a frame says of its length. */
static void lengths_are_not_trusted(void **state)
{
    static const uint32_t lengths[] = { 0, 11, 12, 1 << 20, STREAM_SIZE_MAX, UINT32_MAX };

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const uint8_t frame[12] = { 'H',
                                    'R',
                                    'S',
                                    'T',
                                    0,
                                    0,
                                    0,
                                    0,
                                    (uint8_t)lengths[i],
                                    (uint8_t)(lengths[i] >> 8),
                                    (uint8_t)(lengths[i] >> 16),
                                    (uint8_t)(lengths[i] >> 24) };
        size_t got;
        uint8_t *const read = read_back(frame, sizeof frame, (off_t)1 << 30, &got);

        assert_non_null(read);
        assert_in_range(got, sizeof frame, STREAM_SIZE_MAX);
        free(read);
    }
}

static void what_cannot_be_read_is_an_error(void **state)
{
    size_t got;

    (void)state;
    assert_null(stream_read_file(-1, &got));
    assert_int_equal(errno, EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_change_and_every_end_is_noticed),
        cmocka_unit_test(forged_sections_are_refused),
        cmocka_unit_test(other_beginnings_are_refused),
        cmocka_unit_test(both_values_are_named),
        cmocka_unit_test(too_much_for_a_section_is_an_error),
        cmocka_unit_test(memory_behind_a_stream_is_not_read),
        cmocka_unit_test(all_of_a_long_stream_is_read),
        cmocka_unit_test(lengths_are_not_trusted),
        cmocka_unit_test(what_cannot_be_read_is_an_error),
    };

    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
