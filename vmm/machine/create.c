/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building a machine from its configuration, readable top to bottom, and taking it down.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/loop.h"
#include "base/message.h"
#include "block/node.h"
#include "device/device.h"
#include "machine/state.h"

/* Of memory, or of any other type that type.h has; the command line has seen to it that there is one. */
static bool create_object(struct backends *backends, struct props props, struct error *error)
{
    const char *name = props_string(props, "qom-type", error);
    const struct object_type *type = name ? object_type_find(name) : NULL;

    if (!type || backend_type_find(name))
        return backend_add(backends, props, error) != NULL;
    return type->create(backends, props, NULL, error) == OUTCOME_DONE;
}

/* What is wrong with it follows what was given, which may be another option's short form of it. */
bool machine_quote(const struct object_config *given, struct error *error)
{
    return error_prefix(error, "-%s %.200s: ", given->option, given->text);
}

static bool create_objects(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;

    for (size_t i = 0; i < config->object_count; i++) {
        struct props props = { config->objects[i].object, config->objects[i].keyval };

        if (!create_object(machine->backends, props, error))
            return machine_quote(&config->objects[i], error);
    }
    return true;
}

static bool create_memory(struct machine *machine, struct error *error)
{
    unsigned kvm_slots;

    if (ram_is_shared(machine->config))
        backends_share(machine->backends);
    if (!ram_create(machine, error) || !create_objects(machine, error) || !ram_claim_objects(machine, error))
        return false;
    if (!ram_reckon_kvm_slots(machine, &kvm_slots, error))
        return false;
    machine->memory = guest_memory_create(&machine->vm, machine->loop, kvm_slots);
    if (!machine->memory)
        return error_set(error, "out of memory");
    guest_memory_on_fault(machine->memory, machine_memory_fault, machine);
    machine->board.memory = machine->memory;
    machine->board.reservation = &machine->reservation;
    reservation_make(&machine->reservation, machine->region_base, machine->region_size);
    return machine_map_ram(machine, error) &&
           (!machine->rom.path || rom_map(&machine->rom, machine->memory, error));
}

static bool create_hotplug(struct machine *machine, struct error *error)
{
    /* DIMMs in the memory map can only make it larger: they are multiples of it themselves. */
    const uint64_t block = hotram_block_size(machine_arch_block_guest(machine), machine_ram_end(machine));
    struct hotplug_config config = {
        .slots = machine->memory ? machine->config->slots : 0,
        .region_base = machine->region_base,
        .region_size = machine->memory ? machine->region_size : 0,
        .capacity = machine->config->maxmem - machine->config->ram_size,
        .nodes = machine->config->numa.nodes,
        .default_node = machine->config->numa.dimm_node,
        .ram_size = machine->config->ram_size,
        .node_ram = machine->config->numa.nodes ? machine->config->numa.ram : NULL,
        .granularity = machine->config->dimms.granularity,
        .whole_blocks = machine->config->dimms.granularity == 0,
        .block = block,
        .map_limit = machine->config->dimms.map_limit,
        .strict = machine->config->dimms.strict,
        .template = machine->config->dimms.template,
        .plug_deadline = (uint64_t)machine->config->dimms.plug_timeout * 1000,
        .unplug_deadline = (uint64_t)machine->config->dimms.unplug_timeout * 1000,
        .mem_chunks = machine->mem_chunks,
        .backends = machine->backends,
        .memory = machine->memory,
        .reservation = &machine->reservation,
        .board = &machine->board,
        .raise = machine_raise_hotplug,
        .stopped = machine_hotplug_stopped,
        .event = machine_event,
        .opaque = machine,
    };

    if (config.whole_blocks)
        config.granularity = block;
    config.space = machine_arch_hotplug_space(&config.registers);
    machine->hotplug = machine->board.hotplug = hotplug_create(&config, error);
    if (!machine->hotplug)
        return false;
    device_operations_init(&machine->device_operations, &machine->board,
                           hotplug_operations(machine->hotplug));
    if (machine->config->dimms.template_left_out)
        warning("-restore: the snapshot's dimm-template is left out, since it can name files of the host; "
                "give memory-plug and memory-set a template of their own");
    return !config.template || hotplug_try_template(machine->hotplug, NULL, NULL, error) ||
           error_prefix(error, "-machine dimm-template=: ");
}

