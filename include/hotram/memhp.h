/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file memhp.h
 * The register block through which a guest's AML sees a bank of DIMMs.
 *
 * The first 24 bytes are bit for bit QEMU's memory hotplug interface: on x86-64 at I/O port 0xa00, on arm64
 * at MMIO 0x09070000. Beside them is a register of our own, read by the AML of hotram/acpi.h alone: it gives
 * the first slot with a pending event, so that the guest need not ask every slot. The caller dispatches
 * accesses to all of it and serializes them with all calls on the bank.
 *
 * Source: docs/register-interface.md.
 */
#ifndef HOTRAM_MEMHP_H
#define HOTRAM_MEMHP_H

#include <stdint.h>

#include <hotram/dimm.h>
#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Length of the block that is QEMU's, bytes. */
#define HOTRAM_MEMHP_LENGTH 24u
/** Offset of the pending register, 4 bytes, read only: a slot, or all ones when no event is pending. */
#define HOTRAM_MEMHP_PENDING 24u
/** Length of block and pending register, bytes: what the caller dispatches. */
#define HOTRAM_MEMHP_EXTENT 28u

/* Bits of the register at offset 0x14. */
#define HOTRAM_MEMHP_ENABLED 0x1u /**< the slot holds a DIMM that the guest may use */
#define HOTRAM_MEMHP_INSERT 0x2u  /**< read: insert event pending; write: clear it */
#define HOTRAM_MEMHP_REMOVE 0x4u  /**< read: remove event pending; write: clear it */
#define HOTRAM_MEMHP_EJECT 0x8u   /**< write: the guest gives the memory back */

/** The register block. Only the library writes the members; the selector may be read, which a snapshot needs
 *  and no register tells. */
struct hotram_memhp {
    struct hotram_bank *bank; /**< whose slots it shows (internal) */
    uint32_t selector;        /**< slot that the other registers speak of; may be out of range */
};

/**
 * Put a register block over a bank; slot 0 is selected.
 *
 * When: after hotram_bank_init(), before any access of the guest; again when the platform was reset, beside
 * hotram_bank_reset().
 *
 * @param memhp  the caller's memory for the block
 * @param bank   an initialized bank; must live as long as the block
 * @retval HOTRAM_OK          ready
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL; nothing is changed
 */
enum hotram_status hotram_memhp_init(struct hotram_memhp *memhp, struct hotram_bank *bank);

/**
 * The guest reads.
 *
 * An access is decoded on its exact start offset; one that is not aligned to its width is split into
 * naturally aligned parts, each decoded on its own: at each step the longest of 1, 2 or 4 bytes that is left
 * and to which the step's offset is aligned. Offsets beyond the extent and those without a register read as
 * all ones; with a selector out of range every offset in the block reads as 0. The pending register does not
 * depend on the selector. Reading changes nothing.
 *
 * When: at any time after hotram_memhp_init().
 *
 * @param memhp   the block; NULL reads as all ones
 * @param offset  bytes from the start of the block, any number
 * @param width   1, 2 or 4 bytes; any other number reads as UINT32_MAX
 * @return the value, in the low width * 8 bits, the rest 0
 */
uint32_t hotram_memhp_read(const struct hotram_memhp *memhp, uint32_t offset, unsigned width);

/**
 * The guest writes. Calls the bank's ost and eject callbacks before it returns.
 *
 * Decoded as in hotram_memhp_read(). Unknown offsets are ignored, as are all but the selector while the
 * selector is out of range. The control register takes one action per write, the first that matches:
 * clear insert, clear remove, eject. An eject of a slot that is not in use is ignored.
 *
 * When: at any time after hotram_memhp_init().
 *
 * @param memhp   the block; NULL is ignored
 * @param offset  bytes from the start of the block, any number
 * @param width   1, 2 or 4 bytes; any other number is ignored
 * @param value   any number; the low width * 8 bits count
 */
void hotram_memhp_write(struct hotram_memhp *memhp, uint32_t offset, unsigned width, uint32_t value);

#ifdef __cplusplus
}
#endif
#endif
