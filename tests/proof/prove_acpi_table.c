/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all tables of hotram/acpi.h share: length, checksum, and the end of the buffer; and which FADT is
 * refused. The buffer is the real one; the bytes behind its capacity may not change.
 *
 * proof: sources core/acpi_table.c core/acpi_fadt.c core/acpi_iort.c core/acpi_pci.c core/buffer.c
 * proof: options --unwind 301 --max-field-sensitivity-array-size 300
 */
#include <hotram/acpi.h>
#include <hotram/acpi_arm.h>
#include <hotram/acpi_pci.h>

#include "proof.h"

#define ROOM 300u
#define FILL 0xee
#define FRONT 2u /* what is in the buffer before */
#define BODY 6u
#define ENTRIES 3u
#define FADT_LENGTH 276u
#define CHECKSUM 9u

static uint8_t memory[ROOM];
static struct hotram_buffer buffer;
static struct hotram_acpi_ids ids;

/* An empty buffer, and who makes the tables. */
static void arbitrary_buffer(size_t capacity)
{
    for (size_t i = 0; i < ROOM; i++)
        memory[i] = FILL;
    hotram_buffer_init(&buffer, memory, capacity);
    ids.oem_id[0] = nondet_char();
    ids.oem_table_id[7] = nondet_char();
    ids.oem_revision = nondet_uint32();
    ids.creator_id[3] = nondet_char();
    ids.creator_revision = nondet_uint32();
}

/* Without one byte: that is added last, so that the solver sees the library's own sum in this one. */
static uint8_t sum_but(const uint8_t *bytes, size_t length, size_t left_out)
{
    unsigned sum = 0;

    for (size_t i = 0; i < length; i++)
        sum += i == left_out ? 0 : bytes[i];
    return (uint8_t)sum;
}

static bool sums_to_zero(const uint8_t *bytes, size_t length, size_t checksum)
{
    return (uint8_t)(sum_but(bytes, length, checksum) + bytes[checksum]) == 0;
}

/* Nothing from there on has changed. */
static bool is_kept(size_t from)
{
    size_t any = nondet_size();

    return any < from || any >= ROOM || memory[any] == FILL;
}

static uint32_t u32_at(size_t place)
{
    return memory[place] | (uint32_t)memory[place + 1] << 8 | (uint32_t)memory[place + 2] << 16 |
           (uint32_t)memory[place + 3] << 24;
}

static uint64_t u64_at(size_t place)
{
    return u32_at(place) | (uint64_t)u32_at(place + 4) << 32;
}

static bool is_at(size_t place, const char *signature)
{
    for (unsigned i = 0; i < 4; i++)
        if (memory[place + i] != (uint8_t)signature[i])
            return false;
    return true;
}

/* After a call that appends a table of so many bytes to an empty buffer: whether it is complete. */
static bool prove_written(enum hotram_status status, size_t length)
{
    bool fits = length <= buffer.capacity;

    PROVE(status == (fits ? HOTRAM_OK : HOTRAM_E_BUFFER));
    PROVE(buffer.data == memory && buffer.length == length);
    PROVE(is_kept(fits ? length : buffer.capacity));
    REACHABLE(fits);
    REACHABLE(!fits);
    return fits;
}

static bool is_table(const char *signature, size_t length)
{
    return is_at(0, signature) && u32_at(4) == length && sums_to_zero(memory, length, CHECKSUM);
}

/* One that fits, one that is one byte short, none, and one with room to spare. */
static size_t some_capacity(size_t length)
{
    return nondet_bool() ? length : nondet_bool() ? length - 1 : nondet_bool() ? 0 : length + 2;
}

/* ---- Any table ---- */

/* What is between begin and end is the caller's; so is what is in front of it. */
static void prove_table_of(unsigned front, unsigned body)
{
    size_t length = front + HOTRAM_ACPI_HEADER_LENGTH + body;
    struct hotram_acpi_table table;
    uint8_t revision = nondet_uint8();
    enum hotram_status status;

    arbitrary_buffer(some_capacity(length));
    for (unsigned i = 0; i < front; i++)
        hotram_buffer_u8(&buffer, 0);
    status = hotram_acpi_table_begin(&table, &buffer, "ABCD", revision, &ids);
    PROVE(status == (front + HOTRAM_ACPI_HEADER_LENGTH <= buffer.capacity ? HOTRAM_OK : HOTRAM_E_BUFFER));
    for (unsigned i = 0; i < body; i++)
        hotram_buffer_u8(&buffer, nondet_uint8());
    status = hotram_acpi_table_end(&table);
    if (prove_written(status, length)) {
        PROVE(is_at(front, "ABCD") && u32_at(front + 4) == length - front && memory[front + 8] == revision);
        PROVE(sums_to_zero(memory + front, length - front, CHECKSUM));
    }
    PROVE(hotram_acpi_table_end(&table) == HOTRAM_E_ARGUMENT); /* it has ended */
}

void prove_acpi_table(void)
{
    if (nondet_bool())
        prove_table_of(0, 0);
    else
        prove_table_of(FRONT, BODY);
}

/* ---- The fixed ones ---- */

