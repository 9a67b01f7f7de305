/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames through sockets: framing, a slow peer, a hostile peer. The test's thread is the I/O thread. */
#include "net/port.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct net_port port;
static struct error error;
static int peer;
static unsigned readable, writable, closed;
static unsigned taken_at_once; /* frames that on_readable() takes at most */
static char why[128];

static void on_readable(void *opaque)
{
    struct net_frame frame;

    (void)opaque;
    readable++;
    for (unsigned i = 0; i < taken_at_once && net_port_next(&port, &frame); i++)
        net_port_done(&port);
}

static void on_writable(void *opaque)
{
    (void)opaque;
    writable++;
}

static void on_closed(void *opaque, const char *text)
{
    (void)opaque;
    closed++;
    snprintf(why, sizeof why, "%s", text);
}

static const struct net_port_owner owner = { on_readable, on_writable, on_closed, NULL };

static void open_pair(int type, enum net_framing framing)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, type, 0, pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    peer = pair[1];
    assert_true(net_port_open(&port, pair[0], framing, loop, &owner));
    net_port_listen(&port, true);
}

static int start(void **state)
{
    (void)state;
    loop = loop_create();
    memset(&port, 0, sizeof port);
    readable = writable = closed = taken_at_once = 0;
    peer = -1;
    return loop && net_port_init(&port, &error) ? 0 : -1;
}

static int stop(void **state)
{
    const int fd = port.fd;

    (void)state;
    net_port_close(&port);
    net_port_free(&port);
    loop_destroy(loop);
    if (fd >= 0)
        close(fd);
    if (peer >= 0)
        close(peer);
    return 0;
}

/* Bytes of a frame, that name it. */
static void make_frame(uint8_t *frame, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length; i++)
        frame[i] = (uint8_t)(seed + i * 7 + (i >> 8));
}

static size_t put_stream(uint8_t *at, size_t length, unsigned seed)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(length >> (24 - 8 * i));
    make_frame(at + 4, length, seed);
    return 4 + length;
}

static void expect_frame(size_t length, unsigned seed)
{
    static uint8_t expected[NET_FRAME_MAX];
    struct net_frame frame;

    make_frame(expected, length, seed);
    assert_true(net_port_next(&port, &frame));
    assert_int_equal(frame.length, length);
    assert_memory_equal(frame.bytes, expected, length);
    for (unsigned i = 0; i < NET_HEADER; i++)
        assert_int_equal(frame.header[i], 0);
    net_port_done(&port);
}

static void expect_none(void)
{
    struct net_frame frame;

    assert_false(net_port_next(&port, &frame));
}

static void a_stream_is_cut_into_its_frames(void **state)
{
    static uint8_t bytes[3 * (4 + NET_FRAME_MAX)];
    const size_t lengths[] = { 60, NET_FRAME_MIN, 1514, NET_FRAME_MAX, 60 };
    size_t end = 0, at = 0;
    unsigned next = 0;

    (void)state;
    open_pair(SOCK_STREAM, NET_STREAM);
    for (unsigned i = 0; i < 5; i++)
        end += put_stream(bytes + end, lengths[i], i);
    /* In pieces of all sizes: cuts fall into lengths and into frames. */
    for (size_t piece = 1; at < end; piece = piece * 3 % 40009) {
        const size_t length = piece < end - at ? piece : end - at;
        struct net_frame frame;

        assert_int_equal(write(peer, bytes + at, length), (ssize_t)length);
        at += length;
        while (net_port_next(&port, &frame)) {
            expect_frame(lengths[next], next);
            next++;
        }
    }
    assert_int_equal(next, 5);
    assert_int_equal(port.received, 5);
    assert_int_equal(closed, 0);
}

static void a_length_out_of_range_ends_the_connection(void **state)
{
    const uint32_t lengths[] = { 0, 1, NET_FRAME_MIN - 1, NET_FRAME_MAX + 1, 0x7fffffff, 0xffffffff };

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        uint8_t bytes[4 + 60];

        open_pair(SOCK_STREAM, NET_STREAM);
        put_stream(bytes, 60, 1);
        assert_int_equal(write(peer, bytes, sizeof bytes), sizeof bytes);
        for (unsigned byte = 0; byte < 4; byte++)
            bytes[byte] = (uint8_t)(lengths[i] >> (24 - 8 * byte));
        assert_int_equal(write(peer, bytes, sizeof bytes), sizeof bytes);
        expect_frame(60, 1);
        expect_none();
        assert_int_equal(closed, i + 1);
        assert_non_null(strstr(why, "length of a frame"));
        expect_none(); /* and nothing after it */
        assert_int_equal(closed, i + 1);
        close(peer);
        peer = -1;
    }
}

