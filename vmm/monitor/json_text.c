/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON as QEMU writes it. json-c's own output differs in its spaces, and leaves characters beyond ASCII as
 * they are, where QEMU writes \uXXXX.
 */
#include <json-c/json_object.h>
#include <json-c/json_object_iterator.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "monitor/text.h"

static void put_value(struct text *text, struct json_object *value, bool pretty, unsigned depth);

/* Decode one character of UTF-8 (json-c has checked it); returns its length. */
static size_t decode(const unsigned char *at, size_t left, uint32_t *character)
{
    size_t length = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;

    if (length > left || (*at >= 0x80 && *at < 0xc2) || *at > 0xf4) {
        *character = 0xfffd;
        return 1;
    }
    *character = length == 1 ? *at : *at & (0x7fu >> length);
    for (size_t i = 1; i < length; i++)
        *character = *character << 6 | (at[i] & 0x3fu);
    return length;
}

static void put_escape(struct text *text, uint32_t character)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = character != 0 && character < 0x80 ? strchr(plain, (int)character) : NULL;

    if (found)
        text_printf(text, "\\%c", letters[found - plain]);
    else if (character < 0x10000)
        text_printf(text, "\\u%04X", character);
    else
        text_printf(text, "\\u%04X\\u%04X", 0xd800 + ((character - 0x10000) >> 10),
                    0xdc00 + ((character - 0x10000) & 0x3ff));
}

static void put_string(struct text *text, const char *string, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)string;
    size_t i = 0;

    text_string(text, "\"");
    while (i < length) {
        size_t start = i;
        uint32_t character;

        while (i < length && bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '\\')
            i++;
        text_append(text, string + start, i - start);
        if (i < length) {
            i += decode(bytes + i, length - i, &character);
            put_escape(text, character);
        }
    }
    text_string(text, "\"");
}

static void put_break(struct text *text, bool pretty, unsigned depth)
{
    if (pretty)
        text_printf(text, "\n%*s", (int)(depth * 4), "");
}

/* Between two members. */
static void put_comma(struct text *text, bool pretty)
{
    text_string(text, pretty ? "," : ", ");
}

static void put_object(struct text *text, struct json_object *object, bool pretty, unsigned depth)
{
    struct json_object_iterator at = json_object_iter_begin(object);
    struct json_object_iterator end = json_object_iter_end(object);
    bool first = true;

    text_string(text, "{");
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);

        if (!first)
            put_comma(text, pretty);
        first = false;
        put_break(text, pretty, depth + 1);
        put_string(text, name, strlen(name));
        text_string(text, ": ");
        put_value(text, json_object_iter_peek_value(&at), pretty, depth + 1);
    }
    if (!first)
        put_break(text, pretty, depth);
    text_string(text, "}");
}

static void put_array(struct text *text, struct json_object *array, bool pretty, unsigned depth)
{
    size_t length = json_object_array_length(array);

    text_string(text, "[");
    for (size_t i = 0; i < length; i++) {
        if (i > 0)
            put_comma(text, pretty);
        put_break(text, pretty, depth + 1);
        put_value(text, json_object_array_get_idx(array, i), pretty, depth + 1);
    }
    if (length > 0)
        put_break(text, pretty, depth);
    text_string(text, "]");
}

static void put_value(struct text *text, struct json_object *value, bool pretty, unsigned depth)
{
    switch (json_object_get_type(value)) {
    case json_type_object:
        put_object(text, value, pretty, depth);
        break;
    case json_type_array:
        put_array(text, value, pretty, depth);
        break;
    case json_type_string:
        put_string(text, json_object_get_string(value), (size_t)json_object_get_string_len(value));
        break;
    default:
        text_string(text, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
    }
}

void text_json(struct text *text, struct json_object *object, bool pretty)
{
    put_value(text, object, pretty, 0);
}
