/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pictures of the address space. What a row of text shows is held against the ranges themselves, by code
 * that shares nothing with the drawing.
 */
#include "../unit.h"

#include <json-c/json_object.h>
#include <json-c/json_tokener.h>

#include "base/error.h"
#include "base/props.h"
#include "base/result.h"
#include "map/svg.h"
#include "map/text.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define COLUMNS 80u
#define COLUMNS_MAX 300u

/* ---- maps ---- */

static uint64_t end_of(struct json_object *map)
{
    struct json_object *ranges = json_object_object_get(map, "ranges");
    size_t count = json_object_array_length(ranges);
    struct json_object *last = count > 0 ? json_object_array_get_idx(ranges, count - 1) : NULL;

    return last ? get_number(last, "start") + get_number(last, "size") : 0;
}

static struct json_object *add_range(struct json_object *map, uint64_t size, const char *type)
{
    struct json_object *range = json_object_new_object();

    add_number(range, "start", end_of(map));
    add_number(range, "size", size);
    add_string(range, "type", type);
    json_object_array_add(json_object_object_get(map, "ranges"), range);
    return range;
}

static void add_dimm(struct json_object *map, uint64_t size, unsigned slot, const char *id, const char *state)
{
    struct json_object *range = add_range(map, size, "dimm");

    add_number(range, "slot", slot);
    add_number(range, "node", slot % 2);
    if (id)
        add_string(range, "id", id);
    add_string(range, "state", state);
}

static struct json_object *new_map(uint64_t ram, unsigned slots)
{
    struct json_object *map = json_object_new_object();

    add_number(map, "ram", ram);
    json_object_object_add(map, "ranges", json_object_new_array());
    add_string(add_range(map, ram, "ram"), "memdev", "hotram.ram");
    if (ram < 4 * GIB)
        add_range(map, 4 * GIB - ram, "hole");
    if (slots > 0) {
        struct json_object *pair = json_object_new_object();

        add_number(pair, "total", slots);
        add_number(pair, "free", 1);
        json_object_object_add(map, "slots", pair);
        json_object_object_add(map, "capacity", json_object_get(pair));
    }
    return map;
}

/* The last range is the largest gap. */
static void add_largest(struct json_object *map, uint64_t size)
{
    struct json_object *gap = json_object_new_object();

    add_number(gap, "start", end_of(map));
    add_number(gap, "size", size);
    json_object_object_add(map, "largest-free", gap);
    add_range(map, size, "free");
}

static char *draw(struct json_object *map, bool unicode, unsigned columns)
{
    struct text out = { 0 };

    map_text(&out, map, unicode, columns);
    assert_false(out.failed);
    return out.bytes;
}

/* ---- what must be true of every picture ---- */

static size_t characters(const char *string, size_t length)
{
    size_t count = 0;

    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)string[i] & 0xc0) != 0x80;
    return count;
}

/* No line is too long, and a terminal can show everything. */
static void check_lines(const char *text, bool unicode, unsigned columns)
{
    while (*text) {
        size_t length = strcspn(text, "\n");

        assert_int_equal(text[length], '\n');
        if (characters(text, length) > columns)
            fail_msg("too long: %.*s", (int)length, text);
        for (size_t i = 0; i < length; i++)
            if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f ||
                (!unicode && (unsigned char)text[i] >= 0x80))
                fail_msg("not to be shown: %.*s", (int)length, text);
        text += length + 1;
    }
}

static char sign_of(struct json_object *map, struct json_object *range)
{
    static const char *const table[][3] = {
        { "ram", "", "#" },          { "hole", "", "-" },         { "dimm", "in-use", "=" },
        { "dimm", "plugging", ">" }, { "dimm", "removing", "<" }, { "dimm", "refused", "!" },
        { "reserved", "", "o" },     { "memslot", "", "_" },      { "free", "", "." },
    };
    struct json_object *largest = json_object_object_get(map, "largest-free");

    if (largest && get_number(largest, "start") == get_number(range, "start"))
        return ':';
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(get_string(range, "type"), table[i][0]) == 0 &&
            strcmp(get_string(range, "state"), table[i][1]) == 0)
            return table[i][2][0];
    return '?';
}

/* How much of [start, end) is in a range. */
static uint64_t part_in(struct json_object *range, uint64_t start, uint64_t end)
{
    uint64_t from = get_number(range, "start");
    uint64_t to = from + get_number(range, "size");

    from = from < start ? start : from;
    to = to > end ? end : to;
    return to > from ? to - from : 0;
}

