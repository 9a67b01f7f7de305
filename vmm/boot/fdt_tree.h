/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device tree that is being written (Devicetree Specification 0.4, 5), from front to back: each property
 * belongs to the node that was begun last and has not ended. The first error stays, and what follows it does
 * nothing; tree_finish() reports it.
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

/* Begin a tree, and its root with two cells each for addresses and sizes, in a buffer of `size` bytes. */
void tree_start(struct fdt_tree *tree, void *buffer, size_t size);
/* End it. False with an error: something did not fit, or could not be written. */
bool tree_finish(struct fdt_tree *tree, size_t size, struct error *error);
/* What the caller itself did with libfdt; 0 is no error. */
void tree_error(struct fdt_tree *tree, int error);

/* A node; the second with its address behind its name. */
void tree_begin(struct fdt_tree *tree, const char *name);
void tree_begin_at(struct fdt_tree *tree, const char *name, uint64_t address);
void tree_end(struct fdt_tree *tree);

/* A property of the node. */
void tree_bytes(struct fdt_tree *tree, const char *name, const void *value, size_t size);
void tree_string(struct fdt_tree *tree, const char *name, const char *value);
void tree_flag(struct fdt_tree *tree, const char *name);
void tree_cell(struct fdt_tree *tree, const char *name, uint32_t value);
void tree_u64(struct fdt_tree *tree, const char *name, uint64_t value);
void tree_cells(struct fdt_tree *tree, const char *name, const uint32_t *value, unsigned count);
/* Addresses and sizes of two cells each: all buses here are the root's. */
void tree_ranges(struct fdt_tree *tree, const char *name, const uint64_t *value, unsigned count);

#endif
