/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables that are read without a lock and replaced as a whole (epoch-based reclamation).
 *
 * A reader loads the pointer to a table within a read section. A writer publishes a new table, and frees the
 * old one when every thread that was in a read section at that moment has left it. Each thread shows whether
 * it is in a section in a cache line of its own: readers write to nothing that they share. Pointers are
 * loaded and stored by atomic_load() and atomic_store(): a weaker order would let a load come before the
 * section.
 *
 * Threads: any thread may read; it is enrolled by its first section and leaves the list when it ends. Writers
 * of one table agree among themselves (a lock, or one thread).
 */
#ifndef VMM_BASE_EPOCH_H
#define VMM_BASE_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

/* Begin and end a read section. Sections may be nested; the outermost counts. What a section loads is valid
 * until it ends. */
void epoch_enter(void);
void epoch_leave(void);

/* Wait until all sections are left that were entered before this call. Not within a section, and with no
 * lock that a section may want. Sections are short (a register access, a lookup), so this takes microseconds,
 * or as long as the host keeps a thread in a section from running. */
void epoch_wait(void);

/* The same without waiting: begin, and ask whether all sections are left that were entered before it began.
 * Any thread; within a section the answer is no if it was entered before. */
uint64_t epoch_mark(void);
bool epoch_passed(uint64_t mark);

/* Something that is freed later. Embedded in it; zeroed at first. */
struct epoch_garbage {
    struct epoch_garbage *next;
    void (*free)(struct epoch_garbage *garbage);
    uint64_t epoch;
};
/* What is published no more: free it when nobody can read it any longer. Does not wait; any thread, also
 * within a section. It is freed by a later call of this or the next, on whatever thread makes that. */
void epoch_retire(struct epoch_garbage *garbage, void (*free)(struct epoch_garbage *garbage));
/* Free all that can be freed; what was retired before is, if no thread is in a section. Not within a section.
 */
void epoch_collect(void);

#endif
