/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram_acpi_set(): from any set, and with any answer of the functions that write the tables. These are
 * stand-ins here, which append any number of bytes and answer as acpi.h says that they may; that the real
 * ones do so is in prove_acpi_table.c for what the tables share, and tested for their contents.
 *
 * proof: sources core/acpi_set.c
 * proof: options --unwind 5
 */
#include <hotram/acpi_set.h>

#include "proof.h"

/* No table is longer; the real sums of a few such lengths are far from 64 bits. */
#define LONGEST (UINT64_C(1) << 32)

static struct hotram_buffer buffer, before;
static uint8_t memory[HOTRAM_ACPI_RSDP_LENGTH]; /* all that hotram_acpi_set() itself may touch */
static struct hotram_acpi_ids ids;
static struct hotram_acpi_set set;
static struct hotram_acpi_madt madt;
static struct hotram_acpi_cpu cpus[1];
static struct hotram_acpi_memory ranges[1];
static uint8_t passed_on; /* dsdt's opaque is its address */

/* Which tables there are, in the order in which they are to be written. */
enum table { NONE, POINTER, FACS, DSDT, FADT, MADT, SRAT, XSDT, DONE };
static enum table last;
static uint64_t addresses[DONE + 1], end_of_last;

static bool fails[DONE + 1];    /* a table of which a part is refused */
static enum hotram_status said; /* by the first that is an error, and not of room */

static void note(enum hotram_status status)
{
    if (said == HOTRAM_OK && status != HOTRAM_E_BUFFER)
        said = status;
}

/* So many bytes, or any number of them. */
static void append(uint64_t count)
{
    PROVE(count <= LONGEST);
    buffer.length += count;
}

/* A table begins: behind the one before, and aligned. */
static void begins(const struct hotram_buffer *out, enum table table, uint64_t align)
{
    PROVE(out == &buffer && last < table);
    PROVE(out->length >= end_of_last && out->length - end_of_last < align);
    PROVE((set.address + out->length) % align == 0);
    last = table;
    addresses[table] = set.address + out->length;
}

static enum hotram_status ends(enum hotram_status status)
{
    end_of_last = buffer.length;
    note(status);
    return status;
}

/* The rest of a table whose function refuses, or writes it whole. */
static enum hotram_status write_any(enum table table)
{
    uint64_t count = nondet_uint64();

    if (fails[table])
        return ends(HOTRAM_E_ARGUMENT);
    ASSUME(count <= LONGEST);
    append(count);
    return ends(buffer.length <= buffer.capacity ? HOTRAM_OK : HOTRAM_E_BUFFER);
}

/* ---- The stand-ins ---- */

void hotram_buffer_zeros(struct hotram_buffer *out, size_t count)
{
    PROVE(out == &buffer && last == NONE && out->length == 0 && count == HOTRAM_ACPI_RSDP_LENGTH);
    last = POINTER;
    append(count);
    end_of_last = out->length;
}

void hotram_buffer_align(struct hotram_buffer *out, size_t align)
{
    PROVE(out == &buffer && align > 0 && (align & (align - 1)) == 0);
    append((align - out->length % align) % align);
}

enum hotram_status hotram_buffer_status(const struct hotram_buffer *out)
{
    return out->length <= out->capacity ? HOTRAM_OK : HOTRAM_E_BUFFER;
}

enum hotram_status hotram_buffer_init(struct hotram_buffer *out, uint8_t *data, size_t capacity)
{
    PROVE(out != &buffer);
    *out = (struct hotram_buffer){ .data = data, .capacity = capacity };
    return HOTRAM_OK;
}

enum hotram_status hotram_acpi_facs(struct hotram_buffer *out)
{
    begins(out, FACS, 64);
    append(64);
    return ends(hotram_buffer_status(out));
}

static struct hotram_acpi_table *open_table;
static struct hotram_aml *open_aml;

