/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved form of a console device and its ports. Whether a client is at a port's chardev is the host's
 * concern, of which the driver is informed as ever; bytes between the two are saved.
 */
#include "virtio/console_saved.h"

#include <string.h>

#include "base/text.h"
#include "device/device.h"

/* ---- the controller ---- */

enum { ADDED = 1, GONE = 2, READY = 4, TOLD_TERMINAL = 8, TOLD_NAME = 16, TOLD_OPEN = 32 };
#define SLOT_BITS 63u

static const struct state_field fields[] = {
    STATE_ARRAY(struct virtio_console_state, sent, 1, UINT64_MAX),
    STATE_ARRAY(struct virtio_console_state, slots, 1, SLOT_BITS),
    STATE_FIELD(struct virtio_console_state, ready, 1, 1),
};

const struct state_table virtio_console_state_table = STATE_TABLE("virtio-console", 1,
                                                                  struct virtio_console_state, fields);

void console_save(struct virtio_device *device, void *opaque)
{
    const struct console *console = (const void *)device;
    struct virtio_console_state *state = opaque;

    state->ready = console->ready;
    for (unsigned i = 0; i < console->values.max_ports; i++) {
        const struct console_slot *slot = &console->slots[i];

        state->sent[i] = slot->sent;
        state->slots[i] = (uint8_t)((slot->added ? ADDED : 0) | (slot->gone ? GONE : 0) |
                                    (slot->ready ? READY : 0) | (slot->told_terminal ? TOLD_TERMINAL : 0) |
                                    (slot->told_name ? TOLD_NAME : 0) | (slot->told_open ? TOLD_OPEN : 0));
    }
}

bool console_check_state(const struct virtio_device *device, uint64_t accepted, const void *opaque,
                         struct error *error)
{
    const struct virtio_console_state *state = opaque;
    const uint32_t most = ((const struct console *)(const void *)device)->values.max_ports;

    (void)accepted;
    for (unsigned i = most; i < CONSOLE_PORTS_MAX; i++)
        if (state->slots[i] || state->sent[i])
            return error_set(error, "it has a port %u; max_ports is %u", i, most);
    return true;
}

void console_continued(struct virtio_device *device, const void *opaque)
{
    const struct virtio_console_state *state = opaque;
    struct console *console = (void *)device;

    console->ready = state->ready;
    for (unsigned i = 0; i < console->values.max_ports; i++) {
        const uint8_t bits = state->slots[i];

        console->slots[i] = (struct console_slot){ .port = console->slots[i].port,
                                                   .sent = state->sent[i],
                                                   .added = bits & ADDED,
                                                   .gone = bits & GONE,
                                                   .ready = bits & READY,
                                                   .told_terminal = bits & TOLD_TERMINAL,
                                                   .told_name = bits & TOLD_NAME,
                                                   .told_open = bits & TOLD_OPEN };
    }
}

/* ---- ports ---- */

static const struct state_field port_fields[] = {
    STATE_FIELD(struct virtio_port_state, to_guest, 1, UINT32_MAX),
    STATE_FIELD(struct virtio_port_state, from_guest, 1, UINT32_MAX),
    STATE_FIELD(struct virtio_port_state, guest_open, 1, 1),
};

const struct state_table virtio_port_state_table = STATE_TABLE("virtio-port", 1, struct virtio_port_state,
                                                               port_fields);

static const struct state_field bytes_fields[] = {
    STATE_ARRAY(struct virtio_port_bytes_state, bytes, 1, UINT8_MAX),
};

const struct state_table virtio_port_bytes_state_table = STATE_TABLE(
    "virtio-port-bytes", 1, struct virtio_port_bytes_state, bytes_fields);

const struct state_table *console_port_part(const struct device *device, unsigned index)
{
    (void)device;
    return index == 0 ? &virtio_port_state_table : index == 1 ? &virtio_port_bytes_state_table : NULL;
}

void console_port_summary(const struct device *device, struct text *text)
{
    const struct console_port *port = (const void *)device;

    text_printf(text, " at %.100s, nr %u%s%.200s", port->console->bus.name, port->values.number,
                port->values.name ? ", name " : "", port->values.name ? port->values.name : "");
}

/* Returns the number of the next part. */
static int save_pipe(const struct console_port *port, const struct console_pipe *pipe, int number,
                     struct hotram_buffer *out)
{
    for (uint32_t done = 0; done < pipe->count; done += VIRTIO_PORT_BYTES) {
        struct virtio_port_bytes_state state = { { 0 } };

        for (uint32_t i = 0; i < VIRTIO_PORT_BYTES && done + i < pipe->count; i++)
            state.bytes[i] = pipe->bytes[(pipe->first + done + i) % CONSOLE_PIPE];
        device_save_part(&port->device, &virtio_port_bytes_state_table, number++, &state, out);
    }
    return number;
}

bool console_port_save(struct device *device, struct hotram_buffer *out, struct error *error)
{
    struct console_port *port = (void *)device;
    struct virtio_port_state state;

    (void)error;
    pthread_mutex_lock(&port->lock);
    state = (struct virtio_port_state){ port->to_guest.count, port->from_guest.count, port->guest_open };
    device_save_part(device, &virtio_port_state_table, -1, &state, out);
    save_pipe(port, &port->from_guest, save_pipe(port, &port->to_guest, 0, out), out);
    pthread_mutex_unlock(&port->lock);
    return true;
}

/* `pipe` is NULL: only see whether that is possible. */
static bool restore_pipe(const struct console_port *port, struct console_pipe *pipe, uint32_t count,
                         int *number, struct hotram_saved *saved, struct error *error)
{
    if (pipe)
        pipe->first = pipe->count = 0;
    while (count > 0) {
        const uint32_t length = count < VIRTIO_PORT_BYTES ? count : VIRTIO_PORT_BYTES;
        struct virtio_port_bytes_state state;

        if (!device_restore_part(&port->device, &virtio_port_bytes_state_table, (*number)++, &state, saved,
                                 error))
            return false;
        if (pipe)
            console_pipe_put(pipe, state.bytes, length);
        count -= length;
    }
    return true;
}

bool console_port_restore(struct device *device, bool check, struct hotram_saved *saved, struct error *error)
{
    struct console_port *port = (void *)device;
    struct virtio_port_state state;
    char words[DEVICE_PATH_SIZE];
    int number = 0;
    bool good;

    if (!device_restore_part(device, &virtio_port_state_table, -1, &state, saved, error))
        return false;
    if (state.to_guest > CONSOLE_PIPE || state.from_guest > CONSOLE_PIPE)
        return error_set(error, "saved state of device '%.200s': more than %u bytes on their way",
                         device_words(device, words), CONSOLE_PIPE);
    pthread_mutex_lock(&port->lock);
    good = restore_pipe(port, check ? NULL : &port->to_guest, state.to_guest, &number, saved, error) &&
           restore_pipe(port, check ? NULL : &port->from_guest, state.from_guest, &number, saved, error);
    if (good && !check) {
        port->guest_open = state.guest_open;
        console_pipe_settle(port);
    }
    pthread_mutex_unlock(&port->lock);
    return good;
}

/* The chardev is read if there is room, and takes what is there; clients learn whether the port is open. */
void console_port_restored(struct device *device)
{
    struct console_port *port = (void *)device;

    console_port_read_on(port);
    loop_post(device->board->loop, &port->work);
}
