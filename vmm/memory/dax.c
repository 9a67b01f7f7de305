/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/dax.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/count_of.h"
#include "base/props.h"

const char *dax_sysfs = "/sys/dev/char";

/* False: the path is too long, which only a test's can be. */
static bool path_of(dev_t device, const char *name, char path[256])
{
    return snprintf(path, 256, "%s/%u:%u/%s", dax_sysfs, major(device), minor(device), name) < 256;
}

bool dax_is(dev_t device)
{
    char path[256], target[256];
    const char *last;
    ssize_t length = path_of(device, "subsystem", path) ? readlink(path, target, sizeof target - 1) : -1;

    if (length < 0)
        return false;
    target[length] = '\0';
    last = strrchr(target, '/');
    return strcmp(last ? last + 1 : target, "dax") == 0;
}

/* A file of one number. 0: it is not there, or is something else; *why is an errno. */
static uint64_t read_number(dev_t device, const char *name, int *why)
{
    char path[256], line[64] = "";
    FILE *file = path_of(device, name, path) ? fopen(path, "re") : NULL;
    uint64_t number = 0;

    *why = errno;
    if (!file)
        return 0;
    *why = EINVAL;
    if (fgets(line, sizeof line, file))
        line[strcspn(line, "\n")] = '\0';
    fclose(file);
    return number_parse(line, &number) ? number : 0;
}

bool dax_inspect(dev_t device, struct dax *dax, struct error *error)
{
    /* Since Linux 5.10; before, it was the same for all devices of a region. */
    static const char *const places[] = { "align", "../dax_region/align", "device/dax_region/align" };
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    int why;

    *dax = (struct dax){ .size = read_number(device, "size", &why) };
    if (dax->size == 0)
        return error_set(error, "%s/%u:%u/size does not state the size of the device: %s", dax_sysfs,
                         major(device), minor(device), strerror(why));
    for (size_t i = 0; i < COUNT_OF(places) && dax->align == 0; i++)
        dax->align = read_number(device, places[i], &why);
    if (dax->align < page || (dax->align & (dax->align - 1)) != 0)
        return error_set(error, "%s/%u:%u/align does not state the alignment of the device", dax_sysfs,
                         major(device), minor(device));
    return true;
}
