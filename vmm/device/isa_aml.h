/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device at ISA addresses in the DSDT.
 */
#ifndef VMM_DEVICE_ISA_AML_H
#define VMM_DEVICE_ISA_AML_H

#include <stdint.h>

#include <hotram/aml.h>

/* With one range of ports and one interrupt. `hid` is an EISA id, such as "PNP0501". */
void isa_device_aml(struct hotram_aml *aml, const char *name, const char *hid, uint64_t uid, uint16_t port,
                    uint8_t ports, unsigned irq);

#endif
