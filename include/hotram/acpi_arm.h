/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file acpi_arm.h
 * ACPI tables of an arm64 machine: interrupt controller, timers, processors, serial port.
 *
 * They complement the tables of hotram/acpi.h, whose rules for buffers, addresses, errors and threads also
 * apply here. An arm64 machine has no fixed hardware: its FADT has HOTRAM_FADT_HW_REDUCED, HOTRAM_FADT_PSCI
 * and, under KVM, HOTRAM_FADT_PSCI_HVC, and events are delivered by hotram_acpi_ged(). A GSI is the GIC's
 * INTID: 16 + n for PPI n, 32 + n for SPI n.
 *
 * References are to the ACPI specification, release 6.5.
 */
#ifndef HOTRAM_ACPI_ARM_H
#define HOTRAM_ACPI_ARM_H

#include <stddef.h>
#include <stdint.h>

#include <hotram/acpi.h>
#include <hotram/aml.h>
#include <hotram/buffer.h>
#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Interrupt controller ---- */

/** A processor behind a GIC, in MADT and SRAT. */
struct hotram_acpi_gic_cpu {
    uint32_t uid;   /**< _UID of the processor's device */
    uint32_t node;  /**< proximity domain, for the SRAT */
    uint64_t mpidr; /**< affinity as in MPIDR_EL1: bits 0-23 and 32-39, the others 0; unique, not checked */
    uint32_t flags; /**< HOTRAM_CPU_ENABLED, or HOTRAM_CPU_ONLINE_CAPABLE, or 0: never usable */
};

/** The affinity bits of MPIDR_EL1. */
#define HOTRAM_MPIDR_AFFINITY UINT64_C(0xff00ffffff)

/** A range of guest-physical addresses that contains registers. */
struct hotram_acpi_registers {
    uint64_t base;   /**< first guest-physical address, bytes */
    uint32_t length; /**< bytes */
};

/** Length of one redistributor of a GICv3, bytes: two frames of 64 KiB. */
#define HOTRAM_GICR_LENGTH 0x20000u

/** Maximum number of processors of a GICv2. */
#define HOTRAM_GICV2_CPUS_MAX 8u

/** Contents of the MADT of an arm64 machine. */
struct hotram_acpi_gic {
    unsigned version;       /**< 2 or 3 */
    uint64_t distributor;   /**< guest-physical address of the distributor, GICD */
    uint64_t cpu_interface; /**< guest-physical address of the CPU interface, GICC: not 0 with a GICv2; 0 with
                             *   a GICv3, whose CPU interface consists of system registers */
    const struct hotram_acpi_registers *redistributors; /**< ranges of GICRs, with a GICv3 only: lengths are
                                                         *   multiples of HOTRAM_GICR_LENGTH, addresses of
                                                         *   64 KiB, and there is room for all processors;
                                                         *   may be NULL if there are none */
    size_t redistributor_count;                         /**< their number; 0 with a GICv2 */
    const uint64_t *its; /**< guest-physical addresses of interrupt translation services, with a GICv3 only;
                          *   their ids are 0, 1, ...; may be NULL if there are none */
    size_t its_count;    /**< their number; 0 with a GICv2 */
    const struct hotram_acpi_gic_cpu *cpus; /**< the processors, including those that can be enabled while the
                                             *   guest runs; may be NULL if there are none */
    size_t cpu_count;                       /**< their number; at most HOTRAM_GICV2_CPUS_MAX with a GICv2 */
    uint32_t pmu_gsi; /**< level-triggered interrupt of the performance monitors; 0: there are none */
};

/**
 * Multiple APIC description table with the structures of a GIC (5.2.12.14 to 5.2.12.18). Its revision is 5,
 * and a GICC has the 80 bytes of ACPI 6.3 and 6.4: older kernels and Xen accept no other length.
 * HOTRAM_CPU_ONLINE_CAPABLE sets the flag that ACPI 6.5 defines; Linux reads it in every revision.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     identify the table's maker
 * @param config  the table's contents
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be), or a member of config
 *                            or of a processor violates its description
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_madt_gic(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                        const struct hotram_acpi_gic *config);

/**
 * System resource affinity table (5.2.16) with GICC affinity structures (5.2.16.4) in place of APIC ones.
 *
 * When: no table is open in the buffer.
 *
 * @param out           the buffer
 * @param ids           identify the table's maker
 * @param cpus          the processors, one entry for each; either flag sets "enabled" in it
 * @param cpu_count     their number, any number
 * @param memory        the ranges of memory, including those for DIMMs
 * @param memory_count  their number, any number
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be)
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_srat_gic(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                        const struct hotram_acpi_gic_cpu *cpus, size_t cpu_count,
                                        const struct hotram_acpi_memory *memory, size_t memory_count);

/* ---- Messages of PCI devices ---- */

