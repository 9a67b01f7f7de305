/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file acpi_arm.h
 * ACPI tables of an arm64 machine: interrupt controller, timers, processors, serial port.
 *
 * They go beside the tables of hotram/acpi.h, whose rules for buffers, addresses and errors hold here, too.
 * An arm64 machine has no fixed hardware: its FADT has HOTRAM_FADT_HW_REDUCED, HOTRAM_FADT_PSCI and, as a
 * guest of KVM, HOTRAM_FADT_PSCI_HVC, and its events come by hotram_acpi_ged(). A GSI is what the GIC calls
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
    uint64_t mpidr; /**< affinity as in MPIDR_EL1: bits 0-23 and 32-39, the others 0; nobody else has it */
    uint32_t flags; /**< HOTRAM_CPU_ENABLED, HOTRAM_CPU_ONLINE_CAPABLE, or 0: never usable; not both */
};

/** The affinity bits of MPIDR_EL1. */
#define HOTRAM_MPIDR_AFFINITY UINT64_C(0xff00ffffff)

/** A range of guest-physical addresses that registers are in. */
struct hotram_acpi_registers {
    uint64_t base;   /**< first guest-physical address, bytes */
    uint32_t length; /**< bytes */
};

/** What one redistributor of a GICv3 takes, bytes: two frames of 64 KiB. */
#define HOTRAM_GICR_LENGTH 0x20000u

/** The processors that a GICv2 can have. */
#define HOTRAM_GICV2_CPUS_MAX 8u

/** What the MADT of an arm64 machine says. */
struct hotram_acpi_gic {
    unsigned version;       /**< 2 or 3 */
    uint64_t distributor;   /**< guest-physical address of the distributor, GICD */
    uint64_t cpu_interface; /**< guest-physical address of the CPU interface, GICC: not 0 with a GICv2, and 0
                             *   with a GICv3, whose CPU interface is system registers */
    const struct hotram_acpi_registers *redistributors; /**< ranges of GICRs, of a GICv3 only: multiples of
                                                         *   HOTRAM_GICR_LENGTH at multiples of 64 KiB, with
                                                         *   room for all processors; NULL when none */
    size_t redistributor_count;                         /**< how many */
    const uint64_t *its; /**< guest-physical addresses of interrupt translation services, of a GICv3 only;
                          * their ids are 0, 1, ...; NULL when there are none */
    size_t its_count;    /**< how many */
    const struct hotram_acpi_gic_cpu *cpus; /**< the processors; NULL when there are none. Those that may come
                                             *   while the guest runs have their entry from the start */
    size_t cpu_count;                       /**< how many; HOTRAM_GICV2_CPUS_MAX at most with a GICv2 */
    uint32_t pmu_gsi; /**< interrupt of the performance monitors, level-triggered, or 0: there are none */
};

/**
 * Multiple APIC description table with the structures of a GIC (5.2.12.14 to 5.2.12.18). It has revision 5,
 * and a GICC the 80 bytes of ACPI 6.3 and 6.4: older kernels and Xen take no other length.
 * HOTRAM_CPU_ONLINE_CAPABLE is the flag that 6.5 defines; Linux reads it whatever the revision.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     who made it
 * @param config  what it says
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be), or a member of config
 * or of a processor is not as its description has it
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_madt_gic(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                        const struct hotram_acpi_gic *config);

/**
 * System resource affinity table (5.2.16) with GICC affinity structures (5.2.16.4) in place of APIC ones.
 *
 * When: no table is open in the buffer.
 *
 * @param out           the buffer
 * @param ids           who made it
 * @param cpus          the processors, one entry for each; each of the two flags makes the entry count
 * @param cpu_count     how many, any number
 * @param memory        the ranges of memory, those where DIMMs will come included
 * @param memory_count  how many, any number
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be)
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_srat_gic(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                        const struct hotram_acpi_gic_cpu *cpus, size_t cpu_count,
                                        const struct hotram_acpi_memory *memory, size_t memory_count);

/* ---- Messages of PCI devices ---- */

