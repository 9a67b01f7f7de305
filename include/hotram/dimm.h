/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file dimm.h
 * A bank of DIMM slots: the state of hot-pluggable memory.
 *
 * A bank is one region of guest-physical addresses and a number of slots. A slot contains at most one DIMM;
 * DIMMs are within the region and never overlap.
 *
 * Memory that the guest finds by other means than a slot, such as that of a virtio-mem device, can share the
 * region: it gets a range, which only occupies addresses and capacity. A bank has room for a number of
 * ranges, which are numbered after its slots; a range is reserved or empty, and the guest's registers do not
 * show it.
 *
 * The states of a slot (all transitions are in one table, in core/dimm.c):
 *
 *     empty --reserve--> reserved --commit--> plugged --request--> removal requested
 *       ^                   |                   |  ^                  |   |
 *       |<----cancel--------+                   |  +-----withdraw-----+   |
 *       |                                       +----eject---+      eject-+
 *       +<-----------finish------------- ejecting <----------+
 *
 * While a slot is "reserved", the guest reads it as empty. "ejecting" begins when the guest writes the eject
 * bit: from then on the guest reads the slot as empty, but slot and range remain occupied until the VMM has
 * removed the memory and calls hotram_bank_finish().
 *
 * Memory: the caller owns the bank and the array of slots and ranges; the library has no other memory.
 *
 * Threads: the library uses no locks; the caller serializes all calls on a bank and on the register block
 * above it. Callbacks run within the call that causes them, on the caller's thread.
 *
 * A call that does not return HOTRAM_OK has not changed the bank, and has called no callback.
 *
 * Source: docs/register-interface.md for what the guest reads and writes; the states and their names are the
 * library's own.
 */
#ifndef HOTRAM_DIMM_H
#define HOTRAM_DIMM_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Maximum number of slots of a bank (the customary limit of ACPI memory hotplug). */
#define HOTRAM_SLOTS_MAX 256u

/** Maximum number of ranges of a bank. */
#define HOTRAM_RANGES_MAX 64u

/** Maximum number of slots and ranges together: of elements of a bank's array. */
#define HOTRAM_PLACES_MAX (HOTRAM_SLOTS_MAX + HOTRAM_RANGES_MAX)

/** "No slot", in results and as the start of an iteration. It is never the number of a slot. */
#define HOTRAM_SLOT_ANY UINT32_MAX

/** State of a slot. */
enum hotram_dimm_state {
    HOTRAM_DIMM_EMPTY,             /**< no DIMM */
    HOTRAM_DIMM_RESERVED,          /**< slot and range are occupied; the guest reads an empty slot */
    HOTRAM_DIMM_PLUGGED,           /**< the guest may use it */
    HOTRAM_DIMM_REMOVAL_REQUESTED, /**< the guest may use it; its removal has been requested */
    HOTRAM_DIMM_EJECTING,          /**< the guest has ejected it; the VMM is removing the memory */
};

/** One slot, or one range. It may be read under the caller's lock; only the library writes it. */
struct hotram_dimm {
    uint64_t addr;      /**< first guest-physical address, bytes; 0 if empty */
    uint64_t size;      /**< bytes; 0 if empty */
    uint32_t node;      /**< proximity domain, which _PXM returns; 0 if empty */
    uint32_t ost_event; /**< last _OST event code that the guest reported for the slot (ACPI 6.5, 6.3.5), also
                         *   for an earlier DIMM; 0 before the first */
    uint32_t ost_status; /**< last _OST status code, likewise */
    uint16_t next;       /**< slot of the DIMM with the next higher address (internal) */
    uint8_t state;       /**< an enum hotram_dimm_state */
    bool insert_pending; /**< the guest has not acknowledged the insertion */
    bool remove_pending; /**< the guest has not acknowledged the removal request */
};

/** Callbacks of a bank. Each runs under the caller's lock, within the call that causes it: it must not wait.
 */
