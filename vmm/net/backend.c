/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/backend.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/count_of.h"
#include "base/in_use.h"
#include "base/json_build.h"
#include "base/suggest.h"
#include "host/passed.h"
#include "net/announce.h"
#include "net/tap_scripts.h"
#include "net/type.h"

static const struct net_type *const types[] = { &net_stream_type, &net_tap_type, &net_user_type,
                                                &net_vhost_user_type };

const struct net_type *net_type_at(size_t index)
{
    return index < COUNT_OF(types) ? types[index] : NULL;
}

static const char *const own_names[] = { "type", "id", NULL };

/* ---- the list ---- */

struct net_backends *net_backends_create(struct loop *loop, event_sink *event, void *opaque)
{
    struct net_backends *backends = calloc(1, sizeof *backends);

    if (backends)
        *backends =
            (struct net_backends){ .loop = loop, .spawner = { -1 }, .event = event, .opaque = opaque };
    return backends;
}

void net_backends_seal(struct net_backends *backends, bool later)
{
    backends->sealed = true;
    if (later)
        net_user_prepare(backends);
}

bool net_backends_attach(struct net_backends *backends, struct chardevs *chardevs, struct error *error)
{
    struct net_backend *const lists[] = { backends->first, backends->starting };

    backends->chardevs = chardevs;
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (struct net_backend *backend = lists[i]; backend; backend = backend->next)
            if (backend->type->attach && !backend->type->attach(backend, chardevs, error))
                return error_prefix(error, "netdev '%s': ", backend->id);
    return true;
}

bool net_backend_may(const struct net_backend *backend, const char *what, const char *otherwise,
                     struct error *error)
{
    return !backend->backends->sealed ||
           error_set(error,
                     "%s is not possible while the program runs, because of -sandbox on (the default); give "
                     "-netdev when it is started, %s",
                     what, otherwise);
}

/* Whose descriptor a number is, or NULL. */
static const struct net_backend *owner_of(const struct net_backends *backends, uint64_t number)
{
    for (const struct net_backend *backend = backends->first; backend; backend = backend->next)
        for (unsigned i = 0; i < backend->queues; i++)
            if ((backend->links[i].fd >= 0 && (uint64_t)backend->links[i].fd == number) ||
                (backend->links[i].vhost >= 0 && (uint64_t)backend->links[i].vhost == number))
                return backend;
    return NULL;
}

int net_backend_descriptor(const struct net_backend *backend, const char *property, const char *text,
                           struct error *error)
{
    uint64_t number;
    const struct net_backend *owner = number_parse(text, &number) ? owner_of(backend->backends, number)
                                                                  : NULL;

    if (!owner)
        return passed_copy(property, text, error);
    error_set(error, "%s=%s: netdev '%s' uses it already; pass another descriptor", property, text,
              owner->id);
    return -1;
}

static void backend_free(struct net_backend *backend)
{
    if (backend->type->close)
        backend->type->close(backend);
    for (unsigned i = 0; i < backend->queues; i++) {
        net_link_close(&backend->links[i]);
        if (backend->links[i].vhost >= 0)
            close(backend->links[i].vhost);
        loop_cancel(backend->backends->loop, &backend->links[i].gone);
        net_port_free(&backend->links[i].port);
    }
    free(backend->links);
    free(backend->id);
    free(backend);
}

static void append(struct net_backend **link, struct net_backend *backend)
{
    while (*link)
        link = &(*link)->next;
    *link = backend;
}

static void take_out(struct net_backend **link, struct net_backend *backend)
{
    while (*link != backend)
        link = &(*link)->next;
    *link = backend->next;
    backend->next = NULL;
}

void net_backend_begun(struct net_backend *backend, const struct error *error)
{
    struct net_backends *backends = backend->backends;
    const struct completion completion = backend->completion;

    take_out(&backends->starting, backend);
    backend->starting = false;
    if (error)
        backend_free(backend);
    else
        append(&backends->first, backend);
    completion.ended(completion.opaque, error);
}

void net_backends_destroy(struct net_backends *backends)
{
    const struct error ends = { .text = "the program ends" };

    if (backends)
        net_announce_stop(backends);
    while (backends && backends->starting)
        net_backend_begun(backends->starting, &ends);
    while (backends && backends->first) {
        struct net_backend *backend = backends->first;

        backends->first = backend->next;
        backend_free(backend);
    }
    if (backends)
        tap_scripts_end(backends);
    if (backends)
        spawner_end(&backends->spawner);
    free(backends);
}

static struct net_backend *find_from(struct net_backend *backend, const char *id)
{
    while (backend && strcmp(backend->id, id) != 0)
        backend = backend->next;
    return backend;
}

struct net_backend *net_backend_find(const struct net_backends *backends, const char *id)
{
    return find_from(backends->first, id);
}

struct net_backend *net_backend_require(const struct net_backends *backends, const char *id,
                                        struct error *error)
{
    struct net_backend *backend = net_backend_find(backends, id);
    struct suggestion suggestion;
    char subject[160];

    if (backend)
        return backend;
    words_format(subject, sizeof subject, "Device '%.80s' not found", id);
    if (!backends->first) {
        error_set_class(error, ERROR_DEVICE_NOT_FOUND,
                        "%s: there are no network back ends; -netdev and netdev_add create them", subject);
        return NULL;
    }
    suggestion_start(&suggestion, id);
    for (backend = backends->first; backend; backend = backend->next)
        suggestion_offer(&suggestion, backend->id);
    suggestion_fail(&suggestion, subject, error);
    if (error)
        error->class = ERROR_DEVICE_NOT_FOUND;
    return NULL;
}

