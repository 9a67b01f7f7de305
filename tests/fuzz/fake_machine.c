/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_machine.h"

#include <hotram/memhp.h>
#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "block/node.h"
#include "device/device.h"
#include "hotplug/cpus.h"
#include "hotplug/hotplug.h"
#include "hotplug/pc_dimm.h"
#include "kvm/vm.h"
#include "machine/migration.h"
#include "machine/snapshot.h"
#include "memory/backend.h"
#include "net/backend.h"

/* A question for what is resident, that the event loop answers. */
struct fake_count {
    struct backends *backends;
    struct fake_count *next;
    struct work work;
    void (*counted)(void *opaque);
    void (*dropped)(void *opaque);
    void *opaque;
};

struct backends {
    struct loop *loop;
    struct fake_count *counts;
    struct backend *first;
    struct backend *cancelled;
    struct work cancel; /* lets the cancelled one end, from the event loop as in the program */
};

struct hotplug {
    struct machine *machine;
    struct dimm_info dimms[FAKE_SLOTS]; /* strings owned; size 0: empty */
    bool memslot;                       /* is populated */
};

struct machine {
    struct config *config;
    event_sink *sink;
    void *opaque;
    enum run_state state;
    struct backends backends;
    struct hotplug hotplug;
    struct block_nodes *blocks;
    struct net_backends *nets;
    struct board board;
    struct migration migration;
};

/* kvm/vm.h ------------------------------------------------------------------------------------------- */

bool kvm_available(void)
{
    return false; /* so that an input has the same effect on each machine */
}

/* machine.h ------------------------------------------------------------------------------------------ */

static void finish_cancelled(void *opaque)
{
    struct machine *machine = opaque;

    fake_machine_finish(machine, machine->backends.cancelled->id, "cancelled");
}

struct machine *fake_machine_create(struct config *config, struct loop *loop)
{
    struct machine *machine = calloc(1, sizeof *machine);

    machine->backends.loop = loop;
    machine->backends.cancel = (struct work){ .run = finish_cancelled, .opaque = machine };

    machine->config = config;
    machine->blocks = block_nodes_create();
    machine->nets = net_backends_create(loop, NULL, NULL);
    machine->hotplug.machine = machine;
    machine->board.hotplug = &machine->hotplug;
    return machine;
}

static void empty_slot(struct dimm_info *info)
{
    if (info->device) {
        device_delist((struct device *)info->device);
        free((struct device *)info->device);
    }
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
    loop_cancel(machine->backends.loop, &machine->backends.cancel);
    while (machine->backends.counts) {
        struct fake_count *count = machine->backends.counts;

        machine->backends.counts = count->next;
        loop_cancel(machine->backends.loop, &count->work);
        count->dropped(count->opaque);
        free(count);
    }
    for (uint32_t slot = 0; slot < FAKE_SLOTS; slot++)
        empty_slot(&machine->hotplug.dimms[slot]);
    while (machine->backends.first) {
        struct backend *backend = machine->backends.first;

        machine->backends.first = backend->next;
        if (backend->adder.ended)
            backend->adder.ended(backend->adder.opaque, &(struct error){ .text = "the program ends" });
        backend_free(backend);
    }
    block_nodes_destroy(machine->blocks);
    net_backends_destroy(machine->nets);
    free(machine);
}

struct net_backends *machine_nets(struct machine *machine)
{
    return machine->nets;
}

struct block_nodes *machine_blocks(struct machine *machine)
{
    return machine->blocks;
}

struct actions *machine_actions(struct machine *machine)
{
    return &machine->config->actions;
}

void machine_set_event_sink(struct machine *machine, event_sink *sink, void *opaque)
{
    machine->sink = sink;
    machine->opaque = opaque;
}

void machine_emit(struct machine *machine, const struct event *event)
{
    if (machine->sink)
        machine->sink(machine->opaque, event);
}

void machine_emit_kind(struct machine *machine, enum event_kind kind)
{
    machine_emit(machine, &(struct event){ .kind = kind });
}

enum run_state machine_run_state(const struct machine *machine)
{
    return machine->state;
}

const char *machine_stopped(const struct machine *machine)
{
    return machine->state == RUN_RUNNING ? NULL : "the guest is stopped; cont resumes it";
}

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = { "prelaunch", "running",        "paused",
                                         "shutdown",  "internal-error", "preconfig" };

    return names[state];
}

