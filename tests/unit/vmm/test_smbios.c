/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMBIOS tables: their bytes by a reader of this test's own, and what dmidecode, where it is installed, makes
 * of them.
 */
#include "../skip.h"
#include "../unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "firmware/smbios.h"
#include "layout/units.h"

#define ROOM (128 * KIB)
#define TABLE_AT 32u /* in a file for dmidecode, as its --dump-bin makes them */

static uint8_t bytes[ROOM];
static size_t length;
static char unused[4096];

static struct smbios_memory memory[] = {
    { 0, 2 * GIB, NULL },
    { 4 * GIB, 100 * MIB + 8 * KIB, NULL },
    { 8 * GIB, 64 * GIB, "dimm0" },
    { UINT64_C(8) << 40, 128 * MIB, "a DIMM" },
};
static uint8_t uuid[16] = { 0x8b, 0x5e, 0xc5, 0xa0, 0x2c, 0x3f, 0x4a, 0xd2,
                            0x9a, 0x55, 0x0c, 0x5c, 0x5d, 0x6e, 0x7f, 0x80 };
static struct smbios_machine machine;
static struct smbios_config given;

static int start(void **state)
{
    (void)state;
    given = (struct smbios_config){ 0 };
    machine = (struct smbios_machine){ .name = "hotram-1",
                                       .uuid = uuid,
                                       .sockets = 2,
                                       .cores = 3,
                                       .threads = 2,
                                       .maxmem = 100 * GIB,
                                       .slots = 8,
                                       .memory = memory,
                                       .memory_count = COUNT_OF(memory),
                                       .direct = "none" };
    return 0;
}

static void build(void)
{
    struct hotram_buffer out;

    assert_int_equal(hotram_buffer_init(&out, bytes, sizeof bytes), HOTRAM_OK);
    smbios_build(&machine, &given, &out);
    assert_int_equal(hotram_buffer_status(&out), HOTRAM_OK);
    length = out.length;
}

/* ---- a reader ---- */

struct structure {
    const uint8_t *at;
    const char *strings;
    const uint8_t *next;
};

static bool read_structure(const uint8_t *at, struct structure *structure)
{
    const uint8_t *end = bytes + length;

    if (at == end)
        return false;
    assert_true(end - at >= 6 && at[1] >= 4 && at[1] <= end - at - 2);
    structure->at = at;
    structure->strings = (const char *)at + at[1];
    structure->next = at + at[1];
    if (*structure->next == 0) { /* no strings: two zeros */
        assert_int_equal(structure->next[1], 0);
        structure->next += 2;
        return true;
    }
    while (*structure->next) {
        structure->next += strnlen((const char *)structure->next, (size_t)(end - structure->next)) + 1;
        assert_true(structure->next < end);
    }
    structure->next++;
    return true;
}

/* The n-th structure of a type; NULL: there is none. */
static const uint8_t *find(unsigned type, unsigned number, struct structure *structure)
{
    const uint8_t *at = bytes;

    while (read_structure(at, structure)) {
        if (structure->at[0] == type && number-- == 0)
            return structure->at;
        at = structure->next;
    }
    return NULL;
}

static const char *text_of(const struct structure *structure, unsigned offset)
{
    const char *text = structure->strings;

    if (structure->at[offset] == 0)
        return "";
    for (unsigned i = 1; i < structure->at[offset]; i++) {
        assert_true(*text);
        text += strlen(text) + 1;
    }
    return text;
}

static uint64_t number_of(const struct structure *structure, unsigned offset, unsigned width)
{
    uint64_t value = 0;

    assert_true(offset + width <= structure->at[1]);
    memcpy(&value, structure->at + offset, width);
    return value;
}

#define TEXT(type, number, offset, text) \
    do { \
        struct structure structure_; \
        assert_non_null(find(type, number, &structure_)); \
        assert_string_equal(text_of(&structure_, offset), text); \
    } while (0)
#define NUMBER(type, number, offset, width, value) \
    do { \
        struct structure structure_; \
        assert_non_null(find(type, number, &structure_)); \
        assert_int_equal(number_of(&structure_, offset, width), value); \
    } while (0)

static unsigned count(unsigned type)
{
    struct structure structure;
    unsigned n = 0;

    while (find(type, n, &structure))
        n++;
    return n;
}

/* ---- */

static void every_structure_is_there_and_sound(void **state)
{
    static const unsigned all[][2] = { { 0, 1 },  { 1, 1 },  { 2, 0 },  { 3, 1 },  { 4, 2 },  { 11, 0 },
                                       { 16, 1 }, { 17, 4 }, { 19, 4 }, { 32, 1 }, { 127, 1 } };
    unsigned sum = 0, handles[64], n = 0;
    struct structure structure;

    (void)state;
    build();
    for (unsigned i = 0; i < COUNT_OF(all); i++) {
        assert_int_equal(count(all[i][0]), all[i][1]);
        sum += all[i][1];
    }
    for (const uint8_t *at = bytes; read_structure(at, &structure); at = structure.next) {
        handles[n] = structure.at[2] | structure.at[3] << 8;
        for (unsigned i = 0; i < n; i++)
            assert_int_not_equal(handles[i], handles[n]);
        n++;
    }
    assert_int_equal(n, sum);
    assert_int_equal(structure.at[0], 127);
}

