/* SPDX-License-Identifier: BSD-2-Clause */
/* -numa, the node of DIMMs, and the object that is the RAM at start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/count_of.h"
#include "command_line.h"

#define MIB (UINT64_C(1) << 20)
#define BACKENDS \
    "-m 192M -object memory-backend-ram,id=a,size=64M -object memory-backend-memfd,id=b,size=128M "

/* "ram/cpus ram/cpus ..., DIMM's node": what the nodes are, in MiB. */
static void describe(const struct config *config, char text[512])
{
    char *at = text;

    for (uint32_t node = 0; node < config->numa.nodes; node++) {
        at += sprintf(at, "%" PRIu64 "/", config->numa.ram[node] / MIB);
        for (uint32_t cpu = 0; cpu < config->maxcpus; cpu++)
            if (config->numa.cpu_node[cpu] == node)
                at += sprintf(at, "%" PRIu32, cpu);
        at += sprintf(at, "%s%s ", config->numa.memdev[node] ? "/" : "",
                      config->numa.memdev[node] ? config->numa.memdev[node] : "");
    }
    sprintf(at, "%" PRIu32, config->numa.dimm_node);
}

static void nodes(void **state)
{
    static const struct {
        const char *line, *nodes;
    } cases[] = {
        { "", "0" },
        { "-m 128M,slots=1,maxmem=1G", "128/0 0" },
        { "-m 128M,maxmem=1G", "128/0 0" },
        { "-m 128M,maxmem=128M", "0" },
        { "-m 128M,slots=1,maxmem=1G -smp 3,sockets=3", "128/012 0" },
        { "-numa node,mem=128M", "128/0 0" },
        { "-numa type=node,mem=128", "128/0 0" },
        { "-m 1G -smp 4 -numa node,mem=512,cpus=0-1 -numa node,mem=512,cpus=2-3", "512/01 512/23 0" },
        { "-numa node,cpus=0,cpus=2-3,mem=64 -numa node,cpus=1,mem=64 -smp 4", "64/023 64/1 0" },
        { "-numa node,nodeid=1,mem=64 -numa node,nodeid=0,mem=64", "64/0 64/ 0" },
        { "-numa node,mem=0 -numa node,mem=128M", "0/0 128/ 0" },
        { "-numa node -numa node,mem=128M -numa node", "0/0 128/ 0/ 0" },
        /* nobody is put anywhere: by socket; somebody is: the others are in node 0 */
        { "-numa node -numa node,mem=128M -smp 4,sockets=4", "0/02 128/13 0" },
        { "-numa node -numa node,mem=128M -smp 4,sockets=2", "0/01 128/23 0" },
        { "-numa node -numa node,mem=128M,cpus=3 -smp 4,sockets=4", "0/012 128/3 0" },
        { BACKENDS "-numa node,memdev=b -numa node,memdev=a", "128/0/b 64//a 0" },
        { BACKENDS "-numa node,memdev=b -numa node -numa node,memdev=a", "128/0/b 0/ 64//a 0" },
        { "-m 64M -object {\"qom-type\":\"memory-backend-ram\",\"id\":\"a\",\"size\":67108864} "
          "-numa node,memdev=a",
          "64/0/a 0" },
        { "-smp 8,sockets=2,cores=2,threads=2 -numa node,mem=128 -numa node "
          "-numa cpu,node-id=0,socket-id=0 -numa cpu,node-id=1,socket-id=1",
          "128/0123 0/4567 0" },
        { "-smp 8,sockets=2,cores=2,threads=2 -numa node,mem=128 -numa node "
          "-numa cpu,node-id=0,core-id=0,die-id=0 -numa cpu,node-id=1,core-id=1 -numa cpu,node-id=1,socket-id=1,"
          "core-id=1,thread-id=1",
          "128/0145 0/2367 0" },
        { "-smp 2 -numa node,mem=128 -numa cpu,node-id=0", "128/01 0" },
        /* where DIMMs are */
        { "-m 128M,slots=1,maxmem=1G -machine dimm-node=0", "128/0 0" },
        { "-m 128M,slots=1,maxmem=1G -machine dimm-node=own", "128/0 0/ 1" },
        { "-m 128M,slots=1,maxmem=1G -machine dimm-at-boot=e820", "128/0 0/ 1" },
        { "-m 128M,slots=1,maxmem=1G -machine dimm-at-boot=acpi", "128/0 0" },
        { "-m 128M,slots=1,maxmem=1G -machine dimm-at-boot=e820,dimm-node=0", "128/0 0" },
        { "-m 128M,slots=1,maxmem=1G -machine dimm-node=1 -numa node -numa node,mem=128", "0/0 128/ 1" },
        { "-m 128M,slots=1,maxmem=1G -machine dimm-node=own -numa node -numa node,mem=128", "0/0 128/ 0/ 2" },
        { "-m 128M -machine dimm-node=own -numa node,mem=128", "128/0 0" }, /* no slots, no DIMMs */
        { "-m 128M -machine dimm-at-boot=e820", "0" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config config;
        char text[512];

        parse_good(&config, cases[i].line);
        describe(&config, text);
        if (strcmp(text, cases[i].nodes) != 0)
            fail_msg("%s: %s", cases[i].line, text);
        config_free(&config);
    }
}

static void distances(void **state)
{
#define THREE "-numa node,mem=128 -numa node -numa node "
    static const struct {
        const char *line;
        uint8_t distance[9];
    } cases[] = {
        { "-numa dist,src=0,dst=1,val=20 -numa dist,src=0,dst=2,val=30 -numa dist,src=2,dst=1,val=255",
          { 10, 20, 30, 20, 10, 255, 30, 255, 10 } },
        { "-numa dist,src=0,dst=1,val=20 -numa dist,src=0,dst=2,val=30 -numa dist,src=2,dst=1,val=40 "
          "-numa dist,src=1,dst=0,val=21 -numa dist,src=2,dst=0,val=31 -numa dist,src=1,dst=2,val=10 "
          "-numa dist,src=1,dst=1,val=10",
          { 10, 20, 30, 21, 10, 10, 31, 40, 10 } },
        { "-numa dist,src=0,dst=1,val=99 -numa dist,src=0,dst=1,val=20 -numa dist,src=0,dst=2,val=30 "
          "-numa dist,src=2,dst=1,val=40",
          { 10, 20, 30, 20, 10, 40, 30, 40, 10 } },
    };
    struct config config;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char line[512] = THREE;

        strcat(line, cases[i].line);
        parse_good(&config, line);
        assert_true(config.numa.distances_given);
        for (unsigned from = 0; from < 3; from++)
            assert_memory_equal(config.numa.distance[from], &cases[i].distance[3 * from], 3);
        config_free(&config);
    }
    /* The node that is made for DIMMs is as far from all as Linux thinks without being told. */
    parse_good(&config, "-m 128M,slots=1,maxmem=1G -machine dimm-node=own -numa node,mem=128 -numa node "
                        "-numa dist,src=0,dst=1,val=50");
    assert_memory_equal(config.numa.distance[0], "\x0a\x32\x14", 3);
    assert_memory_equal(config.numa.distance[2], "\x14\x14\x0a", 3);
    config_free(&config);
    parse_good(&config, "-numa node,mem=128 -numa node");
    assert_false(config.numa.distances_given);
    config_free(&config);
}

