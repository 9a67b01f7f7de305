/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest that starts does by itself: it enumerates its ACPI devices, and takes the DIMMs that it finds
 * without an event and without a report. So its reads of the registers show that it has found one.
 *
 * Linux, when it starts: enables the event; then makes an object for each ACPI device (_CRS, _STA); then
 * takes the memory of those that are present (_STA, _CRS, _STA). An event in between is delivered to a device
 * that has no object yet, or (_STA) was taken already: Linux reports (1, 1) or (3, 1), a failure without a
 * reason, and forgets it. Neither is an answer: the first comes before the guest has looked, the second after
 * it has taken the DIMM. The reports of a guest that does not run our AML (it never reads the pending
 * register) are taken as they come.
 *
 * Threads: all functions run under the machine lock, on vCPUs' threads.
 */
#include "hotplug/ost_codes.h"
#include "hotplug/state.h"

#define RANGE 0x00 /* offsets: where the DIMM is; flags and control */
#define CONTROL 0x14

/* How often a guest has read the flags since it took the DIMM when it comes to the event and finds that it
 * has the DIMM: as it took it, and now. One whose attempt to take it failed reports at once. */
#define LOOKS 2u

#define WITHOUT_REASON 1u /* _OST status (ACPI 6.5, 6.3.5) */

/* What is known of the guest and the DIMM in a slot; NULL when the guest sees none there. */
static struct seen *seen_of(struct hotplug *hotplug, uint32_t slot)
{
    const struct hotram_dimm *dimm = hotram_bank_slot(&hotplug->bank, slot);

    if (!dimm || (dimm->state != HOTRAM_DIMM_PLUGGED && dimm->state != HOTRAM_DIMM_REMOVAL_REQUESTED))
        return NULL;
    return &hotplug->seen[slot];
}

static void report_found(struct hotplug *hotplug, struct seen *seen)
{
    seen->report = true;
    notice_queue_wake(&hotplug->notices);
}

/* _CRS, after _STA: the guest takes the DIMM. If no event made it look, there will be no report. The insert
 * event stays until the guest's scan clears it, as in QEMU. */
static void range_was_read(struct hotplug *hotplug, struct seen *seen)
{
    uint32_t slot = hotplug->block.selector;

    if (!seen->status)
        return;
    if (!seen->found && (!seen->noticed || seen->premature))
        report_found(hotplug, seen);
    seen->found = true;
    seen->looks = 0;
    /* Now it can act on the request, whose event came too early. */
    if (seen->unheard && hotplug->slots[slot].state == HOTRAM_DIMM_REMOVAL_REQUESTED)
        hotram_bank_request_removal(&hotplug->bank, slot);
    seen->unheard = false;
}

/* _STA, unless it is the scan, which reads the flags of the slot that the pending register has named. */
static void flags_were_read(struct hotplug *hotplug, struct seen *seen)
{
    if (hotplug->scanning == hotplug->block.selector) {
        hotplug->scanning = HOTRAM_SLOT_ANY;
        return;
    }
    seen->status = true;
    if (seen->looks < LOOKS)
        seen->looks++;
}

uint64_t hotplug_block_read(void *opaque, uint64_t offset, unsigned width)
{
    struct hotplug *hotplug = opaque;
    struct seen *seen = seen_of(hotplug, hotplug->block.selector);
    uint32_t value = hotram_memhp_read(&hotplug->block, offset, width);

    if (offset == HOTRAM_MEMHP_PENDING) {
        hotplug->scanned = true;
        hotplug->scanning = value;
    } else if (seen && offset == RANGE) {
        range_was_read(hotplug, seen);
    } else if (seen && offset == CONTROL) {
        flags_were_read(hotplug, seen);
    }
    return value;
}

void hotplug_block_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
    struct hotplug *hotplug = opaque;
    struct seen *seen = offset == CONTROL ? seen_of(hotplug, hotplug->block.selector) : NULL;
    const struct hotram_dimm *dimm = seen ? &hotplug->slots[hotplug->block.selector] : NULL;
    bool pending = dimm && dimm->insert_pending;

    hotram_memhp_write(&hotplug->block, offset, width, value);
    if (pending && !dimm->insert_pending)
        seen->noticed = true;
}

/* Linux says that it is at an ejection before it says how that ended. */
static bool is_unheard(struct seen *seen, uint32_t event, uint32_t status)
{
    bool began = seen->began;

    seen->began = ost_in_progress(event, status);
    seen->unheard = status == WITHOUT_REASON && !began;
    return seen->unheard;
}

bool hotplug_is_no_answer(struct hotplug *hotplug, uint32_t slot, uint32_t event, uint32_t status)
{
    struct seen *seen = seen_of(hotplug, slot);

    if (!hotplug->scanned || !seen)
        return false;
    if (ost_is_ejection(event))
        return is_unheard(seen, event, status);
    if (!ost_is_insertion(event) || status != WITHOUT_REASON)
        return false;
    if (!seen->found)
        return seen->premature = true;
    /* It took the DIMM before it came to the event, and found so when it looked at its state. */
    if (seen->looks < LOOKS)
        return false;
    report_found(hotplug, seen);
    return true;
}

bool hotplug_is_pending(const struct hotplug *hotplug)
{
    return hotplug && hotplug->config.slots > 0 &&
           hotram_bank_first_pending(&hotplug->bank) != HOTRAM_SLOT_ANY;
}
