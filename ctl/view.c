/* SPDX-License-Identifier: BSD-2-Clause */
#include "view.h"

#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/result.h"
#include "ctl.h"
#include "operation.h"

/* A command that this guest may not have: NULL then. */
static bool ask_optional(struct qmp *qmp, const char *command, uint64_t answer_timeout,
                         struct json_object **result, struct error *error)
{
    bool refused;

    return qmp_ask(qmp, command, NULL, answer_timeout, result, &refused, error) ||
           (refused && error->class == ERROR_COMMAND_NOT_FOUND);
}

/* A machine whose CPUs are fixed may refuse to list them, as -machine none does, and QEMU's microvm: NULL
 * then. */
static bool ask_cpus(struct qmp *qmp, uint64_t answer_timeout, struct json_object **result,
                     struct error *error)
{
    bool refused;

    return qmp_ask(qmp, "query-hotpluggable-cpus", NULL, answer_timeout, result, &refused, error) || refused;
}

size_t view_present_cpus(struct json_object *cpus)
{
    size_t count = 0;

    for (size_t i = 0; i < json_length(cpus); i++)
        count += json_has(json_at(cpus, i), "qom-path");
    return count;
}

/* Resident pages of a process: the second number of its statm. */
static uint64_t resident_of(pid_t pid)
{
    char path[64], text[128];
    uint64_t pages = 0;
    ssize_t length;
    int fd;

    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    if (sscanf(text, "%*u %" SCNu64, &pages) != 1)
        pages = 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* query-acpi-ospm-status lists CPUs, too. */
static uint64_t memory_slots(struct json_object *slots)
{
    uint64_t count = 0;

    for (size_t i = 0; i < json_length(slots); i++)
        count += strcmp(json_text_of(json_at(slots, i), "slot-type"), "CPU") != 0;
    return count;
}

bool view_read(struct view *view, struct qmp *qmp, uint64_t answer_timeout, struct error *error)
{
    struct json_object *sums = NULL, *slots = NULL;
    bool good;

    *view = (struct view){ .pid = qmp_pid(qmp) };
    good = qmp_ask(qmp, "query-name", NULL, answer_timeout, &view->name, NULL, error) &&
           qmp_ask(qmp, "query-status", NULL, answer_timeout, &view->state, NULL, error) &&
           qmp_ask(qmp, "query-memory-devices", NULL, answer_timeout, &view->devices, NULL, error) &&
           qmp_ask(qmp, "query-memory-size-summary", NULL, answer_timeout, &sums, NULL, error) &&
           qmp_ask(qmp, "query-acpi-ospm-status", NULL, answer_timeout, &slots, NULL, error) &&
           ask_optional(qmp, "query-memory-operations", answer_timeout, &view->operations, error) &&
           ask_optional(qmp, "query-cpu-operations", answer_timeout, &view->cpu_operations, error) &&
           ask_optional(qmp, "query-device-operations", answer_timeout, &view->device_operations, error) &&
           ask_cpus(qmp, answer_timeout, &view->cpus, error) &&
           ask_optional(qmp, "query-memory-map", answer_timeout, &view->map, error);
    view->base = json_number_of(sums, "base-memory");
    view->plugged = json_number_of(sums, "plugged-memory");
    view->slots = memory_slots(slots);
    if (view->map) /* what DIMMs may be in all, and 0 without slots */
        view->maxmem = view->base + json_number_of(json_member(view->map, "capacity"), "total");
    view->resident = resident_of(view->pid);
    json_object_put(sums);
    json_object_put(slots);
    return good;
}

void view_free(struct view *view)
{
    json_object_put(view->name);
    json_object_put(view->state);
    json_object_put(view->devices);
    json_object_put(view->operations);
    json_object_put(view->map);
    json_object_put(view->cpus);
    json_object_put(view->cpu_operations);
    json_object_put(view->device_operations);
    *view = (struct view){ 0 };
}

size_t view_slots_in_use(const struct view *view)
{
    size_t count = 0;

    for (size_t i = 0; i < json_length(view->devices); i++)
        count += strcmp(json_text_of(json_at(view->devices, i), "type"), "virtio-mem") != 0;
    return count;
}

size_t view_in_progress(const struct view *view)
{
    return operations_in_progress(view->operations) + operations_in_progress(view->cpu_operations) +
           operations_in_progress(view->device_operations);
}

/* Those in progress: a new array. */
static struct json_object *in_progress(struct json_object *operations)
{
    struct json_object *some = json_new_array();

    for (size_t i = 0; i < json_length(operations); i++)
        if (operation_in_progress(json_at(operations, i)))
            json_append(some, json_object_get(json_at(operations, i)));
    return some;
}

struct json_object *view_document(const struct view *view, const char *socket)
{
    struct json_object *document = json_new_object();
    const char *name = json_text_of(view->name, "name");
    uint64_t dimms = 0;

    if (*name)
        add_string(document, "name", name);
    add_string(document, "socket", socket);
    add_number(document, "pid", (uint64_t)view->pid);
    add_string(document, "status", json_text_of(view->state, "status"));
    add_number(document, "base-memory", view->base);
    add_number(document, "plugged-memory", view->plugged);
    add_number(document, "total-memory", view->base + view->plugged);
    if (view->maxmem)
        add_number(document, "maxmem", view->maxmem);
    for (size_t i = 0; i < json_length(view->devices); i++)
        dimms += strcmp(json_text_of(json_at(view->devices, i), "type"), "dimm") == 0;
    add_number(document, "dimms", dimms);
    add_number(document, "slots", view->slots);
    add_number(document, "resident", view->resident);
    if (view->cpus) {
        add_number(document, "cpus", view_present_cpus(view->cpus));
        add_number(document, "possible-cpus", json_length(view->cpus));
    }
    json_add(document, "operations", in_progress(view->operations));
    json_add(document, "cpu-operations", in_progress(view->cpu_operations));
    json_add(document, "device-operations", in_progress(view->device_operations));
    return document;
}
