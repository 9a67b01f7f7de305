/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The course of a migration at the source:
 *
 *   greet      what the machine is; the target accepts it, while the guest runs
 *   pass       what was written since the last pass, at first everything; again, until the rest would take
 *              less than downtime-limit; with auto-converge, a guest that writes too fast for that is slowed
 *   switch     the guest stops; pause-before-switchover waits here
 *   state      the images' locks are given up; the rest of memory, and all state; the target takes the locks,
 *              and accepts that, too
 *   go         the target runs the guest. This is the point of no return
 *
 * Everything that fails or is cancelled before leaves the guest here as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "base/message.h"
#include "block/node.h"
#include "machine/migration.h"
#include "machine/state.h"

/* Between two passes while the guest cannot be stopped, as it resets. */
#define PAUSE_MS 20
/* Between two attempts to take the images' locks back, and how many: two seconds. */
#define LOCK_MS 20
#define LOCK_ATTEMPTS 100
/* So long the target's last answer is awaited before migrate_cancel may give it up. */
#define ANSWER_MS 5000

/* ---- the end ---- */

/* The guest is as it was before the source stopped it. */
static void take_back(struct migration *migration)
{
    struct machine *machine = migration->machine;
    struct error error;

    if (machine->state != RUN_FINISH_MIGRATE)
        return;
    machine->state = migration->old_state == RUN_RUNNING ? RUN_PAUSED : migration->old_state;
    if (!block_nodes_lock(machine->blocks, &error))
        warning("the guest was not sent, and stays paused: %s; then cont runs it", error.text);
    else if (migration->old_state == RUN_RUNNING)
        RESULT_DOES_NOT_MATTER(machine_cont(machine, &error), "a paused guest can always run");
}

/* A target that is killed closes its images some moments after its connection; until then it has the locks.
 */
static void end_failed(void *opaque)
{
    struct migration *migration = opaque;
    struct machine *machine = migration->machine;
    struct error ignored;

    if (machine->state == RUN_FINISH_MIGRATE && !machine->ending && migration->attempts > 0 &&
        !block_nodes_lock(machine->blocks, &ignored)) {
        migration->attempts--;
        timer_start(machine->loop, &migration->pause, LOCK_MS, end_failed, migration);
        return;
    }
    migration->ends = false;
    take_back(migration);
    migration_set_status(migration,
                         migration->cancelled && !migration->gone ? MIGRATION_CANCELLED : MIGRATION_FAILED);
}

void migrate_source_failed(struct migration *migration, const struct error *error)
{
    struct machine *machine = migration->machine;
    struct error failure = *error;

    if (migration->gone) {
        machine->state = RUN_POSTMIGRATE;
        error_prefix(&failure,
                     "the target was told to run the guest, and did not confirm it; if it does not, cont "
                     "runs it here, but never in both places: ");
    }
    migration_close(migration);
    migration->failure = failure;
    migration->ends = true;
    migration->attempts = LOCK_ATTEMPTS;
    end_failed(migration);
}

static void completed(struct migration *migration)
{
    migration->machine->state = RUN_POSTMIGRATE;
    migration_close(migration);
    migration->downtime = migration->ended - migration->stopped;
    migration_set_status(migration, MIGRATION_COMPLETED);
}

static void fail(struct migration *migration, const char *text)
{
    struct error error;

    error_set(&error, "%s", text);
    migrate_source_failed(migration, &error);
}

/* ---- steps on the worker ---- */

/* The target's reason is better than that the connection has ended. */
static bool explain(struct migration *migration, struct error *error)
{
    wire_explain(&migration->wire, error);
    return false;
}

static bool send_stream(struct migration *migration, enum wire_kind kind, struct error *error)
{
    const struct wire_message message = { .kind = kind, .length = (uint32_t)migration->length };

    return wire_send(&migration->wire, message, migration->bytes, error) || explain(migration, error);
}

static bool greet(struct migration *migration, struct error *error)
{
    struct wire *wire = &migration->wire;

    return wire_greet(wire, error) && send_stream(migration, WIRE_CONFIG, error) &&
           (!wire->answers || wire_await(wire, WIRE_ACCEPTED, error));
}

static bool pass(struct migration *migration, struct error *error)
{
    return moved_send(migration->moved, &migration->wire, error) || explain(migration, error);
}

static bool send_state(struct migration *migration, struct error *error)
{
    return pass(migration, error) && send_stream(migration, WIRE_STATE, error) &&
           (!migration->wire.answers || wire_await(&migration->wire, WIRE_LOADED, error));
}

/* One byte, so that it arrives or does not. A target that does not run after it says so, or its socket does.
 */
