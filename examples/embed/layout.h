/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where things are, for the VMM and its guest alike. An operating system learns most of it from ACPI: the GPE
 * block from the FADT, the register block and the DIMMs' addresses from the AML in the DSDT.
 */
#define RAM_SIZE 0x100000  /* boot memory, from address 0 */
#define GUEST_START 0x1000 /* where the guest's code lies and begins */
#define DSDT_START 0xe0000

#define REGION_START 0x40000000 /* of DIMMs: below 4 GiB, since the guest does not page */
#define REGION_SIZE 0x40000000
#define SLOTS 3

#define PORT_GPE 0x620   /* HOTRAM_GPE_LENGTH bytes */
#define PORT_MEMHP 0xa00 /* HOTRAM_MEMHP_EXTENT bytes */

#define PATTERN 0x6d617268 /* what the guest writes at both ends of its new memory */
