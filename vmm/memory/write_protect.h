/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Write protection of this program's memory (userfaultfd): whoever writes to a protected page waits until the
 * protection is lifted: a vCPU, a thread of the program, or the kernel on behalf of either. Writes by other
 * programs that map the same memory are not seen, since each has page tables of its own.
 *
 * Threads: opened and set up by one thread; afterwards any thread may wait, and lift the protection.
 */
#ifndef VMM_MEMORY_WRITE_PROTECT_H
#define VMM_MEMORY_WRITE_PROTECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The size that pages are counted in, whichever size the host's pages have. */
#define WRITE_PROTECT_GRAIN 4096u

/* Return a descriptor, whose close() ends everything that was protected through it. -1 and an error: what the
 * host lacks, or does not permit. */
int write_protect_open(struct error *error);
/* Protect the pages that exist in [memory, memory + size), which is within one kind of memory and is aligned
 * to its pages. Absent pages of anonymous memory remain unprotected: the first write creates them.
 * False and an error: the kernel cannot protect this kind of memory; nothing is protected. */
bool write_protect(int fd, void *memory, uint64_t size, struct error *error);
/* Lift the protection of whole pages, and wake those who wait for it. Any thread. Who met the protection just
 * before may begin to wait just after: write_protect_wait() reports that, and it is to be lifted again. */
void write_protect_lift(int fd, void *memory, uint64_t size);
/* The same for all that one write_protect() has protected, for good: nobody begins to wait any more. */
void write_protect_end(int fd, void *memory, uint64_t size);
/* Wait until a write meets the protection, and return its address; NULL: `end`, an eventfd, is readable. */
void *write_protect_wait(int fd, int end);
/* Set the bit of each grain of anonymous memory that has a page, in RAM or in swap. A grain without one reads
 * as zero. False and an error: the kernel does not say. */
bool write_protect_find_pages(const void *memory, uint64_t size, uint64_t *bits, struct error *error);

#endif
