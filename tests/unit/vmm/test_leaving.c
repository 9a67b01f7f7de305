/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device that leaves the machine while somebody waits until the host has completed its requests.
 */
#include "device_world.h"

#include "device/device.h"

static unsigned drains, removals;
static bool works;

static void count_drained(void *opaque)
{
    (void)opaque;
    drains++;
}

static void drop_event(void *opaque, const struct event *event)
{
    (void)opaque, (void)event;
}

static bool is_working(const struct device *device)
{
    (void)device;
    return works;
}

/* Its thread ends the last request before anybody looks, and what it has posted is cancelled with it. */
static void end_work(struct device *device)
{
    (void)device;
    works = false;
}

static void count_removal(struct device *device)
{
    (void)device;
    removals++;
}

static void whoever_waits_for_a_device_learns_that_it_is_gone(void **state)
{
    static const struct device_type type = {
        .name = "worker", .busy = is_working, .leave = end_work, .destroy = count_removal
    };
    struct device device = { 0 };
    struct error error;

    (void)state;
    board.drained = count_drained;
    board.event = drop_event;
    works = true;
    assert_true(device_enlist(&device, &board, &type, "worker", true, &error));
    assert_non_null(devices_busy(&board, NULL));
    device_leave(&device);
    assert_int_equal(removals, 1);
    assert_null(devices_busy(&board, NULL));
    assert_int_equal(drains, 1);
}

static int set_up(void **state)
{
    (void)state;
    return world_set_up();
}

static int tear_down(void **state)
{
    (void)state;
    bus_destroy(&bus);
    loop_destroy(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whoever_waits_for_a_device_learns_that_it_is_gone, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("leaving", tests, NULL, NULL);
}