/* A cell, and the range of which there is most in it has this many bytes there. */
struct cell {
    uint64_t start;
    uint64_t most;
    char sign;
};

static bool stands_for(struct json_object *map, const struct cell *cell, uint64_t size,
                       struct json_object *range)
{
    bool slot = cell->sign >= '0' && cell->sign <= '9' && json_object_object_get(range, "slot");

    return part_in(range, cell->start, cell->start + size) == cell->most && cell->most > 0 &&
           (slot || cell->sign == sign_of(map, range));
}

/* A sign stands for a range of which there is no less in the cell than of any other. */
static struct cell check_cell(struct json_object *map, char sign, uint64_t start, uint64_t size)
{
    struct json_object *ranges = json_object_object_get(map, "ranges");
    struct cell cell = { .start = start, .sign = sign };
    unsigned inside = 0;
    bool found = false;

    for (size_t i = 0; i < json_object_array_length(ranges); i++) {
        uint64_t part = part_in(json_object_array_get_idx(ranges, i), start, start + size);

        inside += part > 0;
        cell.most = part > cell.most ? part : cell.most;
    }
    for (size_t i = 0; i < json_object_array_length(ranges); i++)
        found |= cell.most > 0 && stands_for(map, &cell, size, json_object_array_get_idx(ranges, i));
    if (sign == ' ' ? cell.most > 0 : sign == '+' ? inside < 2 : !found)
        fail_msg("'%c' at 0x%llx, cell 0x%llx", sign, (unsigned long long)start, (unsigned long long)size);
    return cell;
}

/* Every range is to be seen, or it is said that something is hidden where it is. */
static void check_all_seen(struct json_object *map, const struct cell *cells, size_t count, uint64_t size)
{
    struct json_object *ranges = json_object_object_get(map, "ranges");

    for (size_t i = 0; i < json_object_array_length(ranges); i++) {
        struct json_object *range = json_object_array_get_idx(ranges, i);
        bool seen = false;

        for (size_t j = 0; j < count && !seen; j++)
            seen = stands_for(map, &cells[j], size, range) ||
                   (cells[j].sign == '+' && part_in(range, cells[j].start, cells[j].start + size) > 0);
        if (!seen && !strchr("-.:", sign_of(map, range))) /* of emptiness all may be left out */
            fail_msg("nothing is to be seen of 0x%llx", (unsigned long long)get_number(range, "start"));
    }
}

/* What is not drawn is empty, and all of one range. Returns how much. */
static uint64_t check_left_out(struct json_object *map, const char *line, uint64_t start)
{
    struct json_object *ranges = json_object_object_get(map, "ranges");
    struct error error;
    char size[40];
    uint64_t bytes;

    assert_int_equal(sscanf(line, "~~~ %39[^\n]", size), 1);
    *strstr(size, " of ") = '\0';
    memmove(strchr(size, ' '), strchr(size, ' ') + 1, strlen(strchr(size, ' ')));
    if (strstr(size, "byte"))
        *strstr(size, "byte") = '\0';
    assert_true(size_parse(size, 1, &bytes, &error));
    for (size_t i = 0; i < json_object_array_length(ranges); i++) {
        struct json_object *range = json_object_array_get_idx(ranges, i);

        if (part_in(range, start, start + bytes) != bytes)
            continue;
        assert_non_null(strchr("-.:", sign_of(map, range)));
        return bytes;
    }
    fail_msg("a break from 0x%llx of 0x%llx hides something", (unsigned long long)start,
             (unsigned long long)bytes);
    return 0;
}

/* All rows, one behind the other, are the address space. */
static void check_bar(struct json_object *map, const char *text)
{
    const char *scale = strstr(text, "\nA character represents ");
    uint64_t at = 0;
    uint64_t cell;
    struct cell *cells_seen = calloc(20 * COLUMNS_MAX, sizeof *cells_seen);
    size_t count = 0;
    unsigned rows = 0;
    size_t width = 0;
    struct error error;
    char size[40];

    assert_int_equal(sscanf(scale, "\nA character represents %39[^,]", size), 1);
    memmove(strchr(size, ' '), strchr(size, ' ') + 1, strlen(strchr(size, ' ')));
    if (strstr(size, "byte"))
        *strstr(size, "byte") = '\0';
    assert_true(size_parse(size, 1, &cell, &error));
    for (const char *line = strstr(text, "\n\n") + 2; line <= scale; line = strchr(line, '\n') + 1, rows++) {
        const char *cells = strchr(line, ' ') + 1;

        assert_int_equal(strtoull(line, NULL, 16), at);
        if (*cells == '~') {
            at += check_left_out(map, cells, at);
            continue;
        }
        assert_int_equal(*cells, '|');
        if (width == 0)
            width = strcspn(cells + 1, "|");
        assert_int_equal(strcspn(cells + 1, "|"), width);
        for (size_t i = 0; i < width; i++, at += cell)
            cells_seen[count++] = check_cell(map, cells[1 + i], at, cell);
        assert_true(rows < 20);
    }
    assert_true(at >= end_of(map));
    check_all_seen(map, cells_seen, count, cell);
    free(cells_seen);
}

