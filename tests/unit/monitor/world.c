/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <hotram/memhp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/json_build.h"
#include "base/message.h"
#include "host/passed.h"
#include "layout/x86.h"
#include "options/options.h"

#define PATIENCE_SECONDS 60
#define WORDS_MAX 64

#ifdef __SANITIZE_ADDRESS__
/* The terminal database keeps what it has read; its functions are linked in, or those of a library. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libtinfo\nleak:_nc_\nleak:copy_termtype\n";
}
#endif

static time_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

static void terminate(void *opaque)
{
    struct world *world = opaque;

    world->terminated++;
}

/* How many entries a folder of /proc/self has. */
static size_t count_entries(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void net_event(void *opaque, const struct event *event)
{
    struct world *world = opaque;

    if (world->machine)
        machine_emit(world->machine, event);
}

static void *nothing(void *opaque)
{
    return opaque;
}

/* Once, as the program does it before it has threads. With the first, the thread sanitizer starts its own. */
static void prepare(void)
{
    static bool prepared;
    pthread_t first;

    if (!prepared) {
        assert_true(json_prepare());
        fault_init();
        message_open();
        assert_int_equal(pthread_create(&first, NULL, nothing, NULL), 0);
        assert_int_equal(pthread_join(first, NULL), 0);
    }
    prepared = true;
}

static void parse(struct world *world, const char *options)
{
    char line[1024];
    char *argv[WORDS_MAX] = { "hotram" };
    int argc = 1;
    struct error error;

    snprintf(line, sizeof line, "-accel qtest -display none -nodefaults -S %s", options);
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = word;
    }
    if (config_parse(&world->config, argc, argv, &error) != CONFIG_RUN)
        fail_msg("%s: %s", options, error.text);
}

static bool build(struct world *world, struct error *error)
{
    world->machine = machine_open(&world->config, world->loop, error);
    if (!world->machine)
        return false;
    machine_set_nets(world->machine, world->nets);
    machine_set_chardevs(world->machine, world->chardevs);
    if (!machine_create(world->machine, error))
        return false;
    world->monitors = monitors_create(world->machine, world->chardevs);
    return net_backends_attach(world->nets, world->chardevs, error) &&
           machine_autostart(world->machine, error);
}

int world_set_up_with(void **state, const char *options)
{
    struct world *world = calloc(1, sizeof *world);
    struct error error;

    prepare();
    world->threads = count_entries("/proc/self/task");
    world->descriptors = count_entries("/proc/self/fd");
    parse(world, options);
    world->loop = loop_create();
    world->nets = net_backends_create(world->loop, net_event, world);
    world->chardevs = chardevs_create(world->loop, terminate, world);
    if (!build(world, &error))
        fail_msg("%s: %s", options, error.text);
    strcpy(world->folder, "/tmp/hotram-test-XXXXXX");
    if (!mkdtemp(world->folder))
        return -1;
    *state = world;
    return 0;
}

int world_set_up(void **state)
{
    return world_set_up_with(state, WORLD_MACHINE);
}

struct world *world_again(void **state, const char *options)
{
    world_tear_down(state);
    assert_int_equal(world_set_up_with(state, options), 0);
    return *state;
}

bool world_ends(const struct world *world)
{
    return loop_quitting(world->loop);
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    while (folder && (entry = readdir(folder)) != NULL)
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    assert_int_equal(rmdir(path), 0);
}

/* A thread that was joined may be seen for a moment. */
static void wait_for_threads(size_t count)
{
    time_t limit = now() + PATIENCE_SECONDS;

    while (count_entries("/proc/self/task") > count && now() <= limit)
        usleep(1000);
}

/* In the order of vmm/main.c. */
int world_tear_down(void **state)
{
    struct world *world = *state;
    const size_t threads = world->threads, descriptors = world->descriptors;

    assert_null(machine_stop_files(world->machine));
    assert_true(machine_stop_devices(world->machine));
    machine_set_event_sink(world->machine, NULL, NULL);
    machine_set_chardevs(world->machine, NULL);
    assert_true(net_backends_attach(world->nets, NULL, NULL));
    chardevs_destroy(world->chardevs);
    monitors_destroy(world->monitors);
    machine_destroy(world->machine);
    net_backends_destroy(world->nets);
    passed_end();
    loop_destroy(world->loop);
    config_free(&world->config);
    remove_folder(world->folder);
    free(world);
    wait_for_threads(threads);
    assert_true(count_entries("/proc/self/task") <= threads);
    assert_int_equal(count_entries("/proc/self/fd"), descriptors);
    return 0;
}

static void write_port(struct world *world, uint16_t port, unsigned width, uint32_t value)
{
    uint8_t bytes[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                         (uint8_t)(value >> 24) };

    machine_port_access(world->machine, port, true, width, bytes);
}

