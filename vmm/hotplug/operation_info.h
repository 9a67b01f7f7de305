/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A snapshot of an operation, for events and queries.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_OPERATION_INFO_H
#define VMM_HOTPLUG_OPERATION_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "hotplug/growth.h"
#include "hotplug/operation_table.h"
#include "memory/guest_memory.h"

#define OPERATION_REASON_SIZE 320

struct device;
struct operation;
struct operations;
struct subject_type;

/* A DIMM. */
struct memory_subject {
    uint32_t slot;
    uint64_t size;        /* bytes */
    struct growth growth; /* of a plug */
};
extern const struct subject_type dimm_subject; /* dimm_operation.c */

/* A CPU. */
struct cpu_subject {
    uint32_t index;
    bool started_known, started; /* of a plug: the guest has started it */
};
extern const struct subject_type cpu_subject; /* cpu_operation.c */

/* A device of which the guest has as many blocks as it plugs (virtio-mem). */
struct blocks_subject {
    uint32_t range;     /* of those of the bank */
    uint64_t requested; /* bytes, like the next */
    uint64_t plugged;   /* as long as the operation is open */
    bool acted;         /* the guest has asked for something since the operation began, */
    bool moves;         /* and its size has changed since the deadline was last checked */
};
extern const struct subject_type blocks_subject; /* mem_operation.c */

/* A device at a root port. */
struct device_subject {
    struct device *device; /* valid as long as the operation is open */
};
extern const struct subject_type device_subject; /* device_operation.c */

struct operation_info {
    const struct subject_type *type; /* of the subject: determines the member of the union */
    uint64_t id;
    enum operation_kind kind;
    enum operation_result result;
    /* The subject's id, or NULL, and QOM path: valid as long as the operation is remembered. */
    const char *device, *path;
    union {
        struct memory_subject memory;
        struct cpu_subject cpu;
        struct blocks_subject blocks;
    };
    char reason[OPERATION_REASON_SIZE];      /* may be empty, and so may */
    char warning[2 * OPERATION_REASON_SIZE]; /* this, with the machine's state */
    bool answered;                           /* the guest reported by _OST, with these codes: */
    uint32_t ost_event, ost_status;
    /* The guest released it, and requests of these holders still use its memory. The names are valid as long
     * as the map of guest memory. */
    bool waits;
    unsigned holder_count;
    const char *holders[GUEST_HOLDERS_MAX];
    uint64_t milliseconds; /* its duration, in the machine's time */
    uint64_t deadline;     /* milliseconds after its start */
    bool late;             /* an event after its end was reported */
};

void operation_inspect(const struct operation *operation, struct operation_info *info);
uint64_t operation_milliseconds(const struct operation *operation);
/* The machine's time, in which operations count. */
uint64_t operations_now(const struct operations *operations);

#endif
