/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands for network back ends and the cards that use them. Shapes are QEMU's (qapi/net.json).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/result.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/pending.h"
#include "monitor/session.h"
#include "net/announce.h"
#include "net/backend.h"
#include "net/type.h"
#include "virtio/net.h"

static const char *mac_text(const uint8_t mac[6], char text[20])
{
    snprintf(text, 20, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    return text;
}

static bool net_type(size_t index, const char **name, const struct property **table, size_t *count)
{
    const struct net_type *type = net_type_at(index);

    if (!type)
        return false;
    *name = type->name;
    *table = type->properties;
    *count = type->property_count;
    return true;
}

static const char *net_id(const char *type)
{
    (void)type;
    return "net0";
}

static const struct type_family net_types = {
    .what = "network back end", .key = "type", .example_id = net_id, .type = net_type
};

/* It is there, or its program did not begin. */
static void add_ended(void *opaque, const struct error *error)
{
    pending_finish(opaque, NULL, error);
}

static bool run_add(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    struct props props = { args, context->keyval };
    const struct completion completion = { .ended = add_ended, .opaque = command_defer(context) };
    enum outcome outcome;

    (void)result;
    if (!completion.opaque)
        return error_set(error, "out of memory");
    outcome = net_backend_add(machine_nets(context->machine), props, &completion, error);
    if (outcome != OUTCOME_LATER)
        command_undefer(context);
    return outcome != OUTCOME_FAILED;
}

static bool run_delete(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    (void)result;
    return net_backend_remove(machine_nets(context->machine), get_string(args, "id"), error);
}

static bool set_link(struct monitor_context *context, const char *name, bool up, struct error *error)
{
    struct net_backend *backend = net_cable_require(machine_nets(context->machine), name, error);

    if (backend)
        net_backend_set_link(backend, up);
    return backend != NULL;
}

static bool run_link(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    (void)result;
    return set_link(context, get_string(args, "name"),
                    json_object_get_boolean(json_object_object_get(args, "up")), error);
}

/* For people: on or off. */
static bool run_link_words(struct monitor_context *context, struct json_object *args,
                           struct json_object **result, struct error *error)
{
    bool up;

    (void)result;
    if (!bool_parse(get_string(args, "up"), &up))
        return error_set(error, "Parameter 'up' expects 'on' or 'off'; got '%s'", get_string(args, "up"));
    return set_link(context, get_string(args, "name"), up, error);
}

/* The names of a list, in an array that is to be freed. NULL: none is given, or an error is set. */
static const char **read_names(struct json_object *list, size_t *count, struct error *error)
{
    const char **names;

    if (!list)
        return NULL;
    *count = json_object_array_length(list);
    names = calloc(*count + 1, sizeof *names);
    if (!names)
        error_set(error, "out of memory");
    for (size_t i = 0; names && i < *count; i++) {
        struct json_object *name = json_object_array_get_idx(list, i);

        if (!json_object_is_type(name, json_type_string)) {
            error_set(error, "Parameter 'interfaces' expects a list of names of network cards");
            free(names);
            return NULL;
        }
        names[i] = json_object_get_string(name);
    }
    return names;
}

static int64_t get_signed(struct json_object *args, const char *name)
{
    return json_object_get_int64(json_object_object_get(args, name));
}

static bool announce(struct monitor_context *context, struct json_object *list, const char *id,
                     struct net_announcement announcement, struct error *error)
{
    const char **names = read_names(list, &announcement.name_count, error);
    bool good = names || !list;

    announcement.names = names;
    announcement.id = id ? id : "";
    good = good && net_announce(machine_nets(context->machine), &announcement, error);
    free(names);
    return good;
}

static bool run_announce(struct monitor_context *context, struct json_object *args,
                         struct json_object **result, struct error *error)
{
    (void)result;
    return announce(context, json_object_object_get(args, "interfaces"),
                    json_object_get_string(json_object_object_get(args, "id")),
                    (struct net_announcement){ .initial = get_signed(args, "initial"),
                                               .max = get_signed(args, "max"),
                                               .rounds = get_signed(args, "rounds"),
                                               .step = get_signed(args, "step") },
                    error);
}

/* For people: names separated by commas. */
static bool run_announce_words(struct monitor_context *context, struct json_object *args,
                               struct json_object **result, struct error *error)
{
    const char *names = json_object_get_string(json_object_object_get(args, "interfaces"));
    struct json_object *list = names ? json_new_array() : NULL;
    bool good;

    (void)result;
    for (size_t length; names; names = names[length] ? names + length + 1 : NULL) {
        length = strcspn(names, ",");
        json_append(list, json_new_text(names, length));
    }
    good = announce(context, list, json_object_get_string(json_object_object_get(args, "id")),
                    NET_ANNOUNCEMENT, error);
    json_object_put(list);
    return good;
}

static bool run_info(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    const struct net_backends *nets = machine_nets(context->machine);
    const struct net_backend *backend = NULL;

    (void)args, (void)error;
    *result = json_new_array();
    while ((backend = net_backend_next(nets, backend)) != NULL) {
        struct json_object *object = json_append_object(*result);
        const struct net_card *card = net_backend_card(backend);

        add_string(object, "id", net_backend_id(backend));
        add_string(object, "description", net_backend_describe(backend));
        add_string(object, "card", card ? card->name : "");
        add_string(object, "link", net_backend_link(backend) ? "up" : "down");
    }
    return true;
}

static void add_addresses(struct json_object *object, const char *name, const struct net_addresses *table)
{
    struct json_object *list = json_new_array();
    char text[20];

    json_add(object, name, list);
    for (unsigned i = 0; i < table->count; i++)
        json_append(list, json_new_string(mac_text(table->address[i], text)));
}

static const char *state_of(const struct net_filter *filter, enum net_mode none, enum net_mode all)
{
    return filter->mode[none] ? "none" : filter->mode[all] ? "all" : "normal";
}

static void add_vlans(struct json_object *object, const struct net_filter *filter)
{
    struct json_object *list = json_new_array();
    bool any = false;

    for (unsigned vlan = 0; vlan < NET_VLANS; vlan++)
        if (net_filter_has_vlan(filter, vlan)) {
            json_append(list, json_new_number(vlan));
            any = true;
        }
    add_string(object, "vlan", !filter->by_vlan ? "all" : any ? "normal" : "none");
    json_add(object, "vlan-table", list);
}

static void describe_filter(struct json_object *object, const char *name, const struct net_filter *filter)
{
    char text[20];

    add_string(object, "name", name);
    add_bool(object, "promiscuous", filter->mode[NET_PROMISCUOUS]);
    add_string(object, "multicast", state_of(filter, NET_NO_MULTICAST, NET_ALL_MULTICAST));
    add_string(object, "unicast", state_of(filter, NET_NO_UNICAST, NET_ALL_UNICAST));
    add_vlans(object, filter);
    add_bool(object, "broadcast-allowed", !filter->mode[NET_NO_BROADCAST]);
    add_bool(object, "multicast-overflow", filter->multicast.overflow);
    add_bool(object, "unicast-overflow", filter->unicast.overflow);
    add_string(object, "main-mac", mac_text(filter->mac, text));
    add_addresses(object, "unicast-table", &filter->unicast);
    add_addresses(object, "multicast-table", &filter->multicast);
}

static bool run_filter(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    const char *wanted = json_object_get_string(json_object_object_get(args, "name"));
    struct json_object *list = json_new_array();
    struct net_filter filter;

    for (struct device *device = machine_board(context->machine)->devices; device; device = device->next) {
        const char *name = device->id ? device->id : device->type->name;

        if ((!wanted || strcmp(name, wanted) == 0) && net_filter_of(device, &filter))
            describe_filter(json_append_object(list), name, &filter);
    }
    if (wanted && json_object_array_length(list) == 0) {
        json_object_put(list);
        return error_set(error, "invalid net client name: %.80s; a network card is named by its id", wanted);
    }
    *result = list;
    return true;
}

static void print_info(struct text *out, struct json_object *result)
{
    for (size_t i = 0; i < json_object_array_length(result); i++) {
        struct json_object *one = json_object_array_get_idx(result, i);
        const char *card = get_string(one, "card");

        if (*card)
            text_printf(out, "%s: type=nic,link=%s\n \\ ", card, get_string(one, "link"));
        text_printf(out, "%s: index=0,%s%s\n", get_string(one, "id"), get_string(one, "description"),
                    !*card && strcmp(get_string(one, "link"), "down") == 0 ? ",link=down" : "");
    }
}

static const struct command commands[] = {
    { .qmp = "netdev_add",
      .hmp = "netdev_add",
      .family = &net_types,
      .run = run_add,
      .arguments = { { "type", json_type_string, false }, { "id", json_type_string, false } },
      .parameters = "type,id=name[,prop=value][,...]",
      .help = "create a network back end, like -netdev on the command line" },
    { .qmp = "netdev_del",
      .hmp = "netdev_del",
      .run = run_delete,
      .completion = COMPLETE_NETDEVS,
      .arguments = { { "id", json_type_string, false } },
      .parameters = "id",
      .help = "remove a network back end that no device uses" },
    { .qmp = "set_link",
      .run = run_link,
      .arguments = { { "name", json_type_string, false }, { "up", json_type_boolean, false } } },
    { .hmp = "set_link",
      .run = run_link_words,
      .completion = COMPLETE_NETDEVS,
      .arguments = { { "name", json_type_string, false }, { "up", json_type_string, false } },
      .parameters = "name on|off",
      .help = "plug in the cable of a network card, or pull it out" },
    { .qmp = "announce-self",
      .run = run_announce,
      .arguments = { { "initial", json_type_int, false },
                     { "max", json_type_int, false },
                     { "rounds", json_type_int, false },
                     { "step", json_type_int, false },
                     { "interfaces", json_type_array, true },
                     { "id", json_type_string, true } } },
    { .hmp = "announce_self",
      .run = run_announce_words,
      .completion = COMPLETE_NETDEVS,
      .arguments = { { "interfaces", json_type_string, true }, { "id", json_type_string, true } },
      .parameters = "[interfaces] [id]",
      .help = "have network cards announce their addresses to switches" },
    { .qmp = "query-rx-filter",
      .run = run_filter,
      .returns = "[RxFilterInfo]",
      .arguments = { { "name", json_type_string, true } } },
    { .hmp = "info network",
      .run = run_info,
      .print = print_info,
      .help = "show network back ends and the cards that use them" },
};

const struct command_area commands_net = { commands, COUNT_OF(commands) };
