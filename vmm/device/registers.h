/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers as tables: the offset of each, and the effects of reads and writes. A register that only stores
 * what is written needs no function: its row states its place in the device's state, and the bits that are
 * stored.
 *
 * Threads: under the device's lock.
 */
#ifndef VMM_DEVICE_REGISTERS_H
#define VMM_DEVICE_REGISTERS_H

#include <stddef.h>
#include <stdint.h>

struct device_register {
    uint16_t offset; /* within the range on the bus */
    uint16_t stored; /* its offset in the state, if width is not 0 */
    uint8_t width;   /* its size there: 1, 2 or 4 bytes; 0: not stored */
    uint32_t bits;   /* stored bits that a write changes */
    uint32_t fixed;  /* value that is read if it is not stored */
    /* NULL: as the members above say. */
    uint32_t (*read)(void *device);
    void (*write)(void *device, uint32_t value);
};

/* Members of a row: a register that is kept in a member of the state's struct. */
#define REGISTER_STORED(type, member) \
    .stored = offsetof(type, member), .width = sizeof(((const type *)0)->member)

/* The register at exactly this offset; NULL: there is none. */
const struct device_register *register_at(const struct device_register *table, size_t count, uint64_t offset);
/* If `reg` is NULL, 0 is read, and a write has no effect. */
uint32_t register_read(const struct device_register *reg, void *device, const void *state);
void register_write(const struct device_register *reg, void *device, void *state, uint32_t value);
/* For registers at multiples of 4: read at any offset, shifted so that the addressed byte is the lowest. */
uint32_t register_read_part(const struct device_register *table, size_t count, uint64_t offset, void *device,
                            const void *state);

#endif
