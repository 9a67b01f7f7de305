/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of a board's devices, and what is done with all of them: the list is walked, and the types say
 * what it means.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "host/io_thread.h"

/* A device that was expected (device_expect()) has these, and its I/O thread reads them meanwhile. */
static void set_fixed(struct device *device, struct board *board, const struct device_type *type)
{
    if (device->board != board)
        device->board = board;
    if (device->type != type)
        device->type = type;
}

static void append(struct device *device, struct board *board, const struct device_type *type)
{
    struct device **link = &board->devices;

    while (*link)
        link = &(*link)->next;
    set_fixed(device, board, type);
    device->next = NULL;
    *link = device;
}

bool device_enlist(struct device *device, struct board *board, const struct device_type *type, const char *id,
                   bool hotplugged, struct error *error)
{
    device->id = NULL;
    if (id && !(device->id = strdup(id)))
        return error_set(error, "out of memory");
    device->hotplugged = hotplugged;
    if (!id)
        device->anon = board->anonymous_devices++;
    append(device, board, type);
    return true;
}

void device_enlist_chip(struct device *device, struct board *board, const struct device_type *type)
{
    *device = (struct device){ 0 };
    append(device, board, type);
}

void device_enlist_unattached(struct device *device, struct board *board, const struct device_type *type,
                              uint32_t number)
{
    *device = (struct device){ .unattached = true, .anon = number };
    append(device, board, type);
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
        snprintf(buffer, DEVICE_PATH_SIZE, "/machine/%s/device[%" PRIu32 "]",
                 device->unattached ? "unattached" : "peripheral-anon", device->anon);
    return buffer;
}

static uint8_t *state_of(const struct device *device)
{
    return (uint8_t *)device + device->type->state_offset;
}

void devices_reset(const struct board *board)
{
    for (struct device *device = board->devices; device; device = device->next)
        if (device->type->reset)
            device->type->reset(device);
        else if (device->type->state)
            state_reset(device->type->state, state_of(device));
}

void devices_run(const struct board *board, bool run)
{
    for (struct device *device = board->devices; device; device = device->next)
        if (device->type->run)
            device->type->run(device, run);
}

const struct device *devices_busy(const struct board *board, const struct device *device)
{
    device = device ? device->next : board->devices;
    while (device && !(device->type->busy && device->type->busy(device)))
        device = device->next;
    return device;
}

const char *device_name(const struct device *device)
{
    return device->id ? device->id : device->type->name;
}

struct io_thread *device_io(struct board *board, struct error *error)
{
    if (!board->io)
        board->io = io_thread_create(error);
    return board->io;
}

void devices_aml(const struct board *board, bool chips, struct hotram_aml *aml)
{
    for (const struct device *device = board->devices; device; device = device->next)
        if (device->type->aml && chips == (device->type->build && !device->type->leads))
            device->type->aml(device, aml);
}

enum hotram_status devices_aml_events(const struct board *board, const struct hot_parts *parts,
                                      struct hotram_aml *aml)
{
    enum hotram_status status = HOTRAM_OK;

    for (const struct device *device = board->devices; device && status == HOTRAM_OK; device = device->next)
        if (device->type->aml_events)
            status = device->type->aml_events(device, parts, aml);
    return status;
}

void devices_fdt(const struct board *board, void (*write)(void *opaque, const struct tree_node *node),
                 void *opaque)
{
    for (const struct device *device = board->devices; device; device = device->next) {
        struct tree_node node = { 0 };

        if (device->type->fdt && device->type->fdt(device, &node))
            write(opaque, &node);
    }
}

void board_raise(const struct board *board, enum board_event event)
{
    if (board->raise)
        board->raise(board->events, event);
}

void board_drained(const struct board *board)
{
    if (board->drained)
        board->drained(board->machine);
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
    io_thread_destroy(board->io);
    board->io = NULL;
}
