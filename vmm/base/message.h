/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages to the user on standard error: "hotram: text", in the form that -msg requests. Any thread. One
 * message is one write, which does not block: messages for which a full pipe has no room are dropped, and
 * counted.
 */
#ifndef VMM_BASE_MESSAGE_H
#define VMM_BASE_MESSAGE_H

#include <stdbool.h>

/* -msg timestamp=on, guest-name=on. `guest` is borrowed for the rest of the program; NULL: none. Main thread,
 * before there are others. */
void message_configure(bool timestamps, const char *guest);

/* Write messages to the present standard error from now on. Called before there are threads, or while none
 * writes messages. */
void message_open(void);

void message(const char *format, ...) __attribute__((format(printf, 1, 2)));
void warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
