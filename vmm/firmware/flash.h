/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's parallel flash for firmware and its variables: up to two banks, QEMU's cfi.pflash01. While
 * reads return the array, the bank is mapped into the guest read-only (KVM_MEM_READONLY), and only its writes
 * are accesses to the device; while reads return something else, all accesses are. A command that changes
 * this adds or removes the KVM slot: one system call, on the vCPU's thread.
 *
 * A machine has the banks for which config->pflash[] names a block node; with firmware, one of arm64 has a
 * second bank in any case, whose contents are lost with the machine if there is no node for it.
 *
 * Threads: accesses on vCPUs' threads, and everything else on the main thread, under the device's lock.
 */
#ifndef VMM_FIRMWARE_FLASH_H
#define VMM_FIRMWARE_FLASH_H

#include "device/device.h"
#include "firmware/flash_image.h"

/* chip_place.address: on x86-64 the end of the first bank, below which the second is; on arm64 the start of
 * the first, after which the second is. */
extern const struct device_type flash_x86_type, flash_arm64_type;

struct config;
struct guest_memory;

struct flash {
    struct device device; /* first */
    pthread_mutex_t lock;
    const struct vm *vm;
    uint64_t address;
    unsigned kvm_slot;
    struct flash_image image;

    /* under the lock */
    struct flash_chip chip;
    bool mapped; /* the guest has the image mapped */
    bool told;   /* a message about KVM's refusal was written */
};

/* Whether a machine of this configuration has this bank. */
bool flash_has_bank(const struct config *config, unsigned number);
/* x86-64, at the start and at each reset, while no vCPU runs: copy the end of the bank below 1 MiB, as
 * rom_copy_low(). */
bool flash_copy_low(const struct flash *flash, struct guest_memory *memory, struct error *error);

#endif
