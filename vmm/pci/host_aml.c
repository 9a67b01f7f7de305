/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI Firmware Specification 3.3, chapter 4; ACPI 6.5, 6.2.11 (_OSC), 6.2.13 (_PRT).
 */
#include "pci/host_aml.h"

#include <hotram/aml_device.h>

#define CONFIG_PORTS 0xcf8
#define CONFIG_PORTS_END 0xd00
#define SLOTS 32u

static void pci_device_id(struct hotram_aml *aml, const char *hid, uint64_t uid)
{
    hotram_aml_name(aml, "_HID");
    hotram_aml_eisaid(aml, hid);
    hotram_aml_name(aml, "_UID");
    hotram_aml_integer(aml, uid);
}

/* Buses, ports (where the processor has ports) and addresses that reach devices. */
static void pci_windows(struct hotram_aml *aml, const struct pci_layout *pci)
{
    hotram_aml_name(aml, "_CRS");
    hotram_aml_resource_template(aml);
    hotram_aml_bus_window(aml, 0, (uint8_t)(pci->buses - 1));
    if (pci->ports) {
        hotram_aml_io(aml, CONFIG_PORTS, CONFIG_PORTS, 1, CONFIG_PORTS_END - CONFIG_PORTS);
        hotram_aml_io_window(aml, 0, CONFIG_PORTS - 1);
        hotram_aml_io_window(aml, CONFIG_PORTS_END, UINT16_MAX);
    }
    hotram_aml_memory_window(aml, pci->low.first, pci->low.last);
    hotram_aml_memory_window(aml, pci->high.first, pci->high.last);
    hotram_aml_end(aml);
}

/* Interrupts of the pins of each slot, directly by number: those of neighbours are one further. */
static void pci_routes(struct hotram_aml *aml, const struct pci_layout *pci)
{
    hotram_aml_name(aml, "_PRT");
    hotram_aml_package(aml, SLOTS * PCI_PINS);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        for (unsigned pin = 0; pin < PCI_PINS; pin++) {
            hotram_aml_package(aml, 4);
            hotram_aml_integer(aml, slot << 16 | 0xffff); /* all its functions */
            hotram_aml_integer(aml, pin);
            hotram_aml_integer(aml, 0);
            hotram_aml_integer(aml, pci->gsi + (slot + pin) % PCI_PINS);
            hotram_aml_end(aml);
        }
    hotram_aml_end(aml);
}

/* ---- _OSC: what of PCI Express the system runs itself ---- */

/* The first 8 bytes of UUID 33DB4D5B-1FF7-401C-9657-7441C03DD766, as ToInteger() has them. */
#define OSC_UUID UINT64_C(0x401c1ff733db4d5b)
#define OSC_STATUS 0u /* byte offsets of Arg3: three double words, of which the second is not looked at */
#define OSC_CONTROL 8u
#define OSC_BAD_UUID 0x04u
#define OSC_BAD_REVISION 0x08u
#define OSC_MASKED 0x10u
/* Native hot-plug, native PME, and the PCI Express capability. */
#define OSC_GRANTED 0x15u

static void osc_byte(struct hotram_aml *aml, unsigned offset)
{
    hotram_aml_op(aml, HOTRAM_AML_INDEX);
    hotram_aml_arg(aml, 3);
    hotram_aml_integer(aml, offset);
    hotram_aml_no_target(aml);
}

static void osc_set_status(struct hotram_aml *aml, unsigned bit)
{
    hotram_aml_op(aml, HOTRAM_AML_OR);
    hotram_aml_op(aml, HOTRAM_AML_DEREF_OF);
    osc_byte(aml, OSC_STATUS);
    hotram_aml_integer(aml, bit);
    osc_byte(aml, OSC_STATUS);
}

