/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers as tables: of each, where it is, and what a read and a write do. A register that only keeps what
 * is written needs no function: its row says where in the device's state it is, and which bits are kept.
 *
 * Threads: under the device's lock.
 */
#ifndef VMM_DEVICE_REGISTERS_H
#define VMM_DEVICE_REGISTERS_H

#include <stddef.h>
#include <stdint.h>

struct device_register {
    uint16_t offset; /* within the range on the bus */
    uint16_t stored; /* where it is in the state, if width is not 0 */
    uint8_t width;   /* there: 1, 2 or 4 bytes */
    uint32_t bits;   /* of what is stored: those that a write changes */
    uint32_t fixed;  /* what is read if it is not stored */
    /* NULL: as above. */
    uint32_t (*read)(void *device);
    void (*write)(void *device, uint32_t value);
};

/* Members of a row: a register that is kept in a member of the state's struct. */
#define REGISTER_STORED(type, member) \
    .stored = offsetof(type, member), .width = sizeof(((const type *)0)->member)

/* NULL: there is none at this offset. */
const struct device_register *register_at(const struct device_register *table, size_t count, uint64_t offset);
/* `reg` may be NULL: then 0 is read, and what is written is lost. */
uint32_t register_read(const struct device_register *reg, void *device, const void *state);
void register_write(const struct device_register *reg, void *device, void *state, uint32_t value);
/* Of registers that are 4 bytes apart: what is read from any of their bytes on. */
uint32_t register_read_part(const struct device_register *table, size_t count, uint64_t offset, void *device,
                            const void *state);

#endif
