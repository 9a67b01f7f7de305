/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a machine's tables are built from rows: more of them than there is room for, and one that is refused,
 * are errors that name the table.
 */
#include "unit.h"

#include "machine/acpi_tables.h"

static uint8_t area[64 * 1024];
static struct error error;
static uint64_t rsdp;

static enum hotram_status write_table(struct acpi_writer *writer, const void *config)
{
    struct hotram_acpi_table table;
    enum hotram_status status = hotram_acpi_table_begin(&table, &writer->out, config, 1, &acpi_ids);

    if (status == HOTRAM_OK)
        status = hotram_acpi_table_end(&table);
    return status;
}

static enum hotram_status refuse(struct acpi_writer *writer, const void *config)
{
    (void)writer, (void)config;
    return HOTRAM_E_ARGUMENT;
}

static bool never(const void *config)
{
    (void)config;
    return false;
}

static bool build(const struct acpi_row *rows, size_t count, size_t capacity)
{
    error.text[0] = '\0';
    return acpi_write(rows, count, "TEST", area, capacity, 0x1000, &rsdp, &error);
}

/* The pointers in the XSDT. */
static uint32_t listed(void)
{
    uint64_t xsdt;
    uint32_t length;

    memcpy(&xsdt, area + 24, sizeof xsdt);
    memcpy(&length, area + (xsdt - 0x1000) + 4, sizeof length);
    return (length - 36) / 8;
}

static void as_many_as_there_is_room_for(void **state)
{
    struct acpi_row rows[ACPI_TABLES_MAX + 3];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        rows[i] = (struct acpi_row){ "TEST", ACPI_LISTED, NULL, write_table };
    for (size_t count = 0; count <= ACPI_TABLES_MAX; count++) {
        assert_true(build(rows, count, sizeof area));
        assert_int_equal(listed(), count);
    }
    for (size_t count = ACPI_TABLES_MAX + 1; count <= sizeof rows / sizeof *rows; count++) {
        memcpy(rows[ACPI_TABLES_MAX].signature, "LAST", 5);
        assert_false(build(rows, count, sizeof area));
        assert_string_equal(error.text, "ACPI tables: no room for LAST in a list of 32");
    }
    /* What is not wanted needs no room, nor does what only the FADT names. */
    rows[0].wanted = never;
    rows[1].place = ACPI_DSDT;
    rows[2].place = ACPI_FACS;
    assert_true(build(rows, sizeof rows / sizeof *rows, sizeof area));
    assert_int_equal(listed(), ACPI_TABLES_MAX);
}

static void no_status_is_dropped(void **state)
{
    struct acpi_row rows[] = {
        { "AAAA", ACPI_DSDT, NULL, write_table },
        { "BBBB", ACPI_LISTED, NULL, write_table },
        { "CCCC", ACPI_LISTED, NULL, write_table },
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        rows[i].write = refuse;
        assert_false(build(rows, 3, sizeof area));
        assert_non_null(strstr(error.text, rows[i].signature));
        assert_non_null(strstr(error.text, hotram_status_text(HOTRAM_E_ARGUMENT)));
        rows[i].write = write_table;
    }
    assert_true(build(rows, 3, sizeof area));
}

static void what_does_not_fit_is_measured(void **state)
{
    struct acpi_row row = { "TEST", ACPI_LISTED, NULL, write_table };

    (void)state;
    for (size_t capacity = 0; capacity < 156; capacity++) {
        assert_false(build(&row, 1, capacity));
        assert_non_null(strstr(error.text, "bytes are needed"));
    }
    assert_true(build(&row, 1, 156)); /* RSDP 36 and 28, table 36 and 12, XSDT 44 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_there_is_room_for),
        cmocka_unit_test(no_status_is_dropped),
        cmocka_unit_test(what_does_not_fit_is_measured),
    };

    return cmocka_run_group_tests_name("acpi-rows", tests, NULL, NULL);
}
