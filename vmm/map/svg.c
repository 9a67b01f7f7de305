/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same rows as in text, one below the other, but with edges where they are to a hundredth of a point;
 * then the legend and the table (svg_table.c). The title of each range describes it: browsers show titles,
 * and screen readers read them.
 */
#include "map/svg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/props.h"
#include "base/result.h"
#include "map/svg_parts.h"

#define CELLS 64u
#define BREAK_HEIGHT 26u
#define BAR_HEIGHT 32u
#define GAP 8u
#define LETTER 7.3 /* width in the font at 12 points */
/* A range that would be narrower is drawn so wide, so that it can be seen. */
#define WIDTH_MIN 1.0

void svg_escaped(struct text *out, const char *string, size_t most)
{
    uint32_t character;

    while (*string && most-- > 0) {
        size_t length = map_character(string, &character);

        if ((character < 0x20 && character != '\n') || character == 0x7f || character == 0xfffe ||
            character == 0xffff || character == 0xfffd) /* what XML cannot have, and what was no character */
            text_string(out, "\xef\xbf\xbd");
        else if (strchr("&<>\"'", (int)character))
            text_printf(out, "&#%" PRIu32 ";", character);
        else
            text_append(out, string, length);
        string += length;
    }
    text_string(out, *string ? "..." : "");
}

void svg_text(struct svg *svg, const char *class, double x, double y, const char *string)
{
    text_printf(svg->out, "<text%s%s%s x=\"" POINT "\" y=\"" POINT "\">", *class ? " class=\"" : "", class,
                *class ? "\"" : "", AT(x), AT(y));
    svg_escaped(svg->out, string, SIZE_MAX);
    text_string(svg->out, "</text>\n");
}

const char *svg_id(const struct map_range *range)
{
    if (range->kind == MAP_RAM)
        return get_string(range->object, "memdev");
    if (range->kind == MAP_OTHER)
        return get_string(range->object, "type");
    if (map_has_slot(range->kind) && !json_object_object_get(range->object, "id"))
        return "(no id)";
    return get_string(range->object, "id");
}

/* ---- the bar ---- */

static size_t characters(const char *string)
{
    uint32_t character;
    size_t count = 0;

    for (; *string; string += map_character(string, &character))
        count++;
    return count;
}

/* "DIMM in use, slot 3, node 0, d3, 128 MiB at 0x100000000" */
static void put_title(struct svg *svg, const struct map_range *range)
{
    static const char *const numbers[] = { "slot", "node" };
    char size[SIZE_TEXT_MAX];

    text_printf(svg->out, "<title>%s", map_kind_name(range->kind));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (json_object_object_get(range->object, numbers[i]))
            text_printf(svg->out, ", %s %" PRIu64, numbers[i], get_number(range->object, numbers[i]));
    if (*svg_id(range)) {
        text_string(svg->out, ", ");
        svg_escaped(svg->out, svg_id(range), SIZE_MAX);
    }
    text_printf(svg->out, ", %s at 0x%" PRIx64 "</title>", size_text(range->size, size), range->start);
}

/* A label on paper, for patterns are hard to read on. Its middle is given. */
static void put_plate(struct svg *svg, double x, double y, const char *label)
{
    double width = (double)characters(label) * LETTER + 4;

    text_printf(svg->out,
                "<rect class=\"plate\" x=\"" POINT "\" y=\"" POINT "\" width=\"" POINT
                "\" height=\"16\" rx=\"3\"/>",
                AT(x - width / 2), AT(y - 8), AT(width));
    svg_text(svg, "middle", x, y + 4, label);
}

/* The words of a part of the picture; where memory was short for them, the picture is not whole. */
static const char *words_of(struct svg *svg, const struct text *words)
{
    svg->out->failed |= words->failed;
    return words->bytes ? words->bytes : "";
}

/* The longest of some labels that fits; NULL: none. */
static const char *choose_label(struct text labels[], size_t count, double width)
{
    for (size_t i = 0; i < count; i++)
        if (labels[i].bytes && (double)characters(labels[i].bytes) * LETTER + 8 < width)
            return labels[i].bytes;
    return NULL;
}

