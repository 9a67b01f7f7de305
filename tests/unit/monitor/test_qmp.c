/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QMP: negotiation, commands and their shapes, events, several clients, and what careless clients send.
 */
#include "world.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREETING \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, \"package\": " \
    "\"hotram " HOTRAM_VERSION "\"}, \"capabilities\": []}}\r\n"
#define ERROR(class, text) "{\"error\": {\"class\": \"" class "\", \"desc\": \"" text "\"}}"
#define GENERIC(text) ERROR("GenericError", text)
#define PARSE_ERROR "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error, "
#define NAME "{\"execute\": \"query-name\"}"
#define NAMED "{\"return\": {\"name\": \"guest\"}}"

static int set_up(void **state)
{
    int result = world_set_up_with(state, "-name guest " WORLD_MACHINE);

    world_listen(*state, "qmp", true);
    return result;
}

/* Another machine, and a client of it. */
static int start_again(void **state, const char *options)
{
    struct world *world = world_again(state, options);

    world_listen(world, "qmp", true);
    return qmp_client(world, "qmp");
}

/* A number that no machine of a test reaches. */
uint64_t __wrap_machine_exit_count(const struct machine *machine);
uint64_t __wrap_machine_exit_count(const struct machine *machine)
{
    (void)machine;
    return UINT64_MAX;
}

/* The next line is this event, whenever it was. */
static void expect_event(struct world *world, int fd, const char *event)
{
    char *text = client_read(world, fd, "\r\n");
    const char *after_time = strstr(text, "\"event\": ");
    char wanted[1000];

    snprintf(wanted, sizeof wanted, "\"event\": %s}\r\n", event);
    if (!after_time)
        fail_msg("no event: %s", text);
    assert_string_equal(after_time, wanted);
    free(text);
}

/* Resident memory of this program, KiB. */
static long resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * 4;
}

/* Sanitizers and valgrind (HOTRAM_SLOW=1) have memory of their own. */
static bool measures_memory(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#else
    return !getenv("HOTRAM_SLOW");
#endif
}

static void test_greeting_and_negotiation(void **state)
{
    struct world *world = *state;
    int fd = world_connect(world, "qmp");
    char *greeting = client_read(world, fd, "\r\n");

    assert_string_equal(greeting, GREETING);
    free(greeting);
    qmp_expect(world, fd, NAME,
               ERROR("CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'"));
    qmp_expect(world, fd, "{\"execute\": \"nonsense\"}",
               ERROR("CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'"));
    qmp_expect(world, fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"x\": 1}}",
               GENERIC("Parameter 'x' is unexpected"));
    qmp_expect(world, fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}}",
               GENERIC("Capability 'oob' is not available; the greeting offers none"));
    qmp_expect(world, fd, "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": []}, \"id\": 7}",
               "{\"return\": {}, \"id\": 7}");
    qmp_expect(world, fd, "{\"execute\": \"qmp_capabilities\"}",
               ERROR("CommandNotFound", "Capabilities negotiation is already complete, command ignored"));
    qmp_expect(world, fd, NAME, NAMED);
    close(fd);
}

static void test_id_is_echoed(void **state)
{
    static const char *const ids[] = {
        "1",
        "\"libvirt-1\"",
        "null",
        "true",
        "[1, {\"a\": []}]",
        "{}",
        "18446744073709551615",
        "-9223372036854775808",
        "\"\\u00E4\\uD83D\\uDE00\\n\\\"\\\\\"",
        "\"\\u0000a\"",
        "1.8446744073709552e+19",
        "-0.25",
    };
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");

    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        char line[200];
        char answer[200];

        snprintf(line, sizeof line, "{\"execute\": \"query-name\", \"id\": %s}", ids[i]);
        snprintf(answer, sizeof answer, "{\"return\": {\"name\": \"guest\"}, \"id\": %s}", ids[i]);
        qmp_expect(world, fd, line, answer);
        snprintf(line, sizeof line, "{\"id\": %s, \"execute\": \"x\"}", ids[i]);
        snprintf(
            answer, sizeof answer,
            "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command x has not been found\"}, "
            "\"id\": %s}",
            ids[i]);
        qmp_expect(world, fd, line, answer);
    }
    close(fd);
}

