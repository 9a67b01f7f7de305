/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine/dimms_at_boot.h"

#include "base/config.h"
#include "base/message.h"
#include "hotplug/hotplug.h"

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

/* A memory map that ends behind a DIMM, or behind RAM. */
struct map {
    uint64_t end;
    uint64_t block;   /* the guest's memory block with it */
    uint64_t whole;   /* bytes of all DIMMs that are whole blocks: the guest can use them, listed or not */
    uint64_t listed;  /* bytes of those among them that are in it */
    unsigned dimms;   /* how many these are */
    unsigned entries; /* that they take, where neighbours share one */
};

static struct map map_that_ends(struct hotplug *hotplug, enum hotram_block_guest guest, uint64_t end,
                                uint64_t ram_end)
{
    struct map map = { .end = end, .block = hotram_block_size(guest, end) };
    uint64_t last_end = ram_end;
    uint32_t slot = HOTRAM_SLOT_ANY;
    struct dimm_info dimm;

    while (hotplug_next(hotplug, &slot, &dimm)) {
        if (dimm.state == HOTRAM_DIMM_EJECTING || !hotram_block_whole(map.block, dimm.addr, dimm.size))
            continue;
        map.whole += dimm.size;
        if (dimm.addr + dimm.size > end)
            continue;
        map.listed += dimm.size;
        map.dimms++;
        map.entries += dimm.addr != last_end;
        last_end = dimm.addr + dimm.size;
    }
    return map;
}

static bool is_better(const struct map *map, const struct map *other)
{
    return map->whole > other->whole || (map->whole == other->whole && map->listed > other->listed);
}

/* A DIMM that is not whole memory blocks must not be in the map: Linux would use it without having it as a
 * device, and an eject would take away memory in use. The DIMM at its end rules the block itself. So of all
 * DIMMs that can be the last one, that which leaves the guest most; in doubt, in the map. One whose map would
 * have more entries than there is room for cannot be the last: what is cut off would be the end that rules.
 */
static struct map choose_map(struct hotplug *hotplug, enum hotram_block_guest guest, uint64_t ram_end,
                             const struct map_room *room)
{
    struct map best = map_that_ends(hotplug, guest, ram_end, 0);
    uint32_t slot = HOTRAM_SLOT_ANY;
    struct dimm_info dimm;

    while (hotplug_next(hotplug, &slot, &dimm)) {
        struct map map = map_that_ends(hotplug, guest, dimm.addr + dimm.size, room ? room->ram_end : 0);

        if (room && map.entries > room->entries)
            continue;
        if (dimm.state != HOTRAM_DIMM_EJECTING && hotram_block_whole(map.block, dimm.addr, dimm.size) &&
            is_better(&map, &best))
            best = map;
    }
    return best;
}

/* Each DIMM is an entry of its own in both tables: the guest can remove it alone, and it is in its own node.
 * The gaps are hot-pluggable, too: there a DIMM may come while the guest runs. */
static void list_each(struct hotplug *hotplug, uint64_t start, uint64_t end, uint32_t gap_node,
                      const struct map *map, struct dimms_at_boot *list)
{
    uint32_t slot = HOTRAM_SLOT_ANY;
    struct dimm_info dimm;

    while (hotplug_next(hotplug, &slot, &dimm)) {
        if (dimm.state == HOTRAM_DIMM_EJECTING) /* somebody still holds a lease on it */
            continue;
        add(list, start, dimm.addr, gap_node);
        add(list, dimm.addr, dimm.addr + dimm.size, dimm.node);
        if (dimm.addr + dimm.size <= map->end && hotram_block_whole(map->block, dimm.addr, dimm.size))
            list->map[list->map_count++] = (struct memory_entry){ dimm.addr, dimm.size, MEMORY_RAM };
        start = dimm.addr + dimm.size;
    }
    add(list, start, end, gap_node);
}

static void warn_of_room(const struct map_room *room, unsigned listed, unsigned all)
{
    if (listed < all)
        warning(
            "%s: %u DIMMs at the highest addresses are missing from it, and the guest discovers them through ACPI",
            room->why, all - listed);
}

void dimms_at_boot_list(const struct config *config, struct hotplug *hotplug, enum hotram_block_guest guest,
                        uint64_t ram_end, const struct map_room *room, struct dimms_at_boot *list)
{
    struct map map = { .end = ram_end, .block = hotram_block_size(guest, ram_end) };
    uint64_t base;
    uint64_t size;

    list->srat_count = list->map_count = 0;
    hotplug_region(hotplug, &base, &size);
    if (config->dimms.in_e820) {
        map = choose_map(hotplug, guest, ram_end, room);
        if (room)
            warn_of_room(room, map.dimms, choose_map(hotplug, guest, ram_end, NULL).dimms);
        list_each(hotplug, base, base + size, config->numa.dimm_node, &map, list);
    } else if (size > 0) { /* as QEMU: all of it in the highest node; a DIMM's own node comes from its _PXM */
        add(list, base, base + size, config->numa.nodes - 1);
    }
    hotplug_set_block(hotplug, map.block);
}
