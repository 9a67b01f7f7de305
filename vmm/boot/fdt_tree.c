/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/fdt_tree.h"

#include <libfdt.h>
#include <stdio.h>
#include <string.h>

void tree_error(struct fdt_tree *tree, int error)
{
    if (tree->error == 0)
        tree->error = error;
}

void tree_begin(struct fdt_tree *tree, const char *name)
{
    tree_error(tree, fdt_begin_node(tree->fdt, name));
}

void tree_begin_at(struct fdt_tree *tree, const char *name, uint64_t address)
{
    char text[64];

    snprintf(text, sizeof text, "%s@%llx", name, (unsigned long long)address);
    tree_begin(tree, text);
}

void tree_end(struct fdt_tree *tree)
{
    tree_error(tree, fdt_end_node(tree->fdt));
}

void tree_bytes(struct fdt_tree *tree, const char *name, const void *value, size_t size)
{
    tree_error(tree, fdt_property(tree->fdt, name, value, (int)size));
}

void tree_string(struct fdt_tree *tree, const char *name, const char *value)
{
    tree_bytes(tree, name, value, strlen(value) + 1);
}

void tree_flag(struct fdt_tree *tree, const char *name)
{
    tree_bytes(tree, name, NULL, 0);
}

void tree_cell(struct fdt_tree *tree, const char *name, uint32_t value)
{
    tree_error(tree, fdt_property_u32(tree->fdt, name, value));
}

void tree_u64(struct fdt_tree *tree, const char *name, uint64_t value)
{
    tree_error(tree, fdt_property_u64(tree->fdt, name, value));
}

void tree_cells(struct fdt_tree *tree, const char *name, const uint32_t *value, unsigned count)
{
    void *to;
    int error = fdt_property_placeholder(tree->fdt, name, (int)(count * sizeof *value), &to);

    tree_error(tree, error);
    for (unsigned i = 0; error == 0 && i < count; i++)
        fdt32_st((uint8_t *)to + i * sizeof *value, value[i]);
}

void tree_ranges(struct fdt_tree *tree, const char *name, const uint64_t *value, unsigned count)
{
    void *to;
    int error = fdt_property_placeholder(tree->fdt, name, (int)(count * sizeof *value), &to);

    tree_error(tree, error);
    for (unsigned i = 0; error == 0 && i < count; i++)
        fdt64_st((uint8_t *)to + i * sizeof *value, value[i]);
}

void tree_start(struct fdt_tree *tree, void *buffer, size_t size)
{
    *tree = (struct fdt_tree){ .fdt = buffer };
    tree_error(tree, fdt_create(buffer, (int)size));
    tree_error(tree, fdt_finish_reservemap(buffer));
    tree_begin(tree, "");
    tree_cell(tree, "#address-cells", 2);
    tree_cell(tree, "#size-cells", 2);
}

bool tree_finish(struct fdt_tree *tree, size_t size, struct error *error)
{
    tree_end(tree);
    tree_error(tree, fdt_finish(tree->fdt));
    return tree->error == 0 || error_set(error, "the guest's device tree does not fit into %zu bytes: %s",
                                         size, fdt_strerror(tree->error));
}