static void memory_is_told_piece_by_piece(void **state)
{
    (void)state;
    build();
    TEXT(17, 0, 0x10, "DIMM 0");
    NUMBER(17, 0, 0x0c, 2, 2048);
    NUMBER(17, 1, 0x0c, 2, 100); /* too large for KiB: whole MiB */
    TEXT(17, 2, 0x10, "dimm0");
    NUMBER(17, 2, 0x0c, 2, 0x7fff);
    NUMBER(17, 2, 0x1c, 4, 65536);
    NUMBER(17, 2, 4, 2, 0x1000);
    TEXT(17, 3, 0x10, "a DIMM");
    NUMBER(19, 0, 4, 4, 0);
    NUMBER(19, 0, 8, 4, 2 * MIB - 1);
    NUMBER(19, 2, 4, 4, 8 * MIB);
    NUMBER(19, 3, 4, 4, UINT32_MAX);
    NUMBER(19, 3, 8, 4, UINT32_MAX);
    NUMBER(19, 3, 0x0f, 8, UINT64_C(8) << 40);
    NUMBER(19, 3, 0x17, 8, (UINT64_C(8) << 40) + 128 * MIB - 1);
    NUMBER(16, 0, 7, 4, 100 * MIB);
    NUMBER(16, 0, 0x0d, 2, 8);
    machine.maxmem = UINT64_C(4) << 40;
    machine.slots = 2;
    memory[1].size = 16 * MIB + 8 * KIB;
    build();
    memory[1].size = 100 * MIB + 8 * KIB;
    NUMBER(17, 1, 0x0c, 2, 0x8000 | (16 * 1024 + 8));
    NUMBER(16, 0, 7, 4, 0x80000000);
    NUMBER(16, 0, 0x0f, 8, UINT64_C(4) << 40);
    NUMBER(16, 0, 0x0d, 2, 4);
}

static void processors_are_told_by_socket(void **state)
{
    (void)state;
    build();
    TEXT(4, 1, 4, "CPU 1");
    NUMBER(4, 0, 0x23, 1, 3);
    NUMBER(4, 0, 0x25, 1, 6);
    NUMBER(4, 0, 0x2e, 2, 6);
    given.processor.socket = (char[]){ "Socket" };
    given.processor.id = UINT64_C(0x123456789abcdef0);
    given.processor.max_speed = 4000;
    given.processor.max_speed_given = true;
    machine.cores = 300;
    machine.threads = 1;
    build();
    TEXT(4, 0, 4, "Socket 0");
    NUMBER(4, 0, 8, 8, UINT64_C(0x123456789abcdef0));
    NUMBER(4, 0, 0x14, 2, 4000);
    NUMBER(4, 0, 0x16, 2, 2000);
    NUMBER(4, 0, 0x23, 1, 255);
    NUMBER(4, 0, 0x2a, 2, 300);
}

static void what_is_given_is_told(void **state)
{
    char *values[] = { unused, (char[]){ "second" } };

    (void)state;
    build();
    TEXT(1, 0, 4, "hotram");
    TEXT(1, 0, 5, "hotram-1");
    TEXT(0, 0, 5, "none");
    NUMBER(1, 0, 8, 4, 0x8b5ec5a0);
    NUMBER(1, 0, 12, 2, 0x2c3f);
    NUMBER(1, 0, 16, 1, 0x9a);
    memset(unused, 'x', 300);
    given.system.manufacturer = (char[]){ "Someone" };
    given.system.serial = (char[]){ "" };
    given.system.family = (char[]){ "F" };
    given.system.uuid = (char[]){ "00112233-4455-6677-8899-AABBCCDDEEFF" };
    given.bios.vendor = (char[]){ "V" };
    given.bios.release = (char[]){ "4.200" };
    given.bios.uefi = true;
    given.board.present = true;
    given.board.asset = (char[]){ "A1" };
    given.values = values;
    given.value_count = 2;
    build();
    TEXT(1, 0, 4, "Someone");
    TEXT(1, 0, 7, "");
    TEXT(1, 0, 0x1a, "F");
    NUMBER(1, 0, 8, 4, 0x00112233);
    TEXT(0, 0, 4, "V");
    NUMBER(0, 0, 0x13, 1, 0x1c);
    NUMBER(0, 0, 0x14, 2, 4 | 200 << 8);
    TEXT(2, 0, 8, "A1");
    NUMBER(11, 0, 4, 1, 2);
    machine.direct = NULL;
    given.bios.vendor = given.bios.release = NULL;
    given.bios.uefi = false;
    build();
    assert_int_equal(count(0), 0); /* firmware has its own */
}

