/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -action, -watchdog-action, and the arguments of QMP's set-action and watchdog-set-action.
 */
#include <json-c/json.h>
#include <string.h>

#include "base/json_build.h"
#include "options/parser.h"

/* QEMU 7.2's. */
#define PANIC_ACTIONS "pause|shutdown|exit-failure|none"
static const struct {
    const char *name;
    enum panic_action action;
} panic_actions[] = {
    { "pause", PANIC_PAUSE },
    { "shutdown", PANIC_SHUTDOWN },
    { "exit-failure", PANIC_EXIT_FAILURE },
    { "none", PANIC_NONE },
};

#define WATCHDOG_ACTIONS "reset|shutdown|poweroff|pause|debug|none|inject-nmi"
static const struct {
    const char *name;
    enum watchdog_action action;
} watchdog_actions[] = {
    { "reset", WATCHDOG_RESETS },           { "shutdown", WATCHDOG_SHUTS_DOWN },
    { "poweroff", WATCHDOG_POWERS_OFF },    { "pause", WATCHDOG_PAUSES },
    { "debug", WATCHDOG_DEBUGS },           { "none", WATCHDOG_NOTHING },
    { "inject-nmi", WATCHDOG_INJECTS_NMI },
};

static const struct choice keys[] = {
    { "reboot", "reset|shutdown", NULL },
    { "shutdown", "poweroff|pause", NULL },
    { "panic", PANIC_ACTIONS, NULL },
    { "watchdog", WATCHDOG_ACTIONS, NULL },
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

/* A word that was checked, or NULL: nothing changes. */
static void set_watchdog(struct actions *actions, const char *word)
{
    for (size_t i = 0; word && i < sizeof watchdog_actions / sizeof watchdog_actions[0]; i++)
        if (strcmp(word, watchdog_actions[i].name) == 0)
            actions->watchdog = watchdog_actions[i].action;
}

bool watchdog_action_read(struct json_object *object, struct actions *actions, const char *what,
                          struct error *error)
{
    static const struct choice key = { "action", WATCHDOG_ACTIONS, NULL };

    if (!choices_check(object, &key, 1, what, error))
        return false;
    set_watchdog(actions, keyval_get(object, key.key));
    return true;
}

bool actions_read(struct json_object *object, struct actions *actions, const char *what, struct error *error)
{
    const char *reboot, *shutdown, *panic;

    if (!choices_check(object, keys, KEY_COUNT, what, error))
        return false;
    reboot = keyval_get(object, "reboot");
    shutdown = keyval_get(object, "shutdown");
    panic = keyval_get(object, "panic");
    if (reboot)
        actions->reboot_is_shutdown = strcmp(reboot, "shutdown") == 0;
    if (shutdown)
        actions->shutdown_is_pause = strcmp(shutdown, "pause") == 0;
    for (size_t i = 0; panic && i < sizeof panic_actions / sizeof panic_actions[0]; i++)
        if (strcmp(panic, panic_actions[i].name) == 0)
            actions->panic = panic_actions[i].action;
    set_watchdog(actions, keyval_get(object, "watchdog"));
    return true;
}

bool option_action(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = keyval_parse(argument, NULL, error);
    bool good = object && actions_read(object, &parser->config->actions, "-action", error);

    json_object_put(object);
    return good;
}

bool option_watchdog_action(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = json_new_object();
    bool good;

    add_string(object, "watchdog", argument);
    good = actions_read(object, &parser->config->actions, "-watchdog-action", error);
    json_object_put(object);
    return good;
}
