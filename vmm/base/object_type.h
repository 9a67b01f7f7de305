/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A type of -object and object-add. device/type.h lists all types.
 */
#ifndef VMM_BASE_OBJECT_TYPE_H
#define VMM_BASE_OBJECT_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/completion.h"
#include "base/props.h"

struct backends;

struct object_type {
    const char *name;
    const char *parent;     /* QOM */
    const char *example_id; /* "mem1": what errors suggest where the id is missing */
    const struct property *properties;
    size_t property_count;
    int kind; /* distinguishes types that share create() */
    /* object-add: `props` contains qom-type and id besides the properties. OUTCOME_LATER: the id is taken,
     * but the object cannot be used until the completion has been called. Main thread. */
    enum outcome (*create)(struct backends *backends, struct props props, const struct completion *completion,
                           struct error *error);
    /* No object is created: its properties are checked, and its id remains free. */
    bool unused;
};

#endif
