/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -numa, and the node of DIMMs. The options refer to each other and to -smp, -m and -object, so they are read
 * in their order when all others are known, as QEMU does.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "layout/units.h"
#include "options/parser.h"

#define MEM_MULTIPLE UINT64_C(4096) /* the guest's page */
/* What Linux takes for the distance of two nodes when it is told none; the same in ACPI's examples. */
#define DISTANCE_LOCAL 10
#define DISTANCE_REMOTE 20

/* What is known while the options are read one after another. */
struct reading {
    const struct config *config;
    struct numa_config *numa;
    bool present[NUMA_NODES_MAX];
    uint32_t end;        /* the highest node id and one */
    const char *highest; /* the option that has it, or NULL */
    bool mem;            /* some node has mem= */
    bool memdev;
};

static const struct choice node_keys[] = {
    { "type", NULL, NULL }, { "nodeid", NULL, NULL }, { "cpus", NULL, NULL },
    { "mem", NULL, NULL },  { "memdev", NULL, NULL },
};

static const struct choice cpu_keys[] = {
    { "type", NULL, NULL },      { "node-id", NULL, NULL },
    { "socket-id", NULL, NULL }, { "die-id", "0", "hotram supports sockets, cores and threads" },
    { "core-id", NULL, NULL },   { "thread-id", NULL, NULL },
};

bool option_numa(struct parser *parser, const char *argument, struct error *error)
{
    const char **place = array_grow(&parser->numa, parser->numa_count++, sizeof *place);

    (void)error;
    *place = argument;
    return true;
}

/* ---- CPUs ---- */

static bool put_cpu(struct numa_config *numa, uint32_t cpu, uint32_t node, struct error *error)
{
    if (numa->cpu_given[cpu] && numa->cpu_node[cpu] != node)
        return error_set(error, "CPU is already assigned to node-id: %u (CPU %" PRIu32 ")",
                         numa->cpu_node[cpu], cpu);
    numa->cpu_node[cpu] = (uint8_t)node;
    numa->cpu_given[cpu] = numa->cpus_given = true;
    return true;
}

/* "3" or "0-3" */
static bool put_cpus(const struct reading *reading, const char *range, uint32_t node, struct error *error)
{
    char *text = string_copy(range), *dash = strchr(text, '-');
    uint64_t first = 0, last = 0;
    bool good;

    if (dash)
        *dash = '\0';
    good = number_parse(text, &first);
    last = first;
    if (dash)
        good = good && number_parse(dash + 1, &last) && first <= last;
    free(text);
    if (!good)
        return error_set(
            error, "Parameter 'cpus' expects a uint64 value or range, such as 0 or 0-3; got '%.80s'", range);
    for (uint64_t cpu = first; cpu <= last; cpu++) {
        if (cpu >= reading->config->maxcpus)
            return error_set(error, "CPU index (%" PRIu64 ") should be smaller than maxcpus (%" PRIu32 ")",
                             cpu, reading->config->maxcpus);
        if (!put_cpu(reading->numa, (uint32_t)cpu, node, error))
            return false;
    }
    return true;
}

/* The only key that may be repeated, and of which each one counts: read from the text itself. */
static bool put_all_cpus(const struct reading *reading, const char *argument, uint32_t node,
                         struct error *error)
{
    char *words = string_copy(argument), *rest = words, *word;
    bool good = true;

    while (good && (word = strsep(&rest, ",")))
        if (strncmp(word, "cpus=", 5) == 0)
            good = put_cpus(reading, word + 5, node, error);
    free(words);
    return good;
}

/* Whether an id was given for the CPU, and is another than the CPU's. */
static bool differs(int64_t given, uint32_t id)
{
    return given >= 0 && given != id;
}

static bool read_id(struct json_object *object, const char *key, int64_t *id, struct error *error)
{
    const char *text = keyval_get(object, key);
    uint32_t number = 0;

    *id = -1;
    if (!text)
        return true;
    if (!option_number(key, text, 0, INT32_MAX, &number, error))
        return false;
    *id = number;
    return true;
}

