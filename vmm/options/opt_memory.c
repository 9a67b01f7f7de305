/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m [size=]N[,slots=S,maxmem=M], by QEMU's rules: a bare N counts MiB, a bare M counts bytes.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "layout/units.h"
#include "options/parser.h"

#define DEFAULT_RAM (128 * MIB)
#define RAM_MULTIPLE UINT64_C(8192)    /* RAM is rounded up to it, as in QEMU */
#define MAXMEM_MULTIPLE UINT64_C(4096) /* the guest's page */
#define SLOTS_MAX 256
#define MEMORY_MAX (UINT64_C(1) << 52) /* physical address bits that x86-64 can have at all */

struct memory_option {
    char *size, *slots, *maxmem;
};

static const struct property table[] = {
    PROPERTY_ROW(memory_option, "size", PROPERTY_STRING, size, NULL),
    PROPERTY_ROW(memory_option, "slots", PROPERTY_STRING, slots, NULL),
    PROPERTY_ROW(memory_option, "maxmem", PROPERTY_STRING, maxmem, NULL),
};
#define TABLE_COUNT (sizeof table / sizeof table[0])

static bool read_size(const char *key, const char *text, uint64_t unit, uint64_t *bytes, struct error *error)
{
    char limit[SIZE_TEXT_MAX];

    if (!size_parse(text, unit, bytes, error))
        return error_prefix(error, "Parameter '%s' ", key);
    if (*bytes > MEMORY_MAX)
        return error_set(error,
                         "Parameter '%s' expects at most %s, the limit of 52 address bits; got '%.80s'", key,
                         size_text(MEMORY_MAX, limit), text);
    return true;
}

static bool read_memory(struct parser *parser, const struct memory_option *option, struct error *error)
{
    if (option->size && *option->size && !read_size("size", option->size, MIB, &parser->ram_size, error))
        return false;
    if (option->slots && !option_number("slots", option->slots, 0, SLOTS_MAX, &parser->slots, error))
        return false;
    if (option->maxmem && !read_size("maxmem", option->maxmem, 1, &parser->maxmem, error))
        return false;
    parser->slots_given |= option->slots != NULL;
    parser->maxmem_given |= option->maxmem != NULL;
    if (option->maxmem)
        parser->maxmem_bare = option->maxmem[strspn(option->maxmem, "0123456789")] == '\0';
    return true;
}

bool option_memory(struct parser *parser, const char *argument, struct error *error)
{
    struct memory_option option = { 0 };
    struct props props = { keyval_parse(argument, "size", error), true };
    bool good;

    if (!props.object)
        return false;
    good = props_read(props, table, TABLE_COUNT, NULL, "-m", &option, error) &&
           read_memory(parser, &option, error);
    replace_string(&parser->config->memory, argument);
    props_free(table, TABLE_COUNT, &option);
    json_object_put(props.object);
    return good;
}

static bool check_maxmem(const struct parser *parser, uint64_t ram, struct error *error)
{
    char maxmem_text[SIZE_TEXT_MAX], ram_text[SIZE_TEXT_MAX], more[SIZE_TEXT_MAX];

    size_text(parser->maxmem, maxmem_text);
    size_text(ram, ram_text);
    if (parser->maxmem < ram)
        return error_set(
            error,
            "maxmem is %s, less than the RAM at start, %s; it includes the RAM at start and all DIMMs, such as maxmem=%s%s",
            maxmem_text, ram_text, size_word(4 * ram, more),
            parser->maxmem_bare ? " (without a suffix maxmem counts bytes)" : "");
    if (parser->slots && parser->maxmem == ram)
        return error_set(
            error,
            "slots=%" PRIu32
            " but maxmem, %s, is equal to the RAM at start, so nothing could be plugged; raise maxmem or omit slots",
            parser->slots, maxmem_text);
    if (parser->maxmem % MAXMEM_MULTIPLE)
        return error_set(error, "maxmem is %s; it must be a multiple of %s", maxmem_text,
                         size_text(MAXMEM_MULTIPLE, ram_text));
    return true;
}

/* The size of -machine memory-backend= is that of the RAM; -m may repeat it. */
static bool take_backend_size(const struct parser *parser, uint64_t *ram, struct error *error)
{
    const char *id = parser->config->ram_backend;
    const struct object_config *backend = backend_config_find(parser->config, id);
    char ram_text[SIZE_TEXT_MAX], size_of[SIZE_TEXT_MAX];
    uint64_t size;

    if (!backend)
        return error_set(
            error,
            "-machine memory-backend=%.80s: Memory backend '%.80s' not found: it expects the id or the path of an -object; add -object memory-backend-ram,id=%.80s,size=SIZE",
            id, id, id_well_formed(id) ? id : "ID");
    replace_string(&parser->config->ram_backend, backend_config_id(backend)); /* it may have been a path */
    id = parser->config->ram_backend;
    if (!backend_config_size(backend, &size, error))
        return error_prefix(error, "-machine memory-backend=%.80s: ", id);
    if (size == 0 || size % RAM_MULTIPLE || size > MEMORY_MAX)
        return error_set(
            error,
            "-machine memory-backend=%.80s: it has %s; the RAM at start must be a multiple of %s, and "
            "at most %s",
            id, size_text(size, size_of), size_text(RAM_MULTIPLE, ram_text),
            size_text(MEMORY_MAX, (char[SIZE_TEXT_MAX]){ 0 }));
    if (parser->ram_size && size != *ram)
        return error_set(error,
                         "Machine memory size does not match the size of the memory backend: -m gives %s, "
                         "'%.80s' has %s; make them equal, or omit the size in -m",
                         size_text(*ram, ram_text), id, size_text(size, size_of));
    *ram = size;
    return true;
}

static bool check_slots(const struct parser *parser, uint64_t ram, struct error *error)
{
    char ram_word[SIZE_TEXT_MAX], maxmem_word[SIZE_TEXT_MAX];

    if (parser->slots_given && !parser->maxmem_given)
        return error_set(error,
                         "slots=%" PRIu32
                         " requires maxmem, the maximum memory of the guest, for example -m %s,slots=%" PRIu32
                         ",maxmem=%s",
                         parser->slots, size_word(ram, ram_word), parser->slots,
                         size_word(4 * ram, maxmem_word));
    return !parser->maxmem_given || check_maxmem(parser, ram, error);
}

bool finish_memory(struct parser *parser, struct error *error)
{
    struct config *config = parser->config;
    uint64_t ram = parser->ram_size ? parser->ram_size : DEFAULT_RAM;

    ram = (ram + RAM_MULTIPLE - 1) / RAM_MULTIPLE * RAM_MULTIPLE;
    if (config->ram_backend && strcmp(config->machine, "none") != 0 &&
        !take_backend_size(parser, &ram, error))
        return false;
    if (!check_slots(parser, ram, error))
        return error_prefix(error, "-m %.200s: ", config->memory);
    if (!memslots_imply(parser, ram, error))
        return false;
    config->ram_size = ram;
    config->slots = parser->slots;
    /* Without slots the addresses are those of virtio-mem devices, which guests find by ACPI's SRAT. */
    config->maxmem = parser->slots || (parser->maxmem_given && config->acpi) ? parser->maxmem : ram;
    return true;
}
