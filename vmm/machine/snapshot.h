/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshots: the machine's state and its memory in a file, and a machine that continues from one.
 * docs/state.md specifies the file.
 *
 * saved.c            all but memory, as a stream of saved states
 * saved_options.c    the options that make the same machine, for -restore
 * saved_memory.c     which memory there is, and memory from a file, mapped where possible
 * saved_memory_write.c  to a file, without its zero pages
 * background.c       memory of a guest that runs, as it was at one moment
 * snapshot.c         the course of a snapshot
 *
 * Whoever saves a machine by other means, as a migration does, calls machine_stop() with a waiter, which
 * stops vCPUs and devices and waits for requests at the host; machine_save() when the waiter is called, or
 * nothing is waited for; and machine_cont() to continue here instead: nothing has been changed by having been
 * saved.
 *
 * Threads: main thread; memory is written by a worker, during which the guest is stopped, and leases keep all
 * memory in place. In the background (background.h), the guest runs meanwhile.
 */
#ifndef VMM_MACHINE_SNAPSHOT_H
#define VMM_MACHINE_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/error.h"
#include "hotplug/hotplug.h"
#include "memory/backend.h"
#include "memory/guest_memory.h"
#include "state/stream.h"

struct machine;
struct moved;

/* ---- saved_memory.c ---- */

/* Regions of RAM, DIMMs, firmware's image, which is only read, and parts of virtio-mem devices, of which only
 * plugged blocks are saved. */
#define SAVED_REGIONS_MAX (2 * NUMA_NODES_MAX + 256 + 8 + MEM_KVM_SLOTS)

struct saved_region {
    struct guest_part part;
    uint64_t offset; /* in the file, bytes */
    struct lease lease;
};

struct saved_memory {
    struct saved_region region[SAVED_REGIONS_MAX];
    unsigned count;
    uint64_t end; /* of the file */
    struct guest_memory *map;
    const struct backends *backends;
    bool leased;
};

/* List the memory of a machine. False and an error. */
bool saved_memory_list(struct saved_memory *memory, struct guest_memory *map, const struct backends *backends,
                       struct error *error);
/* Give each region its place in a file that begins with a stream of this length. */
void saved_memory_place(struct saved_memory *memory, uint64_t stream_length);
/* Lease it; until it is returned, it is held, too (memory/guest_memory.h). */
bool saved_memory_lease(struct saved_memory *memory, struct error *error);
void saved_memory_return(struct saved_memory *memory);
/* List and lease it again: the machine has more of it. */
bool saved_memory_again(struct saved_memory *memory, struct error *error);
/* Append the sections that describe it. */
bool saved_memory_describe(const struct saved_memory *memory, struct stream_writer *writer,
                           struct error *error);
/* Whether a stream describes the same regions. False and an error: the first that differs. */
bool saved_memory_same(struct saved_memory *memory, const struct hotram_saved *stream, struct error *error);
/* The backend that a region's memory belongs to; NULL: none, as firmware's image has. Main thread. */
const struct backend *saved_region_backend(const struct saved_memory *memory,
                                           const struct saved_region *region);
/* Replace the machine's memory, which has been listed, by that of the file, of `size` bytes. False and an
 * error: its regions differ, or the file cannot be read; memory may have been replaced in part. */
bool saved_memory_read(struct saved_memory *memory, const struct hotram_saved *stream, int fd, uint64_t size,
                       struct error *error);

/* ---- saved_memory_write.c, on any thread ---- */

/* Write all of them at an offset. False and an error. */
bool saved_bytes_write(int fd, const uint8_t *bytes, size_t size, uint64_t offset, struct error *error);
/* Give the file its size. */
bool saved_memory_extend(const struct saved_memory *memory, int fd, struct error *error);
/* Write [from, from + size) of a region, which begins at a multiple of 4096 or ends the region. `present`:
 * bits of the region's grains of 4096 bytes, of which those without one are zero and not read; or NULL. */
bool saved_region_write(const struct saved_region *region, uint64_t from, uint64_t size,
                        const uint64_t *present, int fd, const atomic_bool *stop, struct error *error);
/* Write all of it. False and an error, also if *stop becomes true. */
bool saved_memory_write(const struct saved_memory *memory, int fd, const atomic_bool *stop,
                        struct error *error);

/* ---- saved.c ---- */

/* Whether the machine can be saved now. False and an error: why not, by name; it still runs. */
bool machine_can_save(struct machine *machine, struct error *error);
/* The part of this that the course of time does not change. */
bool machine_has_saved_form(struct machine *machine, struct error *error);
/* The stream of a machine that is stopped, no device of which is busy, with the places of its memory; the
 * caller frees it. `running`: it is to run when it is restored. NULL and an error. */
uint8_t *machine_save(struct machine *machine, struct saved_memory *memory, bool running, size_t *length,
                      struct error *error);
/* Of a migration: what the guest sees of the machine, its memory and its processors, which a target compares
 * before the source stops, and blocks that are plugged, which it plugs, too, so that `moved` has all memory;
 * vCPUs that run are held for a moment. Then all state but memory, which is there;
 * *running: the guest ran. */
uint8_t *machine_save_config(struct machine *machine, struct saved_memory *memory, size_t *length,
                             struct error *error);
bool machine_check_config(struct machine *machine, struct moved *moved, const uint8_t *bytes, size_t length,
                          struct error *error);
bool machine_restore_state(struct machine *machine, const uint8_t *bytes, size_t length, bool *running,
                           struct error *error);
/* For restored.c: whether the machine can have a saved form at all; everything from a file of this size, its
 * stream among it. */
bool machine_check_kind(const struct machine *machine, struct error *error);
bool machine_restore_parts(struct machine *machine, const struct hotram_saved *stream, int fd, uint64_t size,
                           struct stream_writer *scratch, struct saved_memory *memory, struct error *error);

/* ---- restored.c ---- */

/* Continue from the snapshot that -incoming names: the machine is new, and nothing has run. False and an
 * error; it cannot be used then. */
bool machine_restore(struct machine *machine, struct error *error);

/* ---- saved_options.c ---- */

/* Open the section of options that make this machine (docs/state.md). */
void saved_options_describe(const struct machine *machine, struct stream_writer *writer);

/* ---- snapshot.c ---- */

/* Whether one is being written: the machine does not change meanwhile. */
bool machine_is_saving(const struct machine *machine);
/* Write a snapshot into a file, which is replaced when it is complete. The guest is stopped meanwhile (events
 * STOP and RESUME), or, in the background, until its memory is protected. `ended` is called once, from the
 * event loop, with NULL or an error; when the machine goes, at the latest. False and an error: nothing has
 * changed, and `ended` will not be called. */
bool machine_snapshot(struct machine *machine, const char *path, bool background,
                      void (*ended)(void *opaque, const struct error *error), void *opaque,
                      struct error *error);
/* Whether it waits for devices of a guest that runs otherwise. A reset that the guest had asked for before
 * comes first then: it is to run, and the snapshot fails. */
bool machine_snapshot_resumes(const struct machine *machine);
/* The vCPUs are about to be held for ever: none of them waits for a snapshot's file, which is given up. */
void machine_abandon_snapshot(struct machine *machine);
/* The end of the program: tell the worker to stop. False: a file system blocks it, so machine and event loop
 * must be left as they are. */
bool machine_stop_snapshot(struct machine *machine);
/* After it: what is incomplete is removed. */
void machine_end_snapshot(struct machine *machine);

#endif
