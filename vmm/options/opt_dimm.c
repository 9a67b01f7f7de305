/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of -machine that are about DIMMs: where a booting guest finds them, what they look like, how long
 * a guest may take with them, and what is too much for it.
 */
#include <json-c/json.h>
#include <string.h>

#include "layout/units.h"
#include "options/parser.h"

#define GRANULARITY_MIN (2 * MIB)
#define GRANULARITY_MAX (UINT64_C(1) << 40)
#define SECONDS_MAX 86400

static bool read_dimm_node(struct parser *parser, const char *text, struct error *error)
{
    uint64_t number;

    if (strcmp(text, "own") != 0 && (!number_parse(text, &number) || number >= NUMA_NODES_MAX))
        return error_set(error, "Parameter 'dimm-node' expects own or a number from 0 to %d; got '%.80s'",
                         NUMA_NODES_MAX - 1, text);
    replace_string(&parser->dimm_node, text);
    return true;
}

static bool read_granularity(struct config *config, const char *text, struct error *error)
{
    uint64_t size;

    if (strcmp(text, "auto") == 0) {
        config->dimms.granularity = 0;
        return true;
    }
    if (!size_parse(text, 1, &size, NULL) || size < GRANULARITY_MIN || size > GRANULARITY_MAX ||
        (size & (size - 1)) != 0)
        return error_set(
            error,
            "Parameter 'dimm-granularity' expects auto or a power of two from 2M to 1T; got '%.80s'. auto, the default, is the memory block of a Linux guest of this size, which cannot use smaller DIMMs; 2M allows them nevertheless",
            text);
    config->dimms.granularity = size;
    return true;
}

static bool read_number(struct json_object *object, const char *key, uint32_t min, uint32_t max,
                        uint32_t *value, struct error *error)
{
    const char *text = keyval_get(object, key);

    return !text || option_number(key, text, min, max, value, error);
}

/* Whether a template names no file of the host, which a snapshot that somebody else wrote must not do. */
static bool is_plain_memory(const char *template)
{
    struct json_object *object;
    struct error ignored;
    const char *type;
    bool keyval, plain;

    object = props_parse(template, "qom-type", &keyval, &ignored);
    type = object ? keyval_get(object, "qom-type") : NULL;
    plain = type && (strcmp(type, "memory-backend-ram") == 0 || strcmp(type, "memory-backend-memfd") == 0);
    json_object_put(object);
    return plain;
}

bool option_machine_dimms(struct parser *parser, struct json_object *object, struct error *error)
{
    struct dimm_config *dimms = &parser->config->dimms;
    const char *node = keyval_get(object, "dimm-node"), *at_boot = keyval_get(object, "dimm-at-boot");
    const char *granularity = keyval_get(object, "dimm-granularity");
    const char *template = keyval_get(object, "dimm-template");

    if ((node && !read_dimm_node(parser, node, error)) ||
        (granularity && !read_granularity(parser->config, granularity, error)) ||
        !read_number(object, "dimm-map-limit", 0, 100, &dimms->map_limit, error) ||
        !read_number(object, "plug-timeout", 1, SECONDS_MAX, &dimms->plug_timeout, error) ||
        !read_number(object, "unplug-timeout", 1, SECONDS_MAX, &dimms->unplug_timeout, error))
        return false;
    if (at_boot)
        dimms->in_e820 = strcmp(at_boot, "e820") == 0;
    if (template)
        dimms->template_left_out = parser->restoring && !is_plain_memory(template);
    if (template && !dimms->template_left_out)
        replace_string(&dimms->template, template);
    keyval_get_bool(object, "dimm-map-strict", &dimms->strict);
    return true;
}
