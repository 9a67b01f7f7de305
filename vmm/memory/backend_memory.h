/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of a backend share with each other and with hotplug: where its bytes come from, and how they
 * go back.
 */
#ifndef VMM_MEMORY_BACKEND_MEMORY_H
#define VMM_MEMORY_BACKEND_MEMORY_H

#include "memory/backend.h"
#include "memory/reservation.h"

/* Transparent huge pages need the mapping aligned to theirs, on the host and in the guest. */
#define BACKEND_ALIGN (UINT64_C(2) << 20)

/* backend_properties.c: fill in a backend that has its type's defaults, and check what is in it. On failure
 * no string is left in it. */
bool backend_read(struct backend *backend, const struct object_type *type, struct props props,
                  struct error *error);

/* backend_file.c: open or create the file or memfd, find the page size, check the sizes against both. */
bool backend_open(struct backend *backend, struct error *error);
/* What backend_open() would find of the page size, without opening. A file must be one of its own each time:
 * mem-path is a directory. */
bool backend_foresee(struct backend *backend, struct error *error);
/* Close. `failed`: the backend does not come about, so a file that it made goes again. */
void backend_close(struct backend *backend, bool failed);
/* Its file holds less than it did. */
bool backend_is_short(const struct backend *backend, struct error *reason);
/* For messages: "512 huge pages of 2 MiB, but 3 are free ..."; says how to have more. */
bool backend_too_few_pages(const struct backend *backend, struct error *error);

/* What the mapping's address is a multiple of, on the host and in the guest. */
uint64_t backend_alignment(const struct backend *backend);

/* backend_memory.c: map it, if it is not mapped, opening what was closed when it was given back. */
bool backend_map(struct backend *backend, struct error *error);
/* Move it, mapped, to where a DIMM at this guest address has its memory. False: the kernel refuses, and it is
 * where it was. */
bool backend_place(struct backend *backend, const struct reservation *reservation, uint64_t address,
                   struct error *error);
/* The DIMM has not come about: move it out again. Where the kernel does not do that it is mapped no more, as
 * after an unplug; what it held, since no guest has had it, is what it holds when it is mapped again. */
void backend_displace(struct backend *backend);
/* The host may merge its pages from now on, if it may at all: it is where it stays. Before the kernel moves
 * memory it looks at each page that may be merged, some 60 ms for each GiB. */
void backend_let_merge(const struct backend *backend);
/* Give its memory back to the host. What a file that people can name contains stays. It can be mapped again.
 */
void backend_unmap(struct backend *backend);
/* The first half of backend_release(), where its addresses have to stay taken: its memory goes back to the
 * host. False and errno: the memory stays. */
bool backend_withhold(struct backend *backend);
/* The same after it was used: with discard-data=on the file's contents go too. */
void backend_release(struct backend *backend);

/* backend_giving.c: the same on the registry's worker. The backend has no memory from now on, but is to be
 * left alone until `ended` is called, from the event loop, when the memory is the host's again. */
void backend_release_begin(struct backend *backend, bool used, void (*ended)(void *opaque), void *opaque);
/* Wait for that; `ended` is not called any more. */
void backend_release_wait(struct backend *backend);
/* backend.c: who gives memory back, who counts it; NULL: out of memory. */
struct worker *backends_giver(struct backends *backends);
struct worker *backends_counter(struct backends *backends);

/* backend.c: what a memory-backend-ram maps is to be a memfd. */
bool backends_are_shared(const struct backends *backends);

/* backend.c: its file is watched from now on. */
void backend_watch_file(struct backend *backend);

/* backend_fill.c: make a backend ready for use: mapped and, where that was asked for, allocated. */
enum outcome backend_prepare(struct backend *backend, struct loop *loop, const struct completion *watcher,
                             struct error *error);
/* Memory that backend_prepare() has allocated, and that cannot be used after all: it goes back to the host,
 * and the watcher is then told why; until then it is as if it were being allocated. False: out of memory, and
 * nothing was begun. */
bool backend_fill_undo(struct backend *backend, const struct completion *watcher, const struct error *why);
/* Whether it is being allocated, or what was allocated in vain is being given back. */
bool backend_filling(const struct backend *backend);
/* Let the allocation end, from the event loop, with an error. */
void backend_fill_cancel(struct backend *backend);
/* End it now, if one is under way: its watcher is told before this returns. */
void backend_fill_stop(struct backend *backend);

#endif
