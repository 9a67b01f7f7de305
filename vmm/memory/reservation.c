/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/reservation.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mapping.h"
#include "base/message.h"
#include "base/props.h"

#define ALIGN (UINT64_C(1) << 30)

#ifndef MREMAP_DONTUNMAP /* Linux 5.7; of shared memory 5.13 */
#define MREMAP_DONTUNMAP 4
#endif

/* Addresses without memory. They begin as one page, since the kernel counts what is mapped while all memory
 * is locked (memory_lock.h), but not what grows that is not locked. */
static void *reserve(uint64_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *start = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *grown;
    int why;

    if (start == MAP_FAILED)
        return NULL;
    RESULT_DOES_NOT_MATTER(munlock(start, page), "then the limit is met too early");
    grown = mremap(start, page, size, MREMAP_MAYMOVE);
    if (grown != MAP_FAILED)
        return grown;
    why = errno;
    mapping_give_back(start, page, "a reservation");
    errno = why;
    return NULL;
}

/* What is before and behind an aligned part of [room, room + size + align) goes. Returns the part. */
static void *trim(uint8_t *room, uint64_t size, uint64_t align)
{
    uint8_t *start = (uint8_t *)(((uintptr_t)room + align - 1) & ~(uintptr_t)(align - 1));

    if (start > room)
        mapping_give_back(room, (size_t)(start - room), "a reservation");
    if (start < room + align)
        mapping_give_back(start + size, (size_t)(room + align - start), "a reservation");
    return start;
}

void reservation_make(struct reservation *reservation, uint64_t guest_base, uint64_t size)
{
    uint8_t *room = size > 0 && size < UINTPTR_MAX - ALIGN ? reserve(size + ALIGN) : NULL;
    const int why = size < UINTPTR_MAX - ALIGN ? errno : ENOMEM;
    char text[SIZE_TEXT_MAX];

    *reservation = (struct reservation){ .guest_base = guest_base, .size = size };
    if (room)
        reservation->memory = trim(room, size, ALIGN);
    else if (size > 0)
        warning(
            "-m maxmem=: the host has no addresses for %s of hot-pluggable memory (maxmem less the RAM, and 1 "
            "GiB for each slot) in this process: %s; DIMMs will lie at any addresses of the host. A smaller "
            "maxmem, fewer slots or a higher limit, RLIMIT_AS (ulimit -v), avoid that",
            size_text(size, text), strerror(why));
}

void reservation_release(struct reservation *reservation)
{
    if (reservation->memory)
        mapping_give_back(reservation->memory, reservation->size, "the hotplug region");
    reservation->memory = NULL;
}

static void *move(void *memory, uint64_t size, int flags, void *to)
{
    void *moved = mremap(memory, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | flags, to);

    return moved == MAP_FAILED ? NULL : moved;
}

void *reservation_admit(const struct reservation *reservation, void *memory, uint64_t size, uint64_t address)
{
    uint8_t *to = reservation->memory + (address - reservation->guest_base);
    void *moved = move(memory, size, 0, to);
    const int why = errno;
    void *none;

    if (moved)
        return moved;
    /* The kernel unmaps what is there before the rest may fail. Where it has not, EEXIST. */
    none = mmap(to, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
                0);
    if (none != MAP_FAILED)
        RESULT_DOES_NOT_MATTER(munlock(none, size), "then the limit is met too early");
    errno = why;
    return NULL;
}

/* At no moment is there a gap in the reservation that another thread's memory could come into. */
void *reservation_expel(void *memory, uint64_t size, uint64_t align)
{
    uint8_t *room = reserve(size + align);
    void *moved;

    if (!room)
        return NULL;
    room = trim(room, size, align);
    moved = move(memory, size, MREMAP_DONTUNMAP, room);
    if (!moved)
        mapping_give_back(room, size, "a reservation");
    else if (!mapping_withhold(memory, size)) /* what is left there is empty, too, but could be written */
        RESULT_DOES_NOT_MATTER(mprotect(memory, size, PROT_NONE), "nobody is told of these addresses");
    return moved;
}
