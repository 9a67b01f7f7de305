/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VMM_KVM_X86_ENTRY_H
#define VMM_KVM_X86_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

/* What the guest's first CPU starts with: 32-bit protected mode, flat segments, no paging, as the Linux and
 * PVH boot protocols require; or, for firmware, what a processor starts with. */
struct vcpu_entry {
    bool reset_vector; /* 0xfffffff0, in real mode; what follows means nothing then */
    uint32_t ip;
    uint32_t si;  /* Linux: boot_params */
    uint32_t bx;  /* PVH: start info */
    uint32_t gdt; /* descriptors for the selectors 0x10 (code), 0x18 (data) and 0x20 (task) */
    uint16_t gdt_limit;
};

#endif