struct hotram_bank_ops {
    /** Notify the guest that a slot has an event pending: hotram_gpe_raise() or hotram_ged_raise(), and the
     *  interrupt line. */
    void (*raise)(void *opaque);
    /** The guest has evaluated _OST for a slot, which may already be empty, with this event and status code.
     */
    void (*ost)(void *opaque, uint32_t slot, uint32_t event, uint32_t status);
    /** The slot's DIMM has been ejected: its state is HOTRAM_DIMM_EJECTING. The VMM removes the range from
     * the guest's memory map, on a thread that may wait, and then calls hotram_bank_finish(); a VMM that need
     * not wait may call it in this callback. */
    void (*eject)(void *opaque, uint32_t slot);
};

/** Configuration of a bank. */
struct hotram_bank_config {
    uint64_t base;        /**< first guest-physical address of the region, bytes */
    uint64_t size;        /**< length of the region, bytes, > 0; base + size <= 2^64 - 1 */
    uint64_t capacity;    /**< maximum size of all DIMMs and ranges together, bytes, any number */
    uint64_t granularity; /**< sizes are multiples of it; a power of two, bytes */
    uint32_t slots;       /**< number of slots, 0 .. HOTRAM_SLOTS_MAX */
    uint32_t ranges;      /**< number of ranges, 0 .. HOTRAM_RANGES_MAX; at least 1 if there are no slots */
};

/** A bank. The members belong to the library; initialize with hotram_bank_init(). */
struct hotram_bank {
    struct hotram_bank_config config;  /**< as it was given (internal) */
    struct hotram_dimm *slots;         /**< the caller's array: slots, then ranges (internal) */
    const struct hotram_bank_ops *ops; /**< the caller's callbacks (internal) */
    void *opaque;                      /**< their first argument (internal) */
    uint64_t used;                     /**< bytes of all slots and ranges that are not empty (internal) */
    uint16_t first;                    /**< slot of the DIMM with the lowest address (internal) */
};

/** A request for hotram_bank_reserve(). No value of slot or addr has a special meaning: flags state whether
 *  they were given, so a number from a user can be passed on unchanged. */
struct hotram_dimm_request {
    uint64_t size;   /**< bytes, a multiple of the bank's granularity */
    uint64_t align;  /**< alignment of the address, bytes, a power of two */
    uint64_t addr;   /**< the address, bytes, if addr_given */
    uint32_t slot;   /**< the slot's number, if slot_given */
    uint32_t node;   /**< proximity domain, any number */
    bool addr_given; /**< false: the lowest address that fits */
    bool slot_given; /**< false: the first empty slot */
    bool range;      /**< a range, the first empty one, in place of a slot; slot_given must be false */
};

/** The place that a request was assigned, or the obstacle. */
struct hotram_dimm_result {
    /** On success: the slot or range. On HOTRAM_E_OVERLAP and HOTRAM_E_SLOT_TAKEN: that which is in the way.
     *  Otherwise HOTRAM_SLOT_ANY. */
    uint32_t slot;
    /** On success: the address, bytes. Otherwise 0. */
    uint64_t addr;
    /** On HOTRAM_E_NO_SPACE: the largest size that fits into a gap at this alignment, a multiple of the
     *  granularity, bytes. On HOTRAM_E_CAPACITY: the bytes that remain. Otherwise 0. */
    uint64_t largest;
};

/**
 * Initialize a bank with all slots and ranges empty.
 *
 * When: once, before any other call on this bank.
 *
 * @param bank    the caller's memory for the bank
 * @param config  copied; the struct states the limits of each member
 * @param slots   the caller's array of config->slots + config->ranges elements; must exist as long as the
 *                bank
 * @param ops     all three callbacks are set; must exist as long as the bank
 * @param opaque  passed to each callback; may be NULL
 * @retval HOTRAM_OK          the bank is ready
 * @retval HOTRAM_E_ARGUMENT  a pointer or a callback is NULL, slots is above HOTRAM_SLOTS_MAX, ranges is
 *                            above HOTRAM_RANGES_MAX, both are 0, or granularity is not a power of two
 * @retval HOTRAM_E_REGION    size is 0, or base + size exceeds 2^64 - 1
 */
