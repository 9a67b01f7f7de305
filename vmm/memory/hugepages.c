/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/hugepages.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/props.h"

#define POOLS "/sys/kernel/mm/hugepages"
#define POOL_NAME "hugepages-%" PRIu64 "kB"
#define POOLS_MAX 8

/* What there is of a file of the kernel's, without a stream, which would allocate: no memory is not no pages.
 */
static void read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, size - 1);

    text[length > 0 ? length : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

static uint64_t read_number(const char *path)
{
    uint64_t number = 0;
    char text[64];

    read_text(path, text, sizeof text);
    return sscanf(text, "%" SCNu64, &number) == 1 ? number : 0;
}

uint64_t hugepages_default(void)
{
    static const char name[] = "\nHugepagesize:";
    const char *line;
    uint64_t kib = 0;
    char text[8192];

    read_text("/proc/meminfo", text, sizeof text);
    line = strstr(text, name);
    return line && sscanf(line + sizeof name - 1, "%" SCNu64, &kib) == 1 ? kib << 10 : 0;
}

bool hugepages_have(uint64_t page_size)
{
    char path[128];

    snprintf(path, sizeof path, POOLS "/" POOL_NAME, page_size >> 10);
    return access(path, F_OK) == 0;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *first = a;
    const uint64_t *second = b;

    return (*first > *second) - (*first < *second);
}

char *hugepages_sizes(char *buffer, size_t size)
{
    DIR *directory = opendir(POOLS);
    uint64_t sizes[POOLS_MAX];
    size_t count = 0;
    size_t used = 0;
    struct dirent *entry;

    snprintf(buffer, size, "none");
    if (!directory)
        return buffer;
    while (count < POOLS_MAX && (entry = readdir(directory)))
        if (sscanf(entry->d_name, POOL_NAME, &sizes[count]) == 1)
            count++;
    closedir(directory);
    qsort(sizes, count, sizeof sizes[0], compare);
    for (size_t i = 0; i < count && used < size; i++) {
        char text[SIZE_TEXT_MAX];

        used += (size_t)snprintf(buffer + used, size - used, "%s%s",
                                 i == 0           ? ""
                                 : i + 1 == count ? " and "
                                                  : ", ",
                                 size_text(sizes[i] << 10, text));
    }
    return buffer;
}

static void pool_of_node(char *path, size_t size, unsigned node, uint64_t page_size, const char *file)
{
    snprintf(path, size, "/sys/devices/system/node/node%u/hugepages/" POOL_NAME "/%s", node, page_size >> 10,
             file);
}

struct hugepages hugepages_count(uint64_t page_size, const struct host_nodes *nodes)
{
    struct hugepages pages = { 0 };
    uint64_t promised;
    char path[160];

    for (unsigned node = 0; nodes && node < HOST_NODES_MAX; node++) {
        if (!host_nodes_has(nodes, node))
            continue;
        pool_of_node(path, sizeof path, node, page_size, "nr_hugepages");
        pages.total += read_number(path);
        pool_of_node(path, sizeof path, node, page_size, "free_hugepages");
        pages.free += read_number(path);
    }
    if (nodes)
        return pages;
    snprintf(path, sizeof path, POOLS "/" POOL_NAME "/nr_hugepages", page_size >> 10);
    pages.total = read_number(path);
    snprintf(path, sizeof path, POOLS "/" POOL_NAME "/free_hugepages", page_size >> 10);
    pages.free = read_number(path);
    snprintf(path, sizeof path, POOLS "/" POOL_NAME "/resv_hugepages", page_size >> 10);
    promised = read_number(path);
    pages.free = pages.free > promised ? pages.free - promised : 0;
    return pages;
}

char *hugepages_limit(uint64_t page_size, const struct host_nodes *nodes, char *buffer, size_t size)
{
    unsigned node = 0;

    while (nodes && node < HOST_NODES_MAX && !host_nodes_has(nodes, node))
        node++;
    if (nodes)
        pool_of_node(buffer, size, node, page_size, "nr_hugepages");
    else
        snprintf(buffer, size, POOLS "/" POOL_NAME "/nr_hugepages", page_size >> 10);
    return buffer;
}
