/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct error *error, enum error_class class, const char *format, va_list args)
{
    if (!error)
        return;
    error->class = class;
    vsnprintf(error->text, sizeof error->text, format, args);
}

bool error_set(struct error *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(error, ERROR_GENERIC, format, args);
    va_end(args);
    return false;
}

bool error_set_class(struct error *error, enum error_class class, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(error, class, format, args);
    va_end(args);
    return false;
}

bool error_prefix(struct error *error, const char *format, ...)
{
    char text[sizeof error->text];
    va_list args;
    size_t used;

    if (!error)
        return false;
    memcpy(text, error->text, sizeof text);
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    used = strlen(error->text);
    snprintf(error->text + used, sizeof error->text - used, "%s", text);
    return false;
}

const char *error_class_name(enum error_class class)
{
    static const char *const names[] = {
        [ERROR_GENERIC] = "GenericError",
        [ERROR_COMMAND_NOT_FOUND] = "CommandNotFound",
        [ERROR_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
        [ERROR_DEVICE_NOT_FOUND] = "DeviceNotFound",
        [ERROR_KVM_MISSING_CAP] = "KVMMissingCap",
    };

    return names[class];
}
