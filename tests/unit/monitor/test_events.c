/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events of all kinds, byte by byte as QMP's clients see them but for the time; an event whose data memory
 * was short for reaches nobody.
 */
#include "world.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/event.h"
#include "hotplug/operation.h"
#include "hotplug/resize_report.h"
#include "monitor/qmp/schema.h"

static int set_up(void **state)
{
    int result = world_set_up(state);

    world_listen(*state, "qmp", true);
    return result;
}

static const struct operation_info short_one = {
    .id = 3,
    .kind = OPERATION_PLUG,
    .result = OPERATION_IN_PROGRESS,
    .type = &dimm_subject,
    .memory = { .slot = 2, .size = 4096 },
    .deadline = 5000,
};
#define SHORT_ONE \
    "{\"id\": 3, \"slot\": 2, \"size\": 4096, \"operation\": \"plug\", \"result\": \"in-progress\", " \
    "\"milliseconds\": 0, \"deadline\": 5000}"

static const struct operation_info long_one = {
    .id = 4,
    .kind = OPERATION_UNPLUG,
    .result = OPERATION_UNANSWERED,
    .device = "d1",
    .type = &dimm_subject,
    .memory = { .slot = 1, .size = UINT64_C(1) << 40 },
    .reason = "no \"answer\"",
    .warning = "careful",
    .answered = true,
    .ost_event = 3,
    .ost_status = 0x84,
    .waits = true,
    .holder_count = 2,
    .holders = { "vda", "net0" },
    .milliseconds = 12,
    .deadline = 10,
    .late = true,
};
#define LONG_ONE \
    "{\"id\": 4, \"device\": \"d1\", \"slot\": 1, \"size\": 1099511627776, \"operation\": \"unplug\", " \
    "\"result\": \"unanswered\", \"reason\": \"no \\\"answer\\\"\", \"warning\": \"careful\", \"ost\": " \
    "{\"source\": 3, \"status\": 132, \"text\": \"ejection in progress\"}, \"waits-for\": [\"vda\", \"net0\"], " \
    "\"milliseconds\": 12, \"deadline\": 10, \"late\": true}"

/* Of what is no DIMM. */
static const struct subject_type other_subject = { 0 };
static const struct operation_info other_one = {
    .id = 5,
    .kind = OPERATION_PLUG,
    .result = OPERATION_DONE,
    .device = "c1",
    .type = &other_subject,
    .deadline = 5000,
};
#define OTHER_ONE \
    "{\"id\": 5, \"device\": \"c1\", \"operation\": \"plug\", \"result\": \"done\", \"milliseconds\": 0, " \
    "\"deadline\": 5000}"

static const struct operation_info cpu_one = {
    .id = 6,
    .kind = OPERATION_PLUG,
    .result = OPERATION_DONE,
    .device = "vcpu2",
    .type = &cpu_subject,
    .cpu = { .index = 2, .started_known = true },
    .warning = "not started",
    .deadline = 5000,
};
#define CPU_ONE \
    "{\"id\": 6, \"device\": \"vcpu2\", \"cpu-index\": 2, \"operation\": \"plug\", \"result\": \"done\", " \
    "\"warning\": \"not started\", \"started\": false, \"milliseconds\": 0, \"deadline\": 5000}"

static const struct operation_info device_one = {
    .id = 7,
    .kind = OPERATION_UNPLUG,
    .result = OPERATION_REFUSED,
    .device = "rng0",
    .path = "/machine/peripheral/rng0",
    .type = &device_subject,
    .reason = "it stays",
    .milliseconds = 12,
    .deadline = 5000,
    .late = true,
};
#define DEVICE_ONE \
    "{\"id\": 7, \"device\": \"rng0\", \"path\": \"/machine/peripheral/rng0\", \"operation\": \"unplug\", " \
    "\"result\": \"refused\", \"reason\": \"it stays\", \"milliseconds\": 12, \"deadline\": 5000, \"late\": true}"

static struct resize_report_step steps[] = {
    { .plug = true, .size = 4096, .addr = 8192, .node = 1 },
    { .size = 4096, .addr = 16384, .slot = 2, .device = (char[]){ "d2" } },
    { .size = 4096, .addr = 32768, .slot = 3 },
};