/* Every range is in the table: address, slot, id. */
static void check_table(struct json_object *map, const char *text)
{
    struct json_object *ranges = json_object_object_get(map, "ranges");
    const char *line = strstr(text, "\naddress") + 1;

    for (size_t i = 0; i < json_object_array_length(ranges); i++) {
        struct json_object *range = json_object_array_get_idx(ranges, i);
        char size[SIZE_TEXT_MAX];
        char number[40];
        char unit[16];
        char what[16];
        char copy[100];
        unsigned long long start;
        unsigned long long slot;

        line = strchr(line, '\n') + 1;
        snprintf(copy, sizeof copy, "%.*s", (int)strcspn(line, "\n"), line);
        assert_true(sscanf(copy, "%llx %39s %15s %15s %llu", &start, number, unit, what, &slot) >=
                    (json_object_object_get(range, "slot") ? 5 : 4));
        assert_int_equal(start, get_number(range, "start"));
        size_text(get_number(range, "size"), size);
        assert_memory_equal(size, number, strlen(number));
        if (json_object_object_get(range, "slot"))
            assert_int_equal(slot, get_number(range, "slot"));
        if (json_object_object_get(range, "id") && strlen(get_string(range, "id")) < 20)
            assert_non_null(strstr(copy, get_string(range, "id")));
    }
}

static void check(struct json_object *map)
{
    char *ascii = draw(map, false, COLUMNS);
    char *unicode = draw(map, true, COLUMNS);
    struct text svg = { 0 };

    check_lines(ascii, false, COLUMNS);
    check_lines(unicode, true, COLUMNS);
    check_bar(map, ascii);
    check_table(map, ascii);
    map_svg(&svg, map);
    assert_false(svg.failed);
    free(ascii);
    free(unicode);
    text_free(&svg);
}

/* ---- tests ---- */

static void expect(struct json_object *map, bool unicode, const char *wanted)
{
    char *text = draw(map, unicode, COLUMNS);

    assert_string_equal(text, wanted);
    free(text);
    json_object_put(map);
}

static struct json_object *every_state(void)
{
    struct json_object *map = new_map(GIB, 8);
    struct json_object *range;

    add_dimm(map, 256 * MIB, 1, "d0", "plugging");
    add_dimm(map, 512 * MIB, 2, "d1", "in-use");
    add_dimm(map, GIB, 3, "d2", "removing");
    add_dimm(map, 512 * MIB, 104, NULL, "refused");
    add_range(map, 1792 * MIB, "free");
    range = add_range(map, 512 * MIB, "memslot");
    add_number(range, "slot", 0);
    add_string(range, "id", "hot1");
    range = add_range(map, 512 * MIB, "reserved");
    add_number(range, "slot", 5);
    add_string(range, "id", "d5");
    add_largest(map, 16 * GIB);
    return map;
}

