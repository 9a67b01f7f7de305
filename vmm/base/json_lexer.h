/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From bytes, in whatever pieces they come, to JSON's tokens: RFC 8259, and as QEMU has it strings in single
 * quotes as well. A byte that no token can have ends in JSON_TOKEN_STRAY; then bytes are skipped up to the
 * next one that can begin anew: a bracket, a brace, ':', ',' or a control character but a tab, such as a
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
    JSON_TOKEN_WORD,  /* true, or whatever is in lower case */
    JSON_TOKEN_STRAY, /* bytes that are no token; the last of them is why */
};

/* Bytes that grow, ended by a NUL that does not count. */
struct json_bytes {
    char *bytes; /* or NULL while empty */
    size_t length, capacity;
};

struct json_lexer {
    unsigned state;
    struct json_bytes token; /* the bytes so far */
    bool mute;               /* set by whoever does not want to know the bytes of tokens */
    bool lost;               /* out of memory: the token is not whole */
};

/* Take one byte. *taken: it belongs to the token, or to none; else it ended a number or a word before it, and
 * comes again. When a token is returned, it is in lexer->token until the next call. */
enum json_token json_lexer_take(struct json_lexer *lexer, uint8_t byte, bool *taken);
/* At the end of a text: the number or word that nothing followed; STRAY for a part of anything else. */
enum json_token json_lexer_end(struct json_lexer *lexer);
/* Whether a token has begun. */
bool json_lexer_within(const struct json_lexer *lexer);
void json_lexer_free(struct json_lexer *lexer);

#endif