static void test_bad_requests(void **state)
{
    static const char *const table[][2] = {
        { "[1]", GENERIC("QMP input must be a JSON object") },
        { "\"abc\"", GENERIC("QMP input must be a JSON object") },
        { "17", GENERIC("QMP input must be a JSON object") },
        { "null", GENERIC("QMP input must be a JSON object") },
        { "{}", GENERIC("QMP input lacks member 'execute'") },
        { "{\"arguments\": {}}", GENERIC("QMP input lacks member 'execute'") },
        { "{\"execute\": 1}", GENERIC("QMP input member 'execute' must be a string") },
        { "{\"execute\": null}", GENERIC("QMP input member 'execute' must be a string") },
        { "{\"exec-oob\": \"query-name\"}", GENERIC("QMP input member 'exec-oob' is unexpected") },
        { "{\"execute\": \"stop\", \"foo\": 1}", GENERIC("QMP input member 'foo' is unexpected") },
        { "{\"execute\": \"stop\", \"arguments\": 1}",
          GENERIC("QMP input member 'arguments' must be an object") },
        { "{\"execute\": \"stop\", \"arguments\": {\"x\": 1}}", GENERIC("Parameter 'x' is unexpected") },
        { "{\"execute\": \"\"}", ERROR("CommandNotFound", "The command  has not been found") },
        { "{\"execute\": \"info\"}", ERROR("CommandNotFound", "The command info has not been found") },
        /* Words of a list of names, and what is between them: no name by themselves. */
        { "{\"execute\": \" savevm\"}", ERROR("CommandNotFound", "The command  savevm has not been found") },
        { "{\"execute\": \" s\"}", ERROR("CommandNotFound", "The command  s has not been found") },
        { "{\"execute\": \" \"}", ERROR("CommandNotFound", "The command   has not been found") },
        { "{\"execute\": \"savevm loadvm\"}",
          ERROR("CommandNotFound", "The command savevm loadvm has not been found") },
        { "{\"execute\": \"object-del\"}", GENERIC("Parameter 'id' is missing") },
        { "{\"execute\": \"object-del\", \"arguments\": {\"id\": 1}}",
          GENERIC("Invalid parameter type for 'id', expected: string") },
        { "{\"execute\": \"object-del\", \"arguments\": {\"id\": null}}",
          GENERIC("Invalid parameter type for 'id', expected: string") },
        { "{\"execute\": \"object-del\", \"arguments\": {\"id\": \"x\", \"y\": 1}}",
          GENERIC("Parameter 'y' is unexpected") },
        { "{\"execute\": \"object-del\", \"arguments\": {\"id\": \"x\"}}", GENERIC("object 'x' not found") },
        { "{\"execute\": \"object-add\"}",
          GENERIC("Parameter 'qom-type' is missing, such as qom-type=memory-backend-ram") },
        { "{\"execute\": \"object-add\", \"arguments\": {\"qom-type\": 3, \"id\": \"a\"}}",
          GENERIC("Invalid parameter type for 'qom-type', expected: string") },
        { "{\"execute\": \"device_add\"}", GENERIC("Parameter 'driver' is missing, such as driver=pc-dimm") },
        { "{\"execute\": \"device_add\", \"arguments\": {\"driver\": 1}}",
          GENERIC("Invalid parameter type for 'driver', expected: string") },
        { "{\"execute\": \"device_add\", \"arguments\": {\"driver\": [1]}}",
          GENERIC("Invalid parameter type for 'driver', expected: string") },
        { "{\"execute\": \"device_del\", \"arguments\": {\"id\": \"zz\"}}",
          ERROR("DeviceNotFound", "Device 'zz' not found; there is no device that can be unplugged") },
        { "{\"execute\": \"human-monitor-command\"}", GENERIC("Parameter 'command-line' is missing") },
        { "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"\", \"cpu-index\": \"0\"}}",
          GENERIC("Invalid parameter type for 'cpu-index', expected: integer") },
    };
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        qmp_expect(world, fd, table[i][0], table[i][1]);
        qmp_expect(world, fd, NAME, NAMED);
    }
    client_is_quiet(world, fd);
    close(fd);
}

struct raw {
    const char *bytes;
    size_t length;
    unsigned errors;
};
#define RAW(text, errors) \
    { \
        text, sizeof text - 1, errors \
    }

/* So many errors, and what follows is understood. */
static void expect_errors(struct world *world, int fd, const struct raw *raw)
{
    client_send(world, fd, raw->bytes, raw->length);
    client_say(world, fd, NAME);
    for (unsigned i = 0; i < raw->errors; i++) {
        char *answer = client_read(world, fd, "\r\n");

        if (strncmp(answer, "{\"error\": ", 10) != 0)
            fail_msg("%s: answer %u is %s", raw->bytes, i, answer);
        free(answer);
    }
    client_skip(world, fd, NAMED "\r\n");
    client_is_quiet(world, fd);
}

/* As QEMU answers them (tests/differential/test_json.py). */
static void test_broken_json(void **state)
{
    static const struct raw table[] = {
        RAW("}", 1),
        RAW("}}]:,", 5),
        RAW("nonsense and more {} \"x\" nonsense\n", 6),
        RAW("{\"a\" 1}", 1),
        RAW("{\"execute\":\n}", 1),
        RAW("{]", 1),
        RAW("[}", 1),
        RAW("{\"a\":tru}", 1),
        RAW("\"\n", 1),
        RAW("\"abc\n", 1),
        RAW("{\"execute\": \"query-name\n", 1),
        RAW("\"\\x\"", 1),
        RAW("\"\\u12G4\"", 1),
        RAW("\"\\uD800\"", 1),
        RAW("\"tab\there\"\n", 1),
        RAW("/* no */\n", 1),
        RAW("{\"a\": /**/ 1}", 2),
        RAW("\0", 1),
        RAW("{\0", 1),
        RAW("\xff\xfe", 2),
        RAW("\"\xc3(\"", 1),
        RAW("\"\xed\xa0\x80\"", 1),
        RAW("\"\xf4\x90\x80\x80\"", 1),
        RAW("\x7f"
            "ELF\x01\x02\x03\x04\n",
            5),
        RAW("GET / HTTP/1.1\r\n", 1),
        RAW("- \n", 1),
        RAW("+1\n", 1),
        RAW("[1,]", 1),
        RAW("[01]", 2),
        RAW("[1.]", 1),
        RAW("[1e999]", 1),
        RAW("{'execute':'query-name',}", 1),
        RAW("{\"execute\":\"query-name\",\"execute\":\"stop\"}", 1),
        RAW("{\"execute\":\"query-name\",\"id\":NaN}", 2),
        RAW("{\"execute\":\"query-name\",\"id\":Infinity}", 2),
        RAW("{\"execute\":\"query-name\",\"id\":True}", 2),
        /* QEMU's qmp-test */
        RAW("{\xff", 1),
        RAW("{\x01", 1),
        RAW("{'bad \xff", 1),
        RAW("{'execute': 'nonexistent', 'id':'\n", 1),
        RAW("%p", 1),
        RAW("null", 1),
    };
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");

    for (size_t i = 0; i < COUNT_OF(table); i++)
        expect_errors(world, fd, &table[i]);
    close(fd);
}

