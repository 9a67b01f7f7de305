/* SPDX-License-Identifier: BSD-2-Clause */
/* What is on the board: ports, slots and devices, which exist as -smbios says, by paragraph of DSP0134. */
#include <string.h>

#include "firmware/smbios_parts.h"

#define HANDLE_PORT 0x0800
#define HANDLE_SLOT 0x0900
#define HANDLE_ONBOARD 0x2900
#define ENABLED 0x80 /* of the type of an onboard device */

const char *const smbios_onboard_kinds[] = { "other", "unknown", "video", "scsi", "ethernet", "tokenring",
                                             "sound", "pata",    "sata",  "sas",  NULL };

/* 7.9 */
void smbios_write_ports(struct hotram_buffer *out, const struct smbios_config *given)
{
    for (size_t i = 0; i < given->port_count; i++) {
        const struct smbios_port *port = &given->ports[i];
        struct smbios_strings strings = { .count = 0 };

        smbios_begin(out, 8, 0x09, HANDLE_PORT + (unsigned)i);
        smbios_string(out, &strings, port->internal);
        hotram_buffer_u8(out, 0); /* no connector inside */
        smbios_string(out, &strings, port->external);
        hotram_buffer_u8(out, (uint8_t)port->connector);
        hotram_buffer_u8(out, (uint8_t)port->port);
        smbios_end(out, &strings);
    }
}

/* Segment, bus and function; all ones: none of PCI. */
static void write_place(struct hotram_buffer *out, const struct smbios_machine *machine, const char *id)
{
    uint8_t devfn = 0;
    const bool found = id && machine->place && machine->place(machine->opaque, id, &devfn);

    hotram_buffer_u16(out, found ? 0 : 0xffff);
    hotram_buffer_u8(out, found ? 0 : 0xff);
    hotram_buffer_u8(out, found ? devfn : 0xff);
}

/* 7.10 */
void smbios_write_slots(struct hotram_buffer *out, const struct smbios_machine *machine,
                        const struct smbios_config *given)
{
    for (size_t i = 0; i < given->slot_count; i++) {
        const struct smbios_slot *slot = &given->slots[i];
        struct smbios_strings strings = { .count = 0 };

        smbios_begin(out, 9, 0x11, HANDLE_SLOT + (unsigned)i);
        smbios_string(out, &strings, slot->designation);
        hotram_buffer_u8(out, (uint8_t)slot->type);
        hotram_buffer_u8(out, (uint8_t)slot->width);
        hotram_buffer_u8(out, (uint8_t)slot->usage);
        hotram_buffer_u8(out, (uint8_t)slot->length);
        hotram_buffer_u16(out, (uint16_t)slot->id);
        hotram_buffer_u8(out, (uint8_t)slot->characteristics1);
        hotram_buffer_u8(out, (uint8_t)slot->characteristics2);
        write_place(out, machine, slot->pci_device);
        smbios_end(out, &strings);
    }
}

/* The number of its kind; the first, without one. */
static uint8_t kind_of(const char *word)
{
    uint8_t kind = 0;

    while (word && smbios_onboard_kinds[kind] && strcmp(smbios_onboard_kinds[kind], word) != 0)
        kind++;
    return (uint8_t)(kind + 1);
}

/* 7.42 */
void smbios_write_onboard(struct hotram_buffer *out, const struct smbios_machine *machine,
                          const struct smbios_config *given)
{
    for (size_t i = 0; i < given->onboard_count; i++) {
        const struct smbios_onboard *onboard = &given->onboards[i];
        struct smbios_strings strings = { .count = 0 };

        smbios_begin(out, 41, 0x0b, HANDLE_ONBOARD + (unsigned)i);
        smbios_string(out, &strings, onboard->designation);
        hotram_buffer_u8(out, kind_of(onboard->kind) | ENABLED);
        hotram_buffer_u8(out, (uint8_t)onboard->instance);
        write_place(out, machine, onboard->pci_device);
        smbios_end(out, &strings);
    }
}
