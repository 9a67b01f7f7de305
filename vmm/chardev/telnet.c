/* SPDX-License-Identifier: BSD-2-Clause */
#include "chardev/telnet.h"

#define SE 240u /* end of an option's parameters */
#define SB 250u /* their begin */
#define WILL 251u
#define DO 253u
#define DONT 254u
#define OPTION_BINARY 0u
#define OPTION_ECHO 1u
#define OPTION_SUPPRESS_GO_AHEAD 3u

const uint8_t telnet_greeting[12] = {
    TELNET_IAC, WILL, OPTION_ECHO,   TELNET_IAC, WILL, OPTION_SUPPRESS_GO_AHEAD,
    TELNET_IAC, WILL, OPTION_BINARY, TELNET_IAC, DO,   OPTION_BINARY,
};

/* Whether the byte is data. */
static int step(struct telnet *telnet, uint8_t byte)
{
    switch (telnet->at) {
    case TELNET_DATA:
        if (byte == TELNET_IAC)
            telnet->at = TELNET_COMMAND;
        return byte != TELNET_IAC;
    case TELNET_COMMAND:
        telnet->at = byte == SB                     ? TELNET_PARAMETERS
                     : byte >= WILL && byte <= DONT ? TELNET_OPTION
                                                    : TELNET_DATA;
        return byte == TELNET_IAC; /* twice: a byte of data */
    case TELNET_OPTION:
        telnet->at = TELNET_DATA;
        return 0;
    case TELNET_PARAMETERS:
        if (byte == TELNET_IAC)
            telnet->at = TELNET_PARAMETERS_COMMAND;
        return 0;
    default:
        telnet->at = byte == SE ? TELNET_DATA : TELNET_PARAMETERS;
        return 0;
    }
}

size_t telnet_input(struct telnet *telnet, uint8_t *bytes, size_t length)
{
    size_t left = 0;

    for (size_t i = 0; i < length; i++)
        if (step(telnet, bytes[i]))
            bytes[left++] = bytes[i];
    return left;
}

size_t telnet_output(const uint8_t *bytes, size_t length, uint8_t *out)
{
    size_t count = 0;

    for (size_t i = 0; i < length; i++) {
        out[count++] = bytes[i];
        if (bytes[i] == TELNET_IAC)
            out[count++] = TELNET_IAC;
    }
    return count;
}
