/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Just enough for the kernel's console to be written to, and for its search for PCI to find something.
 */
#include "vm.h"

#include <string.h>

#define SERIAL 0x3f8
#define LINE_MAX_LENGTH 512

/* Registers of a 16450 without interrupts: the kernel's own messages need none. */
enum {
    DATA,
    INTERRUPT_ENABLE,
    INTERRUPT_IDENTITY,
    LINE_CONTROL,
    MODEM_CONTROL,
    LINE_STATUS,
    MODEM_STATUS,
    SCRATCH
};
#define DIVISOR_ACCESS 0x80
#define NOTHING_PENDING 0x01
#define TRANSMITTER_EMPTY 0x60

static uint8_t serial[8];

static void put(const struct vm_user *user, char c)
{
    static char line[LINE_MAX_LENGTH];
    static size_t length;

    if (c == '\r')
        return;
    if (c != '\n' && length + 1 < sizeof line) {
        line[length++] = c;
        return;
    }
    line[length] = '\0';
    length = 0;
    user->line(user->opaque, line);
}

static uint8_t serial_read(unsigned number)
{
    switch (number) {
    case DATA:
        return 0;
    case INTERRUPT_IDENTITY:
        return NOTHING_PENDING;
    case LINE_STATUS:
        return TRANSMITTER_EMPTY;
    case MODEM_STATUS: /* the other end is there; the loopback test sees its own signals */
        return serial[MODEM_CONTROL] & 0x10 ? (uint8_t)(serial[MODEM_CONTROL] << 4) | 0x10 : 0xb0;
    default:
        return serial[number];
    }
}

static void serial_write(const struct vm_user *user, unsigned number, uint8_t value)
{
    if (number == DATA && !(serial[LINE_CONTROL] & DIVISOR_ACCESS))
        put(user, (char)value);
    else if (number != INTERRUPT_ENABLE || !(serial[LINE_CONTROL] & DIVISOR_ACCESS))
        serial[number] = value;
}

/* ---- PCI, by configuration mechanism 1 ---- */

#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define PCI_ENABLE 0x80000000u

static uint32_t pci_address;

/* A host bridge, 8086:1237, at 00:00.0 and nothing else. */
static uint32_t pci_register(void)
{
    if ((pci_address & 0x7fffff00u) != 0 || !(pci_address & PCI_ENABLE))
        return UINT32_MAX;
    switch (pci_address & 0xfc) {
    case 0x00:
        return 0x12378086;
    case 0x08:
        return 0x06000000;
    default:
        return 0;
    }
}

static void pci_access(uint16_t port, unsigned width, bool write, uint32_t *value)
{
    if (port >= PCI_DATA)
        *value = write ? *value : pci_register() >> 8 * (port - PCI_DATA);
    else if (port == PCI_ADDRESS && width == 4 && write)
        pci_address = *value;
    else if (port == PCI_ADDRESS && width == 4)
        *value = pci_address;
}

bool vm_device(const struct vm_user *user, uint16_t port, unsigned width, bool write, uint32_t *value)
{
    if (port >= SERIAL && port < SERIAL + sizeof serial) {
        if (write)
            serial_write(user, port - SERIAL, (uint8_t)*value);
        else
            *value = serial_read(port - SERIAL);
        return true;
    }
    if (port >= PCI_ADDRESS && port < PCI_DATA + 4) {
        pci_access(port, width, write, value);
        return true;
    }
    return false;
}
