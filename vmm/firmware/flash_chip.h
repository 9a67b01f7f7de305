/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bank of NOR flash with Intel's command set (Common Flash Interface, JESD68.01, command set 0001; Intel
 * 28F640J3 data sheet: status register, write buffer). A bank is one chip, or several in parallel that
 * receive the same commands: there is one state for all, and each chip's response is on its own data lines.
 *
 * Programming only clears bits; erasing sets all bits of a block. Both complete at once: chips are never
 * busy.
 *
 * Threads: all functions run under the device's lock.
 */
#ifndef VMM_FIRMWARE_FLASH_CHIP_H
#define VMM_FIRMWARE_FLASH_CHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "layout/units.h"

/* The status register. */
#define FLASH_READY 0x80u
#define FLASH_ERASE_ERROR 0x20u
#define FLASH_PROGRAM_ERROR 0x10u
#define FLASH_LOCKED 0x02u /* the block cannot be changed */

#define FLASH_BUFFER_MAX (4 * KIB)

/* Geometry of a bank. */
struct flash_shape {
    uint32_t block;  /* size of an erase block of all chips together, bytes */
    uint32_t buffer; /* size of all write buffers together, bytes: a power of two, at most FLASH_BUFFER_MAX */
    uint8_t width;   /* width of all data lines together, bytes: 1 or 4 */
    uint8_t chips;   /* 1, or 2 with 16 data lines each */
    bool clears_ready; /* clearing the status also clears FLASH_READY, until the next change: by this,
                        * firmware for QEMU's PCs distinguishes flash from RAM and ROM */
    uint64_t bank_max; /* maximum size of a bank, bytes */
};
/* QEMU's virt: two chips of 16 lines, 256 KiB blocks. QEMU's PCs: one of 8 lines, 4 KiB blocks. */
extern const struct flash_shape flash_shape_arm64, flash_shape_x86;

/* What reads return: the array, the status register, identifiers, or the CFI query structure. */
enum flash_mode { FLASH_ARRAY, FLASH_STATUS, FLASH_ID, FLASH_QUERY };

/* Meaning of the next write. */
enum flash_expects {
    FLASH_COMMAND,
    FLASH_PROGRAM, /* the data to be programmed */
    FLASH_ERASE,   /* confirmation of a block erase */
    FLASH_LOCK,    /* operation on a block's lock bit */
    FLASH_COUNT,   /* number of words for the write buffer, less one */
    FLASH_DATA,    /* one of these words */
    FLASH_CONFIRM, /* confirmation after the last */
};

/* Bytes of the bank that may have changed; length 0: none. */
struct flash_change {
    uint64_t offset, length;
};

struct flash_chip {
    const struct flash_shape *shape;
    uint8_t *bytes; /* of the image, `image` of them */
    uint64_t bank;  /* bytes of the bank: whole blocks, at most shape->bank_max */
    uint64_t image; /* bytes that exist: whole blocks; the rest of the bank reads as erased */
    bool read_only; /* nothing can be programmed or erased */

    enum flash_mode mode;
    enum flash_expects expects;
    uint8_t status;
    uint32_t words; /* FLASH_DATA: number of words to come */
    uint64_t block; /* FLASH_COUNT to FLASH_CONFIRM: number of the addressed block */
    uint64_t first,
        last;       /* range of the bank for which the buffer has data; `last` is the first byte after it */
    bool scattered; /* a word was outside the buffer's range */
    uint64_t buffer_base; /* offset in the bank of the buffer's first byte */
    uint8_t buffer[FLASH_BUFFER_MAX];
};

/* Set the state after power-on, or a reset: reads return the array. */
void flash_chip_reset(struct flash_chip *chip);
/* A read by the guest. `width` is 1, 2 or 4; `offset` is a multiple of it, within the bank. */
uint32_t flash_chip_read(const struct flash_chip *chip, uint64_t offset, unsigned width);
/* A write by the guest, likewise. Returns the bytes of the image that may have changed. */
struct flash_change flash_chip_write(struct flash_chip *chip, uint64_t offset, unsigned width,
                                     uint32_t value);
/* A change could not be stored: set the status bits of a failed operation. */
void flash_chip_failed(struct flash_chip *chip);
/* Whether reads return the array, so that the image may be mapped into the guest. */
static inline bool flash_chip_is_array(const struct flash_chip *chip)
{
    return chip->mode == FLASH_ARRAY;
}

#endif