enum hotram_status hotram_bank_init(struct hotram_bank *bank, const struct hotram_bank_config *config,
                                    struct hotram_dimm *slots, const struct hotram_bank_ops *ops,
                                    void *opaque);

/**
 * Choose and reserve a slot and an address range for a new DIMM, or an address range alone.
 *
 * Makes all checks, in this order: arguments, size, slot, alignment and region of a given address, overlap or
 * free space, capacity. The guest sees no change. A range stays reserved until hotram_bank_cancel(). A given
 * address is used as it is; otherwise the lowest address that fits is chosen, including gaps (first fit). The
 * time is linear in the number of slots and ranges.
 *
 * When: at any time after hotram_bank_init().
 *
 * @param bank     the bank
 * @param request  size, alignment, node, and perhaps address and slot, or that a range is wanted
 * @param result   filled in with every status; may be NULL
 * @retval HOTRAM_OK           slot or range result->slot is now HOTRAM_DIMM_RESERVED at result->addr
 * @retval HOTRAM_E_ARGUMENT   bank or request is NULL, align is not a power of two, or both a slot and a
 * range are requested
 * @retval HOTRAM_E_SIZE       size is 0 or not a multiple of the granularity
 * @retval HOTRAM_E_SLOT_RANGE the given slot does not exist
 * @retval HOTRAM_E_SLOT_TAKEN the given slot is not empty
 * @retval HOTRAM_E_NO_SLOT    no slot, or no range, is empty
 * @retval HOTRAM_E_ALIGN      the given address is not a multiple of align
 * @retval HOTRAM_E_REGION     the given range is not within the region
 * @retval HOTRAM_E_OVERLAP    the given range overlaps the DIMM or range result->slot
 * @retval HOTRAM_E_NO_SPACE   no gap is large enough; result->largest bytes would fit
 * @retval HOTRAM_E_CAPACITY   the sum of sizes would exceed the capacity; result->largest bytes remain
 */
enum hotram_status hotram_bank_reserve(struct hotram_bank *bank, const struct hotram_dimm_request *request,
                                       struct hotram_dimm_result *result);

/**
 * Cancel a reservation: reserved -> empty.
 *
 * When: after hotram_bank_reserve(), in place of hotram_bank_commit(); for a range at any later time.
 *
 * @param bank  the bank
 * @param slot  a reserved slot or range, 0 .. config.slots + config.ranges - 1
 * @retval HOTRAM_OK           the slot or range is empty
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot or range
 * @retval HOTRAM_E_STATE      it is not reserved
 */
enum hotram_status hotram_bank_cancel(struct hotram_bank *bank, uint32_t slot);

/**
 * Show a reserved DIMM to the guest: reserved -> plugged.
 *
 * When: after hotram_bank_reserve(), once the memory is in the guest's memory map: from this call on the
 * guest may use it.
 *
 * @param bank  the bank
 * @param slot  a reserved slot, 0 .. config.slots - 1
 * @param hot   true: the guest runs or has booted, so the insert event becomes pending and the raise callback
 *              is called; false: the DIMM is present from the start, without an event
 * @retval HOTRAM_OK           the slot is plugged
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is not reserved
 */
enum hotram_status hotram_bank_commit(struct hotram_bank *bank, uint32_t slot, bool hot);

/**
 * Request the removal of a DIMM from the guest: plugged -> removal requested. A repeated request makes the
 * event pending again and raises it again.
 *
 * When: after hotram_bank_commit(). The guest may refuse, which it reports through the ost callback, or may
 * never respond.
 *
 * @param bank  the bank
 * @param slot  a slot that is plugged, or whose removal has been requested, 0 .. config.slots - 1
 * @retval HOTRAM_OK           the remove event is pending and the raise callback was called
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is empty, reserved or ejecting
 */