static struct operation_record ended; /* `long_one` */
static const struct resize_report report = {
    .requested = 1 << 20,
    .node_given = true,
    .node = 1,
    .present = 4096,
    .reached = 8192,
    .step_count = 3,
    .steps = steps,
    .operations = &ended,
    .in_progress = &short_one,
    .reason = { .text = "enough" },
};
#define SIZES "{\"requested\": 1048576, \"node\": 1, \"current\": 4096, \"result-size\": 8192, "
#define PLAN \
    "\"plan\": [{\"action\": \"plug\", \"size\": 4096, \"addr\": 8192, \"node\": 1}, " \
    "{\"action\": \"unplug\", \"size\": 4096, \"addr\": 16384, \"slot\": 2, \"device\": \"d2\"}, " \
    "{\"action\": \"unplug\", \"size\": 4096, \"addr\": 32768, \"slot\": 3}]"
static const struct resize_report plan = { .step_count = 0, .is_plan = true };

/* In the order of their kinds: one of each at least. */
static const struct {
    struct event event;
    const char *said;
} events[] = {
    { { .kind = EVENT_ACPI_DEVICE_OST, .ost = { "d1", 7, 3, 0x81, false } },
      "\"ACPI_DEVICE_OST\", \"data\": {\"info\": {\"device\": \"d1\", \"slot\": \"7\", \"slot-type\": \"DIMM\", "
      "\"source\": 3, \"status\": 129}}" },
    { { .kind = EVENT_ACPI_DEVICE_OST, .ost = { "vcpu2", 2, 1, 0, true } },
      "\"ACPI_DEVICE_OST\", \"data\": {\"info\": {\"device\": \"vcpu2\", \"slot\": \"2\", \"slot-type\": \"CPU\", "
      "\"source\": 1, \"status\": 0}}" },
    { { .kind = EVENT_ACPI_DEVICE_OST, .ost = { NULL, 0, 1, 0, false } },
      "\"ACPI_DEVICE_OST\", \"data\": {\"info\": {\"slot\": \"0\", \"slot-type\": \"DIMM\", \"source\": 1, "
      "\"status\": 0}}" },
    { { .kind = EVENT_BLOCK_IO_ERROR, .block = { "vda", "n", true, BLOCK_STOPS, true, ENOSPC } },
      "\"BLOCK_IO_ERROR\", \"data\": {\"device\": \"\", \"qdev\": \"vda\", \"node-name\": \"n\", \"operation\": "
      "\"write\", \"action\": \"stop\", \"nospace\": true, \"reason\": \"No space left on device\"}" },
    { { .kind = EVENT_BLOCK_IO_ERROR, .block = { "vda", "n", false, BLOCK_IGNORES, false, EIO } },
      "\"BLOCK_IO_ERROR\", \"data\": {\"device\": \"\", \"qdev\": \"vda\", \"node-name\": \"n\", \"operation\": "
      "\"read\", \"action\": \"ignore\", \"nospace\": false, \"reason\": \"Input/output error\"}" },
    { { .kind = EVENT_BLOCK_WRITE_THRESHOLD, .threshold = { "n", 4096, 512 } },
      "\"BLOCK_WRITE_THRESHOLD\", \"data\": {\"node-name\": \"n\", \"amount-exceeded\": 512, "
      "\"write-threshold\": 4096}" },
    { { .kind = EVENT_DEVICE_DELETED, .device = { NULL, "/machine/peripheral-anon/device[0]" } },
      "\"DEVICE_DELETED\", \"data\": {\"path\": \"/machine/peripheral-anon/device[0]\"}" },
    { { .kind = EVENT_DEVICE_OPERATION_DONE, .operation = &device_one },
      "\"DEVICE_OPERATION_DONE\", \"data\": " DEVICE_ONE },
    { { .kind = EVENT_DEVICE_OPERATION_LATE, .operation = &device_one },
      "\"DEVICE_OPERATION_LATE\", \"data\": " DEVICE_ONE },
    { { .kind = EVENT_DEVICE_OPERATION_STARTED, .operation = &device_one },
      "\"DEVICE_OPERATION_STARTED\", \"data\": " DEVICE_ONE },
    { { .kind = EVENT_DEVICE_UNPLUG_GUEST_ERROR, .device = { "d1", "/machine/peripheral/d1" } },
      "\"DEVICE_UNPLUG_GUEST_ERROR\", \"data\": {\"device\": \"d1\", \"path\": \"/machine/peripheral/d1\"}" },
    { { .kind = EVENT_MEMORY_DEVICE_SIZE_CHANGE,
        .size_change = { "vm0", "/machine/peripheral/vm0", UINT64_C(1) << 33 } },
      "\"MEMORY_DEVICE_SIZE_CHANGE\", \"data\": {\"id\": \"vm0\", \"size\": 8589934592, \"qom-path\": "
      "\"/machine/peripheral/vm0\"}" },
    { { .kind = EVENT_BALLOON_CHANGE, .balloon = { UINT64_C(1) << 33 } },
      "\"BALLOON_CHANGE\", \"data\": {\"actual\": 8589934592}" },
    { { .kind = EVENT_CPU_OPERATION_DONE, .operation = &cpu_one },
      "\"CPU_OPERATION_DONE\", \"data\": " CPU_ONE },
    { { .kind = EVENT_CPU_OPERATION_LATE, .operation = &cpu_one },
      "\"CPU_OPERATION_LATE\", \"data\": " CPU_ONE },
    { { .kind = EVENT_CPU_OPERATION_STARTED, .operation = &cpu_one },
      "\"CPU_OPERATION_STARTED\", \"data\": " CPU_ONE },
    { { .kind = EVENT_GUEST_CRASHLOADED, .panic = { GUEST_RUNS_ON } },
      "\"GUEST_CRASHLOADED\", \"data\": {\"action\": \"run\"}" },
    { { .kind = EVENT_GUEST_PANICKED, .panic = { GUEST_POWERS_OFF } },
      "\"GUEST_PANICKED\", \"data\": {\"action\": \"poweroff\"}" },
    { { .kind = EVENT_GUEST_PANICKED, .panic = { GUEST_PAUSES } },
      "\"GUEST_PANICKED\", \"data\": {\"action\": \"pause\"}" },
    { { .kind = EVENT_MEMORY_FAILURE, .memory_failure = { "m1", "/f", "it is shorter" } },
      "\"MEMORY_FAILURE\", \"data\": {\"recipient\": \"hypervisor\", \"action\": \"fatal\", \"flags\": "
      "{\"action-required\": true, \"recursive\": false}, \"id\": \"m1\", \"mem-path\": \"/f\", \"reason\": "
      "\"it is shorter\"}" },
    { { .kind = EVENT_MEMORY_FAILURE, .memory_failure = { NULL, NULL, "it is broken" } },
      "\"MEMORY_FAILURE\", \"data\": {\"recipient\": \"hypervisor\", \"action\": \"fatal\", \"flags\": "
      "{\"action-required\": true, \"recursive\": false}, \"reason\": \"it is broken\"}" },
    { { .kind = EVENT_MEMORY_OPERATION_DONE, .operation = &long_one },
      "\"MEMORY_OPERATION_DONE\", \"data\": " LONG_ONE },
    { { .kind = EVENT_MEMORY_OPERATION_DONE, .operation = &other_one },
      "\"MEMORY_OPERATION_DONE\", \"data\": " OTHER_ONE },
    { { .kind = EVENT_MEMORY_OPERATION_LATE, .operation = &long_one },
      "\"MEMORY_OPERATION_LATE\", \"data\": " LONG_ONE },
    { { .kind = EVENT_MEMORY_OPERATION_STARTED, .operation = &short_one },
      "\"MEMORY_OPERATION_STARTED\", \"data\": " SHORT_ONE },
    { { .kind = EVENT_MEMORY_PREALLOC, .prealloc = { "m1", 4096, 8192 } },
      "\"MEMORY_PREALLOC\", \"data\": {\"id\": \"m1\", \"done\": 4096, \"size\": 8192}" },
    { { .kind = EVENT_MEMORY_SET_DONE, .set = &report },
      "\"MEMORY_SET_DONE\", \"data\": " SIZES PLAN ", \"operations\": [" LONG_ONE ", " SHORT_ONE
      "], \"reason\": \"enough\"}" },
    { { .kind = EVENT_MEMORY_SET_DONE, .set = &plan },
      "\"MEMORY_SET_DONE\", \"data\": {\"requested\": 0, \"current\": 0, \"result-size\": 0, \"plan\": []}" },
    { { .kind = EVENT_NETDEV_STREAM_CONNECTED, .netdev = { .id = "n", .path = "/s" } },
      "\"NETDEV_STREAM_CONNECTED\", \"data\": {\"netdev-id\": \"n\", "
      "\"addr\": {\"type\": \"unix\", \"path\": \"/s\"}}" },
    { { .kind = EVENT_NETDEV_STREAM_CONNECTED,
        .netdev = { .id = "n", .host = "::1", .port = "5", .ipv6 = true } },
      "\"NETDEV_STREAM_CONNECTED\", \"data\": {\"netdev-id\": \"n\", "
      "\"addr\": {\"type\": \"inet\", \"host\": \"::1\", \"port\": \"5\", \"ipv6\": true}}" },
    { { .kind = EVENT_NIC_RX_FILTER_CHANGED, .device = { "n", "/machine/peripheral/n" } },
      "\"NIC_RX_FILTER_CHANGED\", \"data\": {\"name\": \"n\", \"path\": \"/machine/peripheral/n\"}" },
    { { .kind = EVENT_NIC_RX_FILTER_CHANGED, .device = { NULL, "/machine/peripheral-anon/device[0]" } },
      "\"NIC_RX_FILTER_CHANGED\", \"data\": {\"path\": \"/machine/peripheral-anon/device[0]\"}" },
    { { .kind = EVENT_NETDEV_STREAM_DISCONNECTED, .netdev = { .id = "n" } },
      "\"NETDEV_STREAM_DISCONNECTED\", \"data\": {\"netdev-id\": \"n\"}" },
    { { .kind = EVENT_NETDEV_VHOST_USER_CONNECTED, .netdev = { .id = "n", .chardev = "c" } },
      "\"NETDEV_VHOST_USER_CONNECTED\", \"data\": {\"netdev-id\": \"n\", \"chardev-id\": \"c\"}" },
    { { .kind = EVENT_NETDEV_VHOST_USER_DISCONNECTED, .netdev = { .id = "n" } },
      "\"NETDEV_VHOST_USER_DISCONNECTED\", \"data\": {\"netdev-id\": \"n\"}" },
    { { .kind = EVENT_POWERDOWN }, "\"POWERDOWN\"" },
    { { .kind = EVENT_RESET, .cause = CAUSE_HOST_QMP_SYSTEM_RESET },
      "\"RESET\", \"data\": {\"guest\": false, \"reason\": \"host-qmp-system-reset\"}" },
    { { .kind = EVENT_RESET, .cause = CAUSE_GUEST_RESET },
      "\"RESET\", \"data\": {\"guest\": true, \"reason\": \"guest-reset\"}" },
    { { .kind = EVENT_MIGRATION, .migration = MIGRATION_PRE_SWITCHOVER },
      "\"MIGRATION\", \"data\": {\"status\": \"pre-switchover\"}" },
    { { .kind = EVENT_MIGRATION_PASS, .pass = 3 }, "\"MIGRATION_PASS\", \"data\": {\"pass\": 3}" },
    { { .kind = EVENT_RESUME }, "\"RESUME\"" },
    { { .kind = EVENT_SHUTDOWN, .cause = CAUSE_GUEST_PANIC },
      "\"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"guest-panic\"}" },
    { { .kind = EVENT_STOP }, "\"STOP\"" },
    { { .kind = EVENT_VSERPORT_CHANGE, .port = { "p", true } },
      "\"VSERPORT_CHANGE\", \"data\": {\"id\": \"p\", \"open\": true}" },
    { { .kind = EVENT_WATCHDOG, .watchdog = { WATCHDOG_RESETS } },
      "\"WATCHDOG\", \"data\": {\"action\": \"reset\"}" },
    { { .kind = EVENT_WATCHDOG, .watchdog = { WATCHDOG_SHUTS_DOWN } },
      "\"WATCHDOG\", \"data\": {\"action\": \"shutdown\"}" },
    { { .kind = EVENT_WATCHDOG, .watchdog = { WATCHDOG_POWERS_OFF } },
      "\"WATCHDOG\", \"data\": {\"action\": \"poweroff\"}" },
    { { .kind = EVENT_WATCHDOG, .watchdog = { WATCHDOG_PAUSES } },
      "\"WATCHDOG\", \"data\": {\"action\": \"pause\"}" },
    { { .kind = EVENT_WATCHDOG, .watchdog = { WATCHDOG_DEBUGS } },
      "\"WATCHDOG\", \"data\": {\"action\": \"debug\"}" },
    { { .kind = EVENT_WATCHDOG, .watchdog = { WATCHDOG_NOTHING } },
      "\"WATCHDOG\", \"data\": {\"action\": \"none\"}" },
    { { .kind = EVENT_WATCHDOG, .watchdog = { WATCHDOG_INJECTS_NMI } },
      "\"WATCHDOG\", \"data\": {\"action\": \"inject-nmi\"}" },
};

