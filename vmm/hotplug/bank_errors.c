/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why the bank refused a DIMM or a memslot, for people: the values, what is in the way, the limit, the way
 * out.
 */
#include <stdio.h>

#include "hotplug/mem.h"
#include "hotplug/state.h"
#include "memory/backend_memory.h"

/* The DIMM, the memslot that keeps the place for one, or the virtio-mem device. */
static const char *name_of(const struct hotplug *hotplug, uint32_t slot, char path[DIMM_PATH_SIZE])
{
    const struct dimm *dimm = slot < hotplug->config.slots ? hotplug->dimm[slot] : NULL;
    const struct memslot *memslot = slot < hotplug->config.slots ? hotplug->memslot[slot] : NULL;

    if (hotplug_mem(hotplug, slot))
        return device_name(&hotplug_mem(hotplug, slot)->virtio.pci.device);
    if (memslot)
        return memslot->id;
    return dimm ? hotplug_name(dimm, path) : "";
}

/* "; ..." returns text. */
static const char *granularity_note(const struct hotplug *hotplug, char text[256])
{
    char block[SIZE_TEXT_MAX];

    size_text(hotplug->memory_block, block);
    text[0] = '\0';
    if (hotplug->config.whole_blocks)
        snprintf(
            text, 256,
            "; a Linux guest of this size uses memory only in complete blocks of %s; -machine dimm-granularity=2M allows it nevertheless",
            block);
    else if (hotplug->config.granularity > BACKEND_ALIGN)
        snprintf(
            text, 256,
            "; this is set by -machine dimm-granularity= (a Linux guest of this size uses memory in blocks of %s); dimm-granularity=2M allows it nevertheless",
            block);
    return text;
}

/* The way out where all slots are taken, which depends on whether there is a monitor yet and a DIMM that can
 * leave. */
static bool error_no_slot(const struct hotplug *hotplug, bool hot, struct error *error)
{
    const uint32_t slots = hotplug->config.slots;
    const struct dimm *dimm = NULL;
    char path[DIMM_PATH_SIZE], leave[DIMM_PATH_SIZE + 40] = "", start[64] = "";

    for (uint32_t slot = 0; hot && !dimm && slot < slots; slot++)
        dimm = hotplug->memslot[slot] ? NULL : hotplug->dimm[slot];
    if (dimm)
        words_format(leave, sizeof leave, "remove a DIMM with device_del %.400s%s", hotplug_name(dimm, path),
                     slots < HOTRAM_SLOTS_MAX ? ", or " : "");
    if (slots < HOTRAM_SLOTS_MAX)
        snprintf(start, sizeof start, "start with more (-m ...,slots=N, at most %u)", HOTRAM_SLOTS_MAX);
    return error_set(error, "no free slots available: all %u are taken; %.450s%s", slots, leave,
                     *leave || *start ? start : "use one DIMM less, as this is the maximum");
}

/* Whether a DIMM of this size at this address is in the region, and no other in its way. */
static enum hotram_status check_place(const struct hotplug *hotplug, uint64_t addr, uint64_t size,
                                      uint32_t *other)
{
    const struct hotram_bank_config *bank = &hotplug->bank.config;

    if (addr < bank->base || size > bank->size || addr - bank->base > bank->size - size)
        return HOTRAM_E_REGION;
    for (*other = 0; *other < bank->slots + bank->ranges; ++*other) {
        const struct hotram_dimm *dimm = hotram_bank_slot(&hotplug->bank, *other);

        if (dimm->size > 0 && addr < dimm->addr + dimm->size && dimm->addr < addr + size)
            return HOTRAM_E_OVERLAP;
    }
    return HOTRAM_OK;
}

/* Where QEMU, whose DIMMs may be anywhere that is a multiple of 2 MiB, finds something else wrong first. */
static enum hotram_status before_alignment(const struct hotplug *hotplug,
                                           const struct hotram_dimm_request *request, uint32_t *other)
{
    enum hotram_status status;

    if (request->align > hotplug_granularity(hotplug) || request->addr % BACKEND_ALIGN)
        return HOTRAM_E_ALIGN;
    status = check_place(hotplug, request->addr, request->size, other);
    return status == HOTRAM_OK ? HOTRAM_E_ALIGN : status;
}

/* What is left of maxmem is less than the largest hole: the region has room for alignment. */
static bool exceeds_capacity(const struct hotplug *hotplug, const struct hotram_dimm_request *request,
                             uint64_t *left)
{
    *left = hotplug->bank.config.capacity - hotplug->bank.used;
    return request->size > *left;
}

static uint64_t next_multiple(uint64_t value, uint64_t granularity)
{
    uint64_t next = value - value % granularity;

    if (value % granularity && next <= UINT64_MAX - granularity)
        next += granularity;
    return next ? next : granularity;
}

