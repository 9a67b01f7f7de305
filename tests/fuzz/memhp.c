/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bank, its register block, GPE block and GED: operations of the VMM and accesses of the guest in any
 * order. After each one the bank is sound and reads as the model (memhp_model.h) says.
 */
#include "input.h"

#include <hotram/ged.h>
#include <hotram/gpe.h>
#include <hotram/memhp.h>

#include "memhp_model.h"

struct fixture {
    struct hotram_bank bank;
    struct hotram_dimm slots[HOTRAM_PLACES_MAX];
    struct hotram_memhp memhp;
    struct hotram_gpe gpe;
    struct hotram_ged ged;

    struct model model;
    uint8_t gpe_bytes[HOTRAM_GPE_LENGTH]; /* what the GPE block must read */
    uint8_t gpe_repeated[2];              /* events raised again since they were raised */
    uint32_t ged_events;                  /* and the GED */

    unsigned raised;
    unsigned ejected;
    unsigned reported;
    uint32_t report[3];
};

static void on_raise(void *opaque)
{
    struct fixture *fixture = opaque;

    fixture->raised++;
    CHECK(hotram_gpe_raise(&fixture->gpe, HOTRAM_GPE_MEMORY) == HOTRAM_OK);
    CHECK(hotram_ged_raise(&fixture->ged, HOTRAM_GED_MEMORY) == HOTRAM_OK);
    fixture->gpe_bytes[0] |= 1 << 3;
    fixture->gpe_repeated[0] &= (uint8_t) ~(1 << 3);
    fixture->ged_events |= 1;
}

static void on_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    struct fixture *fixture = opaque;

    fixture->reported++;
    fixture->report[0] = slot;
    fixture->report[1] = event;
    fixture->report[2] = status;
}

static void on_eject(void *opaque, uint32_t slot)
{
    struct fixture *fixture = opaque;

    fixture->ejected++;
    CHECK(fixture->slots[slot].state == HOTRAM_DIMM_EJECTING);
    if (fixture->model.finishes_at_once)
        CHECK(hotram_bank_finish(&fixture->bank, slot) == HOTRAM_OK);
}

static const struct hotram_bank_ops ops = { on_raise, on_ost, on_eject };

/* ---- What must hold after each operation ---- */

/* The list has every DIMM once, by rising address, within the region, without overlap. */
static void check_list(const struct fixture *fixture)
{
    const struct hotram_bank_config *config = &fixture->bank.config;
    uint64_t free_from = config->base;
    uint64_t used = 0;
    uint32_t listed = 0;
    uint32_t slot = HOTRAM_SLOT_ANY;

    while ((slot = hotram_bank_next(&fixture->bank, slot)) != HOTRAM_SLOT_ANY) {
        const struct hotram_dimm *dimm = hotram_bank_slot(&fixture->bank, slot);

        CHECK(dimm && dimm->state != HOTRAM_DIMM_EMPTY);
        CHECK(dimm->addr >= free_from && dimm->size > 0);
        CHECK(dimm->size <= config->size && dimm->addr - config->base <= config->size - dimm->size);
        free_from = dimm->addr + dimm->size;
        used += dimm->size;
        CHECK(++listed <= config->slots + config->ranges);
    }
    for (uint32_t i = 0; i < config->slots + config->ranges; i++)
        listed -= fixture->slots[i].state != HOTRAM_DIMM_EMPTY;
    CHECK(listed == 0);
    CHECK(used == fixture->bank.used && used <= config->capacity);
    CHECK(used == model_used(&fixture->model));
}

static void check_slots(const struct fixture *fixture)
{
    for (uint32_t i = 0; i < fixture->bank.config.slots + fixture->bank.config.ranges; i++) {
        const struct hotram_dimm *dimm = &fixture->slots[i];
        const struct model_slot *slot = &fixture->model.slots[i];

        CHECK(dimm->state == slot->state);
        CHECK(dimm->addr == slot->addr && dimm->size == slot->size && dimm->node == slot->node);
        CHECK(dimm->insert_pending == slot->insert && dimm->remove_pending == slot->remove);
        CHECK(dimm->ost_event == slot->ost_event);
    }
}

static void check(const struct fixture *fixture)
{
    const struct model *model = &fixture->model;

    check_list(fixture);
    check_slots(fixture);
    for (uint32_t offset = 0; offset < HOTRAM_MEMHP_EXTENT; offset += 4)
        CHECK(hotram_memhp_read(&fixture->memhp, offset, 4) == model_read(model, offset, 4));
    CHECK(hotram_bank_first_pending(&fixture->bank) == model_pending(model));
    CHECK(fixture->raised == model->raised && fixture->ejected == model->ejected);
    CHECK(fixture->reported == model->reported);
    CHECK(memcmp(fixture->report, model->report, sizeof model->report) == 0);
    for (unsigned i = 0; i < HOTRAM_GPE_LENGTH; i++)
        CHECK(hotram_gpe_read(&fixture->gpe, i) == fixture->gpe_bytes[i]);
    CHECK(hotram_gpe_level(&fixture->gpe) == ((fixture->gpe_bytes[0] & fixture->gpe_bytes[2]) ||
                                              (fixture->gpe_bytes[1] & fixture->gpe_bytes[3])));
}

