/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands whose answer comes later: order of answers, other sessions meanwhile, cancelling, and whoever does
 * not wait.
 */
#include "slow_memory.h"
#include "world.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Memory that is allocated in one step, or in two. */
#define ONE_STEP "8192"
#define TWO_STEPS "4194304"
#define ADD_OF(id, size) \
    "{\"execute\": \"object-add\", \"arguments\": {\"qom-type\": \"memory-backend-ram\", \"id\": \"" id \
    "\", \"size\": " size ", \"prealloc\": true}, \"id\": \"" id "\"}"
#define ADD(id) ADD_OF(id, ONE_STEP)
#define PERSON_ADDS(id, size) "object_add memory-backend-ram,id=" id ",size=" size ",prealloc=on\r"
#define DEL(id) "{\"execute\": \"object-del\", \"arguments\": {\"id\": \"" id "\"}, \"id\": \"del\"}"
#define NAME "{\"execute\": \"query-name\", \"id\": 2}"
#define NAMED "{\"return\": {\"name\": \"guest\"}, \"id\": 2}"
#define ADDED(id) "{\"return\": {}, \"id\": \"" id "\"}"
#define ERROR(id, text) \
    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"" text "\"}, \"id\": \"" id "\"}"
#define CANCELLED(id) "preallocating memory of '" id "' was cancelled"
#define SHORT(id) \
    "preallocating memory failed: the host cannot allocate memory for '" id "', 8 KiB: Cannot allocate memory"
#define PROMPT "(hotram) "

static int set_up(void **state)
{
    int result = world_set_up_with(state, "-name guest " WORLD_MACHINE);
    struct world *world = *state;

    world_listen(world, "qmp", true);
    world_listen(world, "hmp", false);
    slow_memory_hold();
    return result;
}

/* The host's memory is there before the program waits for the threads that allocate it. */
static int tear_down(void **state)
{
    slow_memory_release();
    return world_tear_down(state);
}

static void expect_line(struct world *world, int fd, const char *line)
{
    char *text = client_read(world, fd, "\r\n");

    text[strlen(text) - 2] = '\0';
    assert_string_equal(text, line);
    free(text);
}

/* All of it is allocated. */
static void expect_prealloc(struct world *world, int fd, const char *id, const char *done, const char *size)
{
    char wanted[200];
    char *text = client_read(world, fd, "\r\n");
    const char *event = strstr(text, "\"event\"");

    snprintf(wanted, sizeof wanted,
             "\"event\": \"MEMORY_PREALLOC\", \"data\": {\"id\": \"%s\", \"done\": %s, \"size\": %s}}\r\n",
             id, done, size);
    assert_non_null(event);
    assert_string_equal(event, wanted);
    free(text);
}

/* Likewise, and what follows is the command's answer. */
static void expect_added(struct world *world, int fd, const char *id)
{
    char answer[100];

    expect_prealloc(world, fd, id, ONE_STEP, ONE_STEP);
    snprintf(answer, sizeof answer, ADDED("%s"), id);
    expect_line(world, fd, answer);
}

/* Everything up to the next prompt, without what the editor draws of the line itself. */
static void expect_said(struct world *world, int fd, const char *words)
{
    char *text = client_read(world, fd, PROMPT);

    assert_non_null(strstr(text, words));
    free(text);
}

static int person(struct world *world)
{
    int fd = world_connect(world, "hmp");

    client_skip(world, fd, PROMPT);
    return fd;
}

static void test_answer_comes_when_the_work_is_done(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");

    client_say(world, fd, ADD("m0") "\n");
    client_is_quiet(world, fd);
    slow_memory_give();
    expect_added(world, fd, "m0");
    client_say(world, fd, ADD("m1") "\n");
    client_is_quiet(world, fd);
    slow_memory_refuse(ENOMEM);
    expect_line(world, fd, ERROR("m1", SHORT("m1")));
    qmp_expect(world, fd, NAME, NAMED);
    close(fd);
}

