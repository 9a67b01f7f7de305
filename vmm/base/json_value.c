/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From tokens to a value, one token at a time: the grammar of RFC 8259, and json-c's objects that are built.
 */
#include "base/json_value.h"

#include <errno.h>
#include <json-c/json_object.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_string.h"

/* What can come next. */
enum {
    A_VALUE,
    VALUE_OR_END, /* of an array */
    NAME,
    NAME_OR_END, /* of an object */
    COLON,
    SEPARATOR_OR_END, /* of either */
};

static void refuse(struct json_reader *reader)
{
    reader->failed = true;
    reader->problem_at = reader->at;
}

static void complain(struct json_reader *reader, const char *what)
{
    refuse(reader);
    error_set(&reader->problem, "JSON parse error, %s", what);
}

void json_value_discard(struct json_reader *reader)
{
    reader->failed = true;
    reader->lexer.mute = true;
    json_object_put(reader->root);
    reader->root = NULL;
    reader->depth = 0;
}

void json_value_out_of_memory(struct json_reader *reader)
{
    if (reader->failed)
        return;
    error_set(&reader->problem, "out of memory");
    json_value_discard(reader);
}

/* ---- values ---- */

/* Its place is in the container that is open, or it is the root. It is taken over. */
static bool attach(struct json_reader *reader, struct json_object *value)
{
    struct json_object *parent = reader->depth > 0 ? reader->open[reader->depth - 1] : NULL;
    int failed = 0;

    if (!parent)
        reader->root = value;
    else if (json_object_is_type(parent, json_type_array))
        failed = json_object_array_add(parent, value);
    else
        failed = json_object_object_add_ex(parent, reader->key.bytes, value, JSON_C_OBJECT_ADD_KEY_IS_NEW);
    if (failed) {
        json_object_put(value);
        json_value_out_of_memory(reader);
    }
    return !failed;
}

static void open_container(struct json_reader *reader, bool object)
{
    struct json_object *container = object ? json_object_new_object() : json_object_new_array_ext(4);

    if (container && reader->depth == reader->capacity) {
        unsigned capacity = reader->capacity ? reader->capacity * 2 : 8;
        struct json_object **open = realloc(reader->open, capacity * sizeof *open);

        if (!open) {
            json_object_put(container);
            container = NULL;
        } else {
            reader->open = open;
            reader->capacity = capacity;
        }
    }
    if (!container)
        json_value_out_of_memory(reader);
    else if (attach(reader, container))
        reader->open[reader->depth++] = container;
    reader->expects = object ? NAME_OR_END : VALUE_OR_END;
}

static struct json_object *make_integer(const char *text)
{
    int64_t number;
    uint64_t large;

    errno = 0;
    number = strtoll(text, NULL, 10);
    if (errno == 0)
        return json_object_new_int64(number);
    errno = 0;
    large = strtoull(text, NULL, 10);
    if (errno == 0 && text[0] != '-')
        return json_object_new_uint64(large);
    return json_object_new_double(strtod(text, NULL));
}

/* NULL: out of memory, or a complaint was made. */
static struct json_object *make_string(struct json_reader *reader)
{
    struct json_bytes *token = &reader->lexer.token;

    if (json_string_decode(token->bytes, &token->length, &reader->problem))
        return json_object_new_string_len(token->bytes, (int)token->length);
    refuse(reader);
    return NULL;
}

static struct json_object *make_word(struct json_reader *reader, bool *null)
{
    const char *word = reader->lexer.token.bytes;

    *null = strcmp(word, "null") == 0;
    if (*null || strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
        return *null ? NULL : json_object_new_boolean(word[0] == 't');
    refuse(reader);
    error_set(&reader->problem, "JSON parse error, invalid keyword '%.40s'", word);
    return NULL;
}

static void put_scalar(struct json_reader *reader, enum json_token token)
{
    const char *text = reader->lexer.token.bytes;
    struct json_object *value;
    bool null = false;

    if (token == JSON_TOKEN_STRING)
        value = make_string(reader);
    else if (token == JSON_TOKEN_WORD)
        value = make_word(reader, &null);
    else if (!isfinite(strtod(text, NULL)))
        return complain(reader, "a number that is too large");
    else
        value = token == JSON_TOKEN_INTEGER ? make_integer(text) : json_object_new_double(strtod(text, NULL));
    if (!value && !null)
        json_value_out_of_memory(reader); /* or has complained */
    else
        attach(reader, value);
    reader->expects = SEPARATOR_OR_END;
}

/* ---- tokens ---- */

static void take_value(struct json_reader *reader, enum json_token token)
{
    switch (token) {
    case JSON_TOKEN_OPEN_OBJECT:
    case JSON_TOKEN_OPEN_ARRAY:
        open_container(reader, token == JSON_TOKEN_OPEN_OBJECT);
        break;
    case JSON_TOKEN_STRING:
    case JSON_TOKEN_INTEGER:
    case JSON_TOKEN_FLOAT:
    case JSON_TOKEN_WORD:
        put_scalar(reader, token);
        break;
    default:
        complain(reader, "expecting value");
    }
}

static void take_name(struct json_reader *reader, enum json_token token)
{
    struct json_bytes key = reader->key;

    if (token != JSON_TOKEN_STRING)
        return complain(reader, "key is not a string in object");
    if (!json_string_decode(reader->lexer.token.bytes, &reader->lexer.token.length, &reader->problem))
        return refuse(reader);
    reader->key = reader->lexer.token;
    reader->lexer.token = key;
    if (json_object_object_get_ex(reader->open[reader->depth - 1], reader->key.bytes, NULL))
        complain(reader, "duplicate key");
    reader->expects = COLON;
}

static void close_container(struct json_reader *reader)
{
    reader->depth--;
    reader->expects = SEPARATOR_OR_END;
}

static void take_separator(struct json_reader *reader, enum json_token token, bool array)
{
    if (token == (array ? JSON_TOKEN_CLOSE_ARRAY : JSON_TOKEN_CLOSE_OBJECT))
        close_container(reader);
    else if (token == JSON_TOKEN_COMMA)
        reader->expects = array ? A_VALUE : NAME;
    else
        complain(reader, array ? "expected separator in list" : "expected separator in dict");
}

void json_value_build(struct json_reader *reader, enum json_token token)
{
    bool array = reader->depth > 0 && json_object_is_type(reader->open[reader->depth - 1], json_type_array);

    switch (reader->expects) {
    case VALUE_OR_END:
        if (token == JSON_TOKEN_CLOSE_ARRAY)
            close_container(reader);
        else
            take_value(reader, token);
        break;
    case NAME_OR_END:
        if (token == JSON_TOKEN_CLOSE_OBJECT)
            close_container(reader);
        else
            take_name(reader, token);
        break;
    case NAME:
        take_name(reader, token);
        break;
    case COLON:
        reader->expects = A_VALUE;
        if (token != JSON_TOKEN_COLON)
            complain(reader, "missing : in object pair");
        break;
    case SEPARATOR_OR_END:
        take_separator(reader, token, array);
        break;
    default:
        take_value(reader, token);
    }
}