static void as_many_nodes_as_there_can_be(void **state)
{
    static char line[8192];
    struct config config;
    struct error error;

    (void)state;
    strcpy(line, "-S -numa node,mem=128 -m slots=1,maxmem=1G");
    for (unsigned node = 1; node < NUMA_NODES_MAX; node++)
        strcat(line, " -numa node");
    assert_int_equal(parse_line(&config, line, &error), CONFIG_RUN);
    assert_int_equal(config.numa.nodes, 128);
    config_free(&config);
    strcat(line, " -machine dimm-node=own");
    assert_int_equal(parse_line(&config, line, &error), CONFIG_ERROR);
    assert_non_null(strstr(error.text, "dimm-node=own: the limit of 128 nodes is reached"));
    config_free(&config);
    strcat(line, " -numa node");
    assert_int_equal(parse_line(&config, line, &error), CONFIG_ERROR);
    assert_non_null(strstr(error.text, "-numa node: Max number of NUMA nodes reached: 128"));
    config_free(&config);
}

static void bad_nodes(void **state)
{
#define TWO "-smp 2 -numa node,mem=64 -numa node,mem=64 "
    static const struct bad cases[] = {
        { "-numa", "requires an argument" },
        { "-numa foo", "-numa foo: Parameter 'type' does not accept value 'foo'; it is node, dist or cpu" },
        { "-numa hmat-lb,initiator=0", "no HMAT" },
        { "-numa nodeid=0", "Parameter 'type' is missing" },
        { "-numa =", "a parameter name is expected" },
        { "-numa node,frob=1,mem=128", "-numa node has no property 'frob'" },
        { "-numa node", "total memory for NUMA nodes (0x0) should equal RAM size (0x8000000)" },
        { "-numa node,mem=64", "total memory for NUMA nodes (0x4000000) should equal RAM size (0x8000000)" },
        { "-numa node,mem=128 -numa node,mem=128", "(0x10000000) should equal RAM size (0x8000000)" },
        { "-numa node,mem=16383P -numa node,mem=16383P", "(0xffffffffffffffff) should equal" },
        { "-numa node,nodeid=1,mem=128", "numa: Node ID missing: 0" },
        { "-numa node,mem=128 -numa node,nodeid=5", "numa: Node ID missing: 4" },
        { "-numa node,nodeid=0,mem=64 -numa node,nodeid=0,mem=64", "Duplicate NUMA nodeid: 0" },
        { "-numa node,nodeid=0,mem=64 -numa node,nodeid=2 -numa node,mem=64", "Duplicate NUMA nodeid: 2" },
        { "-numa node,nodeid=128", "Max number of NUMA nodes reached: 128" },
        { "-numa node,nodeid=65536", "Parameter 'nodeid' expects a number from 0 to 65535; got '65536'" },
        { "-numa node,nodeid=x", "Parameter 'nodeid' expects a number" },
        { "-numa node,nodeid=-1", "got '-1'" },
        { "-numa node,mem=x", "Parameter 'mem' expects a size" },
        { "-numa node,mem=1", "should equal RAM size" },
        { "-numa node,mem=4097B", "Parameter 'mem' expects a multiple of 4 KiB; got '4097B'" },
        { "-numa node,mem=128,cpus=1", "CPU index (1) should be smaller than maxcpus (1)" },
        { "-numa node,mem=128,cpus=0-18446744073709551615", "CPU index (1) should be smaller" },
        { "-numa node,mem=128,cpus=1-0 -smp 2", "Parameter 'cpus' expects a uint64 value or range" },
        { "-numa node,mem=128,cpus=x", "got 'x'" },
        { "-numa node,mem=128,cpus=0-", "got '0-'" },
        { "-numa node,mem=128,cpus=-0", "got '-0'" },
        { "-numa node,mem=128,cpus=0-1-2 -smp 3", "got '0-1-2'" },
        { "-numa node,mem=128,cpus=", "got ''" },
        { "-numa node,mem=128,cpus=x,cpus=0", "got 'x'" }, /* each one counts */
        { "-numa node,mem=64,cpus=0 -numa node,mem=64,cpus=0",
          "CPU is already assigned to node-id: 0 (CPU 0)" },
        { TWO "-numa cpu,node-id=2,socket-id=0",
          "Invalid node-id=2, NUMA node must be defined with -numa node,nodeid=ID before it's used with -numa "
          "cpu,node-id=ID" },
        { TWO "-numa cpu,node-id=128", "Invalid node-id=128" },
        { TWO "-numa cpu,node-id=x", "Parameter 'node-id' expects a number" },
        { TWO "-numa cpu,socket-id=0", "Missing mandatory node-id property" },
        { TWO "-numa cpu,node-id=0,socket-id=1",
          "no match found: -smp has 1 sockets of 2 cores of 1 threads" },
        { TWO "-numa cpu,node-id=0,core-id=2", "no match found" },
        { TWO "-numa cpu,node-id=0,thread-id=1", "no match found" },
        { TWO "-numa cpu,node-id=0,die-id=1", "Parameter 'die-id' expects 0" },
        { TWO "-numa cpu,node-id=0,core-id=0 -numa cpu,node-id=1,core-id=0",
          "CPU is already assigned to node-id: 0" },
        { "-numa cpu,node-id=0 -numa node,mem=128", "Invalid node-id=0" }, /* in the order given */
        { "-machine none -numa node,mem=128", "NUMA is not supported by this machine-type" },
    };

    (void)state;
    check_bad(cases, COUNT_OF(cases));
}

