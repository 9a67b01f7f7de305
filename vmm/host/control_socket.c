/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 16

/* Others hold the lock briefly; a process that holds it longer must not block this start for ever. */
#define LOCK_TRIES 100
#define LOCK_WAIT_NS 20000000

static bool lock_folder(int fd)
{
    for (unsigned tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
        if (errno != EINTR && (errno != EWOULDBLOCK || tries >= LOCK_TRIES))
            return false;
        nanosleep(&(struct timespec){ .tv_nsec = LOCK_WAIT_NS }, NULL);
    }
    return true;
}

/* The folder, open and locked against other guests that start at the same time; only its owner may access it.
 */
static int open_folder(const char *path, struct error *error)
{
    struct stat folder;
    int fd;

    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        error_set(error, "cannot create the directory '%s': %s", path, strerror(errno));
        return -1;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &folder) == 0 && !lock_folder(fd)) {
        error_set(error,
                  errno == EWOULDBLOCK ? "the directory '%s' has been locked by another process for too long"
                                       : "the directory '%s' cannot be locked",
                  path);
    } else if (fd < 0 || fstat(fd, &folder) < 0) {
        error_set(error, "cannot open the directory '%s': %s", path, strerror(errno));
    } else if (folder.st_uid != geteuid() || (folder.st_mode & 077)) {
        error_set(error,
                  "the directory '%s' is accessible to other users (owner %u, mode %03o); use chmod 700",
                  path, (unsigned)folder.st_uid, (unsigned)folder.st_mode & 0777);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* 0: somebody listens there, and who (0 when that cannot be told). Otherwise why nobody answers: an errno. */
static int probe_listener(const struct sockaddr_un *address, pid_t *pid)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct ucred peer = { 0 };
    socklen_t size = sizeof peer;
    int failure = 0;

    *pid = 0;
    if (fd < 0)
        return errno;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno != EAGAIN)
        failure = errno;
    else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
        *pid = peer.pid;
    close(fd);
    return failure;
}

static bool bind_private(int fd, const struct sockaddr_un *address)
{
    mode_t before = umask(0177);
    bool bound = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    int error = errno;

    umask(before);
    errno = error;
    return bound;
}

/* Called while the folder is locked, so that no other guest can listen between the check and its use. */
static bool listen_in_folder(struct control_socket *control, int fd, const struct sockaddr_un *address,
                             struct error *error)
{
    const char *path = address->sun_path;
    pid_t pid;
    int why;

    if (!bind_private(fd, address)) {
        why = errno == EADDRINUSE ? probe_listener(address, &pid) : errno;
        if (why == 0)
            return error_set(error, "process %ld runs a guest with this name and owns the socket '%s'",
                             (long)pid, path);
        /* Whoever made it is gone, or has removed it by now. */
        if (why != ECONNREFUSED && why != ENOENT)
            return error_set(error, "cannot create socket '%s': %s", path, strerror(why));
        if ((unlink(path) < 0 && errno != ENOENT) || !bind_private(fd, address))
            return error_set(error, "cannot replace '%s': %s", path, strerror(errno));
    }
    if (!made_file_note(&control->file, path))
        return error_set(error, "cannot create socket '%s': %s", path, strerror(errno));
    if (listen(fd, BACKLOG) == 0)
        return true;
    error_set(error, "cannot listen on '%s': %s", path, strerror(errno));
    made_file_remove(&control->file);
    return false;
}

int control_socket_open(struct control_socket *control, const char *name, struct error *error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char folder[CONTROL_PATH_SIZE];
    int folder_fd, fd;

    *control = (struct control_socket){ 0 };
    if (!control_folder(folder, error) || !control_path(name, address.sun_path, error))
        return -1;
    folder_fd = open_folder(folder, error);
    if (folder_fd < 0)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set(error, "cannot create a socket: %s", strerror(errno));
    } else if (!listen_in_folder(control, fd, &address, error)) {
        close(fd);
        fd = -1;
    }
    close(folder_fd); /* and with it the lock */
    return fd;
}

void control_socket_remove(struct control_socket *control)
{
    made_file_remove(&control->file);
}
