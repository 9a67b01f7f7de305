/* SPDX-License-Identifier: BSD-2-Clause */
#include "plan_judge.h"

#include <string.h>

struct situation {
    const struct hotram_plan_request *request;
    unsigned without; /* bit n: the DIMM of slot n is gone */
};

static bool is_there(const struct situation *situation, uint32_t slot)
{
    return situation->request->bank->slots[slot].state != HOTRAM_DIMM_EMPTY &&
           !(situation->without >> slot & 1);
}

static bool counts(const struct hotram_plan_request *request, const struct hotram_dimm *dimm)
{
    return (dimm->state == HOTRAM_DIMM_PLUGGED || dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED) &&
           (!request->node_given || request->node == dimm->node);
}

/* Whether an address can be in a new DIMM: in the region, in no other. */
static bool is_free(const struct situation *situation, uint64_t addr)
{
    const struct hotram_bank *bank = situation->request->bank;

    if (addr < bank->config.base || addr >= bank->config.base + bank->config.size)
        return false;
    for (uint32_t i = 0; i < bank->config.slots + bank->config.ranges; i++) {
        if (is_there(situation, i) && addr >= bank->slots[i].addr &&
            addr < bank->slots[i].addr + bank->slots[i].size)
            return false;
    }
    return true;
}

/* Add a hole: from sets of sums (bit n: n bytes) by number of DIMMs, the same with up to that many more. */
static void fill_hole(uint64_t sums[JUDGE_SLOTS + 1], unsigned blocks, uint64_t align)
{
    uint64_t all[JUDGE_SLOTS + 1];

    memcpy(all, sums, sizeof all);
    for (unsigned have = 0; have <= JUDGE_SLOTS; have++) {
        for (unsigned more = 1; have + more <= JUDGE_SLOTS; more++) {
            for (unsigned length = more; length <= blocks && length * align < JUDGE_SIZES; length++)
                all[have + more] |= sums[have] << length * align;
        }
    }
    memcpy(sums, all, sizeof all);
}

/* What new DIMMs can have together: sets of sums by their number. Aligned blocks that are free, in a row, are
 * a hole. */
static void fill_holes(const struct situation *situation, uint64_t sums[JUDGE_SLOTS + 1])
{
    const struct hotram_bank_config *config = &situation->request->bank->config;
    uint64_t align = situation->request->align;
    unsigned blocks = 0;

    memset(sums, 0, (JUDGE_SLOTS + 1) * sizeof *sums);
    sums[0] = 1;
    for (uint64_t addr = 0; addr <= config->base + config->size; addr += align) {
        bool whole = true;

        for (uint64_t i = 0; i < align; i++)
            whole = whole && is_free(situation, addr + i);
        if (whole) {
            blocks++;
        } else {
            fill_hole(sums, blocks, align);
            blocks = 0;
        }
    }
    fill_hole(sums, blocks, align);
}

/* The sums of at most so many new DIMMs and bytes. */
static uint64_t sums_within(const uint64_t sums[JUDGE_SLOTS + 1], unsigned dimms, uint64_t bytes)
{
    uint64_t all = 0;

    for (unsigned i = 0; i <= dimms; i++)
        all |= sums[i];
    return bytes + 1 < JUDGE_SIZES ? all & ((UINT64_C(1) << (bytes + 1)) - 1) : all;
}

/* Sizes that this set of removals leads to. */
static void judge_set(struct judge *judge, const struct hotram_plan_request *request, unsigned set,
                      const uint64_t now[JUDGE_SLOTS + 1])
{
    const struct hotram_bank *bank = request->bank;
    uint64_t left = bank->config.capacity - bank->used;
    uint64_t kept = 0, removed = 0, reached;
    unsigned empty = 0, removals = 0;
    struct situation then = { request, set };
    uint64_t sums[JUDGE_SLOTS + 1];

    for (uint32_t i = 0; i < bank->config.slots; i++) {
        empty += bank->slots[i].state == HOTRAM_DIMM_EMPTY;
        removals += set >> i & 1;
        if (set >> i & 1)
            removed += bank->slots[i].size;
        else if (counts(request, &bank->slots[i]))
            kept += bank->slots[i].size;
    }
    if (removals < judge->fewest[kept])
        judge->fewest[kept] = (uint8_t)removals;
    reached = sums_within(now, empty, left) << kept;
    judge->plugging_first |= reached;
    if (set)
        judge->consolidating |= reached;
    fill_holes(&then, sums);
    judge->removing_first |= sums_within(sums, empty + removals, left + removed) << kept;
}

void judge(struct judge *judge, const struct hotram_plan_request *request)
{
    const struct situation present = { request, 0 };
    uint64_t now[JUDGE_SLOTS + 1];
    unsigned removable = 0;

    memset(judge, 0, sizeof *judge);
    memset(judge->fewest, 0xff, sizeof judge->fewest);
    judge->aligned = true;
    for (uint32_t i = 0; i < request->bank->config.slots; i++) {
        const struct hotram_dimm *dimm = &request->bank->slots[i];

        if (counts(request, dimm) && !(request->fixed && request->fixed[i])) {
            removable |= 1u << i;
            if ((dimm->addr | dimm->size) & (request->align - 1))
                judge->aligned = false;
        }
    }
    fill_holes(&present, now);
    for (unsigned set = 0; set < 1u << request->bank->config.slots; set++) {
        if ((set & ~removable) == 0)
            judge_set(judge, request, set, now);
    }
}