/* docs/register-interface.md */
#define SLOT X86_PORT_MEMHP
#define OST_EVENT (X86_PORT_MEMHP + 0x4)
#define OST_STATUS (X86_PORT_MEMHP + 0x8)
#define FLAGS (X86_PORT_MEMHP + 0x14)

void guest_answers(struct world *world, uint32_t slot, uint32_t event, uint32_t status)
{
    write_port(world, SLOT, 4, slot);
    write_port(world, OST_EVENT, 4, event);
    write_port(world, OST_STATUS, 4, status);
    world_run(world);
}

void guest_ejects(struct world *world, uint32_t slot)
{
    write_port(world, SLOT, 4, slot);
    write_port(world, FLAGS, 1, HOTRAM_MEMHP_EJECT);
    world_run(world);
}

struct chardev *world_chardev(struct world *world, struct chardev_config config, struct error *error)
{
    struct error ignored;

    if (!config.path && config.fd < 0) {
        snprintf(world->path, sizeof world->path, "%s/%s", world->folder, config.id);
        config.path = world->path;
    }
    return chardev_open(world->chardevs, &config, error ? error : &ignored);
}

void world_monitor(struct world *world, const char *chardev, bool control, bool pretty)
{
    const struct monitor_config config = { .chardev = (char *)chardev, .control = control, .pretty = pretty };
    struct error error;

    assert_true(monitor_attach(world->monitors, &config, &error));
}

void world_listen(struct world *world, const char *id, bool control)
{
    const struct chardev_config config = {
        .id = (char *)id, .kind = CHARDEV_SOCKET, .fd = -1, .server = true
    };
    struct error error;
    struct chardev *chardev = world_chardev(world, config, &error);

    assert_non_null(chardev);
    world_monitor(world, id, control, false);
    assert_true(chardev_start(chardev, &error));
}

int world_connect(struct world *world, const char *id)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", world->folder, id);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void world_run(struct world *world)
{
    for (int i = 0; i < 20; i++)
        loop_once(world->loop, 0);
}

char *client_read(struct world *world, int fd, const char *end)
{
    time_t limit = now() + PATIENCE_SECONDS;
    char *text = calloc(1, 1);
    size_t length = 0;

    /* One byte at a time, so that nothing is read beyond what was asked for. */
    while (!end || !(length >= strlen(end) && memcmp(text + length - strlen(end), end, strlen(end)) == 0)) {
        char byte;
        ssize_t count = read(fd, &byte, 1);

        if (count == 1) {
            if ((length & (length + 1)) == 0) /* 1, 3, 7, 15 ... */
                text = realloc(text, 2 * length + 2);
            text[length++] = byte;
            text[length] = '\0';
        } else if (count == 0 || (count < 0 && (errno == ECONNRESET || errno == EIO))) {
            if (end)
                fail_msg("closed after '%s', waiting for '%s'", text, end);
            break;
        } else {
            loop_once(world->loop, 10);
        }
        if (now() > limit)
            fail_msg("no '%s' but '%s'", end ? end : "end", text);
    }
    return text;
}

void client_skip(struct world *world, int fd, const char *end)
{
    free(client_read(world, fd, end));
}

void client_send(struct world *world, int fd, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t count = write(fd, at, length);

        if (count < 0) {
            assert_int_equal(errno, EAGAIN);
            loop_once(world->loop, 10);
            continue;
        }
        at += count;
        length -= (size_t)count;
    }
}

void client_say(struct world *world, int fd, const char *text)
{
    client_send(world, fd, text, strlen(text));
}

void client_is_quiet(struct world *world, int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

    world_run(world);
    assert_int_equal(poll(&poll_fd, 1, 0), 0);
}

struct json_object *qmp_ask(struct world *world, int fd, const char *line)
{
    struct json_object *answer;
    char *text;

    client_say(world, fd, line);
    client_say(world, fd, "\n");
    text = client_read(world, fd, "\r\n");
    answer = json_tokener_parse(text);
    assert_non_null(answer);
    free(text);
    return answer;
}

void qmp_expect(struct world *world, int fd, const char *line, const char *answer)
{
    char *text;

    client_say(world, fd, line);
    client_say(world, fd, "\n");
    text = client_read(world, fd, "\r\n");
    text[strlen(text) - 2] = '\0';
    assert_string_equal(text, answer);
    free(text);
}

int qmp_client(struct world *world, const char *id)
{
    int fd = world_connect(world, id);

    client_skip(world, fd, "\r\n");
    qmp_expect(world, fd, "{\"execute\": \"qmp_capabilities\"}", "{\"return\": {}}");
    return fd;
}
