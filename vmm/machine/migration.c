/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine/migration.h"

#include <stdlib.h>
#include <unistd.h>

#include "block/node.h"
#include "host/network_door.h"
#include "machine/state.h"

/* QEMU's. */
#define BANDWIDTH (UINT64_C(128) << 20)
#define DOWNTIME_MS 300

void migration_init(struct migration *migration, struct machine *machine)
{
    migration->machine = machine;
    migration->max_bandwidth = BANDWIDTH;
    migration->downtime_limit = DOWNTIME_MS;
    migration->limits = (struct throttle_limits)THROTTLE_LIMITS;
    migration->has_capability[MIGRATION_RETURN_PATH] = true;
    migration->listener = migration->wire.fd = migration->wire.wake = -1;
}

struct migration *machine_migration(struct machine *machine)
{
    return &machine->migration;
}

/* ---- status ---- */

void migration_set_status(struct migration *migration, enum migration_status status)
{
    migration->status = status;
    if (migration->has_capability[MIGRATION_EVENTS])
        machine_emit(migration->machine, &(struct event){ .kind = EVENT_MIGRATION, .migration = status });
}

void migration_note_pass(struct migration *migration)
{
    migration->passes++;
    if (migration->has_capability[MIGRATION_EVENTS])
        machine_emit(migration->machine,
                     &(struct event){ .kind = EVENT_MIGRATION_PASS, .pass = migration->passes });
}

void machine_set_bandwidth(struct machine *machine, uint64_t bytes_per_second)
{
    struct migration *migration = &machine->migration;

    migration->max_bandwidth = bytes_per_second;
    /* While the guest stands still there is no limit. */
    if (!migration->incoming && migration->status == MIGRATION_ACTIVE && machine->state != RUN_FINISH_MIGRATE)
        wire_limit(&migration->wire, bytes_per_second);
}

/* ---- steps ---- */

static void run_step(void *opaque, const atomic_bool *stop)
{
    struct migration *migration = opaque;

    migration->succeeded = atomic_load(stop) ? error_set(&migration->error, "the program ends")
                                             : migration->step(migration, &migration->error);
}

static void fail(struct migration *migration, const struct error *error)
{
    if (migration->incoming)
        migrate_target_failed(migration, error);
    else
        migrate_source_failed(migration, error);
}

static void step_done(void *opaque)
{
    struct migration *migration = opaque;
    const struct error error = migration->error;

    migration->busy = false;
    if (migration->succeeded)
        migration->next(migration);
    else
        fail(migration, &error);
}

void migration_do(struct migration *migration, bool (*step)(struct migration *, struct error *),
                  void (*next)(struct migration *))
{
    migration->step = step;
    migration->next = next;
    migration->busy = true;
    migration->job = (struct job){ .run = run_step, .done = step_done, .opaque = migration };
    worker_do(migration->machine->saver, &migration->job);
}

/* ---- beginning and end ---- */

bool migration_prepare(struct migration *migration, struct error *error)
{
    struct machine *machine = migration->machine;

    if (!machine->saver)
        machine->saver = worker_create(machine->loop);
    if (!machine->saver)
        return error_set(error, "out of memory");
    if (!wire_prepare(&migration->wire, error))
        return false;
    migration->moved = moved_create(machine->memory, machine->backends, error);
    if (migration->moved)
        return true;
    migration_close(migration);
    return false;
}

bool migration_open(struct migration *migration, int fd, struct error *error)
{
    if (!migration_prepare(migration, error)) {
        close(fd);
        return false;
    }
    if (wire_open(&migration->wire, fd, error))
        return true;
    migration_close(migration);
    return false;
}

static void note_last(struct migration *migration)
{
    const struct migration_counts counts = migration_count(migration);

    migration->last_moved = counts.moved;
    migration->last_zeros = counts.zeros;
    migration->last_normal = counts.normal;
    migration->last_left = counts.left;
    migration->last_total = counts.total;
    migration->ended = loop_now();
}

void migration_close(struct migration *migration)
{
    if (migration_runs(migration)) /* one that has not begun leaves the figures of the last one */
        note_last(migration);
    timer_cancel(&migration->pause);
    throttle_end(&migration->throttle);
    wire_close(&migration->wire);
    moved_free(migration->moved);
    migration->moved = NULL;
    free(migration->bytes);
    migration->bytes = NULL;
}

/* ---- a source's guest that runs on ---- */

void migrate_slow(struct migration *migration)
{
    if (migration->has_capability[MIGRATION_CONVERGES])
        throttle_learn(&migration->throttle, &migration->limits, loop_now(),
                       atomic_load(&migration->wire.moved) - migration->pass_moved,
                       atomic_load(&migration->moved->left));
}

/* ---- what comes while a source has stopped its guest ---- */

void machine_note_stop(struct machine *machine)
{
    if (machine->migration.old_state == RUN_RUNNING)
        machine->migration.old_state = RUN_PAUSED;
}

bool machine_note_resume(struct machine *machine)
{
    struct migration *migration = &machine->migration;

    if (!migration->ends && (!migration->cancelled || migration->given_up))
        return false;
    migration->old_state = RUN_RUNNING;
    return true;
}

bool machine_migration_resumes(const struct machine *machine)
{
    return machine->state == RUN_FINISH_MIGRATE && machine->migration.waits &&
           machine->migration.old_state == RUN_RUNNING;
}

/* ---- the end of the program ---- */

void machine_interrupt_migration(struct machine *machine)
{
    if (machine->migration.wire.fd >= 0)
        wire_interrupt(&machine->migration.wire);
}

void machine_end_migration(struct machine *machine)
{
    struct migration *migration = &machine->migration;
    struct error reason;

    machine_interrupt_migration(machine);
    if (migration->busy)
        worker_take_back(machine->saver, &migration->job);
    if (migration->wire.fd >= 0 && migration->incoming && !migration->gone) {
        block_nodes_unlock(machine->blocks); /* before the source hears of it */
        error_set(&reason, "it ends before the guest has arrived");
        wire_tell_failure(&migration->wire, &reason);
    }
    migration_close(migration);
    migrate_close_listener(migration);
    network_door_close();
}
