/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram/state.h, the frame and the register blocks: of any bytes nothing is read behind their end, what is
 * refused has changed nothing, what is restored is what the bytes say and has no bit that no call can set.
 * And what was saved comes back.
 *
 * proof: sources core/state.c core/state_blocks.c core/buffer.c
 * proof: options --unsigned-overflow-check --unwind 27 --max-field-sensitivity-array-size 64
 */
#include <hotram/state.h>

#define ROOM 24u /* the longest is 22 */

#include "state_bytes.h"

static struct hotram_memhp memhp, memhp_before;
static struct hotram_gpe gpe, gpe_before;
static struct hotram_ged ged, ged_before;
static struct hotram_pm1 pm1, pm1_before;
static struct hotram_restore_result result;

/* What the guest and the calls can make of each; the selector and the GPE block may be anything. */
#define GED_EVENTS 0xbu
#define PM1_STATUS 0x8100u
#define PM1_ENABLE (1u << 0 | 1u << 5 | 1u << 8 | 1u << 9 | 1u << 10)
#define PM1_CONTROL (0xffffu & ~(1u << 0 | 1u << 13))

static void arbitrary_blocks(void)
{
    memhp.selector = nondet_uint32();
    gpe = (struct hotram_gpe){ nondet_uint16(), nondet_uint16(), nondet_uint16() };
    ged.selector = nondet_uint32();
    pm1 = (struct hotram_pm1){ nondet_uint16(), nondet_uint16(), nondet_uint16() };
    memhp_before = memhp;
    gpe_before = gpe;
    ged_before = ged;
    pm1_before = pm1;
}

static bool same_gpe(void)
{
    return gpe.status == gpe_before.status && gpe.enable == gpe_before.enable &&
           gpe.repeated == gpe_before.repeated;
}

static bool same_pm1(void)
{
    return pm1.status == pm1_before.status && pm1.enable == pm1_before.enable &&
           pm1.control == pm1_before.control;
}

static const uint8_t *contents(void)
{
    return saved_before.bytes + FRONT;
}

/* What is true of each of them. */
static void prove_restored(enum hotram_status status, unsigned kind, size_t length)
{
    PROVE(status == HOTRAM_OK ? saved_is_behind(length) && frame_is(kind, length) : saved_is_unchanged());
    PROVE(IMPLIES(status == HOTRAM_OK, result.field == HOTRAM_FIELD_NONE));
    PROVE(IMPLIES(status != HOTRAM_OK, result.field != HOTRAM_FIELD_NONE));
    REACHABLE(status == HOTRAM_OK && saved.length > 0);
    REACHABLE(status == HOTRAM_OK && saved.length == 0);
    REACHABLE(status == HOTRAM_E_FORMAT && result.field == HOTRAM_FIELD_LENGTH);
    REACHABLE(status == HOTRAM_E_FORMAT && result.field == HOTRAM_FIELD_KIND);
    REACHABLE(status == HOTRAM_E_CHECKSUM);
    REACHABLE(status == HOTRAM_E_VERSION);
}

void prove_state_look(void)
{
    struct hotram_state_frame frame = { nondet_uint32(), nondet_uint16(), nondet_uint16() };
    const struct hotram_state_frame before = frame;
    enum hotram_status status;

    arbitrary_bytes(nondet_size());
    status = hotram_state_look(&saved, &frame, nondet_bool() ? &result : NULL);
    PROVE(saved_is_unchanged());
    PROVE(status == HOTRAM_OK || status == HOTRAM_E_FORMAT || status == HOTRAM_E_CHECKSUM);
    if (status == HOTRAM_OK) {
        PROVE(frame.length >= FRAME && frame.length <= saved.length);
        PROVE(frame.kind == number_at(saved.bytes + 4, 2) && frame.version == number_at(saved.bytes + 6, 2));
    } else {
        PROVE(frame.length == before.length && frame.kind == before.kind && frame.version == before.version);
    }
    REACHABLE(status == HOTRAM_OK && frame.length < saved.length);
    REACHABLE(status == HOTRAM_E_FORMAT);
    REACHABLE(status == HOTRAM_E_CHECKSUM);
}

void prove_memhp_restore(void)
{
    enum hotram_status status;

    arbitrary_bytes(nondet_size());
    arbitrary_blocks();
    status = hotram_memhp_restore(&memhp, &saved, &result);
    prove_restored(status, HOTRAM_STATE_MEMHP, 20);
    PROVE(memhp.selector == (status == HOTRAM_OK ? number_at(contents(), 4) : memhp_before.selector));
    PROVE(memhp.bank == memhp_before.bank);
}

void prove_gpe_restore(void)
{
    enum hotram_status status;

    arbitrary_bytes(nondet_size());
    arbitrary_blocks();
    status = hotram_gpe_restore(&gpe, &saved, &result);
    prove_restored(status, HOTRAM_STATE_GPE, 22);
    if (status == HOTRAM_OK)
        gpe_before = (struct hotram_gpe){ (uint16_t)number_at(contents(), 2),
                                          (uint16_t)number_at(contents() + 2, 2),
                                          (uint16_t)number_at(contents() + 4, 2) };
    PROVE(same_gpe());
}

