/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware configuration device as a driver uses it: at ports and among memory, byte by byte and by
 * transfers; what it refuses, and what each refusal leaves as it was.
 */
#include "../failing_malloc.h"
#include "../skip.h"
#include "../unit.h"

#include "fw_cfg_world.h"

#include <endian.h>

static struct fw_cfg_world world;

static int set_up_ports(void **state)
{
    (void)state;
    fw_cfg_world_make(&world, false);
    return 0;
}

static int set_up_memory(void **state)
{
    (void)state;
    fw_cfg_world_make(&world, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fw_cfg_world_end(&world);
    return 0;
}

/* ---- a driver ---- */

static void select_key(uint16_t key)
{
    if (world.among_memory)
        fw_cfg_world_write(&world, 8, 2, htobe16(key));
    else
        fw_cfg_world_write(&world, 0, 2, key);
}

static void read_bytes(void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)fw_cfg_world_read(&world, world.among_memory ? 0 : 1, 1);
}

struct command {
    uint32_t control, length;
    uint64_t address;
};

#define AT (WORLD_MEMORY + 0x100)

/* The control word afterwards. */
static uint32_t transfer(uint32_t control, uint32_t length, uint64_t address)
{
    const struct command command = { htobe32(control), htobe32(length), htobe64(address) };
    const uint64_t dma = world.among_memory ? 16 : 4;
    uint32_t result;

    memcpy(fw_cfg_world_at(&world, AT), &command, sizeof command);
    fw_cfg_world_write(&world, dma, 4, htobe32((uint32_t)(AT >> 32)));
    fw_cfg_world_write(&world, dma + 4, 4, htobe32((uint32_t)AT));
    memcpy(&result, fw_cfg_world_at(&world, AT), sizeof result);
    return be32toh(result);
}

struct entry {
    uint32_t size;
    uint16_t number, reserved;
    char name[56];
};

static uint32_t read_directory(struct entry entries[FW_CFG_FILES_MAX])
{
    uint32_t count;

    select_key(FW_CFG_FILE_DIR);
    read_bytes(&count, sizeof count);
    count = be32toh(count);
    assert_between(count, 0, FW_CFG_FILES_MAX);
    read_bytes(entries, count * sizeof *entries);
    return count;
}

/* ---- tests ---- */

static void a_driver_finds_the_device(void **state)
{
    char signature[5] = { 0 };
    uint32_t id;

    (void)state;
    select_key(FW_CFG_SIGNATURE);
    read_bytes(signature, 4);
    assert_string_equal(signature, "QEMU");
    select_key(FW_CFG_ID);
    read_bytes(&id, sizeof id);
    assert_int_equal(id, 3);
    /* "QEMU CFG", whose bytes come in this order in either half */
    assert_int_equal(fw_cfg_world_read(&world, world.among_memory ? 16 : 4, 4), 0x554d4551);
    assert_int_equal(fw_cfg_world_read(&world, world.among_memory ? 20 : 8, 4), 0x47464320);
}

static void wider_reads_give_more_bytes_among_memory_alone(void **state)
{
    (void)state;
    select_key(FW_CFG_SIGNATURE);
    if (world.among_memory) {
        assert_int_equal(fw_cfg_world_read(&world, 0, 2), 'Q' | 'E' << 8);
        assert_int_equal(fw_cfg_world_read(&world, 0, 8), 'M' | 'U' << 8); /* and zeros */
    } else {
        assert_int_equal(fw_cfg_world_read(&world, 0, 2), 0xffff);
        assert_int_equal(fw_cfg_world_read(&world, 1, 1), 'Q');
    }
}

