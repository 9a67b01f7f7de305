/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quit: end a guest, as pulling its plug would.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "guest.h"
#include "monitor/result.h"

enum status run_quit(struct options *options)
{
    struct json_object *result = NULL, *document;
    struct guest guest;
    enum status status;
    struct qmp *qmp = guest_connect(options, &guest, &status);

    if (!qmp)
        return status;
    if (guest_ask(options, qmp, "quit", NULL, &result, &status)) {
        if (options->json) {
            document = json_object_new_object();
            add_string(document, "guest", *guest.name ? guest.name : guest.path);
            add_number(document, "pid", (uint64_t)qmp_pid(qmp));
            say_json(document, true);
            json_object_put(document);
        } else {
            printf("%s ends\n", guest_title(&guest, qmp));
        }
    }
    json_object_put(result);
    qmp_close(qmp);
    return status;
}
