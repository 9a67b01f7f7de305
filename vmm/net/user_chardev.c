/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/user_chardev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/message.h"

#define TARGET "-chardev:"
/* What the guest sends waits for a chardev that has so many bytes to deliver. */
#define PENDING_MAX (1u << 16)

struct user_forward {
    struct user_forward *next;
    char *id;                /* of the chardev */
    struct chardev *chardev; /* NULL: it is not attached */
    struct channel *channel; /* while it is open */
    int fd;
    struct loop *loop;
    struct watch *watch;
    uint32_t events;
    uint8_t out[CHANNEL_INPUT_MAX]; /* what the socket has not taken; the channel is paused meanwhile */
    size_t out_start, out_end;
};

/* ---- bytes ---- */

static void stop_watching(struct user_forward *forward)
{
    watch_remove(forward->watch);
    forward->watch = NULL;
}

static void update(struct user_forward *forward)
{
    const uint32_t events = (forward->out_start < forward->out_end ? (uint32_t)EPOLLOUT : 0) |
                            (channel_pending(forward->channel) < PENDING_MAX ? (uint32_t)EPOLLIN : 0);

    if (!forward->watch || forward->events == events)
        return;
    forward->events = events;
    if (watch_change(forward->watch, events))
        return;
    warning("chardev '%s': the host is out of memory for its event loop; guestfwd ends", forward->id);
    stop_watching(forward);
}

static void flush(struct user_forward *forward)
{
    const size_t length = forward->out_end - forward->out_start;
    const ssize_t sent = send(forward->fd, forward->out + forward->out_start, length,
                              MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent >= 0)
        forward->out_start += (size_t)sent;
    else if (errno != EAGAIN && errno != EINTR)
        forward->out_start = forward->out_end; /* the helper has ended */
    channel_pause(forward->channel, forward->out_start < forward->out_end);
}

static void receive(struct user_forward *forward)
{
    uint8_t bytes[CHANNEL_INPUT_MAX];
    const ssize_t got = recv(forward->fd, bytes, sizeof bytes, MSG_DONTWAIT);

    if (got > 0)
        channel_write(forward->channel, bytes, (size_t)got, true);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        stop_watching(forward);
}

static void on_events(void *opaque, uint32_t events)
{
    struct user_forward *forward = opaque;

    if (events & EPOLLOUT)
        flush(forward);
    if (events & ~(uint32_t)EPOLLOUT)
        receive(forward);
    update(forward);
}

/* ---- the chardev's user ---- */

static void *opened(void *user, struct channel *channel)
{
    struct user_forward *forward = user;

    forward->channel = channel;
    forward->events = EPOLLIN;
    forward->watch = watch_add(forward->loop, forward->fd, forward->events, on_events, forward);
    return forward->watch ? forward : NULL;
}

static void input(void *session, const uint8_t *bytes, size_t length)
{
    struct user_forward *forward = session;

    memcpy(forward->out, bytes, length);
    forward->out_start = 0;
    forward->out_end = length;
    flush(forward);
    update(forward);
}

static void closed(void *session)
{
    struct user_forward *forward = session;

    stop_watching(forward);
    forward->channel = NULL;
}

static void drained(void *session)
{
    update(session);
}

static const struct chardev_user_ops ops = {
    .single = true,
    .opened = opened,
    .input = input,
    .closed = closed,
    .drained = drained,
};

/* ---- life ---- */

/* One byte with the descriptor. */
static bool pass(int helper, int fd, struct error *error)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { .header = {
                      .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
    struct iovec part = { .iov_base = (char[]){ 0 }, .iov_len = 1 };
    const struct msghdr message = { .msg_iov = &part,
                                    .msg_iovlen = 1,
                                    .msg_control = control.bytes,
                                    .msg_controllen = sizeof control.bytes };

    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return sendmsg(helper, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ||
           error_set(error, "guestfwd: a socket cannot be passed: %s", strerror(errno));
}

static bool open_one(struct user_forward **list, const char *id, size_t length, int helper, struct loop *loop,
                     struct error *error)
{
    struct user_forward *forward = calloc(1, sizeof *forward);
    int pair[2];
    bool good;

    if (!forward)
        return error_set(error, "out of memory");
    forward->fd = -1;
    forward->loop = loop;
    forward->next = *list;
    *list = forward;
    forward->id = strndup(id, length);
    if (!forward->id)
        return error_set(error, "out of memory");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return error_set(error, "cannot create a socket: %s", strerror(errno));
    forward->fd = pair[0];
    good = pass(helper, pair[1], error);
    close(pair[1]);
    return good;
}

bool user_forwards_open(struct user_forward **list, const char *rules, int helper, struct loop *loop,
                        struct error *error)
{
    while (rules && *rules) {
        const size_t length = strcspn(rules, ",");
        const char *target = strstr(rules, TARGET);

        if (target && target < rules + length) {
            const char *id = target + strlen(TARGET);

            if (!open_one(list, id, (size_t)(rules + length - id), helper, loop, error))
                return false;
        }
        rules += length + (rules[length] == ',');
    }
    return true;
}

bool user_forwards_attach(struct user_forward *list, struct chardevs *chardevs, bool now, struct error *error)
{
    for (struct user_forward *forward = list; forward; forward = forward->next) {
        struct chardev *chardev = chardev_find(chardevs, forward->id);

        if (!chardev)
            return error_set(error,
                             "guestfwd: chardev '%.80s' not found; -chardev socket,id=%.80s,... creates it",
                             forward->id, forward->id);
        if (!(now ? chardev_attach_now : chardev_attach)(chardev, &ops, forward, error))
            return error_prefix(error, "guestfwd: ");
        forward->chardev = chardev;
    }
    return true;
}

void user_forwards_detach(struct user_forward *list)
{
    for (struct user_forward *forward = list; forward; forward = forward->next) {
        if (forward->chardev)
            chardev_detach(forward->chardev, forward);
        stop_watching(forward);
        forward->chardev = NULL;
        forward->channel = NULL;
    }
}

void user_forwards_close(struct user_forward *list)
{
    user_forwards_detach(list);
    while (list) {
        struct user_forward *forward = list;

        list = forward->next;
        if (forward->fd >= 0)
            close(forward->fd);
        free(forward->id);
        free(forward);
    }
}
