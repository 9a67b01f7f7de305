/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RAM at start: which backends its bytes are. They lie one behind the other, by node.
 */
#include <string.h>

#include "base/config.h"
#include "firmware/flash.h"
#include "hotplug/mem.h"
#include "machine/state.h"
#include "memory/backend.h"
#include "virtio/device.h"

static bool wants_objects(const struct config *config)
{
    for (uint32_t node = 0; node < config->numa.nodes; node++)
        if (config->numa.memdev[node])
            return true;
    return config->ram_backend != NULL;
}

static bool claim(struct machine *machine, struct backend *backend, struct error *error)
{
    if (backend->readonly)
        return error_set(
            error,
            "Memory backend '%s' has readonly=on, but the guest writes to RAM; create it without readonly, with share=off to leave the file unchanged",
            backend->id);
    backend->used_by = strdup("RAM");
    if (!backend->used_by)
        return error_set(error, "out of memory");
    machine->ram[machine->ram_count++] = backend;
    return true;
}

bool ram_is_shared(const struct config *config)
{
    for (size_t i = 0; i < config->device_count; i++) {
        const struct props props = { config->devices[i].object, config->devices[i].keyval };
        const char *name = props_string(props, "driver", NULL);
        const struct device_type *type = name ? device_type_find(name) : NULL;

        if (type && type->virtio && type->virtio->shares_memory)
            return true;
    }
    for (size_t i = 0; i < config->netdev_count; i++) {
        const struct props props = { config->netdevs[i].object, config->netdevs[i].keyval };
        const char *name = props_string(props, "type", NULL);

        if (name && strcmp(name, "vhost-user") == 0)
            return true;
    }
    return false;
}

bool ram_create(struct machine *machine, struct error *error)
{
    struct props props;
    struct backend *backend;

    if (wants_objects(machine->config))
        return true;
    props = props_new();
    props_set_string(props, "qom-type", "memory-backend-ram");
    props_set_string(props, "id", BACKEND_OF_RAM);
    props_set_size(props, "size", machine->config->ram_size);
    backend = props_check(props, error) ? backend_add(machine->backends, props, error) : NULL;
    props_release(props);
    if (!backend)
        return machine->config->memory ? error_prefix(error, "-m %.200s: ", machine->config->memory) : false;
    return claim(machine, backend, error);
}

bool ram_claim_objects(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;

    /* The command line was checked: they are there, nobody uses them, and their sizes are the RAM's. */
    if (config->ram_backend)
        return claim(machine, backend_find(machine->backends, config->ram_backend), error);
    for (uint32_t node = 0; node < config->numa.nodes; node++)
        if (config->numa.memdev[node] &&
            !claim(machine, backend_find(machine->backends, config->numa.memdev[node]), error))
            return false;
    return true;
}

static bool has_device(const struct config *config, const char *driver)
{
    bool found = false;

    for (size_t i = 0; i < config->device_count && !found; i++) {
        const struct props props = { config->devices[i].object, config->devices[i].keyval };
        const char *name = props_string(props, "driver", NULL);

        found = name && strcmp(name, driver) == 0;
    }
    return found;
}

/* What virtio-mem devices can have, which find out for themselves whether it is enough. */
static unsigned left_for_blocks(const struct machine *machine, unsigned others)
{
    const unsigned left = machine->vm.kvm_slots_max > others ? machine->vm.kvm_slots_max - others : 0;

    return machine->region_size == 0 ? 0 : left < MEM_KVM_SLOTS ? left : MEM_KVM_SLOTS;
}

/* One for each backend of the RAM, one more where the hole below 4 GiB cuts one, one for firmware, one for
 * each DIMM, some for virtio-mem; one for each bank of flash, and one for a generation id. */
bool ram_reckon_kvm_slots(struct machine *machine, unsigned *kvm_slots, struct error *error)
{
    const struct config *config = machine->config;
    const unsigned flash = flash_has_bank(config, 0) || flash_has_bank(config, 1) ? FLASH_BANKS : 0;
    const unsigned fixed = flash + has_device(config, "vmgenid");
    const unsigned others = machine->ram_count + 1 + (machine->rom.path != NULL) + fixed;

    machine->mem_chunks = left_for_blocks(machine, others + config->slots);
    *kvm_slots = others - fixed + config->slots + machine->mem_chunks;
    machine->board.flash_kvm_slot = *kvm_slots;
    machine->board.generation_kvm_slot = *kvm_slots + flash;
    return others + config->slots <= machine->vm.kvm_slots_max ||
           error_set(
               error,
               "-m slots=%u needs %u KVM slots; this host provides %u, so at most %u slots are possible",
               config->slots, others + config->slots, machine->vm.kvm_slots_max,
               machine->vm.kvm_slots_max - others);
}