void prove_ged_restore(void)
{
    enum hotram_status status;

    arbitrary_bytes(nondet_size());
    arbitrary_blocks();
    status = hotram_ged_restore(&ged, &saved, &result);
    prove_restored(status, HOTRAM_STATE_GED, 20);
    PROVE(ged.selector == (status == HOTRAM_OK ? number_at(contents(), 4) : ged_before.selector));
    PROVE(IMPLIES(status == HOTRAM_OK, (ged.selector & ~GED_EVENTS) == 0));
    REACHABLE(status == HOTRAM_E_VALUE);
}

void prove_pm1_restore(void)
{
    enum hotram_status status;

    arbitrary_bytes(nondet_size());
    arbitrary_blocks();
    status = hotram_pm1_restore(&pm1, &saved, &result);
    prove_restored(status, HOTRAM_STATE_PM1, 22);
    if (status == HOTRAM_OK)
        pm1_before = (struct hotram_pm1){ (uint16_t)number_at(contents(), 2),
                                          (uint16_t)number_at(contents() + 2, 2),
                                          (uint16_t)number_at(contents() + 4, 2) };
    PROVE(same_pm1());
    PROVE(IMPLIES(status == HOTRAM_OK, (pm1.status & ~PM1_STATUS) == 0 && (pm1.enable & ~PM1_ENABLE) == 0 &&
                                           (pm1.control & ~PM1_CONTROL) == 0));
    REACHABLE(status == HOTRAM_E_VALUE && result.field == HOTRAM_FIELD_CONTROL);
}

/* NULL wherever it may be. */
void prove_state_null(void)
{
    struct hotram_saved nowhere = { NULL, nondet_size() };
    struct hotram_saved *from = nondet_bool() ? &nowhere : NULL;
    struct hotram_gpe *target = nondet_bool() ? &gpe : NULL;
    struct hotram_restore_result *told = nondet_bool() ? &result : NULL;
    struct hotram_buffer out = { 0 };
    struct hotram_state_frame frame;
    enum hotram_status status;

    arbitrary_blocks();
    status = hotram_gpe_restore(target, from, told);
    PROVE(status == (target && from && nowhere.length == 0 ? HOTRAM_E_FORMAT : HOTRAM_E_ARGUMENT));
    PROVE(same_gpe());
    PROVE(hotram_state_look(from, nondet_bool() ? &frame : NULL, told) != HOTRAM_OK);
    PROVE(hotram_gpe_save(NULL, nondet_bool() ? &out : NULL) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_gpe_save(&gpe, NULL) == HOTRAM_E_ARGUMENT && out.length == 0);
    REACHABLE(status == HOTRAM_E_FORMAT);
    REACHABLE(status == HOTRAM_E_ARGUMENT && target && from);
}

/* Into a buffer of any capacity, which is the end of memory as well. */
static struct hotram_buffer out;

static void arbitrary_out(void)
{
    size_t capacity = nondet_size();

    ASSUME(capacity <= ROOM);
    out = (struct hotram_buffer){ memory + (ROOM - capacity), capacity, 0 };
    memory[0] = 0xee;
}

/* Whether the saved state is whole; then it is the next to be restored. */
static bool prove_saved(enum hotram_status status, size_t length)
{
    PROVE(out.length == length);
    PROVE(status == (out.capacity >= length ? HOTRAM_OK : HOTRAM_E_BUFFER));
    PROVE(out.capacity == ROOM || memory[0] == 0xee);
    saved = saved_before = (struct hotram_saved){ out.data, out.capacity };
    REACHABLE(status == HOTRAM_OK && out.capacity > length);
    REACHABLE(status == HOTRAM_E_BUFFER);
    return status == HOTRAM_OK;
}

void prove_memhp_comes_back(void)
{
    arbitrary_blocks();
    arbitrary_out();
    if (!prove_saved(hotram_memhp_save(&memhp, &out), 20))
        return;
    memhp.selector = nondet_uint32();
    PROVE(hotram_memhp_restore(&memhp, &saved, &result) == HOTRAM_OK && saved_is_behind(20));
    PROVE(memhp.selector == memhp_before.selector);
}

void prove_gpe_comes_back(void)
{
    arbitrary_blocks();
    arbitrary_out();
    if (!prove_saved(hotram_gpe_save(&gpe, &out), 22))
        return;
    gpe = (struct hotram_gpe){ 0 };
    PROVE(hotram_gpe_restore(&gpe, &saved, &result) == HOTRAM_OK && saved_is_behind(22));
    PROVE(same_gpe());
}

void prove_ged_comes_back(void)
{
    arbitrary_blocks();
    arbitrary_out();
    ASSUME((ged.selector & ~GED_EVENTS) == 0);
    if (!prove_saved(hotram_ged_save(&ged, &out), 20))
        return;
    ged.selector = nondet_uint32();
    PROVE(hotram_ged_restore(&ged, &saved, &result) == HOTRAM_OK && saved_is_behind(20));
    PROVE(ged.selector == ged_before.selector);
}

void prove_pm1_comes_back(void)
{
    arbitrary_blocks();
    arbitrary_out();
    ASSUME((pm1.status & ~PM1_STATUS) == 0 && (pm1.enable & ~PM1_ENABLE) == 0 &&
           (pm1.control & ~PM1_CONTROL) == 0);
    if (!prove_saved(hotram_pm1_save(&pm1, &out), 22))
        return;
    pm1 = (struct hotram_pm1){ 0 };
    PROVE(hotram_pm1_restore(&pm1, &saved, &result) == HOTRAM_OK && saved_is_behind(22));
    PROVE(same_pm1());
}