static void packets_that_are_no_frames_are_dropped(void **state)
{
    static uint8_t bytes[NET_FRAME_MAX + 1];

    (void)state;
    open_pair(SOCK_SEQPACKET, NET_PACKETS);
    make_frame(bytes, sizeof bytes, 3);
    assert_int_equal(write(peer, bytes, NET_FRAME_MIN - 1), NET_FRAME_MIN - 1);
    assert_int_equal(write(peer, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(write(peer, bytes, 60), 60);
    expect_frame(60, 3);
    expect_none();
    assert_int_equal(port.dropped, 2);
    assert_int_equal(closed, 0);
}

static void send_frame(size_t length, unsigned seed)
{
    uint8_t *room = net_port_room(&port);

    assert_non_null(room);
    memset(room, 0xee, NET_HEADER);
    make_frame(room + NET_HEADER, length, seed);
    net_port_send(&port, NET_HEADER + length);
}

static void a_slow_peer_gets_every_byte(void **state)
{
    static uint8_t expected[4 + NET_FRAME_MAX], got[4 + NET_FRAME_MAX];
    unsigned sent = 0;

    (void)state;
    open_pair(SOCK_STREAM, NET_STREAM);
    while (net_port_room(&port)) {
        assert_true(sent < 1000);
        send_frame(NET_FRAME_MAX, sent++);
    }
    for (unsigned i = 0; i < sent; i++) {
        size_t at = 0;

        put_stream(expected, NET_FRAME_MAX, i);
        while (at < sizeof got) {
            ssize_t length = recv(peer, got + at, sizeof got - at, MSG_DONTWAIT);

            if (length > 0)
                at += (size_t)length;
            else
                loop_once(loop, -1); /* the rest of the last one */
        }
        assert_memory_equal(got, expected, sizeof got);
    }
    while (writable == 0)
        loop_once(loop, -1);
    assert_non_null(net_port_room(&port));
    assert_int_equal(port.sent, sent);
    assert_int_equal(writable, 1);
}

static void what_is_no_frame_is_not_sent(void **state)
{
    uint8_t bytes[64];

    (void)state;
    open_pair(SOCK_SEQPACKET, NET_PACKETS);
    net_port_send(&port, 0);
    net_port_send(&port, NET_HEADER + NET_FRAME_MIN - 1);
    net_port_send(&port, NET_HEADER + NET_FRAME_MAX + 1);
    assert_int_equal(port.dropped, 3);
    send_frame(NET_FRAME_MIN, 9);
    assert_int_equal(recv(peer, bytes, sizeof bytes, 0), NET_FRAME_MIN);
    assert_int_equal(recv(peer, bytes, sizeof bytes, MSG_DONTWAIT), -1);
}

static void a_port_that_nobody_reads_is_quiet(void **state)
{
    uint8_t bytes[64] = { 0 };

    (void)state;
    open_pair(SOCK_SEQPACKET, NET_PACKETS);
    net_port_listen(&port, false);
    assert_int_equal(write(peer, bytes, 60), 60);
    loop_once(loop, 0);
    assert_int_equal(readable, 0);
    expect_none();
    net_port_listen(&port, true);
    loop_once(loop, -1);
    assert_int_equal(readable, 1);
    /* Not again, until somebody has found that there is none. */
    loop_once(loop, 0);
    assert_int_equal(readable, 1);
}

static void whoever_reads_all_is_told_of_what_comes_later(void **state)
{
    const enum net_framing framings[] = { NET_STREAM, NET_PACKETS };
    uint8_t bytes[2 * 64];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const bool is_stream = framings[i] == NET_STREAM;
        const size_t length = put_stream(bytes, 60, 1);
        const unsigned before = readable;

        open_pair(is_stream ? SOCK_STREAM : SOCK_SEQPACKET, framings[i]);
        taken_at_once = 9;
        for (unsigned round = 1; round < 4; round++) {
            assert_int_equal(write(peer, bytes, length), (ssize_t)length);
            loop_once(loop, -1);
            loop_once(loop, 0);
            assert_int_equal(readable, before + round);
            assert_int_equal(port.received, 3 * i + round);
        }
        /* Half a frame, then the rest of it. */
        if (is_stream) {
            assert_int_equal(write(peer, bytes, 30), 30);
            loop_once(loop, -1);
            assert_int_equal(write(peer, bytes + 30, length - 30), (ssize_t)length - 30);
            loop_once(loop, -1);
            assert_int_equal(port.received, 4);
            atomic_store(&port.received, 3);
        }
        /* One that leaves something is not told of it again, and takes it when it likes. */
        taken_at_once = 1;
        assert_int_equal(write(peer, bytes, length), (ssize_t)length);
        assert_int_equal(write(peer, bytes, length), (ssize_t)length);
        loop_once(loop, -1);
        loop_once(loop, 0);
        assert_int_equal(readable, before + (is_stream ? 6 : 4));
        taken_at_once = 9;
        on_readable(NULL);
        assert_int_equal(write(peer, bytes, length), (ssize_t)length);
        loop_once(loop, -1);
        assert_int_equal(port.received, 6 + 3 * i);
        /* The end is seen by whoever reads. */
        close(peer);
        loop_once(loop, -1);
        assert_int_equal(closed, i + 1);
        atomic_store(&port.received, 3);
    }
    peer = -1;
}

static void the_end_is_seen_whether_or_not_somebody_reads(void **state)
{
    (void)state;
    for (unsigned reads = 0; reads < 2; reads++) {
        open_pair(reads ? SOCK_STREAM : SOCK_SEQPACKET, reads ? NET_STREAM : NET_PACKETS);
        net_port_listen(&port, reads);
        close(peer);
        peer = -1;
        loop_once(loop, -1);
        if (reads)
            expect_none();
        assert_int_equal(closed, reads + 1);
        assert_string_equal(why, "it closed the connection");
        send_frame(60, 1); /* dropped */
        assert_int_equal(closed, reads + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stream_is_cut_into_its_frames, start, stop),
        cmocka_unit_test_setup_teardown(a_length_out_of_range_ends_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(packets_that_are_no_frames_are_dropped, start, stop),
        cmocka_unit_test_setup_teardown(a_slow_peer_gets_every_byte, start, stop),
        cmocka_unit_test_setup_teardown(what_is_no_frame_is_not_sent, start, stop),
        cmocka_unit_test_setup_teardown(a_port_that_nobody_reads_is_quiet, start, stop),
        cmocka_unit_test_setup_teardown(whoever_reads_all_is_told_of_what_comes_later, start, stop),
        cmocka_unit_test_setup_teardown(the_end_is_seen_whether_or_not_somebody_reads, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
