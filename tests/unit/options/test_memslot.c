/* SPDX-License-Identifier: BSD-2-Clause */
/* -memslot: what it says, and the slots and the maxmem that it implies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/count_of.h"
#include "command_line.h"

#define MIB (UINT64_C(1) << 20)

static void one_memslot(void **state)
{
    struct config config;

    (void)state;
    parse_good(&config, "-memslot id=hot1,start=4294967296,size=536870912,node=0");
    assert_int_equal(config.memslot_count, 1);
    assert_string_equal(config.memslots[0].id, "hot1");
    assert_true(config.memslots[0].start_given && config.memslots[0].node_given);
    assert_int_equal(config.memslots[0].start, UINT64_C(4294967296));
    assert_int_equal(config.memslots[0].size, 536870912);
    assert_int_equal(config.memslots[0].node, 0);
    config_free(&config);
    parse_good(&config, "-memslot size=1G,id=a");
    assert_false(config.memslots[0].start_given || config.memslots[0].node_given);
    config_free(&config);
}

static void implied_slots_and_maxmem(void **state)
{
    static const struct {
        const char *line;
        uint32_t slots;
        uint64_t maxmem; /* MiB */
        bool grows;
    } cases[] = {
        { "-memslot id=a,size=512M", 1, 640, true },
        { "-memslot id=a,size=512M -memslot id=b,size=2M", 2, 642, true },
        { "-m 1G -memslot id=a,size=512M", 1, 1536, true },
        { "-m 1G,slots=4,maxmem=8G -memslot id=a,size=512M", 4, 8192, false },
        { "-m 1G,maxmem=8G -memslot id=a,size=512M", 1, 8192, false },
        { "-m 1G,slots=0,maxmem=8G -memslot id=a,size=512M", 1, 8192, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config config;

        parse_good(&config, cases[i].line);
        assert_int_equal(config.slots, cases[i].slots);
        assert_int_equal(config.maxmem, cases[i].maxmem * MIB);
        assert_int_equal(config.region_grows, cases[i].grows);
        assert_int_equal(config.numa.nodes, 1);
        config_free(&config);
    }
}

static void bad_memslots(void **state)
{
    static const struct bad cases[] = {
        { "-memslot", "requires an argument" },
        { "-memslot size=1G", "-memslot size=1G: Parameter 'id' is missing" },
        { "-memslot id=a", "Parameter 'size' is missing" },
        { "-memslot id=1a,size=1G", "'1a'" },
        { "-memslot id=,size=1G", "identifier" },
        { "-memslot id=a,size=1G -memslot id=a,size=1G",
          "Duplicate ID 'a' for memslot: already in use by an earlier one" },
        { "-memslot id=a,size=x", "got 'x'" },
        { "-memslot id=a,size=0", "size must be multiple of 0x200000, and not 0; got 0 bytes" },
        { "-memslot id=a,size=129M", "size must be multiple of 0x200000, and not 0; got 129 MiB" },
        { "-memslot id=a,size=1G,start=x", "got 'x'" },
        { "-memslot id=a,size=1G,start=-1", "got '-1'" },
        { "-memslot id=a,size=1G,node=-1", "node" },
        { "-memslot id=a,size=1G,frob=1", "frob" },
        { "-memslot a,size=1G", "-memslot has no property 'a'" },
        { "-memslot id=a,size=16383P -memslot id=b,size=16383P",
          "-memslot id=b: size 18445618173802708992 is too large" },
        { "-memslot id=a,size=1G -m 1G,slots=1", "requires maxmem" },
        { "-memslot id=a,size=1G -memslot id=b,size=1G -m 1G,slots=1,maxmem=8G",
          "2 memslots need 2 slots, but -m provides 1" },
        { "-memslot id=a,size=1G -object memory-backend-ram,id=m,size=1G -device pc-dimm,id=a,memdev=m",
          "Duplicate ID 'a' for memslot: already in use by a -device" },
        { "-nodefaults -memslot id=a,size=1G -chardev null,id=c -device isa-serial,id=a,chardev=c",
          "Duplicate ID 'a' for memslot: already in use by a -device" },
    };

    (void)state;
    check_bad(cases, COUNT_OF(cases));
}

static void at_most_256_and_help(void **state)
{
    static char line[16384], output[4096];
    struct config config;
    struct error error;

    (void)state;
    strcpy(line, "-S");
    for (unsigned i = 0; i < 256; i++)
        sprintf(line + strlen(line), " -memslot id=s%u,size=2M", i);
    assert_int_equal(parse_line(&config, line, &error), CONFIG_RUN);
    assert_int_equal(config.slots, 256);
    config_free(&config);
    strcat(line, " -memslot id=s256,size=2M");
    assert_int_equal(parse_line(&config, line, &error), CONFIG_ERROR);
    assert_non_null(strstr(error.text, "the limit of 256 memslots is reached"));
    config_free(&config);

    assert_int_equal(parse_printing("-memslot help", output, sizeof output, &error), CONFIG_DONE);
    assert_non_null(strstr(output, "start"));
    assert_non_null(strstr(output, "node"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_memslot),
        cmocka_unit_test(implied_slots_and_maxmem),
        cmocka_unit_test(bad_memslots),
        cmocka_unit_test(at_most_256_and_help),
    };

    return cmocka_run_group_tests_name("memslot", tests, NULL, NULL);
}
