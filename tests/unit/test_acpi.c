/* SPDX-License-Identifier: BSD-2-Clause */
#include "acpi_expect.h"
#include "chips.h"
#include "unit.h"

#include <hotram/acpi.h>
#include <hotram/acpi_pci.h>
#include <hotram/dimm.h>
#include <hotram/gpe.h>

#include "layout/x86.h"
#include "machine/x86_acpi.h"

#define AREA ((size_t)(X86_BIOS_AREA_END - X86_BIOS_AREA))

static uint64_t get(const uint8_t *bytes, size_t offset, unsigned length)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < length; i++)
        value |= (uint64_t)bytes[offset + i] << (8 * i);
    return value;
}

static uint8_t sum(const uint8_t *bytes, size_t length)
{
    uint8_t total = 0;

    for (size_t i = 0; i < length; i++)
        total = (uint8_t)(total + bytes[i]);
    return total;
}

static void expect_header(const uint8_t *table, const char *signature, size_t length, uint8_t revision)
{
    assert_memory_equal(table, signature, 4);
    assert_int_equal(get(table, 4, 4), length);
    assert_int_equal(table[8], revision);
    assert_int_equal(sum(table, length), 0);
    assert_memory_equal(table + 10, "OEMID6TABLEID8\4\3\2\1CRTR\x8\7\6\5", 26);
}

/* ---- Every table at every capacity ---- */

static const struct hotram_acpi_cpu cpus[] = {
    { .uid = 0, .apic_id = 0, .node = 0, .flags = HOTRAM_CPU_ENABLED },
    { .uid = 1, .apic_id = 254, .node = 0x01020304, .flags = HOTRAM_CPU_ONLINE_CAPABLE },
    { .uid = 2, .apic_id = 255, .node = 0x01020304, .flags = HOTRAM_CPU_ENABLED },
    { .uid = 255, .apic_id = 3, .node = 0, .flags = 0 },
};

static const struct hotram_acpi_override overrides[] = {
    { .source = 9, .gsi = 9, .flags = HOTRAM_MPS_ACTIVE_HIGH | HOTRAM_MPS_LEVEL },
};

static const struct hotram_acpi_madt madt_config = {
    .lapic = 0xfee00000,
    .ioapic = 0xfec00000,
    .ioapic_id = 7,
    .cpus = cpus,
    .cpu_count = COUNT_OF(cpus),
    .overrides = overrides,
    .override_count = COUNT_OF(overrides),
};

static const struct hotram_acpi_memory memory[] = {
    { .base = 0, .size = 0xa0000, .node = 0, .flags = HOTRAM_SRAT_ENABLED },
    { .base = UINT64_C(0x100000000),
      .size = UINT64_C(0x1122334455),
      .node = 3,
      .flags = HOTRAM_SRAT_ENABLED | HOTRAM_SRAT_HOTPLUGGABLE },
};

static const struct hotram_acpi_fadt fadt_config = {
    .dsdt = 0xe0080,
    .facs = 0xe0040,
    .flags = 0x565,
    .boot_arch = 0x5,
    .arm_boot_arch = 0x3,
    .sci = 9,
    .pm1_event = 0x600,
    .pm1_control = 0x604,
    .pm_timer = 0x608,
    .gpe0 = 0x620,
    .gpe0_length = 4,
    .reset = 0xcf9,
    .reset_value = 6,
    .profile = 4,
    .century = 0x32,
};

static const uint64_t pointers[] = { 0xe1000, UINT64_C(0x123456789a), 0xe3000 };
static const uint8_t distances[] = { 10, 20, 20, 10 };

static enum hotram_status write_rsdp(struct hotram_buffer *out)
{
    return hotram_acpi_rsdp(out, &acpi_test_ids, UINT64_C(0x1122334455667788));
}

static enum hotram_status write_xsdt(struct hotram_buffer *out)
{
    return hotram_acpi_xsdt(out, &acpi_test_ids, pointers, COUNT_OF(pointers));
}

static enum hotram_status write_facs(struct hotram_buffer *out)
{
    return hotram_acpi_facs(out);
}

static enum hotram_status write_fadt(struct hotram_buffer *out)
{
    return hotram_acpi_fadt(out, &acpi_test_ids, &fadt_config);
}

static enum hotram_status write_madt(struct hotram_buffer *out)
{
    return hotram_acpi_madt(out, &acpi_test_ids, &madt_config);
}

static enum hotram_status write_srat(struct hotram_buffer *out)
{
    return hotram_acpi_srat(out, &acpi_test_ids, cpus, COUNT_OF(cpus), memory, COUNT_OF(memory));
}

static enum hotram_status write_slit(struct hotram_buffer *out)
{
    return hotram_acpi_slit(out, &acpi_test_ids, distances, 2);
}

static const struct hotram_acpi_ecam ecam[] = { { 0xb0000000, 0, 0, 255 },
                                                { UINT64_C(0x1122300000), 0x4455, 3, 4 } };

static enum hotram_status write_mcfg(struct hotram_buffer *out)
{
    return hotram_acpi_mcfg(out, &acpi_test_ids, ecam, 2);
}

static enum hotram_status write_dsdt(struct hotram_buffer *out)
{
    const struct hotram_acpi_memory_devices config = { HOTRAM_AML_SYSTEM_IO, 0xa00, 3 };
    struct hotram_acpi_table table;
    struct hotram_aml aml;

    hotram_acpi_table_begin(&table, out, "DSDT", 2, &acpi_test_ids);
    hotram_aml_begin(&aml, out);
    assert_int_equal(hotram_acpi_memory_devices(&aml, &config), HOTRAM_OK);
    assert_int_equal(hotram_acpi_memory_gpe(&aml, HOTRAM_GPE_MEMORY), HOTRAM_OK);
    hotram_aml_finish(&aml, NULL);
    return hotram_acpi_table_end(&table);
}

static const acpi_writer writers[] = {
    write_rsdp, write_xsdt, write_facs, write_fadt, write_madt,
    write_srat, write_slit, write_dsdt, write_mcfg,
};

static void at_every_capacity_nothing_is_written_beyond_it(void **state)
{
    (void)state;
    acpi_expect_capacities(writers, COUNT_OF(writers));
}