static void bad_distances(void **state)
{
    static const struct bad cases[] = {
        { TWO "-numa dist,src=0,dst=1,val=9", "NUMA distance (9) is invalid, it shouldn't be less than 10" },
        { TWO "-numa dist,src=0,dst=1,val=256", "Parameter 'val' expects a number from 0 to 255; got '256'" },
        { TWO "-numa dist,src=0,dst=1,val=-1", "got '-1'" },
        { TWO "-numa dist,src=0,dst=0,val=20", "Local distance of node 0 should be 10; got 20" },
        { TWO "-numa dist,src=0,dst=2,val=20",
          "Source/Destination NUMA node is missing: there is no node 2" },
        { TWO "-numa dist,src=2,dst=0,val=20", "there is no node 2" },
        { TWO "-numa dist,src=0,dst=128,val=20",
          "Parameter 'dst' expects a number from 0 to 127; got '128'" },
        { TWO "-numa dist,src=0,dst=1", "Parameter 'val' is missing" },
        { TWO "-numa dist,src=0,val=20", "Parameter 'dst' is missing" },
        { TWO "-numa dist,dst=0,val=20", "Parameter 'src' is missing" },
        { TWO "-numa dist,src=0,dst=1,val=20,frob=1", "-numa dist has no property 'frob'" },
        { TWO "-numa dist,src=0,dst=0,val=10", "The distance between node 0 and 1 is missing" },
        { TWO "-numa node -numa dist,src=0,dst=1,val=20", "The distance between node 0 and 2 is missing" },
        { TWO "-numa node -numa dist,src=0,dst=1,val=20 -numa dist,src=1,dst=0,val=21 "
              "-numa dist,src=0,dst=2,val=20 -numa dist,src=1,dst=2,val=20",
          "At least one asymmetrical pair of distances is given, please provide distances for both directions "
          "of all node pairs; src=2,dst=0 is missing" },
        { "-numa dist,src=0,dst=0,val=10 -numa node,mem=128",
          "there is no node 0 yet" }, /* in the order given */
    };

    (void)state;
    check_bad(cases, COUNT_OF(cases));
}

