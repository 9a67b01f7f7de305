/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop: watches that come and go inside callbacks, timers, work from other threads.
 */
#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"

struct pipes {
    struct loop *loop;
    int fds[4][2];
    struct watch *watches[4];
    unsigned calls[4];
    struct timer rearmed;
};

static struct pipes pipes;

static int set_up(void **state)
{
    (void)state;
    memset(&pipes, 0, sizeof pipes);
    pipes.loop = loop_create();
    for (int i = 0; i < 4; i++)
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pipes.fds[i]) < 0)
            return -1;
    return pipes.loop ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        watch_remove(pipes.watches[i]);
        close(pipes.fds[i][0]);
        close(pipes.fds[i][1]);
    }
    loop_destroy(pipes.loop);
    return 0;
}

static void make_ready(int index)
{
    assert_int_equal(write(pipes.fds[index][1], "x", 1), 1);
}

static void count(void *opaque, uint32_t events)
{
    unsigned *calls = opaque;

    (void)events;
    (*calls)++;
}

static void remove_all(void *opaque, uint32_t events)
{
    (void)opaque, (void)events;
    pipes.calls[0]++;
    for (int i = 0; i < 4; i++) {
        watch_remove(pipes.watches[i]);
        watch_remove(pipes.watches[i]); /* twice does no harm within the round */
        pipes.watches[i] = NULL;
    }
}

static void test_watch(void **state)
{
    (void)state;
    pipes.watches[0] = watch_add(pipes.loop, pipes.fds[0][0], EPOLLIN, count, &pipes.calls[0]);
    loop_once(pipes.loop, 0);
    assert_int_equal(pipes.calls[0], 0);
    make_ready(0);
    loop_once(pipes.loop, -1);
    loop_once(pipes.loop, -1);
    assert_int_equal(pipes.calls[0], 2);
    assert_true(watch_change(pipes.watches[0], EPOLLOUT));
    loop_once(pipes.loop, -1);
    assert_int_equal(pipes.calls[0], 3);
}

static void test_sleeping_watch_sees_no_hang_up(void **state)
{
    (void)state;
    pipes.watches[0] = watch_add(pipes.loop, pipes.fds[0][0], 0, count, &pipes.calls[0]);
    shutdown(pipes.fds[0][1], SHUT_RDWR);
    loop_once(pipes.loop, 0);
    assert_int_equal(pipes.calls[0], 0);
    assert_true(watch_change(pipes.watches[0], EPOLLIN));
    loop_once(pipes.loop, 0);
    assert_int_equal(pipes.calls[0], 1);
    assert_true(watch_change(pipes.watches[0], 0));
    loop_once(pipes.loop, 0);
    assert_int_equal(pipes.calls[0], 1);
}

static void test_regular_file_is_refused(void **state)
{
    int fd = open("/proc/self/exe", O_RDONLY);

    (void)state;
    errno = 0;
    assert_null(watch_add(pipes.loop, fd, 0, count, NULL));
    assert_int_equal(errno, EPERM);
    close(fd);
}

static void test_callback_removes_all(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        pipes.watches[i] = watch_add(pipes.loop, pipes.fds[i][0], EPOLLIN, remove_all, NULL);
        make_ready(i);
    }
    loop_once(pipes.loop, 0);
    assert_int_equal(pipes.calls[0], 1);
    loop_once(pipes.loop, 0);
    assert_int_equal(pipes.calls[0], 1);
}

/* Runs a round of its own, in which all watches go, while the outer round still has events of theirs. */
static void nested_round(void *opaque, uint32_t events)
{
    (void)opaque, (void)events;
    pipes.calls[1]++;
    assert_true(watch_change(pipes.watches[0], 0));
    loop_once(pipes.loop, 0);
}

static void test_nested_round_removes_all(void **state)
{
    (void)state;
    pipes.watches[0] = watch_add(pipes.loop, pipes.fds[0][0], EPOLLIN, nested_round, NULL);
    make_ready(0);
    for (int i = 1; i < 4; i++) {
        pipes.watches[i] = watch_add(pipes.loop, pipes.fds[i][0], EPOLLIN, remove_all, NULL);
        make_ready(i);
    }
    loop_once(pipes.loop, 0);
    assert_int_equal(pipes.calls[0], 1);
    assert_int_equal(pipes.calls[1], 1);
}

static void note(void *opaque)
{
    unsigned *order = opaque;

    pipes.calls[0] = pipes.calls[0] * 10 + *order;
}

static void test_timers_run_in_order(void **state)
{
    unsigned numbers[] = { 1, 2, 3, 4 };
    struct timer timers[4] = { 0 };

    (void)state;
    timer_start(pipes.loop, &timers[0], 30, note, &numbers[2]);
    timer_start(pipes.loop, &timers[1], 0, note, &numbers[0]);
    timer_start(pipes.loop, &timers[2], 10, note, &numbers[3]);
    timer_start(pipes.loop, &timers[3], 1000000, note, &numbers[3]);
    timer_start(pipes.loop, &timers[3], 0, note, &numbers[1]); /* anew */
    assert_true(timer_runs(&timers[2]));
    timer_cancel(&timers[2]);
    assert_false(timer_runs(&timers[2]));
    timer_cancel(&timers[2]);
    while (pipes.calls[0] < 123)
        loop_once(pipes.loop, -1);
    loop_once(pipes.loop, 0);
    assert_int_equal(pipes.calls[0], 123);
}

