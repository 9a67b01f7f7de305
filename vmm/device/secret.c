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
    { "data", PROPERTY_STRING, offsetof(struct secret, words[0]), PROPERTY_NO_GIVEN, "not used", NULL },
    { "file", PROPERTY_STRING, offsetof(struct secret, words[1]), PROPERTY_NO_GIVEN, "not used", NULL },
    { "format", PROPERTY_STRING, offsetof(struct secret, words[2]), PROPERTY_NO_GIVEN, "not used", NULL },
    { "keyid", PROPERTY_STRING, offsetof(struct secret, words[3]), PROPERTY_NO_GIVEN, "not used", NULL },
    { "iv", PROPERTY_STRING, offsetof(struct secret, words[4]), PROPERTY_NO_GIVEN, "not used", NULL },
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
    .parent = "object",
    .properties = properties,
    .property_count = PROPERTY_COUNT,
    .create = drop,
    .unused = true,
};
