/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64: the topology of CPUs in CPUID (Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E).
 *
 * KVM_GET_SUPPORTED_CPUID returns the host's own topology, or none since Linux 6.2. Neither is the guest's,
 * so all topology leaves are built from the configuration. Of the cache leaves, only the fields about sharing
 * are; the caches themselves are the host's.
 */
#ifndef VMM_KVM_X86_TOPOLOGY_H
#define VMM_KVM_X86_TOPOLOGY_H

#include <linux/kvm.h>
#include <stdint.h>

#include "kvm/cpu_topology.h"

/* The APIC id of a CPU: bit fields for thread, core and socket, as wide as necessary. If the number of cores
 * or threads is not a power of two, ids are not consecutive. */
uint32_t x86_apic_id(const struct cpu_topology *topology, unsigned cpu);

/* Entries that x86_topology_apply() may add. */
#define X86_TOPOLOGY_ENTRIES 8u

/* Convert the entries that KVM_GET_SUPPORTED_CPUID returned into those of a CPU. There must be room for
 * X86_TOPOLOGY_ENTRIES more. Cannot fail. */
void x86_topology_apply(const struct cpu_topology *topology, unsigned cpu, struct kvm_cpuid2 *cpuid);

#endif
