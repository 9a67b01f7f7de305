/* SPDX-License-Identifier: BSD-2-Clause */
#include "json_check.h"

#include <string.h>

static const char *blank(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at;
}

static bool is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

static const char *digits(const char *at, const char *end)
{
    if (!is_digit(at, end))
        return NULL;
    while (is_digit(at, end))
        at++;
    return at;
}

static const char *number(const char *at, const char *end)
{
    at += at < end && *at == '-';
    at = at < end && *at == '0' ? at + 1 : digits(at, end);
    if (at && at < end && *at == '.')
        at = digits(at + 1, end);
    if (at && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        at = digits(at, end);
    }
    return at;
}

static const char *string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        if (*at < 0x20 || *at > 0x7e)
            return NULL;
        if (*at != '\\')
            continue;
        at++;
        if (at == end || !*at || !strchr("\"\\/bfnrtu", *at))
            return NULL;
        for (int i = 0; *at == 'u' && i < 4; i++)
            if (end - at <= i + 1 || !at[i + 1] || !strchr("0123456789abcdefABCDEF", at[i + 1]))
                return NULL;
    }
    return at < end ? at + 1 : NULL;
}

/* A member's name and its colon. */
static const char *name(const char *at, const char *end)
{
    if (at == end || *at != '"')
        return NULL;
    at = string(at, end);
    at = at ? blank(at, end) : NULL;
    return at && at < end && *at == ':' ? blank(at + 1, end) : NULL;
}

static const char *container(const char *at, const char *end, unsigned depth)
{
    bool object = *at == '{';
    char close = object ? '}' : ']';

    at = blank(at + 1, end);
    if (at < end && *at == close)
        return at + 1;
    while (at) {
        at = object ? name(at, end) : at;
        at = at ? json_check_value(at, end, depth - 1) : NULL;
        at = at ? blank(at, end) : NULL;
        if (!at || at == end || (*at != ',' && *at != close))
            return NULL;
        if (*at == close)
            return at + 1;
        at = blank(at + 1, end);
    }
    return NULL;
}

const char *json_check_value(const char *at, const char *end, unsigned depth)
{
    static const char *const words[] = { "true", "false", "null" };

    at = blank(at, end);
    if (at == end || depth == 0)
        return NULL;
    if (*at == '{' || *at == '[')
        return container(at, end, depth);
    if (*at == '"')
        return string(at, end);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if ((size_t)(end - at) >= strlen(words[i]) && memcmp(at, words[i], strlen(words[i])) == 0)
            return at + strlen(words[i]);
    return number(at, end);
}

struct span json_check_member(struct span object, const char *wanted)
{
    struct span found = { 0 };
    const char *at = blank(object.at, object.end);

    for (at = blank(at + 1, object.end); *at == '"' || *at == ',';) {
        const char *start = at = blank(at + (*at == ','), object.end);
        const char *value = name(at, object.end);

        at = json_check_value(value, object.end, 4096);
        if (strncmp(start + 1, wanted, strlen(wanted)) == 0 && start[1 + strlen(wanted)] == '"')
            found = (struct span){ value, at };
        at = blank(at, object.end);
    }
    return found;
}

bool json_check_is(struct span value, char first)
{
    return value.at && *value.at == first;
}
