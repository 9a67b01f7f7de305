/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_machine.h"

#include <hotram/memhp.h>
#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>

#include "hotplug/hotplug.h"
#include "kvm/vm.h"
#include "memory/backend.h"

struct backends {
    struct backend *first;
};

struct hotplug {
    struct machine *machine;
    struct dimm_info dimms[FAKE_SLOTS]; /* strings owned; size 0: empty */
};

struct machine {
    struct config *config;
    machine_event_sink *sink;
    void *opaque;
    enum run_state state;
    unsigned quits;
    struct backends backends;
    struct hotplug hotplug;
};

/* kvm/vm.h ------------------------------------------------------------------------------------------- */

bool kvm_available(void)
{
    return false; /* so that query-kvm's answer does not depend on the machine under the tests */
}

/* machine.h ------------------------------------------------------------------------------------------ */

struct machine *fake_machine_create(struct config *config)
{
    struct machine *machine = calloc(1, sizeof *machine);

    machine->config = config;
    machine->hotplug.machine = machine;
    return machine;
}

static void empty_slot(struct dimm_info *info)
{
    free((char *)info->id);
    free((char *)info->memdev);
    *info = (struct dimm_info){ 0 };
}

static void backend_free(struct backend *backend)
{
    free(backend->id);
    free(backend->mem_path);
    free(backend->used_by);
    free(backend);
}

void fake_machine_destroy(struct machine *machine)
{
    for (uint32_t slot = 0; slot < FAKE_SLOTS; slot++)
        empty_slot(&machine->hotplug.dimms[slot]);
    while (machine->backends.first) {
        struct backend *backend = machine->backends.first;

        machine->backends.first = backend->next;
        backend_free(backend);
    }
    free(machine);
}

unsigned fake_machine_quits(const struct machine *machine)
{
    return machine->quits;
}

void machine_set_event_sink(struct machine *machine, machine_event_sink *sink, void *opaque)
{
    machine->sink = sink;
    machine->opaque = opaque;
}

void machine_emit(struct machine *machine, const char *event, struct json_object *data)
{
    if (machine->sink)
        machine->sink(machine->opaque, event, data);
    else
        json_object_put(data);
}

enum run_state machine_run_state(const struct machine *machine)
{
    return machine->state;
}

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = { "prelaunch", "running", "paused", "shutdown", "internal-error" };

    return names[state];
}

void machine_stop(struct machine *machine)
{
    if (machine->state != RUN_RUNNING)
        return;
    machine->state = RUN_PAUSED;
    machine_emit(machine, "STOP", NULL);
}

bool machine_cont(struct machine *machine, struct error *error)
{
    if (machine->state == RUN_SHUTDOWN)
        return error_set(error, "Resetting the Virtual Machine is required");
    machine->state = RUN_RUNNING;
    machine_emit(machine, "RESUME", NULL);
    return true;
}

void machine_reset(struct machine *machine, enum shutdown_cause cause)
{
    struct json_object *data = json_object_new_object();

    json_object_object_add(data, "guest", json_object_new_boolean(cause == CAUSE_GUEST_RESET));
    json_object_object_add(data, "reason", json_object_new_string("host-qmp-system-reset"));
    machine_emit(machine, "RESET", data);
}

void machine_powerdown(struct machine *machine)
{
    machine_emit(machine, "POWERDOWN", NULL);
}

void machine_quit(struct machine *machine, enum shutdown_cause cause)
{
    (void)cause;
    machine->quits++;
}

const struct config *machine_config(const struct machine *machine)
{
    return machine->config;
}

struct hotplug *machine_hotplug(struct machine *machine)
{
    return &machine->hotplug;
}

struct backends *machine_backends(struct machine *machine)
{
    return &machine->backends;
}

int machine_vcpu_tid(const struct machine *machine, unsigned index)
{
    (void)machine;
    return 1000 + (int)index;
}

uint64_t machine_exit_count(const struct machine *machine)
{
    (void)machine;
    return UINT64_C(18446744073709551615);
}

