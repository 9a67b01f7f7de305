/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bank of NOR flash as a guest sees it, with Intel's command set (Common Flash Interface, JESD68.01,
 * command set 0001; Intel 28F640J3 data sheet: status register, write buffer). A bank is one chip, or several
 * side by side, which are given the same command and do the same at the same time: there is one state for
 * all, and what a chip says is said on the data lines of each.
 *
 * Programming only clears bits; erasing sets all of a block. Both are over at once: the chips are never busy.
 *
 * Threads: none of its own; whoever calls has the lock of the device.
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
#define FLASH_LOCKED 0x02u /* what was to be changed cannot be */

#define FLASH_BUFFER_MAX (4 * KIB)

/* What a bank is made of. */
struct flash_shape {
    uint32_t block;    /* bytes that are erased at once, of all chips */
    uint32_t buffer;   /* bytes of all write buffers: a power of two, at most FLASH_BUFFER_MAX */
    uint8_t width;     /* bytes of all data lines: 1 or 4 */
    uint8_t chips;     /* 1, or 2 with 16 lines each */
    bool clears_ready; /* after a clear of the status even "ready" is clear until something is changed: so
                        * firmware for QEMU's PCs tells flash from RAM and ROM */
    uint64_t bank_max; /* bytes */
};
/* QEMU's virt: two chips of 16 lines, 256 KiB blocks. QEMU's PCs: one of 8 lines, 4 KiB blocks. */
extern const struct flash_shape flash_shape_arm64, flash_shape_x86;

/* What reads give. */
enum flash_mode { FLASH_ARRAY, FLASH_STATUS, FLASH_ID, FLASH_QUERY };

/* What the next write is. */
enum flash_expects {
    FLASH_COMMAND,
    FLASH_PROGRAM, /* the data */
    FLASH_ERASE,   /* the confirmation */
    FLASH_LOCK,    /* what is to be done with a block's lock */
    FLASH_COUNT,   /* how many words follow, less one */
    FLASH_DATA,    /* one of them */
    FLASH_CONFIRM, /* the confirmation behind the last */
};

/* Bytes of the bank that may be others now; length 0: none. */
struct flash_change {
    uint64_t offset, length;
};

struct flash_chip {
    const struct flash_shape *shape;
    uint8_t *bytes; /* of the image, `image` of them */
    uint64_t bank;  /* bytes of the bank: whole blocks, at most shape->bank_max */
    uint64_t image; /* bytes of it that exist: whole blocks; what is behind reads as erased */
    bool read_only; /* nothing of it can be changed */

    enum flash_mode mode;
    enum flash_expects expects;
    uint8_t status;
    uint32_t words;       /* FLASH_DATA: that are still to come */
    uint64_t block;       /* FLASH_COUNT to FLASH_CONFIRM: the number of the block that they are for */
    uint64_t first, last; /* bytes of the bank that the buffer has data for: from, and behind */
    bool scattered;       /* some of it was for elsewhere */
    uint64_t buffer_base; /* the bank's byte that the buffer begins with */
    uint8_t buffer[FLASH_BUFFER_MAX];
};

/* As after power-on, and at a reset: reads give the array. */
void flash_chip_reset(struct flash_chip *chip);
/* What is at `offset` (a multiple of `width`, within the bank; `width` is 1, 2 or 4). */
uint32_t flash_chip_read(const struct flash_chip *chip, uint64_t offset, unsigned width);
/* A write of the guest, and what of the image it has changed. */
struct flash_change flash_chip_write(struct flash_chip *chip, uint64_t offset, unsigned width,
                                     uint32_t value);
/* A change could not be kept: the guest sees it as an error of the last operation. */
void flash_chip_failed(struct flash_chip *chip);
/* Whether reads give the bytes of the image, so that the guest may have them mapped. */
static inline bool flash_chip_is_array(const struct flash_chip *chip)
{
    return chip->mode == FLASH_ARRAY;
}

#endif
