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

#include "base/json_build.h"
#include "base/json_string.h"
#include "base/text.h"

static void put_value(struct text *text, struct json_object *value, bool pretty, unsigned depth);

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

void text_json_string(struct text *text, const char *string, size_t length)
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
            size_t taken = json_character(string + i, length - i, &character);

            put_escape(text, taken ? character : 0xfffd);
            i += taken ? taken : 1;
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
        text_json_string(text, name, strlen(name));
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

/* Without json-c's help, which would allocate. */
static void put_simple(struct text *text, struct json_object *value)
{
    char number[JSON_NUMBER_TEXT_MAX];

    switch (json_object_get_type(value)) {
    case json_type_boolean:
        text_string(text, json_object_get_boolean(value) ? "true" : "false");
        break;
    case json_type_int:
        text_string(text, json_number_text(value, number));
        break;
    case json_type_double:
        text_printf(text, "%.17g", json_object_get_double(value));
        break;
    default:
        text_string(text, "null");
    }
}

static void put_value(struct text *text, struct json_object *value, bool pretty, unsigned depth)
{
    text->failed |= json_is_marked(value);
    switch (json_object_get_type(value)) {
    case json_type_object:
        put_object(text, value, pretty, depth);
        break;
    case json_type_array:
        put_array(text, value, pretty, depth);
        break;
    case json_type_string:
        text_json_string(text, json_object_get_string(value), (size_t)json_object_get_string_len(value));
        break;
    default:
        put_simple(text, value);
    }
}

void text_json(struct text *text, struct json_object *object, bool pretty)
{
    put_value(text, object, pretty, 0);
}
