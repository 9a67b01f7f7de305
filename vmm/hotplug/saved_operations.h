/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations in progress in a section of a saved state, whatever their subjects; and items that are numbered.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_SAVED_OPERATIONS_H
#define VMM_HOTPLUG_SAVED_OPERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hotplug/operation.h"
#include "state/stream.h"

/* Name of an item: "slot 3 size". */
const char *saved_name(char name[STREAM_NAME_MAX + 1], const char *what, unsigned number, const char *member);
void saved_put(struct stream_writer *writer, const char *what, unsigned number, const char *member,
               uint64_t value);
/* False and an error: there is none, or its value is above `most`. */
bool saved_get(const struct stream_part *part, const char *what, unsigned number, const char *member,
               uint64_t most, uint64_t *value, struct error *error);

/* Operations of one type. */
struct saved_operations {
    struct operations *operations;
    const struct subject_type *type;
    void *owner;
    uint32_t slots; /* how many devices there may be */
    unsigned kinds; /* of operations on them: a bit for each enum operation_kind */
    uint32_t (*slot)(const struct operation *operation);
    /* An operation with the device in a slot, which has not begun. NULL and an error: there is no device, it
     * has an operation already, or out of memory. */
    struct operation *(*make)(void *owner, uint32_t slot, enum operation_kind kind, struct error *error);
};

/* Append those in progress to the open section. */
void saved_operations_put(const struct saved_operations *saved, struct stream_writer *writer);
/* They continue under their numbers, of which the last has been restored, with the time that is left. */
bool saved_operations_get(const struct saved_operations *saved, const struct stream_part *part,
                          struct error *error);

#endif