void prove_acpi_rsdp(void)
{
    uint64_t xsdt = nondet_uint64();

    arbitrary_buffer(some_capacity(HOTRAM_ACPI_RSDP_LENGTH));
    if (!prove_written(hotram_acpi_rsdp(&buffer, &ids, xsdt), HOTRAM_ACPI_RSDP_LENGTH))
        return;
    PROVE(is_at(0, "RSD ") && is_at(4, "PTR ") && memory[15] == 2);
    PROVE(u32_at(16) == 0 && u32_at(20) == HOTRAM_ACPI_RSDP_LENGTH && u64_at(24) == xsdt);
    PROVE(sums_to_zero(memory, 20, 8) && sums_to_zero(memory, HOTRAM_ACPI_RSDP_LENGTH, 32));
}

void prove_acpi_facs(void)
{
    arbitrary_buffer(some_capacity(64));
    if (prove_written(hotram_acpi_facs(&buffer), 64))
        PROVE(is_at(0, "FACS") && u32_at(4) == 64 && memory[32] == 2);
}

static void prove_xsdt_of(size_t count)
{
    static uint64_t entries[ENTRIES];
    size_t length = HOTRAM_ACPI_HEADER_LENGTH + 8 * count;

    for (unsigned i = 0; i < ENTRIES; i++)
        entries[i] = nondet_uint64();
    arbitrary_buffer(some_capacity(length));
    if (!prove_written(hotram_acpi_xsdt(&buffer, &ids, count > 0 ? entries : NULL, count), length))
        return;
    PROVE(is_table("XSDT", length));
    for (size_t i = 0; i < count; i++)
        PROVE(u64_at(HOTRAM_ACPI_HEADER_LENGTH + 8 * i) == entries[i]);
}

void prove_acpi_xsdt(void)
{
    if (nondet_bool())
        prove_xsdt_of(0);
    else
        prove_xsdt_of(ENTRIES);
}

static struct hotram_acpi_fadt arbitrary_fadt(void)
{
    return (struct hotram_acpi_fadt){
        .dsdt = nondet_uint64(),
        .facs = nondet_uint64(),
        .flags = nondet_uint32(),
        .sci = nondet_uint16(),
        .pm1_event = nondet_uint16(),
        .pm1_control = nondet_uint16(),
        .gpe0 = nondet_uint16(),
        .gpe0_length = nondet_uint8(),
    };
}

/* With fixed hardware there have to be both PM1 blocks. */
static bool is_good(const struct hotram_acpi_fadt *config)
{
    return config->gpe0_length % 2 == 0 &&
           ((config->flags >> 20 & 1) || (config->pm1_event && config->pm1_control));
}

/* What of it leads further: FACS, DSDT, SCI, ports. */
void prove_acpi_fadt(void) /* slow */
{
    const struct hotram_acpi_fadt config = arbitrary_fadt();

    ASSUME(is_good(&config));
    arbitrary_buffer(some_capacity(FADT_LENGTH));
    if (!prove_written(hotram_acpi_fadt(&buffer, &ids, &config), FADT_LENGTH))
        return;
    PROVE(is_table("FACP", FADT_LENGTH));
    PROVE(u32_at(36) == (config.facs >> 32 ? 0 : config.facs));
    PROVE(u64_at(132) == (config.facs >> 32 ? config.facs : 0) && u64_at(140) == config.dsdt);
    PROVE((memory[46] | memory[47] << 8) == config.sci && u32_at(112) == config.flags);
    PROVE(u32_at(56) == config.pm1_event && u32_at(64) == config.pm1_control && u32_at(80) == config.gpe0);
    PROVE(memory[92] == (config.gpe0 ? config.gpe0_length : 0));
}

/* Any place that is one is in its row. */
void prove_acpi_mcfg(void)
{
    const size_t length = HOTRAM_ACPI_HEADER_LENGTH + 8 + 16 * ENTRIES;
    struct hotram_acpi_ecam places[ENTRIES];

    for (size_t i = 0; i < ENTRIES; i++) {
        places[i] = (struct hotram_acpi_ecam){ nondet_uint64(), nondet_uint16(), nondet_uint8(),
                                               nondet_uint8() };
        ASSUME(places[i].base % HOTRAM_ECAM_BUS_LENGTH == 0 && places[i].first_bus <= places[i].last_bus);
    }
    arbitrary_buffer(some_capacity(length));
    if (!prove_written(hotram_acpi_mcfg(&buffer, &ids, places, ENTRIES), length))
        return;
    PROVE(is_table("MCFG", length));
    for (size_t i = 0; i < ENTRIES; i++) {
        PROVE(u64_at(44 + 16 * i) == places[i].base);
        PROVE((memory[52 + 16 * i] | memory[53 + 16 * i] << 8) == places[i].segment);
        PROVE(memory[54 + 16 * i] == places[i].first_bus && memory[55 + 16 * i] == places[i].last_bus);
    }
}