/* Write one table behind some bytes that were there before. */
static const uint8_t *write(acpi_writer writer, size_t length)
{
    static uint8_t data[4096];
    struct hotram_buffer out;

    memset(data, 0xdd, sizeof data);
    hotram_buffer_init(&out, data, sizeof data);
    hotram_buffer_zeros(&out, 5);
    assert_int_equal(writer(&out), HOTRAM_OK);
    assert_int_equal(out.length, 5 + length);
    return data + 5;
}

/* ---- Each table ---- */

static void rsdp_has_two_checksums(void **state)
{
    const uint8_t *rsdp = write(write_rsdp, HOTRAM_ACPI_RSDP_LENGTH);

    (void)state;
    assert_memory_equal(rsdp, "RSD PTR ", 8);
    assert_int_equal(sum(rsdp, 20), 0);
    assert_int_equal(sum(rsdp, 36), 0);
    assert_memory_equal(rsdp + 9, "OEMID6\2\0\0\0\0\x24\0\0\0", 15);
    assert_int_equal(get(rsdp, 24, 8), UINT64_C(0x1122334455667788));
    assert_int_equal(get(rsdp, 33, 3), 0);
}

static void xsdt_lists_the_tables(void **state)
{
    const uint8_t *xsdt = write(write_xsdt, 36 + 3 * 8);

    (void)state;
    expect_header(xsdt, "XSDT", 60, 1);
    for (unsigned i = 0; i < COUNT_OF(pointers); i++)
        assert_int_equal(get(xsdt, 36 + 8 * i, 8), pointers[i]);
}

static void facs_is_version_2_without_checksum(void **state)
{
    const uint8_t *facs = write(write_facs, 64);

    (void)state;
    assert_memory_equal(facs, "FACS\x40\0\0\0", 8);
    for (unsigned i = 8; i < 64; i++)
        assert_int_equal(facs[i], i == 32 ? 2 : 0);
}

static void expect_register(const uint8_t *fadt, unsigned offset, unsigned bits, unsigned access,
                            uint64_t port)
{
    assert_int_equal(fadt[offset], bits ? 1 : 0);
    assert_int_equal(fadt[offset + 1], bits);
    assert_int_equal(fadt[offset + 2], 0);
    assert_int_equal(fadt[offset + 3], access);
    assert_int_equal(get(fadt, offset + 4, 8), port);
}

static void fadt_that_starts_no_acpi_is_refused(void **state)
{
    struct hotram_acpi_fadt config = fadt_config;
    uint8_t room[512];
    struct hotram_buffer out;

    (void)state;
    hotram_buffer_init(&out, room, sizeof room);
    for (unsigned there = 0; there < 3; there++) {
        config.pm1_event = there & 1 ? 0x600 : 0;
        config.pm1_control = there & 2 ? 0x604 : 0;
        config.flags = 0;
        assert_int_equal(hotram_acpi_fadt(&out, &acpi_test_ids, &config), HOTRAM_E_ARGUMENT);
        assert_int_equal(out.length, 0);
        config.flags = HOTRAM_FADT_HW_REDUCED;
        assert_int_equal(hotram_acpi_fadt(&out, &acpi_test_ids, &config), HOTRAM_OK);
        hotram_buffer_init(&out, room, sizeof room);
    }
}

static void fadt_describes_the_fixed_hardware_twice_alike(void **state)
{
    const uint8_t *fadt = write(write_fadt, 276);

    (void)state;
    expect_header(fadt, "FACP", 276, 6);
    assert_int_equal(fadt[131], 5);
    assert_int_equal(get(fadt, 36, 4), 0xe0040);
    assert_int_equal(get(fadt, 40, 4), 0xe0080);
    assert_int_equal(fadt[45], 4);
    assert_int_equal(get(fadt, 46, 2), 9);
    assert_int_equal(get(fadt, 48, 4), 0); /* no SMI command port */
    assert_int_equal(get(fadt, 56, 4), 0x600);
    assert_int_equal(get(fadt, 64, 4), 0x604);
    assert_int_equal(get(fadt, 76, 4), 0x608);
    assert_int_equal(get(fadt, 80, 4), 0x620);
    assert_memory_equal(fadt + 88, "\4\2\0\4\4\0\0\0", 8);
    assert_int_equal(fadt[108], 0x32);
    assert_int_equal(get(fadt, 109, 2), 0x5);
    assert_int_equal(get(fadt, 112, 4), 0x565);
    assert_int_equal(fadt[128], 6);
    assert_int_equal(get(fadt, 129, 2), 3);
    assert_int_equal(get(fadt, 132, 8), 0); /* the 32-bit field has it */
    assert_int_equal(get(fadt, 140, 8), 0xe0080);
    expect_register(fadt, 116, 8, 1, 0xcf9);
    expect_register(fadt, 148, 32, 2, 0x600);
    expect_register(fadt, 160, 0, 0, 0);
    expect_register(fadt, 172, 16, 2, 0x604);
    expect_register(fadt, 184, 0, 0, 0);
    expect_register(fadt, 196, 0, 0, 0);
    expect_register(fadt, 208, 32, 3, 0x608);
    expect_register(fadt, 220, 32, 1, 0x620);
    expect_register(fadt, 232, 0, 0, 0);
    expect_register(fadt, 244, 0, 0, 0);
    expect_register(fadt, 256, 0, 0, 0);
}

static void fadt_uses_64_bit_fields_above_4_gib(void **state)
{
    const struct hotram_acpi_fadt config = {
        .dsdt = UINT64_C(0x100000080),
        .facs = UINT64_C(0x100000040),
        .flags = HOTRAM_FADT_HW_REDUCED,
    };
    uint8_t fadt[276];
    struct hotram_buffer out;

    (void)state;
    hotram_buffer_init(&out, fadt, sizeof fadt);
    assert_int_equal(hotram_acpi_fadt(&out, &acpi_test_ids, &config), HOTRAM_OK);
    assert_int_equal(get(fadt, 36, 8), 0);
    assert_int_equal(get(fadt, 132, 8), UINT64_C(0x100000040));
    assert_int_equal(get(fadt, 140, 8), UINT64_C(0x100000080));
    for (unsigned i = 48; i < 96; i++) /* no fixed hardware */
        assert_int_equal(fadt[i], 0);
    for (unsigned i = 148; i < 276; i++)
        assert_int_equal(fadt[i], 0);
}