enum hotram_status hotram_acpi_table_begin(struct hotram_acpi_table *table, struct hotram_buffer *out,
                                           const char *signature, uint8_t revision,
                                           const struct hotram_acpi_ids *by)
{
    begins(out, DSDT, 16);
    PROVE(table && !open_table && by == &ids && revision >= 2);
    PROVE(signature[0] == 'D' && signature[1] == 'S' && signature[2] == 'D' && signature[3] == 'T');
    open_table = table;
    append(HOTRAM_ACPI_HEADER_LENGTH);
    return hotram_buffer_status(out);
}

enum hotram_status hotram_aml_begin(struct hotram_aml *aml, struct hotram_buffer *out)
{
    PROVE(aml && !open_aml && open_table && out == &buffer);
    open_aml = aml;
    return HOTRAM_OK;
}

/* What dsdt answers, and what the writer finds wrong, are two things. */
static enum hotram_status terms(struct hotram_aml *aml, void *opaque)
{
    enum hotram_status status = nondet_uint8();
    uint64_t count = nondet_uint64();

    PROVE(aml == open_aml && aml && opaque == &passed_on);
    ASSUME(count <= LONGEST);
    append(count);
    note(status);
    return status;
}

enum hotram_status hotram_aml_finish(struct hotram_aml *aml, size_t *length)
{
    enum hotram_status status = hotram_buffer_status(&buffer);

    PROVE(aml == open_aml && aml && !length);
    open_aml = NULL;
    if (fails[DSDT])
        status = nondet_bool() ? HOTRAM_E_ARGUMENT : HOTRAM_E_NESTING;
    note(status);
    return status;
}

enum hotram_status hotram_acpi_table_end(struct hotram_acpi_table *table)
{
    PROVE(table == open_table && table && !open_aml && last == DSDT);
    open_table = NULL;
    return ends(hotram_buffer_status(&buffer));
}

enum hotram_status hotram_acpi_fadt(struct hotram_buffer *out, const struct hotram_acpi_ids *by,
                                    const struct hotram_acpi_fadt *config)
{
    struct hotram_acpi_fadt wanted = set.fadt;
    size_t watched = nondet_size();

    begins(out, FADT, 16);
    wanted.dsdt = addresses[DSDT];
    wanted.facs = set.fadt.flags & HOTRAM_FADT_HW_REDUCED ? 0 : addresses[FACS];
    PROVE(by == &ids && config->dsdt == wanted.dsdt && config->facs == wanted.facs);
    ASSUME(watched >= offsetof(struct hotram_acpi_fadt, flags) && watched < sizeof wanted);
    PROVE(((const uint8_t *)config)[watched] == ((const uint8_t *)&wanted)[watched]);
    return write_any(FADT);
}

enum hotram_status hotram_acpi_madt(struct hotram_buffer *out, const struct hotram_acpi_ids *by,
                                    const struct hotram_acpi_madt *config)
{
    begins(out, MADT, 16);
    PROVE(by == &ids && config == set.madt && config);
    return write_any(MADT);
}

enum hotram_status hotram_acpi_srat(struct hotram_buffer *out, const struct hotram_acpi_ids *by,
                                    const struct hotram_acpi_cpu *of, size_t cpu_count,
                                    const struct hotram_acpi_memory *memories, size_t memory_count)
{
    begins(out, SRAT, 16);
    PROVE(by == &ids && of == set.cpus && cpu_count == set.cpu_count);
    PROVE(memories == set.memory && memory_count == set.memory_count && memory_count > 0);
    return write_any(SRAT);
}

/* It lists those that were written, and no other: FADT, MADT, SRAT. */
enum hotram_status hotram_acpi_xsdt(struct hotram_buffer *out, const struct hotram_acpi_ids *by,
                                    const uint64_t *tables, size_t count)
{
    size_t listed = 0;

    begins(out, XSDT, 16);
    PROVE(by == &ids);
    PROVE(tables[listed++] == addresses[FADT]);
    if (set.madt)
        PROVE(tables[listed++] == addresses[MADT]);
    if (set.memory_count > 0)
        PROVE(tables[listed++] == addresses[SRAT]);
    PROVE(count == listed);
    append(HOTRAM_ACPI_HEADER_LENGTH + 8 * count);
    return ends(hotram_buffer_status(out));
}

