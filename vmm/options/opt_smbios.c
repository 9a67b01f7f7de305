/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -smbios: what the tables say that dmidecode shows in the guest (firmware/smbios.h). Words are QEMU's.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "firmware/smbios.h"
#include "options/parser.h"

#define PREFIX_MAX 100u /* bytes of what stands before a number */

#define TEXT(name, field, help) PROPERTY_ROW(smbios_config, name, PROPERTY_STRING, field, help)
#define NUMBER16(name, field, help) \
    PROPERTY_ROW_GIVEN_RANGE(smbios_config, name, PROPERTY_UINT32, field, help, NUMBER_RANGE(0, UINT16_MAX))

static const struct property bios[] = {
    TEXT("vendor", bios.vendor, "who made the firmware"),
    TEXT("version", bios.version, "its version"),
    TEXT("date", bios.date, "its date, MM/DD/YYYY"),
    TEXT("release", bios.release, "its release, MAJOR.MINOR of numbers up to 255"),
    PROPERTY_ROW(smbios_config, "uefi", PROPERTY_BOOL, bios.uefi, "it is UEFI (default off)"),
};
static const struct property system_rows[] = {
    TEXT("manufacturer", system.manufacturer, "who made the machine (default hotram)"),
    TEXT("product", system.product, "what it is (default: the machine type)"),
    TEXT("version", system.version, "its version"),
    TEXT("serial", system.serial, "its serial number"),
    TEXT("uuid", system.uuid, "its UUID (default: that of -uuid)"),
    TEXT("sku", system.sku, "its number in the catalogue"),
    TEXT("family", system.family, "the family that it belongs to"),
};
static const struct property board[] = {
    TEXT("manufacturer", board.manufacturer, "who made the board (default hotram)"),
    TEXT("product", board.product, "what it is (default: the machine type)"),
    TEXT("version", board.version, "its version"),
    TEXT("serial", board.serial, "its serial number"),
    TEXT("asset", board.asset, "its asset tag"),
    TEXT("location", board.location, "where in the chassis it is"),
};
static const struct property chassis[] = {
    TEXT("manufacturer", chassis.manufacturer, "who made the chassis (default hotram)"),
    TEXT("version", chassis.version, "its version"),
    TEXT("serial", chassis.serial, "its serial number"),
    TEXT("asset", chassis.asset, "its asset tag"),
    TEXT("sku", chassis.sku, "its number in the catalogue"),
};
static const struct property processor[] = {
    TEXT("sock_pfx", processor.socket, "what the number of a socket follows (default CPU)"),
    TEXT("manufacturer", processor.manufacturer, "who made the processors (default hotram)"),
    TEXT("version", processor.version, "their version (default: the machine type)"),
    TEXT("serial", processor.serial, "their serial number"),
    TEXT("asset", processor.asset, "their asset tag"),
    TEXT("part", processor.part, "their part number"),
    NUMBER16("max-speed", processor.max_speed, "MHz that they can have (default 2000)"),
    NUMBER16("current-speed", processor.speed, "MHz that they have (default 2000)"),
    PROPERTY_ROW_GIVEN(smbios_config, "processor-id", PROPERTY_UINT64, processor.id,
                       "their 64-bit id (default 0)"),
};
static const struct property memory[] = {
    TEXT("loc_pfx", memory.locator, "what the number of a piece of RAM follows (default DIMM)"),
    TEXT("bank", memory.bank, "the bank of each piece"),
    TEXT("manufacturer", memory.manufacturer, "who made the memory (default hotram)"),
    TEXT("serial", memory.serial, "its serial number"),
    TEXT("asset", memory.asset, "its asset tag"),
    TEXT("part", memory.part, "its part number"),
    NUMBER16("speed", memory.speed, "MT/s (default 0: unknown)"),
};

#define BYTE(values, name, field, help) \
    PROPERTY_ROW_RANGE(values, name, PROPERTY_UINT32, field, help, NUMBER_RANGE(0, UINT8_MAX))

