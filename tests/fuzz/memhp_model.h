/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a bank and its register block must do, said once more: written from docs/register-interface.md and
 * the contracts in hotram/dimm.h, in the plainest way and without a list.
 */
#ifndef TESTS_FUZZ_MEMHP_MODEL_H
#define TESTS_FUZZ_MEMHP_MODEL_H

#include <hotram/dimm.h>

struct model_slot {
    enum hotram_dimm_state state;
    uint64_t addr;
    uint64_t size;
    uint32_t node;
    uint32_t ost_event;
    bool insert;
    bool remove;
};

struct model {
    struct hotram_bank_config config;
    struct model_slot slots[HOTRAM_PLACES_MAX]; /* ranges are behind the slots */
    uint32_t selector;
    bool finishes_at_once; /* the eject callback calls hotram_bank_finish() */

    /* What the callbacks must have been called with so far. */
    unsigned raised;
    unsigned ejected;
    unsigned reported;
    uint32_t report[3]; /* the last: slot, event, status */
};

/* The answer and the result that hotram_bank_reserve() must give. Nothing is changed. */
enum hotram_status model_choose(const struct model *model, const struct hotram_dimm_request *request,
                                struct hotram_dimm_result *result);
void model_reserve(struct model *model, const struct hotram_dimm_request *request,
                   const struct hotram_dimm_result *result);

enum hotram_status model_cancel(struct model *model, uint32_t slot);
enum hotram_status model_commit(struct model *model, uint32_t slot, bool hot);
enum hotram_status model_request_removal(struct model *model, uint32_t slot);
enum hotram_status model_withdraw(struct model *model, uint32_t slot);
enum hotram_status model_eject(struct model *model, uint32_t slot);
enum hotram_status model_finish(struct model *model, uint32_t slot);
void model_reset(struct model *model);

uint64_t model_used(const struct model *model);
uint32_t model_pending(const struct model *model);
uint32_t model_read(const struct model *model, uint32_t offset, unsigned width);
void model_write(struct model *model, uint32_t offset, unsigned width, uint32_t value);

#endif
