/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that a BIOS loads beside itself, of the firmware configuration device: a file whose name begins
 * with genroms/.
 *
 * Threads: main thread.
 */
#ifndef VMM_FIRMWARE_OPTION_ROM_H
#define VMM_FIRMWARE_OPTION_ROM_H

#include "firmware/fw_cfg.h"

/* QEMU's, which starts the kernel that the device has. */
#define OPTION_ROM_LINUX "linuxboot_dma.bin"
#define OPTION_ROM_PACKAGE "qemu-system-data"
#define OPTION_ROM_MAX (128u * 1024) /* maximum size, bytes: all option ROMs share 128 KiB below 0xe0000 */
#define OPTION_ROM_FOLDER "genroms/" /* of the file's name */

/* Look for the file in the folders of firmware, check it and add it. False and an error: not found, not an
 * option ROM, or as for fw_cfg_add_file(). */
bool option_rom_add(struct fw_cfg *fw_cfg, const struct config *config, const char *name,
                    struct error *error);

#endif
