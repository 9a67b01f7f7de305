/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Object type secret: libvirt gives every guest one, to decrypt passwords with, and looks for it to learn
 * that objects are given as JSON. hotram has no passwords: it checks what it is given and drops it.
 */
#include "device/type.h"

struct secret {
    char *words[5];
};

static const struct property properties[] = {
    PROPERTY_ROW(secret, "data", PROPERTY_STRING, words[0], "not used"),
    PROPERTY_ROW(secret, "file", PROPERTY_STRING, words[1], "not used"),
    PROPERTY_ROW(secret, "format", PROPERTY_STRING, words[2], "not used"),
    PROPERTY_ROW(secret, "keyid", PROPERTY_STRING, words[3], "not used"),
    PROPERTY_ROW(secret, "iv", PROPERTY_STRING, words[4], "not used"),
};
#define PROPERTY_COUNT (sizeof properties / sizeof properties[0])

static enum outcome drop(struct backends *backends, struct props props, const struct completion *completion,
                         struct error *error)
{
    static const char *const names[] = { "qom-type", "id", NULL };
    const char *id = props_string(props, "id", error);
    struct secret secret = { 0 };

    (void)backends, (void)completion;
    if (!id || !id_check(id, error) ||
        !props_read(props, properties, PROPERTY_COUNT, names, "secret", &secret, error))
        return OUTCOME_FAILED;
    props_free(properties, PROPERTY_COUNT, &secret);
    return OUTCOME_DONE;
}

extern const struct object_type secret_type;
const struct object_type secret_type = {
    .name = "secret",
    .example_id = "secret0",
    .parent = "object",
    .properties = properties,
    .property_count = PROPERTY_COUNT,
    .create = drop,
    .unused = true,
};
