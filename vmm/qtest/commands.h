/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of the qtest protocol, without the connection that they come over.
 */
#ifndef VMM_QTEST_COMMANDS_H
#define VMM_QTEST_COMMANDS_H

#include <stdbool.h>

#include "base/text.h"

struct machine;

/* Run one line (without its end; it is taken apart) and put the answer, which has an end of line, into
 * `answer`. *irqs becomes true when the line asks to be told of interrupts. */
void qtest_run(struct machine *machine, char *line, struct text *answer, bool *irqs);

#endif
