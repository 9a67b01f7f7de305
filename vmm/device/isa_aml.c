/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/isa_aml.h"

#include <hotram/aml_device.h>

void isa_device_aml(struct hotram_aml *aml, const char *name, const char *hid, uint64_t uid, uint16_t port,
                    uint8_t ports, unsigned irq)
{
    hotram_aml_device(aml, name);
    hotram_aml_name(aml, "_HID");
    hotram_aml_eisaid(aml, hid);
    hotram_aml_name(aml, "_UID");
    hotram_aml_integer(aml, uid);
    hotram_aml_name(aml, "_CRS");
    hotram_aml_resource_template(aml);
    hotram_aml_io(aml, port, port, 0, ports);
    hotram_aml_irq_no_flags(aml, irq);
    hotram_aml_end(aml);
    hotram_aml_end(aml);
}
