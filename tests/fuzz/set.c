/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram_acpi_set() with any contents, PCI windows among them, into buffers of any size. A reader that shares
 * no code with the library finds in the memory what was asked for, or the status is the error that the header
 * names for what is wrong.
 */
#include <hotram/acpi_set.h>
#include <hotram/aml.h>

#include "tables_reader.h"

#define ENTRIES_MAX 12
#define ALIGN 64
#define REST 0xee

static const struct hotram_acpi_ids ids = { "OEMID", "TABLE", 1, "CRTR", 2 };

/* What one input says. */
struct wanted {
    struct hotram_acpi_set set;
    struct hotram_acpi_madt madt;
    struct hotram_acpi_cpu cpus[ENTRIES_MAX];
    struct hotram_acpi_memory memory[ENTRIES_MAX];
    struct {
        unsigned type;
        uint64_t first, last;
    } windows[ENTRIES_MAX];
    unsigned window_count, calls;
    bool nested; /* an end too many, after the windows */
    enum hotram_status answer;
};

static enum hotram_status write_terms(struct hotram_aml *aml, void *opaque)
{
    struct wanted *wanted = opaque;

    wanted->calls++;
    hotram_aml_scope(aml, "_SB");
    hotram_aml_device(aml, "PCI0");
    hotram_aml_name(aml, "_CRS");
    hotram_aml_resource_template(aml);
    for (unsigned i = 0; i < wanted->window_count; i++) {
        uint64_t first = wanted->windows[i].first, last = wanted->windows[i].last;

        if (wanted->windows[i].type == 0)
            hotram_aml_memory_window(aml, first, last);
        else if (wanted->windows[i].type == 1)
            hotram_aml_io_window(aml, (uint16_t)first, (uint16_t)last);
        else
            hotram_aml_bus_window(aml, (uint8_t)first, (uint8_t)last);
    }
    for (unsigned i = 0; i < 3u + wanted->nested; i++)
        hotram_aml_end(aml);
    return wanted->answer;
}

/* ---- What is asked for ---- */

static void any_windows(struct input *input, struct wanted *wanted)
{
    wanted->window_count = input_below(input, ENTRIES_MAX + 1);
    for (unsigned i = 0; i < wanted->window_count; i++) {
        static const uint64_t masks[] = { UINT64_MAX, UINT16_MAX, UINT8_MAX };
        unsigned type = input_below(input, 3);
        uint64_t one = input_number(input) & masks[type], other = input_number(input) & masks[type];
        bool swap = one > other && input_below(input, 16) != 15; /* one in 16 may be empty */

        wanted->windows[i].type = type;
        wanted->windows[i].first = swap ? other : one;
        wanted->windows[i].last = swap ? one : other;
    }
}

static void any_fadt(struct input *input, struct hotram_acpi_fadt *fadt)
{
    for (size_t i = 0; i < sizeof *fadt; i++)
        ((uint8_t *)fadt)[i] = input_u8(input);
    if (input_below(input, 8) != 7) { /* mostly one that is not refused */
        fadt->pm1_event |= 1;
        fadt->pm1_control |= 1;
        fadt->gpe0_length &= 0xfe;
    }
}

static void any_entries(struct input *input, struct wanted *wanted)
{
    wanted->set.cpu_count = input_below(input, ENTRIES_MAX + 1);
    wanted->set.memory_count = input_below(input, ENTRIES_MAX + 1);
    for (size_t i = 0; i < wanted->set.cpu_count; i++)
        wanted->cpus[i] = (struct hotram_acpi_cpu){ input_u8(input), input_u16(input), input_u8(input),
                                                    input_below(input, 4) };
    for (size_t i = 0; i < wanted->set.memory_count; i++)
        wanted->memory[i] = (struct hotram_acpi_memory){ input_number(input), input_number(input),
                                                         input_u8(input), input_below(input, 8) };
    wanted->set.cpus = input_below(input, 32) == 31 ? NULL : wanted->cpus;
    wanted->set.memory = input_below(input, 32) == 31 ? NULL : wanted->memory;
    wanted->madt = (struct hotram_acpi_madt){ .lapic = input_u32(input), .ioapic = input_u32(input) };
    wanted->madt.cpus = wanted->cpus;
    wanted->madt.cpu_count = wanted->set.cpu_count;
    wanted->set.madt = input_bool(input) ? &wanted->madt : NULL;
}

