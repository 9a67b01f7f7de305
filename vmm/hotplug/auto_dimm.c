/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DIMMs that bring their own memory: made by size, with an object that is made with them and goes with them.
 * For memory plug, memory set and memslots.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "hotplug/state.h"
#include "memory/backend_memory.h"

#define DEFAULT_TEMPLATE "memory-backend-ram"

/* The allocation of its memory has ended; when it failed, the object is gone already. */
static void populated(void *opaque, const struct error *why)
{
    struct dimm *dimm = opaque;
    const struct completion watcher = dimm->watcher;
    struct backend *backend = dimm->backend;
    enum outcome outcome = OUTCOME_FAILED;
    struct error error;

    dimm->backend = NULL;
    if (!why)
        outcome = dimm_use(dimm, backend, &error) ? dimm_show(dimm, &watcher, &error) : OUTCOME_FAILED;
    if (!why)
        dimm->backend = backend;
    if (outcome == OUTCOME_FAILED)
        dimm_give_up(dimm, why ? why : &error);
    else if (outcome == OUTCOME_DONE)
        watcher.ended(watcher.opaque, NULL);
}

/* On failure the object is gone. */
static enum outcome attach_backend(struct dimm *dimm, struct backend *backend,
                                   const struct completion *watcher, struct error *error)
{
    enum outcome outcome = dimm_use(dimm, backend, error) ? dimm_show(dimm, watcher, error) : OUTCOME_FAILED;

    if (outcome != OUTCOME_FAILED)
        return outcome;
    free(backend->used_by);
    backend->used_by = NULL;
    dimm->backend = NULL;
    backend_del(dimm->hotplug->config.backends, backend->id, NULL, NULL);
    return OUTCOME_FAILED;
}

enum outcome dimm_populate(struct dimm *dimm, struct props props, const struct completion *watcher,
                           struct error *error)
{
    const struct completion self = { populated, dimm_populate_progress, dimm };
    struct backends *backends = dimm->hotplug->config.backends;
    enum outcome outcome = backend_add_begin(backends, props, &self, error);
    struct backend *backend;

    if (outcome == OUTCOME_FAILED)
        return OUTCOME_FAILED;
    backend = backend_find(backends, props_string(props, "id", NULL));
    dimm->owns_backend = true;
    if (outcome == OUTCOME_DONE)
        return attach_backend(dimm, backend, watcher, error);
    dimm->backend = backend;
    dimm->watcher = *watcher;
    return OUTCOME_LATER;
}

/* "dimm0" ... the first that nobody has, nor its object. */
static void choose_id(const struct hotplug *hotplug, char id[AUTO_DIMM_ID_SIZE])
{
    char memory[AUTO_DIMM_ID_SIZE + 8];
    unsigned number = 0;

    do {
        snprintf(id, AUTO_DIMM_ID_SIZE, "dimm%u", number++);
        snprintf(memory, sizeof memory, "memory.%s", id);
    } while (hotplug_find(hotplug, id) || hotplug_find_memslot(hotplug, id) ||
             backend_find(hotplug->config.backends, memory));
}

/* The properties of its object: those of the template, and id and size. */
static bool make_properties(struct props *props, const char *template, const char *id, uint64_t size,
                            struct error *error)
{
    static const char *const own[] = { "id", "size" };

    *props = props_new_parsed(template, "qom-type", error);
    if (!props->object)
        return false;
    for (size_t i = 0; i < COUNT_OF(own); i++)
        if (props_has(*props, own[i])) {
            props_release(*props);
            return error_set(error,
                             "template '%.100s': '%s' is set for each DIMM and is not allowed in a template",
                             template, own[i]);
        }
    props_set_string(*props, "id", id);
    props_set_size(*props, "size", size);
    if (props_check(*props, error))
        return true;
    props_release(*props);
    return false;
}

static const char *template_of(const struct hotplug *hotplug, const char *given)
{
    if (given)
        return given;
    return hotplug->config.template ? hotplug->config.template : DEFAULT_TEMPLATE;
}

bool hotplug_try_template(struct hotplug *hotplug, const char *template, uint64_t *align, struct error *error)
{
    struct props props;
    bool good;

    template = template_of(hotplug, template);
    if (!make_properties(&props, template, "memory", hotplug_granularity(hotplug), error))
        return false;
    good = backend_try(hotplug->config.backends, props, align, error) ||
           error_prefix(error, "template '%.100s': ", template);
    props_release(props);
    if (good && align)
        *align = hotplug_alignment(hotplug, *align);
    return good;
}

/* A place for it, kept until its memory is there. */
static struct dimm *reserve_place(struct hotplug *hotplug, const struct auto_dimm *auto_dimm, uint64_t align,
                                  struct error *error)
{
    const struct hotram_dimm_request request = hotplug_place_request(hotplug, &auto_dimm->place,
                                                                     auto_dimm->size, align);
    struct hotram_dimm_result result;
    struct dimm *dimm;

    if (!hotplug_check_node(hotplug, request.node, error) ||
        !hotplug_reserve(hotplug, &request, (struct reserver){ true, "addr" }, &result, error))
        return NULL;
    dimm = dimm_create(hotplug, result.slot, auto_dimm->id, auto_dimm->size, true, error);
    if (!dimm)
        hotplug_cancel_slot(hotplug, result.slot);
    return dimm;
}

static enum outcome plug_with_properties(struct hotplug *hotplug, struct auto_dimm *auto_dimm,
                                         struct props props, const struct completion *watcher,
                                         struct error *error)
{
    enum outcome outcome = OUTCOME_FAILED;
    uint64_t align;
    struct dimm *dimm;

    if (!hotplug_try_template(hotplug, auto_dimm->template, &align, error))
        return OUTCOME_FAILED;
    dimm = reserve_place(hotplug, auto_dimm, align, error);
    if (dimm) {
        outcome = dimm_populate(dimm, props, watcher, error);
        if (outcome == OUTCOME_FAILED)
            dimm_abort(dimm);
    }
    return outcome;
}

enum outcome hotplug_plug_auto_dimm(struct hotplug *hotplug, struct auto_dimm *auto_dimm,
                                    const struct completion *watcher, struct error *error)
{
    char memory[DIMM_ID_SIZE];
    enum outcome outcome;
    struct props props;

    if (!hotplug_check_enabled(hotplug, error))
        return OUTCOME_FAILED;
    if (!auto_dimm->id) {
        choose_id(hotplug, auto_dimm->made_id);
        auto_dimm->id = auto_dimm->made_id;
    } else if (!hotplug_check_id(hotplug, auto_dimm->id, error)) {
        return OUTCOME_FAILED;
    }
    snprintf(memory, sizeof memory, "memory.%s", auto_dimm->id);
    if (!make_properties(&props, template_of(hotplug, auto_dimm->template), memory, auto_dimm->size, error))
        return OUTCOME_FAILED;
    outcome = plug_with_properties(hotplug, auto_dimm, props, watcher, error);
    props_release(props);
    return outcome;
}
