/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Properties: "key=value,key=value" from people, JSON objects from programs, read into plain structs by one
 * table per type. Help texts and completion use the same tables. Functions without a note about threads
 * belong to the main thread.
 *
 * Both forms become a json_object. In keyval form every value is a string and is parsed by the property's
 * type (1G, on/off); in JSON form values have JSON's types, as in QEMU's QMP.
 */
#ifndef VMM_BASE_PROPS_H
#define VMM_BASE_PROPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct json_object;

/* Properties as they were given. The json_object is borrowed. */
struct props {
    struct json_object *object;
    bool keyval;
};

enum property_type {
    PROPERTY_STRING, /* char *: strdup'd into the struct; its default is NULL or on the heap */
    PROPERTY_SIZE, /* uint64_t, bytes; suffixes B K M G T P E, optionally followed by B or iB; none: bytes */
    PROPERTY_SIZE32, /* uint32_t, the same */
    PROPERTY_UINT32,
    PROPERTY_UINT64, /* decimal or 0x... */
    PROPERTY_INT32,
    PROPERTY_BOOL,   /* bool_parse() */
    PROPERTY_NODES,  /* struct host_nodes: "0-1,4", or JSON's [0, 1, 4] */
    PROPERTY_POLICY, /* enum host_policy */
    /* char *, as PROPERTY_STRING: several texts with commas between. QMP's form is a list, [{"str": TEXT}],
     * of which the property's reader has made one text before props_read(). */
    PROPERTY_TEXTS,
};

/* The values that a number may have, if these are fewer than its type can represent. Errors about the value
 * name this range; the limits that they name are accepted. */
struct number_range {
    uint64_t min, max;
    bool power_of_two;
    const char *why; /* a reason, appended to the error; or NULL */
};
#define NUMBER_RANGE(min, max) (&(const struct number_range){ min, max, false, NULL })
#define NUMBER_POWER_OF_TWO(min, max) (&(const struct number_range){ min, max, true, NULL })
#define NUMBER_ONLY(number, why) (&(const struct number_range){ number, number, false, why })

struct property {
    const char *name;
    enum property_type type;
    size_t offset;    /* of the value in the struct; the struct is filled with defaults before */
    size_t given;     /* of a bool that records whether the property was given; or PROPERTY_NO_GIVEN */
    const char *help; /* one line for people */
    /* NULL: the property is optional. Otherwise the end of the error if it is absent, "Parameter 'size' is
     * missing: ...". */
    const char *missing;
    /* Of a PROPERTY_STRING: the only values that it accepts, up to a NULL; NULL: any text. */
    const char *const *words;
    const struct number_range *range; /* of a number that is not negative; NULL: all that its type holds */
};
#define PROPERTY_NO_GIVEN ((size_t)-1)

/* Rows of a table for `struct values`: an optional property; an optional one for which the bool FIELD_given
 * records whether it was given; a required one, with the end of the error if it is absent; and numbers in a
 * range, of the first two kinds. */
#define PROPERTY_ROW(values, name, type, field, help) \
    { \
        name, type, offsetof(struct values, field), PROPERTY_NO_GIVEN, help, NULL, NULL, NULL \
    }
