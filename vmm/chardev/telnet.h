/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The telnet protocol (RFC 854) as far as a terminal needs it: the initial negotiation, and which bytes of a
 * stream are commands.
 *
 * Threads: any; the caller serializes calls for one stream.
 */
#ifndef VMM_CHARDEV_TELNET_H
#define VMM_CHARDEV_TELNET_H

#include <stddef.h>
#include <stdint.h>

#define TELNET_IAC 255u

/* The position of the input in a command; zeroed initially. */
struct telnet {
    enum { TELNET_DATA, TELNET_COMMAND, TELNET_OPTION, TELNET_PARAMETERS, TELNET_PARAMETERS_COMMAND } at;
};

/* Sent first by a server: the client leaves echoing to the server, sends each key at once, and uses eight
 * bits (RFC 856, 857, 858). */
extern const uint8_t telnet_greeting[12];

/* Remove commands from the input, in place, without answering them. Returns the number of remaining bytes. */
size_t telnet_input(struct telnet *telnet, uint8_t *bytes, size_t length);
/* Double each IAC in the output; `out` has room for 2 * length bytes. Returns their number. */
size_t telnet_output(const uint8_t *bytes, size_t length, uint8_t *out);

#endif
