/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/dimm.h>

#include <stddef.h>

#define END 0xffffu /* hotram_dimm.next and hotram_bank.first: no further DIMM */

enum event { RESERVE, CANCEL, COMMIT, REQUEST, WITHDRAW, EJECT, FINISH, EVENTS };

#define STATES (HOTRAM_DIMM_EJECTING + 1)

/* Every transition there is; 0 stands for "refused", hence the 1 added to each state. */
#define TO(state) (HOTRAM_DIMM_##state + 1)

static const uint8_t transitions[STATES][EVENTS] = {
    [HOTRAM_DIMM_EMPTY] = { [RESERVE] = TO(RESERVED) },
    [HOTRAM_DIMM_RESERVED] = { [CANCEL] = TO(EMPTY), [COMMIT] = TO(PLUGGED) },
    [HOTRAM_DIMM_PLUGGED] = { [REQUEST] = TO(REMOVAL_REQUESTED), [EJECT] = TO(EJECTING) },
    [HOTRAM_DIMM_REMOVAL_REQUESTED] = { [REQUEST] = TO(REMOVAL_REQUESTED),
                                        [WITHDRAW] = TO(PLUGGED),
                                        [EJECT] = TO(EJECTING) },
    [HOTRAM_DIMM_EJECTING] = { [FINISH] = TO(EMPTY) },
};

/* Slots and the ranges behind them. */
static uint32_t places_of(const struct hotram_bank *bank)
{
    return bank->config.slots + bank->config.ranges;
}

/* Apply an event to a slot, if its state allows it. The only events of a range are that it is reserved, and
 * that this is cancelled. */
static enum hotram_status step(struct hotram_bank *bank, uint32_t slot, enum event event)
{
    struct hotram_dimm *dimm;

    if (!bank)
        return HOTRAM_E_ARGUMENT;
    if (slot >= (event == RESERVE || event == CANCEL ? places_of(bank) : bank->config.slots))
        return HOTRAM_E_SLOT_RANGE;
    dimm = &bank->slots[slot];
    if (dimm->state >= STATES || !transitions[dimm->state][event])
        return HOTRAM_E_STATE;
    dimm->state = (uint8_t)(transitions[dimm->state][event] - 1);
    return HOTRAM_OK;
}

