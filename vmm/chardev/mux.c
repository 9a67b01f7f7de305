/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection shared by several users (mux=on, with QEMU's keys), or lent to one user at a time.
 *
 * The hub is the chardev's user and takes one connection at a time. Its own users are the fronts: each has a
 * channel that lasts as long as the hub, or until it is detached. All fronts' output goes to the connection;
 * its input goes to the front that has the focus. Without a front the connection stays, and is not read.
 *
 * A front that does not want input now (a guest that does not read its serial port) must not keep the person
 * from pressing Ctrl-A c. So with keys the connection is still read while its input is held back, until a
 * whole call's worth is held.
 *
 * Threads: main thread only.
 */
#include <stdlib.h>

#include "chardev/mux.h"

#define ESCAPE 0x01 /* Ctrl-A */

void hub_write(struct hub *hub, const void *bytes, size_t length)
{
    struct chardev *chardev = hub->chardev;

    if (!hub->connection && chardev->kind->look && chardev->started && chardev->connection_count == 0)
        chardev->kind->look(chardev);
    if (hub->connection)
        channel_write(hub->connection, bytes, length, true);
}

void hub_update(struct hub *hub)
{
    const struct front *front = hub->focus;
    const bool full = front && (hub->keys ? front->held_count >= CHANNEL_INPUT_MAX : front->paused);

    if (hub->connection)
        channel_pause(hub->connection, !front || full);
}

static void deliver(struct hub *hub, const uint8_t *bytes, size_t length)
{
    struct front *front = hub->focus;

    if (length == 0 || !front || !front->channel.session)
        return;
    if (hub->keys && (front->paused || front->held_count > 0))
        front_hold(front, bytes, length);
    else
        front->channel.ops->input(front->channel.session, bytes, length);
}

static void set_focus(struct hub *hub, struct front *front)
{
    struct front *before = hub->focus;

    if (front == before)
        return;
    hub->focus = front;
    if (before && before->channel.ops->focus && before->channel.session)
        before->channel.ops->focus(before->channel.session, false);
    if (front && front->channel.ops->focus && front->channel.session)
        front->channel.ops->focus(front->channel.session, true);
    hub_update(hub);
}

static void press_help(struct hub *hub)
{
    static const char text[] = "\r\n"
                               "C-a h    print this help\r\n"
                               "C-a x    exit hotram\r\n"
                               "C-a c    switch between console and monitor\r\n"
                               "C-a C-a  sends C-a\r\n";

    hub_write(hub, text, sizeof text - 1);
}

static void press_exit(struct hub *hub)
{
    static const char text[] = "\r\nhotram: terminated by Ctrl-A x\r\n";
    struct chardevs *owner = hub->chardev->owner;

    hub_write(hub, text, sizeof text - 1);
    if (owner->terminate)
        owner->terminate(owner->opaque);
}

static void press_next(struct hub *hub)
{
    set_focus(hub, hub->focus && hub->focus->next ? hub->focus->next : hub->fronts);
}

static void press_escape(struct hub *hub)
{
    deliver(hub, (const uint8_t[]){ ESCAPE }, 1);
}

/* The key after Ctrl-A. Any other is dropped, as in QEMU. */
static void press(struct hub *hub, uint8_t key)
{
    static const struct {
        uint8_t key;
        void (*run)(struct hub *hub);
    } keys[] = {
        { 'h', press_help }, { '?', press_help },      { 'x', press_exit },
        { 'c', press_next }, { ESCAPE, press_escape },
    };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i].key == key)
            keys[i].run(hub);
}

static void front_connected(const struct front *front, bool connected)
{
    if (front->channel.ops->connected && front->channel.session)
        front->channel.ops->connected(front->channel.session, connected);
}

static void *hub_opened(void *user, struct channel *channel)
{
    struct hub *hub = user;

    hub->connection = channel;
    hub->escaped = false;
    hub_update(hub);
    for (struct front *front = hub->fronts; front; front = front->next)
        front_connected(front, true);
    return hub;
}

