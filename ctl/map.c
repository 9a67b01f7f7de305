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
    bool good = file != NULL;

    if (good) {
        map_svg(&text, map);
        good = !text.failed && fwrite(text.bytes, 1, text.length, file) == text.length && fflush(file) == 0;
    }
    if (file && !out)
        good = fclose(file) == 0 && good;
    text_free(&text);
    return good ? STATUS_DONE : fail(options, STATUS_ERROR, "'%s': %s", options->svg, strerror(errno));
}

static enum status show(const struct options *options, struct json_object *map)
{
    struct text text = { 0 };

    if (options->svg)
        return write_svg(options, map);
    if (options->json) {
        say_json(map, true);
    } else {
        map_text(&text, map, !options->ascii && map_text_unicode(), columns());
        say_text(&text);
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
        status = show(options, map);
    json_object_put(map);
    qmp_close(qmp);
    return status;
}
