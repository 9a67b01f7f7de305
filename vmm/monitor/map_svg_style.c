/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each kind has a pattern of its own, so that nobody needs colours to tell them apart. The order is that of
 * enum map_kind.
 */
#include "monitor/map_svg.h"

#define PATTERN(name, lines) \
    "<pattern id=\"" name "\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">" \
    "<rect class=\"" name "\" width=\"8\" height=\"8\"/>" lines "</pattern>\n"
#define PATH(path) "<path class=\"line\" d=\"" path "\"/>"
#define RISING PATH("M-2,2 L2,-2 M0,8 L8,0 M6,10 L10,6")
#define FALLING PATH("M-2,6 L2,10 M0,0 L8,8 M6,-2 L10,2")

const char map_svg_style[] =
    "<style>\n"
    "text { font: 12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1f2328; }\n"
    ".title { font-size: 18px; font-weight: bold; }\n"
    ".head { font-weight: bold; }\n"
    ".middle { text-anchor: middle; }\n"
    ".end { text-anchor: end; }\n"
    ".label { text-anchor: middle; paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }\n"
    ".solid { text-anchor: middle; fill: #ffffff; }\n"
    ".paper { fill: #ffffff; }\n"
    ".frame { fill: none; stroke: #1f2328; stroke-width: 1px; }\n"
    ".line { fill: none; stroke: #1f2328; stroke-width: 1.2px; }\n"
    ".break { fill: none; stroke: #1f2328; stroke-width: 1px; }\n"
    ".k0 { fill: #33557f; } .k2 { fill: #1f6f43; }\n"
    ".plugging { fill: #bfe5cf; } .removing { fill: #ffdfb0; } .refused { fill: #ffc6c0; }\n"
    ".coming { fill: #e0eefb; } .memslot { fill: #efe4fa; } .hole { fill: #f3f3f3; } .other { fill: #d0d0d0; }\n"
    ".k1 { fill: url(#hole); } .k3 { fill: url(#plugging); } .k4 { fill: url(#removing); }\n"
    ".k5 { fill: url(#refused); } .k6 { fill: url(#coming); } .k7 { fill: url(#memslot); }\n"
    ".k8 { fill: #ffffff; } .k9 { fill: #fff6c9; } .k10 { fill: url(#other); }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "text { fill: #e6edf3; }\n"
    ".paper, .k8 { fill: #0d1117; }\n"
    ".label { stroke: #0d1117; }\n"
    ".solid { fill: #ffffff; }\n"
    ".frame, .line, .break { stroke: #b8c4d0; }\n"
    ".k0 { fill: #3c669b; } .k2 { fill: #23804c; } .k9 { fill: #3a3413; }\n"
    ".plugging { fill: #173a26; } .removing { fill: #4a3413; } .refused { fill: #56201c; }\n"
    ".coming { fill: #14304a; } .memslot { fill: #33214a; } .hole { fill: #1c2128; } .other { fill: #444c56; }\n"
    "}\n"
    "</style>\n"
    "<defs>\n" /* two lines each */
    PATTERN("hole", "<path class=\"line\" opacity=\"0.25\" d=\"M-2,2 L2,-2 M0,8 L8,0 M6,10 L10,6\"/>")
        PATTERN("plugging", RISING) PATTERN("removing", FALLING) PATTERN("refused", RISING FALLING)
            PATTERN("coming", "<circle class=\"line\" cx=\"4\" cy=\"4\" r=\"1\"/>")
                PATTERN("memslot", PATH("M0,4 L5,4")) PATTERN("other", PATH("M4,0 L4,8")) "</defs>\n";
