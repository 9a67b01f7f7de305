/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What firmware, and a guest that looks, reads of the machine in its firmware configuration device.
 */
#include <assert.h>
#include <endian.h>

#include "boot/boot.h"
#include "firmware/boot_order.h"
#include "firmware/fw_cfg.h"
#include "machine/state.h"

/* QEMU's, which never change while the machine is there. */
static bool set_numbers(struct fw_cfg *fw_cfg, const struct config *config, struct error *error)
{
    return fw_cfg_set(fw_cfg, FW_CFG_UUID, config->uuid, sizeof config->uuid, error) &&
           fw_cfg_set_number(fw_cfg, FW_CFG_RAM_SIZE, config->ram_size, 8, error) &&
           fw_cfg_set_number(fw_cfg, FW_CFG_NOGRAPHIC, 1, 2, error) && /* there is no display */
           fw_cfg_set_number(fw_cfg, FW_CFG_MAX_CPUS, config->maxcpus, 2, error) &&
           fw_cfg_set_number(fw_cfg, FW_CFG_BOOT_MENU, config->boot.menu, 2, error);
}

/* Firmware places devices' windows behind the hotplug region. */
static bool add_files(struct fw_cfg *fw_cfg, const struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;
    const uint64_t end = htole64(machine->region_base + machine->region_size);
    const uint32_t reset_after = htole32((uint32_t)config->boot.reboot_timeout);
    const uint16_t menu_waits = htole16((uint16_t)config->boot.splash_time);

    return fw_cfg_add_file(fw_cfg, "etc/reserved-memory-end", &end, sizeof end, error) &&
           fw_cfg_add_file(fw_cfg, "etc/boot-fail-wait", &reset_after, sizeof reset_after, error) &&
           (!config->boot.splash_given ||
            fw_cfg_add_file(fw_cfg, "etc/boot-menu-wait", &menu_waits, sizeof menu_waits, error));
}

bool machine_describe_cpus(struct machine *machine, struct error *error)
{
    const uint32_t count = cpus_count(machine->cpus);

    if (machine->board.set_cpus)
        machine->board.set_cpus(machine->board.clock_chip, count);
    return !machine->board.fw_cfg ||
           fw_cfg_set_number(machine->board.fw_cfg, FW_CFG_NB_CPUS, count, 2, error);
}

bool machine_describe_to_firmware(struct machine *machine, struct error *error)
{
    struct fw_cfg *fw_cfg = machine->board.fw_cfg;

    return !fw_cfg || (set_numbers(fw_cfg, machine->config, error) && add_files(fw_cfg, machine, error) &&
                       fw_cfg_add_given(fw_cfg, machine->config, error) &&
                       machine_give_kernel_to_firmware(machine, error));
}

/* An entry of the file; numbers have their least byte first. */
struct map_entry {
    uint64_t address, size;
    uint32_t type;
} __attribute__((packed));
_Static_assert(sizeof(struct map_entry) == 20, "as firmware reads it");
#define MAP_MAX (8 + HOTRAM_SLOTS_MAX)

bool machine_set_memory_map(struct machine *machine, const struct memory_entry *entries, unsigned count,
                            struct error *error)
{
    struct map_entry map[MAP_MAX];

    assert(count <= MAP_MAX);
    for (unsigned i = 0; i < count; i++)
        map[i] = (struct map_entry){ htole64(entries[i].address), htole64(entries[i].size),
                                     htole32((uint32_t)entries[i].type) };
    return fw_cfg_set_file(machine->board.fw_cfg, "etc/e820", map, count * sizeof map[0], error);
}

bool machine_set_boot_order(struct machine *machine, const char *letters, struct error *error)
{
    return boot_order_publish(machine->board.fw_cfg, &machine->board, machine_rom_to_boot(machine), letters,
                              machine->config->boot.strict, error);
}
