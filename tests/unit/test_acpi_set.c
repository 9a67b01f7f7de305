/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <hotram/acpi_set.h>

#define ADDRESS 0xe0000

static uint8_t area[16384];
static struct hotram_buffer out;
static const struct hotram_acpi_ids ids = { "TEST", "TESTTEST", 1, "TEST", 1 };
static enum hotram_status answer;

static enum hotram_status terms(struct hotram_aml *aml, void *opaque)
{
    if (opaque)
        hotram_aml_end(aml); /* of nothing */
    hotram_aml_name(aml, "_S5");
    hotram_aml_integer(aml, 1);
    return answer;
}

static const struct hotram_acpi_cpu cpu = { .flags = HOTRAM_CPU_ENABLED };
static const struct hotram_acpi_memory memory[] = { { 0, 1 << 30, 0, HOTRAM_SRAT_ENABLED } };
static const struct hotram_acpi_madt madt = { .lapic = 0xfee00000, .cpus = &cpu, .cpu_count = 1 };

static struct hotram_acpi_set usual(void)
{
    answer = HOTRAM_OK;
    return (struct hotram_acpi_set){
        .address = ADDRESS,
        .fadt = { .sci = 9, .pm1_event = 0x600, .pm1_control = 0x604, .gpe0 = 0x620, .gpe0_length = 4 },
        .dsdt = terms,
        .madt = &madt,
        .cpus = &cpu,
        .cpu_count = 1,
        .memory = memory,
        .memory_count = 1,
    };
}

static enum hotram_status write_set(const struct hotram_acpi_set *set, size_t room)
{
    memset(area, 0xee, sizeof area);
    hotram_buffer_init(&out, area, room);
    return hotram_acpi_set(&out, &ids, set);
}

static uint64_t get(const uint8_t *at, unsigned length)
{
    uint64_t value = 0;

    memcpy(&value, at, length);
    return value;
}

/* The table at a guest's address; its sum is 0. */
static const uint8_t *table(uint64_t address, const char *signature)
{
    const uint8_t *at = area + (address - ADDRESS);
    uint8_t sum = 0;

    assert_true(address >= ADDRESS && address < ADDRESS + out.length);
    assert_memory_equal(at, signature, 4);
    for (uint64_t i = 0; i < get(at + 4, 4); i++)
        sum = (uint8_t)(sum + at[i]);
    assert_int_equal(sum, 0);
    return at;
}

/* As a guest follows the pointers. */
static void all_are_found_from_the_first(void **state)
{
    struct hotram_acpi_set set = usual();
    const uint8_t *xsdt;
    const uint8_t *fadt;

    (void)state;
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_OK);
    assert_memory_equal(area, "RSD PTR ", 8);
    xsdt = table(get(area + 24, 8), "XSDT");
    assert_int_equal(get(xsdt + 4, 4), 36 + 3 * 8);
    fadt = table(get(xsdt + 36, 8), "FACP");
    table(get(xsdt + 44, 8), "APIC");
    table(get(xsdt + 52, 8), "SRAT");
    table(get(fadt + 140, 8), "DSDT");
    assert_memory_equal(area + (get(fadt + 36, 4) - ADDRESS), "FACS", 4);
    assert_int_equal(get(fadt + 36, 4) % HOTRAM_ACPI_SET_ALIGN, 0);
}

static void the_least_is_without_madt_and_srat(void **state)
{
    struct hotram_acpi_set set = usual();
    const uint8_t *xsdt;

    (void)state;
    set.madt = NULL;
    set.memory_count = 0;
    set.fadt = (struct hotram_acpi_fadt){ .flags = HOTRAM_FADT_HW_REDUCED };
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_OK);
    xsdt = table(get(area + 24, 8), "XSDT");
    assert_int_equal(get(xsdt + 4, 4), 36 + 8);
    assert_int_equal(get(table(get(xsdt + 36, 8), "FACP") + 36, 4), 0); /* no FACS */
}

static void what_is_wrong_is_said(void **state)
{
    struct hotram_acpi_set set = usual();

    (void)state;
    set.fadt.pm1_control = 0;
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_E_ARGUMENT);
    set = usual();
    set.address += 16;
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_E_ARGUMENT);
    set = usual();
    set.dsdt = NULL;
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_E_ARGUMENT);
    set = usual();
    answer = HOTRAM_E_ARGUMENT; /* what dsdt's own calls said */
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_E_ARGUMENT);
    set = usual();
    set.opaque = &set;
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_E_NESTING);
    set = usual();
    set.memory = NULL;
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_E_ARGUMENT);
    set = usual();
    hotram_buffer_init(&out, area, sizeof area);
    hotram_buffer_u8(&out, 0);
    assert_int_equal(hotram_acpi_set(&out, &ids, &set), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_acpi_set(NULL, &ids, &set), HOTRAM_E_ARGUMENT);
    hotram_buffer_init(&out, area, sizeof area);
    assert_int_equal(hotram_acpi_set(&out, NULL, &set), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_acpi_set(&out, &ids, NULL), HOTRAM_E_ARGUMENT);
}

/* So that the same buffer serves for the next try. */
static void what_is_wrong_leaves_an_empty_buffer(void **state)
{
    struct hotram_acpi_set set = usual();

    (void)state;
    set.fadt.pm1_event = 0;
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_E_ARGUMENT);
    assert_int_equal(out.length, 0);
    set = usual();
    assert_int_equal(hotram_acpi_set(&out, &ids, &set), HOTRAM_OK);
    set = usual();
    answer = HOTRAM_E_STATE;
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_E_STATE);
    assert_int_equal(out.length, 0);
}

/* The last address at which the tables end below 2^64, and the next one that is aligned. */
static void addresses_do_not_wrap(void **state)
{
    struct hotram_acpi_set set = usual();
    uint64_t needed;

    (void)state;
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_OK);
    needed = out.length;
    set.address = (UINT64_MAX - needed) & ~(uint64_t)(HOTRAM_ACPI_SET_ALIGN - 1);
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_OK);
    set.address += HOTRAM_ACPI_SET_ALIGN;
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_E_ARGUMENT);
    assert_int_equal(out.length, 0);
}

static void what_does_not_fit_is_measured(void **state)
{
    struct hotram_acpi_set set = usual();
    size_t needed;

    (void)state;
    assert_int_equal(write_set(&set, sizeof area), HOTRAM_OK);
    needed = out.length;
    for (size_t room = 0; room < needed; room++) {
        assert_int_equal(write_set(&set, room), HOTRAM_E_BUFFER);
        assert_int_equal(out.length, needed);
        assert_int_equal(area[room], 0xee);
    }
    assert_int_equal(write_set(&set, needed), HOTRAM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_found_from_the_first),
        cmocka_unit_test(the_least_is_without_madt_and_srat),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(what_is_wrong_leaves_an_empty_buffer),
        cmocka_unit_test(addresses_do_not_wrap),
        cmocka_unit_test(what_does_not_fit_is_measured),
    };

    return cmocka_run_group_tests_name("acpi-set", tests, NULL, NULL);
}
