/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -nic: QEMU's short form of a -netdev and the -device that uses it. It is taken apart into both, so that all
 * of them go one way from there: model= and mac= are the card's, everything else is the back end's.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "base/suggest.h"
#include "net/backend.h"
#include "options/parser.h"

#define CARD "virtio-net-pci"

static const char *const models[] = { CARD, CARD "-non-transitional", "virtio" };

static const char *find_model(const char *name, struct error *error)
{
    struct suggestion suggestion;
    char subject[160];

    if (!name || strcmp(name, "virtio") == 0)
        return CARD;
    suggestion_start(&suggestion, name);
    for (size_t i = 0; i < COUNT_OF(models); i++) {
        if (strcmp(models[i], name) == 0)
            return models[i];
        suggestion_offer(&suggestion, models[i]);
    }
    words_format(subject, sizeof subject, "Unsupported NIC model: '%.80s'", name);
    suggestion_fail(&suggestion, subject, error);
    return NULL;
}

/* nic0, nic1 ... */
static void choose_id(const struct config *config, char id[24])
{
    unsigned number = 0;

    do
        snprintf(id, 24, "nic%u", number++);
    while (netdev_option_is_taken(config, id));
}

static bool has_key(struct json_object *object, const char *key)
{
    return json_object_object_get_ex(object, key, NULL);
}

static bool add_card(struct parser *parser, const char *model, const char *mac, const char *netdev,
                     bool several, struct error *error)
{
    struct props props = { json_new_object(), true };
    bool good;

    add_string(props.object, "driver", model);
    add_string(props.object, "netdev", netdev);
    if (mac)
        add_string(props.object, "mac", mac);
    if (several)
        add_string(props.object, "mq", "on");
    good = device_option_add(parser, props, error);
    json_object_put(props.object);
    return good;
}

/* `object` becomes the back end's. */
static bool read_nic(struct parser *parser, struct json_object *object, struct error *error)
{
    const struct props props = { object, true };
    const char *given = keyval_get(object, "id");
    const char *model = find_model(keyval_get(object, "model"), error);
    char id[24], *mac = string_copy(keyval_get(object, "mac"));
    const bool several = has_key(object, "queues") || has_key(object, "fds");
    bool good = model != NULL;

    if (good && !given) {
        choose_id(parser->config, id);
        add_string(object, "id", id);
    }
    json_object_object_del(object, "model");
    json_object_object_del(object, "mac");
    good = good && netdev_option_add(parser, props, error) &&
           add_card(parser, model, mac, keyval_get(object, "id"), several, error);
    free(mac);
    return good;
}

bool option_nic(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = keyval_parse(argument, "type", error);
    const char *type = object ? keyval_get(object, "type") : NULL;
    const char *model = object ? keyval_get(object, "model") : NULL;
    bool good = object != NULL;

    if (good && model && is_help(model)) {
        help_names("Available NIC models:", models, COUNT_OF(models));
        parser->done = true;
    } else if (good && type && strcmp(type, "none") == 0) {
        good = json_object_object_length(object) == 1 ||
               error_set(error, "'none' is no network card, and has no properties");
    } else if (good) {
        good = read_nic(parser, object, error);
    }
    json_object_put(object);
    return good;
}
