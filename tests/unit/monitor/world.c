/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_SECONDS 60

static void terminate(void *opaque)
{
    struct world *world = opaque;

    world->terminated++;
}

int world_set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    world->loop = loop_create();
    world->chardevs = chardevs_create(world->loop, terminate, world);
    world->config = (struct config){ .machine = "hotram-1",
                                     .ram_size = 128 << 20,
                                     .maxmem = UINT64_C(2) << 30,
                                     .slots = 3,
                                     .numa = { .nodes = 1, .ram = { 128 << 20 } },
                                     .cpus = 2,
                                     .maxcpus = 2,
                                     .sockets = 1,
                                     .cores = 2,
                                     .threads = 1 };
    world->machine = fake_machine_create(&world->config, world->loop);
    world->monitors = monitors_create(world->machine, world->chardevs);
    strcpy(world->folder, "/tmp/hotram-test-XXXXXX");
    if (!mkdtemp(world->folder))
        return -1;
    *state = world;
    return 0;
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    while (folder && (entry = readdir(folder)) != NULL)
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    rmdir(path);
}

int world_tear_down(void **state)
{
    struct world *world = *state;

    chardevs_destroy(world->chardevs);
    monitors_destroy(world->monitors);
    fake_machine_destroy(world->machine);
    loop_destroy(world->loop);
    remove_folder(world->folder);
    free(world);
    return 0;
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

static time_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
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
