/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line on stderr, if that is a terminal, that shows what the program waits for, and since when.
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
/* Remove the line, before other output. */
void progress_clear(struct progress *progress);

#endif
