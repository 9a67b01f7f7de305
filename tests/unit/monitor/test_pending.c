/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands whose answer comes later: order of answers, other sessions meanwhile, cancelling, and whoever does
 * not wait.
 */
#include "world.h"

#include <sys/socket.h>
#include <unistd.h>

#define ADD(id) \
    "{\"execute\": \"object-add\", \"arguments\": {\"qom-type\": \"memory-backend-ram\", \"id\": \"" id \
    "\", " \
    "\"size\": 8192, \"share\": true}, \"id\": \"" id "\"}"
#define DEL(id) "{\"execute\": \"object-del\", \"arguments\": {\"id\": \"" id "\"}, \"id\": \"del\"}"
#define NAME "{\"execute\": \"query-name\", \"id\": 2}"
#define NAMED "{\"return\": {\"name\": \"guest\"}, \"id\": 2}"
#define CANCELLED(id) \
    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"cancelled\"}, \"id\": \"" id "\"}"
#define PROMPT "(hotram) "

static int set_up(void **state)
{
    int result = world_set_up(state);
    struct world *world = *state;

    world->config.name = "guest";
    world_listen(world, "qmp", true);
    world_listen(world, "hmp", false);
    return result;
}

static void expect_line(struct world *world, int fd, const char *line)
{
    char *text = client_read(world, fd, "\r\n");

    text[strlen(text) - 2] = '\0';
    assert_string_equal(text, line);
    free(text);
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
    fake_machine_finish(world->machine, "m0", NULL);
    expect_line(world, fd, "{\"return\": {}, \"id\": \"m0\"}");
    client_say(world, fd, ADD("m1") "\n");
    client_is_quiet(world, fd);
    fake_machine_finish(world->machine, "m1", "no memory");
    expect_line(world, fd,
                "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no memory\"}, \"id\": \"m1\"}");
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
    fake_machine_finish(world->machine, "m0", NULL);
    expect_line(world, fd, "{\"return\": {}, \"id\": \"m0\"}");
    expect_line(world, fd, NAMED);
    client_is_quiet(world, fd);
    fake_machine_finish(world->machine, "m1", NULL);
    expect_line(world, fd, "{\"return\": {}, \"id\": \"m1\"}");
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
    fake_machine_finish(world->machine, "m0", NULL);
    expect_line(world, fd, "{\"return\": {}, \"id\": \"m0\"}");
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

    client_say(world, waits, ADD("m0") "\n");
    client_is_quiet(world, waits);
    qmp_expect(world, other, NAME, NAMED);
    client_say(world, third, "info name\r");
    expect_said(world, third, "guest");
    fake_machine_progress(world->machine, "m0");
    /* Everybody hears of it, the one who waits too. */
    for (unsigned i = 0; i < 2; i++) {
        int fd = i ? waits : other;

        client_skip(world, fd, "\"event\": \"MEMORY_PREALLOC\", ");
        expect_line(world, fd, "\"data\": {\"id\": \"m0\", \"done\": 4096, \"size\": 8192}}");
    }
    fake_machine_finish(world->machine, "m0", NULL);
    expect_line(world, waits, "{\"return\": {}, \"id\": \"m0\"}");
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
    qmp_expect(world, other, DEL("m0"), "{\"return\": {}, \"id\": \"del\"}");
    expect_line(world, waits, CANCELLED("m0"));
    qmp_expect(world, other, DEL("m0"),
               "{\"error\": {\"class\": \"GenericError\", \"desc\": \"object 'm0' not found\"}, \"id\": "
               "\"del\"}");
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
    client_say(world, third, "object_add memory-backend-ram,id=m1,size=8192,share=on\r");
    client_is_quiet(world, waits);
    world_run(world);
    close(waits);
    close(third);
    world_run(world);
    fake_machine_finish(world->machine, "m0", NULL);
    fake_machine_finish(world->machine, "m1", NULL);
    /* The work was done all the same. */
    qmp_expect(world, other, DEL("m0"), "{\"return\": {}, \"id\": \"del\"}");
    qmp_expect(world, other, DEL("m1"), "{\"return\": {}, \"id\": \"del\"}");
    close(other);
}

static void test_person_sees_progress_and_then_the_prompt(void **state)
{
    struct world *world = *state;
    int fd = person(world);

    client_say(world, fd, "object_add memory-backend-ram,id=m0,size=8192,share=on\rinfo name\r");
    world_run(world);
    fake_machine_progress(world->machine, "m0");
    client_skip(world, fd, "m0: 4 KiB of 8 KiB\r\n");
    client_is_quiet(world, fd);
    fake_machine_finish(world->machine, "m0", NULL);
    client_skip(world, fd, PROMPT);
    expect_said(world, fd, "guest"); /* what was typed meanwhile */
    client_say(world, fd, "object_add memory-backend-ram,id=m1,size=8192,share=on\r");
    world_run(world);
    fake_machine_finish(world->machine, "m1", "no memory");
    expect_said(world, fd, "Error: no memory\r\n");
    close(fd);
}

static void test_control_c_cancels(void **state)
{
    struct world *world = *state;
    int fd = person(world);

    client_say(world, fd, "object_add memory-backend-ram,id=m0,size=8192,share=on\r");
    world_run(world);
    /* Typed meanwhile: it is dropped, but not what comes behind. */
    client_say(world, fd, "quit\r");
    world_run(world);
    client_say(world, fd, "\x03info name\r");
    expect_said(world, fd, "Error: cancelled\r\n");
    expect_said(world, fd, "guest");
    assert_int_equal(fake_machine_quits(world->machine), 0);
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
    "memory-backend-ram,id=" id ",size=8192,share=on\"}}\n"
    client_say(world, fd, HUMAN("m0"));
    client_is_quiet(world, fd);
    fake_machine_finish(world->machine, "m0", NULL);
    expect_line(world, fd, "{\"return\": \"\"}");
    client_say(world, fd, HUMAN("m1"));
    client_is_quiet(world, fd);
    fake_machine_finish(world->machine, "m1", "no memory");
    expect_line(world, fd, "{\"return\": \"Error: no memory\\r\\n\"}");
    client_say(world, fd, HUMAN("m2"));
    client_is_quiet(world, fd);
    close(fd);
    world_run(world);
    fake_machine_finish(world->machine, "m2", NULL);
}

static void test_the_program_ends_while_a_command_waits(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    int third = person(world);

    client_say(world, fd, ADD("m0") "\n");
    client_say(world, third, "object_add memory-backend-ram,id=m1,size=8192,share=on\r");
    world_run(world);
    client_is_quiet(world, fd);
    close(fd);
    close(third);
    /* The sanitizers see whether something is left at the end of the world. */
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, world_tear_down)
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
