/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writer of a flattened device tree (Devicetree Specification 0.4, 5), sequentially: each property belongs to
 * the innermost open node, and precedes its child nodes. The first error is kept, and tree_finish() reports
 * it; callers need not check before.
 */
#ifndef VMM_BOOT_FDT_TREE_H
#define VMM_BOOT_FDT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fdt_tree {
    void *fdt; /* the caller's buffer */
    int error; /* libfdt's; 0: none yet */
};

/* Begin a tree in a buffer of `size` bytes, and its root, with two cells each for addresses and sizes. */
void tree_start(struct fdt_tree *tree, void *buffer, size_t size);
/* End the root and the tree. `size` is quoted by the error. False and an error: the tree does not fit, or
 * libfdt has refused a call. */
bool tree_finish(struct fdt_tree *tree, size_t size, struct error *error);
/* Record the result of a call of libfdt by the caller; 0: no error. */
void tree_error(struct fdt_tree *tree, int error);

/* Begin a node; the second is named NAME@ADDRESS, with the address in hexadecimal. The whole name has at most
 * 63 bytes. */
void tree_begin(struct fdt_tree *tree, const char *name);
void tree_begin_at(struct fdt_tree *tree, const char *name, uint64_t address);
/* End the innermost open node. */
void tree_end(struct fdt_tree *tree);

/* Add a property to the open node: bytes, a string with its NUL, an empty property, and numbers as big-endian
 * cells. */
void tree_bytes(struct fdt_tree *tree, const char *name, const void *value, size_t size);
void tree_string(struct fdt_tree *tree, const char *name, const char *value);
void tree_flag(struct fdt_tree *tree, const char *name);
void tree_cell(struct fdt_tree *tree, const char *name, uint32_t value);
void tree_u64(struct fdt_tree *tree, const char *name, uint64_t value);
void tree_cells(struct fdt_tree *tree, const char *name, const uint32_t *value, unsigned count);
/* Add a property of `count` addresses and sizes, of two cells each, as the root's #address-cells says. */
void tree_ranges(struct fdt_tree *tree, const char *name, const uint64_t *value, unsigned count);

#endif
