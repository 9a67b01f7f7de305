/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/first_client.h"

#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* libvirt needs some tenths of a second on a busy machine. */
#define LIMIT_MS 3000

/* The N of "socket,id=x,fd=N,server=on"; -1 for any other. The command line may be what was wrong, so it is
 * read here by itself. */
static int inherited_fd(const char *chardev)
{
    const char *key = strstr(chardev, ",fd=");
    char *end;
    long fd;

    if (strncmp(chardev, "socket,", strlen("socket,")) != 0 || !key)
        return -1;
    fd = strtol(key + strlen(",fd="), &end, 10);
    return (*end == '\0' || *end == ',') && fd >= 0 && fd <= INT_MAX ? (int)fd : -1;
}

static bool listens(int fd)
{
    int yes = 0;
    socklen_t size = sizeof yes;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes;
}

void first_client_wait(int argc, char *argv[], int signals)
{
    for (int i = 1; i + 1 < argc; i++) {
        struct pollfd polled[2] = { { .fd = -1, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
        struct pollfd *client = &polled[0];

        if (strcmp(argv[i], "-chardev") == 0 || strcmp(argv[i], "--chardev") == 0)
            client->fd = inherited_fd(argv[i + 1]);
        if (client->fd >= 0 && listens(client->fd) && poll(polled, 2, LIMIT_MS) > 0 &&
            client->revents & POLLIN)
            /* One that is not accepted sees a reset, and not the end by which libvirt looks for the messages.
             * The exit closes it. */
            (void)accept4(client->fd, NULL, NULL, SOCK_CLOEXEC);
    }
}
