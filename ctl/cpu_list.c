/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpus without a number: the possible CPUs, with the places that device_add requires. See cpu_list.h.
 */
#include "cpu_list.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "base/json_build.h"
#include "base/text.h"
#include "guest.h"

#define PERIPHERAL "/machine/peripheral/"

/* Whether a CPU has been started, its plug tells, which reads the vCPU itself: that is the last one of a CPU
 * that is present. NULL: it is not known. */
static struct json_object *find_plug(struct json_object *operations, uint64_t index)
{
    for (size_t i = json_length(operations); i-- > 0;) {
        struct json_object *operation = json_at(operations, i);

        if (json_has(operation, "started") && json_has(operation, "cpu-index") &&
            json_number_of(operation, "cpu-index") == index)
            return operation;
    }
    return NULL;
}

/* The answers are those of query-hotpluggable-cpus, the highest first, and of query-cpu-operations, which may
 * be NULL. Returns a new array, the lowest first. */
static struct json_object *list_document(struct json_object *cpus, struct json_object *operations)
{
    struct json_object *list = json_new_array();
    const size_t count = json_length(cpus);

    for (size_t i = 0; i < count; i++) {
        struct json_object *cpu = json_at(cpus, count - 1 - i), *entry = json_append_object(list);
        struct json_object *plug = find_plug(operations, i);
        const char *path = json_text_of(cpu, "qom-path");
        bool present = json_has(cpu, "qom-path");

        add_number(entry, "cpu-index", i);
        add_bool(entry, "present", present);
        if (strncmp(path, PERIPHERAL, strlen(PERIPHERAL)) == 0)
            add_string(entry, "id", path + strlen(PERIPHERAL));
        if (present)
            add_string(entry, "qom-path", path);
        json_add(entry, "props", json_object_get(json_member(cpu, "props")));
        if (present && plug)
            add_bool(entry, "started", json_true(plug, "started"));
    }
    return list;
}

static const char *yes_no(struct json_object *entry, const char *name)
{
    return !json_has(entry, name) ? "-" : json_true(entry, name) ? "yes" : "no";
}

/* Without an id, the path is what device_del accepts. */
static const char *name_of(struct json_object *entry)
{
    const char *name = json_text_of(entry, json_has(entry, "id") ? "id" : "qom-path");

    return *name ? shown(name) : "-";
}

static void print_table(struct json_object *list)
{
    struct text text = { 0 };

    text_printf(&text, "%4s %6s %6s %6s %6s %-7s %-7s  %s\n", "CPU", "SOCKET", "CORE", "THREAD", "NODE",
                "PRESENT", "STARTED", "ID");
    for (size_t i = 0; i < json_length(list); i++) {
        struct json_object *entry = json_at(list, i), *props = json_member(entry, "props");

        text_printf(&text, "%4" PRIu64 " %6" PRIu64 " %6" PRIu64 " %6" PRIu64,
                    json_number_of(entry, "cpu-index"), json_number_of(props, "socket-id"),
                    json_number_of(props, "core-id"), json_number_of(props, "thread-id"));
        if (json_has(props, "node-id"))
            text_printf(&text, " %6" PRIu64, json_number_of(props, "node-id"));
        else
            text_printf(&text, " %6s", "-");
        text_printf(&text, " %-7s %-7s  %s\n", yes_no(entry, "present"), yes_no(entry, "started"),
                    name_of(entry));
    }
    print_text(&text);
}

enum status cpu_list_print(const struct options *options)
{
    struct json_object *cpus = NULL, *operations = NULL, *list;
    struct guest guest;
    enum status status;
    struct qmp *qmp = guest_connect(options, &guest, &status);

    if (!qmp)
        return status;
    if (guest_ask(options, qmp, "query-hotpluggable-cpus", NULL, &cpus, &status) &&
        guest_ask_optional(options, qmp, "query-cpu-operations", &operations, &status)) {
        list = list_document(cpus, operations);
        if (options->json)
            print_json(list, true);
        else
            print_table(list);
        json_object_put(list);
    }
    json_object_put(cpus);
    json_object_put(operations);
    qmp_close(qmp);
    return status;
}