/* Once for each range, in the first of its rows that has room. */
static void put_label(struct svg *svg, struct map_range *range, double x, double width)
{
    const char *what = range->kind == MAP_LARGEST ? map_kind_name(range->kind) : map_kind_what(range->kind);
    struct text labels[3] = { 0 };
    char size[SIZE_TEXT_MAX];
    const char *label;

    size_text(range->size, size);
    if (map_has_slot(range->kind)) {
        uint64_t slot = get_number(range->object, "slot");

        text_printf(&labels[0], "%" PRIu64 ": %s, %s, %s", slot, svg_id(range), size,
                    map_kind_state(range->kind));
        text_printf(&labels[1], "%" PRIu64 ": %s", slot, svg_id(range));
        text_printf(&labels[2], "%" PRIu64, slot);
    } else {
        text_printf(&labels[0], "%s, %s", what, size);
        text_printf(&labels[1], "%s", what);
    }
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        (void)words_of(svg, &labels[i]);
    label = choose_label(labels, sizeof labels / sizeof labels[0], width);
    if (label) {
        put_plate(svg, x + width / 2, svg->y + BAR_HEIGHT / 2.0, label);
        range->drawn = true;
    }
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        text_free(&labels[i]);
}

/* The part of a range that is in a row. */
static void put_part(struct svg *svg, const struct map_row *row, struct map_range *range)
{
    double scale = (double)BAR_WIDTH / ((double)svg->picture.cell * svg->picture.cells);
    uint64_t start = range->start > row->start ? range->start : row->start;
    uint64_t end = range->start + range->size;
    double x = BAR_X + (double)(start - row->start) * scale;
    double width;

    if (end > row->start + row->size)
        end = row->start + row->size;
    width = (double)(end - start) * scale;
    text_printf(svg->out,
                "<g><rect fill=\"url(#k%u)\" x=\"" POINT "\" y=\"%u\" width=\"" POINT "\" height=\"%u\"/>",
                (unsigned)range->kind, AT(x), svg->y, AT(width < WIDTH_MIN ? WIDTH_MIN : width), BAR_HEIGHT);
    text_printf(svg->out, "<path class=\"frame\" d=\"M" POINT ",%u v%u\"/>", AT(x), svg->y, BAR_HEIGHT);
    put_title(svg, range);
    text_string(svg->out, "</g>\n");
    svg->used[range->kind] = true;
    if (!range->drawn)
        put_label(svg, range, x, width);
}

static void put_row(struct svg *svg, const struct map_row *row)
{
    double scale = (double)BAR_WIDTH / ((double)svg->picture.cell * svg->picture.cells);

    for (size_t i = row->first; i < svg->picture.count; i++) {
        if (svg->picture.ranges[i].start >= row->start + row->size)
            break;
        put_part(svg, row, &svg->picture.ranges[i]);
    }
    text_printf(svg->out, "<rect class=\"frame\" x=\"%u\" y=\"%u\" width=\"" POINT "\" height=\"%u\"/>\n",
                BAR_X, svg->y, AT((double)row->size * scale), BAR_HEIGHT);
    svg->y += BAR_HEIGHT + GAP;
}

/* Torn above and below: this is not to scale. */
static void put_left_out(struct svg *svg, const struct map_row *row)
{
    struct map_range *range = &svg->picture.ranges[row->first];
    struct text label = { 0 };
    char size[SIZE_TEXT_MAX];

    text_printf(svg->out, "<g><rect fill=\"url(#k%u)\" x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\"/>",
                (unsigned)range->kind, BAR_X, svg->y, BAR_WIDTH, BREAK_HEIGHT);
    for (unsigned edge = 0; edge < 2; edge++) {
        text_printf(svg->out, "<path class=\"frame\" d=\"M%u,%u", BAR_X, svg->y + edge * BREAK_HEIGHT);
        for (unsigned i = 0; i < BAR_WIDTH / 8; i++)
            text_string(svg->out, i % 2 ? " l8,4" : " l8,-4");
        text_string(svg->out, "\"/>");
    }
    put_title(svg, range);
    text_string(svg->out, "</g>\n");
    svg->used[range->kind] = true;
    range->drawn = true;
    text_printf(&label, "%s of %s, not drawn", size_text(row->size, size), map_kind_name(range->kind));
    put_plate(svg, BAR_X + BAR_WIDTH / 2.0, svg->y + BREAK_HEIGHT / 2.0, words_of(svg, &label));
    text_free(&label);
    svg->y += BREAK_HEIGHT + GAP;
}

