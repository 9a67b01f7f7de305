/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file dimm.h
 * A bank of DIMM slots: what hot-pluggable memory is.
 *
 * A bank is one region of guest-physical addresses and a number of slots. A
 * slot holds at most one DIMM; DIMMs lie in the region and never overlap.
 *
 * The life of a slot (the table is in core/dimm.c, nothing else decides it):
 *
 *     empty --reserve--> reserved --commit--> plugged --request--> removal requested
 *       ^                   |                   |  ^                  |   |
 *       |<----cancel--------+                   |  +-----withdraw-----+   |
 *       |                                       +----eject---+      eject-+
 *       +<-----------finish------------- ejecting <----------+
 *
 * "reserved" belongs to the VMM alone: the guest still reads an empty slot.
 * "ejecting" begins when the guest writes the eject bit: the guest reads an
 * empty slot at once, but slot and range stay taken until the VMM has taken
 * the memory away and calls hotram_bank_finish().
 *
 * Memory: the caller owns the bank and the array of slots; the library keeps
 * no other memory. Threads: the library takes no lock; the caller serializes
 * all calls on one bank and the register block above it. Callbacks run inside
 * the call that caused them, in the caller's thread.
 *
 * A call that does not answer HOTRAM_OK has changed nothing of the bank and
 * called nobody.
 *
 * Source: docs/register-interface.md for what the guest sees of a slot and does
 * to it; the states and their names are the library's own.
 */
#ifndef HOTRAM_DIMM_H
#define HOTRAM_DIMM_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The most slots that one bank can have (ACPI hotplug's customary limit). */
#define HOTRAM_SLOTS_MAX 256u

/** "No slot": in results, and before the first and after the last DIMM of a walk. No request takes it. */
#define HOTRAM_SLOT_ANY UINT32_MAX

/** What a slot is. */
enum hotram_dimm_state {
    HOTRAM_DIMM_EMPTY,             /**< no DIMM */
    HOTRAM_DIMM_RESERVED,          /**< slot and range are taken; the guest sees nothing yet */
    HOTRAM_DIMM_PLUGGED,           /**< the guest may use it */
    HOTRAM_DIMM_REMOVAL_REQUESTED, /**< the guest may use it; its removal has been requested */
    HOTRAM_DIMM_EJECTING,          /**< the guest gave it back; the VMM is taking it away */
};

/** One slot. Read it freely; only the library writes it. */
struct hotram_dimm {
    uint64_t addr;       /**< first guest-physical address, bytes; 0 when empty */
    uint64_t size;       /**< bytes; 0 when empty */
    uint32_t node;       /**< proximity domain, as _PXM will give it */
    uint32_t ost_event;  /**< last _OST event code from the guest (ACPI 6.5, 6.3.5); 0 before the first */
    uint32_t ost_status; /**< last _OST status code from the guest; 0 before the first */
    uint16_t next;       /**< slot of the DIMM with the next higher address (internal) */
    uint8_t state;       /**< an enum hotram_dimm_state */
    bool insert_pending; /**< the guest has not yet noticed the insertion */
    bool remove_pending; /**< the guest has not yet noticed the removal request */
};

/** What a bank asks of the VMM. Each callback runs under the caller's lock, so it should be short. */
struct hotram_bank_ops {
    /** Tell the guest that a slot has an event pending: hotram_gpe_raise() or hotram_ged_raise(), and the
     *  interrupt line. */
    void (*raise)(void *opaque);
    /** The guest evaluated _OST for a slot (which may be empty by now): an event and a status code. */
    void (*ost)(void *opaque, uint32_t slot, uint32_t event, uint32_t status);
    /** The guest gave the slot's memory back: the slot is now HOTRAM_DIMM_EJECTING. The VMM takes the
     *  range out of the guest's map, off the vCPU's thread, and then calls hotram_bank_finish(), which it
     *  may already do in this callback. */
    void (*eject)(void *opaque, uint32_t slot);
};

/** How a bank is made. */
struct hotram_bank_config {
    uint64_t base;        /**< first guest-physical address of the region, bytes */
    uint64_t size;        /**< length of the region, bytes, > 0; base + size <= 2^64 - 1 */
    uint64_t capacity;    /**< the most that all DIMMs together may have, bytes, any number */
    uint64_t granularity; /**< sizes are multiples of it; a power of two, bytes */
    uint32_t slots;       /**< 1 .. HOTRAM_SLOTS_MAX */
};