static void madt_lists_processors_and_interrupts(void **state)
{
    static const uint8_t entries[] = {
        0,   8, 0,    0, 1, 0,  0,    0, 0, 8, 1,    254,  2, 0, 0,    0,    9,    16,   0, 0, 255, 0,
        0,   0, 1,    0, 0, 0,  2,    0, 0, 0, 9,    16,   0, 0, 3,    0,    0,    0,    0, 0, 0,   0,
        255, 0, 0,    0, 1, 12, 7,    0, 0, 0, 0xc0, 0xfe, 0, 0, 0,    0,    2,    10,   0, 9, 9,   0,
        0,   0, 0x0d, 0, 4, 6,  0xff, 0, 0, 1, 10,   12,   0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0,   0,
    };
    const uint8_t *madt = write(write_madt, 44 + sizeof entries);

    (void)state;
    expect_header(madt, "APIC", 44 + sizeof entries, 6);
    assert_int_equal(get(madt, 36, 4), 0xfee00000);
    assert_int_equal(get(madt, 40, 4), 1);
    assert_memory_equal(madt + 44, entries, sizeof entries);
}

static void srat_lists_processors_and_memory(void **state)
{
    static const uint8_t entries[] = {
        0,    16,   0,    0, 1, 0,  0, 0,  0, 0,  0, 0, 0,  0, 0,   0, 0, 16, 4, 254, 1, 0,  0, 0, 0,    3,
        2,    1,    0,    0, 0, 0,  2, 24, 0, 0,  4, 3, 2,  1, 255, 0, 0, 0,  1, 0,   0, 0,  0, 0, 0,    0,
        0,    0,    0,    0, 0, 16, 0, 3,  0, 0,  0, 0, 0,  0, 0,   0, 0, 0,  0, 0,   1, 40, 0, 0, 0,    0,
        0,    0,    0,    0, 0, 0,  0, 0,  0, 0,  0, 0, 10, 0, 0,   0, 0, 0,  0, 0,   0, 0,  1, 0, 0,    0,
        0,    0,    0,    0, 0, 0,  0, 0,  1, 40, 3, 0, 0,  0, 0,   0, 0, 0,  0, 0,   1, 0,  0, 0, 0x55, 0x44,
        0x33, 0x22, 0x11, 0, 0, 0,  0, 0,  0, 0,  3, 0, 0,  0, 0,   0, 0, 0,  0, 0,   0, 0,
    };
    const uint8_t *srat = write(write_srat, 48 + sizeof entries);

    (void)state;
    expect_header(srat, "SRAT", 48 + sizeof entries, 3);
    assert_int_equal(get(srat, 36, 4), 1);
    assert_int_equal(get(srat, 40, 8), 0);
    assert_memory_equal(srat + 48, entries, sizeof entries);
}

static void slit_is_a_square(void **state)
{
    const uint8_t *slit = write(write_slit, 48);

    (void)state;
    expect_header(slit, "SLIT", 48, 1);
    assert_int_equal(get(slit, 36, 8), 2);
    assert_memory_equal(slit + 44, distances, 4);
}

/* PCI Firmware Specification 3.3, tables 4-2 and 4-3. */
static void mcfg_says_where_each_configuration_space_is(void **state)
{
    static const uint8_t places[] = { 0, 0, 0,    0xb0, 0,    0, 0, 0, 0,    0,    0, 255, 0, 0, 0, 0,
                                      0, 0, 0x30, 0x22, 0x11, 0, 0, 0, 0x55, 0x44, 3, 4,   0, 0, 0, 0 };
    const uint8_t *mcfg = write(write_mcfg, 36 + 8 + sizeof places);

    (void)state;
    expect_header(mcfg, "MCFG", 36 + 8 + sizeof places, 1);
    assert_int_equal(get(mcfg, 36, 8), 0);
    assert_memory_equal(mcfg + 44, places, sizeof places);
}

static void mcfg_refuses_what_is_no_place(void **state)
{
    static const struct hotram_acpi_ecam backwards = { 0xb0000000, 0, 4, 3 };
    static const struct hotram_acpi_ecam odd[] = { { 0xb0000000, 0, 0, 0 }, { 0xb0080000, 0, 0, 255 } };
    struct hotram_buffer out;
    uint8_t data[128];

    (void)state;
    hotram_buffer_init(&out, data, sizeof data);
    acpi_expect_argument(hotram_acpi_mcfg(NULL, &acpi_test_ids, ecam, 2), &out);
    acpi_expect_argument(hotram_acpi_mcfg(&out, NULL, ecam, 2), &out);
    acpi_expect_argument(hotram_acpi_mcfg(&out, &acpi_test_ids, NULL, 1), &out);
    acpi_expect_argument(hotram_acpi_mcfg(&out, &acpi_test_ids, &backwards, 1), &out);
    acpi_expect_argument(hotram_acpi_mcfg(&out, &acpi_test_ids, odd, 2), &out);
    assert_int_equal(hotram_acpi_mcfg(&out, &acpi_test_ids, odd, 1), HOTRAM_OK);
    assert_int_equal(hotram_acpi_mcfg(&out, &acpi_test_ids, NULL, 0), HOTRAM_OK);
}

