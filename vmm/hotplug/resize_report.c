/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a memory set says of itself. See resize_report.h.
 */
#include "hotplug/resize_report.h"

#include <stdlib.h>
#include <string.h>

#include "hotplug/mem.h"

/* The id of a step's device, or NULL. */
static const char *device_of(const struct hotplug *hotplug, const struct resize_step *step)
{
    if (step->blocks)
        return hotplug->mem[step->range]->virtio.pci.device.id;
    return step->step.action == HOTRAM_PLAN_UNPLUG && hotplug->dimm[step->step.slot]
               ? hotplug->dimm[step->step.slot]->device.id
               : NULL;
}

static void add_step(struct resize_report *report, const struct hotplug *hotplug,
                     const struct resize_step *planned)
{
    const bool plug = !planned->blocks && planned->step.action == HOTRAM_PLAN_PLUG;
    const char *device = device_of(hotplug, planned);
    struct resize_report_step *step = &report->steps[report->step_count++];

    *step = (struct resize_report_step){
        .plug = plug,
        .blocks = planned->blocks,
        .size = planned->blocks ? planned->requested : planned->step.size,
        .present = planned->present,
        .addr = planned->step.addr,
        .node = planned->node,
        .slot = planned->step.slot,
    };
    if (device) {
        step->device = strdup(device);
        report->incomplete |= !step->device;
    }
}

struct resize_report *resize_report_new(struct hotplug *hotplug, const struct resize_request *request,
                                        const struct resize_plan *plan)
{
    struct resize_report *report = calloc(1, sizeof *report);

    if (!report)
        return NULL;
    *report = (struct resize_report){
        .users = 1,
        .requested = request->size,
        .node_given = request->node_given,
        .node = request->node,
        .present = plan->present,
        .reached = plan->reached,
        .steps = calloc(plan->count + 1, sizeof *report->steps),
        .last = &report->operations,
    };
    for (uint32_t i = 0; report->steps && i < plan->count; i++)
        add_step(report, hotplug, &plan->steps[i]);
    if (report->steps && !report->incomplete)
        return report;
    resize_report_release(report);
    return NULL;
}

void resize_report_add(struct resize_report *report, const struct operation *operation)
{
    const size_t length = operation->subject.id ? strlen(operation->subject.id) + 1 : 0;
    struct operation_record *record = malloc(sizeof *record + length);

    if (!record) {
        report->incomplete = true;
        return;
    }
    operation_inspect(operation, &record->info);
    if (operation->subject.id)
        record->info.device = memcpy(record->device, operation->subject.id, length);
    record->next = NULL;
    *report->last = record;
    report->last = &record->next;
}

void resize_report_hold(const struct resize_report *report)
{
    ((struct resize_report *)report)->users++; /* which is no part of what it says */
}

void resize_report_release(const struct resize_report *shared)
{
    struct resize_report *report = (struct resize_report *)shared;
    struct operation_record *record;

    if (!report || --report->users > 0)
        return;
    while ((record = report->operations) != NULL) {
        report->operations = record->next;
        free(record);
    }
    for (uint32_t i = 0; i < report->step_count; i++)
        free(report->steps[i].device);
    free(report->steps);
    free(report);
}
