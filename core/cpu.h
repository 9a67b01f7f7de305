/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files that change the slots of a bank of CPUs.
 */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include <stdbool.h>

#include <hotram/cpu.h>

/* Set the pending events of a slot that exists, and the list of slots that have any. */
void libhotram_cpu_set_pending(struct hotram_cpus *cpus, uint32_t slot, bool insert, bool removal);

#endif