static void read_wanted(struct input *input, struct wanted *wanted)
{
    memset(wanted, 0, sizeof *wanted);
    wanted->set.address = input_number(input);
    if (input_below(input, 16) != 15)
        wanted->set.address &= ~(uint64_t)(ALIGN - 1);
    wanted->answer = input_below(input, 16) == 15 ? (enum hotram_status)input_below(input, 16) : HOTRAM_OK;
    wanted->nested = input_below(input, 16) == 15;
    wanted->set.dsdt = input_below(input, 32) == 31 ? NULL : write_terms;
    wanted->set.opaque = wanted;
    any_fadt(input, &wanted->set.fadt);
    any_entries(input, wanted);
    any_windows(input, wanted);
}

/* ---- What must come of it ---- */

static bool is_good_window(const struct wanted *wanted, unsigned i)
{
    static const uint64_t all[] = { UINT64_MAX, UINT16_MAX, UINT64_MAX };
    uint64_t first = wanted->windows[i].first, last = wanted->windows[i].last;

    return first <= last && last - first != all[wanted->windows[i].type];
}

/* Of what is wrong inside the tables the first in their order counts. */
static enum hotram_status inner_error(const struct wanted *wanted)
{
    const struct hotram_acpi_fadt *fadt = &wanted->set.fadt;
    const struct hotram_acpi_set *set = &wanted->set;

    if (wanted->answer != HOTRAM_OK && wanted->answer != HOTRAM_E_BUFFER)
        return wanted->answer;
    for (unsigned i = 0; i < wanted->window_count; i++)
        if (!is_good_window(wanted, i))
            return HOTRAM_E_ARGUMENT;
    if (wanted->nested)
        return HOTRAM_E_NESTING;
    if (fadt->gpe0_length % 2 || (!(fadt->flags & 1u << 20) && (!fadt->pm1_event || !fadt->pm1_control)))
        return HOTRAM_E_ARGUMENT;
    if (set->memory_count > 0 && (!set->memory || (!set->cpus && set->cpu_count > 0)))
        return HOTRAM_E_ARGUMENT;
    return HOTRAM_OK;
}

/* A processor's entry has its id in 8 bits, or is of the type that has it in 32. */
static void check_cpus(const struct wanted *wanted, struct part srat, size_t *offset)
{
    struct part entry;

    for (size_t i = 0; i < wanted->set.cpu_count; i++) {
        const struct hotram_acpi_cpu *cpu = &wanted->cpus[i];

        CHECK(part_next(srat, offset, &entry));
        if (cpu->apic_id < 255) {
            CHECK(entry.bytes[0] == 0 && entry.length == 16 && entry.bytes[3] == cpu->apic_id);
            CHECK(entry.bytes[2] == cpu->node && part_number(entry, 9, 3) == 0);
            CHECK(part_number(entry, 4, 4) == (cpu->flags != 0));
        } else {
            CHECK(entry.bytes[0] == 2 && entry.length == 24 && part_number(entry, 8, 4) == cpu->apic_id);
            CHECK(part_number(entry, 4, 4) == cpu->node && part_number(entry, 12, 4) == (cpu->flags != 0));
        }
    }
}

static void check_srat(const struct wanted *wanted, struct part srat)
{
    size_t offset = 48;
    struct part entry;

    CHECK(!srat.bytes == (wanted->set.memory_count == 0));
    if (!srat.bytes)
        return;
    check_cpus(wanted, srat, &offset);
    for (size_t i = 0; i < wanted->set.memory_count; i++) {
        CHECK(part_next(srat, &offset, &entry) && entry.bytes[0] == 1 && entry.length == 40);
        CHECK(part_number(entry, 2, 4) == wanted->memory[i].node);
        CHECK(part_number(entry, 8, 8) == wanted->memory[i].base);
        CHECK(part_number(entry, 16, 8) == wanted->memory[i].size);
        CHECK(part_number(entry, 28, 4) == wanted->memory[i].flags);
    }
    CHECK(!part_next(srat, &offset, &entry));
}

static void check_madt(const struct wanted *wanted, struct part madt)
{
    size_t offset = 44, cpus = 0;
    struct part entry;

    CHECK(!madt.bytes == !wanted->set.madt);
    while (madt.bytes && part_next(madt, &offset, &entry))
        cpus += entry.bytes[0] == 0 || entry.bytes[0] == 9;
    CHECK(!madt.bytes || cpus == wanted->set.cpu_count);
}

