/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages to whoever started the program, on standard error: "hotram: text", in the form that -msg asks
 * for. Any thread; one message is one write.
 */
#ifndef VMM_HOST_MESSAGE_H
#define VMM_HOST_MESSAGE_H

#include <stdbool.h>

/* -msg timestamp=on, guest-name=on. `guest` is kept by reference; NULL for none. */
void message_configure(bool timestamps, const char *guest);

void message(const char *format, ...) __attribute__((format(printf, 1, 2)));
void warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
