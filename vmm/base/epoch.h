/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables that are read without a lock and replaced as a whole (epoch-based reclamation).
 *
 * A reader loads the pointer to a table within a read section. A writer publishes a new table, and frees
 * the old one when every thread that was in a read section at that moment has left it. Each thread shows
 * whether it is in a section in a cache line of its own: readers write to nothing that they share. Pointers
 * are loaded and stored by atomic_load() and atomic_store(): a weaker order would let a load come before
 * the section.
 *
 * Threads: any thread may read; it is added to the list of readers by its first section and removed when it
 * ends. Writers of one table serialize themselves (a lock, or one thread).
 */
#ifndef VMM_BASE_EPOCH_H
#define VMM_BASE_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

/* Begin and end a read section. Sections may be nested; the outermost counts. What a section loads is valid
 * until it ends. */
void epoch_enter(void);
void epoch_leave(void);

/* Wait until all sections that were entered before this call have been left. Must not be called within a
 * section, or with a lock held that a section may take. Sections are short (a register access, a lookup),
 * so this takes microseconds, or as long as the host keeps a thread in a section from running. */
void epoch_wait(void);

/* The same without waiting: epoch_mark() begins a period and returns its number; epoch_passed() returns
 * whether all sections that were entered before have been left. Any thread; within a section that was
 * entered before, it returns false. */
uint64_t epoch_mark(void);
bool epoch_passed(uint64_t mark);

/* Embedded in an object that is to be freed when no reader uses it any more. Zeroed initially. */
struct epoch_garbage {
    struct epoch_garbage *next;
    void (*free)(struct epoch_garbage *garbage);
    uint64_t epoch;
};
/* Free an object that is no longer published as soon as no reader can use it. Does not wait. Any thread,
 * also within a section; free() is called by a later epoch_retire() or epoch_collect(), on the thread of
 * that call. */
void epoch_retire(struct epoch_garbage *garbage, void (*free)(struct epoch_garbage *garbage));
/* Free retired objects that no reader can use any more: all of them, if no thread is in a section. Must not
 * be called within a section. */
void epoch_collect(void);

#endif
