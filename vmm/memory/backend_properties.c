/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be said of a backend, type by type, and what of it makes no sense. Names and rules are QEMU 7.2's;
 * docs/compatibility.md has the differences.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/count_of.h"
#include "memory/backend_memory.h"

#define COMMON_PROPERTIES(share_default) \
    PROPERTY_ROW_REQUIRED(backend, "size", PROPERTY_SIZE, size, \
                          "size in bytes, or with a suffix such as 512M or 1G; required", \
                          "Parameter 'size' is missing: the size of the memory, such as size=1G"), \
        PROPERTY_ROW( \
            backend, "share", PROPERTY_BOOL, share, \
            "make the guest's writes visible to other processes that map it (default: " share_default ")"), \
        PROPERTY_ROW(backend, "prealloc", PROPERTY_BOOL, prealloc, \
                     "allocate all memory before it is used (default: off)"), \
        PROPERTY_ROW_GIVEN(backend, "prealloc-threads", PROPERTY_UINT32, threads, \
                           "number of threads that allocate (default: number of vCPUs)"), \
        PROPERTY_ROW(backend, "reserve", PROPERTY_BOOL, reserve, \
                     "count it against the commit limit, or reserve huge pages, at creation (default: on)"), \
        PROPERTY_ROW(backend, "host-nodes", PROPERTY_NODES, nodes, \
                     "NUMA nodes of the host to allocate from, such as 0-1; requires policy"), \
        PROPERTY_ROW(backend, "policy", PROPERTY_POLICY, policy, \
                     "allocation policy for host-nodes: default, preferred, bind or interleave"), \
        PROPERTY_ROW(backend, "merge", PROPERTY_BOOL, merge, \
                     "allow the host to merge identical pages (default: -machine mem-merge=)"), \
        PROPERTY_ROW(backend, "dump", PROPERTY_BOOL, dump, \
                     "include it in core dumps (default: -machine dump-guest-core=)")

static const struct property ram_properties[] = {
    COMMON_PROPERTIES("off"),
};

static const struct property file_properties[] = {
    COMMON_PROPERTIES("off"),
    PROPERTY_ROW_REQUIRED(backend, "mem-path", PROPERTY_STRING, mem_path,
                          "file (created if missing), directory, such as a hugetlbfs mount, or device of "
                          "memory (/dev/daxX.Y); required",
                          "Parameter 'mem-path' is missing: the file or directory that provides the memory"),
    PROPERTY_ROW(backend, "offset", PROPERTY_SIZE, offset,
                 "offset of the memory in the file, a multiple of the page size (default: 0)"),
    PROPERTY_ROW(backend, "align", PROPERTY_SIZE, align,
                 "alignment of its addresses, a power of two (default: the page size, at least 2M)"),
    PROPERTY_ROW(backend, "readonly", PROPERTY_BOOL, readonly,
                 "open the file read-only; RAM and DIMMs cannot use it then (default: off)"),
    PROPERTY_ROW(backend, "discard-data", PROPERTY_BOOL, discard_data,
                 "with share=on, discard the file's contents when they are no longer used (default: off)"),
};

static const struct property memfd_properties[] = {
    COMMON_PROPERTIES("on"),
    PROPERTY_ROW(backend, "hugetlb", PROPERTY_BOOL, hugetlb, "use huge pages (default: off)"),
    PROPERTY_ROW_GIVEN(backend, "hugetlbsize", PROPERTY_SIZE, huge_size,
                       "huge page size with hugetlb=on, such as 2M or 1G (default: the host's default size)"),
    PROPERTY_ROW(backend, "seal", PROPERTY_BOOL, seal, "prevent it from being resized (default: on)"),
};

const struct object_type memory_backend_ram_type = {
    .name = "memory-backend-ram",
    .example_id = "mem1",
    .parent = "memory-backend",
    .properties = ram_properties,
    .property_count = COUNT_OF(ram_properties),
    .kind = BACKEND_RAM,
    .create = backend_add_begin,
};

const struct object_type memory_backend_file_type = {
    .name = "memory-backend-file",
    .example_id = "mem1",
    .parent = "memory-backend",
    .properties = file_properties,
    .property_count = COUNT_OF(file_properties),
    .kind = BACKEND_FILE,
    .create = backend_add_begin,
};

