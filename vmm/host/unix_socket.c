/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int make(const char *path, struct sockaddr_un *address, struct error *error)
{
    const size_t length = strlen(path);
    int fd;

    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (length == 0 || length >= sizeof address->sun_path) {
        error_set(error, "socket path '%s' has %zu bytes; the limit is %zu, and the least 1", path, length,
                  sizeof address->sun_path - 1);
        return -1;
    }
    memcpy(address->sun_path, path, length);
    fd = new_socket();
    if (fd < 0)
        error_set(error, "cannot create a socket: %s", strerror(errno));
    return fd;
}

/* What is there may be removed: a socket that nobody listens at any more. */
static bool is_left_over(const struct sockaddr_un *address, struct error *error)
{
    const char *path = address->sun_path;
    struct stat status;
    bool refused;
    int fd;

    if (lstat(path, &status) < 0)
        return errno == ENOENT || error_set(error, "cannot replace '%s': %s", path, strerror(errno));
    if (!S_ISSOCK(status.st_mode))
        return error_set(error, "'%s' is there, and is not a socket; remove it, or take another path", path);
    fd = new_socket();
    refused = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 &&
              errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused || error_set(error, "another program listens at '%s'; end it, or take another path", path);
}

static bool be_server(int fd, const struct sockaddr_un *address, int backlog, struct made_file *made,
                      struct error *error)
{
    const char *path = address->sun_path;
    bool bound = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;

    if (!bound && errno == EADDRINUSE) {
        if (!is_left_over(address, error))
            return false;
        if (unlink(path) < 0 && errno != ENOENT)
            return error_set(error, "cannot replace '%s': %s", path, strerror(errno));
        bound = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    }
    if (!bound || !made_file_note(made, path))
        return error_set(error, "cannot create socket '%s': %s", path, strerror(errno));
    return listen(fd, backlog) == 0 || error_set(error, "cannot listen at '%s': %s", path, strerror(errno));
}

int unix_listen(const char *path, int backlog, struct made_file *made, struct error *error)
{
    struct sockaddr_un address;
    const int fd = make(path, &address, error);

    if (fd < 0 || be_server(fd, &address, backlog, made, error))
        return fd;
    close(fd);
    return -1;
}

int unix_connect(const char *path, struct error *error)
{
    struct sockaddr_un address;
    const int fd = make(path, &address, error);
    int failure;

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    failure = errno;
    close(fd);
    error_set(error, "cannot connect to '%s': %s%s", path,
              failure == EAGAIN ? "too many clients are waiting" : strerror(failure),
              failure == ENOENT || failure == ECONNREFUSED ? "; start the program that listens there first"
                                                           : "");
    return -1;
}
