/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's parallel flash, where firmware and its variables are: up to two banks, QEMU's cfi.pflash01.
 * While reads give the array, the guest has the bank mapped read-only (KVM_MEM_READONLY) and reads it as fast
 * as memory; its writes, and all accesses while reads give something else, come here. So a command that
 * changes what reads give makes one system call, on the vCPU's thread, by which the KVM slot comes or goes.
 *
 * A machine has the banks for which config->pflash[] names a block node.
 *
 * Threads: vCPUs, under the device's lock; the main thread takes it.
 */
#ifndef VMM_FIRMWARE_FLASH_H
#define VMM_FIRMWARE_FLASH_H

#include "device/device.h"
#include "firmware/flash_image.h"

/* x86-64: chip_place.address is where they end. arm64: where the first begins, in front of the second. */
extern const struct device_type flash_x86_type, flash_arm64_type;

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
    bool told;   /* that KVM refused */
};

/* x86-64, at the start and at each reset, while no vCPU runs: the end of the bank below 1 MiB
 * (rom_copy_low()). */
bool flash_copy_low(const struct flash *flash, struct guest_memory *memory, struct error *error);

#endif
