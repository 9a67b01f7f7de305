/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors that others pass, and programs that the spawner starts. */
#include "host/passed.h"

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

#include "host/numbers.h"
#include "host/spawner.h"

static struct error error;

static int null_fd(int flags)
{
    int fd = open("/dev/null", flags | O_CLOEXEC);

    assert_true(fd > 2);
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int end(void **state)
{
    (void)state;
    passed_end();
    return passed_next(NULL) ? -1 : 0;
}

static void a_user_gets_a_copy(void **state)
{
    const int other = null_fd(O_RDWR);
    int fd = null_fd(O_RDWR);
    char number[16];
    int64_t set = 4;
    int copy;

    (void)state;
    assert_true(passed_name("n", fd, &error));
    copy = passed_copy("fd", "n", &error);
    assert_true(copy > 2 && copy != fd);
    assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
    close(copy);
    assert_true(is_open(fd));
    passed_used("n");
    assert_false(is_open(fd));
    assert_int_equal(passed_copy("fd", "n", &error), -1);
    assert_non_null(strstr(error.text, "fd: File descriptor named 'n' not found"));

    /* One that has a name, given by its number, is the name's still: closefd must not close another's. */
    fd = null_fd(O_RDWR);
    assert_true(passed_name("n", fd, &error));
    snprintf(number, sizeof number, "%d", fd);
    passed_used(number);
    assert_true(is_open(fd));
    assert_true(passed_close_name("n", &error));
    assert_false(is_open(fd));

    /* One that is in a set stays there; another is its user's alone. */
    assert_true(passed_add(&set, other, NULL, &error));
    snprintf(number, sizeof number, "%d", other);
    passed_used(number);
    assert_true(is_open(other));
    copy = passed_copy("fd", number, &error);
    snprintf(number, sizeof number, "%d", copy);
    passed_used(number);
    assert_false(is_open(copy));
    assert_int_equal(passed_copy("fd", "99999999999", &error), -1);
    assert_non_null(strstr(error.text, "fd=99999999999: it is no number of a descriptor"));
    assert_int_equal(passed_copy("fd", number, &error), -1);
    assert_non_null(strstr(error.text, "it is not open"));
}

/* A number is that of an inherited descriptor, once; never that of one which the program has opened since. */
static void a_number_is_inherited_and_taken_once(void **state)
{
    const int inherited = null_fd(O_RDWR), second = null_fd(O_RDWR), in_set = null_fd(O_RDWR);
    char number[16], path[32];
    int64_t set = -1;
    int own, copy;

    (void)state;
    assert_true(numbers_begin(&error));
    own = null_fd(O_RDWR);
    snprintf(number, sizeof number, "%d", own);
    snprintf(path, sizeof path, "/dev/fd/%d", own);
    assert_int_equal(passed_copy("vhostfd", number, &error), -1);
    assert_non_null(
        strstr(error.text, "it is a descriptor of hotram's own, or one that another option has taken"));
    assert_non_null(strstr(error.text, "vhostfd="));
    assert_int_equal(passed_open(path, O_RDWR, 0), -1);
    assert_int_equal(errno, EBADF);
    assert_non_null(strstr(passed_why(path, EBADF), "add-fd"));
    assert_false(passed_take(own, &error));
    close(own);

    /* A copy that serves takes it; one that does not leaves it. */
    snprintf(number, sizeof number, "%d", inherited);
    snprintf(path, sizeof path, "/dev/fd/%d", inherited);
    copy = passed_open(path, O_RDWR, 0);
    assert_true(copy >= 0);
    close(copy);
    for (int i = 0; i < 2; i++) {
        copy = passed_copy("fd", number, &error);
        assert_true(copy >= 0);
        close(copy);
    }
    passed_used(number);
    assert_false(is_open(inherited));
    assert_int_equal(null_fd(O_RDWR), inherited); /* the number again, and it is the program's own now */
    assert_int_equal(passed_copy("fd", number, &error), -1);
    assert_int_equal(passed_open(path, O_RDWR, 0), -1);
    close(inherited);
    assert_int_equal(passed_copy("fd", number, &error), -1);
    assert_non_null(strstr(error.text, "it is not open"));

    assert_true(passed_take(second, &error));
    assert_true(is_open(second));
    assert_false(passed_take(second, &error));
    close(second);
    assert_true(passed_take(in_set, &error));
    assert_true(passed_add(&set, in_set, NULL, &error));
    assert_false(passed_take(in_set, &error));
    assert_non_null(strstr(error.text, "is in a set already"));
    snprintf(number, sizeof number, "%d", in_set);
    copy = passed_copy("fd", number, &error);
    assert_true(copy >= 0);
    close(copy);
}

static void a_set_is_opened_as_it_permits(void **state)
{
    int64_t set = -1;
    int fd;

    (void)state;
    assert_int_equal(passed_open("/dev/fdset/0", O_RDONLY, 0), -1);
    assert_int_equal(errno, ENOENT);
    assert_true(passed_add(&set, null_fd(O_RDONLY), NULL, &error));
    assert_int_equal(set, 0);
    assert_int_equal(passed_open("/dev/fdset/0", O_RDWR, 0), -1);
    assert_int_equal(errno, EACCES);
    assert_true(passed_add(&set, null_fd(O_WRONLY), NULL, &error));
    fd = passed_open("/dev/fdset/0", O_WRONLY, 0);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
    close(fd);
    assert_int_equal(passed_open("/dev/fdset/x", O_WRONLY, 0), -1);
    assert_int_equal(passed_open("/dev/fdset/", O_WRONLY, 0), -1);
    assert_int_equal(passed_open("/dev/fdset/99999999999999999999", O_WRONLY, 0), -1);
    fd = passed_open("/dev/null", O_RDONLY | O_CLOEXEC, 0);
    assert_true(fd >= 0);
    close(fd);
}

static void there_are_limits(void **state)
{
    int64_t set = 0;
    int fd;

    (void)state;
    for (unsigned i = 0; i < PASSED_MAX; i++)
        assert_true(passed_add(&set, null_fd(O_RDONLY), "x", &error));
    fd = null_fd(O_RDONLY);
    assert_false(passed_add(&set, fd, "x", &error));
    assert_false(is_open(fd));
    assert_true(passed_remove(0, -1, &error));
    assert_null(passed_next(NULL));
    assert_false(passed_remove(0, -1, &error));
}

/* ---- the spawner ---- */

static struct spawner spawner;

/* What /bin/sh says through its descriptor, or what the spawner does. */
static void ask(const char *script, const char *expected)
{
    char *const words[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)(uintptr_t)script, NULL };
    char answer[64] = "";
    int pair[2];
    size_t length = 0;
    ssize_t got;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(spawner_run(&spawner, words, pair[1], &error));
    close(pair[1]);
    while ((got = read(pair[0], answer + length, sizeof answer - 1 - length)) > 0)
        length += (size_t)got;
    close(pair[0]);
    assert_string_equal(answer, expected);
}

