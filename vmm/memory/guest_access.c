/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies to and from guest memory, over as many regions as there are. */
#include <string.h>

#include "base/fault.h"
#include "memory/guest_map.h"

/* Whether there is memory all through a range that may be used so. */
static bool is_memory(struct guest_memory *map, enum lease_direction direction, uint64_t address,
                      uint64_t length)
{
    struct lease lease;

    while (length > 0) {
        if (!guest_memory_lease_some(map, GUEST_HOLDER_PROGRAM, direction, address, length, &lease))
            return false;
        address += lease.length;
        length -= lease.length;
        lease_return(map, &lease);
    }
    return true;
}

/* What is done to leased memory: copied to or from `bytes`, or set to `value` where that is NULL. */
struct copy {
    void *memory;
    uint64_t length;
    uint8_t *bytes;
    uint8_t value;
    bool write;
};

#if defined(__SANITIZE_THREAD__)
/* Under -accel qtest a test writes in the guest's place, beside devices that read. A guest's own accesses are
 * nothing that ThreadSanitizer sees, and so these are not to be, either. */
__attribute__((no_sanitize_thread)) static void copy(void *opaque)
{
    const struct copy *what = opaque;
    volatile uint8_t *memory = what->memory;

    for (uint64_t i = 0; i < what->length; i++)
        if (!what->bytes || what->write)
            memory[i] = what->bytes ? what->bytes[i] : what->value;
        else
            what->bytes[i] = memory[i];
}
#else
static void copy(void *opaque)
{
    const struct copy *what = opaque;

    if (!what->bytes)
        memset(what->memory, what->value, what->length);
    else if (what->write)
        memcpy(what->memory, what->bytes, what->length);
    else
        memcpy(what->bytes, what->memory, what->length);
}
#endif

bool guest_memory_try(struct guest_memory *map, void (*access)(void *opaque), void *opaque)
{
    void *fault;

    if (fault_guard(access, opaque, &fault))
        return true;
    if (map->fault)
        map->fault(map->fault_opaque, fault);
    return false;
}

/* All of a range, a region at a time. */
static enum guest_access copy_all(struct guest_memory *map, uint64_t address, uint64_t length,
                                  struct copy what)
{
    const enum lease_direction direction = what.write ? LEASE_WRITE : LEASE_READ;
    enum guest_access done = GUEST_ACCESS_OK;
    struct lease lease;

    if (!is_memory(map, direction, address, length))
        return GUEST_ACCESS_NONE;
    while (length > 0 && done == GUEST_ACCESS_OK) {
        if (!guest_memory_lease_some(map, GUEST_HOLDER_PROGRAM, direction, address, length, &lease))
            return GUEST_ACCESS_NONE;
        what.memory = lease.memory;
        what.length = lease.length;
        done = guest_memory_try(map, copy, &what) ? GUEST_ACCESS_OK : GUEST_ACCESS_FAULT;
        lease_return(map, &lease);
        address += what.length;
        length -= what.length;
        if (what.bytes)
            what.bytes += what.length;
    }
    return done;
}

enum guest_access guest_memory_access(struct guest_memory *map, uint64_t address, void *bytes,
                                      uint64_t length, bool write)
{
    return copy_all(map, address, length, (struct copy){ .bytes = bytes, .write = write });
}

enum guest_access guest_memory_fill(struct guest_memory *map, uint64_t address, uint8_t value,
                                    uint64_t length)
{
    return copy_all(map, address, length, (struct copy){ .value = value, .write = true });
}

bool guest_memory_write(struct guest_memory *map, uint64_t address, const void *bytes, uint64_t length)
{
    return guest_memory_access(map, address, (void *)bytes, length, true) == GUEST_ACCESS_OK;
}

void guest_memory_on_fault(struct guest_memory *map, void (*fault)(void *opaque, void *address), void *opaque)
{
    map->fault = fault;
    map->fault_opaque = opaque;
}
