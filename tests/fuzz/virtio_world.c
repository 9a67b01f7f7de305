/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio_world.h"

#include <json-c/json.h>
#include <sys/mman.h>

#include "base/json_build.h"
#include "block/node.h"
#include "kvm/doorbell.h"
#include "kvm/interrupts.h"
#include "pci/bus.h"

#define ECAM UINT64_C(0xb0000000)
#define LOW UINT64_C(0xc0000000)
#define BAR_AT LOW /* of the device's structures; MSI-X's is behind it */
#define MSIX_AT (LOW + 0x10000)

static const uint64_t region_at[REGIONS] = { A, B, ROM };

struct world world;

_Atomic unsigned warnings;

void __wrap_warning(const char *format, ...);
void __wrap_warning(const char *format, ...)
{
    (void)format;
    warnings++;
}

/* ---- the guest's accesses ---- */

uint32_t get(unsigned offset, unsigned width)
{
    uint32_t value = 0;

    CHECK(bus_access(&world.bus, BUS_MEMORY, BAR_AT + offset, false, width, (uint8_t *)&value));
    return value;
}

void put(unsigned offset, unsigned width, uint32_t value)
{
    if (!vm_doorbell_ring(&world.vm, false, BAR_AT + offset, width, (uint8_t *)&value))
        CHECK(bus_access(&world.bus, BUS_MEMORY, BAR_AT + offset, true, width, (uint8_t *)&value));
}

void put_config_space(unsigned offset, unsigned width, uint32_t value)
{
    CHECK(bus_access(&world.bus, BUS_MEMORY, ECAM + ((uint64_t)world.device->pci.devfn << 12) + offset, true,
                     width, (uint8_t *)&value));
}

void put_register(unsigned offset, unsigned width, uint32_t value)
{
    virtio_model_write(&world.model, offset, width, value & (uint32_t)(UINT64_MAX >> (64 - 8 * width)));
    put(offset, width, value);
}

void check_register(unsigned offset, unsigned width)
{
    const bool status = offset == 0x14 && width == 1;
    const uint32_t is = get(offset, width);
    uint32_t expected;

    if (!virtio_model_read(&world.model, offset, width, &expected))
        return;
    if (status && world.model.status & STATUS_DRIVER_OK)
        CHECK((is & ~(uint32_t)STATUS_NEEDS_RESET) == expected);
    else
        CHECK(is == expected);
}

/* ---- the guest's memory ---- */

static uint8_t *at(uint64_t address)
{
    for (unsigned i = 0; i < REGIONS; i++)
        if (world.region[i] && address >= region_at[i] && address < region_at[i] + SIZE)
            return world.memory[i] + (address - region_at[i]);
    return NULL;
}

void store(uint64_t address, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        uint8_t *byte = at(address + i);

        if (byte)
            __atomic_store_n(byte, ((const uint8_t *)bytes)[i], __ATOMIC_RELAXED);
    }
}

uint64_t load(uint64_t address, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = bytes; i-- > 0;)
        value = value << 8 | __atomic_load_n(at(address + i), __ATOMIC_ACQUIRE);
    return value;
}

void descriptor(uint64_t table, unsigned index, uint64_t address, uint32_t length, uint16_t flags,
                uint16_t next)
{
    const struct {
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
    } entry = { address, length, flags, next };

    store(table + 16 * (uint64_t)index, &entry, sizeof entry);
}

void offer(unsigned queue, uint16_t head)
{
    const uint64_t ring = RING(queue) + AVAILABLE;
    const uint16_t index = (uint16_t)load(ring + 2, 2), next = (uint16_t)(index + 1);

    store(ring + 4 + 2 * (uint64_t)(index % QUEUE_SIZE), &head, 2);
    store(ring + 2, &next, 2);
}

static void on_gone(void *opaque)
{
    (void)opaque;
    world.gone++;
}

void remove_region(unsigned region)
{
    struct guest_region *removed = world.region[region];

    world.region[region] = NULL;
    guest_memory_remove(world.map, removed, (struct region_gone){ .gone = on_gone });
}

static void nothing(void *opaque)
{
    (void)opaque;
}

void settle(void)
{
    io_thread_call(world.board.io, nothing, NULL);
    loop_once(world.loop, 0);
}

void run(bool runs)
{
    world.stands_still = !runs;
    world.device->pci.device.type->run(&world.device->pci.device, runs);
}

