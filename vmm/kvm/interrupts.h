/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts that come without this program: eventfds whose writes raise one (KVM's irqfd), and where a
 * message-signaled interrupt goes (KVM's table of routes). Lines that this program sets: vm_irq_line().
 *
 * A global system interrupt (GSI) is a number. The first ones are the interrupt controller's lines, by the
 * numbers of vm_irq_line(): 0-23 on x86-64 (IOAPIC, and PICs), 32-... on arm64 (shared interrupts of the GIC,
 * by their interrupt id). Those behind are given out here; each can have a route to a message.
 *
 * Under -accel qtest eventfds are watched by the main loop, and the test is told of lines and messages
 * (kvm/stand_in.h, docs/testing.md).
 *
 * Threads: any thread may call any of this, also a vCPU within an access. The table of routes and KVM's copy
 * of it change together under vm->interrupts->lock, a leaf (below it is only the stand-in's): it may be taken
 * under any other lock. KVM needs a grace period for a new table (microseconds to milliseconds), for
 * which it is held; a path that is taken often changes no route.
 */
#ifndef VMM_KVM_INTERRUPTS_H
#define VMM_KVM_INTERRUPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct vm;

/* What a device writes, and who writes it. */
struct vm_msi {
    uint64_t address;
    uint32_t data;
    uint32_t requester; /* bus << 8 | devfn: an ITS of arm64 tells devices apart by it; else unused */
};

/* A GSI for a message of its own, without a route yet. -1: all are in use; the error says how many there are.
 */
int vm_gsi_allocate(const struct vm *vm, struct error *error);
/* No eventfd raises it any more. Its route goes with it. */
void vm_gsi_free(const struct vm *vm, unsigned gsi);

struct vm_msi_route {
    unsigned gsi;             /* of vm_gsi_allocate() */
    const struct vm_msi *msi; /* NULL: none; what raises the GSI is lost */
};
/* Set where some GSIs go. All of them change at once, in one call of KVM's; none does when none is another
 * than before. False: KVM does not take the table (memory), and all are as they were. Until
 * vm_complete_devices() routes are only noted. */
bool vm_msi_routes(const struct vm *vm, const struct vm_msi_route *routes, size_t count, struct error *error);
/* The same for one. */
bool vm_msi_route(const struct vm *vm, unsigned gsi, const struct vm_msi *msi, struct error *error);

/* Each write to an eventfd raises a GSI: sends the message of its route; or, of a line, makes an edge.
 *
 * With a resample_fd (-1: without) the GSI is a line, and level-triggered: a write holds it high. When the
 * guest has acknowledged the interrupt (end of interrupt at the controller), KVM sets the line low, and then
 * signals resample_fd: a device that still has something to say writes the first eventfd again. Several
 * eventfds, and vm_irq_line(), may hold one line: it is high while any of them does.
 *
 * Both eventfds stay the caller's, and open until vm_irqfd_remove(). If the first has been written before, it
 * counts. After vm_complete_devices() only. False: the eventfd raises something already, or KVM refuses;
 * nothing has changed. */
bool vm_irqfd_add(const struct vm *vm, unsigned gsi, int fd, int resample_fd, struct error *error);
/* When this returns, the eventfd raises nothing any more, and what is written to it stays in it. A line is
 * low when the last eventfd with resample has left it. It must be there, and cannot fail. */
void vm_irqfd_remove(const struct vm *vm, unsigned gsi, int fd);

/* Send a message now. False: it came to no CPU. (KVM: the address is no interrupt controller's, or the guest
 * has not made it ready for this.) */
bool vm_msi_send(const struct vm *vm, const struct vm_msi *msi);

/* Under -accel qtest: the guest's end of interrupt for a line, which a test writes. The line's eventfds with
 * resample are signaled as by KVM. False: none holds it. Main thread. */
bool vm_irq_acknowledge(const struct vm *vm, unsigned gsi);

/* ---- for vm.c and vm_ops ---- */

struct vm_interrupts;

/* What there is, for a VM whose controller has lines below `first`, and so many GSIs (`end` is the first
 * beyond) and routed ones at the same time. NULL: out of memory. */
struct vm_interrupts *vm_interrupts_create(unsigned first, unsigned end, unsigned routes_max);
void vm_interrupts_destroy(struct vm_interrupts *interrupts);
/* The controller is complete: what was noted goes to KVM. */
bool vm_interrupts_complete(const struct vm *vm, struct error *error);

/* A GSI with its route, for vm_ops.set_routes(). */
struct vm_routed {
    unsigned gsi;
    struct vm_msi msi;
};
/* The error of an eventfd that raises something already. Returns false. */
bool irqfd_is_taken(unsigned gsi, struct error *error);

#endif
