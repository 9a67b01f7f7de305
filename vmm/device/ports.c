/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/ports.h"

#include <assert.h>
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
    assert(ports->count < PORT_RANGES_MAX);
    ports->range[ports->count++] = *range;
}

static const struct port_range *find(const struct ports *ports, uint16_t port)
{
    for (unsigned i = 0; i < ports->count; i++)
        if (port >= ports->range[i].first && port - ports->range[i].first < ports->range[i].count)
            return &ports->range[i];
    return NULL;
}

/* One part, which is aligned to its width. hotram runs on little-endian hosts only, as do its guests: the
 * bytes are in the guest's order. */
static void access_part(const struct port_range *range, uint16_t port, bool write, unsigned width,
                        uint8_t *data)
{
    uint32_t value = 0;

    if (!range) {
        if (!write)
            memset(data, 0xff, width);
    } else if (write) {
        memcpy(&value, data, width);
        range->write(range->device, port - range->first, width, value);
    } else {
        value = range->read(range->device, port - range->first, width);
        memcpy(data, &value, width);
    }
}

void ports_access(struct ports *ports, uint16_t port, bool write, unsigned width, uint8_t *data)
{
    unsigned part;

    pthread_mutex_lock(&ports->lock);
    for (unsigned done = 0; done < width; done += part) {
        uint16_t at = (uint16_t)(port + done);
        const struct port_range *range = find(ports, at);
        unsigned max = range && range->width_max < width ? range->width_max : width;

        for (part = max; part > width - done || at & (part - 1);)
            part /= 2;
        access_part(range, at, write, part, data + done);
    }
    pthread_mutex_unlock(&ports->lock);
}
