/* SPDX-License-Identifier: BSD-2-Clause */
#include "qmp_client.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json_object.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/json_reader.h"
#include "base/result.h"
#include "ctl.h"

static const struct json_limits limits = { .depth = 32, .bytes = QMP_BYTES_MAX, .tokens = QMP_TOKENS_MAX };

struct qmp {
    int fd;
    pid_t pid;
    int64_t id; /* of what was sent last */
    struct json_object *events;
    size_t events_read;
    uint8_t bytes[16384]; /* that came and are not taken yet */
    size_t next, end;
    struct json_reader reader;
};

int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int time_left(int64_t deadline)
{
    int64_t left = deadline - now_ms();

    return left <= 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

/* A full listen queue gives EAGAIN at once; it is tried again until the deadline. */
static bool connect_until(int fd, const struct sockaddr_un *address, int64_t deadline, struct error *error)
{
    while (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) {
        const int why = errno;

        if (why == EAGAIN && time_left(deadline) > 0) {
            poll(NULL, 0, 20);
            continue;
        }
        if (why == ECONNREFUSED || why == ENOENT)
            return error_set(error, "no guest is at '%.200s': %s", address->sun_path,
                             why == ENOENT ? "there is no such socket"
                                           : "the one that made this socket is gone");
        return error_set(error, "cannot connect to '%.200s': %s", address->sun_path,
                         why == EAGAIN ? "too many clients are waiting" : strerror(why));
    }
    return true;
}

/* The first message is the greeting. */
static bool negotiate(struct qmp *qmp, int64_t deadline, struct error *error)
{
    struct json_object *greeting = NULL, *nothing = NULL;
    bool good;

    switch (qmp_next(qmp, deadline, -1, &greeting, error)) {
    case QMP_MESSAGE:
        break;
    case QMP_CLOSED:
        return false;
    default:
        return error_set(error, "nobody answers; the guest's program may be stopped, or still be starting");
    }
    good = json_has(greeting, "QMP") ||
           error_set(error, "this is no QMP monitor: it does not begin with a greeting");
    json_object_put(greeting);
    good = good &&
           qmp_ask(qmp, "qmp_capabilities", NULL, (uint64_t)time_left(deadline), &nothing, NULL, error);
    json_object_put(nothing);
    return good;
}

struct qmp *qmp_connect(const char *path, uint64_t answer_timeout, struct error *error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int64_t deadline = now_ms() + (int64_t)answer_timeout;
    struct qmp *qmp = calloc(1, sizeof *qmp);
    struct ucred peer = { 0 };
    socklen_t size = sizeof peer;

    if (!qmp)
        end_without_memory();
    if (strlen(path) >= sizeof address.sun_path) {
        error_set(error, "the path of a socket has at most %zu bytes: '%.200s'", sizeof address.sun_path - 1,
                  path);
        free(qmp);
        return NULL;
    }
    strcpy(address.sun_path, path);
    qmp->reader.limits = &limits;
    qmp->events = json_new_array();
    qmp->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (qmp->fd < 0)
        error_set(error, "cannot create a socket: %s", strerror(errno));
    if (qmp->fd < 0 || !connect_until(qmp->fd, &address, deadline, error)) {
        qmp_close(qmp);
        return NULL;
    }
    if (getsockopt(qmp->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
        qmp->pid = peer.pid;
    if (!negotiate(qmp, deadline, error)) {
        error_prefix(error, "'%.200s': ", path);
        qmp_close(qmp);
        return NULL;
    }
    return qmp;
}

void qmp_close(struct qmp *qmp)
{
    if (!qmp)
        return;
    if (qmp->fd >= 0)
        close(qmp->fd);
    json_object_put(qmp->events);
    json_reader_free(&qmp->reader);
    free(qmp);
}

pid_t qmp_pid(const struct qmp *qmp)
{
    return qmp->pid;
}

bool qmp_process_lives(const struct qmp *qmp)
{
    int64_t deadline = now_ms() + 500;

    while (qmp->pid > 0) {
        if (kill(qmp->pid, 0) < 0 && errno == ESRCH)
            return false;
        if (now_ms() >= deadline)
            return true;
        poll(NULL, 0, 10);
    }
    return true;
}

int qmp_fd(const struct qmp *qmp)
{
    return qmp->fd;
}

static bool send_all(struct qmp *qmp, const char *bytes, size_t length, int64_t deadline, struct error *error)
{
    while (length > 0) {
        ssize_t sent = send(qmp->fd, bytes, length, MSG_NOSIGNAL);
        const int why = errno;
        struct pollfd writable = { .fd = qmp->fd, .events = POLLOUT };

        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if (why == EAGAIN && time_left(deadline) > 0) {
            poll(&writable, 1, time_left(deadline));
        } else if (why != EINTR) {
            return error_set(error, "the monitor accepts no commands: %s",
                             why == EAGAIN ? "it does not read" : strerror(why));
        }
    }
    return true;
}

bool qmp_send(struct qmp *qmp, const char *command, struct json_object *args, uint64_t answer_timeout,
              struct error *error)
{
    struct json_object *request = json_new_object();
    struct text line = { 0 };
    bool good;

    add_string(request, "execute", command);
    if (args)
        json_add(request, "arguments", args);
    add_number(request, "id", (uint64_t)++qmp->id);
    /* In one piece: a monitor may act on the object before the newline is there, and after quit take no more.
     */
    text_json(&line, request, false);
    text_string(&line, "\n");
    good = line.failed ? error_set(error, "out of memory")
                       : send_all(qmp, line.bytes, line.length, now_ms() + (int64_t)answer_timeout, error);
    text_free(&line);
    json_object_put(request);
    return good;
}

bool qmp_is_answer(const struct qmp *qmp, struct json_object *message, bool *good,
                   struct json_object **result, struct error *error)
{
    struct json_object *problem = json_member(message, "error");
    const char *text = json_text_of(problem, "desc");
    bool failed = json_has(message, "error");

    if (json_has(message, "event") || (!failed && !json_has(message, "return")))
        return false;
    /* What is answered without an id was not understood: also ours, for nothing else was asked. */
    if (json_has(message, "id") && json_number_of(message, "id") != (uint64_t)qmp->id)
        return false;
    *good = !failed;
    if (!failed)
        *result = json_object_get(json_member(message, "return"));
    else if (strcmp(json_text_of(problem, "class"), "CommandNotFound") == 0)
        error_set_class(error, ERROR_COMMAND_NOT_FOUND, "%s", text);
    else
        error_set(error, "%s", *text ? text : "the monitor refused the command and did not say why");
    return true;
}

/* Keep an event; when there are too many, the oldest are forgotten. */
static void keep_event(struct qmp *qmp, struct json_object *event)
{
    if (json_length(qmp->events) >= QMP_EVENTS_MAX) {
        json_object_array_del_idx(qmp->events, 0, QMP_EVENTS_MAX / 2);
        qmp->events_read = qmp->events_read > QMP_EVENTS_MAX / 2 ? qmp->events_read - QMP_EVENTS_MAX / 2 : 0;
    }
    json_keep(qmp->events, event);
}

static struct json_object *dequeue_event(struct qmp *qmp)
{
    if (qmp->events_read < json_length(qmp->events))
        return json_object_get(json_at(qmp->events, qmp->events_read++));
    if (qmp->events_read > 0) {
        json_object_array_del_idx(qmp->events, 0, qmp->events_read);
        qmp->events_read = 0;
    }
    return NULL;
}

void qmp_forget_events(struct qmp *qmp)
{
    json_object_array_del_idx(qmp->events, 0, json_length(qmp->events));
    qmp->events_read = 0;
}

/* The next value of what came. False: it is not whole yet; or the error is set. */
static bool read_value(struct qmp *qmp, struct json_object **message, struct error *error)
{
    struct error problem;
    size_t taken;
    enum json_read result = json_reader_take(&qmp->reader, qmp->bytes + qmp->next, qmp->end - qmp->next,
                                             &taken, message, &problem);

    qmp->next += taken;
    if (result == JSON_READ_MORE && !json_reader_failed(&qmp->reader, &problem))
        return false;
    if (result != JSON_READ_VALUE)
        return error_set(error, "the monitor said what is no JSON object: %s", problem.text);
    if (json_object_is_type(*message, json_type_object))
        return true;
    json_object_put(*message);
    *message = NULL;
    return error_set(error, "the monitor said what is no JSON object");
}

/* Take what is there; false and an error at the end. Nothing is left of what came before. */
static bool receive(struct qmp *qmp, struct error *error)
{
    ssize_t got = recv(qmp->fd, qmp->bytes, sizeof qmp->bytes, 0);

    qmp->next = qmp->end = 0;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return error_set(error, "the monitor closed the connection%s%s", got < 0 ? ": " : "",
                         got < 0 ? strerror(errno) : "");
    qmp->end = (size_t)got;
    return true;
}

/* The next message, whatever it is. */
static enum qmp_heard next_message(struct qmp *qmp, int64_t deadline, int wake_fd,
                                   struct json_object **message, struct error *error)
{
    for (;;) {
        struct pollfd ready[2] = { { .fd = qmp->fd, .events = POLLIN }, { .fd = wake_fd, .events = POLLIN } };
        struct error wrong = { 0 };
        int count;

        *message = NULL;
        if (read_value(qmp, message, &wrong))
            return QMP_MESSAGE;
        if (*wrong.text) {
            error_set(error, "%s", wrong.text);
            return QMP_CLOSED;
        }
        count = poll(ready, 2, time_left(deadline));
        if (count > 0 && ready[1].revents)
            return QMP_WOKEN;
        if (count > 0 && ready[0].revents && !receive(qmp, error))
            return QMP_CLOSED;
        if (count == 0 && time_left(deadline) == 0)
            return QMP_LATE;
    }
}

enum qmp_heard qmp_next(struct qmp *qmp, int64_t deadline, int wake_fd, struct json_object **message,
                        struct error *error)
{
    *message = dequeue_event(qmp);
    return *message ? QMP_MESSAGE : next_message(qmp, deadline, wake_fd, message, error);
}

bool qmp_ask(struct qmp *qmp, const char *command, struct json_object *args, uint64_t answer_timeout,
             struct json_object **result, bool *refused, struct error *error)
{
    int64_t deadline = now_ms() + (int64_t)answer_timeout;
    struct json_object *message;
    bool good = false, answered = false, ignored;

    *result = NULL;
    *(refused ? refused : &ignored) = false;
    if (!qmp_send(qmp, command, args, answer_timeout, error))
        return false;
    while (!answered) {
        enum qmp_heard heard = next_message(qmp, deadline, -1, &message, error);

        /* A monitor that talks without end is late, too. */
        if (heard == QMP_LATE || (heard == QMP_MESSAGE && now_ms() > deadline)) {
            json_object_put(message);
            return error_set(error, "the monitor does not answer %s within %s", command,
                             shown_time(answer_timeout));
        }
        if (heard == QMP_CLOSED)
            return false;
        answered = qmp_is_answer(qmp, message, &good, result, error);
        if (json_has(message, "event"))
            keep_event(qmp, json_object_get(message));
        json_object_put(message);
    }
    *(refused ? refused : &ignored) = !good;
    return good;
}
