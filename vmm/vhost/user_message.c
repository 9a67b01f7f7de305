/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhost/user_message.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"

#define BYTES_MAX 512u

/* The most that is sent: a table of all regions, each with a descriptor. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(VHOST_USER_TABLE_MAX * sizeof(int))];
};

bool vhost_user_break(struct vhost_user *user, const char *format, ...)
{
    va_list arguments;

    if (user->broken)
        return false;
    user->broken = true;
    va_start(arguments, format);
    vsnprintf(user->why.text, sizeof user->why.text, format, arguments);
    va_end(arguments);
    /* It sees the end, and takes its hands off the guest's memory. */
    if (user->fd >= 0)
        RESULT_DOES_NOT_MATTER(shutdown(user->fd, SHUT_RDWR) < 0, "it has gone already");
    return false;
}

/* Until the socket is ready, or the time is up. */
static bool wait_for(struct vhost_user *user, short events, uint64_t deadline, const char *name)
{
    for (;;) {
        struct pollfd poll_fd = { .fd = user->fd, .events = events };
        const uint64_t now = loop_now();
        int ready;

        if (now >= deadline)
            return vhost_user_break(user, "it has not answered %s for %u seconds", name,
                                    VHOST_USER_ANSWER_MS / 1000);
        ready = poll(&poll_fd, 1, (int)(deadline - now));
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return vhost_user_break(user, "poll: %s", strerror(errno));
    }
}

static bool is_later(int failure)
{
    return failure == EAGAIN || failure == EINTR;
}

/* The descriptors go with the first byte. */
static ssize_t send_some(int fd, const char *bytes, size_t length, const int *fds, unsigned fd_count)
{
    struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = length };
    union control control = { .header = { .cmsg_len = CMSG_LEN(fd_count * sizeof(int)),
                                          .cmsg_level = SOL_SOCKET,
                                          .cmsg_type = SCM_RIGHTS } };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

    if (fd_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool send_all(struct vhost_user *user, const struct vhost_user_message *message, uint32_t flags,
                     uint64_t deadline)
{
    const struct vhost_user_header header = { message->request, VHOST_USER_VERSION | flags, message->size };
    const size_t length = sizeof header + message->size;
    char bytes[BYTES_MAX];
    size_t sent = 0;

    if (user->broken)
        return false;
    memcpy(bytes, &header, sizeof header);
    if (message->size > 0)
        memcpy(bytes + sizeof header, message->bytes, message->size);
    while (sent < length) {
        const ssize_t count = send_some(user->fd, bytes + sent, length - sent, message->fds,
                                        sent == 0 ? message->fd_count : 0);

        if (count > 0)
            sent += (size_t)count;
        else if (!is_later(errno))
            return vhost_user_break(user, "it has closed the connection");
        else if (!wait_for(user, POLLOUT, deadline, message->name))
            return false;
    }
    return true;
}

/* A descriptor may come with any byte. There is room for one at a time; the kernel closes the others. */
static ssize_t receive_some(int from, void *bytes, size_t length, int *fd)
{
    struct iovec part = { .iov_base = bytes, .iov_len = length };
    union control control;
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = CMSG_LEN(sizeof(int)) };
    const ssize_t count = recvmsg(from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = count > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len < CMSG_LEN(sizeof(int)))
        return count;
    if (*fd >= 0)
        close(*fd);
    memcpy(fd, CMSG_DATA(header), sizeof *fd);
    return count;
}

static bool receive(struct vhost_user *user, void *bytes, size_t length, uint64_t deadline,
                    const struct vhost_user_message *asked)
{
    const char *name = asked->name;
    size_t got = 0;

    while (got < length) {
        char *const to = (char *)bytes + got;
        const ssize_t count = asked->answer_fd ? receive_some(user->fd, to, length - got, asked->answer_fd)
                                               : read(user->fd, to, length - got);

        if (count > 0)
            got += (size_t)count;
        else if (count == 0 || !is_later(errno))
            return vhost_user_break(user, "it has closed the connection");
        else if (!wait_for(user, POLLIN, deadline, name))
            return false;
    }
    return true;
}

static bool receive_answer(struct vhost_user *user, const struct vhost_user_message *message, void *answer,
                           uint32_t size, uint64_t deadline)
{
    struct vhost_user_header header;

    if (!receive(user, &header, sizeof header, deadline, message))
        return false;
    if (header.request != message->request ||
        (header.flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION || !(header.flags & VHOST_USER_REPLY))
        return vhost_user_break(user, "its answer to %s is none: message %u with flags 0x%x", message->name,
                                header.request, header.flags);
    if (header.size != size)
        return vhost_user_break(user, "its answer to %s has %u bytes in place of %u", message->name,
                                header.size, size);
    return receive(user, answer, size, deadline, message);
}

bool vhost_user_ask(struct vhost_user *user, const struct vhost_user_message *message, void *answer,
                    uint32_t size)
{
    const uint64_t deadline = loop_now() + VHOST_USER_ANSWER_MS;

    return send_all(user, message, 0, deadline) && receive_answer(user, message, answer, size, deadline);
}

bool vhost_user_do(struct vhost_user *user, const struct vhost_user_message *message, uint64_t *result)
{
    const uint64_t deadline = loop_now() + VHOST_USER_ANSWER_MS;

    return send_all(user, message, VHOST_USER_NEED_REPLY, deadline) &&
           receive_answer(user, message, result, sizeof *result, deadline);
}

bool vhost_user_must(struct vhost_user *user, const struct vhost_user_message *message)
{
    uint64_t result;

    return vhost_user_do(user, message, &result) &&
           (result == 0 || vhost_user_break(user, "it has refused %s", message->name));
}

bool vhost_user_tell(struct vhost_user *user, const struct vhost_user_message *message)
{
    return send_all(user, message, 0, loop_now() + VHOST_USER_ANSWER_MS);
}
