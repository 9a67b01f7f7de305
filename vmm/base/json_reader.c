/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stream of values: where each begins and ends, and its limits. json_value.c builds it.
 *
 * A value that turns out to be bad, or for which memory is short, is taken to its end all the same, without
 * building anything: its sender receives one answer, and the next value is read from its beginning.
 */
#include "base/json_reader.h"

#include <json-c/json_object.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_value.h"

static void exceed(struct json_reader *reader, const char *what, size_t limit, const char *unit)
{
    if (!reader->failed)
        error_set(&reader->problem, "JSON %s limit exceeded, a value may have %zu %s", what, limit, unit);
    json_value_discard(reader);
}

static void count(struct json_reader *reader, enum json_token token)
{
    reader->braces += (token == JSON_TOKEN_OPEN_OBJECT) - (token == JSON_TOKEN_CLOSE_OBJECT);
    reader->brackets += (token == JSON_TOKEN_OPEN_ARRAY) - (token == JSON_TOKEN_CLOSE_ARRAY);
    reader->tokens += token == JSON_TOKEN_OPEN_OBJECT || token == JSON_TOKEN_OPEN_ARRAY ||
                      token == JSON_TOKEN_COMMA || token == JSON_TOKEN_COLON;
    reader->bytes += reader->lexer.token.length;
}

/* `more`: bytes of a token that is not whole. True: the value ends here, as in QEMU; too many brackets are
 * more likely forgotten than meant, and their ends need not come. */
static bool too_deep(struct json_reader *reader, size_t more)
{
    const struct json_limits *limits = reader->limits;

    if (reader->braces + reader->brackets > (int)limits->depth) {
        exceed(reader, "nesting depth", limits->depth, "levels");
        return true;
    }
    if (reader->lexer.mute)
        return false;
    if (reader->bytes + more > limits->bytes)
        exceed(reader, "size", limits->bytes, "bytes");
    else if (reader->tokens > limits->tokens)
        exceed(reader, "token count", limits->tokens, "values");
    return false;
}

/* ---- the stream ---- */

static void reset(struct json_reader *reader)
{
    json_object_put(reader->root);
    reader->lexer.mute = false;
    if (reader->key.capacity > 4096) {
        free(reader->key.bytes);
        reader->key = (struct json_bytes){ 0 };
    }
    *reader = (struct json_reader){ .limits = reader->limits,
                                    .lexer = reader->lexer,
                                    .open = reader->open,
                                    .capacity = reader->capacity,
                                    .key = reader->key };
}

static enum json_read fail(struct json_reader *reader, struct error *error)
{
    size_t at = reader->problem_at;

    *error = reader->problem;
    reset(reader);
    reader->problem_at = at;
    return JSON_READ_BAD;
}

static enum json_read stray(struct json_reader *reader, struct error *error)
{
    const struct json_bytes *token = &reader->lexer.token;
    size_t start = token->length > 8 ? token->length - 8 : 0;
    char shown[40] = "";
    size_t used = 0;

    if (reader->lexer.mute)
        return fail(reader, error);
    for (size_t i = start; i < token->length; i++) {
        uint8_t byte = (uint8_t)token->bytes[i];
        bool plain = byte >= 0x20 && byte < 0x7f;
        static const char digits[] = "0123456789abcdef";

        if (!plain) {
            memcpy(shown + used, "\\x", 2);
            shown[used + 2] = digits[byte >> 4];
            byte = (uint8_t)digits[byte & 15];
            used += 3;
        }
        shown[used++] = (char)byte;
    }
    reader->problem_at = reader->at;
    error_set(&reader->problem, "JSON parse error, stray '%s'", shown);
    return fail(reader, error);
}

/* A token has come. */
static enum json_read process(struct json_reader *reader, enum json_token token, struct json_object **value,
                              struct error *error)
{
    if (token == JSON_TOKEN_STRAY)
        return stray(reader, error);
    count(reader, token);
    if (too_deep(reader, 0))
        return fail(reader, error);
    if (reader->lexer.lost)
        json_value_out_of_memory(reader);
    if (!reader->failed)
        json_value_build(reader, token);
    if ((reader->braces > 0 || reader->brackets > 0) && reader->braces >= 0 && reader->brackets >= 0)
        return JSON_READ_MORE;
    if (reader->failed)
        return fail(reader, error);
    *value = reader->root;
    reader->root = NULL;
    reset(reader);
    return JSON_READ_VALUE;
}

enum json_read json_reader_take(struct json_reader *reader, const void *bytes, size_t length, size_t *taken,
                                struct json_object **value, struct error *error)
{
    const uint8_t *at = bytes;
    enum json_read result = JSON_READ_MORE;

    for (*taken = 0; *taken < length && result == JSON_READ_MORE;) {
        bool mine;
        enum json_token token = json_lexer_take(&reader->lexer, at[*taken], &mine);

        *taken += mine;
        reader->at += mine;
        if (token != JSON_TOKEN_NONE)
            result = process(reader, token, value, error);
        else
            too_deep(reader, reader->lexer.token.length);
    }
    return result;
}

bool json_reader_within(const struct json_reader *reader)
{
    return reader->braces > 0 || reader->brackets > 0 || json_lexer_within(&reader->lexer);
}

bool json_reader_failed(const struct json_reader *reader, struct error *error)
{
    if (reader->failed)
        *error = reader->problem;
    return reader->failed;
}

void json_reader_free(struct json_reader *reader)
{
    json_object_put(reader->root);
    json_lexer_free(&reader->lexer);
    free(reader->open);
    free(reader->key.bytes);
    *reader = (struct json_reader){ .limits = reader->limits };
}

bool json_is_huge(struct json_object *value)
{
    return json_object_is_type(value, json_type_double) && fabs(json_object_get_double(value)) >= 0x1p63;
}

/* ---- a text ---- */

/* At the end of a text that has no value yet. */
static enum json_read end_of_text(struct json_reader *reader, struct json_object **value, struct error *error)
{
    bool within = json_reader_within(reader);
    enum json_token token = json_lexer_end(&reader->lexer);
    enum json_read result = JSON_READ_MORE;

    if (token != JSON_TOKEN_NONE && token != JSON_TOKEN_STRAY)
        result = process(reader, token, value, error);
    if (result == JSON_READ_MORE)
        error_set(error, "JSON parse error, %s", within ? "the text ends too early" : "expecting value");
    return result;
}

bool json_read_text(const char *text, size_t length, const struct json_limits *limits,
                    struct json_object **value, struct error *error)
{
    struct json_reader reader = { .limits = limits };
    size_t taken;
    enum json_read result = json_reader_take(&reader, text, length, &taken, value, error);

    if (result == JSON_READ_BAD && reader.problem_at > 0) {
        size_t used = strlen(error->text);

        snprintf(error->text + used, sizeof error->text - used, ", at character %zu", reader.problem_at);
    }
    if (result == JSON_READ_MORE)
        result = end_of_text(&reader, value, error);
    json_reader_free(&reader);
    if (result != JSON_READ_VALUE)
        return false;
    while (taken < length && memchr(" \t\r\n", text[taken], 4))
        taken++;
    if (taken == length)
        return true;
    json_object_put(*value);
    *value = NULL;
    return error_set(error, "JSON parse error, there is more behind the value, at character %zu", taken + 1);
}