static const struct type_member *members_of(const char *name)
{
    const struct schema_type *type;

    for (size_t i = 0; (type = schema_type_at(i)) != NULL; i++)
        if (strcmp(type->name, name) == 0)
            return type->members;
    fail_msg("no type '%s' in the schema", name);
    return NULL;
}

static bool is_member(const struct type_member *members, const char *name)
{
    for (; members->name; members++)
        if (strcmp(members->name + (members->name[0] == '*'), name) == 0)
            return true;
    return false;
}

/* An event's data has each member that the schema requires, and none that it does not have. */
static void check_data(struct json_object *event)
{
    const char *name = json_object_get_string(json_object_object_get(event, "event"));
    struct json_object *data = json_object_object_get(event, "data");
    const struct type_member *members;
    size_t at = 0;

    while (event_type_at(at) && strcmp(event_type_at(at)->name, name) != 0)
        at++;
    assert_non_null(event_type_at(at));
    if (!event_type_at(at)->data) {
        assert_null(data);
        return;
    }
    members = members_of(event_type_at(at)->data);
    json_object_object_foreach(data, key, value)
    {
        (void)value;
        if (!is_member(members, key))
            fail_msg("%s has a member '%s' that the schema does not have", name, key);
    }
    for (; members->name; members++)
        if (members->name[0] != '*' && !json_object_object_get_ex(data, members->name, NULL))
            fail_msg("%s lacks '%s', which the schema requires", name, members->name);
}

