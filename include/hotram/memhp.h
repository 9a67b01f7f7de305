/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file memhp.h
 * The register block through which a guest's AML sees a bank of DIMMs.
 *
 * The first 24 bytes are QEMU's memory hotplug interface, bit for bit: on x86-64 at I/O port 0xa00, on arm64
 * at MMIO 0x09070000. The library's own pending register follows, which only the AML of hotram/acpi.h reads:
 * it contains the first slot with a pending event, so that the guest need not examine every slot. The caller
 * dispatches accesses to all 28 bytes, and serializes them with all calls on the bank.
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

/** Length of QEMU's block, bytes. */
#define HOTRAM_MEMHP_LENGTH 24u
/** Offset of the pending register, 4 bytes, read-only: a slot, or all ones if no event is pending. */
#define HOTRAM_MEMHP_PENDING 24u
/** Length of block and pending register, bytes: the range that the caller dispatches. */
#define HOTRAM_MEMHP_EXTENT 28u

/* Bits of the register at offset 0x14. */
#define HOTRAM_MEMHP_ENABLED 0x1u /**< read: the slot contains a DIMM that the guest may use */
#define HOTRAM_MEMHP_INSERT 0x2u  /**< read: insert event pending; write: clear it */
#define HOTRAM_MEMHP_REMOVE 0x4u  /**< read: remove event pending; write: clear it */
#define HOTRAM_MEMHP_EJECT 0x8u   /**< write: eject the DIMM */

/** The register block. Only the library writes the members. The selector, which the guest cannot read, may be
 *  read. */
struct hotram_memhp {
    struct hotram_bank *bank; /**< whose slots it shows (internal) */
    uint32_t selector;        /**< slot that the other registers refer to; may be out of range */
};

/**
 * Initialize the register block of a bank; slot 0 is selected.
 *
 * When: after hotram_bank_init(), before any access by the guest; and again at a reset, together with
 * hotram_bank_reset().
 *
 * @param memhp  the caller's memory for the block
 * @param bank   an initialized bank; must exist as long as the block
 * @retval HOTRAM_OK          the block is ready
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL; nothing is changed
 */
enum hotram_status hotram_memhp_init(struct hotram_memhp *memhp, struct hotram_bank *bank);

/**
 * A read by the guest, without effects.
 *
 * An access is decoded by its exact start offset. One that is not aligned to its width is divided into
 * naturally aligned parts of 1 or 2 bytes, each as wide as alignment and the remaining width permit, and each
 * part is decoded by its own start offset. Offsets beyond the extent and those without a register read as all
 * ones; while the selector is out of range, every offset in QEMU's block reads as 0. The pending register
 * does not depend on the selector.
 *
 * When: at any time after hotram_memhp_init().
 *
 * @param memhp   the block; NULL reads as all ones
 * @param offset  bytes from the start of the block, any number
 * @param width   1, 2 or 4 bytes; any other number reads as UINT32_MAX
 * @return the value in the low width * 8 bits; the others are 0
 */
uint32_t hotram_memhp_read(const struct hotram_memhp *memhp, uint32_t offset, unsigned width);

/**
 * A write by the guest. Calls the bank's ost and eject callbacks before it returns.
 *
 * Decoded as by hotram_memhp_read(). Writes to offsets without a register are ignored, and so are all except
 * those of the selector while the selector is out of range. A write of the control register has one effect,
 * the first that its bits request of: clear insert, clear remove, eject. An eject is ignored unless the slot
 * is plugged or its removal has been requested.
 *
 * When: at any time after hotram_memhp_init().
 *
 * @param memhp   the block; NULL is ignored
 * @param offset  bytes from the start of the block, any number
 * @param width   1, 2 or 4 bytes; any other number is ignored
 * @param value   any number; only the low width * 8 bits are used
 */
void hotram_memhp_write(struct hotram_memhp *memhp, uint32_t offset, unsigned width, uint32_t value);

#ifdef __cplusplus
}
#endif
#endif
