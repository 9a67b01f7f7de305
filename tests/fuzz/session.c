/* SPDX-License-Identifier: BSD-2-Clause */
#include "session.h"

#include "base/loop.h"

static struct session *of_channel(const struct channel *channel)
{
    return (struct session *)channel;
}

/* More than one command writes before the last of its answer: events, and what a line in HMP gives. */
#define BEFORE_THE_LAST 16384
/* So many pieces a command that takes long takes. */
#define PATIENCE 16

static void take_output(struct channel *channel, const void *bytes, size_t length, bool may_drop)
{
    struct session *session = of_channel(channel);

    CHECK(!may_drop);
    /* A client that does not read has to wait. */
    CHECK(session->pending <= MONITOR_OUTPUT_HIGH + BEFORE_THE_LAST);
    text_append(&session->output, bytes, length);
    session->pending += length;
}

static size_t pending(const struct channel *channel)
{
    return of_channel(channel)->pending;
}

static void pause_input(struct channel *channel, bool paused)
{
    of_channel(channel)->paused = paused;
}

static bool close_channel(struct channel *channel)
{
    of_channel(channel)->closed = true;
    return true;
}

static bool yes(const struct channel *channel)
{
    (void)channel;
    return true;
}

static bool window(const struct channel *channel, unsigned *columns, unsigned *rows)
{
    *columns = of_channel(channel)->client.columns;
    *rows = of_channel(channel)->client.rows;
    return true;
}

static const struct channel_type channel_type = {
    .write = take_output,
    .pending = pending,
    .pause = pause_input,
    .close = close_channel,
    .is_terminal = yes,
    .has_focus = yes,
    .window = window,
};

static void ignore(void *opaque)
{
    (void)opaque;
}

/* What the machines and the chardev hang on; there is nothing to wait for but a cancelled command's end. */
static struct loop *event_loop(void)
{
    static struct loop *loop;

    if (!loop)
        loop = loop_create();
    return loop;
}

/* All monitors with the only one that there is, attached to a chardev, which is never started. */
static struct monitors *make_monitors(struct machine *machine, bool control)
{
    const struct chardev_config null = { .id = (char *)"c0", .kind = CHARDEV_NULL, .fd = -1 };
    const struct monitor_config monitor = { .chardev = (char *)"c0", .control = control };
    struct chardevs *chardevs = chardevs_create(event_loop(), ignore, NULL);
    struct monitors *monitors = monitors_create(machine, chardevs);
    struct error error;

    CHECK(chardev_open(chardevs, &null, &error) && monitor_attach(monitors, &monitor, &error));
    return monitors;
}

static void start(struct session *session, bool control, bool pretty)
{
    static struct monitors *monitors;
    struct chardev *chardev;

    if (!monitors)
        monitors = make_monitors(session->machine, control);
    monitors->machine = session->machine;
    monitors->first->pretty = pretty;
    machine_set_event_sink(session->machine, monitors_event, monitors);
    chardev = chardev_find(monitors->chardevs, "c0");
    session->channel.type = &channel_type;
    session->channel.ops = chardev->ops;
    session->channel.session = chardev->ops->opened(chardev->user, &session->channel);
    CHECK(session->channel.session);
}

void session_open(struct session *session, const struct client *client, bool control, bool pretty)
{
    *session = (struct session){ .client = *client };
    session->config = (struct config){ .machine = (char *)"hotram-1",
                                       .name = (char *)SESSION_NAME,
                                       .ram_size = 128 << 20,
                                       .maxmem = UINT64_C(2) << 30,
                                       .slots = 3,
                                       .cpus = 2,
                                       .maxcpus = 2,
                                       .sockets = 1,
                                       .cores = 2,
                                       .threads = 1 };
    session->machine = fake_machine_create(&session->config, event_loop());
    start(session, control, pretty);
}

/* The client reads some, and is told of when there is no more. */
static void read_some(struct session *session, size_t length)
{
    bool all = length >= session->pending;

    if (session->pending == 0)
        return;
    session->pending = all ? 0 : session->pending - length;
    if (all)
        session->channel.ops->drained(session->channel.session);
}

/* The command that takes long is done. False: there is none. */
static bool end_command(struct session *session)
{
    const char *id = fake_machine_unfinished(session->machine);

    if (!id)
        return false;
    fake_machine_finish(session->machine, id, session->ended++ % 2 ? "no memory" : NULL);
    return true;
}

/* Answers that come from the event loop, and the commands that waited for them. Two rounds each. */
static void settle(void)
{
    for (unsigned round = 0; round < 16; round++)
        loop_once(event_loop(), 0);
}

/* One round of the event loop, in which Ctrl-C takes effect; then the command that takes long goes on. */
static void go_on(struct session *session)
{
    const char *id = fake_machine_unfinished(session->machine);

    if (!id)
        return;
    loop_once(event_loop(), 0);
    id = fake_machine_unfinished(session->machine);
    if (++session->waited % PATIENCE == 0)
        end_command(session);
    else if (id)
        fake_machine_progress(session->machine, id);
}

void session_read_all(struct session *session)
{
    for (;;) {
        settle();
        if (session->closed || (session->pending == 0 && !end_command(session)))
            return;
        read_some(session, session->pending);
    }
}

static void take_keyboard(struct session *session)
{
    if (!session->client.mux || !session->channel.ops->focus)
        return;
    session->channel.ops->focus(session->channel.session, false);
    session->channel.ops->focus(session->channel.session, true);
}

void session_send(struct session *session, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;

    while (length > 0 && !session->closed) {
        size_t piece = length < session->client.piece ? length : session->client.piece;

        while (session->paused && !session->closed) {
            settle();
            if (!session->paused || session->closed)
                break;
            /* Else nobody would ever wake it. */
            CHECK(session->pending > 0 || end_command(session));
            read_some(session, session->client.appetite);
        }
        if (session->closed)
            break;
        session->channel.ops->input(session->channel.session, at, piece);
        at += piece;
        length -= piece;
        read_some(session, session->client.appetite);
        take_keyboard(session);
        go_on(session);
    }
}

void session_close(struct session *session)
{
    session->channel.ops->closed(session->channel.session);
    fake_machine_destroy(session->machine);
    text_free(&session->output);
}
