/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections of the qtest protocol: lines in, answers out, one after the other.
 *
 * A command is answered when what it set off has been done: the answer is posted to the event loop behind the
 * work that a register access has posted (a DIMM to take away, a reset). So a test that has its answer finds
 * the events of its command at the monitors.
 */
#include "qtest/qtest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "chardev/chardev.h"
#include "host/file.h"
#include "kvm/interrupts.h"
#include "kvm/vm.h"
#include "machine/machine.h"
#include "qtest/commands.h"

/* The longest line: write of 1 MiB, and some words. */
#define LINE_MAX ((2u << 20) + 256u)

struct session {
    struct qtest *qtest;
    struct session *next;
    struct channel *channel;
    struct text input; /* what came in and is not done yet */
    struct text answer;
    bool busy;         /* an answer is posted */
    bool irqs;         /* wants to be told of interrupts */
    struct work reply; /* sends the answer and goes on */
};

struct qtest {
    struct machine *machine;
    struct loop *loop;
    struct session *sessions;
    int log; /* -1: none */
};

/* A copy of a line, its end included. A log that does not take it has a gap. */
static void log_line(const struct qtest *qtest, const char *way, const char *line, size_t length)
{
    if (qtest->log < 0 || length == 0)
        return;
    RESULT_DOES_NOT_MATTER(write(qtest->log, way, strlen(way)), "a log");
    RESULT_DOES_NOT_MATTER(write(qtest->log, line, length), "a log");
}

static void close_log(const struct qtest *qtest)
{
    if (qtest->log >= 0)
        close(qtest->log);
}

static bool open_log(struct qtest *qtest, const char *path, struct error *error)
{
    qtest->log = -1;
    if (!path || strcmp(path, "none") == 0)
        return true;
    qtest->log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    return qtest->log >= 0 || error_set(error, "-qtest-log '%s': %s", path, file_why(errno));
}

/* Run the first complete line, if none is being answered. */
static void run_next_line(struct session *session)
{
    struct text *input = &session->input;
    char *end = input->length > 0 ? memchr(input->bytes, '\n', input->length) : NULL;
    size_t length;

    if (session->busy)
        return;
    if (!end) {
        if (input->length > LINE_MAX)
            (void)channel_close(session->channel);
        return;
    }
    log_line(session->qtest, "[R] ", input->bytes, (size_t)(end + 1 - input->bytes));
    *end = '\0';
    length = (size_t)(end + 1 - input->bytes);
    session->busy = true;
    qtest_run(session->qtest->machine, input->bytes, &session->answer, &session->irqs);
    input->length -= length;
    memmove(input->bytes, input->bytes + length, input->length);
    loop_post(session->qtest->loop, &session->reply);
}

static void reply(void *opaque)
{
    struct session *session = opaque;

    if (session->answer.failed) { /* who waits for it would wait for ever */
        (void)channel_close(session->channel);
        return;
    }
    log_line(session->qtest, "[S] ", session->answer.bytes, session->answer.length);
    if (session->answer.length > 0)
        channel_write(session->channel, session->answer.bytes, session->answer.length, false);
    session->answer.length = 0;
    session->busy = false;
    channel_pause(session->channel, session->input.length > LINE_MAX);
    run_next_line(session);
}

static void *opened(void *user, struct channel *channel)
{
    struct qtest *qtest = user;
    struct session *session = calloc(1, sizeof *session);

    if (!session)
        return NULL;
    session->qtest = qtest;
    session->channel = channel;
    session->reply = (struct work){ .run = reply, .opaque = session };
    session->next = qtest->sessions;
    qtest->sessions = session;
    return session;
}

static void input(void *opaque, const uint8_t *bytes, size_t length)
{
    struct session *session = opaque;

    text_append(&session->input, (const char *)bytes, length);
    if (session->input.failed) {
        (void)channel_close(session->channel);
        return;
    }
    channel_pause(session->channel, session->busy && session->input.length > LINE_MAX);
    run_next_line(session);
}

static void closed(void *opaque)
{
    struct session *session = opaque;
    struct session **link = &session->qtest->sessions;

    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    loop_cancel(session->qtest->loop, &session->reply);
    text_free(&session->input);
    text_free(&session->answer);
    free(session);
}

static void write_to_sessions(struct qtest *qtest, const struct text *text)
{
    for (struct session *session = qtest->sessions; session; session = session->next)
        if (session->irqs)
            channel_write(session->channel, text->bytes, text->length, false);
}

/* An interrupt line changed. */
static void line_changed(void *opaque, unsigned gsi, bool high)
{
    char line[64];
    struct text text = text_fixed(line, sizeof line);

    text_printf(&text, "IRQ %s %u\n", high ? "raise" : "lower", gsi);
    write_to_sessions(opaque, &text);
}

/* A device sent a message. */
static void message_sent(void *opaque, const struct vm_msi *msi)
{
    char line[64];
    struct text text = text_fixed(line, sizeof line);

    text_printf(&text, "MSI 0x%" PRIx64 " 0x%" PRIx32 " 0x%" PRIx32 "\n", msi->address, msi->data,
                msi->requester);
    write_to_sessions(opaque, &text);
}

struct qtest *qtest_create(struct machine *machine, struct loop *loop, struct chardev *chardev,
                           const char *log, struct error *error)
{
    static const struct chardev_user_ops ops = { .opened = opened, .input = input, .closed = closed };
    struct qtest *qtest = calloc(1, sizeof *qtest);

    if (!qtest) {
        error_set(error, "out of memory");
        return NULL;
    }
    *qtest = (struct qtest){ .machine = machine, .loop = loop };
    if (!open_log(qtest, log, error) || !chardev_attach(chardev, &ops, qtest, error)) {
        close_log(qtest);
        free(qtest);
        return NULL;
    }
    machine_watch_interrupts(machine, &(struct vm_watcher){ line_changed, message_sent, qtest });
    return qtest;
}

void qtest_destroy(struct qtest *qtest)
{
    if (!qtest)
        return;
    machine_watch_interrupts(qtest->machine, &(struct vm_watcher){ 0 });
    close_log(qtest);
    free(qtest);
}
