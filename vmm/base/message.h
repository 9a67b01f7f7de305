/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages to whoever started the program, on standard error: "hotram: text", in the form that -msg asks
 * for. Any thread; one message is one write, which waits for nobody: what a full pipe does not take is lost,
 * and counted.
 */
#ifndef VMM_BASE_MESSAGE_H
#define VMM_BASE_MESSAGE_H

#include <stdbool.h>

/* -msg timestamp=on, guest-name=on. `guest` is kept by reference; NULL for none. */
void message_configure(bool timestamps, const char *guest);

/* Standard error is where messages go from now on; before there are threads, or when they write none. */
void message_open(void);

void message(const char *format, ...) __attribute__((format(printf, 1, 2)));
void warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