static void tables_refuse_missing_arguments_and_stay_unwritten(void **state)
{
    struct hotram_acpi_madt madt = madt_config;
    struct hotram_acpi_fadt fadt = fadt_config;
    struct hotram_acpi_table table = { .out = NULL };
    struct hotram_buffer out;
    uint8_t data[64];

    (void)state;
    hotram_buffer_init(&out, data, sizeof data);
    acpi_expect_argument(hotram_acpi_table_begin(NULL, &out, "TEST", 1, &acpi_test_ids), &out);
    acpi_expect_argument(hotram_acpi_table_begin(&table, NULL, "TEST", 1, &acpi_test_ids), &out);
    acpi_expect_argument(hotram_acpi_table_begin(&table, &out, NULL, 1, &acpi_test_ids), &out);
    acpi_expect_argument(hotram_acpi_table_begin(&table, &out, "TEST", 1, NULL), &out);
    acpi_expect_argument(hotram_acpi_table_end(NULL), &out);
    acpi_expect_argument(hotram_acpi_table_end(&table), &out);
    acpi_expect_argument(hotram_acpi_rsdp(NULL, &acpi_test_ids, 0), &out);
    acpi_expect_argument(hotram_acpi_rsdp(&out, NULL, 0), &out);
    acpi_expect_argument(hotram_acpi_xsdt(NULL, &acpi_test_ids, pointers, 1), &out);
    acpi_expect_argument(hotram_acpi_xsdt(&out, NULL, pointers, 1), &out);
    acpi_expect_argument(hotram_acpi_xsdt(&out, &acpi_test_ids, NULL, 1), &out);
    acpi_expect_argument(hotram_acpi_facs(NULL), &out);
    acpi_expect_argument(hotram_acpi_fadt(NULL, &acpi_test_ids, &fadt), &out);
    acpi_expect_argument(hotram_acpi_fadt(&out, NULL, &fadt), &out);
    acpi_expect_argument(hotram_acpi_fadt(&out, &acpi_test_ids, NULL), &out);
    fadt.gpe0_length = 3;
    acpi_expect_argument(hotram_acpi_fadt(&out, &acpi_test_ids, &fadt), &out);
    acpi_expect_argument(hotram_acpi_madt(NULL, &acpi_test_ids, &madt), &out);
    acpi_expect_argument(hotram_acpi_madt(&out, NULL, &madt), &out);
    acpi_expect_argument(hotram_acpi_madt(&out, &acpi_test_ids, NULL), &out);
    madt.cpus = NULL;
    acpi_expect_argument(hotram_acpi_madt(&out, &acpi_test_ids, &madt), &out);
    madt = madt_config;
    madt.overrides = NULL;
    acpi_expect_argument(hotram_acpi_madt(&out, &acpi_test_ids, &madt), &out);
    acpi_expect_argument(hotram_acpi_srat(NULL, &acpi_test_ids, NULL, 0, NULL, 0), &out);
    acpi_expect_argument(hotram_acpi_srat(&out, NULL, NULL, 0, NULL, 0), &out);
    acpi_expect_argument(hotram_acpi_srat(&out, &acpi_test_ids, NULL, 1, NULL, 0), &out);
    acpi_expect_argument(hotram_acpi_srat(&out, &acpi_test_ids, NULL, 0, NULL, 1), &out);
    acpi_expect_argument(hotram_acpi_slit(NULL, &acpi_test_ids, distances, 2), &out);
    acpi_expect_argument(hotram_acpi_slit(&out, NULL, distances, 2), &out);
    acpi_expect_argument(hotram_acpi_slit(&out, &acpi_test_ids, NULL, 2), &out);
    acpi_expect_argument(hotram_acpi_slit(&out, &acpi_test_ids, distances, 0), &out);
    acpi_expect_argument(hotram_acpi_slit(&out, &acpi_test_ids, distances, 257), &out);
}

static void empty_lists_may_be_null(void **state)
{
    const struct hotram_acpi_madt madt = { .lapic = 0xfee00000 };
    struct hotram_buffer out;
    uint8_t data[512];

    (void)state;
    hotram_buffer_init(&out, data, sizeof data);
    assert_int_equal(hotram_acpi_xsdt(&out, &acpi_test_ids, NULL, 0), HOTRAM_OK);
    assert_int_equal(hotram_acpi_madt(&out, &acpi_test_ids, &madt), HOTRAM_OK);
    assert_int_equal(hotram_acpi_srat(&out, &acpi_test_ids, NULL, 0, NULL, 0), HOTRAM_OK);
}

static void a_table_ends_once(void **state)
{
    struct hotram_acpi_table table;
    struct hotram_buffer out;
    uint8_t data[64];

    (void)state;
    hotram_buffer_init(&out, data, sizeof data);
    assert_int_equal(hotram_acpi_table_begin(&table, &out, "TEST", 9, &acpi_test_ids), HOTRAM_OK);
    assert_int_equal(hotram_acpi_table_end(&table), HOTRAM_OK);
    expect_header(data, "TEST", HOTRAM_ACPI_HEADER_LENGTH, 9);
    assert_int_equal(hotram_acpi_table_end(&table), HOTRAM_E_ARGUMENT);
}

/* ---- The devices' AML ---- */

static void expect_devices_refused(enum hotram_aml_space space, uint32_t base, uint32_t slots)
{
    const struct hotram_acpi_memory_devices config = { space, base, slots };
    struct hotram_buffer out;
    struct hotram_aml aml;

    hotram_buffer_init(&out, NULL, 0);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_memory_devices(&aml, &config), HOTRAM_E_ARGUMENT);
    assert_int_equal(out.length, 0);
}

static void memory_devices_check_their_configuration(void **state)
{
    const struct hotram_acpi_memory_devices config = { HOTRAM_AML_SYSTEM_IO, 0xa00, 1 };
    struct hotram_buffer out;
    struct hotram_aml aml;

    (void)state;
    hotram_buffer_init(&out, NULL, 0);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_memory_devices(NULL, &config), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_acpi_memory_devices(&aml, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_acpi_memory_gpe(NULL, 3), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_acpi_memory_gpe(&aml, 256), HOTRAM_E_ARGUMENT);
    assert_int_equal(out.length, 0);
    expect_devices_refused(HOTRAM_AML_SYSTEM_IO, 0xa00, 0);
    expect_devices_refused(HOTRAM_AML_SYSTEM_IO, 0xa00, HOTRAM_SLOTS_MAX + 1);
    expect_devices_refused(HOTRAM_AML_SYSTEM_IO, 0xffe9, 1);
    expect_devices_refused(HOTRAM_AML_SYSTEM_IO, UINT32_MAX, 1);
    expect_devices_refused(HOTRAM_AML_SYSTEM_MEMORY, UINT32_MAX - 22, 1);
    expect_devices_refused((enum hotram_aml_space)2, 0xa00, 1);
}

static void memory_devices_are_written_for_every_number_of_slots(void **state)
{
    static uint8_t data[0x10000];
    size_t last = 0;

    (void)state;
    for (uint32_t slots = 1; slots <= HOTRAM_SLOTS_MAX; slots++) {
        const struct hotram_acpi_memory_devices config = { HOTRAM_AML_SYSTEM_MEMORY, 0x09070000, slots };
        struct hotram_buffer out;
        struct hotram_aml aml;
        size_t length;

        hotram_buffer_init(&out, data, sizeof data);
        hotram_aml_begin(&aml, &out);
        assert_int_equal(hotram_acpi_memory_devices(&aml, &config), HOTRAM_OK);
        assert_int_equal(hotram_aml_finish(&aml, &length), HOTRAM_OK);
        assert_true(length > last && length < 32768);
        last = length;
    }
}

