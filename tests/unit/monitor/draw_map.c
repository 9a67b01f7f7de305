/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Draws a result of query-memory-map that comes on standard input: draw_map svg|text|ascii. For tests of the
 * drawing, and of the ones in the documentation.
 */
#include <json-c/json_object.h>
#include <json-c/json_tokener.h>
#include <json-c/json_util.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "map/svg.h"
#include "map/text.h"

int main(int argc, char *argv[])
{
    struct json_object *map = json_object_from_fd(0);
    const char *how = argc > 1 ? argv[1] : "";
    struct text out = { 0 };

    if (!map)
        return 1;
    if (strcmp(how, "svg") == 0)
        map_svg(&out, map);
    else
        map_text(&out, map, strcmp(how, "text") == 0, 80);
    fwrite(out.bytes, 1, out.length, stdout);
    text_free(&out);
    json_object_put(map);
    return 0;
}
