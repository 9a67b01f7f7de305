/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DSDT's entry of a device at ISA addresses.
 */
#ifndef VMM_DEVICE_ISA_AML_H
#define VMM_DEVICE_ISA_AML_H

#include <stdint.h>

#include <hotram/aml.h>

/* Append a device with _HID, _UID, and one range of ports and one interrupt in _CRS. `hid` is an EISA id,
 * such as "PNP0501". Errors are reported by hotram_aml_finish(). */
void isa_device_aml(struct hotram_aml *aml, const char *name, const char *hid, uint64_t uid, uint16_t port,
                    uint8_t ports, unsigned irq);

#endif
