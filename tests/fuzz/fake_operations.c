/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fake machine has no operations: a DIMM comes and goes at once there. What starts one fails and says so.
 */
#include "base/loop.h"
#include "hotplug/operation.h"

#include "hotplug/cpus.h"
#include "hotplug/device_operation.h"
#include "hotplug/hotplug.h"
#include "hotplug/resize.h"
#include "hotplug/state.h"
#include "machine/machine.h"

/* Nobody asks this machine's operations for what is particular to DIMMs. */
const struct subject_type dimm_subject;
const struct subject_type cpu_subject;
const struct subject_type blocks_subject;
const struct subject_type device_subject;

#define NONE "this machine has no operations"

const struct operation *hotplug_next_operation(const struct hotplug *hotplug, const struct operation *last)
{
    (void)hotplug, (void)last;
    return NULL;
}

const struct operation *cpus_next_operation(const struct cpus *cpus, const struct operation *last)
{
    (void)cpus, (void)last;
    return NULL;
}

const struct device_operations *machine_device_operations(const struct machine *machine)
{
    (void)machine;
    return NULL;
}

struct operation *device_operations_next(const struct device_operations *devices,
                                         const struct operation *last)
{
    (void)devices, (void)last;
    return NULL;
}

bool cpus_set(struct cpus *cpus, uint32_t count, uint64_t deadline, uint64_t *first, uint64_t *last,
              struct error *error)
{
    (void)cpus, (void)count, (void)deadline, (void)first, (void)last;
    return error_set(error, NONE);
}

struct operations *hotplug_operations(struct hotplug *hotplug)
{
    return &hotplug->operations;
}

bool operations_cancel(struct operations *operations, uint64_t id, struct error *error)
{
    (void)operations;
    return error_set(error, "there is no operation %llu", (unsigned long long)id);
}

enum outcome hotplug_plug_auto_dimm(struct hotplug *hotplug, struct auto_dimm *auto_dimm,
                                    const struct completion *watcher, struct error *error)
{
    (void)hotplug, (void)auto_dimm, (void)watcher;
    error_set(error, NONE);
    return OUTCOME_FAILED;
}

struct operation *hotplug_unplug(struct hotplug *hotplug, const char *id, struct error *error)
{
    (void)hotplug, (void)id;
    error_set(error, NONE);
    return NULL;
}

void hotplug_cancel_plug(struct hotplug *hotplug, const char *memdev)
{
    (void)hotplug, (void)memdev;
}

bool hotplug_is_blocks(const struct hotplug *hotplug, const char *reference)
{
    (void)hotplug, (void)reference;
    return false;
}

struct operation *hotplug_change_blocks(struct hotplug *hotplug, const char *reference, char sign,
                                        uint64_t size, struct error *error)
{
    (void)hotplug, (void)reference, (void)sign, (void)size;
    error_set(error, NONE);
    return NULL;
}

struct operation *hotplug_operation_of(const struct hotplug *hotplug, const char *id)
{
    (void)hotplug, (void)id;
    return NULL;
}

void operation_set_deadline(struct operation *operation, uint64_t milliseconds)
{
    operation->deadline = milliseconds;
}

void operation_watch(struct operation *operation, struct operation_watcher *watcher)
{
    watcher->next = operation->watchers;
    operation->watchers = watcher;
}

void operation_unwatch(struct operation *operation, struct operation_watcher *watcher)
{
    (void)watcher;
    operation->watchers = NULL;
}

bool operation_cancel(struct operation *operation, struct error *error)
{
    (void)operation;
    return error_set(error, NONE);
}

bool resize_plan(struct hotplug *hotplug, const struct resize_request *request, const bool *fixed,
                 struct resize_plan *plan, struct error *error)
{
    (void)hotplug, (void)request, (void)fixed, (void)plan;
    return error_set(error, NONE);
}

struct resize_report *resize_report_plan(struct hotplug *hotplug, const struct resize_request *request,
                                         const struct resize_plan *plan)
{
    (void)hotplug, (void)request, (void)plan;
    return NULL;
}

bool resize_resolve(struct hotplug *hotplug, struct resize_request *request, char sign, struct error *error)
{
    (void)hotplug, (void)request, (void)sign;
    return error_set(error, NONE);
}

bool resize_begin(struct hotplug *hotplug, const struct resize_request *request,
                  struct resize_watcher *watcher, struct error *error)
{
    (void)hotplug, (void)request, (void)watcher;
    return error_set(error, NONE);
}

bool resize_is_running(const struct hotplug *hotplug)
{
    (void)hotplug;
    return false;
}

const struct resize_report *resize_report_current(const struct hotplug *hotplug)
{
    (void)hotplug;
    return NULL;
}

void resize_cancel(struct hotplug *hotplug)
{
    (void)hotplug;
}
