/* SPDX-License-Identifier: BSD-2-Clause */
#include "state_bank.h"

const struct hotram_bank_config usual = {
    .base = 4 * GIB,
    .size = 8 * GIB,
    .capacity = 4 * GIB,
    .granularity = 2 * MIB,
    .slots = SLOTS,
};

static void count_raise(void *opaque)
{
    ((struct fixture *)opaque)->called++;
}

static void count_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)slot, (void)event, (void)status;
    ((struct fixture *)opaque)->called++;
}

static void count_eject(void *opaque, uint32_t slot)
{
    (void)slot;
    ((struct fixture *)opaque)->called++;
}

static const struct hotram_bank_ops ops = { count_raise, count_ost, count_eject };

void make(struct fixture *fixture, const struct hotram_bank_config *config)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->refuses = HOTRAM_SLOT_ANY;
    assert_int_equal(hotram_bank_init(&fixture->bank, config, fixture->slots, &ops, fixture), HOTRAM_OK);
}

void plug(struct fixture *fixture, uint32_t slot, uint64_t addr, uint64_t size, bool hot)
{
    const struct hotram_dimm_request request = {
        .size = size,
        .align = 2 * MIB,
        .addr = addr,
        .addr_given = true,
        .slot = slot,
        .slot_given = true,
        .node = slot + 7,
    };

    assert_int_equal(hotram_bank_reserve(&fixture->bank, &request, NULL), HOTRAM_OK);
    assert_int_equal(hotram_bank_commit(&fixture->bank, slot, hot), HOTRAM_OK);
}

void make_busy(struct fixture *fixture)
{
    struct hotram_memhp memhp;

    make(fixture, &usual);
    assert_int_equal(hotram_memhp_init(&memhp, &fixture->bank), HOTRAM_OK);
    hotram_memhp_write(&memhp, 0x04, 4, 3);
    hotram_memhp_write(&memhp, 0x08, 4, 0x84);
    plug(fixture, 1, 10 * GIB, 256 * MIB, false);
    plug(fixture, 2, 4 * GIB, 128 * MIB, true);
    plug(fixture, 3, 6 * GIB, 512 * MIB, false);
    plug(fixture, 4, 5 * GIB, 2 * MIB, true);
    plug(fixture, 5, 8 * GIB, 64 * MIB, false);
    assert_int_equal(hotram_bank_request_removal(&fixture->bank, 3), HOTRAM_OK);
    assert_int_equal(hotram_bank_request_removal(&fixture->bank, 4), HOTRAM_OK);
    hotram_memhp_write(&memhp, 0x00, 4, 3);
    hotram_memhp_write(&memhp, 0x14, 1, HOTRAM_MEMHP_REMOVE);
    hotram_memhp_write(&memhp, 0x04, 4, 0x103);
    hotram_memhp_write(&memhp, 0x08, 4, 0x85);
    assert_int_equal(hotram_bank_eject(&fixture->bank, 5), HOTRAM_OK);
    assert_null(judge_bank(&fixture->bank));
}

struct form save(const struct fixture *fixture)
{
    const size_t length = HOTRAM_STATE_BANK_LENGTH(fixture->bank.config.slots);
    struct form form = { malloc(length), length };
    struct hotram_buffer out;

    assert_non_null(form.bytes);
    assert_int_equal(hotram_buffer_init(&out, form.bytes, form.length), HOTRAM_OK);
    assert_int_equal(hotram_bank_save(&fixture->bank, &out), HOTRAM_OK);
    assert_int_equal(out.length, form.length);
    return form;
}

uint8_t *slot_of(const struct form *form, uint32_t slot)
{
    return form->bytes + FIRST_SLOT + slot * SLOT_BYTES;
}

enum hotram_status restore(struct fixture *fixture, const struct form *form,
                           const struct hotram_bank_restoring *how, struct hotram_restore_result *result)
{
    const struct fixture before = *fixture;
    struct hotram_saved saved = { form->bytes, form->length };
    bool takes = judge_takes(form->bytes, form->length, &fixture->bank.config, how ? how->align : 1);
    enum hotram_status status = hotram_bank_restore(&fixture->bank, &saved, how, result);

    assert_int_equal(fixture->called, before.called);
    if (status == HOTRAM_E_ATTACH) {
        assert_true(takes);
    } else {
        assert_int_equal(status == HOTRAM_OK, takes);
    }
    if (status == HOTRAM_OK) {
        assert_int_equal(saved.length, 0);
        assert_null(judge_bank(&fixture->bank));
        assert_true(judge_is_as_saved(&fixture->bank, form->bytes));
    } else {
        assert_ptr_equal(saved.bytes, form->bytes);
        assert_memory_equal(&fixture->bank, &before.bank, sizeof before.bank);
        assert_memory_equal(fixture->slots, before.slots, sizeof before.slots);
    }
    return status;
}
