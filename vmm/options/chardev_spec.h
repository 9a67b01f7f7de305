/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a chardev may be asked to be: -chardev, the short forms of -serial and the like, and chardev-add all
 * become one bag of properties, which is read here.
 */
#ifndef VMM_OPTIONS_CHARDEV_SPEC_H
#define VMM_OPTIONS_CHARDEV_SPEC_H

#include "base/config.h"
#include "base/props.h"

/* Read and check a flat bag with "backend" and "id"; nothing is opened. The caller frees *config with
 * chardev_config_free(), and adds its origin if it has one. */
bool chardev_spec_read(struct props props, struct chardev_config *config, struct error *error);

/* Its strings; those that are NULL will do. */
void chardev_config_free(struct chardev_config *config);

/* Kind number `index` and its properties; false after the last. */
bool chardev_spec_at(size_t index, const char **name, const struct property **table, size_t *count);

#endif
