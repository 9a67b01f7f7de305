/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Live migration: a guest moves to another machine while it runs. docs/migration.md specifies the stream, and
 * what is guaranteed.
 *
 * wire.c             the connection: messages and answers
 * moved.c            memory on its way
 * migration_info.c   what queries show
 * migration.c        what both sides have: steps on a worker, status, the end
 * migrate_source.c   the course at the source
 * throttle.c         a source's guest that writes too fast is slowed
 * migrate_target.c   the course at the target
 * migrate_receive.c  what it reads
 * migrate_address.c  unix:PATH, tcp:ADDRESS:PORT, fd:NAME and the like
 *
 * A migration is a sequence of steps. The worker does what waits for the other end, one step at a time;
 * between two of them the main thread decides what follows, takes the dirty log and stops the guest. So the
 * struct belongs to the worker while a step is in progress, except for the members that are noted below.
 */
#ifndef VMM_MACHINE_MIGRATION_H
#define VMM_MACHINE_MIGRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/event.h"
#include "base/loop.h"
#include "host/file.h"
#include "host/worker.h"
#include "machine/machine.h"
#include "machine/moved.h"
#include "machine/throttle.h"
#include "machine/wire.h"

enum migration_capability {
    MIGRATION_EVENTS,      /* events MIGRATION and MIGRATION_PASS are sent */
    MIGRATION_RETURN_PATH, /* the target answers, over a socket */
    MIGRATION_PAUSES,      /* pause-before-switchover */
    MIGRATION_LATE_BLOCK,  /* late-block-activate: without effect */
    MIGRATION_CONVERGES,   /* auto-converge: the guest is slowed if it writes too fast */
    MIGRATION_CAPABILITIES
};
/* "setup"; "none" for MIGRATION_NONE. */
const char *migration_status_name(enum migration_status status);
extern const char *const migration_capabilities[MIGRATION_CAPABILITIES];

struct migration {
    struct machine *machine;
    /* The main thread's, always. */
    enum migration_status status;
    bool has_capability[MIGRATION_CAPABILITIES];
    uint64_t max_bandwidth;  /* bytes per second; 0: no limit */
    uint64_t downtime_limit; /* milliseconds */
    struct throttle_limits limits;
    bool incoming; /* of this or the last migration: this is the target */
    bool busy;     /* a step is in progress */
    bool cancelled;
    bool given_up;     /* a source that sends WIRE_GO; for some seconds it cannot be cancelled */
    bool ends;         /* a source that has failed, and takes its images back */
    unsigned attempts; /* to do so that are left */
    bool starts;       /* a target: cont was given: the guest runs afterwards in any case */
    bool waits;        /* a source: the waiter waits for devices that stop */
    struct machine_waiter waiter;
    enum run_state old_state;                 /* a source: before it stopped the guest */
    int listener;                             /* a target, for its source; or -1 */
    struct watch *watch;                      /* of the listener */
    struct made_file made;                    /* the socket that it listens at */
    struct error failure;                     /* why the last one failed; "" */
    uint64_t passes;                          /* of the dirty log, and events MIGRATION_PASS */
    uint64_t started, active, stopped, ended; /* loop_now() */
    uint64_t went;                            /* the same: since when it is given up */
    uint64_t downtime, expected_downtime;     /* milliseconds; expected: 0 if not known */
    uint64_t pass_started, pass_moved;        /* loop_now(), wire.moved */
    struct throttle throttle;

    struct wire wire; /* wire.fd is -1: there is none */
    struct moved *moved;
    uint8_t *bytes; /* a stream of saved states: to be sent, or as it arrived */
    size_t length;
    bool running; /* a target: the guest ran before the source stopped it */
    bool gone;    /* WIRE_GO was sent, or has arrived */
    struct job job;
    bool (*step)(struct migration *migration, struct error *error);
    void (*next)(struct migration *migration); /* after a step that succeeded */
    bool succeeded;
    struct error error;
    struct timer pause;
    /* What the last migration moved, after its end. */
    uint64_t last_moved, last_zeros, last_normal, last_left, last_total;
};

/* ---- for monitors ---- */

void migration_init(struct migration *migration, struct machine *machine);
/* Begin to send the guest to this address, "unix:PATH" or "fd:NAME". False and an error: nothing has changed;
 * what fails later is in `failure`. */
