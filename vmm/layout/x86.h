/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses, ports and interrupts of machine hotram-1, x86-64. The guest sees these numbers: none
 * changes after a release.
 */
#ifndef VMM_LAYOUT_X86_H
#define VMM_LAYOUT_X86_H

#include <stdint.h>

#include "layout/units.h"

/* Guest-physical memory. RAM that does not fit below 2 GiB continues at 4 GiB, as on QEMU's q35 with more
 * than 2.75 GiB; between the two is PCI (configuration space and windows), where firmware for q35 expects
 * it. */
#define X86_LOW_RAM_END UINT64_C(0x80000000)
#define X86_HIGH_RAM_START (4 * GIB)
#define X86_REAL_MODE_END UINT64_C(0x9fc00) /* RAM that a boot loader may list below the BIOS area */
#define X86_BIOS_AREA UINT64_C(0xe0000)     /* ACPI tables, where a BIOS has them (ACPI 6.5, 5.2.5.1) */
#define X86_BIOS_AREA_END UINT64_C(0x100000)
/* Configuration space after a reset, 256 MiB of 256 buses; firmware may move it (pci/ecam.c). */
#define X86_PCI_ECAM UINT64_C(0xb0000000)
#define X86_PCI_BUSES 256
#define X86_PCI_LOW UINT64_C(0xc0000000) /* BARs, up to the I/O APIC */
#define X86_IOAPIC UINT64_C(0xfec00000)
#define X86_RCBA UINT64_C(0xfed1c000) /* where firmware places the ISA bridge's memory-mapped registers */
#define X86_GCS (X86_RCBA + 0x3410)   /* 4 bytes, the only register implemented there */
#define X86_LAPIC UINT64_C(0xfee00000)
/* KVM's pages for real mode on Intel: one for the identity map and three for the TSS, below the 16 MiB that
 * firmware may occupy. */
#define X86_IDENTITY_MAP UINT64_C(0xfeffc000)
#define X86_TSS UINT64_C(0xfeffd000)
#define X86_FLASH_END (4 * GIB) /* two banks, as large as their images; 8 MiB each at most */
/* Memory ends at or below the last eighth of the addresses, where firmware puts devices' windows. */
#define X86_MEMORY_END(address_bits) ((UINT64_C(1) << (address_bits)) / 8 * 7)

/* What the boot loader writes below 640 KiB; free for the guest once it has read it. */
#define X86_BOOT_GDT UINT64_C(0x500)
#define X86_BOOT_START_INFO UINT64_C(0x6000) /* PVH start info and its memory map */
#define X86_BOOT_PARAMS UINT64_C(0x7000)     /* Linux boot_params */
#define X86_BOOT_E820_MORE UINT64_C(0x8000)  /* setup_data: entries that do not fit into boot_params */
#define X86_BOOT_E820_MORE_MAX (32 * KIB)
#define X86_BOOT_CMDLINE UINT64_C(0x20000)
#define X86_BOOT_CMDLINE_MAX (64 * KIB)
#define X86_KERNEL_START (1 * MIB)
#define X86_BIOS_SETUP UINT64_C(0x10000) /* where a BIOS puts the part of a bzImage for real mode */

/* I/O ports */
#define X86_PORT_RTC 0x70
#define X86_PORT_COM1 0x3f8
#define X86_PORT_FW_CFG 0x510      /* FW_CFG_PORTS bytes; there only with firmware or -fw_cfg */
#define X86_PORT_PM1_EVENT 0x600   /* 4 bytes: status, enable */
#define X86_PORT_PM1_CONTROL 0x604 /* 2 bytes */
#define X86_PORT_PM_TIMER 0x608    /* 4 bytes */
#define X86_PORT_GPE0 0x620        /* HOTRAM_GPE_LENGTH bytes */
#define X86_PORT_SMI_EN 0x630      /* 4 bytes */
#define X86_PORT_TCO 0x660         /* TCO_LENGTH bytes */
#define X86_PORT_MEMHP 0xa00       /* HOTRAM_MEMHP_EXTENT bytes; present if the machine has slots */
#define X86_PORT_CPUHP 0xcd8       /* HOTRAM_CPUHP_LENGTH bytes; present if CPUs can be plugged */
#define X86_PORT_RESET 0xcf9
#define X86_RESET_VALUE 0x06

/* With -machine acpi-events=ged, in place of PM1, PM timer and GPE0: */
#define X86_PORT_SLEEP 0x604         /* 2 bytes: sleep control, sleep status */
#define X86_GED UINT64_C(0xfed60000) /* HOTRAM_GED_LENGTH bytes between IOAPIC and local APIC */
#define X86_GSI_GED 20               /* level */

/* With -device vmgenid: a page, and the interrupt of a Generic Event Device of its own */
#define X86_GENERATION UINT64_C(0xfed61000)
#define X86_GSI_GENERATION 21 /* edge */

/* Interrupts */
#define X86_IRQ_RTC 8
#define X86_IRQ_COM1 4
#define X86_IRQ_SCI 9
#define X86_GSI_COUNT 24 /* pins of the IOAPIC */
#define X86_GSI_PCI 16   /* four, level: the pins of PCI devices */

/* Sleep type of S5 in PM1 control (ACPI 6.5, 7.4.2) */
#define X86_SLP_TYP_S5 5

#endif
