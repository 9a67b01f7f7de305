/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry of memory backends: object-add and object-del. Where the bytes come from is in
 * backend_memory.c.
 */
#include "memory/backend.h"

#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/backend_memory.h"

struct backends {
    struct backend *first;
    struct backend **end;
    bool dump;
};

/* What can be said of a backend of any type; the tables below pick what each type has. */
struct values {
    uint64_t size;
    bool size_given;
    bool share;
    char *mem_path;
};

#define SIZE_PROPERTY \
    { \
        "size", PROPERTY_SIZE, offsetof(struct values, size), offsetof(struct values, size_given), \
            "size in bytes, or with a suffix such as 512M or 1G; required" \
    }
#define SHARE_PROPERTY(standard) \
    { \
        "share", PROPERTY_BOOL, offsetof(struct values, share), PROPERTY_NO_GIVEN, \
            "other processes that map it see the guest's writes (" standard ")" \
    }

static const struct property ram_properties[] = {
    SIZE_PROPERTY,
    SHARE_PROPERTY("default: off"),
};

static const struct property file_properties[] = {
    SIZE_PROPERTY,
    { "mem-path", PROPERTY_STRING, offsetof(struct values, mem_path), PROPERTY_NO_GIVEN,
      "file, created if missing, or directory, such as a hugetlbfs mount; required" },
    SHARE_PROPERTY("default: off"),
};

static const struct property memfd_properties[] = {
    SIZE_PROPERTY,
    SHARE_PROPERTY("default: on"),
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

const struct backend_type backend_types[] = {
    { "memory-backend-ram", BACKEND_RAM, ram_properties, COUNT(ram_properties) },
    { "memory-backend-file", BACKEND_FILE, file_properties, COUNT(file_properties) },
    { "memory-backend-memfd", BACKEND_MEMFD, memfd_properties, COUNT(memfd_properties) },
};
const size_t backend_type_count = COUNT(backend_types);

const char *backend_kind_name(enum backend_kind kind)
{
    return backend_types[kind].name;
}

struct backends *backends_create(bool dump)
{
    struct backends *backends = calloc(1, sizeof *backends);

    if (backends) {
        backends->end = &backends->first;
        backends->dump = dump;
    }
    return backends;
}

static void backend_free(struct backend *backend)
{
    backend_close(backend);
    free(backend->id);
    free(backend->mem_path);
    free(backend->used_by);
    free(backend);
}

void backends_destroy(struct backends *backends)
{
    if (!backends)
        return;
    while (backends->first) {
        struct backend *backend = backends->first;

        backends->first = backend->next;
        backend_free(backend);
    }
    free(backends);
}

struct backend *backend_find(const struct backends *backends, const char *id)
{
    struct backend *backend = backends->first;

    while (backend && strcmp(backend->id, id) != 0)
        backend = backend->next;
    return backend;
}

struct backend *backend_next(const struct backends *backends, const struct backend *backend)
{
    return backend ? backend->next : backends->first;
}

static const struct backend_type *find_type(const char *name, struct error *error)
{
    for (size_t i = 0; i < backend_type_count; i++)
        if (strcmp(name, backend_types[i].name) == 0)
            return &backend_types[i];
    error_set(error,
              "invalid object type: %s; hotram has memory-backend-ram, memory-backend-file and "
              "memory-backend-memfd",
              name);
    return NULL;
}

/* The names: type and id. */
static const struct backend_type *check_names(const struct backends *backends, struct props props,
                                              const char **id, struct error *error)
{
    const char *name = NULL;

    error->text[0] = '\0';
    name = props_string(props, "qom-type", error);
    if (!name) {
        if (!error->text[0])
            error_set(error, "Parameter 'qom-type' is missing");
        return NULL;
    }
    *id = props_string(props, "id", error);
    if (!*id) {
        if (!error->text[0])
            error_set(error, "Parameter 'id' is missing");
        return NULL;
    }
    if (!id_well_formed(*id)) {
        error_set(error,
                  "Parameter 'id' expects an identifier: a letter, then letters, digits, '-', '.' or "
                  "'_'; got '%s'",
                  *id);
        return NULL;
    }
    if (backend_find(backends, *id)) {
        error_set(error,
                  "attempt to add duplicate property '%s' to object (type 'container'): an object with "
                  "that id is there already; choose another id, or remove it with object_del %s",
                  *id, *id);
        return NULL;
    }
    return find_type(name, error);
}

static bool check_values(const struct values *values, const struct backend_type *type, struct error *error)
{
    if (!values->size_given)
        return error_set(error, "%s: Parameter 'size' is missing", type->name);
    if (values->size == 0)
        return error_set(error, "%s: property 'size' doesn't take value '0'", type->name);
    if (type->kind == BACKEND_FILE && !values->mem_path)
        return error_set(error, "%s: Parameter 'mem-path' is missing", type->name);
    return true;
}

struct backend *backend_add(struct backends *backends, struct props props, struct error *error)
{
    static const char *const names[] = { "qom-type", "id", NULL };
    struct error ignored;
    struct values values = { 0 };
    const struct backend_type *type;
    struct backend *backend;
    const char *id = NULL;

    if (!error)
        error = &ignored;
    type = check_names(backends, props, &id, error);
    if (!type)
        return NULL;
    values.share = type->kind == BACKEND_MEMFD;
    if (!props_read(props, type->table, type->count, names, type->name, &values, error))
        return NULL;
    if (!check_values(&values, type, error)) {
        free(values.mem_path);
        return NULL;
    }

    backend = calloc(1, sizeof *backend);
    if (!backend) {
        free(values.mem_path);
        error_set(error, "out of memory");
        return NULL;
    }
    *backend = (struct backend){
        .id = strdup(id),
        .kind = type->kind,
        .size = values.size,
        .mem_path = values.mem_path,
        .share = values.share,
        .dump = backends->dump,
        .fd = -1,
    };
    if (!backend->id || !backend_open(backend, error) || !backend_map(backend, error)) {
        backend_free(backend);
        return NULL;
    }
    *backends->end = backend;
    backends->end = &backend->next;
    return backend;
}

bool backend_del(struct backends *backends, const char *id, struct error *error)
{
    struct backend **link = &backends->first;

    while (*link && strcmp((*link)->id, id) != 0)
        link = &(*link)->next;
    if (!*link)
        return error_set(error, "object '%s' not found", id);
    if ((*link)->used_by)
        return error_set(error, "object '%s' is in use, can not be deleted: '%s' uses it%s%s", id,
                         (*link)->used_by,
                         strcmp((*link)->used_by, "RAM") == 0 ? "" : "; unplug that first: device_del ",
                         strcmp((*link)->used_by, "RAM") == 0 ? "" : (*link)->used_by);
    {
        struct backend *backend = *link;

        *link = backend->next;
        if (!*link)
            backends->end = link;
        backend_free(backend);
    }
    return true;
}