static void test_every_state(void **state)
{
    (void)state;
    expect(every_state(), true,
           "RAM at start: 1 GiB; 4 DIMMs: 2.25 GiB\n"
           "Free: 1 of 8 slots; 1 byte of 8 bytes\n"
           "Largest gap: 16 GiB at 0x240000000\n"
           "Largest DIMM that fits: 0 bytes\n"
           "\n"
           "0x000000000 │▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓················································│\n"
           "0x100000000 │1▄▄▄2███████3▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀104▚▚▚▚▚░░░░░░░░░░░░░░░░░░░░░░░░░░░░│\n"
           "0x200000000 │0▁▁▁▁▁▁▁5▂▂▂▂▂▂▂▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒│\n"
           "0x300000000 ≈≈≈ 13 GiB of largest free gap, not drawn ≈≈≈\n"
           "A character represents 64 MiB, a line 4 GiB.\n"
           "▓ RAM at start  · hole  █ DIMM in use  ▄ DIMM plugging  ▀ DIMM removing\n"
           "▚ DIMM, removal refused  ▂ reserved for a DIMM whose memory is being allocated\n"
           "▁ reserved for a memslot  ░ free  ▒ largest free gap  0-9 slot\n"
           "\n"
           "address            size  what    slot node  state     id\n"
           "0x000000000       1 GiB  RAM                          hotram.ram\n"
           "0x040000000       3 GiB  hole\n"
           "0x100000000     256 MiB  DIMM       1    1  plugging  d0\n"
           "0x110000000     512 MiB  DIMM       2    0  in use    d1\n"
           "0x130000000       1 GiB  DIMM       3    1  removing  d2\n"
           "0x170000000     512 MiB  DIMM     104    0  refused   (no id)\n"
           "0x190000000    1.75 GiB  free\n"
           "0x200000000     512 MiB  memslot    0       empty     hot1\n"
           "0x220000000     512 MiB  DIMM       5       coming    d5\n"
           "0x240000000      16 GiB  free                         (largest free gap)\n");
    struct json_object *map = every_state();
    check(map);
    json_object_put(map);
}

static void test_no_slots(void **state)
{
    struct json_object *map = new_map(256 * MIB, 0);

    (void)state;
    check(map);
    expect(map, false,
           "RAM at start: 256 MiB; no slots for DIMMs\n"
           "\n"
           "0x00000000 |########--------------------------------------------------------|\n"
           "0x80000000 |----------------------------------------------------------------|\n"
           "A character represents 32 MiB, a line 2 GiB.\n"
           "# RAM at start  - hole\n"
           "\n"
           "address           size  what    slot node  state     id\n"
           "0x00000000     256 MiB  RAM                          hotram.ram\n"
           "0x10000000    3.75 GiB  hole\n");
}

static void test_no_machine(void **state)
{
    struct json_object *map = json_tokener_parse("{\"ranges\": [], \"ram\": 0}");
    struct text svg = { 0 };

    (void)state;
    map_svg(&svg, map);
    assert_non_null(strstr(svg.bytes, "</svg>\n"));
    text_free(&svg);
    expect(map, true, "RAM at start: 0 bytes; no slots for DIMMs\n");
}

static void test_nothing_plugged_in_a_tebibyte(void **state)
{
    struct json_object *map = new_map(128 * MIB, 8);

    (void)state;
    add_largest(map, 1024 * GIB);
    check(map);
    expect(map, false,
           "RAM at start: 128 MiB; 0 DIMMs: 0 bytes\n"
           "Free: 1 of 8 slots; 1 byte of 8 bytes\n"
           "Largest gap: 1 TiB at 0x100000000\n"
           "Largest DIMM that fits: 0 bytes\n"
           "\n"
           "0x00000000000 |####------------------------------------------------------------|\n"
           "0x00080000000 |----------------------------------------------------------------|\n"
           "0x00100000000 ~~~ 1 TiB of largest free gap, not drawn ~~~\n"
           "A character represents 32 MiB, a line 2 GiB.\n"
           "# RAM at start  - hole\n"
           "\n"
           "address              size  what    slot node  state     id\n"
           "0x00000000000     128 MiB  RAM                          hotram.ram\n"
           "0x00008000000    3968 MiB  hole\n"
           "0x00100000000       1 TiB  free                         (largest free gap)\n");
}

/* Each is to be seen, with its slot. */
static void test_256_dimms(void **state)
{
    struct json_object *map = new_map(GIB, 256);
    char id[16];
    char *text;

    (void)state;
    for (unsigned slot = 0; slot < 256; slot++) {
        snprintf(id, sizeof id, "d%u", slot);
        add_dimm(map, 128 * MIB, slot, id, slot % 2 ? "in-use" : "removing");
    }
    add_largest(map, 287 * GIB);
    check(map);
    text = draw(map, false, COLUMNS);
    assert_non_null(strstr(text, "|0<<<1===2<<<3===4<<<5==="));
    assert_non_null(strstr(text, "252<253=254<255=|\n"));
    free(text);
    json_object_put(map);
}

