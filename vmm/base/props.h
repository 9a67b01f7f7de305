/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Properties: "key=value,key=value" from people, JSON objects from programs, read into plain structs by
 * one table per type. The same tables give the help texts and the completion.
 *
 * Both forms become a json_object. In keyval form every value is a string and is parsed by the
 * property's type (1G, on/off); in JSON form values have JSON's types, as in QEMU's QMP.
 */
#ifndef VMM_BASE_PROPS_H
#define VMM_BASE_PROPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct json_object;

/* A bag of properties as they were given. The json_object is borrowed. */
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
};

/* What a number may be, where that is less than what its type holds. Errors name this range, whatever is
 * wrong with a value: a limit that is named is accepted. */
struct number_range {
    uint64_t min, max;
    bool power_of_two;
    const char *why; /* added to the error; NULL: nothing */
};
#define NUMBER_RANGE(min, max) (&(const struct number_range){ min, max, false, NULL })
#define NUMBER_POWER_OF_TWO(min, max) (&(const struct number_range){ min, max, true, NULL })
#define NUMBER_ONLY(number, why) (&(const struct number_range){ number, number, false, why })

struct property {
    const char *name;
    enum property_type type;
    size_t offset;    /* of the value in the struct; the struct is filled with defaults before */
    size_t given;     /* of a bool that says whether the property was given; PROPERTY_NO_GIVEN for none */
    const char *help; /* one line for people */
    /* NULL: it may be left out. Otherwise what its lack is answered with, "Parameter 'size' is missing: ...".
     */
    const char *missing;
    /* Of a PROPERTY_STRING: the only values that it accepts, up to a NULL; NULL: any text. */
    const char *const *words;
    const struct number_range *range; /* of a number that is not negative; NULL: all that its type holds */
};
#define PROPERTY_NO_GIVEN ((size_t)-1)

/* Rows of a table for `struct values`: of a property that may be left out; of one for which the bool
 * FIELD_given records whether it was; and of one that is required, with the error for its lack. Of the first
 * two, numbers in a range. */
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
/* A string that is one of `words`; property_word() gives its number. */
#define PROPERTY_ROW_WORDS(values, name, field, help, words) \
    { \
        name, PROPERTY_STRING, offsetof(struct values, field), PROPERTY_NO_GIVEN, help, NULL, words, NULL \
    }

/* Parse "a=1,b=2" (",," is a comma in a value; a first word without '=' is the value of implied_key, if
 * not NULL; a later word without '=' is key=on, "noX" is not special; a comma at the end is nothing). Keys
 * given twice: the last counts (QEMU's way), but for host-nodes, hostfwd and guestfwd, which are lists:
 * host-nodes=0,host-nodes=2 and host-nodes.0=0,host-nodes.1=2 are "0,2". Returns a new json_object of
 * strings, or NULL and an error. */
struct json_object *keyval_parse(const char *text, const char *implied_key, struct error *error);

/* Text of an option that may be strict JSON ("{...") or keyval; *keyval says which. New object, or NULL and
 * an error. */
struct json_object *props_parse(const char *text, const char *implied_key, bool *keyval, struct error *error);

/* Bags that the program makes itself: an empty one in JSON's form, or of an option's text, as props_parse()
 * has it (`object` is NULL if there is an error). Setting never fails for whoever sets (base/json_build.h):
 * before the bag is used, props_check() says whether it is whole, or "out of memory". props_release() ends
 * it. */
struct props props_new(void);
struct props props_new_parsed(const char *text, const char *implied_key, struct error *error);
bool props_has(struct props props, const char *name);
void props_set_string(struct props props, const char *name, const char *value);
void props_set_size(struct props props, const char *name, uint64_t bytes);
bool props_check(struct props props, struct error *error);
void props_release(struct props props);

/* One flat bag of properties, names with dots, of one that may be nested. A new object; NULL and an error if
 * a name with dots is there both ways: {"cache": {"direct": true}, "cache.direct": false}. */
struct json_object *props_flatten(struct json_object *object, struct error *error);

/* Read all properties of a bag into a struct by a table of `count` properties. Keys in `skip` (NULL
 * terminated, may be NULL) are left to others; any other key not in the table is an error that names it,
 * `what` ("memory-backend-ram") and the closest known name or all of them; and so is the lack of one that may
 * not be left out. On failure nothing that was allocated is left in the struct. */
bool props_read(struct props props, const struct property *table, size_t count, const char *const *skip,
                const char *what, void *out, struct error *error);

/* Which of `words` a property that was read has; 0, the first, for NULL: it was left out. */
size_t property_word(const char *const *words, const char *word);

/* The value that a property has in a struct, as JSON; "" for a string that is NULL; an int32 is not negative.
 * A new object. */
struct json_object *property_value(const struct property *property, const void *from);

/* Free and clear the strings in a struct. */
void props_free(const struct property *table, size_t count, void *out);

/* A required or optional string such as "qom-type", "driver", "id": borrowed. NULL if absent (the error's
 * text is then empty) or not a string without NUL (the error says so). */
const char *props_string(struct props props, const char *key, struct error *error);

/* The type's name in help texts: "size", "bool", "str" ... */
const char *property_type_name(enum property_type type);

/* QEMU's words for booleans: on/off, yes/no, true/false, y/n. False for anything else. */
bool bool_parse(const char *text, bool *value);

/* A whole number, decimal or 0x...; false for anything else and above 2^64-1. */
bool number_parse(const char *text, uint64_t *value);

/* Parse one size such as 6GB, 1G, 512MiB, 0x1000, 1.5G; a bare number is multiplied by `unit`. The whole
 * text must be used up. Overflow above 2^64-1, negative and empty values are errors. The error lacks its
 * subject ("expects a size, such as 512M or 1G; got '12Q'"): put "Parameter 'size' " in front. */
bool size_parse(const char *text, uint64_t unit, uint64_t *bytes, struct error *error);

/* "512 MiB", "1.5 GiB", "4097 bytes": for messages, always exact. Returns buffer. */
#define SIZE_TEXT_MAX 32
char *size_text(uint64_t bytes, char buffer[SIZE_TEXT_MAX]);

/* "512M", "1025K", "4097B": for what an error offers, to be typed as it is. Returns buffer. */
char *size_word(uint64_t bytes, char buffer[SIZE_TEXT_MAX]);

/* QEMU's rule for ids: a letter, then letters, digits, '-', '.', '_'. */
bool id_well_formed(const char *id);
/* The same with an error that names the id and the rule. */
bool id_check(const char *id, struct error *error);

#endif
