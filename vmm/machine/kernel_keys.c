/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel for firmware: -kernel, -initrd and -append as items of the firmware configuration device, by which
 * UEFI boots before it looks at disks. A BIOS does not know them; an option ROM reads them for it.
 */
#include <string.h>

#include "boot/firmware_kernel.h"
#include "firmware/flash.h"
#include "firmware/fw_cfg.h"
#include "firmware/option_rom.h"
#include "machine/state.h"

/* An item each for the address, the size and the bytes, which become the device's. */
static bool give(struct fw_cfg *fw_cfg, const uint16_t numbers[3], struct firmware_part *part,
                 struct error *error)
{
    if (!part->bytes)
        return true;
    if (!fw_cfg_set_number(fw_cfg, numbers[0], part->address, 4, error) ||
        !fw_cfg_set_number(fw_cfg, numbers[1], part->size, 4, error))
        return false;
    fw_cfg_give(fw_cfg, numbers[2], part->bytes, part->size);
    part->bytes = NULL;
    return true;
}

static bool give_cmdline(struct fw_cfg *fw_cfg, const char *cmdline, uint32_t address, struct error *error)
{
    const size_t size = strlen(cmdline) + 1;

    return fw_cfg_set_number(fw_cfg, FW_CFG_CMDLINE_ADDRESS, address, 4, error) &&
           fw_cfg_set_number(fw_cfg, FW_CFG_CMDLINE_SIZE, size, 4, error) &&
           fw_cfg_set(fw_cfg, FW_CFG_CMDLINE_DATA, cmdline, size, error);
}

static bool publish(struct machine *machine, struct error *error)
{
    static const uint16_t setup[] = { FW_CFG_SETUP_ADDRESS, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA },
                          kernel[] = { FW_CFG_KERNEL_ADDRESS, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA },
                          initrd[] = { FW_CFG_INITRD_ADDRESS, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA };
    struct fw_cfg *fw_cfg = machine->board.fw_cfg;
    struct firmware_kernel read;
    bool given;

    if (!firmware_kernel_read(&read, &machine->boot, error))
        return false;
    given = give(fw_cfg, setup, &read.setup, error) && give(fw_cfg, kernel, &read.kernel, error) &&
            give(fw_cfg, initrd, &read.initrd, error) &&
            give_cmdline(fw_cfg, machine->boot.cmdline, read.cmdline_address, error);
    firmware_kernel_free(&read);
    return given;
}

#if defined(__aarch64__)
const char *machine_rom_to_boot(const struct machine *machine)
{
    (void)machine; /* all firmware is UEFI */
    return NULL;
}
#else
const char *machine_rom_to_boot(const struct machine *machine)
{
    const struct flash *flash = machine->board.flash;

    if (!machine->boot.by_firmware || machine->boot.format == KERNEL_NONE)
        return NULL;
    if (machine->config->firmware == FIRMWARE_FLASH ? rom_is_uefi(flash->image.bytes, flash->image.size)
                                                    : rom_is_uefi(machine->rom.image, machine->rom.size))
        return NULL;
    return OPTION_ROM_LINUX;
}
#endif

bool machine_give_kernel_to_firmware(struct machine *machine, struct error *error)
{
    const char *rom = machine_rom_to_boot(machine);

    if (!machine->boot.by_firmware || machine->boot.format == KERNEL_NONE)
        return true;
    return publish(machine, error) &&
           (!rom || option_rom_add(machine->board.fw_cfg, machine->config, rom, error));
}
