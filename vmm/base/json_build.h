/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place where JSON values are built: answers, events, and properties of objects.
 *
 * Building never fails for whoever builds. What memory is short for marks its place as failed, and the whole
 * is built on around it; whoever sends the value, or acts on it, asks once, at the end: text_json() fails for
 * it, and json_check() refuses it. So nothing that is incomplete leaves the program or has an effect.
 *
 * A value that could not be made is one of three that exist from the start (an empty object, an empty array,
 * an empty string) and that nothing is ever added to. A value that could not be added leaves its mark on the
 * container.
 *
 * Threads: main thread only.
 */
#ifndef VMM_BASE_JSON_BUILD_H
#define VMM_BASE_JSON_BUILD_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* At the start of a program, before all else here. False: out of memory. */
bool json_prepare(void);

/* New values, to be put or added; never NULL. Strings are copied; NULL is a string that somebody else had no
 * memory for. */
struct json_object *json_new_object(void);
struct json_object *json_new_array(void);
struct json_object *json_new_string(const char *text);
struct json_object *json_new_text(const char *bytes, size_t length);
struct json_object *json_new_number(uint64_t number);
struct json_object *json_new_bool(bool value);

/* `value` is taken over, whether or not there is memory to keep it: what is to be in it comes before. It goes
 * under the name in place of what was there; NULL is JSON's null. */
void json_add(struct json_object *object, const char *name, struct json_object *value);
void json_append(struct json_object *array, struct json_object *value);
/* A new container in its place, to be filled there; borrowed. */
struct json_object *json_add_array(struct json_object *object, const char *name);
struct json_object *json_append_object(struct json_object *array);
/* Not whole, for a reason of its owner's. NULL will do. */
void json_fail(struct json_object *container);

/* Whether this value, but for what is in it, is failed. */
bool json_is_marked(struct json_object *value);
/* Whether something of it is failed. */
bool json_failed(struct json_object *value);
/* Whether it is whole; or the error "out of memory". */
bool json_check(struct json_object *value, struct error *error);

/* A json_type_int in digits, without json-c's help, which would allocate; returns text. */
#define JSON_NUMBER_TEXT_MAX 24
const char *json_number_text(struct json_object *number, char text[JSON_NUMBER_TEXT_MAX]);

static inline void add_string(struct json_object *object, const char *name, const char *value)
{
    json_add(object, name, json_new_string(value));
}

static inline void add_number(struct json_object *object, const char *name, uint64_t value)
{
    json_add(object, name, json_new_number(value));
}

static inline void add_bool(struct json_object *object, const char *name, bool value)
{
    json_add(object, name, json_new_bool(value));
}

#endif
