/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target of virtio-serial: a driver that sends any control messages, whenever it likes, while ports and
 * their clients come and go. What the device says is what the model (serial_model.h) lets it say; it breaks
 * when and only when the driver has said what no driver says; each byte arrives at the port for which it was
 * sent, or nowhere; and when doorbells that were rung have been answered, nothing is left to say or to move.
 */
#include "serial_model.h"

#include "../unit/vmm/console_world.h"

#include "chardev/internal.h"

#define MESSAGES 8u /* of the driver, in its queue */

/* A port, and the program at the other end of its chardev. */
struct end {
    struct channel channel; /* first */
    struct console_port *port;
    unsigned number;
    bool paused, blocked; /* it is not to send; it does not read */
};

static struct {
    struct console_world world;
    struct model model;
    struct end end[MODEL_PORTS];
    struct {
        uint8_t bytes[16];
        size_t length;
    } said[MESSAGES];
    unsigned said_count;
    unsigned rooms,
        short_rooms; /* buffers for messages in the queue; the first that is too short is this one */
} fixture;

/* ---- the main thread's side ---- */

static void on_write(struct channel *channel, const void *bytes, size_t length, bool may_drop)
{
    struct end *end = (void *)channel;
    struct model_number *number = &fixture.model.number[end->number];

    (void)may_drop;
    CHECK(number->generation);
    if (!number->wild)
        model_stream_check(&number->from_guest, bytes, length);
}

static size_t on_pending(const struct channel *channel)
{
    const struct end *end = (const void *)channel;

    return end->blocked ? CHANNEL_BUFFER_MAX : 0;
}

static void on_pause(struct channel *channel, bool paused)
{
    ((struct end *)(void *)channel)->paused = paused;
}

static const struct channel_type channel_type = { .write = on_write,
                                                  .pending = on_pending,
                                                  .pause = on_pause };

/* Almost full from the start, so that both sides have to wait. */
static void fill_pipe(struct console_pipe *pipe, struct model_stream *stream, struct input *input)
{
    uint8_t bytes[1024];
    uint32_t left = CONSOLE_PIPE - CHANNEL_INPUT_MAX - input_u8(input);

    pipe->first = (uint32_t)input_u8(input) << 8;
    while (left > 0) {
        const uint32_t piece = left < sizeof bytes ? left : sizeof bytes;

        model_stream_fill(stream, bytes, piece);
        console_pipe_put(pipe, bytes, piece);
        left -= piece;
    }
}

static void add(struct input *input)
{
    static const char *const names[] = { NULL, "n", "org.example.0" };
    const unsigned number = input_below(input, MODEL_PORTS);
    const uint8_t how = input_u8(input);
    const char *name = names[how % COUNT_OF(names)];
    const bool terminal = how & 0x80, has_chardev = !(how & 0x40);
    struct end *end = &fixture.end[number];
    struct model_number *at = &fixture.model.number[number];

    if (end->port)
        return;
    model_add(&fixture.model, number, terminal, name, has_chardev);
    *end = (struct end){ .channel.type = &channel_type, .number = number };
    end->port = console_world_add(&fixture.world, number, terminal, name, has_chardev ? (void *)end : NULL);
    if (!has_chardev)
        return;
    if (how & 0x20) {
        fill_pipe(&end->port->from_guest, &at->from_guest, input);
        fill_pipe(&end->port->to_guest, &at->to_guest, input);
    }
    console_chardev_ops.opened(end->port, &end->channel);
}

static void remove_port(unsigned number)
{
    struct end *end = &fixture.end[number];

    if (!end->port)
        return;
    console_world_remove(end->port);
    end->port = NULL;
    model_remove(&fixture.model, number);
}

static void connect_end(unsigned number, bool is)
{
    const struct end *end = &fixture.end[number];
    const struct model_number *at = &fixture.model.number[number];

    if (!end->port || !at->has_chardev || at->terminal || at->open == is)
        return;
    model_connect(&fixture.model, number, is);
    console_chardev_ops.connected(end->port, is);
}

