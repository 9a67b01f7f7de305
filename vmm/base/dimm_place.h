/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The place of a DIMM: slot, guest-physical address and node. pc-dimm and memory plug make properties of
 * these rows, hotramctl options; virtio-mem devices and memslots have the row of the node alone.
 */
#ifndef VMM_BASE_DIMM_PLACE_H
#define VMM_BASE_DIMM_PLACE_H

#include "base/props.h"

/* What is not given is chosen; zeroed, everything is. */
struct dimm_place {
    int32_t slot; /* -1: as if it were not given; dimm_place_has_slot() */
    uint64_t addr;
    uint32_t node;
    bool slot_given, addr_given, node_given;
};

static inline bool dimm_place_has_slot(const struct dimm_place *place)
{
    return place->slot_given && place->slot != -1;
}

/* The rows of a struct dimm_place that is the member `place` of struct `values`, and of a node alone, the
 * member `field`: ROW(values, name, field, type, help, otherwise). Beside each field is FIELD_given;
 * `otherwise` is the default. */
#define DIMM_PLACE_ROWS(ROW, values, place) \
    ROW(values, slot, place.slot, PROPERTY_INT32, "slot number", "-1, the first free slot"), \
        ROW(values, addr, place.addr, PROPERTY_UINT64, \
            "guest-physical address, a multiple of -machine dimm-granularity=", "the lowest that fits"), \
        DIMM_NODE_ROW(ROW, values, place.node)
#define DIMM_NODE_ROW(ROW, values, field) \
    ROW(values, node, field, PROPERTY_UINT32, "NUMA node of the guest", "-machine dimm-node=, or 0")

/* A ROW of a table of properties. */
#define DIMM_PLACE_PROPERTY(values, name, field, type, help, otherwise) \
    PROPERTY_ROW_GIVEN(values, #name, type, field, help " (default: " otherwise ")")

#endif