static void the_event_handler_calls_the_scan(void **state)
{
    static const uint8_t handler[] = {
        0x10, 0x1c, '\\', '_', 'G', 'P', 'E', 0x14, 0x15, '_', 'E', '0', '3', 0x00, '\\',
        0x2f, 3,    '_',  'S', 'B', '_', 'M', 'H',  'P',  'D', 'M', 'S', 'C', 'N',
    };
    uint8_t data[64];
    struct hotram_buffer out;
    struct hotram_aml aml;

    (void)state;
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_memory_gpe(&aml, HOTRAM_GPE_MEMORY), HOTRAM_OK);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK);
    assert_int_equal(out.length, sizeof handler);
    assert_memory_equal(data, handler, sizeof handler);
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_memory_gpe(&aml, 0xaf), HOTRAM_OK);
    assert_memory_equal(data + 9, "_EAF", 4);
}

static void the_event_device_reads_its_selector_and_calls_the_scan(void **state)
{
    static const struct hotram_acpi_ged config = { .base = 0x09080000, .gsi = 41, .power_button = "PWRB" };
    /* Store (ESEL, Local0) If (Local0 & 1) { MSCN () } If (Local0 & 2) { Notify (PWRB, 0x80) } */
    static const uint8_t body[] = {
        '_',  'E',  'V',  'T',  0x09, 0x70, 'E',  'S',  'E', 'L', 0x60, 0xa0, 0x14, 0x7b, 0x60, 0x01,
        0x00, '\\', 0x2f, 3,    '_',  'S',  'B',  '_',  'M', 'H', 'P',  'D',  'M',  'S',  'C',  'N',
        0xa0, 0x0d, 0x7b, 0x60, 0x0a, 0x02, 0x00, 0x86, 'P', 'W', 'R',  'B',  0x0a, 0x80,
    };
    /* If (Local0 & 8) { CSCN () } */
    static const uint8_t cpus_body[] = {
        0xa0, 0x15, 0x7b, 0x60, 0x0a, 0x08, 0x00, '\\', 0x2f, 3,   '_',
        'S',  'B',  '_',  'C',  'H',  'P',  'D',  'C',  'S',  'C', 'N',
    };
    struct hotram_acpi_ged other = config;
    uint8_t data[256];
    struct hotram_buffer out;
    struct hotram_aml aml;

    (void)state;
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_ged(NULL, &config), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_acpi_ged(&aml, NULL), HOTRAM_E_ARGUMENT);
    other.base = 0xfffffffd;
    assert_int_equal(hotram_acpi_ged(&aml, &other), HOTRAM_E_ARGUMENT);
    other.base = 0xfffffffc; /* the last place for it */
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_ged(&aml, &other), HOTRAM_OK);
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(out.length, 0);
    assert_int_equal(hotram_acpi_ged(&aml, &config), HOTRAM_OK);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK);
    assert_memory_equal(data + out.length - sizeof body, body, sizeof body);

    other = (struct hotram_acpi_ged){ .base = 0x09080000, .gsi = 41 };
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_ged(&aml, &other), HOTRAM_OK);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK);
    assert_memory_equal(data + out.length - 4, "MSCN", 4);

    /* Without memory devices only the button is left, and there has to be one. */
    other.without_memory = true;
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_ged(&aml, &other), HOTRAM_E_ARGUMENT);
    assert_int_equal(out.length, 0);
    other.power_button = "PWRB";
    assert_int_equal(hotram_acpi_ged(&aml, &other), HOTRAM_OK);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK);
    assert_memory_equal(data + out.length - 25, body, 11); /* Store (ESEL, Local0), and then ... */
    assert_memory_equal(data + out.length - 14, body + sizeof body - 14, 14);

    /* CPUs alone, and between the other two. */
    other = (struct hotram_acpi_ged){ .base = 0x09080000, .gsi = 41, .without_memory = true, .cpus = true };
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_ged(&aml, &other), HOTRAM_OK);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK);
    assert_memory_equal(data + out.length - sizeof cpus_body, cpus_body, sizeof cpus_body);
    assert_memory_equal(data + out.length - sizeof cpus_body - 11, body, 11);
    other = config;
    other.cpus = true;
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_ged(&aml, &other), HOTRAM_OK);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK);
    assert_memory_equal(data + out.length - 14 - sizeof cpus_body, cpus_body, sizeof cpus_body);
    assert_memory_equal(data + out.length - 14 - sizeof cpus_body - 32, body, 32);

    other = (struct hotram_acpi_ged){ .base = 0x09080000, .gsi = 41, .power_button = "power" };
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_ged(&aml, &other), HOTRAM_OK);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_E_ARGUMENT);
}

/* ---- Machine hotram-1 ---- */

#define RAM (X86_LOW_RAM_END + 1 * GIB)

static const struct numa_config one_node = { .nodes = 1, .ram = { RAM } };
static const struct hotram_acpi_memory region[] = {
    { .base = 5 * GIB, .size = 6 * GIB, .node = 2, .flags = HOTRAM_SRAT_ENABLED | HOTRAM_SRAT_HOTPLUGGABLE },
};

/* Its board is set at the start. */
static struct x86_acpi_config machine = {
    .topology = { 1, 1 },
    .cpus = 4,
    .slots = 3,
    .low_ram_end = X86_LOW_RAM_END,
    .high_ram_size = 1 * GIB,
    .numa = &one_node,
    .hotplug = region,
    .hotplug_count = 1,
};

static uint8_t area[AREA];

static void build(const struct x86_acpi_config *config)
{
    struct error error;
    uint64_t rsdp = 0;

    memset(area, 0xdd, sizeof area);
    if (!x86_acpi_build(config, area, sizeof area, X86_BIOS_AREA, &rsdp, &error))
        fail_msg("%s", error.text);
    assert_int_equal(rsdp, X86_BIOS_AREA);
}

static const uint8_t *at(uint64_t address)
{
    assert_between(address, X86_BIOS_AREA, X86_BIOS_AREA_END - 1);
    return area + (address - X86_BIOS_AREA);
}

/* A table of the XSDT, or NULL. */
static const uint8_t *find(const char *signature)
{
    const uint8_t *xsdt = at(get(area, 24, 8));
    size_t length = get(xsdt, 4, 4);

    for (size_t i = 36; i < length; i += 8) {
        const uint8_t *table = at(get(xsdt, i, 8));

        if (memcmp(table, signature, 4) == 0)
            return table;
    }
    return NULL;
}

