/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mapping of a backend: made, placed on the host's nodes, advised, and given back.
 */
#include "memory/backend_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/mapping.h"
#include "base/message.h"
#include "memory/hugepages.h"
#include "memory/memory_lock.h"

#define MOVED_AT_ONCE (UINT64_C(1) << 30)

uint64_t backend_alignment(const struct backend *backend)
{
    uint64_t align = backend->page_size > BACKEND_ALIGN ? backend->page_size : BACKEND_ALIGN;

    return backend->align > align ? backend->align : align;
}

struct guest_part backend_part(const struct backend *backend, uint64_t from, uint64_t size, uint64_t address)
{
    return (struct guest_part){
        .address = address,
        .size = size,
        .memory = (uint8_t *)backend->memory + from,
        .fd = backend_is_shared(backend) && !backend->readonly ? backend->fd : -1,
        .offset = backend->offset + from,
    };
}

/* A strict policy is all that keeps a mapping from using the pages of other nodes. */
static const struct host_nodes *bound_to(const struct backend *backend)
{
    return backend->policy == HOST_POLICY_BIND ? &backend->nodes : NULL;
}

bool backend_too_few_pages(const struct backend *backend, struct error *error)
{
    const struct host_nodes *nodes = bound_to(backend);
    struct hugepages pages = hugepages_count(backend->page_size, nodes);
    struct statfs filesystem = { 0 };
    uint64_t need = backend->size / backend->page_size;
    char list[HOST_NODES_TEXT_MAX];
    char page[SIZE_TEXT_MAX];
    char limit[160];

    if (backend->kind == BACKEND_FILE && fstatfs(backend->fd, &filesystem) == 0 && pages.free >= need &&
        filesystem.f_blocks > 0 && filesystem.f_bfree < need)
        return error_set(
            error,
            "unable to map backing store for guest RAM: '%s' needs %llu huge pages of %s, but the "
            "file system of '%s' has %llu free, of the %llu to which its size= limits it",
            backend->id, (unsigned long long)need, size_text(backend->page_size, page), backend->mem_path,
            (unsigned long long)filesystem.f_bfree, (unsigned long long)filesystem.f_blocks);
    return error_set(
        error,
        "unable to map backing store for guest RAM: '%s' needs %llu huge pages of %s, but %llu of "
        "%llu are free%s%s; increase %s",
        backend->id, (unsigned long long)need, size_text(backend->page_size, page),
        (unsigned long long)pages.free, (unsigned long long)pages.total, nodes ? " on the host's node " : "",
        nodes ? host_nodes_text(nodes, list) : "",
        hugepages_limit(backend->page_size, nodes, limit, sizeof limit));
}

/* A mapping is moved to its DIMM's place (reservation.h) by whole page tables, 1 GiB at a time where both
 * ends are multiples of it. Where all memory is locked, the alignment counts to the limit, for a moment. */
static uint64_t alignment_to_move(const struct backend *backend)
{
    const uint64_t align = backend_alignment(backend);

    return !backend->lock && backend->size >= MOVED_AT_ONCE && align < MOVED_AT_ONCE ? MOVED_AT_ONCE : align;
}

int backend_mapping_flags(const struct backend *backend)
{
    return (backend_is_shared(backend) ? MAP_SHARED : MAP_PRIVATE) | (backend->fd < 0 ? MAP_ANONYMOUS : 0) |
           (backend->reserve ? 0 : MAP_NORESERVE);
}

/* Reserve address space with room for alignment, then put the mapping at an aligned place in it. */
static void *map_aligned(const struct backend *backend)
{
    uint64_t align = alignment_to_move(backend);
    uint8_t *room = mmap(NULL, backend->size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                         -1, 0);
    uint8_t *start;
    void *memory;

    if (room == MAP_FAILED)
        return NULL;
    /* Where all memory is locked, what is mapped in the room's place would count twice to the limit. */
    if (backend->lock)
        RESULT_DOES_NOT_MATTER(munlock(room, backend->size + align), "then the limit is met too early");
    start = (uint8_t *)(((uintptr_t)room + align - 1) & ~(uintptr_t)(align - 1));
    memory = mmap(start, backend->size, backend->readonly ? PROT_READ : PROT_READ | PROT_WRITE,
                  backend_mapping_flags(backend) | MAP_FIXED, backend->fd, (off_t)backend->offset);
    if (memory == MAP_FAILED) {
        int why = errno;

        mapping_give_back(room, backend->size + align, backend->id);
        errno = why;
        return NULL;
    }
    if (start > room)
        mapping_give_back(room, (size_t)(start - room), backend->id);
    mapping_give_back(start + backend->size, (size_t)(room + align - start), backend->id);
    return memory;
}

