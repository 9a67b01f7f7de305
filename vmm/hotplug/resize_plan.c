/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which DIMMs and blocks bring the guest to a size, or why none do.
 */
#include <stdlib.h>

#include "hotplug/mem.h"
#include "hotplug/resize.h"
#include "hotplug/resize_nearest.h"

static bool counts(const struct hotram_dimm *dimm, const struct resize_request *request)
{
    return (dimm->state == HOTRAM_DIMM_PLUGGED || dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED) &&
           (!request->node_given || dimm->node == request->node);
}

uint64_t resize_present(struct hotplug *hotplug, const struct resize_request *request)
{
    const struct hotplug_config *config = &hotplug->config;
    uint64_t size = request->node_given && config->node_ram ? config->node_ram[request->node]
                                                            : config->ram_size;

    machine_lock_take(hotplug->config.board->lock);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (counts(&hotplug->slots[slot], request))
            size += hotplug->slots[slot].size;
    machine_lock_release(hotplug->config.board->lock);
    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++) {
        const struct mem_device *mem = hotplug->mem[range];

        if (mem && (!request->node_given || mem->values.node == request->node))
            size += mem->sizes.plugged;
    }
    return size;
}

bool resize_check_enabled(const struct hotplug *hotplug, struct error *error)
{
    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++)
        if (hotplug->mem[range])
            return true;
    return hotplug_check_enabled(hotplug, error);
}

/* No number of DIMMs and blocks leads to it. */
static bool is_out_of_bounds(const struct resize_model *model, uint64_t size)
{
    const uint64_t ram = resize_model_ram(model);

    return size < ram || size > model->hotplug->config.ram_size + model->bank.config.capacity;
}

static bool plan(struct resize_model *model, const struct resize_request *request, struct resize_plan *plan,
                 struct error *error)
{
    const uint64_t size = request->size;
    struct resize_obstacle obstacle = { .status = HOTRAM_E_SIZE };
    bool good;

    model->present = resize_present(model->hotplug, request);
    plan->why.text[0] = '\0';
    good = !is_out_of_bounds(model, size) && resize_attempt(model, size, plan, &obstacle);
    if (good && plan->reached == size) {
        resize_model_name_slots(model, plan);
        return true;
    }
    /* Removals that miss it are a plan all the same, if the size is one that DIMMs and blocks can have. */
    good = good && (size - resize_model_base(model)) % resize_model_grain(model) == 0;
    resize_explain(model, &obstacle, size, good ? &plan->why : error); /* with plans of its own */
    if (good)
        resize_model_name_slots(model, plan);
    return good;
}

bool resize_plan(struct hotplug *hotplug, const struct resize_request *request, const bool *fixed,
                 struct resize_plan *result, struct error *error)
{
    struct resize_model *model = NULL;
    uint64_t align;
    bool good = resize_check_enabled(hotplug, error) &&
                (!request->node_given || hotplug_check_node(hotplug, request->node, error)) &&
                hotplug_try_template(hotplug, request->template, &align, error);

    if (good) {
        model = calloc(1, sizeof *model);
        good = model || error_set(error, "out of memory");
    }
    if (good) {
        model->align = align;
        resize_model_init(model, hotplug, request, fixed);
        good = plan(model, request, result, error);
    }
    free(model);
    return good;
}
