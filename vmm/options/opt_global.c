/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -global: a property of all devices of a kind. As in QEMU it changes nothing for a kind of which there is
 * none, and hotram has few: libvirt gives properties of the chips that QEMU's machines consist of. One of
 * them has an effect: whether the watchdog may act.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "device/type.h"
#include "options/parser.h"

#define NAME_MAX_LENGTH 64

/* Properties by which a chip is asked for what the machine cannot do, and the value that asks for nothing. */
static const struct {
    const char *driver, *property;
    bool harmless;
    const char *reason;
} asked[] = {
    { "ICH9-LPC", "disable_s3", true, "the guest has no suspend to RAM" },
    { "ICH9-LPC", "disable_s4", true, "the guest has no suspend to disk" },
    { "PIIX4_PM", "disable_s3", true, "the guest has no suspend to RAM" },
    { "PIIX4_PM", "disable_s4", true, "the guest has no suspend to disk" },
    { "cfi.pflash01", "secure", false,
      "flash that only system management mode may change requires that mode, which the machine lacks" },
};

/* QEMU's words of a boolean, and numbers. */
static bool read_switch(const char *property, const char *value, bool *on, struct error *error)
{
    *on = strcmp(value, "0") != 0;
    return !*on || strcmp(value, "1") == 0 || bool_parse(value, on) ||
           error_set(error, "Parameter '%.60s' expects on or off; got '%.60s'", property, value);
}

/* Where ICH9-LPC is a chip of the machine; of the others nobody reads it. */
static bool set_watchdog(struct parser *parser, const char *value, struct error *error)
{
    bool strapped;

    if (!read_switch("noreboot", value, &strapped, error))
        return false;
    parser->config->watchdog_strapped = strapped;
    return true;
}

static bool check(struct parser *parser, const char *driver, const char *property, const char *value,
                  struct error *error)
{
    const bool is_object = strncmp(driver, "memory-backend", 14) == 0;
    const struct device_type *type = device_type_find(driver);
    bool on;

    if (is_object || (type && !type->build)) /* no option makes a chip */
        return error_set(error, "defaults for %.60s are not supported: set '%.60s' in each -%s", driver,
                         property, is_object ? "object" : "device");
    if (strcmp(driver, "ICH9-LPC") == 0 && strcmp(property, "noreboot") == 0)
        return set_watchdog(parser, value, error);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        if (strcmp(asked[i].driver, driver) != 0 || strcmp(asked[i].property, property) != 0)
            continue;
        if (!read_switch(property, value, &on, error))
            return false;
        if (on != asked[i].harmless)
            return error_set(error, "%s: omit it, or set it to %s", asked[i].reason,
                             asked[i].harmless ? "1" : "0");
    }
    return true;
}

/* "DRIVER.PROPERTY=VALUE" */
static bool check_short(struct parser *parser, const char *argument, struct error *error)
{
    char driver[NAME_MAX_LENGTH], property[NAME_MAX_LENGTH];
    int end = 0;

    if (sscanf(argument, "%63[^.=].%63[^=]=%n", driver, property, &end) != 2 || end == 0)
        return error_set(error, "expects DRIVER.PROPERTY=VALUE; got '%.80s'", argument);
    return check(parser, driver, property, argument + end, error);
}

static bool check_long(struct parser *parser, struct json_object *object, struct error *error)
{
    static const struct choice keys[] = {
        { "driver", NULL, NULL },
        { "property", NULL, NULL },
        { "value", NULL, NULL },
    };

    if (!choices_check(object, keys, sizeof keys / sizeof keys[0], "-global", error))
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!keyval_get(object, keys[i].key))
            return error_set(error, "Parameter '%s' is missing", keys[i].key);
    return check(parser, keyval_get(object, "driver"), keyval_get(object, "property"),
                 keyval_get(object, "value"), error);
}

bool option_global(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object;
    bool good;

    if (argument[strcspn(argument, ".=")] == '.')
        return check_short(parser, argument, error);
    object = keyval_parse(argument, NULL, error);
    good = object && check_long(parser, object, error);
    json_object_put(object);
    return good;
}
