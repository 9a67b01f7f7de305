/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile back end of vhost-user: its answers are any bytes, ahead of the requests. Each request comes to
 * what the judge says, which reads the same bytes by itself; a connection that is broken stays broken and
 * fails at once; and what is sent is whole messages.
 *
 * An input: requests, each with the answers that are there before it.
 */
#include "input.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost/user.h"

#define BYTES_MAX 4096u
#define CONFIG_SIZE 60u

/* Numbers of the protocol, as its document has them. */
enum { VERSION = 1, REPLY = 4, NEED_REPLY = 8 };

struct judge {
    int peer;
    uint8_t bytes[BYTES_MAX]; /* that the front end has not read yet */
    size_t count;
    bool broken, ended;
    uint64_t protocol;
    uint64_t slots, slots_max;
};

/* ---- what is there ---- */

static void put(struct judge *judge, const void *bytes, size_t length)
{
    if (judge->ended || judge->broken || judge->count + length > BYTES_MAX)
        return;
    CHECK(write(judge->peer, bytes, length) == (ssize_t)length);
    memcpy(judge->bytes + judge->count, bytes, length);
    judge->count += length;
}

static void put_answer(struct judge *judge, struct input *input, uint32_t request, uint32_t size,
                       uint64_t value)
{
    uint8_t message[12 + 12 + 256] = { 0 };
    uint32_t header[3] = { request, VERSION | REPLY, size };
    const uint8_t how = input_u8(input);
    size_t length = 12 + size;

    memcpy(message, header, sizeof header);
    memcpy(message + 12, &value, size < 8 ? size : 8);
    if (request == 24) { /* GET_CONFIG: offset, size, flags */
        const uint32_t config[3] = { 0, size - 12, 0 };

        memcpy(message + 12, config, sizeof config);
    }
    if (how >= 0xc0)
        message[input_u8(input) % length] ^= input_u8(input);
    if (how >= 0xf0)
        length = input_u8(input) % length;
    put(judge, message, length);
}

/* The front end waits for what is not there: its time is not ours, so the connection ends. */
static void end(struct judge *judge)
{
    if (!judge->ended)
        CHECK(shutdown(judge->peer, SHUT_WR) == 0);
    judge->ended = true;
}

/* ---- what has to come of it ---- */

static uint32_t word(const struct judge *judge, size_t at)
{
    return (uint32_t)judge->bytes[at] | (uint32_t)judge->bytes[at + 1] << 8 |
           (uint32_t)judge->bytes[at + 2] << 16 | (uint32_t)judge->bytes[at + 3] << 24;
}

/* The answer to a request; false: it breaks the connection. */
static bool answered(struct judge *judge, uint32_t request, uint32_t size, uint8_t *answer)
{
    bool good = !judge->broken && judge->count >= 12;

    good = good && word(judge, 0) == request && (word(judge, 4) & 3) == VERSION && (word(judge, 4) & REPLY) &&
           word(judge, 8) == size;
    if (!judge->broken && (judge->count < 12 || (good && judge->count < 12 + size)))
        end(judge);
    good = good && judge->count >= 12 + size;
    if (!good) {
        judge->broken = true;
        return false;
    }
    memcpy(answer, judge->bytes + 12, size);
    judge->count -= 12 + size;
    memmove(judge->bytes, judge->bytes + 12 + size, judge->count);
    return true;
}

static bool number(struct judge *judge, uint32_t request, uint64_t *value)
{
    uint8_t answer[8];

    if (!answered(judge, request, 8, answer))
        return false;
    memcpy(value, answer, 8);
    return true;
}

static bool done(struct judge *judge, uint32_t request)
{
    uint64_t value;

    if (!number(judge, request, &value))
        return false;
    judge->broken = judge->broken || value != 0;
    return value == 0;
}

static bool begins(struct judge *judge, struct vhost_user *user)
{
    uint64_t features, rings = 1, slots = 8;

    if (!number(judge, 1, &features) || !(features >> 30 & 1) || !number(judge, 15, &judge->protocol))
        return false;
    judge->protocol &= 1 << 0 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 9 | 1 << 12 | 1 << 13 | 1 << 15 | 1 << 16;
    if ((judge->protocol & (1 << 3 | 1 << 9)) != (1 << 3 | 1 << 9) || !done(judge, 3))
        return false;
    if (((judge->protocol & 1) && !number(judge, 17, &rings)) ||
        ((judge->protocol & 1 << 15) && !number(judge, 36, &slots)))
        return false;
    judge->broken = judge->broken || rings == 0 || slots == 0;
    judge->slots_max = slots < UINT32_MAX ? slots : UINT32_MAX;
    (void)user;
    return !judge->broken && (!(judge->protocol & 1 << 5) || done(judge, 21));
}

