/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock: sockets between guest and host, by bytes of standard input and output.
 *
 *   vsock connect CID PORT [packet]   sends its input, then says that this was all; its output is what comes
 * back vsock echo PORT [packet]          for one connection after the other: sends back what comes, until its
 * end
 *
 * With `packet` the socket is a SOCK_SEQPACKET, and a line or a read's worth of the input is one message.
 */
#include <sys/socket.h>

#include <err.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char buffer[64 << 10];

static void send_all(int to, size_t length)
{
    for (size_t done = 0; done < length;) {
        const ssize_t sent = write(to, buffer + done, length - done);

        if (sent <= 0)
            err(1, "write");
        done += (size_t)sent;
    }
}

/* False: that was all. */
static bool copy(int from, int to)
{
    const ssize_t length = read(from, buffer, sizeof buffer);

    if (length < 0)
        err(1, "read");
    send_all(to, (size_t)length);
    return length > 0;
}

static void talk(int connection)
{
    struct pollfd ends[2] = { { .fd = 0, .events = POLLIN }, { .fd = connection, .events = POLLIN } };

    while (poll(ends, 2, -1) > 0) {
        if (ends[1].revents && !copy(connection, 1))
            return;
        /* What the other end does not take yet waits here: it answers all the while. */
        if (ends[0].revents && !copy(0, connection)) {
            shutdown(connection, SHUT_WR);
            ends[0].fd = -1;
        }
    }
    err(1, "poll");
}

int main(int argc, char *argv[])
{
    const bool echo = argc > 2 && strcmp(argv[1], "echo") == 0;
    const int first = echo ? 2 : 3;
    const bool packet = argc > first + 1 && strcmp(argv[first + 1], "packet") == 0;
    struct sockaddr_vm address = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY };
    const int end = socket(AF_VSOCK, packet ? SOCK_SEQPACKET : SOCK_STREAM, 0);

    if (argc <= first)
        errx(2, "usage: vsock connect CID PORT [packet], or vsock echo PORT [packet]");
    if (end < 0)
        err(1, "socket");
    address.svm_port = (unsigned)atoi(argv[first]);
    if (!echo) {
        address.svm_cid = (unsigned)atoi(argv[2]);
        if (connect(end, (struct sockaddr *)&address, sizeof address) < 0)
            err(1, "connect");
        talk(end);
        return 0;
    }
    if (bind(end, (struct sockaddr *)&address, sizeof address) < 0 || listen(end, 4) < 0)
        err(1, "listen");
    for (;;) {
        const int connection = accept(end, NULL, NULL);

        if (connection < 0)
            err(1, "accept");
        while (copy(connection, connection))
            ;
        close(connection);
    }
}