/* ---- Operations ---- */

/* Mostly a slot or range that exists. */
static uint32_t any_slot(struct fixture *fixture, struct input *input)
{
    uint8_t byte = input_u8(input);

    if (byte == 0xff)
        return HOTRAM_SLOT_ANY;
    return byte == 0xfe ? input_u32(input)
                        : byte % (fixture->bank.config.slots + fixture->bank.config.ranges);
}

/* Mostly an address in the region or right at one of its ends, and now and then the last of all. */
static uint64_t any_address(struct fixture *fixture, struct input *input)
{
    const struct hotram_bank_config *config = &fixture->bank.config;

    switch (input_below(input, 4)) {
    case 0:
        return UINT64_MAX;
    case 1:
        return config->base + input_u8(input) * config->granularity;
    case 2:
        return config->base + config->size - input_u8(input) * config->granularity;
    default:
        return input_number(input);
    }
}

static void reserve(struct fixture *fixture, struct input *input, bool commit)
{
    struct hotram_dimm_request request = { .slot = any_slot(fixture, input) };
    struct hotram_dimm_result result;
    struct hotram_dimm_result expected;
    enum hotram_status status;

    request.addr = any_address(fixture, input);
    request.slot_given = input_bool(input);
    request.addr_given = input_bool(input);
    request.size = input_bool(input) ? input_u8(input) * fixture->bank.config.granularity
                                     : input_number(input);
    request.align = UINT64_C(1) << (input_u8(input) & 63);
    if (request.align == UINT64_C(1) << 63)
        request.align = input_u8(input);
    request.node = input_u8(input);
    request.range = request.node & 1;
    status = hotram_bank_reserve(&fixture->bank, &request, &result);
    CHECK(status == model_choose(&fixture->model, &request, &expected));
    CHECK(result.slot == expected.slot && result.addr == expected.addr);
    CHECK(result.largest == expected.largest);
    if (status != HOTRAM_OK)
        return;
    model_reserve(&fixture->model, &request, &result);
    if (commit && !request.range) {
        CHECK(hotram_bank_commit(&fixture->bank, result.slot, true) == HOTRAM_OK);
        model_commit(&fixture->model, result.slot, true);
    }
}

static void reset(struct fixture *fixture)
{
    CHECK(hotram_bank_reset(&fixture->bank) == HOTRAM_OK);
    hotram_gpe_reset(&fixture->gpe);
    hotram_ged_reset(&fixture->ged);
    model_reset(&fixture->model);
    memset(fixture->gpe_bytes, 0, sizeof fixture->gpe_bytes);
    memset(fixture->gpe_repeated, 0, sizeof fixture->gpe_repeated);
    fixture->ged_events = 0;
}

/* One call on a slot, which the library and the model must answer alike. */
static void step(struct fixture *fixture, struct input *input, unsigned which)
{
    uint32_t slot = any_slot(fixture, input);
    struct hotram_bank *bank = &fixture->bank;
    struct model *model = &fixture->model;
    bool hot;

    switch (which) {
    case 0:
        hot = input_bool(input);
        CHECK(hotram_bank_commit(bank, slot, hot) == model_commit(model, slot, hot));
        break;
    case 1:
        CHECK(hotram_bank_cancel(bank, slot) == model_cancel(model, slot));
        break;
    case 2:
        CHECK(hotram_bank_request_removal(bank, slot) == model_request_removal(model, slot));
        break;
    case 3:
        CHECK(hotram_bank_withdraw(bank, slot) == model_withdraw(model, slot));
        break;
    case 4:
        CHECK(hotram_bank_eject(bank, slot) == model_eject(model, slot));
        break;
    default:
        CHECK(hotram_bank_finish(bank, slot) == model_finish(model, slot));
    }
}

/* Mostly 1, 2, 4 and an offset in the block or just behind it. */
static void guest_access(struct fixture *fixture, struct input *input, bool write)
{
    uint8_t how = input_u8(input);
    unsigned width = how & 0x80 ? input_u8(input) : 1u << how % 3;
    uint32_t offset = how & 0x40 ? input_u32(input) : input_below(input, 32);
    uint32_t value = 0;

    if (write) {
        value = how & 0x20 ? input_u32(input) : input_u8(input);
        hotram_memhp_write(&fixture->memhp, offset, width, value);
        model_write(&fixture->model, offset, width, value);
    } else {
        CHECK(hotram_memhp_read(&fixture->memhp, offset, width) ==
              model_read(&fixture->model, offset, width));
    }
}

