/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Removals of CPUs that a guest is working on, by its accesses to their registers. A request that it has read
 * is carried out, or refused, whatever becomes of it here: one that is withdrawn, or repeated, leads to one
 * eject more, which may be that of a CPU that was plugged meanwhile. (Linux 6.12 starts with each request on
 * its own, in any order.)
 *
 * Threads: under the machine lock.
 */
#ifndef VMM_HOTPLUG_CPU_ASKED_H
#define VMM_HOTPLUG_CPU_ASKED_H

#include <hotram/cpuhp.h>

#include <stdbool.h>
#include <stdint.h>

/* Of one CPU. */
struct cpu_asked {
    bool read;      /* the guest has read that a removal is requested, and not yet taken note of it */
    uint8_t guests; /* requests that it has taken note of, and neither carried out nor refused */
};

/* The guest has read `value` from a register, of the CPU that is selected; and writes one, before that has an
 * effect. `of` is this CPU's. */
void cpu_asked_read(struct cpu_asked *of, uint64_t offset, uint64_t value);
void cpu_asked_write(struct cpu_asked *of, uint64_t offset, uint64_t value, bool pending);
/* The guest has refused one. */
void cpu_asked_refused(struct cpu_asked *of);
/* Whether an eject, or a refusal, is still to come. */
bool cpu_asked_any(const struct cpu_asked *of);

#endif