bool machine_migrate(struct machine *machine, const char *uri, struct error *error);
/* Receive the guest from there; the state is inmigrate, and nothing is received yet. */
bool machine_incoming(struct machine *machine, const char *uri, struct error *error);
/* Without effect if there is none, or it has come too far. */
void machine_cancel_migration(struct machine *machine);
/* A source that pauses before it switches over continues. False and an error: it does not pause. */
bool machine_continue_migration(struct machine *machine, struct error *error);
/* The bandwidth may change during a migration. */
void machine_set_bandwidth(struct machine *machine, uint64_t bytes_per_second);
struct migration *machine_migration(struct machine *machine);
/* Whether it is in progress, in either direction: the machine does not change meanwhile. */
bool migration_runs(const struct migration *migration);
/* What the present or the last one has moved. */
struct migration_counts {
    uint64_t moved, zeros, normal, left, total; /* bytes, pages, pages, bytes, bytes */
    uint64_t page;
};
struct migration_counts migration_count(const struct migration *migration);

/* Before the sandbox, with what -incoming names, or NULL: what such a target needs of the network. */
void migrate_prepare(const char *incoming);

/* ---- for machine/ ---- */

/* A target begins what -incoming names, if it has not: at its start, before a daemon reports that and leaves
 * its folder; or after x-exit-preconfig. */
bool machine_begin_incoming(struct machine *machine, struct error *error);
/* cont and stop of a target that has not received its guest. */
void machine_note_cont(struct machine *machine, bool starts);
/* stop of a source that has stopped its guest for the end of the migration: it is not resumed here, and
 * arrives paused if its state has not been sent. */
void machine_note_stop(struct machine *machine);
/* cont of such a source: once its migration has been cancelled or has failed, the guest runs when it is back.
 * False: that is not certain. */
bool machine_note_resume(struct machine *machine);
/* Whether it waits for devices of a guest that runs otherwise. A reset that the guest had asked for before
 * comes first then: it is to run here, and the migration fails. */
bool machine_migration_resumes(const struct machine *machine);
/* The program ends: whatever waits ends now; then, what is in progress is taken back. */
void machine_interrupt_migration(struct machine *machine);
void machine_end_migration(struct machine *machine);

/* ---- migration.c, for both sides ---- */

/* Have the worker do it; then migration->next, or fail(). */
void migration_do(struct migration *migration, bool (*step)(struct migration *, struct error *),
                  void (*next)(struct migration *));
/* Event MIGRATION. */
void migration_set_status(struct migration *migration, enum migration_status status);
/* Event MIGRATION_PASS. */
void migration_note_pass(struct migration *migration);
/* What a migration needs besides a connection. False and an error: nothing is left. */
bool migration_prepare(struct migration *migration, struct error *error);
/* The same, and the connection. False and an error; it is closed. */
bool migration_open(struct migration *migration, int fd, struct error *error);
/* Release everything but what queries show. */
void migration_close(struct migration *migration);
/* Nobody can connect any more; without effect if nobody could. */
void migrate_close_listener(struct migration *migration);
/* A source, between two passes: slow the guest if it has written too much meanwhile. */
void migrate_slow(struct migration *migration);
/* The end of one that failed, on either side: migrate_source.c, migrate_target.c. */
void migrate_source_failed(struct migration *migration, const struct error *error);
void migrate_target_failed(struct migration *migration, const struct error *error);

/* ---- migrate_receive.c: steps of a target. False and an error ---- */

/* The beginning and the configuration, which is in migration->bytes then. */
bool migrate_meet(struct migration *migration, struct error *error);
/* It is accepted. All memory; the state is in migration->bytes then. */
bool migrate_receive(struct migration *migration, struct error *error);
/* It is loaded. The guest runs here: migration->gone. */
bool migrate_wait_for_go(struct migration *migration, struct error *error);

/* ---- migrate_address.c ---- */

/* A connection to there, or -1 and an error. */
int migrate_connect(const char *uri, struct error *error);
/* Where a connection is awaited: *listener is a socket that listens, and `made` its file, to be removed with
 * it; or -1, and the result is the connection. -1 with *listener -1, and an error. */
int migrate_listen(const char *uri, int *listener, struct made_file *made, struct error *error);
/* After its successful use: a name of getfd is free again. */
void migrate_used(const char *uri);

#endif
