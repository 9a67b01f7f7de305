/* SPDX-License-Identifier: BSD-2-Clause */
/* What a target reads, in three steps of its worker. */
#include <stdlib.h>

#include "machine/migration.h"

static bool receive_stream(struct migration *migration, const struct wire_message *message,
                           struct error *error)
{
    free(migration->bytes);
    migration->length = message->length;
    migration->bytes = malloc(message->length ? message->length : 1);
    if (!migration->bytes)
        return error_set(error, "out of memory");
    return wire_read(&migration->wire, migration->bytes, migration->length, error);
}

bool migrate_meet(struct migration *migration, struct error *error)
{
    struct wire_message message;

    if (!wire_meet(&migration->wire, error) || !wire_receive(&migration->wire, &message, error))
        return false;
    if (message.kind != WIRE_CONFIG)
        return error_set(error, "a message of kind %d comes before the configuration", (int)message.kind);
    return receive_stream(migration, &message, error);
}

static bool answer(struct migration *migration, enum wire_kind kind, struct error *error)
{
    return !migration->wire.answers ||
           wire_send(&migration->wire, (struct wire_message){ .kind = kind }, NULL, error);
}

bool migrate_receive(struct migration *migration, struct error *error)
{
    struct wire_message message;

    if (!answer(migration, WIRE_ACCEPTED, error))
        return false;
    while (wire_receive(&migration->wire, &message, error)) {
        if (message.kind == WIRE_STATE)
            return receive_stream(migration, &message, error);
        if (message.kind != WIRE_PAGES && message.kind != WIRE_ZEROS)
            return error_set(error, "a message of kind %d is among those of memory", (int)message.kind);
        if (!moved_receive(migration->moved, &migration->wire, &message, error))
            return false;
    }
    return false;
}

bool migrate_wait_for_go(struct migration *migration, struct error *error)
{
    struct error ignored;
    uint8_t byte;

    if (!answer(migration, WIRE_LOADED, error) || !wire_read(&migration->wire, &byte, 1, error))
        return false;
    if (byte != WIRE_GO)
        return error_set(error, "the byte 0x%x follows the state, instead of 0x%x", byte, WIRE_GO);
    migration->gone = true;
    /* The source that does not hear it stays stopped. */
    RESULT_DOES_NOT_MATTER(answer(migration, WIRE_RUNS, &ignored), "the guest runs here in any case");
    return true;
}
