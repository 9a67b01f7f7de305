/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram, from start to end: parse, open, build, run, take down.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/json_build.h"
#include "base/loop.h"
#include "base/message.h"
#include "block/overlay.h"
#include "block/storage_daemon.h"
#include "chardev/chardev.h"
#include "chardev/tcp.h"
#include "firmware/flash.h"
#include "host/control_socket.h"
#include "host/daemon.h"
#include "host/first_client.h"
#include "host/inherited.h"
#include "host/numbers.h"
#include "host/passed.h"
#include "host/sandbox.h"
#include "machine/machine.h"
#include "machine/migration.h"
#include "memory/memory_lock.h"
#include "monitor/monitor.h"
#include "net/backend.h"
#include "options/options.h"
#include "qtest/qtest.h"

/* Everything that lives from start to end. */
struct program {
    struct config config;
    struct daemon daemon;
    struct loop *loop;
    struct net_backends *nets;
    struct chardevs *chardevs;
    struct storage_daemon **daemons; /* NULL ends them; as config.images */
    struct control_socket control;
    struct machine *machine;
    struct monitors *monitors;
    struct qtest *qtest;
    int signals;
    struct watch *signal_watch;
};

static void terminate(void *opaque)
{
    struct program *program = opaque;

    machine_quit(program->machine, CAUSE_HOST_UI);
}

