/* SPDX-License-Identifier: BSD-2-Clause */
#include "console_world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device/type.h"

extern const struct device_type virtio_serial_pci_type;

/* Each queue's descriptors, available ring and used ring, and its buffers. */
#define RING_STEP 0x200u
#define AVAILABLE 0x80u
#define USED 0x100u
#define BUFFERS (RING_A + 0x2000)

static uint64_t ring_of(unsigned queue)
{
    return RING_A + (uint64_t)queue * RING_STEP;
}

static uint64_t buffer_of(unsigned queue, unsigned slot)
{
    return BUFFERS + ((uint64_t)queue * WORLD_QUEUE_SIZE + slot) * WORLD_BUFFER;
}

static const struct virtio_device_type *type(void)
{
    return virtio_serial_pci_type.virtio;
}

static void on_broken(void *opaque, const char *why)
{
    struct console_world *world = opaque;

    (void)why;
    world->breaks++;
}

static void on_interrupt(void *opaque, struct virtio_queue *queue)
{
    (void)opaque, (void)queue;
}

static void start(struct console_world *world, bool multiport)
{
    struct error error;

    world->console.virtio.accepted = VIRTIO_F_VERSION_1 | (multiport ? CONSOLE_F_MULTIPORT : 0);
    world->console.virtio.running = true;
    world->breaks = 0;
    for (unsigned i = 0; i < WORLD_QUEUES; i++) {
        const uint64_t at = ring_of(i);
        const struct virtio_queue_layout layout = { WORLD_QUEUE_SIZE, at, at + AVAILABLE, at + USED };

        memset(ring_at(&world->guest, at), 0, RING_STEP);
        world->queues[i] = (struct world_queue){ 0 };
        if (!virtio_queue_start(&world->links[i].queue, &layout, false, false, sizeof(struct virtio_request),
                                &error))
            abort();
    }
    type()->started(&world->console.virtio);
}

static void stop(struct console_world *world)
{
    type()->reset(&world->console.virtio);
    world->console.virtio.running = false;
    for (unsigned i = 0; i < WORLD_QUEUES; i++)
        virtio_queue_stop(&world->links[i].queue);
}

/* One thread and its doorbells serve all worlds that there are, one after the other. */
static struct io_thread *io_thread(void)
{
    static struct io_thread *thread;
    struct error error;

    if (!thread && !(thread = io_thread_create(&error)))
        abort();
    return thread;
}

static int bell_of(unsigned queue)
{
    static int bells[WORLD_QUEUES];
    uint64_t rings;

    if (!bells[queue])
        bells[queue] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bells[queue] < 0)
        abort();
    while (read(bells[queue], &rings, sizeof rings) == (ssize_t)sizeof rings)
        ; /* that the last world has rung */
    return bells[queue];
}

void console_world_make(struct console_world *world, bool multiport)
{
    const struct virtio_queue_owner owner = { on_broken, on_interrupt, NULL, world };
    struct virtio_device *device = &world->console.virtio;

    memset(world, 0, sizeof *world);
    ring_world_make(&world->guest);
    world->board.loop = world->guest.loop;
    world->console.values.max_ports = WORLD_PORTS;
    world->console.slots = calloc(WORLD_PORTS, sizeof *world->console.slots);
    if (!world->console.slots)
        abort();
    device->io = io_thread();
    device->queues = world->links;
    device->queue_count = WORLD_QUEUES;
    for (unsigned i = 0; i < WORLD_QUEUES; i++) {
        world->links[i].device = device;
        world->links[i].bell = bell_of(i);
        virtio_queue_init(&world->links[i].queue, i, world->guest.map,
                          guest_memory_holder(world->guest.map, "serial"), &owner);
    }
    start(world, multiport);
}

void console_world_end(struct console_world *world)
{
    stop(world);
    free(world->console.slots);
    ring_world_end(&world->guest);
}

void console_world_reset(struct console_world *world, bool multiport)
{
    stop(world);
    start(world, multiport);
}

/* ---- ports ---- */

struct console_port *console_world_add(struct console_world *world, unsigned number, bool terminal,
                                       const char *name, struct chardev *chardev)
{
    struct console_port *port = calloc(1, sizeof *port);

    if (!port)
        abort();
    port->device.board = &world->board;
    port->console = &world->console;
    port->chardev = chardev;
    port->values.number = number;
    port->values.name = (char *)(uintptr_t)name;
    port->terminal = port->host_open = terminal;
    port->work = (struct work){ .run = console_port_work, .opaque = port };
    pthread_mutex_init(&port->lock, NULL);
    console_put_port(&world->console, port);
    return port;
}

void console_world_remove(struct console_port *port)
{
    console_take_port(port->console, port);
    loop_cancel(port->device.board->loop, &port->work);
    timer_cancel(&port->quiet);
    pthread_mutex_destroy(&port->lock);
    free(port);
}

/* ---- the driver ---- */

bool console_world_offer(struct console_world *world, unsigned queue, const void *bytes, uint32_t length)
{
    struct world_queue *at = &world->queues[queue];
    const unsigned slot = at->offered % WORLD_QUEUE_SIZE;
    const uint64_t ring = ring_of(queue), buffer = buffer_of(queue, slot);

    if ((uint16_t)(at->offered - at->used) == WORLD_QUEUE_SIZE)
        return false;
    if (bytes)
        memcpy(ring_at(&world->guest, buffer), bytes, length);
    ring_descriptor(&world->guest, ring, slot, buffer, length, bytes ? 0 : 2, 0);
    ring_write16(&world->guest, ring + AVAILABLE + 4 + 2 * (uint64_t)slot, (uint16_t)slot);
    ring_write16(&world->guest, ring + AVAILABLE + 2, ++at->offered);
    virtio_device_kick(&world->console.virtio, queue);
    return true;
}

bool console_world_used(struct console_world *world, unsigned queue, uint8_t bytes[WORLD_BUFFER],
                        uint32_t *length)
{
    struct world_queue *at = &world->queues[queue];
    const unsigned slot = at->used % WORLD_QUEUE_SIZE;
    const uint64_t ring = ring_of(queue) + USED;

    if (ring_read16(&world->guest, ring + 2) == at->used)
        return false;
    if (ring_read32(&world->guest, ring + 4 + 8 * (uint64_t)slot) != slot)
        abort(); /* they end in order */
    *length = ring_read32(&world->guest, ring + 8 + 8 * (uint64_t)slot);
    if (*length > WORLD_BUFFER)
        abort();
    memcpy(bytes, ring_at(&world->guest, buffer_of(queue, slot)), WORLD_BUFFER);
    at->used++;
    return true;
}

/* ---- the I/O thread ---- */

bool console_world_serve(struct console_world *world, unsigned queue)
{
    struct virtio_device *device = &world->console.virtio;
    struct virtio_queue *at = &world->links[queue].queue;
    bool emptied, more;
    uint64_t rings;

    if (read(world->links[queue].bell, &rings, sizeof rings) != (ssize_t)sizeof rings)
        return false;
    if (world->breaks > 0)
        return true;
    virtio_queue_silence(at);
    emptied = type()->handle(device, at);
    more = virtio_queue_listen(at);
    if (emptied && more)
        virtio_device_kick(device, queue);
    return true;
}

void console_world_settle(struct console_world *world)
{
    bool more = true;

    while (more) {
        more = false;
        for (unsigned i = 0; i < WORLD_QUEUES; i++)
            more |= console_world_serve(world, i);
        loop_once(world->guest.loop, 0);
    }
    /* What the last round has posted. */
    for (unsigned i = 0; i < 2; i++)
        loop_once(world->guest.loop, 0);
}
