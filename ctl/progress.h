/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line on a person's terminal, on stderr, that says what is waited for and for how long already. Nothing
 * where stderr is no terminal.
 */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool on;
    bool shown;
    int64_t start; /* ms */
};

void progress_begin(struct progress *progress);
void progress_show(struct progress *progress, const char *what);
/* Make place for something else to be said. */
void progress_clear(struct progress *progress);

#endif