static void test_packets(void **state)
{
    static const char many[] = NAME NAME "\n" NAME "\r\n  \t" NAME "\n\n\n{'execute':'query-name'}";
    static const char pretty[] =
        "{\n  \"execute\":\r\n  \"query-name\"\n,\t\"id\" :\"\xc3\xa4\xf0\x9f\x98\x80\"}";
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");

    client_say(world, fd, many);
    for (int i = 0; i < 5; i++) {
        char *answer = client_read(world, fd, "\r\n");

        assert_string_equal(answer, NAMED "\r\n");
        free(answer);
    }
    for (size_t i = 0; i < sizeof pretty - 1; i++) {
        client_is_quiet(world, fd);
        client_send(world, fd, pretty + i, 1);
    }
    client_skip(world, fd, "\"id\": \"\\u00E4\\uD83D\\uDE00\"}\r\n");
    client_is_quiet(world, fd);
    close(fd);
}

static void send_many(struct world *world, int fd, char byte, size_t count)
{
    static char block[65536];

    memset(block, byte, sizeof block);
    while (count > 0) {
        size_t part = count < sizeof block ? count : sizeof block;

        client_send(world, fd, block, part);
        count -= part;
    }
}

static void test_nesting(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");

    send_many(world, fd, '[', 1025);
    client_skip(world, fd, "JSON nesting depth limit exceeded, a value may have 1024 levels\"}}\r\n");
    qmp_expect(world, fd, NAME, NAMED);
    /* What is just allowed, as the echoed id: one level is the request's. */
    client_say(world, fd, "{\"execute\": \"query-name\", \"id\": ");
    send_many(world, fd, '[', 1023);
    send_many(world, fd, ']', 1023);
    client_say(world, fd, "}\n");
    client_skip(world, fd, "[[[]]]");
    client_skip(world, fd, "}\r\n");
    client_say(world, fd, "{\"execute\": \"query-name\", \"id\": ");
    send_many(world, fd, '[', 1024);
    client_skip(world, fd, "1024 levels\"}}\r\n");
    qmp_expect(world, fd, NAME, NAMED);
    close(fd);
}

static void test_huge_lines(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    long before = resident();

    /* 100 MiB in one string, 100 MiB of garbage, 100 MiB of small values */
    client_say(world, fd, "{\"execute\": \"query-name\", \"arguments\": {\"x\": \"");
    send_many(world, fd, 'x', 100 << 20);
    client_say(world, fd, "\"}}\n");
    client_skip(world, fd, "JSON size limit exceeded, a value may have 16777216 bytes\"}}\r\n");
    qmp_expect(world, fd, NAME, NAMED);
    send_many(world, fd, '~', 100 << 20);
    client_say(world, fd, "\n");
    client_skip(world, fd, "stray '~'\"}}\r\n");
    qmp_expect(world, fd, NAME, NAMED);
    client_say(world, fd, "[1");
    for (int i = 0; i < 1 << 20; i++)
        client_say(world, fd, ",1");
    client_say(world, fd, "]\n");
    client_skip(world, fd, "JSON token count limit exceeded, a value may have 131072 values\"}}\r\n");
    qmp_expect(world, fd, NAME, NAMED);
    client_is_quiet(world, fd);
    malloc_trim(0);
    assert_true(!measures_memory() || resident() - before < 8192);
    close(fd);
}

/* Memory stays bounded while the line comes, not only afterwards. */
static void test_huge_line_peak(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    struct rusage before;
    struct rusage after;

    getrusage(RUSAGE_SELF, &before);
    send_many(world, fd, ' ', 100 << 20);
    client_say(world, fd, "\"");
    send_many(world, fd, 'x', 100 << 20);
    client_say(world, fd, "\"\n");
    client_skip(world, fd, "\r\n");
    getrusage(RUSAGE_SELF, &after);
    assert_true(!measures_memory() || after.ru_maxrss - before.ru_maxrss < 64 * 1024);
    qmp_expect(world, fd, NAME, NAMED);
    close(fd);
}

/* A value that is large and allowed; an id, which is echoed, up to its limit in JSON, where a byte may take
 * six. */
static void test_large_command(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    char *answer;

    client_say(world, fd, "{\"execute\": \"object-del\", \"arguments\": {\"id\": \"");
    send_many(world, fd, 'x', 1 << 20);
    client_say(world, fd, "\"}}\n");
    client_skip(world, fd, "xxx...' not found\"}}\r\n");
    client_say(world, fd, "{\"execute\": \"query-name\", \"id\": \"");
    send_many(world, fd, 'x', 65533);
    client_say(world, fd, "\"}\n");
    answer = client_read(world, fd, "\r\n");
    assert_int_equal(strlen(answer), strlen("{\"return\": {\"name\": \"guest\"}, \"id\": \"\"}\r\n") + 65533);
    free(answer);
    client_say(world, fd, "{\"execute\": \"query-name\", \"id\": \"");
    for (unsigned i = 0; i < 10923; i++)
        client_say(world, fd, "\\u0001");
    client_say(world, fd, "\"}\n");
    answer = client_read(world, fd, "\r\n");
    assert_non_null(strstr(answer, "member 'id' is too long: the limit is 65536 bytes of JSON\"}}\r\n"));
    free(answer);
    qmp_expect(world, fd, NAME, NAMED);
    close(fd);
}

#define STOPPED "the guest is stopped; cont resumes it; its deadline is suspended until it runs"
#define OPERATION(id, device, slot, what, result, more, deadline) \
    "{\"id\": " #id ", " device "\"slot\": " #slot ", \"size\": 134217728, \"operation\": \"" what \
    "\", \"result\": \"" result "\", " more "\"milliseconds\": 0, \"deadline\": " #deadline "}"
#define STARTED(id, device, slot, what, deadline) \
    "\"MEMORY_OPERATION_STARTED\", \"data\": " OPERATION(id, device, slot, what, "in-progress", \
                                                         "\"warning\": \"" STOPPED "\", ", deadline)
