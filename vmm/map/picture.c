/* SPDX-License-Identifier: BSD-2-Clause */
#include "map/picture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/props.h"
#include "base/result.h"

/* More rows are too many to look at. So few that a finer scale is nicer. */
#define ROWS_MAX 20u
#define ROWS_FEW 4u
/* So many equal rows are left out; fewer take no more room than saying it. */
#define LEFT_OUT_MIN 3u
/* The smallest thing is to have so many cells, so that its slot fits in. */
#define CELLS_EACH 4u

static const struct {
    const char *name;
    const char *what;
    const char *state;
} kinds[MAP_KINDS] = {
    [MAP_RAM] = { "RAM at start", "RAM", "" },
    [MAP_HOLE] = { "hole", "hole", "" },
    [MAP_IN_USE] = { "DIMM in use", "DIMM", "in use" },
    [MAP_PLUGGING] = { "DIMM plugging", "DIMM", "plugging" },
    [MAP_REMOVING] = { "DIMM removing", "DIMM", "removing" },
    [MAP_REFUSED] = { "DIMM, removal refused", "DIMM", "refused" },
    [MAP_COMING] = { "reserved for a DIMM whose memory is being allocated", "DIMM", "coming" },
    [MAP_MEMSLOT] = { "reserved for a memslot", "memslot", "empty" },
    [MAP_BLOCKS] = { "virtio-mem, plugged", "blocks", "plugged" },
    [MAP_SOME] = { "virtio-mem, partly plugged", "blocks", "partly" },
    [MAP_NONE] = { "virtio-mem, not plugged", "blocks", "empty" },
    [MAP_FREE] = { "free", "free", "" },
    [MAP_LARGEST] = { "largest free gap", "free", "" },
    [MAP_OTHER] = { "other", "other", "" },
};

const char *map_kind_name(enum map_kind kind)
{
    return kinds[kind].name;
}

const char *map_kind_what(enum map_kind kind)
{
    return kinds[kind].what;
}

const char *map_kind_state(enum map_kind kind)
{
    return kinds[kind].state;
}

bool map_has_slot(enum map_kind kind)
{
    return kind >= MAP_IN_USE && kind <= MAP_NONE;
}

bool map_is_empty(enum map_kind kind)
{
    return kind == MAP_HOLE || kind == MAP_FREE || kind == MAP_LARGEST;
}

/* ---- reading ---- */

static enum map_kind kind_of_dimm(const char *state)
{
    static const struct {
        const char *state;
        enum map_kind kind;
    } table[] = {
        { "plugging", MAP_PLUGGING },
        { "in-use", MAP_IN_USE },
        { "removing", MAP_REMOVING },
        { "refused", MAP_REFUSED },
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(state, table[i].state) == 0)
            return table[i].kind;
    return MAP_OTHER;
}

static enum map_kind kind_of_blocks(struct json_object *range)
{
    const uint64_t plugged = get_number(range, "plugged");

    return plugged == 0 ? MAP_NONE : plugged == get_number(range, "size") ? MAP_BLOCKS : MAP_SOME;
}

static enum map_kind kind_of(struct json_object *range, struct json_object *largest)
{
    const char *type = get_string(range, "type");

    if (strcmp(type, "dimm") == 0)
        return kind_of_dimm(get_string(range, "state"));
    if (strcmp(type, "virtio-mem") == 0)
        return kind_of_blocks(range);
    if (strcmp(type, "ram") == 0)
        return MAP_RAM;
    if (strcmp(type, "hole") == 0)
        return MAP_HOLE;
    if (strcmp(type, "memslot") == 0)
        return MAP_MEMSLOT;
    if (strcmp(type, "reserved") == 0)
        return MAP_COMING;
    if (strcmp(type, "free") == 0)
        return largest && get_number(range, "start") == get_number(largest, "start") ? MAP_LARGEST : MAP_FREE;
    return MAP_OTHER;
}

