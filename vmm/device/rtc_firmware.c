/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/rtc_firmware.h"

#include "layout/units.h"

/* CMOS addresses; what is longer than a byte has the least byte first. */
enum {
    RESET_CODE = 0x0f,       /* 0: an ordinary start */
    BASE_MEMORY = 0x15,      /* 2 bytes: KiB below 640 KiB */
    EXTENDED_MEMORY = 0x17,  /* 2 bytes: KiB from 1 MiB on, at most 65535 */
    EXTENDED_AGAIN = 0x30,   /* the same */
    MEMORY_ABOVE_16M = 0x34, /* 2 bytes: 64 KiB each, below 4 GiB */
    BOOT_THIRD = 0x38,       /* bits 4-7: the third device to boot from; bit 0: do not check the floppy */
    BOOT_FIRST = 0x3d,       /* bits 0-3: the first, bits 4-7: the second */
    MEMORY_ABOVE_4G = 0x5b,  /* 3 bytes: 64 KiB each */
    OTHER_CPUS = 0x5f,       /* besides the first; SeaBIOS waits until so many have started */
};

/* Devices to boot from, by QEMU's letters, and its order. */
enum { BOOT_FLOPPY = 1, BOOT_DISK = 2, BOOT_CDROM = 3, BOOT_NETWORK = 4 };
#define BOOT_ORDER "cad"

/* 0 of no device, and behind the end. */
static uint8_t boot_device(const char *order, unsigned place)
{
    for (; *order && place > 0; order++)
        place--;
    switch (*order) {
    case 'a':
    case 'b':
        return BOOT_FLOPPY;
    case 'c':
        return BOOT_DISK;
    case 'd':
        return BOOT_CDROM;
    case 'n':
        return BOOT_NETWORK;
    default:
        return 0;
    }
}

static void put(uint8_t *bytes, unsigned length, uint64_t value)
{
    const uint64_t most = (UINT64_C(1) << 8 * length) - 1;

    if (value > most)
        value = most;
    for (unsigned i = 0; i < length; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t beyond(uint64_t end, uint64_t start)
{
    return end > start ? end - start : 0;
}

void rtc_write_firmware_cpus(uint8_t cmos[128], uint32_t cpus)
{
    cmos[OTHER_CPUS] = (uint8_t)(cpus - (cpus > 0));
}

void rtc_write_firmware_bytes(uint8_t cmos[128], const struct rtc_machine *machine)
{
    const uint64_t low = machine->low_ram_end;
    const char *order = machine->boot_once    ? machine->boot_once
                        : machine->boot_order ? machine->boot_order
                                              : BOOT_ORDER;

    cmos[RESET_CODE] = 0;
    put(&cmos[BASE_MEMORY], 2, (low < 640 * KIB ? low : 640 * KIB) / KIB);
    put(&cmos[EXTENDED_MEMORY], 2, beyond(low, 1 * MIB) / KIB);
    put(&cmos[EXTENDED_AGAIN], 2, beyond(low, 1 * MIB) / KIB);
    put(&cmos[MEMORY_ABOVE_16M], 2, beyond(low, 16 * MIB) / (64 * KIB));
    put(&cmos[MEMORY_ABOVE_4G], 3, machine->high_ram_size / (64 * KIB));
    cmos[BOOT_FIRST] = (uint8_t)(boot_device(order, 1) << 4 | boot_device(order, 0));
    cmos[BOOT_THIRD] = (uint8_t)(boot_device(order, 2) << 4);
    rtc_write_firmware_cpus(cmos, machine->cpus);
}