static void put_bar(struct svg *svg)
{
    struct map_row row = { 0 };

    while (map_next_row(&svg->picture, &row)) {
        char address[24];

        snprintf(address, sizeof address, "0x%" PRIx64, row.start);
        svg_text(svg, "end", BAR_X - 8, svg->y + BAR_HEIGHT / 2.0 + 4, address);
        if (row.left_out)
            put_left_out(svg, &row);
        else
            put_row(svg, &row);
    }
}

/* How long a round number of bytes is in the bar. */
static void put_ruler(struct svg *svg)
{
    struct text label = { 0 };
    char part[SIZE_TEXT_MAX];
    char row[SIZE_TEXT_MAX];

    text_printf(&label, "%s; a row is %s", size_text(svg->picture.cell * (svg->picture.cells / 4), part),
                size_text(svg->picture.cell * svg->picture.cells, row));
    text_printf(svg->out, "<path class=\"line\" d=\"M%u,%u v8 m0,-4 h%u m0,-4 v8\"/>\n", BAR_X, svg->y,
                BAR_WIDTH / 4);
    svg_text(svg, "", BAR_X + BAR_WIDTH / 4.0 + 8, svg->y + 8, words_of(svg, &label));
    text_free(&label);
    svg->y += 2 * LINE;
}

/* ---- the whole ---- */

static void put_summary(struct svg *svg, const struct text *summary)
{
    const char *at = summary->bytes ? summary->bytes : "";

    while (*at) {
        size_t length = strcspn(at, "\n");
        char line[200];

        snprintf(line, sizeof line, "%.*s", (int)length, at);
        svg_text(svg, "", MARGIN, svg->y + 10, line);
        svg->y += LINE;
        at += length + (at[length] == '\n');
    }
}

static void put_body(struct svg *svg, struct text *summary)
{
    svg->y = MARGIN;
    svg_text(svg, "title", MARGIN, svg->y + 14, "The guest's physical address space");
    svg->y += 2 * LINE;
    put_summary(svg, summary);
    svg->y += LINE;
    if (svg->picture.count == 0)
        return;
    map_scale(&svg->picture, CELLS);
    put_bar(svg);
    put_ruler(svg);
    svg_legend(svg);
    svg_table(svg);
}

void map_svg(struct text *out, struct json_object *map)
{
    struct text summary = { 0 };
    struct text body = { 0 };
    struct svg svg = { .out = &body };

    if (!map_read(&svg.picture, map)) {
        out->failed = true;
        return;
    }
    map_summary(&summary, map);
    put_body(&svg, &summary);
    text_printf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" role=\"img\" "
        "aria-labelledby=\"title desc\">\n<title id=\"title\">The guest's physical address space</title>\n",
        WIDTH, svg.y + MARGIN);
    text_string(out, "<desc id=\"desc\">");
    svg_escaped(out, summary.bytes ? summary.bytes : "", SIZE_MAX);
    text_string(out, "</desc>\n");
    map_svg_style(out);
    text_printf(out, "<rect class=\"paper\" width=\"%u\" height=\"%u\"/>\n", WIDTH, svg.y + MARGIN);
    text_string(out, body.bytes ? body.bytes : "");
    text_string(out, "</svg>\n");
    out->failed |= body.failed || summary.failed;
    text_free(&body);
    text_free(&summary);
    map_free(&svg.picture);
}
