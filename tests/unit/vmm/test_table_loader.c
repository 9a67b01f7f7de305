/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables through the table loader: an interpreter of its commands, which knows nothing of ACPI, puts the
 * files wherever it likes; what it then has is byte for byte what a directly booted guest finds there.
 */
#include "../chips.h"
#include "../failing_malloc.h"
#include "../skip.h"
#include "../unit.h"

#include "firmware/table_loader.h"
#include "fw_cfg_world.h"
#include "machine/x86_acpi.h"

#define AREA 0x20000u

/* ---- firmware ---- */

struct loaded {
    char name[56];
    uint8_t bytes[AREA];
    size_t length;
    uint64_t address;
};

static struct loaded files[2];
static unsigned file_count;

static uint32_t number(const uint8_t *at)
{
    return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static const struct fw_cfg_item *item_of(const struct fw_cfg *fw_cfg, const char *name)
{
    for (unsigned i = 0; i < fw_cfg->file_count; i++)
        if (strcmp(fw_cfg->files[i].name, name) == 0)
            return &fw_cfg->files[i].item;
    fail_msg("no file %s", name);
    return NULL;
}

static struct loaded *loaded(const uint8_t *name)
{
    for (unsigned i = 0; i < file_count; i++)
        if (strcmp(files[i].name, (const char *)name) == 0)
            return &files[i];
    fail_msg("%s is not loaded", name);
    return NULL;
}

static void do_allocate(const struct fw_cfg *fw_cfg, const uint8_t *at, const uint64_t *address)
{
    const struct fw_cfg_item *item = item_of(fw_cfg, (const char *)at);
    const uint32_t align = number(at + 56);
    struct loaded *file = &files[file_count];

    assert_true(file_count < COUNT_OF(files));
    assert_true(item->length <= AREA);
    strcpy(file->name, (const char *)at);
    memcpy(file->bytes, item->bytes, item->length);
    file->length = item->length;
    file->address = address[file_count++];
    assert_int_equal(file->address % align, 0);
    /* What has to be below 1 MiB is the RSDP alone. */
    assert_int_equal(at[60], strcmp(file->name, "etc/acpi/rsdp") == 0 ? 2 : 1);
}

static void do_pointer(const uint8_t *at)
{
    struct loaded *file = loaded(at), *target = loaded(at + 56);
    const uint32_t offset = number(at + 112);
    const uint8_t size = at[116];
    uint64_t value = 0;

    assert_true(size == 4 || size == 8);
    assert_true(offset + size <= file->length);
    memcpy(&value, file->bytes + offset, size);
    assert_true(value < target->length);
    value += target->address;
    memcpy(file->bytes + offset, &value, size);
}

static void do_checksum(const uint8_t *at)
{
    struct loaded *file = loaded(at);
    const uint32_t offset = number(at + 56), start = number(at + 60), length = number(at + 64);
    uint8_t sum = 0;

    assert_true(offset >= start && offset < start + length && start + length <= file->length);
    assert_int_equal(file->bytes[offset], 0); /* EDK2 adds it to the sum */
    for (uint32_t i = 0; i < length; i++)
        sum += file->bytes[start + i];
    file->bytes[offset] = (uint8_t)-sum;
}

static void run(const struct fw_cfg *fw_cfg, const uint64_t *addresses)
{
    const struct fw_cfg_item *commands = item_of(fw_cfg, "etc/table-loader");

    file_count = 0;
    assert_int_equal(commands->length % 128, 0);
    for (uint32_t i = 0; i < commands->length; i += 128) {
        const uint8_t *at = commands->bytes + i;

        switch (number(at)) {
        case 1:
            do_allocate(fw_cfg, at + 4, addresses);
            break;
        case 2:
            do_pointer(at + 4);
            break;
        case 3:
            do_checksum(at + 4);
            break;
        default:
            fail_msg("command %u", number(at));
        }
    }
}

/* ---- machines ---- */

static struct numa_config numa = { .nodes = 2, .distances_given = true };
static const struct hotram_acpi_memory hotplug = { .base = UINT64_C(5) << 30,
                                                   .size = UINT64_C(4) << 30,
                                                   .node = 1,
                                                   .flags = HOTRAM_SRAT_ENABLED | HOTRAM_SRAT_HOTPLUGGABLE };

static void build(uint8_t *tables, bool ged, unsigned slots, uint64_t address)
{
    const struct x86_acpi_config config = {
        .cpus = 4,
        .topology = { 1, 1 },
        .ged = ged,
        .slots = slots,
        .low_ram_end = UINT64_C(1) << 30,
        .board = x86_board(ged),
        .numa = &numa,
        .hotplug = &hotplug,
        .hotplug_count = slots > 0,
    };
    struct error error;
    uint64_t rsdp;

    memset(tables, 0, AREA);
    if (!x86_acpi_build(&config, tables, AREA, address, &rsdp, &error))
        fail_msg("%s", error.text);
}

static void publish(struct fw_cfg_world *world, bool ged, unsigned slots)
{
    static uint8_t tables[AREA];
    struct error error;

    build(tables, ged, slots, 0);
    if (!table_loader_publish(world->fw_cfg, tables, AREA, &error))
        fail_msg("%s", error.text);
}

static void firmware_has_what_a_direct_boot_has(void **state)
{
    static const uint64_t places[][2] = { { 0x7ffe0000, 0xf5a70 },
                                          { 0x100040, 0xe0010 },
                                          { 0xbffe1340, 0xfff00 } };
    static struct fw_cfg_world world;
    static uint8_t direct[AREA];

    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        const bool ged = kind & 1;
        const unsigned slots = kind & 2 ? HOTRAM_SLOTS_MAX : 0;

        fw_cfg_world_make(&world, false);
        for (unsigned i = 0; i < COUNT_OF(places); i++) {
            publish(&world, ged, slots); /* anew, as each reset does */
            run(world.fw_cfg, places[i]);
            assert_int_equal(file_count, 2);
            build(direct, ged, slots, places[i][0] - TABLES_START);
            assert_memory_equal(files[1].bytes, direct, HOTRAM_ACPI_RSDP_LENGTH);
            assert_int_equal(files[1].length, HOTRAM_ACPI_RSDP_LENGTH);
            assert_memory_equal(files[0].bytes, direct + TABLES_START, files[0].length);
            for (size_t behind = TABLES_START + files[0].length; behind < AREA; behind++)
                assert_int_equal(direct[behind], 0);
        }
        fw_cfg_world_end(&world);
    }
}

