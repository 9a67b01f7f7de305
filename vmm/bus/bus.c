/* SPDX-License-Identifier: BSD-2-Clause */
#include "bus/bus.h"

#include <string.h>

void ports_init(struct ports *ports)
{
    *ports = (struct ports){ 0 };
    pthread_mutex_init(&ports->lock, NULL);
}

void ports_destroy(struct ports *ports)
{
    pthread_mutex_destroy(&ports->lock);
}

void ports_add(struct ports *ports, const struct port_range *range)
{
    if (ports->count < PORT_RANGES_MAX)
        ports->range[ports->count++] = *range;
    else
        ports->left_out++;
}

bool ports_check(const struct ports *ports, struct error *error)
{
    return ports->left_out == 0 ||
           error_set(error,
                     "the machine's devices have %u ranges of ports and addresses; there is room for %u",
                     ports->count + ports->left_out, PORT_RANGES_MAX);
}

static const struct port_range *find(const struct ports *ports, enum bus bus, uint64_t at)
{
    for (unsigned i = 0; i < ports->count; i++) {
        const struct port_range *range = &ports->range[i];

        if (range->bus == bus && at >= range->first && at - range->first < range->count)
            return range;
    }
    return NULL;
}

/* One part, which is aligned to its width. hotram runs on little-endian hosts only, as do its guests: the
 * bytes are in the guest's order. */
static void access_part(const struct port_range *range, uint64_t at, bool write, unsigned width,
                        uint8_t *data)
{
    uint32_t value = 0;

    if (!range) {
        if (!write)
            memset(data, 0xff, width);
    } else if (write) {
        memcpy(&value, data, width);
        range->write(range->device, (uint32_t)(at - range->first), width, value);
    } else {
        value = range->read(range->device, (uint32_t)(at - range->first), width);
        memcpy(data, &value, width);
    }
}

static void access_bus(struct ports *ports, enum bus bus, uint64_t first, uint64_t mask, bool write,
                       unsigned width, uint8_t *data)
{
    unsigned part;

    pthread_mutex_lock(&ports->lock);
    for (unsigned done = 0; done < width; done += part) {
        uint64_t at = (first + done) & mask;
        const struct port_range *range = find(ports, bus, at);
        unsigned max = range && range->width_max < width ? range->width_max : width;

        for (part = max; part > width - done || at & (part - 1);)
            part /= 2;
        access_part(range, at, write, part, data + done);
    }
    pthread_mutex_unlock(&ports->lock);
}

bool ports_has_memory(const struct ports *ports, uint64_t address)
{
    return find(ports, BUS_MEMORY, address) != NULL;
}

void ports_access(struct ports *ports, uint16_t port, bool write, unsigned width, uint8_t *data)
{
    access_bus(ports, BUS_PORTS, port, UINT16_MAX, write, width, data);
}

void ports_memory_access(struct ports *ports, uint64_t address, bool write, unsigned width, uint8_t *data)
{
    access_bus(ports, BUS_MEMORY, address, UINT64_MAX, write, width, data);
}