/* Without slots, a table that is refused is followed by the old one. */
static bool adds(struct judge *judge)
{
    uint64_t value;

    if (judge->slots >= judge->slots_max)
        return false;
    if (judge->protocol & 1 << 15) {
        judge->slots += number(judge, 37, &value) && value == 0;
        return !judge->broken && value == 0;
    }
    if (!number(judge, 5, &value))
        return false;
    judge->slots += value == 0;
    if (value != 0 && judge->slots > 0)
        done(judge, 5);
    return value == 0;
}

/* ---- what is done ---- */

/* Whole messages of version 1, and nothing else. */
static void look_at_what_was_sent(const struct judge *judge)
{
    uint32_t header[3];
    uint8_t rest[1024];

    while (recv(judge->peer, header, sizeof header, MSG_DONTWAIT) == sizeof header) {
        CHECK((header[1] & ~(uint32_t)NEED_REPLY) == VERSION && header[2] <= sizeof rest);
        CHECK(header[2] == 0 || recv(judge->peer, rest, header[2], MSG_DONTWAIT) == header[2]);
    }
}

static void put_answers(struct judge *judge, struct input *input, const uint32_t *requests, size_t count,
                        uint32_t size)
{
    for (size_t i = 0; i < count; i++)
        put_answer(judge, input, requests[i], size, input_u8(input) < 0xf0 ? 0 : input_u8(input));
}

static void add(struct judge *judge, struct vhost_user *user, struct input *input, int fd)
{
    const bool slots = judge->protocol & 1 << 15;
    const uint32_t requests[] = { slots ? 37 : 5, 5 };
    const struct vhost_user_region region = { 0x1000 * judge->slots, 0x1000, NULL, fd, 0 };
    struct error error;
    bool expected;

    put_answers(judge, input, requests, slots ? 1 : 2, 8);
    expected = adds(judge);
    CHECK(vhost_user_memory_add(user, &region, &error) == expected);
    CHECK(user->broken || user->slots == judge->slots);
}

static void give(struct judge *judge, struct vhost_user *user, struct input *input, int fd)
{
    static const uint32_t requests[] = { 8, 10, 9, 14, 13, 12, 18 };
    const struct vhost_ring ring = { .size = 4, .kick = fd, .call = fd, .error = fd };
    bool expected = true;

    put_answers(judge, input, requests, COUNT_OF(requests), 8);
    for (size_t i = 0; i < COUNT_OF(requests) && expected; i++)
        expected = done(judge, requests[i]);
    CHECK(vhost_user_ring_give(user, 0, &ring) == expected);
}

/* Features, status, the driver's readiness and its reset: each without a message that was not agreed on. */
static void life(struct judge *judge, struct vhost_user *user, struct input *input)
{
    const bool status = judge->protocol & 1 << 16;
    uint64_t value = 0;
    bool expected;

    if (judge->broken) { /* perhaps before anything was agreed on */
        CHECK(!vhost_user_set_features(user, 0));
        return;
    }
    put_answer(judge, input, 2, 8, 0);
    if (status) {
        put_answer(judge, input, 39, 8, 0);
        put_answer(judge, input, 40, 8, input_u8(input) < 0xe0 ? 11 : 3);
    }
    expected = done(judge, 2);
    if (expected && status) {
        expected = done(judge, 39) && number(judge, 40, &value);
        judge->broken = judge->broken || (expected && !(value & 8));
        expected = expected && (value & 8);
    }
    CHECK(vhost_user_set_features(user, 0) == expected);
    if (status) {
        put_answer(judge, input, 39, 8, 0);
        expected = done(judge, 39); /* first: it ends what the front end would wait for */
        CHECK(vhost_user_driver_ready(user) == expected);
        put_answer(judge, input, 39, 8, 0);
        expected = done(judge, 39);
        CHECK(vhost_user_reset(user) == expected);
    } else if (judge->protocol & 1 << 13) {
        put_answer(judge, input, 34, 8, 0);
        expected = done(judge, 34);
        CHECK(vhost_user_reset(user) == expected);
    }
}

/* Memory without a descriptor is none, whatever the answer says. */
static void inflight(struct judge *judge, struct vhost_user *user, struct input *input)
{
    struct vhost_user_inflight memory = { .fd = -1 };
    uint8_t answer[24];

    put_answer(judge, input, 31, sizeof answer, 4096);
    answered(judge, 31, sizeof answer, answer);
    judge->broken = true;
    CHECK(!vhost_user_inflight_make(user, 1, 4, &memory) && memory.fd < 0);
}

static void take(struct judge *judge, struct vhost_user *user, struct input *input)
{
    uint8_t answer[8] = { 0 };
    uint16_t next = 0;
    bool expected;

    put_answer(judge, input, 11, 8, (uint64_t)input_u16(input) << 32);
    expected = answered(judge, 11, 8, answer);
    if (expected && (answer[0] | answer[1] | answer[2] | answer[3] | answer[6] | answer[7]) != 0) {
        expected = false;
        judge->broken = true;
    }
    CHECK(vhost_user_ring_take(user, 0, &next) == expected);
    CHECK(!expected || next == (answer[4] | answer[5] << 8));
}

