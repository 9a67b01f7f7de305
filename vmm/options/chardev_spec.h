/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration of chardevs: -chardev, the short forms of -serial and similar options, and chardev-add
 * are all converted to properties, which are read here.
 *
 * Threads: main thread only.
 */
#ifndef VMM_OPTIONS_CHARDEV_SPEC_H
#define VMM_OPTIONS_CHARDEV_SPEC_H

#include "base/config.h"
#include "base/props.h"

/* Read and check properties that include "backend" and "id"; nothing is opened. The caller frees *config with
 * chardev_config_free(), and may set its origin. False and an error: a property is missing, unknown or
 * invalid. */
bool chardev_spec_read(struct props props, struct chardev_config *config, struct error *error);

/* Free the strings, which may be NULL. */
void chardev_config_free(struct chardev_config *config);

/* Name and properties of backend number `index`. False: after the last. */
bool chardev_spec_at(size_t index, const char **name, const struct property **table, size_t *count);

#endif
