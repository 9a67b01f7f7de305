/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's physical address space: what lies where, as data and as a picture. Ours; QEMU has no such
 * command.
 */
#include <string.h>

#include "base/result.h"
#include "hotplug/hotplug.h"
#include "machine/machine.h"
#include "map/text.h"
#include "monitor/command.h"
#include "monitor/session.h"

/* Of a terminal whose width is not known: a monitor's may be anywhere. */
#define COLUMNS 80

/* The ranges so far; they follow one another without gaps. */
struct ranges {
    struct json_object *array;
    uint64_t end; /* of the last one */
};

static struct json_object *add_range(struct ranges *ranges, uint64_t size, const char *type)
{
    struct json_object *range = json_append_object(ranges->array);

    add_number(range, "start", ranges->end);
    add_number(range, "size", size);
    add_string(range, "type", type);
    ranges->end += size;
    return range;
}

/* Nothing is there up to an address. */
static void fill(struct ranges *ranges, uint64_t end, const char *type)
{
    if (end > ranges->end)
        add_range(ranges, end - ranges->end, type);
}

static uint64_t add_ram(struct ranges *ranges, const struct machine *machine)
{
    struct ram_range ram;
    uint64_t offset = 0;

    while (machine_next_ram(machine, &offset, &ram)) {
        struct json_object *range;

        fill(ranges, ram.start, "hole");
        range = add_range(ranges, ram.size, "ram");
        add_number(range, "node", ram.node);
        add_string(range, "memdev", ram.memdev);
    }
    return offset;
}

static const char *condition_name(enum dimm_condition condition)
{
    static const char *const names[] = {
        [DIMM_PLUGGING] = "plugging",
        [DIMM_IN_USE] = "in-use",
        [DIMM_REMOVING] = "removing",
        [DIMM_REFUSED] = "refused",
    };

    return names[condition];
}

static void add_place(struct ranges *ranges, struct hotplug *hotplug, const struct region_holder *place)
{
    static const char *const types[] = {
        [REGION_DIMM] = "dimm",
        [REGION_POPULATING] = "reserved",
        [REGION_MEMSLOT] = "memslot",
        [REGION_BLOCKS] = "virtio-mem",
    };
    struct json_object *range = add_range(ranges, place->size, types[place->kind]);

    if (place->id)
        add_string(range, "id", place->id);
    if (place->kind != REGION_BLOCKS)
        add_number(range, "slot", place->slot);
    add_number(range, "node", place->node);
    if (place->memdev)
        add_string(range, "memdev", place->memdev);
    if (place->kind == REGION_DIMM)
        add_string(range, "state", condition_name(hotplug_condition(hotplug, place->slot)));
    if (place->kind == REGION_BLOCKS)
        add_number(range, "plugged", place->plugged);
}

static void add_region(struct ranges *ranges, struct hotplug *hotplug, uint64_t end)
{
    uint32_t slot = HOTRAM_SLOT_ANY;
    struct region_holder place;

    while (hotplug_next_region_holder(hotplug, &slot, &place)) {
        uint64_t offset = 0;

        fill(ranges, place.addr, "free");
        if (place.kind != REGION_BLOCKS)
            add_place(ranges, hotplug, &place);
        else
            while (hotplug_next_part(hotplug, slot, &offset, &place))
                add_place(ranges, hotplug, &place);
    }
    fill(ranges, end, "free");
}

static void add_pair(struct json_object *result, const char *name, const char *first, uint64_t value,
                     const char *second, uint64_t other)
{
    struct json_object *pair = json_new_object();

    add_number(pair, first, value);
    add_number(pair, second, other);
    json_add(result, name, pair);
}

/* The first of the largest ranges that nothing is in; NULL: the region is full. */
static struct json_object *largest_free(struct json_object *ranges)
{
    struct json_object *largest = NULL;

    for (size_t i = 0; i < json_object_array_length(ranges); i++) {
        struct json_object *range = json_object_array_get_idx(ranges, i);

        if (strcmp(get_string(range, "type"), "free") == 0 &&
            (!largest || get_number(range, "size") > get_number(largest, "size")))
            largest = range;
    }
    return largest;
}

/* How large a DIMM could be that is plugged now. */
static uint64_t largest_dimm(const struct hotplug_room *room, struct json_object *gap)
{
    const uint64_t skipped = -get_number(gap, "start") &
                             (room->granularity - 1); /* up to where one may begin */
    uint64_t size = get_number(gap, "size");

    size = size > skipped ? size - skipped : 0;
    if (size > room->capacity_left)
        size = room->capacity_left;

    return room->slots > 0 ? size - size % room->granularity : 0;
}

static void describe_hotplug(struct json_object *result, struct ranges *ranges, struct hotplug *hotplug)
{
    struct json_object *gap;
    struct hotplug_room room;
    uint64_t base;
    uint64_t size;

    hotplug_region(hotplug, &base, &size);
    hotplug_room(hotplug, &room);
    fill(ranges, base, "hole");
    if (size == 0)
        return;
    add_region(ranges, hotplug, base + size);
    add_pair(result, "region", "start", base, "size", size);
    add_pair(result, "slots", "total", hotplug_slots(hotplug), "free", room.slots);
    add_pair(result, "capacity", "total", room.capacity, "free", room.capacity_left);
    add_number(result, "granularity", room.granularity);
    add_number(result, "block-size", room.block);
    gap = largest_free(ranges->array);
    if (gap)
        add_pair(result, "largest-free", "start", get_number(gap, "start"), "size", get_number(gap, "size"));
    add_number(result, "largest-dimm", gap ? largest_dimm(&room, gap) : 0);
}

static bool run_map(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    struct ranges ranges = { 0 };
    uint64_t ram;

    (void)args, (void)error;
    *result = json_new_object();
    add_number(*result, "ram", 0); /* its place, before the ranges */
    ranges.array = json_add_array(*result, "ranges");
    ram = add_ram(&ranges, context->machine);
    add_number(*result, "ram", ram);
    if (hotplug)
        describe_hotplug(*result, &ranges, hotplug);
    return true;
}

static void print_map(struct text *out, struct json_object *result)
{
    map_text(out, result, map_text_unicode(), COLUMNS);
}

static const struct command commands[] = {
    { .qmp = "query-memory-map",
      .hmp = "info memory-map",
      .run = run_map,
      .returns = "MemoryMap",
      .print = print_map,
      .help = "draw the guest's physical address space" },
};

const struct command_area commands_map = { commands, sizeof commands / sizeof commands[0] };
