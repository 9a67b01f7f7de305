/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved forms of the register blocks: a few numbers each, of which a kind says how many bytes each has
 * and which bits it may have.
 */
#include "state.h"

#include <hotram/state_cpus.h>

#include "pm1_bits.h"

#define NUMBERS 3

struct number {
    uint32_t bits; /* that may be set */
    uint8_t bytes; /* 0: no such number */
    uint8_t field; /* an enum hotram_state_field: its name where some bits may not be set */
};

struct form {
    uint8_t kind; /* an enum hotram_state_kind */
    struct number numbers[NUMBERS];
};

static const struct form memhp_form = { HOTRAM_STATE_MEMHP, { { UINT32_MAX, 4, HOTRAM_FIELD_NONE } } };

static const struct form gpe_form = { HOTRAM_STATE_GPE,
                                      { { UINT16_MAX, 2, HOTRAM_FIELD_NONE },
                                        { UINT16_MAX, 2, HOTRAM_FIELD_NONE },
                                        { UINT16_MAX, 2, HOTRAM_FIELD_NONE } } };

static const struct form ged_form = { HOTRAM_STATE_GED,
                                      { { HOTRAM_GED_MEMORY | HOTRAM_GED_POWER_BUTTON | HOTRAM_GED_CPU, 4,
                                          HOTRAM_FIELD_EVENTS } } };

static const struct form pm1_form = { HOTRAM_STATE_PM1,
                                      { { HOTRAM_PM1_POWER_BUTTON | HOTRAM_PM1_WAKE, 2, HOTRAM_FIELD_STATUS },
                                        { PM1_EVENTS, 2, HOTRAM_FIELD_ENABLE },
                                        { UINT16_MAX & ~(PM1_SCI_ENABLED | PM1_SLEEP_ENABLE), 2,
                                          HOTRAM_FIELD_CONTROL } } };

static const struct form cpuhp_form = { HOTRAM_STATE_CPUHP,
                                        { { UINT32_MAX, 4, HOTRAM_FIELD_NONE },
                                          { HOTRAM_CPUHP_HARDWARE_ID, 1, HOTRAM_FIELD_COMMAND } } };

static uint32_t length_of(const struct form *form)
{
    uint32_t length = 0;

    for (unsigned i = 0; i < NUMBERS; i++)
        length += form->numbers[i].bytes;
    return length;
}

static enum hotram_status save(const struct form *form, const uint32_t values[NUMBERS],
                               struct hotram_buffer *out)
{
    struct state_writer writer;

    libhotram_state_begin(&writer, out, (enum hotram_state_kind)form->kind, length_of(form));
    for (unsigned i = 0; i < NUMBERS; i++)
        libhotram_state_put(&writer, values[i], form->numbers[i].bytes);
    return libhotram_state_end(&writer);
}

/* The numbers, if each of them can be. */
static enum hotram_status read(const struct form *form, const struct hotram_saved *saved,
                               uint32_t values[NUMBERS], struct hotram_restore_result *result)
{
    struct hotram_saved contents;
    enum hotram_status status = libhotram_state_open(saved, (enum hotram_state_kind)form->kind, &contents,
                                                     result);

    if (status != HOTRAM_OK)
        return status;
    if (contents.length != length_of(form))
        return libhotram_state_refuse(result, HOTRAM_E_FORMAT, HOTRAM_FIELD_LENGTH,
                                      contents.length + HOTRAM_STATE_FRAME,
                                      length_of(form) + HOTRAM_STATE_FRAME);
    for (unsigned i = 0; i < NUMBERS; i++) {
        const struct number *number = &form->numbers[i];

        values[i] = (uint32_t)libhotram_state_get(&contents, number->bytes);
        if (values[i] & ~number->bits)
            return libhotram_state_refuse(result, HOTRAM_E_VALUE, (enum hotram_state_field)number->field,
                                          values[i], number->bits);
    }
    return HOTRAM_OK;
}

