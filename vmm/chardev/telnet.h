/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The telnet protocol (RFC 854) as far as a terminal needs it: what is said at the start, and which bytes of
 * a stream are commands.
 *
 * Threads: none of its own.
 */
#ifndef VMM_CHARDEV_TELNET_H
#define VMM_CHARDEV_TELNET_H

#include <stddef.h>
#include <stdint.h>

#define TELNET_IAC 255u

/* Where in a command the input is; all zero at first. */
struct telnet {
    enum { TELNET_DATA, TELNET_COMMAND, TELNET_OPTION, TELNET_PARAMETERS, TELNET_PARAMETERS_COMMAND } at;
};

/* For a server to send first: the client leaves echoing to it, sends each key, and eight bits (RFC 856, 857,
 * 858). */
extern const uint8_t telnet_greeting[12];

/* Take the commands out of what came in, in place. What they ask for is not answered. Returns how many bytes
 * are left. */
size_t telnet_input(struct telnet *telnet, uint8_t *bytes, size_t length);
/* Double each IAC of what is to be sent; `out` has room for 2 * length. Returns how many bytes it is. */
size_t telnet_output(const uint8_t *bytes, size_t length, uint8_t *out);

#endif