bool machine_exit_preconfig(struct machine *machine, struct error *error)
{
    (void)machine;
    return error_set(error, "The command is permitted only before machine initialization");
}

bool machine_stop(struct machine *machine, struct machine_waiter *waiter)
{
    (void)waiter; /* no device is busy */
    if (machine->state != RUN_RUNNING)
        return false;
    machine->state = RUN_PAUSED;
    machine_emit_kind(machine, EVENT_STOP);
    return false;
}

const char *machine_busy(const struct machine *machine)
{
    (void)machine;
    return NULL;
}

bool machine_is_saving(const struct machine *machine)
{
    (void)machine;
    return false;
}

struct migration *machine_migration(struct machine *machine)
{
    return &machine->migration;
}

bool machine_has_saved_form(struct machine *machine, struct error *error)
{
    (void)machine, (void)error;
    return true;
}

bool machine_migrate(struct machine *machine, const char *uri, struct error *error)
{
    (void)machine;
    return error_set(error, "cannot connect to '%s'", uri);
}

bool machine_incoming(struct machine *machine, const char *uri, struct error *error)
{
    (void)machine;
    return error_set(error, "cannot listen at '%s'", uri);
}

void machine_cancel_migration(struct machine *machine)
{
    (void)machine;
}

bool machine_continue_migration(struct machine *machine, struct error *error)
{
    (void)machine;
    return error_set(error, "Migration not in expected state");
}

void machine_set_bandwidth(struct machine *machine, uint64_t bytes_per_second)
{
    machine->migration.max_bandwidth = bytes_per_second;
}

bool machine_snapshot(struct machine *machine, const char *path, bool background,
                      void (*ended)(void *opaque, const struct error *error), void *opaque,
                      struct error *error)
{
    (void)machine, (void)ended, (void)opaque;
    return error_set(error, "'%s': no space%s", path, background ? " in the background" : "");
}

bool machine_cont(struct machine *machine, struct error *error)
{
    if (machine->state == RUN_SHUTDOWN)
        return error_set(error, "Resetting the Virtual Machine is required");
    machine->state = RUN_RUNNING;
    machine_emit_kind(machine, EVENT_RESUME);
    return true;
}

bool machine_reset(struct machine *machine, enum shutdown_cause cause, struct machine_waiter *waiter)
{
    machine_emit(machine, &(struct event){ .kind = EVENT_RESET, .cause = cause });
    (void)waiter; /* it is over at once */
    return false;
}

void machine_leave(struct machine *machine, struct machine_waiter *waiter)
{
    (void)machine, (void)waiter;
}

void machine_powerdown(struct machine *machine)
{
    machine_emit_kind(machine, EVENT_POWERDOWN);
}

bool machine_nmi(struct machine *machine, struct error *error)
{
    (void)machine;
    return error_set(error, "this machine has no such interrupt");
}

void machine_quit(struct machine *machine, enum shutdown_cause cause)
{
    (void)machine, (void)cause;
}

const struct config *machine_config(const struct machine *machine)
{
    return machine->config;
}

struct board *machine_board(struct machine *machine)
{
    return &machine->board;
}

struct hotplug *machine_hotplug(struct machine *machine)
{
    return &machine->hotplug;
}

struct loop *machine_loop(const struct machine *machine)
{
    return machine->backends.loop;
}

struct backends *machine_backends(struct machine *machine)
{
    return &machine->backends;
}

/* The machine is its own bank of CPUs, which stay. */
struct cpus *machine_cpus(struct machine *machine)
{
    return strcmp(machine->config->machine, "none") == 0 ? NULL : (struct cpus *)machine;
}

static const struct config *config_of(const struct cpus *cpus)
{
    return ((const struct machine *)cpus)->config;
}

bool cpus_enabled(const struct cpus *cpus)
{
    return config_of(cpus)->maxcpus > config_of(cpus)->cpus;
}

bool cpus_present(struct cpus *cpus, uint32_t index)
{
    return index < config_of(cpus)->cpus;
}

uint32_t cpus_count(struct cpus *cpus)
{
    return config_of(cpus)->cpus;
}

uint32_t cpus_possible(const struct cpus *cpus)
{
    return config_of(cpus)->maxcpus;
}