/** The interrupt translation services that one IORT can name. */
#define HOTRAM_ITS_MAX 256u

/** The root complexes that one IORT can name. */
#define HOTRAM_ROOT_COMPLEXES_MAX 65536u

/** A PCI host bridge whose functions send their interrupts to the ITSs. Their DMA is coherent. */
struct hotram_acpi_root_complex {
    uint16_t segment;     /**< the host bridge's _SEG; nobody else has it */
    uint8_t address_bits; /**< 1 .. 64: its functions reach addresses below 2 to this power */
};

/** What the IORT of a machine without an I/O memory management unit says. */
struct hotram_acpi_iort {
    uint32_t its_count; /**< 1 .. HOTRAM_ITS_MAX: all that the MADT has, of ids 0, 1, ... */
    const struct hotram_acpi_root_complex *roots; /**< the host bridges; NULL when there are none */
    size_t root_count;                            /**< how many, HOTRAM_ROOT_COMPLEXES_MAX at most */
};

/**
 * I/O remapping table, revision 0 (5.2.6 names it; its layout is Arm's DEN 0049, issue D): the functions of
 * each root complex send their messages to one group of all ITSs, which know a function as segment << 16 |
 * bus << 8 | device << 3 | function. Without it Linux gives PCI devices of a machine with an ITS no messages.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     who made it
 * @param config  what it says
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be), or a member of config
 * or of a root complex is out of range
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_iort(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_iort *config);

/* ---- Timers ---- */

/* Flags of a timer (5.2.25); without the first two: level-triggered, active high. */
#define HOTRAM_TIMER_EDGE 0x1u       /**< its interrupt is edge-triggered */
#define HOTRAM_TIMER_ACTIVE_LOW 0x2u /**< its interrupt is asserted when low */
#define HOTRAM_TIMER_ALWAYS_ON \
    0x4u /**< it keeps its context and fires whatever the processor's power state */

/** A timer of every processor. */
struct hotram_acpi_timer {
    uint32_t gsi;   /**< its interrupt, or 0: there is no such timer */
    uint32_t flags; /**< HOTRAM_TIMER_*; said as 0 when gsi is 0 */
};

/** The architecture's timers, by what the architecture calls them. */
struct hotram_acpi_timers {
    struct hotram_acpi_timer secure;             /**< secure EL1 physical timer */
    struct hotram_acpi_timer non_secure;         /**< non-secure EL1 physical timer */
    struct hotram_acpi_timer virtual_el1;        /**< EL1 virtual timer: a guest's own */
    struct hotram_acpi_timer hypervisor;         /**< EL2 physical timer */
    struct hotram_acpi_timer hypervisor_virtual; /**< EL2 virtual timer */
};

/**
 * Generic timer description table, revision 3 (5.2.25), without memory-mapped timers and watchdogs.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     who made it
 * @param timers  the timers
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or a timer has a flag that is not a HOTRAM_TIMER_* one
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_gtdt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_timers *timers);

/* ---- Processors ---- */

/* Flags of a node of the topology (5.2.30.1). */
#define HOTRAM_TOPOLOGY_PACKAGE 0x1u  /**< it is a physical package */
#define HOTRAM_TOPOLOGY_UID 0x2u      /**< uid is valid; has to be with HOTRAM_TOPOLOGY_LEAF */
#define HOTRAM_TOPOLOGY_THREAD 0x4u   /**< it is a thread of its parent, a core */
#define HOTRAM_TOPOLOGY_LEAF 0x8u     /**< it is a processor */
#define HOTRAM_TOPOLOGY_SAME 0x10u    /**< all processors below it are of one kind */
#define HOTRAM_TOPOLOGY_ROOT SIZE_MAX /**< the parent of a node that has none */

/** The nodes that a topology can have. */
#define HOTRAM_TOPOLOGY_NODES_MAX 65536u

