/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target of the saved forms: bytes as a saved bank or register block. The judge (state_judge.h) says
 * beforehand whether a bank takes them. What is refused has changed nothing; what is taken is sound, is what
 * the bytes say, and is saved as the same bytes again.
 */
#include "input.h"

#include <hotram/state.h>

#include "state_judge.h"

#define ROOM 4096

struct fixture {
    struct hotram_bank bank;
    struct hotram_dimm slots[HOTRAM_SLOTS_MAX];
    struct hotram_memhp memhp;
    struct hotram_gpe gpe;
    struct hotram_ged ged;
    struct hotram_pm1 pm1;
    uint32_t refuses;        /* attach() says no to this slot */
    uint64_t attached;       /* bit n: slot n; there are no more than 64 slots */
    uint64_t attached_below; /* the last address */
};

static void no_raise(void *opaque)
{
    (void)opaque;
    CHECK(!"no interrupt is raised");
}

static void no_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque, (void)slot, (void)event, (void)status;
    CHECK(!"nothing is reported");
}

static void no_eject(void *opaque, uint32_t slot)
{
    (void)opaque, (void)slot;
    CHECK(!"nothing is ejected");
}

static const struct hotram_bank_ops ops = { no_raise, no_ost, no_eject };

static bool attach(void *opaque, uint32_t slot)
{
    struct fixture *fixture = opaque;
    const struct hotram_dimm *dimm = hotram_bank_slot(&fixture->bank, slot);

    CHECK(dimm && dimm->size > 0 && !(fixture->attached >> slot & 1));
    CHECK(fixture->attached == 0 || dimm->addr > fixture->attached_below);
    fixture->attached_below = dimm->addr;
    if (slot == fixture->refuses)
        return false;
    fixture->attached |= UINT64_C(1) << slot;
    return true;
}

static void detach(void *opaque, uint32_t slot)
{
    struct fixture *fixture = opaque;

    CHECK(slot < 64 && fixture->attached >> slot & 1);
    fixture->attached &= ~(UINT64_C(1) << slot);
}

/* What was taken is saved again. */
static void check_again(const uint8_t *bytes, size_t length, const struct hotram_buffer *again)
{
    CHECK(hotram_buffer_status(again) == HOTRAM_OK && again->length == length);
    CHECK(memcmp(again->data, bytes, length) == 0);
}

static void check_attached(const struct fixture *fixture)
{
    for (uint32_t i = 0; i < fixture->bank.config.slots; i++) {
        uint8_t state = fixture->slots[i].state;

        CHECK((fixture->attached >> i & 1) ==
              (state == HOTRAM_DIMM_PLUGGED || state == HOTRAM_DIMM_REMOVAL_REQUESTED));
    }
}

static void try_bank(struct fixture *fixture, const uint8_t *bytes, size_t length, uint64_t align)
{
    static uint8_t room[ROOM];
    static struct fixture before;
    const struct hotram_bank_restoring how = { align, attach, detach, fixture };
    const bool takes = judge_takes(bytes, length, &fixture->bank.config, align);
    struct hotram_saved saved = { bytes, length };
    struct hotram_restore_result result;
    struct hotram_buffer again;
    enum hotram_status status;

    before = *fixture;
    status = hotram_bank_restore(&fixture->bank, &saved, &how, &result);
    CHECK((status == HOTRAM_OK || status == HOTRAM_E_ATTACH) == takes);
    CHECK(judge_bank(&fixture->bank) == NULL);
    if (status != HOTRAM_OK) {
        CHECK(fixture->attached == 0 && saved.bytes == bytes && saved.length == length);
        CHECK(memcmp(&fixture->bank, &before.bank, sizeof before.bank) == 0);
        CHECK(memcmp(fixture->slots, before.slots, sizeof before.slots) == 0);
        CHECK(status == HOTRAM_E_ATTACH ? result.slot == fixture->refuses
                                        : result.field != HOTRAM_FIELD_NONE);
        return;
    }
    CHECK(judge_is_as_saved(&fixture->bank, bytes));
    check_attached(fixture);
    CHECK(hotram_buffer_init(&again, room, sizeof room) == HOTRAM_OK);
    CHECK(hotram_bank_save(&fixture->bank, &again) == HOTRAM_OK);
    check_again(bytes, length - saved.length, &again);
}

static enum hotram_status restore_block(struct fixture *fixture, unsigned kind, struct hotram_saved *saved)
{
    switch (kind) {
    case HOTRAM_STATE_MEMHP:
        return hotram_memhp_restore(&fixture->memhp, saved, NULL);
    case HOTRAM_STATE_GPE:
        return hotram_gpe_restore(&fixture->gpe, saved, NULL);
    case HOTRAM_STATE_GED:
        return hotram_ged_restore(&fixture->ged, saved, NULL);
    default:
        return hotram_pm1_restore(&fixture->pm1, saved, NULL);
    }
}