/* Every root complex leads to the group. The counts are fixed; what is in them is any. */
void prove_acpi_iort(void) /* slow */
{
    enum {
        SERVICES = 2,
        ROOTS = 2,
        GROUP = 48,
        FIRST = GROUP + 20 + 4 * SERVICES,
        LENGTH = FIRST + 56 * ROOTS
    };
    struct hotram_acpi_root_complex roots[ROOTS];
    const struct hotram_acpi_iort config = { SERVICES, roots, ROOTS };

    for (size_t i = 0; i < ROOTS; i++) {
        roots[i] = (struct hotram_acpi_root_complex){ nondet_uint16(), nondet_uint8() };
        ASSUME(roots[i].address_bits >= 1 && roots[i].address_bits <= 64);
    }
    arbitrary_buffer(some_capacity(LENGTH));
    if (!prove_written(hotram_acpi_iort(&buffer, &ids, &config), LENGTH))
        return;
    PROVE(is_table("IORT", LENGTH));
    PROVE(u32_at(36) == 1 + ROOTS && u32_at(40) == GROUP && memory[GROUP] == 0);
    PROVE(memory[GROUP + 1] == 20 + 4 * SERVICES && u32_at(GROUP + 16) == SERVICES);
    for (size_t i = 0; i < ROOTS; i++) {
        const size_t at = FIRST + 56 * i;

        PROVE(memory[at] == 2 && memory[at + 1] == 56 && u32_at(at + 28) == roots[i].segment);
        PROVE(memory[at + 32] == roots[i].address_bits && u32_at(at + 12) == 36);
        PROVE(u32_at(at + 36 + 8) == (uint32_t)roots[i].segment << 16 && u32_at(at + 36 + 12) == GROUP);
    }
}

/* ---- What is refused leaves the buffer alone ---- */

void prove_acpi_iort_refused(void)
{
    const struct hotram_acpi_root_complex root = { nondet_uint16(), nondet_uint8() };
    const struct hotram_acpi_iort config = { nondet_uint32(), nondet_bool() ? &root : NULL, 1 };

    ASSUME(config.its_count == 0 || config.its_count > HOTRAM_ITS_MAX || !config.roots ||
           root.address_bits == 0 || root.address_bits > 64);
    arbitrary_buffer(0);
    PROVE(hotram_acpi_iort(&buffer, &ids, &config) == HOTRAM_E_ARGUMENT && buffer.length == 0);
    REACHABLE(config.its_count == 1 && config.roots);
    REACHABLE(config.its_count == 0 && config.roots);
}

void prove_acpi_mcfg_refused(void)
{
    const struct hotram_acpi_ecam place = { nondet_uint64(), nondet_uint16(), nondet_uint8(),
                                            nondet_uint8() };

    ASSUME(place.base % HOTRAM_ECAM_BUS_LENGTH != 0 || place.first_bus > place.last_bus);
    arbitrary_buffer(0);
    PROVE(hotram_acpi_mcfg(&buffer, &ids, &place, 1) == HOTRAM_E_ARGUMENT && buffer.length == 0);
    REACHABLE(place.base % HOTRAM_ECAM_BUS_LENGTH == 0);
    REACHABLE(place.first_bus <= place.last_bus);
}

void prove_acpi_fadt_refused(void)
{
    const struct hotram_acpi_fadt config = arbitrary_fadt();

    ASSUME(!is_good(&config));
    arbitrary_buffer(0);
    PROVE(hotram_acpi_fadt(&buffer, &ids, &config) == HOTRAM_E_ARGUMENT && buffer.length == 0);
    REACHABLE(config.gpe0_length == 4 && config.pm1_event);
    REACHABLE(config.pm1_event && config.pm1_control);
}

/* One of the pointers, each in turn. */
void prove_acpi_table_null(void)
{
    const struct hotram_acpi_fadt config = { .pm1_event = 1, .pm1_control = 1 };
    const struct hotram_acpi_iort iort = { .its_count = 1 };
    struct hotram_acpi_table table;

    arbitrary_buffer(0);
    PROVE(hotram_acpi_fadt(NULL, &ids, &config) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_fadt(&buffer, NULL, &config) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_fadt(&buffer, &ids, NULL) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_rsdp(NULL, &ids, 0) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_rsdp(&buffer, NULL, 0) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_facs(NULL) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_iort(NULL, &ids, &iort) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_iort(&buffer, NULL, &iort) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_iort(&buffer, &ids, NULL) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_mcfg(NULL, &ids, NULL, 0) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_mcfg(&buffer, NULL, NULL, 0) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_mcfg(&buffer, &ids, NULL, 1) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_xsdt(NULL, &ids, NULL, 0) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_xsdt(&buffer, NULL, NULL, 0) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_xsdt(&buffer, &ids, NULL, 1) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_table_begin(NULL, &buffer, "ABCD", 1, &ids) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_table_end(NULL) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_table_begin(&table, NULL, "ABCD", 1, &ids) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_table_end(&table) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_table_begin(&table, &buffer, NULL, 1, &ids) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_table_begin(&table, &buffer, "ABCD", 1, NULL) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_acpi_table_end(&table) == HOTRAM_E_ARGUMENT);
    PROVE(buffer.length == 0);
    REACHABLE(true);
}
