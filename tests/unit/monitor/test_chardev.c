/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character devices: every kind, flow control, logs, and the keys of a mux.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* A user that writes down what happens to it. All its sessions are the user itself. */
struct user {
    struct channel *channel; /* of the session that opened last */
    unsigned opened, closed, drained, focused, unfocused, came, went;
    char input[70000];
    size_t length;
    bool pause_after_input;
};

static void *opened(void *opaque, struct channel *channel)
{
    struct user *user = opaque;

    user->opened++;
    user->channel = channel;
    return user;
}

static void input(void *opaque, const uint8_t *bytes, size_t length)
{
    struct user *user = opaque;

    assert_true(length <= CHANNEL_INPUT_MAX);
    assert_true(user->length + length < sizeof user->input);
    memcpy(user->input + user->length, bytes, length);
    user->length += length;
    if (user->pause_after_input)
        channel_pause(user->channel, true);
}

static void closed(void *opaque)
{
    struct user *user = opaque;

    user->closed++;
}

static void drained(void *opaque)
{
    struct user *user = opaque;

    user->drained++;
}

static void focus(void *opaque, bool focused)
{
    struct user *user = opaque;

    if (focused)
        user->focused++;
    else
        user->unfocused++;
}

static void connected(void *opaque, bool is)
{
    struct user *user = opaque;

    assert_true(user->opened > 0);
    if (is)
        user->came++;
    else
        user->went++;
    assert_true(user->came == user->went || user->came == user->went + 1);
}

static const struct chardev_user_ops many = {
    .opened = opened, .input = input, .closed = closed, .drained = drained, .focus = focus
};
static const struct chardev_user_ops one = { .single = true,
                                             .opened = opened,
                                             .input = input,
                                             .closed = closed,
                                             .connected = connected,
                                             .drained = drained,
                                             .focus = focus };

static struct user user;
static struct user second;

static int set_up(void **state)
{
    memset(&user, 0, sizeof user);
    memset(&second, 0, sizeof second);
    return world_set_up(state);
}

static struct chardev *start(struct world *world, struct chardev_config config,
                             const struct chardev_user_ops *ops)
{
    struct error error = { 0 };
    struct chardev *chardev = world_chardev(world, config, &error);

    if (!chardev || !chardev_attach(chardev, ops, &user, &error) || !chardev_start(chardev, &error))
        fail_msg("%s", error.text);
    return chardev;
}

#define LISTENING(name) \
    ((struct chardev_config){ .id = name, .kind = CHARDEV_SOCKET, .fd = -1, .server = true })

static void expect_input(struct world *world, const struct user *of, const char *text)
{
    world_run(world);
    /* A terminal's bytes take their time. */
    for (int i = 0; i < 100 && of->length < strlen(text); i++)
        loop_once(world->loop, 50);
    assert_int_equal(of->length, strlen(text));
    assert_memory_equal(of->input, text, of->length);
}

static void say(const struct user *of, const char *text)
{
    channel_write(of->channel, text, strlen(text), false);
}

static void test_clients_of_a_socket(void **state)
{
    struct world *world = *state;
    struct chardev *chardev = start(world, LISTENING("c0"), &many);
    char name[200];
    int a;
    int b;

    snprintf(name, sizeof name, "disconnected:unix:%s/c0,server=on", world->folder);
    assert_string_equal(chardev_filename(chardev), name);
    a = world_connect(world, "c0");
    world_run(world);
    assert_string_equal(chardev_filename(chardev), name + strlen("disconnected:"));
    b = world_connect(world, "c0");
    world_run(world);
    assert_int_equal(user.opened, 2);
    say(&user, "to b");
    client_skip(world, b, "to b");
    client_is_quiet(world, a);
    client_say(world, a, "from a");
    expect_input(world, &user, "from a");
    close(a);
    world_run(world);
    assert_int_equal(user.closed, 1);
    close(b);
    world_run(world);
    assert_int_equal(user.closed, 2);
    assert_true(chardev_is_open(chardev));
    assert_string_equal(chardev_id(chardev), "c0");
    assert_ptr_equal(chardev_find(world->chardevs, "c0"), chardev);
    assert_null(chardev_find(world->chardevs, "c1"));
    assert_ptr_equal(chardev_next(world->chardevs, NULL), chardev);
    assert_null(chardev_next(world->chardevs, chardev));
}

