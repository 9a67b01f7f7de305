/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the patterns of the picture mean, and a table of all ranges.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/props.h"
#include "base/result.h"
#include "map/svg_parts.h"

#define LEGEND_COLUMNS 2u
#define NAME_MAX_LENGTH 36u /* in the table */

static void put_swatch(struct svg *svg, enum map_kind kind, unsigned x)
{
    text_printf(svg->out,
                "<rect fill=\"url(#k%u)\" x=\"%u\" y=\"%u\" width=\"18\" height=\"12\"/>"
                "<rect class=\"frame\" x=\"%u\" y=\"%u\" width=\"18\" height=\"12\"/>\n",
                (unsigned)kind, x, svg->y, x, svg->y);
}

void svg_legend(struct svg *svg)
{
    unsigned count = 0;

    for (unsigned kind = 0; kind < MAP_KINDS; kind++) {
        unsigned x = BAR_X + count % LEGEND_COLUMNS * (BAR_WIDTH / LEGEND_COLUMNS);

        if (!svg->used[kind])
            continue;
        put_swatch(svg, kind, x);
        svg_text(svg, "", x + 26, svg->y + 10, map_kind_name(kind));
        if (++count % LEGEND_COLUMNS == 0)
            svg->y += LINE;
    }
    svg->y += (count % LEGEND_COLUMNS ? LINE : 0) + LINE;
}

/* Where the columns of the table are, and what is above them. */
static const struct {
    const char *name;
    unsigned x;
    bool end; /* what is in it ends there */
} columns[] = {
    { "address", 50, false }, { "size", 400, true },   { "what", 420, false }, { "slot", 530, true },
    { "node", 580, true },    { "state", 600, false }, { "id", 680, false },
};
enum { ADDRESS, SIZE, WHAT, SLOT, NODE, STATE, ID, COLUMNS };

static void put_field(struct svg *svg, unsigned column, const char *string)
{
    text_printf(svg->out, "<text%s x=\"%u\" y=\"%u\">", columns[column].end ? " class=\"end\"" : "",
                columns[column].x, svg->y + 10);
    svg_escaped(svg->out, string, NAME_MAX_LENGTH);
    text_string(svg->out, "</text>\n");
}

static void put_range(struct svg *svg, const struct map_range *range)
{
    struct json_object *object = range->object;
    char text[64];

    put_swatch(svg, range->kind, MARGIN);
    snprintf(text, sizeof text, "0x%" PRIx64 "-0x%" PRIx64, range->start, range->start + range->size - 1);
    put_field(svg, ADDRESS, text);
    put_field(svg, SIZE, size_text(range->size, text));
    put_field(svg, WHAT, map_kind_what(range->kind));
    for (unsigned column = SLOT; column <= NODE; column++) {
        if (!json_object_object_get(object, columns[column].name))
            continue;
        snprintf(text, sizeof text, "%" PRIu64, get_number(object, columns[column].name));
        put_field(svg, column, text);
    }
    put_field(svg, STATE, map_kind_state(range->kind));
    put_field(svg, ID, range->kind == MAP_LARGEST ? "(largest free gap)" : svg_id(range));
    svg->y += LINE;
}

void svg_table(struct svg *svg)
{
    for (unsigned column = 0; column < COLUMNS; column++)
        svg_text(svg, columns[column].end ? "head end" : "head", columns[column].x, svg->y + 10,
                 columns[column].name);
    svg->y += LINE;
    for (size_t i = 0; i < svg->picture.count; i++)
        put_range(svg, &svg->picture.ranges[i]);
}
