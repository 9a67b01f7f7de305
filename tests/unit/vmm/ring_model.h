/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest with virtqueues: its memory in several regions, a driver's side of a ring, and a second opinion of
 * what a device must make of it, written from the text of virtio 1.2, 2.7. For the unit test and the fuzz
 * target.
 */
#ifndef TESTS_UNIT_VMM_RING_MODEL_H
#define TESTS_UNIT_VMM_RING_MODEL_H

#include "kvm/vm.h"
#include "memory/guest_memory.h"
#include "virtio/queue.h"

/* Two pieces of memory side by side, a gap, and one that can only be read. */
#define RING_REGIONS 3u
#define RING_A UINT64_C(0x1000)
#define RING_A_SIZE UINT64_C(0x8000)
#define RING_B (RING_A + RING_A_SIZE)
#define RING_B_SIZE UINT64_C(0x4000)
#define RING_ROM UINT64_C(0x20000)
#define RING_ROM_SIZE UINT64_C(0x1000)

struct ring_world {
    struct loop *loop;
    struct vm vm;
    struct guest_memory *map;
    struct guest_region *region[RING_REGIONS]; /* NULL: removed */
    uint8_t *memory[RING_REGIONS];
    struct virtio_queue queue;
    unsigned breaks, interrupts;
    char why[160];
    unsigned gone; /* regions that are */
};

/* The map with all three regions, and a queue that does not run. */
void ring_world_make(struct ring_world *world);
/* The queue has stopped. */
void ring_world_end(struct ring_world *world);
/* Take a region out; world->gone counts on when it is. */
void ring_world_remove(struct ring_world *world, unsigned region);
/* The host's address of the guest's, or NULL. */
void *ring_at(const struct ring_world *world, uint64_t address);

/* The driver's writes; where no memory is they are lost. */
void ring_write16(struct ring_world *world, uint64_t address, uint16_t value);
uint16_t ring_read16(const struct ring_world *world, uint64_t address);
uint32_t ring_read32(const struct ring_world *world, uint64_t address);
void ring_descriptor(struct ring_world *world, uint64_t table, unsigned index, uint64_t address,
                     uint32_t length, unsigned flags, unsigned next);
/* Make a chain available that begins at a descriptor. */
void ring_offer(struct ring_world *world, unsigned head);

/* What the next pop must come to. */
enum ring_verdict { RING_EMPTY, RING_BROKEN, RING_REQUEST };
struct ring_buffer {
    uint64_t address;
    uint32_t length;
    bool write;
};
struct ring_judgement {
    enum ring_verdict verdict;
    uint16_t head;
    unsigned count;
    struct ring_buffer buffer[VIRTIO_DESCRIPTORS_MAX];
};
void ring_judge(const struct ring_world *world, struct ring_judgement *judgement);
/* Whether a request is what was judged, byte by byte of host memory. */
bool ring_matches(const struct ring_world *world, const struct ring_judgement *judgement,
                  const struct virtio_request *request);

#endif