/* Over the bytes that the first call left for it, and only when all is well. */
enum hotram_status hotram_acpi_rsdp(struct hotram_buffer *out, const struct hotram_acpi_ids *by,
                                    uint64_t xsdt)
{
    PROVE(last == XSDT && said == HOTRAM_OK && buffer.length <= buffer.capacity);
    PROVE(out != &buffer && out->data == memory && out->length == 0);
    PROVE(out->capacity == HOTRAM_ACPI_RSDP_LENGTH && by == &ids && xsdt == addresses[XSDT]);
    last = DONE;
    return HOTRAM_OK;
}

/* ---- */

/* Any buffer that is empty, or not, and whose memory the real functions do not run over. */
static void arbitrary_arguments(void)
{
    buffer = before = (struct hotram_buffer){
        .data = nondet_bool() ? memory : NULL,
        .capacity = nondet_size(),
        .length = nondet_bool() ? 0 : nondet_size(),
    };
    ASSUME(buffer.data || buffer.capacity == 0);
    set.address = nondet_uint64();
    set.fadt.flags = nondet_uint32();
    set.fadt.boot_arch = nondet_uint16();
    set.fadt.pm1_event = nondet_uint16();
    set.fadt.gpe0_length = nondet_uint8();
    set.fadt.century = nondet_uint8();
    set.dsdt = nondet_bool() ? terms : NULL;
    set.opaque = &passed_on;
    set.madt = nondet_bool() ? &madt : NULL;
    set.cpus = nondet_bool() ? cpus : NULL;
    set.cpu_count = nondet_size();
    set.memory = nondet_bool() ? ranges : NULL;
    set.memory_count = nondet_size();
    for (unsigned i = FADT; i <= SRAT; i++)
        fails[i] = nondet_bool();
    fails[DSDT] = nondet_bool();
}

void prove_acpi_set(void)
{
    struct hotram_buffer *out = nondet_bool() ? &buffer : NULL;
    const struct hotram_acpi_ids *by = nondet_bool() ? &ids : NULL;
    const struct hotram_acpi_set *given = nondet_bool() ? &set : NULL;
    bool good, wraps;
    enum hotram_status status;

    arbitrary_arguments();
    good = out && by && given && set.dsdt && buffer.length == 0 && set.address % 64 == 0;
    status = hotram_acpi_set(out, by, given);
    PROVE(buffer.data == before.data && buffer.capacity == before.capacity);
    REACHABLE(!good);
    if (!good) {
        PROVE(status == HOTRAM_E_ARGUMENT && last == NONE && buffer.length == before.length);
        return;
    }
    PROVE((last == XSDT || last == DONE) && !open_table && !open_aml);
    wraps = end_of_last > UINT64_MAX - set.address;
    if (said != HOTRAM_OK)
        PROVE(status == said && buffer.length == 0);
    else if (wraps)
        PROVE(status == HOTRAM_E_ARGUMENT && buffer.length == 0);
    else
        PROVE(buffer.length == end_of_last &&
              status == (end_of_last <= buffer.capacity ? HOTRAM_OK : HOTRAM_E_BUFFER));
    PROVE((last == DONE) == (status == HOTRAM_OK));
    REACHABLE(status == HOTRAM_OK && set.madt && set.memory_count > 0);
    REACHABLE(status == HOTRAM_OK && !set.madt && set.memory_count == 0);
    REACHABLE(status == HOTRAM_E_BUFFER && !buffer.data);
    REACHABLE(status == HOTRAM_E_NESTING);
    REACHABLE(status == HOTRAM_E_ARGUMENT && said == HOTRAM_OK);
    REACHABLE(status == HOTRAM_E_STATE);
}
