/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why the bank refused a DIMM or a memslot, for people: the values, what is in the way, the limit, the way
 * out.
 */
#include <stdio.h>

#include "hotplug/state.h"
#include "memory/backend_memory.h"

/* The DIMM, or the memslot that keeps the place for one. */
static const char *name_of(const struct hotplug *hotplug, uint32_t slot, char path[DIMM_PATH])
{
    const struct dimm *dimm = slot < hotplug->config.slots ? hotplug->dimm[slot] : NULL;
    const struct memslot *memslot = slot < hotplug->config.slots ? hotplug->memslot[slot] : NULL;

    if (memslot)
        return memslot->id;
    return dimm ? hotplug_name(dimm, path) : "";
}

/* "; ..." returns text. */
static const char *why_so_coarse(const struct hotplug *hotplug, char text[256])
{
    char block[SIZE_TEXT];

    size_text(hotplug->memory_block, block);
    text[0] = '\0';
    if (hotplug->config.whole_blocks)
        snprintf(
            text, 256,
            "; a Linux guest of this size takes memory in blocks of %s, and nothing of what is in a block "
            "with a gap; -machine dimm-granularity=2M allows it all the same",
            block);
    else if (hotplug->config.granularity > BACKEND_ALIGN)
        snprintf(text, 256,
                 "; -machine dimm-granularity= says so (this guest's Linux takes memory in blocks of %s); "
                 "dimm-granularity=2M allows it all the same",
                 block);
    return text;
}

bool hotplug_explain(const struct hotplug *hotplug, const struct hotram_dimm_request *request,
                     const struct hotram_dimm_result *result, enum hotram_status status, struct error *error)
{
    const struct hotram_bank_config *bank = &hotplug->bank.config;
    const unsigned long long end = bank->base + bank->size;
    const unsigned long long addr = request->addr;
    const unsigned long long size = request->size;
    const struct hotram_dimm *other = hotram_bank_slot(&hotplug->bank, result->slot);
    const unsigned long long granularity = hotplug_granularity(hotplug);
    char want[SIZE_TEXT];
    char left[SIZE_TEXT];
    char why[256];
    char path[DIMM_PATH];

    size_text(request->size, want);
    size_text(result->largest, left);
    switch (status) {
    case HOTRAM_E_SLOT_RANGE:
        return error_set(error, "invalid slot number %d, valid range is [0-%u]", (int)request->slot,
                         bank->slots - 1);
    case HOTRAM_E_SLOT_TAKEN:
        return error_set(error,
                         "slot %u is busy: %s '%s' %s; choose another, or leave slot out to get the first "
                         "free one",
                         request->slot, hotplug->memslot[request->slot] ? "memslot" : "DIMM",
                         name_of(hotplug, request->slot, path),
                         hotplug->memslot[request->slot] ? "keeps it" : "is in it");
    case HOTRAM_E_NO_SLOT:
        return error_set(error,
                         "no free slots available: all %u are taken; remove a DIMM with device_del, or start "
                         "with more (-m ...,slots=N, at most %u)",
                         bank->slots, HOTRAM_SLOTS_MAX);
    case HOTRAM_E_SIZE:
        return error_set(error, "backend memory size must be multiple of 0x%llx: '%s' has %llu bytes%s",
                         granularity, want, size, why_so_coarse(hotplug, why));
    case HOTRAM_E_ALIGN:
        return error_set(error, "address must be aligned to 0x%llx bytes: 0x%llx is not%s",
                         (unsigned long long)request->align, addr,
                         request->align == granularity ? why_so_coarse(hotplug, why) : "");
    case HOTRAM_E_REGION:
        return error_set(error,
                         "can't add memory device [0x%llx:0x%llx], usable range for memory devices "
                         "[0x%llx:0x%llx]",
                         addr, size, (unsigned long long)bank->base, (unsigned long long)bank->size);
    case HOTRAM_E_OVERLAP:
        return error_set(error,
                         "address range conflicts with memory device id='%s': [0x%llx-0x%llx] and its "
                         "[0x%llx-0x%llx]; leave addr out to get the lowest address that fits",
                         name_of(hotplug, result->slot, path), addr, addr + size - 1,
                         (unsigned long long)other->addr,
                         (unsigned long long)(other->addr + other->size - 1));
    case HOTRAM_E_NO_SPACE:
        return error_set(error,
                         "could not find position in guest address space for memory device: no hole of %s in "
                         "[0x%llx-0x%llx]; the largest at this alignment has %s",
                         want, (unsigned long long)bank->base, end - 1, left);
    case HOTRAM_E_CAPACITY:
        return error_set(
            error,
            "not enough space, currently 0x%llx in use of total space for memory devices 0x%llx: "
            "%s of %s are left, and %s are asked for; start with a larger maxmem",
            (unsigned long long)(bank->capacity - result->largest), (unsigned long long)bank->capacity, left,
            size_text(bank->capacity, (char[SIZE_TEXT]){ 0 }), want);
    default:
        return error_set(error, "%s", hotram_status_text(status));
    }
}