const struct object_type memory_backend_memfd_type = {
    .name = "memory-backend-memfd",
    .example_id = "mem1",
    .parent = "memory-backend",
    .properties = memfd_properties,
    .property_count = COUNT_OF(memfd_properties),
    .kind = BACKEND_MEMFD,
    .create = backend_add_begin,
};

const struct object_type *backend_type(enum backend_kind kind)
{
    static const struct object_type *const types[] = {
        [BACKEND_RAM] = &memory_backend_ram_type,
        [BACKEND_FILE] = &memory_backend_file_type,
        [BACKEND_MEMFD] = &memory_backend_memfd_type,
    };

    return types[kind];
}

const struct object_type *backend_type_find(const char *name)
{
    for (enum backend_kind kind = BACKEND_RAM; kind <= BACKEND_MEMFD; kind++)
        if (strcmp(backend_type(kind)->name, name) == 0)
            return backend_type(kind);
    return NULL;
}

static bool check_placement(const struct backend *backend, struct error *error)
{
    bool nodes = !host_nodes_empty(&backend->nodes);

    if (nodes && backend->policy == HOST_POLICY_DEFAULT)
        return error_set(error,
                         "host-nodes must be empty for policy default, or you should explicitly specify "
                         "a policy other than default: preferred, bind or interleave");
    if (!nodes && backend->policy != HOST_POLICY_DEFAULT)
        return error_set(error, "host-nodes must be set for policy %s, such as host-nodes=0",
                         host_policy_names[backend->policy]);
    return true;
}

static bool check_huge(const struct backend *backend, const char *type, struct error *error)
{
    char size[SIZE_TEXT_MAX];

    if (!backend->huge_size_given)
        return true;
    if (backend->huge_size == 0)
        return error_set(
            error, "Property '%s.hugetlbsize' doesn't take value '0'; leave it out for the host's default",
            type);
    if (backend->huge_size & (backend->huge_size - 1))
        return error_set(error, "Hugepage size must be a power of 2: hugetlbsize %s is not",
                         size_text(backend->huge_size, size));
    if (!backend->hugetlb)
        return error_set(error, "'hugetlbsize' needs 'hugetlb=on'");
    return true;
}

static bool check_align(const struct backend *backend, struct error *error)
{
    const unsigned long long page = (unsigned long long)sysconf(_SC_PAGESIZE);
    const unsigned long long align = backend->align;

    if (align % page != 0)
        return error_set(error, "alignment 0x%llx must be multiples of page size 0x%llx", align, page);
    if (align & (align - 1))
        return error_set(error, "alignment 0x%llx must be a power of two", align);
    if (align > UINT64_C(1) << 40)
        return error_set(error, "alignment 0x%llx is too large: the limit is 1 TiB", align);
    return true;
}

static bool check(const struct backend *backend, struct error *error)
{
    const char *type = backend_type(backend->kind)->name;

    if (backend->size == 0)
        return error_set(error, "property 'size' of %s doesn't take value '0'; use a size such as size=1G",
                         type);
    if (backend->size > INT64_MAX || backend->offset > INT64_MAX - backend->size)
        return error_set(error, "%s: size %llu is too large: the limit is %lld bytes, the offset included",
                         type, (unsigned long long)backend->size, (long long)INT64_MAX);
    if (backend->threads_given && backend->threads == 0)
        return error_set(error, "property 'prealloc-threads' of %s doesn't take value '0'; the least is 1",
                         type);
    if (backend->prealloc && !backend->reserve)
        return error_set(error, "'prealloc=on' and 'reserve=off' are incompatible");
    if (backend->prealloc && backend->readonly)
        return error_set(error,
                         "'prealloc=on' and 'readonly=on' are incompatible: the file cannot be written");
    return check_placement(backend, error) && check_huge(backend, type, error) && check_align(backend, error);
}

bool backend_read(struct backend *backend, const struct object_type *type, struct props props,
                  struct error *error)
{
    static const char *const names[] = { "qom-type", "id", NULL };

    if (!props_read(props, type->properties, type->property_count, names, type->name, backend, error))
        return false;
    if (check(backend, error))
        return true;
    props_free(type->properties, type->property_count, backend);
    return false;
}
