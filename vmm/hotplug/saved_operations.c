/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations in a stream of saved states: those in progress continue in the target. See saved_operations.h.
 */
#include "hotplug/saved_operations.h"

#include <inttypes.h>
#include <stdio.h>

const char *saved_name(char name[STREAM_NAME_MAX + 1], const char *what, unsigned number, const char *member)
{
    snprintf(name, STREAM_NAME_MAX + 1, "%s %u %s", what, number, member);
    return name;
}

void saved_put(struct stream_writer *writer, const char *what, unsigned number, const char *member,
               uint64_t value)
{
    char name[STREAM_NAME_MAX + 1];

    stream_number(writer, saved_name(name, what, number, member), value);
}

bool saved_get(const struct stream_part *part, const char *what, unsigned number, const char *member,
               uint64_t most, uint64_t *value, struct error *error)
{
    char name[STREAM_NAME_MAX + 1];

    return stream_get(part, saved_name(name, what, number, member), most, value, error);
}

static void put_one(const struct saved_operations *saved, const struct operation *operation, unsigned index,
                    struct stream_writer *writer)
{
    char name[STREAM_NAME_MAX + 1];

    saved_put(writer, "operation", index, "slot", saved->slot(operation));
    saved_put(writer, "operation", index, "number", operation->id);
    saved_put(writer, "operation", index, "kind", operation->kind);
    saved_put(writer, "operation", index, "elapsed",
              operations_now(operation->operations) - operation->started);
    saved_put(writer, "operation", index, "deadline", operation->deadline);
    stream_text(writer, saved_name(name, "operation", index, "warning"), operation->warning);
}

void saved_operations_put(const struct saved_operations *saved, struct stream_writer *writer)
{
    const struct operation *operation = NULL;
    unsigned count = 0;

    while ((operation = operation_next_of(saved->operations, saved->owner, operation)) != NULL)
        if (operation->result == OPERATION_IN_PROGRESS && operation->subject.type == saved->type)
            put_one(saved, operation, count++, writer);
    stream_number(writer, "operations", count);
}

static bool get_one(const struct saved_operations *saved, const struct stream_part *part, unsigned index,
                    struct error *error)
{
    uint64_t slot, number, kind, elapsed, deadline;
    char name[STREAM_NAME_MAX + 1];
    struct operation *operation;
    struct stream_item warning;

    if (!saved_get(part, "operation", index, "slot", saved->slots - 1, &slot, error) ||
        !saved_get(part, "operation", index, "number", saved->operations->last_id, &number, error) ||
        !saved_get(part, "operation", index, "kind", OPERATION_KINDS - 1, &kind, error) ||
        !saved_get(part, "operation", index, "elapsed", INT64_MAX, &elapsed, error) ||
        !saved_get(part, "operation", index, "deadline", INT64_MAX, &deadline, error) ||
        !stream_find_item(part, saved_name(name, "operation", index, "warning"), STREAM_TEXT, &warning,
                          error))
        return false;
    operation = saved->kinds >> kind & 1
                    ? saved->make(saved->owner, (uint32_t)slot, (enum operation_kind)kind, error)
                    : NULL;
    if (!(saved->kinds >> kind & 1))
        error_set(error, "its kind is %" PRIu64 ", which such devices do not have", kind);
    if (!operation)
        return error_prefix(error, "section '%s' of the saved state: operation %" PRIu64 ": ", part->name,
                            number);
    snprintf(operation->warning, sizeof operation->warning, "%.*s", (int)warning.length,
             (const char *)warning.value);
    operation_continue(operation, number, elapsed, deadline);
    return true;
}

bool saved_operations_get(const struct saved_operations *saved, const struct stream_part *part,
                          struct error *error)
{
    uint64_t count;

    if (!stream_get(part, "operations", saved->slots, &count, error))
        return false;
    for (unsigned index = 0; index < count; index++)
        if (!get_one(saved, part, index, error))
            return false;
    return true;
}
