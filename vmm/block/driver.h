/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The drivers of block nodes, and the conversion of properties to a node's specification.
 *
 * Threads: main thread only.
 */
#ifndef VMM_BLOCK_DRIVER_H
#define VMM_BLOCK_DRIVER_H

#include "block/node_state.h"

struct json_object;

/* The properties of one node in -blockdev. */
struct block_spec {
    const struct block_driver *driver;
    char *node_name, *filename, *discard, *detect_zeroes, *aio, *locking;
    char *file; /* the name of the node below */
    bool read_only, auto_read_only, direct, no_flush, read_zeroes;
    uint64_t size, latency;
    bool unmap; /* the words above, read */
    enum block_aio aio_kind;
    enum block_locking locking_kind;
};

/* Driver number `index`; NULL after the last. */
const struct block_driver *block_driver_at(size_t index);

/* The properties whose names begin with "file.", without that prefix, as a new object; NULL: there are none.
 */
struct json_object *block_below(struct json_object *flat);

/* Whether it can be the name of a node; NULL is none. */
bool block_name_check(const char *name, struct error *error);

/* Read a flat bag, but for what is meant for the node below. `nested`: it is for such a node, and needs no
 * name. What was allocated goes with block_spec_free(), also after a failure. */
bool block_spec_read(struct props flat, bool nested, struct block_spec *spec, struct error *error);
void block_spec_free(struct block_spec *spec);

/* Check a flat bag of an image that qemu-storage-daemon serves, and the nodes below it: the properties that
 * nodes of hotram's own have, too, are read by the same tables; the daemon judges the others, and nodes of
 * drivers that hotram lacks. *read_only is that property of the image. */
bool block_image_check(struct props flat, bool *read_only, struct error *error);

#endif
