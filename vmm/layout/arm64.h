/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses and interrupts of machine hotram-1, arm64. The guest sees these numbers: none changes after a
 * release.
 */
#ifndef VMM_LAYOUT_ARM64_H
#define VMM_LAYOUT_ARM64_H

#include <stdint.h>

#include "layout/units.h"

/* Guest-physical memory */
#define ARM64_FLASH UINT64_C(0)         /* two banks of 64 MiB; only those for which there is an image */
#define ARM64_GICD UINT64_C(0x08000000) /* distributor, 64 KiB */
#define ARM64_GICC UINT64_C(0x08010000) /* GICv2: CPU interface, 8 KiB */
#define ARM64_ITS UINT64_C(0x08080000)  /* GICv3: interrupt translation service, for devices' messages */
#define ARM64_ITS_SIZE (128 * KIB)
#define ARM64_GICR UINT64_C(0x080a0000) /* GICv3: redistributors, 128 KiB each */
#define ARM64_GICR_STRIDE (128 * KIB)
#define ARM64_PL011 UINT64_C(0x09000000) /* 4 KiB */
#define ARM64_PL011_SIZE (4 * KIB)
#define ARM64_PL031 UINT64_C(0x09010000) /* 4 KiB */
#define ARM64_FW_CFG \
    UINT64_C(0x09020000)                 /* FW_CFG_MEMORY_LENGTH bytes; there only with firmware or -fw_cfg */
#define ARM64_MEMHP UINT64_C(0x09070000) /* HOTRAM_MEMHP_EXTENT bytes; present if the machine has slots */
#define ARM64_CPUHP UINT64_C(0x090c0000) /* HOTRAM_CPUHP_LENGTH bytes; present if CPUs can be plugged */
#define ARM64_GED UINT64_C(0x09080000)   /* HOTRAM_GED_LENGTH bytes */
#define ARM64_GENERATION UINT64_C(0x090e0000) /* 64 KiB at most; there only with -device vmgenid */
#define ARM64_PCI_LOW UINT64_C(0x10000000)    /* BARs, up to the I/O ports */
#define ARM64_PCI_IO UINT64_C(0x3eff0000)     /* 64 KiB: I/O ports */
#define ARM64_RAM UINT64_C(0x40000000)        /* all RAM, in one piece */
/* Above the hotplug region: PCI's configuration space, 256 MiB, and its large BARs, in the last eighth of the
 * addresses. */
#define ARM64_PCI_BUSES 256
#define ARM64_MEMORY_END(address_bits) ((UINT64_C(1) << (address_bits)) / 8 * 7)

/* The redistributors end where the PL011 begins; a GICv2 has 8 CPU interfaces. */
#define ARM64_GICV3_CPUS_MAX ((ARM64_PL011 - ARM64_GICR) / ARM64_GICR_STRIDE)
#define ARM64_GICV2_CPUS_MAX 8

/* Interrupts: GSIs are the GIC's interrupt ids. Shared ones begin at 32, private ones at 16. */
#define ARM64_GSI_PL011 33        /* level */
#define ARM64_GSI_PL031 34        /* level */
#define ARM64_GSI_PCI 35          /* four, level: the pins of PCI devices */
#define ARM64_GSI_GED 41          /* level */
#define ARM64_GSI_GENERATION 42   /* edge: a Generic Event Device of its own */
#define ARM64_GSI_TIMER_SECURE 29 /* level, low: the generic timer's */
#define ARM64_GSI_TIMER 30
#define ARM64_GSI_TIMER_VIRTUAL 27
#define ARM64_GSI_TIMER_HYP 26
#define ARM64_GSI_PMU 23   /* level: performance counters, where the host lets guests have them */
#define ARM64_SPI_BASE 32  /* shared interrupts begin here */
#define ARM64_GSI_COUNT 96 /* that the distributor has */

#endif
