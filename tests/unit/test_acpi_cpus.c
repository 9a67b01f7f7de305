/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AML of hot-pluggable processors: what is refused, and what there is for each processor.
 * tests/aml/test_cpus.py has an interpreter run it.
 */
#include "acpi_expect.h"

#include <hotram/acpi_cpus.h>
#include <hotram/cpuhp.h>
#include <hotram/gpe.h>

#define COUNT 6u

static struct hotram_acpi_cpu cpus[HOTRAM_HOT_CPUS_MAX + 1];
static struct hotram_acpi_gic_cpu gic_cpus[COUNT];

static const struct hotram_acpi_registers redistributors = { 0x080a0000, COUNT *HOTRAM_GICR_LENGTH };
static struct hotram_acpi_gic gic = {
    .version = 3,
    .distributor = 0x08000000,
    .redistributors = &redistributors,
    .redistributor_count = 1,
    .cpus = gic_cpus,
    .cpu_count = COUNT,
};

static const struct hotram_acpi_cpu_devices x86 = {
    .space = HOTRAM_AML_SYSTEM_IO,
    .base = 0xcd8,
    .count = COUNT,
    .fixed = 1,
    .container = COUNT,
    .cpus = cpus,
};

static const struct hotram_acpi_cpu_devices arm64 = {
    .space = HOTRAM_AML_SYSTEM_MEMORY,
    .base = 0x090c0000,
    .count = COUNT,
    .fixed = 2,
    .container = 2,
    .gic = &gic,
    .nodes = true,
};

static int number_cpus(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COUNT_OF(cpus); i++)
        cpus[i] = (struct hotram_acpi_cpu){ .uid = i, .apic_id = i };
    for (uint32_t i = 0; i < COUNT; i++)
        gic_cpus[i] =
            (struct hotram_acpi_gic_cpu){ .uid = i, .mpidr = i, .flags = HOTRAM_CPU_ONLINE_CAPABLE };
    return 0;
}

static uint8_t data[1 << 20];
static struct hotram_buffer out;
static struct hotram_aml aml;

static void begin(void)
{
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
}

static void expect_refused(const struct hotram_acpi_cpu_devices *config)
{
    begin();
    assert_int_equal(hotram_acpi_cpu_devices(&aml, config), HOTRAM_E_ARGUMENT);
    assert_int_equal(out.length, 0);
    assert_int_equal(hotram_acpi_cpu_gpe(&aml, HOTRAM_GPE_CPU), HOTRAM_OK); /* the writer continues */
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK);
}

static void expect_written(const struct hotram_acpi_cpu_devices *config)
{
    begin();
    assert_int_equal(hotram_acpi_cpu_devices(&aml, config), HOTRAM_OK);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK);
    assert_true(out.length > 0);
}

static unsigned count_of(const char *bytes, size_t length)
{
    unsigned count = 0;

    for (size_t i = 0; i + length <= out.length; i++)
        count += memcmp(data + i, bytes, length) == 0;
    return count;
}

#define HOW_OFTEN(text) count_of(text, sizeof(text) - 1)

/* The configuration with one number changed. */
static void expect_number_refused(size_t offset, uint32_t value)
{
    struct hotram_acpi_cpu_devices config = x86;

    memcpy((char *)&config + offset, &value, sizeof value);
    expect_refused(&config);
}

#define REFUSE(member, value) expect_number_refused(offsetof(struct hotram_acpi_cpu_devices, member), value)

static void what_is_out_of_range_is_refused(void **state)
{
    struct hotram_acpi_cpu_devices config = x86;

    (void)state;
    expect_refused(NULL);
    assert_int_equal(hotram_acpi_cpu_devices(NULL, &x86), HOTRAM_E_ARGUMENT);
    REFUSE(base, 0x10000 - HOTRAM_CPUHP_LENGTH + 1);
    REFUSE(base, UINT32_MAX);
    REFUSE(count, 0);
    REFUSE(count, HOTRAM_HOT_CPUS_MAX + 1);
    REFUSE(fixed, 0);
    REFUSE(fixed, COUNT + 1);
    REFUSE(container, 0);
    REFUSE(container, 4);
    REFUSE(container, 2 * COUNT);
    config.space = (enum hotram_aml_space)2;
    expect_refused(&config);
    config = x86;
    config.cpus = NULL;
    expect_refused(&config);
    config = x86;
    config.gic = &gic;
    expect_refused(&config);
    config = x86; /* 257 containers */
    config.count = 257;
    config.container = 1;
    expect_refused(&config);
    config = arm64;
    config.base = UINT32_MAX - HOTRAM_CPUHP_LENGTH + 2;
    expect_refused(&config);
}

