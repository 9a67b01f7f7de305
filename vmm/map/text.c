/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bar of rows, each with its address in front; what its signs mean; and a table of all ranges.
 */
#include "map/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/props.h"
#include "base/result.h"
#include "map/picture.h"

#define CELLS_MAX 256u
#define CUT "..."

/* What a cell shows besides kinds, and slots as "\0" + digit. */
enum { CELL_NOTHING = MAP_KINDS, CELL_SEVERAL, CELL_DIGITS };

static const char *const signs[2][CELL_DIGITS] = {
    { "#", "-", "=", ">", "<", "!", "o", "_", "B", "b", ",", ".", ":", "?", " ", "+" },
    { "▓", "·", "█", "▄", "▀", "▚", "▂", "▁", "▣", "▤", "▫", "░", "▒", "?", " ", "+" },
};

struct drawing {
    struct text *out;
    struct map_picture picture;
    bool unicode;
    size_t columns;
    int address_width;
    bool used[CELL_DIGITS + 1]; /* which signs */
};

bool map_text_unicode(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);

        if (value && *value) /* the first that is set decides */
            return strcasestr(value, "UTF-8") || strcasestr(value, "utf8");
    }
    return false;
}

static size_t characters(const char *string)
{
    uint32_t character;
    size_t count = 0;

    for (; *string; string += map_character(string, &character))
        count++;
    return count;
}

/* Write a line, cut where it has too many characters, and leave it empty. */
static void put_line(struct drawing *drawing, struct text *line)
{
    const char *at = line->bytes ? line->bytes : "";
    size_t left = characters(at);
    size_t keep = left > drawing->columns ? drawing->columns - strlen(CUT) : left;
    uint32_t character;

    while (keep-- > 0) {
        size_t length = map_character(at, &character);

        text_append(drawing->out, at, length);
        at += length;
        left--;
    }
    text_string(drawing->out, left > 0 ? CUT "\n" : "\n");
    drawing->out->failed |= line->failed;
    text_free(line);
}

static void put_lines(struct drawing *drawing, const struct text *lines)
{
    const char *at = lines->bytes ? lines->bytes : "";

    drawing->out->failed |= lines->failed;
    while (*at) {
        size_t length = strcspn(at, "\n");
        struct text line = { 0 };

        text_append(&line, at, length);
        put_line(drawing, &line);
        at += length + (at[length] == '\n');
    }
}

/* ---- the bar ---- */

/* Of the ranges that are in [start, end), the one with the largest part, memory before emptiness; *first is
 * moved to the range that ends behind `end`. */
static struct map_range *owner_of(const struct map_picture *picture, uint64_t start, uint64_t end,
                                  size_t *first)
{
    struct map_range *owner = NULL;
    uint64_t most = 0;

    for (; *first < picture->count && picture->ranges[*first].start < end; ++*first) {
        struct map_range *range = &picture->ranges[*first];
        uint64_t from = range->start > start ? range->start : start;
        uint64_t to = range->start + range->size;
        uint64_t part = (to < end ? to : end) - from;

        if (part > most || (owner && part == most && map_is_empty(owner->kind))) {
            owner = range;
            most = part;
        }
        if (to > end)
            break;
    }
    return owner;
}

/* The slot's number in the first of its cells, if that leaves one to show what it is. */
static void put_slot(struct drawing *drawing, unsigned *cells, const struct map_range *range, unsigned count)
{
    char number[24];
    int length = snprintf(number, sizeof number, "%" PRIu64, get_number(range->object, "slot"));

    if (!map_has_slot(range->kind) || (unsigned)length >= count)
        return;
    for (int i = 0; i < length; i++)
        cells[i] = CELL_DIGITS + (unsigned)(number[i] - '0');
    drawing->used[CELL_DIGITS] = true;
}

/* Ranges that end in this row and have no cell of their own: say that there are more than can be seen. */
static void mark_hidden(struct drawing *drawing, const struct map_row *row, unsigned *cells)
{
    const struct map_picture *picture = &drawing->picture;

    for (size_t i = row->first; i < picture->count; i++) {
        const struct map_range *range = &picture->ranges[i];

        if (range->start + range->size > row->start + row->size)
            return;
        if (!range->drawn)
            cells[range->start > row->start ? (range->start - row->start) / picture->cell : 0] = CELL_SEVERAL;
    }
}