static void it_starts_one_program(void **state)
{
    (void)state;
    assert_true(spawner_start(&spawner, "/bin/sh", &error));
    ask("echo hello >&3", "hello\n");
    ask("ls /proc/self/fd | head -4 | tr '\\n' ' ' >&3", "0 1 2 3 ");
    for (unsigned i = 0; i < 3 * SPAWNER_CHILDREN_MAX; i++)
        ask("printf x >&3", "x");
    spawner_end(&spawner);
    spawner_end(&spawner);
    assert_false(spawner_run(&spawner, (char *const[]){ (char[]){ "sh" }, NULL }, 0, &error));
    assert_non_null(strstr(error.text, "is gone"));
}

/* What comes through a descriptor of a program that the spawner is to start, until its end. */
static void say(char *const words[], const char *expected)
{
    char answer[100];
    ssize_t length;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(spawner_run(&spawner, words, pair[1], &error));
    close(pair[1]);
    length = read(pair[0], answer, sizeof answer - 1);
    assert_true(length > 0);
    answer[length] = '\0';
    assert_string_equal(answer, expected);
    assert_int_equal(read(pair[0], answer, 1), 0);
    close(pair[0]);
}

static void it_has_limits(void **state)
{
    char *const sleeper[] = { (char[]){ "cat" }, (char[]){ "/dev/fd/3" }, NULL };
    char *const words[] = { (char[]){ "cat" }, malloc(SPAWNER_BYTES_MAX + 1), NULL };
    int pair[2];

    (void)state;
    memset(words[1], 'x', SPAWNER_BYTES_MAX);
    words[1][SPAWNER_BYTES_MAX] = '\0';
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    assert_true(spawner_start(&spawner, "/bin/cat", &error));
    for (unsigned i = 0; i < SPAWNER_CHILDREN_MAX; i++)
        while (!spawner_run(&spawner, sleeper, pair[0], &error)) /* it takes a few requests at a time */
            assert_non_null(strstr(error.text, "cannot accept more requests now"));
    say(sleeper, "too many programs run already; netdev_del ends one");
    assert_false(spawner_run(&spawner, words, pair[0], &error));
    assert_non_null(strstr(error.text, "too long"));
    close(pair[1]);
    close(pair[0]);
    spawner_end(&spawner);
    free(words[1]);
    assert_true(spawner_start(&spawner, "/nowhere", &error));
    say(sleeper, strerror(ENOENT));
    spawner_end(&spawner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_user_gets_a_copy, end),
        cmocka_unit_test_teardown(a_number_is_inherited_and_taken_once, end),
        cmocka_unit_test_teardown(a_set_is_opened_as_it_permits, end),
        cmocka_unit_test_teardown(there_are_limits, end),
        cmocka_unit_test(it_starts_one_program),
        cmocka_unit_test(it_has_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