static bool go(struct migration *migration, struct error *error)
{
    static const uint8_t byte = WIRE_GO;

    if (!wire_write(&migration->wire, &byte, 1, error))
        return false;
    migration->gone = true;
    if (!migration->wire.answers || wire_await(&migration->wire, WIRE_RUNS, error))
        return true;
    migration->gone = !migration->wire.refused;
    return false;
}

/* ---- between them ---- */

static void loaded(struct migration *migration)
{
    if (migration->cancelled) {
        fail(migration, "cancelled");
        return;
    }
    migration->given_up = true;
    migration->went = loop_now();
    migration_do(migration, go, completed);
}

/* The guest stands still, and nothing else writes to its memory. The log comes after the state: to save the
 * state of an ITS, KVM writes its tables and the pending LPIs to the guest's memory. */
static void finish(struct migration *migration)
{
    struct machine *machine = migration->machine;
    struct error error;

    free(migration->bytes);
    migration->bytes = machine_save(machine, &migration->moved->memory, migration->old_state == RUN_RUNNING,
                                    &migration->length, &error);
    if (!migration->bytes || !moved_take_log(migration->moved, &error)) {
        migrate_source_failed(migration, &error);
        return;
    }
    block_nodes_unlock(machine->blocks);
    migration_note_pass(migration);
    wire_limit(&migration->wire, 0);
    migration_do(migration, send_state, loaded);
}

static void passed(struct migration *migration);

static void begin_pass(void *opaque)
{
    struct migration *migration = opaque;

    migration->pass_started = loop_now();
    migration->pass_moved = atomic_load(&migration->wire.moved);
    migration_do(migration, pass, passed);
}

static void pass_again(struct migration *migration)
{
    timer_start(migration->machine->loop, &migration->pause, PAUSE_MS, begin_pass, migration);
}

/* No device has anything under way; or the wait was given up. */
static void stands_still(void *opaque)
{
    struct migration *migration = opaque;
    struct machine *machine = migration->machine;

    migration->waits = false;
    if (!migration_runs(migration) || machine->ending)
        return; /* machine_end_migration() is next */
    if (migration->cancelled) {
        fail(migration, "cancelled");
    } else if (machine->state != RUN_FINISH_MIGRATE) {
        fail(migration, "the guest was reset or shut down meanwhile");
    } else if (machine_busy(machine) || atomic_load(&machine->requests) != 0) {
        /* A reset that the guest has just asked for comes first; meanwhile cont lets it run. */
        if (guest_memory_unlogged(machine->memory)) {
            fail(migration, "the guest has just asked for a reset or to be switched off, which comes first; "
                            "try again");
            return;
        }
        take_back(migration);
        pass_again(migration);
    } else if (migration->has_capability[MIGRATION_PAUSES]) {
        migration_set_status(migration, MIGRATION_PRE_SWITCHOVER);
    } else {
        finish(migration);
    }
}

static void switch_over(struct migration *migration)
{
    struct machine *machine = migration->machine;

    migration->old_state = machine->state;
    migration->stopped = loop_now();
    machine_stop_into(machine, RUN_FINISH_MIGRATE);
    if (!machine_busy(machine)) {
        stands_still(migration);
        return;
    }
    migration->waits = true;
    migration->waiter = (struct machine_waiter){ .ended = stands_still, .opaque = migration };
    machine_wait(&machine->drain.waiters, &migration->waiter);
}

/* Whether the rest is so little that the guest can stand still for it. */
static bool is_little(struct migration *migration)
{
    const uint64_t time = loop_now() - migration->pass_started;
    const uint64_t moved = atomic_load(&migration->wire.moved) - migration->pass_moved;
    const uint64_t rate = moved / (time ? time : 1), left = atomic_load(&migration->moved->left);

    migration->expected_downtime = rate ? left / rate : 0;
    return left <= migration->moved->page * 64 || (rate && left / rate <= migration->downtime_limit);
}

static void passed(struct migration *migration)
{
    struct machine *machine = migration->machine;
    struct error error = { 0 };

    if (migration->cancelled)
        error_set(&error, "cancelled");
    else if (machine->ending)
        error_set(&error, "the program ends");
    else if (moved_take_log(migration->moved, &error))
        migration_note_pass(migration);
    if (error.text[0]) {
        migrate_source_failed(migration, &error);
    } else if (machine_is_resetting(machine)) {
        pass_again(migration);
    } else if (machine->state == RUN_RUNNING && !is_little(migration)) {
        migrate_slow(migration);
        begin_pass(migration);
    } else if (machine_can_save(machine, &error)) {
        switch_over(migration);
    } else {
        migrate_source_failed(migration, &error);
    }
}

