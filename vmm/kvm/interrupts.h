/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts that do not need a call of this program: eventfds that raise one when they are written (KVM's
 * irqfd), and the routes of message-signaled interrupts (KVM's routing table). vm_irq_line() sets lines.
 *
 * A global system interrupt (GSI) is a number. The first ones are the interrupt controller's lines, by the
 * numbers of vm_irq_line(): 0-23 on x86-64 (IOAPIC, and PICs), 32-... on arm64 (shared interrupts of the GIC,
 * by their interrupt id). The GSIs above them are allocated here; each can have a route to a message.
 *
 * Under -accel qtest the main loop watches the eventfds, and lines and messages are reported to the test
 * (kvm/stand_in.h, docs/testing.md).
 *
 * Threads: any thread may call any of this, also a vCPU within an access. The table of routes and KVM's copy
 * of it change together under vm->interrupts->lock, a leaf (only the stand-in's is below it): it may be taken
 * under any other lock. It is held during KVM's grace period for a new table (microseconds to milliseconds);
 * so routes must not be changed in paths that run often.
 */
#ifndef VMM_KVM_INTERRUPTS_H
#define VMM_KVM_INTERRUPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct vm;

/* A message: what a device writes, and its requester id. */
struct vm_msi {
    uint64_t address;
    uint32_t data;
    uint32_t requester; /* bus << 8 | devfn: identifies the device for an arm64 ITS; otherwise unused */
};

/* Allocate a GSI for a message, without a route. Returns its number; or -1 and an error that names their
 * number: all are in use. */
int vm_gsi_allocate(const struct vm *vm, struct error *error);
/* Free a GSI and its route, after its eventfds have been removed. */
void vm_gsi_free(const struct vm *vm, unsigned gsi);

struct vm_msi_route {
    unsigned gsi;             /* of vm_gsi_allocate() */
    const struct vm_msi *msi; /* NULL: no route; interrupts of this GSI are lost */
};
/* Set the routes of `count` GSIs, all at once in one call of KVM, which is omitted if no route differs. False
 * and an error: KVM refuses the table (out of memory); all routes are unchanged. Before
 * vm_complete_devices(), routes are only recorded. */
bool vm_msi_routes(const struct vm *vm, const struct vm_msi_route *routes, size_t count, struct error *error);
/* The same for one GSI. */
bool vm_msi_route(const struct vm *vm, unsigned gsi, const struct vm_msi *msi, struct error *error);

/* Let each write to an eventfd raise a GSI: it sends the message of its route, or, for a line, a pulse.
 *
 * With a resample_fd (-1: without) the GSI is a line, and level-triggered: a write holds it high. When the
 * guest has acknowledged the interrupt (end of interrupt at the controller), KVM sets the line low, and then
 * signals resample_fd: a device that still requests the interrupt writes the first eventfd again. Several
 * eventfds, and vm_irq_line(), may hold one line: it is high while any of them does.
 *
 * The caller owns both eventfds, and closes them after vm_irqfd_remove(). A write before this call counts.
 * Only after vm_complete_devices(). False and an error: the eventfd already raises a GSI, or KVM refuses;
 * nothing has changed. */
bool vm_irqfd_add(const struct vm *vm, unsigned gsi, int fd, int resample_fd, struct error *error);
/* After this returns, writes to the eventfd only increase its count. A line becomes low when its last eventfd
 * with resample is removed. The eventfd must have been added. Cannot fail. */
void vm_irqfd_remove(const struct vm *vm, unsigned gsi, int fd);

/* Send a message. False: no CPU received it (the address is not that of an interrupt controller, or the guest
 * did not enable it for this interrupt). */
bool vm_msi_send(const struct vm *vm, const struct vm_msi *msi);

/* Under -accel qtest: the guest's end of interrupt for a line, on behalf of the test. Signals the resample
 * eventfds of the line, as KVM does. False: the line has none. Main thread. */
bool vm_irq_acknowledge(const struct vm *vm, unsigned gsi);

/* ---- for vm.c and vm_ops ---- */

struct vm_interrupts;

/* Create the table of GSIs of a VM: lines are below `first`, allocated GSIs below `end`, and up to
 * `routes_max` of them can have routes at the same time. NULL: out of memory. */
struct vm_interrupts *vm_interrupts_create(unsigned first, unsigned end, unsigned routes_max);
void vm_interrupts_destroy(struct vm_interrupts *interrupts);
/* Pass the recorded routes to KVM, once the interrupt controller is complete. False and an error: KVM
 * refuses. */
bool vm_interrupts_complete(const struct vm *vm, struct error *error);

/* A GSI with its route, for vm_ops.set_routes(). */
struct vm_routed {
    unsigned gsi;
    struct vm_msi msi;
};
/* Set the error that an eventfd already raises a GSI. Returns false. */
bool irqfd_is_taken(unsigned gsi, struct error *error);

#endif
