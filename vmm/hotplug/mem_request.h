/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest asks of a virtio-mem device (VIRTIO 1.2, 5.15.6), and the answer; without effects.
 *
 * Threads: the one that plugs blocks.
 */
#ifndef VMM_HOTPLUG_MEM_REQUEST_H
#define VMM_HOTPLUG_MEM_REQUEST_H

#include <stdint.h>

#include "memory/guest_blocks.h"

#define MEM_REQUEST_SIZE 24u  /* bytes that the driver sends, */
#define MEM_RESPONSE_SIZE 10u /* and that it receives */

enum mem_request_type { MEM_PLUG, MEM_UNPLUG, MEM_UNPLUG_ALL, MEM_STATE };
enum mem_response { MEM_ACK, MEM_NACK, MEM_BUSY, MEM_ERROR };
enum mem_state { MEM_PLUGGED, MEM_UNPLUGGED, MEM_MIXED };

struct mem_request {
    uint16_t type;
    uint64_t addr;  /* guest-physical */
    uint16_t count; /* of blocks */
};

/* All in bytes, as in configuration space. */
struct mem_sizes {
    uint64_t addr;   /* of the device's memory, guest-physical */
    uint64_t region; /* its size */
    uint64_t usable; /* the part of it, from the beginning, where blocks can be plugged */
    uint64_t plugged;
    uint64_t requested;
};

/* The answer; with MEM_ACK to PLUG, UNPLUG and UNPLUG_ALL, what is to be done first: with these blocks. */
struct mem_verdict {
    uint16_t type;
    uint16_t response;
    uint16_t state; /* of MEM_ACK to STATE */
    uint32_t first, count;
};

void mem_request_read(const uint8_t bytes[MEM_REQUEST_SIZE], struct mem_request *request);
void mem_response_write(const struct mem_verdict *verdict, uint8_t bytes[MEM_RESPONSE_SIZE]);

void mem_request_judge(const struct mem_request *request, const struct mem_sizes *sizes,
                       const struct guest_blocks *blocks, struct mem_verdict *verdict);

/* The usable size that belongs to a requested size: some more, so that a driver that cannot use a part of its
 * memory has others; and nothing if nothing is requested. */
uint64_t mem_usable_size(uint64_t requested, uint64_t region, uint64_t block_size);

#endif