#define DONE(id, device, slot, what, result, more, deadline) \
    "\"MEMORY_OPERATION_DONE\", \"data\": " OPERATION(id, device, slot, what, result, more, deadline)
#define D0 "\"device\": \"d0\", "

static void add_backend(struct world *world, int fd, const char *id)
{
    char line[200];

    snprintf(line, sizeof line,
             "{\"execute\": \"object-add\", \"arguments\": {\"qom-type\": \"memory-backend-ram\", \"id\": "
             "\"%s\", \"size\": 134217728}}",
             id);
    qmp_expect(world, fd, line, "{\"return\": {}}");
}

#define RAM_SIZE (UINT64_C(128) << 20)
#define BACKEND(id, size, prealloc, share, resident) \
    "{\"id\": \"" id "\", \"size\": " size ", \"merge\": true, \"dump\": true, \"prealloc\": " prealloc \
    ", \"share\": " share ", \"reserve\": true, \"host-nodes\": [], \"policy\": \"default\", \"type\": " \
    "\"memory-backend-ram\", \"page-size\": 4096, \"resident\": " resident ", \"reserved\": 0"

static void test_backends(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    char wanted[2000];
    uint64_t resident;
    char *answer;

    client_say(world, fd,
               "{\"execute\": \"object-add\", \"arguments\": {\"qom-type\": \"memory-backend-ram\", \"id\": "
               "\"m1\", \"size\": 8192, \"prealloc\": true, \"share\": true}}");
    expect_event(world, fd,
                 "\"MEMORY_PREALLOC\", \"data\": {\"id\": \"m1\", \"done\": 8192, \"size\": 8192}");
    client_skip(world, fd, "{\"return\": {}}\r\n");
    add_backend(world, fd, "m0");
    client_say(world, fd, "{\"execute\": \"query-memdev\"}");
    answer = client_read(world, fd, "\r\n");
    /* How much of RAM is resident depends on the sizes of the host's pages. */
    resident = strtoull(strstr(answer, "\"resident\": ") + strlen("\"resident\": "), NULL, 10);
    assert_between(resident, 4096, RAM_SIZE);
    snprintf(wanted, sizeof wanted,
             "{\"return\": [" BACKEND(
                 "hotram.ram", "134217728", "false", "false",
                 "%llu") ", \"used-by\": \"RAM\"}, " BACKEND("m1", "8192", "true", "true",
                                                             "8192") "}, " BACKEND("m0", "134217728", "false",
                                                                                   "false", "0") "}]}\r\n",
             (unsigned long long)resident);
    assert_string_equal(answer, wanted);
    free(answer);
    close(fd);
}

static void test_memory_commands(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");

    add_backend(world, fd, "m0");
    qmp_expect(
        world, fd,
        "{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"pc-dimm\", \"node\": 0, \"memdev\": "
        "\"m0\", \"id\": \"d0\", \"slot\": 0}}",
        "{\"return\": {}}");
    expect_event(world, fd, STARTED(1, D0, 0, "plug", 30000));
    qmp_expect(world, fd, "{\"execute\": \"query-memory-devices\"}",
               "{\"return\": [{\"type\": \"dimm\", \"data\": {\"id\": \"d0\", \"memdev\": \"/objects/m0\", "
               "\"slot\": 0, \"addr\": 4294967296, \"node\": 0, \"size\": 134217728, \"hotplugged\": true, "
               "\"hotpluggable\": true}}]}");
    client_say(world, fd, "{\"execute\": \"query-memdev\"}");
    client_skip(world, fd,
                ", " BACKEND("m0", "134217728", "false", "false", "0") ", \"used-by\": \"d0\"}]}\r\n");
    qmp_expect(world, fd, "{\"execute\": \"query-memory-size-summary\"}",
               "{\"return\": {\"base-memory\": 134217728, \"plugged-memory\": 134217728}}");
    qmp_expect(
        world, fd, "{\"execute\": \"query-acpi-ospm-status\"}",
        "{\"return\": [{\"device\": \"d0\", \"source\": 0, \"status\": 0, \"slot\": \"0\", \"slot-type\": "
        "\"DIMM\"}, {\"source\": 0, \"status\": 0, \"slot\": \"1\", \"slot-type\": \"DIMM\"}, {\"source\": 0, "
        "\"status\": 0, \"slot\": \"2\", \"slot-type\": \"DIMM\"}]}");
    qmp_expect(
        world, fd, "{\"execute\": \"object-del\", \"arguments\": {\"id\": \"m0\"}}",
        GENERIC("object 'm0' is in use, can not be deleted: 'd0' uses it; unplug that first: device_del d0"));
    qmp_expect(world, fd, "{\"execute\": \"device_del\", \"arguments\": {\"id\": \"d0\"}}",
               "{\"return\": {}}");
    expect_event(world, fd,
                 DONE(1, D0, 0, "plug", "cancelled",
                      "\"reason\": \"an unplug was requested before the guest responded\", ", 30000));
    expect_event(world, fd, STARTED(2, D0, 0, "unplug", 60000));
    client_is_quiet(world, fd);
    guest_answers(world, 0, 3, 0x84);
    guest_ejects(world, 0);
    expect_event(world, fd,
                 "\"ACPI_DEVICE_OST\", \"data\": {\"info\": {\"device\": \"d0\", \"slot\": \"0\", "
                 "\"slot-type\": \"DIMM\", \"source\": 3, \"status\": 132}}");
    expect_event(world, fd,
                 "\"DEVICE_DELETED\", \"data\": {\"device\": \"d0\", \"path\": \"/machine/peripheral/d0\"}");
    expect_event(world, fd,
                 DONE(2, D0, 0, "unplug", "done",
                      "\"ost\": {\"source\": 3, \"status\": 132, \"text\": \"ejection in progress\"}, ",
                      60000));
    qmp_expect(
        world, fd, "{\"execute\": \"query-acpi-ospm-status\"}",
        "{\"return\": [{\"source\": 3, \"status\": 132, \"slot\": \"0\", \"slot-type\": "
        "\"DIMM\"}, {\"source\": 0, \"status\": 0, \"slot\": \"1\", \"slot-type\": \"DIMM\"}, {\"source\": 0, "
        "\"status\": 0, \"slot\": \"2\", \"slot-type\": \"DIMM\"}]}");
    qmp_expect(world, fd, "{\"execute\": \"object-del\", \"arguments\": {\"id\": \"m0\"}}",
               "{\"return\": {}}");
    close(fd);
}

