/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver reads in the common configuration structure of a virtio device, written from the text of
 * VIRTIO 1.2, 4.1.4.3 and 2.1, without a line of the program's.
 */
#ifndef TESTS_FUZZ_VIRTIO_MODEL_H
#define TESTS_FUZZ_VIRTIO_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_QUEUES 8u
#define MODEL_NO_VECTOR 0xffffu

enum { STATUS_DRIVER_OK = 4, STATUS_FEATURES_OK = 8, STATUS_NEEDS_RESET = 64 };

struct virtio_model {
    /* Of the device, and fixed: */
    uint64_t offered;
    unsigned queues, vectors;
    uint16_t size_max[MODEL_QUEUES];
    /* What the driver has written: */
    uint64_t accepted;
    uint32_t device_select, driver_select;
    uint16_t config_vector, select;
    uint8_t status; /* without NEEDS_RESET, which comes when it comes */
    struct {
        uint16_t size, vector;
        bool enabled;
        uint64_t address[3]; /* descriptors, available ring, used ring */
    } queue[MODEL_QUEUES];
};

void virtio_model_reset(struct virtio_model *model);
void virtio_model_write(struct virtio_model *model, unsigned offset, unsigned width, uint32_t value);
/* False: it can be anything. */
bool virtio_model_read(const struct virtio_model *model, unsigned offset, unsigned width, uint32_t *value);

#endif
