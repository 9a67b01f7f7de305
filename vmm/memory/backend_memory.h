/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of a backend share with each other and with hotplug/: how its memory is created and
 * released. Main thread only.
 */
#ifndef VMM_MEMORY_BACKEND_MEMORY_H
#define VMM_MEMORY_BACKEND_MEMORY_H

#include "memory/backend.h"
#include "memory/reservation.h"

/* Transparent huge pages require mappings that are aligned to their size, on the host and in the guest. */
#define BACKEND_ALIGN (UINT64_C(2) << 20)

/* backend_properties.c: read properties into a backend that contains its type's defaults, and check them.
 * False and an error; then it contains no allocated string. */
bool backend_read(struct backend *backend, const struct object_type *type, struct props props,
                  struct error *error);

/* backend_file.c: open or create the file or memfd, determine the page size, and check the backend's sizes
 * against both. False and an error that gives the reason. */
bool backend_open(struct backend *backend, struct error *error);
/* Determine the page size as backend_open(), but without opening. False and an error: mem-path must be a
 * directory, so that each backend has its own file, or is not usable. */
bool backend_foresee(struct backend *backend, struct error *error);
/* Close. `failed`: the creation of the backend failed, so a file that was created for it is removed. */
void backend_close(struct backend *backend, bool failed);
/* Whether its file became shorter; `reason` then gives the sizes. */
bool backend_is_short(const struct backend *backend, struct error *reason);
/* For messages: "512 huge pages of 2 MiB, but 3 are free ..."; includes the command that provides more.
 * Returns false. */
bool backend_too_few_pages(const struct backend *backend, struct error *error);

/* The alignment of the mapping on the host and in the guest, bytes. */
uint64_t backend_alignment(const struct backend *backend);

/* backend_memory.c: map it, unless it is mapped, and open a descriptor that was closed when it was released.
 * False and an error: a system call failed. */
bool backend_map(struct backend *backend, struct error *error);
/* For parts of its memory that are mapped separately (backend_blocks.h): the flags of the mapping; put it on
 * the host's nodes (false and an error: not there, or not permitted); how the kernel is to treat it. */
int backend_mapping_flags(const struct backend *backend);
bool backend_bind(const struct backend *backend, void *memory, uint64_t size, struct error *error);
void backend_advise(const struct backend *backend, void *memory, uint64_t size);
/* Move its mapping to the place in the reservation of a DIMM at this guest address. False and an error: the
 * kernel refuses; it has not moved. */
bool backend_place(struct backend *backend, const struct reservation *reservation, uint64_t address,
                   struct error *error);
/* After a plug that failed: move the mapping out of the reservation. If the kernel refuses, it is unmapped,
 * as after an unplug; its contents are the same when it is mapped again, since no guest has used it. */
void backend_displace(struct backend *backend);
/* Let the host merge its pages, if merge=on, once it is at its final place: the kernel moves mergeable memory
 * slowly, about 60 ms for each GiB. */
void backend_let_merge(const struct backend *backend);
/* Replace a part of its memory, which nobody uses, by a private mapping of a file: pages are the file's until
 * they are written. False: the backend has to stay what it is, or the kernel refuses; nothing has changed. */
bool backend_overlay(const struct backend *backend, void *memory, uint64_t size, int fd, uint64_t offset);
/* Return its memory to the host. The contents of a file with a name remain. It can be mapped again. */
void backend_unmap(struct backend *backend);
/* The first half of backend_release() if its addresses must remain reserved: return its memory to the host.
 * False and errno: the memory remains. */
bool backend_withhold(struct backend *backend);
/* As backend_unmap(), after it was used: with discard-data=on, the contents of the file are discarded, too.
 */
void backend_release(struct backend *backend);

/* backend_giving.c: the same on the registry's worker. The backend has no memory from now on, and must not be
 * used until `ended` is called from the event loop, when the memory has been returned. */
void backend_release_begin(struct backend *backend, bool used, void (*ended)(void *opaque), void *opaque);
/* Wait for that; `ended` will not be called. */
void backend_release_wait(struct backend *backend);
/* backend.c: the workers that return memory and that count it, created on first use; NULL: out of memory. */
struct worker *backends_giver(struct backends *backends);
struct worker *backends_counter(struct backends *backends);

/* backend.c: what a memory-backend-ram maps is to be a memfd. */
bool backends_are_shared(const struct backends *backends);

/* backend.c: begin to watch its file (file_watch.h). */
void backend_watch_file(struct backend *backend);

/* backend_fill.c: map a backend and, if requested, allocate its memory. OUTCOME_LATER: `watcher` is called at
 * the end of the allocation. */
enum outcome backend_prepare(struct backend *backend, struct loop *loop, const struct completion *watcher,
                             struct error *error);
/* Return memory that backend_prepare() has allocated but that cannot be used, and then call the watcher with
 * the reason `why`; until then, the backend is in the same state as during the allocation. False: out of
 * memory, and nothing has changed. */
bool backend_fill_undo(struct backend *backend, const struct completion *watcher, const struct error *why);
/* Whether its memory is being allocated, or returned after a failure. */
bool backend_filling(const struct backend *backend);
/* Cancel the allocation, which ends from the event loop with an error. */
void backend_fill_cancel(struct backend *backend);
/* End the allocation now, if there is one: its watcher is called before this returns. */
void backend_fill_stop(struct backend *backend);

#endif
