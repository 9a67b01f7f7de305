/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bank of CPUs and its register block: operations of the VMM and accesses of the guest in any order. After
 * each one it is as the model (cpuhp_model.h) says. What is saved comes back the same in another bank; with a
 * byte changed, and the checksum made right again, it is refused without effect or is a state that can be.
 */
#include "input.h"

#include <hotram/cpuhp.h>
#include <hotram/state_cpus.h>

#include "cpuhp_model.h"
#include "state_judge.h"

struct fixture {
    struct hotram_cpus cpus;
    struct hotram_cpu slots[MODEL_SLOTS_MAX];
    struct hotram_cpuhp cpuhp;
    struct model model;
    unsigned raised, ejected, reported;
    uint32_t report[3];
};

static void on_raise(void *opaque)
{
    ((struct fixture *)opaque)->raised++;
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
    CHECK(fixture->slots[slot].state == HOTRAM_CPU_EJECTING);
    if (fixture->model.finishes_at_once)
        CHECK(hotram_cpus_finish(&fixture->cpus, slot) == HOTRAM_OK);
}

static const struct hotram_cpus_ops ops = { on_raise, on_ost, on_eject };

/* ---- What must hold after each operation ---- */

static void check(const struct fixture *fixture)
{
    const struct model *model = &fixture->model;

    for (uint32_t i = 0; i < model->count; i++) {
        const struct hotram_cpu *cpu = hotram_cpus_slot(&fixture->cpus, i);
        const struct model_slot *slot = &model->slots[i];

        CHECK(cpu->state == slot->state && cpu->hardware_id == slot->hardware_id);
        CHECK(cpu->insert_pending == slot->insert && cpu->remove_pending == slot->remove);
        CHECK(cpu->ost_event == slot->ost_event && cpu->ost_status == slot->ost_status);
        CHECK(hotram_cpus_present(&fixture->cpus, i) == model_present(model, i));
        CHECK(hotram_cpus_pending(&fixture->cpus, i) == model_pending(model, i));
    }
    CHECK(hotram_cpus_pending(&fixture->cpus, UINT32_MAX) == model_pending(model, 0));
    for (uint32_t offset = 0; offset < HOTRAM_CPUHP_LENGTH; offset++)
        for (unsigned width = 1; width <= 4; width *= 2)
            CHECK(hotram_cpuhp_read(&fixture->cpuhp, offset, width) == model_read(model, offset, width));
    CHECK(fixture->cpuhp.selector == model->selector && fixture->cpuhp.command == model->command);
    CHECK(fixture->raised == model->raised && fixture->ejected == model->ejected);
    CHECK(fixture->reported == model->reported);
    CHECK(memcmp(fixture->report, model->report, sizeof model->report) == 0);
}

/* ---- Saved forms ---- */

struct attaching {
    uint32_t refused; /* slot */
    uint32_t next;    /* at least this one comes next */
    unsigned attached, detached;
};

static bool attach(void *opaque, uint32_t slot)
{
    struct attaching *attaching = opaque;

    CHECK(slot >= attaching->next);
    attaching->next = slot + 1;
    if (slot == attaching->refused)
        return false;
    attaching->attached++;
    return true;
}

static void detach(void *opaque, uint32_t slot)
{
    struct attaching *attaching = opaque;

    CHECK(slot < attaching->refused);
    attaching->detached++;
}

static bool is_sound(const struct hotram_cpu *cpu)
{
    switch (cpu->state) {
    case HOTRAM_CPU_ABSENT:
    case HOTRAM_CPU_FIXED:
    case HOTRAM_CPU_EJECTING:
        return !cpu->insert_pending && !cpu->remove_pending;
    case HOTRAM_CPU_PLUGGED:
        return !cpu->remove_pending;
    default:
        return cpu->state == HOTRAM_CPU_REMOVAL_REQUESTED;
    }
}

/* Restore into a bank that has the same slots and no CPUs. */
static void restore(const struct fixture *fixture, uint8_t *bytes, size_t length, uint32_t refused, bool same)
{
    static struct fixture other;
    struct attaching attaching = { .refused = refused };
    const struct hotram_cpus_restoring how = { attach, detach, &attaching };
    struct hotram_saved saved = { bytes, length };
    struct hotram_restore_result result;
    enum hotram_status status;
    unsigned present = 0;

    memset(&other, 0, sizeof other);
    for (uint32_t i = 0; i < fixture->model.count; i++)
        other.slots[i].hardware_id = fixture->slots[i].hardware_id;
    CHECK(hotram_cpus_init(&other.cpus, other.slots, fixture->model.count, &ops, &other) == HOTRAM_OK);
    status = hotram_cpus_restore(&other.cpus, &saved, &how, &result);
    for (uint32_t i = 0; i < fixture->model.count; i++) {
        CHECK(is_sound(&other.slots[i]));
        CHECK(status == HOTRAM_OK ||
              (other.slots[i].state == HOTRAM_CPU_ABSENT && other.slots[i].ost_event == 0));
        present += hotram_cpus_present(&other.cpus, i);
    }
    CHECK(other.raised + other.reported + other.ejected == 0);
    if (status != HOTRAM_OK) {
        CHECK(!same || (status == HOTRAM_E_ATTACH && result.slot == refused));
        CHECK(saved.length == length && attaching.attached == attaching.detached);
        return;
    }
    CHECK(saved.length == 0 && attaching.attached == present && attaching.detached == 0);
    for (uint32_t i = 0; i < fixture->model.count; i++)
        CHECK(!same || memcmp(&other.slots[i], &fixture->slots[i], sizeof other.slots[i]) == 0);
    CHECK(!same || other.cpus.first == fixture->cpus.first);
}