static void check_fadt(const struct hotram_acpi_fadt *wanted, struct part fadt, bool has_facs)
{
    CHECK(has_facs == !(wanted->flags & 1u << 20));
    CHECK(part_number(fadt, 112, 4) == wanted->flags && part_number(fadt, 46, 2) == wanted->sci);
    CHECK(part_number(fadt, 56, 4) == wanted->pm1_event && part_number(fadt, 64, 4) == wanted->pm1_control);
    CHECK(part_number(fadt, 80, 4) == wanted->gpe0 && part_number(fadt, 109, 2) == wanted->boot_arch);
    CHECK(part_number(fadt, 92, 1) == (wanted->gpe0 ? wanted->gpe0_length : 0));
    CHECK(part_number(fadt, 48, 4) == 0); /* no SMI command port: always in ACPI mode */
}

static void check_windows(const struct wanted *wanted, struct part resources)
{
    static const unsigned flags[] = { 0x01, 0x03, 0x00 };
    struct window window;
    size_t offset = 0;

    for (unsigned i = 0; i < wanted->window_count; i++) {
        CHECK(part_next_window(resources, &offset, &window));
        CHECK(window.type == wanted->windows[i].type && window.type_flags == flags[window.type]);
        CHECK(window.general_flags == 0x0c); /* passed on, both ends fixed */
        CHECK(window.first == wanted->windows[i].first && window.last == wanted->windows[i].last);
        CHECK(window.length > 0 && window.length - 1 == window.last - window.first);
    }
    CHECK(!part_next_window(resources, &offset, &window));
}

static void check_memory(const struct wanted *wanted, const uint8_t *bytes, size_t length)
{
    struct reader reader = { .bytes = bytes, .length = length, .address = wanted->set.address };
    struct tables tables = reader_find(&reader);

    check_fadt(&wanted->set.fadt, tables.fadt, tables.facs.bytes);
    check_madt(wanted, tables.madt);
    check_srat(wanted, tables.srat);
    check_windows(wanted, reader_pci_resources(tables.dsdt));
}

/* ---- */

/* Into so many bytes; how many it takes is known but for the first time. */
static size_t try_capacity(struct wanted *wanted, size_t capacity, size_t needed)
{
    uint8_t *data = capacity > 0 ? malloc(capacity) : NULL;
    enum hotram_status status, inner = inner_error(wanted);
    bool is_refused = wanted->set.address % ALIGN || !wanted->set.dsdt;
    struct hotram_buffer out;
    size_t length;

    CHECK(data || capacity == 0);
    if (data)
        memset(data, REST, capacity);
    CHECK(hotram_buffer_init(&out, data, capacity) == HOTRAM_OK);
    wanted->calls = 0;
    status = hotram_acpi_set(&out, &ids, &wanted->set);
    length = out.length;
    CHECK(out.data == data && out.capacity == capacity);
    CHECK(wanted->calls == !is_refused);
    if (is_refused) {
        CHECK(status == HOTRAM_E_ARGUMENT && length == 0);
    } else if (inner != HOTRAM_OK) {
        CHECK(status == inner && length == 0);
    } else if (status == HOTRAM_E_ARGUMENT) { /* the addresses wrap */
        CHECK(length == 0 && wanted->set.address > UINT64_MAX - (1u << 20));
    } else {
        CHECK(needed == 0 || length == needed);
        CHECK(length <= UINT64_MAX - wanted->set.address);
        CHECK(status == (length <= capacity ? HOTRAM_OK : HOTRAM_E_BUFFER));
    }
    if (status == HOTRAM_OK) {
        check_memory(wanted, data, length);
        for (size_t i = length; i < capacity; i++)
            CHECK(data[i] == REST);
    }
    free(data);
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wanted wanted;
    struct input input = { data, size };
    size_t any = input_u16(&input), needed;

    read_wanted(&input, &wanted);
    needed = try_capacity(&wanted, 0, 0);
    try_capacity(&wanted, any, needed);
    if (needed == 0)
        return 0;
    try_capacity(&wanted, needed - 1, needed);
    try_capacity(&wanted, needed, needed);
    try_capacity(&wanted, needed + 1, needed);
    return 0;
}