/** Maximum number of interrupt translation services in an IORT. */
#define HOTRAM_ITS_MAX 256u

/** Maximum number of root complexes in an IORT. */
#define HOTRAM_ROOT_COMPLEXES_MAX 65536u

/** A PCI host bridge whose functions send their interrupts to the ITSs. Their DMA is coherent. */
struct hotram_acpi_root_complex {
    uint16_t segment;     /**< the host bridge's _SEG; unique, not checked */
    uint8_t address_bits; /**< 1 .. 64: its functions reach addresses below 2^address_bits */
};

/** Contents of the IORT of a machine without an I/O memory management unit. */
struct hotram_acpi_iort {
    uint32_t its_count; /**< 1 .. HOTRAM_ITS_MAX: the number of the MADT, which has the ids 0, 1, ... */
    const struct hotram_acpi_root_complex *roots; /**< the host bridges; may be NULL if there are none */
    size_t root_count;                            /**< their number, at most HOTRAM_ROOT_COMPLEXES_MAX */
};

/**
 * I/O remapping table, revision 0 (5.2.6 refers to it; the layout is that of Arm DEN 0049, issue D): the
 * functions of each root complex send their messages to one group of all ITSs, which identify a function by
 * segment << 16 | bus << 8 | device << 3 | function. Without this table, Linux does not use message-signaled
 * interrupts on a machine with an ITS.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     identify the table's maker
 * @param config  the table's contents
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be), or a member of config
 *                            or of a root complex is out of range
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_iort(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_iort *config);

/* ---- Timers ---- */

/* Flags of a timer (5.2.25); without the first two: level-triggered, active high. */
#define HOTRAM_TIMER_EDGE 0x1u       /**< its interrupt is edge-triggered */
#define HOTRAM_TIMER_ACTIVE_LOW 0x2u /**< its interrupt is asserted when low */
#define HOTRAM_TIMER_ALWAYS_ON \
    0x4u /**< it keeps its context and raises its interrupt in every power state of the processor */

/** A timer that every processor has. */
struct hotram_acpi_timer {
    uint32_t gsi;   /**< its interrupt; 0: there is no such timer */
    uint32_t flags; /**< HOTRAM_TIMER_*; written as 0 if gsi is 0 */
};

/** The timers, by their names in the Arm architecture. */
struct hotram_acpi_timers {
    struct hotram_acpi_timer secure;             /**< secure EL1 physical timer */
    struct hotram_acpi_timer non_secure;         /**< non-secure EL1 physical timer */
    struct hotram_acpi_timer virtual_el1;        /**< EL1 virtual timer, which guests use */
    struct hotram_acpi_timer hypervisor;         /**< EL2 physical timer */
    struct hotram_acpi_timer hypervisor_virtual; /**< EL2 virtual timer */
};

/**
 * Generic timer description table, revision 3 (5.2.25), without memory-mapped timers and watchdogs.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     identify the table's maker
 * @param timers  the timers
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or a timer has a flag other than HOTRAM_TIMER_*
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_gtdt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_timers *timers);

/* ---- Processors ---- */

/* Flags of a node of the topology (5.2.30.1). */
#define HOTRAM_TOPOLOGY_PACKAGE 0x1u  /**< the node is a physical package */
#define HOTRAM_TOPOLOGY_UID 0x2u      /**< uid is valid; required with HOTRAM_TOPOLOGY_LEAF */
#define HOTRAM_TOPOLOGY_THREAD 0x4u   /**< a thread of its parent, a core; requires a parent and LEAF */
#define HOTRAM_TOPOLOGY_LEAF 0x8u     /**< the node is a processor */
#define HOTRAM_TOPOLOGY_SAME 0x10u    /**< all processors below the node are identical */
#define HOTRAM_TOPOLOGY_ROOT SIZE_MAX /**< as parent: the node has none */

