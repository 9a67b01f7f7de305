/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A type of -object and object-add. All that there are: device/type.h.
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
    const char *parent; /* QOM */
    const struct property *properties;
    size_t property_count;
    int kind; /* for its maker */
    /* object-add: `props` has qom-type and id besides the properties. OUTCOME_LATER: it has its id until it
     * has ended, and cannot be used. Main thread. */
    enum outcome (*create)(struct backends *backends, struct props props, const struct completion *completion,
                           struct error *error);
    /* Nothing is made of it: it has no id afterwards, and the command line only checks it. */
    bool unused;
};

#endif
