/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options that make a machine, in its snapshot: those that were given, but for objects and devices, which
 * come and go and are described as they are now. options/opt_restore.c reads them.
 *
 * Memory is stored as memory-backend-ram, whatever it is here: what kind of memory a guest has is the host's
 * concern, and a snapshot that somebody else wrote must not name files to which this host's memory belongs.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/props.h"
#include "base/text.h"
#include "device/device.h"
#include "machine/snapshot.h"
#include "machine/state.h"
#include "memory/backend.h"

#define VALUES_MAX 1024 /* bytes of any type's values */

static bool has_control(const char *text)
{
    while (*text && (unsigned char)*text >= ' ' && *text != 0x7f)
        text++;
    return *text != '\0';
}

/* Its name is "N NAME", which is unique. */
static void add(struct stream_writer *writer, unsigned *count, const char *option, const char *argument)
{
    char name[STREAM_NAME_MAX + 1];

    snprintf(name, sizeof name, "%u %s", ++*count, option);
    if (has_control(argument))
        stream_bytes(writer, name, argument, strlen(argument));
    else
        stream_text(writer, name, argument);
}

/* Without all of it the saved state would be another machine's: -restore refuses an empty argument. */
static void add_text(struct stream_writer *writer, unsigned *count, const char *option, struct text *text)
{
    add(writer, count, option, text->failed ? "" : text->bytes);
    text_free(text);
}

static void add_backends(const struct machine *machine, struct stream_writer *writer, unsigned *count)
{
    const struct backend *backend = NULL;

    while ((backend = backend_next(machine->backends, backend)) != NULL) {
        struct text text = { 0 };

        if (strcmp(backend->id, BACKEND_OF_RAM) == 0)
            continue;
        text_printf(&text, "memory-backend-ram,id=%s,size=%" PRIu64, backend->id, backend->size);
        add_text(writer, count, "object", &text);
    }
}

/* A property that was not given, and a text that is empty, have the type's default. */
static bool has_value(const struct property *property, const char *values)
{
    const char *text = NULL;
    bool given = true;

    if (property->given != PROPERTY_NO_GIVEN)
        memcpy(&given, values + property->given, sizeof given);
    if (property->type != PROPERTY_STRING && property->type != PROPERTY_TEXTS)
        return given;
    memcpy(&text, values + property->offset, sizeof text);
    return given && text && *text;
}

static void add_device(const struct device *device, struct stream_writer *writer, unsigned *count)
{
    const struct device_type *type = device->type;
    alignas(max_align_t) char values[VALUES_MAX] = { 0 };
    struct text text = { 0 };

    assert(type->values_size <= sizeof values);
    if (type->describe)
        type->describe(device, values);
    text_printf(&text, "%s", type->name);
    if (device->id)
        text_printf(&text, ",id=%s", device->id);
    for (size_t i = 0; type->describe && i < type->property_count; i++)
        if (has_value(&type->properties[i], values))
            property_print(&type->properties[i], values, &text);
    add_text(writer, count, "device", &text);
}

void saved_options_describe(const struct machine *machine, struct stream_writer *writer)
{
    const struct config *config = machine->config;
    unsigned count = 0;

    stream_open(writer, "options");
    for (size_t i = 0; i < config->given_count; i++)
        add(writer, &count, config->given[i].name, config->given[i].argument);
    add_backends(machine, writer, &count);
    for (const struct device *device = machine->board.devices; device; device = device->next)
        if (!device->type->build && !device->unattached) /* CPUs of -smp come with it */
            add_device(device, writer, &count);
}
