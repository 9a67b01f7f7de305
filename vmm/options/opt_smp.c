/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -smp: number of vCPUs at the start, number of those that are possible, and the topology of the latter. What
 * is left out is reckoned as QEMU since 6.2 does: cores first, then sockets, then threads.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdint.h>
#include <string.h>

#include "options/parser.h"

static const struct choice keys[] = {
    { "cpus", NULL, NULL },
    { "maxcpus", NULL, NULL },
    { "sockets", NULL, NULL },
    { "dies", "1", "hotram supports sockets, cores and threads" },
    { "clusters", "1", "hotram supports sockets, cores and threads" },
    { "cores", NULL, NULL },
    { "threads", NULL, NULL },
};

/* 0 is "not given", as in QEMU 7.2. */
static bool read_count(struct json_object *object, const char *key, uint32_t *value, struct error *error)
{
    const char *text = keyval_get(object, key);

    return !text || option_number(key, text, 0, CPUS_MAX, value, error);
}

/* Too many are refused when the whole is known, with QEMU's words. */
static bool read_cpus(struct json_object *object, const char *key, uint32_t *value, struct error *error)
{
    const char *text = keyval_get(object, key);

    return !text || option_number(key, text, 0, INT32_MAX, value, error) ||
           option_number(key, text, 0, CPUS_MAX, value, error);
}

bool smp_read(struct parser *parser, struct json_object *object, struct error *error)
{
    return choices_check(object, keys, sizeof keys / sizeof keys[0], "-smp", error) &&
           read_cpus(object, "cpus", &parser->cpus, error) &&
           read_cpus(object, "maxcpus", &parser->maxcpus, error) &&
           read_count(object, "sockets", &parser->sockets, error) &&
           read_count(object, "cores", &parser->cores, error) &&
           read_count(object, "threads", &parser->threads, error);
}

bool option_smp(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = keyval_parse(argument, "cpus", error);
    bool good = object && smp_read(parser, object, error);

    json_object_put(object);
    return good;
}

static uint32_t or_one(uint32_t value)
{
    return value ? value : 1;
}

/* What is not given follows from the number of possible CPUs. */
static void complete_topology(const struct parser *parser, struct config *config)
{
    const uint32_t most = parser->maxcpus ? parser->maxcpus : parser->cpus;

    config->sockets = parser->sockets;
    config->cores = parser->cores;
    config->threads = parser->threads;
    if (most && !config->cores)
        config->cores = most / (or_one(config->sockets) * or_one(config->threads));
    else if (most && !config->sockets)
        config->sockets = most / (config->cores * or_one(config->threads));
    else if (most && !config->threads)
        config->threads = most / (config->sockets * config->cores);
    config->sockets = or_one(config->sockets);
    config->cores = or_one(config->cores);
    config->threads = or_one(config->threads);
    config->maxcpus = most ? most : config->sockets * config->cores * config->threads;
    config->cpus = parser->cpus ? parser->cpus : config->maxcpus;
}

/* The level between sockets and cores that QEMU names has one element here. */
#if defined(__aarch64__)
#define MIDDLE "clusters"
#else
#define MIDDLE "dies"
#endif
#define TOPOLOGY "sockets (%" PRIu32 ") * " MIDDLE " (1) * cores (%" PRIu32 ") * threads (%" PRIu32 ")"

static bool check_topology(const struct config *config, struct error *error)
{
    const uint64_t product = (uint64_t)config->sockets * config->cores * config->threads;

    if (product != config->maxcpus)
        return error_set(error,
                         "Invalid CPU topology: product of the hierarchy must match maxcpus: " TOPOLOGY
                         " != maxcpus (%" PRIu32
                         "); leave one of sockets, cores and threads out, and it is computed",
                         config->sockets, config->cores, config->threads, config->maxcpus);
    if (config->maxcpus < config->cpus)
        return error_set(error,
                         "Invalid CPU topology: maxcpus must be equal to or greater than smp: " TOPOLOGY
                         " == maxcpus (%" PRIu32 ") < smp_cpus (%" PRIu32 ")",
                         config->sockets, config->cores, config->threads, config->maxcpus, config->cpus);
    if (config->maxcpus > CPUS_MAX)
        return error_set(error,
                         "Invalid SMP CPUs %" PRIu32 ". The max CPUs supported by machine '%.40s' is %d",
                         config->maxcpus, config->machine, CPUS_MAX);
    return true;
}

bool finish_smp(struct parser *parser, struct error *error)
{
    struct config *config = parser->config;

    complete_topology(parser, config);
    if (!check_topology(config, error))
        return error_prefix(error, "-smp: ");
    if (config->maxcpus == config->cpus)
        return true;
    if (strcmp(config->machine, "none") == 0)
        return error_set(error, "-smp: maxcpus=%" PRIu32 ": -machine none has no CPUs to plug",
                         config->maxcpus);
    return config->acpi || error_set(error,
                                     "-smp: maxcpus=%" PRIu32 " exceeds cpus=%" PRIu32
                                     ", but CPUs are plugged by ACPI, which -machine acpi=off switches off",
                                     config->maxcpus, config->cpus);
}
