/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The course of a snapshot: the guest stops, the host completes the requests of devices, the state is
 * collected at once, a worker writes the memory, the guest continues. In the background the guest continues
 * before the memory is written. The file gets its name when it is complete.
 */
#include "machine/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "machine/background.h"
#include "machine/state.h"

/* How long the end of the program waits for a worker that was told to stop. */
#define STOP_MS 1000
/* The first bytes of a stream (hotram/state.h). */
#define SNAPSHOT_MAGIC "HRST"

struct snapshot {
    struct machine *machine;
    struct saved_memory memory;
    struct background *background; /* NULL: the guest stands still */
    char *path, *partial;
    int fd;
    uint8_t *stream;
    size_t length;
    struct machine_waiter drained; /* the host completes requests of devices: */
    bool drains;
    struct job job;
    bool written; /* the worker's while it has the job, like the next */
    struct error error;
    bool was_running;
    void (*ended)(void *opaque, const struct error *error);
    void *opaque;
};

bool machine_is_saving(const struct machine *machine)
{
    return machine->snapshot != NULL;
}

/* ---- its end ---- */

static void discard(struct snapshot *snapshot)
{
    background_destroy(snapshot->background);
    saved_memory_return(&snapshot->memory);
    if (snapshot->fd >= 0) {
        close(snapshot->fd);
        RESULT_DOES_NOT_MATTER(unlink(snapshot->partial),
                               "the file that is left is none that can be restored");
    }
    free(snapshot->stream);
    free(snapshot->partial);
    free(snapshot->path);
    free(snapshot);
}

/* What a snapshot may replace: a snapshot, or an empty file. A name typed by mistake must not cost a disk's
 * image, a device or a FIFO. */
static bool is_replaceable(const char *path, struct error *error)
{
    char why[FILE_WHY_SIZE], magic[sizeof SNAPSHOT_MAGIC - 1];
    struct stat file;
    ssize_t length;
    int fd;

    if (lstat(path, &file) < 0 && errno == ENOENT)
        return true;
    fd = file_open_regular(path, O_RDONLY, 0, why);
    if (fd < 0)
        return error_set(error, "%s; take another path", why);
    length = pread(fd, magic, sizeof magic, 0);
    close(fd);
    return length == 0 ||
           (length == (ssize_t)sizeof magic && memcmp(magic, SNAPSHOT_MAGIC, sizeof magic) == 0) ||
           error_set(error, "it exists, and is no snapshot; remove it, or take another path");
}

/* The file is complete: it gets its name, and replaces the snapshot that had it. */
static bool publish(struct snapshot *snapshot)
{
    if (!is_replaceable(snapshot->path, &snapshot->error))
        return false;
    if (rename(snapshot->partial, snapshot->path) < 0)
        return error_set(&snapshot->error, "%s", strerror(errno));
    close(snapshot->fd);
    snapshot->fd = -1;
    return true;
}

static void finish(struct snapshot *snapshot)
{
    struct machine *machine = snapshot->machine;
    void (*const ended)(void *, const struct error *) = snapshot->ended;
    void *const opaque = snapshot->opaque;
    struct error error = { 0 }, ignored;
    const bool good = snapshot->written && publish(snapshot);

    if (!good) {
        error_set(&error, "%s", snapshot->error.text);
        error_prefix(&error, "'%s': ", snapshot->path);
    }
    machine->snapshot = NULL;
    if (snapshot->was_running && machine->state == RUN_PAUSED)
        RESULT_DOES_NOT_MATTER(machine_cont(machine, &ignored), "a paused guest can always run");
    discard(snapshot);
    ended(opaque, good ? NULL : &error);
}

/* ---- memory ---- */

/* On the worker's thread. The stream is written last: without it the file is none. */
static void write_file(void *opaque, const atomic_bool *stop)
{
    struct snapshot *snapshot = opaque;

    snapshot->written = snapshot->background
                            ? background_write(snapshot->background, stop, &snapshot->error)
                            : saved_memory_write(&snapshot->memory, snapshot->fd, stop, &snapshot->error);
    if (snapshot->written)
        snapshot->written = saved_bytes_write(snapshot->fd, snapshot->stream, snapshot->length, 0,
                                              &snapshot->error);
}

static void file_written(void *opaque)
{
    finish(opaque);
}

/* ---- its beginning ---- */

/* A link stays one: its target gets the snapshot. Sets snapshot->path. */
static bool find_place(struct snapshot *snapshot, const char *path, struct error *error)
{
    struct stat file;
    const bool link = lstat(path, &file) == 0 && S_ISLNK(file.st_mode);

    snapshot->path = link ? realpath(path, NULL) : strdup(path);
    if (!snapshot->path)
        return error_set(error, "'%s': %s", path, strerror(errno));
    return is_replaceable(snapshot->path, error) || error_prefix(error, "'%s': ", path);
}

