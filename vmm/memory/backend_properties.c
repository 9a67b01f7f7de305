/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be said of a backend, type by type, and what of it makes no sense. Names and rules are QEMU 7.2's;
 * docs/compatibility.md has the differences.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/backend_memory.h"

#define NEEDED(name, type, field, given, help, missing) \
    { \
        name, type, offsetof(struct backend, field), given, help, missing \
    }
#define NAMED(name, type, field, given, help) NEEDED(name, type, field, given, help, NULL)
#define GIVEN(field) offsetof(struct backend, field)

#define COMMON_PROPERTIES(share_default) \
    NEEDED("size", PROPERTY_SIZE, size, PROPERTY_NO_GIVEN, \
           "size in bytes, or with a suffix such as 512M or 1G; required", \
           "Parameter 'size' is missing: how much memory it is, such as size=1G"), \
        NAMED("share", PROPERTY_BOOL, share, PROPERTY_NO_GIVEN, \
              "other processes that map it see the guest's writes (default: " share_default ")"), \
        NAMED("prealloc", PROPERTY_BOOL, prealloc, PROPERTY_NO_GIVEN, \
              "allocate all of it before it is used (default: off)"), \
        NAMED("prealloc-threads", PROPERTY_UINT32, threads, GIVEN(threads_given), \
              "how many threads allocate (default: number of vCPUs)"), \
        NAMED("reserve", PROPERTY_BOOL, reserve, PROPERTY_NO_GIVEN, \
              "count it as used, or reserve huge pages, at once (default: on)"), \
        NAMED("host-nodes", PROPERTY_NODES, nodes, PROPERTY_NO_GIVEN, \
              "NUMA nodes of the host that it comes from, such as 0-1; needs policy"), \
        NAMED("policy", PROPERTY_POLICY, policy, PROPERTY_NO_GIVEN, \
              "how it is placed on host-nodes: default, preferred, bind or interleave"), \
        NAMED("merge", PROPERTY_BOOL, merge, PROPERTY_NO_GIVEN, \
              "the host may merge equal pages (default: -machine mem-merge=)"), \
        NAMED("dump", PROPERTY_BOOL, dump, PROPERTY_NO_GIVEN, \
              "part of core dumps (default: -machine dump-guest-core=)")

static const struct property ram_properties[] = {
    COMMON_PROPERTIES("off"),
};

static const struct property file_properties[] = {
    COMMON_PROPERTIES("off"),
    NEEDED("mem-path", PROPERTY_STRING, mem_path, PROPERTY_NO_GIVEN,
           "file, created if missing, or directory, such as a hugetlbfs mount; required",
           "Parameter 'mem-path' is missing: the file or the directory that its memory comes from"),
    NAMED("offset", PROPERTY_SIZE, offset, PROPERTY_NO_GIVEN,
          "where in the file it begins, a multiple of the page size (default: 0)"),
    NAMED("align", PROPERTY_SIZE, align, PROPERTY_NO_GIVEN,
          "what its addresses are multiples of, a power of two (default: the page size, at least 2M)"),
    NAMED("readonly", PROPERTY_BOOL, readonly, PROPERTY_NO_GIVEN,
          "open the file for reading only; no DIMM can use it then (default: off)"),
    NAMED("discard-data", PROPERTY_BOOL, discard_data, PROPERTY_NO_GIVEN,
          "with share=on, the file's contents may go when they are not used any more (default: off)"),
};

static const struct property memfd_properties[] = {
    COMMON_PROPERTIES("on"),
    NAMED("hugetlb", PROPERTY_BOOL, hugetlb, PROPERTY_NO_GIVEN, "use huge pages (default: off)"),
    NAMED("hugetlbsize", PROPERTY_SIZE, huge_size, GIVEN(huge_size_given),
          "with hugetlb=on, how large they are, such as 2M or 1G (default: as the host's usual ones)"),
    NAMED("seal", PROPERTY_BOOL, seal, PROPERTY_NO_GIVEN,
          "nobody can make it shorter or longer (default: on)"),
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

const struct object_type memory_backend_ram_type = {
    .name = "memory-backend-ram",
    .parent = "memory-backend",
    .properties = ram_properties,
    .property_count = COUNT(ram_properties),
    .kind = BACKEND_RAM,
    .create = backend_add_begin,
};

const struct object_type memory_backend_file_type = {
    .name = "memory-backend-file",
    .parent = "memory-backend",
    .properties = file_properties,
    .property_count = COUNT(file_properties),
    .kind = BACKEND_FILE,
    .create = backend_add_begin,
};

const struct object_type memory_backend_memfd_type = {
    .name = "memory-backend-memfd",
    .parent = "memory-backend",
    .properties = memfd_properties,
    .property_count = COUNT(memfd_properties),
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
    char size[SIZE_TEXT];

    if (!backend->huge_size_given)
        return true;
    if (backend->huge_size == 0)
        return error_set(error, "Property '%s.hugetlbsize' doesn't take value '0'", type);
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
        return error_set(error,
                         "property 'size' of %s doesn't take value '0'; give how much memory it is, "
                         "such as size=1G",
                         type);
    if (backend->size > INT64_MAX || backend->offset > INT64_MAX - backend->size)
        return error_set(error, "%s: size %llu is too large: the limit is %lld bytes, the offset included",
                         type, (unsigned long long)backend->size, (long long)INT64_MAX);
    if (backend->threads_given && backend->threads == 0)
        return error_set(error, "property 'prealloc-threads' of %s doesn't take value '0'", type);
    if (backend->prealloc && !backend->reserve)
        return error_set(error, "'prealloc=on' and 'reserve=off' are incompatible");
    if (backend->prealloc && backend->readonly)
        return error_set(error, "'prealloc=on' and 'readonly=on' are incompatible: nothing can be written");
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
