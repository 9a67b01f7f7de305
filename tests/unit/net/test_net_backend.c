/* SPDX-License-Identifier: BSD-2-Clause */
/* Back ends: what -netdev and netdev_add say, who uses them, and what a card sees of its cable. */
#include "net/backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json_build.h"

static char folder[] = "net-backend-XXXXXX";
static char path[64];
static struct loop *loop;
static struct net_backends *backends;
static struct error error;
static char events[400];
static int client_port; /* over TCP */

static void on_event(void *opaque, const struct event *event)
{
    const size_t length = strlen(events);

    (void)opaque;
    snprintf(events + length, sizeof events - length, "%s %s;",
             event->kind != EVENT_NETDEV_STREAM_CONNECTED ? "gone"
             : event->netdev.path                         ? event->netdev.path
                                                          : event->netdev.host,
             event->netdev.id);
    if (event->kind == EVENT_NETDEV_STREAM_CONNECTED && !event->netdev.path)
        assert_true(!event->netdev.ipv6 && atoi(event->netdev.port) == client_port);
}

static int start(void **state)
{
    (void)state;
    loop = loop_create();
    backends = net_backends_create(loop, on_event, NULL);
    error.text[0] = events[0] = '\0';
    return backends ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    net_backends_destroy(backends);
    loop_destroy(loop);
    return 0;
}

static bool add(const char *text)
{
    struct props props = { keyval_parse(text, "type", &error), true };
    const bool good = net_backend_add(backends, props, NULL, &error) == OUTCOME_DONE;

    json_object_put(props.object);
    return good;
}

static bool add_json(const char *text)
{
    struct props props = { json_tokener_parse(text), false };
    const bool good = net_backend_add(backends, props, NULL, &error) == OUTCOME_DONE;

    assert_non_null(props.object);
    json_object_put(props.object);
    return good;
}

static void refused(const char *text, const char *why)
{
    if (add(text))
        fail_msg("%s was taken", text);
    if (!strstr(error.text, why))
        fail_msg("%s: '%s' is not in '%s'", text, why, error.text);
}

static void good(const char *text)
{
    if (!add(text))
        fail_msg("%s: %s", text, error.text);
}

