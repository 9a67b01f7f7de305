/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Set once, before there are threads. */
static bool with_timestamp;
static const char *guest_name;

void message_configure(bool timestamps, const char *guest)
{
    with_timestamp = timestamps;
    guest_name = guest;
}

static void write_message(const char *kind, const char *format, va_list args)
{
    char stamp[40] = "";
    char text[2048];
    char line[2200];
    int length;

    if (with_timestamp) {
        struct timespec now;
        struct tm tm;
        size_t used;

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &tm);
        used = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(stamp + used, sizeof stamp - used, ".%06ldZ ", now.tv_nsec / 1000);
    }
    vsnprintf(text, sizeof text, format, args);
    length = snprintf(line, sizeof line, "%s%s%shotram: %s%s\n", stamp, guest_name ? guest_name : "",
                      guest_name ? " " : "", kind, text);
    if (length >= (int)sizeof line)
        length = sizeof line - 1;
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        return; /* nobody is there to be told */
}

void message(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_message("", format, args);
    va_end(args);
}

void warning(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_message("warning: ", format, args);
    va_end(args);
}