void cpus_inspect(struct cpus *cpus, uint32_t index, struct cpu_info *info)
{
    static char path[64];

    snprintf(path, sizeof path, "/machine/unattached/device[%u]", index);
    *info = (struct cpu_info){
        .index = index,
        .present = cpus_present(cpus, index),
        .path = cpus_present(cpus, index) ? path : NULL,
        .tid = 1000 + (int)index,
        .core = index,
        .has_node = config_of(cpus)->numa.nodes > 0,
        .node = config_of(cpus)->numa.cpu_node[index],
    };
}

void cpu_info_values(const struct cpu_info *info, void *values)
{
    (void)info, (void)values;
}

bool cpus_next(struct cpus *cpus, uint32_t *cursor, struct cpu_info *info)
{
    if (*cursor >= cpus_count(cpus))
        return false;
    cpus_inspect(cpus, (*cursor)++, info);
    return true;
}

uint64_t machine_exit_count(const struct machine *machine)
{
    (void)machine;
    return UINT64_C(18446744073709551615);
}

bool machine_next_ram(const struct machine *machine, uint64_t *offset, struct ram_range *range)
{
    if (*offset > 0)
        return false;
    *range = (struct ram_range){ .size = machine->config->ram_size, .memdev = "hotram.ram" };
    *offset = range->size;
    return true;
}

/* backend.h ------------------------------------------------------------------------------------------ */

static const struct property ram_table[] = {
    PROPERTY_ROW(backend, "size", PROPERTY_SIZE, size, "how much"),
    PROPERTY_ROW(backend, "share", PROPERTY_BOOL, share, "with others"),
};

static const struct property file_table[] = {
    PROPERTY_ROW(backend, "size", PROPERTY_SIZE, size, "how much"),
    PROPERTY_ROW(backend, "mem-path", PROPERTY_STRING, mem_path, "where"),
};

#define FAKE_TYPE(type_name, table) \
    { \
        .example_id = "mem1", .name = type_name, .parent = "memory-backend", .properties = table, \
        .property_count = 2, .create = backend_add_begin \
    }
const struct object_type memory_backend_ram_type = FAKE_TYPE("memory-backend-ram", ram_table);
const struct object_type memory_backend_file_type = FAKE_TYPE("memory-backend-file", file_table);
const struct object_type memory_backend_memfd_type = FAKE_TYPE("memory-backend-memfd", ram_table);

const struct object_type *backend_type(enum backend_kind kind)
{
    return kind == BACKEND_FILE ? &memory_backend_file_type : &memory_backend_ram_type;
}

const struct object_type *backend_type_find(const char *name)
{
    const struct object_type *type = object_type_find(name);

    return type && strncmp(name, "memory-backend-", 15) == 0 ? type : NULL;
}

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

enum outcome backend_add_begin(struct backends *backends, struct props props,
                               const struct completion *watcher, struct error *error)
{
    static const char *const names[] = { "qom-type", "id", NULL };
    struct backend values = { 0 };
    const char *id = props_string(props, "id", error);
    const char *type = props_string(props, "qom-type", error);
    bool file = type && strcmp(type, "memory-backend-file") == 0;
    struct backend **link = &backends->first;
    struct backend *backend;

    if (!id || backend_find(backends, id)) {
        error_set(error, "no id, or taken");
        return OUTCOME_FAILED;
    }
    if (!props_read(props, file ? file_table : ram_table, 2, names, "backend", &values, error))
        return OUTCOME_FAILED;
    backend = calloc(1, sizeof *backend);
    *backend = (struct backend){
        .id = strdup(id),
        .kind = file ? BACKEND_FILE : BACKEND_RAM,
        .size = values.size,
        .page_size = 4096,
        .mem_path = values.mem_path,
        .share = values.share,
        .merge = true,
        .dump = true,
        .reserve = true,
    };
    while (*link)
        link = &(*link)->next;
    *link = backend;
    if (!values.share)
        return OUTCOME_DONE;
    backend->adder = *watcher;
    return OUTCOME_LATER;
}

void fake_machine_progress(struct machine *machine, const char *id)
{
    struct backend *backend = backend_find(&machine->backends, id);

    backend->adder.progress(backend->adder.opaque, id, backend->size / 2, backend->size);
}

const char *fake_machine_unfinished(const struct machine *machine)
{
    for (const struct backend *backend = machine->backends.first; backend; backend = backend->next)
        if (backend->adder.ended)
            return backend->id;
    return NULL;
}

