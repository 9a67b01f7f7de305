/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio_world.h"

#include <json-c/json.h>
#include <sys/mman.h>

#include "base/json_build.h"
#include "block/node.h"
#include "device/device.h"
#include "kvm/doorbell.h"
#include "kvm/interrupts.h"
#include "pci/bus.h"
#include "state_judge.h"

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

/* Wherever they were, both halves of the wide one included. */
static void place_bars(void)
{
    put_config_space(0x14, 4, (uint32_t)MSIX_AT);
    put_config_space(0x20, 4, (uint32_t)BAR_AT);
    put_config_space(0x24, 4, 0);
    put_config_space(0x04, 2, 6);
}

static void reset_device(void)
{
    run(false);
    world.device->pci.device.type->reset(&world.device->pci.device);
    warnings = 0;
    place_bars();
    run(true);
}

void reset_machine(void)
{
    reset_device();
    virtio_model_reset(&world.model);
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
        CHECK(block_node_find(world.board.blocks, "n") || block_node_add(world.board.blocks, disk, &error));
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

/* ---- another machine ---- */

#define ROOM (64u << 10)
#define FRAME 12u /* of a saved state, before its contents; a sum is behind them (docs/state.md) */

static size_t save(uint8_t bytes[ROOM])
{
    struct hotram_buffer out;
    struct error error;

    CHECK(hotram_buffer_init(&out, bytes, ROOM) == HOTRAM_OK);
    CHECK(devices_save(&world.board, &out, &error));
    return out.length;
}

static bool restore(const uint8_t *bytes, size_t length)
{
    struct hotram_saved saved = { bytes, length };
    struct error error = { 0 };
    const bool taken = devices_restore(&world.board, &saved, &error);

    CHECK(taken ? saved.length == 0 : error.text[0] && saved.length == length);
    return taken;
}

static void make_anew(void)
{
    devices_destroy(&world.board);
    create_device();
    run(false);
}

/* One bit of one state, behind its name, whose sum is mended. */
static void change_bit(uint8_t *bytes, size_t length, struct input *input)
{
    size_t start = 0, states = 0, whole = 0;
    unsigned chosen;

    for (size_t at = 0; at < length; at += judge_number(bytes + at + 8, 4))
        states++;
    chosen = input_below(input, (unsigned)states);
    for (; chosen > 0; chosen--)
        start += judge_number(bytes + start + 8, 4);
    whole = judge_number(bytes + start + 8, 4);
    {
        const size_t fields = start + FRAME + 1 + bytes[start + FRAME], end = start + whole - 4;

        bytes[fields + input_u16(input) % (end - fields)] ^= (uint8_t)(1u << input_below(input, 8));
    }
    judge_seal(bytes + start, whole);
}

/* What any driver can have brought about (VIRTIO 1.2, 2.1 and 4.1.4.3). */
static void check_possible(void)
{
    const uint32_t status = get(0x14, 1);

    CHECK(!(status & STATUS_DRIVER_OK) || status & STATUS_FEATURES_OK);
    for (unsigned i = 0; i < world.model.queues; i++) {
        uint32_t size;

        put(0x16, 2, i);
        size = get(0x18, 2);
        CHECK(size > 0 && size <= world.model.size_max[i] && (size & (size - 1)) == 0);
        CHECK(get(0x1a, 2) < world.model.vectors || get(0x1a, 2) == MODEL_NO_VECTOR);
        CHECK(get(0x1c, 2) <= 1);
    }
}

static void try_changed(const uint8_t *bytes, size_t length, unsigned changes, struct input *input)
{
    static uint8_t changed[ROOM], before[ROOM], after[ROOM];
    const size_t now = save(before);

    memcpy(changed, bytes, length);
    while (changes-- > 0)
        change_bit(changed, length, input);
    if (!restore(changed, length)) {
        CHECK(save(after) == now && memcmp(before, after, now) == 0);
        return;
    }
    place_bars();
    check_possible();
    run(true);
    settle();
    reset_device(); /* not the model: what it says of is restored after this */
    make_anew();
}

void move(struct input *input, unsigned changes)
{
    static uint8_t bytes[ROOM], again[ROOM];
    const bool stood_still = world.stands_still;
    size_t length;

    run(false);
    while (world.device->pci.device.type->busy(&world.device->pci.device))
        settle();
    length = save(bytes);
    make_anew();
    if (changes > 0)
        try_changed(bytes, length, changes, input);
    warnings = 0; /* the other program's own: one for each */
    CHECK(restore(bytes, length));
    CHECK(save(again) == length && memcmp(again, bytes, length) == 0);
    run(!stood_still);
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