static bool create_cpus(struct machine *machine, struct error *error)
{
    struct cpus_config config = {
        .config = machine->config,
        .fixed = machine_arch_cpus_fixed,
        .id_name = machine_arch_cpu_id_name,
        .hardware_id = machine_arch_cpu_id,
        .vcpus = &machine->vcpus,
        .board = &machine->board,
        .raise = machine_raise_cpus,
        .operations = hotplug_operations(machine->hotplug),
        .event = machine_event,
        .opaque = machine,
    };

    config.space = machine_arch_cpus_space(&config.registers);
    machine->cpus = machine->board.cpus = cpus_create(&config, error);
    return machine->cpus != NULL;
}

/* Before DIMMs choose their places; and those with an address first, before others choose theirs. */
static bool create_memslots(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;

    for (size_t i = 0; i < 2 * config->memslot_count; i++) {
        size_t index = i % config->memslot_count;
        const struct memslot_config *memslot = &config->memslots[index];

        if (memslot->start_given != (i < config->memslot_count))
            continue;
        if (!hotplug_define_memslot(machine->hotplug, memslot->id, (uint32_t)index,
                                    memslot->start_given ? &memslot->start : NULL, memslot->size,
                                    memslot->node_given ? memslot->node : config->numa.dimm_node, error))
            return error_prefix(error, "-memslot id=%s: ", memslot->id);
    }
    return true;
}

static bool create_devices(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;

    for (size_t i = 0; i < config->device_count; i++) {
        struct props props = { config->devices[i].object, config->devices[i].keyval };

        if (device_add(&machine->board, props, false, NULL, error) != OUTCOME_DONE)
            return machine_quote(&config->devices[i], error);
    }
    return true;
}

/* As QEMU says it: such a guest works, but hardly as it was meant. */
static void warn_of_cpus(const struct config *config)
{
    if (!config->numa.cpus_given)
        return;
    for (uint32_t cpu = 0; cpu < config->maxcpus; cpu++)
        if (!config->numa.cpu_given[cpu])
            warning(
                "CPU(s) not present in any NUMA nodes: CPU %u [socket-id: %u, core-id: %u, thread-id: %u]; using node 0",
                cpu, cpu / config->threads / config->cores, cpu / config->threads % config->cores,
                cpu % config->threads);
}

/* KVM's virtual machine, or under -accel qtest one that a test plays the guest of. */
static bool create_vm(struct machine *machine, struct error *error)
{
    const bool has_kvm = machine->config->accel != ACCEL_QTEST;
    const char *hint;

    if (!(has_kvm ? vm_create(&machine->vm, error)
                  : vm_create_without_kvm(&machine->vm, machine->loop, error)))
        return false;
    machine->vm.cpus = machine->config->cpus;
    machine->vm.cpus_max = machine->config->maxcpus;
    machine->vm.gic_version = machine->config->gic_version;
    machine->vm.wants_its = machine->config->its;
    machine->vm.hides_pv_eoi = !machine->config->pv_eoi;
    hint = has_kvm ? vm_arch_warning() : NULL;
    if (hint)
        warning("%s", hint);
    return true;
}

/* A package whose CPUs are in two NUMA nodes makes Linux complain: then each CPU is a package of its own. */
struct cpu_topology machine_topology(const struct config *config)
{
    uint32_t package = config->cores * config->threads;

    for (uint32_t cpu = 0; cpu < config->maxcpus; cpu++)
        if (config->numa.cpu_node[cpu] != config->numa.cpu_node[cpu - cpu % package])
            return (struct cpu_topology){ 1, 1 };
    return (struct cpu_topology){ config->cores, config->threads };
}

static bool create_vcpus(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;
    const struct cpu_topology topology = machine_topology(config);

    return config->accel == ACCEL_QTEST ||
           vcpus_create(&machine->vcpus, &machine->vm, config->cpus, config->maxcpus, &machine_vcpu_ops,
                        machine, &topology, error);
}

static bool open_kernel(struct machine *machine, struct error *error)
{
    const struct boot_config config = {
        .kernel = machine->config->kernel,
        .initrd = machine->config->initrd,
        .cmdline = machine->config->append,
        .ram_size = machine->piece[0].size,
        .acpi = machine->config->acpi,
        .by_firmware = machine->config->firmware != FIRMWARE_NONE,
    };

    return boot_open(&machine->boot, &config, error);
}

/* Only monitors: for probing. */
static bool is_none(const struct config *config)
{
    return strcmp(config->machine, "none") == 0;
}