static void ram_of_objects(void **state)
{
    static const struct {
        const char *line;
        uint64_t ram;
    } cases[] = {
        { "-object memory-backend-ram,id=a,size=64M -machine memory-backend=a", 64 },
        { "-machine memory-backend=a -m 64M -object memory-backend-ram,id=a,size=64M", 64 },
        { "-machine memory-backend=a -m 64M,slots=1,maxmem=1G -object memory-backend-ram,id=a,size=64M", 64 },
        { "-machine memory-backend=b -machine memory-backend=a -object memory-backend-ram,id=a,size=64M",
          64 },
        { "-machine memory-backend=a -object memory-backend-ram,id=a,size=64M -numa node,mem=64", 64 },
        { "-machine none,memory-backend=a", 128 }, /* it has no RAM */
    };
    static const struct bad bad[] = {
        { "-machine memory-backend=a", "Memory backend 'a' not found" },
        { "-machine memory-backend=s -object secret,id=s", "Memory backend 's' not found" },
        { "-machine memory-backend=a -m 128M -object memory-backend-ram,id=a,size=64M",
          "Machine memory size does not match the size of the memory backend: -m gives 128 MiB, 'a' has 64 MiB" },
        { "-machine memory-backend=a -object memory-backend-ram,id=a",
          "memory-backend-ram: Parameter 'size' is missing" },
        { "-machine memory-backend=a -object memory-backend-ram,id=a,size=x", "got 'x'" },
        { "-machine memory-backend=a -object memory-backend-ram,id=a,size=0", "it has 0 bytes" },
        { "-machine memory-backend=a -object memory-backend-ram,id=a,size=4100K",
          "it has 4100 KiB; the RAM at start must be a multiple of 8 KiB" },
        { "-machine memory-backend=a -object memory-backend-ram,id=a,size=8P", "it has 8 PiB" },
        { BACKENDS "-numa node,memdev=a,mem=64M",
          "numa configuration should use either mem= or memdev=, mixing both is not allowed" },
        { BACKENDS "-numa node,memdev=a -numa node,mem=128M", "mixing both is not allowed" },
        { BACKENDS "-numa node,mem=64M -numa node,memdev=b", "mixing both is not allowed" },
        { BACKENDS "-numa node,memdev=a -numa node,memdev=a",
          "memory backend a can't be used multiple times: it belongs to node 0" },
        { BACKENDS "-numa node,memdev=a", "(0x4000000) should equal RAM size (0xc000000)" },
        { BACKENDS "-numa node,memdev=c", "memdev=c is ambiguous: no memory backend has that id" },
        { "-m 64M -object memory-backend-ram,id=a,size=64M -machine memory-backend=a -numa node,memdev=a",
          "'-machine memory-backend' and '-numa memdev' properties are mutually exclusive" },
        { "-machine dimm-node=x", "Parameter 'dimm-node' expects own or a number from 0 to 127; got 'x'" },
        { "-machine dimm-node=128", "got '128'" },
        { "-machine dimm-node=1 -m 128M,slots=1,maxmem=1G",
          "dimm-node=1 exceeds the number of numa nodes: 1" },
        { "-machine dimm-at-boot=bios", "Parameter 'dimm-at-boot' expects acpi|e820; got 'bios'" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config config;

        parse_good(&config, cases[i].line);
        assert_int_equal(config.ram_size, cases[i].ram * MIB);
        config_free(&config);
    }
    check_bad(bad, COUNT_OF(bad));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes),         cmocka_unit_test(distances),
        cmocka_unit_test(bad_nodes),     cmocka_unit_test(as_many_nodes_as_there_can_be),
        cmocka_unit_test(bad_distances), cmocka_unit_test(ram_of_objects),
    };

    return cmocka_run_group_tests_name("numa", tests, NULL, NULL);
}
