/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the picture in SVG share: the page, and how they write to it. Points are those of SVG:
 * 1/72 inch.
 */
#ifndef VMM_MAP_SVG_PARTS_H
#define VMM_MAP_SVG_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "map/picture.h"

/* All in points. */
#define WIDTH 960u /* of the page */
#define MARGIN 24u
#define LINE 18u /* of text */
#define BAR_X 160u
#define BAR_WIDTH 776u

/* A coordinate, whatever the locale has for a decimal point. */
#define POINT "%u.%02u"
#define AT(x) (unsigned)(x), (unsigned)((x)*100) % 100

struct svg {
    struct text *out;
    struct map_picture picture;
    unsigned y;           /* where the next part begins, in points */
    bool used[MAP_KINDS]; /* in the bar: the legend explains these */
};

/* Append a string, escaped for XML, up to `most` characters; "..." follows if some were left out. Bytes that
 * are not UTF-8, and characters that XML does not allow, become U+FFFD. */
void svg_escaped(struct text *out, const char *string, size_t most);

/* Append a text whose base line begins (by its class: ends, has its middle) at `x`, `y`. `class` is of
 * map_svg_style(), or "". */
void svg_text(struct svg *svg, const char *class, double x, double y, const char *string);

/* What users call a range: the id of a DIMM or memslot ("(no id)" without one), RAM's backend, the type of
 * another device; "" for ranges that have no name. Borrowed from the map. */
const char *svg_id(const struct map_range *range);

/* Append what the pattern of each used kind means, and below it the table of all ranges. */
void svg_legend(struct svg *svg);
void svg_table(struct svg *svg);

#endif
