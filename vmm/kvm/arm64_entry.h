/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VMM_KVM_ARM64_ENTRY_H
#define VMM_KVM_ARM64_ENTRY_H

#include <stdint.h>

/* What the guest's first CPU starts with: EL1, MMU and caches off, interrupts masked, and all other registers
 * zero, as Linux requires (Documentation/arch/arm64/booting.rst). */
struct vcpu_entry {
    uint64_t pc;
    uint64_t x0; /* device tree */
};

#endif
