/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The type pc-dimm: its properties are in pc_dimm.c, what they lead to in pc_dimm_plug.c, unplug.c and
 * query.c. The tests of the monitors replace the latter, and use the former.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_PC_DIMM_H
#define VMM_HOTPLUG_PC_DIMM_H

#include "base/dimm_place.h"
#include "device/device.h"
#include "hotplug/hotplug.h"

/* The values of the properties that can be given. */
struct pc_dimm_request {
    char *memdev;
    struct dimm_place place;
};

/* Check what does not depend on the properties. False and an error: the machine has no slots, or `id`, which
 * may be NULL, is invalid or taken. */
bool pc_dimm_begin(const struct hotplug *hotplug, const char *id, struct error *error);
/* As create() of struct device_type, after pc_dimm_begin(): check, reserve, map, commit. */
enum outcome pc_dimm_plug(struct hotplug *hotplug, const char *id, const struct pc_dimm_request *wanted,
                          bool hot, const struct completion *watcher, struct error *error);
/* unplug() of struct device_type: request the removal; or, if its memory is still being allocated, cancel the
 * plug, which then ends with an error. */
bool pc_dimm_unplug(struct device *device, struct error *error);

#endif
