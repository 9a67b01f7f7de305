/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-mem-pci (VIRTIO 1.2, 5.15): memory that the guest plugs and unplugs in blocks, as far as the host
 * requests it. Its place is a range of the bank, which has no slot: the guest's ACPI does not see it.
 *
 * virtio_mem.c    the type: properties, creation, the queue
 * mem_checks.c    what it can be given
 * mem_request.c   what a request comes to
 * mem_memory.c    its memory
 * mem_chunk.c     the regions and KVM slots of that
 * mem_operation.c a requested size as an operation, mem_size.c how it is set
 * mem_change.c    the same relative to the present one, by id
 * mem_saved.c     the devices in a saved state
 *
 * The device's memory consists of blocks, which the guest plugs and unplugs, and of chunks of blocks, each of
 * which is a region of guest memory, with a KVM slot, while a block in it is plugged. The guest can read a
 * block that is not plugged in a chunk that is there, which reads as zeros, and is stopped if it writes to
 * it; DMA reaches plugged blocks only (memory/guest_blocks.h).
 *
 * Threads: requests arrive on the I/O thread, which hands each to the main thread, one at a time: everything
 * is done there, except that a worker returns and allocates memory. Members that say nothing are the main
 * thread's.
 */
#ifndef VMM_HOTPLUG_MEM_H
#define VMM_HOTPLUG_MEM_H

#include "hotplug/mem_request.h"
#include "hotplug/state.h"
#include "virtio/device.h"

#define MEM_CHUNKS_MAX 64u

/* Its configuration space; little endian, as both architectures are. */
struct mem_config {
    uint64_t block_size;
    uint16_t node;
    uint8_t padding[6];
    uint64_t addr, region;
    uint64_t usable, plugged, requested;
};

struct mem_values {
    struct virtio_values virtio;
    char *memdev;
    uint32_t node;
    bool node_given;
    uint64_t block_size; /* bytes; 0: that of the host's huge pages */
    uint64_t requested;  /* bytes */
    uint64_t addr;       /* 0: the lowest that fits */
    bool prealloc;
    char *inaccessible; /* on, off or auto */
    bool dynamic;
    uint64_t size;               /* shown: plugged, bytes */
    char path[DEVICE_PATH_SIZE]; /* shown: of memdev */
};

struct mem_device;

struct mem_chunk {
    struct mem_device *mem;
    struct guest_region *region; /* NULL: nothing in it is plugged */
    bool leaving;                /* the region is being removed, */
    bool stays;                  /* and KVM keeps its KVM slot */
};

struct mem_device {
    struct virtio_device virtio; /* first */
    struct mem_values values;
    struct hotplug *hotplug; /* NULL: not yet, or no longer there */
    struct backend *backend; /* its `blocks` are ours; NULL: none yet */
    uint32_t range;          /* of those of the bank; HOTRAM_SLOT_ANY: none yet */
    bool hot;                /* created while a client waits */
    uint64_t block_size;     /* bytes, like the next */
    uint64_t chunk_size;
    struct mem_sizes sizes;
    struct mem_chunk chunk[MEM_CHUNKS_MAX];
    unsigned chunk_count;
    unsigned leaving; /* chunks whose regions are still used, while `emptying` */

    /* The request in progress. The I/O thread writes these before it posts `asked`; the main thread has the
     * bytes from then on, until it has the I/O thread answer. */
    struct virtio_request *held; /* NULL: none */
    uint8_t bytes[MEM_REQUEST_SIZE];
    struct work asked;

    bool answering; /* the main thread has a request to answer */
    struct mem_verdict verdict;
    struct job job; /* a worker returns or allocates memory */
    bool working;
    bool populated;  /* the worker's result */
    bool emptying;   /* all memory is being returned: after a reset, or because the device leaves */
    bool empty_next; /* that follows the request in progress */
    bool told;       /* a message about memory that the host lacks was written since the last reset */

    /* Calls upwards: a request has been carried out; sizes have changed. */
    void (*answer)(struct mem_device *mem);
    void (*changed)(struct mem_device *mem);
    void (*request)(struct mem_device *mem, uint64_t size); /* a size that was checked */
    void (*drained)(struct mem_device *mem); /* nobody uses the memory of a chunk that was dropped any more */

    struct timer quiet; /* no event for a while */
    bool again;         /* but one afterwards */
};

/* ---- mem_checks.c: false and an error ---- */

