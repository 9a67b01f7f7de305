/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_string.h"

struct text text_fixed(char *bytes, size_t capacity)
{
    bytes[0] = '\0';
    return (struct text){ .bytes = bytes, .capacity = capacity, .fixed = true };
}

/* False, too, behind a gap. */
static bool reserve(struct text *text, size_t more)
{
    size_t needed = text->length + more + 1;
    char *bytes;

    if (text->failed || needed <= text->capacity)
        return !text->failed;
    needed = needed < 256 ? 256 : needed * 2;
    bytes = text->fixed ? NULL : realloc(text->bytes, needed);
    if (!bytes) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->capacity = needed;
    return true;
}

void text_append(struct text *text, const char *bytes, size_t length)
{
    if (!reserve(text, length))
        return;
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void text_string(struct text *text, const char *string)
{
    text_append(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text->failed |= length < 0;
    if (text->failed || !reserve(text, (size_t)length))
        return;
    va_start(args, format);
    vsnprintf(text->bytes + text->length, (size_t)length + 1, format, args);
    va_end(args);
    text->length += (size_t)length;
}

void text_lines(struct text *text, const char *lines, size_t length)
{
    while (length > 0) {
        const char *newline = memchr(lines, '\n', length);
        size_t part = newline ? (size_t)(newline - lines) : length;

        text_append(text, lines, part);
        if (newline)
            text_append(text, "\r\n", 2);
        part += newline != NULL;
        lines += part;
        length -= part;
    }
}

void text_make_plain(char *bytes, size_t length)
{
    for (size_t at = 0, size; at < length; at += size) {
        uint32_t character = 0;

        size = json_character(bytes + at, length - at, &character);
        if (size > 0 && character >= ' ' && (character < 0x7f || character >= 0xa0))
            continue;
        size = size > 0 ? size : 1;
        memset(bytes + at, '?', size);
    }
}

void text_free(struct text *text)
{
    if (!text->fixed)
        free(text->bytes);
    *text = (struct text){ 0 };
}
