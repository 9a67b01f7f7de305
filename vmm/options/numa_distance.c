/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -numa dist: distances between nodes, by QEMU's rules. One direction of each pair is enough while no pair
 * differs by direction; if one does, both directions of all pairs are needed.
 */
#include <inttypes.h>
#include <json-c/json.h>

#include "options/parser.h"

/* ACPI 6.5, 5.2.17: a node is at 10 from itself; nothing else is nearer. */
#define DISTANCE_LOCAL 10
#define DISTANCE_MAX 255

static const struct choice keys[] = {
    { "type", NULL, NULL }, { "src", NULL, NULL }, { "dst", NULL, NULL }, { "val", NULL, NULL }
};

static bool required_number(struct json_object *object, const char *key, uint32_t max, uint32_t *value,
                            struct error *error)
{
    const char *text = keyval_get(object, key);

    if (!text)
        return error_set(error, "Parameter '%s' is missing", key);
    return option_number(key, text, 0, max, value, error);
}

bool numa_read_distance(struct numa_config *numa, const bool *present, struct json_object *object,
                        struct error *error)
{
    uint32_t from, to, distance;

    if (!choices_check(object, keys, sizeof keys / sizeof keys[0], "-numa dist", error) ||
        !required_number(object, "src", NUMA_NODES_MAX - 1, &from, error) ||
        !required_number(object, "dst", NUMA_NODES_MAX - 1, &to, error) ||
        !required_number(object, "val", DISTANCE_MAX, &distance, error))
        return false;
    if (!present[from] || !present[to])
        return error_set(error,
                         "Source/Destination NUMA node is missing: there is no node %" PRIu32
                         " yet. Please use '-numa node' option to declare it first",
                         present[from] ? to : from);
    if (distance < DISTANCE_LOCAL)
        return error_set(error, "NUMA distance (%" PRIu32 ") is invalid, it shouldn't be less than %d",
                         distance, DISTANCE_LOCAL);
    if (from == to && distance != DISTANCE_LOCAL)
        return error_set(error, "Local distance of node %" PRIu32 " should be %d; got %" PRIu32, from,
                         DISTANCE_LOCAL, distance);
    numa->distance[from][to] = (uint8_t)distance;
    numa->distances_given = true;
    return true;
}

/* Whether every pair has a distance; *asymmetric when the directions of one differ. */
static bool pairs_are_complete(const struct numa_config *numa, bool *asymmetric, struct error *error)
{
    for (uint32_t from = 0; from < numa->nodes; from++) {
        for (uint32_t to = from + 1; to < numa->nodes; to++) {
            uint8_t there = numa->distance[from][to], back = numa->distance[to][from];

            if (!there && !back)
                return error_set(error,
                                 "The distance between node %" PRIu32 " and %" PRIu32
                                 " is missing, at least one distance value between each nodes should be "
                                 "provided",
                                 from, to);
            *asymmetric |= there && back && there != back;
        }
    }
    return true;
}

static bool directions_are_complete(const struct numa_config *numa, struct error *error)
{
    for (uint32_t from = 0; from < numa->nodes; from++)
        for (uint32_t to = 0; to < numa->nodes; to++)
            if (from != to && !numa->distance[from][to])
                return error_set(error,
                                 "At least one asymmetrical pair of distances is given, please provide "
                                 "distances for both directions of all node pairs; src=%" PRIu32
                                 ",dst=%" PRIu32 " is missing",
                                 from, to);
    return true;
}

bool numa_finish_distances(struct numa_config *numa, struct error *error)
{
    bool asymmetric = false;

    if (!numa->distances_given)
        return true;
    if (!pairs_are_complete(numa, &asymmetric, error) ||
        (asymmetric && !directions_are_complete(numa, error)))
        return error_prefix(error, "-numa dist: ");
    for (uint32_t from = 0; from < numa->nodes; from++) {
        numa->distance[from][from] = DISTANCE_LOCAL;
        for (uint32_t to = 0; to < numa->nodes; to++)
            if (!numa->distance[from][to])
                numa->distance[from][to] = numa->distance[to][from];
    }
    return true;
}
