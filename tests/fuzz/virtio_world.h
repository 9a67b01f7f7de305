/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine with one virtio device, whose driver is the test: the guest's accesses to it, and the guest's
 * memory. For the fuzz target.
 */
#ifndef TESTS_FUZZ_VIRTIO_WORLD_H
#define TESTS_FUZZ_VIRTIO_WORLD_H

#include "input.h"

#include "base/loop.h"
#include "device/board.h"
#include "kvm/vm.h"
#include "memory/guest_memory.h"
#include "virtio/device.h"
#include "virtio_model.h"

/* Of the device's structures, in its BAR. */
#define ISR 0x1000u
#define CONFIG 0x2000u
#define NOTIFY 0x3000u

/* Memory: two pieces side by side, a gap, and one that is only read. */
#define REGIONS 3u
#define A UINT64_C(0x10000)
#define B (A + SIZE)
#define ROM UINT64_C(0x40000)
#define SIZE UINT64_C(0x10000)
#define RING(queue) (A + 0x1000 * (uint64_t)(queue)) /* descriptors; the rings are behind them */
#define AVAILABLE 0x400u
#define USED 0x600u
#define TABLE (A + 0x9000) /* of indirect descriptors */
#define BUFFER (A + 0xa000)
#define PAGE (A + 0xf000)
#define QUEUE_SIZE 16u
#define PARTS 3u /* of a request, at most */

struct part {
    uint32_t length;
    bool write;
};

/* A device, and a request that it serves: the queue, the bytes that begin it, and its parts. */
struct kind {
    const char *driver;
    uint64_t features; /* besides VERSION_1 */
    unsigned queue;
    uint8_t bytes[16];
    struct part parts[PARTS];
    uint32_t written;
};

extern struct world {
    struct vm vm;
    struct loop *loop;
    struct bus bus;
    struct board board;
    struct guest_memory *map;
    struct guest_region *region[REGIONS]; /* NULL: removed */
    uint8_t *memory[REGIONS];
    unsigned gone;
    const struct kind *kind;
    struct virtio_device *device;
    struct virtio_model model;
    bool stands_still;
} world;

/* What has been told of the guest since the machine's last reset. */
extern _Atomic unsigned warnings;

/* A new machine, whose driver has done nothing yet; and its end. */
void world_create(const struct kind *kind);
void world_destroy(void);
/* As system_reset does, with the BARs in their places. */
void reset_machine(void);
/* Save the device, and restore it into a new one of its kind. If `changes` is not 0, that is first tried with
 * that many bits of the saved states changed: it refuses them, or becomes a device in which the driver reads
 * nothing that the specification does not permit. */
void move(struct input *input, unsigned changes);
/* The guest stands still, or goes on. */
void run(bool runs);
/* What was asked for by now has been looked at. */
void settle(void);

/* The guest's accesses to the device's structures, and to its configuration space. */
uint32_t get(unsigned offset, unsigned width);
void put(unsigned offset, unsigned width, uint32_t value);
void put_config_space(unsigned offset, unsigned width, uint32_t value);
/* To the common configuration: the model sees it, too; what is read is what the model says. */
void put_register(unsigned offset, unsigned width, uint32_t value);
void check_register(unsigned offset, unsigned width);

/* Memory; where there is none, what is stored is lost. */
void store(uint64_t address, const void *bytes, size_t length);
uint64_t load(uint64_t address, unsigned bytes);
void descriptor(uint64_t table, unsigned index, uint64_t address, uint32_t length, uint16_t flags,
                uint16_t next);
/* Make a chain available in a ring where RING() says. */
void offer(unsigned queue, uint16_t head);
void remove_region(unsigned region);

#endif
