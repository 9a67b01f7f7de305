/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of a few words: -name, -uuid, -rtc, -msg, -overcommit, -sandbox, -display, -vga, -audiodev.
 */
#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/count_of.h"
#include "base/uuid.h"
#include "options/parser.h"

static const struct choice name_keys[] = { { "guest", NULL, NULL }, { "debug-threads", "on|off", NULL } };
static const struct choice rtc_keys[] = {
    { "base", NULL, NULL },
    { "clock", "host", "the clock runs with the host's" },
    { "driftfix", "none|slew", NULL },
};
static const struct choice msg_keys[] = { { "timestamp", "on|off", NULL }, { "guest-name", "on|off", NULL } };
static const struct choice overcommit_keys[] = {
    { "mem-lock", "on|off", NULL },
    { "cpu-pm", "off", "idle vCPUs always yield the host CPU" },
};
/* What QEMU lets its sandbox allow or deny, hotram does not do at all: each of these is always denied. */
static const struct choice sandbox_keys[] = {
    { "enable", "on|off|log", NULL },
    { "obsolete", "allow|deny", NULL },
    { "elevateprivileges", "allow|deny|children", NULL },
    { "spawn", "allow|deny", NULL },
    { "resourcecontrol", "allow|deny", NULL },
};
static const struct choice display_keys[] = { { "type", "none", "hotram has no display" } };
/* libvirt always gives {"id":"audio1","driver":"none"}: the sound of a machine that makes none. */
static const struct choice audiodev_keys[] = {
    { "driver", "none", "hotram has no sound" },
    { "id", NULL, NULL },
};
static const struct choice vga_keys[] = { { "type", "none", "hotram has no video card" } };

/* Parse "key=value,..." and hold it against the table; NULL and an error when it does not fit. */
static struct json_object *read_keys(const char *argument, const char *implied_key,
                                     const struct choice *table, size_t count, const char *what,
                                     struct error *error)
{
    struct json_object *object = keyval_parse(argument, implied_key, error);

    if (object && !choices_check(object, table, count, what, error)) {
        json_object_put(object);
        return NULL;
    }
    return object;
}

bool option_name(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = read_keys(argument, "guest", name_keys, COUNT_OF(name_keys), "-name", error);

    if (!object)
        return false;
    if (keyval_get(object, "guest"))
        replace_string(&parser->config->name, keyval_get(object, "guest"));
    keyval_get_bool(object, "debug-threads", &parser->config->debug_threads);
    json_object_put(object);
    return true;
}

bool option_incoming(struct parser *parser, const char *argument, struct error *error)
{
    static const char file[] = "file:";
    static const char *const others[] = { "unix:", "tcp:", "fd:", "exec:" };
    struct config *config = parser->config;
    bool known = strcmp(argument, "defer") == 0;

    for (size_t i = 0; i < COUNT_OF(others); i++)
        known = known ||
                (strncmp(argument, others[i], strlen(others[i])) == 0 && argument[strlen(others[i])]);
    if (strncmp(argument, file, strlen(file)) == 0 && argument[strlen(file)]) {
        replace_string(&config->snapshot_file, argument + strlen(file));
        free(config->incoming);
        config->incoming = NULL;
        return true;
    }
    if (!known)
        return error_set(
            error,
            "expects file:FILE, a snapshot that machine-snapshot wrote, unix:PATH, tcp:ADDRESS:PORT, "
            "exec:COMMAND, fd:N or defer; got '%s'",
            argument);
    replace_string(&config->incoming, argument);
    free(config->snapshot_file);
    config->snapshot_file = NULL;
    return true;
}

bool option_uuid(struct parser *parser, const char *argument, struct error *error)
{
    if (!uuid_parse(argument, parser->config->uuid))
        return error_set(error, "expects " UUID_FORM "; got '%.80s'", argument);
    parser->config->uuid_given = true;
    return true;
}

/* "2006-06-17" or "2006-06-17T16:01:21", in UTC. mktime's normalisation shows what is not in the calendar. */
static bool read_date(const char *text, int64_t *seconds)
{
    static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d" };

    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct tm tm = { 0 }, same;
        const char *end = strptime(text, forms[i], &tm);
        time_t time;

        if (!end || *end || isspace((unsigned char)*text))
            continue;
        same = tm;
        time = timegm(&same);
        if (same.tm_mday != tm.tm_mday || same.tm_sec != tm.tm_sec)
            return false;
        *seconds = time;
        return true;
    }
    return false;
}

