/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells: a port or an address whose writes by the guest signal an eventfd, and nothing else. KVM does it
 * in the kernel (KVM_IOEVENTFD), so the vCPU does not leave the guest for this program. Under -accel qtest an
 * access that the test makes does the same (kvm/stand_in.h).
 *
 * Threads: any thread adds and removes, also a vCPU that moves a BAR within its own access. KVM keeps its
 * list under a lock of its own; the stand-in's is a leaf.
 */
#ifndef VMM_KVM_DOORBELL_H
#define VMM_KVM_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct vm;

struct vm_doorbell {
    bool port;        /* an I/O port; else a guest-physical address where no memory is */
    uint64_t address; /* the writes that begin exactly there */
    unsigned width;   /* of the write, bytes: 1, 2, 4 or 8; 0: any, and KVM is quicker */
    bool match;       /* only writes of `value`; the width is not 0 then */
    uint64_t value;
    int fd; /* an eventfd; stays the caller's, and open until the doorbell is removed */
};

/* From now on such writes signal the eventfd, and reach no range of the bus. Reads, and writes of another
 * width or value, go to the bus as before. False: another doorbell answers to the same write, or the kernel
 * is short of memory; nothing has changed. */
bool vm_doorbell_add(const struct vm *vm, const struct vm_doorbell *doorbell, struct error *error);
/* The same values as when it was added, its eventfd still open. When this returns, no write signals the
 * eventfd any more; they go to the bus. It must be there, and cannot fail. */
void vm_doorbell_remove(const struct vm *vm, const struct vm_doorbell *doorbell);

/* A write that comes to this program, before it goes to the bus: does a doorbell answer to it, and has it
 * been rung? Always false with KVM, which passes such writes on to nobody. `data` has `width` bytes, little
 * endian. Any thread. */
bool vm_doorbell_ring(const struct vm *vm, bool port, uint64_t address, unsigned width, const uint8_t *data);

/* For vm_ops: the error of a doorbell whose writes are another's. Returns false. */
bool doorbell_is_taken(const struct vm_doorbell *doorbell, struct error *error);

#endif
