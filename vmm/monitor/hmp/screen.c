/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A terminal for libedit that is none: a pseudo terminal, and streams over a channel. See screen.h.
 */
#include "monitor/hmp/screen.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/results.h"
#include "base/text.h"
#include "chardev/chardev.h"
#include "host/lent_memory.h"

#define DEFAULT_COLUMNS 80
#define DEFAULT_ROWS 24

/* Without the NULs by which old terminals were given time: scripts that read would stumble over them. */
static ssize_t draw(void *opaque, const char *bytes, size_t length)
{
    struct screen *screen = opaque;
    bool lent = memory_lend(false);
    char buffer[1024];

    for (size_t i = 0, end; i < length && !screen->muted; i = end) {
        struct text lines = text_fixed(buffer, sizeof buffer);

        /* Each byte may become two. */
        for (end = i; end < length && end - i < sizeof buffer / 2 - 1; end++)
            if (bytes[end] != '\0')
                text_lines(&lines, bytes + end, 1);
        channel_write(screen->channel, lines.bytes, lines.length, false);
    }
    memory_lend(lent);
    return (ssize_t)length;
}

static ssize_t draw_nothing(void *opaque, const char *bytes, size_t length)
{
    (void)opaque, (void)bytes;
    return (ssize_t)length;
}

/*
 * With a size from the start: for a terminal without one libedit takes what ncurses finds, which is LINES and
 * COLUMNS of the environment or the window of standard output, however large, and makes room for all of it.
 */
static bool open_terminal(struct screen *screen)
{
    const struct winsize size = { .ws_col = DEFAULT_COLUMNS, .ws_row = DEFAULT_ROWS };

    screen->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (screen->master < 0 || unlockpt(screen->master) < 0)
        return false;
    screen->slave = ioctl(screen->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return screen->slave >= 0 && ioctl(screen->slave, TIOCSWINSZ, &size) == 0;
}

static bool open_streams(struct screen *screen)
{
    screen->out = fopencookie(screen, "w", (cookie_io_functions_t){ .write = draw });
    screen->nowhere = fopencookie(screen, "w", (cookie_io_functions_t){ .write = draw_nothing });
    return screen->out && screen->nowhere;
}

void screen_update(struct screen *screen)
{
    unsigned columns = DEFAULT_COLUMNS;
    unsigned rows = DEFAULT_ROWS;
    struct winsize size = { 0 };

    channel_window(screen->channel, &columns, &rows);
    size.ws_col = (unsigned short)columns;
    size.ws_row = (unsigned short)rows;
    screen->columns = columns;
    RESULT_DOES_NOT_MATTER(ioctl(screen->slave, TIOCSWINSZ, &size), "the terminal then keeps its last size");
}

bool screen_open(struct screen *screen)
{
    *screen = (struct screen){ .master = -1, .slave = -1, .muted = true };
    return open_terminal(screen) && open_streams(screen);
}

void screen_close(struct screen *screen)
{
    if (screen->out)
        fclose(screen->out);
    if (screen->nowhere)
        fclose(screen->nowhere);
    if (screen->slave >= 0)
        close(screen->slave);
    if (screen->master >= 0)
        close(screen->master);
}