static void files_are_found_by_name(void **state)
{
    struct entry entries[FW_CFG_FILES_MAX];
    struct error error;
    char text[8] = { 0 };

    (void)state;
    assert_int_equal(read_directory(entries), 0);
    assert_true(fw_cfg_add_file(world.fw_cfg, "opt/a", "hello", 5, &error));
    assert_true(fw_cfg_add_file(world.fw_cfg, "etc/empty", NULL, 0, &error));
    assert_int_equal(read_directory(entries), 2);
    assert_string_equal(entries[0].name, "opt/a");
    assert_int_equal(be32toh(entries[0].size), 5);
    assert_int_equal(be16toh(entries[0].number), 0x20);
    assert_string_equal(entries[1].name, "etc/empty");
    assert_int_equal(be32toh(entries[1].size), 0);
    assert_int_equal(be16toh(entries[1].number), 0x21);
    select_key(0x20);
    read_bytes(text, 7);
    assert_memory_equal(text, "hello\0\0", 7); /* zeros behind its end */
    select_key(0x20);
    read_bytes(text, 1);
    assert_int_equal(text[0], 'h'); /* from its beginning */
    select_key(0x21);
    read_bytes(text, 1);
    assert_int_equal(text[0], 0);
    select_key(0x22); /* there is none */
    read_bytes(text, 1);
    assert_int_equal(text[0], 0);
}

static void a_file_that_is_set_again_keeps_its_number(void **state)
{
    struct entry entries[FW_CFG_FILES_MAX];
    struct error error;
    char text[3];

    (void)state;
    assert_true(fw_cfg_set_file(world.fw_cfg, "etc/one", "1", 1, &error));
    assert_true(fw_cfg_add_file(world.fw_cfg, "etc/two", "2", 1, &error));
    select_key(0x20);
    assert_true(fw_cfg_set_file(world.fw_cfg, "etc/one", "new", 3, &error));
    read_bytes(text, 3); /* whoever reads it continues */
    assert_memory_equal(text, "new", 3);
    assert_int_equal(read_directory(entries), 2);
    assert_string_equal(entries[0].name, "etc/one");
    assert_int_equal(be32toh(entries[0].size), 3);
    assert_true(fw_cfg_set_file(world.fw_cfg, "etc/one", "x", 1, &error));
    select_key(0x20);
    read_bytes(text, 2);
    assert_memory_equal(text, "x\0", 2);
}

static void a_file_that_cannot_be_is_refused(void **state)
{
    char name[FW_CFG_NAME_MAX + 2], some[16];
    struct entry entries[FW_CFG_FILES_MAX];
    struct error error;

    (void)state;
    memset(name, 'n', sizeof name);
    name[FW_CFG_NAME_MAX + 1] = '\0';
    assert_false(fw_cfg_add_file(world.fw_cfg, name, "", 0, &error));
    assert_non_null(strstr(error.text, "has 56"));
    name[FW_CFG_NAME_MAX] = '\0';
    assert_true(fw_cfg_add_file(world.fw_cfg, name, "", 0, &error));
    assert_false(fw_cfg_add_file(world.fw_cfg, "", "", 0, &error));
    assert_false(fw_cfg_add_file(world.fw_cfg, name, "", 0, &error));
    assert_non_null(strstr(error.text, "duplicate fw_cfg file name: nnn"));
    assert_false(fw_cfg_add_file(world.fw_cfg, "opt/large", name, FW_CFG_SIZE_MAX + 1, &error));
    assert_non_null(strstr(error.text, "limit of 64 MiB"));
    assert_int_equal(read_directory(entries), 1);
    for (unsigned i = 1; i < FW_CFG_FILES_MAX; i++) {
        snprintf(some, sizeof some, "opt/%u", i);
        assert_true(fw_cfg_add_file(world.fw_cfg, some, some, 4, &error));
    }
    assert_false(fw_cfg_add_file(world.fw_cfg, "opt/more", "", 0, &error));
    assert_non_null(strstr(error.text, "there are 64 files"));
    assert_int_equal(read_directory(entries), FW_CFG_FILES_MAX);
}