/* device_add takes what older clients send; object-add is strict, as in QEMU. */
static void test_types_of_properties(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    struct json_object *answer;

    answer = qmp_ask(
        world, fd,
        "{\"execute\": \"object-add\", \"arguments\": {\"qom-type\": \"memory-backend-ram\", \"id\": "
        "\"m0\", \"size\": \"128M\"}}");
    assert_non_null(json_object_object_get(answer, "error"));
    json_object_put(answer);
    /* More than a signed number can be. */
    add_backend(world, fd, "big");
    qmp_expect(
        world, fd,
        "{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"pc-dimm\", \"memdev\": \"big\", "
        "\"addr\": 18446744073575333888}}",
        GENERIC("can't add memory device [0xfffffffff8000000:0x8000000], usable range for memory devices "
                "[0x100000000:0x138000000]; omit addr to use the lowest address that fits"));
    for (int i = 0; i < 3; i++) {
        static const struct {
            const char *arguments, *started;
        } plug[] = {
            { "\"slot\": \"1\", \"addr\": \"0x140000000\", \"node\": \"0\"",
              STARTED(1, "", 1, "plug", 30000) },
            { "\"slot\": 2, \"addr\": 4429185024", STARTED(2, "", 2, "plug", 30000) },
            { "\"slot\": -1", STARTED(3, "", 0, "plug", 30000) },
        };
        char id[] = { 'b', (char)('0' + i), '\0' };
        char line[256];

        add_backend(world, fd, id);
        snprintf(
            line, sizeof line,
            "{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"pc-dimm\", \"memdev\": \"b%d\", %s}}",
            i, plug[i].arguments);
        qmp_expect(world, fd, line, "{\"return\": {}}");
        expect_event(world, fd, plug[i].started);
    }
    client_say(world, fd, "{\"execute\": \"query-memory-devices\"}");
    client_skip(world, fd, "\"slot\": 0, \"addr\": 4294967296,");
    client_skip(world, fd, "\"slot\": 2, \"addr\": 4429185024,");
    client_skip(world, fd, "\"slot\": 1, \"addr\": 5368709120,");
    client_skip(world, fd, "\r\n");
    close(fd);
}

static void test_queries(void **state)
{
    static const char *const table[][2] = {
        { "query-version", "{\"return\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, \"package\": "
                           "\"hotram " HOTRAM_VERSION "\"}}" },
        { "query-status",
          "{\"return\": {\"status\": \"prelaunch\", \"singlestep\": false, \"running\": false}}" },
        { "query-name", NAMED },
        { "query-uuid", "{\"return\": {\"UUID\": \"00010203-0405-0607-0809-0a0b0c0d0e0f\"}}" },
        { "query-target", "{\"return\": {\"arch\": \"x86_64\"}}" },
        { "query-memory-devices", "{\"return\": []}" },
        { "query-cpus-fast",
          "{\"return\": [{\"thread-id\": 0, \"props\": {\"core-id\": 0, \"thread-id\": 0, \"node-id\": 0, "
          "\"socket-id\": 0}, \"qom-path\": \"/machine/unattached/device[0]\", \"cpu-index\": 0, \"target\": "
          "\"x86_64\"}, {\"thread-id\": 0, \"props\": {\"core-id\": 1, \"thread-id\": 0, \"node-id\": 0, "
          "\"socket-id\": 0}, \"qom-path\": \"/machine/unattached/device[1]\", \"cpu-index\": 1, \"target\": "
          "\"x86_64\"}]}" },
        { "query-memslot",
          "{\"return\": [{\"id\": \"hot1\", \"start\": 4831838208, \"size\": 536870912, \"node\": 0, "
          "\"slot\": 0, \"state\": \"unpopulated\"}]}" },
        { "query-memory-map",
          "{\"return\": {\"ram\": 134217728, \"ranges\": [{\"start\": 0, \"size\": 134217728, \"type\": \"ram\", "
          "\"node\": 0, \"memdev\": \"hotram.ram\"}, {\"start\": 134217728, \"size\": 4160749568, \"type\": "
          "\"hole\"}, {\"start\": 4294967296, \"size\": 536870912, \"type\": \"free\"}, {\"start\": 4831838208, "
          "\"size\": 536870912, \"type\": \"memslot\", \"id\": \"hot1\", \"slot\": 0, \"node\": 0}, {\"start\": "
          "5368709120, \"size\": 4160749568, \"type\": \"free\"}], \"region\": {\"start\": 4294967296, \"size\": "
          "5234491392}, \"slots\": {\"total\": 3, \"free\": 2}, \"capacity\": {\"total\": 2013265920, \"free\": "
          "1476395008}, \"granularity\": 134217728, \"block-size\": 134217728, \"largest-free\": {\"start\": "
          "5368709120, \"size\": 4160749568}, \"largest-dimm\": 1476395008}}" },
        { "query-exits", "{\"return\": {\"exits\": 18446744073709551615}}" },
    };
    int fd = start_again(state, "-name guest -uuid 00010203-0405-0607-0809-0a0b0c0d0e0f " WORLD_MACHINE
                                " -memslot id=hot1,size=512M,start=0x120000000");
    struct world *world = *state;
    char filename[300];

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char line[100];

        snprintf(line, sizeof line, "{\"execute\": \"%s\"}", table[i][0]);
        qmp_expect(world, fd, line, table[i][1]);
    }
    snprintf(
        filename, sizeof filename,
        "{\"return\": [{\"frontend-open\": true, \"filename\": \"unix:%s/qmp,server=on\", \"label\": \"qmp\"}]}",
        world->folder);
    qmp_expect(world, fd, "{\"execute\": \"query-chardev\"}", filename);
    close(fd);
    fd = start_again(state, WORLD_MACHINE);
    world = *state;
    qmp_expect(world, fd, NAME, "{\"return\": {}}");
    qmp_expect(
        world, fd, "{\"execute\": \"query-memory-map\"}",
        "{\"return\": {\"ram\": 134217728, \"ranges\": [{\"start\": 0, \"size\": 134217728, \"type\": \"ram\", "
        "\"node\": 0, \"memdev\": \"hotram.ram\"}, {\"start\": 134217728, \"size\": 4160749568, \"type\": "
        "\"hole\"}, {\"start\": 4294967296, \"size\": 5234491392, \"type\": \"free\"}], \"region\": {\"start\": "
        "4294967296, \"size\": 5234491392}, \"slots\": {\"total\": 3, \"free\": 3}, \"capacity\": {\"total\": "
        "2013265920, \"free\": 2013265920}, \"granularity\": 134217728, \"block-size\": 134217728, "
        "\"largest-free\": {\"start\": 4294967296, \"size\": 5234491392}, \"largest-dimm\": 2013265920}}");
    close(fd);
    fd = start_again(state, "-machine none");
    world = *state;
    qmp_expect(world, fd, "{\"execute\": \"query-cpus-fast\"}", "{\"return\": []}");
    qmp_expect(world, fd, "{\"execute\": \"query-memdev\"}", "{\"return\": []}");
    close(fd);
}

