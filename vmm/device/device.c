/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/device.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/qom_path.h"

/* How much a message lists. */
#define NAMES_LENGTH 512

static void append(struct device *device, struct board *board)
{
    struct device **link = &board->devices;

    while (*link)
        link = &(*link)->next;
    device->board = board;
    device->next = NULL;
    *link = device;
}

bool device_enlist(struct device *device, struct board *board, const struct device_type *type, const char *id,
                   bool hotplugged, struct error *error)
{
    device->id = NULL;
    if (id && !(device->id = strdup(id)))
        return error_set(error, "out of memory");
    device->type = type;
    device->hotplugged = hotplugged;
    if (!id)
        device->anon = board->anonymous_devices++;
    append(device, board);
    return true;
}

void device_delist(struct device *device)
{
    struct device **link = &device->board->devices;

    while (*link != device)
        link = &(*link)->next;
    *link = device->next;
    free(device->id);
    device->id = NULL;
}

char *device_path(const struct device *device, char buffer[DEVICE_PATH_SIZE])
{
    if (device->id)
        snprintf(buffer, DEVICE_PATH_SIZE, "/machine/peripheral/%s", device->id);
    else
        snprintf(buffer, DEVICE_PATH_SIZE, "/machine/peripheral-anon/device[%" PRIu32 "]", device->anon);
    return buffer;
}

struct device *device_find(const struct board *board, const char *id)
{
    struct device *device = board->devices;

    while (device && !(device->id && strcmp(device->id, id) == 0))
        device = device->next;
    return device;
}

struct device *device_next(const struct board *board, const struct device *device)
{
    struct device *next = device ? device->next : board->devices;

    while (next && !next->present)
        next = next->next;
    return next;
}

/* The id of a device that is to be added. */
static bool check_id(const struct board *board, struct props props, const char **id, struct error *error)
{
    const struct device *other;

    error->text[0] = '\0';
    *id = props_string(props, "id", error);
    if (!*id)
        return error->text[0] == '\0';
    if (!id_check(*id, error))
        return false;
    other = device_find(board, *id);
    return !other || other->type->hot /* says more itself */ ||
           error_set(error, "Duplicate device ID '%s': a %s has it; choose another id", *id,
                     other->type->name);
}

static bool check_single(const struct board *board, const struct device_type *type, struct error *error)
{
    for (const struct device *device = board->devices; type->single && device; device = device->next)
        if (device->type == type)
            return error_set(error, "a machine has one %s at most, and '%s' is there already", type->name,
                             device->id ? device->id : "one without an id");
    return true;
}

enum outcome device_add(struct board *board, struct props props, bool hot,
                        const struct completion *completion, struct error *error)
{
    const struct device_type *type;
    const char *driver, *id = NULL;

    error->text[0] = '\0';
    driver = props_string(props, "driver", error);
    if (!driver) {
        if (!error->text[0])
            error_set(error, "Parameter 'driver' is missing, such as driver=pc-dimm");
        return OUTCOME_FAILED;
    }
    type = device_type_require(driver, error);
    if (!type)
        return OUTCOME_FAILED;
    if (hot && !type->hot) {
        error_set(error, "Device '%s' can not be hotplugged; give it at start with -device", driver);
        return OUTCOME_FAILED;
    }
    if (!check_id(board, props, &id, error) || !check_single(board, type, error))
        return OUTCOME_FAILED;
    return type->create(board, id, props, hot, completion, error);
}

void device_not_found(const struct board *board, const char *reference, struct error *error)
{
    char list[NAMES_LENGTH] = "", path[DEVICE_PATH_SIZE];
    size_t length = 0;
    unsigned left_off = 0;

    for (const struct device *device = board->devices; device; device = device->next) {
        const char *name = device->id ? device->id : device_path(device, path);
        size_t need = strlen(name) + 2;

        if (!device->type->unplug)
            continue;
        if (left_off > 0 || length + need >= sizeof list) {
            left_off++;
            continue;
        }
        snprintf(list + length, sizeof list - length, "%s%s", length ? ", " : "", name);
        length = strlen(list);
    }
    if (!length && !left_off)
        error_set_class(error, ERROR_DEVICE_NOT_FOUND, "Device '%.200s' not found; no DIMM is plugged",
                        reference);
    else if (left_off)
        error_set_class(error, ERROR_DEVICE_NOT_FOUND,
                        "Device '%.200s' not found; there are: %s, and %u more (info memory-devices)",
                        reference, list, left_off);
    else
        error_set_class(error, ERROR_DEVICE_NOT_FOUND, "Device '%.200s' not found; there are: %s", reference,
                        list);
}

struct device *device_resolve(const struct board *board, const char *reference, struct error *error)
{
    struct device *found = device_find(board, reference);
    struct qom_search search = { .path = reference };
    char path[DEVICE_PATH_SIZE];

    if (found)
        return found;
    for (struct device *device = board->devices; device; device = device->next)
        if (qom_search_try(&search, device_path(device, path)))
            found = device;
    if (search.found == 0)
        device_not_found(board, reference, error);
    return qom_search_end(&search, error) ? found : NULL;
}

bool device_del(struct board *board, const char *reference, struct error *error)
{
    struct device *device = device_resolve(board, reference, error);

    if (!device || device->type->unplug)
        return device && device->type->unplug(device, error);
    return error_set(error, "Device '%.200s' cannot be unplugged: what is of type %s stays with the machine",
                     reference, device->type->name);
}

void devices_reset(const struct board *board)
{
    for (struct device *device = board->devices; device; device = device->next)
        if (device->type->reset)
            device->type->reset(device);
}

void devices_aml(const struct board *board, struct hotram_aml *aml)
{
    for (const struct device *device = board->devices; device; device = device->next)
        if (device->type->aml)
            device->type->aml(device, aml);
}

void devices_destroy(struct board *board)
{
    while (board->devices) {
        struct device *last = board->devices;

        while (last->next)
            last = last->next;
        device_delist(last);
        if (last->type->destroy)
            last->type->destroy(last);
    }
}