/* Whichever allocation fails: a file that exists, one that is new, and the directory are as before. */
static void files_are_set_together_or_not_at_all(void **state)
{
    static const struct fw_cfg_content contents[] = {
        { "etc/old", "longer", 6 },
        { "etc/new", "new", 3 },
    };
    struct entry before[FW_CFG_FILES_MAX], after[FW_CFG_FILES_MAX];
    struct error error = { 0 };
    unsigned failures = 0;
    char text[7] = { 0 };

    (void)state;
    if (!MALLOC_CAN_FAIL)
        SKIP_TEST("the allocator cannot be replaced in this build");
    assert_true(fw_cfg_set_file(world.fw_cfg, "etc/old", "old", 3, &error));
    assert_int_equal(read_directory(before), 1);
    for (bool done = false; !done; failures += !done) {
        fail_malloc(failures + 1);
        done = fw_cfg_set_files(world.fw_cfg, contents, COUNT_OF(contents), &error);
        fail_malloc(0);
        if (done)
            continue;
        assert_string_equal(error.text, "out of memory");
        assert_int_equal(read_directory(after), 1);
        assert_memory_equal(after, before, sizeof before[0]);
        select_key(0x20);
        read_bytes(text, 4);
        assert_memory_equal(text, "old\0", 4);
        select_key(0x21);
        read_bytes(text, 1);
        assert_int_equal(text[0], 0);
    }
    assert_int_equal(failures, 3); /* two files and the directory */
    assert_int_equal(read_directory(after), 2);
    assert_int_equal(be32toh(after[0].size), 6);
    assert_int_equal(be32toh(after[1].size), 3);
    select_key(0x20);
    read_bytes(text, 6);
    assert_string_equal(text, "longer");
}

static void a_file_that_cannot_be_keeps_the_others_out(void **state)
{
    const struct fw_cfg_content contents[] = { { "etc/old", "other", 5 },
                                               { "etc/new", "new", 3 },
                                               { "", "", 0 } };
    struct entry entries[FW_CFG_FILES_MAX];
    struct error error;
    char text[4];

    (void)state;
    assert_true(fw_cfg_set_file(world.fw_cfg, "etc/old", "old", 3, &error));
    assert_false(fw_cfg_set_files(world.fw_cfg, contents, COUNT_OF(contents), &error));
    assert_non_null(strstr(error.text, "a name has 1 to 55 bytes"));
    assert_int_equal(read_directory(entries), 1);
    assert_int_equal(be32toh(entries[0].size), 3);
    select_key(0x20);
    read_bytes(text, 4);
    assert_memory_equal(text, "old\0", 4);
}

static void transfers_copy_items(void **state)
{
    const uint64_t target = WORLD_MEMORY + WORLD_REGION_SIZE - 3; /* in two regions */
    struct error error;

    (void)state;
    assert_true(fw_cfg_add_file(world.fw_cfg, "opt/a", "hello, world", 12, &error));
    memset(fw_cfg_world_at(&world, target), 0xee, 3);
    assert_int_equal(transfer(0x20u << 16 | 8 | 2, 5, target), 0);
    assert_memory_equal(fw_cfg_world_at(&world, target), "hel", 3);
    assert_memory_equal(fw_cfg_world_at(&world, target + 3), "lo\0", 3);
    assert_int_equal(transfer(4, 2, 0), 0);            /* skip ", " */
    assert_int_equal(transfer(2, 100, target + 3), 0); /* and zeros */
    assert_memory_equal(fw_cfg_world_at(&world, target + 3), "world\0\0\0", 8);
    assert_int_equal(transfer(0x20u << 16 | 8, 7, 0), 0); /* selects, and nothing else */
    assert_int_equal(transfer(4, UINT32_MAX, 0), 0);      /* behind the end is the end */
    assert_int_equal(transfer(2, 1, target), 0);
    assert_int_equal(*fw_cfg_world_at(&world, target), 0);
}

static void a_whole_address_starts_a_transfer_among_memory(void **state)
{
    const struct command command = { htobe32(FW_CFG_ID << 16 | 8 | 2), htobe32(4),
                                     htobe64(WORLD_MEMORY + 0x800) };

    (void)state;
    memcpy(fw_cfg_world_at(&world, AT), &command, sizeof command);
    fw_cfg_world_write(&world, 16, 8, htobe64(AT));
    assert_int_equal(*fw_cfg_world_at(&world, AT + 3), 0);
    assert_int_equal(*fw_cfg_world_at(&world, WORLD_MEMORY + 0x800), 3);
}