static bool is_power_of_two(uint64_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

/* Round up to a multiple of a power of two; false when the result exceeds 2^64 - 1. */
static bool align_up(uint64_t *addr, uint64_t align)
{
    uint64_t rest = *addr & (align - 1);

    if (rest == 0)
        return true;
    if (align - rest > UINT64_MAX - *addr)
        return false;
    *addr += align - rest;
    return true;
}

/* First address after a DIMM: at most the region's end, so it does not wrap. */
static uint64_t end_of(const struct hotram_dimm *dimm)
{
    return dimm->addr + dimm->size;
}

/* Put a slot whose range is set into the list by rising address. */
static void link_slot(struct hotram_bank *bank, uint32_t slot)
{
    struct hotram_dimm *dimm = &bank->slots[slot];
    uint16_t *link = &bank->first;

    while (*link != END && bank->slots[*link].addr < dimm->addr)
        link = &bank->slots[*link].next;
    dimm->next = *link;
    *link = (uint16_t)slot;
    bank->used += dimm->size;
}

/* Take a slot out of the list and forget its range: what the guest reads of an empty slot is 0. The _OST
 * codes stay, the guest reports on the slot once more after an eject. */
static void unlink_slot(struct hotram_bank *bank, uint32_t slot)
{
    struct hotram_dimm *dimm = &bank->slots[slot];
    uint16_t *link = &bank->first;

    while (*link != END && *link != slot)
        link = &bank->slots[*link].next;
    if (*link == slot)
        *link = dimm->next;
    bank->used -= dimm->size;
    dimm->next = END;
    dimm->addr = 0;
    dimm->size = 0;
    dimm->node = 0;
    dimm->insert_pending = false;
    dimm->remove_pending = false;
}

enum hotram_status hotram_bank_init(struct hotram_bank *bank, const struct hotram_bank_config *config,
                                    struct hotram_dimm *slots, const struct hotram_bank_ops *ops,
                                    void *opaque)
{
    if (!bank || !config || !slots || !ops || !ops->raise || !ops->ost || !ops->eject)
        return HOTRAM_E_ARGUMENT;
    if (config->slots > HOTRAM_SLOTS_MAX || config->ranges > HOTRAM_RANGES_MAX ||
        config->slots + config->ranges == 0 || !is_power_of_two(config->granularity))
        return HOTRAM_E_ARGUMENT;
    if (config->size == 0 || config->size > UINT64_MAX - config->base)
        return HOTRAM_E_REGION;

    *bank = (struct hotram_bank){
        .config = *config,
        .slots = slots,
        .ops = ops,
        .opaque = opaque,
        .first = END,
    };
    for (uint32_t i = 0; i < places_of(bank); i++)
        slots[i] = (struct hotram_dimm){ .state = HOTRAM_DIMM_EMPTY, .next = END };
    return HOTRAM_OK;
}

/* The slot or range of a request: the given slot if it is empty, or the first that is. */
static enum hotram_status choose_slot(const struct hotram_bank *bank,
                                      const struct hotram_dimm_request *request, uint32_t *slot)
{
    const uint32_t first = request->range ? bank->config.slots : 0;
    const uint32_t end = request->range ? places_of(bank) : bank->config.slots;

    if (request->slot_given) {
        *slot = request->slot;
        if (*slot >= bank->config.slots)
            return HOTRAM_E_SLOT_RANGE;
        return bank->slots[*slot].state == HOTRAM_DIMM_EMPTY ? HOTRAM_OK : HOTRAM_E_SLOT_TAKEN;
    }
    for (uint32_t i = first; i < end; i++) {
        if (bank->slots[i].state == HOTRAM_DIMM_EMPTY) {
            *slot = i;
            return HOTRAM_OK;
        }
    }
    return HOTRAM_E_NO_SLOT;
}

/* Check an address that the caller gave. */
static enum hotram_status check_address(const struct hotram_bank *bank,
                                        const struct hotram_dimm_request *request,
                                        struct hotram_dimm_result *result)
{
    const struct hotram_bank_config *config = &bank->config;
    uint64_t addr = request->addr;

    if (addr & (request->align - 1))
        return HOTRAM_E_ALIGN;
    if (addr < config->base || request->size > config->size ||
        addr - config->base > config->size - request->size)
        return HOTRAM_E_REGION;
    for (uint16_t i = bank->first; i != END; i = bank->slots[i].next) {
        const struct hotram_dimm *dimm = &bank->slots[i];

        if (addr < end_of(dimm) && dimm->addr < addr + request->size) {
            result->slot = i;
            return HOTRAM_E_OVERLAP;
        }
    }
    result->addr = addr;
    return HOTRAM_OK;
}

/* First fit: the holes lie between the region's start, each DIMM by rising address, and the region's end. */
static enum hotram_status find_hole(const struct hotram_bank *bank, const struct hotram_dimm_request *request,
                                    struct hotram_dimm_result *result)
{
    const struct hotram_bank_config *config = &bank->config;
    uint64_t start = config->base;
    uint64_t largest = 0;
    uint16_t i = bank->first;

    for (;;) {
        uint64_t end = i == END ? config->base + config->size : bank->slots[i].addr;

        if (!align_up(&start, request->align))
            break;
        if (start < end) {
            if (end - start >= request->size) {
                result->addr = start;
                return HOTRAM_OK;
            }
            if (end - start > largest)
                largest = end - start;
        }
        if (i == END)
            break;
        start = end_of(&bank->slots[i]);
        i = bank->slots[i].next;
    }
    result->largest = largest & ~(config->granularity - 1);
    return HOTRAM_E_NO_SPACE;
}

/* Check that the sum of all sizes stays within the capacity. */
static enum hotram_status check_capacity(const struct hotram_bank *bank, uint64_t size,
                                         struct hotram_dimm_result *result)
{
    uint64_t left = bank->config.capacity - bank->used; /* every reservation went through this check */

    if (size <= left)
        return HOTRAM_OK;
    result->addr = 0;
    result->largest = left;
    return HOTRAM_E_CAPACITY;
}

/* All checks of a request, in the order that the header states, and the choice of slot and address. */
static enum hotram_status choose(const struct hotram_bank *bank, const struct hotram_dimm_request *request,
                                 struct hotram_dimm_result *result)
{
    uint32_t slot = HOTRAM_SLOT_ANY;
    enum hotram_status status;

    if (!is_power_of_two(request->align) || (request->range && request->slot_given))
        return HOTRAM_E_ARGUMENT;
    if (request->size == 0 || (request->size & (bank->config.granularity - 1)))
        return HOTRAM_E_SIZE;
    status = choose_slot(bank, request, &slot);
    if (status == HOTRAM_E_SLOT_TAKEN)
        result->slot = slot;
    if (status != HOTRAM_OK)
        return status;
    if (request->addr_given)
        status = check_address(bank, request, result);
    else
        status = find_hole(bank, request, result);
    if (status == HOTRAM_OK)
        status = check_capacity(bank, request->size, result);
    if (status == HOTRAM_OK)
        result->slot = slot;
    return status;
}

enum hotram_status hotram_bank_reserve(struct hotram_bank *bank, const struct hotram_dimm_request *request,
                                       struct hotram_dimm_result *result)
{
    struct hotram_dimm_result place = { .slot = HOTRAM_SLOT_ANY };
    enum hotram_status status = HOTRAM_E_ARGUMENT;

    if (bank && request)
        status = choose(bank, request, &place);
    if (status == HOTRAM_OK)
        status = step(bank, place.slot, RESERVE);
    if (status == HOTRAM_OK) {
        struct hotram_dimm *dimm = &bank->slots[place.slot];

        dimm->addr = place.addr;
        dimm->size = request->size;
        dimm->node = request->node;
        link_slot(bank, place.slot);
    }
    if (result)
        *result = place;
    return status;
}

enum hotram_status hotram_bank_cancel(struct hotram_bank *bank, uint32_t slot)
{
    enum hotram_status status = step(bank, slot, CANCEL);

    if (status == HOTRAM_OK)
        unlink_slot(bank, slot);
    return status;
}

enum hotram_status hotram_bank_commit(struct hotram_bank *bank, uint32_t slot, bool hot)
{
    enum hotram_status status = step(bank, slot, COMMIT);

    if (status == HOTRAM_OK && hot) {
        bank->slots[slot].insert_pending = true;
        bank->ops->raise(bank->opaque);
    }
    return status;
}

enum hotram_status hotram_bank_request_removal(struct hotram_bank *bank, uint32_t slot)
{
    enum hotram_status status = step(bank, slot, REQUEST);

    if (status == HOTRAM_OK) {
        bank->slots[slot].remove_pending = true;
        bank->ops->raise(bank->opaque);
    }
    return status;
}

enum hotram_status hotram_bank_withdraw(struct hotram_bank *bank, uint32_t slot)
{
    enum hotram_status status = step(bank, slot, WITHDRAW);

    if (status == HOTRAM_OK)
        bank->slots[slot].remove_pending = false;
    return status;
}

enum hotram_status hotram_bank_eject(struct hotram_bank *bank, uint32_t slot)
{
    enum hotram_status status = step(bank, slot, EJECT);

    if (status == HOTRAM_OK) {
        bank->slots[slot].insert_pending = false;
        bank->slots[slot].remove_pending = false;
        /* Last: the callback may already call hotram_bank_finish(). */
        bank->ops->eject(bank->opaque, slot);
    }
    return status;
}

enum hotram_status hotram_bank_finish(struct hotram_bank *bank, uint32_t slot)
{
    enum hotram_status status = step(bank, slot, FINISH);

    if (status == HOTRAM_OK)
        unlink_slot(bank, slot);
    return status;
}

enum hotram_status hotram_bank_reset(struct hotram_bank *bank)
{
    if (!bank)
        return HOTRAM_E_ARGUMENT;
    for (uint32_t i = 0; i < bank->config.slots; i++)
        bank->slots[i].insert_pending = false;
    return HOTRAM_OK;
}

const struct hotram_dimm *hotram_bank_slot(const struct hotram_bank *bank, uint32_t slot)
{
    return bank && slot < places_of(bank) ? &bank->slots[slot] : NULL;
}

uint32_t hotram_bank_first_pending(const struct hotram_bank *bank)
{
    for (uint32_t i = 0; bank && i < bank->config.slots; i++) {
        if (bank->slots[i].insert_pending || bank->slots[i].remove_pending)
            return i;
    }
    return HOTRAM_SLOT_ANY;
}

uint32_t hotram_bank_next(const struct hotram_bank *bank, uint32_t slot)
{
    uint16_t next;

    if (!bank)
        return HOTRAM_SLOT_ANY;
    if (slot == HOTRAM_SLOT_ANY)
        next = bank->first;
    else if (slot < places_of(bank))
        next = bank->slots[slot].next;
    else
        next = END;
    return next == END ? HOTRAM_SLOT_ANY : next;
}