#define PROPERTY_ROW_GIVEN(values, name, type, field, help) \
    { \
        name, type, offsetof(struct values, field), offsetof(struct values, field##_given), help, NULL, \
            NULL, NULL \
    }
#define PROPERTY_ROW_REQUIRED(values, name, type, field, help, missing) \
    { \
        name, type, offsetof(struct values, field), PROPERTY_NO_GIVEN, help, missing, NULL, NULL \
    }
#define PROPERTY_ROW_RANGE(values, name, type, field, help, range) \
    { \
        name, type, offsetof(struct values, field), PROPERTY_NO_GIVEN, help, NULL, NULL, range \
    }
#define PROPERTY_ROW_GIVEN_RANGE(values, name, type, field, help, range) \
    { \
        name, type, offsetof(struct values, field), offsetof(struct values, field##_given), help, NULL, \
            NULL, range \
    }
/* A string that is one of `words`; property_word() returns its index. */
#define PROPERTY_ROW_WORDS(values, name, field, help, words) \
    { \
        name, PROPERTY_STRING, offsetof(struct values, field), PROPERTY_NO_GIVEN, help, NULL, words, NULL \
    }

/* Parse "a=1,b=2" (",," is a comma in a value; a first word without '=' is the value of implied_key, if not
 * NULL; a later word without '=' is key=on, "noX" has no special meaning; a comma at the end is ignored). If
 * a key is given twice, the last counts, as in QEMU, except host-nodes, hostfwd and guestfwd, which are
 * lists: host-nodes=0,host-nodes=2 and host-nodes.0=0,host-nodes.1=2 are "0,2". Returns a new json_object of
 * strings; or NULL and an error: a key is empty or malformed, or memory is insufficient. */
struct json_object *keyval_parse(const char *text, const char *implied_key, struct error *error);

/* Parse the argument of an option that is JSON ("{...") or keyval; *keyval is set accordingly. Returns a new
 * object, or NULL and an error. */
struct json_object *props_parse(const char *text, const char *implied_key, bool *keyval, struct error *error);

/* Properties that the program itself creates: empty ones in JSON's form, or those of an option's text as by
 * props_parse() (`object` is NULL after an error). Setting cannot fail (base/json_build.h): before they are
 * used, props_check() returns whether they are complete, or the error "out of memory". props_release() frees
 * them. */
struct props props_new(void);
struct props props_new_parsed(const char *text, const char *implied_key, struct error *error);
bool props_has(struct props props, const char *name);
void props_set_string(struct props props, const char *name, const char *value);
void props_set_size(struct props props, const char *name, uint64_t bytes);
bool props_check(struct props props, struct error *error);
void props_release(struct props props);

/* Convert properties that may be nested into flat ones with dots in their names. Returns a new object; or
 * NULL and an error if a property is given in both forms: {"cache": {"direct": true}, "cache.direct": false}.
 */
struct json_object *props_flatten(struct json_object *object, struct error *error);

/* Read all properties into a struct by a table of `count` properties. Keys in `skip` (ended by NULL, may be
 * NULL) are ignored. False and an error: any other key is not in the table (the error names it, `what`, such
 * as "memory-backend-ram", and the closest known name or all of them), a required one is absent, or a value
 * is not valid; then nothing that was allocated remains in the struct. */
bool props_read(struct props props, const struct property *table, size_t count, const char *const *skip,
                const char *what, void *out, struct error *error);

/* The index in `words` of a property's value that props_read() accepted; 0, the first, if the property was
 * absent (NULL). */
size_t property_word(const char *const *words, const char *word);

/* The value of a property in a struct, as a new JSON object; "" for a string that is NULL. An int32 must not
 * be negative. */
struct json_object *property_value(const struct property *property, const void *from);

struct text;
/* Append the value as a key of an option: ",size=1048576", ",name=a,,b". A list of host nodes is left out. */
void property_print(const struct property *property, const void *from, struct text *text);

/* Free and clear the strings in a struct. */
void props_free(const struct property *table, size_t count, void *out);

/* A string such as "qom-type", "driver" or "id", borrowed. NULL: it is absent (the error's text is then
 * empty), or is not a string or contains a NUL (the error says so). */
const char *props_string(struct props props, const char *key, struct error *error);

/* The type's name in help texts: "size", "bool", "str" ... */
const char *property_type_name(enum property_type type);

/* Parse QEMU's words for booleans: on/off, yes/no, true/false, y/n. False: any other text. Any thread. */
bool bool_parse(const char *text, bool *value);

/* Parse an integer, decimal or 0x... . False: any other text, or more than 2^64-1. Any thread. */
bool number_parse(const char *text, uint64_t *value);

/* Parse one size such as 6GB, 1G, 512MiB, 0x1000, 1.5G; a bare number is multiplied by `unit`. False and an
 * error: the text is empty, negative, more than 2^64-1 bytes, or contains anything else. The error lacks its
 * subject ("expects a size, such as 512M or 1G; got '12Q'"): the caller inserts "Parameter 'size' ". Any
 * thread. */
bool size_parse(const char *text, uint64_t unit, uint64_t *bytes, struct error *error);

/* Write a size for messages: "512 MiB", "1.5 GiB", "4097 bytes"; always exact. Returns buffer. */
#define SIZE_TEXT_MAX 32
char *size_text(uint64_t bytes, char buffer[SIZE_TEXT_MAX]);

/* Write a size that size_parse() accepts: "512M", "1025K", "4097B". For values that an error suggests.
 * Returns buffer. */
char *size_word(uint64_t bytes, char buffer[SIZE_TEXT_MAX]);

/* Whether an id follows QEMU's rule: a letter, then letters, digits, '-', '.', '_'. */
bool id_well_formed(const char *id);
/* The same; false sets an error that names the id and the rule. */
bool id_check(const char *id, struct error *error);

#endif