static void take_out(struct backends *backends, struct backend *backend)
{
    struct backend **link = &backends->first;

    while (*link != backend)
        link = &(*link)->next;
    *link = backend->next;
    backend_free(backend);
}

void fake_machine_finish(struct machine *machine, const char *id, const char *text)
{
    struct backend *backend = backend_find(&machine->backends, id);
    struct completion adder = backend->adder;
    struct completion remover = backend->remover;
    struct error error = { 0 };

    if (machine->backends.cancelled == backend)
        loop_cancel(machine->backends.loop, &machine->backends.cancel);
    backend->adder = (struct completion){ 0 };
    if (text) {
        take_out(&machine->backends, backend);
        error_set(&error, "%s", text);
    }
    adder.ended(adder.opaque, text ? &error : NULL);
    if (remover.ended)
        remover.ended(remover.opaque, NULL);
}

void backend_cancel(struct backends *backends, const char *id)
{
    backends->cancelled = backend_find(backends, id);
    loop_post(backends->loop, &backends->cancel);
}

enum outcome backend_del(struct backends *backends, const char *id, const struct completion *watcher,
                         struct error *error)
{
    struct backend *backend = backend_find(backends, id);

    if (!backend) {
        error_set(error, "object '%s' not found", id);
        return OUTCOME_FAILED;
    }
    if (backend->used_by) {
        error_set(error, "object '%s' is in use, can not be deleted", id);
        return OUTCOME_FAILED;
    }
    if (backend->adder.ended) {
        backend->remover = *watcher;
        backend_cancel(backends, id);
        return OUTCOME_LATER;
    }
    take_out(backends, backend);
    return OUTCOME_DONE;
}

static void fake_counted(void *opaque)
{
    struct fake_count *count = opaque;
    struct fake_count **link = &count->backends->counts;

    while (*link != count)
        link = &(*link)->next;
    *link = count->next;
    count->counted(count->opaque);
    free(count);
}

bool backends_count(struct backends *backends, void (*counted)(void *opaque), void (*dropped)(void *opaque),
                    void *opaque)
{
    struct fake_count *count = calloc(1, sizeof *count);

    *count = (struct fake_count){ .backends = backends,
                                  .next = backends->counts,
                                  .work = { .run = fake_counted, .opaque = count },
                                  .counted = counted,
                                  .dropped = dropped,
                                  .opaque = opaque };
    backends->counts = count;
    loop_post(backends->loop, &count->work);
    return true;
}

struct backend_usage backend_usage(const struct backend *backend)
{
    return (struct backend_usage){ .resident = backend->size, .reserved = 0 };
}

/* hotplug.h ------------------------------------------------------------------------------------------ */

/* A pc-dimm, whose type is the program's: what it does when it is plugged and unplugged. */
struct fake_device {
    struct device device; /* first */
    const struct dimm_info *info;
};

void hotplug_describe(const struct device *device, struct dimm_info *info)
{
    *info = *((const struct fake_device *)device)->info;
}

static struct device *fake_device(struct hotplug *hotplug, const char *id, const struct dimm_info *info)
{
    struct fake_device *fake = calloc(1, sizeof *fake);
    struct error error;

    fake->info = info;
    fake->device.present = true;
    device_enlist(&fake->device, &hotplug->machine->board, &pc_dimm_type, id, true, &error);
    return &fake->device;
}

bool pc_dimm_begin(const struct hotplug *hotplug, const char *id, struct error *error)
{
    return !id || !device_find(&hotplug->machine->board, id) ||
           error_set(error, "Duplicate device ID '%s'", id);
}

