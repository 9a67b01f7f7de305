/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio/chain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct virtio_descriptor) == 16, "as in 2.7.5");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are little-endian, and read as they are");

static bool __attribute__((format(printf, 2, 3))) wrong(struct virtio_chain *chain, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(chain->why, sizeof chain->why, format, arguments);
    va_end(arguments);
    return false;
}

/* A descriptor that leads to a table of others (2.7.5.3.1). */
static bool follow_table(struct virtio_chain *chain, const struct virtio_descriptor *table, bool allowed)
{
    if (!allowed)
        return wrong(chain, "an indirect descriptor, in an indirect table or without the feature");
    if (table->flags & VIRTIO_DESCRIPTOR_NEXT)
        return wrong(chain, "an indirect descriptor that has a next one");
    if (table->length == 0 || table->length % sizeof *table != 0)
        return wrong(chain, "an indirect table of %u bytes, not a multiple of 16", table->length);
    if (table->length / sizeof *table > VIRTIO_DESCRIPTORS_MAX)
        return wrong(chain, "an indirect table of %zu descriptors, more than %u",
                     table->length / sizeof *table, VIRTIO_DESCRIPTORS_MAX);
    chain->indirect = true;
    chain->table = *table;
    return true;
}

bool virtio_chain_follow(struct virtio_chain *chain, const volatile struct virtio_descriptor *table,
                         unsigned entries, unsigned first, bool indirect_allowed)
{
    struct virtio_descriptor now = { .flags = VIRTIO_DESCRIPTOR_NEXT, .next = (uint16_t)first };

    for (unsigned steps = 0; now.flags & VIRTIO_DESCRIPTOR_NEXT; steps++) {
        const unsigned at = now.next;

        if (at >= entries)
            return wrong(chain, "descriptor %u, of %u", at, entries);
        if (steps == entries)
            return wrong(chain, "a chain of descriptors that is a loop");
        /* Once, whatever the guest changes meanwhile. */
        now = (struct virtio_descriptor){ table[at].address, table[at].length, table[at].flags,
                                          table[at].next };
        if (now.flags & VIRTIO_DESCRIPTOR_INDIRECT)
            return follow_table(chain, &now, indirect_allowed);
        if (chain->count == VIRTIO_DESCRIPTORS_MAX)
            return wrong(chain, "a chain of more than %u descriptors", VIRTIO_DESCRIPTORS_MAX);
        chain->descriptors[chain->count++] = now;
    }
    return true;
}

void virtio_request_release(struct virtio_request *request)
{
    for (unsigned i = 0; i < request->lease_count; i++)
        lease_return(request->queue->memory, &request->leases[i]);
    request->lease_count = 0;
    free(request->large);
    request->large = NULL;
}

/* Pieces are in the request itself, as long as there are few: then in memory of their own. */
static bool make_room(struct virtio_request *request)
{
    struct iovec *segments;
    struct lease *leases;

    if (request->large || request->lease_count < VIRTIO_SEGMENTS_INLINE)
        return true;
    request->large = malloc(VIRTIO_SEGMENTS_MAX * (sizeof *segments + sizeof *leases));
    if (!request->large)
        return false;
    leases = request->large;
    segments = (void *)(leases + VIRTIO_SEGMENTS_MAX);
    memcpy(leases, request->leases, request->lease_count * sizeof *leases);
    memcpy(segments, request->out, request->lease_count * sizeof *segments);
    request->leases = leases;
    request->out = segments;
    return true;
}

/* One descriptor, which may lie across regions. */
static enum virtio_translation translate(struct virtio_chain *chain, const struct virtio_descriptor *from,
                                         struct virtio_request *request)
{
    const bool write = from->flags & VIRTIO_DESCRIPTOR_WRITE;
    uint64_t address = from->address;
    uint64_t left = from->length;

    while (left > 0) {
        struct lease *lease;

        if (request->lease_count == VIRTIO_SEGMENTS_MAX) {
            wrong(chain, "buffers in more than %u pieces", VIRTIO_SEGMENTS_MAX);
            return VIRTIO_WRONG;
        }
        if (!make_room(request))
            return VIRTIO_STARVED;
        lease = &request->leases[request->lease_count];
        if (!guest_memory_lease_some(request->queue->memory, request->queue->holder,
                                     write ? LEASE_WRITE : LEASE_READ, address, left, lease)) {
            wrong(chain, "a buffer of %u bytes at 0x%llx, which is no memory at 0x%llx", from->length,
                  (unsigned long long)from->address, (unsigned long long)address);
            return VIRTIO_WRONG;
        }
        request->out[request->lease_count] = (struct iovec){ lease->memory, lease->length };
        *(write ? &request->in_count : &request->out_count) += 1;
        *(write ? &request->in_bytes : &request->out_bytes) += lease->length;
        request->lease_count++;
        address += lease->length;
        left -= lease->length;
    }
    return VIRTIO_TRANSLATED;
}

static enum virtio_translation check(struct virtio_chain *chain, const struct virtio_descriptor *descriptor,
                                     const struct virtio_request *request)
{
    if (descriptor->length == 0)
        wrong(chain, "a buffer of no bytes");
    else if (descriptor->address > UINT64_MAX - descriptor->length)
        wrong(chain, "a buffer of %u bytes at 0x%llx, beyond all addresses", descriptor->length,
              (unsigned long long)descriptor->address);
    else if (!(descriptor->flags & VIRTIO_DESCRIPTOR_WRITE) && request->in_count > 0)
        wrong(chain, "a buffer to be read behind one to be written");
    else
        return VIRTIO_TRANSLATED;
    return VIRTIO_WRONG;
}

enum virtio_translation virtio_chain_translate(struct virtio_chain *chain, struct virtio_request *request)
{
    enum virtio_translation done = VIRTIO_TRANSLATED;

    request->leases = request->inline_leases;
    request->out = request->inline_segments;
    request->lease_count = request->out_count = request->in_count = 0;
    request->out_bytes = request->in_bytes = 0;
    request->large = NULL;
    for (unsigned i = 0; i < chain->count && done == VIRTIO_TRANSLATED; i++) {
        done = check(chain, &chain->descriptors[i], request);
        if (done == VIRTIO_TRANSLATED)
            done = translate(chain, &chain->descriptors[i], request);
    }
    request->in = request->out + request->out_count;
    if (done != VIRTIO_TRANSLATED)
        virtio_request_release(request);
    return done;
}
