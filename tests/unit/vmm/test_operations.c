/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations whose subject is no DIMM: a processor of the test's own, which shows that nothing in them
 * depends on memory. Their states: test_operation_table.c.
 */
#include "../unit.h"

#include "base/loop.h"
#include "hotplug/operation.h"
#include "hotplug/resize_report.h"

static struct loop *loop;
static struct guest_clock clock;
static struct operations operations;
static struct operation *current; /* the processor's */
static struct error error;
static char told[2000];
static bool starved;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return starved ? NULL : __real_calloc(count, size);
}

static void note(const char *words)
{
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s; ", words);
}

static void sink(void *opaque, const struct event *event)
{
    const struct operation_info *info = event->operation;
    char words[800];

    (void)opaque;
    switch (event->kind) {
    case EVENT_DEVICE_UNPLUG_GUEST_ERROR:
        snprintf(words, sizeof words, "event: %s %s kept", event->device.id, event->device.path);
        break;
    case EVENT_MEMORY_SET_DONE:
        snprintf(words, sizeof words, "event: set");
        break;
    default:
        snprintf(words, sizeof words, "event: %s %d %s of %s %s%s%s",
                 event->kind == EVENT_CPU_OPERATION_STARTED ? "start"
                 : event->kind == EVENT_CPU_OPERATION_LATE  ? "late"
                                                            : "end",
                 (int)info->id, operation_kind_name(info->kind), info->device,
                 operation_result_name(info->result), info->reason[0] ? ": " : "", info->reason);
    }
    note(words);
}

static const char *stopped(void *opaque)
{
    (void)opaque;
    return NULL;
}

static void begins(struct operation *operation)
{
    assert_ptr_equal(operation->subject.owner, &clock);
    assert_ptr_equal(*operation->subject.open, operation);
    note("begins");
}

static void withdraw(struct operation *operation)
{
    (void)operation;
    note("withdrawn");
}

static void expired(struct operation *operation)
{
    operation_happens(operation, OPERATION_EXPIRED, "silence");
}

static void refused(struct operation *operation)
{
    (void)operation;
    note("refused");
}

static void explain_refusal(struct operation *operation)
{
    snprintf(operation->reason, sizeof operation->reason, "busy");
}

static void inspect(const struct operation *operation, struct operation_info *info)
{
    assert_ptr_equal(info->type, operation->subject.type);
}

static const struct subject_type processor = {
    .events = { EVENT_CPU_OPERATION_STARTED, EVENT_CPU_OPERATION_DONE, EVENT_CPU_OPERATION_LATE },
    .begins = begins,
    .withdraw = withdraw,
    .expired = expired,
    .refused = refused,
    .explain_refusal = explain_refusal,
    .inspect = inspect,
};

static void begins_quietly(struct operation *operation)
{
    (void)operation;
}

static const struct subject_type other_type = {
    .events = { EVENT_MEMORY_OPERATION_STARTED, EVENT_MEMORY_OPERATION_DONE, EVENT_MEMORY_OPERATION_LATE },
    .begins = begins_quietly,
    .withdraw = withdraw,
    .expired = expired,
    .explain_refusal = explain_refusal,
    .inspect = inspect,
};

static int set_up(void **state)
{
    (void)state;
    loop = loop_create();
    clock = (struct guest_clock){ 0 };
    guest_clock_start(&clock);
    operations = (struct operations){
        .clock = &clock,
        .loop = loop,
        .deadlines = { 3600000, 3600000 },
        .stopped = stopped,
        .events.sink = sink,
    };
    operations_init(&operations);
    current = NULL;
    told[0] = '\0';
    return loop ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    operations_free(&operations);
    loop_destroy(loop);
    return 0;
}

/* The processor's names go with it; the operation has its own. */
static struct operation *begin(enum operation_kind kind)
{
    char id[] = "cpu3", path[] = "/machine/peripheral/cpu3";
    const struct subject subject = {
        .type = &processor, .id = id, .path = path, .open = &current, .owner = &clock
    };
    struct operation *operation = operation_new(&operations, kind, &subject, &error);

    assert_non_null(operation);
    operation_begin(operation);
    memset(id, '?', sizeof id - 1);
    memset(path, '?', sizeof path - 1);
    return operation;
}

static void expect(const char *words)
{
    loop_once(loop, 0);
    assert_string_equal(told, words);
    told[0] = '\0';
}

