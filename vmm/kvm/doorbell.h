/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells: ports or addresses at which a write by the guest signals an eventfd and has no other effect. KVM
 * handles it in the kernel (KVM_IOEVENTFD), without an exit to this program. Under -accel qtest, an access by
 * the test has the same effect (kvm/stand_in.h).
 *
 * Threads: any thread may call these functions, also a vCPU that moves a BAR within its own access. KVM has
 * its own lock for its list; the stand-in's lock is a leaf.
 */
#ifndef VMM_KVM_DOORBELL_H
#define VMM_KVM_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct vm;

struct vm_doorbell {
    bool port;        /* an I/O port; otherwise a guest-physical address without memory */
    uint64_t address; /* matches writes that begin exactly there */
    unsigned width;   /* of the write, bytes: 1, 2, 4 or 8; 0: any, which is faster in KVM */
    bool match;       /* matches writes of `value` only; requires a width other than 0 */
    uint64_t value;
    int fd; /* an eventfd; the caller owns it, and closes it after the doorbell has been removed */
};

/* Add a doorbell: matching writes signal the eventfd and do not reach the bus. Reads and all other writes
 * reach the bus as before. False and an error: another doorbell matches the same writes, or the kernel is out
 * of memory; nothing has changed. */
bool vm_doorbell_add(const struct vm *vm, const struct vm_doorbell *doorbell, struct error *error);
/* Remove a doorbell, given the values with which it was added; its eventfd is still open. After this returns,
 * writes reach the bus and do not signal the eventfd. The doorbell must exist. Cannot fail. */
void vm_doorbell_remove(const struct vm *vm, const struct vm_doorbell *doorbell);

/* Called for each write before it reaches the bus. True: it matches a doorbell, whose eventfd has been
 * signaled. Always false with KVM, which handles such writes itself. `data` consists of `width` bytes, little
 * endian. Any thread. */
bool vm_doorbell_ring(const struct vm *vm, bool port, uint64_t address, unsigned width, const uint8_t *data);

/* For vm_ops: set the error that another doorbell matches the same writes. Returns false. */
bool doorbell_is_taken(const struct vm_doorbell *doorbell, struct error *error);

#endif
