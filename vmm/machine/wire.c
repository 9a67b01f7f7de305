/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "state/stream.h"

#define SECOND UINT64_C(1000000000)
/* Bytes that were not sent in time are made up for within so many nanoseconds. */
#define WINDOW (SECOND / 10)
#define SLICE_MS 20     /* of a wait, after which the limit is read again */
#define REASON_MAX 900u /* of WIRE_FAILED */

static const uint8_t magic[8] = { 'H', 'R', 'M', 'I', 'G', 'R', 'A', 'T' };
#define GREETING 16u
#define FLAG_ANSWERS 1u

/* ---- bytes ---- */

static void put(uint8_t *at, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *at, unsigned width)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

void wire_encode(const struct wire_message *message, uint8_t bytes[WIRE_HEADER])
{
    put(bytes, 4, message->kind);
    put(bytes + 4, 4, message->length);
    put(bytes + 8, 8, message->address);
}

/* How long the contents of a kind may be; 0 for what is not known. */
static bool most(uint32_t kind, uint32_t *length, bool *has_address)
{
    *has_address = kind == WIRE_PAGES || kind == WIRE_ZEROS;
    switch (kind) {
    case WIRE_CONFIG:
    case WIRE_STATE:
        *length = STREAM_SIZE_MAX;
        return true;
    case WIRE_PAGES:
        *length = WIRE_PAGES_MAX;
        return true;
    case WIRE_ZEROS:
        *length = UINT32_MAX;
        return true;
    case WIRE_ACCEPTED:
    case WIRE_LOADED:
    case WIRE_RUNS:
        *length = 0;
        return true;
    case WIRE_FAILED:
        *length = REASON_MAX;
        return true;
    default:
        return false;
    }
}

bool wire_decode(const uint8_t bytes[WIRE_HEADER], struct wire_message *message, struct error *error)
{
    const uint32_t kind = (uint32_t)get(bytes, 4), length = (uint32_t)get(bytes + 4, 4);
    uint32_t limit;
    bool has_address;

    if (!most(kind, &limit, &has_address))
        return error_set(error, "there is no message of kind 0x%" PRIx32, kind);
    *message = (struct wire_message){ (enum wire_kind)kind, length, get(bytes + 8, 8) };
    if (length > limit)
        return error_set(error, "a message of kind %" PRIu32 " has %" PRIu32 " bytes; the limit is %" PRIu32,
                         kind, length, limit);
    return has_address || message->address == 0 ||
           error_set(error, "a message of kind %" PRIu32 " has the address 0x%" PRIx64 " instead of 0", kind,
                     message->address);
}

/* ---- the connection ---- */

bool wire_prepare(struct wire *wire, struct error *error)
{
    if (wire->wake >= 0)
        return true;
    *wire = (struct wire){ .fd = -1, .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    return wire->wake >= 0 || error_set(error, "eventfd: %s", strerror(errno));
}

bool wire_open(struct wire *wire, int fd, struct error *error)
{
    const int flags = fcntl(fd, F_GETFL);
    socklen_t size = sizeof(int);
    int type, domain;

    wire->fd = fd;
    wire->two_way = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
    wire->local = wire->two_way && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
                  domain == AF_UNIX;
    if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0)
        return true;
    error_set(error, "%s", strerror(errno));
    wire_close(wire);
    return false;
}

void wire_close(struct wire *wire)
{
    if (wire->fd >= 0)
        close(wire->fd);
    if (wire->wake >= 0)
        close(wire->wake);
    wire->fd = wire->wake = -1;
}

void wire_interrupt(struct wire *wire)
{
    const uint64_t one = 1;

    atomic_store(&wire->interrupted, true);
    RESULT_DOES_NOT_MATTER(write(wire->wake, &one, sizeof one), "it is readable already, or becomes so");
}

