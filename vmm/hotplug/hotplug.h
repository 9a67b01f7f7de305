/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place where backend, guest memory map, bank and monitor meet.
 *
 * operation*.c: the result of each plug and unplug, of any device (operation.h); event_queue.c: its events;
 * dimms.c: all DIMMs and memslots, by id and path; dimm_operation.c: DIMMs as subjects of operations;
 * query.c: what queries show; limits.c: warnings of limits of guests; reserve.c: a slot and an address,
 * bank_errors.c: why the bank refused one; plug.c: a DIMM while it is plugged; notices.c: what the guest did
 * at the registers; enumeration.c: what a starting guest finds by itself; unplug.c: device_del, requests of
 * removal; pc_dimm.c: the type, pc_dimm_plug.c: what its creation does; auto_dimm.c: DIMMs that are created
 * by size, with their backends; memslot.c: the same by name; growth.c: whether the guest has gained what it
 * accepted; resize*.c: memory set.
 *
 * Threads: all functions run on the main thread. The bank and its register block are also read and written by
 * vCPU threads; both sides hold the machine lock (bus/bus.h) for that. The eject callback only posts to the
 * main thread, where the memory is removed.
 */
#ifndef VMM_HOTPLUG_HOTPLUG_H
#define VMM_HOTPLUG_HOTPLUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/dimm.h>

#include "base/dimm_place.h"
#include "base/error.h"
#include "base/event.h"
#include "base/props.h"
#include "bus/bus.h"
#include "bus/machine_lock.h"
#include "memory/backend.h"
#include "state/stream.h"

struct hotplug;

/* KVM slots that all virtio-mem devices of a machine can have together. */
#define MEM_KVM_SLOTS 512u

/* A DIMM as queries show it. Strings are borrowed, valid until the next hotplug call. */
struct dimm_info {
    const struct device *device;
    const char *id;     /* NULL when the device has no id */
    uint32_t anon;      /* then it is /machine/peripheral-anon/device[anon] */
    const char *memdev; /* id of the backend */
    uint64_t addr;
    uint64_t size;
    uint32_t slot;
    uint32_t node;
    bool hotplugged;
    bool hotpluggable; /* always true */
    enum hotram_dimm_state state;
};

/* A memslot as queries show it. Strings are borrowed, valid until the next hotplug call. */
struct memslot_info {
    const char *id;
    uint64_t start;
    uint64_t size;
    uint32_t node;
    uint32_t slot;
    enum hotram_dimm_state state; /* RESERVED: unpopulated */
};

/* A slot's last _OST, as query-acpi-ospm-status shows it. */
struct ospm_info {
    const char *device; /* id of the DIMM in it, or NULL */
    uint32_t slot;
    uint32_t source;
    uint32_t status;
};

/* The condition of a DIMM, for users. */
enum dimm_condition {
    DIMM_PLUGGING, /* the guest has not responded yet */
    DIMM_IN_USE,
    DIMM_REMOVING, /* removal was requested, or the guest has just released it */
    DIMM_REFUSED,  /* the guest refused the removal */
};

/* The DIMM or reservation that occupies a part of the hotplug region. Strings are borrowed, valid until the
 * next hotplug call. */
struct region_holder {
    enum region_holder_kind {
        REGION_DIMM,
        REGION_POPULATING, /* reserved for a DIMM whose memory is being allocated */
        REGION_MEMSLOT,    /* reserved for an unpopulated memslot */
        REGION_BLOCKS,     /* a virtio-mem device, or a part of it */
    } kind;
    const struct device *device; /* NULL: a memslot's */
    const char *id;              /* NULL when the device has no id */
    const char *memdev;          /* id of the backend; NULL for a memslot */
    uint64_t addr;
    uint64_t size;
    uint32_t slot; /* of a virtio-mem device the bank's number of its range, which is no slot */
    uint32_t node;
    uint64_t plugged, requested, block_size; /* of a virtio-mem device, bytes */
};

/* What slots and capacity still allow to be plugged. */
struct hotplug_room {
    uint32_t slots; /* unused ones */
    uint64_t capacity;
    uint64_t capacity_left; /* bytes */
    uint64_t granularity;   /* sizes are multiples of it, bytes */
    uint64_t block;         /* the guest's memory block, bytes */
};

/* The hotplug register block as `info memory-hotplug` shows it: the slot's state as the guest reads it. */
struct slot_info {
    uint32_t slot;
    uint64_t addr;
    uint64_t size;
    uint32_t node;
    uint8_t flags; /* as read at offset 0x14 */
    enum hotram_dimm_state state;
};

struct backends;
struct board;
struct device;
struct device_type;
struct operation;
struct guest_memory;
struct loop;

/* What hotplug requires of the machine, and its callbacks. */
struct reservation;

