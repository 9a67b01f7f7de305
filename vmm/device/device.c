/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/qom_path.h"
#include "device/child_bus.h"
#include "device/request.h"

/* How much a message lists. */
#define NAMES_LENGTH 512

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
static bool check_id(const struct board *board, const struct device_type *type, struct props props,
                     const char **id, struct error *error)
{
    const struct device *other;

    error->text[0] = '\0';
    *id = props_string(props, "id", error);
    if (!*id)
        return error->text[0] == '\0';
    if (!id_check(*id, error))
        return false;
    other = device_coming(board, *id);
    if (other)
        return error_set(
            error,
            "Duplicate device ID '%s': a %s uses it, whose back end has not answered yet; choose "
            "another id, or device_del %s",
            *id, other->type->name, *id);
    other = device_find(board, *id);
    return !other || type->own_ids ||
           error_set(error, "Duplicate device ID '%s': a %s uses it; choose another id", *id,
                     other->type->name);
}

static bool check_single(const struct board *board, const struct device_type *type, struct error *error)
{
    for (const struct device *device = board->devices; type->single && device; device = device->next)
        if (device->type == type)
            return device->id
                       ? error_set(error, "a machine supports only one %s, and '%s' already exists",
                                   type->name, device->id)
                       : error_set(error,
                                   "a machine supports only one %s, and one without an id already exists",
                                   type->name);
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
        error_set(error, "Device '%s' can not be hotplugged; add it at start with -device", driver);
        return OUTCOME_FAILED;
    }
    if (!check_id(board, type, props, &id, error) || !check_single(board, type, error))
        return OUTCOME_FAILED;
    return type->create(board, id, props, hot, completion, error);
}

static bool can_go(const struct device *device)
{
    return device->type->unplug && !(device->type->stays && device->type->stays(device));
}

/* The names of those that can be unplugged, of a type or (NULL) of all, as far as there is room. Returns how
 * many were left out. */
static unsigned list_names(const struct board *board, const struct device_type *type, char list[NAMES_LENGTH])
{
    char path[DEVICE_PATH_SIZE];
    size_t length = 0;
    unsigned left_out = 0;

    list[0] = '\0';
    for (const struct device *device = board->devices; device; device = device->next) {
        const char *name = device->id ? device->id : device_path(device, path);
        const size_t need = strlen(name) + 2;

        if (!can_go(device) || (type && device->type != type))
            continue;
        if (left_out > 0 || length + need >= NAMES_LENGTH) {
            left_out++;
            continue;
        }
        length += (size_t)snprintf(list + length, NAMES_LENGTH - length, "%s%s", length ? ", " : "", name);
    }
    return left_out;
}

static void refuse_unknown(const struct board *board, const char *reference, const struct device_type *type,
                           struct error *error)
{
    char list[NAMES_LENGTH];
    const unsigned left_out = list_names(board, type, list);

    if (left_out)
        error_set_class(
            error, ERROR_DEVICE_NOT_FOUND,
            "Device '%.200s' not found; available: %s, and %u more (QMP: qom-list /machine/peripheral)",
            reference, list, left_out);
    else if (list[0])
        error_set_class(error, ERROR_DEVICE_NOT_FOUND, "Device '%.200s' not found; available: %s", reference,
                        list);
    else if (type)
        error_set_class(error, ERROR_DEVICE_NOT_FOUND, "Device '%.200s' not found; no %s is plugged",
                        reference, type->name);
    else
        error_set_class(error, ERROR_DEVICE_NOT_FOUND,
                        "Device '%.200s' not found; there is no device that can be unplugged", reference);
}

static void refuse_type(const struct device *device, const char *reference, const struct device_type *type,
                        struct error *error)
{
    if (can_go(device))
        error_set(error, "Device '%.200s' is a %s, not a %s; device_del %.200s unplugs it", reference,
                  device->type->name, type->name, reference);
    else
        error_set(error, "Device '%.200s' is a %s, not a %s, and permanent", reference, device->type->name,
                  type->name);
}

struct device *device_resolve(const struct board *board, const char *reference,
                              const struct device_type *type, struct error *error)
{
    struct device *found = device_find(board, reference);
    struct qom_search search = { .path = reference };
    char path[DEVICE_PATH_SIZE];

    for (struct device *device = found ? NULL : board->devices; device; device = device->next)
        if (!device->type->build && qom_search_try(&search, device_path(device, path)))
            found = device;
    if (!found)
        refuse_unknown(board, reference, type, error);
    if (!found || (search.found > 0 && !qom_search_end(&search, error)))
        return NULL;
    if (!type || found->type == type)
        return found;
    refuse_type(found, reference, type, error);
    return NULL;
}

static struct device *child_of(const struct device *maker)
{
    struct device *device = maker->board->devices;

    while (device && !(device->on && device->on->maker == maker))
        device = device->next;
    return device;
}

void device_remove(struct device *device)
{
    const struct board *board = device->board;
    char path[DEVICE_PATH_SIZE];
    struct device *child;

    while ((child = child_of(device)) != NULL)
        device_remove(child);
    board->event(board->machine, &(struct event){ .kind = EVENT_DEVICE_DELETED,
                                                  .device.id = device->id,
                                                  .device.path = device_path(device, path) });
    device_request_happens(device, DEVICE_GONE);
    device_delist(device);
    device->type->destroy(device);
    board_drained(board); /* what it had not said yet: somebody may wait for it to be no longer busy */
}

static bool is_busy(const struct device *device)
{
    return device->type->busy && device->type->busy(device);
}

void device_leave(struct device *device)
{
    device->leaving = true;
    if (device->type->leave)
        device->type->leave(device);
    if (!is_busy(device))
        device_remove(device);
}

void devices_remove_left(const struct board *board)
{
    struct device *device = board->devices;

    while (device)
        if (device->leaving && !is_busy(device)) {
            device_remove(device);
            device = board->devices; /* others may have gone with it */
        } else {
            device = device->next;
        }
}

static bool cancel_add(struct device *device)
{
    struct error why;

    error_set(&why, "device_del %.200s has cancelled its device_add", device->id);
    device->type->give_up(device, &why, false);
    return true;
}

bool device_del(struct board *board, const char *reference, struct error *error)
{
    struct device *device = device_coming(board, reference);

    if (device)
        return cancel_add(device);
    device = device_resolve(board, reference, NULL, error);
    if (device && device->leaving)
        return error_set(
            error,
            "Device '%.200s' is already in the process of unplug: the guest has let it go, and the "
            "host still works on its requests; DEVICE_DELETED follows them",
            reference);
    if (!device || device->type->unplug)
        return device && device->type->unplug(device, error);
    return error_set(error, "Device '%.200s' cannot be unplugged: devices of type %s are permanent",
                     reference, device->type->name);
}