static void save_and_restore(const struct fixture *fixture, struct input *input)
{
    static uint8_t bytes[HOTRAM_STATE_CPUS_LENGTH(MODEL_SLOTS_MAX)];
    struct hotram_buffer out;
    size_t at;

    CHECK(hotram_buffer_init(&out, bytes, sizeof bytes) == HOTRAM_OK);
    CHECK(hotram_cpus_save(&fixture->cpus, &out) == HOTRAM_OK);
    CHECK(out.length == HOTRAM_STATE_CPUS_LENGTH(fixture->model.count));
    restore(fixture, bytes, out.length, input_bool(input) ? input_u8(input) : UINT32_MAX, true);
    at = input_u16(input) % out.length;
    bytes[at] = input_u8(input);
    judge_seal(bytes, out.length);
    restore(fixture, bytes, out.length, UINT32_MAX, false);
}

static void save_and_restore_block(struct fixture *fixture, struct input *input)
{
    uint8_t bytes[HOTRAM_STATE_FRAME + 5];
    struct hotram_cpuhp before = fixture->cpuhp;
    struct hotram_buffer out;
    struct hotram_saved saved = { bytes, sizeof bytes };

    CHECK(hotram_buffer_init(&out, bytes, sizeof bytes) == HOTRAM_OK);
    CHECK(hotram_cpuhp_save(&fixture->cpuhp, &out) == HOTRAM_OK && out.length == sizeof bytes);
    bytes[16] = input_u8(input); /* the command */
    judge_seal(bytes, sizeof bytes);
    if (hotram_cpuhp_restore(&fixture->cpuhp, &saved, NULL) == HOTRAM_OK) {
        CHECK(bytes[16] <= 3 && fixture->cpuhp.selector == before.selector);
        fixture->model.command = bytes[16];
    } else {
        CHECK(bytes[16] > 3 && memcmp(&fixture->cpuhp, &before, sizeof before) == 0);
    }
}

/* ---- Operations ---- */

static uint32_t any_slot(const struct fixture *fixture, struct input *input)
{
    uint32_t slot = input_u8(input) % (fixture->model.count + 2);

    return slot > fixture->model.count ? UINT32_MAX : slot;
}

static uint32_t any_value(const struct fixture *fixture, struct input *input)
{
    switch (input_below(input, 4)) {
    case 0:
        return input_u32(input);
    case 1:
        return input_u16(input);
    case 2:
        return any_slot(fixture, input);
    default:
        return input_below(input, 16);
    }
}

static void guest(struct fixture *fixture, struct input *input)
{
    static const unsigned widths[] = { 1, 2, 4 };
    static const uint32_t usual[] = { 0, 4, 5, 8 };
    uint32_t offset = input_bool(input) ? usual[input_below(input, 4)] : input_u8(input) % 16;
    unsigned width = widths[input_below(input, 3)];
    uint32_t value = any_value(fixture, input);

    hotram_cpuhp_write(&fixture->cpuhp, offset, width, value);
    model_write(&fixture->model, offset, width, value);
}

static void step(struct fixture *fixture, struct input *input)
{
    struct hotram_cpus *cpus = &fixture->cpus;
    struct model *model = &fixture->model;
    unsigned what = input_below(input, 16);
    uint32_t slot;
    bool hot;

    if (what >= 8) {
        guest(fixture, input);
        return;
    }
    slot = any_slot(fixture, input);
    switch (what) {
    case 0:
        hot = input_below(input, 4) != 0;
        CHECK(hotram_cpus_plug(cpus, slot, hot) == model_plug(model, slot, hot));
        break;
    case 1:
        CHECK(hotram_cpus_fix(cpus, slot) == model_fix(model, slot));
        break;
    case 2:
        CHECK(hotram_cpus_request_removal(cpus, slot) == model_request_removal(model, slot));
        break;
    case 3:
        CHECK(hotram_cpus_withdraw(cpus, slot) == model_withdraw(model, slot));
        break;
    case 4:
        CHECK(hotram_cpus_eject(cpus, slot) == model_eject(model, slot));
        break;
    case 5:
        CHECK(hotram_cpus_finish(cpus, slot) == model_finish(model, slot));
        break;
    case 6:
        CHECK(hotram_cpus_reset(cpus) == HOTRAM_OK);
        CHECK(hotram_cpuhp_init(&fixture->cpuhp, cpus) == HOTRAM_OK);
        model_reset(model);
        break;
    default:
        save_and_restore(fixture, input);
        save_and_restore_block(fixture, input);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t counts[] = { 1, 2, 3, 5, 8, MODEL_SLOTS_MAX };
    struct input input = { data, size };
    static struct fixture fixture;

    memset(&fixture, 0, sizeof fixture);
    fixture.model.count = counts[input_below(&input, COUNT_OF(counts))];
    fixture.model.finishes_at_once = input_bool(&input);
    for (uint32_t i = 0; i < fixture.model.count; i++)
        fixture.slots[i].hardware_id = fixture.model.slots[i].hardware_id = UINT64_C(0x123456789) * (i + 1);
    CHECK(hotram_cpus_init(&fixture.cpus, fixture.slots, fixture.model.count, &ops, &fixture) == HOTRAM_OK);
    CHECK(hotram_cpuhp_init(&fixture.cpuhp, &fixture.cpus) == HOTRAM_OK);
    check(&fixture);
    while (input.left > 0) {
        step(&fixture, &input);
        check(&fixture);
    }
    return 0;
}