struct hotplug_config {
    uint32_t slots;           /* 0: no DIMMs */
    uint64_t region_base;     /* guest-physical, bytes */
    uint64_t region_size;     /* bytes */
    uint64_t capacity;        /* bytes: limit of the total size of all DIMMs */
    uint32_t nodes;           /* proximity domains of the guest: a DIMM's node is below */
    uint32_t default_node;    /* of DIMMs without node= */
    uint64_t registers;       /* first I/O port or address of the register block */
    enum bus_space space;     /* which of the two */
    uint64_t ram_size;        /* bytes of the RAM at start */
    const uint64_t *node_ram; /* bytes of it in each node, or NULL without nodes */
    uint64_t granularity;     /* bytes: sizes and addresses of DIMMs are multiples of it; a power of two */
    bool whole_blocks;        /* and of the guest's memory block, since dimm-granularity= is auto */
    uint64_t block;           /* the guest's memory block until hotplug_set_block(), bytes */
    uint32_t map_limit;       /* percent of the guest's memory that a DIMM's memory map may need; 0: any */
    bool strict;              /* more is an error, not only a warning */
    const char *template;     /* properties of the backends of DIMMs that are created by size, or NULL:
                                 memory-backend-ram */
    uint64_t plug_deadline;   /* milliseconds until a guest must have reported on a plug */
    uint64_t unplug_deadline; /* milliseconds until it must have released a DIMM */
    unsigned mem_chunks;      /* KVM slots that there are for virtio-mem devices */
    struct backends *backends;
    struct guest_memory *memory;
    const struct reservation *reservation; /* of the hotplug region's addresses on the host */
    struct board *board;                   /* deadlines use its clock, which runs with the guest */
    /* Notify the guest that a slot has an event pending. Called under the machine lock, on any thread. */
    void (*raise)(void *opaque);
    /* Returns why the guest does not run, and the way out (machine_stopped()); NULL: it runs. */
    const char *(*stopped)(void *opaque);
    event_sink *event; /* for the monitors, on the main thread */
    void *opaque;
};

struct hotplug *hotplug_create(const struct hotplug_config *config, struct error *error);
/* Called when the guest no longer runs. */
void hotplug_destroy(struct hotplug *hotplug);

/* Called at a reset of the guest, while vCPUs are paused: DIMMs remain plugged, those with a pending insert
 * event are present at boot, and requested removals are completed, since the memory is no longer used. */
void hotplug_reset(struct hotplug *hotplug);

/* Set the size in bytes of the memory block of the guest that boots, while vCPUs are paused. Warns of DIMMs
 * that are not usable with it. */
void hotplug_set_block(struct hotplug *hotplug, uint64_t block);

/* Whether a slot has an event pending that the guest has not seen; false if `hotplug` is NULL. Called under
 * the machine lock. */
bool hotplug_is_pending(const struct hotplug *hotplug);

/* Called when the guest begins to run or stops: deadlines of operations advance only while it runs. */
void hotplug_run_state(struct hotplug *hotplug);

/* As device_del: request removal of a DIMM. Returns the operation, which may have been in progress already;
 * NULL and an error: there is no such DIMM, it cannot be removed now, or out of memory. */
struct operation *hotplug_unplug(struct hotplug *hotplug, const char *id, struct error *error);
struct operation *hotplug_unplug_slot(struct hotplug *hotplug, uint32_t slot, struct error *error);
/* Have the plug of the DIMM with this memory (an id or a QOM path) end with an error, if it waits: its memory
 * is being allocated, or mapped by other programs. */
void hotplug_cancel_plug(struct hotplug *hotplug, const char *memdev);
/* Whether an id or a QOM path names a virtio-mem device. */
bool hotplug_is_blocks(const struct hotplug *hotplug, const char *reference);
/* Request so many bytes more of one ('+'), or fewer ('-'; 0: all that is requested). Returns the operation,
 * or NULL and an error: there is no such device, it cannot have that size, or out of memory. */
struct operation *hotplug_change_blocks(struct hotplug *hotplug, const char *reference, char sign,
                                        uint64_t size, struct error *error);
/* Iterate over the operations that are remembered, oldest first: NULL gives the first; returns NULL after the
 * last. */
const struct operation *hotplug_next_operation(const struct hotplug *hotplug, const struct operation *last);
/* All operations of the machine, those on CPUs, too: until hotplug_destroy(). */
struct operations *hotplug_operations(struct hotplug *hotplug);
/* The operation of the DIMM with this id that is in progress, or that the guest may still answer; or NULL. */
struct operation *hotplug_operation_of(const struct hotplug *hotplug, const char *id);

/* A DIMM that is created by size. */
#define AUTO_DIMM_ID_SIZE 24
struct auto_dimm {
    const char *id; /* NULL: generated, and set */
    uint64_t size;  /* bytes */
    struct dimm_place place;
    const char *template; /* "memory-backend-memfd,share=on", or NULL: the machine's */
    char made_id[AUTO_DIMM_ID_SIZE];
};
/* Plug it with a backend memory.ID, which is deleted with it. OUTCOME_LATER: its memory is being allocated,
 * or mapped by other programs; the watcher is called at the end. */
enum outcome hotplug_plug_auto_dimm(struct hotplug *hotplug, struct auto_dimm *auto_dimm,
                                    const struct completion *watcher, struct error *error);
