/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/count_of.h"
#include "device/ged.h"
#include "device/pm.h"
#include "device/rtc.h"
#include "device/serial.h"
#include "device/sleep.h"
#include "device/tco.h"
#include "firmware/flash.h"
#include "firmware/fw_cfg.h"
#include "layout/x86.h"
#include "machine/chips.h"
#include "pci/function.h"
#include "pci/machine.h"

/* ACPI's events come by the fixed hardware or by the Generic Event Device. */
enum when { ALWAYS, WITH_GED, WITHOUT_GED };

static const struct {
    const struct device_type *type;
    struct chip_place place;
    enum when when;
} chips[] = {
    { &pm_type, { X86_PORT_PM1_EVENT, X86_IRQ_SCI }, WITHOUT_GED },
    { &sleep_type, { X86_PORT_SLEEP, 0 }, WITH_GED },
    { &ged_type, { X86_GED, X86_GSI_GED }, WITH_GED },
    { &serial_type, { X86_PORT_COM1, X86_IRQ_COM1 }, ALWAYS },
    { &rtc_type, { X86_PORT_RTC, X86_IRQ_RTC }, ALWAYS },
    { &q35_host_type, { X86_PCI_ECAM, X86_GSI_PCI }, ALWAYS },
    { &q35_mch_type, { PCI_DEVFN(0, 0), 0 }, ALWAYS },
    { &q35_isa_type, { PCI_DEVFN(0x1f, 0), 0 }, ALWAYS },
    { &tco_type, { X86_PORT_TCO, 0 }, ALWAYS },
    { &fw_cfg_type, { X86_PORT_FW_CFG, 0 }, ALWAYS },  /* if the configuration says so */
    { &flash_x86_type, { X86_FLASH_END, 0 }, ALWAYS }, /* if there are images */
};

bool x86_chips_build(struct board *board, bool ged, struct error *error)
{
    for (unsigned i = 0; i < COUNT_OF(chips); i++)
        if (chips[i].when != (ged ? WITHOUT_GED : WITH_GED) &&
            !chips[i].type->build(board, &chips[i].place, error))
            return false;
    return true;
}