/** A bank. The members are the library's; initialize with hotram_bank_init(). */
struct hotram_bank {
    struct hotram_bank_config config;  /**< as it was given (internal) */
    struct hotram_dimm *slots;         /**< the caller's array (internal) */
    const struct hotram_bank_ops *ops; /**< the caller's callbacks (internal) */
    void *opaque;                      /**< what they are passed (internal) */
    uint64_t used;                     /**< bytes of all slots that are not empty (internal) */
    uint16_t first;                    /**< slot of the DIMM with the lowest address (internal) */
};

/** What hotram_bank_reserve() is asked for. No value of slot or addr has a second meaning: whether one was
 *  given is said beside it, so that a number from a user can be handed through as it is. */
struct hotram_dimm_request {
    uint64_t size;   /**< bytes, a multiple of the bank's granularity */
    uint64_t align;  /**< alignment of the address, bytes, a power of two */
    uint64_t addr;   /**< the address, bytes, if addr_given */
    uint32_t slot;   /**< the slot's number, if slot_given */
    uint32_t node;   /**< proximity domain, any number */
    bool addr_given; /**< false: the lowest address that fits */
    bool slot_given; /**< false: the first empty slot */
};

/** Where a request went, or what stood in its way. */
struct hotram_dimm_result {
    /** On success: the slot. On HOTRAM_E_OVERLAP and HOTRAM_E_SLOT_TAKEN: the slot of the DIMM in the way.
     *  Else HOTRAM_SLOT_ANY. */
    uint32_t slot;
    /** On success: the address, bytes. Else 0. */
    uint64_t addr;
    /** On HOTRAM_E_NO_SPACE: the largest size that a hole has room for at this alignment, a multiple of the
     *  granularity, bytes. On HOTRAM_E_CAPACITY: the bytes that are left. Else 0. */
    uint64_t largest;
};

/**
 * Make a bank with all slots empty.
 *
 * When: once, before any other call on this bank.
 *
 * @param bank    the caller's memory for the bank
 * @param config  copied; see the struct for the limits of each member
 * @param slots   the caller's array of config->slots elements; must live as long as the bank
 * @param ops     all three callbacks set; must live as long as the bank
 * @param opaque  passed to each callback, may be NULL
 * @retval HOTRAM_OK          the bank is ready
 * @retval HOTRAM_E_ARGUMENT  a pointer or a callback is NULL, slots is 0 or above HOTRAM_SLOTS_MAX, or
 *                            granularity is not a power of two
 * @retval HOTRAM_E_REGION    size is 0, or base + size exceeds 2^64 - 1
 */
enum hotram_status hotram_bank_init(struct hotram_bank *bank, const struct hotram_bank_config *config,
                                    struct hotram_dimm *slots, const struct hotram_bank_ops *ops,
                                    void *opaque);

/**
 * Choose and reserve a slot and an address range for a new DIMM.
 *
 * Makes every check that can fail, in this order: arguments, size, slot, alignment and region of a given
 * address, overlap or free space, capacity. The guest sees nothing.
 * A given address is only checked; otherwise the lowest address that fits is taken, holes included
 * (first fit). The cost is linear in the number of DIMMs.
 *
 * When: at any time after hotram_bank_init().
 *
 * @param bank     the bank
 * @param request  what is wanted
 * @param result   always filled in when not NULL
 * @retval HOTRAM_OK           slot result->slot is now HOTRAM_DIMM_RESERVED at result->addr
 * @retval HOTRAM_E_ARGUMENT   bank or request is NULL, or align is not a power of two
 * @retval HOTRAM_E_SIZE       size is 0 or not a multiple of the granularity
 * @retval HOTRAM_E_SLOT_RANGE the given slot does not exist
 * @retval HOTRAM_E_SLOT_TAKEN the given slot is not empty
 * @retval HOTRAM_E_NO_SLOT    no slot is empty
 * @retval HOTRAM_E_ALIGN      the given address is not a multiple of align
 * @retval HOTRAM_E_REGION     the given range does not lie inside the region
 * @retval HOTRAM_E_OVERLAP    the given range overlaps the DIMM in result->slot
 * @retval HOTRAM_E_NO_SPACE   no hole is large enough; result->largest is the largest
 * @retval HOTRAM_E_CAPACITY   the sum of sizes would exceed the capacity; result->largest bytes are left
 */
enum hotram_status hotram_bank_reserve(struct hotram_bank *bank, const struct hotram_dimm_request *request,
                                       struct hotram_dimm_result *result);

