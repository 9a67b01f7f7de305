/* SPDX-License-Identifier: BSD-2-Clause */
#include "chardev/path.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 16

static int make(const char *path, struct sockaddr_un *address, struct error *error)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        error_set(error, "cannot create a socket: %s", strerror(errno));
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(address->sun_path, path, strlen(path));
    return fd;
}

static bool be_server(int fd, const struct sockaddr_un *address, struct made_file *made, struct error *error)
{
    const char *path = address->sun_path;

    /* As QEMU does: replace a socket that an earlier run left behind. */
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set(error, "cannot replace '%s': %s", path, strerror(errno));
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 || !made_file_note(made, path))
        return error_set(error, "cannot create socket '%s': %s", path, strerror(errno));
    return listen(fd, BACKLOG) == 0 || error_set(error, "cannot listen on '%s': %s", path, strerror(errno));
}

int path_listen(const char *path, struct made_file *made, struct error *error)
{
    struct sockaddr_un address;
    const int fd = make(path, &address, error);

    if (fd < 0 || be_server(fd, &address, made, error))
        return fd;
    close(fd);
    return -1;
}

int path_connect(const char *path, struct error *error)
{
    struct sockaddr_un address;
    const int fd = make(path, &address, error);
    int failure;

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    failure = errno;
    close(fd);
    error_set(error, "cannot connect to '%s': %s", path,
              failure == EAGAIN ? "too many clients are waiting" : strerror(failure));
    return -1;
}