/** Maximum number of nodes of a topology. */
#define HOTRAM_TOPOLOGY_NODES_MAX 65536u

/** A node of the tree of packages, cores and threads. */
struct hotram_acpi_topology {
    size_t parent;  /**< index of its parent, lower than its own, or HOTRAM_TOPOLOGY_ROOT */
    uint32_t uid;   /**< _UID of the processor's or processor container's device, if HOTRAM_TOPOLOGY_UID */
    uint32_t flags; /**< HOTRAM_TOPOLOGY_* */
};

/**
 * Processor properties topology table, revision 2 (5.2.30), without caches. It includes processors that can
 * be enabled while the guest runs; the MADT says which ones are enabled at boot.
 *
 * When: no table is open in the buffer.
 *
 * @param out    the buffer
 * @param ids    identify the table's maker
 * @param nodes  the nodes, each after its parent
 * @param count  their number, 0 .. HOTRAM_TOPOLOGY_NODES_MAX
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (nodes may be if count is 0), count is out of range, a parent
 *                            does not precede its node or is a processor, or flags violate their descriptions
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_pptt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_topology *nodes, size_t count);

/** Maximum number of processor devices in a container. */
#define HOTRAM_PROCESSORS_MAX 4096u

/** A processor container and the processors in it. */
struct hotram_acpi_processors {
    const char *path;                       /**< of the container's device: `"\\_SB.CP00"` (in C) */
    uint32_t uid;                           /**< its _UID */
    const struct hotram_acpi_gic_cpu *cpus; /**< the processors; may be NULL if there are none */
    size_t count;                           /**< their number, at most HOTRAM_PROCESSORS_MAX */
};

/**
 * A processor container (ACPI0010) with a processor device (ACPI0007) Cxxx for each of its processors (8.4;
 * xxx: its index in hexadecimal). A processor that is not enabled has a _STA (6.3.7): present and not enabled
 * if HOTRAM_CPU_ONLINE_CAPABLE, otherwise absent.
 *
 * When: at the root of a table, once for each path.
 *
 * @param aml     the writer
 * @param config  the container and its processors
 * @retval HOTRAM_OK          written; hotram_aml_finish() reports whether it fits, and HOTRAM_E_ARGUMENT if
 *                            path is invalid
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (cpus may be if count is 0), count is out of range, or flags
 *                            violate their description; nothing is written, and the writer continues
 */
enum hotram_status hotram_acpi_processors(struct hotram_aml *aml,
                                          const struct hotram_acpi_processors *config);

/* ---- Serial port ---- */

/** Length of a PL011's registers, bytes. */
#define HOTRAM_PL011_LENGTH 0x1000u

/** A PL011 serial port, which a guest may also drive as the SBSA generic UART. */
struct hotram_acpi_pl011 {
    const char *path; /**< absolute path of its device: `"\\_SB.COM0"` (in C); at most 255 characters */
    uint32_t base;    /**< guest-physical address of its registers: at most 2^32 - HOTRAM_PL011_LENGTH */
    uint32_t gsi;     /**< its interrupt: level-triggered, active high */
    uint32_t uid;     /**< its _UID */
};

/**
 * The device of a PL011 (ARMH0011), with _UID and _CRS (6.1.12, 6.2.2).
 *
 * When: at the root of a table, once for each path.
 *
 * @param aml     the writer
 * @param config  the port
 * @retval HOTRAM_OK          written; hotram_aml_finish() reports whether it fits, and HOTRAM_E_ARGUMENT if
 *                            path is invalid
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or a member of config is out of range; nothing is written,
 *                            and the writer continues
 */
enum hotram_status hotram_acpi_pl011(struct hotram_aml *aml, const struct hotram_acpi_pl011 *config);

/**
 * Serial port console redirection table, revision 2 (5.2.6 refers to it; Microsoft specifies the layout): the
 * guest's console is this port, at 115200 baud, 8 data bits, no parity, one stop bit, with an ANSI terminal.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     identify the table's maker
 * @param config  the port
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or a member of config is out of range
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_spcr(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_pl011 *config);

/**
 * Debug port table 2, revision 0 (5.2.6 refers to it; Microsoft specifies the layout): this port is available
 * to a debugger.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     identify the table's maker
 * @param config  the port; its path must exist in the namespace
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or a member of config is out of range
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_dbg2(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_pl011 *config);

#ifdef __cplusplus
}
#endif
#endif