static void the_limits_are_not(void **state)
{
    struct hotram_acpi_cpu_devices config = x86;

    (void)state;
    config.base = 0x10000 - HOTRAM_CPUHP_LENGTH;
    expect_written(&config);
    config = arm64;
    config.base = UINT32_MAX - HOTRAM_CPUHP_LENGTH + 1;
    expect_written(&config);
    config = x86;
    config.count = 256;
    config.container = 1;
    config.fixed = 256;
    expect_written(&config);
    assert_int_equal(HOW_OFTEN("ACPI0010"), 256);
    config.count = HOTRAM_HOT_CPUS_MAX;
    config.container = HOTRAM_HOT_CPUS_MAX;
    expect_written(&config);
    assert_int_equal(HOW_OFTEN("ACPI0007"), HOTRAM_HOT_CPUS_MAX);
}

static void each_uid_is_the_number_of_its_slot(void **state)
{
    (void)state;
    cpus[COUNT - 1].uid = COUNT;
    expect_refused(&x86);
    number_cpus(NULL);
    gic_cpus[0].uid = 1;
    expect_refused(&arm64);
    number_cpus(NULL);
}

static void the_contents_of_the_madt_are_checked(void **state)
{
    const struct hotram_acpi_gic good = gic;

    (void)state;
    gic.cpu_count = COUNT - 1;
    expect_refused(&arm64);
    gic = good;
    gic.version = 4;
    expect_refused(&arm64);
    gic = good;
    gic.cpus = NULL;
    expect_refused(&arm64);
    gic = good;
    gic_cpus[2].flags = HOTRAM_CPU_ENABLED | HOTRAM_CPU_ONLINE_CAPABLE;
    expect_refused(&arm64);
    number_cpus(NULL);
    expect_written(&arm64);
}

static void each_processor_has_its_objects_once(void **state)
{
    (void)state;
    expect_written(&x86);
    assert_int_equal(HOW_OFTEN("ACPI0010"), 1);
    assert_int_equal(HOW_OFTEN("ACPI0007"), COUNT);
    assert_int_equal(HOW_OFTEN("_MAT"), COUNT);
    assert_int_equal(HOW_OFTEN("_OST"), COUNT);
    assert_int_equal(HOW_OFTEN("_EJ0"), COUNT - 1);
    assert_int_equal(HOW_OFTEN("_PXM"), 0);
    assert_int_equal(HOW_OFTEN("\x86\\\x2f\x03_SB_CP00C"), COUNT); /* Notify */
    expect_written(&arm64);
    assert_int_equal(HOW_OFTEN("ACPI0010"), 3);
    assert_int_equal(HOW_OFTEN("_EJ0"), COUNT - 2);
    assert_int_equal(HOW_OFTEN("_PXM"), COUNT);
    assert_int_equal(HOW_OFTEN("\x86\\\x2f\x03_SB_CP02C001"), 1);
}

static void an_event_calls_the_scan(void **state)
{
    static const uint8_t gpe[] = { 0x10, 0x1f, '\\', '_', 'G',  'P',  'E', 0x14, 0x18, '_',
                                   'E',  '0',  '2',  0,   '\\', 0x2f, 3,   '_',  'S',  'B',
                                   '_',  'C',  'H',  'P', 'D',  'C',  'S', 'C',  'N' };

    (void)state;
    begin();
    assert_int_equal(hotram_acpi_cpu_gpe(NULL, 2), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_acpi_cpu_gpe(&aml, 256), HOTRAM_E_ARGUMENT);
    assert_int_equal(out.length, 0);
    assert_int_equal(hotram_acpi_cpu_gpe(&aml, HOTRAM_GPE_CPU), HOTRAM_OK);
    assert_int_equal(out.length, sizeof gpe);
    assert_memory_equal(data + 2, gpe + 2, 5);
    assert_memory_equal(data + 9, gpe + 9, sizeof gpe - 9);
    begin();
    assert_int_equal(hotram_acpi_cpu_gpe(&aml, 0xaf), HOTRAM_OK);
    assert_memory_equal(data + 9, "_EAF", 4);
}

static enum hotram_status write_table(struct hotram_buffer *to, const struct hotram_acpi_cpu_devices *config)
{
    struct hotram_aml writer;

    hotram_aml_begin(&writer, to);
    assert_int_equal(hotram_acpi_cpu_devices(&writer, config), HOTRAM_OK);
    return hotram_aml_finish(&writer, NULL);
}

static enum hotram_status write_x86(struct hotram_buffer *to)
{
    return write_table(to, &x86);
}

static enum hotram_status write_arm64(struct hotram_buffer *to)
{
    return write_table(to, &arm64);
}

static void at_every_capacity_nothing_is_written_beyond_it(void **state)
{
    static const acpi_writer writers[] = { write_x86, write_arm64 };

    (void)state;
    acpi_expect_capacities(writers, COUNT_OF(writers));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_out_of_range_is_refused),
        cmocka_unit_test(the_limits_are_not),
        cmocka_unit_test(each_uid_is_the_number_of_its_slot),
        cmocka_unit_test(the_contents_of_the_madt_are_checked),
        cmocka_unit_test(each_processor_has_its_objects_once),
        cmocka_unit_test(an_event_calls_the_scan),
        cmocka_unit_test(at_every_capacity_nothing_is_written_beyond_it),
    };

    return cmocka_run_group_tests(tests, number_cpus, NULL);
}