/* Whether what the host did not promise it gives to who wants no promise: it depends on its policy
 * (vm.overcommit_memory) and on the room in the address space, and is tried. */
static bool fits_unreserved(const struct backend *backend)
{
    void *memory = mmap(NULL, backend->size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return false;
    mapping_give_back(memory, backend->size, backend->id);
    return true;
}

/* The RAM that -m makes has no property reserve, an object that takes its place does. */
static const char *other_ways(const struct backend *backend, char text[192])
{
    const bool ram = strcmp(backend->id, BACKEND_OF_RAM) == 0;
    char size[SIZE_TEXT_MAX];

    if (!backend->reserve || backend->prealloc || !fits_unreserved(backend))
        return "; give less";
    if (!ram)
        return "; reserve=off excludes it from the host's commit limit";
    snprintf(
        text, 192,
        "; -object memory-backend-ram,id=ram,size=%s,reserve=off -machine memory-backend=ram excludes it from the host's commit limit",
        size_word(backend->size, size));
    return text;
}

static bool cannot_map(const struct backend *backend, int why, struct error *error)
{
    char want[SIZE_TEXT_MAX];
    char ways[192];

    if (backend->huge && why == ENOMEM)
        return backend_too_few_pages(backend, error);
    if (backend->lock && why == EAGAIN)
        return memory_lock_exceeded(backend->size + backend_alignment(backend), error) ||
               error_prefix(error, "cannot set up guest memory '%s': ", backend->id);
    return error_set(error, "cannot set up guest memory '%s': mapping %s: %s%s", backend->id,
                     size_text(backend->size, want), strerror(why),
                     why == ENOMEM ? other_ways(backend, ways) : "");
}

/* ---- placement ---- */

#define ONLINE "/sys/devices/system/node/online"

static bool read_nodes(const char *path, const char *format, struct host_nodes *nodes, struct error *error)
{
    FILE *file = fopen(path, "re");
    char line[1024];
    char list[1024];

    *nodes = (struct host_nodes){ 0 };
    if (!file)
        return error_set(error,
                         "cannot bind memory to host NUMA nodes: cannot read the list of nodes from %s: %s",
                         path, strerror(errno));
    while (fgets(line, sizeof line, file))
        if (sscanf(line, format, list) == 1)
            host_nodes_parse(list, nodes, NULL);
    fclose(file);
    return true;
}

/* Why mbind() said no: mostly a node that is not there, or not for us. */
static bool cannot_place(const struct backend *backend, int why, struct error *error)
{
    struct host_nodes online;
    struct host_nodes allowed;
    char list[HOST_NODES_TEXT_MAX];

    if (!read_nodes(ONLINE, "%1000s", &online, error) ||
        !read_nodes("/proc/self/status", "Mems_allowed_list: %1000s", &allowed, error))
        return false;
    for (unsigned node = 0; node < HOST_NODES_MAX; node++) {
        if (!host_nodes_has(&backend->nodes, node))
            continue;
        if (!host_nodes_has(&online, node))
            return error_set(error,
                             "cannot bind memory to host NUMA nodes: this host has no node %u; it has %s",
                             node, host_nodes_text(&online, list));
        if (!host_nodes_has(&allowed, node))
            return error_set(
                error,
                "cannot bind memory to host NUMA nodes: this process may not use node %u; it may use %s (cpuset.mems)",
                node, host_nodes_text(&allowed, list));
    }
    return error_set(error, "cannot bind memory to host NUMA nodes: %s", strerror(why));
}

bool backend_bind(const struct backend *backend, void *memory, uint64_t size, struct error *error)
{
    static const int modes[HOST_POLICY_COUNT] = { MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE };
    int mode = modes[backend->policy];
    struct host_nodes online;

    if (backend->policy == HOST_POLICY_DEFAULT)
        return true;
    /* The kernel leaves out nodes that are not there, as long as one is. */
    if (!read_nodes(ONLINE, "%1000s", &online, error))
        return false;
    for (unsigned i = 0; i < HOST_NODES_MAX / 64; i++)
        if (backend->nodes.bits[i] & ~online.bits[i])
            return cannot_place(backend, EINVAL, error);
    /* The new mapping has no page yet, so that none has to be moved; without MPOL_MF_STRICT and MPOL_MF_MOVE
     * the kernel neither walks the mapping nor waits for other processors. */
    if (syscall(SYS_mbind, memory, size, mode, backend->nodes.bits, HOST_NODES_MAX + 1ul, 0) == 0)
        return true;
    return cannot_place(backend, errno, error);
}

/* ---- the whole ---- */

void backend_advise(const struct backend *backend, void *memory, uint64_t size)
{
    if (backend->kind == BACKEND_RAM)
        RESULT_DOES_NOT_MATTER(madvise(memory, size, MADV_HUGEPAGE),
                               "a kernel without them uses small pages");
    if (!backend->dump)
        if (madvise(memory, size, MADV_DONTDUMP) < 0)
            warning("cannot exclude the memory of %s from core dumps: %s", backend->id, strerror(errno));
}

static void let_merge(const struct backend *backend, void *memory, uint64_t size)
{
    if (backend->merge)
        RESULT_DOES_NOT_MATTER(madvise(memory, size, MADV_MERGEABLE),
                               "without KSM, or of huge pages, none are merged");
}

void backend_let_merge(const struct backend *backend)
{
    let_merge(backend, backend->memory, backend->size);
}

bool backend_overlay(const struct backend *backend, void *memory, uint64_t size, int fd, uint64_t offset)
{
    /* Others share it, or it has pages of a kind or a place that a file does not have. */
    if (backend->kind != BACKEND_RAM || backend->fd >= 0 || backend->share || backend->lock ||
        backend->policy != HOST_POLICY_DEFAULT)
        return false;
    if (mmap(memory, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd,
             (off_t)offset) == MAP_FAILED)
        return false;
    backend_advise(backend, memory, size);
    let_merge(backend, memory, size);
    return true;
}

/* Memory of a memfd or an unnamed file lives on without a mapping, and so does its reservation of huge pages;
 * nobody can name it any more. */
static void close_unnamed(struct backend *backend)
{
    if (backend->kind != BACKEND_FILE || backend->unnamed)
        backend_close(backend, false);
}

bool backend_map(struct backend *backend, struct error *error)
{
    if (backend->memory)
        return true;
    if (backend->fd < 0 && (backend->kind != BACKEND_RAM || backends_are_shared(backend->registry)) &&
        !backend_open(backend, error)) {
        backend_close(backend, false);
        return false;
    }
    if (backend_is_short(backend, error))
        return error_prefix(error, "cannot set up guest memory '%s': ", backend->id);
    backend->memory = map_aligned(backend);
    if (!backend->memory) {
        cannot_map(backend, errno, error); /* looks at the file system by the descriptor */
        close_unnamed(backend);            /* what a later try would find open is not of this one */
        return false;
    }
    if (!backend_bind(backend, backend->memory, backend->size, error)) {
        backend_unmap(backend);
        return false;
    }
    backend_advise(backend, backend->memory, backend->size);
    if (backend->kind == BACKEND_FILE && !backend->unnamed && !backend->dax)
        backend_watch_file(backend);
    return true;
}

void backend_unmap(struct backend *backend)
{
    if (backend->memory && backend->placed)
        mapping_empty(backend->memory, backend->size, backend->id);
    else if (backend->memory)
        mapping_give_back(backend->memory, backend->size, backend->id);
    backend->memory = NULL;
    backend->filled = backend->failed = backend->withheld = backend->placed = false;
    close_unnamed(backend);
}

bool backend_place(struct backend *backend, const struct reservation *reservation, uint64_t address,
                   struct error *error)
{
    char size[SIZE_TEXT_MAX];
    void *memory;

    if (!reservation->memory)
        return true;
    memory = reservation_admit(reservation, backend->memory, backend->size, address);
    if (!memory) {
        const int why = errno;

        return error_set(
            error,
            "the %s of '%s' cannot be moved to where the host reserves addresses for the guest's "
            "0x%llx: %s (the limit may be the sysctl vm.max_map_count); nothing has changed",
            size_text(backend->size, size), backend->id, (unsigned long long)address, strerror(why));
    }
    backend->memory = memory;
    backend->placed = true;
    return true;
}

void backend_displace(struct backend *backend)
{
    void *memory;

    if (!backend->placed)
        return;
    memory = reservation_expel(backend->memory, backend->size, alignment_to_move(backend));
    if (!memory) {
        backend_unmap(backend);
        return;
    }
    backend->memory = memory;
    backend->placed = false;
}

static void discard_data(const struct backend *backend)
{
    if (backend->fd >= 0 && backend->discard_data && backend->share && !backend->readonly)
        mapping_discard_file(backend->fd, backend->offset, backend->size, backend->id);
}

bool backend_withhold(struct backend *backend)
{
    if (!mapping_withhold(backend->memory, backend->size))
        return false;
    backend->withheld = true;
    close_unnamed(backend);
    discard_data(backend);
    return true;
}

void backend_release(struct backend *backend)
{
    backend_unmap(backend);
    discard_data(backend);
}
