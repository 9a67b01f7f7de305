/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory plug and memory unplug of blocks: so much more or less of a device that an id names.
 */
#include "hotplug/mem.h"

static struct mem_device *find_blocks(const struct hotplug *hotplug, const char *reference,
                                      struct error *error)
{
    return (void *)device_resolve(hotplug->config.board, reference, &virtio_mem_pci_type, error);
}

bool hotplug_is_blocks(const struct hotplug *hotplug, const char *reference)
{
    struct error ignored;

    return find_blocks(hotplug, reference, &ignored) != NULL;
}

static void explain_change(const struct mem_device *mem, char sign, uint64_t size, struct error *error)
{
    char change[SIZE_TEXT_MAX], now[SIZE_TEXT_MAX], region[SIZE_TEXT_MAX], left[SIZE_TEXT_MAX];

    size_text(size, change);
    size_text(mem->sizes.requested, now);
    if (sign == '-')
        error_set(error,
                  "cannot unplug %s of '%.80s': %s are requested of it, which is the most that it can give",
                  change, device_name(&mem->virtio.pci.device), now);
    else
        error_set(error, "cannot plug %s of '%.80s': %s of its %s are requested, so %s are left", change,
                  device_name(&mem->virtio.pci.device), now, size_text(mem->sizes.region, region),
                  size_text(mem->sizes.region - mem->sizes.requested, left));
}

struct operation *hotplug_change_blocks(struct hotplug *hotplug, const char *reference, char sign,
                                        uint64_t size, struct error *error)
{
    struct mem_device *mem = find_blocks(hotplug, reference, error);
    uint64_t now;

    if (!mem)
        return NULL;
    now = mem->sizes.requested;
    if (sign == '-' && size == 0)
        size = now;
    if (sign == '-' ? size > now : size > mem->sizes.region - now) {
        explain_change(mem, sign, size, error);
        return NULL;
    }
    size = sign == '-' ? now - size : now + size;
    return mem_check_requested(mem, size, error) ? mem_size_begin(mem, size, error) : NULL;
}