static void test_query_commands(void **state)
{
    static const char *const wanted[] = {
        "qmp_capabilities",
        "query-version",
        "query-status",
        "query-commands",
        "query-name",
        "query-uuid",
        "query-vm-generation-id",
        "query-kvm",
        "query-target",
        "query-chardev",
        "chardev-add",
        "chardev-remove",
        "query-cpus-fast",
        "query-hotpluggable-cpus",
        "cpus-set",
        "cpu-operation-cancel",
        "query-cpu-operations",
        "object-add",
        "object-del",
        "device_add",
        "device_del",
        "query-memory-devices",
        "query-memdev",
        "query-memory-size-summary",
        "query-acpi-ospm-status",
        "stop",
        "cont",
        "system_reset",
        "system_powerdown",
        "inject-nmi",
        "set-action",
        "watchdog-set-action",
        "quit",
        "human-monitor-command",
        "query-exits",
        "memslot",
        "query-memslot",
        "query-memory-map",
        "memory-plug",
        "memory-unplug",
        "memory-set",
        "memory-set-cancel",
        "memory-operation-cancel",
        "query-memory-operations",
        "query-device-operations",
        "query-qmp-schema",
        "query-machines",
        "query-cpu-definitions",
        "query-command-line-options",
        "qom-list-types",
        "qom-list-properties",
        "device-list-properties",
        "qom-list",
        "x-exit-preconfig",
        "qom-get",
        "qom-set",
        "query-block",
        "query-blockstats",
        "query-named-block-nodes",
        "blockdev-add",
        "blockdev-del",
        "block_resize",
        "block-set-write-threshold",
        "netdev_add",
        "netdev_del",
        "set_link",
        "query-jobs",
        "query-iothreads",
        "query-pci",
        "balloon",
        "query-balloon",
        "query-migrate",
        "query-migrate-capabilities",
        "query-migrate-parameters",
        "migrate",
        "migrate-continue",
        "migrate-incoming",
        "migrate-set-capabilities",
        "migrate-set-parameters",
        "migrate_cancel",
        "getfd",
        "closefd",
        "add-fd",
        "remove-fd",
        "query-fdsets",
        "machine-snapshot",
        "query-rx-filter",
        "announce-self",
    };
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    struct json_object *answer = qmp_ask(world, fd, "{\"execute\": \"query-commands\"}");
    struct json_object *list = json_object_object_get(answer, "return");

    assert_int_equal(json_object_array_length(list), COUNT_OF(wanted));
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        bool found = false;

        for (size_t j = 0; j < COUNT_OF(wanted); j++)
            found |= strcmp(json_object_get_string(
                                json_object_object_get(json_object_array_get_idx(list, j), "name")),
                            wanted[i]) == 0;
        if (!found)
            fail_msg("query-commands lacks %s", wanted[i]);
    }
    json_object_put(answer);
    close(fd);
}

