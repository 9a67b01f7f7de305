/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a migration goes to or comes from: "unix:PATH", "fd:NAME". The sandbox has neither the network nor
 * other programs, which a descriptor replaces: whoever asks for the migration connects it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/results.h"
#include "host/passed.h"
#include "machine/migration.h"

/* What follows a scheme, or NULL: it is another. */
static const char *after(const char *uri, const char *scheme)
{
    return strncmp(uri, scheme, strlen(scheme)) == 0 ? uri + strlen(scheme) : NULL;
}

static bool refuse(const char *uri, bool incoming, struct error *error)
{
    if (after(uri, "tcp:") || after(uri, "exec:"))
        return error_set(error,
                         "'%s': the program has no access to %s; connect it outside and pass the "
                         "descriptor: %s",
                         uri, after(uri, "tcp:") ? "the network" : "other programs",
                         incoming ? "start with -incoming fd:N, where N was inherited, or with defer, getfd "
                                    "and migrate-incoming fd:NAME"
                                  : "getfd, then fd:NAME");
    if (after(uri, "file:"))
        return error_set(error,
                         "'%s': machine_snapshot writes a file, and -incoming file:FILE starts from it", uri);
    return error_set(error, "'%s' expects unix:PATH or fd:NAME", uri);
}

static bool make_address(const char *path, struct sockaddr_un *address, struct error *error)
{
    const size_t length = strlen(path);

    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (length == 0 || length >= sizeof address->sun_path)
        return error_set(error, "socket path '%s' has %zu bytes; the limit is %zu, and the least 1", path,
                         length, sizeof address->sun_path - 1);
    memcpy(address->sun_path, path, length);
    return true;
}

static int fail(int fd, const char *what, const char *path, struct error *error)
{
    error_set(error, "cannot %s '%s': %s", what, path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int connect_unix(const char *path, struct error *error)
{
    struct sockaddr_un address;
    int fd;

    if (!make_address(path, &address, error))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return fail(fd, "connect to", path, error);
    return fd;
}

int migrate_connect(const char *uri, struct error *error)
{
    if (after(uri, "unix:"))
        return connect_unix(after(uri, "unix:"), error);
    if (after(uri, "fd:"))
        return passed_copy("fd", after(uri, "fd:"), error);
    refuse(uri, false, error);
    return -1;
}

/* A socket that nobody listens at is left from an earlier program. A connection to any other file is refused,
 * too. */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat status;
    const bool is_socket = lstat(address->sun_path, &status) == 0 && S_ISSOCK(status.st_mode);
    const int fd = is_socket ? socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    const bool stale = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 &&
                       errno == ECONNREFUSED;

    if (fd >= 0)
        close(fd);
    return stale;
}

static bool bind_unix(int fd, const struct sockaddr_un *address)
{
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return true;
    if (errno != EADDRINUSE)
        return false;
    if (is_stale(address))
        return unlink(address->sun_path) == 0 &&
               bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    errno = EADDRINUSE; /* the reason that is reported */
    return false;
}

static int listen_unix(const char *name, struct made_file *made, struct error *error)
{
    struct sockaddr_un address;
    int fd;

    if (!make_address(name, &address, error))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !bind_unix(fd, &address) || !made_file_note(made, name))
        return fail(fd, "listen at", name, error);
    if (listen(fd, 1) == 0)
        return fd;
    fail(fd, "listen at", name, error);
    made_file_remove(made);
    return -1;
}

int migrate_listen(const char *uri, int *listener, struct made_file *made, struct error *error)
{
    *listener = -1;
    if (after(uri, "unix:"))
        *listener = listen_unix(after(uri, "unix:"), made, error);
    else if (after(uri, "fd:"))
        return passed_copy("fd", after(uri, "fd:"), error);
    else
        refuse(uri, true, error);
    return -1;
}

void migrate_used(const char *uri)
{
    if (after(uri, "fd:"))
        passed_used(after(uri, "fd:"));
}