/* A requested size. */
bool mem_check_requested(const struct mem_device *mem, uint64_t size, struct error *error);
/* Values by themselves. */
bool mem_check_values(const void *values, struct error *error);
/* The other devices of the machine. */
bool mem_check_others(const struct board *board, struct error *error);
bool mem_check_backend(const struct backend *backend, struct error *error);
/* Sizes and the address, when there is a backend. */
bool mem_check_sizes(const struct mem_device *mem, struct error *error);

/* ---- mem_operation.c ---- */

/* An operation for a requested size, to begin when that is set. NULL and an error: out of memory. */
struct operation *mem_operation_new(struct mem_device *mem, uint64_t requested, struct error *error);
/* The guest has asked for a change; `moves`: and got it. */
void mem_operation_acted(struct mem_device *mem, bool moves);
/* The size may be the requested one: then the operation in progress is done. */
void mem_operation_settle(struct mem_device *mem);
/* The device goes. */
void mem_operation_end(struct mem_device *mem);

/* ---- virtio_mem.c ---- */

/* Sizes as the driver reads them; without an interrupt, for before it runs. */
void mem_show_sizes(struct mem_device *mem);

/* ---- mem_size.c ---- */

/* The guest's size has changed: the event, at most once a second. */
void mem_size_changed(struct mem_device *mem);
/* Request a size, which was checked; qom-set, which is an operation. */
void mem_size_request(struct mem_device *mem, uint64_t size);
bool mem_size_set(struct device *device, uint64_t size, struct error *error);
/* The operation for a size that was checked, the one in progress or a new one, which may end at once. NULL
 * and an error: out of memory. */
struct operation *mem_size_begin(struct mem_device *mem, uint64_t size, struct error *error);

/* ---- mem_memory.c ---- */

/* Map the backend at its place, with no block plugged. False and an error: nothing is left. */
bool mem_memory_begin(struct mem_device *mem, struct error *error);
/* Release it: at the end of the program, if there still are regions, only as far as nobody uses it. */
void mem_memory_end(struct mem_device *mem);
/* Carry out an accepted request, and then answer it, perhaps with a refusal: now or, if a worker has
 * something to do first, later. */
void mem_memory_plug(struct mem_device *mem);
void mem_memory_unplug(struct mem_device *mem);
/* Unplug everything, also if it is leased: the memory is returned when the leases are. Calls board_drained()
 * at the end of what mem_memory_busy() says. */
void mem_memory_empty(struct mem_device *mem);
bool mem_memory_busy(const struct mem_device *mem);
/* Before the guest runs, with nothing plugged: plug these blocks, a bit each as in struct guest_blocks. False
 * and an error: the host lacks memory or KVM slots; some are plugged. */
bool mem_memory_restore(struct mem_device *mem, const uint64_t *plugged, struct error *error);

/* ---- mem_saved.c, besides what hotplug.h has. False and an error. ---- */

/* Append which devices there are, with their sizes and blocks; nothing if there are none. */
bool mem_save(struct hotplug *hotplug, struct stream_writer *writer, struct error *error);
/* Whether a stream has the same devices. `scratch` is not used for anything else. */
bool mem_same(const struct hotplug *hotplug, const struct hotram_saved *stream, struct stream_writer *scratch,
              struct error *error);
/* Operations in progress. They are restored when the number of the last operation has been. */
bool mem_save_operations(struct hotplug *hotplug, struct stream_writer *writer, struct error *error);
bool mem_restore_operations(struct hotplug *hotplug, const struct hotram_saved *stream, struct error *error);

/* ---- mem_chunk.c ---- */

/* Chunks are named by their blocks: those of which one is in [first, first + count). */

/* Before the memory is mapped: which chunks there are. False and an error: too many KVM slots. */
bool mem_chunks_begin(struct mem_device *mem, struct error *error);
/* Each chunk of these blocks is a region. False and an error: some may be, which drop_empty removes. */
bool mem_chunks_add(struct mem_device *mem, uint32_t first, uint32_t count, struct error *error);
/* Remove the regions of chunks in which nothing is plugged. */
void mem_chunks_drop_empty(struct mem_device *mem, uint32_t first, uint32_t count);
/* Remove the region of a chunk, which has one. Ends with a call of mem->drained. */
void mem_chunk_drop(struct mem_chunk *chunk);
/* Whether a region of these blocks is being removed. */
bool mem_chunks_leaving(struct mem_device *mem, uint32_t first, uint32_t count);

static inline uint64_t mem_offset(const struct mem_device *mem, uint32_t block)
{
    return (uint64_t)block * mem->block_size;
}

extern const struct device_type virtio_mem_pci_type;

#endif
