/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file cpuhp.h
 * The register block through which a guest's AML sees a bank of CPU slots.
 *
 * It is QEMU's CPU hotplug interface without its legacy mode: 12 bytes, on x86-64 at I/O port 0xcd8, on arm64
 * at MMIO 0x090c0000. The caller dispatches accesses to them, and serializes these with all calls on the
 * bank.
 *
 * Source: docs/register-interface.md.
 */
#ifndef HOTRAM_CPUHP_H
#define HOTRAM_CPUHP_H

#include <stdint.h>

#include <hotram/cpu.h>
#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Length of the block, bytes; it does not depend on the number of slots. */
#define HOTRAM_CPUHP_LENGTH 12u

/* Bits of the register at offset 4. */
#define HOTRAM_CPUHP_ENABLED 0x1u /**< read: the slot contains a CPU that the guest may use */
#define HOTRAM_CPUHP_INSERT 0x2u  /**< read: insert event pending; write: clear it */
#define HOTRAM_CPUHP_REMOVE 0x4u  /**< read: remove event pending; write: clear it */
#define HOTRAM_CPUHP_EJECT 0x8u   /**< write: eject the CPU */

/** Values of the command register, at offset 5. Any other value leaves the last command in force. */
enum hotram_cpuhp_command {
    HOTRAM_CPUHP_NEXT_EVENT,  /**< select the next slot with a pending event; the data register reads the
                               *   selector */
    HOTRAM_CPUHP_OST_EVENT,   /**< the data register takes the _OST event code */
    HOTRAM_CPUHP_OST_STATUS,  /**< the data register takes the _OST status code */
    HOTRAM_CPUHP_HARDWARE_ID, /**< the data registers read the slot's hardware id */
};

/** The register block. Only the library writes the members. Selector and command may be read. */
struct hotram_cpuhp {
    struct hotram_cpus *cpus; /**< whose slots it shows (internal) */
    uint32_t selector;        /**< slot that the other registers refer to; may be out of range */
    uint8_t command;          /**< an enum hotram_cpuhp_command */
};

/**
 * Initialize the register block of a bank; slot 0 and command 0 are selected.
 *
 * When: after hotram_cpus_init(), before any access by the guest; and again at a reset, together with
 * hotram_cpus_reset().
 *
 * @param cpuhp  the caller's memory for the block
 * @param cpus   an initialized bank; must exist as long as the block
 * @retval HOTRAM_OK          the block is ready
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL; nothing is changed
 */
enum hotram_status hotram_cpuhp_init(struct hotram_cpuhp *cpuhp, struct hotram_cpus *cpus);

/**
 * A read by the guest, without effects.
 *
 * An access is decoded by its exact start offset. One that is not aligned to its width is divided into
 * naturally aligned parts of 1 or 2 bytes, each as wide as alignment and the remaining width permit, and each
 * part is decoded by its own start offset. Offsets without a register read as 0, and so does every offset
 * while the selector is out of range; offsets beyond the block read as all ones.
 *
 * When: at any time after hotram_cpuhp_init().
 *
 * @param cpuhp   the block; NULL reads as all ones
 * @param offset  bytes from the start of the block, any number
 * @param width   1, 2 or 4 bytes; any other number reads as UINT32_MAX
 * @return the value in the low width * 8 bits; the others are 0
 */
uint32_t hotram_cpuhp_read(const struct hotram_cpuhp *cpuhp, uint32_t offset, unsigned width);

/**
 * A write by the guest. Calls the bank's ost and eject callbacks before it returns.
 *
 * Decoded as by hotram_cpuhp_read(). Writes to offsets without a register are ignored, and so are all except
 * those of the selector while the selector is out of range. A write of the control register has one effect,
 * the first that its bits request of: clear insert, clear remove, eject. An eject is ignored unless the slot
 * is plugged or its removal has been requested.
 *
 * When: at any time after hotram_cpuhp_init().
 *
 * @param cpuhp   the block; NULL is ignored
 * @param offset  bytes from the start of the block, any number
 * @param width   1, 2 or 4 bytes; any other number is ignored
 * @param value   any number; only the low width * 8 bits are used
 */
void hotram_cpuhp_write(struct hotram_cpuhp *cpuhp, uint32_t offset, unsigned width, uint32_t value);

#ifdef __cplusplus
}
#endif
#endif
