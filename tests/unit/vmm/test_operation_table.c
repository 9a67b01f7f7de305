/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of an operation's states, cell by cell.
 */
#include "hotplug/operation_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EVENTS 7
#define STATES 5

/* By kind, state and event, in the order of the enumerations: . stays, D R U C ends, d r late, x shut. */
static const char *const expected[3][STATES] = {
    { "DRRU.CC", ".......", ".......", "drx....", "......." },
    { ".RDUC.C", ".......", ".......", ".rd....", "..d...." },
    { "DRCUC.C", ".......", "d.x....", "d.x....", "......." },
};

static char sign(struct operation_step step)
{
    switch (step.action) {
    case OPERATION_ENDS:
        return "?DRUC"[step.result];
    case OPERATION_LATE:
        return "?druc"[step.result];
    case OPERATION_SHUT:
        return 'x';
    default:
        return '.';
    }
}

static void each_cell_is_as_it_should(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++)
        for (unsigned from = 0; from < STATES; from++) {
            char row[EVENTS + 1] = "";

            for (unsigned event = 0; event < EVENTS; event++)
                row[event] = sign(operation_next(kind, from, event));
            assert_string_equal(row, expected[kind][from]);
        }
}

static void an_end_comes_once(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++)
        for (unsigned from = 0; from < STATES; from++)
            for (unsigned event = 0; event < EVENTS; event++) {
                struct operation_step step = operation_next(kind, from, event);

                if (step.action == OPERATION_ENDS)
                    assert_true(from == OPERATION_IN_PROGRESS && step.result != OPERATION_IN_PROGRESS);
                /* What is late is the guest's word, after an end that it had no part in. */
                if (step.action == OPERATION_LATE) {
                    assert_true(from == OPERATION_UNANSWERED || from == OPERATION_CANCELLED ||
                                (kind == OPERATION_RESIZE && from == OPERATION_REFUSED));
                    assert_true(step.result == OPERATION_DONE || step.result == OPERATION_REFUSED);
                }
            }
}

/* Only the guest's word makes one done or refused, and memory that is gone an unplug done. */
static void results_are_what_happened(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++)
        for (unsigned from = 0; from < STATES; from++)
            for (unsigned event = 0; event < EVENTS; event++) {
                struct operation_step step = operation_next(kind, from, event);

                if (step.action != OPERATION_ENDS && step.action != OPERATION_LATE)
                    continue;
                if (step.result == OPERATION_DONE)
                    assert_int_equal(event, kind == OPERATION_UNPLUG ? OPERATION_GONE : OPERATION_TAKEN);
                if (step.result == OPERATION_REFUSED && event != OPERATION_DENIED)
                    assert_true(kind != OPERATION_UNPLUG && event == OPERATION_GONE);
                if (step.result == OPERATION_UNANSWERED)
                    assert_int_equal(event, OPERATION_EXPIRED);
            }
}

static void one_is_open_while_something_can_follow(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++)
        for (unsigned from = 0; from < STATES; from++) {
            bool any = false;

            for (const char *cell = expected[kind][from]; *cell; cell++)
                any = any || *cell != '.';
            assert_int_equal(operation_is_open(kind, from), any);
        }
    assert_true(operation_is_open(OPERATION_UNPLUG, OPERATION_CANCELLED));
    assert_false(operation_is_open(OPERATION_PLUG, OPERATION_CANCELLED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cell_is_as_it_should),
        cmocka_unit_test(an_end_comes_once),
        cmocka_unit_test(results_are_what_happened),
        cmocka_unit_test(one_is_open_while_something_can_follow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
