/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file cpu.h
 * A bank of CPU slots: the state of hot-pluggable processors.
 *
 * A bank has one slot for each CPU that the machine can have, which contains it or is empty. The guest knows
 * a slot by its number, which is the _UID of the processor's device and its uid in the MADT, and by its
 * hardware id.
 *
 * The states of a slot (all transitions are in one table, in core/cpu.c):
 *
 *     absent --plug--> plugged --request--> removal requested
 *       ^              | |  ^                  |   |
 *       |   fixed <-fix+ |  +-----withdraw-----+   |
 *       |                +----eject---+      eject-+
 *       +<-----finish------ ejecting <+------------+
 *
 * A "fixed" CPU is never removed, whatever the guest writes: the boot CPU, and on arm64 every CPU that the
 * MADT calls enabled. "ejecting" begins when the guest writes the eject bit: from then on the guest reads the
 * slot as empty, but the slot remains occupied until the VMM has stopped the CPU and calls
 * hotram_cpus_finish().
 *
 * Memory: the caller owns the bank and the array of slots; the library has no other memory, and no limit of
 * its own on their number.
 *
 * Threads: the library uses no locks; the caller serializes all calls on a bank and on the register block
 * above it. Callbacks run within the call that causes them, on the caller's thread.
 *
 * A call that does not return HOTRAM_OK has not changed the bank, and has called no callback.
 *
 * Source: docs/register-interface.md for what the guest reads and writes; the states and their names are the
 * library's own.
 */
#ifndef HOTRAM_CPU_H
#define HOTRAM_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** "No CPU", in results. It is never the number of a slot. */
#define HOTRAM_CPU_NONE UINT32_MAX

/** State of a CPU's slot. */
enum hotram_cpu_state {
    HOTRAM_CPU_ABSENT,            /**< no CPU */
    HOTRAM_CPU_FIXED,             /**< the guest may use it; it cannot be removed */
    HOTRAM_CPU_PLUGGED,           /**< the guest may use it */
    HOTRAM_CPU_REMOVAL_REQUESTED, /**< the guest may use it; its removal has been requested */
    HOTRAM_CPU_EJECTING,          /**< the guest has ejected it; the VMM is stopping it */
};

/** One slot. It may be read under the caller's lock. The caller sets hardware_id before hotram_cpus_init();
 *  only the library writes the other members. */
struct hotram_cpu {
    uint64_t hardware_id; /**< by which the guest starts the CPU: its APIC id, or the affinity of its MPIDR */
    uint32_t ost_event;   /**< last _OST event code that the guest reported for the slot (ACPI 6.5, 6.3.5),
                           *   also for an earlier CPU; 0 before the first */
    uint32_t ost_status;  /**< last _OST status code, likewise */
    uint32_t next;        /**< the next higher slot with a pending event (internal) */
    uint8_t state;        /**< an enum hotram_cpu_state */
    bool insert_pending;  /**< the guest has not acknowledged the insertion */
    bool remove_pending;  /**< the guest has not acknowledged the removal request */
};

/** Callbacks of a bank. Each runs under the caller's lock, within the call that causes it: it must not wait.
 */
struct hotram_cpus_ops {
    /** Notify the guest that a slot has an event pending: hotram_gpe_raise() or hotram_ged_raise(), and the
     *  interrupt line. */
    void (*raise)(void *opaque);
    /** The guest has evaluated _OST for a slot, which may be empty, with this event and status code. */
    void (*ost)(void *opaque, uint32_t slot, uint32_t event, uint32_t status);
    /** The slot's CPU has been ejected: its state is HOTRAM_CPU_EJECTING. The VMM stops the CPU, which may be
     *  the one that runs this call, on a thread that may wait, and then calls hotram_cpus_finish(); a VMM
     * that need not wait may call it in this callback. */
    void (*eject)(void *opaque, uint32_t slot);
};

/** A bank. The members belong to the library; initialize with hotram_cpus_init(). */
struct hotram_cpus {
    struct hotram_cpu *slots;          /**< the caller's array (internal) */
    const struct hotram_cpus_ops *ops; /**< the caller's callbacks (internal) */
    void *opaque;                      /**< their first argument (internal) */
    uint32_t count;                    /**< number of slots (internal) */
    uint32_t first;                    /**< lowest slot with a pending event (internal) */
};

/**
 * Initialize a bank with all slots empty.
 *
 * When: once, before any other call on this bank.
 *
 * @param cpus    the caller's memory for the bank
 * @param slots   the caller's array; must exist as long as the bank. Each hardware_id has been set and stays
 *                as it is; whether two are equal is not checked
 * @param count   number of slots, 1 .. 2^32 - 1
 * @param ops     all three callbacks are set; must exist as long as the bank
 * @param opaque  passed to each callback; may be NULL
 * @retval HOTRAM_OK          the bank is ready
 * @retval HOTRAM_E_ARGUMENT  a pointer or a callback is NULL, or count is 0
 */
enum hotram_status hotram_cpus_init(struct hotram_cpus *cpus, struct hotram_cpu *slots, uint32_t count,
                                    const struct hotram_cpus_ops *ops, void *opaque);

/**
 * Show a CPU to the guest: absent -> plugged.
 *
 * When: at any time after hotram_cpus_init(), once the VMM is ready to run the CPU: from this call on the
 * guest may start it.
 *
 * @param cpus  the bank
 * @param slot  an empty slot, 0 .. count - 1
 * @param hot   true: the guest runs or has booted, so the insert event becomes pending and the raise callback
 *              is called; false: the CPU is present from the start, without an event
 * @retval HOTRAM_OK           the slot is plugged
 * @retval HOTRAM_E_ARGUMENT   cpus is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is not empty
 */
