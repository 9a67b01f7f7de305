/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/firmware_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool firmware_part_read(struct firmware_part *part, const struct boot *boot, uint64_t offset, uint64_t size,
                        struct error *error)
{
    part->bytes = malloc(size > 0 ? size : 1);
    part->size = (uint32_t)size;
    if (!part->bytes)
        return error_set(error, "-kernel '%s': out of memory", boot->kernel_path);
    return boot_read(boot, offset, part->bytes, size) ||
           error_set(error, "-kernel '%s' cannot be read: %s", boot->kernel_path, strerror(errno));
}

static bool read_initrd(struct firmware_part *part, const struct boot *boot, struct error *error)
{
    if (boot->initrd_size == 0)
        return true;
    part->bytes = malloc(boot->initrd_size);
    part->size = (uint32_t)boot->initrd_size;
    if (!part->bytes)
        return error_set(error, "-initrd '%s': out of memory", boot->initrd_path);
    return boot_read_file(boot, boot->initrd_fd, 0, part->bytes, boot->initrd_size) ||
           error_set(error, "-initrd '%s' cannot be read: %s", boot->initrd_path, strerror(errno));
}

bool firmware_kernel_read(struct firmware_kernel *read, const struct boot *boot, struct error *error)
{
    *read = (struct firmware_kernel){ 0 };
    if (firmware_kernel_arch_read(read, boot, error) && read_initrd(&read->initrd, boot, error))
        return true;
    firmware_kernel_free(read);
    return false;
}

void firmware_kernel_free(struct firmware_kernel *read)
{
    free(read->setup.bytes);
    free(read->kernel.bytes);
    free(read->initrd.bytes);
    *read = (struct firmware_kernel){ 0 };
}
