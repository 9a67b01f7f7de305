/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O threads: what runs on them, who waits for them, and how they end. */
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../unit.h"

#include "host/io_thread.h"

struct seen {
    struct io_thread *thread;
    pthread_t on;
    unsigned calls, rings, ticks;
    int bell;
    struct watch *watch;
    struct timer timer;
};

static void note(void *opaque)
{
    struct seen *seen = opaque;

    seen->on = pthread_self();
    seen->calls++;
}

static void a_call_has_ended_when_it_returns(void **state)
{
    struct error error;
    struct seen seen = { .thread = io_thread_create(&error) };

    (void)state;
    assert_non_null(seen.thread);
    for (unsigned i = 1; i <= 1000; i++) {
        io_thread_call(seen.thread, note, &seen);
        assert_int_equal(seen.calls, i);
    }
    assert_false(pthread_equal(seen.on, pthread_self()));
    io_thread_destroy(seen.thread);
}

static void ring(void *opaque, uint32_t events)
{
    struct seen *seen = opaque;
    uint64_t count = 0;

    (void)events;
    if (read(seen->bell, &count, sizeof count) == (ssize_t)sizeof count)
        seen->rings += (unsigned)count;
}

static void tick(void *opaque)
{
    struct seen *seen = opaque;

    seen->ticks++;
}

static void begin(void *opaque)
{
    struct seen *seen = opaque;

    seen->watch = watch_add(io_thread_loop(seen->thread), seen->bell, EPOLLIN, ring, seen);
    timer_start(io_thread_loop(seen->thread), &seen->timer, 1, tick, seen);
}

static void end(void *opaque)
{
    struct seen *seen = opaque;

    watch_remove(seen->watch);
    timer_cancel(&seen->timer);
}

static void watches_and_timers_run_on_it(void **state)
{
    const uint64_t one = 1;
    struct error error;
    struct seen seen = { .thread = io_thread_create(&error), .bell = eventfd(0, EFD_NONBLOCK) };

    (void)state;
    io_thread_call(seen.thread, begin, &seen);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(write(seen.bell, &one, sizeof one), sizeof one);
    while (seen.ticks == 0 || seen.rings < 100)
        io_thread_call(seen.thread, note, &seen);
    io_thread_call(seen.thread, end, &seen);
    assert_int_equal(seen.rings, 100);
    assert_int_equal(seen.ticks, 1);
    io_thread_destroy(seen.thread);
    assert_int_equal(close(seen.bell), 0);
}

static void *call_often(void *opaque)
{
    struct seen *seen = opaque;

    for (unsigned i = 0; i < 500; i++)
        io_thread_call(seen->thread, note, seen);
    return NULL;
}

/* The calls of several threads run one after the other. */
static void any_thread_may_call(void **state)
{
    pthread_t caller[3];
    struct error error;
    struct seen seen = { .thread = io_thread_create(&error) };

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&caller[i], NULL, call_often, &seen), 0);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(caller[i], NULL);
    assert_int_equal(seen.calls, 1500);
    io_thread_destroy(seen.thread);
    io_thread_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_has_ended_when_it_returns),
        cmocka_unit_test(watches_and_timers_run_on_it),
        cmocka_unit_test(any_thread_may_call),
    };

    return cmocka_run_group_tests_name("io_thread", tests, NULL, NULL);
}