/* Too small to be seen beside the rest: that is said, and the table has it. */
static void test_a_small_dimm(void **state)
{
    struct json_object *map = new_map(64 * GIB, 1);
    char *text;

    (void)state;
    add_dimm(map, 2 * MIB, 0, "small", "in-use");
    add_largest(map, GIB);
    check(map);
    text = draw(map, false, COLUMNS);
    assert_non_null(strstr(text, "|+:"));
    assert_non_null(strstr(text, "+ more than a character can show"));
    assert_non_null(strstr(text, "small\n"));
    free(text);
    json_object_put(map);
}

/* Before the end of a row, over it, behind it. */
static void test_a_small_dimm_at_the_end_of_a_row(void **state)
{
    (void)state;
    for (uint64_t before = 0; before <= 4; before++) {
        struct json_object *map = new_map(64 * GIB, 1);

        add_range(map, 64 * GIB - before * MIB, "free");
        add_dimm(map, 2 * MIB, 0, "small", "in-use");
        add_largest(map, 80 * GIB);
        check(map);
        json_object_put(map);
    }
}

static void test_nodes_and_holes(void **state)
{
    struct json_object *map = new_map(3 * GIB, 2);

    (void)state;
    for (unsigned node = 0; node < 4; node++)
        add_number(add_range(map, node * GIB + 8192, "ram"), "node", node);
    add_range(map, GIB - 4 * 8192, "hole");
    add_dimm(map, GIB, 0, "d0", "in-use");
    add_largest(map, GIB);
    check(map);
    json_object_put(map);
}

static void test_random_maps(void **state)
{
    static const char *const states[] = { "in-use", "plugging", "removing", "refused" };
    struct unit_random random = unit_random_start("maps");

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        uint64_t ram = (uint64_t)(1 + unit_random_below(&random, 4096))
                       << (13 + unit_random_below(&random, 15));
        struct json_object *map = new_map(ram, 8);
        unsigned count = unit_random_below(&random, 20);

        for (unsigned i = 0; i < count; i++) {
            uint64_t size = (uint64_t)(1 + unit_random_below(&random, 100))
                            << (21 + unit_random_below(&random, 16));

            if (unit_random_below(&random, 3) == 0)
                add_range(map, size, "free");
            else
                add_dimm(map, size, unit_random_below(&random, 256), "d",
                         states[unit_random_below(&random, 4)]);
        }
        add_largest(map, (uint64_t)1 << (21 + unit_random_below(&random, 28)));
        check(map);
        json_object_put(map);
    }
}

/* ---- names, and what another program may send ---- */

static void test_long_names(void **state)
{
    struct json_object *map = new_map(GIB, 2);
    char *text;

    (void)state;
    add_dimm(map, GIB, 0, "a-very-long-name-for-a-dimm-which-has-no-end", "in-use");
    add_dimm(map, GIB, 1, "d-of-25-characters-sharp", "in-use");
    check(map);
    text = draw(map, false, COLUMNS);
    assert_non_null(strstr(text, "  in use    a-very-long-name-for-a-...\n"));
    assert_non_null(strstr(text, "  in use    d-of-25-characters-sharp\n"));
    assert_non_null(
        strstr(text, "Names that end in ... are shortened; query-memory-map shows them in full.\n"));
    free(text);
    json_object_put(map);
}

static void test_hostile_names(void **state)
{
    struct json_object *map = new_map(GIB, 2);
    struct text svg = { 0 };
    char *text;

    (void)state;
    add_dimm(map, GIB, 0, "\x1b[2J\r\n<b>&\"'\xe4\xb8\xad", "in-use");
    add_dimm(map, GIB, 1, "\xff\xc0\x80\xed\xa0\x80\xf8\xe4", "in-use");
    text = draw(map, true, COLUMNS);
    check_lines(text, true, COLUMNS);
    assert_non_null(strstr(text, "?[2J?"
                                 "?<b>&\"'?\n"));
    assert_non_null(strstr(text, "????????\n"));
    free(text);
    map_svg(&svg, map);
    assert_null(strstr(svg.bytes, "<b>"));
    assert_null(strchr(svg.bytes, '\x1b'));
    assert_null(strchr(svg.bytes, '\xff'));
    assert_non_null(strstr(svg.bytes, "&#60;b&#62;&#38;&#34;&#39;\xe4\xb8\xad"));
    text_free(&svg);
    json_object_put(map);
}

static void test_columns(void **state)
{
    struct json_object *map = every_state();

    (void)state;
    for (unsigned columns = 0; columns < COLUMNS_MAX; columns++) {
        char *text = draw(map, false, columns);

        check_lines(text, false, columns < MAP_COLUMNS_MIN ? MAP_COLUMNS_MIN : columns);
        check_bar(map, text);
        free(text);
    }
    json_object_put(map);
}

