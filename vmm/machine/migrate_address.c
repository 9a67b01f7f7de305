/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a migration goes to or comes from: "unix:PATH", "fd:NAME". The sandbox has neither the network nor
 * other programs, which a descriptor replaces: whoever asks for the migration connects it. Only a target can
 * listen at "tcp:ADDRESS:PORT", by a socket from before the sandbox.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/results.h"
#include "host/network_door.h"
#include "host/passed.h"
#include "host/unix_socket.h"
#include "machine/migration.h"

/* What follows a scheme, or NULL: it is another. */
static const char *after(const char *uri, const char *scheme)
{
    return strncmp(uri, scheme, strlen(scheme)) == 0 ? uri + strlen(scheme) : NULL;
}

static bool refuse(const char *uri, bool incoming, struct error *error)
{
    if (after(uri, "tcp:") || after(uri, "exec:"))
        return error_set(error, "'%s': the program %s; connect it outside and pass the descriptor: %s", uri,
                         after(uri, "tcp:") ? "opens no connections to the network"
                                            : "does not start other programs",
                         incoming ? "start with -incoming fd:N, where N was inherited, or with defer, getfd "
                                    "and migrate-incoming fd:NAME"
                                  : "getfd, then fd:NAME");
    if (after(uri, "file:"))
        return error_set(error,
                         "'%s': machine_snapshot writes a file, and -incoming file:FILE starts from it", uri);
    return error_set(error, "'%s' expects unix:PATH%s or fd:NAME", uri, incoming ? ", tcp:ADDRESS:PORT" : "");
}

/* A descriptor that was passed. Of sockets, those that keep what is sent in order and whole. */
static int take_passed(const char *name, struct error *error)
{
    const int fd = passed_copy("fd", name, error);
    socklen_t size = sizeof(int);
    int type;

    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type == SOCK_STREAM)
        return fd;
    close(fd);
    error_set(error,
              "fd:%.80s is a socket for datagrams, of which some may be lost; pass a stream socket "
              "(SOCK_STREAM), a pipe or a file",
              name);
    return -1;
}

int migrate_connect(const char *uri, struct error *error)
{
    if (after(uri, "unix:"))
        return unix_connect(after(uri, "unix:"), error);
    if (after(uri, "fd:"))
        return take_passed(after(uri, "fd:"), error);
    refuse(uri, false, error);
    return -1;
}

void migrate_prepare(const char *incoming)
{
    if (incoming && (strcmp(incoming, "defer") == 0 || after(incoming, "tcp:")))
        network_door_prepare();
}

int migrate_listen(const char *uri, int *listener, struct made_file *made, struct error *error)
{
    *listener = -1;
    if (after(uri, "unix:"))
        *listener = unix_listen(after(uri, "unix:"), 1, made, error);
    else if (after(uri, "tcp:"))
        *listener = network_door_listen(after(uri, "tcp:"), error);
    else if (after(uri, "fd:"))
        return take_passed(after(uri, "fd:"), error);
    else
        refuse(uri, true, error);
    return -1;
}

void migrate_used(const char *uri)
{
    if (after(uri, "fd:"))
        passed_used(after(uri, "fd:"));
}
