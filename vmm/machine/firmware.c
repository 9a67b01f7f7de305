/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What firmware, and a guest that looks, reads of the machine in its firmware configuration device.
 */
#include <endian.h>

#include "firmware/fw_cfg.h"
#include "machine/state.h"

/* QEMU's, which never change while the machine is there. */
static bool set_numbers(struct fw_cfg *fw_cfg, const struct config *config, struct error *error)
{
    return fw_cfg_set(fw_cfg, FW_CFG_UUID, config->uuid, sizeof config->uuid, error) &&
           fw_cfg_set_number(fw_cfg, FW_CFG_RAM_SIZE, config->ram_size, 8, error) &&
           fw_cfg_set_number(fw_cfg, FW_CFG_NOGRAPHIC, 1, 2, error) && /* there is no display */
           fw_cfg_set_number(fw_cfg, FW_CFG_NB_CPUS, config->cpus, 2, error) &&
           fw_cfg_set_number(fw_cfg, FW_CFG_MAX_CPUS, config->cpus, 2, error) &&
           fw_cfg_set_number(fw_cfg, FW_CFG_BOOT_MENU, 0, 2, error);
}

/* Firmware places devices' windows behind the hotplug region. */
static bool add_files(struct fw_cfg *fw_cfg, const struct machine *machine, struct error *error)
{
    const uint64_t end = htole64(machine->region_base + machine->region_size);

    return fw_cfg_add_file(fw_cfg, "etc/reserved-memory-end", &end, sizeof end, error);
}

bool machine_describe_to_firmware(struct machine *machine, struct error *error)
{
    struct fw_cfg *fw_cfg = machine->board.fw_cfg;

    return !fw_cfg || (set_numbers(fw_cfg, machine->config, error) && add_files(fw_cfg, machine, error) &&
                       fw_cfg_add_given(fw_cfg, machine->config, error));
}
