/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a migration goes to or comes from: "unix:PATH", "fd:NAME", "tcp:ADDRESS:PORT", "exec:COMMAND". The
 * sandbox has neither the network nor other programs, which a descriptor replaces: whoever asks for the
 * migration connects it. Only a target can listen at "tcp:", by a socket from before the sandbox; a source
 * connects, and either starts a command, without the sandbox.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/results.h"
#include "host/command.h"
#include "host/network_door.h"
#include "host/passed.h"
#include "host/unix_socket.h"
#include "machine/migration.h"

/* What follows a scheme, or NULL: it is another. */
static const char *after(const char *uri, const char *scheme)
{
    return strncmp(uri, scheme, strlen(scheme)) == 0 ? uri + strlen(scheme) : NULL;
}

static bool refuse(const char *uri, struct error *error)
{
    if (after(uri, "file:"))
        return error_set(error,
                         "'%s': machine_snapshot writes a file, and -incoming file:FILE starts from it", uri);
    return error_set(error, "'%s' expects unix:PATH, fd:NAME, tcp:ADDRESS:PORT or exec:COMMAND", uri);
}

/* What was tried has failed: with EPERM, since the sandbox is closed. */
static int fail_outside(const char *uri, bool incoming, struct error *error)
{
    if (errno == EPERM)
        error_set(error,
                  "'%s': in the sandbox, the program %s; connect it outside and pass the descriptor (%s), or "
                  "start the program with -sandbox off",
                  uri,
                  after(uri, "tcp:") ? "opens no connections to the network" : "starts no other programs",
                  incoming ? "-incoming fd:N, where N was inherited, or -incoming defer, getfd and "
                             "migrate-incoming fd:NAME"
                           : "getfd, then migrate fd:NAME");
    return -1;
}

static int start_command(const char *uri, bool incoming, struct error *error)
{
    const int fd = command_open(after(uri, "exec:"), incoming ? COMMAND_OUTPUT : COMMAND_INPUT, error);

    return fd >= 0 ? fd : fail_outside(uri, incoming, error);
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

static int connect_network(const char *uri, struct error *error)
{
    const int fd = network_door_leave(after(uri, "tcp:"), error);

    return fd >= 0 ? fd : fail_outside(uri, false, error);
}

int migrate_connect(const char *uri, struct error *error)
{
    if (after(uri, "unix:"))
        return unix_connect(after(uri, "unix:"), error);
    if (after(uri, "fd:"))
        return take_passed(after(uri, "fd:"), error);
    if (after(uri, "exec:"))
        return start_command(uri, false, error);
    if (after(uri, "tcp:"))
        return connect_network(uri, error);
    refuse(uri, error);
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
    else if (after(uri, "exec:"))
        return start_command(uri, true, error);
    else
        refuse(uri, error);
    return -1;
}

void migrate_used(const char *uri)
{
    if (after(uri, "fd:"))
        passed_used(after(uri, "fd:"));
}
