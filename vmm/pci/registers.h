/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of configuration space: PCI Local Bus Specification 3.0, chapter 6; PCI-to-PCI Bridge
 * Architecture Specification 1.2, chapter 3; PCI Express Base Specification 5.0, 7.5.3.
 */
#ifndef VMM_PCI_REGISTERS_H
#define VMM_PCI_REGISTERS_H

/* Bytes of a function's configuration space. Those that PCI Express adds read as 0: no extended capability.
 */
#define PCI_CONFIG_SIZE 256u

#define PCI_VENDOR 0x00u
#define PCI_DEVICE 0x02u
#define PCI_COMMAND 0x04u
#define PCI_COMMAND_IO 0x0001u
#define PCI_COMMAND_MEMORY 0x0002u
#define PCI_COMMAND_MASTER 0x0004u
#define PCI_COMMAND_PARITY 0x0040u
#define PCI_COMMAND_SERR 0x0100u
#define PCI_COMMAND_INTX_DISABLE 0x0400u
#define PCI_STATUS 0x06u
#define PCI_STATUS_INTERRUPT 0x0008u
#define PCI_STATUS_CAPABILITIES 0x0010u
#define PCI_REVISION 0x08u
#define PCI_CLASS 0x09u /* interface, subclass, class */
#define PCI_CACHE_LINE 0x0cu
#define PCI_HEADER_TYPE 0x0eu
#define PCI_HEADER_BRIDGE 0x01u
#define PCI_HEADER_MULTIFUNCTION 0x80u
#define PCI_BAR 0x10u
#define PCI_BARS_MAX 6u
#define PCI_BAR_64 0x4u
#define PCI_BAR_PREFETCHABLE 0x8u
#define PCI_BAR_FLAGS 0xfu
#define PCI_SUBSYSTEM_VENDOR 0x2cu
#define PCI_SUBSYSTEM 0x2eu
#define PCI_CAPABILITY_POINTER 0x34u
#define PCI_INTERRUPT_LINE 0x3cu
#define PCI_INTERRUPT_PIN 0x3du
#define PCI_HEADER_END 0x40u

/* A bridge */
#define PCI_BRIDGE_BARS 2u
#define PCI_BRIDGE_PRIMARY 0x18u
#define PCI_BRIDGE_SECONDARY 0x19u
#define PCI_BRIDGE_SUBORDINATE 0x1au
#define PCI_BRIDGE_LATENCY 0x1bu
#define PCI_BRIDGE_MEMORY_BASE 0x20u
#define PCI_BRIDGE_MEMORY_LIMIT 0x22u
#define PCI_BRIDGE_PREFETCH_BASE 0x24u
#define PCI_BRIDGE_PREFETCH_LIMIT 0x26u
#define PCI_BRIDGE_PREFETCH_BASE_HIGH 0x28u
#define PCI_BRIDGE_PREFETCH_LIMIT_HIGH 0x2cu
#define PCI_BRIDGE_PREFETCH_64 0x1u /* in base and limit: they have an upper half */
#define PCI_BRIDGE_CONTROL 0x3eu
#define PCI_BRIDGE_CONTROL_RESET 0x0040u

/* Capabilities */
#define PCI_CAPABILITY_VENDOR 0x09u
#define PCI_CAPABILITY_SUBSYSTEM 0x0du
#define PCI_CAPABILITY_EXPRESS 0x10u
#define PCI_CAPABILITY_MSIX 0x11u

#endif
