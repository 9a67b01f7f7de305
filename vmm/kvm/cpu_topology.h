/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VMM_KVM_CPU_TOPOLOGY_H
#define VMM_KVM_CPU_TOPOLOGY_H

/* Sockets of `cores` cores of `threads` threads each, as many as there are CPUs for. CPUs are numbered in
 * this order. */
struct cpu_topology {
    unsigned cores;
    unsigned threads;
};

#endif
