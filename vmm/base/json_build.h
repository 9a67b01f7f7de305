/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place where JSON values are built: answers, events, and properties of objects.
 *
 * The functions that build values do not fail. If memory is insufficient for a part, its place is marked as
 * failed, and building continues; whoever sends the value, or acts on it, checks once, at the end:
 * text_json() fails for it, and json_check() refuses it. So nothing incomplete leaves the program or has an
 * effect.
 *
 * A value that could not be created is one of three that exist from the start (an empty object, an empty
 * array, an empty string), to which nothing is ever added. If a value could not be added, the container is
 * marked.
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

/* Called once at the start of a program, before all other functions here. False: out of memory. */
bool json_prepare(void);

/* Create values; never NULL. The caller owns them until they are added. Strings are copied; a NULL string,
 * which is one that could not be allocated, gives a value that is marked as failed. */
struct json_object *json_new_object(void);
struct json_object *json_new_array(void);
struct json_object *json_new_string(const char *text);
struct json_object *json_new_text(const char *bytes, size_t length);
struct json_object *json_new_number(uint64_t number);
struct json_object *json_new_signed(int64_t number);
struct json_object *json_new_bool(bool value);

/* Add a value, which is complete and belongs to the container from now on, even if memory is insufficient to
 * add it. A member of the same name is replaced. NULL is JSON's null. */
void json_add(struct json_object *object, const char *name, struct json_object *value);
void json_append(struct json_object *array, struct json_object *value);
/* Add a new container and return it, borrowed, to be filled. */
struct json_object *json_add_array(struct json_object *object, const char *name);
struct json_object *json_append_object(struct json_object *array);
/* Mark a container as failed. Without effect if it is NULL. */
void json_fail(struct json_object *container);

/* Whether this value itself is marked as failed; the values in it are not examined. */
bool json_is_marked(struct json_object *value);
/* Whether this value or one in it is marked as failed. */
bool json_failed(struct json_object *value);
/* True: nothing in the value is marked as failed. Otherwise false and the error "out of memory". */
bool json_check(struct json_object *value, struct error *error);

/* Write a json_type_int in decimal, without json-c, which would allocate memory. Returns `text`. */
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
