/* SPDX-License-Identifier: BSD-2-Clause */
/* A state machine over bytes: next_state() is the whole grammar of tokens. See json_lexer.h. */
#include "base/json_lexer.h"

#include <stdlib.h>
#include <string.h>

/* A buffer that has held more than this is not kept. */
#define KEEP_BYTES 65536u

enum state {
    START,
    RECOVERY, /* after a stray byte */
    DOUBLE_QUOTED,
    DOUBLE_QUOTED_ESCAPE,
    SINGLE_QUOTED,
    SINGLE_QUOTED_ESCAPE,
    SIGN,
    ZERO,
    DIGITS,
    POINT,
    FRACTION,
    EXPONENT,
    EXPONENT_SIGN,
    EXPONENT_DIGITS,
    WORD,
    END,                                 /* END + token: the byte ends it, being its last */
    BEFORE = END + JSON_TOKEN_STRAY + 1, /* BEFORE + token: the byte is behind its last */
    BAD = BEFORE + JSON_TOKEN_STRAY + 1,
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z';
}

static unsigned from_start(uint8_t byte)
{
    static const char structure[] = "{}[]:,";
    const char *found = byte ? strchr(structure, byte) : NULL;

    if (found)
        return END + JSON_TOKEN_OPEN_OBJECT + (unsigned)(found - structure);
    switch (byte) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return START;
    case '"':
        return DOUBLE_QUOTED;
    case '\'':
        return SINGLE_QUOTED;
    case '-':
        return SIGN;
    case '0':
        return ZERO;
    default:
        return is_digit(byte) ? DIGITS : is_letter(byte) ? WORD : BAD;
    }
}

/* 0xfe and 0xff are in no UTF-8; what is wrong within a character is seen when the string is whole. */
static unsigned in_string(unsigned state, uint8_t byte, uint8_t quote, unsigned escape)
{
    if (byte < 0x20 || byte > 0xfd)
        return BAD;
    if (byte == quote)
        return END + JSON_TOKEN_STRING;
    return byte == '\\' ? escape : state;
}

static unsigned in_escape(unsigned string, uint8_t byte)
{
    return byte < 0x20 || byte > 0xfd ? BAD : string;
}

static unsigned in_number(unsigned state, uint8_t byte)
{
    bool digit = is_digit(byte), exponent = byte == 'e' || byte == 'E';

    switch (state) {
    case SIGN:
        return byte == '0' ? ZERO : digit ? DIGITS : BAD;
    case ZERO:
    case DIGITS:
        if (digit)
            return state == ZERO ? BAD : DIGITS;
        return byte == '.' ? POINT : exponent ? EXPONENT : BEFORE + JSON_TOKEN_INTEGER;
    case POINT:
        return digit ? FRACTION : BAD;
    case FRACTION:
        return digit ? FRACTION : exponent ? EXPONENT : BEFORE + JSON_TOKEN_FLOAT;
    case EXPONENT:
        return byte == '+' || byte == '-' ? EXPONENT_SIGN : digit ? EXPONENT_DIGITS : BAD;
    case EXPONENT_SIGN:
        return digit ? EXPONENT_DIGITS : BAD;
    default:
        return digit ? EXPONENT_DIGITS : BEFORE + JSON_TOKEN_FLOAT;
    }
}

static unsigned in_recovery(uint8_t byte)
{
    if (byte == '\t')
        return RECOVERY;
    return byte < 0x20 || byte > 0xfd || strchr("{}[]:,", byte) ? BEFORE + JSON_TOKEN_NONE : RECOVERY;
}

static unsigned next_state(unsigned state, uint8_t byte)
{
    switch (state) {
    case START:
        return from_start(byte);
    case RECOVERY:
        return in_recovery(byte);
    case DOUBLE_QUOTED:
        return in_string(state, byte, '"', DOUBLE_QUOTED_ESCAPE);
    case SINGLE_QUOTED:
        return in_string(state, byte, '\'', SINGLE_QUOTED_ESCAPE);
    case DOUBLE_QUOTED_ESCAPE:
        return in_escape(DOUBLE_QUOTED, byte);
    case SINGLE_QUOTED_ESCAPE:
        return in_escape(SINGLE_QUOTED, byte);
    case WORD:
        return is_letter(byte) ? WORD : BEFORE + JSON_TOKEN_WORD;
    default:
        return in_number(state, byte);
    }
}

static void keep_byte(struct json_lexer *lexer, uint8_t byte)
{
    struct json_bytes *token = &lexer->token;

    if (lexer->mute)
        return;
    if (token->length + 2 > token->capacity) {
        size_t capacity = token->capacity ? token->capacity * 2 : 64;
        char *bytes = realloc(token->bytes, capacity);

        lexer->lost |= !bytes;
        if (!bytes)
            return;
        token->bytes = bytes;
        token->capacity = capacity;
    }
    token->bytes[token->length++] = (char)byte;
    token->bytes[token->length] = '\0';
}

/* The token before is over. */
static void begin(struct json_lexer *lexer)
{
    if (lexer->token.capacity > KEEP_BYTES) {
        free(lexer->token.bytes);
        lexer->token = (struct json_bytes){ 0 };
    }
    lexer->token.length = 0;
    lexer->lost = false;
}

enum json_token json_lexer_take(struct json_lexer *lexer, uint8_t byte, bool *taken)
{
    unsigned state = next_state(lexer->state, byte);

    if (lexer->state == START || lexer->state == RECOVERY)
        begin(lexer);
    *taken = state < BEFORE || state == BAD;
    if (*taken && state != START && state != RECOVERY)
        keep_byte(lexer, byte);
    if (state < END) {
        lexer->state = state;
        return JSON_TOKEN_NONE;
    }
    lexer->state = state == BAD ? RECOVERY : START;
    return state == BAD ? JSON_TOKEN_STRAY : state < BEFORE ? state - END : state - BEFORE;
}

enum json_token json_lexer_end(struct json_lexer *lexer)
{
    /* A space ends what can end. */
    unsigned state = next_state(lexer->state, ' ');

    if (lexer->state == START || lexer->state == RECOVERY)
        return JSON_TOKEN_NONE;
    lexer->state = START;
    return state >= BEFORE && state < BAD ? state - BEFORE : JSON_TOKEN_STRAY;
}

bool json_lexer_within(const struct json_lexer *lexer)
{
    return lexer->state != START && lexer->state != RECOVERY;
}

void json_lexer_free(struct json_lexer *lexer)
{
    free(lexer->token.bytes);
    *lexer = (struct json_lexer){ 0 };
}
