/* SPDX-License-Identifier: BSD-2-Clause */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl.h"
#include "qmp_client.h"

void progress_begin(struct progress *progress)
{
    *progress = (struct progress){ .on = isatty(STDERR_FILENO), .start = now_ms() };
}

void progress_show(struct progress *progress, const char *what)
{
    uint64_t elapsed = (uint64_t)(now_ms() - progress->start);
    struct winsize window;
    const char *line;
    char text[600];
    size_t width = 80;

    if (!progress->on)
        return;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 10)
        width = window.ws_col;
    snprintf(text, sizeof text, "%3" PRIu64 " s  %s", elapsed / 1000, what);
    /* A line that is wrapped could not be written over. */
    line = shown(text);
    fprintf(stderr, "\r%.*s\033[K", (int)shown_width(line, width - 1), line);
    progress->shown = true;
}

void progress_clear(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
