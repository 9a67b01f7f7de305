/* SPDX-License-Identifier: BSD-2-Clause */
/* A tap device in a network namespace of the test's own: frames both ways. */
#include "net/backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../skip.h"

#include "base/json_build.h"

/* A type of local experiments: nobody else answers. */
#define ETHERTYPE 0x88b5

static bool permitted;
static struct loop *loop;
static struct net_backends *backends;
static struct error error;
static struct io_thread *io;

static bool add(const char *text)
{
    struct props props = { keyval_parse(text, "type", &error), true };
    const bool good = net_backend_add(backends, props, NULL, &error) == OUTCOME_DONE;

    json_object_put(props.object);
    return good;
}

/* Both sides of the interface: a socket that is on it, as the host's programs are. */
static int raise_interface(const char *name)
{
    struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE) };
    struct ifreq request = { .ifr_flags = 0 };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETHERTYPE));

    assert_true(fd >= 0);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    assert_int_equal(ioctl(fd, SIOCGIFINDEX, &request), 0);
    address.sll_ifindex = request.ifr_ifindex;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

struct echo {
    struct net_backend *backend;
    _Atomic unsigned frames;
};

static void link_changed(void *opaque)
{
    (void)opaque;
}

/* What is ours goes back, with the addresses' bytes as they are. */
static void on_readable(void *opaque, unsigned index)
{
    struct echo *echo = opaque;
    struct net_port *port = net_backend_port(echo->backend, index);
    struct net_frame frame;

    while (net_port_next(port, &frame)) {
        if (frame.bytes[12] == (ETHERTYPE >> 8) && frame.bytes[13] == (ETHERTYPE & 0xff)) {
            uint8_t *room = net_port_room(port);

            memset(room, 0, NET_HEADER);
            memcpy(room + NET_HEADER, frame.bytes, frame.length);
            room[NET_HEADER + 14] = 0x55;
            echo->frames++; /* before the test can see the frame */
            net_port_send(port, NET_HEADER + frame.length);
        }
        net_port_done(port);
    }
}

static void on_writable(void *opaque, unsigned index)
{
    (void)opaque;
    (void)index;
}

static void listen_on_io(void *opaque)
{
    struct echo *echo = opaque;

    for (unsigned i = 0; i < net_backend_queues(echo->backend); i++)
        net_port_listen(net_backend_port(echo->backend, i), true);
}

static void offload_on_io(void *opaque)
{
    struct echo *echo = opaque;

    if (!net_backend_offload(echo->backend, NET_OFFLOADS, &error) ||
        !net_backend_offload(echo->backend, 0, &error))
        abort();
}

static void echo_through(struct net_backend *backend, const char *name)
{
    struct echo echo = { .backend = backend };
    const struct net_card card = { .name = "device 'c'",
                                   .link = link_changed,
                                   .readable = on_readable,
                                   .writable = on_writable,
                                   .opaque = &echo,
                                   .io = io };
    uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 }, back[128];
    int fd = raise_interface(name);
    ssize_t length;

    assert_true(net_backend_use(backend, &card, &error));
    io_thread_call(io, offload_on_io, &echo);
    io_thread_call(io, listen_on_io, &echo);
    assert_int_equal(send(fd, frame, sizeof frame, 0), sizeof frame);
    do
        length = recv(fd, back, sizeof back, 0);
    while (length > 14 && back[14] != 0x55);
    assert_int_equal(length, sizeof frame);
    frame[14] = 0x55;
    assert_memory_equal(frame, back, sizeof frame);
    assert_int_equal(echo.frames, 1);
    net_backend_leave(backend);
    close(fd);
}

static void frames_go_both_ways(void **state)
{
    (void)state;
    if (!permitted)
        SKIP_TEST("this user may not create network interfaces");
    if (!add("tap,id=n,ifname=hr0,script=no,downscript=no"))
        fail_msg("%s", error.text);
    assert_true(net_backend_has_headers(net_backend_find(backends, "n")));
    assert_string_equal(net_backend_describe(net_backend_find(backends, "n")), "type=tap,ifname=hr0");
    echo_through(net_backend_find(backends, "n"), "hr0");
}