static bool create_all(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;

    if (is_none(config) && (config->incoming || config->snapshot_file))
        return error_set(error, "-incoming: -machine none has no state");
    if (is_none(config))
        return create_hotplug(machine, error) && create_objects(machine, error) &&
               create_devices(machine, error);
    if (!create_vm(machine, error) || !create_memory(machine, error))
        return false;
    warn_of_cpus(config);
    if (!machine_arch_create_devices(machine, error) || !machine_describe_to_firmware(machine, error))
        return false;
    /* The KVM slots come before the in-kernel devices: on newer kernels the first change of a slot after
     * those waits some milliseconds for what they registered. */
    return create_hotplug(machine, error) && create_cpus(machine, error) && bus_check(&machine->bus, error) &&
           create_memslots(machine, error) && create_devices(machine, error) &&
           machine_check_smbios(machine, error) && vm_create_devices(&machine->vm, error) &&
           create_vcpus(machine, error) && vm_complete_devices(&machine->vm, error) &&
           vcpus_complete(&machine->vcpus, config->debug_threads, error) &&
           cpus_complete(machine->cpus, error) && machine_start(machine, error);
}

struct machine *machine_open(const struct config *config, struct loop *loop, struct error *error)
{
    struct machine *machine = calloc(1, sizeof *machine);

    if (!machine) {
        error_set(error, "out of memory");
        return NULL;
    }
    machine->config = config;
    machine->actions = config->actions;
    machine->loop = loop;
    machine->state = config->preconfig ? RUN_PRECONFIG : RUN_PRELAUNCH;
    machine->vm.fd = machine->vm.kvm_fd = -1;
    machine->boot.kernel_fd = machine->boot.initrd_fd = -1;
    bus_init(&machine->bus);
    machine_lock_init(&machine->lock);
    machine->board = (struct board){
        .vm = &machine->vm,
        .bus = &machine->bus,
        .lock = &machine->lock,
        .loop = loop,
        .clock = &machine->clock,
        .power_off = machine_guest_powers_off,
        .reset = machine_guest_resets,
        .panicked = machine_guest_panicked,
        .crash_loaded = machine_guest_crash_loaded,
        .pci_moved = machine_guest_moved_pci,
        .event = machine_event,
        .io_error = machine_io_error,
        .watchdog = machine_watchdog,
        .machine = machine,
        .config = config,
    };
    machine_init_requests(machine);
    machine_init_drain(machine);
    migration_init(&machine->migration, machine);
    if (is_none(config) || (machine_layout(machine, error) && open_kernel(machine, error) &&
                            (config->firmware != FIRMWARE_ROM || rom_open(&machine->rom, config, error))))
        return machine;
    machine_destroy(machine);
    return NULL;
}

bool machine_create(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;

    machine->backends = backends_create(machine->loop,
                                        &(struct backend_defaults){ .dump = config->dump_guest_core,
                                                                    .merge = config->mem_merge,
                                                                    .lock = config->lock_memory,
                                                                    .threads = config->cpus });
    machine->board.blocks = machine->blocks = block_nodes_create();
    if (!machine->backends || !machine->blocks)
        return error_set(error, "out of memory");
    block_nodes_report(machine->blocks, machine->loop, machine_event, machine);
    machine->board.backends = machine->backends;
    backends_on_failure(machine->backends, machine_memory_fault, machine);
    if (!machine_create_blocks(machine, error) || !create_all(machine, error))
        return false;
    /* What the sandbox's filters and the tables were made of is free, but lies between what stays. */
    malloc_trim(0);
    return true;
}

void machine_abandon(struct machine *machine)
{
    if (machine && machine->backends)
        backends_abandon(machine->backends);
}

void machine_destroy(struct machine *machine)
{
    if (!machine)
        return;
    machine_end_loading(machine);
    /* vCPUs first: nobody else uses guest memory and devices on another thread. */
    vcpus_destroy(&machine->vcpus);
    loop_cancel(machine->loop, &machine->requests_work);
    timer_cancel(&machine->reset_pause);
    devices_stop_coming(&machine->board);
    hotplug_destroy(machine->hotplug);
    cpus_destroy(machine->cpus);
    devices_destroy(&machine->board);
    block_nodes_destroy(machine->blocks);
    guest_memory_destroy(machine->memory);
    vm_destroy(&machine->vm);
    if (machine->backends)
        backends_destroy(machine->backends);
    reservation_release(&machine->reservation);
    boot_close(&machine->boot);
    rom_close(&machine->rom);
    bus_destroy(&machine->bus);
    machine_lock_destroy(&machine->lock);
    free(machine->start);
    free(machine);
}
