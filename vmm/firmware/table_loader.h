/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables for firmware: QEMU's files etc/acpi/tables and etc/acpi/rsdp, and etc/table-loader, the
 * commands by which firmware puts them where it likes, sets their pointers and their checksums.
 *
 * Threads: main thread.
 */
#ifndef VMM_FIRMWARE_TABLE_LOADER_H
#define VMM_FIRMWARE_TABLE_LOADER_H

#include "firmware/fw_cfg.h"

/* Commands have this size; numbers in them have their least byte first. */
#define TABLE_LOADER_COMMAND_SIZE 128
enum { TABLE_LOADER_ALLOCATE = 1, TABLE_LOADER_ADD_POINTER = 2, TABLE_LOADER_ADD_CHECKSUM = 3 };
enum { TABLE_LOADER_HIGH = 1, TABLE_LOADER_LOW = 2 }; /* zones: anywhere below 4 GiB; at 0xe0000 to 0xfffff */

/* The tables that machine/acpi_tables.c has written for guest address 0: the RSDP, at TABLES_START the first
 * table, at last the XSDT. They are changed on the way. Set all three files. False: memory is short, there
 * are too many files, or these are no such tables. */
#define TABLES_START 64u
bool table_loader_publish(struct fw_cfg *fw_cfg, uint8_t *tables, size_t capacity, struct error *error);

#endif
