/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a virtio-mem device can be given, and beside what.
 */
#include <inttypes.h>
#include <string.h>

#include "hotplug/mem.h"
#include "memory/backend_memory.h"

#define BLOCK_SIZE_MIN (UINT64_C(1) << 20)

bool mem_check_requested(const struct mem_device *mem, uint64_t size, struct error *error)
{
    char text[2][SIZE_TEXT_MAX];

    if (size % mem->block_size != 0)
        return error_set(error,
                         "'requested-size' property must be a multiple of 'block-size' (0x%" PRIx64
                         "); %" PRIu64 " is not; %" PRIu64 " is the next below",
                         mem->block_size, size, size - size % mem->block_size);
    return size <= mem->backend->size ||
           error_set(error,
                     "'requested-size' cannot exceed the memory backend size (0x%" PRIx64
                     "): %s are requested, and '%.80s' has %s",
                     mem->backend->size, size_text(size, text[0]), mem->backend->id,
                     size_text(mem->backend->size, text[1]));
}

bool mem_check_values(const void *opaque, struct error *error)
{
    const struct mem_values *values = opaque;
    const char *inaccessible = values->inaccessible ? values->inaccessible : "auto";
    const uint64_t block = values->block_size;
    bool on = false;

    if (block != 0 && (block < BLOCK_SIZE_MIN || block & (block - 1)))
        return error_set(error,
                         "'block-size' property must be a power of two, at least 0x%" PRIx64
                         " (1M); got %" PRIu64 "; leave it out for the host's size of huge pages",
                         BLOCK_SIZE_MIN, block);
    if (strcmp(inaccessible, "auto") != 0 && !bool_parse(inaccessible, &on))
        return error_set(error, "Parameter 'unplugged-inaccessible' expects on, off or auto; got '%.80s'",
                         inaccessible);
    if (strcmp(inaccessible, "auto") != 0 && !on)
        return error_set(
            error,
            "unplugged-inaccessible=off: drivers of before Linux 5.16 are not supported, which read blocks that are not plugged; leave it out, or say on");
    return values->dynamic ||
           error_set(error,
                     "dynamic-memslots=off: KVM slots are there only where blocks are plugged; leave it "
                     "out, or say on");
}

/* Whether a device has the memory of a guest in another program, which could reach all of it. */
bool mem_check_others(const struct board *board, struct error *error)
{
    for (const struct device *device = device_any(board, NULL); device; device = device_any(board, device))
        if (device->type->virtio && ((const struct virtio_device *)(const void *)device)->maps_memory)
            return error_set(
                error,
                "virtio-mem-pci cannot be used with device '%s' (%s): its back end maps guest memory, and would reach blocks that are not plugged; use DIMMs (pc-dimm), or a disk of another kind",
                device_name(device), device->type->name);
    return true;
}

bool mem_check_backend(const struct backend *backend, struct error *error)
{
    if (backend->used_by)
        return error_set(
            error,
            "can't use already busy memdev: %.80s is used by '%s'; each device needs a backend of its own",
            backend->id, backend->used_by);
    if (backend_filling(backend))
        return error_set(
            error,
            "can't use memdev: memory of %.80s is still being allocated; plug the device after its object_add has completed",
            backend->id);
    if (backend->readonly)
        return error_set(
            error,
            "can't use memdev: %.80s has readonly=on, but the guest writes to its memory; create a backend without readonly",
            backend->id);
    if (backend->lock)
        return error_set(error,
                         "can't use memdev: with -overcommit mem-lock=on all memory of %.80s is locked, also "
                         "what the guest has not plugged; leave mem-lock=on out, or use a pc-dimm",
                         backend->id);
    return !backend->prealloc ||
           error_set(error,
                     "can't use memdev: %.80s has prealloc=on, which allocates blocks that the guest has not "
                     "plugged; create it without prealloc, and say prealloc=on for the device",
                     backend->id);
}

/* Sizes that belong together. */
bool mem_check_sizes(const struct mem_device *mem, struct error *error)
{
    const struct backend *backend = mem->backend;
    char text[SIZE_TEXT_MAX];

    if (mem->block_size < backend->page_size)
        return error_set(
            error,
            "'block-size' property has to be at least the page size of the memdev: '%.80s' has pages of %s, "
            "so block-size=%s is the least",
            backend->id, size_text(backend->page_size, text), size_word(backend->page_size, text));
    if (backend->size % mem->block_size != 0)
        return error_set(error,
                         "the size of memdev '%.80s' has to be a multiple of 'block-size' (0x%" PRIx64
                         "); it has %" PRIu64 " bytes",
                         backend->id, mem->block_size, backend->size);
    if (mem->values.addr % mem->block_size != 0)
        return error_set(error,
                         "'memaddr' property has to be a multiple of 'block-size' (0x%" PRIx64 "); 0x%" PRIx64
                         " is not; leave it out for the lowest address that fits",
                         mem->block_size, mem->values.addr);
    return mem_check_requested(mem, mem->values.requested, error);
}
