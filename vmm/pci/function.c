/* SPDX-License-Identifier: BSD-2-Clause */
#include "pci/function.h"

#include <assert.h>
#include <string.h>

#include "pci/bus.h"
#include "pci/msix.h"

/* ---- little-endian numbers ---- */

static uint32_t bytes_get(const uint8_t *bytes, unsigned offset, unsigned width)
{
    uint32_t value = 0;

    assert(offset + width <= PCI_CONFIG_SIZE);
    for (unsigned i = 0; i < width; i++)
        value |= (uint32_t)bytes[offset + i] << 8 * i;
    return value;
}

static void bytes_set(uint8_t *bytes, unsigned offset, unsigned width, uint32_t value)
{
    assert(offset + width <= PCI_CONFIG_SIZE);
    for (unsigned i = 0; i < width; i++)
        bytes[offset + i] = (uint8_t)(value >> 8 * i);
}

uint32_t pci_config_get(const struct pci_function *function, unsigned offset, unsigned width)
{
    return bytes_get(function->config, offset, width);
}

void pci_config_set(struct pci_function *function, unsigned offset, unsigned width, uint32_t value)
{
    bytes_set(function->config, offset, width, value);
}

void pci_config_at_power_on(struct pci_function *function, unsigned offset, unsigned width, uint32_t value)
{
    bytes_set(function->power_on, offset, width, value);
    bytes_set(function->config, offset, width, value);
}

void pci_config_writable(struct pci_function *function, unsigned offset, unsigned width, uint32_t bits)
{
    bytes_set(function->writable, offset, width, bits);
}

void pci_config_clearing(struct pci_function *function, unsigned offset, unsigned width, uint32_t bits)
{
    bytes_set(function->clearing, offset, width, bits);
}

/* ---- how one comes to be ---- */

void pci_function_init(struct pci_function *function, const char *name, const struct pci_ids *ids)
{
    function->name = name;
    function->last_pointer = PCI_CAPABILITY_POINTER;
    function->capability_end = PCI_HEADER_END;
    for (unsigned i = 0; i < PCI_BARS_MAX; i++)
        function->bars[i].address = PCI_UNMAPPED;
    if (!ids)
        return;
    pci_config_at_power_on(function, PCI_VENDOR, 2, ids->vendor);
    pci_config_at_power_on(function, PCI_DEVICE, 2, ids->device);
    pci_config_at_power_on(function, PCI_REVISION, 1, ids->revision);
    pci_config_at_power_on(function, PCI_CLASS, 1, ids->interface);
    pci_config_at_power_on(function, PCI_CLASS + 1, 1, ids->subclass);
    pci_config_at_power_on(function, PCI_CLASS + 2, 1, ids->class);
    pci_config_at_power_on(function, PCI_SUBSYSTEM_VENDOR, 2, ids->subsystem_vendor);
    pci_config_at_power_on(function, PCI_SUBSYSTEM, 2, ids->subsystem);
    pci_config_writable(function, PCI_COMMAND, 2,
                        PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
                            PCI_COMMAND_INTX_DISABLE);
    pci_config_writable(function, PCI_CACHE_LINE, 1, UINT8_MAX);
    if (ids->interrupt) {
        pci_config_at_power_on(function, PCI_INTERRUPT_PIN, 1, 1);
        pci_config_writable(function, PCI_INTERRUPT_LINE, 1, UINT8_MAX);
    }
}

static void set_field(struct pci_function *function, const struct state_field *field, unsigned offset)
{
    for (unsigned i = 0; i < field->width; i++) {
        pci_config_at_power_on(function, offset + i, 1, (uint8_t)(field->power_on >> 8 * i));
        pci_config_writable(function, offset + i, 1, (uint8_t)((field->bits & ~field->always) >> 8 * i));
    }
}

void pci_function_fields(struct pci_function *function, const struct state_table *table)
{
    for (unsigned i = 0; i < table->count; i++)
        for (unsigned element = 0; element < table->fields[i].count; element++)
            set_field(function, &table->fields[i],
                      table->fields[i].offset + element * table->fields[i].width);
    function->multifunction = pci_config_get(function, PCI_HEADER_TYPE, 1) & PCI_HEADER_MULTIFUNCTION;
}

