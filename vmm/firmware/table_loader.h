/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables for firmware: QEMU's fw_cfg files etc/acpi/tables and etc/acpi/rsdp, and etc/table-loader,
 * whose commands tell firmware to allocate memory for them, and to update pointers and checksums (QEMU
 * hw/acpi/bios-linker-loader.c describes the commands).
 *
 * Threads: main thread.
 */
#ifndef VMM_FIRMWARE_TABLE_LOADER_H
#define VMM_FIRMWARE_TABLE_LOADER_H

#include "firmware/fw_cfg.h"

/* Size of a command, bytes. Numbers in it are little endian. */
#define TABLE_LOADER_COMMAND_SIZE 128
enum { TABLE_LOADER_ALLOCATE = 1, TABLE_LOADER_ADD_POINTER = 2, TABLE_LOADER_ADD_CHECKSUM = 3 };
enum { TABLE_LOADER_HIGH = 1, TABLE_LOADER_LOW = 2 }; /* zones: anywhere below 4 GiB; at 0xe0000 to 0xfffff */

/* Set all three files, from tables that machine/acpi_tables.c has written for guest address 0: the RSDP, the
 * first table at TABLES_START, the XSDT as the last. The tables are modified. False and an error: out of
 * memory, too many files, or the tables are not of this form; no file has changed. */
#define TABLES_START 64u
bool table_loader_publish(struct fw_cfg *fw_cfg, uint8_t *tables, size_t capacity, struct error *error);

#endif
