/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quit: end a guest, as pulling its plug would.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "base/result.h"
#include "guest.h"

/* A guest that is gone has quit, even if it said nothing any more. */
static bool quit(const struct options *options, struct qmp *qmp, enum status *status)
{
    struct json_object *result;
    struct error error = { 0 };
    bool refused, good = qmp_ask(qmp, "quit", NULL, options->answer_timeout, &result, &refused, &error);

    json_object_put(result);
    if (good || (!refused && !qmp_process_lives(qmp)))
        return true;
    *status = fail(options, STATUS_ERROR, "%s", error.text);
    return false;
}

enum status run_quit(struct options *options)
{
    struct json_object *document;
    struct guest guest;
    enum status status;
    struct qmp *qmp = guest_connect(options, &guest, &status);

    if (!qmp)
        return status;
    if (quit(options, qmp, &status)) {
        if (options->json) {
            document = json_new_object();
            add_string(document, "guest", *guest.name ? guest.name : guest.path);
            add_number(document, "pid", (uint64_t)qmp_pid(qmp));
            print_json(document, true);
            json_object_put(document);
        } else {
            printf("%s ends\n", guest_title(&guest, qmp));
        }
    }
    qmp_close(qmp);
    return status;
}
