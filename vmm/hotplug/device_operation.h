/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations on devices that the guest takes and releases by the slot of a root port (pci/root_port.h).
 *
 * The functions of a slot come and go together. The plug of a slot is one operation, whose subject is
 * function 0, which comes last; an unplug's is the device whose removal was requested, and requests for other
 * functions of the slot join it.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_DEVICE_OPERATION_H
#define VMM_HOTPLUG_DEVICE_OPERATION_H

#include "device/board.h"
#include "device/request.h"
#include "hotplug/operation.h"
#include "state/stream.h"

struct device_operations {
    struct board *board;
    struct operations *operations;
    struct device_requests requests; /* the board's */
};

/* Make operations of the board's requests from now on. */
void device_operations_init(struct device_operations *devices, struct board *board,
                            struct operations *operations);
/* Iterate over those that are remembered, oldest first: NULL gives the first; NULL after the last. */
struct operation *device_operations_next(const struct device_operations *devices,
                                         const struct operation *last);
/* Append a section with those in progress, if there are any. False and an error. */
bool device_operations_save(struct device_operations *devices, struct stream_writer *writer,
                            struct error *error);
/* They continue; after hotplug_restore(), which restores their numbers. False and an error. */
bool device_operations_restore(struct device_operations *devices, const struct hotram_saved *stream,
                               struct error *error);

#endif