void wire_limit(struct wire *wire, uint64_t bytes_per_second)
{
    atomic_store(&wire->limit, bytes_per_second);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* Until the connection is ready, or (`events` is 0) for that long, unless it ends. */
static bool wait_for(struct wire *wire, short events, int milliseconds, struct error *error)
{
    struct pollfd poll_fds[] = { { .fd = wire->wake, .events = POLLIN },
                                 { .fd = wire->fd, .events = events } };
    int ready;

    do
        ready = poll(poll_fds, 2, milliseconds);
    while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return error_set(error, "%s", strerror(errno));
    if (poll_fds[0].revents)
        return error_set(error, "cancelled");
    return events || !poll_fds[1].revents || error_set(error, "the other end has closed the connection");
}

/* The limit of the bandwidth, over a window that begins anew when the limit changes, or after a delay. A
 * limit that changes while this waits is followed soon. */
static bool keep_to_limit(struct wire *wire, size_t sent, struct error *error)
{
    for (;;) {
        const uint64_t limit = atomic_load(&wire->limit), time = now();
        double due;

        if (limit == 0)
            return true;
        if (limit != wire->window_limit) {
            wire->window_limit = limit;
            wire->window_start = time;
            wire->window_bytes = 0;
        }
        wire->window_bytes += sent;
        sent = 0;
        due = (double)wire->window_start + (double)wire->window_bytes / (double)limit * (double)SECOND;
        if (due <= (double)time) {
            if ((double)time - due > (double)WINDOW)
                wire->window_limit = 0;
            return true;
        }
        due = (due - (double)time) / 1e6;
        if (!wait_for(wire, 0, due < SLICE_MS ? (int)due : SLICE_MS, error))
            return false;
        if (due < 1)
            return true;
    }
}

bool wire_write(struct wire *wire, const void *bytes, size_t length, struct error *error)
{
    const uint8_t *at = bytes;

    for (size_t left = length; left > 0;) {
        const ssize_t count = write(wire->fd, at, left);

        if (count > 0) {
            at += count;
            left -= (size_t)count;
            atomic_fetch_add(&wire->moved, (uint64_t)count);
        } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
            error_set(error, "%s", count == 0 ? "no space" : strerror(errno));
            if (atomic_load(&wire->moved) == 0)
                error_prefix(error, "the target is not reached: ");
            return false;
        }
        if (left > 0 && !wait_for(wire, POLLOUT, -1, error))
            return false;
    }
    return true;
}

bool wire_read(struct wire *wire, void *bytes, size_t length, struct error *error)
{
    uint8_t *at = bytes;

    for (size_t left = length; left > 0;) {
        const ssize_t count = read(wire->fd, at, left);

        if (count == 0)
            return error_set(error, "the connection ended after %" PRIu64 " bytes",
                             (uint64_t)atomic_load(&wire->moved));
        if (count < 0 && errno != EINTR && errno != EAGAIN) {
            /* Linux says so of a UNIX socket whose other end was closed with bytes that nobody had read. */
            wire->refused = wire->local && errno == ECONNRESET;
            return error_set(error, "%s", strerror(errno));
        }
        if (count > 0) {
            at += count;
            left -= (size_t)count;
            atomic_fetch_add(&wire->moved, (uint64_t)count);
        }
        if (left > 0 && !wait_for(wire, POLLIN, -1, error))
            return false;
    }
    return true;
}

/* ---- messages ---- */

bool wire_greet(struct wire *wire, struct error *error)
{
    uint8_t bytes[GREETING];

    memcpy(bytes, magic, sizeof magic);
    put(bytes + 8, 4, WIRE_VERSION);
    put(bytes + 12, 4, wire->answers ? FLAG_ANSWERS : 0);
    return wire_write(wire, bytes, sizeof bytes, error);
}