/* Event by event: one that is enabled and waits is raised again, once. */
static void gpe_enable(struct fixture *fixture, uint32_t offset, uint8_t value, uint16_t waiting)
{
    uint8_t *bytes = fixture->gpe_bytes;

    for (unsigned event = 0; event < 16; event++) {
        uint8_t bit = (uint8_t)(1u << event % 8), half = (uint8_t)(event / 8);
        bool written = offset == 2u + half;
        bool rises = written && (value & bit) && !(bytes[2 + half] & bit);

        if (!(waiting >> event & 1)) {
            fixture->gpe_repeated[half] &= (uint8_t)~bit;
        } else if (rises && !(fixture->gpe_repeated[half] & bit)) {
            bytes[half] |= bit;
            fixture->gpe_repeated[half] |= bit;
        }
    }
    bytes[offset] = value;
}

static void gpe_access(struct fixture *fixture, struct input *input)
{
    uint16_t waiting = input_bool(input) ? (uint16_t)input_u32(input)
                       : hotram_bank_first_pending(&fixture->bank) != HOTRAM_SLOT_ANY
                           ? 1u << HOTRAM_GPE_MEMORY
                           : 0;
    uint32_t offset = input_bool(input) ? input_below(input, 6) : input_u32(input);
    uint8_t value = input_u8(input);

    if (offset >= HOTRAM_GPE_LENGTH)
        CHECK(hotram_gpe_read(&fixture->gpe, offset) == 0xff);
    else if (offset < HOTRAM_GPE_LENGTH / 2)
        fixture->gpe_bytes[offset] = (uint8_t)(fixture->gpe_bytes[offset] & ~value);
    else
        gpe_enable(fixture, offset, value, waiting);
    hotram_gpe_write(&fixture->gpe, offset, value, waiting);
}

static void ged_access(struct fixture *fixture, struct input *input)
{
    uint32_t offset = input_bool(input) ? 0 : input_u32(input);
    unsigned width = input_bool(input) ? 4 : input_u8(input);
    uint32_t events = input_below(input, 8);
    bool whole = offset == 0 && width == 4;

    CHECK(hotram_ged_level(&fixture->ged) == (fixture->ged_events != 0));
    CHECK(hotram_ged_read(&fixture->ged, offset, width) == (whole ? fixture->ged_events : 0));
    if (whole)
        fixture->ged_events = 0;
    if (hotram_ged_raise(&fixture->ged, events) == HOTRAM_OK)
        fixture->ged_events |= events;
    else
        CHECK(events == 0 || events > 3);
}

static void operate(struct fixture *fixture, struct input *input)
{
    unsigned which = input_below(input, 16);

    if (which < 6)
        step(fixture, input, which);
    else if (which < 9)
        reserve(fixture, input, which != 6);
    else if (which < 11)
        guest_access(fixture, input, false);
    else if (which < 13)
        guest_access(fixture, input, true);
    else if (which == 13)
        gpe_access(fixture, input);
    else if (which == 14)
        ged_access(fixture, input);
    else
        reset(fixture);
}

/* ---- */

/* A bank of any shape; false when the library refuses it, as it must for the right reason. */
static bool make(struct fixture *fixture, struct input *input)
{
    struct hotram_bank_config *config = &fixture->model.config;
    static const uint32_t slots[] = { 1, 2, 3, 4, 8, 256, 0, 257 };
    static const uint32_t ranges[] = { 0, 1, 2, 64, 65 };
    enum hotram_status status;
    bool fits;

    config->slots = slots[input_below(input, COUNT_OF(slots))];
    config->ranges = ranges[input_below(input, COUNT_OF(ranges))];
    config->base = input_number(input);
    config->size = input_number(input);
    config->capacity = input_bool(input) ? UINT64_MAX : input_number(input);
    config->granularity = UINT64_C(1) << input_below(input, 32);
    fixture->model.finishes_at_once = input_bool(input);
    status = hotram_bank_init(&fixture->bank, config, fixture->slots, &ops, fixture);
    fits = config->size > 0 && !__builtin_add_overflow(config->base, config->size, &(uint64_t){ 0 });
    if (config->slots > HOTRAM_SLOTS_MAX || config->ranges > HOTRAM_RANGES_MAX ||
        (config->slots == 0 && config->ranges == 0))
        CHECK(status == HOTRAM_E_ARGUMENT);
    else
        CHECK(status == (fits ? HOTRAM_OK : HOTRAM_E_REGION));
    return status == HOTRAM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    static struct fixture fixture;

    memset(&fixture, 0, sizeof fixture);
    if (!make(&fixture, &input))
        return 0;
    CHECK(hotram_memhp_init(&fixture.memhp, &fixture.bank) == HOTRAM_OK);
    check(&fixture);
    while (input.left > 0) {
        operate(&fixture, &input);
        check(&fixture);
    }
    return 0;
}
