/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/json_string.h"

#include <string.h>

/* Unicode 15, 3.4 and 23.7: no surrogates, no noncharacters. */
static bool is_character(uint32_t code)
{
    return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) && (code < 0xfdd0 || code > 0xfdef) &&
           (code & 0xfffe) != 0xfffe;
}

size_t json_character(const char *at, size_t left, uint32_t *character)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const uint8_t *bytes = (const uint8_t *)at;
    size_t length = *bytes < 0x80 ? 1 : *bytes < 0xc0 ? 0 : *bytes < 0xe0 ? 2 : *bytes < 0xf0 ? 3 : 4;

    if (length == 0 || length > left || *bytes > 0xf7)
        return 0;
    *character = length == 1 ? *bytes : *bytes & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        *character = *character << 6 | (bytes[i] & 0x3fu);
    }
    if (*character < least[length])
        return length == 2 && *character == 0 ? 2 : 0;
    return is_character(*character) ? length : 0;
}

static size_t encode(uint32_t code, char *out)
{
    size_t length = code == 0 ? 2 : code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    for (size_t i = length; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(first[length] | code);
    return length;
}

/* Four hexadecimal digits, or -1. */
static int32_t read_hex(const char *at, const char *end)
{
    int32_t value = 0;

    for (int i = 0; i < 4; i++, at++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *found = at < end && *at ? strchr(digits, *at) : NULL;

        if (!found)
            return -1;
        value = value << 4 | (int32_t)((found - digits) & 15);
    }
    return value;
}

/* The character of \uXXXX, or of two that are surrogates; `at` is behind the u. */
static bool take_unicode(const char **at, const char *end, uint32_t *code)
{
    int32_t high = read_hex(*at, end), low;

    if (high < 0)
        return false;
    *at += 4;
    *code = (uint32_t)high;
    if (high < 0xd800 || high > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return true;
    low = read_hex(*at + 2, end);
    if (low < 0xdc00 || low > 0xdfff)
        return true;
    *at += 6;
    *code = 0x10000 + (((uint32_t)high & 0x3ff) << 10) + ((uint32_t)low & 0x3ff);
    return true;
}

/* `at` is behind the backslash. Never more bytes out than in. */
static bool take_escape(const char **at, const char *end, char **out, struct error *error)
{
    static const char letters[] = "\"'\\/bfnrt";
    static const char meanings[] = "\"'\\/\b\f\n\r\t";
    const char *start = *at - 1;
    const char *found = **at ? strchr(letters, **at) : NULL;
    uint32_t code;

    if (found) {
        *(*out)++ = meanings[found - letters];
        ++*at;
        return true;
    }
    if (**at != 'u')
        return error_set(error, "JSON parse error, invalid escape sequence '%.*s' in string", 2, start);
    ++*at;
    if (!take_unicode(at, end, &code))
        return error_set(error, "JSON parse error, invalid escape sequence '%.*s' in string", 6, start);
    if (!is_character(code))
        return error_set(error, "JSON parse error, %.*s is not a valid Unicode character", (int)(*at - start),
                         start);
    *out += encode(code, *out);
    return true;
}

bool json_string_decode(char *token, size_t *length, struct error *error)
{
    const char *at = token + 1, *end = token + *length - 1;
    char *out = token;

    while (at < end) {
        uint32_t character;
        size_t bytes;

        if (*at == '\\') {
            at++;
            if (!take_escape(&at, end, &out, error))
                return false;
            continue;
        }
        bytes = json_character(at, (size_t)(end - at), &character);
        if (bytes == 0)
            return error_set(error, "JSON parse error, invalid UTF-8 sequence in string");
        memmove(out, at, bytes);
        at += bytes;
        out += bytes;
    }
    *out = '\0';
    *length = (size_t)(out - token);
    return true;
}