/* Check a template (NULL: the machine's). True: *align (`align` may be NULL) is the alignment of the sizes
 * and addresses of its DIMMs, in bytes. False: the error gives the reason. */
bool hotplug_try_template(struct hotplug *hotplug, const char *template, uint64_t *align,
                          struct error *error);

/* Define a memslot of `size` bytes in `slot`, at *start, or, if `start` is NULL, at the lowest address with
 * room. Before the guest runs. False and an error: slot or address are occupied, or the values are not valid.
 */
bool hotplug_define_memslot(struct hotplug *hotplug, const char *id, uint32_t slot, const uint64_t *start,
                            uint64_t size, uint32_t node, struct error *error);
/* Plug a DIMM with the memslot's id and a backend of its own; OUTCOME_LATER as above. Request its removal.
 * False (OUTCOME_FAILED) and an error, of class DeviceNotFound if there is no such memslot. */
enum outcome hotplug_add_memslot(struct hotplug *hotplug, const char *id, const struct completion *watcher,
                                 struct error *error);
bool hotplug_delete_memslot(struct hotplug *hotplug, const char *id, struct error *error);
/* Iterate over memslots by slot: *slot is the first slot to examine; returns false after the last. */
bool hotplug_next_memslot(struct hotplug *hotplug, uint32_t *slot, struct memslot_info *info);

uint32_t hotplug_slots(const struct hotplug *hotplug);
uint32_t hotplug_selector(const struct hotplug *hotplug); /* the slot that the guest selected last */
/* The DIMM that is this device, whose type is pc_dimm_type. */
void hotplug_describe(const struct device *device, struct dimm_info *info);
/* DIMMs by rising address: pass HOTRAM_SLOT_ANY first; returns false after the last. *slot is the cursor. */
bool hotplug_next(struct hotplug *hotplug, uint32_t *slot, struct dimm_info *info);
void hotplug_ospm(struct hotplug *hotplug, uint32_t slot, struct ospm_info *info);
void hotplug_slot(struct hotplug *hotplug, uint32_t slot, struct slot_info *info);
uint64_t hotplug_plugged_size(struct hotplug *hotplug); /* bytes of all DIMMs and plugged blocks */
void hotplug_region(const struct hotplug *hotplug, uint64_t *base, uint64_t *size);
/* Iterate over the occupied parts of the region by rising address; *slot is a cursor as above. */
bool hotplug_next_region_holder(struct hotplug *hotplug, uint32_t *slot, struct region_holder *info);
/* Iterate over the parts of a virtio-mem device that follow one another, of which each has all of its blocks
 * plugged, or none, or is as small as a KVM slot: *offset is 0 before the first, in bytes of the device;
 * false after the last. `part` has address, size and plugged bytes of each. */
bool hotplug_next_part(const struct hotplug *hotplug, uint32_t slot, uint64_t *offset,
                       struct region_holder *part);
void hotplug_room(struct hotplug *hotplug, struct hotplug_room *room);
/* Of the DIMM in a slot. */
enum dimm_condition hotplug_condition(struct hotplug *hotplug, uint32_t slot);

/* saved.c. Whether DIMMs can be saved now; false and an error: why not. */
bool hotplug_can_save(struct hotplug *hotplug, struct error *error);
/* While vCPUs are paused, before anything is saved: carry out what the guest has done, by which devices may
 * go, and tell the monitors of it. */
void hotplug_settle(struct hotplug *hotplug);
/* Append sections about DIMMs and operations, and the state of the bank, while vCPUs are paused. */
bool hotplug_save(struct hotplug *hotplug, struct stream_writer *writer, struct error *error);
/* Restore them in a new machine with the same DIMMs, whose time has been restored. `scratch` is not used for
 * anything else. False and an error: the DIMMs differ, with both values, or the state is invalid; the machine
 * cannot be used. */
bool hotplug_restore(struct hotplug *hotplug, const struct hotram_saved *stream,
                     struct stream_writer *scratch, struct error *error);
/* Of a migration: append the section of which DIMMs there are, which a target compares before the source
 * stops; and whether it describes those of this machine. False and an error. */
bool hotplug_save_config(struct hotplug *hotplug, struct stream_writer *writer, struct error *error);
bool hotplug_check_config(struct hotplug *hotplug, const struct hotram_saved *stream,
                          struct stream_writer *scratch, struct error *error);
/* mem_saved.c: have virtio-mem devices, which have been compared, as a stream says: sizes, and blocks plugged
 * with memory, in KVM, too. What is so already stays. False and an error: no device can be so, the host lacks
 * memory, or blocks are plugged that are not in the stream; the machine cannot be used. */
bool hotplug_restore_blocks(struct hotplug *hotplug, const struct hotram_saved *stream, struct error *error);
/* At most so many bytes are those devices' in a stream. */
size_t hotplug_blocks_length(const struct hotplug *hotplug);

/* -device and device_add pc-dimm. OUTCOME_LATER: its memory has to be allocated again, since an unplug gave
 * it back, or other programs map it; slot and address are reserved meanwhile. */
extern const struct device_type pc_dimm_type;

#endif