/** A node of the tree of packages, cores and threads. */
struct hotram_acpi_topology {
    size_t parent;  /**< index of the node that it is part of, below its own, or HOTRAM_TOPOLOGY_ROOT */
    uint32_t uid;   /**< _UID of the processor's or the processor container's device */
    uint32_t flags; /**< HOTRAM_TOPOLOGY_* */
};

/**
 * Processor properties topology table, revision 2 (5.2.30), without caches. Processors that may come while
 * the guest runs have their node from the start; whether they are there is for the MADT to say.
 *
 * When: no table is open in the buffer.
 *
 * @param out    the buffer
 * @param ids    who made it
 * @param nodes  the nodes, each behind its parent
 * @param count  how many, 0 .. HOTRAM_TOPOLOGY_NODES_MAX
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (nodes may be when count is 0), count is out of range, a
 * parent does not precede its node or is itself a processor, or flags are not as their descriptions have them
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_pptt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_topology *nodes, size_t count);

/** The processor devices that a container can have. */
#define HOTRAM_PROCESSORS_MAX 4096u

/** A processor container and the processors in it. */
struct hotram_acpi_processors {
    const char *path;                       /**< of the container's device: `"\\_SB.CP00"` (in C) */
    uint32_t uid;                           /**< its _UID */
    const struct hotram_acpi_gic_cpu *cpus; /**< the processors; NULL when there are none */
    size_t count;                           /**< how many, HOTRAM_PROCESSORS_MAX at most */
};

/**
 * A processor container (ACPI0010) with a processor device (ACPI0007) Cxxx for each of its processors (8.4;
 * xxx: its index in hexadecimal). A processor that is not enabled has a _STA (6.3.7): present and not enabled
 * if it may come, absent if not.
 *
 * When: at the root of a table, once for a path.
 *
 * @param aml     the writer
 * @param config  the processors
 * @retval HOTRAM_OK          written, as far as hotram_aml_finish() says, which is HOTRAM_E_ARGUMENT when
 * path is not a path
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (cpus may be when count is 0), count is out of range, or flags
 * are not as their description has them; nothing is written, and the writer continues
 */
enum hotram_status hotram_acpi_processors(struct hotram_aml *aml,
                                          const struct hotram_acpi_processors *config);

/* ---- Serial port ---- */

/** Length of a PL011's registers, bytes. */
#define HOTRAM_PL011_LENGTH 0x1000u

/** A serial port of type PL011, which a guest may drive as SBSA's generic UART. */
struct hotram_acpi_pl011 {
    const char *path; /**< of its device, from the root on: `"\\_SB.COM0"` (in C); 255 characters at most */
    uint32_t base;    /**< guest-physical address of its registers: 2^32 - HOTRAM_PL011_LENGTH at most */
    uint32_t gsi;     /**< its interrupt: level-triggered, active high */
    uint32_t uid;     /**< its _UID */
};

/**
 * The device of a PL011 (ARMH0011), with _UID and _CRS (6.1.12, 6.2.2).
 *
 * When: at the root of a table, once for a path.
 *
 * @param aml     the writer
 * @param config  where it is
 * @retval HOTRAM_OK          written, as far as hotram_aml_finish() says, which is HOTRAM_E_ARGUMENT when
 * path is not a path
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or a member of config is out of range; nothing is written,
 * and the writer continues
 */
enum hotram_status hotram_acpi_pl011(struct hotram_aml *aml, const struct hotram_acpi_pl011 *config);

/**
 * Serial port console redirection table, revision 2 (5.2.6 names it; its layout is Microsoft's): the guest's
 * console is this port, at 115200 baud, 8 data bits, no parity, one stop bit, with an ANSI terminal.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     who made it
 * @param config  the port
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or a member of config is out of range
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_spcr(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_pl011 *config);

/**
 * Debug port table 2, revision 0 (5.2.6 names it; its layout is Microsoft's): a debugger may have this port.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     who made it
 * @param config  the port; there is a device of its path in the namespace
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or a member of config is out of range
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_dbg2(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_pl011 *config);

#ifdef __cplusplus
}
#endif
#endif
