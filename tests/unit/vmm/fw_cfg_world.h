/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine with nothing but a firmware configuration device and some memory: two regions side by side, a
 * gap, and one that can only be read. For the unit test and the fuzz target.
 */
#ifndef TESTS_UNIT_VMM_FW_CFG_WORLD_H
#define TESTS_UNIT_VMM_FW_CFG_WORLD_H

#include "base/config.h"
#include "firmware/fw_cfg.h"

#define WORLD_REGIONS 3u
#define WORLD_MEMORY UINT64_C(0x10000) /* the first of two regions */
#define WORLD_REGION_SIZE UINT64_C(0x1000)
#define WORLD_ROM UINT64_C(0x20000)
#define WORLD_PORT 0x510
#define WORLD_ADDRESS UINT64_C(0x09020000)

struct fw_cfg_world {
    struct loop *loop;
    struct vm vm;
    struct guest_memory *map;
    struct bus bus;
    struct config config;
    struct board board;
    uint8_t memory[WORLD_REGIONS][WORLD_REGION_SIZE];
    struct guest_region *region[WORLD_REGIONS];
    unsigned gone;
    struct fw_cfg *fw_cfg;
    bool among_memory;
};

/* With the device as its chip's row builds it, at a port or among the memory. */
void fw_cfg_world_make(struct fw_cfg_world *world, bool among_memory);
void fw_cfg_world_end(struct fw_cfg_world *world);
/* One access, at an offset in the device's registers. */
uint64_t fw_cfg_world_read(struct fw_cfg_world *world, uint64_t offset, unsigned width);
void fw_cfg_world_write(struct fw_cfg_world *world, uint64_t offset, unsigned width, uint64_t value);
/* The host's address of the guest's; NULL: there is no memory. */
uint8_t *fw_cfg_world_at(struct fw_cfg_world *world, uint64_t address);

#endif
