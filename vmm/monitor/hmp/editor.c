/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Line editing, history and completion by libedit, which requires a terminal and reads that block, over
 * channels that have neither.
 *
 * - The terminal is a pseudo terminal, and what libedit draws goes through a stream to the channel
 * (screen.h).
 * - Keys come from a queue through EL_GETCFN, which fails when the queue is empty. With EL_UNBUFFERED
 *   el_gets() handles the keys that are there and returns. keys.c sees to it that no key needs another one.
 * - The locale is UTF-8 while libedit works, whatever the program's is.
 * - An editor is used again by later sessions, because the terminal database never gives back what it has
 *   read for one.
 *
 * Threads: main thread only.
 */
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/lent_memory.h"
#include "monitor/hmp/hmp.h"
#include "monitor/hmp/keys.h"
#include "monitor/hmp/screen.h"
#include "monitor/session.h"

/* Understood by every terminal that is in use; no delays, no colours. */
#define TERMINAL "vt100"
#define HISTORY_LINES 200

/* libedit has two pictures of the window. */
_Static_assert(2u * CHANNEL_WINDOW_MAX * CHANNEL_WINDOW_MAX * sizeof(wchar_t) + (512u << 10) <=
                   LENT_MEMORY_MAX,
               "an editor of the largest window, all of it lent");

struct editor {
    struct monitor *monitor;
    struct editor *next; /* while idle */
    struct screen screen;
    EditLine *edit;
    History *history;
    locale_t locale, before;
    bool spent;    /* it has memory of the reserve: host/lent_memory.h */
    bool too_long; /* keys of this line were dropped */
    char line[HMP_LINE_MAX + 1];
    struct keys keys;
    wchar_t queue[KEYS_MAX];
    size_t queued;
};

/* That wait to be destroyed. */
static unsigned spent_editors;

/* libedit's function for completion is not told whose it is but through the editor's client data. */
static struct editor *of_edit(EditLine *edit)
{
    void *editor = NULL;

    el_get(edit, EL_CLIENTDATA, &editor);
    return editor;
}

static int take_key(EditLine *edit, wchar_t *key)
{
    struct editor *editor = of_edit(edit);

    if (editor->queued == 0) {
        errno = EAGAIN;
        return -1;
    }
    *key = editor->queue[0];
    editor->queue[0] = editor->queue[1];
    editor->queued--;
    return 1;
}

static char *prompt_text(EditLine *edit)
{
    static char text[] = HMP_PROMPT;

    (void)edit;
    return text;
}

/* In columns, as wide as the terminal allows. */
static void list(struct editor *editor, const struct completions *completions)
{
    size_t width = 0;
    size_t in_row;

    for (size_t i = 0; i < completions->count; i++)
        if (strlen(completions->words[i]) > width)
            width = strlen(completions->words[i]);
    width += 2;
    in_row = editor->screen.columns > width ? editor->screen.columns / width : 1;
    for (size_t i = 0; i < completions->count; i++) {
        bool last = i + 1 == completions->count || (i + 1) % in_row == 0;

        fprintf(editor->screen.out, "%s%-*s%s", i == 0 ? "\n" : "", last ? 0 : (int)width,
                completions->words[i], last ? "\n" : "");
    }
}

static unsigned char use_completions(struct editor *editor, const struct completions *completions)
{
    size_t common = completions_common(completions);
    char suffix[2] = { completions->suffix, '\0' };
    char *insert;

    if (completions->count == 0)
        return CC_ERROR;
    if (completions->count > 1 && common <= completions->typed) {
        list(editor, completions);
        return CC_REDISPLAY;
    }
    insert = strndup(completions->words[0] + completions->typed, common - completions->typed);
    if (insert && *insert)
        el_insertstr(editor->edit, insert);
    if (completions->count == 1 && suffix[0])
        el_insertstr(editor->edit, suffix);
    free(insert);
    return CC_REFRESH;
}

static unsigned char press_tab(EditLine *edit, int key)
{
    struct editor *editor = of_edit(edit);
    const LineInfo *info = el_line(edit);
    bool lent = memory_lend(false);
    char *line = strndup(info->buffer, (size_t)(info->cursor - info->buffer));
    struct completions completions;
    unsigned char result = CC_ERROR;

    (void)key;
    if (line)
        complete(editor->monitor->monitors, line, &completions);
    memory_lend(lent);
    if (line) {
        result = use_completions(editor, &completions);
        completions_free(&completions);
    }
    free(line);
    return result;
}

static void enter(struct editor *editor)
{
    editor->before = uselocale(editor->locale);
    memory_lend(true);
}

static void leave(struct editor *editor)
{
    fflush(editor->screen.out);
    uselocale(editor->before);
    memory_lend(false);
    if (memory_is_lent() && !editor->spent) {
        editor->spent = true;
        spent_editors++;
    }
}