unsigned pci_capability_add(struct pci_function *function, const struct pci_capability *capability)
{
    const unsigned offset = function->capability_end, length = capability->length;

    assert(length >= 2 && offset + length <= PCI_CONFIG_SIZE &&
           function->capability_count < PCI_CAPABILITIES_MAX);
    for (unsigned i = 2; i < length; i++) {
        if (capability->bytes)
            pci_config_at_power_on(function, offset + i, 1, capability->bytes[i]);
        if (capability->writable)
            pci_config_writable(function, offset + i, 1, capability->writable[i]);
    }
    pci_config_at_power_on(function, offset, 1, capability->id);
    pci_config_at_power_on(function, function->last_pointer, 1, offset);
    pci_config_at_power_on(function, PCI_STATUS, 2, PCI_STATUS_CAPABILITIES);
    function->last_pointer = offset + 1;
    function->capability_end = (offset + length + 3) & ~3u;
    function->capabilities[function->capability_count++] =
        (struct pci_capability_at){ (uint8_t)offset, (uint8_t)length, capability->read, capability->written };
    return offset;
}

/* ---- the guest's accesses ---- */

/* The capability in which a register is; NULL: it is in none. Registers do not cross a capability's end,
 * since those begin at multiples of 4. */
static const struct pci_capability_at *capability_at(const struct pci_function *function, unsigned offset)
{
    for (unsigned i = 0; i < function->capability_count; i++) {
        const struct pci_capability_at *at = &function->capabilities[i];

        if (offset >= at->offset && offset - at->offset < at->length)
            return at;
    }
    return NULL;
}

uint32_t pci_config_read(struct pci_function *function, unsigned offset, unsigned width)
{
    const struct pci_capability_at *at = capability_at(function, offset);

    uint32_t value;

    if (at && at->read)
        at->read(function, offset - at->offset, width);
    value = bytes_get(function->config, offset, width);
    if (offset == PCI_STATUS && pci_intx_level(function))
        value |= PCI_STATUS_INTERRUPT;
    else if (offset == PCI_COMMAND && width == 4 && pci_intx_level(function))
        value |= PCI_STATUS_INTERRUPT << 16;
    return value;
}

/* Whether a register decides where BARs are, or who may master. */
static bool moves_bars(const struct pci_function *function, unsigned offset)
{
    if (offset < PCI_COMMAND + 2 || function->follow)
        return true;
    if (function->bridge)
        return offset < PCI_CAPABILITY_POINTER;
    return offset >= PCI_BAR && offset < PCI_BAR + 4 * PCI_BARS_MAX;
}

/* With the PCI lock. */
static void follow_config(struct pci_function *function)
{
    pci_intx_disable(function, pci_config_get(function, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
    if (function->follow)
        function->follow(function);
    pci_host_update(function->bus->host);
}

void pci_config_write(struct pci_function *function, unsigned offset, unsigned width, uint32_t value)
{
    const struct pci_capability_at *at = capability_at(function, offset);

    for (unsigned i = 0; i < width; i++) {
        uint8_t *byte = &function->config[offset + i], new = (uint8_t)(value >> 8 * i);
        const uint8_t writable = function->writable[offset + i];

        *byte = (uint8_t)((*byte & ~writable) | (new &writable));
        *byte &= (uint8_t) ~(new & function->clearing[offset + i]);
    }
    if (at && at->written)
        at->written(function, offset - at->offset, width);
    if (moves_bars(function, offset))
        follow_config(function);
}

bool pci_may_master(const struct pci_function *function)
{
    return atomic_load(&function->may_master);
}

void pci_function_reset(struct pci_function *function)
{
    struct pci_host *host = function->bus->host;

    pci_intx(function, false);
    if (function->msix)
        msix_reset(function);
    pci_lock(host);
    memcpy(function->config, function->power_on, sizeof function->config);
    follow_config(function);
    pci_unlock(host);
}

void pci_function_restored(struct pci_function *function)
{
    pci_lock(function->bus->host);
    follow_config(function);
    pci_unlock(function->bus->host);
}
