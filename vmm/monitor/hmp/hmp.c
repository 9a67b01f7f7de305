/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMP, the monitor of people: a banner, a prompt, a line, what it gives.
 *
 * The line editor is only made when the first key is pressed: a monitor that nobody uses costs nothing at
 * start. Where there can be none (no pseudo terminals), lines are taken as they come, without an echo.
 *
 * Threads: main thread only.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/hmp/hmp.h"
#include "monitor/intake.h"
#include "monitor/pending.h"
#include "monitor/session.h"

#define CONTROL_C 0x03
#define BANNER MONITOR_PACKAGE " monitor - type 'help' for more information\r\n"

struct hmp_session {
    struct monitor *monitor;
    struct channel *channel;
    struct intake intake;
    struct editor *editor;
    struct pending *pending; /* the command that is not answered yet, or NULL */
    bool greeted;
    bool plain;       /* no editor can be had */
    struct text line; /* the plain line so far */
    char line_bytes[HMP_LINE_MAX + 2];
};

static void write_bytes(struct hmp_session *session, const char *text, size_t length)
{
    channel_write(session->channel, text, length, false);
}

static void prompt(struct hmp_session *session)
{
    if (session->editor)
        editor_prompt(session->editor);
    else
        write_bytes(session, HMP_PROMPT, strlen(HMP_PROMPT));
}

static void greet(struct hmp_session *session)
{
    session->greeted = true;
    write_bytes(session, BANNER, sizeof BANNER - 1);
    prompt(session);
}

/* Show \n-terminated lines; the text is freed. */
static void write_text(struct hmp_session *session, struct text *text)
{
    static const char no_answer[] = "Error: " HMP_NO_ANSWER "\r\n";
    struct text lines = { 0 };

    text_lines(&lines, text->bytes, text->length);
    if (text->failed || lines.failed)
        write_bytes(session, no_answer, sizeof no_answer - 1);
    else
        write_bytes(session, lines.bytes, lines.length);
    text_free(text);
    text_free(&lines);
}

/* What was answered later. */
static void answer(void *asker, const struct command *command, struct json_object *result,
                   const struct error *error)
{
    struct hmp_session *session = asker;
    struct text out = { 0 };

    session->pending = NULL;
    hmp_show(&out, command, result, error);
    write_text(session, &out);
    prompt(session);
    intake_resume(&session->intake);
}

static void write_line(void *asker, const char *line)
{
    write_bytes(asker, line, strlen(line));
    write_bytes(asker, "\r\n", 2);
}

static void wait_for(struct hmp_session *session, struct pending *pending)
{
    pending->answer = answer;
    pending->progress = write_line;
    pending->asker = session;
    session->pending = pending;
    session->intake.waiting = true;
}

static void run_line(struct hmp_session *session, const char *line, bool too_long)
{
    struct pending *pending = NULL;
    struct text out = { 0 };

    if (too_long) /* the rest of a command may mean something else */
        text_printf(&out, "Error: the line is too long; the limit is %u bytes\n", HMP_LINE_MAX);
    else
        pending = hmp_run(session->monitor->monitors, line, &out);
    write_text(session, &out);
    if (pending)
        wait_for(session, pending);
    else
        prompt(session);
}

static void input_plain(struct hmp_session *session, uint8_t byte)
{
    char character = (char)byte;

    if (byte == '\n' || byte == '\r') {
        run_line(session, session->line.bytes, session->line.length > HMP_LINE_MAX);
        session->line = text_fixed(session->line_bytes, sizeof session->line_bytes);
    } else if (session->line.length <= HMP_LINE_MAX && byte != '\0') {
        text_append(&session->line, &character, 1);
    }
}

/* There is no memory for editing. */
static void switch_to_plain(struct hmp_session *session)
{
    static const char why[] = "\r\nout of memory: line editing is disabled; type the line again\r\n";

    editor_close(session->editor);
    session->editor = NULL;
    session->plain = true;
    write_bytes(session, why, sizeof why - 1);
    if (!session->pending)
        prompt(session);
}

static void input_edited(struct hmp_session *session, uint8_t byte)
{
    bool too_long;
    const char *line = editor_input(session->editor, byte, &too_long);

    if (line)
        run_line(session, line, too_long);
    if (editor_is_spent(session->editor))
        switch_to_plain(session);
}

static size_t hmp_consume(void *opaque, const uint8_t *bytes, size_t length)
{
    struct hmp_session *session = opaque;
    size_t i;

    if (!session->editor && !session->plain) {
        session->editor = editor_open(session->monitor, session->channel);
        session->plain = !session->editor;
    }
    for (i = 0; i < length && !intake_full(&session->intake); i++) {
        if (session->editor)
            input_edited(session, bytes[i]);
        else
            input_plain(session, bytes[i]);
    }
    return i;
}

static void *hmp_opened(void *user, struct channel *channel)
{
    struct hmp_session *session = calloc(1, sizeof *session);

    if (!session)
        return NULL;
    session->monitor = user;
    session->channel = channel;
    session->line = text_fixed(session->line_bytes, sizeof session->line_bytes);
    session->intake =
        (struct intake){ .channel = channel, .take = hmp_consume, .session = session, .reads_on = true };
    intake_init(&session->intake, machine_loop(session->monitor->monitors->machine));
    if (channel_has_focus(channel))
        greet(session);
    return session;
}

static void hmp_input(void *opaque, const uint8_t *bytes, size_t length)
{
    struct hmp_session *session = opaque;
    const uint8_t *end = session->pending ? memchr(bytes, CONTROL_C, length) : NULL;

    /* Ctrl-C drops what was typed before it, and ends the command that is waited for. */
    if (end) {
        pending_cancel(session->pending);
        session->intake.held_count = 0;
        length -= (size_t)(end + 1 - bytes);
        bytes = end + 1;
    }
    if (length > 0)
        intake_input(&session->intake, bytes, length);
}

static void hmp_drained(void *opaque)
{
    struct hmp_session *session = opaque;

    intake_drained(&session->intake);
}

/* The mux gives the keyboard. What the guest has written leaves the cursor anywhere. */
static void hmp_focus(void *opaque, bool focused)
{
    struct hmp_session *session = opaque;

    if (!focused)
        return;
    write_bytes(session, "\r\n", 2);
    if (session->pending)
        return; /* the prompt comes with the answer */
    if (!session->greeted)
        greet(session);
    else if (session->editor)
        editor_redraw(session->editor);
    else
        prompt(session);
}

static void hmp_closed(void *opaque)
{
    struct hmp_session *session = opaque;

    pending_forget(session->pending); /* the command goes on */
    if (session->editor)
        editor_close(session->editor);
    intake_free(&session->intake);
    free(session);
}

const struct chardev_user_ops hmp_ops = {
    .opened = hmp_opened,
    .input = hmp_input,
    .closed = hmp_closed,
    .drained = hmp_drained,
    .focus = hmp_focus,
};
