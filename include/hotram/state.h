/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file state.h
 * The saved form of a bank and of the register blocks: for snapshots, and for moving a guest to another
 * host.
 *
 * A saved state is a sequence of bytes that identifies itself. A stream may contain several of them, one
 * after the other, in an order that the caller chooses. Each has the same frame, in every version:
 *
 *     0           4 bytes  "HRST"
 *     4           2 bytes  kind, an enum hotram_state_kind
 *     6           2 bytes  version of the contents, 1 for the first
 *     8           4 bytes  length, including the frame
 *     12                   contents
 *     length - 4  4 bytes  CRC-32 of all bytes before it (as zlib's crc32())
 *
 * Numbers are little endian. The contents in version 1, with the number of bytes of each value:
 *
 *     bank   base 8, size 8, slots 4 (struct hotram_bank_config); then for each slot addr 8, size 8, node 4,
 *            ost_event 4, ost_status 4, state 1, pending events 1 (bit 0 insert, bit 1 remove)
 *     memhp  selector 4
 *     gpe    status 2, enable 2, events raised again 2
 *     ged    unread events 4
 *     pm1    status 2, enable 2, control 2
 *     cpus   slots 4; then for each slot hardware_id 8, ost_event 4, ost_status 4, state 1, pending events 1
 *     cpuhp  selector 4, command 1
 *
 * The same stream may contain the embedder's own states, such as those of its devices: hotram_state_wrap()
 * adds the frame, with a kind that the library never uses, and hotram_state_look() checks it.
 *
 * The library restores every version up to its own and refuses newer ones. The checksum detects accidents,
 * not attacks, so all values are treated as hostile: a saved state that is refused changes nothing, and one
 * that is restored is a state that calls could have produced.
 *
 * No function here calls the bank's callbacks, so none raises an interrupt: pending events are part of the
 * GPE block, the GED and the PM1 registers. The caller sets the line afterwards, and serializes the calls.
 *
 * Source: none; the format is the library's own.
 */
#ifndef HOTRAM_STATE_H
#define HOTRAM_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/buffer.h>
#include <hotram/dimm.h>
#include <hotram/ged.h>
#include <hotram/gpe.h>
#include <hotram/memhp.h>
#include <hotram/pm1.h>
#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of every kind that this library saves, and the highest that it restores. */
#define HOTRAM_STATE_VERSION 1u
/** Length of the frame, bytes: 12 before the contents and 4 after them. */
#define HOTRAM_STATE_FRAME 16u
/** The lowest of the kinds that are reserved for the embedder. */
#define HOTRAM_STATE_OWN 0x8000u
/** Length of a saved bank with that number of slots, bytes; any bank fits into
 *  HOTRAM_STATE_BANK_LENGTH(HOTRAM_SLOTS_MAX). */
#define HOTRAM_STATE_BANK_LENGTH(slots) (HOTRAM_STATE_FRAME + 20u + 30u * (slots))

/** Kinds of saved states. */
enum hotram_state_kind {
    HOTRAM_STATE_BANK = 1, /**< struct hotram_bank with its slots */
    HOTRAM_STATE_MEMHP,    /**< struct hotram_memhp */
    HOTRAM_STATE_GPE,      /**< struct hotram_gpe */
    HOTRAM_STATE_GED,      /**< struct hotram_ged */
    HOTRAM_STATE_PM1,      /**< struct hotram_pm1 */
    HOTRAM_STATE_CPUS,     /**< struct hotram_cpus with its slots: hotram/state_cpus.h */
    HOTRAM_STATE_CPUHP,    /**< struct hotram_cpuhp: hotram/state_cpus.h */
};

/** A value of a saved state, to identify the one that was refused. */
enum hotram_state_field {
    HOTRAM_FIELD_NONE,       /**< no value of the saved state */
    HOTRAM_FIELD_MAGIC,      /**< the first four bytes */
    HOTRAM_FIELD_KIND,       /**< the kind */
    HOTRAM_FIELD_VERSION,    /**< the version */
    HOTRAM_FIELD_LENGTH,     /**< the length */
    HOTRAM_FIELD_CHECKSUM,   /**< the checksum */
    HOTRAM_FIELD_BASE,       /**< first address of the bank's region */
    HOTRAM_FIELD_SIZE,       /**< length of the bank's region */
    HOTRAM_FIELD_SLOTS,      /**< number of slots */
    HOTRAM_FIELD_DIMM_STATE, /**< state of a slot, of either kind */
    HOTRAM_FIELD_PENDING,    /**< pending events of a slot */
    HOTRAM_FIELD_DIMM_ADDR,  /**< address of a DIMM */
    HOTRAM_FIELD_DIMM_SIZE,  /**< size of a DIMM */
    HOTRAM_FIELD_DIMM_NODE,  /**< node of a DIMM */
    HOTRAM_FIELD_EVENTS,     /**< events of a Generic Event Device */
    HOTRAM_FIELD_STATUS,     /**< PM1 status bits */
    HOTRAM_FIELD_ENABLE,     /**< PM1 enable bits */
    HOTRAM_FIELD_CONTROL,    /**< PM1 control bits */
    HOTRAM_FIELD_CPU_ID,     /**< hardware id of a CPU slot */
    HOTRAM_FIELD_COMMAND,    /**< command of the register block of CPUs */
};

/** The unread part of a stream. A function that restores a state advances it beyond that state. */
struct hotram_saved {
    const uint8_t *bytes; /**< the first unread byte; may be NULL only if length is 0 */
    size_t length;        /**< number of unread bytes, any number */
};

/** The frame of a saved state. */
struct hotram_state_frame {
    uint32_t length;  /**< of frame and contents, bytes */
    uint16_t kind;    /**< an enum hotram_state_kind, one of a newer library, or one of the embedder */
    uint16_t version; /**< of the contents, any number */
};

/** Why a restore was refused. */
struct hotram_restore_result {
    enum hotram_state_field field; /**< the value that was refused; HOTRAM_FIELD_NONE on HOTRAM_OK, and if the
                                    *   reason is not a value of the saved state */
    uint32_t slot;                 /**< the slot that the value belongs to; on HOTRAM_E_SLOT_TAKEN the slot of
                                    *   the bank that is not empty; on HOTRAM_E_ATTACH the slot that was not
                                    *   attached; otherwise HOTRAM_SLOT_ANY */
    uint32_t other; /**< on HOTRAM_E_OVERLAP the slot that it overlaps; otherwise HOTRAM_SLOT_ANY
                     */
    uint64_t saved; /**< the value as it was saved; 0 if there is none */
    /** The required value: that of the target (MAGIC, KIND, BASE, SIZE, SLOTS), the highest one (VERSION;
     *  DIMM_SIZE on HOTRAM_E_CAPACITY), the length that is available or that the kind has, the checksum of
     * the bytes, a number of which it must be a multiple (HOTRAM_E_SIZE, HOTRAM_E_ALIGN), the start of the
     * region (HOTRAM_E_REGION), or all bits that may be set. 0 for a slot's state and on HOTRAM_E_OVERLAP. */
    uint64_t wanted;
};

/** Conditions and callbacks of hotram_bank_restore(). */
struct hotram_bank_restoring {
    uint64_t
        align; /**< each DIMM's address must be a multiple of it, bytes, a power of two; 1: any address */
    /** Map the memory of a slot's DIMM, or check that it is mapped: hotram_bank_slot() returns address and
     *  size, while state and pending events are not final yet. Called by rising address, once all saved
     * values have been checked, and for plugged DIMMs only: the memory of an ejecting one is not in the
     * guest's memory map. It must not call functions that change the bank. False: the DIMM is refused, and
     * with it the saved state. May be NULL. */
    bool (*attach)(void *opaque, uint32_t slot);
    /** Undo attach() for a slot, because a later slot was refused. NULL if and only if attach is NULL. */
    void (*detach)(void *opaque, uint32_t slot);
    void *opaque; /**< passed to both, may be NULL */
};

/**
 * The name of a value in messages, such as "address of a DIMM".
 *
 * When: at any time, from any thread.
 *
 * @param field  any value, also one that is not in the enum
 * @return a constant string in English, never NULL
 */
const char *hotram_state_field_text(enum hotram_state_field field);

/**
 * Read the frame of the next saved state. The contents follow its first 12 bytes. A reader may skip a state
 * of a kind that it does not know, by its length.
 *
 * When: at any time.
 *
 * @param saved   the unread part of the stream; it is not advanced
 * @param frame   filled in on HOTRAM_OK
 * @param result  filled in with every status; may be NULL
 * @retval HOTRAM_OK          the state is complete and the checksum matches; the contents were not checked
 * @retval HOTRAM_E_ARGUMENT  saved or frame is NULL, or bytes is NULL and length is not 0
 * @retval HOTRAM_E_FORMAT    the bytes are not a saved state, or an incomplete one
 * @retval HOTRAM_E_CHECKSUM  the state is damaged
 */
enum hotram_status hotram_state_look(const struct hotram_saved *saved, struct hotram_state_frame *frame,
                                     struct hotram_restore_result *result);

/**
 * Save a state of the embedder: the frame with these contents, which the library does not interpret.
 *
 * When: at any time.
 *
 * @param kind      the embedder's number of the kind, HOTRAM_STATE_OWN .. 65535
 * @param version   of the contents, 1 .. 65535
 * @param contents  the bytes; may be NULL only if length is 0
 * @param length    number of bytes, 0 .. 65536
 * @param out       HOTRAM_STATE_FRAME bytes and the contents are appended to it
 * @retval HOTRAM_OK          the state has been appended
 * @retval HOTRAM_E_ARGUMENT  out is NULL, contents is NULL and length is not 0, or a number is out of range;
 *                            nothing is appended
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_state_wrap(uint16_t kind, uint16_t version, const uint8_t *contents, size_t length,
                                     struct hotram_buffer *out);

/**
 * Save a bank: its region, its number of slots, and for each slot address, size, node, state, pending events
 * and _OST codes. Removal requests are included, and so are ejecting DIMMs.
 *
 * When: at any time after hotram_bank_init() while no slot is reserved: commit or cancel reservations first.
 *
 * @param bank  the bank; it is not changed
 * @param out   the bytes are appended to it: HOTRAM_STATE_BANK_LENGTH(slots)
 * @retval HOTRAM_OK          the state has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_STATE     a slot is reserved; nothing is appended
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_bank_save(const struct hotram_bank *bank, struct hotram_buffer *out);

/**
 * Restore a bank. The target is a bank without DIMMs, with the same region and number of slots as the saved
 * one, since the guest's tables contain both. Capacity and granularity may differ if each DIMM conforms to
 * them. Each DIMM passes all checks of hotram_bank_reserve().
 *
 * The VMM finds its own data of a DIMM, such as its memory and name, by the slot's number, and attaches it in
 * the callbacks of how. An ejecting slot has no memory; the VMM still calls hotram_bank_finish() for it.
 *
 * When: after hotram_bank_init(), before the guest runs.
 *
 * @param bank    the bank; unchanged on an error
 * @param saved   the bank's state is the next in it; advanced on success
 * @param how     alignment and callbacks; NULL: align is 1, and nothing is attached
 * @param result  filled in with every status; may be NULL
 * @retval HOTRAM_OK           the bank has been restored
 * @retval HOTRAM_E_ARGUMENT   bank or saved is NULL; bytes is NULL and length is not 0; align is not a power
 *                             of two; one of attach and detach is NULL and the other is not
 * @retval HOTRAM_E_SLOT_TAKEN slot result->slot of the bank is not empty
 * @retval HOTRAM_E_FORMAT     the bytes are not a saved bank, or an incomplete one
 * @retval HOTRAM_E_CHECKSUM   the state is damaged
 * @retval HOTRAM_E_VERSION    the state is of a newer version, result->saved
 * @retval HOTRAM_E_CONFIG     region or number of slots differ; result->field is the one that does
 * @retval HOTRAM_E_VALUE      a value of slot result->slot is impossible
 * @retval HOTRAM_E_SIZE       a DIMM's size is 0 or not a multiple of the bank's granularity
 * @retval HOTRAM_E_ALIGN      a DIMM's address is not a multiple of align
 * @retval HOTRAM_E_REGION     a DIMM is not within the region
 * @retval HOTRAM_E_OVERLAP    the DIMM in result->slot overlaps that in result->other
 * @retval HOTRAM_E_CAPACITY   the sum of sizes exceeds the bank's capacity
 * @retval HOTRAM_E_ATTACH     attach() refused slot result->slot; detach() was called for the slots before it
 */
enum hotram_status hotram_bank_restore(struct hotram_bank *bank, struct hotram_saved *saved,
                                       const struct hotram_bank_restoring *how,
                                       struct hotram_restore_result *result);

/**
 * Save a register block: the selected slot. The bank is saved separately.
 *
 * When: at any time after hotram_memhp_init().
 *
 * @param memhp  the block; it is not changed
 * @param out    the bytes are appended to it
 * @retval HOTRAM_OK          the state has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_memhp_save(const struct hotram_memhp *memhp, struct hotram_buffer *out);

/**
 * Restore a register block. All selectors are accepted, since a guest may write any.
 *
 * When: after hotram_memhp_init(), before the guest runs.
 *
 * @param memhp   the block; unchanged on an error
 * @param saved   the block's state is the next in it; advanced on success
 * @param result  filled in with every status; may be NULL
 * @retval HOTRAM_OK          the block has been restored
 * @retval HOTRAM_E_ARGUMENT  memhp or saved is NULL, or bytes is NULL and length is not 0
 * @retval HOTRAM_E_FORMAT    the bytes are not a saved register block, or an incomplete one
 * @retval HOTRAM_E_CHECKSUM  the state is damaged
 * @retval HOTRAM_E_VERSION   the state is of a newer version, result->saved
 */
enum hotram_status hotram_memhp_restore(struct hotram_memhp *memhp, struct hotram_saved *saved,
                                        struct hotram_restore_result *result);

/**
 * Save a GPE block.
 *
 * When: at any time.
 *
 * @param gpe  the block; it is not changed
 * @param out  the bytes are appended to it
 * @retval HOTRAM_OK          the state has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_gpe_save(const struct hotram_gpe *gpe, struct hotram_buffer *out);

/**
 * Restore a GPE block. Unlike a write by the guest, this raises no event again.
 *
 * When: before the guest runs; then set the line to hotram_gpe_level().
 *
 * @param gpe     the block; unchanged on an error
 * @param saved   the block's state is the next in it; advanced on success
 * @param result  filled in with every status; may be NULL
 * @retval HOTRAM_OK          the block has been restored
 * @retval HOTRAM_E_ARGUMENT  gpe or saved is NULL, or bytes is NULL and length is not 0
 * @retval HOTRAM_E_FORMAT    the bytes are not a saved GPE block, or an incomplete one
 * @retval HOTRAM_E_CHECKSUM  the state is damaged
 * @retval HOTRAM_E_VERSION   the state is of a newer version, result->saved
 */
enum hotram_status hotram_gpe_restore(struct hotram_gpe *gpe, struct hotram_saved *saved,
                                      struct hotram_restore_result *result);

/**
 * Save the register of a Generic Event Device; unlike hotram_ged_read() it leaves the events pending.
 *
 * When: at any time.
 *
 * @param ged  the register; it is not changed
 * @param out  the bytes are appended to it
 * @retval HOTRAM_OK          the state has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_ged_save(const struct hotram_ged *ged, struct hotram_buffer *out);

/**
 * Restore the register of a Generic Event Device.
 *
 * When: before the guest runs; then set the line to hotram_ged_level().
 *
 * @param ged     the register; unchanged on an error
 * @param saved   the register's state is the next in it; advanced on success
 * @param result  filled in with every status; may be NULL
 * @retval HOTRAM_OK          the register has been restored
 * @retval HOTRAM_E_ARGUMENT  ged or saved is NULL, or bytes is NULL and length is not 0
 * @retval HOTRAM_E_FORMAT    the bytes are not a saved register of a GED, or an incomplete one
 * @retval HOTRAM_E_CHECKSUM  the state is damaged
 * @retval HOTRAM_E_VERSION   the state is of a newer version, result->saved
 * @retval HOTRAM_E_VALUE     a bit is not an event
 */
enum hotram_status hotram_ged_restore(struct hotram_ged *ged, struct hotram_saved *saved,
                                      struct hotram_restore_result *result);

/**
 * Save the PM1 registers.
 *
 * When: at any time.
 *
 * @param pm1  the registers; they are not changed
 * @param out  the bytes are appended to it
 * @retval HOTRAM_OK          the state has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_pm1_save(const struct hotram_pm1 *pm1, struct hotram_buffer *out);

/**
 * Restore the PM1 registers.
 *
 * When: before the guest runs; then set the line to hotram_pm1_level().
 *
 * @param pm1     the registers; unchanged on an error
 * @param saved   the registers' state is the next in it; advanced on success
 * @param result  filled in with every status; may be NULL
 * @retval HOTRAM_OK          the registers have been restored
 * @retval HOTRAM_E_ARGUMENT  pm1 or saved is NULL, or bytes is NULL and length is not 0
 * @retval HOTRAM_E_FORMAT    the bytes are not saved PM1 registers, or incomplete
 * @retval HOTRAM_E_CHECKSUM  the state is damaged
 * @retval HOTRAM_E_VERSION   the state is of a newer version, result->saved
 * @retval HOTRAM_E_VALUE     a bit is set that neither a call nor a guest can set
 */
enum hotram_status hotram_pm1_restore(struct hotram_pm1 *pm1, struct hotram_saved *saved,
                                      struct hotram_restore_result *result);

#ifdef __cplusplus
}
#endif
#endif