static void a_processor_comes_and_goes(void **state)
{
    (void)state;
    begin(OPERATION_PLUG);
    expect("begins; event: start 1 plug of cpu3 in-progress; ");
    operation_happens(current, OPERATION_TAKEN, NULL);
    assert_null(current);
    expect("event: end 1 plug of cpu3 done; ");
    begin(OPERATION_UNPLUG);
    operation_happens(current, OPERATION_GONE, NULL);
    assert_null(current);
    expect("begins; event: start 2 unplug of cpu3 in-progress; event: end 2 unplug of cpu3 done; ");
    assert_int_equal(operation_find(&operations, 2)->result, OPERATION_DONE);
    assert_null(operation_find(&operations, 3));
}

/* Subjects of different owners: one count, and each owner sees its own. */
static void numbers_stand_for_one_operation(void **state)
{
    static struct operation *other_current;
    const struct subject other = {
        .type = &other_type, .id = "mem0", .path = "/mem0", .open = &other_current, .owner = &loop
    };
    struct operation *operation = operation_new(&operations, OPERATION_UNPLUG, &other, &error);

    (void)state;
    begin(OPERATION_UNPLUG);
    assert_non_null(operation);
    operation_begin(operation);
    assert_int_equal(operation->id, current->id + 1);
    assert_ptr_equal(operation_next_of(&operations, &loop, NULL), operation);
    assert_null(operation_next_of(&operations, &loop, operation));
    assert_ptr_equal(operation_next_of(&operations, &clock, NULL), current);
    assert_null(operation_next_of(&operations, &clock, current));
    assert_true(operations_cancel(&operations, operation->id, &error));
    assert_int_equal(operation->result, OPERATION_CANCELLED);
    assert_int_equal(current->result, OPERATION_IN_PROGRESS);
    assert_true(operations_cancel(&operations, current->id, &error));
    assert_false(operations_cancel(&operations, operation->id + 1, &error));
    assert_string_equal(error.text,
                        "operation 3 not found; query-memory-operations, query-cpu-operations and "
                        "query-device-operations list those in progress and the last 64 that have ended");
}

static void a_refusal_is_told_before_the_end(void **state)
{
    (void)state;
    begin(OPERATION_UNPLUG);
    expect("begins; event: start 1 unplug of cpu3 in-progress; ");
    operation_happens(current, OPERATION_DENIED, NULL);
    expect("refused; event: cpu3 /machine/peripheral/cpu3 kept; event: end 1 unplug of cpu3 refused: busy; ");
    assert_null(current);
}

static void a_deadline_passes_and_the_answer_is_late(void **state)
{
    (void)state;
    operations.deadlines[OPERATION_UNPLUG] = 1;
    begin(OPERATION_UNPLUG);
    while (current->result == OPERATION_IN_PROGRESS)
        loop_once(loop, -1);
    expect(
        "begins; event: start 1 unplug of cpu3 in-progress; event: end 1 unplug of cpu3 unanswered: silence; ");
    operation_happens(current, OPERATION_DENIED, NULL);
    expect(
        "refused; event: cpu3 /machine/peripheral/cpu3 kept; event: late 1 unplug of cpu3 refused: busy; ");
    assert_null(current);
}

static void only_an_unplug_can_be_withdrawn(void **state)
{
    (void)state;
    begin(OPERATION_PLUG);
    assert_false(operation_cancel(current, &error));
    assert_non_null(strstr(error.text, "operation 1 plugs 'cpu3'"));
    told[0] = '\0';
    begin(OPERATION_UNPLUG); /* in place of the plug */
    expect(
        "begins; event: start 1 plug of cpu3 in-progress; event: end 1 plug of cpu3 cancelled: an unplug was "
        "requested before the guest responded; event: start 2 unplug of cpu3 in-progress; ");
    assert_true(operation_cancel(current, &error));
    assert_false(operation_cancel(current, &error));
    expect(
        "withdrawn; event: end 2 unplug of cpu3 cancelled: withdrawn; the guest may already be processing it; ");
}

struct waiter {
    struct operation_watcher watcher;
    unsigned ends;
};

static void ended(void *opaque, const struct operation *operation)
{
    struct waiter *waiter = opaque;

    assert_int_equal(operation->result, OPERATION_DONE);
    assert_non_null(strstr(told, "end")); /* the event comes first */
    waiter->ends++;
}

