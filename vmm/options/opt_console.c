/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who talks over which chardev: -serial, -device isa-serial, -monitor, -qmp, -mon, -qtest, -nographic, and
 * what happens when nobody says anything.
 *
 * hotram has no display, so a person who gives no option finds serial port and monitor on stdio, as with
 * QEMU's -nographic. Where QEMU would have put them into windows that nobody sees (-display none,
 * -daemonize), or where stdio is taken by another option, they are left out.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options/parser.h"

static const struct choice mon_keys[] = {
    { "chardev", NULL, NULL },
    { "id", NULL, NULL },
    { "mode", "readline|control", NULL },
    { "pretty", "on|off", NULL },
};

/* Text after a prefix, or NULL. */
static const char *after(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

static struct monitor_config *add_monitor(struct parser *parser, const char *chardev, bool control)
{
    struct config *config = parser->config;
    struct monitor_config *monitor = array_grow(&config->monitors, config->monitor_count, sizeof *monitor);

    config->monitor_count++;
    monitor->chardev = string_copy(chardev);
    monitor->control = control;
    return monitor;
}

/* There is one serial port. */
static bool take_serial(struct parser *parser, struct error *error)
{
    if (parser->serial_connected)
        return error_set(error, "hotram has one serial port, COM1, which an earlier option already uses");
    return parser->serial_connected = true;
}

bool console_add_serial(struct parser *parser, const char *chardev, struct error *error)
{
    if (!take_serial(parser, error))
        return false;
    if (chardev)
        replace_string(&parser->config->serial_chardev, chardev);
    parser->serial_given = true;
    return true;
}

/* The serial port and, with mon:, a monitor beside it on one chardev. */
static bool connect_serial(struct parser *parser, const char *device, bool monitor, const char *origin,
                           struct error *error)
{
    if (!chardev_from_short(parser, device, "serial0", monitor, origin, error))
        return false;
    replace_string(&parser->config->serial_chardev, "serial0");
    if (monitor)
        add_monitor(parser, "serial0", false);
    return true;
}

bool option_serial(struct parser *parser, const char *argument, struct error *error)
{
    const char *monitored = after(argument, "mon:"), *id = after(argument, "chardev:");
    char origin[256];

    parser->serial_given = true;
    parser->monitor_given |= monitored != NULL;
    if (strcmp(argument, "none") == 0)
        return true;
    if (!take_serial(parser, error))
        return false;
    if (id) {
        replace_string(&parser->config->serial_chardev, id);
        return true;
    }
    snprintf(origin, sizeof origin, "-serial %s", argument);
    return connect_serial(parser, monitored ? monitored : argument, monitored != NULL, origin, error);
}

static bool monitor_from_short(struct parser *parser, const char *option, const char *argument, bool control,
                               bool pretty, struct error *error)
{
    const char *id = after(argument, "chardev:");
    char label[32], origin[256];

    parser->monitor_given = true;
    if (strcmp(argument, "none") == 0)
        return true;
    snprintf(label, sizeof label, "compat_monitor%u", parser->monitors++);
    snprintf(origin, sizeof origin, "-%s %s", option, argument);
    if (!id && !chardev_from_short(parser, argument, label, false, origin, error))
        return false;
    add_monitor(parser, id ? id : label, control)->pretty = pretty;
    return true;
}

bool option_monitor(struct parser *parser, const char *argument, struct error *error)
{
    return monitor_from_short(parser, "monitor", argument, false, false, error);
}

bool option_qmp(struct parser *parser, const char *argument, struct error *error)
{
    return monitor_from_short(parser, "qmp", argument, true, false, error);
}

bool option_qmp_pretty(struct parser *parser, const char *argument, struct error *error)
{
    return monitor_from_short(parser, "qmp-pretty", argument, true, true, error);
}

static bool check_mon(const struct parser *parser, struct json_object *object, struct error *error)
{
    const char *id = keyval_get(object, "id"), *mode = keyval_get(object, "mode");
    bool pretty = false;

    if (!choices_check(object, mon_keys, sizeof mon_keys / sizeof mon_keys[0], "-mon", error))
        return false;
    if (!keyval_get(object, "chardev"))
        return error_set(error, "Parameter 'chardev' is missing: the id of a -chardev");
    if (id && !id_check(id, error))
        return false;
    for (size_t i = 0; id && i < parser->config->monitor_count; i++) {
        const char *taken = parser->config->monitors[i].id;

        if (taken && strcmp(taken, id) == 0)
            return error_set(error, "Duplicate ID '%.80s' for mon: already in use by an earlier one", id);
    }
    keyval_get_bool(object, "pretty", &pretty);
    if (pretty && (!mode || strcmp(mode, "control") != 0))
        return error_set(error, "pretty=on applies to QMP only; add mode=control or omit pretty");
    return true;
}

bool option_mon(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = keyval_parse(argument, "chardev", error);
    struct monitor_config *monitor;
    const char *mode;

    if (!object)
        return false;
    if (!check_mon(parser, object, error)) {
        json_object_put(object);
        return false;
    }
    mode = keyval_get(object, "mode");
    monitor = add_monitor(parser, keyval_get(object, "chardev"), mode && strcmp(mode, "control") == 0);
    if (keyval_get(object, "id"))
        monitor->id = string_copy(keyval_get(object, "id"));
    keyval_get_bool(object, "pretty", &monitor->pretty);
    parser->monitor_given = true;
    json_object_put(object);
    return true;
}

bool option_qtest(struct parser *parser, const char *argument, struct error *error)
{
    const char *id = after(argument, "chardev:");
    char origin[256];

    if (parser->config->qtest_chardev)
        return error_set(error, "-qtest was already given; only one is supported");
    snprintf(origin, sizeof origin, "-qtest %s", argument);
    if (strcmp(argument, "none") == 0)
        return true;
    if (!id && !chardev_from_short(parser, argument, "qtest", false, origin, error))
        return false;
    replace_string(&parser->config->qtest_chardev, id ? id : "qtest");
    return true;
}

bool option_nographic(struct parser *parser, const char *argument, struct error *error)
{
    (void)argument;
    (void)error;
    return parser->nographic = true;
}

static const struct chardev_config *find_stdio(const struct config *config)
{
    for (size_t i = 0; i < config->chardev_count; i++) {
        if (config->chardevs[i].kind == CHARDEV_STDIO)
            return &config->chardevs[i];
    }
    return NULL;
}

/* Serial port and monitor that no option has placed. */
static bool place_defaults(struct parser *parser, struct error *error)
{
    const struct config *config = parser->config;
    bool serial = !parser->serial_given && !config->no_defaults;
    bool monitor = !parser->monitor_given && !config->no_defaults;
    const char *origin = parser->nographic ? "-nographic" : "the default console";

    if (!serial && !monitor)
        return true;
    if (parser->nographic && config->daemonize)
        return error_set(
            error,
            "-nographic cannot be used with -daemonize: it puts the %s on stdio, which a daemon does not have; place it with %s, or use -display none instead of -nographic",
            serial ? "serial port" : "monitor", serial ? "-serial" : "-monitor");
    if (!parser->nographic && (parser->display_none || config->daemonize || find_stdio(config)))
        return true;
    if (serial)
        return connect_serial(parser, "stdio", monitor, origin, error);
    if (!chardev_from_short(parser, "stdio", "compat_monitor0", false, origin, error))
        return false;
    add_monitor(parser, "compat_monitor0", false);
    return true;
}

/* stdin and stdout can have one master, and a daemon has neither. */
static bool check_stdio(const struct config *config, struct error *error)
{
    const struct chardev_config *first = find_stdio(config);

    if (!first)
        return true;
    if (config->daemonize)
        return error_set(error, "%.200s cannot be used with -daemonize: a daemon has no stdio",
                         first->origin);
    for (const struct chardev_config *other = first + 1; other < config->chardevs + config->chardev_count;
         other++) {
        if (other->kind == CHARDEV_STDIO)
            return error_set(
                error,
                "stdio is used twice, by %.200s and by %.200s; -serial mon:stdio multiplexes serial port and monitor on it",
                first->origin, other->origin);
    }
    return true;
}

static bool missing_chardev(const struct config *config, const char *user, const char *id,
                            struct error *error)
{
    char names[512] = "";
    size_t used = 0;

    for (size_t i = 0; i < config->chardev_count && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.40s", i ? ", " : "",
                                 config->chardevs[i].id);
    if (config->chardev_count == 0)
        return error_set(error,
                         "%s: chardev '%.80s' not found: there are none; -chardev creates one, such as "
                         "-chardev null,id=%.80s",
                         user, id, id);
    return error_set(error, "%s: chardev '%.80s' not found; there %s: %s", user, id,
                     config->chardev_count == 1 ? "is" : "are", names);
}

/* One more user of a chardev; `users` counts them by the chardev's place. */
static bool check_user(const struct config *config, unsigned *users, const char *user, const char *id,
                       bool control, struct error *error)
{
    const struct chardev_config *chardev = chardev_config_find(config, id);

    if (!chardev)
        return missing_chardev(config, user, id, error);
    if (chardev->mux && control)
        return error_set(error, "%s: chardev '%.80s' has mux=on, which QMP and qtest do not support", user,
                         id);
    if (users[chardev - config->chardevs]++ && !chardev->mux)
        return error_set(error,
                         "%s: chardev '%.80s' (%.200s) is already in use; mux=on allows it to be shared",
                         user, id, chardev->origin);
    return true;
}

bool finish_console(struct parser *parser, struct error *error)
{
    const struct config *config = parser->config;
    unsigned *users;
    bool good;

    if (!place_defaults(parser, error) || !check_stdio(config, error))
        return false;
    users = calloc(config->chardev_count + 1, sizeof *users);
    if (!users)
        return error_set(error, "out of memory");
    good = (!config->serial_chardev ||
            check_user(config, users, "serial port", config->serial_chardev, false, error));
    for (size_t i = 0; good && i < config->monitor_count; i++) {
        const struct monitor_config *monitor = &config->monitors[i];

        good = check_user(config, users, monitor->control ? "QMP monitor" : "monitor", monitor->chardev,
                          monitor->control, error);
    }
    good = good && (!config->qtest_chardev ||
                    check_user(config, users, "-qtest", config->qtest_chardev, true, error));
    free(users);
    return good;
}