static bool contains_bytes(const uint8_t *table, const void *bytes, size_t count)
{
    size_t length = get(table, 4, 4);

    for (size_t i = 36; i + count <= length; i++) {
        if (memcmp(table + i, bytes, count) == 0)
            return true;
    }
    return false;
}

static bool contains(const uint8_t *table, const char *text)
{
    return contains_bytes(table, text, strlen(text));
}

static void every_table_of_the_machine_has_a_valid_checksum(void **state)
{
    static const uint32_t slots[] = { 0, 1, 3, 16, 17, 255, 256 };
    static const uint32_t cpu_counts[] = { 1, 4, 254, CPUS_MAX };
    static const struct numa_config no_nodes;

    (void)state;
    for (unsigned s = 0; s < COUNT_OF(slots); s++) {
        for (unsigned c = 0; c < COUNT_OF(cpu_counts); c++) {
            struct x86_acpi_config config = machine;
            const uint8_t *xsdt;
            const uint8_t *fadt;
            const uint8_t *dsdt;

            config.slots = slots[s];
            config.cpus = cpu_counts[c];
            if (slots[s] == 0)
                config.numa = &no_nodes;
            build(&config);
            assert_memory_equal(area, "RSD PTR ", 8);
            assert_int_equal(sum(area, 20), 0);
            assert_int_equal(sum(area, 36), 0);
            xsdt = at(get(area, 24, 8));
            assert_int_equal(sum(xsdt, get(xsdt, 4, 4)), 0);
            assert_int_equal(get(xsdt, 4, 4), 36 + 8 * (slots[s] ? 4 : 3));
            for (size_t i = 36; i < get(xsdt, 4, 4); i += 8) {
                const uint8_t *table = at(get(xsdt, i, 8));

                assert_int_equal(get(xsdt, i, 8) % 16, 0);
                assert_int_equal(sum(table, get(table, 4, 4)), 0);
                assert_memory_equal(table + 10, "HOTRAMHOTRAM-1", 14);
            }
            fadt = find("FACP");
            dsdt = at(get(fadt, 140, 8));
            assert_int_equal(sum(dsdt, get(dsdt, 4, 4)), 0);
            assert_true(get(dsdt, 4, 4) < 32768);
            assert_int_equal(get(fadt, 36, 4) % 64, 0);
            assert_memory_equal(at(get(fadt, 36, 4)), "FACS", 4);
            assert_true(dsdt[8] >= 2);
        }
    }
}

/* In the DSDT, a resource descriptor of each kind. */
static void the_host_bridge_passes_on_what_the_layout_says(void **state)
{
    static const struct {
        unsigned length;
        uint8_t bytes[46];
    } cases[] = {
        { 16, { 0x88, 13, 0, 2, 0x0c, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 1 } }, /* buses */
        { 8, { 0x47, 1, 0xf8, 0x0c, 0xf8, 0x0c, 1, 8 } },                    /* its own ports */
        { 16, { 0x88, 13, 0, 1, 0x0c, 3, 0, 0, 0, 0, 0xf7, 0x0c, 0, 0, 0xf8, 0x0c } },
        { 16, { 0x88, 13, 0, 1, 0x0c, 3, 0, 0, 0, 0x0d, 0xff, 0xff, 0, 0, 0, 0xf3 } },
        { 26, { 0x87, 23,   0,    0,    0x0c, 1, 0, 0, 0, 0, 0, 0,    0,
                0xc0, 0xff, 0xff, 0xbf, 0xfe, 0, 0, 0, 0, 0, 0, 0xc0, 0x3e } },
        { 46,
          { 0x8a, 43,   0,    0,    0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 2,    0,    0, 0, 0xff,
            0xff, 0xff, 0xff, 0xff, 0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0x40, 0xfd, 0, 0, 0 } },
        { 12, { 0x86, 9, 0, 1, 0, 0, 0, 0xb0, 0, 0, 0, 0x10 } }, /* configuration space */
    };
    const uint8_t *dsdt, *mcfg;

    (void)state;
    build(&machine);
    dsdt = at(get(find("FACP"), 140, 8));
    for (unsigned i = 0; i < COUNT_OF(cases); i++)
        if (!contains_bytes(dsdt, cases[i].bytes, cases[i].length))
            fail_msg("descriptor %u is not in the DSDT", i);
    mcfg = find("MCFG");
    assert_int_equal(get(mcfg, 44, 8), X86_PCI_ECAM);
    assert_int_equal(get(mcfg, 52, 4), UINT32_C(255) << 24);
}

/* _PRT: slot, pin, no source, GSI; that of the next slot is one further. */
static void pins_turn_from_slot_to_slot(void **state)
{
    static const struct {
        unsigned slot, pin, gsi;
    } cases[] = { { 1, 0, 17 }, { 1, 3, 16 }, { 2, 1, 19 }, { 31, 0, 19 }, { 31, 3, 18 } };
    const uint8_t *dsdt;

    (void)state;
    build(&machine);
    dsdt = at(get(find("FACP"), 140, 8));
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        uint8_t row[] = { 0x12,
                          12,
                          4,
                          0x0c,
                          0xff,
                          0xff,
                          (uint8_t)cases[i].slot,
                          0,
                          0x0a,
                          (uint8_t)cases[i].pin,
                          0,
                          0x0a,
                          (uint8_t)cases[i].gsi };
        size_t length = sizeof row;

        if (cases[i].pin < 2) { /* Zero and One have operators of their own */
            memmove(row + 8, row + 9, 4);
            row[8] = (uint8_t)cases[i].pin;
            row[1]--;
            length--;
        }
        if (!contains_bytes(dsdt, row, length))
            fail_msg("slot %u pin %u", cases[i].slot, cases[i].pin);
    }
}

struct range {
    uint64_t base, size;
    uint32_t node, flags;
};

/* The memory of the SRAT, behind its CPUs. */
static void expect_ranges(const struct x86_acpi_config *config, const struct range *expected, unsigned count)
{
    const uint8_t *srat = find("SRAT");
    const uint8_t *entry = srat + 48 + 16 * config->cpus;

    assert_int_equal(get(srat, 4, 4), 48 + 16 * config->cpus + 40 * count);
    for (unsigned i = 0; i < count; i++, entry += 40) {
        assert_int_equal(get(entry, 0, 2), 0x2801);
        assert_int_equal(get(entry, 2, 4), expected[i].node);
        assert_int_equal(get(entry, 8, 8), expected[i].base);
        assert_int_equal(get(entry, 16, 8), expected[i].size);
        assert_int_equal(get(entry, 28, 4), expected[i].flags);
    }
}

