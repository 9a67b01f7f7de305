/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a bank of CPUs and its register block must do, said once more: written from docs/register-interface.md
 * and the contracts in hotram/cpu.h, in the plainest way and without a list.
 */
#ifndef TESTS_FUZZ_CPUHP_MODEL_H
#define TESTS_FUZZ_CPUHP_MODEL_H

#include <hotram/cpu.h>

#define MODEL_SLOTS_MAX 64u

struct model_slot {
    enum hotram_cpu_state state;
    uint64_t hardware_id;
    uint32_t ost_event, ost_status;
    bool insert, remove;
};

struct model {
    struct model_slot slots[MODEL_SLOTS_MAX];
    uint32_t count;
    uint32_t selector;
    uint8_t command;
    bool finishes_at_once; /* the eject callback calls hotram_cpus_finish() */

    /* What the callbacks must have been called with so far. */
    unsigned raised, ejected, reported;
    uint32_t report[3]; /* the last: slot, event, status */
};

enum hotram_status model_plug(struct model *model, uint32_t slot, bool hot);
enum hotram_status model_fix(struct model *model, uint32_t slot);
enum hotram_status model_request_removal(struct model *model, uint32_t slot);
enum hotram_status model_withdraw(struct model *model, uint32_t slot);
enum hotram_status model_eject(struct model *model, uint32_t slot);
enum hotram_status model_finish(struct model *model, uint32_t slot);
void model_reset(struct model *model);

bool model_present(const struct model *model, uint32_t slot);
uint32_t model_pending(const struct model *model, uint32_t from);
uint32_t model_read(const struct model *model, uint32_t offset, unsigned width);
void model_write(struct model *model, uint32_t offset, unsigned width, uint32_t value);

#endif