/* An address is offered only where the DIMM can be, a finer granularity only for its multiples. */
static bool error_misaligned(const struct hotplug *hotplug, const struct hotram_dimm_request *request,
                             const char *address, struct error *error)
{
    const uint64_t next = next_multiple(request->addr, request->align);
    uint32_t other;
    char why[256] = "";
    char way[64];

    snprintf(way, sizeof way, "omit %s to use the lowest address that fits", address);
    if (check_place(hotplug, next, request->size, &other) == HOTRAM_OK)
        snprintf(way, sizeof way, "the next is 0x%llx", (unsigned long long)next);
    if (request->align == hotplug_granularity(hotplug) && request->addr % BACKEND_ALIGN == 0)
        granularity_note(hotplug, why);
    return error_set(error, "address must be aligned to 0x%llx bytes: 0x%llx is not; %s%s",
                     (unsigned long long)request->align, (unsigned long long)request->addr, way, why);
}

bool hotplug_bank_error(const struct hotplug *hotplug, const struct hotram_dimm_request *request,
                        struct reserver reserver, const struct hotram_dimm_result *result,
                        enum hotram_status status, struct error *error)
{
    const struct hotram_bank_config *bank = &hotplug->bank.config;
    const unsigned long long end = bank->base + bank->size;
    const unsigned long long addr = request->addr;
    const unsigned long long size = request->size;
    const unsigned long long granularity = hotplug_granularity(hotplug);
    uint32_t other_slot = result->slot;
    const struct hotram_dimm *other;
    uint64_t free = result->largest;
    char want[SIZE_TEXT_MAX];
    char left[SIZE_TEXT_MAX];
    char why[256];
    char path[DIMM_PATH_SIZE];
    char next[SIZE_TEXT_MAX];

    if (status == HOTRAM_E_ALIGN)
        status = before_alignment(hotplug, request, &other_slot);
    if (status == HOTRAM_E_NO_SPACE && exceeds_capacity(hotplug, request, &free))
        status = HOTRAM_E_CAPACITY;
    other = hotram_bank_slot(&hotplug->bank, other_slot);
    size_text(request->size, want);
    size_text(free, left);
    switch (status) {
    case HOTRAM_E_SLOT_RANGE:
        return error_set(error, "invalid slot number %d, valid range is [0-%u]", (int)request->slot,
                         bank->slots - 1);
    case HOTRAM_E_SLOT_TAKEN:
        return error_set(
            error, "slot %u is busy: %s '%s' %s; choose another, or omit slot to use the first free one",
            request->slot, hotplug->memslot[request->slot] ? "memslot" : "DIMM",
            name_of(hotplug, request->slot, path), hotplug->memslot[request->slot] ? "keeps it" : "is in it");
    case HOTRAM_E_NO_SLOT:
        if (request->range)
            return error_set(
                error, "the limit of %u virtio-mem devices is reached; use fewer, larger ones, or DIMMs",
                bank->ranges);
        return error_no_slot(hotplug, reserver.hot, error);
    case HOTRAM_E_SIZE:
        return error_set(error,
                         "backend memory size must be multiple of 0x%llx, and not 0: '%s' has %llu bytes; "
                         "the next is %s%s",
                         granularity, want, size, size_word(next_multiple(size, granularity), next),
                         granularity_note(hotplug, why));
    case HOTRAM_E_ALIGN:
        return error_misaligned(hotplug, request, reserver.address, error);
    case HOTRAM_E_REGION:
        return error_set(error,
                         "can't add memory device [0x%llx:0x%llx], usable range for memory devices "
                         "[0x%llx:0x%llx]; omit %s to use the lowest address that fits",
                         addr, size, (unsigned long long)bank->base, (unsigned long long)bank->size,
                         reserver.address);
    case HOTRAM_E_OVERLAP:
        return error_set(error,
                         "address range conflicts with memory device id='%s': [0x%llx-0x%llx] and its "
                         "[0x%llx-0x%llx]; omit %s to use the lowest address that fits",
                         name_of(hotplug, other_slot, path), addr, addr + size - 1,
                         (unsigned long long)other->addr, (unsigned long long)(other->addr + other->size - 1),
                         reserver.address);
    case HOTRAM_E_NO_SPACE:
        return error_set(
            error,
            "could not find position in guest address space for memory device: no gap of %s in [0x%llx-0x%llx]; the largest at this alignment is %s",
            want, (unsigned long long)bank->base, end - 1, left);
    case HOTRAM_E_CAPACITY:
        return error_set(
            error,
            "not enough space, currently 0x%llx in use of total space for memory devices 0x%llx: "
            "%s of %s are left, but %s were requested; start with a larger maxmem",
            (unsigned long long)(bank->capacity - free), (unsigned long long)bank->capacity, left,
            size_text(bank->capacity, (char[SIZE_TEXT_MAX]){ 0 }), want);
    default:
        return error_set(error, "%s", hotram_status_text(status));
    }
}