enum outcome pc_dimm_plug(struct hotplug *hotplug, const char *id, const struct pc_dimm_request *wanted,
                          bool hot, const struct completion *watcher, struct error *error)
{
    struct backend *backend = backend_find(&hotplug->machine->backends, wanted->memdev);
    bool slot_given = dimm_place_has_slot(&wanted->place);
    uint32_t slot = slot_given ? (uint32_t)wanted->place.slot : 0;

    (void)hot, (void)watcher;
    if (!backend || backend->used_by) {
        error_set(error, "memdev missing or busy");
        return OUTCOME_FAILED;
    }
    while (!slot_given && slot < FAKE_SLOTS - 1 && hotplug->dimms[slot].size)
        slot++;
    if (slot >= FAKE_SLOTS || hotplug->dimms[slot].size) {
        error_set(error, "slot %u is taken", slot);
        return OUTCOME_FAILED;
    }
    hotplug->dimms[slot] = (struct dimm_info){
        .device = fake_device(hotplug, id, &hotplug->dimms[slot]),
        .id = id ? strdup(id) : NULL,
        .memdev = strdup(backend->id),
        .size = backend->size,
        .slot = slot,
        .addr = wanted->place.addr_given ? wanted->place.addr : 0x100000000 + ((uint64_t)slot << 27),
        .node = wanted->place.node,
        .hotplugged = true,
        .hotpluggable = true,
        .state = HOTRAM_DIMM_PLUGGED,
    };
    backend->used_by = strdup(id ? id : "(no id)");
    return OUTCOME_DONE;
}

bool pc_dimm_unplug(struct device *device, struct error *error)
{
    struct hotplug *hotplug = device->board->hotplug;
    struct dimm_info *info = (struct dimm_info *)((struct fake_device *)device)->info;
    struct backend *backend = backend_find(&hotplug->machine->backends, info->memdev);
    char path[DEVICE_PATH_SIZE];

    (void)error;
    free(backend->used_by);
    backend->used_by = NULL;
    machine_emit(hotplug->machine, &(struct event){ .kind = EVENT_DEVICE_DELETED,
                                                    .device.id = info->id,
                                                    .device.path = device_path(device, path) });
    empty_slot(info);
    return true;
}

/* One memslot, in the last slot; populated by turns. */

bool hotplug_next_memslot(struct hotplug *hotplug, uint32_t *slot, struct memslot_info *info)
{
    if ((*slot)++ > 0)
        return false;
    *info = (struct memslot_info){
        .id = "hot1",
        .start = 0x120000000,
        .size = 0x20000000,
        .node = 0,
        .slot = FAKE_SLOTS - 1,
        .state = hotplug->memslot ? HOTRAM_DIMM_PLUGGED : HOTRAM_DIMM_RESERVED,
    };
    return true;
}

static bool set_memslot(struct hotplug *hotplug, const char *id, bool populated, struct error *error)
{
    if (strcmp(id, "hot1") != 0)
        return error_set_class(error, ERROR_DEVICE_NOT_FOUND, "Memslot '%s' not found", id);
    hotplug->memslot = populated;
    return true;
}

enum outcome hotplug_add_memslot(struct hotplug *hotplug, const char *id, const struct completion *watcher,
                                 struct error *error)
{
    (void)watcher;
    return set_memslot(hotplug, id, true, error) ? OUTCOME_DONE : OUTCOME_FAILED;
}

bool hotplug_delete_memslot(struct hotplug *hotplug, const char *id, struct error *error)
{
    return set_memslot(hotplug, id, false, error);
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

bool hotplug_next_part(const struct hotplug *hotplug, uint32_t slot, uint64_t *offset,
                       struct region_holder *part)
{
    (void)hotplug, (void)slot, (void)offset, (void)part;
    return false; /* there are DIMMs only */
}

bool hotplug_next_region_holder(struct hotplug *hotplug, uint32_t *slot, struct region_holder *info)
{
    struct dimm_info dimm;

    if (!hotplug_next(hotplug, slot, &dimm))
        return false;
    *info = (struct region_holder){ .kind = REGION_DIMM,
                                    .device = dimm.device,
                                    .id = dimm.id,
                                    .memdev = dimm.memdev,
                                    .addr = dimm.addr,
                                    .size = dimm.size,
                                    .slot = *slot,
                                    .node = dimm.node };
    return true;
}

void hotplug_room(struct hotplug *hotplug, struct hotplug_room *room)
{
    const struct config *config = hotplug->machine->config;

    *room = (struct hotplug_room){ .slots = config->slots,
                                   .capacity = config->maxmem - config->ram_size,
                                   .granularity = UINT64_C(2) << 20,
                                   .block = UINT64_C(2) << 20 };
    for (uint32_t slot = 0; slot < FAKE_SLOTS; slot++)
        room->slots -= hotplug->dimms[slot].size > 0;
    room->capacity_left = room->capacity - hotplug_plugged_size(hotplug);
}

enum dimm_condition hotplug_condition(struct hotplug *hotplug, uint32_t slot)
{
    (void)hotplug, (void)slot;
    return DIMM_PLUGGING;
}
