/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -memslot id=ID,size=SIZE[,start=ADDRESS][,node=N]: named places for memory, and the slots and the maxmem
 * that they imply when -m gives none.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/dimm_place.h"
#include "layout/units.h"
#include "options/parser.h"

#define SLOTS_MAX 256
#define SIZE_MULTIPLE (2 * MIB) /* of every DIMM */

const struct property memslot_properties[] = {
    PROPERTY_ROW_REQUIRED(memslot_config, "id", PROPERTY_STRING, id, "its name; required",
                          "Parameter 'id' is missing: the memslot's name"),
    PROPERTY_ROW_REQUIRED(memslot_config, "size", PROPERTY_SIZE, size,
                          "size in bytes, or with a suffix such as 512M or 1G, a multiple of 2 MiB; required",
                          "Parameter 'size' is missing: the size of the memslot, such as size=1G"),
    PROPERTY_ROW_GIVEN(memslot_config, "start", PROPERTY_SIZE, start,
                       "guest-physical address, a multiple of 2 MiB (default: the lowest that fits)"),
    DIMM_NODE_ROW(DIMM_PLACE_PROPERTY, memslot_config, node),
};
#define PROPERTY_COUNT (sizeof memslot_properties / sizeof memslot_properties[0])

static bool check(const struct config *config, const struct memslot_config *memslot, struct error *error)
{
    char size[SIZE_TEXT_MAX];

    if (!id_check(memslot->id, error))
        return false;
    for (size_t i = 0; i < config->memslot_count; i++)
        if (strcmp(config->memslots[i].id, memslot->id) == 0)
            return error_set(error, "Duplicate ID '%.80s' for memslot: already in use by an earlier one",
                             memslot->id);
    if (memslot->size == 0 || memslot->size % SIZE_MULTIPLE)
        return error_set(error, "size must be multiple of 0x%" PRIx64 ", and not 0; got %s", SIZE_MULTIPLE,
                         size_text(memslot->size, size));
    if (config->memslot_count == SLOTS_MAX)
        return error_set(error, "the limit of %d memslots is reached", SLOTS_MAX);
    return true;
}

bool option_memslot(struct parser *parser, const char *argument, struct error *error)
{
    struct config *config = parser->config;
    struct memslot_config memslot = { 0 };
    struct props props = { NULL, true };
    bool good;

    if (is_help(argument)) {
        help_properties("memslot", memslot_properties, PROPERTY_COUNT);
        parser->done = true;
        return true;
    }
    props.object = keyval_parse(argument, NULL, error);
    if (!props.object)
        return false;
    good = props_read(props, memslot_properties, PROPERTY_COUNT, NULL, "-memslot", &memslot, error);
    json_object_put(props.object);
    if (!good)
        return false;
    if (!check(config, &memslot, error)) {
        free(memslot.id);
        return false;
    }
    *(struct memslot_config *)array_grow(&config->memslots, config->memslot_count++,
                                         sizeof memslot) = memslot;
    return true;
}

/* A DIMM of the command line may not have the id either: each memslot becomes a DIMM. */
static bool ids_are_free(const struct config *config, struct error *error)
{
    for (size_t i = 0; i < config->memslot_count; i++) {
        const char *id = config->memslots[i].id;

        for (size_t j = 0; j < config->device_count; j++) {
            const char *taken = keyval_get(config->devices[j].object, "id");

            if (taken && strcmp(taken, id) == 0)
                return error_set(
                    error, "-memslot: Duplicate ID '%.80s' for memslot: already in use by a -device", id);
        }
    }
    return true;
}

bool memslots_imply(struct parser *parser, uint64_t ram, struct error *error)
{
    struct config *config = parser->config;

    if (config->memslot_count == 0)
        return true;
    if (!ids_are_free(config, error))
        return false;
    if (parser->slots == 0)
        parser->slots = (uint32_t)config->memslot_count;
    if (parser->slots < config->memslot_count)
        return error_set(error,
                         "-memslot: %zu memslots need %zu slots, but -m provides %" PRIu32
                         "; raise slots=, or omit it",
                         config->memslot_count, config->memslot_count, parser->slots);
    if (parser->maxmem_given)
        return true;
    config->region_grows = true;
    parser->maxmem = ram;
    for (size_t i = 0; i < config->memslot_count; i++)
        if (__builtin_add_overflow(parser->maxmem, config->memslots[i].size, &parser->maxmem))
            return error_set(
                error, "-memslot id=%.80s: size %" PRIu64 " is too large: the sum of all sizes overflows",
                config->memslots[i].id, config->memslots[i].size);
    return true;
}
