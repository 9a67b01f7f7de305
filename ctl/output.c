/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said, and how: ids and texts come from a monitor, and through it from anybody, so nothing of them
 * reaches the terminal that it would obey.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/props.h"
#include "base/result.h"
#include "base/text.h"
#include "ctl.h"

#define SHOWN_SIZE 1100

static char *next_buffer(void)
{
    static char buffers[SHOWN_COUNT][SHOWN_SIZE];
    static unsigned next;

    return buffers[next++ % SHOWN_COUNT];
}

/* The length of the character that begins here in UTF-8; 0 for none, and for those that a terminal obeys. */
static size_t harmless(const char *bytes, size_t length)
{
    const unsigned char *c = (const unsigned char *)bytes;
    size_t size = c[0] < 0x80 ? 1 : c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;

    if (c[0] < ' ' || c[0] == 0x7f || (c[0] >= 0x80 && c[0] < 0xc2) || c[0] > 0xf4 || size > length)
        return 0;
    if (c[0] == 0xc2 && c[1] < 0xa0) /* the control characters of 8 bits */
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

void text_shown(struct text *out, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t size = *bytes == '\n' ? 1 : harmless(bytes, length);

        text_append(out, size ? bytes : "?", size ? size : 1);
        size += size == 0;
        bytes += size;
        length -= size;
    }
}

const char *shown(const char *text)
{
    char *buffer = next_buffer();
    size_t length = strlen(text), used = 0;

    while (length > 0) {
        size_t size = harmless(text, length), taken = size ? size : 1;

        if (used + taken >= SHOWN_SIZE)
            break;
        memcpy(buffer + used, size ? text : "?", taken);
        used += taken;
        text += taken;
        length -= taken;
    }
    buffer[used] = '\0';
    return buffer;
}

size_t shown_width(const char *line, size_t columns)
{
    size_t length = 0;

    for (; line[length] && line[length] != '\n'; length++)
        if (((unsigned char)line[length] & 0xc0) != 0x80 && columns-- == 0)
            break;
    return length;
}

const char *shown_size(uint64_t bytes)
{
    static const char letters[] = "KMGTPE";
    char *buffer = next_buffer();
    double value = (double)bytes / 1024;
    unsigned unit = 0;

    size_text(bytes, buffer);
    /* Exact where that is short; what the host has resident is an odd number, of which one digit is enough.
     */
    if (bytes < 1024 || (strlen(buffer) <= sizeof "1023.75 GiB" - 1 && !strstr(buffer, "bytes") &&
                         (!strstr(buffer, "KiB") || bytes < UINT64_C(1) << 20)))
        return buffer;
    for (; value >= 1024 && unit < sizeof letters - 2; unit++)
        value /= 1024;
    snprintf(buffer, SHOWN_SIZE, "%.1f %ciB", value, letters[unit]);
    return buffer;
}

const char *shown_time(uint64_t milliseconds)
{
    char *buffer = next_buffer();
    int digits = milliseconds < 1000 ? 2 : milliseconds < 10000 ? 1 : 0;

    snprintf(buffer, SHOWN_SIZE, "%.*f s", digits, (double)milliseconds / 1000);
    return buffer;
}

void end_without_memory(void)
{
    static const char line[] = "hotramctl: out of memory; what was asked of the guest may have been done\n";

    (void)!write(STDERR_FILENO, line, sizeof line - 1);
    _exit(STATUS_ERROR);
}

void print_json(struct json_object *object, bool pretty)
{
    struct text text = { 0 };

    text_json(&text, object, pretty);
    text_string(&text, "\n");
    if (text.failed)
        end_without_memory();
    fwrite(text.bytes, 1, text.length, stdout);
    fflush(stdout);
    text_free(&text);
}

void print_text(struct text *text)
{
    struct text clean = { 0 };

    text_shown(&clean, text->bytes ? text->bytes : "", text->length);
    if (text->failed || clean.failed)
        end_without_memory();
    fwrite(clean.bytes ? clean.bytes : "", 1, clean.length, stdout);
    fflush(stdout);
    text_free(&clean);
    text_free(text);
}

enum status fail(const struct options *options, enum status status, const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "hotramctl: %s\n", shown(text));
    if (options->json) {
        struct json_object *document = json_new_object(), *error = json_new_object();

        add_string(error, "desc", text);
        add_number(error, "exit-status", status);
        json_add(document, "error", error);
        print_json(document, true);
        json_object_put(document);
    }
    return status;
}