/* Whose devices' memory the kernel or another program writes to can be sent while they stand still only. */
static bool check_log(const struct machine *machine, struct error *error)
{
    const char *name = guest_memory_unlogged(machine->memory);

    return !name || machine->state != RUN_RUNNING ||
           error_set(error,
                     "device '%.80s': the kernel or another program writes to guest memory for it, of which "
                     "there is no log; stop the guest, and migrate it then",
                     name);
}

/* The target is a machine like this one. */
static void greeted(struct migration *migration)
{
    struct machine *machine = migration->machine;
    struct error error = { 0 };

    if (migration->cancelled)
        error_set(&error, "cancelled");
    else if (check_log(machine, &error) && machine_can_save(machine, &error))
        RESULT_DOES_NOT_MATTER(moved_begin(migration->moved, &error), "the error says it");
    if (error.text[0]) {
        migrate_source_failed(migration, &error);
        return;
    }
    migration->active = loop_now();
    throttle_begin(&migration->throttle, machine->loop, &machine->vcpus, migration->active);
    wire_limit(&migration->wire, migration->max_bandwidth);
    migration_note_pass(migration);
    migration_set_status(migration, MIGRATION_ACTIVE);
    if (guest_memory_unlogged(machine->memory))
        switch_over(migration); /* and from now on nobody lets it run */
    else
        begin_pass(migration);
}

/* ---- its beginning, and what monitors ask for ---- */

static bool may_begin(struct machine *machine, struct error *error)
{
    const struct migration *migration = &machine->migration;

    if (machine->state == RUN_INMIGRATE)
        return error_set(error, "Guest is waiting for an incoming migration");
    if (migration_runs(migration))
        return error_set(error, "There's a migration process in progress; migrate_cancel ends it");
    if (machine_is_saving(machine))
        return error_set(error, "a snapshot is being written; try again when it is complete");
    if (machine->state == RUN_POSTMIGRATE)
        return error_set(error, "Can't migrate the vm that was paused due to previous migration; if it does "
                                "not run elsewhere, cont runs it here");
    return machine_can_save(machine, error) && check_log(machine, error);
}

/* The struct as it is before a migration; what monitors have set stays. */
static void prepare(struct migration *migration)
{
    migration->incoming = migration->cancelled = migration->given_up = migration->gone = false;
    migration->failure.text[0] = '\0';
    migration->passes = 0;
    migration->downtime = migration->expected_downtime = 0;
    migration->started = migration->active = migration->stopped = loop_now();
    migration->ended = 0;
    migration->old_state = migration->machine->state;
}

/* The connection comes last: a target whose source has connected ends if that cannot begin. */
bool machine_migrate(struct machine *machine, const char *uri, struct error *error)
{
    struct migration *migration = &machine->migration;
    int fd;

    if (!may_begin(machine, error) || !migration_prepare(migration, error))
        return false;
    migration->bytes = machine_save_config(machine, &migration->moved->memory, &migration->length, error);
    fd = migration->bytes ? migrate_connect(uri, error) : -1;
    if (fd < 0 || !wire_open(&migration->wire, fd, error)) {
        migration_close(migration);
        return false;
    }
    prepare(migration);
    migrate_used(uri);
    migration->wire.answers = migration->has_capability[MIGRATION_RETURN_PATH] && migration->wire.two_way;
    migration_set_status(migration, MIGRATION_SETUP);
    migration_do(migration, greet, greeted);
    return true;
}

void machine_cancel_migration(struct machine *machine)
{
    struct migration *migration = &machine->migration;

    if (!migration_runs(migration) || migration->incoming || migration->cancelled || migration->ends)
        return;
    /* It is the target's; but one that stays silent, as on a host that is gone, is not awaited for ever. Then
     * this is the end of the connection: migrate_source_failed() says what follows. */
    if (migration->given_up && migration->wire.answers && loop_now() - migration->went < ANSWER_MS)
        return;
    migration->cancelled = true;
    wire_interrupt(&migration->wire);
    migration_set_status(migration, MIGRATION_CANCELLING);
    if (migration->waits)
        machine_leave(machine, &migration->waiter);
    else if (!migration->busy)
        fail(migration, "cancelled");
}

bool machine_continue_migration(struct machine *machine, struct error *error)
{
    struct migration *migration = &machine->migration;

    if (migration->status != MIGRATION_PRE_SWITCHOVER)
        return error_set(error, "Migration not in expected state: it is not pre-switchover");
    migration_set_status(migration, MIGRATION_DEVICE);
    finish(migration);
    return true;
}