/**
 * Give a reservation back: reserved -> empty.
 *
 * When: after hotram_bank_reserve(), in place of hotram_bank_commit().
 *
 * @param bank  the bank
 * @param slot  a reserved slot, 0 .. config.slots - 1
 * @retval HOTRAM_OK           the slot is empty
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is not reserved
 */
enum hotram_status hotram_bank_cancel(struct hotram_bank *bank, uint32_t slot);

/**
 * Show a reserved DIMM to the guest: reserved -> plugged.
 *
 * When: after hotram_bank_reserve(), and when the memory is in the guest's map: from this call on the guest
 * may use it.
 *
 * @param bank  the bank
 * @param slot  a reserved slot, 0 .. config.slots - 1
 * @param hot   true while the guest runs or has booted: the insert event becomes pending and the raise
 *              callback is called. false for a DIMM that is present at start: enabled, no event.
 * @retval HOTRAM_OK           the slot is plugged
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is not reserved (so a second commit is refused)
 */
enum hotram_status hotram_bank_commit(struct hotram_bank *bank, uint32_t slot, bool hot);

/**
 * Request the removal of a DIMM from the guest: plugged -> removal requested. May be repeated: the event is
 * pending and raised again.
 *
 * When: after hotram_bank_commit(). The guest may refuse, and says so through the ost callback.
 *
 * @param bank  the bank
 * @param slot  a plugged slot, 0 .. config.slots - 1
 * @retval HOTRAM_OK           the remove event is pending and the raise callback was called
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is empty, reserved or ejecting
 */
enum hotram_status hotram_bank_request_removal(struct hotram_bank *bank, uint32_t slot);

/**
 * Take a removal request back: removal requested -> plugged. The remove event is no longer pending; a guest
 * that has read it already may still eject.
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
 * The DIMM is given back: plugged or removal requested -> ejecting. The register block calls this when the
 * guest writes the eject bit; a VMM may call it at reset for a removal that was requested (the guest that
 * used the memory is gone). Pending events of the slot are dropped and the eject callback is called.
 *
 * When: after hotram_bank_commit(); the removal need not have been requested.
 *
 * @param bank  the bank
 * @param slot  a plugged slot, 0 .. config.slots - 1
 * @retval HOTRAM_OK           the slot is ejecting
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is empty, reserved or ejecting already
 */
enum hotram_status hotram_bank_eject(struct hotram_bank *bank, uint32_t slot);

/**
 * The memory of an ejecting DIMM is gone: ejecting -> empty. Slot, range and capacity are free again.
 *
 * When: after the eject callback, once the range has left the guest's map and nobody in the VMM uses it.
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
 * The guest was reset: pending insert events are dropped (a booting guest finds the DIMMs by itself).
 * Removal requests are left: the VMM decides (see hotram_bank_eject() and hotram_bank_withdraw()).
 *
 * When: before the guest runs again; then hotram_memhp_init() puts the register block back.
 *
 * @param bank  the bank
 * @retval HOTRAM_OK           done
 * @retval HOTRAM_E_ARGUMENT   bank is NULL
 */
enum hotram_status hotram_bank_reset(struct hotram_bank *bank);

/**
 * Look at a slot.
 *
 * When: at any time after hotram_bank_init(); the members are to be read under the caller's lock.
 *
 * @param bank  the bank
 * @param slot  any number
 * @return the slot, or NULL when bank is NULL or there is no such slot. Valid as long as the bank.
 */
const struct hotram_dimm *hotram_bank_slot(const struct hotram_bank *bank, uint32_t slot);

/**
 * Find work for the guest: the lowest slot with an insert or remove event pending.
 *
 * When: at any time after hotram_bank_init(). The pending register calls it.
 *
 * @param bank  the bank
 * @return the slot, or HOTRAM_SLOT_ANY when no event is pending, or when bank is NULL
 */
uint32_t hotram_bank_first_pending(const struct hotram_bank *bank);

/**
 * Walk the DIMMs (every slot that is not empty) by rising address.
 *
 * When: at any time after hotram_bank_init(). A walk is over when a slot that it has returned becomes empty.
 *
 * @param bank  the bank
 * @param slot  HOTRAM_SLOT_ANY for the first, else the slot that the last call returned
 * @return the slot of the next DIMM, or HOTRAM_SLOT_ANY after the last, for any other slot that is empty
 *         or not there, or when bank is NULL
 */
uint32_t hotram_bank_next(const struct hotram_bank *bank, uint32_t slot);

#ifdef __cplusplus
}
#endif
#endif
