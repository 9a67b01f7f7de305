/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A size spread over nodes, by water filling. Every unit that a node could be given or lose has a level: the
 * node's size just before it. Growing gives the units of the lowest levels, shrinking takes those of the
 * highest; the level at which the bytes run out is found by bisection.
 */
#include <hotram/plan.h>

struct spread {
    struct hotram_plan_node *nodes;
    size_t count;
    uint64_t bytes; /* to give or to take, in all */
    uint64_t unit;
    unsigned shift; /* the unit is 1 << shift */
};

/* Units that cover so many bytes. */
static uint64_t units(const struct spread *spread, uint64_t bytes)
{
    return (bytes >> spread->shift) + (bytes & (spread->unit - 1) ? 1 : 0);
}

/* Take all units of a node that are above a level: what remains of it. */
static uint64_t lowered(const struct spread *spread, const struct hotram_plan_node *node, uint64_t level)
{
    uint64_t lost;

    if (node->present <= level)
        return node->present;
    lost = units(spread, node->present - level);
    if (lost > (node->present - node->floor) >> spread->shift)
        return node->floor; /* the level is below it, or the last unit is cut */
    return node->present - (lost << spread->shift);
}

/* Whether the bytes suffice to give every node all units below a level; left: what then remains of them. */
static bool can_raise(const struct spread *spread, uint64_t level, uint64_t *left)
{
    *left = spread->bytes;
    for (size_t i = 0; i < spread->count; i++) {
        uint64_t present = spread->nodes[i].present;
        uint64_t needed = level > present ? units(spread, level - present) : 0;

        if (needed > *left >> spread->shift)
            return false;
        *left -= needed << spread->shift;
    }
    return true;
}

/* Whether at least the units above a level are to be taken; left: what then remains to be taken. */
static bool can_lower(const struct spread *spread, uint64_t level, uint64_t *left)
{
    *left = spread->bytes;
    for (size_t i = 0; i < spread->count; i++) {
        uint64_t lost = spread->nodes[i].present - lowered(spread, &spread->nodes[i], level);

        if (lost > *left)
            return false;
        *left -= lost;
    }
    return true;
}

static void raise_nodes(const struct spread *spread)
{
    uint64_t level = 0; /* can be raised to; everything can */
    uint64_t left;

    for (unsigned bit = 64; bit-- > 0;) {
        if (can_raise(spread, level | UINT64_C(1) << bit, &left))
            level |= UINT64_C(1) << bit;
    }
    can_raise(spread, level, &left);
    for (size_t i = 0; i < spread->count; i++) {
        struct hotram_plan_node *node = &spread->nodes[i];
        uint64_t size = node->present;

        if (size < level)
            size += units(spread, level - size) << spread->shift;
        if (size == level) {
            uint64_t more = left < spread->unit ? left : spread->unit;

            size += more;
            left -= more;
        }
        node->target = size;
    }
}

static void lower_nodes(const struct spread *spread)
{
    uint64_t level = UINT64_MAX; /* can be lowered to; everything can */
    uint64_t left;

    for (unsigned bit = 64; bit-- > 0;) {
        if (can_lower(spread, level & ~(UINT64_C(1) << bit), &left))
            level &= ~(UINT64_C(1) << bit);
    }
    can_lower(spread, level, &left);
    for (size_t i = spread->count; i-- > 0;) {
        struct hotram_plan_node *node = &spread->nodes[i];
        uint64_t size = lowered(spread, node, level);

        if (size == level) {
            uint64_t less = left < spread->unit ? left : spread->unit;

            less = less < size - node->floor ? less : size - node->floor;
            size -= less;
            left -= less;
        }
        node->target = size;
    }
}

enum hotram_status hotram_plan_spread(struct hotram_plan_node *nodes, size_t count, uint64_t total,
                                      uint64_t unit)
{
    struct spread spread = { .nodes = nodes, .count = count, .unit = unit };
    uint64_t sum = 0;

    if (!nodes || count == 0 || unit == 0 || (unit & (unit - 1)) != 0)
        return HOTRAM_E_ARGUMENT;
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].floor > nodes[i].present || nodes[i].present > UINT64_MAX - sum)
            return HOTRAM_E_ARGUMENT;
        sum += nodes[i].present;
    }
    while (unit >> spread.shift != 1)
        spread.shift++;
    spread.bytes = total > sum ? total - sum : sum - total;
    if (total >= sum)
        raise_nodes(&spread);
    else
        lower_nodes(&spread);
    return HOTRAM_OK;
}
