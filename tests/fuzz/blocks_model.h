/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio-mem device's blocks, said once more: written from VIRTIO 1.2, 5.15.6, with a byte for each block
 * and sums of 128 bits.
 */
#ifndef TESTS_FUZZ_BLOCKS_MODEL_H
#define TESTS_FUZZ_BLOCKS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_BLOCKS_MAX 300u

struct model {
    uint64_t addr, block, count; /* the device's region: bytes, bytes, blocks */
    uint64_t usable, requested;  /* bytes */
    bool plugged[MODEL_BLOCKS_MAX];
    unsigned leases[MODEL_BLOCKS_MAX];
};

/* What the device answers, as it has to write it. */
struct model_answer {
    unsigned response; /* 0 ACK, 1 NACK, 2 BUSY, 3 ERROR */
    unsigned state;    /* of ACK to a request for the state: 0 plugged, 1 unplugged, 2 mixed */
};

uint64_t model_plugged(const struct model *model); /* bytes */

/* A driver's request of 24 bytes: the answer, and the blocks are then as it says. */
struct model_answer model_request(struct model *model, const uint8_t *bytes);

/* The host requests another size, of whole blocks within the region. */
void model_resize(struct model *model, uint64_t requested);

/* The machine starts anew. */
void model_reset(struct model *model);

/* A device is to use bytes from an offset on: how many it can use. And then no longer. */
uint64_t model_lease(struct model *model, uint64_t offset, uint64_t length);
void model_return(struct model *model, uint64_t offset, uint64_t length);

#endif