static bool read_cpu(const struct reading *reading, struct json_object *object, struct error *error)
{
    const struct config *config = reading->config;
    int64_t node, socket, core, thread;
    bool matched = false;

    if (!choices_check(object, cpu_keys, sizeof cpu_keys / sizeof cpu_keys[0], "-numa cpu", error) ||
        !read_id(object, "node-id", &node, error) || !read_id(object, "socket-id", &socket, error) ||
        !read_id(object, "core-id", &core, error) || !read_id(object, "thread-id", &thread, error))
        return false;
    if (node < 0)
        return error_set(error, "Missing mandatory node-id property");
    if (node >= NUMA_NODES_MAX || !reading->present[node])
        return error_set(error,
                         "Invalid node-id=%" PRId64 ", NUMA node must be defined with -numa node,nodeid=ID "
                         "before it's used with -numa cpu,node-id=ID",
                         node);
    for (uint32_t cpu = 0; cpu < config->maxcpus; cpu++) {
        if (differs(thread, cpu % config->threads) || differs(core, cpu / config->threads % config->cores) ||
            differs(socket, cpu / config->threads / config->cores))
            continue;
        matched = true;
        if (!put_cpu(reading->numa, cpu, (uint32_t)node, error))
            return false;
    }
    return matched || error_set(error,
                                "no match found: -smp has %" PRIu32 " sockets of %" PRIu32
                                " cores of %" PRIu32 " threads, each counted from 0",
                                config->sockets, config->cores, config->threads);
}

/* ---- Nodes ---- */

static bool read_mem(struct reading *reading, const char *mem, uint32_t node, struct error *error)
{
    uint64_t *ram = &reading->numa->ram[node];

    reading->mem = true;
    if (!size_parse(mem, MIB, ram, error))
        return error_prefix(error, "Parameter 'mem' ");
    if (*ram % MEM_MULTIPLE)
        return error_set(error, "Parameter 'mem' expects a multiple of 4 KiB; got '%.80s'", mem);
    return true;
}

static bool read_memdev(struct reading *reading, const char *memdev, uint32_t node, struct error *error)
{
    const struct object_config *backend = backend_config_find(reading->config, memdev);

    reading->memdev = true;
    if (!backend)
        return error_set(error,
                         "memdev=%.80s is ambiguous: no memory backend has that id or path; add -object "
                         "memory-backend-ram,id=%.80s,size=SIZE",
                         memdev, id_well_formed(memdev) ? memdev : "ID");
    memdev = backend_config_id(backend); /* it may have been a path */
    for (uint32_t other = 0; other < NUMA_NODES_MAX; other++)
        if (reading->numa->memdev[other] && strcmp(reading->numa->memdev[other], memdev) == 0)
            return error_set(error,
                             "memory backend %.80s can't be used multiple times: it belongs to node %" PRIu32
                             "; each node requires its own",
                             memdev, other);
    replace_string(&reading->numa->memdev[node], memdev);
    return backend_config_size(backend, &reading->numa->ram[node], error);
}

static bool read_node_id(const struct reading *reading, struct json_object *object, uint32_t *node,
                         struct error *error)
{
    const char *id = keyval_get(object, "nodeid");

    *node = reading->numa->nodes;
    if (id && !option_number("nodeid", id, 0, UINT16_MAX, node, error))
        return false;
    if (*node >= NUMA_NODES_MAX)
        return error_set(error,
                         "Max number of NUMA nodes reached: %" PRIu32 "; there are at most %d, from 0 to %d",
                         *node, NUMA_NODES_MAX, NUMA_NODES_MAX - 1);
    if (reading->present[*node])
        return error_set(error, "Duplicate NUMA nodeid: %" PRIu32 "; define each node once", *node);
    return true;
}

static bool read_node(struct reading *reading, const char *argument, struct json_object *object,
                      struct error *error)
{
    const char *mem = keyval_get(object, "mem"), *memdev = keyval_get(object, "memdev");
    uint32_t node;

    if (!choices_check(object, node_keys, sizeof node_keys / sizeof node_keys[0], "-numa node", error) ||
        !read_node_id(reading, object, &node, error) || !put_all_cpus(reading, argument, node, error))
        return false;
    if ((mem || reading->mem) && (memdev || reading->memdev))
        return error_set(error, "numa configuration should use either mem= or memdev=, mixing both is not "
                                "allowed");
    if ((mem && !read_mem(reading, mem, node, error)) ||
        (memdev && !read_memdev(reading, memdev, node, error)))
        return false;
    reading->present[node] = true;
    reading->numa->nodes++;
    if (reading->end <= node) {
        reading->end = node + 1;
        reading->highest = argument;
    }
    return true;
}

static bool read_one(struct reading *reading, const char *argument, struct error *error)
{
    struct json_object *object = keyval_parse(argument, "type", error);
    const char *type = object ? keyval_get(object, "type") : NULL;
    bool good = false;

    if (object && !type)
        error_set(error, "Parameter 'type' is missing; it is node, dist or cpu");
    else if (type && strcmp(type, "node") == 0)
        good = read_node(reading, argument, object, error);
    else if (type && strcmp(type, "dist") == 0)
        good = numa_read_distance(reading->numa, reading->present, object, error);
    else if (type && strcmp(type, "cpu") == 0)
        good = read_cpu(reading, object, error);
    else if (type)
        error_set(error, "Parameter 'type' does not accept value '%.80s'; it is node, dist or cpu%s", type,
                  strncmp(type, "hmat", 4) == 0 ? " (hotram has no HMAT)" : "");
    json_object_put(object);
    return good || error_prefix(error, "-numa %.200s: ", argument);
}

