/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine/dimms_at_boot.h"

#include "hotplug/hotplug.h"
#include "options/config.h"

static void add(struct dimms_at_boot *list, uint64_t start, uint64_t end, uint32_t node)
{
    if (start < end)
        list->srat[list->srat_count++] = (struct hotram_acpi_memory){
            .base = start,
            .size = end - start,
            .node = node,
            .flags = HOTRAM_SRAT_ENABLED | HOTRAM_SRAT_HOTPLUGGABLE,
        };
}

/* Each DIMM is an entry of its own in both tables: the guest can remove it alone, and it is in its own node.
 * The gaps are hot-pluggable, too: there a DIMM may come while the guest runs. */
static void list_each(struct hotplug *hotplug, uint64_t start, uint64_t end, uint32_t gap_node,
                      struct dimms_at_boot *list)
{
    uint32_t slot = HOTRAM_SLOT_ANY;
    struct dimm_info dimm;

    while (hotplug_next(hotplug, &slot, &dimm)) {
        if (dimm.state == HOTRAM_DIMM_EJECTING) /* somebody still holds a lease on it */
            continue;
        add(list, start, dimm.addr, gap_node);
        add(list, dimm.addr, dimm.addr + dimm.size, dimm.node);
        list->map[list->map_count++] = (struct memory_entry){ dimm.addr, dimm.size, MEMORY_RAM };
        start = dimm.addr + dimm.size;
    }
    add(list, start, end, gap_node);
}

void dimms_at_boot_list(const struct config *config, struct hotplug *hotplug, struct dimms_at_boot *list)
{
    uint64_t base;
    uint64_t size;

    list->srat_count = list->map_count = 0;
    hotplug_region(hotplug, &base, &size);
    if (config->dimms.in_e820)
        list_each(hotplug, base, base + size, config->numa.dimm_node, list);
    else if (size > 0) /* as QEMU: all of it in the highest node; a DIMM's own node comes from its _PXM */
        add(list, base, base + size, config->numa.nodes - 1);
}
