/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The picture of the guest's address space as SVG, for a file of its own.
 */
#ifndef VMM_MAP_SVG_H
#define VMM_MAP_SVG_H

struct json_object;
struct text;

/* Draw what query-memory-map gave: a whole SVG document in UTF-8. */
void map_svg(struct text *out, struct json_object *map);

/* map_svg_style.c: what the classes look like, and a pattern with the id "kN" for each kind N. */
void map_svg_style(struct text *out);

#endif
