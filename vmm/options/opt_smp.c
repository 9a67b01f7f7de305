/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -smp: number of vCPUs and their topology. What is left out is reckoned as QEMU since 6.2 does: cores
 * first, then sockets, then threads.
 */
#include <inttypes.h>
#include <json-c/json.h>
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

bool smp_read(struct parser *parser, struct json_object *object, struct error *error)
{
    return choices_check(object, keys, sizeof keys / sizeof keys[0], "-smp", error) &&
           read_count(object, "cpus", &parser->cpus, error) &&
           read_count(object, "maxcpus", &parser->maxcpus, error) &&
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

static void complete_topology(const struct parser *parser, struct config *config)
{
    uint32_t cpus = parser->cpus ? parser->cpus : parser->maxcpus;

    config->sockets = parser->sockets;
    config->cores = parser->cores;
    config->threads = parser->threads;
    if (cpus && !config->cores)
        config->cores = cpus / (or_one(config->sockets) * or_one(config->threads));
    else if (cpus && !config->sockets)
        config->sockets = cpus / (config->cores * or_one(config->threads));
    else if (cpus && !config->threads)
        config->threads = cpus / (config->sockets * config->cores);
    config->sockets = or_one(config->sockets);
    config->cores = or_one(config->cores);
    config->threads = or_one(config->threads);
    config->cpus = cpus ? cpus : config->sockets * config->cores * config->threads;
}

bool finish_smp(struct parser *parser, struct error *error)
{
    struct config *config = parser->config;
    uint32_t product;

    if (parser->maxcpus && parser->cpus && parser->maxcpus != parser->cpus)
        return error_set(error,
                         "-smp: maxcpus=%" PRIu32 " must equal cpus=%" PRIu32 ": hotram has no CPU hotplug",
                         parser->maxcpus, parser->cpus);
    complete_topology(parser, config);
    product = config->sockets * config->cores * config->threads;
    if (product != config->cpus)
        return error_set(error,
                         "-smp: sockets (%" PRIu32 ") * cores (%" PRIu32 ") * threads (%" PRIu32
                         ") is %" PRIu32 ", but there are %" PRIu32
                         " CPUs: the product must equal their number",
                         config->sockets, config->cores, config->threads, product, config->cpus);
    if (config->cpus > CPUS_MAX)
        return error_set(error, "-smp: %" PRIu32 " CPUs; machine hotram-1 has at most %d", config->cpus,
                         CPUS_MAX);
    return true;
}