static void take_signal(void *opaque, uint32_t events)
{
    struct program *program = opaque;
    struct signalfd_siginfo info;

    (void)events;
    if (read(program->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    machine_quit(program->machine, CAUSE_HOST_SIGNAL);
}

/* SIGINT, SIGTERM and SIGHUP end the program in good order. */
static bool watch_signals(struct program *program, struct error *error)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone shows as an error of write */
    program->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    if (program->signals < 0)
        return error_set(error, "signalfd: %s", strerror(errno));
    program->signal_watch = watch_add(program->loop, program->signals, EPOLLIN, take_signal, program);
    return program->signal_watch != NULL || error_set(error, "epoll: %s", strerror(errno));
}

static bool open_chardevs(struct program *program, struct error *error)
{
    program->chardevs = chardevs_create(program->loop, terminate, program);
    if (!program->chardevs)
        return error_set(error, "out of memory");
    for (size_t i = 0; i < program->config.chardev_count; i++) {
        const struct chardev_config *config = &program->config.chardevs[i];

        if ((config->fd_given && !passed_take(config->fd, error)) ||
            !chardev_open(program->chardevs, config, error))
            return error_prefix(error, "%s: ", config->origin);
    }
    return true;
}

/* A name that no -chardev can have: '#' begins no id. */
#define CONTROL_CHARDEV "#control"

/* The socket of a guest that has a name. What goes wrong here is only said: the guest runs without. */
static void open_control(struct program *program)
{
    struct chardev_config config = { .id = (char[]){ CONTROL_CHARDEV },
                                     .kind = CHARDEV_SOCKET,
                                     .server = true };
    struct error error = { 0 };
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    /* Without the folder no program expects a socket: libvirt names every guest and sets no such variable. */
    if (!program->config.name || !runtime || !*runtime)
        return;
    config.fd = control_socket_open(&program->control, program->config.name, &error);
    if (config.fd < 0 || !chardev_open(program->chardevs, &config, &error))
        warning("-name %.80s: %s; hotramctl can reach this guest only by -s SOCKET if it has a -qmp socket",
                program->config.name, error.text);
}

/* Serial port first: on a multiplexed terminal it has the keyboard at the start. */
static bool attach_users(struct program *program, struct error *error)
{
    const struct config *config = &program->config;
    const struct monitor_config control = { .chardev = (char[]){ CONTROL_CHARDEV }, .control = true };

    if (config->serial_chardev &&
        !machine_attach_serial(program->machine, chardev_find(program->chardevs, config->serial_chardev),
                               error))
        return error_prefix(error, "-serial chardev:%.80s: ", config->serial_chardev);
    program->monitors = monitors_create(program->machine, program->chardevs);
    if (!program->monitors)
        return error_set(error, "out of memory");
    for (size_t i = 0; i < config->monitor_count; i++)
        if (!monitor_attach(program->monitors, &config->monitors[i], error))
            return error_prefix(error, "-mon %.80s: ", config->monitors[i].chardev);
    if (chardev_find(program->chardevs, CONTROL_CHARDEV) &&
        !monitor_attach(program->monitors, &control, error))
        return error_prefix(error, "-name: ");
    if (!net_backends_attach(program->nets, program->chardevs, error))
        return false;
    if (!config->qtest_chardev)
        return true;
    program->qtest = qtest_create(program->machine, program->loop,
                                  chardev_find(program->chardevs, config->qtest_chardev), config->qtest_log,
                                  error);
    return program->qtest != NULL || error_prefix(error, "-qtest: ");
}

static bool start_chardevs(struct program *program, struct error *error)
{
    struct chardev *chardev = NULL;

    while ((chardev = chardev_next(program->chardevs, chardev)))
        if (!chardev_start(chardev, error))
            return error_prefix(error, "-chardev %s: ", chardev_id(chardev));
    return true;
}

static void net_event(void *opaque, const struct event *event)
{
    struct program *program = opaque;

    if (program->machine)
        machine_emit(program->machine, event);
}

/* Cards, and so networks for them, can be added only where one is. */
static bool has_root_port(const struct config *config)
{
    bool found = false;

    for (size_t i = 0; i < config->device_count && !found; i++) {
        const struct props props = { config->devices[i].object, config->devices[i].keyval };
        const char *driver = props_string(props, "driver", NULL);

        found = driver && strcmp(driver, "pcie-root-port") == 0;
    }
    return found;
}

/* Before the sandbox closes, too. */
static bool open_tcp(struct program *program, struct error *error)
{
    struct config *config = &program->config;

    migrate_prepare(config->incoming);
    for (size_t i = 0; i < config->chardev_count; i++)
        if (config->chardevs[i].host && !tcp_open(&config->chardevs[i], error))
            return error_prefix(error, "%s: ", config->chardevs[i].origin);
    return true;
}

/* Before the sandbox closes, in which no network is reached and no program started. */
static bool open_netdevs(struct program *program, struct error *error)
{
    const struct config *config = &program->config;

    program->nets = net_backends_create(program->loop, net_event, program);
    if (!program->nets)
        return error_set(error, "out of memory");
    for (size_t i = 0; i < config->netdev_count; i++) {
        const struct props props = { config->netdevs[i].object, config->netdevs[i].keyval };

        if (net_backend_add(program->nets, props, NULL, error) == OUTCOME_FAILED)
            return error_prefix(error, "-%s %.200s: ", config->netdevs[i].option, config->netdevs[i].text);
    }
    if (config->sandbox == SANDBOX_DEFAULT || config->sandbox == SANDBOX_ON)
        net_backends_seal(program->nets, has_root_port(config));
    return true;
}

static struct chardev_config *chardev_of(const struct config *config, const struct image_config *image)
{
    for (size_t i = 0; i < config->chardev_count; i++)
        if (strncmp(config->chardevs[i].id, IMAGE_CHARDEV, strlen(IMAGE_CHARDEV)) == 0 &&
            strcmp(config->chardevs[i].id + strlen(IMAGE_CHARDEV), image->name) == 0)
            return &config->chardevs[i];
    return NULL;
}

static struct storage_daemon *serve_image(const struct image_config *image, int *connection,
                                          struct error *error)
{
    const struct overlay_base base = { image->base, image->base_format, image->base_format_unsaid };
    struct overlay overlay = { -1, -1 };
    struct storage_daemon *daemon;

    if (image->base && !overlay_create(&base, &overlay, error))
        return NULL;
    daemon = storage_daemon_start(&(struct storage_daemon_image){ image->name, image->node, image->writable,
                                                                  image->block_size, overlay.file,
                                                                  overlay.lock },
                                  connection, error);
    if (overlay.file >= 0)
        close(overlay.file); /* it is the daemon's */
    if (overlay.lock >= 0)
        close(overlay.lock);
    return daemon;
}

/* The same. An image that no device has is opened, too: what is wrong with it is said. */
static bool open_images(struct program *program, struct error *error)
{
    const struct config *config = &program->config;

    program->daemons = calloc(config->image_count + 1, sizeof *program->daemons);
    for (size_t i = 0; program->daemons && i < config->image_count; i++) {
        const struct image_config *image = &config->images[i];
        struct chardev_config *chardev = chardev_of(config, image);

        program->daemons[i] = serve_image(image, &chardev->fd, error);
        if (!program->daemons[i])
            return error_prefix(error, "-%s %.200s: ", image->option, image->text);
        storage_daemon_watch(program->daemons[i], program->loop);
    }
    return program->daemons || error_set(error, "out of memory");
}

/* After the machine: nobody writes to them any more. */
static void close_images(struct program *program)
{
    for (size_t i = 0; program->daemons && program->daemons[i]; i++)
        storage_daemon_end(program->daemons[i]);
    free(program->daemons);
}

static bool build(struct program *program, struct error *error)
{
    const struct config *config = &program->config;

    if (config->lock_memory && !memory_lock(error))
        return false;
    return machine_create(program->machine, error) || (config->lock_memory && memory_lock_suspect(error));
}

/* Before a daemon reports its start, for what is wrong with -incoming, and leaves the folder of its paths. */
static bool begin_incoming(struct program *program, struct error *error)
{
    return machine_run_state(program->machine) != RUN_INMIGRATE ||
           machine_begin_incoming(program->machine, error);
}

static bool start(struct program *program, struct error *error)
{
    const struct config *config = &program->config;

    program->loop = loop_create();
    if (!program->loop)
        return error_set(error, "event loop: %s", strerror(errno));
    if (!open_netdevs(program, error) || !open_tcp(program, error) || !open_images(program, error) ||
        !sandbox_start(config->sandbox, flash_has_bank(config, 0) || flash_has_bank(config, 1), error))
        return false;
    fault_init();
    program->machine = machine_open(config, program->loop, error);
    if (program->machine)
        machine_set_nets(program->machine, program->nets);
    if (!program->machine || !watch_signals(program, error) || !open_chardevs(program, error))
        return false;
    open_control(program);
    machine_set_chardevs(program->machine, program->chardevs);
    if (!build(program, error) || !attach_users(program, error) ||
        !pidfile_write(&program->daemon, config->pidfile, error) || !start_chardevs(program, error) ||
        !begin_incoming(program, error) || !daemon_ready(&program->daemon, error))
        return false;
    return machine_autostart(program->machine, error);
}

/* Returns the exit status. */
static int take_down(struct program *program, bool started)
{
    int status = EXIT_FAILURE;
    const char *stuck = program->machine ? machine_stop_files(program->machine) : NULL;
    const bool busy = program->machine && !machine_stop_devices(program->machine);

    /* Nobody is told any more; then those who use others go before those whom they use. The vCPUs go on until
     * machine_destroy(), but touch only what is the machine's. */
    if (program->machine)
        machine_set_event_sink(program->machine, NULL, NULL);
    if (program->machine)
        machine_set_chardevs(program->machine, NULL);
    control_socket_remove(&program->control);
    if (program->nets)
        RESULT_DOES_NOT_MATTER(!net_backends_attach(program->nets, NULL, NULL), "nothing is attached");
    if (program->chardevs)
        chardevs_destroy(program->chardevs);
    if (program->monitors)
        monitors_destroy(program->monitors);
    qtest_destroy(program->qtest);
    if (!started)
        machine_abandon(program->machine);
    if (stuck)
        message("%s; exiting without waiting for it", stuck);
    if (stuck || busy) {
        pidfile_remove(&program->daemon);
        _exit(started ? machine_exit_status(program->machine) : EXIT_FAILURE);
    }
    if (started)
        status = machine_exit_status(program->machine);
    machine_destroy(program->machine);
    net_backends_destroy(program->nets);
    passed_end();
    if (program->signal_watch)
        watch_remove(program->signal_watch);
    close_images(program);
    if (program->loop)
        loop_destroy(program->loop);
    pidfile_remove(&program->daemon);
    config_free(&program->config);
    return status;
}

int main(int argc, char *argv[])
{
    struct program program = { .signals = -1 };
    struct error error = { 0 };
    bool started;

    if (!files_open_standard())
        return EXIT_FAILURE; /* there is no way to report it */
    if (!json_prepare()) {
        message("out of memory");
        return EXIT_FAILURE;
    }
    switch (config_parse(&program.config, argc, argv, &error)) {
    case CONFIG_DONE:
        config_free(&program.config);
        return EXIT_SUCCESS;
    case CONFIG_ERROR:
        message("%s", error.text);
        first_client_wait(argc, argv, -1);
        config_free(&program.config);
        return EXIT_FAILURE;
    case CONFIG_RUN:
        break;
    }
    inherited_close(&program.config, argc, argv);
    started = numbers_begin(&error);
    message_open();
    message_configure(program.config.timestamps,
                      program.config.message_guest_name ? program.config.name : NULL);
    for (size_t i = 0; i < program.config.left_out_count; i++)
        warning("left out: %s", program.config.left_out[i]);
    /* In the parent of a daemon this does not return. */
    started = started && inherited_take(&program.config, &error) &&
              daemon_begin(&program.daemon, program.config.daemonize, &error) && start(&program, &error);
    if (started) {
        loop_run(program.loop);
    } else {
        message("%s", error.text);
        first_client_wait(argc, argv, program.signals);
    }
    return take_down(&program, started);
}
