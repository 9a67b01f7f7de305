/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations and memory set as QMP shows them. See memory_json.h.
 */
#include "monitor/memory_json.h"

#include "base/json_build.h"
#include "hotplug/operation.h"
#include "hotplug/ost_codes.h"
#include "hotplug/resize_report.h"

static void add_text(struct json_object *object, const char *name, const char *text)
{
    if (text && text[0])
        add_string(object, name, text);
}

static void add_ost(struct json_object *object, const struct operation_info *info)
{
    struct json_object *ost = json_new_object();

    add_number(ost, "source", info->ost_event);
    add_number(ost, "status", info->ost_status);
    add_text(ost, "text", ost_text(info->ost_event, info->ost_status));
    json_add(object, "ost", ost);
}

/* What the guest itself says of a plug that is done. */
static void add_growth(struct json_object *object, const struct operation_info *info)
{
    static const char *const names[] = {
        [GROWTH_UNKNOWN] = "unknown", [GROWTH_YES] = "yes", [GROWTH_NO] = "no"
    };

    if (info->kind != OPERATION_PLUG || info->result != OPERATION_DONE)
        return;
    add_text(object, "verified", names[info->memory.growth.verdict]);
    if (info->memory.growth.verdict != GROWTH_UNKNOWN)
        add_number(object, "gained", info->memory.growth.gained);
}

static void add_holders(struct json_object *object, const struct operation_info *info)
{
    struct json_object *names = json_new_array();

    for (unsigned i = 0; i < info->holder_count; i++)
        json_append(names, json_new_string(info->holders[i]));
    json_add(object, "waits-for", names);
}

struct json_object *operation_json(const struct operation_info *info)
{
    struct json_object *object = json_new_object();

    add_number(object, "id", info->id);
    add_text(object, "device", info->device);
    if (info->type == &dimm_subject) {
        add_number(object, "slot", info->memory.slot);
        add_number(object, "size", info->memory.size);
    } else if (info->type == &blocks_subject) {
        add_number(object, "size", info->blocks.requested);
        add_number(object, "plugged", info->blocks.plugged);
    }
    if (info->type == &cpu_subject)
        add_number(object, "cpu-index", info->cpu.index);
    if (info->type == &device_subject)
        add_text(object, "path", info->path);
    add_text(object, "operation", operation_kind_name(info->kind));
    add_text(object, "result", operation_result_name(info->result));
    add_text(object, "reason", info->reason);
    add_text(object, "warning", info->warning);
    if (info->answered)
        add_ost(object, info);
    if (info->type == &dimm_subject)
        add_growth(object, info);
    if (info->type == &cpu_subject && info->cpu.started_known)
        add_bool(object, "started", info->cpu.started);
    if (info->waits)
        add_holders(object, info);
    add_number(object, "milliseconds", info->milliseconds);
    add_number(object, "deadline", info->deadline);
    if (info->late)
        add_bool(object, "late", true);
    return object;
}

struct json_object *operation_json_now(const struct operation *operation)
{
    struct operation_info info;

    operation_inspect(operation, &info);
    return operation_json(&info);
}

/* ---- memory set ---- */

static struct json_object *steps_json(const struct resize_report *report)
{
    struct json_object *array = json_new_array();

    for (uint32_t i = 0; i < report->step_count; i++) {
        const struct resize_report_step *step = &report->steps[i];
        struct json_object *object = json_new_object();

        add_string(object, "action", step->blocks ? "resize" : step->plug ? "plug" : "unplug");
        add_number(object, "size", step->size);
        if (step->blocks)
            add_number(object, "current", step->present);
        else
            add_number(object, "addr", step->addr);
        if (step->plug || step->blocks)
            add_number(object, "node", step->node);
        else
            add_number(object, "slot", step->slot);
        if (step->device)
            add_string(object, "device", step->device);
        json_append(array, object);
    }
    return array;
}

static struct json_object *operations_json(const struct resize_report *report)
{
    struct json_object *array = json_new_array();

    for (const struct operation_record *record = report->operations; record; record = record->next)
        json_append(array, operation_json(&record->info));
    if (report->in_progress)
        json_append(array, operation_json(report->in_progress));
    return array;
}

struct json_object *resize_json(const struct resize_report *report)
{
    struct json_object *object = json_new_object();

    add_number(object, "requested", report->requested);
    if (report->node_given)
        add_number(object, "node", report->node);
    add_number(object, "current", report->present);
    add_number(object, "result-size", report->reached);
    json_add(object, "plan", steps_json(report));
    if (!report->is_plan)
        json_add(object, "operations", operations_json(report));
    if (report->reason.text[0])
        add_string(object, "reason", report->reason.text);
    if (report->incomplete)
        json_fail(object);
    return object;
}
