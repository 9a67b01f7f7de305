/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Divides a stream of bytes into the tokens of JSON: RFC 8259, and strings in single quotes as in QEMU. A
 * byte that cannot be part of a token gives JSON_TOKEN_STRAY; then bytes are skipped up to the next one at
 * which a token can begin: a bracket, a brace, ':', ',' or a control character other than a tab, such as a
 * newline.
 */
#ifndef VMM_BASE_JSON_LEXER_H
#define VMM_BASE_JSON_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_token {
    JSON_TOKEN_NONE, /* none yet */
    JSON_TOKEN_OPEN_OBJECT,
    JSON_TOKEN_CLOSE_OBJECT,
    JSON_TOKEN_OPEN_ARRAY,
    JSON_TOKEN_CLOSE_ARRAY,
    JSON_TOKEN_COLON,
    JSON_TOKEN_COMMA,
    JSON_TOKEN_STRING, /* with its quotes and escapes */
    JSON_TOKEN_INTEGER,
    JSON_TOKEN_FLOAT,
    JSON_TOKEN_WORD,  /* true, or any other word in lower case */
    JSON_TOKEN_STRAY, /* bytes that are not a token, up to the first invalid one */
};

/* A growing array of bytes, followed by a NUL that `length` does not include. */
struct json_bytes {
    char *bytes; /* or NULL while empty */
    size_t length, capacity;
};

struct json_lexer {
    unsigned state;
    struct json_bytes token; /* the bytes so far */
    bool mute;               /* set by the user: the bytes of tokens are not kept */
    bool lost;               /* out of memory: the token is incomplete */
};

/* Process one byte. *taken is false if the byte ended the number or word before it: then it must be passed
 * again. Returns the token that is complete, whose bytes are in lexer->token until the next call, or
 * JSON_TOKEN_NONE. */
enum json_token json_lexer_take(struct json_lexer *lexer, uint8_t byte, bool *taken);
/* End a text: returns the number or word that it ends with, JSON_TOKEN_STRAY if another token is incomplete,
 * or JSON_TOKEN_NONE. */
enum json_token json_lexer_end(struct json_lexer *lexer);
/* Whether a token is incomplete. */
bool json_lexer_within(const struct json_lexer *lexer);
void json_lexer_free(struct json_lexer *lexer);

#endif
