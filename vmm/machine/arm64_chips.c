/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/count_of.h"
#include "device/ged.h"
#include "device/pl011.h"
#include "device/pl031.h"
#include "firmware/flash.h"
#include "firmware/fw_cfg.h"
#include "layout/arm64.h"
#include "machine/chips.h"
#include "pci/function.h"
#include "pci/machine.h"

static const struct {
    const struct device_type *type;
    struct chip_place place;
} chips[] = {
    { &pl011_type, { ARM64_PL011, ARM64_GSI_PL011 } },
    { &pl031_type, { ARM64_PL031, ARM64_GSI_PL031 } },
    { &ged_type, { ARM64_GED, ARM64_GSI_GED } },
    { &gpex_host_type, { 0, ARM64_GSI_PCI } }, /* configuration space is behind the hotplug region */
    { &gpex_root_type, { PCI_DEVFN(0, 0), 0 } },
    { &fw_cfg_type, { ARM64_FW_CFG, 0 } },     /* if the configuration says so */
    { &flash_arm64_type, { ARM64_FLASH, 0 } }, /* if there are images */
};

bool arm64_chips_build(struct board *board, struct error *error)
{
    for (unsigned i = 0; i < COUNT_OF(chips); i++)
        if (!chips[i].type->build(board, &chips[i].place, error))
            return false;
    return true;
}
