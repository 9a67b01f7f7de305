/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64: the interrupt controller in the kernel, which arm64.c creates and resets and arm64_gic.c saves.
 * Numbers of registers are in "GICv3 and GICv4 architecture" (IHI 0069), chapter 12, and "GICv2" (IHI 0048),
 * chapter 4; how KVM passes them, in Linux Documentation/virt/kvm/devices/arm-vgic*.rst.
 *
 * Main thread, while all vCPUs are paused.
 */
#ifndef VMM_KVM_ARM64_GIC_H
#define VMM_KVM_ARM64_GIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kvm/vm.h"
#include "state/stream.h"

struct vm_arch {
    int fd;           /* of the controller */
    int its_fd;       /* of a GICv3's interrupt translation service, or -1 */
    unsigned version; /* 2 or 3 */
};

/* Registers of the distributor, and of a redistributor's second frame */
#define CTLR 0x000u
#define IIDR 0x008u
#define ISENABLER 0x100u
#define ICENABLER 0x180u
#define ISPENDR 0x200u
#define ICPENDR 0x280u
#define ISACTIVER 0x300u
#define ICACTIVER 0x380u
#define SGI_FRAME 0x10000u
/* Of a redistributor's first frame: what it has of messages' interrupts (LPIs). KVM takes 32 bits at a time.
 */
#define GICR_CTLR 0x00u /* 0: LPIs are disabled, none is pending */
#define GICR_PROPBASER 0x70u
#define GICR_PENDBASER 0x78u
/* GICv2's CPU interface */
#define GICC_CTLR 0x00u
#define GICC_PMR 0x04u

/* A GICv3's CPU interface */
#define SYSREG(op0, op1, crn, crm, op2) ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
#define ICC_PMR SYSREG(3, 0, 4, 6, 0)
#define ICC_IGRPEN0 SYSREG(3, 0, 12, 12, 6)
#define ICC_IGRPEN1 SYSREG(3, 0, 12, 12, 7)
#define ICC_AP0R(n) SYSREG(3, 0, 12, 8, 4 + (n))
#define ICC_AP1R(n) SYSREG(3, 0, 12, 9, (n))

/* ---- arm64_gic_bits.c ---- */

/* Registers of interrupts from `first` on, of one vCPU or of all. */
struct gic_block {
    uint32_t group;
    uint64_t which; /* vCPU and frame, in KVM's form */
    unsigned first, count;
};

/* One access, by KVM_GET_DEVICE_ATTR or KVM_SET_DEVICE_ATTR. False and errno: KVM refuses. */
bool gic_pass(int fd, unsigned long request, uint32_t group, uint64_t attribute, void *value);
/* Set the error that KVM refuses it, with errno's reason. Returns false. */
bool gic_refuse(unsigned long request, const char *what, struct error *error);
/* Save a block to the writer's section, or, if `part` is not NULL, restore it from there. */
bool gic_pass_block(const struct vm *vm, const struct gic_block *block, struct stream_writer *writer,
                    const struct stream_part *part, struct error *error);

/* ---- arm64_gic.c ---- */

/* Append the sections of GIC and ITS, whose tables go to guest memory; `cpus` vCPUs have an interface. False
 * and an error: KVM refuses. */
bool gic_save(const struct vm *vm, unsigned cpus, struct stream_writer *writer, struct error *error);
/* Set their state; the guest's memory and the vCPUs' registers have been restored. False and an error: the
 * controller is another, with both values, or KVM refuses. */
bool gic_restore(const struct vm *vm, unsigned cpus, const struct hotram_saved *stream, struct error *error);

#endif