static void fill_cells(struct drawing *drawing, const struct map_row *row, unsigned *cells)
{
    const struct map_picture *picture = &drawing->picture;
    struct map_range *owners[CELLS_MAX];
    size_t first = row->first;
    unsigned begin = 0;

    for (unsigned i = 0; i < picture->cells; i++) {
        uint64_t start = row->start + i * picture->cell;
        uint64_t left = row->start + row->size - start;

        owners[i] = i * picture->cell < row->size
                        ? owner_of(picture, start, start + (left < picture->cell ? left : picture->cell),
                                   &first)
                        : NULL;
        cells[i] = owners[i] ? (unsigned)owners[i]->kind : CELL_NOTHING;
    }
    for (unsigned i = 1; i <= picture->cells; i++) {
        if (i < picture->cells && owners[i] == owners[begin])
            continue;
        if (owners[begin] && !owners[begin]->drawn)
            put_slot(drawing, &cells[begin], owners[begin], i - begin);
        if (owners[begin])
            owners[begin]->drawn = true;
        begin = i;
    }
    mark_hidden(drawing, row, cells);
}

static void put_row(struct drawing *drawing, const struct map_row *row)
{
    const char *border = drawing->unicode ? "│" : "|";
    unsigned cells[CELLS_MAX];
    struct text line = { 0 };

    fill_cells(drawing, row, cells);
    text_printf(&line, "0x%0*" PRIx64 " %s", drawing->address_width, row->start, border);
    for (unsigned i = 0; i < drawing->picture.cells; i++) {
        if (cells[i] >= CELL_DIGITS) {
            text_printf(&line, "%u", cells[i] - CELL_DIGITS);
            continue;
        }
        drawing->used[cells[i]] = true;
        text_string(&line, signs[drawing->unicode][cells[i]]);
    }
    text_string(&line, border);
    put_line(drawing, &line);
}

static void put_left_out(struct drawing *drawing, const struct map_row *row)
{
    const char *wave = drawing->unicode ? "≈≈≈" : "~~~";
    char size[SIZE_TEXT_MAX];
    struct text line = { 0 };

    text_printf(&line, "0x%0*" PRIx64 " %s %s of %s, not drawn %s", drawing->address_width, row->start, wave,
                size_text(row->size, size), map_kind_name(row->left_out->kind), wave);
    put_line(drawing, &line);
}

static void put_bar(struct drawing *drawing)
{
    struct map_row row = { 0 };

    while (map_next_row(&drawing->picture, &row)) {
        if (row.left_out) {
            /* It may have begun in the row before, where it was too little for a cell. */
            drawing->picture.ranges[row.first].drawn = true;
            put_left_out(drawing, &row);
        } else {
            put_row(drawing, &row);
        }
    }
}

/* ---- what the signs mean ---- */

static void put_meaning(struct drawing *drawing, struct text *line, const char *sign, const char *meaning)
{
    size_t more = characters(sign) + 1 + strlen(meaning);

    if (line->length > 0) {
        if (characters(line->bytes) + 2 + more > drawing->columns)
            put_line(drawing, line);
        else
            text_string(line, "  ");
    }
    text_printf(line, "%s %s", sign, meaning);
}

static void put_legend(struct drawing *drawing)
{
    struct text line = { 0 };
    char cell[SIZE_TEXT_MAX];
    char row[SIZE_TEXT_MAX];

    text_printf(&line, "A character represents %s, a line %s.", size_text(drawing->picture.cell, cell),
                size_text(drawing->picture.cell * drawing->picture.cells, row));
    put_line(drawing, &line);
    for (unsigned kind = 0; kind < MAP_KINDS; kind++)
        if (drawing->used[kind])
            put_meaning(drawing, &line, signs[drawing->unicode][kind], map_kind_name(kind));
    if (drawing->used[CELL_DIGITS])
        put_meaning(drawing, &line, "0-9", "slot");
    if (drawing->used[CELL_SEVERAL])
        put_meaning(drawing, &line, "+", "more than a character can show");
    put_line(drawing, &line);
}

