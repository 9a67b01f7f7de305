/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Colours and patterns of the drawing. Each kind has a pattern of its own, so that nobody needs colours to
 * tell them apart.
 */
#include "base/text.h"
#include "map/picture.h"
#include "map/svg.h"

static const char style[] =
    "<style>\n"
    "text { font: 12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1f2328; }\n"
    ".title { font-size: 18px; font-weight: bold; }\n"
    ".head { font-weight: bold; }\n"
    ".middle { text-anchor: middle; }\n"
    ".end { text-anchor: end; }\n"
    ".paper { fill: #ffffff; }\n"
    ".plate { fill: #ffffff; opacity: 0.85; }\n"
    ".frame { fill: none; stroke: #1f2328; stroke-width: 1px; }\n"
    ".line { fill: none; stroke: #1f2328; stroke-width: 1.2px; }\n"
    ".faint { opacity: 0.3; }\n"
    ".ram { fill: #33557f; } .in-use { fill: #4aa574; } .plugging { fill: #bfe5cf; }\n"
    ".removing { fill: #ffdfb0; } .refused { fill: #ffc6c0; } .coming { fill: #d6e8fa; }\n"
    ".memslot { fill: #efe4fa; } .hole { fill: #f3f3f3; } .free { fill: #ffffff; }\n"
    ".largest { fill: #fff6c9; } .other { fill: #d0d0d0; }\n"
    ".blocks { fill: #3fa7a0; } .some { fill: #b4e0dc; } .none { fill: #eaf6f5; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "text { fill: #e6edf3; }\n"
    ".paper, .plate, .free { fill: #0d1117; }\n"
    ".frame, .line { stroke: #b8c4d0; }\n"
    ".ram { fill: #3c669b; } .in-use { fill: #23804c; } .plugging { fill: #173a26; }\n"
    ".removing { fill: #4a3413; } .refused { fill: #56201c; } .coming { fill: #14304a; }\n"
    ".memslot { fill: #33214a; } .hole { fill: #1c2128; } .largest { fill: #3a3413; }\n"
    ".other { fill: #444c56; } .blocks { fill: #1c7a74; } .some { fill: #134743; }\n"
    ".none { fill: #12282a; }\n"
    "}\n"
    "</style>\n";

#define RISING "M-2,2 L2,-2 M0,8 L8,0 M6,10 L10,6"
#define FALLING "M-2,6 L2,10 M0,0 L8,8 M6,-2 L10,2"

static const struct {
    const char *class;
    const char *lines; /* in a square of 8 points; what is drawn in it is repeated */
} patterns[MAP_KINDS] = {
    [MAP_RAM] = { "ram", "" },
    [MAP_HOLE] = { "hole", RISING },
    [MAP_IN_USE] = { "in-use", "M4,0 L4,8" },
    [MAP_PLUGGING] = { "plugging", RISING },
    [MAP_REMOVING] = { "removing", FALLING },
    [MAP_REFUSED] = { "refused", RISING FALLING },
    [MAP_COMING] = { "coming", "M4,2 L4,6 M2,4 L6,4" },
    [MAP_MEMSLOT] = { "memslot", "M0,4 L5,4" },
    [MAP_BLOCKS] = { "blocks", "M0,4 L8,4" },
    [MAP_SOME] = { "some", "M0,2 L8,2 M0,6 L4,6" },
    [MAP_NONE] = { "none", "M3,3 L5,3 L5,5 L3,5 Z" },
    [MAP_FREE] = { "free", "" },
    [MAP_LARGEST] = { "largest", "M3.5,4 L4.5,4" },
    [MAP_OTHER] = { "other", "M0,4 L8,4 M4,0 L4,8" },
};

void map_svg_style(struct text *out)
{
    text_string(out, style);
    text_string(out, "<defs>\n");
    for (unsigned kind = 0; kind < MAP_KINDS; kind++)
        text_printf(
            out,
            "<pattern id=\"k%u\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
            "<rect class=\"%s\" width=\"8\" height=\"8\"/><path class=\"line%s\" d=\"%s\"/></pattern>\n",
            kind, patterns[kind].class, kind == MAP_HOLE || kind == MAP_IN_USE ? " faint" : "",
            patterns[kind].lines);
    text_string(out, "</defs>\n");
}
