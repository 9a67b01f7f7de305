/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O remapping table (DEN 0049, issue D): an ITS group, and root complexes that lead to it.
 */
#include <stdbool.h>

#include <hotram/acpi_arm.h>

/* Issue D's: newer ones add nothing here but a number for each node. */
#define IORT_REVISION 0

/* Types of nodes, and their revisions (3.1.1). */
#define ITS_GROUP 0
#define ITS_GROUP_REVISION 0
#define ROOT_COMPLEX 2
#define ROOT_COMPLEX_REVISION 1 /* it has address_bits */

#define FIRST_NODE (HOTRAM_ACPI_HEADER_LENGTH + 12)
#define NODE_HEADER_LENGTH 16u
#define ROOT_COMPLEX_LENGTH 36u
#define MAPPING_LENGTH 20u

/* Of a root complex: its DMA is coherent with the caches, and needs no attributes for that (3.1.1.5). */
#define COHERENT 1u
#define COHERENT_PATH_AND_CACHEABLE 3u

#define REQUESTERS 0x10000u /* ids that a segment has */

static bool is_valid(const struct hotram_acpi_iort *config)
{
    if (config->its_count == 0 || config->its_count > HOTRAM_ITS_MAX ||
        (!config->roots && config->root_count > 0))
        return false;
    for (size_t i = 0; i < config->root_count; i++)
        if (config->roots[i].address_bits == 0 || config->roots[i].address_bits > 64)
            return false;
    return config->root_count <= HOTRAM_ROOT_COMPLEXES_MAX;
}

static void node(struct hotram_buffer *out, uint8_t type, uint32_t length, uint8_t revision,
                 uint32_t mappings)
{
    hotram_buffer_u8(out, type);
    hotram_buffer_u16(out, (uint16_t)length);
    hotram_buffer_u8(out, revision);
    hotram_buffer_u32(out, 0);
    hotram_buffer_u32(out, mappings);
    hotram_buffer_u32(out, mappings > 0 ? length - mappings * MAPPING_LENGTH : 0); /* offset of the first */
}

/* 3.1.1.1 */
static void its_group(struct hotram_buffer *out, uint32_t count)
{
    node(out, ITS_GROUP, NODE_HEADER_LENGTH + 4 + 4 * count, ITS_GROUP_REVISION, 0);
    hotram_buffer_u32(out, count);
    for (uint32_t i = 0; i < count; i++)
        hotram_buffer_u32(out, i);
}

/* 3.1.1.5, with one mapping of ids (3.1.1.8): all of its requesters, to the group. */
static void root_complex(struct hotram_buffer *out, const struct hotram_acpi_root_complex *root)
{
    node(out, ROOT_COMPLEX, ROOT_COMPLEX_LENGTH + MAPPING_LENGTH, ROOT_COMPLEX_REVISION, 1);
    hotram_buffer_u32(out, COHERENT);
    hotram_buffer_zeros(out, 1 + 2); /* allocation hints, reserved */
    hotram_buffer_u8(out, COHERENT_PATH_AND_CACHEABLE);
    hotram_buffer_u32(out, 0); /* no address translation services */
    hotram_buffer_u32(out, root->segment);
    hotram_buffer_u8(out, root->address_bits);
    hotram_buffer_zeros(out, 3);
    hotram_buffer_u32(out, 0);              /* first id */
    hotram_buffer_u32(out, REQUESTERS - 1); /* ids, less one */
    hotram_buffer_u32(out, (uint32_t)root->segment * REQUESTERS);
    hotram_buffer_u32(out, FIRST_NODE); /* the group */
    hotram_buffer_u32(out, 0);
}

enum hotram_status hotram_acpi_iort(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_iort *config)
{
    struct hotram_acpi_table table;

    if (!out || !ids || !config || !is_valid(config))
        return HOTRAM_E_ARGUMENT;
    hotram_acpi_table_begin(&table, out, "IORT", IORT_REVISION, ids);
    hotram_buffer_u32(out, 1 + (uint32_t)config->root_count);
    hotram_buffer_u32(out, FIRST_NODE);
    hotram_buffer_u32(out, 0);
    its_group(out, config->its_count);
    for (size_t i = 0; i < config->root_count; i++)
        root_complex(out, &config->roots[i]);
    return hotram_acpi_table_end(&table);
}
