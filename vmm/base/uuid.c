/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/uuid.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool uuid_parse(const char *text, uint8_t uuid[UUID_SIZE])
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    unsigned digits = 0;

    if (strlen(text) != sizeof form - 1)
        return false;
    memset(uuid, 0, UUID_SIZE);
    for (size_t i = 0; form[i]; i++) {
        const unsigned char c = (unsigned char)text[i];

        if (form[i] == 'x' ? !isxdigit(c) : c != '-')
            return false;
        if (c == '-')
            continue;
        uuid[digits / 2] = (uint8_t)(uuid[digits / 2] << 4 | (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10));
        digits++;
    }
    return true;
}

void uuid_print(const uint8_t uuid[UUID_SIZE], char text[UUID_TEXT_SIZE])
{
    const uint8_t *u = uuid;

    snprintf(text, UUID_TEXT_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
             u[15]);
}

void uuid_make_random(uint8_t uuid[UUID_SIZE])
{
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}