static void what_are_no_tables_is_refused(void **state)
{
    static struct fw_cfg_world world;
    static uint8_t tables[AREA];
    struct error error;

    (void)state;
    fw_cfg_world_make(&world, false);
    build(tables, false, 1, 0);
    assert_false(table_loader_publish(world.fw_cfg, tables, 64, &error));
    memset(tables, 0, AREA);
    assert_false(table_loader_publish(world.fw_cfg, tables, AREA, &error));
    build(tables, false, 1, 0);
    tables[24] = 0xf0, tables[25] = 0xff, tables[26] = 0xff; /* the XSDT is elsewhere */
    assert_false(table_loader_publish(world.fw_cfg, tables, AREA, &error));
    assert_non_null(strstr(error.text, "not as firmware could load them"));
    assert_int_equal(world.fw_cfg->file_count, 0);
    fw_cfg_world_end(&world);
}

/* Tables of one machine with the commands of another would have firmware patch the wrong bytes. */
static void a_failure_leaves_the_former_tables(void **state)
{
    static const uint64_t places[] = { 0x7ffe0000, 0xf5a70 };
    static struct fw_cfg_world world;
    static uint8_t tables[AREA], direct[AREA];
    unsigned failures = 0;
    struct error error;

    (void)state;
    if (!MALLOC_CAN_FAIL)
        SKIP_TEST("the allocator cannot be replaced in this build");
    fw_cfg_world_make(&world, false);
    publish(&world, false, 0);
    build(direct, false, 0, places[0] - TABLES_START);
    for (bool done = false; !done; failures += !done) {
        build(tables, true, HOTRAM_SLOTS_MAX, 0);
        fail_malloc(failures + 1);
        done = table_loader_publish(world.fw_cfg, tables, AREA, &error);
        fail_malloc(0);
        if (done)
            continue;
        run(world.fw_cfg, places);
        assert_memory_equal(files[1].bytes, direct, HOTRAM_ACPI_RSDP_LENGTH);
        assert_memory_equal(files[0].bytes, direct + TABLES_START, files[0].length);
    }
    assert_int_equal(failures, 4); /* three files and the directory */
    fw_cfg_world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_has_what_a_direct_boot_has),
        cmocka_unit_test(what_are_no_tables_is_refused),
        cmocka_unit_test(a_failure_leaves_the_former_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
