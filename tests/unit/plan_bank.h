/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bank for the tests of the planner: a guest that gives back what it is asked for, and plans that are taken
 * step by step.
 */
#ifndef TESTS_UNIT_PLAN_BANK_H
#define TESTS_UNIT_PLAN_BANK_H

#include "unit.h"

#include <hotram/plan.h>

#define PLAN_BANK_ANYWHERE UINT64_MAX /* the lowest address that fits */

struct plan_bank {
    struct hotram_bank bank;
    struct hotram_dimm slots[HOTRAM_PLACES_MAX];
    struct hotram_plan plan; /* the last one */
    uint64_t lowest;         /* the fewest bytes that counted while it was taken */
};

void plan_bank_make(struct plan_bank *fixture, const struct hotram_bank_config *config);

/* A bank's copy, that can go its own way. */
void plan_bank_copy(struct plan_bank *to, const struct plan_bank *from);

/* A DIMM at an address or PLAN_BANK_ANYWHERE, in this state. False when there is no room for it. */
bool plan_bank_add(struct plan_bank *fixture, uint64_t addr, uint64_t size, uint32_t node,
                   enum hotram_dimm_state state);

/* A range, likewise. */
bool plan_bank_hold(struct plan_bank *fixture, uint64_t addr, uint64_t size);

/* Bytes that count for a request. */
uint64_t plan_bank_size(const struct plan_bank *fixture, const struct hotram_plan_request *request);

/* Plan, with scratch of just the length asked for, into fixture->plan. request->bank is filled in here. */
enum hotram_status plan_bank_plan(struct plan_bank *fixture, struct hotram_plan_request request);

/* Take one step; all steps, which must lead to what the plan says. */
void plan_bank_step(struct plan_bank *fixture, const struct hotram_plan_request *request,
                    const struct hotram_plan_step *step);
void plan_bank_take(struct plan_bank *fixture, const struct hotram_plan_request *request);

#endif