static enum hotram_status save_block(const struct fixture *fixture, unsigned kind, struct hotram_buffer *out)
{
    switch (kind) {
    case HOTRAM_STATE_MEMHP:
        return hotram_memhp_save(&fixture->memhp, out);
    case HOTRAM_STATE_GPE:
        return hotram_gpe_save(&fixture->gpe, out);
    case HOTRAM_STATE_GED:
        return hotram_ged_save(&fixture->ged, out);
    default:
        return hotram_pm1_save(&fixture->pm1, out);
    }
}

static void try_block(struct fixture *fixture, unsigned kind, const uint8_t *bytes, size_t length)
{
    const struct fixture before = *fixture;
    struct hotram_saved saved = { bytes, length };
    enum hotram_status status = restore_block(fixture, kind, &saved);
    uint8_t room[32];
    struct hotram_buffer again;

    CHECK((status == HOTRAM_OK) == judge_takes_block(bytes, length, kind));
    if (status != HOTRAM_OK) {
        CHECK(saved.bytes == bytes && saved.length == length);
        CHECK(memcmp(fixture, &before, sizeof before) == 0);
        return;
    }
    CHECK(hotram_buffer_init(&again, room, sizeof room) == HOTRAM_OK);
    CHECK(save_block(fixture, kind, &again) == HOTRAM_OK);
    check_again(bytes, length - saved.length, &again);
}

/* The frame as it should be, where the input asks for that; what it is about then comes through more often.
 */
static void mend(uint8_t *bytes, size_t length, unsigned kind, const struct hotram_bank_config *config)
{
    const uint8_t front[] = {
        'H', 'R', 'S', 'T', (uint8_t)kind, 0, 1, 0, (uint8_t)length, (uint8_t)(length >> 8)
    };

    if (length < 16)
        return;
    memcpy(bytes, front, sizeof front);
    bytes[10] = bytes[11] = 0;
    if (kind == HOTRAM_STATE_BANK && length >= 36) {
        memcpy(bytes + 12, &config->base, 8);
        memcpy(bytes + 20, &config->size, 8);
        memcpy(bytes + 28, &config->slots, 4);
    }
    judge_seal(bytes, length);
}

/* A bank of slots of granules: what is saved of a slot is then told in a few bytes of the input. */
static void make_bank(uint8_t *bytes, struct input *input, const struct hotram_bank_config *config)
{
    uint8_t *at = bytes + 32;

    for (uint32_t i = 0; i < config->slots; i++, at += 30) {
        uint64_t addr = config->base + input_u8(input) * config->granularity;
        uint64_t size = input_below(input, 16) * config->granularity;
        uint8_t odd = input_u8(input);

        memset(at, 0, 30);
        at[28] = odd & 7;
        at[29] = odd >> 3 & 3;
        if (at[28] == 0 && odd != 0xf8)
            continue;
        memcpy(at, &addr, 8);
        memcpy(at + 8, &size, 8);
        if (odd >= 0xe0)
            at[input_below(input, 30)] ^= input_u8(input);
    }
}

static bool make(struct fixture *fixture, struct input *input)
{
    static const uint32_t slots[] = { 1, 2, 3, 4, 8, 64 };
    struct hotram_bank_config config = {
        .slots = slots[input_below(input, COUNT_OF(slots))],
        .base = input_number(input),
        .granularity = UINT64_C(1) << input_below(input, 40),
    };

    config.size = input_number(input);
    config.capacity = input_bool(input) ? UINT64_MAX : input_number(input);
    fixture->refuses = input_bool(input) ? input_u8(input) : HOTRAM_SLOT_ANY;
    return hotram_bank_init(&fixture->bank, &config, fixture->slots, &ops, fixture) == HOTRAM_OK &&
           hotram_memhp_init(&fixture->memhp, &fixture->bank) == HOTRAM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* They are its last bytes: the sanitizer sees each access behind it. */
    static uint8_t memory[ROOM];
    struct input input = { data, size };
    static struct fixture fixture;
    uint64_t align;
    unsigned kind, how;
    uint8_t *bytes;
    size_t length;

    memset(&fixture, 0, sizeof fixture);
    if (!make(&fixture, &input))
        return 0;
    kind = 1 + input_below(&input, 5);
    how = input_below(&input, 4);
    align = UINT64_C(1) << input_below(&input, 40);
    if (how == 3)
        kind = HOTRAM_STATE_BANK;
    length = how == 3 ? 36 + (size_t)30 * fixture.bank.config.slots : input.left;
    if (length > sizeof memory)
        return 0;
    bytes = memory + (sizeof memory - length);
    if (how == 3)
        make_bank(bytes, &input, &fixture.bank.config);
    else
        memcpy(bytes, input.at, length);
    if (how >= 2)
        mend(bytes, length, kind, &fixture.bank.config);
    else if (how == 1 && length >= 4)
        judge_seal(bytes, length);
    if (kind == HOTRAM_STATE_BANK)
        try_bank(&fixture, bytes, length, align);
    else
        try_block(&fixture, kind, bytes, length);
    return 0;
}
