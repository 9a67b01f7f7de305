/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VMM_KVM_CPU_TOPOLOGY_H
#define VMM_KVM_CPU_TOPOLOGY_H

/* Each socket has `cores` cores of `threads` threads each; the number of sockets follows from that of CPUs.
 * CPUs are numbered in this order. */
struct cpu_topology {
    unsigned cores;
    unsigned threads;
};

#endif
