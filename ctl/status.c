/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status and list: what a guest has.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "base/result.h"
#include "guest.h"
#include "operation.h"
#include "view.h"

static struct json_object *blocks_at(const struct view *view, size_t index)
{
    struct json_object *device = json_at(view->devices, index);

    return strcmp(json_text_of(device, "type"), "virtio-mem") == 0 ? json_member(device, "data") : NULL;
}

static bool has_blocks(const struct view *view)
{
    for (size_t i = 0; i < json_length(view->devices); i++)
        if (blocks_at(view, i))
            return true;
    return false;
}

static void print_blocks(struct text *text, const struct view *view)
{
    for (size_t i = 0; i < json_length(view->devices); i++) {
        struct json_object *data = blocks_at(view, i);

        if (data)
            text_printf(text, "blocks:    %s: %s of %s plugged, %s requested\n",
                        json_member(data, "id") ? shown(json_text_of(data, "id")) : "(no id)",
                        shown_size(json_number_of(data, "size")),
                        shown_size(json_number_of(data, "max-size")),
                        shown_size(json_number_of(data, "requested-size")));
    }
}

static void print_status(const struct view *view, const struct guest *guest)
{
    const char *name = json_text_of(view->name, "name");
    struct text text = { 0 };

    text_printf(&text, "guest:     %s (process %ld), %s\n", *name ? shown(name) : shown(guest->path),
                (long)view->pid, shown(json_text_of(view->state, "status")));
    if (view->cpus)
        text_printf(&text, "cpus:      %zu of %zu possible\n", view_present_cpus(view->cpus),
                    json_length(view->cpus));
    text_printf(&text, "memory:    %s: %s at start, %s in DIMMs%s\n", shown_size(view->base + view->plugged),
                shown_size(view->base), shown_size(view->plugged), has_blocks(view) ? " and blocks" : "");
    print_blocks(&text, view);
    if (view->maxmem)
        text_printf(&text, "maxmem:    %s\n", shown_size(view->maxmem));
    text_printf(&text, "slots:     %zu of %" PRIu64 " in use\n", view_slots_in_use(view), view->slots);
    text_printf(&text, "resident:  %s on the host\n", shown_size(view->resident));
    operations_words(&text, "operation: ", view->operations);
    operations_words(&text, "operation: ", view->cpu_operations);
    operations_words(&text, "operation: ", view->device_operations);
    print_text(&text);
}

enum status run_status(struct options *options)
{
    struct error error = { 0 };
    struct guest guest;
    enum status status;
    struct view view;
    struct qmp *qmp = guest_connect(options, &guest, &status);

    if (!qmp)
        return status;
    if (!view_read(&view, qmp, options->answer_timeout, &error)) {
        status = fail(options, STATUS_ERROR, "%s", error.text);
    } else if (options->json) {
        struct json_object *document = view_document(&view, guest.path);

        print_json(document, true);
        json_object_put(document);
    } else {
        print_status(&view, &guest);
    }
    view_free(&view);
    qmp_close(qmp);
    return status;
}

/* Resident bytes of the backend that a DIMM has, whose path is "/objects/ID". */
static uint64_t resident_of(struct json_object *backends, const char *memdev)
{
    for (size_t i = 0; i < json_length(backends); i++) {
        struct json_object *backend = json_at(backends, i);

        if (strncmp(memdev, "/objects/", 9) == 0 && strcmp(memdev + 9, json_text_of(backend, "id")) == 0)
            return json_number_of(backend, "resident");
    }
    return 0;
}

static void print_dimms(struct json_object *devices, struct json_object *backends)
{
    struct text text = { 0 };

    text_printf(&text, "%4s %-20s %10s %4s %18s %10s  %s\n", "SLOT", "ID", "SIZE", "NODE", "ADDRESS",
                "RESIDENT", "MEMORY");
    for (size_t i = 0; i < json_length(devices); i++) {
        struct json_object *dimm = json_member(json_at(devices, i), "data");
        const char *id = json_text_of(dimm, "id"), *memdev = json_text_of(dimm, "memdev");

        if (json_member(dimm, "slot"))
            text_printf(&text, "%4" PRIu64, json_number_of(dimm, "slot"));
        else
            text_string(&text, "   -"); /* virtio-mem */
        text_printf(&text, " %-20s %10s %4" PRIu64 " %#18" PRIx64 " %10s  %s\n", *id ? shown(id) : "-",
                    shown_size(json_number_of(dimm, "size")), json_number_of(dimm, "node"),
                    json_number_of(dimm, json_member(dimm, "memaddr") ? "memaddr" : "addr"),
                    shown_size(resident_of(backends, memdev)), shown(memdev));
    }
    print_text(&text);
}

enum status run_list(struct options *options)
{
    struct json_object *devices = NULL, *backends = NULL;
    struct guest guest;
    enum status status;
    struct qmp *qmp = guest_connect(options, &guest, &status);

    if (!qmp)
        return status;
    if (guest_ask(options, qmp, "query-memory-devices", NULL, &devices, &status) &&
        guest_ask(options, qmp, "query-memdev", NULL, &backends, &status)) {
        if (options->json)
            print_json(devices, true);
        else
            print_dimms(devices, backends);
    }
    json_object_put(devices);
    json_object_put(backends);
    qmp_close(qmp);
    return status;
}
