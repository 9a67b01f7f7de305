/* SPDX-License-Identifier: BSD-2-Clause */
#include "fw_cfg_world.h"

#include <stdlib.h>
#include <string.h>

#include "kvm/vm.h"
#include "memory/guest_memory.h"

static const uint64_t addresses[WORLD_REGIONS] = { WORLD_MEMORY, WORLD_MEMORY + WORLD_REGION_SIZE,
                                                   WORLD_ROM };

static void add_regions(struct fw_cfg_world *world)
{
    struct error error;

    world->map = guest_memory_create(&world->vm, world->loop, WORLD_REGIONS);
    for (unsigned i = 0; world->map && i < WORLD_REGIONS; i++) {
        const struct guest_part part = { .address = addresses[i],
                                         .size = WORLD_REGION_SIZE,
                                         .memory = world->memory[i],
                                         .fd = -1,
                                         .read_only = addresses[i] == WORLD_ROM };

        world->region[i] = guest_memory_add_part(world->map, &part, &error);
        if (!world->region[i])
            abort();
    }
}

void fw_cfg_world_make(struct fw_cfg_world *world, bool among_memory)
{
    const struct chip_place place = { among_memory ? WORLD_ADDRESS : WORLD_PORT, 0 };
    struct error error;

    memset(world, 0, sizeof *world);
    world->among_memory = among_memory;
    world->loop = loop_create();
    if (!world->loop || !vm_create_without_kvm(&world->vm, world->loop, &error))
        abort();
    add_regions(world);
    bus_init(&world->bus);
    world->config.fw_cfg = true;
    world->board = (struct board){ .vm = &world->vm,
                                   .bus = &world->bus,
                                   .loop = world->loop,
                                   .memory = world->map,
                                   .config = &world->config };
    if (!world->map || !fw_cfg_type.build(&world->board, &place, &error) || !bus_check(&world->bus, &error))
        abort();
    world->fw_cfg = world->board.fw_cfg;
}

static void on_gone(void *opaque)
{
    ((struct fw_cfg_world *)opaque)->gone++;
}

void fw_cfg_world_end(struct fw_cfg_world *world)
{
    devices_destroy(&world->board);
    for (unsigned i = 0; i < WORLD_REGIONS; i++)
        guest_memory_remove(world->map, world->region[i],
                            (struct region_gone){ .gone = on_gone, .opaque = world });
    while (world->gone < WORLD_REGIONS)
        loop_once(world->loop, -1);
    guest_memory_destroy(world->map);
    vm_destroy(&world->vm);
    bus_destroy(&world->bus);
    loop_destroy(world->loop);
}

static uint64_t access_at(struct fw_cfg_world *world, uint64_t offset, bool write, unsigned width,
                          uint64_t value)
{
    const enum bus_space space = world->among_memory ? BUS_MEMORY : BUS_PORTS;
    uint8_t data[8];

    memcpy(data, &value, sizeof data);
    bus_access(&world->bus, space, (world->among_memory ? WORLD_ADDRESS : WORLD_PORT) + offset, write, width,
               data);
    value = 0;
    memcpy(&value, data, width);
    return value;
}

uint64_t fw_cfg_world_read(struct fw_cfg_world *world, uint64_t offset, unsigned width)
{
    return access_at(world, offset, false, width, 0);
}

void fw_cfg_world_write(struct fw_cfg_world *world, uint64_t offset, unsigned width, uint64_t value)
{
    access_at(world, offset, true, width, value);
}

uint8_t *fw_cfg_world_at(struct fw_cfg_world *world, uint64_t address)
{
    for (unsigned i = 0; i < WORLD_REGIONS; i++)
        if (address >= addresses[i] && address - addresses[i] < WORLD_REGION_SIZE)
            return &world->memory[i][address - addresses[i]];
    return NULL;
}
