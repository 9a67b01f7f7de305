/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of devices whose device_add waits for another program. */
#include <string.h>

#include "device/device.h"

void device_expect(struct device *device, struct board *board)
{
    if (device->board != board) /* it may be expected again, while its I/O thread runs */
        device->board = board;
    device->coming = true;
    device->next = board->coming;
    board->coming = device;
}

void device_expected(struct device *device)
{
    struct device **link = &device->board->coming;

    while (*link != device)
        link = &(*link)->next;
    *link = device->next;
    device->coming = false;
}

struct device *device_coming(const struct board *board, const char *reference)
{
    char path[DEVICE_PATH_SIZE];
    struct device *device = board->coming;

    while (device && !(device->id && (strcmp(device->id, reference) == 0 ||
                                      strcmp(device_path(device, path), reference) == 0)))
        device = device->next;
    return device;
}

const struct device *device_any(const struct board *board, const struct device *device)
{
    const struct device *next = device ? device->next : board->devices;

    return next || (device && device->coming) ? next : board->coming;
}

bool device_cancel_add(const struct board *board, const void *asker)
{
    struct device *device = board->coming;
    struct error why;

    while (device && device->asker != asker)
        device = device->next;
    if (!device)
        return false;
    error_set(&why, "the device_add of %.200s was cancelled", device_name(device));
    device->type->give_up(device, &why, false);
    return true;
}

bool devices_none_coming(const struct board *board, struct error *error)
{
    return !board->coming ||
           error_set(
               error,
               "device '%.200s' is being added, and its back end has not answered yet; wait for the end "
               "of its device_add",
               device_name(board->coming));
}

void devices_stop_coming(const struct board *board)
{
    struct error why;

    error_set(&why, "the program ends");
    while (board->coming)
        board->coming->type->give_up(board->coming, &why, true);
}