/* Keys as in QEMU and in shells; see keys.c for those that cannot come. */
static void bind_keys(EditLine *edit)
{
    static const char *const bindings[][2] = {
        { "^I", "hotram-complete" },        { "^D", "ed-delete-next-char" }, { "^H", "ed-delete-prev-char" },
        { "^?", "ed-delete-prev-char" },    { "^W", "ed-delete-prev-word" }, { "^U", "vi-kill-line-prev" },
        { "^R", "ed-search-prev-history" }, { "^P", "ed-prev-history" },     { "^N", "ed-next-history" },
    };

    el_set(edit, EL_EDITOR, "emacs");
    /* el_set() would never free its copies of the two strings. */
    el_wset(edit, EL_ADDFN, L"hotram-complete", L"Complete the word at the cursor", press_tab);
    for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++)
        el_set(edit, EL_BIND, bindings[i][0], bindings[i][1], NULL);
}

static bool set_up(struct editor *editor)
{
    HistEvent event;

    editor->edit = el_init_fd("hotram", stdin, editor->screen.out, editor->screen.nowhere,
                              editor->screen.slave, editor->screen.slave, editor->screen.slave);
    editor->history = history_init();
    if (!editor->edit || !editor->history)
        return false;
    el_set(editor->edit, EL_CLIENTDATA, editor);
    el_set(editor->edit, EL_TERMINAL, TERMINAL);
    bind_keys(editor->edit);
    el_set(editor->edit, EL_GETCFN, take_key);
    el_set(editor->edit, EL_PROMPT, prompt_text);
    history(editor->history, &event, H_SETSIZE, HISTORY_LINES);
    history(editor->history, &event, H_SETUNIQUE, 1);
    el_set(editor->edit, EL_HIST, history, editor->history);
    return true;
}

static void destroy(struct editor *editor)
{
    bool spent = editor->spent;

    editor->screen.muted = true;
    if (editor->edit)
        el_end(editor->edit);
    if (editor->history)
        history_end(editor->history);
    screen_close(&editor->screen);
    if (editor->locale)
        freelocale(editor->locale);
    free(editor);
    if (spent && --spent_editors == 0)
        memory_take_back();
}

void editors_destroy(struct editor *idle)
{
    while (idle) {
        struct editor *next = idle->next;

        destroy(idle);
        idle = next;
    }
}

static struct editor *create(struct monitor *monitor)
{
    struct editor *editor = calloc(1, sizeof *editor);
    bool done;

    if (!editor)
        return NULL;
    editor->monitor = monitor;
    editor->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!editor->locale) /* its files are missing, or could not be opened once */
        editor->locale = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
    done = screen_open(&editor->screen) && editor->locale;
    if (done) {
        enter(editor);
        done = set_up(editor);
        leave(editor);
    }
    if (done && !editor->spent)
        return editor;
    destroy(editor);
    return NULL;
}

struct editor *editor_open(struct monitor *monitor, struct channel *channel)
{
    struct editor *editor = monitor->idle_editors;

    if (editor)
        monitor->idle_editors = editor->next;
    else
        editor = create(monitor);
    if (!editor)
        return NULL;
    editor->screen.channel = channel;
    editor->keys = (struct keys){ 0 };
    editor->queued = 0;
    editor->too_long = false;
    /* The prompt is on the terminal already. */
    editor_prompt(editor);
    editor->screen.muted = false;
    return editor;
}

void editor_close(struct editor *editor)
{
    editor->screen.muted = true;
    enter(editor);
    el_set(editor->edit, EL_UNBUFFERED, 0);
    el_reset(editor->edit);
    leave(editor);
    if (editor->spent) {
        destroy(editor);
        return;
    }
    editor->screen.channel = NULL;
    editor->next = editor->monitor->idle_editors;
    editor->monitor->idle_editors = editor;
}

void editor_prompt(struct editor *editor)
{
    enter(editor);
    screen_update(&editor->screen);
    el_set(editor->edit, EL_UNBUFFERED, 1);
    leave(editor);
}

bool editor_is_spent(const struct editor *editor)
{
    return editor->spent;
}

void editor_redraw(struct editor *editor)
{
    enter(editor);
    el_set(editor->edit, EL_REFRESH);
    leave(editor);
}

static size_t line_length(struct editor *editor)
{
    const LineInfo *info = el_line(editor->edit);

    return (size_t)(info->lastchar - info->buffer);
}

/* A line that is complete, without its end; it goes into the history. */
static const char *finish_line(struct editor *editor, const char *text, size_t length)
{
    HistEvent event;

    editor->too_long |= length > HMP_LINE_MAX; /* by what was completed */
    snprintf(editor->line, sizeof editor->line, "%.*s", (int)length, text);
    el_set(editor->edit, EL_UNBUFFERED, 0);
    if (editor->line[strspn(editor->line, " ")])
        history(editor->history, &event, H_ENTER, editor->line);
    return editor->line;
}

const char *editor_input(struct editor *editor, uint8_t byte, bool *too_long)
{
    const char *line = NULL;

    enter(editor);
    editor->queued = keys_take(&editor->keys, byte, editor->queue);
    if (editor->queued > 0 && editor->queue[0] >= ' ' && line_length(editor) >= HMP_LINE_MAX) {
        editor->queued = 0;
        editor->too_long = true;
    }
    while (editor->queued > 0 && !line) {
        int length = 0;
        const char *text = el_gets(editor->edit, &length);

        if (text && length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
            line = finish_line(editor, text, (size_t)length - 1);
    }
    leave(editor);
    *too_long = editor->too_long;
    if (line)
        editor->too_long = false;
    return line;
}