enum hotram_status hotram_cpus_plug(struct hotram_cpus *cpus, uint32_t slot, bool hot);

/**
 * Keep a CPU for as long as the bank exists: plugged -> fixed.
 *
 * When: after hotram_cpus_plug() with hot false, before the guest runs.
 *
 * @param cpus  the bank
 * @param slot  a slot that is plugged, 0 .. count - 1
 * @retval HOTRAM_OK           the slot is fixed, and has no pending event
 * @retval HOTRAM_E_ARGUMENT   cpus is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is not plugged, or its removal has been requested
 */
enum hotram_status hotram_cpus_fix(struct hotram_cpus *cpus, uint32_t slot);

/**
 * Request the removal of a CPU from the guest: plugged -> removal requested. A repeated request makes the
 * event pending again and raises it again.
 *
 * When: after hotram_cpus_plug(). The guest may refuse, which it reports through the ost callback, or may
 * never respond.
 *
 * @param cpus  the bank
 * @param slot  a slot that is plugged, or whose removal has been requested, 0 .. count - 1
 * @retval HOTRAM_OK           the remove event is pending and the raise callback was called
 * @retval HOTRAM_E_ARGUMENT   cpus is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is empty, fixed or ejecting
 */
enum hotram_status hotram_cpus_request_removal(struct hotram_cpus *cpus, uint32_t slot);

/**
 * Withdraw a removal request: removal requested -> plugged. The remove event is no longer pending, but a
 * guest that has already read it may still eject.
 *
 * When: after hotram_cpus_request_removal().
 *
 * @param cpus  the bank
 * @param slot  a slot whose removal has been requested, 0 .. count - 1
 * @retval HOTRAM_OK           the slot is plugged
 * @retval HOTRAM_E_ARGUMENT   cpus is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      no removal has been requested
 */
enum hotram_status hotram_cpus_withdraw(struct hotram_cpus *cpus, uint32_t slot);

/**
 * Eject a CPU: plugged or removal requested -> ejecting. The register block calls this when the guest writes
 * the eject bit; a VMM may call it at a reset to carry out a removal request, since the CPU no longer runs.
 * The slot's pending events are discarded, and the eject callback is called.
 *
 * When: after hotram_cpus_plug(); the removal need not have been requested.
 *
 * @param cpus  the bank
 * @param slot  a slot that is plugged, or whose removal has been requested, 0 .. count - 1
 * @retval HOTRAM_OK           the slot is ejecting
 * @retval HOTRAM_E_ARGUMENT   cpus is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is empty, fixed or ejecting already
 */
enum hotram_status hotram_cpus_eject(struct hotram_cpus *cpus, uint32_t slot);

/**
 * An ejecting CPU has stopped: ejecting -> absent. Another one may be plugged.
 *
 * When: in or after the eject callback, once the CPU cannot run any more.
 *
 * @param cpus  the bank
 * @param slot  an ejecting slot, 0 .. count - 1
 * @retval HOTRAM_OK           the slot is empty
 * @retval HOTRAM_E_ARGUMENT   cpus is NULL
 * @retval HOTRAM_E_SLOT_RANGE no such slot
 * @retval HOTRAM_E_STATE      the slot is not ejecting
 */
enum hotram_status hotram_cpus_finish(struct hotram_cpus *cpus, uint32_t slot);

/**
 * The guest has been reset: pending insert events are discarded, since a booting guest finds the CPUs in its
 * tables. Removal requests and their events remain; the VMM carries them out or withdraws them
 * (hotram_cpus_eject(), hotram_cpus_withdraw()).
 *
 * When: before the guest runs again; hotram_cpuhp_init() then resets the register block.
 *
 * @param cpus  the bank
 * @retval HOTRAM_OK           pending insert events have been discarded
 * @retval HOTRAM_E_ARGUMENT   cpus is NULL
 */
enum hotram_status hotram_cpus_reset(struct hotram_cpus *cpus);

/**
 * Return a slot for reading.
 *
 * When: at any time after hotram_cpus_init(); the members must be read under the caller's lock.
 *
 * @param cpus  the bank
 * @param slot  any number
 * @return the slot, valid as long as the bank; NULL if cpus is NULL or there is no such slot
 */
const struct hotram_cpu *hotram_cpus_slot(const struct hotram_cpus *cpus, uint32_t slot);

/**
 * Whether the guest may use the CPU of a slot: it is in the MADT of a guest that boots.
 *
 * When: at any time after hotram_cpus_init().
 *
 * @param cpus  the bank
 * @param slot  any number
 * @return true if the slot is fixed or plugged, or its removal has been requested; false otherwise, if there
 *         is no such slot, or if cpus is NULL
 */
bool hotram_cpus_present(const struct hotram_cpus *cpus, uint32_t slot);

/**
 * Find a slot with a pending insert or remove event, as command 0 of the register block does: the first one
 * from a given slot on, itself included, and after the last slot from slot 0 on. The time depends on how many
 * events are pending, not on the number of slots.
 *
 * When: at any time after hotram_cpus_init().
 *
 * @param cpus  the bank
 * @param from  the slot to begin with, any number
 * @return the slot, or HOTRAM_CPU_NONE if no event is pending or cpus is NULL
 */
uint32_t hotram_cpus_pending(const struct hotram_cpus *cpus, uint32_t from);

#ifdef __cplusplus
}
#endif
#endif