bool option_rtc(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = read_keys(argument, NULL, rtc_keys, COUNT_OF(rtc_keys), "-rtc", error);
    struct config *config = parser->config;
    const char *base;
    bool good = true;

    if (!object)
        return false;
    base = keyval_get(object, "base");
    if (base && strcmp(base, "utc") == 0)
        config->rtc_base = RTC_UTC;
    else if (base && strcmp(base, "localtime") == 0)
        config->rtc_base = RTC_LOCALTIME;
    else if (base && read_date(base, &config->rtc_date))
        config->rtc_base = RTC_DATE;
    else if (base)
        good = error_set(error,
                         "Parameter 'base' expects utc, localtime, or a date such as 2006-06-17 or "
                         "2006-06-17T16:01:21; got '%.80s'",
                         base);
    json_object_put(object);
    return good;
}

bool option_msg(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = read_keys(argument, NULL, msg_keys, COUNT_OF(msg_keys), "-msg", error);

    if (!object)
        return false;
    keyval_get_bool(object, "timestamp", &parser->config->timestamps);
    keyval_get_bool(object, "guest-name", &parser->config->message_guest_name);
    json_object_put(object);
    return true;
}

bool option_overcommit(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = read_keys(argument, NULL, overcommit_keys, COUNT_OF(overcommit_keys),
                                           "-overcommit", error);

    if (!object)
        return false;
    keyval_get_bool(object, "mem-lock", &parser->config->lock_memory);
    json_object_put(object);
    return true;
}

bool option_sandbox(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = read_keys(argument, "enable", sandbox_keys, COUNT_OF(sandbox_keys),
                                           "-sandbox", error);
    const char *enable;
    bool on = false;

    if (!object)
        return false;
    enable = keyval_get(object, "enable");
    keyval_get_bool(object, "enable", &on);
    parser->config->sandbox = !enable                      ? SANDBOX_DEFAULT
                              : strcmp(enable, "log") == 0 ? SANDBOX_LOG
                              : on                         ? SANDBOX_ON
                                                           : SANDBOX_OFF;
    json_object_put(object);
    return true;
}

bool option_display(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object;

    if (is_help(argument)) {
        puts("Available display backend types:\nnone");
        parser->done = true;
        return true;
    }
    if (leave_out_word(parser, "gtk sdl curses cocoa vnc dbus spice-app egl-headless", argument,
                       strcspn(argument, ",="), "hotram has no display"))
        return true;
    object = read_keys(argument, "type", display_keys, COUNT_OF(display_keys), "-display", error);
    parser->display_none = object != NULL;
    json_object_put(object);
    return object != NULL;
}

bool option_vga(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object;

    if (leave_out_word(parser, "std cirrus vmware qxl virtio", argument, strlen(argument),
                       "hotram has no video card"))
        return true;
    object = read_keys(argument, "type", vga_keys, COUNT_OF(vga_keys), "-vga", error);
    json_object_put(object);
    return object != NULL;
}

bool option_audiodev(struct parser *parser, const char *argument, struct error *error)
{
    bool keyval, good;
    struct json_object *object = props_parse(argument, "driver", &keyval, error);
    const char *driver = object ? keyval_get(object, "driver") : NULL;

    if (!object)
        return false;
    if (driver &&
        leave_out_word(parser, "alsa coreaudio dbus dsound jack oss pa pipewire sdl sndio spice wav", driver,
                       strlen(driver), "hotram has no sound")) {
        json_object_put(object);
        return true;
    }
    good = choices_check(object, audiodev_keys, COUNT_OF(audiodev_keys), "-audiodev", error);
    for (size_t i = 0; good && i < COUNT_OF(audiodev_keys); i++) {
        if (!keyval_get(object, audiodev_keys[i].key))
            good = error_set(error, "Parameter '%s' is missing", audiodev_keys[i].key);
    }
    json_object_put(object);
    return good;
}