static void words_that_are_wrong_are_refused(void **state)
{
    (void)state;
    refused("", "Parameter 'type' is missing");
    refused("strem,id=n", "did you mean 'stream'");
    refused("stream,addr.type=unix,addr.path=p", "Parameter 'id' is missing");
    refused("stream,id=1,addr.type=unix,addr.path=p", "'1'");
    refused("stream,id=n", "Parameter 'addr.type' is missing");
    refused("stream,id=n,addr.type=vsock", "unix or inet");
    refused("stream,id=n,addr.type=unix", "Parameter 'addr.path' is missing");
    refused("stream,id=n,addr.type=unix,addr.path=p,addr.port=1", "are for addr.type=inet");
    refused("stream,id=n,addr.type=inet,addr.host=::1", "Parameter 'addr.port' is missing");
    refused("stream,id=n,addr.type=inet,addr.port=1", "Parameter 'addr.host' is missing");
    refused("stream,id=n,addr.type=inet,addr.host=::1,addr.port=65536", "0 to 65535");
    refused("stream,id=n,addr.type=unix,addr.path=p,reconnect=1,reconnect-ms=1",
            "'reconnect' and 'reconnect-ms' are mutually exclusive");
    refused("stream,id=n,addr.type=unix,addr.path=p,server=on,reconnect=1",
            "'reconnect' option is incompatible with socket in server mode");
    refused("stream,id=n,addr.type=inet,addr.host=::1,addr.port=1,server=on,reconnect-ms=1",
            "'reconnect-ms' option is incompatible with socket in server mode");
    refused("stream,id=n,addr.type=inet,addr.host=127.0.0.1,addr.port=1",
            "Connection refused; start the program that listens there first, or give reconnect=1");
    refused("stream,id=n,addr.type=inet,addr.host=192.0.2.1,addr.port=1,server=on",
            "; take an address of this host, such as 127.0.0.1");
    refused("stream,id=n,addr.type=unix,addr.path=/nowhere/p", "cannot connect to '/nowhere/p'");
    refused("stream,id=n,addr.type=unix,addr.path=p,sever=on", "did you mean 'server'");
    refused("tap,id=n,fd=3,ifname=a", "cannot be given together");
    refused("tap,id=n,fd=3,fds=4:5", "cannot be given together");
    refused("tap,id=n,queues=0", "from 1 to 64");
    refused("tap,id=n,queues=65", "from 1 to 64");
    refused("tap,id=n,fd=1000", "it is not open");
    refused("tap,id=n,fd=x", "File descriptor named 'x' not found");
    refused("tap,id=n,fd=4294967296", "no number of a descriptor");
    refused("tap,id=n,fd=0", "no tap device");
    refused("tap,id=n,fd=0,script=/etc/qemu-ifup", "'fd' and 'script' cannot be given together");
    refused("tap,id=n,fds=0:0,script=no,downscript=x", "'fds' and 'downscript' cannot be given together");
    refused("tap,id=n,ifname=abcdefghijklmnop", "no name of a network interface");
    refused("tap,id=n,vhost=off,vhostfd=3", "'vhostfd' cannot be given with vhost=off");
    refused("tap,id=n,vhost=off,vhostforce=on", "'vhostforce=on' cannot be given with vhost=off");
    refused("tap,id=n,vhostfd=3,vhostfds=3:4", "cannot be given together");
    for (unsigned i = 0; i < 4; i++) {
        static const char *const names[] = { "fd", "fds", "vhostfd", "vhostfds" };
        char text[200];

        snprintf(text, sizeof text, "tap,id=n,%s=3:%096d", names[i], 4);
        refused(text, "names a descriptor with 96 bytes; the limit is 95");
    }
    refused("user,id=n,guestfwd=tcp:10.0.2.9:1-cmd:x", "'guestfwd' does not accept cmd");
    refused("user,id=n,ipv4=off,ipv6=off", "leave no network");
    assert_null(net_backend_next(backends, NULL));
}

static void an_id_is_taken_once(void **state)
{
    char text[200];

    (void)state;
    snprintf(text, sizeof text, "stream,id=n,addr.type=unix,addr.path=%s,server=on", path);
    good(text);
    refused(text, "Duplicate ID 'n'");
    assert_false(net_backend_remove(backends, "m", &error));
    assert_non_null(strstr(error.text, "Device 'm' not found"));
    assert_int_equal(error.class, ERROR_DEVICE_NOT_FOUND);
    assert_int_equal(access(path, F_OK), 0);
    assert_true(net_backend_remove(backends, "n", &error));
    assert_int_equal(access(path, F_OK), -1);
    good(text);
}

static void a_sealed_program_reaches_nothing_new(void **state)
{
    char text[200];

    (void)state;
    net_backends_seal(backends, false);
    refused("stream,id=n,addr.type=inet,addr.host=127.0.0.1,addr.port=1", "-sandbox on");
    refused("tap,id=n", "-sandbox on");
    refused("user,id=n", "pcie-root-port");
    snprintf(text, sizeof text, "stream,id=n,addr.type=unix,addr.path=%s,server=on", path);
    good(text);
}

/* ---- a card ---- */

struct seen {
    struct net_backend *backend;
    unsigned links, frames;
    pthread_mutex_t lock; /* of the rest, which the I/O thread writes */
    pthread_cond_t changed;
    size_t bytes;
};

static void on_link(void *opaque)
{
    struct seen *seen = opaque;

    seen->links++;
}

