/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map: a picture of the guest's physical addresses, as text or as a drawing.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/result.h"
#include "guest.h"
#include "map/svg.h"
#include "map/text.h"

static unsigned columns(void)
{
    struct winsize window;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col ? window.ws_col : 80;
}

/* Write the drawing; "-" is stdout. */
static enum status write_svg(const struct options *options, struct json_object *map)
{
    bool out = strcmp(options->svg, "-") == 0;
    FILE *file = out ? stdout : fopen(options->svg, "w");
    struct text text = { 0 };
    int why = file ? 0 : errno;

    if (file) {
        map_svg(&text, map);
        if (text.failed)
            why = ENOMEM;
        else if (fwrite(text.bytes, 1, text.length, file) != text.length || fflush(file) != 0)
            why = errno;
    }
    if (file && !out && fclose(file) != 0 && !why)
        why = errno;
    text_free(&text);
    return why ? fail(options, STATUS_ERROR, "'%s': %s", options->svg, strerror(why)) : STATUS_DONE;
}

static enum status print_map(const struct options *options, struct json_object *map)
{
    struct text text = { 0 };

    if (options->svg)
        return write_svg(options, map);
    if (options->json) {
        print_json(map, true);
    } else {
        map_text(&text, map, !options->ascii && map_text_unicode(), columns());
        print_text(&text);
    }
    return STATUS_DONE;
}

enum status run_map(struct options *options)
{
    struct json_object *map = NULL;
    struct guest guest;
    enum status status;
    struct qmp *qmp;

    if (options->svg && options->json && strcmp(options->svg, "-") == 0)
        return fail(options, STATUS_USAGE, "map: --svg - and --json both write to standard output");
    qmp = guest_connect(options, &guest, &status);
    if (!qmp)
        return status;
    if (guest_ask(options, qmp, "query-memory-map", NULL, &map, &status))
        status = print_map(options, map);
    json_object_put(map);
    qmp_close(qmp);
    return status;
}