static const struct property ports[] = {
    PROPERTY_ROW(smbios_port, "internal_reference", PROPERTY_STRING, internal, "its name on the board"),
    PROPERTY_ROW(smbios_port, "external_reference", PROPERTY_STRING, external, "its name on the chassis"),
    BYTE(smbios_port, "connector_type", connector, "DSP0134, 7.9.2 (default 0: none)"),
    BYTE(smbios_port, "port_type", port, "DSP0134, 7.9.3 (default 0: none)"),
};
static const struct property slots[] = {
    PROPERTY_ROW(smbios_slot, "slot_designation", PROPERTY_STRING, designation, "its name"),
    BYTE(smbios_slot, "slot_type", type, "DSP0134, 7.10.1"),
    BYTE(smbios_slot, "slot_data_bus_width", width, "DSP0134, 7.10.2"),
    BYTE(smbios_slot, "current_usage", usage, "DSP0134, 7.10.3"),
    BYTE(smbios_slot, "slot_length", length, "DSP0134, 7.10.4"),
    PROPERTY_ROW_RANGE(smbios_slot, "slot_id", PROPERTY_UINT32, id, "its number",
                       NUMBER_RANGE(0, UINT16_MAX)),
    BYTE(smbios_slot, "slot_characteristics1", characteristics1, "DSP0134, 7.10.6"),
    BYTE(smbios_slot, "slot_characteristics2", characteristics2, "DSP0134, 7.10.7"),
    PROPERTY_ROW(smbios_slot, "pci_device", PROPERTY_STRING, pci_device,
                 "id of the device that is there, on pcie.0"),
};
static const struct property onboards[] = {
    PROPERTY_ROW(smbios_onboard, "designation", PROPERTY_STRING, designation, "its name"),
    PROPERTY_ROW_WORDS(smbios_onboard, "kind", kind, "what it is", smbios_onboard_kinds),
    BYTE(smbios_onboard, "instance", instance, "its number among those of its kind"),
    PROPERTY_ROW(smbios_onboard, "pcidev", PROPERTY_STRING, pci_device, "id of the device, on pcie.0"),
};

