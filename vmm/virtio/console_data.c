/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes between a port's queues and its pipes.
 *
 * Threads: the I/O thread's, but for the pipes, which are used under their port's lock.
 */
#include <string.h>

#include "virtio/console.h"

#define PIECE 4096u
/* Requests at a time, so that no port keeps the thread from others for long. */
#define BATCH 64u

/* ---- pipes ---- */

void console_pipe_put(struct console_pipe *pipe, const uint8_t *bytes, uint32_t length)
{
    const uint32_t at = (pipe->first + pipe->count) % CONSOLE_PIPE;
    const uint32_t straight = length < CONSOLE_PIPE - at ? length : CONSOLE_PIPE - at;

    memcpy(pipe->bytes + at, bytes, straight);
    memcpy(pipe->bytes, bytes + straight, length - straight);
    pipe->count += length;
}

uint32_t console_pipe_take(struct console_pipe *pipe, uint8_t *bytes, uint32_t length)
{
    uint32_t straight;

    if (length > pipe->count)
        length = pipe->count;
    straight = length < CONSOLE_PIPE - pipe->first ? length : CONSOLE_PIPE - pipe->first;
    memcpy(bytes, pipe->bytes + pipe->first, straight);
    memcpy(bytes + straight, pipe->bytes, length - straight);
    pipe->first = (pipe->first + length) % CONSOLE_PIPE;
    pipe->count -= length;
    return length;
}

static void wake_main(struct console_port *port)
{
    loop_post(port->device.board->loop, &port->work);
}

void console_set_guest_open(struct console_port *port, bool open)
{
    pthread_mutex_lock(&port->lock);
    port->guest_open = open;
    pthread_mutex_unlock(&port->lock);
    wake_main(port);
}

/* ---- to the guest ---- */

/* Bytes for one buffer; 0: there are none, or the driver has not opened the port. */
static uint32_t take(struct console_port *port, uint8_t *bytes, uint32_t length)
{
    bool has_room = false;

    pthread_mutex_lock(&port->lock);
    length = port->guest_open ? console_pipe_take(&port->to_guest, bytes, length) : 0;
    if (port->to_guest_stopped && console_pipe_room(&port->to_guest) >= CHANNEL_INPUT_MAX) {
        port->to_guest_stopped = false;
        has_room = true;
    }
    pthread_mutex_unlock(&port->lock);
    if (has_room)
        wake_main(port);
    return length;
}

static bool has_bytes(struct console_port *port)
{
    bool has;

    pthread_mutex_lock(&port->lock);
    has = port->guest_open && port->to_guest.count > 0;
    pthread_mutex_unlock(&port->lock);
    return has;
}

bool console_receive(struct console *console, unsigned number, struct virtio_queue *queue)
{
    struct console_port *port = console->slots[number].port;

    for (unsigned i = 0; i < BATCH; i++) {
        struct virtio_request *request;
        uint8_t bytes[PIECE];
        uint32_t length;

        if (!port || !has_bytes(port))
            return false;
        request = virtio_queue_pop(queue);
        if (!request)
            return true;
        length = take(port, bytes, request->in_bytes < PIECE ? (uint32_t)request->in_bytes : PIECE);
        virtio_queue_push(request, (uint32_t)virtio_request_write(request, 0, bytes, length));
    }
    return true;
}

/* ---- from the guest ---- */

static uint32_t room_of(struct console_port *port)
{
    uint32_t room;

    pthread_mutex_lock(&port->lock);
    room = console_pipe_room(&port->from_guest);
    port->from_guest_stopped = room == 0;
    pthread_mutex_unlock(&port->lock);
    return room;
}

static void put(struct console_port *port, const uint8_t *bytes, uint32_t length)
{
    pthread_mutex_lock(&port->lock);
    console_pipe_put(&port->from_guest, bytes, length);
    pthread_mutex_unlock(&port->lock);
}

/* One piece of a request, from `*sent` on, which moves. False: there is no room for more. */
static bool send_piece(struct console_port *port, const struct virtio_request *request, uint64_t *sent)
{
    const uint32_t room = room_of(port);
    uint8_t bytes[PIECE];
    size_t length = room < PIECE ? room : PIECE;

    if (room == 0)
        return false;
    length = virtio_request_read(request, *sent, bytes, length);
    put(port, bytes, (uint32_t)length);
    /* What the host cannot read, or a guest that changes its queue has made shorter, ends the request. */
    *sent = length > 0 ? *sent + length : UINT64_MAX;
    return true;
}

/* The next request, as far as there is room for it, and at most `*left` bytes. False: it stays in the queue,
 * and the rest of it follows. */
static bool send_request(struct console_slot *slot, const struct virtio_request *request, uint32_t *left)
{
    /* As long as the driver does not know that a port is gone, its bytes are not for the one that followed.
     */
    struct console_port *port = slot->gone ? NULL : slot->port;

    while (port && port->chardev && slot->sent < request->out_bytes) {
        const uint64_t before = slot->sent;

        if (*left == 0 || !send_piece(port, request, &slot->sent))
            return false;
        *left = slot->sent - before < *left ? *left - (uint32_t)(slot->sent - before) : 0;
    }
    slot->sent = 0;
    return true;
}

/* Once around the ring at most: the driver may fill it meanwhile. */
bool console_drop(struct console *console, unsigned number)
{
    const unsigned index = console_queue_from_guest(number);
    struct virtio_queue *queue = virtio_device_queue(&console->virtio, index);
    struct virtio_request *request;

    for (unsigned i = 0; i < queue->layout.size && (request = virtio_queue_pop(queue)) != NULL; i++)
        virtio_queue_push(request, 0);
    if (queue->starved)
        virtio_device_kick(&console->virtio, index);
    return !queue->starved;
}

/* Where nobody is at the other end the driver's bytes are dropped, as by QEMU: it has been told. */
bool console_send(struct console *console, unsigned number, struct virtio_queue *queue)
{
    struct console_slot *slot = &console->slots[number];
    struct virtio_request *request = NULL;
    uint32_t left = CONSOLE_PIPE;
    bool whole = true;

    for (unsigned i = 0; i < BATCH && whole && (request = virtio_queue_pop(queue)) != NULL; i++) {
        whole = send_request(slot, request, &left);
        if (whole)
            virtio_queue_push(request, 0);
        else
            virtio_queue_unpop(request);
    }
    if (slot->port && left < CONSOLE_PIPE)
        wake_main(slot->port);
    if (slot->gone && !queue->starved) /* console_drop() may have failed */
        virtio_device_kick(&console->virtio, CONSOLE_CONTROL_IN);
    if (!whole && left == 0) /* others get their turn */
        virtio_device_kick(&console->virtio, queue->index);
    return whole;
}
