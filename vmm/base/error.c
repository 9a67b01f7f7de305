/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

static const char more[] = "...";

/* A text that is being written. */
struct words {
    char *text;
    size_t size;
    size_t used;
    bool full;
};

/* How many bytes of a text, of at most `most`, end with a character. */
static size_t whole_characters(const char *text, size_t most)
{
    while (most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80)
        most--;
    return most;
}

static void put(struct words *words, const char *bytes, size_t count)
{
    size_t room = words->size - 1 - words->used;

    if (words->full)
        return;
    if (count > room) {
        words->full = true;
        count = room;
    }
    memcpy(words->text + words->used, bytes, count);
    words->used += count;
}

static void end_words(struct words *words)
{
    words->text[words->used] = '\0';
    if (!words->full || words->size < 2 * sizeof more)
        return;
    words->used = whole_characters(words->text, words->size - sizeof more);
    memcpy(words->text + words->used, more, sizeof more);
}

/* A value from outside: of more than `most` bytes so many. */
static void put_value(struct words *words, const char *value, size_t most)
{
    const char *nul = memchr(value, '\0', most + 1);

    if (!nul) {
        put(words, value, whole_characters(value, most));
        put(words, more, sizeof more - 1);
    } else {
        put(words, value, (size_t)(nul - value));
    }
}

/* "%-8lx": where it is in a format, without what follows. */
struct conversion {
    char text[32];
    size_t length;
    long precision; /* as written; -1: none, or "*" */
    int star;       /* the value of a "*" that is its precision; -1: none */
    int longs;      /* l, ll, z, j: how many longs the number is */
    char kind;
};

static const char *read_conversion(const char *at, struct conversion *conversion)
{
    const char *start = at;

    *conversion = (struct conversion){ .precision = -1, .star = -1 };
    for (at++; *at && strchr("-+ #0123456789", *at); at++)
        ;
    if (*at == '.' && at[1] == '*') {
        conversion->star = 0;
        at += 2;
    } else if (*at == '.') {
        conversion->precision = strtol(at + 1, (char **)&at, 10);
    }
    for (; *at && strchr("hlzj", *at); at++)
        conversion->longs += *at != 'h';
    conversion->kind = *at;
    conversion->length = (size_t)(at + (*at != '\0') - start);
    if (conversion->length < sizeof conversion->text) /* as all formats of this program are */
        memcpy(conversion->text, start, conversion->length);
    return start + conversion->length;
}

/* Of any other kind than a string. */
static void put_number(struct words *words, const struct conversion *conversion, va_list *args)
{
    const char *format = conversion->text;
    char text[64];
    int length;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (strchr("eEfFgG", conversion->kind))
        length = snprintf(text, sizeof text, format, va_arg(*args, double));
    else if (conversion->kind == 'p')
        length = snprintf(text, sizeof text, format, va_arg(*args, void *));
    else if (conversion->longs > 1)
        length = snprintf(text, sizeof text, format, va_arg(*args, long long));
    else if (conversion->longs > 0)
        length = snprintf(text, sizeof text, format, va_arg(*args, long));
    else
        length = snprintf(text, sizeof text, format, va_arg(*args, int));
#pragma GCC diagnostic pop
    put(words, text, length < (int)sizeof text ? (size_t)length : sizeof text - 1);
}

static void put_string(struct words *words, const struct conversion *conversion, const char *value)
{
    const bool quoted = words->used > 0 && words->text[words->used - 1] == '\'';
    const char *nul;

    if (!value)
        value = "(null)";
    if (conversion->star < 0) {
        put_value(words, value,
                  conversion->precision >= 0 ? (size_t)conversion->precision
                  : quoted                   ? WORDS_QUOTED_MAX
                                             : WORDS_OTHER);
        return;
    }
    nul = memchr(value, '\0', (size_t)conversion->star);
    put(words, value, nul ? (size_t)(nul - value) : (size_t)conversion->star);
}

static void format_all(char *text, size_t size, const char *format, va_list *args)
{
    struct words words = { .text = text, .size = size };

    while (*format) {
        size_t length = strcspn(format, "%");
        struct conversion conversion;

        put(&words, format, length);
        format += length;
        if (!*format)
            break;
        format = read_conversion(format, &conversion);
        if (conversion.star == 0)
            conversion.star = va_arg(*args, int);
        if (conversion.kind == '%')
            put(&words, "%", 1);
        else if (conversion.kind == 's')
            put_string(&words, &conversion, va_arg(*args, const char *));
        else
            put_number(&words, &conversion, args);
    }
    end_words(&words);
}

void words_format(char *text, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_all(text, size, format, &args);
    va_end(args);
}

/* ---- errors ---- */

static void fill(struct error *error, enum error_class class, const char *format, va_list *args)
{
    if (!error)
        return;
    error->class = class;
    format_all(error->text, sizeof error->text, format, args);
}

bool error_set(struct error *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(error, ERROR_GENERIC, format, &args);
    va_end(args);
    return false;
}

bool error_set_class(struct error *error, enum error_class class, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(error, class, format, &args);
    va_end(args);
    return false;
}

bool error_prefix(struct error *error, const char *format, ...)
{
    char before[sizeof error->text], after[sizeof error->text];
    va_list args;

    if (!error)
        return false;
    memcpy(after, error->text, sizeof after);
    va_start(args, format);
    format_all(before, sizeof before, format, &args);
    va_end(args);
    words_format(error->text, sizeof error->text, "%s%s", before, after);
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
