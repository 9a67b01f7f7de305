/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Introspection: commands, events, types and options, from the tables that also implement them. The results
 * have QEMU's types (qapi/introspect.json, qapi/qom.json, qapi/misc.json). Main thread only.
 */
#ifndef VMM_MONITOR_QMP_SCHEMA_H
#define VMM_MONITOR_QMP_SCHEMA_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "monitor/command.h"

struct config;

/* A member of an object: a '*' before its name means that it can be absent, as in QEMU's schema language. Its
 * type is "str", "int", "bool", "any", an enumeration, an object type, or one of these in brackets: an array
 * of it. */
struct type_member {
    const char *name; /* NULL ends the list */
    const char *type;
};

/* An object type in results of commands (struct command) or in events. NULL after the last. */
struct schema_type {
    const char *name;
    const struct type_member *members;
};
const struct schema_type *schema_type_at(size_t index);

/* An event: its name and the type of its data, NULL for none. NULL after the last: monitor/events.c. */
struct event_type {
    const char *name;
    const char *data;
};
const struct event_type *event_type_at(size_t index);

/* A type of QOM, QEMU's object model. Objects of types with a table can be created. */
struct qom_type {
    const char *name;
    const char *parent; /* NULL: the root */
    const struct property *table;
    size_t count;
    const struct device_type *device; /* or NULL */
    bool abstract;
};
/* False after the last. */
bool qom_type_at(size_t index, struct qom_type *type);
bool qom_type_find(const char *name, struct qom_type *type);
/* Whether a type is `ancestor` or derived from it. */
bool qom_type_is(const struct qom_type *type, const char *ancestor);

/* A property of objects of a type, those that can be given first; for qom-list-properties and qom-list. False
 * after the last. */
struct qom_property {
    const char *name;
    const char *type;        /* as QEMU names it */
    const char *description; /* or NULL */
};
bool qom_property_at(const struct qom_type *type, size_t index, struct qom_property *property);

/* The value of a key of -machine (machine_key_at()), a new object: a string or a boolean. */
struct json_object *qom_machine_value(const struct config *config, const char *key);

#endif