static void who_waits_is_told_once_from_the_loop(void **state)
{
    struct waiter one = { .watcher = { .ended = ended, .opaque = &one } };
    struct waiter other = { .watcher = { .ended = ended, .opaque = &other } };

    (void)state;
    begin(OPERATION_PLUG);
    operation_watch(current, &one.watcher);
    operation_watch(current, &other.watcher);
    operation_unwatch(current, &other.watcher);
    operation_happens(current, OPERATION_TAKEN, NULL);
    assert_int_equal(one.ends, 0);
    loop_once(loop, 0);
    loop_once(loop, 0);
    assert_int_equal(one.ends, 1);
    assert_int_equal(other.ends, 0);
}

static void the_oldest_are_forgotten_but_none_that_is_open(void **state)
{
    unsigned count = 0;

    (void)state;
    operations.deadlines[OPERATION_UNPLUG] = 1;
    begin(OPERATION_UNPLUG);
    while (current->result == OPERATION_IN_PROGRESS)
        loop_once(loop, -1);
    for (unsigned i = 0; i < 2 * OPERATIONS_KEPT; i++) {
        static struct operation *other;
        const struct subject subject = { .type = &processor, .path = "/p", .open = &other, .owner = &clock };
        struct operation *operation = operation_new(&operations, OPERATION_PLUG, &subject, &error);

        operation_begin(operation);
        operation_happens(operation, OPERATION_TAKEN, NULL);
        assert_null(other);
        told[0] = '\0';
        loop_once(loop, 0);
    }
    for (const struct operation *operation = NULL;
         (operation = operation_next_of(&operations, &clock, operation)); count++)
        assert_true(count > 0 || operation->id == 1);
    assert_int_equal(count, OPERATIONS_KEPT);
}

/* Behind each, the device with the pointer to the operation may end. */
static void after_its_last_event_the_owner_s_pointer_is_free(void **state)
{
    static const struct {
        enum operation_kind kind;
        enum operation_event events[2];
    } ways[] = {
        { OPERATION_UNPLUG, { OPERATION_GONE } },
        { OPERATION_UNPLUG, { OPERATION_DENIED } },
        { OPERATION_UNPLUG, { OPERATION_EXPIRED, OPERATION_GONE } }, /* late */
        { OPERATION_UNPLUG, { OPERATION_WITHDRAWN, OPERATION_GONE } },
        { OPERATION_PLUG, { OPERATION_EXPIRED, OPERATION_GONE } }, /* which is not reported */
    };
    struct operation *first, *second;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        first = begin(ways[i].kind);
        operation_happens(first, ways[i].events[0], NULL);
        if (ways[i].events[1])
            operation_happens(first, ways[i].events[1], NULL);
        assert_null(current);
        assert_ptr_not_equal(first->subject.open, &current);
        assert_null(*first->subject.open);
    }
    first = begin(OPERATION_UNPLUG);
    operation_happens(first, OPERATION_EXPIRED, NULL);
    second = begin(OPERATION_UNPLUG); /* instead of the first, which ended before */
    assert_ptr_equal(current, second);
    assert_ptr_not_equal(first->subject.open, &current);
    told[0] = '\0';
}

/* What waits to be sent is sent first; what an event says is of the time when it was queued. */
static void events_keep_their_order_when_memory_is_short(void **state)
{
    const struct resize_report report = { .users = 1 };

    (void)state;
    begin(OPERATION_UNPLUG);
    starved = true;
    operation_happens(current, OPERATION_DENIED, NULL);
    event_queue_add(&operations.events, &(struct event){ .kind = EVENT_MEMORY_SET_DONE, .set = &report });
    starved = false;
    assert_string_equal(told, "begins; refused; event: start 1 unplug of cpu3 in-progress; "
                              "event: cpu3 /machine/peripheral/cpu3 kept; "
                              "event: end 1 unplug of cpu3 refused: busy; event: set; ");
    told[0] = '\0';
    expect("");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_processor_comes_and_goes),
        TEST(numbers_stand_for_one_operation),
        TEST(a_refusal_is_told_before_the_end),
        TEST(a_deadline_passes_and_the_answer_is_late),
        TEST(only_an_unplug_can_be_withdrawn),
        TEST(who_waits_is_told_once_from_the_loop),
        TEST(the_oldest_are_forgotten_but_none_that_is_open),
        TEST(after_its_last_event_the_owner_s_pointer_is_free),
        TEST(events_keep_their_order_when_memory_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