static void read_range(struct map_picture *picture, struct json_object *object, struct json_object *largest)
{
    struct map_range range = {
        .start = get_number(object, "start"),
        .size = get_number(object, "size"),
        .object = object,
    };

    if (range.size == 0 || range.start < picture->end || range.size > UINT64_MAX - range.start)
        return;
    range.kind = kind_of(object, largest);
    picture->ranges[picture->count++] = range;
    picture->end = range.start + range.size;
}

bool map_read(struct map_picture *picture, struct json_object *map)
{
    struct json_object *ranges = json_object_object_get(map, "ranges");
    struct json_object *largest = json_object_object_get(map, "largest-free");
    size_t count = json_object_is_type(ranges, json_type_array) ? json_object_array_length(ranges) : 0;

    *picture = (struct map_picture){ 0 };
    picture->ranges = calloc(count + 1, sizeof *picture->ranges);
    if (!picture->ranges)
        return false;
    for (size_t i = 0; i < count; i++)
        read_range(picture, json_object_array_get_idx(ranges, i), largest);
    return true;
}

void map_free(struct map_picture *picture)
{
    free(picture->ranges);
}

/* ---- scale ---- */

static uint64_t row_size(const struct map_picture *picture)
{
    return picture->cell * picture->cells;
}

/* The rows from `start` on that are to be left out, in bytes. */
static uint64_t left_out(const struct map_picture *picture, const struct map_range *range, uint64_t start)
{
    uint64_t size = row_size(picture);
    uint64_t left = range->start + range->size - start;
    uint64_t rows = left / size;

    if (!map_is_empty(range->kind) || start < range->start)
        return 0;
    if (range->start + range->size == picture->end) /* the last row is not a whole one */
        return rows + (left % size > 0) >= LEFT_OUT_MIN ? left : 0;
    return rows >= LEFT_OUT_MIN ? rows * size : 0;
}

bool map_next_row(const struct map_picture *picture, struct map_row *row)
{
    uint64_t start = row->start + row->size;
    uint64_t size = row_size(picture);
    size_t first = row->first;

    if (start >= picture->end)
        return false;
    while (picture->ranges[first].start + picture->ranges[first].size <= start)
        first++;
    *row = (struct map_row){ .start = start, .first = first };
    row->size = left_out(picture, &picture->ranges[first], start);
    if (row->size > 0)
        row->left_out = &picture->ranges[first];
    else
        row->size = size < picture->end - start ? size : picture->end - start;
    return true;
}

/* Counting ends where there are too many. */
static unsigned count_rows(const struct map_picture *picture, unsigned *breaks)
{
    struct map_row row = { 0 };
    unsigned count = 0;

    *breaks = 0;
    while (count <= ROWS_MAX && map_next_row(picture, &row)) {
        count++;
        *breaks += row.left_out != NULL;
    }
    return count;
}

/* The largest power of two that is not above a number, which is not 0. */
static uint64_t power_below(uint64_t number)
{
    return UINT64_C(1) << (63 - __builtin_clzll(number));
}

/* Which powers of two sizes of things lie above: bit n for 2^n. */
static uint64_t sizes_of_things(const struct map_picture *picture)
{
    uint64_t sizes = 0;

    for (size_t i = 0; i < picture->count; i++)
        if (!map_is_empty(picture->ranges[i].kind))
            sizes |= power_below(picture->ranges[i].size);
    return sizes ? sizes : power_below(picture->end);
}

static bool few_enough(struct map_picture *picture, uint64_t cell)
{
    unsigned breaks;

    picture->cell = cell;
    return count_rows(picture, &breaks) <= ROWS_MAX;
}

/* So fine that the smallest thing has some cells, or one; if that makes too many rows, the next smallest. */
static void fit_things(struct map_picture *picture, uint64_t coarsest)
{
    uint64_t sizes = sizes_of_things(picture);

    for (; sizes > 0; sizes &= sizes - 1) {
        uint64_t size = sizes & -sizes;

        for (uint64_t each = CELLS_EACH; each > 0; each /= 2)
            if (size >= each && size / each <= coarsest && few_enough(picture, size / each))
                return;
    }
    for (picture->cell = 1; picture->cell < coarsest && !few_enough(picture, picture->cell);)
        picture->cell *= 2;
}

