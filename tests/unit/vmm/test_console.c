/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-serial: bytes of one port for that port alone, and a guest that floods does not keep the main
 * thread. */
#include "../unit.h"

#include "chardev/internal.h"
#include "console_world.h"

static struct console_world world;
static struct console_port *port; /* at number 1, or NULL */

/* A chardev that takes everything, and what it got. */
struct sink {
    struct channel channel; /* first */
    struct console_port *port;
    bool floods; /* the guest sends as much again meanwhile */
    uint32_t count;
    uint8_t bytes[2 * WORLD_BUFFER];
};

static void take(struct channel *channel, const void *bytes, size_t length, bool may_drop)
{
    struct sink *sink = (void *)channel;

    (void)may_drop;
    if (sink->count + length <= sizeof sink->bytes)
        memcpy(sink->bytes + sink->count, bytes, length);
    sink->count += (uint32_t)length;
    assert_true(sink->count <= 16 * CONSOLE_PIPE); /* or it would go on for ever */
    if (sink->floods) {
        pthread_mutex_lock(&sink->port->lock);
        console_pipe_put(&sink->port->from_guest, bytes, (uint32_t)length);
        pthread_mutex_unlock(&sink->port->lock);
    }
}

static size_t nothing_waits(const struct channel *channel)
{
    (void)channel;
    return 0;
}

static const struct channel_type takes_all = { .write = take, .pending = nothing_waits };

static void add(struct sink *sink)
{
    port = console_world_add(&world, 1, false, NULL, (struct chardev *)&world);
    *sink = (struct sink){ .channel = { .type = &takes_all }, .port = port };
    console_chardev_ops.opened(port, &sink->channel);
}

static void remove_port(void)
{
    if (port)
        console_world_remove(port);
    port = NULL;
}

static int set_up(void **state)
{
    (void)state;
    console_world_make(&world, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_port();
    console_world_end(&world);
    return 0;
}

static void offer_room(unsigned messages)
{
    while (messages-- > 0)
        assert_true(console_world_offer(&world, CONSOLE_CONTROL_IN, NULL, 8));
}

static void say(uint8_t number, uint8_t event)
{
    const uint8_t message[8] = { number, 0, 0, 0, event, 0, 1, 0 };

    assert_true(console_world_offer(&world, CONSOLE_CONTROL_OUT, message, sizeof message));
    console_world_settle(&world);
}

static void a_guest_that_floods_does_not_keep_the_main_thread(void **state)
{
    static struct sink sink;
    static const uint8_t full[CONSOLE_PIPE];

    (void)state;
    add(&sink);
    sink.floods = true;
    console_pipe_put(&port->from_guest, full, sizeof full);
    console_port_work(port);
    assert_int_equal(sink.count, CONSOLE_PIPE);
    assert_true(port->work.queued); /* the rest comes after what else waits */
    sink.floods = false;
    console_world_settle(&world);
    assert_int_equal(sink.count, 2 * CONSOLE_PIPE);
    assert_false(port->work.queued);
}

/* The driver sends them before it can know that the port is gone: some before that, some after. */
static void bytes_for_a_port_that_is_gone_are_not_for_the_next(void **state)
{
    static struct sink sink;
    const unsigned queue = console_queue_from_guest(1);

    (void)state;
    add(&sink);
    offer_room(1);
    say(0, 0); /* the device is ready */
    say(1, 3); /* and so is the port */
    assert_true(console_world_offer(&world, queue, "first", 5));
    console_world_settle(&world);
    assert_int_equal(sink.count, 5);
    assert_memory_equal(sink.bytes, "first", 5);

    for (unsigned turn = 0; turn < 2; turn++) {
        if (turn == 0)
            assert_true(console_world_offer(&world, queue, "before", 6));
        remove_port();
        add(&sink);
        assert_true(console_world_offer(&world, queue, "after", 5));
        if (turn == 1) /* the removal waits for a buffer meanwhile */
            console_world_settle(&world);
        offer_room(2); /* that it is gone, and that there is one */
        /* The driver's messages first: whichever queue is served first decides nothing. */
        console_world_serve(&world, CONSOLE_CONTROL_IN);
        console_world_settle(&world);
        assert_int_equal(sink.count, 0);
        assert_true(console_world_offer(&world, queue, "new", 3));
        console_world_settle(&world);
        assert_int_equal(sink.count, 3);
        assert_memory_equal(sink.bytes, "new", 3);
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_guest_that_floods_does_not_keep_the_main_thread),
        TEST(bytes_for_a_port_that_is_gone_are_not_for_the_next),
    };

    return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
