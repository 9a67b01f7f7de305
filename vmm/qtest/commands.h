/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of the qtest protocol, as QEMU's qtest server speaks it, without the connection.
 *
 * Threads: main thread only.
 */
#ifndef VMM_QTEST_COMMANDS_H
#define VMM_QTEST_COMMANDS_H

#include <stdbool.h>

#include "base/text.h"

struct machine;

/* Run one line, without its end; the line is modified. Its answer, one line with its end, is appended to
 * `answer`: "OK ...", or "FAIL" and a reason; an empty line has no answer. *irqs is set to true if the line
 * requests notification of interrupts. */
void qtest_run(struct machine *machine, char *line, struct text *answer, bool *irqs);

#endif