/* backend.h ------------------------------------------------------------------------------------------ */

struct backend_values {
    uint64_t size;
    bool share;
    char *mem_path;
};

static const struct property ram_table[] = {
    { "size", PROPERTY_SIZE, offsetof(struct backend_values, size), PROPERTY_NO_GIVEN, "how much" },
    { "share", PROPERTY_BOOL, offsetof(struct backend_values, share), PROPERTY_NO_GIVEN, "with others" },
};

static const struct property file_table[] = {
    { "size", PROPERTY_SIZE, offsetof(struct backend_values, size), PROPERTY_NO_GIVEN, "how much" },
    { "mem-path", PROPERTY_STRING, offsetof(struct backend_values, mem_path), PROPERTY_NO_GIVEN, "where" },
};

const struct backend_type backend_types[] = {
    { "memory-backend-ram", BACKEND_RAM, ram_table, 2 },
    { "memory-backend-file", BACKEND_FILE, file_table, 2 },
};
const size_t backend_type_count = 2;

struct backend *backend_find(const struct backends *backends, const char *id)
{
    struct backend *backend = backends->first;

    while (backend && strcmp(backend->id, id) != 0)
        backend = backend->next;
    return backend;
}

struct backend *backend_next(const struct backends *backends, const struct backend *backend)
{
    return backend ? backend->next : backends->first;
}

struct backend *backend_add(struct backends *backends, struct props props, struct error *error)
{
    static const char *const names[] = { "qom-type", "id", NULL };
    struct backend_values values = { 0 };
    const char *id = props_string(props, "id", error);
    struct backend **link = &backends->first;
    struct backend *backend;

    if (!id || backend_find(backends, id)) {
        error_set(error, "no id, or taken");
        return NULL;
    }
    if (!props_read(props, file_table, 2, names, "memory-backend-file", &values, error))
        return NULL;
    backend = calloc(1, sizeof *backend);
    *backend =
        (struct backend){ .id = strdup(id), .size = values.size, .mem_path = values.mem_path, .dump = true };
    while (*link)
        link = &(*link)->next;
    *link = backend;
    return backend;
}

bool backend_del(struct backends *backends, const char *id, struct error *error)
{
    struct backend **link = &backends->first;
    struct backend *backend;

    while (*link && strcmp((*link)->id, id) != 0)
        link = &(*link)->next;
    if (!*link)
        return error_set(error, "object '%s' not found", id);
    backend = *link;
    if (backend->used_by)
        return error_set(error, "object '%s' is in use, can not be deleted", id);
    *link = backend->next;
    backend_free(backend);
    return true;
}

/* hotplug.h ------------------------------------------------------------------------------------------ */

struct dimm_values {
    char *memdev;
    int32_t slot;
    uint64_t addr;
    uint32_t node;
};

const struct property pc_dimm_properties[] = {
    { "memdev", PROPERTY_STRING, offsetof(struct dimm_values, memdev), PROPERTY_NO_GIVEN, "its memory" },
    { "slot", PROPERTY_INT32, offsetof(struct dimm_values, slot), PROPERTY_NO_GIVEN, "where" },
    { "addr", PROPERTY_UINT64, offsetof(struct dimm_values, addr), PROPERTY_NO_GIVEN, "where" },
    { "node", PROPERTY_UINT32, offsetof(struct dimm_values, node), PROPERTY_NO_GIVEN, "near whom" },
};
const size_t pc_dimm_property_count = 4;

static bool plug(struct hotplug *hotplug, struct props props, const struct dimm_values *values,
                 struct error *error)
{
    struct backend *backend = values->memdev ? backend_find(&hotplug->machine->backends, values->memdev)
                                             : NULL;
    const char *id = props_string(props, "id", NULL);
    uint32_t slot = (uint32_t)values->slot;