static void hostile_transfers_are_errors(void **state)
{
    struct fw_cfg_world before;

    (void)state;
    memset(fw_cfg_world_at(&world, WORLD_MEMORY), 0x5a, WORLD_REGION_SIZE);
    memset(fw_cfg_world_at(&world, WORLD_ROM), 0x5a, WORLD_REGION_SIZE);
    memcpy(&before, &world, sizeof before);
    assert_int_equal(transfer(FW_CFG_ID << 16 | 8 | 2, 4, 0), 1);                  /* no memory */
    assert_int_equal(transfer(2, 4, WORLD_ROM), 1);                                /* read-only */
    assert_int_equal(transfer(2, 4, WORLD_MEMORY + 2 * WORLD_REGION_SIZE - 2), 1); /* half of it */
    assert_int_equal(transfer(2, 4, UINT64_MAX - 1), 1);                           /* beyond all addresses */
    assert_int_equal(transfer(2, UINT32_MAX, WORLD_MEMORY), 1);                    /* more zeros than sense */
    assert_int_equal(transfer(16, 4, WORLD_MEMORY), 1);        /* nothing can be written */
    assert_int_equal(transfer(2, 4, WORLD_MEMORY + 0x800), 0); /* none has moved on */
    assert_int_equal(*fw_cfg_world_at(&world, WORLD_MEMORY + 0x800), 3);
    assert_memory_equal(world.memory[2], before.memory[2], WORLD_REGION_SIZE);
    assert_memory_equal(world.memory[0], before.memory[0], 0x100);
    /* A command that is no memory, or not all of it, or cannot be answered: nothing happens. */
    for (unsigned i = 0; i < 3; i++) {
        static const uint64_t places[] = { 0x1000, UINT64_MAX - 4, WORLD_ROM + WORLD_REGION_SIZE - 4 };
        const uint64_t dma = world.among_memory ? 16 : 4;

        fw_cfg_world_write(&world, dma, 4, htobe32((uint32_t)(places[i] >> 32)));
        fw_cfg_world_write(&world, dma + 4, 4, htobe32((uint32_t)places[i]));
    }
    assert_memory_equal(world.memory[2], before.memory[2], WORLD_REGION_SIZE);
}

static void a_reset_selects_the_signature(void **state)
{
    char text[4];

    (void)state;
    select_key(FW_CFG_ID);
    fw_cfg_world_write(&world, world.among_memory ? 16 : 4, 4, 0xffffffff);
    devices_reset(&world.board);
    read_bytes(text, 4);
    assert_memory_equal(text, "QEMU", 4);
    assert_int_equal(world.fw_cfg->state.dma_high, 0);
}

/* A saved state may say anything of where the guest was. */
static void an_offset_behind_the_end_reads_zeros(void **state)
{
    uint8_t byte;

    (void)state;
    world.fw_cfg->state.offset = UINT32_MAX;
    read_bytes(&byte, 1);
    assert_int_equal(byte, 0);
    assert_int_equal(transfer(2, 4, WORLD_MEMORY + 0x800), 0);
    assert_int_equal(transfer(4, 4, 0), 0);
}

#define AT_BOTH(test) \
    { #test " (ports)", test, set_up_ports, tear_down, NULL }, \
    { \
#test " (memory)", test, set_up_memory, tear_down, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        AT_BOTH(a_driver_finds_the_device),
        AT_BOTH(wider_reads_give_more_bytes_among_memory_alone),
        AT_BOTH(files_are_found_by_name),
        AT_BOTH(a_file_that_is_set_again_keeps_its_number),
        AT_BOTH(a_file_that_cannot_be_is_refused),
        AT_BOTH(files_are_set_together_or_not_at_all),
        AT_BOTH(a_file_that_cannot_be_keeps_the_others_out),
        AT_BOTH(transfers_copy_items),
        cmocka_unit_test_setup_teardown(a_whole_address_starts_a_transfer_among_memory, set_up_memory,
                                        tear_down),
        AT_BOTH(hostile_transfers_are_errors),
        AT_BOTH(a_reset_selects_the_signature),
        AT_BOTH(an_offset_behind_the_end_reads_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
