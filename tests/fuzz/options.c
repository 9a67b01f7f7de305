/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line: each line of the input is a word. None may crash, leak or fail without words; a machine
 * that would be started keeps what config.h promises.
 */
#include "input.h"

#include "options/options.h"

#define WORDS_MAX 64

/* Where the words are, in a copy of the input that has a NUL in place of each line's end. */
static int split(const uint8_t *data, size_t size, char *text, char *argv[WORDS_MAX + 2])
{
    int argc = 1;
    char *at = text;

    memcpy(text, data, size);
    text[size] = '\0';
    argv[0] = (char *)"hotram";
    while (at < text + size && argc <= WORDS_MAX) {
        argv[argc++] = at;
        at += strcspn(at, "\n");
        *at++ = '\0';
    }
    argv[argc] = NULL;
    return argc;
}

static void check_config(const struct config *config)
{
    uint64_t ram = 0;

    CHECK(config->machine);
    CHECK(config->ram_size > 0 && config->ram_size % 8192 == 0 && config->maxmem % 4096 == 0);
    CHECK(config->slots <= 256);
    CHECK(config->slots == 0 ? config->maxmem == config->ram_size : config->maxmem > config->ram_size);
    CHECK(config->numa.nodes <= NUMA_NODES_MAX && config->memslot_count <= config->slots);
    CHECK(config->numa.nodes > 0 || config->slots == 0 || strcmp(config->machine, "none") == 0);
    for (uint32_t cpu = 0; config->numa.nodes > 0 && cpu < config->maxcpus; cpu++)
        CHECK(config->numa.cpu_node[cpu] < config->numa.nodes);
    CHECK(config->numa.dimm_node == 0 || config->numa.dimm_node < config->numa.nodes);
    for (uint32_t node = 0; node < config->numa.nodes; node++)
        ram += config->numa.ram[node];
    CHECK(config->numa.nodes == 0 || ram == config->ram_size);
    CHECK(config->maxcpus == config->sockets * config->cores * config->threads &&
          config->maxcpus <= CPUS_MAX);
    CHECK(config->cpus >= 1 && config->cpus <= config->maxcpus);
    CHECK(config->kernel || config->firmware || config->start_paused || config->accel != ACCEL_KVM ||
          strcmp(config->machine, "none") == 0);
    for (size_t i = 0; i < config->chardev_count; i++)
        CHECK(config->chardevs[i].id && config->chardevs[i].origin);
    for (size_t i = 0; i < config->monitor_count; i++)
        CHECK(config->monitors[i].chardev);
    for (size_t i = 0; i < config->object_count; i++)
        CHECK(config->objects[i].object);
    for (size_t i = 0; i < config->device_count; i++)
        CHECK(config->devices[i].object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(2 * (size + 1));
    char *before = text + size + 1;
    char *argv[WORDS_MAX + 2];
    int argc = split(data, size, text, argv);
    struct config config;
    struct error first = { 0 };
    struct error second = { 0 };
    enum config_result result;

    memcpy(before, text, size + 1);
    result = config_parse(&config, argc, argv, &first);
    if (result == CONFIG_RUN)
        check_config(&config);
    CHECK((result == CONFIG_ERROR) == (first.text[0] != '\0'));
    CHECK(memcmp(before, text, size + 1) == 0);
    config_free(&config);
    config_free(&config); /* twice does no harm */
    /* Nothing is remembered. */
    CHECK(config_parse(&config, argc, argv, &second) == result);
    CHECK(strcmp(first.text, second.text) == 0);
    config_free(&config);
    free(text);
    return 0;
}