static void srat_covers_boot_memory_and_the_hotplug_region(void **state)
{
    static const struct range expected[] = {
        { 0, 0xa0000, 0, 1 },
        { 0x100000, X86_LOW_RAM_END - 0x100000, 0, 1 },
        { 4 * GIB, 1 * GIB, 0, 1 },
        { 5 * GIB, 6 * GIB, 2, 3 },
    };

    (void)state;
    build(&machine);
    expect_ranges(&machine, expected, COUNT_OF(expected));
}

static void srat_leaves_out_what_is_not_there(void **state)
{
    struct x86_acpi_config config = machine;
    struct numa_config numa = { .nodes = 1, .ram = { X86_LOW_RAM_END } };
    const struct range low[] = { { 0, 0xa0000, 0, 1 },
                                 { 0x100000, X86_LOW_RAM_END - 0x100000, 0, 1 },
                                 { 5 * GIB, 6 * GIB, 2, 3 } };
    const struct range least[] = { { 0, 512 * KIB, 0, 1 }, { 5 * GIB, 6 * GIB, 2, 3 } };

    (void)state;
    config.numa = &numa;
    config.high_ram_size = 0;
    build(&config);
    expect_ranges(&config, low, COUNT_OF(low));
    numa.ram[0] = config.low_ram_end = 512 * KIB;
    build(&config);
    expect_ranges(&config, least, COUNT_OF(least));
}

/* Nodes that begin and end in the middle of things: below the legacy hole, in it, at 4 GiB, with no RAM. */
static void each_node_has_its_part_of_ram_and_its_cpus(void **state)
{
    static const struct numa_config numa = {
        .nodes = 5,
        .ram = { 256 * KIB, 512 * KIB, 0, X86_LOW_RAM_END, 1 * GIB - 768 * KIB },
        .cpu_node = { 0, 1, 4, 3 },
    };
    static const uint8_t by_node[] = { 0, 1, 3, 2 };
    static const struct range expected[] = {
        { 0, 256 * KIB, 0, 1 },
        { 256 * KIB, 384 * KIB, 1, 1 },
        { 1 * MIB, X86_LOW_RAM_END - 1 * MIB, 3, 1 },
        { 4 * GIB, 768 * KIB, 3, 1 },
        { 4 * GIB + 768 * KIB, 1 * GIB - 768 * KIB, 4, 1 },
        { 5 * GIB, 6 * GIB, 2, 3 },
    };
    struct x86_acpi_config config = machine;

    (void)state;
    config.numa = &numa;
    build(&config);
    expect_ranges(&config, expected, COUNT_OF(expected));
    for (unsigned cpu = 0; cpu < 4; cpu++) {
        const uint8_t *entry = find("SRAT") + 48 + 16 * cpu;

        assert_int_equal(get(entry, 0, 2), 0x1000);
        assert_int_equal(entry[2], numa.cpu_node[by_node[cpu]]);
        assert_int_equal(entry[3], by_node[cpu]);
        assert_int_equal(get(entry, 4, 4), 1);
    }
    assert_null(find("SLIT"));
}

static void distances_make_a_slit(void **state)
{
    static const struct numa_config numa = {
        .nodes = 2,
        .ram = { 2 * GIB, RAM - 2 * GIB },
        .distances_given = true,
        .distance = { { 10, 21 }, { 31, 10 } },
    };
    struct x86_acpi_config config = machine;
    const uint8_t *slit;

    (void)state;
    config.numa = &numa;
    build(&config);
    slit = find("SLIT");
    assert_non_null(slit);
    assert_int_equal(get(slit, 4, 4), 36 + 8 + 4);
    assert_int_equal(get(slit, 36, 8), 2);
    assert_memory_equal(slit + 44, "\x0a\x15\x1f\x0a", 4);
    assert_int_equal(sum(slit, 48), 0);
}

/* All limits at once: the tables still fit into the area. */
static void the_largest_machine_fits(void **state)
{
    static struct hotram_acpi_memory ranges[ACPI_HOTPLUG_MAX + 1];
    static struct numa_config numa = { .nodes = NUMA_NODES_MAX, .distances_given = true };
    struct x86_acpi_config config = machine;
    struct error error;
    uint64_t rsdp;

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(ranges); i++)
        ranges[i] = (struct hotram_acpi_memory){ (5 + i) * GIB, 1 * GIB, i % NUMA_NODES_MAX, 3 };
    for (unsigned node = 0; node < NUMA_NODES_MAX; node++)
        numa.ram[node] = RAM / NUMA_NODES_MAX;
    memset(numa.distance, 255, sizeof numa.distance);
    config.cpus = CPUS_MAX;
    config.slots = HOTRAM_SLOTS_MAX;
    config.numa = &numa;
    config.hotplug = ranges;
    config.hotplug_count = ACPI_HOTPLUG_MAX;
    build(&config);
    assert_int_equal(get(find("SLIT"), 4, 4), 44 + NUMA_NODES_MAX * NUMA_NODES_MAX);
    /* 128 nodes' RAM, and one more range where each of the two holes cuts one. */
    assert_int_equal(get(find("SRAT"), 4, 4),
                     48 + 16 * CPUS_MAX + 40 * (NUMA_NODES_MAX + 2 + ACPI_HOTPLUG_MAX));
    config.hotplug_count++;
    assert_false(x86_acpi_build(&config, area, sizeof area, X86_BIOS_AREA, &rsdp, &error));
    assert_non_null(strstr(error.text, "514"));
}

static void without_slots_there_is_neither_srat_nor_hotplug(void **state)
{
    static const struct numa_config no_nodes;
    struct x86_acpi_config config = machine;
    const uint8_t *dsdt;

    (void)state;
    config.slots = 0;
    config.hotplug_count = 0;
    build(&config);
    assert_int_equal(get(find("SRAT"), 4, 4), 48 + 4 * 16 + 3 * 40); /* -numa without DIMMs */
    config.numa = &no_nodes;
    build(&config);
    assert_null(find("SRAT"));
    dsdt = at(get(find("FACP"), 140, 8));
    assert_false(contains(dsdt, "MHPD"));
    assert_false(contains(dsdt, "_E03"));
    assert_true(contains(dsdt, "_S5_"));
    assert_true(contains(dsdt, "COM1"));
    config = machine;
    build(&config);
    dsdt = at(get(find("FACP"), 140, 8));
    assert_true(contains(dsdt, "MP02"));
    assert_false(contains(dsdt, "MP03"));
}