/* ---- the table ---- */

/* A name as far as there is room for it. What is not ASCII may take any number of columns: a mark for each.
 */
static void put_name(struct text *line, const char *name, size_t room, bool *cut)
{
    bool fits = characters(name) <= room;
    size_t keep = fits ? room : room - strlen(CUT);
    uint32_t character;

    for (; *name && keep > 0; keep--) {
        size_t length = map_character(name, &character);
        char shown = character >= 0x20 && character < 0x7f ? (char)character : '?';

        text_append(line, &shown, 1);
        name += length;
    }
    if (!fits)
        text_string(line, CUT);
    *cut |= !fits;
}

static const char *name_of(const struct map_range *range)
{
    if (range->kind == MAP_LARGEST)
        return "(largest free gap)";
    if (range->kind == MAP_RAM)
        return get_string(range->object, "memdev");
    if (range->kind == MAP_OTHER)
        return get_string(range->object, "type");
    if (map_has_slot(range->kind))
        return json_object_object_get(range->object, "id") ? get_string(range->object, "id") : "(no id)";
    return "";
}

static void put_number(struct text *line, struct json_object *object, const char *name)
{
    if (json_object_object_get(object, name))
        text_printf(line, " %4" PRIu64, get_number(object, name));
    else
        text_string(line, "     ");
}

static void put_range(struct drawing *drawing, const struct map_range *range, bool *cut)
{
    struct text line = { 0 };
    char size[SIZE_TEXT_MAX];
    size_t used;

    text_printf(&line, "0x%0*" PRIx64 " %11s  %-7s", drawing->address_width, range->start,
                size_text(range->size, size), map_kind_what(range->kind));
    put_number(&line, range->object, "slot");
    put_number(&line, range->object, "node");
    text_printf(&line, "  %-8s  ", map_kind_state(range->kind));
    used = line.length;
    put_name(&line, name_of(range), drawing->columns > used + 8 ? drawing->columns - used : 8, cut);
    while (line.length > 0 && line.bytes[line.length - 1] == ' ')
        line.bytes[--line.length] = '\0';
    put_line(drawing, &line);
}

static void put_table(struct drawing *drawing)
{
    const struct map_picture *picture = &drawing->picture;
    struct text line = { 0 };
    bool cut = false;

    text_printf(&line, "%-*s %11s  %-7s %4s %4s  %-8s  %s", drawing->address_width + 2, "address", "size",
                "what", "slot", "node", "state", "id");
    put_line(drawing, &line);
    for (size_t i = 0; i < picture->count; i++)
        put_range(drawing, &picture->ranges[i], &cut);
    if (cut) {
        text_string(&line, "Names that end in " CUT " are shortened; query-memory-map shows them in full.");
        put_line(drawing, &line);
    }
}

/* Of an address and its two borders in front of and behind the cells. */
static unsigned choose_cells(const struct drawing *drawing)
{
    size_t room = drawing->columns - ((size_t)drawing->address_width + 5);
    unsigned cells = CELLS_MAX;

    while (cells > room)
        cells /= 2;
    return cells;
}

void map_text(struct text *out, struct json_object *map, bool unicode, unsigned columns)
{
    struct drawing drawing = {
        .out = out,
        .unicode = unicode,
        .columns = columns < MAP_COLUMNS_MIN ? MAP_COLUMNS_MIN : columns,
    };
    struct text summary = { 0 };

    if (!map_read(&drawing.picture, map)) {
        out->failed = true;
        return;
    }
    map_summary(&summary, map);
    put_lines(&drawing, &summary);
    text_free(&summary);
    if (drawing.picture.count > 0) {
        drawing.address_width = snprintf(NULL, 0, "%" PRIx64, drawing.picture.end - 1);
        map_scale(&drawing.picture, choose_cells(&drawing));
        text_string(out, "\n");
        put_bar(&drawing);
        put_legend(&drawing);
        text_string(out, "\n");
        put_table(&drawing);
    }
    map_free(&drawing.picture);
}