/* It ends, and stays within its columns. */
static void test_nonsense(void **state)
{
    static const char *const maps[] = {
        "null",
        "[]",
        "3",
        "{}",
        "{\"ranges\": null}",
        "{\"ranges\": {\"a\": 1}}",
        "{\"ranges\": [null, 1, \"x\", [], {}], \"slots\": 3, \"capacity\": [], \"largest-free\": \"x\"}",
        "{\"ranges\": [{\"start\": 0, \"size\": -1, \"type\": \"ram\"}, {\"start\": -5, \"size\": 7}]}",
        "{\"ranges\": [{\"start\": 18446744073709551615, \"size\": 18446744073709551615, \"type\": \"ram\"}]}",
        "{\"ranges\": [{\"start\": 0, \"size\": 18446744073709551615, \"type\": \"dimm\", \"slot\": "
        "18446744073709551615, \"node\": 18446744073709551615, \"state\": \"melting\", \"id\": {\"a\": []}}]}",
        "{\"ranges\": [{\"start\": 9223372036854775807, \"size\": 9223372036854775807, \"type\": \"free\"}]}",
        "{\"ranges\": [{\"start\": 4096, \"size\": 1, \"type\": \"ram\"}, {\"start\": 0, \"size\": 9, \"type\": "
        "\"ram\"}, {\"start\": 18446744073709551614, \"size\": 1, \"type\": \"hole\"}]}",
        "{\"ranges\": [{\"start\": 0, \"size\": 1, \"type\": \"ram\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(maps); i++) {
        struct json_object *map = json_tokener_parse(maps[i]);
        char *text = draw(map, true, COLUMNS);
        struct text svg = { 0 };

        check_lines(text, true, COLUMNS);
        free(text);
        map_svg(&svg, map);
        assert_non_null(strstr(svg.bytes, "</svg>\n"));
        text_free(&svg);
        json_object_put(map);
    }
}

/* As many as fit into the longest line that QMP takes. */
static void test_very_many_ranges(void **state)
{
    struct json_object *map = json_object_new_object();
    struct json_object *ranges = json_object_new_array();
    char *text;

    (void)state;
    json_object_object_add(map, "ranges", ranges);
    for (unsigned i = 0; i < 200000; i++) {
        struct json_object *range = json_object_new_object();

        add_number(range, "start", (uint64_t)i << (i < 100000 ? 12 : 30));
        add_number(range, "size", 4096);
        add_string(range, "type", "ram");
        json_object_array_add(ranges, range);
    }
    text = draw(map, false, COLUMNS);
    check_lines(text, false, COLUMNS);
    free(text);
    json_object_put(map);
}

static void test_what_the_terminal_shows(void **state)
{
    static const struct {
        const char *all, *type, *language;
        bool unicode;
    } table[] = {
        { NULL, NULL, NULL, false },         { NULL, NULL, "C", false },
        { NULL, NULL, "en_US.UTF-8", true }, { NULL, NULL, "de_DE.utf8", true },
        { NULL, "C", "en_US.UTF-8", false }, { "", "", "en_US.UTF-8", true },
        { NULL, "C.UTF-8", "C", true },      { "C", "C.UTF-8", "C.UTF-8", false },
        { "C.utf-8", "C", "C", true },       { NULL, NULL, "de_DE.ISO-8859-1", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const char *const values[] = { table[i].all, table[i].type, table[i].language };
        static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

        for (size_t j = 0; j < COUNT_OF(names); j++) {
            unsetenv(names[j]);
            if (values[j])
                setenv(names[j], values[j], 1);
        }
        if (map_text_unicode() != table[i].unicode)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state),
        cmocka_unit_test(test_no_slots),
        cmocka_unit_test(test_no_machine),
        cmocka_unit_test(test_nothing_plugged_in_a_tebibyte),
        cmocka_unit_test(test_256_dimms),
        cmocka_unit_test(test_a_small_dimm),
        cmocka_unit_test(test_a_small_dimm_at_the_end_of_a_row),
        cmocka_unit_test(test_nodes_and_holes),
        cmocka_unit_test(test_random_maps),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_very_many_ranges),
        cmocka_unit_test(test_what_the_terminal_shows),
    };

    return cmocka_run_group_tests_name("monitor-map", tests, NULL, NULL);
}
