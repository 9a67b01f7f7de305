/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DIMMs that bring their own memory: made by size, with an object that is made with them and goes with them.
 * For memory plug, memory set and memslots.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_build.h"
#include "hotplug/state.h"
#include "memory/backend_memory.h"

#define DEFAULT_TEMPLATE "memory-backend-ram"

/* Its memory is there, at once or after a while: the DIMM takes it over and is shown. On failure the object
 * is gone. */
static bool finish(struct dimm *dimm, struct backend *backend, struct error *error)
{
    struct hotplug *hotplug = dimm->hotplug;

    if (dimm_use(dimm, backend, error) && dimm_show(dimm, error))
        return true;
    free(backend->used_by);
    backend->used_by = NULL;
    dimm->backend = NULL;
    backend_del(hotplug->config.backends, backend->id, NULL, NULL);
    return false;
}

/* The allocation of its memory has ended; when it failed, the object is gone already. */
static void brought(void *opaque, const struct error *why)
{
    struct dimm *dimm = opaque;
    struct completion watcher = dimm->watcher;
    struct backend *backend = dimm->backend;
    struct error error;

    dimm->backend = NULL;
    if (!why && !finish(dimm, backend, &error))
        why = &error;
    if (why)
        dimm_take_back(dimm);
    watcher.ended(watcher.opaque, why);
}

enum outcome dimm_bring(struct dimm *dimm, struct props props, const struct completion *watcher,
                        struct error *error)
{
    const struct completion self = { brought, dimm_progress, dimm };
    struct backends *backends = dimm->hotplug->config.backends;
    enum outcome outcome = backend_add_begin(backends, props, &self, error);
    struct backend *backend;

    if (outcome == OUTCOME_FAILED)
        return OUTCOME_FAILED;
    backend = backend_find(backends, props_string(props, "id", NULL));
    dimm->owns_backend = true;
    if (outcome == OUTCOME_DONE)
        return finish(dimm, backend, error) ? OUTCOME_DONE : OUTCOME_FAILED;
    dimm->backend = backend;
    if (watcher)
        dimm->watcher = *watcher;
    return OUTCOME_LATER;
}

/* "dimm0" ... the first that nobody has, nor its object. */
static void choose_id(const struct hotplug *hotplug, char id[MODULE_ID])
{
    char memory[MODULE_ID + 8];
    unsigned number = 0;

    do {
        snprintf(id, MODULE_ID, "dimm%u", number++);
        snprintf(memory, sizeof memory, "memory.%s", id);
    } while (hotplug_find(hotplug, id) || hotplug_find_memslot(hotplug, id) ||
             backend_find(hotplug->config.backends, memory));
}

/* The properties of its object: those of the template, and id and size. */
static struct json_object *make_properties(const char *template, const char *id, uint64_t size, bool *keyval,
                                           struct error *error)
{
    struct json_object *object = props_parse(template, "qom-type", keyval, error);
    static const char *const own[] = { "id", "size" };
    char number[24];

    if (!object)
        return NULL;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (json_object_object_get(object, own[i])) {
            error_set(error, "template '%.100s': '%s' is each DIMM's own and can't be in it", template,
                      own[i]);
            json_object_put(object);
            return NULL;
        }
    snprintf(number, sizeof number, "%llu", (unsigned long long)size);
    add_string(object, "id", id);
    json_add(object, "size", *keyval ? json_new_string(number) : json_new_number(size));
    if (json_check(object, error))
        return object;
    json_object_put(object);
    return NULL;
}

static const char *template_of(const struct hotplug *hotplug, const char *given)
{
    if (given)
        return given;
    return hotplug->config.template ? hotplug->config.template : DEFAULT_TEMPLATE;
}

bool hotplug_try_template(struct hotplug *hotplug, const char *template, uint64_t *align, struct error *error)
{
    struct json_object *object;
    struct props props;
    bool good;

    template = template_of(hotplug, template);
    object = make_properties(template, "memory", hotplug_granularity(hotplug), &props.keyval, error);
    if (!object)
        return false;
    props.object = object;
    good = backend_try(hotplug->config.backends, props, align, error) ||
           error_prefix(error, "template '%.100s': ", template);
    json_object_put(object);
    if (good && align)
        *align = hotplug_alignment(hotplug, *align);
    return good;
}

/* A place for it, kept until its memory is there. */
static struct dimm *place(struct hotplug *hotplug, const struct module *module, uint64_t align,
                          struct error *error)
{
    struct hotram_dimm_request request = {
        .slot = module->slot,
        .slot_given = module->slot_given,
        .addr = module->addr,
        .addr_given = module->addr_given,
        .size = module->size,
        .align = align,
        .node = module->node_given ? module->node : hotplug->config.default_node,
    };
    struct hotram_dimm_result result;
    struct dimm *dimm;

    if (!hotplug_check_node(hotplug, request.node, error) ||
        !hotplug_reserve(hotplug, &request, true, &result, error))
        return NULL;
    dimm = dimm_create(hotplug, result.slot, module->id, module->size, true, error);
    if (!dimm)
        hotplug_cancel_slot(hotplug, result.slot);
    return dimm;
}

static enum outcome plug(struct hotplug *hotplug, struct module *module, struct props props,
                         const struct completion *watcher, struct error *error)
{
    enum outcome outcome = OUTCOME_FAILED;
    uint64_t align;
    struct dimm *dimm;

    if (!hotplug_try_template(hotplug, module->template, &align, error))
        return OUTCOME_FAILED;
    dimm = place(hotplug, module, align, error);
    if (dimm) {
        outcome = dimm_bring(dimm, props, watcher, error);
        if (outcome == OUTCOME_FAILED)
            dimm_take_back(dimm);
    }
    return outcome;
}

enum outcome hotplug_plug_module(struct hotplug *hotplug, struct module *module,
                                 const struct completion *watcher, struct error *error)
{
    char memory[DIMM_PATH];
    enum outcome outcome;
    struct props props;

    if (!hotplug_check_enabled(hotplug, error))
        return OUTCOME_FAILED;
    if (!module->id) {
        choose_id(hotplug, module->made_id);
        module->id = module->made_id;
    } else if (!hotplug_check_id(hotplug, module->id, error)) {
        return OUTCOME_FAILED;
    }
    snprintf(memory, sizeof memory, "memory.%s", module->id);
    props.object = make_properties(template_of(hotplug, module->template), memory, module->size,
                                   &props.keyval, error);
    if (!props.object)
        return OUTCOME_FAILED;
    outcome = plug(hotplug, module, props, watcher, error);
    json_object_put(props.object);
    return outcome;
}