static void write_to_guest(unsigned number, size_t length)
{
    const struct end *end = &fixture.end[number];
    uint8_t bytes[256];

    if (!end->port || !fixture.model.number[number].has_chardev || end->paused || length == 0)
        return;
    model_stream_fill(&fixture.model.number[number].to_guest, bytes, length);
    console_chardev_ops.input(end->port, bytes, length);
}

static void block(unsigned number, bool blocked)
{
    struct end *end = &fixture.end[number];

    if (!end->port || !fixture.model.number[number].has_chardev)
        return;
    end->blocked = blocked;
    if (!blocked)
        console_chardev_ops.drained(end->port);
}

/* ---- the driver ---- */

static void say(const uint8_t *bytes, size_t length)
{
    if (fixture.said_count == MESSAGES || length == 0 ||
        !console_world_offer(&fixture.world, CONSOLE_CONTROL_OUT, bytes, (uint32_t)length))
        return;
    memcpy(fixture.said[fixture.said_count].bytes, bytes, length);
    fixture.said[fixture.said_count++].length = length;
}

static void say_something(struct input *input)
{
    static const uint8_t events[] = { DEVICE_READY, PORT_READY, PORT_OPEN, PORT_OPEN };
    const uint8_t how = input_u8(input);
    uint8_t bytes[16] = { input_below(input, MODEL_PORTS), 0, 0, 0, events[how % 4], 0, how >> 7 & 1, 0 };
    size_t length = 8;

    if ((how & 0x7c) == 0x7c) { /* whatever it is */
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = input_u8(input);
        length = 1 + input_below(input, sizeof bytes);
    }
    say(bytes, length);
}

static void make_room(uint32_t length)
{
    if (length > 0 && console_world_offer(&fixture.world, CONSOLE_CONTROL_IN, NULL, length)) {
        fixture.rooms++;
        if (length < 8 && fixture.short_rooms == 0)
            fixture.short_rooms = fixture.rooms;
    }
}

static void send_to(unsigned number, size_t length)
{
    struct model_number *at = &fixture.model.number[number];
    struct model_stream before = at->from_guest;
    uint8_t bytes[256];

    if (length == 0)
        return;
    model_send(&fixture.model, number);
    memset(bytes, 0xee, sizeof bytes); /* for nobody */
    if (model_is_for_port(&fixture.model, number))
        model_stream_fill(&at->from_guest, bytes, length);
    if (!console_world_offer(&fixture.world, console_queue_from_guest(number), bytes, (uint32_t)length))
        at->from_guest = before;
}

/* ---- the I/O thread ---- */

static void hear(void)
{
    uint8_t bytes[WORLD_BUFFER];
    uint32_t length;

    while (console_world_used(&fixture.world, CONSOLE_CONTROL_IN, bytes, &length)) {
        fixture.rooms--;
        if (fixture.short_rooms > 0)
            fixture.short_rooms--;
        model_give(&fixture.model, bytes, length);
    }
}

static void receive(unsigned number)
{
    struct model_number *at = &fixture.model.number[number];
    uint8_t bytes[WORLD_BUFFER];
    uint32_t length;

    while (console_world_used(&fixture.world, console_queue_to_guest(number), bytes, &length)) {
        CHECK(length > 0 && at->guest_open);
        model_stream_check(&at->to_guest, bytes, length);
    }
}

static void collect(unsigned queue)
{
    uint8_t bytes[WORLD_BUFFER];
    uint32_t length;

    while (console_world_used(&fixture.world, queue, bytes, &length))
        CHECK(length == 0);
}