static void config(struct judge *judge, struct vhost_user *user, struct input *input)
{
    uint8_t answer[12 + CONFIG_SIZE] = { 0 }, bytes[CONFIG_SIZE];
    static const uint8_t head[8] = { 0, 0, 0, 0, CONFIG_SIZE };
    bool expected;

    put_answer(judge, input, 24, sizeof answer, 0);
    expected = answered(judge, 24, sizeof answer, answer);
    if (expected && memcmp(answer, head, sizeof head) != 0) {
        expected = false;
        judge->broken = true;
    }
    CHECK(vhost_user_config_get(user, bytes, sizeof bytes) == expected);
    CHECK(!expected || memcmp(bytes, answer + 12, sizeof bytes) == 0);
}

/* A limit: seldom none at all. */
static uint64_t some(struct input *input)
{
    const uint8_t byte = input_u8(input);

    return byte == 0xff ? 0 : 1 + byte % 40u;
}

static void begin(struct judge *judge, struct vhost_user *user, struct input *input)
{
    const uint64_t protocol = UINT64_C(0x1b22d) ^ (input_u8(input) < 0x40 ? input_u16(input) : 0);
    struct error error;
    bool expected;

    put_answer(judge, input, 1, 8, UINT64_C(1) << 30 | UINT64_C(1) << 32);
    put_answer(judge, input, 15, 8, protocol);
    put_answer(judge, input, 3, 8, 0);
    if (protocol & 1)
        put_answer(judge, input, 17, 8, some(input));
    if (protocol & 1 << 15)
        put_answer(judge, input, 36, 8, some(input));
    if (protocol & 1 << 5)
        put_answer(judge, input, 21, 8, 0);
    expected = begins(judge, user);
    CHECK(vhost_user_begin(user, VHOST_USER_PROTOCOL_CONFIG, &error) == expected);
    CHECK(!expected ||
          (user->protocol == judge->protocol && user->rings > 0 && user->slots_max == judge->slots_max));
    if (!expected && !user->broken) /* it lacks something, and nobody goes on from there */
        vhost_user_break(user, "refused");
    judge->broken = judge->broken || !expected;
    CHECK(user->broken == judge->broken);
}

/* Its own requests: any bytes on the other channel. */
static void request(struct judge *judge, struct vhost_user *user, struct input *input)
{
    uint32_t header[3] = { 2, VERSION | (input_bool(input) ? NEED_REPLY : 0), 0 };
    const size_t length = input_u8(input) < 0xe0 ? sizeof header : input_u8(input) % sizeof header;
    bool good;

    if (user->their_end < 0)
        return;
    if (input_u8(input) >= 0xe0)
        ((uint8_t *)header)[input_u8(input) % sizeof header] ^= input_u8(input);
    good = length == sizeof header && header[0] == 2 && header[2] == 0 && (header[1] & 7) == VERSION;
    CHECK(length == 0 || write(user->their_end, header, length) == (ssize_t)length);
    if (length == 0 && !judge->broken)
        good = vhost_user_take_request(user) == VHOST_USER_NOTHING && judge->count + 1 > 0;
    else
        CHECK((vhost_user_take_request(user) == VHOST_USER_CONFIG_CHANGED) == (good && !judge->broken));
    judge->broken = judge->broken || !good;
    while (recv(user->their_end, header, sizeof header, MSG_DONTWAIT) > 0)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    struct judge judge = { 0 };
    struct vhost_user user;
    struct error error;
    const int fd = memfd_create("fuzz", 0);
    int pair[2];

    signal(SIGPIPE, SIG_IGN); /* as in the program */
    CHECK(fd >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    judge.peer = pair[1];
    CHECK(vhost_user_open(&user, pair[0], &error));
    begin(&judge, &user, &input);
    if (user.their_end < 0) { /* the judge's from now on: another one */
        int other[2];

        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, other) == 0);
        close(user.requests);
        user.requests = other[0];
        user.their_end = other[1];
    }
    while (input.left > 0) {
        switch (input_below(&input, 8)) {
        case 0:
            add(&judge, &user, &input, fd);
            break;
        case 1:
            give(&judge, &user, &input, fd);
            break;
        case 2:
            take(&judge, &user, &input);
            break;
        case 3:
            config(&judge, &user, &input);
            break;
        case 4:
            request(&judge, &user, &input);
            break;
        case 5:
            life(&judge, &user, &input);
            break;
        case 6:
            inflight(&judge, &user, &input);
            break;
        default: { /* bytes that nobody has asked for */
            const uint8_t byte = input_u8(&input);

            put(&judge, &byte, input_u8(&input) < 0x20);
        }
        }
        look_at_what_was_sent(&judge);
        CHECK(user.broken == judge.broken);
    }
    vhost_user_close(&user);
    close(judge.peer);
    close(fd);
    return 0;
}