static void the_machine_s_fadt_matches_its_ports(void **state)
{
    const uint8_t *fadt;

    (void)state;
    build(&machine);
    fadt = find("FACP");
    assert_int_equal(get(fadt, 46, 2), X86_IRQ_SCI);
    assert_int_equal(get(fadt, 56, 4), X86_PORT_PM1_EVENT);
    assert_int_equal(get(fadt, 64, 4), X86_PORT_PM1_CONTROL);
    assert_int_equal(get(fadt, 76, 4), X86_PORT_PM_TIMER);
    assert_int_equal(get(fadt, 80, 4), X86_PORT_GPE0);
    assert_int_equal(fadt[92], HOTRAM_GPE_LENGTH);
    assert_int_equal(get(fadt, 109, 2), 0x0005);
    assert_int_equal(get(fadt, 112, 4), 0x00000565);
    assert_int_equal(get(fadt, 120, 8), X86_PORT_RESET);
    assert_int_equal(fadt[128], X86_RESET_VALUE);
}

static void the_machine_refuses_what_makes_no_sense(void **state)
{
    struct x86_acpi_config config = machine;
    struct error error;
    uint64_t rsdp;

    (void)state;
    config.cpus = 0;
    assert_false(x86_acpi_build(&config, area, sizeof area, X86_BIOS_AREA, &rsdp, &error));
    assert_non_null(strstr(error.text, "CPU"));
    config = machine;
    config.slots = HOTRAM_SLOTS_MAX + 1;
    assert_false(x86_acpi_build(&config, area, sizeof area, X86_BIOS_AREA, &rsdp, &error));
    assert_non_null(strstr(error.text, "257"));
    config.cpus = CPUS_MAX + 1;
    assert_false(x86_acpi_build(&config, area, sizeof area, X86_BIOS_AREA, &rsdp, &error));
    assert_non_null(strstr(error.text, "256"));
    config = machine;
    config.hotplug_count = 0;
    assert_false(x86_acpi_build(&config, area, sizeof area, X86_BIOS_AREA, &rsdp, &error));
    assert_non_null(strstr(error.text, "region"));
    assert_false(x86_acpi_build(&machine, area, sizeof area, X86_BIOS_AREA + 32, &rsdp, &error));
    assert_non_null(strstr(error.text, "0xe0020"));
    assert_false(x86_acpi_build(&machine, NULL, sizeof area, X86_BIOS_AREA, &rsdp, &error));
    assert_false(x86_acpi_build(&machine, NULL, 0, X86_BIOS_AREA, &rsdp, NULL));
}

static void the_machine_says_how_much_room_it_needs(void **state)
{
    char expected[128];
    struct error error;
    uint64_t rsdp = 77;
    size_t needed = sizeof area;
    uint8_t *exact;

    (void)state;
    build(&machine);
    while (area[needed - 1] == 0xdd)
        needed--;
    for (size_t capacity = 0; capacity < needed; capacity += capacity < needed - 80 ? 37 : 1) {
        uint8_t *data = malloc(capacity + 64);

        memset(data, 0xdd, capacity + 64);
        assert_false(x86_acpi_build(&machine, data, capacity, X86_BIOS_AREA, &rsdp, &error));
        snprintf(expected, sizeof expected, "ACPI tables: %zu bytes are needed, but only %zu are available",
                 needed, capacity);
        assert_string_equal(error.text, expected);
        assert_int_equal(rsdp, 77);
        for (size_t i = capacity; i < capacity + 64; i++)
            assert_int_equal(data[i], 0xdd);
        free(data);
    }
    exact = malloc(needed);
    assert_true(x86_acpi_build(&machine, exact, needed, X86_BIOS_AREA, &rsdp, &error));
    assert_memory_equal(exact, area, needed);
    free(exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_every_capacity_nothing_is_written_beyond_it),
        cmocka_unit_test(rsdp_has_two_checksums),
        cmocka_unit_test(xsdt_lists_the_tables),
        cmocka_unit_test(facs_is_version_2_without_checksum),
        cmocka_unit_test(fadt_that_starts_no_acpi_is_refused),
        cmocka_unit_test(fadt_describes_the_fixed_hardware_twice_alike),
        cmocka_unit_test(fadt_uses_64_bit_fields_above_4_gib),
        cmocka_unit_test(madt_lists_processors_and_interrupts),
        cmocka_unit_test(srat_lists_processors_and_memory),
        cmocka_unit_test(slit_is_a_square),
        cmocka_unit_test(mcfg_says_where_each_configuration_space_is),
        cmocka_unit_test(mcfg_refuses_what_is_no_place),
        cmocka_unit_test(tables_refuse_missing_arguments_and_stay_unwritten),
        cmocka_unit_test(empty_lists_may_be_null),
        cmocka_unit_test(a_table_ends_once),
        cmocka_unit_test(memory_devices_check_their_configuration),
        cmocka_unit_test(memory_devices_are_written_for_every_number_of_slots),
        cmocka_unit_test(the_event_handler_calls_the_scan),
        cmocka_unit_test(the_event_device_reads_its_selector_and_calls_the_scan),
        cmocka_unit_test(every_table_of_the_machine_has_a_valid_checksum),
        cmocka_unit_test(the_host_bridge_passes_on_what_the_layout_says),
        cmocka_unit_test(pins_turn_from_slot_to_slot),
        cmocka_unit_test(srat_covers_boot_memory_and_the_hotplug_region),
        cmocka_unit_test(srat_leaves_out_what_is_not_there),
        cmocka_unit_test(each_node_has_its_part_of_ram_and_its_cpus),
        cmocka_unit_test(distances_make_a_slit),
        cmocka_unit_test(the_largest_machine_fits),
        cmocka_unit_test(without_slots_there_is_neither_srat_nor_hotplug),
        cmocka_unit_test(the_machine_s_fadt_matches_its_ports),
        cmocka_unit_test(the_machine_refuses_what_makes_no_sense),
        cmocka_unit_test(the_machine_says_how_much_room_it_needs),
    };

    machine.board = x86_board(false);
    machine.board->pci->layout.high = (struct pci_window){ 11 * GIB, 1024 * GIB - 1 };
    return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
