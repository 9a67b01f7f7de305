/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The course of a migration at the target, whose state is inmigrate: the counterpart of migrate_source.c. The
 * guest runs here only when the source has said so (WIRE_GO). Everything that fails before ends the program,
 * as nothing here is worth anything.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/message.h"
#include "block/node.h"
#include "host/network_door.h"
#include "machine/migration.h"
#include "machine/state.h"
#include "net/announce.h"

/* Between two attempts to accept a source, where the program lacks descriptors or memory. */
#define ACCEPT_MS 100

void migrate_target_failed(struct migration *migration, const struct error *error)
{
    struct machine *machine = migration->machine;

    if (machine->ending)
        return;                          /* machine_end_migration() is next */
    block_nodes_unlock(machine->blocks); /* before the source hears of it */
    wire_tell_failure(&migration->wire, error);
    migration_close(migration);
    migration->failure = *error;
    message("-incoming: %s", error->text);
    migration_set_status(migration, MIGRATION_FAILED);
    machine->failed = true;
    machine_end(machine);
}

/* ---- between them ---- */

static void run(struct migration *migration)
{
    struct machine *machine = migration->machine;
    const bool starts = migration->starts || (migration->running && !machine->config->start_paused);
    struct error error;

    migration_close(migration);
    if (machine->ending)
        return;
    machine->state = RUN_PAUSED;
    if (starts && !machine_cont(machine, &error))
        message("-incoming: the guest has arrived, and does not run: %s", error.text);
    migration_set_status(migration, MIGRATION_COMPLETED);
}

static void received(struct migration *migration)
{
    struct error error;

    if (block_nodes_lock(migration->machine->blocks, &error) &&
        machine_restore_state(migration->machine, migration->bytes, migration->length, &migration->running,
                              &error))
        migration_do(migration, migrate_wait_for_go, run);
    else
        migrate_target_failed(migration, &error);
}

static void met(struct migration *migration)
{
    struct error error;

    if (!machine_check_config(migration->machine, migration->moved, migration->bytes, migration->length,
                              &error)) {
        migrate_target_failed(migration, &error);
        return;
    }
    migration->active = loop_now();
    migration_set_status(migration, MIGRATION_ACTIVE);
    migration_do(migration, migrate_receive, received);
}

void machine_announce_arrival(struct machine *machine)
{
    struct error error;

    if (machine->arrived && machine->nets && !net_announce(machine->nets, &NET_ANNOUNCEMENT, &error))
        warning("the guest's addresses are not announced: %s", error.text);
    machine->arrived = false;
}

/* ---- its beginning ---- */

static bool begin(struct migration *migration, int fd, struct error *error)
{
    if (!migration_open(migration, fd, error))
        return false;
    migration_do(migration, migrate_meet, met);
    return true;
}

void migrate_close_listener(struct migration *migration)
{
    if (migration->watch)
        watch_remove(migration->watch);
    if (migration->listener >= 0)
        close(migration->listener);
    made_file_remove(&migration->made);
    migration->watch = NULL;
    migration->listener = -1;
}

static void await_again(void *opaque)
{
    const struct migration *migration = opaque;

    if (!watch_change(migration->watch, EPOLLIN))
        warning("-incoming: the socket is not watched any more: %s", strerror(errno));
}

/* The source is there. It is accepted when its connection can be used. */
static void connected(void *opaque, uint32_t events)
{
    struct migration *migration = opaque;
    struct error error;
    const bool ready = wire_prepare(&migration->wire, &error);
    const int fd = ready ? accept4(migration->listener, NULL, NULL, SOCK_CLOEXEC) : -1;

    (void)events;
    if ((!ready || (fd < 0 && file_lacks_room(errno))) && watch_change(migration->watch, 0))
        timer_start(migration->machine->loop, &migration->pause, ACCEPT_MS, await_again, migration);
    if (fd < 0)
        return; /* it waits, or is gone again */
    migrate_close_listener(migration);
    if (!begin(migration, fd, &error))
        migrate_target_failed(migration, &error);
}

static bool await_source(struct migration *migration, struct error *error)
{
    migration->watch = watch_add(migration->machine->loop, migration->listener, EPOLLIN, connected,
                                 migration);
    if (migration->watch)
        return true;
    migrate_close_listener(migration);
    return error_set(error, "epoll: the socket cannot be watched");
}

bool machine_incoming(struct machine *machine, const char *uri, struct error *error)
{
    struct migration *migration = &machine->migration;
    int fd;

    if (machine->state != RUN_INMIGRATE)
        return error_set(error, "'-incoming' was not specified on the command line");
    if (migration_runs(migration))
        return error_set(error, "The incoming migration has already been started");
    fd = migrate_listen(uri, &migration->listener, &migration->made, error);
    if (fd < 0 && migration->listener < 0) {
        migrate_close_listener(migration);
        return false;
    }
    network_door_close();
    migration->incoming = true;
    migration->started = loop_now();
    if (fd >= 0 ? !begin(migration, fd, error) : !await_source(migration, error))
        return false;
    migrate_used(uri);
    migration_set_status(migration, MIGRATION_SETUP);
    return true;
}

bool machine_begin_incoming(struct machine *machine, struct error *error)
{
    const char *uri = machine->config->incoming;

    return strcmp(uri, "defer") == 0 || migration_runs(&machine->migration) ||
           machine_incoming(machine, uri, error) || error_prefix(error, "-incoming '%s': ", uri);
}

void machine_note_cont(struct machine *machine, bool starts)
{
    machine->migration.starts = starts;
}