static void rearm(void *opaque)
{
    pipes.calls[0]++;
    assert_false(timer_runs(&pipes.rearmed));
    timer_start(opaque, &pipes.rearmed, 0, rearm, opaque);
}

/* Who ends without taking back its work, its timer or its watch is found out, in every run of every test. */
static void test_nothing_is_left_behind(void **state)
{
    static struct work work = { .run = rearm };
    static struct timer timer;

    (void)state;
    for (unsigned what = 0; what < 4; what++) {
        pid_t child = fork();
        int status;

        assert_true(child >= 0);
        if (child == 0) {
            struct loop *loop = loop_create();

            signal(SIGABRT, SIG_DFL);
            close(STDERR_FILENO);
            if (what == 1)
                timer_start(loop, &timer, 1000000, rearm, loop);
            else if (what == 2)
                loop_post(loop, &work);
            else if (what == 3 && !watch_add(loop, pipes.fds[0][0], EPOLLIN, count, NULL))
                _exit(0);
            loop_destroy(loop);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (what == 0)
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        else
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

static void test_timer_that_rearms_does_not_keep_the_loop(void **state)
{
    (void)state;
    timer_start(pipes.loop, &pipes.rearmed, 0, rearm, pipes.loop);
    for (unsigned i = 1; i < 5; i++) {
        loop_once(pipes.loop, -1);
        assert_int_equal(pipes.calls[0], i);
    }
    timer_cancel(&pipes.rearmed);
}

struct poster {
    struct work work;
    unsigned runs;
    bool again;
};

static void run_work(void *opaque)
{
    struct poster *poster = opaque;

    poster->runs++;
    if (poster->again)
        loop_post(pipes.loop, &poster->work);
}

static void test_work_is_queued_once(void **state)
{
    struct poster poster = { .work = { .run = run_work, .opaque = &poster } };

    (void)state;
    for (int i = 0; i < 3; i++)
        loop_post(pipes.loop, &poster.work);
    loop_once(pipes.loop, 0);
    loop_once(pipes.loop, 0);
    assert_int_equal(poster.runs, 1);
    loop_post(pipes.loop, &poster.work);
    loop_cancel(pipes.loop, &poster.work);
    loop_cancel(pipes.loop, &poster.work);
    loop_once(pipes.loop, 0);
    assert_int_equal(poster.runs, 1);
    poster.again = true;
    loop_post(pipes.loop, &poster.work);
    for (unsigned i = 2; i < 5; i++) {
        loop_once(pipes.loop, 0);
        assert_int_equal(poster.runs, i);
    }
    loop_cancel(pipes.loop, &poster.work);
}

static void test_cancel_keeps_the_others(void **state)
{
    struct poster posters[3];

    (void)state;
    for (int skip = 0; skip < 3; skip++) {
        for (int i = 0; i < 3; i++) {
            posters[i] = (struct poster){ .work = { .run = run_work, .opaque = &posters[i] } };
            loop_post(pipes.loop, &posters[i].work);
        }
        loop_cancel(pipes.loop, &posters[skip].work);
        loop_once(pipes.loop, 0);
        for (int i = 0; i < 3; i++)
            assert_int_equal(posters[i].runs, i != skip);
    }
}

#define THREADS 4
#define POSTS 20000

static struct {
    struct work work;
    unsigned posted; /* under the lock */
    unsigned seen;
    pthread_mutex_t lock;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void see(void *opaque)
{
    (void)opaque;
    pthread_mutex_lock(&shared.lock);
    shared.seen = shared.posted;
    pthread_mutex_unlock(&shared.lock);
}

static void *post_many(void *opaque)
{
    (void)opaque;
    for (int i = 0; i < POSTS; i++) {
        pthread_mutex_lock(&shared.lock);
        shared.posted++;
        pthread_mutex_unlock(&shared.lock);
        loop_post(pipes.loop, &shared.work);
    }
    return NULL;
}

static void test_threads_post(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    shared.work = (struct work){ .run = see };
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, post_many, NULL);
    /* What was posted last is seen: no ring of the bell is lost. */
    while (shared.seen < THREADS * POSTS)
        loop_once(pipes.loop, 5000);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    /* Another thread's post may have shown what the last one had counted and did not post yet. */
    loop_cancel(pipes.loop, &shared.work);
}

static void quit(void *opaque)
{
    loop_quit(opaque);
}

static void test_quit(void **state)
{
    struct timer timer = { 0 };

    (void)state;
    assert_false(loop_quitting(pipes.loop));
    timer_start(pipes.loop, &timer, 1, quit, pipes.loop);
    loop_run(pipes.loop);
    assert_true(loop_quitting(pipes.loop));
    loop_run(pipes.loop); /* at once over */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_watch),
        TEST(test_sleeping_watch_sees_no_hang_up),
        TEST(test_regular_file_is_refused),
        TEST(test_callback_removes_all),
        TEST(test_nested_round_removes_all),
        TEST(test_timers_run_in_order),
        TEST(test_nothing_is_left_behind),
        TEST(test_timer_that_rearms_does_not_keep_the_loop),
        TEST(test_work_is_queued_once),
        TEST(test_cancel_keeps_the_others),
        TEST(test_threads_post),
        TEST(test_quit),
    };

    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