static void test_answers_keep_the_order_of_their_commands(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");

    /* In one piece, and more behind it while the first is not answered. */
    client_say(world, fd, ADD("m0") "\n" NAME "\n" ADD("m1") "\n");
    client_is_quiet(world, fd);
    client_say(world, fd, NAME "\n{\"execute\": }\n");
    client_is_quiet(world, fd);
    slow_memory_give();
    expect_added(world, fd, "m0");
    expect_line(world, fd, NAMED);
    client_is_quiet(world, fd);
    slow_memory_give();
    expect_added(world, fd, "m1");
    expect_line(world, fd, NAMED);
    client_skip(world, fd, "JSON parse error");
    close(fd);
}

static void test_long_input_behind_a_pending_command(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    static char lines[1000 * (sizeof NAME "\n")];

    for (unsigned i = 0; i < 1000; i++)
        strcat(lines, NAME "\n");
    client_say(world, fd, ADD("m0") "\n");
    client_is_quiet(world, fd);
    client_say(world, fd, lines); /* more than is held for a session: the rest waits in the socket */
    client_is_quiet(world, fd);
    slow_memory_give();
    expect_added(world, fd, "m0");
    for (unsigned i = 0; i < 1000; i++)
        expect_line(world, fd, NAMED);
    client_is_quiet(world, fd);
    close(fd);
}

static void test_other_sessions_go_on(void **state)
{
    struct world *world = *state;
    int waits = qmp_client(world, "qmp");
    int other = qmp_client(world, "qmp");
    int third = person(world);

    client_say(world, waits, ADD_OF("m0", TWO_STEPS) "\n");
    client_is_quiet(world, waits);
    qmp_expect(world, other, NAME, NAMED);
    client_say(world, third, "info name\r");
    expect_said(world, third, "guest");
    slow_memory_give();
    /* Everybody hears of it, the one who waits too. */
    client_skip(world, other, "\"data\": {\"id\": \"m0\", \"done\": 2097152, \"size\": 4194304}}\r\n");
    client_skip(world, waits, "\"data\": {\"id\": \"m0\", \"done\": 2097152, \"size\": 4194304}}\r\n");
    slow_memory_give();
    client_skip(world, waits, "\"data\": {\"id\": \"m0\", \"done\": 4194304, \"size\": 4194304}}\r\n");
    expect_line(world, waits, ADDED("m0"));
    close(waits);
    close(other);
    close(third);
}

static void test_object_del_from_another_session_cancels(void **state)
{
    struct world *world = *state;
    int waits = qmp_client(world, "qmp");
    int other = qmp_client(world, "qmp");

    client_say(world, waits, ADD("m0") "\n");
    client_is_quiet(world, waits);
    client_say(world, other, DEL("m0") "\n");
    /* What the host does at the moment comes to its end. */
    client_is_quiet(world, other);
    client_is_quiet(world, waits);
    slow_memory_give();
    expect_line(world, other, "{\"return\": {}, \"id\": \"del\"}");
    expect_line(world, waits, ERROR("m0", CANCELLED("m0")));
    qmp_expect(world, other, DEL("m0"), ERROR("del", "object 'm0' not found"));
    close(waits);
    close(other);
}

static void test_whoever_leaves_is_not_answered(void **state)
{
    struct world *world = *state;
    int waits = qmp_client(world, "qmp");
    int third = person(world);
    int other = qmp_client(world, "qmp");

    client_say(world, waits, ADD("m0") "\n");
    client_say(world, third, PERSON_ADDS("m1", ONE_STEP));
    client_is_quiet(world, waits);
    world_run(world);
    close(waits);
    close(third);
    world_run(world);
    /* The work is done all the same. */
    slow_memory_give();
    client_skip(world, other, "\"done\": 8192, \"size\": 8192}}\r\n");
    slow_memory_give();
    client_skip(world, other, "\"done\": 8192, \"size\": 8192}}\r\n");
    qmp_expect(world, other, DEL("m0"), "{\"return\": {}, \"id\": \"del\"}");
    qmp_expect(world, other, DEL("m1"), "{\"return\": {}, \"id\": \"del\"}");
    close(other);
}

