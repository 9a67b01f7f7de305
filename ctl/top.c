/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * top: guests with their CPUs and memory, drawn anew each second; one table below the other where stdout is
 * no terminal.
 */
#include "top.h"

#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"

#define SCREEN_BEGIN "\033[?1049h\033[?25l" /* the other screen, without cursor */
#define SCREEN_END "\033[?25h\033[?1049l"
#define SCREEN_HOME "\033[H"
#define LINE_END "\033[K\r\n"
#define REST_END "\033[J"

struct screen {
    bool on;
    bool keys; /* stdin is a terminal, whose keys are read one by one */
    struct termios before;
};

static void screen_begin(struct screen *screen, const struct options *options)
{
    struct termios raw;

    *screen = (struct screen){ .on = isatty(STDOUT_FILENO) && !options->json };
    if (!screen->on)
        return;
    screen->keys = tcgetattr(STDIN_FILENO, &screen->before) == 0;
    raw = screen->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    if (screen->keys)
        RESULT_DOES_NOT_MATTER(tcsetattr(STDIN_FILENO, TCSANOW, &raw), "then a key needs Enter behind it");
    fputs(SCREEN_BEGIN, stdout);
}

static void screen_end(const struct screen *screen)
{
    if (!screen->on)
        return;
    if (screen->keys)
        RESULT_DOES_NOT_MATTER(tcsetattr(STDIN_FILENO, TCSANOW, &screen->before),
                               "a terminal that is gone needs no settings");
    fputs(SCREEN_END, stdout);
    fflush(stdout);
}

/* As many lines and columns as the screen has. */
static void draw(const char *text)
{
    struct winsize window;
    unsigned row = 1;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0 || window.ws_row == 0 || window.ws_col == 0)
        window = (struct winsize){ .ws_row = 24, .ws_col = 80 };
    fputs(SCREEN_HOME, stdout);
    while (*text && row++ < window.ws_row) {
        size_t length = strcspn(text, "\n");

        fwrite(text, 1, shown_width(text, window.ws_col), stdout);
        fputs(LINE_END, stdout);
        text += length + (text[length] == '\n');
    }
    fputs(REST_END, stdout);
    fflush(stdout);
}

static void print_screen(const struct watch *watch, const struct screen *screen)
{
    struct json_object *document;
    struct text text = { 0 };

    if (watch->options->json) {
        document = watch_document(watch);
        print_json(document, false);
        json_object_put(document);
        return;
    }
    watch_print(watch, &text);
    if (screen->on)
        draw(text.bytes ? text.bytes : "");
    if (screen->on)
        text_free(&text);
    else
        print_text(&text);
}

/* Wait for the next look; false when the user has seen enough. */
static bool wait_for_next(const struct screen *screen, int signals, int64_t next)
{
    struct pollfd ready[2] = { { .fd = signals, .events = POLLIN },
                               { .fd = screen->keys ? STDIN_FILENO : -1, .events = POLLIN } };
    int64_t left;
    char key;

    while ((left = next - now_ms()) > 0) {
        if (poll(ready, 2, (int)left) <= 0)
            continue;
        if (ready[0].revents)
            return false;
        if (ready[1].revents && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q'))
            return false;
    }
    return true;
}

static int open_signals(void)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigaddset(&ends, SIGQUIT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    return signalfd(-1, &ends, SFD_CLOEXEC);
}

static bool anybody_seen(const struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        if (watch->guests[i]->seen)
            return true;
    return false;
}

enum status run_top(struct options *options)
{
    struct error error = { 0 };
    struct screen screen;
    struct watch watch;
    int64_t next = now_ms();
    uint64_t looks = 0;
    bool seen;
    int signals;

    for (unsigned i = 0; i < options->word_count; i++) {
        if (options->guest_count == GUESTS_MAX || options->socket)
            return fail(options, STATUS_USAGE, "top: %s",
                        options->socket ? "--socket and names both say which guest" : "too many guests");
        options->guests[options->guest_count++] = options->words[i];
    }
    if (!watch_begin(&watch, options, &error)) {
        watch_end(&watch);
        return fail(options, STATUS_ERROR, "%s", error.text);
    }
    signals = open_signals();
    screen_begin(&screen, options);
    do {
        watch_look(&watch);
        print_screen(&watch, &screen);
        looks++;
        next += (int64_t)options->delay;
        if (next < now_ms()) /* looking took longer than that */
            next = now_ms() + 1;
    } while ((!options->iterations_given || looks < options->iterations) &&
             wait_for_next(&screen, signals, next));
    screen_end(&screen);
    seen = anybody_seen(&watch);
    watch_end(&watch);
    close(signals);
    return seen ? STATUS_DONE : STATUS_ERROR;
}
