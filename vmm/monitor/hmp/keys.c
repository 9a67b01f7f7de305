/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes from a terminal in pieces is put together here: escape sequences of function keys, characters
 * of UTF-8. The editor gets control characters in place of the function keys, so it never waits in the
 * middle of a sequence and needs to know nothing of the terminal; unknown sequences are dropped as a whole,
 * instead of leaving their tail in the line. Control characters for which the editor would want another key
 * at once (quoted insert, search), or that mean nothing here, are dropped too.
 */
#include "monitor/hmp/keys.h"

#include <string.h>

#define ESCAPE 0x1b
#define CONTROL(letter) ((letter)&0x1f)

/* What follows the escape, and the keys that stand for it. */
static const struct {
    const char *sequence;
    wchar_t keys[KEYS_MAX];
} sequences[] = {
    { "[A", { CONTROL('P') } },   { "[B", { CONTROL('N') } },   { "[C", { CONTROL('F') } },
    { "[D", { CONTROL('B') } },   { "OA", { CONTROL('P') } },   { "OB", { CONTROL('N') } },
    { "OC", { CONTROL('F') } },   { "OD", { CONTROL('B') } },   { "[H", { CONTROL('A') } },
    { "[F", { CONTROL('E') } },   { "OH", { CONTROL('A') } },   { "OF", { CONTROL('E') } },
    { "[1~", { CONTROL('A') } },  { "[4~", { CONTROL('E') } },  { "[7~", { CONTROL('A') } },
    { "[8~", { CONTROL('E') } },  { "[3~", { CONTROL('D') } },  { "[1;5C", { ESCAPE, 'f' } },
    { "[1;5D", { ESCAPE, 'b' } }, { "[1;3C", { ESCAPE, 'f' } }, { "[1;3D", { ESCAPE, 'b' } },
    { "b", { ESCAPE, 'b' } },     { "f", { ESCAPE, 'f' } },     { "d", { ESCAPE, 'd' } },
    { "\x7f", { CONTROL('W') } }, { "\b", { CONTROL('W') } },
};

static const char controls[] = "\x01\x02\x04\x05\x06\b\t\n\x0b\x0c\r\x0e\x10\x12\x14\x15\x17\x19\x7f";

static size_t emit(const wchar_t keys[KEYS_MAX], wchar_t out[KEYS_MAX])
{
    memcpy(out, keys, KEYS_MAX * sizeof *out);
    return out[1] ? 2 : 1;
}

/* `pending` holds what came after the escape. */
static bool is_complete(const struct keys *keys, uint8_t byte)
{
    if (keys->pending[0] == '[')
        return keys->count > 1 && byte >= 0x40 && byte <= 0x7e;
    if (keys->pending[0] == 'O')
        return keys->count == 2;
    return true;
}

/* A byte after an escape. */
static size_t take_sequence(struct keys *keys, uint8_t byte, wchar_t out[KEYS_MAX])
{
    size_t count = 0;

    /* The escape itself is pending[0] until something follows it. */
    if (keys->pending[0] == ESCAPE)
        keys->count = 0;
    if (keys->count < sizeof keys->pending - 1)
        keys->pending[keys->count++] = (char)byte;
    if (!is_complete(keys, byte))
        return 0;
    keys->pending[keys->count] = '\0';
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
        if (strcmp(sequences[i].sequence, keys->pending) == 0)
            count = emit(sequences[i].keys, out);
    keys->count = 0;
    return count;
}

/* glibc takes sequences of 5 and 6 bytes when they come one at a time; what they give makes libedit abort. */
static bool is_unicode(wchar_t character)
{
    return character <= 0x10ffff && (character < 0xd800 || character > 0xdfff);
}

/* A byte of a character beyond ASCII. */
static size_t take_character(struct keys *keys, uint8_t byte, wchar_t out[KEYS_MAX])
{
    char character = (char)byte;
    size_t length = mbrtowc(&out[0], &character, 1, &keys->character);

    if (length == (size_t)-1)
        memset(&keys->character, 0, sizeof keys->character);
    return length == 1 && is_unicode(out[0]);
}

static size_t take_plain(struct keys *keys, uint8_t byte, wchar_t out[KEYS_MAX])
{
    bool belongs = byte == '\n' && keys->after_return;

    keys->after_return = byte == '\r';
    if (belongs || byte == '\0' || ((byte < 0x20 || byte == 0x7f) && !strchr(controls, byte)))
        return 0;
    out[0] = byte;
    return 1;
}

size_t keys_take(struct keys *keys, uint8_t byte, wchar_t out[KEYS_MAX])
{
    bool alt_backspace = keys->count == 1 && keys->pending[0] == ESCAPE && byte == '\b';

    /* Whatever is not complete yet ends without effect where it cannot go on: Enter is always Enter. */
    if (byte < 0x20 && !alt_backspace)
        keys->count = 0;
    if (byte < 0x80)
        memset(&keys->character, 0, sizeof keys->character);
    if (keys->count > 0)
        return take_sequence(keys, byte, out);
    if (byte == ESCAPE) {
        keys->pending[0] = ESCAPE;
        keys->count = 1;
        return 0;
    }
    return byte >= 0x80 ? take_character(keys, byte, out) : take_plain(keys, byte, out);
}