static void test_run_state_and_events(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    int fresh = world_connect(world, "qmp");
    int other = qmp_client(world, "qmp");
    struct json_object *event;

    client_skip(world, fresh, "\r\n");
    client_say(world, fd, "{\"execute\": \"cont\"}");
    client_skip(world, fd, "\"event\": \"RESUME\"}\r\n");
    client_skip(world, fd, "{\"return\": {}}\r\n");
    event = qmp_ask(world, other, "");
    assert_string_equal(json_object_get_string(json_object_object_get(event, "event")), "RESUME");
    assert_true(json_object_get_int64(json_object_object_get(json_object_object_get(event, "timestamp"),
                                                             "seconds")) > 1700000000);
    assert_null(json_object_object_get(event, "data"));
    json_object_put(event);
    /* Nothing before the negotiation. */
    client_is_quiet(world, fresh);
    qmp_expect(world, fd, "{\"execute\": \"query-status\"}",
               "{\"return\": {\"status\": \"running\", \"singlestep\": false, \"running\": true}}");
    client_say(world, other, "{\"execute\": \"system_reset\"}");
    client_skip(world, fd,
                "\"event\": \"RESET\", \"data\": {\"guest\": false, \"reason\": "
                "\"host-qmp-system-reset\"}}\r\n");
    client_say(world, fd,
               "{\"execute\": \"stop\"}{\"execute\": \"stop\"}{\"execute\": \"system_powerdown\"}");
    client_skip(world, fd, "\"STOP\"}\r\n{\"return\": {}}\r\n{\"return\": {}}\r\n");
    client_skip(world, fd, "\"POWERDOWN\"}\r\n{\"return\": {}}\r\n");
    assert_false(world_ends(world));
    client_say(world, fd, "{\"execute\": \"quit\"}");
    client_skip(world, fd, "{\"return\": {}}\r\n");
    assert_true(world_ends(world));
    close(fd);
    close(fresh);
    close(other);
}

static void test_set_action(void **state)
{
    struct world *world = *state;
    struct actions *actions = machine_actions(world->machine);
    int fd = qmp_client(world, "qmp");

#define SET(arguments) "{\"execute\": \"set-action\", \"arguments\": {" arguments "}}"
#define WATCHDOG(action) "{\"execute\": \"watchdog-set-action\", \"arguments\": {\"action\": \"" action "\"}}"
#define NOTHING "{\"return\": {}}"
#define WRONG(text) "{\"error\": {\"class\": \"GenericError\", \"desc\": \"" text "\"}}"
    qmp_expect(world, fd, "{\"execute\": \"set-action\"}", NOTHING);
    qmp_expect(world, fd, SET("\"panic\": \"pause\", \"watchdog\": \"none\""), NOTHING);
    assert_false(actions->reboot_is_shutdown || actions->shutdown_is_pause);
    qmp_expect(world, fd, SET("\"reboot\": \"shutdown\""), NOTHING);
    assert_true(actions->reboot_is_shutdown && !actions->shutdown_is_pause);
    qmp_expect(world, fd, SET("\"reboot\": \"reset\", \"shutdown\": \"pause\""), NOTHING);
    assert_true(!actions->reboot_is_shutdown && actions->shutdown_is_pause);
    /* One that is wrong, and nothing is done. */
    qmp_expect(world, fd, SET("\"reboot\": \"shutdown\", \"shutdown\": \"off\""),
               WRONG("Parameter 'shutdown' expects poweroff|pause; got 'off'"));
    qmp_expect(world, fd, SET("\"shutdown\": \"poweroff\", \"panic\": \"reset\""),
               WRONG("Parameter 'panic' expects pause|shutdown|exit-failure|none; got 'reset'"));
    qmp_expect(world, fd, SET("\"shutdown\": \"poweroff\", \"watchdog\": \"\""),
               WRONG("Parameter 'watchdog' expects reset|shutdown|poweroff|pause|debug|none|inject-nmi; "
                     "got ''"));
    assert_true(!actions->reboot_is_shutdown && actions->shutdown_is_pause);
    /* The watchdog's, by either command; the one that was wrong has not changed it. */
    assert_int_equal(actions->watchdog, WATCHDOG_NOTHING);
    qmp_expect(world, fd, WATCHDOG("inject-nmi"), NOTHING);
    assert_int_equal(actions->watchdog, WATCHDOG_INJECTS_NMI);
    qmp_expect(world, fd, WATCHDOG("bark"),
               WRONG("Parameter 'action' expects reset|shutdown|poweroff|pause|debug|none|inject-nmi; "
                     "got 'bark'"));
    assert_int_equal(actions->watchdog, WATCHDOG_INJECTS_NMI);
    qmp_expect(world, fd, SET("\"watchdog\": \"shutdown\""), NOTHING);
    assert_int_equal(actions->watchdog, WATCHDOG_SHUTS_DOWN);
    close(fd);
}

static void test_human_monitor_command(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");

#define HUMAN(line) \
    "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"" line "\"}}"
    qmp_expect(world, fd, HUMAN("info status"), "{\"return\": \"VM status: paused (prelaunch)\\r\\n\"}");
    qmp_expect(world, fd, HUMAN("nonsense"), "{\"return\": \"unknown command: 'nonsense'\\r\\n\"}");
    qmp_expect(
        world, fd, HUMAN("device_del zz"),
        "{\"return\": \"Error: Device 'zz' not found; there is no device that can be unplugged\\r\\n\"}");
    qmp_expect(world, fd, HUMAN(""), "{\"return\": \"\"}");
    qmp_expect(world, fd, HUMAN("object_add memory-backend-ram,id=m0,size=1G"), "{\"return\": \"\"}");
    qmp_expect(world, fd, HUMAN("info name"), "{\"return\": \"guest\\r\\n\"}");
    close(fd);
}

/* Half-closed: the answers still come, then the end. */
static void test_half_closed_client(void **state)
{
    struct world *world = *state;
    int fd = world_connect(world, "qmp");
    char *text;

    client_say(world, fd, "{\"execute\": \"qmp_capabilities\"}" NAME NAME);
    shutdown(fd, SHUT_WR);
    text = client_read(world, fd, NULL);
    assert_string_equal(text, GREETING "{\"return\": {}}\r\n" NAMED "\r\n" NAMED "\r\n");
    free(text);
    close(fd);
}

static void test_disconnect_in_mid_command(void **state)
{
    static const char *const starts[] = { "{\"execute\": \"qu", "{", "\"", "[[[[[", "", "}" };
    struct world *world = *state;
    int other = qmp_client(world, "qmp");

    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        int fd = qmp_client(world, "qmp");

        client_say(world, fd, starts[i]);
        if (i % 2)
            world_run(world);
        close(fd);
        world_run(world);
        qmp_expect(world, other, NAME, NAMED);
    }
    close(other);
}