static void test_person_sees_progress_and_then_the_prompt(void **state)
{
    struct world *world = *state;
    int fd = person(world);

    client_say(world, fd, PERSON_ADDS("m0", TWO_STEPS) "info name\r");
    world_run(world);
    slow_memory_give();
    client_skip(world, fd, "m0: 2 MiB of 4 MiB\r\n");
    client_is_quiet(world, fd);
    slow_memory_give();
    client_skip(world, fd, "m0: 4 MiB of 4 MiB\r\n");
    client_skip(world, fd, PROMPT);
    expect_said(world, fd, "guest"); /* what was typed meanwhile */
    client_say(world, fd, PERSON_ADDS("m1", ONE_STEP));
    world_run(world);
    slow_memory_refuse(ENOMEM);
    expect_said(world, fd, "Error: " SHORT("m1") "\r\n");
    close(fd);
}

static void test_control_c_cancels(void **state)
{
    struct world *world = *state;
    int fd = person(world);

    client_say(world, fd, PERSON_ADDS("m0", ONE_STEP));
    world_run(world);
    /* Typed meanwhile: it is dropped, but not what comes behind. */
    client_say(world, fd, "quit\r");
    world_run(world);
    client_say(world, fd, "\x03info name\r");
    world_run(world);
    slow_memory_give();
    expect_said(world, fd, "Error: " CANCELLED("m0") "\r\n");
    expect_said(world, fd, "guest");
    assert_false(world_ends(world));
    client_say(world, fd, "\x03info name\r"); /* nothing to cancel: an empty key */
    expect_said(world, fd, "guest");
    close(fd);
}

static void test_human_monitor_command_waits_too(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");

#define HUMAN(id) \
    "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"object_add " \
    "memory-backend-ram,id=" id ",size=8192,prealloc=on\"}}\n"
    client_say(world, fd, HUMAN("m0"));
    client_is_quiet(world, fd);
    slow_memory_give();
    expect_prealloc(world, fd, "m0", ONE_STEP, ONE_STEP);
    expect_line(world, fd, "{\"return\": \"\"}");
    client_say(world, fd, HUMAN("m1"));
    client_is_quiet(world, fd);
    slow_memory_refuse(ENOMEM);
    expect_line(world, fd, "{\"return\": \"Error: " SHORT("m1") "\\r\\n\"}");
    client_say(world, fd, HUMAN("m2"));
    client_is_quiet(world, fd);
    close(fd);
    world_run(world);
    slow_memory_give();
    fd = qmp_client(world, "qmp");
    client_say(world, fd, DEL("m2") "\n");
    client_skip(world, fd, "{\"return\": {}, \"id\": \"del\"}\r\n");
    close(fd);
}

static void test_the_program_ends_while_a_command_waits(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    int third = person(world);

    client_say(world, fd, ADD("m0") "\n");
    client_say(world, third, PERSON_ADDS("m1", ONE_STEP));
    world_run(world);
    client_is_quiet(world, fd);
    close(fd);
    close(third);
    /* The sanitizers see whether something is left at the end of the world. */
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_answer_comes_when_the_work_is_done),
        TEST(test_answers_keep_the_order_of_their_commands),
        TEST(test_long_input_behind_a_pending_command),
        TEST(test_other_sessions_go_on),
        TEST(test_object_del_from_another_session_cancels),
        TEST(test_whoever_leaves_is_not_answered),
        TEST(test_person_sees_progress_and_then_the_prompt),
        TEST(test_control_c_cancels),
        TEST(test_human_monitor_command_waits_too),
        TEST(test_the_program_ends_while_a_command_waits),
    };

    return cmocka_run_group_tests_name("monitor-pending", tests, NULL, NULL);
}