static bool serve(unsigned queue)
{
    struct model *model = &fixture.model;
    const unsigned breaks = fixture.world.breaks;
    const bool rang = console_world_serve(&fixture.world, queue);

    if (!rang || breaks > 0)
        return rang;
    if (queue == CONSOLE_CONTROL_IN) {
        hear();
        CHECK(fixture.world.breaks == 0 || fixture.short_rooms == 1);
        model->broken |= fixture.world.breaks > 0;
    } else if (queue == CONSOLE_CONTROL_OUT) {
        for (unsigned i = 0; model->multiport && i < fixture.said_count; i++)
            model_take(model, fixture.said[i].bytes, fixture.said[i].length);
        if (model->multiport)
            fixture.said_count = 0;
        collect(queue);
        CHECK((fixture.world.breaks > 0) == model->broken);
    } else if (queue % 2 == 0) {
        receive(queue == 0 ? 0 : queue / 2 - 1);
    } else {
        collect(queue);
    }
    return true;
}

/* What waited in the driver's queues is lost; what is in the pipes is not. */
static void reset(bool multiport)
{
    console_world_reset(&fixture.world, multiport);
    model_reset(&fixture.model, multiport);
    fixture.said_count = fixture.rooms = fixture.short_rooms = 0;
    for (unsigned i = 0; i < MODEL_PORTS; i++)
        if (fixture.end[i].port)
            fixture.model.number[i].from_guest.sent = fixture.model.number[i].from_guest.got +
                                                      fixture.end[i].port->from_guest.count;
}

/* ---- the end ---- */

static void serve_all(void)
{
    bool more = true;

    while (more) {
        more = false;
        for (unsigned i = 0; i < WORLD_QUEUES; i++)
            more |= serve(i);
        for (unsigned i = 0; i < 2; i++)
            loop_once(fixture.world.guest.loop, 0);
    }
}

static void settle(void)
{
    for (unsigned i = 0; i < MODEL_PORTS; i++)
        block(i, false);
    do {
        serve_all();
        make_room(32);
        for (unsigned i = 0; i < MODEL_PORTS; i++)
            console_world_offer(&fixture.world, console_queue_to_guest(i), NULL, WORLD_BUFFER);
    } while (serve(CONSOLE_CONTROL_IN) && fixture.world.breaks == 0 && fixture.rooms == 0);
    serve_all();
    if (fixture.model.broken)
        return;
    model_check_all_said(&fixture.model);
    for (unsigned i = 0; i < MODEL_PORTS; i++) {
        const struct model_number *at = &fixture.model.number[i];
        const struct end *end = &fixture.end[i];

        if (!end->port)
            continue;
        CHECK(end->port->guest_open == at->guest_open);
        CHECK(at->wild || at->from_guest.got == at->from_guest.sent);
        CHECK(end->port->from_guest.count == 0);
    }
}

static void operate(struct input *input)
{
    const uint8_t what = input_u8(input);
    const unsigned number = what >> 4 & 3;

    switch (what & 15) {
    case 0:
        add(input);
        break;
    case 1:
        remove_port(number);
        break;
    case 2:
        connect_end(number, what & 0x40);
        break;
    case 3:
        write_to_guest(number, input_u8(input));
        break;
    case 4:
        block(number, what & 0x40);
        break;
    case 5:
    case 6:
        say_something(input);
        break;
    case 7:
        make_room((what & 0xf0) == 0xf0 ? 7 : 32);
        break;
    case 8:
        send_to(number, input_u8(input));
        break;
    case 9:
        console_world_offer(&fixture.world, console_queue_to_guest(number), NULL, 1 + input_u8(input));
        break;
    case 10:
        loop_once(fixture.world.guest.loop, 0);
        break;
    case 11:
        reset(what & 0x70);
        break;
    case 12:
        settle();
        break;
    default:
        serve(input_below(input, WORLD_QUEUES));
    }
    if (what >> 7) /* mostly at once */
        serve(CONSOLE_CONTROL_OUT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };

    memset(&fixture, 0, sizeof fixture);
    console_world_make(&fixture.world, true);
    model_reset(&fixture.model, true);
    while (input.left > 0)
        operate(&input);
    settle();
    for (unsigned i = 0; i < MODEL_PORTS; i++)
        remove_port(i);
    console_world_end(&fixture.world);
    return 0;
}
