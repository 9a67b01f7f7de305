/* SPDX-License-Identifier: BSD-2-Clause */
/* talk: TCP as fast as it goes, in one direction or to and fro.
 *
 *   talk serve PORT                    the other end, for one connection after the other
 *   talk stream ADDRESS PORT SECONDS   sends; says "BYTES bytes NANOSECONDS in all"
 *   talk ask ADDRESS PORT SECONDS      sends a byte and waits for it, again and again;
 *                                      says "COUNT answers NANOSECONDS in all"
 *
 * The first byte of a connection is 's' or 'a', for what follows. The end of a stream is answered by the
 * number of bytes that have arrived, eight bytes, little-endian: only when this is as many as were sent is
 * anything said, and only then does time stop. bench/wire.py has another server.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[256 << 10];

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void send_all(int connection, const void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        const ssize_t sent = write(connection, (const char *)bytes + done, length - done);

        if (sent <= 0)
            err(1, "write");
        done += (size_t)sent;
    }
}

static void receive_all(int connection, void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        const ssize_t received = read(connection, (char *)bytes + done, length - done);

        if (received <= 0)
            err(1, "read: %zd", received);
        done += (size_t)received;
    }
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        errx(2, "'%s' is no address", host);
    return address;
}

static void prompt(int connection)
{
    if (setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)) < 0)
        err(1, "TCP_NODELAY");
}

static void answer(int connection)
{
    uint64_t count = 0;
    ssize_t length;
    char kind;

    prompt(connection);
    if (read(connection, &kind, 1) != 1)
        return;
    while ((length = read(connection, buffer, kind == 's' ? sizeof buffer : 1)) > 0) {
        count += (uint64_t)length;
        if (kind != 's')
            send_all(connection, buffer, (size_t)length);
    }
    if (kind == 's')
        send_all(connection, &count, sizeof count);
}

static void serve(const char *port)
{
    const struct sockaddr_in address = address_of("0.0.0.0", port);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(listener, (const struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1) < 0)
        err(1, "port %s", port);
    for (;;) {
        const int connection = accept(listener, NULL, NULL);

        if (connection < 0)
            err(1, "accept");
        answer(connection);
        close(connection);
    }
}

static void stream(int connection, uint64_t until)
{
    const uint64_t begin = now();
    uint64_t count = 0, arrived;

    while (now() < until) {
        send_all(connection, buffer, sizeof buffer / 4);
        count += sizeof buffer / 4;
    }
    shutdown(connection, SHUT_WR);
    receive_all(connection, &arrived, sizeof arrived);
    if (arrived != count)
        errx(1, "%llu bytes of %llu have arrived", (unsigned long long)arrived, (unsigned long long)count);
    printf("%llu bytes %llu in all\n", (unsigned long long)count, (unsigned long long)(now() - begin));
}

static void ask(int connection, uint64_t until)
{
    const uint64_t begin = now();
    uint64_t count = 0;

    while (now() < until) {
        const unsigned char sent = (unsigned char)++count;
        unsigned char received;

        send_all(connection, &sent, 1);
        receive_all(connection, &received, 1);
        if (received != sent)
            errx(1, "question %llu has the wrong answer %u", (unsigned long long)count, received);
    }
    printf("%llu answers %llu in all\n", (unsigned long long)count, (unsigned long long)(now() - begin));
}

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    bool streams;
    int connection;

    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        serve(argv[2]);
    streams = argc == 5 && strcmp(argv[1], "stream") == 0;
    if (argc != 5 || (!streams && strcmp(argv[1], "ask") != 0))
        errx(2, "usage: talk serve PORT | talk stream|ask ADDRESS PORT SECONDS");
    address = address_of(argv[2], argv[3]);
    connection = socket(AF_INET, SOCK_STREAM, 0);
    /* Little waits in the socket when the seconds are over: all of it has to arrive first. */
    if (setsockopt(connection, SOL_SOCKET, SO_SNDBUF, &(int){ 64 << 10 }, sizeof(int)) < 0)
        err(1, "SO_SNDBUF");
    if (connect(connection, (const struct sockaddr *)&address, sizeof address) < 0)
        err(1, "%s port %s", argv[2], argv[3]);
    prompt(connection);
    send_all(connection, streams ? "s" : "a", 1);
    (streams ? stream : ask)(connection, now() + strtoull(argv[4], NULL, 10) * 1000000000);
    return 0;
}