static bool open_partial(struct snapshot *snapshot, struct error *error)
{
    const size_t size = strlen(snapshot->path) + sizeof ".partial";

    snapshot->partial = malloc(size);
    if (!snapshot->machine->saver)
        snapshot->machine->saver = worker_create(snapshot->machine->loop);
    if (!snapshot->partial || !snapshot->machine->saver)
        return error_set(error, "out of memory");
    snprintf(snapshot->partial, size, "%s.partial", snapshot->path);
    snapshot->fd = open(snapshot->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (snapshot->fd >= 0)
        return true;
    return errno == EEXIST ? error_set(error,
                                       "'%s': it exists: another snapshot is being written to this file, or "
                                       "was not completed; remove it if there is none",
                                       snapshot->partial)
                           : error_set(error, "'%s': %s", snapshot->partial, strerror(errno));
}

/* The guest stands still, and no device is busy. */
static bool collect(struct snapshot *snapshot, struct error *error)
{
    struct machine *machine = snapshot->machine;

    if (atomic_load(&machine->requests) != 0)
        return error_set(error, "the guest has just requested a reset or a power off; try again");
    if (!saved_memory_list(&snapshot->memory, machine->memory, machine->backends, error))
        return false;
    snapshot->stream = machine_save(machine, &snapshot->memory, snapshot->was_running, &snapshot->length,
                                    error);
    return snapshot->stream && saved_memory_lease(&snapshot->memory, error) &&
           (!snapshot->background ||
            background_protect(snapshot->background, &snapshot->memory, snapshot->fd, error));
}

static void begin_writing(struct snapshot *snapshot)
{
    struct error ignored;

    if (snapshot->background && snapshot->was_running)
        snapshot->was_running = !machine_cont(snapshot->machine, &ignored); /* or again at the end */
    snapshot->job = (struct job){ .run = write_file, .done = file_written, .opaque = snapshot };
    worker_do(snapshot->machine->saver, &snapshot->job);
}

static void drained(void *opaque)
{
    struct snapshot *snapshot = opaque;
    bool good;

    snapshot->drains = false;
    if (snapshot->machine->ending || snapshot->drained.leaves)
        good = error_set(&snapshot->error, "the program ends");
    else if (snapshot->machine->state == RUN_RUNNING)
        good = error_set(&snapshot->error, "the guest was reset meanwhile; try again");
    else
        good = machine_can_save(snapshot->machine, &snapshot->error) && collect(snapshot, &snapshot->error);
    if (good)
        begin_writing(snapshot);
    else
        finish(snapshot);
}

static bool begin(struct snapshot *snapshot, const char *path, bool background, struct error *error)
{
    struct machine *machine = snapshot->machine;
    struct error ignored;

    if (!find_place(snapshot, path, error) || !open_partial(snapshot, error))
        return false;
    if (background && !(snapshot->background = background_create(machine, error)))
        return false;
    snapshot->was_running = machine->state == RUN_RUNNING;
    snapshot->drained = (struct machine_waiter){ .ended = drained, .opaque = snapshot };
    snapshot->drains = machine_stop(machine, &snapshot->drained);
    if (snapshot->drains)
        return true;
    if (collect(snapshot, error)) {
        begin_writing(snapshot);
        return true;
    }
    if (snapshot->was_running)
        RESULT_DOES_NOT_MATTER(machine_cont(machine, &ignored), "it ran a moment ago");
    return false;
}

bool machine_snapshot(struct machine *machine, const char *path, bool background,
                      void (*ended)(void *opaque, const struct error *error), void *opaque,
                      struct error *error)
{
    struct snapshot *snapshot;

    if (machine->snapshot)
        return error_set(error, "a snapshot is being written; try again when it is complete");
    if (!machine_can_save(machine, error))
        return false;
    snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot)
        return error_set(error, "out of memory");
    snapshot->machine = machine;
    snapshot->fd = -1;
    snapshot->ended = ended;
    snapshot->opaque = opaque;
    if (!begin(snapshot, path, background, error)) {
        discard(snapshot);
        return false;
    }
    machine->snapshot = snapshot;
    return true;
}

bool machine_snapshot_resumes(const struct machine *machine)
{
    const struct snapshot *snapshot = machine->snapshot;

    return machine->state == RUN_PAUSED && snapshot && snapshot->drains && snapshot->was_running;
}

void machine_abandon_snapshot(struct machine *machine)
{
    if (machine->snapshot && machine->snapshot->background)
        background_abandon(machine->snapshot->background);
}

bool machine_stop_snapshot(struct machine *machine)
{
    return worker_stop(machine->saver, STOP_MS);
}

void machine_end_snapshot(struct machine *machine)
{
    struct snapshot *snapshot = machine->snapshot;

    if (snapshot && snapshot->drains) {
        snapshot->drained.leaves = true;
        machine_notify(&machine->drain.waiters, false); /* drained() ends it */
    } else if (snapshot) {
        worker_take_back(machine->saver, &snapshot->job);
        snapshot->written = error_set(&snapshot->error, "the program ends");
        snapshot->was_running = false;
        finish(snapshot);
    }
    worker_destroy(machine->saver);
    machine->saver = NULL;
}
