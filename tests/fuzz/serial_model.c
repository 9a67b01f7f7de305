/* SPDX-License-Identifier: BSD-2-Clause */
#include "serial_model.h"

/* ---- bytes ---- */

static uint8_t byte_at(unsigned seed, uint64_t at)
{
    return (uint8_t)(seed * 97 + at * 7 + (at >> 8) * 3);
}

void model_stream_fill(struct model_stream *stream, uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = byte_at(stream->seed, stream->sent++);
}

void model_stream_check(struct model_stream *stream, const uint8_t *bytes, size_t length)
{
    CHECK(length <= stream->sent - stream->got);
    for (size_t i = 0; i < length; i++)
        CHECK(bytes[i] == byte_at(stream->seed, stream->got++));
}

/* ---- ports ---- */

static void forget(struct model_number *number)
{
    number->ready = number->told_terminal = number->told_name = number->told_open = false;
}

/* Without control messages a port 0 is in use from the start. */
static void open_first(struct model *model)
{
    if (!model->multiport && model->number[0].generation)
        model->number[0].guest_open = true;
}

void model_reset(struct model *model, bool multiport)
{
    model->multiport = multiport;
    model->ready = model->broken = false;
    for (unsigned i = 0; i < MODEL_PORTS; i++) {
        model->number[i].known = 0;
        model->number[i].stray = false;
        model->number[i].guest_open = false;
        forget(&model->number[i]);
    }
    open_first(model);
}

void model_add(struct model *model, unsigned number, bool terminal, const char *name, bool has_chardev)
{
    struct model_number *at = &model->number[number];
    const unsigned generation = ++model->generations, known = at->known;
    const bool stray = at->stray;

    *at = (struct model_number){
        .generation = generation,
        .terminal = terminal,
        .has_chardev = has_chardev,
        .name = name,
        .open = terminal,
        .from_guest.seed = generation,
        .to_guest.seed = generation + 100,
        .known = known,
        .stray = stray,
        .wild = stray,
    };
    open_first(model);
}

void model_remove(struct model *model, unsigned number)
{
    const struct model_number *at = &model->number[number];

    model->number[number] = (struct model_number){ .known = at->known, .stray = at->stray };
}

void model_connect(struct model *model, unsigned number, bool connected)
{
    model->number[number].left |= model->number[number].open && !connected;
    model->number[number].open = connected;
}

void model_send(struct model *model, unsigned number)
{
    struct model_number *at = &model->number[number];

    at->stray |= !model->multiport || !at->known;
    at->wild |= at->stray;
}

bool model_is_for_port(const struct model *model, unsigned number)
{
    const struct model_number *at = &model->number[number];

    return at->generation && at->known == at->generation && at->has_chardev;
}

/* The driver knows a port that is not there any more. */
static bool is_gone(const struct model_number *number)
{
    return number->known && number->known != number->generation;
}

/* ---- messages ---- */

struct message {
    uint32_t number;
    uint16_t event, value;
};

static struct message parse(const uint8_t *at)
{
    return (struct message){
        .number = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24,
        .event = (uint16_t)(at[4] | at[5] << 8),
        .value = (uint16_t)(at[6] | at[7] << 8),
    };
}

void model_take(struct model *model, const uint8_t *bytes, size_t length)
{
    struct message message = { 0 };
    struct model_number *at;

    if (model->broken)
        return;
    if (length >= 8)
        message = parse(bytes);
    if (length < 8 ||
        (message.event != DEVICE_READY && message.event != PORT_READY && message.event != PORT_OPEN) ||
        (message.event != DEVICE_READY && message.number >= MODEL_PORTS)) {
        model->broken = true;
        return;
    }
    if (message.event == DEVICE_READY) {
        model->ready = message.value;
        return;
    }
    at = &model->number[message.number];
    if (!at->generation || is_gone(at))
        return;
    if (message.event == PORT_OPEN) {
        at->guest_open = message.value;
    } else {
        forget(at);
        at->ready = message.value;
    }
}

static void give_open(struct model_number *at, bool open)
{
    CHECK(open != at->told_open);
    CHECK(open ? at->open : !at->open || at->left);
    at->left = false;
    at->told_open = open;
}

void model_give(struct model *model, const uint8_t *bytes, size_t length)
{
    const struct message message = parse(bytes);
    struct model_number *at;

    CHECK(length >= 8 && model->multiport && model->ready && message.number < MODEL_PORTS);
    at = &model->number[message.number];
    if (message.event == PORT_ADD) {
        CHECK(!at->known && at->generation);
        at->known = at->generation;
        forget(at);
        return;
    }
    CHECK(at->known);
    if (message.event == PORT_REMOVE) {
        CHECK(is_gone(at));
        at->known = 0;
        at->stray = false; /* they are dropped */
        forget(at);
        return;
    }
    CHECK(at->known == at->generation && at->ready);
    if (message.event == CONSOLE_PORT) {
        CHECK(at->terminal && !at->told_terminal);
        at->told_terminal = true;
    } else if (message.event == PORT_NAME) {
        CHECK(at->name && !at->told_name && length == 8 + strlen(at->name) &&
              memcmp(bytes + 8, at->name, strlen(at->name)) == 0);
        at->told_name = true;
    } else {
        CHECK(message.event == PORT_OPEN);
        give_open(at, message.value);
    }
}

void model_check_all_said(const struct model *model)
{
    for (unsigned i = 0; model->multiport && model->ready && i < MODEL_PORTS; i++) {
        const struct model_number *at = &model->number[i];

        CHECK(at->known == at->generation);
        if (!at->generation || !at->ready)
            continue;
        CHECK(at->told_terminal == at->terminal);
        CHECK(at->told_name == (at->name != NULL));
        CHECK(at->told_open == at->open);
        CHECK(!at->told_open || !at->left); /* who has left was told of, although somebody else is there */
    }
}