void reset_machine(void)
{
    run(false);
    world.device->pci.device.type->reset(&world.device->pci.device);
    virtio_model_reset(&world.model);
    warnings = 0;
    put_config_space(0x14, 4, (uint32_t)MSIX_AT);
    put_config_space(0x20, 4, (uint32_t)BAR_AT);
    put_config_space(0x04, 2, 6);
    run(true);
}

/* ---- the world ---- */

static void hear(void *opaque, const struct event *event)
{
    (void)opaque, (void)event;
}

static void create_device(void)
{
    struct props disk = { json_new_object(), true }, props = { json_new_object(), true };
    const bool is_disk = strcmp(world.kind->driver, "virtio-blk-pci") == 0;
    const struct device_type *type = device_type_find(world.kind->driver);
    struct error error;

    if (is_disk) {
        add_string(disk.object, "driver", "null-co");
        add_string(disk.object, "node-name", "n");
        add_string(disk.object, "size", "65536");
        add_string(disk.object, "read-zeroes", "on");
        CHECK(block_node_add(world.board.blocks, disk, &error));
        add_string(props.object, "drive", "n");
    }
    add_string(props.object, "driver", world.kind->driver);
    add_string(props.object, "addr", "2");
    if (strcmp(world.kind->driver, "virtio-serial-pci") == 0)
        add_string(props.object, "max_ports", "3");
    CHECK(type->create(&world.board, "d", props, false, NULL, &error) == OUTCOME_DONE);
    json_object_put(disk.object);
    json_object_put(props.object);
    world.device = (struct virtio_device *)(void *)world.board.devices;
}

/* Taken from the device, once: what it is. */
static void read_model(void)
{
    struct virtio_model *model = &world.model;

    for (unsigned half = 0; half < 2; half++) {
        put(0x00, 4, half);
        model->offered |= (uint64_t)get(0x04, 4) << 32 * half;
    }
    put(0x00, 4, 0);
    model->queues = get(0x12, 2);
    model->vectors = world.device->vector_count;
    CHECK(model->queues > 0 && model->queues <= MODEL_QUEUES);
    for (unsigned i = 0; i < model->queues; i++) {
        put(0x16, 2, i);
        model->size_max[i] = (uint16_t)get(0x18, 2);
        CHECK(model->size_max[i] > 0);
    }
    put(0x16, 2, 0);
}

void world_create(const struct kind *kind)
{
    static const struct pci_layout layout = {
        .ecam = ECAM, .buses = 1, .low = { LOW, LOW + 0xfffff }, .gsi = 16
    };
    struct error error;

    memset(&world, 0, sizeof world);
    world.kind = kind;
    world.loop = loop_create();
    CHECK(world.loop && vm_create_without_kvm(&world.vm, world.loop, &error) &&
          vm_complete_devices(&world.vm, &error));
    bus_init(&world.bus);
    world.map = guest_memory_create(&world.vm, world.loop, REGIONS);
    CHECK(world.map);
    for (unsigned i = 0; i < REGIONS; i++) {
        struct guest_part part = { .address = region_at[i], .size = SIZE, .fd = -1, .read_only = i == 2 };

        world.memory[i] = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        part.memory = world.memory[i];
        CHECK(part.memory != MAP_FAILED);
        world.region[i] = guest_memory_add_part(world.map, &part, &error);
        CHECK(world.region[i]);
    }
    world.board = (struct board){ .vm = &world.vm,
                                  .bus = &world.bus,
                                  .loop = world.loop,
                                  .memory = world.map,
                                  .event = hear,
                                  .io_error = nothing,
                                  .blocks = block_nodes_create() };
    world.board.pci = pci_host_create(&world.board, &layout, &error);
    CHECK(world.board.pci && world.board.blocks);
    create_device();
    run(true);
    reset_machine();
    read_model();
    virtio_model_reset(&world.model);
}

void world_destroy(void)
{
    devices_destroy(&world.board);
    block_nodes_destroy(world.board.blocks);
    for (unsigned i = 0; i < REGIONS; i++)
        if (world.region[i])
            remove_region(i);
    while (world.gone < REGIONS)
        loop_once(world.loop, -1);
    guest_memory_destroy(world.map);
    pci_host_destroy(world.board.pci);
    bus_destroy(&world.bus);
    vm_destroy(&world.vm);
    loop_destroy(world.loop);
    for (unsigned i = 0; i < REGIONS; i++)
        CHECK(munmap(world.memory[i], SIZE) == 0);
}