/* A client that is gone still had its say. */
static void test_fire_and_forget(void **state)
{
    struct world *world = *state;
    int fd = world_connect(world, "qmp");

    client_say(world, fd, "{\"execute\": \"qmp_capabilities\"}{\"execute\": \"quit\"}");
    close(fd);
    world_run(world);
    assert_true(world_ends(world));
}

/* Commands without end, answers never read: the client waits, nobody else does, memory stays bounded. */
static void test_client_that_never_reads(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    int other = qmp_client(world, "qmp");
    long before = resident();
    size_t sent = 0;

    for (int i = 0; i < 20000; i++) {
        ssize_t count = write(fd, "{\"execute\": \"query-commands\"}", 29);

        if (count == 29)
            sent++;
        world_run(world);
        if (count != 29)
            break;
    }
    assert_true(sent < 20000);
    qmp_expect(world, other, NAME, NAMED);
    assert_true(!measures_memory() || resident() - before < 8192);
    /* And when it reads at last, no answer is missing. */
    for (size_t i = 0; i < sent; i++)
        client_skip(world, fd, "\"query-commands\"}");
    close(fd);
    close(other);
}

/* Events cannot wait for a client: the one that never reads loses its connection. */
static void test_events_for_a_client_that_never_reads(void **state)
{
    struct world *world = *state;
    int fd = qmp_client(world, "qmp");
    int other = qmp_client(world, "qmp");
    char *block = malloc(65536);
    size_t received = 0;
    ssize_t count;

    for (int i = 0; i < 100000; i++) {
        machine_emit_kind(world->machine, EVENT_POWERDOWN);
        while (i % 100 == 0 && read(other, block, 65536) > 0)
            ;
        if (i % 100 == 0)
            world_run(world);
    }
    while ((count = read(fd, block, 65536)) != 0) {
        world_run(world);
        received += count > 0 ? (size_t)count : 0;
        assert_true(received < CHANNEL_BUFFER_MAX + (1 << 20));
    }
    while (read(other, block, 65536) > 0)
        world_run(world);
    free(block);
    qmp_expect(world, other, NAME, NAMED);
    close(fd);
    close(other);
}

static void test_many_clients(void **state)
{
    struct world *world = *state;
    int fds[70];

    for (size_t i = 0; i < 64; i++)
        fds[i] = qmp_client(world, "qmp");
    /* The 65th waits until one leaves. */
    fds[64] = world_connect(world, "qmp");
    client_is_quiet(world, fds[64]);
    close(fds[0]);
    client_skip(world, fds[64], "\r\n");
    for (size_t i = 1; i < 64; i++) {
        qmp_expect(world, fds[i], NAME, NAMED);
        close(fds[i]);
    }
    close(fds[64]);
}

static void test_pretty(void **state)
{
    struct world *world = *state;
    const struct chardev_config config = { .id = "pretty", .kind = CHARDEV_SOCKET, .fd = -1, .server = true };
    struct chardev *chardev = world_chardev(world, config, NULL);
    char *text;
    int fd;

    world_monitor(world, "pretty", true, true);
    assert_true(chardev_start(chardev, NULL));
    fd = world_connect(world, "pretty");
    client_skip(world, fd, "    }\n}\r\n");
    client_say(world, fd, "{\"execute\": \"qmp_capabilities\", \"id\": [1, {}]}");
    text = client_read(world, fd, "\n}\r\n");
    assert_string_equal(text, "{\n    \"return\": {},\n    \"id\": [\n        1,\n        {}\n    ]\n}\r\n");
    free(text);
    close(fd);
}

/* Random bytes, and requests with bytes changed: whatever happens, the next line is answered. */
static void test_random_input(void **state)
{
    static const char request[] = "{\"execute\": \"query-name\", \"id\": [1, {\"a\": \"b\\u00e4\"}, null]}";
    struct world *world = *state;
    struct unit_random random = unit_random_start("qmp random input");
    int fd = qmp_client(world, "qmp");

    for (int round = 0; round < 3000; round++) {
        char line[sizeof request];

        memcpy(line, request, sizeof request);
        for (uint32_t i = unit_random_below(&random, 4); i > 0; i--)
            line[unit_random_below(&random, sizeof request - 1)] = (char)unit_random_next(&random);
        client_send(world, fd, line, sizeof request - 1);
        if (round % 50 != 49)
            continue;
        /* A line that cannot be inside anything, then one that can be found again. */
        client_say(world, fd, "\n\x01\n{\"execute\": \"query-name\", \"id\": \"end\"}\n");
        client_skip(world, fd, "\"id\": \"end\"}\r\n");
    }
    close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_greeting_and_negotiation),
        TEST(test_id_is_echoed),
        TEST(test_bad_requests),
        TEST(test_broken_json),
        TEST(test_packets),
        TEST(test_nesting),
        TEST(test_huge_lines),
        TEST(test_huge_line_peak),
        TEST(test_large_command),
        TEST(test_backends),
        TEST(test_memory_commands),
        TEST(test_types_of_properties),
        TEST(test_queries),
        TEST(test_query_commands),
        TEST(test_run_state_and_events),
        TEST(test_set_action),
        TEST(test_human_monitor_command),
        TEST(test_half_closed_client),
        TEST(test_disconnect_in_mid_command),
        TEST(test_fire_and_forget),
        TEST(test_client_that_never_reads),
        TEST(test_events_for_a_client_that_never_reads),
        TEST(test_many_clients),
        TEST(test_pretty),
        TEST(test_random_input),
    };

    return cmocka_run_group_tests_name("qmp", tests, NULL, NULL);
}
