/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file state_cpus.h
 * The saved form of a bank of CPUs and of its register block, in the frame and by the rules of
 * hotram/state.h.
 *
 * Source: none; the format is the library's own.
 */
#ifndef HOTRAM_STATE_CPUS_H
#define HOTRAM_STATE_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/buffer.h>
#include <hotram/cpu.h>
#include <hotram/cpuhp.h>
#include <hotram/state.h>
#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Maximum number of slots of a bank of CPUs that can be saved. */
#define HOTRAM_STATE_CPUS_MAX 65536u
/** Length of a saved bank of CPUs with that number of slots, bytes. */
#define HOTRAM_STATE_CPUS_LENGTH(slots) (HOTRAM_STATE_FRAME + 4u + 18u * (slots))

/** Callbacks of hotram_cpus_restore(). */
struct hotram_cpus_restoring {
    /** Make a slot's CPU ready to run, or check that it is: hotram_cpus_slot() returns its hardware id, while
     *  state and pending events are not final yet. Called by rising slot, once all saved values have been
     *  checked, and for present CPUs only: an ejecting one does not run any more. It must not call functions
     *  that change the bank. False: the CPU is refused, and with it the saved state. */
    bool (*attach)(void *opaque, uint32_t slot);
    /** Undo attach() for a slot, because a later slot was refused. */
    void (*detach)(void *opaque, uint32_t slot);
    void *opaque; /**< passed to both, may be NULL */
};

/**
 * Save a bank of CPUs with all its slots.
 *
 * When: at any time after hotram_cpus_init().
 *
 * @param cpus  the bank; it is not changed
 * @param out   HOTRAM_STATE_CPUS_LENGTH() bytes are appended to it
 * @retval HOTRAM_OK          the state has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or the bank has more than HOTRAM_STATE_CPUS_MAX slots
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_cpus_save(const struct hotram_cpus *cpus, struct hotram_buffer *out);

/**
 * Restore a bank of CPUs. No event is raised. A CPU that was ejecting still is: the VMM calls
 * hotram_cpus_finish() for it.
 *
 * When: after hotram_cpus_init(), while no slot contains a CPU, and before the guest runs.
 *
 * @param cpus    the bank, whose slots have the hardware ids of the saved ones; unchanged on an error
 * @param saved   the bank's state is the next in it; advanced on success
 * @param how     callbacks; NULL: nothing is attached
 * @param result  filled in with every status; may be NULL
 * @retval HOTRAM_OK           the bank has been restored
 * @retval HOTRAM_E_ARGUMENT   cpus or saved is NULL; bytes is NULL and length is not 0; a callback is NULL
 * @retval HOTRAM_E_SLOT_TAKEN slot result->slot of the bank is not empty
 * @retval HOTRAM_E_FORMAT     the bytes are not a saved bank of CPUs, or an incomplete one
 * @retval HOTRAM_E_CHECKSUM   the state is damaged
 * @retval HOTRAM_E_VERSION    the state is of a newer version, result->saved
 * @retval HOTRAM_E_CONFIG     the number of slots differs, or the hardware id of slot result->slot does
 * @retval HOTRAM_E_VALUE      a value of slot result->slot is impossible
 * @retval HOTRAM_E_ATTACH     attach() refused slot result->slot; detach() was called for the slots before it
 */
enum hotram_status hotram_cpus_restore(struct hotram_cpus *cpus, struct hotram_saved *saved,
                                       const struct hotram_cpus_restoring *how,
                                       struct hotram_restore_result *result);

/**
 * Save a register block of CPUs: selector and command. The bank is saved separately.
 *
 * When: at any time after hotram_cpuhp_init().
 *
 * @param cpuhp  the block; it is not changed
 * @param out    the bytes are appended to it
 * @retval HOTRAM_OK          the state has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_cpuhp_save(const struct hotram_cpuhp *cpuhp, struct hotram_buffer *out);

/**
 * Restore a register block of CPUs. All selectors are accepted, since a guest may write any.
 *
 * When: after hotram_cpuhp_init(), before the guest runs.
 *
 * @param cpuhp   the block; unchanged on an error
 * @param saved   the block's state is the next in it; advanced on success
 * @param result  filled in with every status; may be NULL
 * @retval HOTRAM_OK          the block has been restored
 * @retval HOTRAM_E_ARGUMENT  cpuhp or saved is NULL, or bytes is NULL and length is not 0
 * @retval HOTRAM_E_FORMAT    the bytes are not a saved register block of CPUs, or an incomplete one
 * @retval HOTRAM_E_CHECKSUM  the state is damaged
 * @retval HOTRAM_E_VERSION   the state is of a newer version, result->saved
 * @retval HOTRAM_E_VALUE     there is no such command
 */
enum hotram_status hotram_cpuhp_restore(struct hotram_cpuhp *cpuhp, struct hotram_saved *saved,
                                        struct hotram_restore_result *result);

#ifdef __cplusplus
}
#endif
#endif
