/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64: which CPU is where, as CPUID tells it (Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E).
 *
 * KVM_GET_SUPPORTED_CPUID gives the host's own topology, or since Linux 6.2 none. Neither is the guest's, so
 * all leaves of topology are built from the configuration. Of the caches' leaves only who shares them is:
 * what they are stays the host's.
 */
#ifndef VMM_KVM_X86_TOPOLOGY_H
#define VMM_KVM_X86_TOPOLOGY_H

#include <linux/kvm.h>
#include <stdint.h>

#include "kvm/cpu_topology.h"

/* The APIC id of a CPU: a field of bits each for thread, core and socket, as wide as is needed. Where cores
 * or threads are no power of two, ids have gaps. */
uint32_t x86_apic_id(const struct cpu_topology *topology, unsigned cpu);

/* Entries that x86_topology_apply() may add. */
#define X86_TOPOLOGY_ENTRIES 8u

/* Make the entries of a CPU of what KVM_GET_SUPPORTED_CPUID gave. There is room for X86_TOPOLOGY_ENTRIES more
 * of them. */
void x86_topology_apply(const struct cpu_topology *topology, unsigned cpu, struct kvm_cpuid2 *cpuid);

#endif
