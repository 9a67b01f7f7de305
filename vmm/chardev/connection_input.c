/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is read from a connection. Over a UNIX socket a peer may pass descriptors (unix(7), SCM_RIGHTS): they
 * are kept only for a user that asks for them, those of the newest message alone, so that a peer cannot fill
 * this program's table of descriptors.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chardev/connection.h"

void connection_close_descriptors(struct connection *connection)
{
    while (connection->descriptor_count > 0)
        close(connection->descriptors[--connection->descriptor_count]);
}

int connection_take_descriptor(struct channel *channel)
{
    struct connection *connection = (struct connection *)(void *)channel;
    int fd;

    if (connection->descriptor_count == 0)
        return -1;
    fd = connection->descriptors[0];
    connection->descriptors[0] = connection->descriptors[--connection->descriptor_count];
    connection_close_descriptors(connection);
    return fd;
}

/* Those of one message. There is at most one list of them in it. */
static void keep_descriptors(struct connection *connection, struct msghdr *message)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control))
        if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS) {
            const size_t bytes = control->cmsg_len - CMSG_LEN(0);

            connection_close_descriptors(connection);
            memcpy(connection->descriptors, CMSG_DATA(control), bytes);
            connection->descriptor_count = (unsigned)(bytes / sizeof(int));
        }
}

ssize_t connection_read(struct connection *connection, uint8_t *bytes, size_t size)
{
    struct iovec part = { .iov_base = bytes, .iov_len = size };
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(CONNECTION_DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof control.bytes };
    ssize_t count;

    if (!connection->fds.socket || !connection->channel.ops->takes_descriptors)
        return read(connection->fds.input, bytes, size);
    count = recvmsg(connection->fds.input, &message, MSG_CMSG_CLOEXEC);
    if (count >= 0)
        keep_descriptors(connection, &message);
    return count;
}