/* Where there is hardly anything to be seen yet, larger. */
static void enlarge(struct map_picture *picture)
{
    unsigned before;
    unsigned after;

    count_rows(picture, &before);
    while (picture->cell > 1) {
        picture->cell /= 2;
        if (count_rows(picture, &after) > ROWS_FEW || after > before) {
            picture->cell *= 2;
            return;
        }
    }
}

void map_scale(struct map_picture *picture, unsigned cells)
{
    picture->cells = cells;
    fit_things(picture, (UINT64_C(1) << 63) / cells);
    enlarge(picture);
}

/* ---- words ---- */

/* The ranges of a type: how many, and the sum of a member. */
static uint64_t sum(struct json_object *ranges, const char *type, const char *member, uint64_t *count)
{
    size_t length = json_object_is_type(ranges, json_type_array) ? json_object_array_length(ranges) : 0;
    uint64_t size = 0;

    *count = 0;
    for (size_t i = 0; i < length; i++) {
        struct json_object *range = json_object_array_get_idx(ranges, i);
        bool is = strcmp(get_string(range, "type"), type) == 0;

        *count += is;
        size += is ? get_number(range, member) : 0;
    }
    return size;
}

static void summarize_blocks(struct text *out, struct json_object *ranges)
{
    char plugged[SIZE_TEXT_MAX], size[SIZE_TEXT_MAX];
    uint64_t count;

    size_text(sum(ranges, "virtio-mem", "plugged", &count), plugged);
    size_text(sum(ranges, "virtio-mem", "size", &count), size);
    if (count > 0)
        text_printf(out, "virtio-mem: %s of %s are plugged\n", plugged, size);
}

void map_summary(struct text *out, struct json_object *map)
{
    struct json_object *slots = json_object_object_get(map, "slots");
    struct json_object *capacity = json_object_object_get(map, "capacity");
    struct json_object *largest = json_object_object_get(map, "largest-free");
    struct json_object *ranges = json_object_object_get(map, "ranges");
    uint64_t count;
    uint64_t size = sum(ranges, "dimm", "size", &count);
    char first[SIZE_TEXT_MAX];
    char second[SIZE_TEXT_MAX];

    text_printf(out, "RAM at start: %s", size_text(get_number(map, "ram"), first));
    if (!slots) {
        text_string(out, "; no slots for DIMMs\n");
        return;
    }
    text_printf(out, "; %" PRIu64 " DIMM%s: %s\n", count, count == 1 ? "" : "s", size_text(size, first));
    summarize_blocks(out, ranges);
    text_printf(out, "Free: %" PRIu64 " of %" PRIu64 " slots; %s", get_number(slots, "free"),
                get_number(slots, "total"), size_text(get_number(capacity, "free"), first));
    text_printf(out, " of %s\n", size_text(get_number(capacity, "total"), first));
    if (largest)
        text_printf(out, "Largest gap: %s at 0x%" PRIx64 "\nLargest DIMM that fits: %s\n",
                    size_text(get_number(largest, "size"), first), get_number(largest, "start"),
                    size_text(get_number(map, "largest-dimm"), second));
    else
        text_string(out, "There is no gap.\n");
    if (get_number(map, "granularity") > 0)
        text_printf(out, "DIMM granularity: %s; memory block of a Linux guest: %s\n",
                    size_text(get_number(map, "granularity"), first),
                    size_text(get_number(map, "block-size"), second));
}

size_t map_character(const char *at, uint32_t *character)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned char byte = (unsigned char)*at;
    size_t length = byte < 0x80 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;

    *character = length == 1 ? byte : byte & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) { /* the NUL at the end, too */
            *character = 0xfffd;
            return 1;
        }
        *character = *character << 6 | (at[i] & 0x3fu);
    }
    if ((byte >= 0x80 && byte < 0xc2) || byte > 0xf4 || *character < least[length] || *character > 0x10ffff ||
        (*character >= 0xd800 && *character < 0xe000)) {
        *character = 0xfffd;
        return 1;
    }
    return length;
}
