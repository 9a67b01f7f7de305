/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The picture of the guest's address space in text.
 */
#ifndef VMM_MAP_TEXT_H
#define VMM_MAP_TEXT_H

#include <stdbool.h>

struct json_object;
struct text;

/* Fewer columns have no room for the table; they count as so many. */
#define MAP_COLUMNS_MIN 60u

/* Draw what query-memory-map gave, in lines that end in \n and have at most `columns` characters. */
void map_text(struct text *out, struct json_object *map, bool unicode, unsigned columns);

/* Whether the user's terminal shows UTF-8, by what the environment says: LC_ALL, LC_CTYPE, LANG. */
bool map_text_unicode(void);

#endif