enum hotram_status hotram_bank_request_removal(struct hotram_bank *bank, uint32_t slot);

/**
 * Withdraw a removal request: removal requested -> plugged. The remove event is no longer pending, but a
 * guest that has already read it may still eject.
 *
 * When: after hotram_bank_request_removal().
 *
 * @param bank  the bank
 * @param slot  a slot whose removal has been requested, 0 .. config.slots - 1
 * @retval HOTRAM_OK           the slot is plugged
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      no removal has been requested
 */
enum hotram_status hotram_bank_withdraw(struct hotram_bank *bank, uint32_t slot);

/**
 * Eject a DIMM: plugged or removal requested -> ejecting. The register block calls this when the guest writes
 * the eject bit; a VMM may call it at a reset to carry out a removal request, since the memory is no longer
 * used. The slot's pending events are discarded, and the eject callback is called.
 *
 * When: after hotram_bank_commit(); the removal need not have been requested.
 *
 * @param bank  the bank
 * @param slot  a slot that is plugged, or whose removal has been requested, 0 .. config.slots - 1
 * @retval HOTRAM_OK           the slot is ejecting
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is empty, reserved or ejecting already
 */
enum hotram_status hotram_bank_eject(struct hotram_bank *bank, uint32_t slot);

/**
 * The memory of an ejecting DIMM has been removed: ejecting -> empty. Slot, range and capacity are free
 * again.
 *
 * When: in or after the eject callback, once the range is no longer in the guest's memory map and no part of
 * the VMM uses it.
 *
 * @param bank  the bank
 * @param slot  an ejecting slot, 0 .. config.slots - 1
 * @retval HOTRAM_OK           the slot is empty
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is not ejecting
 */
enum hotram_status hotram_bank_finish(struct hotram_bank *bank, uint32_t slot);

/**
 * The guest has been reset: pending insert events are discarded, since a booting guest enumerates the DIMMs.
 * Removal requests and their events remain; the VMM carries them out or withdraws them (hotram_bank_eject(),
 * hotram_bank_withdraw()).
 *
 * When: before the guest runs again; hotram_memhp_init() then resets the register block.
 *
 * @param bank  the bank
 * @retval HOTRAM_OK           pending insert events have been discarded
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 */
enum hotram_status hotram_bank_reset(struct hotram_bank *bank);

/**
 * Return a slot or range for reading.
 *
 * When: at any time after hotram_bank_init(); the members must be read under the caller's lock.
 *
 * @param bank  the bank
 * @param slot  any number
 * @return the slot or range, valid as long as the bank; NULL if bank is NULL or there is none of this number
 */
const struct hotram_dimm *hotram_bank_slot(const struct hotram_bank *bank, uint32_t slot);

/**
 * Find the lowest slot with a pending insert or remove event: the value of the pending register.
 *
 * When: at any time after hotram_bank_init().
 *
 * @param bank  the bank
 * @return the slot, or HOTRAM_SLOT_ANY if no event is pending or bank is NULL
 */
uint32_t hotram_bank_first_pending(const struct hotram_bank *bank);

/**
 * Iterate over the DIMMs and ranges (all that are not empty) by rising address.
 *
 * When: at any time after hotram_bank_init(). An iteration ends early if the slot that it returned last
 * becomes empty.
 *
 * @param bank  the bank
 * @param slot  HOTRAM_SLOT_ANY for the first, otherwise the slot that the last call returned
 * @return the next slot or range; HOTRAM_SLOT_ANY after the last, if slot is empty or does not exist, or if
 *         bank is NULL
 */
uint32_t hotram_bank_next(const struct hotram_bank *bank, uint32_t slot);

#ifdef __cplusplus
}
#endif
#endif