bool wire_meet(struct wire *wire, struct error *error)
{
    uint8_t bytes[GREETING];
    uint32_t version, flags;

    if (!wire_read(wire, bytes, sizeof bytes, error))
        return false;
    version = (uint32_t)get(bytes + 8, 4);
    flags = (uint32_t)get(bytes + 12, 4);
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return error_set(error, "this is not the migration of a hotram guest: it begins with other bytes");
    if (version != WIRE_VERSION)
        return error_set(error,
                         "the migration has version %" PRIu32 " of the format, and this program reads "
                         "version %u",
                         version, WIRE_VERSION);
    if (flags & ~FLAG_ANSWERS)
        return error_set(error, "the migration has the unknown flags 0x%" PRIx32, flags & ~FLAG_ANSWERS);
    wire->answers = flags & FLAG_ANSWERS;
    return !wire->answers || wire->two_way ||
           error_set(error, "the source waits for answers, and this connection has one direction; "
                            "migrate-set-capabilities return-path=off at the source sends without them");
}

bool wire_send(struct wire *wire, struct wire_message message, const void *contents, struct error *error)
{
    const size_t length = message.kind == WIRE_ZEROS ? 0 : message.length;
    uint8_t header[WIRE_HEADER];

    /* A file is always ready: nothing waits, and notices it otherwise. */
    if (atomic_load(&wire->interrupted))
        return error_set(error, "cancelled");
    wire_encode(&message, header);
    return wire_write(wire, header, sizeof header, error) && wire_write(wire, contents, length, error) &&
           keep_to_limit(wire, sizeof header + length, error);
}

bool wire_receive(struct wire *wire, struct wire_message *message, struct error *error)
{
    const uint64_t at = atomic_load(&wire->moved);
    uint8_t header[WIRE_HEADER];

    return wire_read(wire, header, sizeof header, error) &&
           (wire_decode(header, message, error) || error_prefix(error, "byte %" PRIu64 ": ", at));
}

/* What the other end has to say, in one line. */
static bool read_reason(struct wire *wire, uint32_t length, struct error *reason)
{
    char text[REASON_MAX + 1];

    if (!wire_read(wire, text, length, reason))
        return false;
    text_make_plain(text, length);
    text[length] = '\0';
    error_set(reason, "the target refuses: %.900s", text);
    return true;
}

bool wire_await(struct wire *wire, enum wire_kind kind, struct error *error)
{
    struct wire_message answer;

    if (!wire_receive(wire, &answer, error))
        return false;
    if (answer.kind == kind)
        return true;
    wire->refused = answer.kind == WIRE_FAILED;
    if (wire->refused)
        RESULT_DOES_NOT_MATTER(read_reason(wire, answer.length, error), "either is an error");
    else
        error_set(error, "the target answers with a message of kind %d instead of %d", (int)answer.kind,
                  (int)kind);
    return false;
}

void wire_explain(struct wire *wire, struct error *error)
{
    struct pollfd poll_fd = { .fd = wire->fd, .events = POLLIN };
    struct wire_message answer;
    struct error reason;

    if (wire->answers && !atomic_load(&wire->interrupted) && poll(&poll_fd, 1, 0) > 0 &&
        (poll_fd.revents & POLLIN) && wire_receive(wire, &answer, &reason) && answer.kind == WIRE_FAILED &&
        read_reason(wire, answer.length, &reason))
        *error = reason;
}

void wire_tell_failure(struct wire *wire, const struct error *error)
{
    const size_t length = strlen(error->text);
    const struct wire_message message = {
        .kind = WIRE_FAILED,
        .length = length < REASON_MAX ? (uint32_t)length : REASON_MAX,
    };
    uint8_t header[WIRE_HEADER];
    struct error ignored;

    if (!wire->answers)
        return;
    wire_interrupt(wire); /* a source that does not read is not waited for */
    wire_encode(&message, header);
    RESULT_DOES_NOT_MATTER(wire_write(wire, header, sizeof header, &ignored) &&
                               wire_write(wire, error->text, message.length, &ignored),
                           "the source learns of the end of the connection");
}