static enum hotram_status restore(const struct form *form, const void *target, struct hotram_saved *saved,
                                  uint32_t values[NUMBERS], struct hotram_restore_result *result)
{
    enum hotram_status status = HOTRAM_E_ARGUMENT;
    struct hotram_restore_result found;

    libhotram_state_start(&found);
    if (target)
        status = read(form, saved, values, &found);
    if (status == HOTRAM_OK)
        libhotram_state_close(saved);
    if (result)
        *result = found;
    return status;
}

enum hotram_status hotram_memhp_save(const struct hotram_memhp *memhp, struct hotram_buffer *out)
{
    if (!memhp || !out)
        return HOTRAM_E_ARGUMENT;
    return save(&memhp_form, (const uint32_t[NUMBERS]){ memhp->selector }, out);
}

enum hotram_status hotram_memhp_restore(struct hotram_memhp *memhp, struct hotram_saved *saved,
                                        struct hotram_restore_result *result)
{
    uint32_t values[NUMBERS];
    enum hotram_status status = restore(&memhp_form, memhp, saved, values, result);

    if (status == HOTRAM_OK)
        memhp->selector = values[0];
    return status;
}

enum hotram_status hotram_gpe_save(const struct hotram_gpe *gpe, struct hotram_buffer *out)
{
    if (!gpe || !out)
        return HOTRAM_E_ARGUMENT;
    return save(&gpe_form, (const uint32_t[NUMBERS]){ gpe->status, gpe->enable, gpe->repeated }, out);
}

enum hotram_status hotram_gpe_restore(struct hotram_gpe *gpe, struct hotram_saved *saved,
                                      struct hotram_restore_result *result)
{
    uint32_t values[NUMBERS];
    enum hotram_status status = restore(&gpe_form, gpe, saved, values, result);

    if (status == HOTRAM_OK)
        *gpe = (struct hotram_gpe){ .status = (uint16_t)values[0],
                                    .enable = (uint16_t)values[1],
                                    .repeated = (uint16_t)values[2] };
    return status;
}

enum hotram_status hotram_ged_save(const struct hotram_ged *ged, struct hotram_buffer *out)
{
    if (!ged || !out)
        return HOTRAM_E_ARGUMENT;
    return save(&ged_form, (const uint32_t[NUMBERS]){ ged->selector }, out);
}

enum hotram_status hotram_ged_restore(struct hotram_ged *ged, struct hotram_saved *saved,
                                      struct hotram_restore_result *result)
{
    uint32_t values[NUMBERS];
    enum hotram_status status = restore(&ged_form, ged, saved, values, result);

    if (status == HOTRAM_OK)
        ged->selector = values[0];
    return status;
}

enum hotram_status hotram_pm1_save(const struct hotram_pm1 *pm1, struct hotram_buffer *out)
{
    if (!pm1 || !out)
        return HOTRAM_E_ARGUMENT;
    return save(&pm1_form, (const uint32_t[NUMBERS]){ pm1->status, pm1->enable, pm1->control }, out);
}

enum hotram_status hotram_pm1_restore(struct hotram_pm1 *pm1, struct hotram_saved *saved,
                                      struct hotram_restore_result *result)
{
    uint32_t values[NUMBERS];
    enum hotram_status status = restore(&pm1_form, pm1, saved, values, result);

    if (status == HOTRAM_OK)
        *pm1 = (struct hotram_pm1){ .status = (uint16_t)values[0],
                                    .enable = (uint16_t)values[1],
                                    .control = (uint16_t)values[2] };
    return status;
}

enum hotram_status hotram_cpuhp_save(const struct hotram_cpuhp *cpuhp, struct hotram_buffer *out)
{
    if (!cpuhp || !out)
        return HOTRAM_E_ARGUMENT;
    return save(&cpuhp_form, (const uint32_t[NUMBERS]){ cpuhp->selector, cpuhp->command }, out);
}

enum hotram_status hotram_cpuhp_restore(struct hotram_cpuhp *cpuhp, struct hotram_saved *saved,
                                        struct hotram_restore_result *result)
{
    uint32_t values[NUMBERS];
    enum hotram_status status = restore(&cpuhp_form, cpuhp, saved, values, result);

    if (status == HOTRAM_OK) {
        cpuhp->selector = values[0];
        cpuhp->command = (uint8_t)values[1];
    }
    return status;
}