static void what_cannot_be_told_is_found(void **state)
{
    uint8_t found[16], major, minor;

    (void)state;
    assert_true(smbios_uuid_parse("8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80", found));
    assert_memory_equal(found, uuid, 16);
    assert_false(smbios_uuid_parse("8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f8", found));
    assert_false(smbios_uuid_parse("8b5ec5a0-2c3f-4ad2-9a55+0c5c5d6e7f80", found));
    assert_false(smbios_uuid_parse("8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f8g", found));
    assert_true(smbios_release_parse("0.255", &major, &minor));
    assert_int_equal(minor, 255);
    assert_false(smbios_release_parse("0.256", &major, &minor));
    assert_false(smbios_release_parse("1", &major, &minor));
    assert_false(smbios_release_parse("1.", &major, &minor));
    assert_false(smbios_release_parse(".1", &major, &minor));
    assert_false(smbios_release_parse("1.1.1", &major, &minor));
}

/* Every buffer that is too small says how much is needed. */
static void a_buffer_that_is_too_small(void **state)
{
    struct hotram_buffer out;

    (void)state;
    build();
    for (size_t room = 0; room < length; room += 7) {
        assert_int_equal(hotram_buffer_init(&out, bytes, room), HOTRAM_OK);
        smbios_build(&machine, &given, &out);
        assert_int_equal(hotram_buffer_status(&out), HOTRAM_E_BUFFER);
        assert_int_equal(out.length, length);
    }
}

static void the_entry_point_leads_there(void **state)
{
    uint8_t entry[SMBIOS_ENTRY_SIZE], sum = 0;
    uint64_t address;

    (void)state;
    smbios_entry_point(entry, 0xf1230, 0x1234);
    for (unsigned i = 0; i < sizeof entry; i++)
        sum = (uint8_t)(sum + entry[i]);
    assert_int_equal(sum, 0);
    assert_memory_equal(entry, "_SM3_", 5);
    assert_int_equal(entry[6], sizeof entry);
    memcpy(&address, entry + 16, 8);
    assert_int_equal(address, 0xf1230);
    assert_int_equal(entry[12] | entry[13] << 8, 0x1234);
}

/* ---- dmidecode ---- */

static void dmidecode_reads_them(void **state)
{
    static const char *const lines[] = {
        "SMBIOS 3.0.0 present.",
        "\tManufacturer: Someone",
        "\tUUID: 8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80",
        "\tLocator: dimm0",
        "\tSize: 64 GB",
        "\tSize: 2 GB",
        "\tMaximum Capacity: 100 GB",
        "\tNumber Of Devices: 8",
        "\tCore Count: 3",
        "\tThread Count: 6",
        "\tEnding Address: 0x0007FFFFFFF",
        "\tString 1: role:db",
        "End Of Table",
    };
    char *values[] = { (char[]){ "role:db" } };
    char path[] = "smbios-XXXXXX", command[200];
    static char said[64 * 1024];
    uint8_t entry[SMBIOS_ENTRY_SIZE] = { 0 }, zeros[TABLE_AT - SMBIOS_ENTRY_SIZE] = { 0 };
    int fd = mkstemp(path), status;
    FILE *pipe;

    (void)state;
    given.system.manufacturer = (char[]){ "Someone" };
    given.values = values;
    given.value_count = 1;
    build();
    smbios_entry_point(entry, TABLE_AT, (uint32_t)length);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, entry, sizeof entry), sizeof entry);
    assert_int_equal(write(fd, zeros, sizeof zeros), sizeof zeros);
    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
    snprintf(command, sizeof command, "PATH=$PATH:/usr/sbin:/sbin dmidecode --from-dump %s 2>&1", path);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
    status = pclose(pipe);
    assert_int_equal(unlink(path), 0);
    if (WEXITSTATUS(status) == 127) /* it is not installed */
        SKIP_TEST("dmidecode is not installed");
    for (unsigned i = 0; i < COUNT_OF(lines); i++)
        if (!strstr(said, lines[i]))
            fail_msg("dmidecode does not say '%s' but:\n%s", lines[i], said);
    for (unsigned i = 0; i < 4; i++) {
        static const char *const complaints[] = { "<BAD INDEX>", "<OUT OF SPEC>", "Wrong DMI", "TRUNCATED" };

        if (strstr(said, complaints[i]))
            fail_msg("dmidecode says '%s':\n%s", complaints[i], said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_structure_is_there_and_sound, start),
        cmocka_unit_test_setup(memory_is_told_piece_by_piece, start),
        cmocka_unit_test_setup(processors_are_told_by_socket, start),
        cmocka_unit_test_setup(what_is_given_is_told, start),
        cmocka_unit_test_setup(what_cannot_be_told_is_found, start),
        cmocka_unit_test_setup(a_buffer_that_is_too_small, start),
        cmocka_unit_test_setup(the_entry_point_leads_there, start),
        cmocka_unit_test_setup(dmidecode_reads_them, start),
    };

    return cmocka_run_group_tests_name("smbios", tests, NULL, NULL);
}
