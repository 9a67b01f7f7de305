/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a terminal's bytes to the keys that the line editor knows. See keys.c.
 */
#ifndef VMM_MONITOR_HMP_KEYS_H
#define VMM_MONITOR_HMP_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

struct keys {
    char pending[16]; /* an escape sequence or a character that is not complete yet */
    size_t count;
    mbstate_t character;
    bool after_return; /* CR was the last byte: a LF belongs to it */
};

/* The most keys that one byte can complete. */
#define KEYS_MAX 2

/* Take one byte; returns how many keys it completes, and which. Runs in a UTF-8 locale. */
size_t keys_take(struct keys *keys, uint8_t byte, wchar_t out[KEYS_MAX]);

#endif
