/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/host_nodes.h"

#include <inttypes.h>
#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/json_reader.h"
#include "base/props.h"

const char *const host_policy_names[HOST_POLICY_COUNT] = { "default", "preferred", "bind", "interleave" };

static bool too_large(uint64_t node, struct error *error)
{
    return error_set(error, "has an invalid host-nodes value: %llu; the highest is %d",
                     (unsigned long long)node, HOST_NODES_MAX - 1);
}

static bool add_range(struct host_nodes *nodes, uint64_t first, uint64_t last, struct error *error)
{
    if (last >= HOST_NODES_MAX)
        return too_large(last, error);
    for (; first <= last; first++)
        bits_set(nodes->bits, first, first + 1);
    return true;
}

/* "3" or "0-3" */
static bool parse_range(char *range, uint64_t *first, uint64_t *last)
{
    char *dash = strchr(range, '-');

    if (dash)
        *dash++ = '\0';
    return number_parse(range, first) && number_parse(dash ? dash : range, last) && *first <= *last;
}

bool host_nodes_parse(const char *text, struct host_nodes *nodes, struct error *error)
{
    char *copy = strdup(text);
    char *rest = copy;
    char *range;
    bool good = true;

    *nodes = (struct host_nodes){ 0 };
    if (!copy)
        return error_set(error, "cannot be read: out of memory");
    while (good && (range = strsep(&rest, ","))) {
        uint64_t first;
        uint64_t last;

        good = parse_range(range, &first, &last)
                   ? add_range(nodes, first, last, error)
                   : error_set(error, "expects nodes, such as 0 or 0-1; got '%.80s'", text);
    }
    free(copy);
    return good;
}

static bool node_expected(struct json_object *value, struct error *error)
{
    static const char *const names[] = {
        [json_type_null] = "null",         [json_type_boolean] = "a boolean",
        [json_type_double] = "a fraction", [json_type_object] = "an object",
        [json_type_array] = "a list",      [json_type_string] = "a string",
    };

    if (json_object_is_type(value, json_type_int))
        return error_set(error, "expects a list of node numbers; got '%" PRId64 "' in it",
                         json_object_get_int64(value));
    return error_set(error, "expects a list of node numbers; got %s in it",
                     json_is_huge(value) ? "a number beyond 64 bits" : names[json_object_get_type(value)]);
}

bool host_nodes_read_json(struct json_object *list, struct host_nodes *nodes, struct error *error)
{
    *nodes = (struct host_nodes){ 0 };
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *node = json_object_array_get_idx(list, i);
        uint64_t value = json_object_get_uint64(node); /* 0 for a negative one */

        if (!json_object_is_type(node, json_type_int) || json_object_get_int64(node) < 0)
            return node_expected(node, error);
        if (!add_range(nodes, value, value, error))
            return false;
    }
    return true;
}

bool host_policy_parse(const char *text, enum host_policy *policy, struct error *error)
{
    for (unsigned i = 0; i < HOST_POLICY_COUNT; i++) {
        if (strcmp(text, host_policy_names[i]) == 0) {
            *policy = i;
            return true;
        }
    }
    return error_set(
        error, "does not accept value '%.80s'; it expects default, preferred, bind or interleave", text);
}

bool host_nodes_has(const struct host_nodes *nodes, unsigned node)
{
    return node < HOST_NODES_MAX && bit_is_set(nodes->bits, node);
}

bool host_nodes_empty(const struct host_nodes *nodes)
{
    return !nodes->bits[0] && !nodes->bits[1];
}

char *host_nodes_text(const struct host_nodes *nodes, char buffer[HOST_NODES_TEXT_MAX])
{
    size_t used = 0;

    buffer[0] = '\0';
    for (unsigned first = 0; first < HOST_NODES_MAX; first++) {
        unsigned last = first;

        if (!host_nodes_has(nodes, first))
            continue;
        while (host_nodes_has(nodes, last + 1))
            last++;
        used += (size_t)snprintf(buffer + used, HOST_NODES_TEXT_MAX - used, last > first ? "%s%u-%u" : "%s%u",
                                 used ? "," : "", first, last);
        first = last;
    }
    return buffer;
}