static void test_the_schema_has_their_members(void **state)
{
    char text[4096];

    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        struct json_object *event;

        snprintf(text, sizeof text, "{\"event\": %s}", events[i].said);
        event = json_tokener_parse(text);
        assert_non_null(event);
        check_data(event);
        json_object_put(event);
    }
}

static void test_each_event_byte_by_byte(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    bool seen[EVENT_KINDS] = { false };
    char expected[4096];

    ended.info = long_one;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        char *line;

        monitors_event(world->monitors, &events[i].event);
        client_skip(world, fd, "}, \"event\": "); /* the end of the time */
        line = client_read(world, fd, "\r\n");
        snprintf(expected, sizeof expected, "%s}\r\n", events[i].said);
        assert_string_equal(line, expected);
        free(line);
        seen[events[i].event.kind] = true;
    }
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        assert_true(seen[kind]);
    close(fd);
}

/* The client would take it for all there is. */
static void test_what_is_incomplete_is_not_sent(void **state)
{
    const struct resize_report incomplete = { .step_count = 0, .incomplete = true };
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    char *rest;

    monitors_event(world->monitors, &(struct event){ .kind = EVENT_MEMORY_SET_DONE, .set = &incomplete });
    rest = client_read(world, fd, NULL);
    assert_string_equal(rest, "");
    free(rest);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_event_byte_by_byte, set_up, world_tear_down),
        cmocka_unit_test(test_the_schema_has_their_members),
        cmocka_unit_test_setup_teardown(test_what_is_incomplete_is_not_sent, set_up, world_tear_down),
    };

    return cmocka_run_group_tests_name("monitor-events", tests, NULL, NULL);
}