#define LIST(field) \
    { \
        sizeof(*((struct smbios_config *)NULL)->field##s), offsetof(struct smbios_config, field##s), \
            offsetof(struct smbios_config, field##_count) \
    }

static const struct smbios_rows {
    unsigned type;
    const struct property *rows;
    size_t count;
    /* Of a type that may be there several times; size 0: it is there once, and options add up. */
    struct {
        size_t size, array, count;
    } list;
} types[] = {
    { 0, bios, COUNT_OF(bios), { 0 } },
    { 1, system_rows, COUNT_OF(system_rows), { 0 } },
    { 2, board, COUNT_OF(board), { 0 } },
    { 3, chassis, COUNT_OF(chassis), { 0 } },
    { 4, processor, COUNT_OF(processor), { 0 } },
    { 8, ports, COUNT_OF(ports), LIST(port) },
    { 9, slots, COUNT_OF(slots), LIST(slot) },
    { 17, memory, COUNT_OF(memory), { 0 } },
    { 41, onboards, COUNT_OF(onboards), LIST(onboard) },
};
#define TYPES "0, 1, 2, 3, 4, 8, 9, 11, 17 or 41"

/* The largest of the structs of lists. */
union listed {
    struct smbios_port port;
    struct smbios_slot slot;
    struct smbios_onboard onboard;
};

static const struct smbios_rows *find_type(const char *word)
{
    char number[16];

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        snprintf(number, sizeof number, "%u", types[i].type);
        if (strcmp(word, number) == 0)
            return &types[i];
    }
    return NULL;
}

static bool check_prefix(const char *name, const char *text, struct error *error)
{
    return !text || strlen(text) <= PREFIX_MAX ||
           error_set(error, "Parameter '%s' expects at most %u bytes; got %zu", name, PREFIX_MAX,
                     strlen(text));
}

/* What a table of properties cannot say of values. */
static bool check_values(const struct smbios_config *values, struct error *error)
{
    uint8_t uuid[16], major, minor;

    if (values->system.uuid && !smbios_uuid_parse(values->system.uuid, uuid))
        return error_set(
            error,
            "Parameter 'uuid' expects a UUID such as 8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80; got '%.80s'",
            values->system.uuid);
    if (values->bios.release && !smbios_release_parse(values->bios.release, &major, &minor))
        return error_set(error, "Parameter 'release' expects MAJOR.MINOR, two numbers up to 255; got '%.80s'",
                         values->bios.release);
    return check_prefix("sock_pfx", values->processor.socket, error) &&
           check_prefix("loc_pfx", values->memory.locator, error);
}

/* The properties that this option gives replace those of earlier ones. */
static void merge(const struct smbios_rows *type, struct json_object *object, struct smbios_config *values,
                  struct smbios_config *config)
{
    for (size_t i = 0; i < type->count; i++) {
        const struct property *row = &type->rows[i];
        void *from = (char *)values + row->offset, *to = (char *)config + row->offset;

        if (!json_object_object_get_ex(object, row->name, NULL))
            continue;
        if (row->type == PROPERTY_STRING) {
            free(*(char **)to);
            *(char **)to = *(char **)from;
            *(char **)from = NULL;
            continue;
        }
        memcpy(to, from, row->type == PROPERTY_UINT64 ? sizeof(uint64_t) : sizeof(uint32_t));
        *((bool *)config + row->given) = true;
    }
}

static bool read_type(struct parser *parser, const struct smbios_rows *type, struct props props,
                      struct error *error)
{
    static const char *const skip[] = { "type", NULL };
    struct smbios_config values = { 0 };
    bool good = props_read(props, type->rows, type->count, skip, "smbios", &values, error) &&
                check_values(&values, error);

    if (good)
        merge(type, props.object, &values, &parser->config->smbios);
    if (good && type->type == 2)
        parser->config->smbios.board.present = true;
    props_free(type->rows, type->count, &values);
    return good;
}

/* The address of the pointer to its structs. */
static void *array_of(const struct smbios_rows *type, struct smbios_config *config)
{
    return (char *)config + type->list.array;
}

static size_t *count_of(const struct smbios_rows *type, struct smbios_config *config)
{
    return (size_t *)((char *)config + type->list.count);
}

static bool add_one(struct parser *parser, const struct smbios_rows *type, struct props props,
                    struct error *error)
{
    static const char *const skip[] = { "type", NULL };
    struct smbios_config *config = &parser->config->smbios;
    union listed values;
    void *place;

    memset(&values, 0, sizeof values);
    if (*count_of(type, config) == SMBIOS_LIST_MAX)
        return error_set(error, "type=%u is given %u times, which is the limit", type->type, SMBIOS_LIST_MAX);
    if (!props_read(props, type->rows, type->count, skip, "smbios", &values, error))
        return false;
    place = array_grow(array_of(type, config), (*count_of(type, config))++, type->list.size);
    memcpy(place, &values, type->list.size);
    return true;
}

/* Strings of whoever runs the guest. Of several in one option only the last would be left. */
static bool read_value(struct parser *parser, const char *argument, struct json_object *object,
                       struct error *error)
{
    struct smbios_config *smbios = &parser->config->smbios;
    const char *value = keyval_get(object, "value"), *first = strstr(argument, "value=");
    char **place;

    json_object_object_foreach(object, key, unused)
    {
        (void)unused;
        if (strcmp(key, "type") != 0 && strcmp(key, "value") != 0)
            return error_set(error, "type=11 has no property '%.80s'; available: value", key);
    }
    if (!value || !*value)
        return error_set(error, "Parameter 'value' is missing: type=11,value=TEXT");
    if (first && strstr(first + 1, ",value=") && !strstr(value, "value="))
        return error_set(error, "value= is given twice; each text has a -smbios type=11,value= of its own");
    if (smbios->value_count == UINT8_MAX)
        return error_set(error, "type=11 has %u texts, which is the limit", UINT8_MAX);
    place = array_grow(&smbios->values, smbios->value_count++, sizeof *place);
    *place = string_copy(value);
    return true;
}

static bool show_help(const char *word)
{
    const struct smbios_rows *type = find_type(word);

    if (!type)
        return false;
    help_properties("smbios", type->rows, type->count);
    return true;
}

static bool read_smbios(struct parser *parser, const char *argument, struct props props, struct error *error)
{
    const char *word = keyval_get(props.object, "type");
    const struct smbios_rows *type = word ? find_type(word) : NULL;

    if (keyval_get(props.object, "file"))
        return error_set(error,
                         "file= is not available: hotram builds the structures itself, of type=N,KEY=VALUE");
    if (!word)
        return error_set(error, "Parameter 'type' is missing: type=N,KEY=VALUE; N is " TYPES);
    if (keyval_get(props.object, "help") && show_help(word)) {
        parser->done = true;
        return true;
    }
    if (strcmp(word, "11") == 0)
        return read_value(parser, argument, props.object, error);
    if (!type)
        return error_set(error, "Parameter 'type' expects " TYPES "; got '%.80s'", word);
    return type->list.size > 0 ? add_one(parser, type, props, error) : read_type(parser, type, props, error);
}

bool option_smbios(struct parser *parser, const char *argument, struct error *error)
{
    struct props props = { keyval_parse(argument, NULL, error), true };
    const bool good = props.object && read_smbios(parser, argument, props, error);

    json_object_put(props.object);
    return good;
}

void smbios_config_free(struct smbios_config *config)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const struct smbios_rows *type = &types[i];
        char *array;

        if (type->list.size == 0) {
            props_free(type->rows, type->count, config);
            continue;
        }
        memcpy(&array, array_of(type, config), sizeof array);
        for (size_t one = 0; one < *count_of(type, config); one++)
            props_free(type->rows, type->count, array + one * type->list.size);
        free(array);
    }
    for (size_t i = 0; i < config->value_count; i++)
        free(config->values[i]);
    free(config->values);
}