/* Leave of the control field, whose higher bytes have nothing to grant, what is granted. */
static void osc_grant(struct hotram_aml *aml)
{
    hotram_aml_op(aml, HOTRAM_AML_STORE);
    hotram_aml_op(aml, HOTRAM_AML_DEREF_OF);
    osc_byte(aml, OSC_CONTROL);
    hotram_aml_local(aml, 0);
    hotram_aml_op(aml, HOTRAM_AML_AND);
    hotram_aml_local(aml, 0);
    hotram_aml_integer(aml, OSC_GRANTED);
    hotram_aml_local(aml, 1);
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_LNOT_EQUAL);
    hotram_aml_local(aml, 0);
    hotram_aml_local(aml, 1);
    osc_set_status(aml, OSC_MASKED);
    hotram_aml_end(aml);
    hotram_aml_op(aml, HOTRAM_AML_STORE);
    hotram_aml_local(aml, 1);
    osc_byte(aml, OSC_CONTROL);
    for (unsigned i = 1; i < 4; i++) {
        hotram_aml_op(aml, HOTRAM_AML_STORE);
        hotram_aml_integer(aml, 0);
        osc_byte(aml, OSC_CONTROL + i);
    }
}

/* _OSC (UUID, revision, count, capabilities) */
static void pci_osc(struct hotram_aml *aml)
{
    hotram_aml_method(aml, "_OSC", 4, false);
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_LEQUAL);
    hotram_aml_op(aml, HOTRAM_AML_TO_INTEGER);
    hotram_aml_arg(aml, 0);
    hotram_aml_no_target(aml);
    hotram_aml_integer(aml, OSC_UUID);
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_LNOT_EQUAL);
    hotram_aml_arg(aml, 1);
    hotram_aml_integer(aml, 1);
    osc_set_status(aml, OSC_BAD_REVISION);
    hotram_aml_end(aml);
    osc_grant(aml);
    hotram_aml_end(aml);
    hotram_aml_else(aml);
    osc_set_status(aml, OSC_BAD_UUID);
    hotram_aml_end(aml);
    hotram_aml_op(aml, HOTRAM_AML_RETURN);
    hotram_aml_arg(aml, 3);
    hotram_aml_end(aml);
}

/* ---- the devices ---- */

/* Nobody else's (PNP0C02: motherboard resources). */
static void ecam_device(struct hotram_aml *aml, const struct pci_layout *pci)
{
    const uint64_t size = pci->buses * PCI_ECAM_OF_A_BUS;

    if (pci->ecam == PCI_UNMAPPED)
        return;
    hotram_aml_device(aml, "ECAM");
    pci_device_id(aml, "PNP0C02", 1);
    hotram_aml_name(aml, "_CRS");
    hotram_aml_resource_template(aml);
    if (pci->ecam <= UINT32_MAX)
        hotram_aml_memory32_fixed(aml, (uint32_t)pci->ecam, (uint32_t)size);
    else
        hotram_aml_qword_memory(aml, pci->ecam, pci->ecam + (size - 1), size);
    hotram_aml_end(aml);
    hotram_aml_end(aml);
}

void pci_host_aml(struct hotram_aml *aml, const struct pci_layout *pci, bool nodes)
{
    ecam_device(aml, pci);
    hotram_aml_device(aml, "PCI0");
    pci_device_id(aml, "PNP0A08", 0);
    hotram_aml_name(aml, "_CID");
    hotram_aml_eisaid(aml, "PNP0A03");
    hotram_aml_name(aml, "_SEG");
    hotram_aml_integer(aml, 0);
    hotram_aml_name(aml, "_BBN");
    hotram_aml_integer(aml, 0);
    if (nodes) { /* Linux complains of a bus that is in none of several (6.2.15) */
        hotram_aml_name(aml, "_PXM");
        hotram_aml_integer(aml, 0);
    }
    if (!pci->ports) { /* arm64 wants to know that devices see the processors' caches (6.2.17) */
        hotram_aml_name(aml, "_CCA");
        hotram_aml_integer(aml, 1);
    }
    pci_windows(aml, pci);
    pci_routes(aml, pci);
    pci_osc(aml);
    hotram_aml_end(aml);
}
