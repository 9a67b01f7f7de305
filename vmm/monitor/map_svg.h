/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The picture of the guest's address space as SVG, for a file of its own.
 */
#ifndef VMM_MONITOR_MAP_SVG_H
#define VMM_MONITOR_MAP_SVG_H

struct json_object;
struct text;

/* Draw what query-memory-map gave: a whole SVG document in UTF-8. */
void map_svg(struct text *out, struct json_object *map);

/* map_svg_style.c: colours and patterns. What is of a kind has the class "k" and the kind's number. */
extern const char map_svg_style[];

#endif
