/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram-user-net: a guest's network behind the host's sockets, by libslirp. hotram starts it for -netdev
 * user (start.h); it is of no use by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/user_net/start.h"
#include "net/user_net/user_net.h"

#define FRAME_MAX 65553u
/* Frames at a time, so that a guest that only sends keeps nobody from being answered. */
#define BATCH 64

struct slirp_timer {
    SlirpTimerCb call;
    void *opaque;
    int64_t deadline; /* ms; -1: it does not run */
    struct slirp_timer *next;
};

static struct slirp_timer *timers;
static struct pollfd *fds;
static int fd_count, fd_room;

static int64_t now_ns(void *opaque)
{
    struct timespec now;

    (void)opaque;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A guest that does not take its frames loses them, as on any network. */
static ssize_t send_frame(const void *bytes, size_t length, void *opaque)
{
    (void)opaque;
    if (send(USER_NET_FD, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN &&
        errno != ENOBUFS && errno != EINTR)
        _exit(EXIT_SUCCESS); /* hotram has ended */
    return (ssize_t)length;
}

static void guest_error(const char *text, void *opaque)
{
    (void)text; /* the guest's fault: it could fill the log of the host */
    (void)opaque;
}

static void *timer_new(SlirpTimerCb call, void *call_opaque, void *opaque)
{
    struct slirp_timer *timer = calloc(1, sizeof *timer);

    (void)opaque;
    if (!timer)
        _exit(EXIT_FAILURE);
    *timer = (struct slirp_timer){ .call = call, .opaque = call_opaque, .deadline = -1, .next = timers };
    timers = timer;
    return timer;
}

static void timer_free(void *handle, void *opaque)
{
    struct slirp_timer **link = &timers;

    (void)opaque;
    while (*link && *link != handle)
        link = &(*link)->next;
    if (*link)
        *link = (*link)->next;
    free(handle);
}

static void timer_mod(void *handle, int64_t deadline, void *opaque)
{
    struct slirp_timer *timer = handle;

    (void)opaque;
    timer->deadline = deadline;
}

static void poll_fd(int fd, void *opaque)
{
    (void)fd; /* all of them are asked for at each round */
    (void)opaque;
}

static void notify(void *opaque)
{
    (void)opaque; /* there is one thread, and it is awake */
}

static const SlirpCb callbacks = {
    .send_packet = send_frame,
    .guest_error = guest_error,
    .clock_get_ns = now_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = poll_fd,
    .unregister_poll_fd = poll_fd,
    .notify = notify,
};

static int add_poll(int fd, int events, void *opaque)
{
    short wanted = 0;

    (void)opaque;
    if (fd_count == fd_room) {
        const int room = fd_room ? 2 * fd_room : 64;
        struct pollfd *more = realloc(fds, (size_t)room * sizeof *fds);

        if (!more)
            _exit(EXIT_FAILURE);
        fds = more;
        fd_room = room;
    }
    if (events & SLIRP_POLL_IN)
        wanted |= POLLIN;
    if (events & SLIRP_POLL_OUT)
        wanted |= POLLOUT;
    if (events & SLIRP_POLL_PRI)
        wanted |= POLLPRI;
    fds[fd_count] = (struct pollfd){ .fd = fd, .events = wanted };
    return fd_count++;
}

static int get_events(int index, void *opaque)
{
    const short seen = fds[index].revents;

    (void)opaque;
    return (seen & POLLIN ? SLIRP_POLL_IN : 0) | (seen & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (seen & POLLPRI ? SLIRP_POLL_PRI : 0) | (seen & POLLERR ? SLIRP_POLL_ERR : 0) |
           (seen & POLLHUP ? SLIRP_POLL_HUP : 0);
}

static void run_timers(void)
{
    const int64_t now = now_ns(NULL) / 1000000;

    for (struct slirp_timer *timer = timers; timer; timer = timer->next)
        if (timer->deadline >= 0 && timer->deadline <= now) {
            timer->deadline = -1;
            timer->call(timer->opaque);
            return; /* the list may be another one now; the rest is due at once */
        }
}

/* Milliseconds until a timer is due, at most `timeout`. */
static uint32_t until_timer(uint32_t timeout)
{
    const int64_t now = now_ns(NULL) / 1000000;

    for (const struct slirp_timer *timer = timers; timer; timer = timer->next)
        if (timer->deadline >= 0) {
            const int64_t left = timer->deadline > now ? timer->deadline - now : 0;

            if (left < timeout)
                timeout = (uint32_t)left;
        }
    return timeout;
}

/* Frames of the guest's. False: hotram has ended. */
static bool take_frames(Slirp *slirp)
{
    static uint8_t frame[FRAME_MAX];

    for (unsigned i = 0; i < BATCH; i++) {
        const ssize_t length = recv(USER_NET_FD, frame, sizeof frame, MSG_DONTWAIT);

        if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (length < 0)
            return true;
        slirp_input(slirp, frame, (int)length);
    }
    return true;
}

static void serve(Slirp *slirp)
{
    for (;;) {
        uint32_t timeout = UINT32_MAX;
        int ready;

        fd_count = 0;
        add_poll(USER_NET_FD, SLIRP_POLL_IN, NULL);
        slirp_pollfds_fill(slirp, &timeout, add_poll, NULL);
        guestfwd_fill(slirp, add_poll, NULL);
        timeout = until_timer(timeout);
        ready = poll(fds, (nfds_t)fd_count, timeout > INT_MAX ? -1 : (int)timeout);
        slirp_pollfds_poll(slirp, ready < 0, get_events, NULL);
        if (ready > 0)
            guestfwd_poll(slirp, get_events, NULL);
        run_timers();
        if (ready > 0 && fds[0].revents && !take_frames(slirp))
            return;
    }
}

static void answer(const char *text, size_t length)
{
    if (send(USER_NET_FD, text, length, MSG_NOSIGNAL) < 0)
        _exit(EXIT_FAILURE);
}

int main(int argc, char *argv[])
{
    struct settings settings;
    char why[400] = "out of memory";
    Slirp *slirp;

    if (fcntl(USER_NET_FD, F_GETFD) < 0) {
        fputs(USER_NET_NAME ": hotram starts this program for -netdev user\n", stderr);
        return EXIT_FAILURE;
    }
    close_range(USER_NET_FD + 1, UINT_MAX, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return EXIT_FAILURE;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* of the terminal: hotram decides when it ends */
    signal(SIGHUP, SIG_IGN);
    slirp = settings_read(&settings, argc, argv, why, sizeof why)
                ? slirp_new(&settings.slirp, &callbacks, NULL)
                : NULL;
    if (slirp && (!settings_forward(&settings, slirp, why, sizeof why) ||
                  !guestfwd_open(settings.guestfwd, slirp, why, sizeof why))) {
        answer(why, strlen(why));
        return EXIT_FAILURE;
    }
    if (slirp && !confine()) {
        snprintf(why, sizeof why, "its sandbox: %s", strerror(errno));
        slirp = NULL;
    }
    if (!slirp) {
        answer(why, strlen(why));
        return EXIT_FAILURE;
    }
    malloc_trim(0); /* what the sandbox's filter was made of */
    answer("", 1);
    serve(slirp);
    return EXIT_SUCCESS;
}
