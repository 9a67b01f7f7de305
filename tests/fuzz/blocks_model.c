/* SPDX-License-Identifier: BSD-2-Clause */
#include "blocks_model.h"

#include <string.h>

typedef unsigned __int128 wide;

enum { ACK, NACK, BUSY, ERROR };

static uint64_t number(const uint8_t *bytes, unsigned width)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < width; i++)
        value += (uint64_t)bytes[i] << 8 * i;
    return value;
}

uint64_t model_plugged(const struct model *model)
{
    uint64_t bytes = 0;

    for (uint64_t i = 0; i < model->count; i++)
        bytes += model->plugged[i] ? model->block : 0;
    return bytes;
}

/* 256 MiB more than what is requested, in whole blocks; nothing if nothing is. */
static uint64_t usable_for(const struct model *model, uint64_t requested)
{
    uint64_t blocks = requested / model->block;

    if (requested == 0)
        return 0;
    for (uint64_t more = 0; more < 256u << 20 && blocks < model->count; more += model->block)
        blocks++;
    return blocks * model->block;
}

static unsigned unplug(struct model *model, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        if (model->leases[i] > 0)
            return BUSY;
    for (uint64_t i = first; i < first + count; i++)
        model->plugged[i] = false;
    return ACK;
}

static unsigned change(struct model *model, uint64_t first, uint64_t count, bool plug)
{
    if (plug && (wide)model_plugged(model) + (wide)count * model->block > model->requested)
        return NACK;
    for (uint64_t i = first; i < first + count; i++)
        if (model->plugged[i] == plug)
            return ERROR;
    if (!plug)
        return unplug(model, first, count);
    for (uint64_t i = first; i < first + count; i++)
        model->plugged[i] = true;
    return ACK;
}

static unsigned state_of(const struct model *model, uint64_t first, uint64_t count)
{
    uint64_t plugged = 0;

    for (uint64_t i = first; i < first + count; i++)
        plugged += model->plugged[i];
    return plugged == count ? 0 : plugged == 0 ? 1 : 2;
}

struct model_answer model_request(struct model *model, const uint8_t *bytes)
{
    const uint64_t type = number(bytes, 2), addr = number(bytes + 8, 8), count = number(bytes + 16, 2);
    struct model_answer answer = { .response = ERROR };
    uint64_t first;

    if (type == 2) { /* everything */
        answer.response = unplug(model, 0, model->count);
        if (answer.response == ACK)
            model->usable = usable_for(model, model->requested);
        return answer;
    }
    if (type > 3 || count == 0 || addr < model->addr || (addr - model->addr) % model->block != 0 ||
        (wide)addr + (wide)count * model->block > (wide)model->addr + model->usable)
        return answer;
    first = (addr - model->addr) / model->block;
    if (type == 3)
        answer = (struct model_answer){ ACK, state_of(model, first, count) };
    else
        answer.response = change(model, first, count, type == 0);
    return answer;
}

void model_resize(struct model *model, uint64_t requested)
{
    const uint64_t usable = usable_for(model, requested);

    model->requested = requested;
    if (model->usable < usable)
        model->usable = usable;
}

void model_reset(struct model *model)
{
    memset(model->plugged, 0, sizeof model->plugged);
    model->usable = usable_for(model, model->requested);
}

uint64_t model_lease(struct model *model, uint64_t offset, uint64_t length)
{
    uint64_t can = 0;

    while (can < length && (offset + can) / model->block < model->count &&
           model->plugged[(offset + can) / model->block])
        can++;
    for (uint64_t i = 0; can > 0 && i < model->count; i++)
        model->leases[i] += i >= offset / model->block && i <= (offset + can - 1) / model->block;
    return can;
}

void model_return(struct model *model, uint64_t offset, uint64_t length)
{
    for (uint64_t i = offset / model->block; i <= (offset + length - 1) / model->block; i++)
        model->leases[i]--;
}
