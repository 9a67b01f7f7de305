/* SPDX-License-Identifier: BSD-2-Clause */
/* What a migration is at this moment, for those who show it. */
#include <unistd.h>

#include "machine/migration.h"

const char *const migration_capabilities[MIGRATION_CAPABILITIES] = {
    [MIGRATION_EVENTS] = "events",
    [MIGRATION_RETURN_PATH] = "return-path",
    [MIGRATION_PAUSES] = "pause-before-switchover",
    [MIGRATION_LATE_BLOCK] = "late-block-activate",
    [MIGRATION_CONVERGES] = "auto-converge",
};

const char *migration_status_name(enum migration_status status)
{
    static const char *const names[] = {
        [MIGRATION_NONE] = "none",           [MIGRATION_SETUP] = "setup",
        [MIGRATION_ACTIVE] = "active",       [MIGRATION_PRE_SWITCHOVER] = "pre-switchover",
        [MIGRATION_DEVICE] = "device",       [MIGRATION_COMPLETED] = "completed",
        [MIGRATION_FAILED] = "failed",       [MIGRATION_CANCELLING] = "cancelling",
        [MIGRATION_CANCELLED] = "cancelled",
    };

    return names[status];
}

bool migration_runs(const struct migration *migration)
{
    switch (migration->status) {
    case MIGRATION_SETUP:
    case MIGRATION_ACTIVE:
    case MIGRATION_PRE_SWITCHOVER:
    case MIGRATION_DEVICE:
    case MIGRATION_CANCELLING:
        return true;
    default:
        return false;
    }
}

struct migration_counts migration_count(const struct migration *migration)
{
    const struct moved *moved = migration->moved;
    struct migration_counts counts = {
        .moved = migration->last_moved,
        .zeros = migration->last_zeros,
        .normal = migration->last_normal,
        .left = migration->last_left,
        .total = migration->last_total,
        .page = (uint64_t)sysconf(_SC_PAGESIZE),
    };

    if (migration->wire.fd >= 0)
        counts.moved = atomic_load(&migration->wire.moved);
    if (moved) {
        counts.zeros = atomic_load(&moved->zeros);
        counts.normal = atomic_load(&moved->normal);
        counts.left = atomic_load(&moved->left);
        counts.total = moved->total;
    }
    return counts;
}