/* ---- All together ---- */

static bool check_nodes(const struct reading *reading, struct error *error)
{
    const struct config *config = reading->config;
    char text[SIZE_TEXT_MAX];
    uint64_t total = 0;

    for (uint32_t node = reading->end; node-- > 0;)
        if (!reading->present[node])
            return error_set(error,
                             "-numa %.200s: numa: Node ID missing: %" PRIu32
                             "; node ids have no gaps from 0 to the "
                             "highest: add -numa node,nodeid=%" PRIu32,
                             reading->highest, node, node);
    for (uint32_t node = 0; node < reading->numa->nodes; node++)
        if (__builtin_add_overflow(total, reading->numa->ram[node], &total))
            total = UINT64_MAX;
    if (reading->numa->nodes > 0 && total != config->ram_size)
        return error_set(error,
                         "-numa %.200s: total memory for NUMA nodes (0x%" PRIx64 ") should equal RAM size "
                         "(0x%" PRIx64 "), and is that of %" PRIu32
                         ": set the share of each node with mem= or memdev=%s%s",
                         reading->highest, total, config->ram_size, reading->numa->nodes,
                         total ? ", or start with -m " : "", total ? size_word(total, text) : "");
    if (reading->memdev && config->ram_backend)
        return error_set(error, "'-machine memory-backend' and '-numa memdev' properties are mutually "
                                "exclusive: both select the RAM at start");
    return true;
}

/* CPUs that nobody put anywhere: by their socket if that is so for all, as QEMU does. */
static void place_cpus(const struct config *config, struct numa_config *numa)
{
    for (uint32_t cpu = 0; cpu < config->maxcpus && !numa->cpus_given; cpu++)
        numa->cpu_node[cpu] = (uint8_t)(cpu / config->threads / config->cores % numa->nodes);
}

/* DIMMs alone in a node, which is made for them. */
static bool add_dimm_node(struct numa_config *numa, struct error *error)
{
    uint32_t own = numa->nodes;

    if (own == NUMA_NODES_MAX)
        return error_set(
            error,
            "-machine dimm-node=own: the limit of %d nodes is reached; assign the DIMMs to one of them with dimm-node=N",
            NUMA_NODES_MAX);
    numa->dimm_node = own;
    numa->nodes++;
    for (uint32_t node = 0; node < own; node++)
        numa->distance[node][own] = numa->distance[own][node] = DISTANCE_REMOTE;
    numa->distance[own][own] = DISTANCE_LOCAL;
    return true;
}

static bool place_dimms(const struct parser *parser, struct numa_config *numa, struct error *error)
{
    const char *node = parser->dimm_node ? parser->dimm_node : parser->config->dimms.in_e820 ? "own" : "0";
    uint64_t number = 0;

    if (parser->config->maxmem == parser->config->ram_size)
        return true;
    if (strcmp(node, "own") == 0)
        return add_dimm_node(numa, error);
    number_parse(node, &number); /* it was checked when it was read */
    if (number >= numa->nodes)
        return error_set(error,
                         "-machine dimm-node=%s exceeds the number of numa nodes: %" PRIu32
                         "; add -numa node options, or use dimm-node=own",
                         node, numa->nodes);
    numa->dimm_node = (uint32_t)number;
    return true;
}

bool finish_numa(struct parser *parser, struct error *error)
{
    struct config *config = parser->config;
    struct numa_config *numa = &config->numa;
    struct reading reading = { .config = config, .numa = numa };

    if (strcmp(config->machine, "none") == 0)
        return parser->numa_count == 0 ||
               error_set(error,
                         "-numa: NUMA is not supported by this machine-type: -machine none has no memory");
    for (size_t i = 0; i < parser->numa_count; i++)
        if (!read_one(&reading, parser->numa[i], error))
            return false;
    if (!check_nodes(&reading, error) || !numa_finish_distances(numa, error))
        return false;
    /* Hot-pluggable memory needs an SRAT, and so a node (docs/guests.md). */
    if (numa->nodes == 0 && config->maxmem > config->ram_size) {
        numa->nodes = 1;
        numa->ram[0] = config->ram_size;
    }
    if (numa->nodes > 0)
        place_cpus(config, numa);
    return place_dimms(parser, numa, error);
}