static void hub_input(void *session, const uint8_t *bytes, size_t length)
{
    struct hub *hub = session;
    size_t start = 0;

    if (!hub->keys) {
        deliver(hub, bytes, length);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        if (hub->escaped) {
            hub->escaped = false;
            start = i + 1;
            press(hub, bytes[i]);
        } else if (bytes[i] == ESCAPE) {
            deliver(hub, bytes + start, i - start);
            hub->escaped = true;
            start = i + 1;
        }
    }
    deliver(hub, bytes + start, length - start);
}

static void hub_drained(void *session)
{
    struct hub *hub = session;

    for (struct front *front = hub->fronts; front; front = front->next)
        if (front->channel.ops->drained && front->channel.session)
            front->channel.ops->drained(front->channel.session);
}

/* Nothing waits any more, as far as the fronts are concerned. */
static void hub_closed(void *session)
{
    struct hub *hub = session;

    hub->connection = NULL;
    for (struct front *front = hub->fronts; front; front = front->next)
        front_connected(front, false);
    hub_drained(hub);
}

static const struct chardev_user_ops hub_ops = {
    .single = true,
    .opened = hub_opened,
    .input = hub_input,
    .closed = hub_closed,
    .drained = hub_drained,
};

static struct hub *hub_of(struct chardev *chardev, bool keys)
{
    if (chardev->hub)
        return chardev->hub;
    chardev->hub = calloc(1, sizeof *chardev->hub);
    if (!chardev->hub)
        return NULL;
    *chardev->hub = (struct hub){ .chardev = chardev, .keys = keys };
    chardev->ops = &hub_ops;
    chardev->user = chardev->hub;
    return chardev->hub;
}

bool hub_attach(struct chardev *chardev, const struct chardev_user_ops *ops, void *user, bool keys,
                struct error *error)
{
    struct front *front = calloc(1, sizeof *front);
    struct hub *hub = front ? hub_of(chardev, keys) : NULL;
    struct front **link;

    if (!hub) {
        free(front);
        return error_set(error, "out of memory");
    }
    *front = (struct front){ .channel = { .type = &front_type, .ops = ops }, .hub = hub, .user = user };
    for (link = &hub->fronts; *link; link = &(*link)->next)
        ;
    *link = front;
    return true;
}

/* The serial port is what a person wants to see first; otherwise it is who came first. */
static struct front *first_focus(const struct hub *hub)
{
    for (struct front *front = hub->fronts; front; front = front->next)
        if (front->channel.ops->single)
            return front;
    return hub->fronts;
}

/* A null chardev has no connection, and is always there. */
static void start_front(struct hub *hub, struct front *front)
{
    front->channel.session = front->channel.ops->opened(front->user, &front->channel);
    if (hub->connection || hub->chardev->kind == &chardev_null)
        front_connected(front, true);
}

void hub_start(struct hub *hub)
{
    hub->focus = first_focus(hub);
    for (struct front *front = hub->fronts; front; front = front->next)
        start_front(hub, front);
}

void hub_start_user(struct hub *hub, const void *user)
{
    struct front *front = hub->fronts;

    while (front->user != user)
        front = front->next;
    start_front(hub, front);
    if (!hub->focus)
        set_focus(hub, front);
}

void hub_detach(struct hub *hub, const void *user)
{
    struct front **link = &hub->fronts, *front;

    while ((*link)->user != user)
        link = &(*link)->next;
    front = *link;
    *link = front->next;
    timer_cancel(&front->release);
    front->channel.session = NULL; /* it hears nothing any more */
    if (hub->focus == front)
        set_focus(hub, first_focus(hub));
    free(front);
}

bool hub_has_users(const struct hub *hub)
{
    return hub->fronts;
}

bool hub_has_open_user(const struct hub *hub)
{
    const struct front *front = hub->fronts;

    while (front && front->channel.ops->is_open && !front->channel.ops->is_open(front->user))
        front = front->next;
    return front;
}

void hub_destroy(struct hub *hub)
{
    while (hub->fronts) {
        struct front *front = hub->fronts;

        hub->fronts = front->next;
        timer_cancel(&front->release);
        if (front->channel.session)
            front->channel.ops->closed(front->channel.session);
        free(front);
    }
    free(hub);
}