    if (!backend || backend->used_by)
        return error_set(error, "memdev missing or busy");
    while (values->slot < 0 && ++slot < FAKE_SLOTS - 1 && hotplug->dimms[slot].size)
        ;
    if (slot >= FAKE_SLOTS || hotplug->dimms[slot].size)
        return error_set(error, "slot %u is taken", slot);
    hotplug->dimms[slot] = (struct dimm_info){
        .id = id ? strdup(id) : NULL,
        .memdev = strdup(backend->id),
        .size = backend->size,
        .slot = slot,
        .addr = values->addr ? values->addr : 0x100000000 + ((uint64_t)slot << 27),
        .node = values->node,
        .hotplugged = true,
        .hotpluggable = true,
        .state = HOTRAM_DIMM_PLUGGED,
    };
    backend->used_by = strdup(id ? id : "(no id)");
    return true;
}

bool hotplug_device_add(struct hotplug *hotplug, struct props props, bool hot, struct error *error)
{
    static const char *const names[] = { "driver", "id", NULL };
    struct dimm_values values = { .slot = -1 };
    const char *driver = props_string(props, "driver", error);
    bool done;

    (void)hot;
    if (!driver || strcmp(driver, "pc-dimm") != 0)
        return error_set(error, "'%s' is not a valid device model name", driver ? driver : "");
    if (!props_read(props, pc_dimm_properties, 4, names, "pc-dimm", &values, error))
        return false;
    done = plug(hotplug, props, &values, error);
    props_free(pc_dimm_properties, 4, &values);
    return done;
}

bool hotplug_device_del(struct hotplug *hotplug, const char *id, struct error *error)
{
    for (uint32_t slot = 0; slot < FAKE_SLOTS; slot++) {
        struct dimm_info *info = &hotplug->dimms[slot];
        struct backend *backend;
        struct json_object *data;

        if (!info->id || strcmp(info->id, id) != 0)
            continue;
        backend = backend_find(&hotplug->machine->backends, info->memdev);
        free(backend->used_by);
        backend->used_by = NULL;
        empty_slot(info);
        data = json_object_new_object();
        json_object_object_add(data, "device", json_object_new_string(id));
        machine_emit(hotplug->machine, "DEVICE_DELETED", data);
        return true;
    }
    return error_set_class(error, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", id);
}

uint32_t hotplug_slots(const struct hotplug *hotplug)
{
    return hotplug->machine->config->slots;
}

uint32_t hotplug_selector(const struct hotplug *hotplug)
{
    (void)hotplug;
    return 1;
}

bool hotplug_next(struct hotplug *hotplug, uint32_t *slot, struct dimm_info *info)
{
    uint32_t next = *slot == HOTRAM_SLOT_ANY ? 0 : *slot + 1;

    while (next < FAKE_SLOTS && !hotplug->dimms[next].size)
        next++;
    if (next == FAKE_SLOTS)
        return false;
    *slot = next;
    *info = hotplug->dimms[next];
    return true;
}

void hotplug_ospm(struct hotplug *hotplug, uint32_t slot, struct ospm_info *info)
{
    *info =
        (struct ospm_info){ .device = hotplug->dimms[slot].id, .slot = slot, .source = slot, .status = 0 };
}

void hotplug_slot(struct hotplug *hotplug, uint32_t slot, struct slot_info *info)
{
    const struct dimm_info *dimm = &hotplug->dimms[slot];

    *info = (struct slot_info){ .slot = slot,
                                .addr = dimm->addr,
                                .size = dimm->size,
                                .node = dimm->node,
                                .flags = dimm->size ? HOTRAM_MEMHP_ENABLED | HOTRAM_MEMHP_INSERT : 0,
                                .state = dimm->state };
}

uint64_t hotplug_plugged_size(struct hotplug *hotplug)
{
    uint64_t size = 0;

    for (uint32_t slot = 0; slot < FAKE_SLOTS; slot++)
        size += hotplug->dimms[slot].size;
    return size;
}

void hotplug_region(const struct hotplug *hotplug, uint64_t *base, uint64_t *size)
{
    (void)hotplug;
    *base = 0x100000000;
    *size = 0x138000000;
}
