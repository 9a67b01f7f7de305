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

/* By so much more or less than is requested now, which is a multiple of the blocks' size. */
static bool check_change(const struct mem_device *mem, char sign, uint64_t size, struct error *error)
{
    const char *name = device_name(&mem->virtio.pci.device);
    const uint64_t now = mem->sizes.requested, left = mem->sizes.region - now;
    char change[SIZE_TEXT_MAX], text[3][SIZE_TEXT_MAX];

    size_text(size, change);
    if (size % mem->block_size != 0)
        return error_set(
            error, "cannot %s %s of '%.80s': its size changes by a multiple of 'block-size', which is %s",
            sign == '-' ? "unplug" : "plug", change, name, size_text(mem->block_size, text[0]));
    if (sign == '-')
        return size <= now ||
               error_set(
                   error,
                   "cannot unplug %s of '%.80s': %s are requested of it, which is the most that it can give",
                   change, name, size_text(now, text[0]));
    return size <= left ||
           error_set(error, "cannot plug %s of '%.80s': %s of its %s are requested, so %s are left", change,
                     name, size_text(now, text[0]), size_text(mem->sizes.region, text[1]),
                     size_text(left, text[2]));
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
    return check_change(mem, sign, size, error)
               ? mem_size_begin(mem, sign == '-' ? now - size : now + size, error)
               : NULL;
}
