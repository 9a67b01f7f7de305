/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file state.h
 * The saved form of a bank and of the register blocks: for snapshots, and for moving a guest to another
 * host.
 *
 * A saved state is a run of bytes that says of itself what it is. Several of them may stand behind one
 * another in a stream, in an order that the caller chooses. Each has the same frame, in every version:
 *
 *     0           4 bytes  "HRST"
 *     4           2 bytes  kind, an enum hotram_state_kind
 *     6           2 bytes  version of the contents, 1 for the first
 *     8           4 bytes  length of all, frame included
 *     12                   contents
 *     length - 4  4 bytes  CRC-32 of all bytes before it (as zlib's crc32())
 *
 * Numbers are little endian. The contents in version 1, with the bytes of each number:
 *
 *     bank   base 8, size 8, slots 4 (struct hotram_bank_config); then of each slot addr 8, size 8, node 4,
 *            ost_event 4, ost_status 4, state 1, pending events 1 (bit 0 insert, bit 1 remove)
 *     memhp  selector 4
 *     gpe    status 2, enable 2, events raised again 2
 *     ged    events that the guest did not read yet 4
 *     pm1    status 2, enable 2, control 2
 *
 * States of the embedder's own, its devices' for example, may stand in the same stream: hotram_state_wrap()
 * gives them the frame, with a kind that the library never uses, and hotram_state_look() takes it off.
 *
 * The library restores every version up to its own and refuses a newer one. The checksum finds accidents,
 * not attackers, so every value is checked as if it came from one: a saved state that is refused changes
 * nothing, and one that is restored is a state that calls can have made.
 *
 * No function here calls the bank's callbacks, so none raises an interrupt: whether one was raised is part
 * of the GPE block or the GED. The caller sets the line afterwards, and serializes the calls.
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

/** The highest version that this library restores, and the one that it saves, of every kind. */
#define HOTRAM_STATE_VERSION 1u
/** Length of the frame, bytes: 12 in front and 4 behind. */
#define HOTRAM_STATE_FRAME 16u
/** The lowest of the kinds that are the embedder's own. */
#define HOTRAM_STATE_OWN 0x8000u
/** Length of a saved bank of so many slots, bytes; a buffer of HOTRAM_STATE_BANK_LENGTH(HOTRAM_SLOTS_MAX)
 * holds any. */
#define HOTRAM_STATE_BANK_LENGTH(slots) (HOTRAM_STATE_FRAME + 20u + 30u * (slots))

/** Whose state it is. */
enum hotram_state_kind {
    HOTRAM_STATE_BANK = 1, /**< struct hotram_bank with its slots */
    HOTRAM_STATE_MEMHP,    /**< struct hotram_memhp */
    HOTRAM_STATE_GPE,      /**< struct hotram_gpe */
    HOTRAM_STATE_GED,      /**< struct hotram_ged */
    HOTRAM_STATE_PM1,      /**< struct hotram_pm1 */
};

/** A value of a saved state, to name the one that was refused. */
enum hotram_state_field {
    HOTRAM_FIELD_NONE,       /**< no value of the saved state */
    HOTRAM_FIELD_MAGIC,      /**< the first four bytes */
    HOTRAM_FIELD_KIND,       /**< what it is the state of */
    HOTRAM_FIELD_VERSION,    /**< the version */
    HOTRAM_FIELD_LENGTH,     /**< the length */
    HOTRAM_FIELD_CHECKSUM,   /**< the checksum */
    HOTRAM_FIELD_BASE,       /**< first address of the bank's region */
    HOTRAM_FIELD_SIZE,       /**< length of the bank's region */
    HOTRAM_FIELD_SLOTS,      /**< number of slots */
    HOTRAM_FIELD_DIMM_STATE, /**< state of a slot */
    HOTRAM_FIELD_PENDING,    /**< pending events of a slot */
    HOTRAM_FIELD_DIMM_ADDR,  /**< address of a DIMM */
    HOTRAM_FIELD_DIMM_SIZE,  /**< size of a DIMM */
    HOTRAM_FIELD_DIMM_NODE,  /**< node of a DIMM */
    HOTRAM_FIELD_EVENTS,     /**< events of a Generic Event Device */
    HOTRAM_FIELD_STATUS,     /**< PM1 status bits */
    HOTRAM_FIELD_ENABLE,     /**< PM1 enable bits */
    HOTRAM_FIELD_CONTROL,    /**< PM1 control bits */
};

/** Saved states that were not read yet. A function that restores one moves it on behind that one. */
struct hotram_saved {
    const uint8_t *bytes; /**< the first of them; NULL only when there is none */
    size_t length;        /**< how many there are, any number */
};

/** The frame of a saved state. */
struct hotram_state_frame {
    uint32_t length;  /**< of all, frame included, bytes */
    uint16_t kind;    /**< an enum hotram_state_kind, or one of a newer library's */
    uint16_t version; /**< of the contents, any number */
};

/** What stood in a restore's way. */
struct hotram_restore_result {
    enum hotram_state_field field; /**< the value that was refused, HOTRAM_FIELD_NONE on HOTRAM_OK and when
                                    *   it is none of the saved state */
    uint32_t slot;                 /**< the slot whose value that is; on HOTRAM_E_SLOT_TAKEN the slot of the
                                    *   bank that is not empty; on HOTRAM_E_ATTACH the slot that was not
                                    *   attached; else HOTRAM_SLOT_ANY */
    uint32_t other;                /**< on HOTRAM_E_OVERLAP the slot that it overlaps, else HOTRAM_SLOT_ANY */
    uint64_t saved;                /**< the value as it was saved, 0 without one */
    /** What the value has to be: that of the target (MAGIC, KIND, BASE, SIZE, SLOTS), the highest (VERSION;
     *  DIMM_SIZE on HOTRAM_E_CAPACITY), a length that is there or that belongs to the kind, the sum of the
     *  bytes, a number that it has to be a multiple of (HOTRAM_E_SIZE, HOTRAM_E_ALIGN), the start of the
     *  region (HOTRAM_E_REGION), or all the bits that may be set. 0 for a state and on HOTRAM_E_OVERLAP. */
    uint64_t wanted;
};

/** How a bank is restored. */
struct hotram_bank_restoring {
    uint64_t align; /**< what each DIMM's address has to be a multiple of, bytes, a power of two; 1: any */
    /** Put the memory of a slot's DIMM in its place, or check that it is there: hotram_bank_slot() tells
     * address and size, while its state and pending events are not final yet. It is called when all that was
     * saved has been checked, by rising address, of plugged DIMMs only: an ejecting one has left the guest's
     * map. No function that changes the bank may be called from it. False: the DIMM is refused, and so is
     * all. May be NULL. */
    bool (*attach)(void *opaque, uint32_t slot);
    /** Take back what attach() did for a slot, since a later one was refused. NULL if and only if attach is.
     */
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
 * Look at the frame of the next saved state: what it is, and how long. A reader that finds a kind that it
 * does not know may skip it.
 *
 * When: at any time.
 *
 * @param saved   what is left of the stream; it is not moved on
 * @param frame   filled in on HOTRAM_OK
 * @param result  filled in when not NULL
 * @retval HOTRAM_OK          it is whole, and the checksum is right; of the contents nothing was checked
 * @retval HOTRAM_E_ARGUMENT  saved or frame is NULL, or bytes is NULL and length is not 0
 * @retval HOTRAM_E_FORMAT    that is no saved state, or less than one
 * @retval HOTRAM_E_CHECKSUM  it is damaged
 */
enum hotram_status hotram_state_look(const struct hotram_saved *saved, struct hotram_state_frame *frame,
                                     struct hotram_restore_result *result);

/**
 * Save a state of the embedder's own, which the library does not read: the frame with these contents.
 *
 * When: at any time.
 *
 * @param kind      the embedder's number for what it is, HOTRAM_STATE_OWN .. 65535
 * @param version   of the contents, 1 .. 65535
 * @param contents  the bytes; NULL only when there are none
 * @param length    how many there are, 0 .. 65536
 * @param out       all is appended to it: HOTRAM_STATE_FRAME bytes and the contents
 * @retval HOTRAM_OK          appended
 * @retval HOTRAM_E_ARGUMENT  out is NULL, contents is NULL and length is not 0, or a number is not in its
 *                            range; nothing is appended
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the needed length
 */
enum hotram_status hotram_state_wrap(uint16_t kind, uint16_t version, const uint8_t *contents, size_t length,
                                     struct hotram_buffer *out);

/**
 * Save a bank: its region, its number of slots, and each slot with address, size, node, state, pending events
 * and _OST codes. Removals that the guest was asked for are part of it, and DIMMs that it gave back and whose
 * memory the VMM is still taking away.
 *
 * When: at any time after hotram_bank_init() at which no slot is reserved: what the VMM has begun and the
 * guest does not see is finished or cancelled first.
 *
 * @param bank  the bank; it is not changed
 * @param out   the bytes are appended to it: HOTRAM_STATE_BANK_LENGTH(slots)
 * @retval HOTRAM_OK          appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_STATE     a slot is reserved; nothing is appended
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the needed length
 */
enum hotram_status hotram_bank_save(const struct hotram_bank *bank, struct hotram_buffer *out);

/**
 * Restore a bank. The target is a bank without DIMMs, with the region and the number of slots that the saved
 * one had; the guest's tables have both. Capacity and granularity may be others, as long as each DIMM
 * satisfies them. Each DIMM passes every check of hotram_bank_reserve().
 *
 * The slot's number is what the VMM finds its own data of a DIMM by: its memory, its name. Those are attached
 * by the callbacks in how. An ejecting slot is without memory; hotram_bank_finish() is still to be called.
 *
 * When: after hotram_bank_init(), before the guest runs.
 *
 * @param bank    the bank; on an error it is as it was
 * @param saved   the next saved state in it is the bank's; on success it moves on
 * @param how     what else is to be done; NULL: align is 1, and nothing is attached
 * @param result  filled in when not NULL
 * @retval HOTRAM_OK           the bank is as the saved one was
 * @retval HOTRAM_E_ARGUMENT   bank or saved is NULL; bytes is NULL and length is not 0; align is not a power
 *                             of two; one of attach and detach is NULL and the other is not
 * @retval HOTRAM_E_SLOT_TAKEN slot result->slot of the bank is not empty
 * @retval HOTRAM_E_FORMAT     that is no saved bank, or less than one
 * @retval HOTRAM_E_CHECKSUM   it is damaged
 * @retval HOTRAM_E_VERSION    it is of a newer version, result->saved
 * @retval HOTRAM_E_CONFIG     region or number of slots differ; result->field says which
 * @retval HOTRAM_E_VALUE      a value of slot result->slot is one that no bank has
 * @retval HOTRAM_E_SIZE       a DIMM's size is 0 or not a multiple of the bank's granularity
 * @retval HOTRAM_E_ALIGN      a DIMM's address is not a multiple of align
 * @retval HOTRAM_E_REGION     a DIMM does not lie inside the region
 * @retval HOTRAM_E_OVERLAP    the DIMM in result->slot overlaps that in result->other
 * @retval HOTRAM_E_CAPACITY   the sum of sizes exceeds the bank's capacity
 * @retval HOTRAM_E_ATTACH     attach() refused slot result->slot; what it did for others was taken back
 */
enum hotram_status hotram_bank_restore(struct hotram_bank *bank, struct hotram_saved *saved,
                                       const struct hotram_bank_restoring *how,
                                       struct hotram_restore_result *result);

/**
 * Save a register block: which slot is selected. The bank under it is saved for itself.
 *
 * When: at any time after hotram_memhp_init().
 *
 * @param memhp  the block; it is not changed
 * @param out    the bytes are appended to it
 * @retval HOTRAM_OK          appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the needed length
 */
enum hotram_status hotram_memhp_save(const struct hotram_memhp *memhp, struct hotram_buffer *out);

/**
 * Restore a register block. Any selector is one that a guest may have written.
 *
 * When: after hotram_memhp_init(), before the guest runs.
 *
 * @param memhp   the block; on an error it is as it was
 * @param saved   the next saved state in it is the block's; on success it moves on
 * @param result  filled in when not NULL
 * @retval HOTRAM_OK          the block is as the saved one was
 * @retval HOTRAM_E_ARGUMENT  memhp or saved is NULL, or bytes is NULL and length is not 0
 * @retval HOTRAM_E_FORMAT    that is no saved register block, or less than one
 * @retval HOTRAM_E_CHECKSUM  it is damaged
 * @retval HOTRAM_E_VERSION   it is of a newer version, result->saved
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
 * @retval HOTRAM_OK          appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the needed length
 */
enum hotram_status hotram_gpe_save(const struct hotram_gpe *gpe, struct hotram_buffer *out);

/**
 * Restore a GPE block. Nothing is raised again, unlike when a guest enables an event.
 *
 * When: before the guest runs; then set the line to hotram_gpe_level().
 *
 * @param gpe     the block; on an error it is as it was
 * @param saved   the next saved state in it is the block's; on success it moves on
 * @param result  filled in when not NULL
 * @retval HOTRAM_OK          the block is as the saved one was
 * @retval HOTRAM_E_ARGUMENT  gpe or saved is NULL, or bytes is NULL and length is not 0
 * @retval HOTRAM_E_FORMAT    that is no saved GPE block, or less than one
 * @retval HOTRAM_E_CHECKSUM  it is damaged
 * @retval HOTRAM_E_VERSION   it is of a newer version, result->saved
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
 * @retval HOTRAM_OK          appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the needed length
 */
enum hotram_status hotram_ged_save(const struct hotram_ged *ged, struct hotram_buffer *out);

/**
 * Restore the register of a Generic Event Device.
 *
 * When: before the guest runs; then set the line to hotram_ged_level().
 *
 * @param ged     the register; on an error it is as it was
 * @param saved   the next saved state in it is the register's; on success it moves on
 * @param result  filled in when not NULL
 * @retval HOTRAM_OK          the register is as the saved one was
 * @retval HOTRAM_E_ARGUMENT  ged or saved is NULL, or bytes is NULL and length is not 0
 * @retval HOTRAM_E_FORMAT    that is no saved register of a GED, or less than one
 * @retval HOTRAM_E_CHECKSUM  it is damaged
 * @retval HOTRAM_E_VERSION   it is of a newer version, result->saved
 * @retval HOTRAM_E_VALUE     it has an event that there is not
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
 * @retval HOTRAM_OK          appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the needed length
 */
enum hotram_status hotram_pm1_save(const struct hotram_pm1 *pm1, struct hotram_buffer *out);

/**
 * Restore the PM1 registers.
 *
 * When: before the guest runs; then set the line to hotram_pm1_level().
 *
 * @param pm1     the registers; on an error they are as they were
 * @param saved   the next saved state in it is the registers'; on success it moves on
 * @param result  filled in when not NULL
 * @retval HOTRAM_OK          the registers are as the saved ones were
 * @retval HOTRAM_E_ARGUMENT  pm1 or saved is NULL, or bytes is NULL and length is not 0
 * @retval HOTRAM_E_FORMAT    these are no saved PM1 registers, or less than that
 * @retval HOTRAM_E_CHECKSUM  they are damaged
 * @retval HOTRAM_E_VERSION   they are of a newer version, result->saved
 * @retval HOTRAM_E_VALUE     a bit is set that no call and no guest can set
 */
enum hotram_status hotram_pm1_restore(struct hotram_pm1 *pm1, struct hotram_saved *saved,
                                      struct hotram_restore_result *result);

#ifdef __cplusplus
}
#endif
#endif