struct net_backend *net_backend_next(const struct net_backends *backends, const struct net_backend *backend)
{
    return backend ? backend->next : backends->first;
}

/* ---- making one ---- */

static const struct net_type *find_type(struct props props, struct error *error)
{
    const char *name = props_string(props, "type", error);
    struct suggestion suggestion;
    char subject[160];

    if (!name) {
        error_set(error, "Parameter 'type' is missing: stream, tap, user or vhost-user");
        return NULL;
    }
    suggestion_start(&suggestion, name);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (strcmp(types[i]->name, name) == 0)
            return types[i];
        suggestion_offer(&suggestion, types[i]->name);
    }
    words_format(subject, sizeof subject, "Parameter 'type' does not accept value '%.80s'", name);
    suggestion_fail(&suggestion, subject, error);
    return NULL;
}

static void free_values(const struct net_type *type, void *values)
{
    props_free(type->properties, type->property_count, values);
    free(values);
}

/* Values of a type; NULL and an error. */
static void *read_values(struct props props, const struct net_type *type, struct error *error)
{
    void *values = calloc(1, type->values_size);

    if (!values) {
        error_set(error, "out of memory");
        return NULL;
    }
    if (!props_read(props, type->properties, type->property_count, own_names, type->name, values, error)) {
        free(values);
        return NULL;
    }
    if (!type->check || type->check(values, props.keyval, error))
        return values;
    free_values(type, values);
    return NULL;
}

static const char *read_id(struct props props, struct error *error)
{
    struct error reason;
    const char *id = props_string(props, "id", &reason);

    if (id)
        return id_check(id, error) ? id : NULL;
    error_set(error, "%s", reason.text[0] ? reason.text : "Parameter 'id' is missing, such as id=net0");
    return NULL;
}

/* As -netdev is read: flat, and lists as text. `object` is NULL if there is an error. */
static struct props plain(struct props props, struct error *error)
{
    struct props flat = { props_flatten(props.object, error), props.keyval };

    if (!flat.object || net_user_join(flat.object, error))
        return flat;
    json_object_put(flat.object);
    flat.object = NULL;
    return flat;
}

static bool check(struct props props, struct error *error)
{
    const struct net_type *type = find_type(props, error);
    void *values = type && read_id(props, error) ? read_values(props, type, error) : NULL;

    if (!values)
        return false;
    free_values(type, values);
    return true;
}

bool net_backend_check(struct props props, struct error *error)
{
    const struct props flat = plain(props, error);
    const bool good = flat.object && json_check(flat.object, error) && check(flat, error);

    json_object_put(flat.object);
    return good;
}

static struct net_backend *make(struct net_backends *backends, struct props props, const char *id,
                                const struct net_type *type, void *values,
                                const struct completion *completion, struct error *error)
{
    struct net_backend *backend = calloc(1, sizeof *backend);

    if (!backend) {
        error_set(error, "out of memory");
        return NULL;
    }
    backend->backends = backends;
    backend->type = type;
    if (completion)
        backend->completion = *completion;
    backend->id = strdup(id);
    if (backend->id ? type->open(backend, values, props, error) : error_set(error, "out of memory"))
        return backend;
    backend_free(backend);
    return NULL;
}

static enum outcome add(struct net_backends *backends, struct props props,
                        const struct completion *completion, struct error *error)
{
    const struct net_type *type = find_type(props, error);
    const char *id = type ? read_id(props, error) : NULL;
    struct net_backend *backend;
    void *values;

    if (!id)
        return OUTCOME_FAILED;
    if (net_backend_find(backends, id))
        error_set(error, "Duplicate ID '%.80s' for netdev; netdev_del frees it", id);
    else if (find_from(backends->starting, id))
        error_set(error, "Duplicate ID '%.80s' for netdev: another netdev_add creates it now", id);
    else if ((values = read_values(props, type, error)) != NULL) {
        backend = make(backends, props, id, type, values, completion, error);
        free_values(type, values);
        if (backend)
            append(backend->starting ? &backends->starting : &backends->first, backend);
        return !backend ? OUTCOME_FAILED : backend->starting ? OUTCOME_LATER : OUTCOME_DONE;
    }
    return OUTCOME_FAILED;
}

enum outcome net_backend_add(struct net_backends *backends, struct props props,
                             const struct completion *completion, struct error *error)
{
    const struct props flat = plain(props, error);
    const enum outcome outcome = flat.object && json_check(flat.object, error)
                                     ? add(backends, flat, completion, error)
                                     : OUTCOME_FAILED;

    json_object_put(flat.object);
    return outcome;
}

bool net_backend_remove(struct net_backends *backends, const char *id, struct error *error)
{
    struct net_backend *backend = net_backend_require(backends, id, error);

    if (!backend)
        return false;
    if (backend->card)
        return error_set(error, "netdev '%s' is used by %s; %s", id, backend->card->name,
                         in_use_way_out(backend->card->stays));
    take_out(&backends->first, backend);
    backend_free(backend);
    return true;
}

/* ---- what it is ---- */

const char *net_backend_id(const struct net_backend *backend)
{
    return backend->id;
}

const char *net_backend_describe(const struct net_backend *backend)
{
    return backend->description;
}

const struct net_card *net_backend_card(const struct net_backend *backend)
{
    return backend->card;
}

unsigned net_backend_queues(const struct net_backend *backend)
{
    return backend->queues;
}

bool net_backend_has_headers(const struct net_backend *backend)
{
    return backend->framing == NET_TAP;
}

struct net_port *net_backend_port(struct net_backend *backend, unsigned index)
{
    return &backend->links[index].port;
}
