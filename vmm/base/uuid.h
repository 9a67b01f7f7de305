/* SPDX-License-Identifier: BSD-2-Clause */
/* UUIDs (RFC 4122) as 16 bytes in the order of their text. Any thread. */
#ifndef VMM_BASE_UUID_H
#define VMM_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#define UUID_SIZE 16u
#define UUID_TEXT_SIZE 37
/* For errors. */
#define UUID_FORM "a UUID such as 8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80 (8-4-4-4-12 hexadecimal digits)"

/* False: it is not one; `uuid` may have changed. */
bool uuid_parse(const char *text, uint8_t uuid[UUID_SIZE]);
void uuid_print(const uint8_t uuid[UUID_SIZE], char text[UUID_TEXT_SIZE]);
/* Mark random bytes as a random UUID (version 4). */
void uuid_make_random(uint8_t uuid[UUID_SIZE]);

#endif