static void several_queues_are_one_interface(void **state)
{
    (void)state;
    if (!permitted)
        SKIP_TEST("this user may not create network interfaces");
    if (!add("tap,id=n,ifname=hr1,queues=3,script=no,downscript=no"))
        fail_msg("%s", error.text);
    assert_int_equal(net_backend_queues(net_backend_find(backends, "n")), 3);
    echo_through(net_backend_find(backends, "n"), "hr1");
    assert_false(add("tap,id=m,ifname=hr1,script=no,downscript=no"));
    assert_non_null(strstr(error.text, "multi_queue"));
}

static int make_tap(const char *name, short flags)
{
    struct ifreq request = { .ifr_flags = flags };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
    return fd;
}

static void a_descriptor_is_taken_as_it_was_made(void **state)
{
    char text[64];
    int tun, with, without;

    (void)state;
    if (!permitted)
        SKIP_TEST("this user may not create network interfaces");
    tun = make_tap("hr2", IFF_TUN | IFF_NO_PI);
    snprintf(text, sizeof text, "tap,id=n,fd=%d", tun);
    assert_false(add(text));
    assert_non_null(strstr(error.text, "IFF_TAP and IFF_NO_PI"));
    close(tun);
    without = make_tap("hr3", IFF_TAP | IFF_NO_PI);
    snprintf(text, sizeof text, "tap,id=n,fd=%d", without);
    assert_true(add(text));
    assert_false(net_backend_has_headers(net_backend_find(backends, "n")));
    echo_through(net_backend_find(backends, "n"), "hr3");
    with = make_tap("hr4", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
    snprintf(text, sizeof text, "tap,id=m,fd=%d,vhost=off", with);
    assert_true(add(text));
    echo_through(net_backend_find(backends, "m"), "hr4");
}

static void vhost_is_opened_or_refused_with_a_way_out(void **state)
{
    char text[64];
    int device, null;

    (void)state;
    if (!permitted)
        SKIP_TEST("this user may not create network interfaces");
    device = make_tap("hr5", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    snprintf(text, sizeof text, "tap,id=n,fd=%d,vhostfd=%d", device, null);
    assert_false(add(text));
    assert_non_null(strstr(error.text, "it is no descriptor of /dev/vhost-net"));
    snprintf(text, sizeof text, "tap,id=n,fd=%d,vhostfds=%d:%d", device, null, null);
    assert_false(add(text));
    assert_non_null(strstr(error.text, "'vhostfds' names 2 descriptors"));
    assert_true(fcntl(null, F_GETFD) >= 0); /* what was refused is still there */
    close(null);
    snprintf(text, sizeof text, "tap,id=n,fd=%d,vhost=on", device);
    if (access("/dev/vhost-net", R_OK | W_OK) == 0) {
        assert_true(add(text));
        assert_non_null(strstr(net_backend_describe(net_backend_find(backends, "n")), ",vhost=on"));
    } else {
        assert_false(add(text));
        assert_non_null(strstr(error.text, "or say vhost=off, which serves every tap device"));
        close(device);
    }
}

static int start(void **state)
{
    (void)state;
    loop = loop_create();
    backends = net_backends_create(loop, NULL, NULL);
    io = io_thread_create(&error);
    return backends && io ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    io_thread_destroy(io);
    net_backends_destroy(backends);
    loop_destroy(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_go_both_ways, start, stop),
        cmocka_unit_test_setup_teardown(several_queues_are_one_interface, start, stop),
        cmocka_unit_test_setup_teardown(a_descriptor_is_taken_as_it_was_made, start, stop),
        cmocka_unit_test_setup_teardown(vhost_is_opened_or_refused_with_a_way_out, start, stop),
    };

    /* Before there are threads. */
    permitted = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && access("/dev/net/tun", R_OK | W_OK) == 0;
    if (!permitted)
        fprintf(stderr, "no network namespace or no /dev/net/tun here: %s\n", strerror(errno));
    return json_prepare() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
