/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual machine that Linux boots in and that knows nothing of ACPI: RAM, KVM's interrupt controllers and
 * timer, one vCPU, a serial line for output, one PCI device.
 *
 * Everything runs on one thread. What fails ends the program with the reason.
 */
#ifndef TESTS_EMBEDDING_VM_H
#define TESTS_EMBEDDING_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the caller's ACPI tables go; the memory map says that it is reserved. */
#define VM_TABLES 0xe0000u
#define VM_TABLES_ROOM 0x20000u

struct vm {
    int vm, vcpu;
    struct kvm_run *run;
    uint8_t *ram; /* from guest address 0 */
    uint64_t ram_size;
};

/* What the machine leaves to its user. */
struct vm_user {
    /* A port; false: nobody is there. */
    bool (*port)(void *opaque, uint16_t port, unsigned width, bool write, uint32_t *value);
    /* A line that the guest wrote to its serial line, without its end. */
    void (*line)(void *opaque, const char *line);
    void *opaque;
};

/* vm.c */
void vm_create(struct vm *vm, uint64_t ram_size);
bool vm_map(struct vm *vm, uint32_t slot, uint64_t addr, void *memory,
            uint64_t size); /* size 0: take it away */
void vm_set_irq(struct vm *vm, unsigned irq, bool high);
/* Run until the guest has to be waited for. */
void vm_step(struct vm *vm, const struct vm_user *user);

/* load.c: Linux's 32-bit boot protocol (Documentation/arch/x86/boot.rst). */
void vm_load(struct vm *vm, const char *kernel, const char *initrd, const char *command_line);

/* devices.c: false: none of these. */
bool vm_device(const struct vm_user *user, uint16_t port, unsigned width, bool write, uint32_t *value);

#endif