/* A serial port: its channel stays, clients come one after the other. */
static void test_single_user(void **state)
{
    struct world *world = *state;
    int a;
    int b;

    start(world, LISTENING("c0"), &one);
    assert_int_equal(user.opened, 1);
    say(&user, "into the void");
    a = world_connect(world, "c0");
    world_run(world);
    b = world_connect(world, "c0");
    say(&user, "hello");
    client_skip(world, a, "hello");
    client_say(world, b, "too early");
    expect_input(world, &user, "");
    client_say(world, a, "1");
    expect_input(world, &user, "1");
    close(a);
    expect_input(world, &user, "1too early");
    say(&user, "hello b");
    client_skip(world, b, "hello b");
    close(b);
    world_run(world);
    say(&user, "void again");
    assert_int_equal(user.opened, 1);
    assert_int_equal(user.closed, 0);
}

static void expect_failure(struct world *world, struct chardev_config config, const char *words)
{
    struct error error = { 0 };

    assert_null(world_chardev(world, config, &error));
    if (!strstr(error.text, words))
        fail_msg("'%s' lacks '%s'", error.text, words);
}

/* Bound by a program that has ended. */
static void leave_socket(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    assert_true(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    close(fd);
}

static void test_socket_files(void **state)
{
    struct world *world = *state;
    struct chardev_config config = LISTENING("c0");
    struct stat file;
    char path[128];
    int fd;

    /* a file of somebody's stays, a socket that an earlier run left behind is replaced */
    snprintf(path, sizeof path, "%s/c0", world->folder);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    expect_failure(world, config, "c0' is there, and is not a socket");
    assert_true(stat(path, &file) == 0 && S_ISREG(file.st_mode) && unlink(path) == 0);
    leave_socket(path);
    start(world, config, &many);
    fd = world_connect(world, "c0");
    world_run(world);
    assert_int_equal(user.opened, 1);
    close(fd);
    config.id = "c1";
    start(world, config, &many);
    /* one's own file goes, another's that took its place stays */
    assert_true(unlink(path) >= 0);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    chardevs_destroy(world->chardevs);
    world->chardevs = NULL;
    assert_int_equal(stat(path, &file), 0);
    snprintf(path, sizeof path, "%s/c1", world->folder);
    assert_int_equal(stat(path, &file), -1);
}

static void test_socket_errors(void **state)
{
    struct world *world = *state;
    struct chardev_config config = LISTENING("c0");
    char path[109];
    int fds[2];

    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    memcpy(path, world->folder, strlen(world->folder));
    path[strlen(world->folder)] = '/';
    config.path = path;
    expect_failure(world, config, "it has 108 bytes; the limit is 107");
    path[107] = '\0';
    start(world, config, &many);
    config.id = "c1";
    config.path = "/nowhere/at/all";
    expect_failure(world, config, "'/nowhere/at/all': No such file");
    config.server = false;
    expect_failure(world, config, "cannot connect to '/nowhere/at/all': No such file");
    config.path = NULL;
    config.fd = 999;
    expect_failure(world, config, "fd=999: it is not open");
    config.fd = open("/dev/null", O_RDWR);
    expect_failure(world, config, "Socket operation on non-socket");
    close(config.fd);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    config.fd = fds[0];
    config.server = true;
    expect_failure(world, config, "requires a listening socket");
    config.id = "c0";
    expect_failure(world, config, "the id is already in use");
    close(fds[0]);
    close(fds[1]);
}

static void test_connecting_socket(void **state)
{
    struct world *world = *state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct chardev_config config = { .id = "c0", .kind = CHARDEV_SOCKET, .fd = -1 };
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int fd;

    snprintf(address.sun_path, sizeof address.sun_path, "%s/c0", world->folder);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    start(world, config, &many);
    assert_int_equal(user.opened, 1);
    fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    say(&user, "hello");
    client_skip(world, fd, "hello");
    client_say(world, fd, "you");
    expect_input(world, &user, "you");
    close(fd);
    world_run(world);
    assert_int_equal(user.closed, 1);
    close(listener);
}

static void test_inherited_descriptors(void **state)
{
    struct world *world = *state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct chardev_config config = { .id = "c0", .kind = CHARDEV_SOCKET };
    char name[200];
    int fds[2];
    int fd;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    config.fd = fds[0];
    start(world, config, &many);
    say(&user, "connected");
    client_skip(world, fds[1], "connected");
    close(fds[1]);
    world_run(world);
    assert_int_equal(user.closed, 1);

    config.id = "c1";
    config.server = true;
    config.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/inherited", world->folder);
    assert_int_equal(bind(config.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(config.fd, 1), 0);
    snprintf(name, sizeof name, "disconnected:unix:%s,server=on", address.sun_path);
    assert_string_equal(chardev_filename(start(world, config, &many)), name);
    fd = world_connect(world, "inherited");
    world_run(world);
    assert_int_equal(user.opened, 2);
    close(fd);
}

static void quit(void *opaque)
{
    loop_quit(opaque);
}

static void test_waiting_for_a_client(void **state)
{
    struct world *world = *state;
    struct chardev_config config = LISTENING("c0");
    struct timer timer = { 0 };
    struct chardev *chardev;
    int fd;

    config.wait = true;
    chardev = world_chardev(world, config, NULL);
    assert_true(chardev_attach(chardev, &many, &user, NULL));
    fd = world_connect(world, "c0");
    assert_true(chardev_start(chardev, NULL));
    assert_int_equal(user.opened, 1);
    close(fd);
    config.id = "c1";
    timer_start(world->loop, &timer, 1, quit, world->loop);
    start(world, config, &many);
    assert_int_equal(user.opened, 1);
}

static char *file_text(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 100000);

    assert_non_null(file);
    assert_true(fread(text, 1, 99999, file) < 99999);
    fclose(file);
    return text;
}

static void expect_file(const char *path, const char *text)
{
    char *found = file_text(path);

    assert_string_equal(found, text);
    free(found);
}

static void test_file(void **state)
{
    struct world *world = *state;
    struct chardev_config config = { .id = "f0", .kind = CHARDEV_FILE, .fd = -1 };
    char path[128];

    snprintf(path, sizeof path, "%s/out", world->folder);
    config.path = path;
    assert_string_equal(chardev_filename(start(world, config, &one)), "file");
    say(&user, "first\n");
    expect_file(path, "first\n");
    config.id = "f1";
    config.append = true;
    start(world, config, &many);
    say(&user, "second\n");
    expect_file(path, "first\nsecond\n");
    config.id = "f2";
    config.append = false;
    start(world, config, &many);
    expect_file(path, "");
    config.id = "f3";
    config.path = "/nowhere/at/all";
    expect_failure(world, config, "cannot open '/nowhere/at/all': No such file");
    snprintf(path, sizeof path, "%s/fifo", world->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    config.path = path;
    expect_failure(world, config, "it has no reader");
}

static void test_logfile(void **state)
{
    struct world *world = *state;
    struct chardev_config config = LISTENING("c0");
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/log", world->folder);
    config.logfile = path;
    start(world, config, &one);
    say(&user, "nobody there\n");
    fd = world_connect(world, "c0");
    world_run(world);
    say(&user, "somebody\n");
    client_say(world, fd, "not output\n");
    world_run(world);
    expect_file(path, "nobody there\nsomebody\n");
    close(fd);
    config.id = "c1";
    config.logappend = true;
    start(world, config, &many);
    fd = world_connect(world, "c1");
    world_run(world);
    say(&user, "more\n");
    expect_file(path, "nobody there\nsomebody\nmore\n");
    close(fd);
    config.id = "c2";
    config.logfile = "/nowhere/at/all";
    expect_failure(world, config, "cannot open logfile '/nowhere/at/all'");
}

static void test_null(void **state)
{
    struct world *world = *state;
    struct chardev_config config = { .id = "n0", .kind = CHARDEV_NULL, .fd = -1 };

    assert_string_equal(chardev_filename(start(world, config, &one)), "null");
    assert_int_equal(user.opened, 1);
    say(&user, "gone");
    assert_int_equal(channel_pending(user.channel), 0);
    channel_pause(user.channel, true);
    channel_pause(user.channel, false);
    assert_false(channel_is_terminal(user.channel));
}

static void test_one_user_without_mux(void **state)
{
    struct world *world = *state;
    struct chardev *chardev = start(world, LISTENING("c0"), &many);
    struct error error;

    assert_false(chardev_attach(chardev, &one, &second, &error));
    assert_non_null(strstr(error.text, "'c0' is already in use"));
}

/* Its name is told on standard output, as by QEMU. */
static struct chardev *start_pty(struct world *world, const struct chardev_user_ops *ops)
{
    struct chardev_config config = { .id = "p0", .kind = CHARDEV_PTY, .fd = -1 };
    struct chardev *chardev;
    char path[128];
    char message[200];
    int saved;
    int fd;

    snprintf(path, sizeof path, "%s/stdout", world->folder);
    fflush(stdout);
    saved = dup(STDOUT_FILENO);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(dup2(fd, STDOUT_FILENO) >= 0);
    chardev = start(world, config, ops);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    close(saved);
    close(fd);
    snprintf(message, sizeof message, "char device redirected to %s (label p0)\n",
             chardev_filename(chardev) + 4);
    expect_file(path, message);
    return chardev;
}

/* Somebody opens the other side of a pty, as often as he likes. */
static void test_pty(void **state)
{
    static const char raw[] = "a\r\n\x03\x04\x1a\x11\x13\xff";
    struct world *world = *state;
    struct chardev *chardev = start_pty(world, &many);
    const char *name = chardev_filename(chardev);
    unsigned columns;
    unsigned rows;

    assert_int_equal(strncmp(name, "pty:/dev/pts/", 13), 0);
    world_run(world);
    assert_int_equal(user.opened, 0);
    for (unsigned i = 1; i <= 2; i++) {
        struct winsize size = { .ws_col = 100, .ws_row = 30 };
        int fd = open(name + 4, O_RDWR | O_NOCTTY | O_NONBLOCK);

        while (user.opened < i)
            loop_once(world->loop, 2000);
        say(&user, "hello\n");
        client_skip(world, fd, "hello\n");
        client_send(world, fd, raw, sizeof raw - 1);
        user.length = 0;
        expect_input(world, &user, raw);
        client_is_quiet(world, fd); /* no echo */
        assert_true(channel_is_terminal(user.channel));
        assert_true(channel_has_focus(user.channel));
        assert_false(channel_window(user.channel, &columns, &rows) && columns != 100);
        assert_true(ioctl(fd, TIOCSWINSZ, &size) >= 0);
        assert_true(channel_window(user.channel, &columns, &rows));
        assert_int_equal(columns, 100);
        assert_int_equal(rows, 30);
        close(fd);
        while (user.closed < i)
            loop_once(world->loop, 2000);
    }
}

/* A guest writes to a pty that nobody has open, and to one whose reader sleeps. */
static void test_pty_without_reader(void **state)
{
    static char block[10000];
    struct world *world = *state;
    struct chardev *chardev = start_pty(world, &one);
    int fd;

    for (int i = 0; i < 1000; i++)
        channel_write(user.channel, block, sizeof block, true);
    assert_int_equal(channel_pending(user.channel), 0);
    fd = open(chardev_filename(chardev) + 4, O_RDWR | O_NOCTTY | O_NONBLOCK);
    for (int i = 0; i < 15 && channel_pending(user.channel) == 0; i++) {
        channel_write(user.channel, block, sizeof block, true);
        loop_once(world->loop, 200);
    }
    for (int i = 0; i < 1000; i++)
        channel_write(user.channel, block, sizeof block, true);
    assert_between(channel_pending(user.channel), 1, CHANNEL_BUFFER_MAX + sizeof block);
    channel_pause(user.channel, true);
    close(fd);
    for (int i = 0; i < 100 && channel_pending(user.channel) > 0; i++)
        loop_once(world->loop, 100);
    assert_int_equal(channel_pending(user.channel), 0);
}

static void test_slow_reader(void **state)
{
    struct world *world = *state;
    char *block = malloc(3000000);
    int fd;

    start(world, LISTENING("c0"), &many);
    fd = world_connect(world, "c0");
    world_run(world);
    for (size_t i = 0; i < 3000000; i++)
        block[i] = (char)(i * 7 + i / 1000);
    for (size_t i = 0; i < 3000000; i += 1000)
        channel_write(user.channel, block + i, 1000, false);
    assert_true(channel_pending(user.channel) > 2000000);
    assert_int_equal(user.drained, 0);
    /* It sends nothing more but reads all. */
    shutdown(fd, SHUT_WR);
    for (size_t i = 0; i < 3000000;) {
        char part[5000];
        ssize_t count = read(fd, part, sizeof part);

        assert_int_not_equal(count, 0);
        if (count > 0) {
            assert_memory_equal(part, block + i, (size_t)count);
            i += (size_t)count;
        } else {
            loop_once(world->loop, 100);
        }
    }
    world_run(world);
    assert_int_equal(user.drained, 1);
    assert_int_equal(user.closed, 1);
    close(fd);
    free(block);
}

static void test_overflow(void **state)
{
    static char block[100000];
    struct world *world = *state;
    int fd;

    start(world, LISTENING("c0"), &many);
    fd = world_connect(world, "c0");
    world_run(world);
    for (int i = 0; i < 1000; i++)
        channel_write(user.channel, block, sizeof block, true);
    assert_between(channel_pending(user.channel), CHANNEL_BUFFER_MAX, CHANNEL_BUFFER_MAX + sizeof block);
    assert_int_equal(user.closed, 0);
    channel_write(user.channel, block, sizeof block, false);
    channel_write(user.channel, block, sizeof block, false);
    assert_int_equal(user.closed, 0); /* not from within */
    world_run(world);
    assert_int_equal(user.closed, 1);
    close(fd);
}

static void test_pause_and_close(void **state)
{
    struct world *world = *state;
    int fd;

    start(world, LISTENING("c0"), &many);
    fd = world_connect(world, "c0");
    world_run(world);
    user.pause_after_input = true;
    client_say(world, fd, "1");
    expect_input(world, &user, "1");
    client_say(world, fd, "2");
    expect_input(world, &user, "1");
    channel_pause(user.channel, false);
    expect_input(world, &user, "12");
    /* A client that hangs up while it is not read is read to the end first. */
    client_say(world, fd, "3");
    close(fd);
    expect_input(world, &user, "12");
    user.pause_after_input = false;
    channel_pause(user.channel, false);
    expect_input(world, &user, "123");
    assert_int_equal(user.closed, 1);
    fd = world_connect(world, "c0");
    world_run(world);
    say(&user, "bye");
    channel_close(user.channel);
    channel_close(user.channel);
    assert_int_equal(user.closed, 1);
    client_skip(world, fd, "bye");
    free(client_read(world, fd, NULL));
    assert_int_equal(user.closed, 2);
    close(fd);
}

/* Writing to a client that is gone neither kills nor closes from within. */
static void test_gone_client(void **state)
{
    struct world *world = *state;
    int fd;

    start(world, LISTENING("c0"), &many);
    fd = world_connect(world, "c0");
    world_run(world);
    client_send(world, fd, "last words", 10);
    close(fd);
    say(&user, "x");
    say(&user, "x");
    assert_int_equal(user.closed, 0);
    expect_input(world, &user, "last words");
    assert_int_equal(user.closed, 1);
}

/* Mux ------------------------------------------------------------------------------------------------- */

static int start_mux(struct world *world, const struct chardev_user_ops *first_ops,
                     const struct chardev_user_ops *second_ops)
{
    struct chardev_config config = LISTENING("mux");
    struct chardev *chardev;
    int fd;

    config.mux = true;
    chardev = world_chardev(world, config, NULL);
    assert_true(chardev_attach(chardev, first_ops, &user, NULL));
    assert_true(chardev_attach(chardev, second_ops, &second, NULL));
    assert_true(chardev_start(chardev, NULL));
    fd = world_connect(world, "mux");
    world_run(world);
    return fd;
}

static void test_mux_keys(void **state)
{
    struct world *world = *state;
    int fd = start_mux(world, &many, &one);

    /* The serial port has the keyboard first. */
    assert_false(channel_has_focus(user.channel));
    assert_true(channel_has_focus(second.channel));
    client_say(world, fd, "one\001cmonitor\001\001a\001cback\001");
    world_run(world);
    client_say(world, fd, "z\001");
    world_run(world);
    client_say(world, fd, "\001.");
    expect_input(world, &user, "monitor\001a");
    expect_input(world, &second, "oneback\001.");
    assert_int_equal(user.focused, 1);
    assert_int_equal(user.unfocused, 1);
    assert_int_equal(second.focused, 1);
    say(&user, "from monitor,");
    say(&second, "from serial");
    client_skip(world, fd, "from monitor,from serial");
    client_say(world, fd, "\001h");
    client_skip(world, fd, "C-a x    exit hotram\r\n");
    client_skip(world, fd, "C-a C-a  sends C-a\r\n");
    assert_int_equal(world->terminated, 0);
    client_say(world, fd, "\001x");
    client_skip(world, fd, "terminated by Ctrl-A x\r\n");
    assert_int_equal(world->terminated, 1);
    assert_true(channel_is_terminal(user.channel));
    close(fd);
    world_run(world);
    assert_int_equal(user.closed, 0);
    assert_int_equal(second.closed, 0);
}

/* A guest that does not read its serial port does not keep the person from the monitor. */
static void test_mux_while_the_guest_does_not_read(void **state)
{
    static char many_keys[20000];
    struct world *world = *state;
    int fd = start_mux(world, &one, &many);
    ssize_t sent;

    user.pause_after_input = true;
    client_say(world, fd, "a");
    expect_input(world, &user, "a");
    client_say(world, fd, "bcd\001cinfo\001c");
    expect_input(world, &second, "info");
    expect_input(world, &user, "a");
    channel_pause(user.channel, false);
    assert_int_equal(user.length, 1); /* not from within */
    expect_input(world, &user, "abcd");
    /* A large paste waits in the socket in the end, and nothing of it is lost. */
    memset(many_keys, 'k', sizeof many_keys);
    client_send(world, fd, many_keys, sizeof many_keys);
    world_run(world);
    assert_int_equal(user.length, 4);
    user.pause_after_input = false;
    channel_pause(user.channel, false);
    for (int i = 0; i < 10; i++)
        world_run(world);
    assert_int_equal(user.length, 4 + sizeof many_keys);
    sent = write(fd, "!", 1);
    assert_int_equal(sent, 1);
    world_run(world);
    assert_int_equal(user.input[user.length - 1], '!');
    close(fd);
}

/* stdio ----------------------------------------------------------------------------------------------- */

static bool is_raw(int terminal)
{
    struct termios mode;

    tcgetattr(terminal, &mode);
    return !(mode.c_lflag & (ICANON | ECHO));
}

static void echo_input(void *opaque, const uint8_t *bytes, size_t length)
{
    struct user *of = opaque;

    channel_write(of->channel, bytes, length, false);
    if (memchr(bytes, 'q', length))
        exit(7);
}

/* The program of the tests for stdio: echoes, ends at 'q'. */
static void run_stdio(int input_fd, int output_fd, bool signals)
{
    static const struct chardev_user_ops echo = { .opened = opened, .input = echo_input, .closed = closed };
    struct chardev_config config = { .id = "s", .kind = CHARDEV_STDIO, .fd = -1, .signal = signals };
    struct loop *loop = loop_create();
    struct chardevs *chardevs = chardevs_create(loop, NULL, NULL);
    struct chardev *chardev;
    struct error error;

    assert_true(dup2(input_fd, 0) >= 0);
    assert_true(dup2(output_fd, 1) >= 0);
    chardev = chardev_open(chardevs, &config, &error);
    if (!chardev || strcmp(chardev_filename(chardev), "stdio") != 0 ||
        !chardev_attach(chardev, &echo, &user, &error) || !chardev_start(chardev, &error))
        _exit(1);
    config.id = "t";
    if (chardev_open(chardevs, &config, &error) || (fcntl(0, F_GETFL) & O_NONBLOCK))
        _exit(2);
    say(&user, "ready\n");
    loop_run(loop);
    _exit(3);
}

static pid_t fork_stdio(int input_fd, int output_fd, bool signals)
{
    pid_t pid = fork();

    if (pid == 0) {
        for (int i = 1; i < 32; i++)
            signal(i, SIG_DFL); /* cmocka's */
        alarm(30);
        run_stdio(input_fd, output_fd, signals);
    }
    return pid;
}

static int open_terminal(int *slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);

    unlockpt(master);
    *slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    return master;
}

static void test_stdio_on_a_terminal(void **state)
{
    struct world *world = *state;
    int slave;
    int master = open_terminal(&slave);
    pid_t pid = fork_stdio(slave, slave, false);
    struct termios mode;
    int status;

    client_skip(world, master, "ready\r\n");
    assert_true(is_raw(slave));
    tcgetattr(slave, &mode);
    assert_false(mode.c_lflag & ISIG);
    client_say(world, master, "\003\r\n\032");
    client_skip(world, master, "\003\r\r\n\032");
    kill(pid, SIGTSTP);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    assert_false(is_raw(slave));
    kill(pid, SIGCONT);
    while (!is_raw(slave))
        usleep(1000);
    client_say(world, master, "still here");
    client_skip(world, master, "still here");
    client_say(world, master, "q");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_false(is_raw(slave));
    close(master);
    close(slave);
}

static void test_stdio_killed(void **state)
{
    static const int signals[] = { SIGTERM, SIGSEGV, SIGABRT, SIGHUP };
    struct world *world = *state;

    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        int slave;
        int master = open_terminal(&slave);
        pid_t pid = fork_stdio(slave, slave, true);
        struct termios mode;
        int status;

        client_skip(world, master, "ready\r\n");
        assert_true(is_raw(slave));
        tcgetattr(slave, &mode);
        assert_true(mode.c_lflag & ISIG);
#ifndef __SANITIZE_ADDRESS__
        kill(pid, signals[i]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
#else
        kill(pid, SIGTERM); /* the sanitizer has handlers for the others */
        assert_int_equal(waitpid(pid, &status, 0), pid);
#endif
        assert_false(is_raw(slave));
        close(master);
        close(slave);
    }
}

static void replace(int fd, int by)
{
    assert_int_equal(dup2(by, fd), fd);
    close(by);
}

/* Pipes; the end of input is not the end; standard input may be a file or /dev/null. */
static void test_stdio_without_terminal(void **state)
{
    static const char *const inputs[] = { "/dev/null", "pipe", "file" };
    struct world *world = *state;

    for (size_t i = 0; i < COUNT_OF(inputs); i++) {
        int in[2];
        int out[2];
        char path[128];
        pid_t pid;

        assert_int_equal(pipe(in), 0);
        assert_int_equal(pipe2(out, O_NONBLOCK), 0);
        assert_true(fcntl(out[1], F_SETFL, 0) >= 0);
        if (i == 2) {
            snprintf(path, sizeof path, "%s/file", world->folder);
            replace(in[0], open(path, O_CREAT | O_RDWR, 0600));
            assert_int_equal(pwrite(in[0], "hello", 5, 0), 5);
        } else if (i == 0) {
            replace(in[0], open(inputs[i], O_RDONLY));
        } else {
            assert_int_equal(write(in[1], "hello", 5), 5);
        }
        close(in[1]);
        pid = fork_stdio(in[0], out[1], true);
        client_skip(world, out[0], i > 0 ? "ready\nhello" : "ready\n");
        usleep(20000);
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(in[0]);
        close(out[0]);
        close(out[1]);
    }
}

/* It hears who comes and goes; a user that comes later finds the client there. */
static void test_users_that_come_and_go(void **state)
{
    struct world *world = *state;
    struct error error;
    struct chardev_config config = LISTENING("c0");
    struct chardev *chardev;
    int fd;

    config.wait = true; /* for nobody any more */
    chardev = world_chardev(world, config, &error);
    assert_non_null(chardev);
    assert_true(chardev_start(chardev, &error)); /* without a user: nothing */
    assert_false(chardev_is_open(chardev));
    assert_true(chardev_attach_now(chardev, &one, &user, &error));
    assert_true(chardev_start(chardev, &error)); /* once is enough */
    assert_int_equal(user.opened, 1);
    assert_int_equal(user.came, 0);
    fd = world_connect(world, "c0");
    client_say(world, fd, "1");
    expect_input(world, &user, "1");
    assert_int_equal(user.came, 1);
    assert_false(chardev_attach_now(chardev, &one, &second, &error));
    assert_string_equal(error.text, "chardev 'c0' is already in use; mux=on allows it to be shared");

    chardev_detach(chardev, &user);
    assert_false(chardev_is_open(chardev));
    client_say(world, fd, "2");
    world_run(world);
    expect_input(world, &user, "1");
    assert_true(chardev_attach_now(chardev, &one, &second, &error));
    assert_int_equal(second.came, 1);
    expect_input(world, &second, "2");
    say(&second, "to you");
    client_skip(world, fd, "to you");
    close(fd);
    world_run(world);
    assert_int_equal(second.went, 1);
    assert_int_equal(user.went + user.closed, 0); /* it has left */

    /* Who hangs up while there is no user is found gone. */
    fd = world_connect(world, "c0");
    world_run(world);
    chardev_detach(chardev, &second);
    close(fd);
    world_run(world);
    memset(&second, 0, sizeof second);
    assert_true(chardev_attach_now(chardev, &one, &second, &error));
    world_run(world);
    assert_int_equal(second.came, second.went);
}

/* The keyboard goes to who is left. */
static void test_users_of_a_mux_that_come_and_go(void **state)
{
    struct world *world = *state;
    struct error error;
    struct chardev_config config = LISTENING("c0");
    struct chardev *chardev;
    int fd;

    config.mux = true;
    chardev = start(world, config, &one);
    fd = world_connect(world, "c0");
    world_run(world);
    assert_int_equal(user.came, 1);
    assert_true(chardev_attach_now(chardev, &one, &second, &error));
    assert_int_equal(second.came, 1);
    client_say(world, fd, "a\001cb");
    expect_input(world, &user, "a");
    expect_input(world, &second, "b");
    chardev_detach(chardev, &second);
    client_say(world, fd, "c");
    expect_input(world, &user, "ac");
    chardev_detach(chardev, &user);
    assert_false(chardev_is_open(chardev));
    client_say(world, fd, "\001cd"); /* waits for somebody */
    second.came = 0;
    assert_true(chardev_attach_now(chardev, &one, &second, &error));
    expect_input(world, &second, "bd");
    close(fd);
}

static void test_a_null_chardev_is_always_there(void **state)
{
    struct world *world = *state;

    start(world, (struct chardev_config){ .id = "n", .kind = CHARDEV_NULL, .fd = -1 }, &one);
    assert_int_equal(user.came, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_clients_of_a_socket),
        TEST(test_single_user),
        TEST(test_socket_files),
        TEST(test_socket_errors),
        TEST(test_connecting_socket),
        TEST(test_inherited_descriptors),
        TEST(test_waiting_for_a_client),
        TEST(test_file),
        TEST(test_logfile),
        TEST(test_null),
        TEST(test_one_user_without_mux),
        TEST(test_pty),
        TEST(test_pty_without_reader),
        TEST(test_slow_reader),
        TEST(test_overflow),
        TEST(test_pause_and_close),
        TEST(test_gone_client),
        TEST(test_users_that_come_and_go),
        TEST(test_users_of_a_mux_that_come_and_go),
        TEST(test_a_null_chardev_is_always_there),
        TEST(test_mux_keys),
        TEST(test_mux_while_the_guest_does_not_read),
        TEST(test_stdio_on_a_terminal),
        TEST(test_stdio_killed),
        TEST(test_stdio_without_terminal),
    };

    return cmocka_run_group_tests_name("chardev", tests, NULL, NULL);
}