static void on_readable(void *opaque, unsigned index)
{
    struct seen *seen = opaque;
    struct net_port *port = net_backend_port(seen->backend, index);
    struct net_frame frame;

    while (net_port_next(port, &frame)) {
        uint8_t *room = net_port_room(port);

        assert_non_null(room);
        memset(room, 0, NET_HEADER);
        memcpy(room + NET_HEADER, frame.bytes, frame.length);
        net_port_send(port, NET_HEADER + frame.length); /* an echo */
        pthread_mutex_lock(&seen->lock);
        seen->frames++;
        seen->bytes += frame.length;
        pthread_cond_signal(&seen->changed);
        pthread_mutex_unlock(&seen->lock);
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
    struct seen *seen = opaque;

    net_port_listen(net_backend_port(seen->backend, 0), true);
}

static int dial(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void echo_one(int fd)
{
    const uint8_t frame[4 + 60] = { 0, 0, 0, 60, 1, 2, 3 };
    uint8_t back[4 + 60];

    assert_int_equal(write(fd, frame, sizeof frame), sizeof frame);
    assert_int_equal(recv(fd, back, sizeof back, MSG_WAITALL), sizeof back);
    assert_memory_equal(frame, back, sizeof back);
}

static void clients_come_and_go_behind_a_card(void **state)
{
    struct seen seen = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    struct net_card card = { "device 'c'", false, on_link, NULL, on_readable, on_writable, &seen, NULL };
    char text[200];

    (void)state;
    card.io = io_thread_create(&error);
    assert_non_null(card.io);
    snprintf(
        text, sizeof text,
        "{\"type\":\"stream\",\"id\":\"n\",\"addr\":{\"type\":\"unix\",\"path\":\"%s\"},\"server\":true}",
        path);
    assert_true(add_json(text));
    seen.backend = net_backend_find(backends, "n");
    assert_true(net_backend_use(seen.backend, &card, &error));
    assert_false(net_backend_use(seen.backend, &card, &error));
    assert_non_null(strstr(error.text, "a netdev serves one device"));
    assert_false(net_backend_remove(backends, "n", &error));
    assert_non_null(strstr(error.text, "device_del frees it"));
    assert_false(net_backend_link(seen.backend));
    for (unsigned i = 1; i <= 3; i++) {
        int fd = dial();

        while (!net_backend_link(seen.backend))
            loop_once(loop, -1);
        assert_int_equal(seen.links, 2 * i - 1);
        assert_null(strstr(net_backend_describe(seen.backend), "disconnected"));
        io_thread_call(card.io, listen_on_io, &seen);
        echo_one(fd);
        /* The other end goes, or breaks the rules. */
        if (i == 2)
            assert_int_equal(write(fd, "\xff\xff\xff\xff", 4), 4);
        else
            close(fd);
        while (net_backend_link(seen.backend))
            loop_once(loop, -1);
        assert_int_equal(seen.links, 2 * i);
        assert_non_null(strstr(net_backend_describe(seen.backend), "disconnected"));
        if (i == 2)
            close(fd);
    }
    snprintf(text, sizeof text, "%s n;gone n;", path);
    for (unsigned i = 0; i < 3; i++)
        assert_memory_equal(events + i * strlen(text), text, strlen(text));
    assert_int_equal(strlen(events), 3 * strlen(text));
    net_backend_leave(seen.backend);
    assert_int_equal(seen.frames, 3);
    assert_true(net_backend_remove(backends, "n", &error));
    io_thread_destroy(card.io);
}

static void set_link_pulls_the_cable(void **state)
{
    struct seen seen = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    struct net_card card = { "device 'c'", false, on_link, NULL, on_readable, on_writable, &seen, NULL };
    char text[200];
    int fd;

    (void)state;
    card.io = io_thread_create(&error);
    snprintf(text, sizeof text, "stream,id=n,addr.type=unix,addr.path=%s,server=on", path);
    good(text);
    seen.backend = net_backend_find(backends, "n");
    assert_true(net_backend_use(seen.backend, &card, &error));
    fd = dial();
    while (!net_backend_link(seen.backend))
        loop_once(loop, -1);
    net_backend_set_link(seen.backend, false);
    assert_false(net_backend_link(seen.backend));
    net_backend_set_link(seen.backend, false);
    assert_int_equal(seen.links, 2);
    net_backend_set_link(seen.backend, true);
    assert_true(net_backend_link(seen.backend));
    assert_int_equal(seen.links, 3);
    net_backend_leave(seen.backend);
    io_thread_destroy(card.io);
    close(fd);
}

/* In libc's place: how often it was called, and what it fails with. */
static unsigned accepts;
static int accept_failure;

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict length, int flags)
{
    accepts++;
    errno = accept_failure;
    return accept_failure ? -1 : (int)syscall(SYS_accept4, fd, address, length, flags);
}

/* A listener stays readable while nobody takes the client. */
static void a_server_without_descriptors_waits(void **state)
{
    struct seen seen = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    struct net_card card = { "device 'c'", false, on_link, NULL, on_readable, on_writable, &seen, NULL };
    char text[200];
    int fd;

    (void)state;
    card.io = io_thread_create(&error);
    snprintf(text, sizeof text, "stream,id=n,addr.type=unix,addr.path=%s,server=on", path);
    good(text);
    seen.backend = net_backend_find(backends, "n");
    assert_true(net_backend_use(seen.backend, &card, &error));
    accepts = 0;
    accept_failure = EMFILE;
    fd = dial();
    while (accepts == 0)
        loop_once(loop, -1);
    for (int i = 0; i < 100; i++)
        loop_once(loop, 0);
    assert_in_range(accepts, 1, 50);
    accept_failure = 0;
    while (!net_backend_link(seen.backend))
        loop_once(loop, -1);
    net_backend_leave(seen.backend);
    io_thread_destroy(card.io);
    close(fd);
}

static void a_client_connects_over_tcp(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    char text[200];

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    snprintf(text, sizeof text, "stream,id=n,addr.type=inet,addr.host=127.0.0.1,addr.port=%u",
             ntohs(address.sin_port));
    refused(text, "cannot connect to");
    assert_int_equal(listen(listener, 1), 0);
    client_port = ntohs(address.sin_port); /* the other end's, which a client is told of */
    good(text);
    assert_string_equal(events, "127.0.0.1 n;");
    assert_true(net_backend_link(net_backend_find(backends, "n")));
    snprintf(text, sizeof text, "stream,id=m,addr.type=inet,addr.host=127.0.0.1,addr.port=%u,server=on",
             ntohs(address.sin_port));
    refused(text, "another program uses the port");
    close(listener);
}

/* Whose address is told. */
static void a_server_over_tcp_tells_of_its_client(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t length = sizeof address;
    int probe = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    char text[200];

    (void)state;
    assert_int_equal(bind(probe, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(probe, (struct sockaddr *)&address, &length), 0);
    close(probe);
    snprintf(text, sizeof text, "stream,id=n,addr.type=inet,addr.host=127.0.0.1,addr.port=%u,server=on",
             ntohs(address.sin_port));
    good(text);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(client, (struct sockaddr *)&address, &length), 0);
    client_port = ntohs(address.sin_port);
    loop_once(loop, -1);
    assert_string_equal(events, "127.0.0.1 n;");
    close(client);
}

static int make_folder(void **state)
{
    (void)state;
    if (!json_prepare() || !mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/s", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_that_are_wrong_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(an_id_is_taken_once, start, stop),
        cmocka_unit_test_setup_teardown(a_sealed_program_reaches_nothing_new, start, stop),
        cmocka_unit_test_setup_teardown(clients_come_and_go_behind_a_card, start, stop),
        cmocka_unit_test_setup_teardown(set_link_pulls_the_cable, start, stop),
        cmocka_unit_test_setup_teardown(a_server_without_descriptors_waits, start, stop),
        cmocka_unit_test_setup_teardown(a_client_connects_over_tcp, start, stop),
        cmocka_unit_test_setup_teardown(a_server_over_tcp_tells_of_its_client, start, stop),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
