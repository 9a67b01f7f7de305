/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot: the state of a guest and its memory, into a file.
 */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json_build.h"
#include "waiting.h"

/* The guest's program has a working directory of its own. False: errno says why. */
static bool make_absolute(const char *path, char *absolute, size_t size)
{
    char folder[PATH_MAX] = "";
    int length;

    if (path[0] != '/' && !getcwd(folder, sizeof folder))
        return false;
    length = snprintf(absolute, size, "%s%s%s", folder, path[0] == '/' ? "" : "/", path);
    errno = ENAMETOOLONG;
    return length > 0 && (size_t)length < size;
}

static void print_done(const struct options *options, const char *path)
{
    struct json_object *document;

    if (!options->json) {
        printf("snapshot: %s\n", shown(path));
        return;
    }
    document = json_new_object();
    add_string(document, "file", path);
    print_json(document, true);
    json_object_put(document);
}

enum status run_snapshot(struct options *options)
{
    struct json_object *args, *result = NULL;
    struct waiting waiting;
    char path[PATH_MAX];
    bool done;

    if (!make_absolute(options->words[0], path, sizeof path))
        return fail(options, STATUS_ERROR, "'%s': %s", options->words[0], strerror(errno));
    if (!waiting_begin(&waiting, options, false))
        return waiting.status;
    waiting.title = "snapshot";
    args = json_new_object();
    add_string(args, "file", path);
    if (options->background) /* which older programs do not know */
        add_bool(args, "background", true);
    done = waiting_ask(&waiting, "machine-snapshot", args, &result);
    waiting_end(&waiting);
    json_object_put(result);
    if (!done)
        return waiting.status;
    print_done(options, path);
    return STATUS_DONE;
}
