/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/child_bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"

#define NAME_MAX_LENGTH 200u
#define NAMES_LENGTH 300u

static struct child_bus *find(const struct board *board, const char *name)
{
    struct child_bus *bus = board->buses;

    while (bus && strcmp(bus->name, name) != 0)
        bus = bus->next;
    return bus;
}

/* QEMU's names: after the device, or counted. */
static void make_name(const struct device *maker, const char *type, char name[NAME_MAX_LENGTH])
{
    unsigned number = 0;

    if (maker->id) {
        snprintf(name, NAME_MAX_LENGTH, "%.180s.0", maker->id);
        return;
    }
    do
        snprintf(name, NAME_MAX_LENGTH, "%.180s.%u", type, number++);
    while (find(maker->board, name));
}

bool child_bus_add(struct child_bus *bus, struct device *maker, const char *type, struct error *error)
{
    struct child_bus **link = &maker->board->buses;
    char name[NAME_MAX_LENGTH];

    make_name(maker, type, name);
    if (find(maker->board, name))
        return error_set(
            error,
            "Duplicate device ID '%.80s': the bus of the device would be '%.80s', and there is one "
            "already; choose another id",
            maker->id, name);
    *bus = (struct child_bus){ .type = type, .name = strdup(name), .maker = maker };
    if (!bus->name) {
        bus->type = NULL;
        return error_set(error, "out of memory");
    }
    while (*link)
        link = &(*link)->next;
    *link = bus;
    return true;
}

void child_bus_remove(struct child_bus *bus)
{
    struct child_bus **link;

    if (!bus->type)
        return;
    link = &bus->maker->board->buses;
    while (*link != bus)
        link = &(*link)->next;
    *link = bus->next;
    free(bus->name);
    *bus = (struct child_bus){ 0 };
}

struct child_bus *child_bus_next(const struct board *board, const char *type, const struct child_bus *bus)
{
    struct child_bus *next = bus ? bus->next : board->buses;

    while (next && strcmp(next->type, type) != 0)
        next = next->next;
    return next;
}

static void list_names(const struct board *board, const char *type, char names[NAMES_LENGTH])
{
    const struct child_bus *bus = NULL;
    size_t length = 0;

    while ((bus = child_bus_next(board, type, bus)) != NULL) {
        const bool fits = length + strlen(bus->name) + 8 < NAMES_LENGTH;

        length += (size_t)snprintf(names + length, NAMES_LENGTH - length, "%s%s", length ? ", " : "",
                                   fits ? bus->name : "...");
        if (!fits)
            return;
    }
}

struct child_bus *child_bus_require(const struct board *board, const struct device_type *type,
                                    const char *name, const char *maker, struct error *error)
{
    struct child_bus *bus = child_bus_next(board, type->bus, NULL);
    char names[NAMES_LENGTH] = "";

    if (!bus) {
        error_set(error, "No '%s' bus found for device '%s': add a %s before it", type->bus, type->name,
                  maker);
        return NULL;
    }
    if (!name)
        return bus;
    while (bus && strcmp(bus->name, name) != 0)
        bus = child_bus_next(board, type->bus, bus);
    if (bus)
        return bus;
    list_names(board, type->bus, names);
    error_set(error, "Bus '%.80s' of type %s not found for device '%s'; there %s: %s", name, type->bus,
              type->name, strchr(names, ',') ? "are" : "is", names);
    return NULL;
}
