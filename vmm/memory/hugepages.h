/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's pools of huge pages (Documentation/admin-guide/mm/hugetlbpage.rst in Linux).
 */
#ifndef VMM_MEMORY_HUGEPAGES_H
#define VMM_MEMORY_HUGEPAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/host_nodes.h"

/* Sizes are in bytes. 0: the kernel has none. */
uint64_t hugepages_default(void);
bool hugepages_have(uint64_t page_size);
/* "2 MiB and 1 GiB"; returns buffer. */
char *hugepages_sizes(char *buffer, size_t size);

/* Of one size, on the whole host or, when nodes is not NULL, on these nodes. Free ones that are promised to
 * somebody are not free here; that is only known of the whole host. */
struct hugepages {
    uint64_t total, free;
};
struct hugepages hugepages_count(uint64_t page_size, const struct host_nodes *nodes);

/* The file that sets how many there are; returns buffer. */
char *hugepages_limit(uint64_t page_size, const struct host_nodes *nodes, char *buffer, size_t size);

#endif
