/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file acpi_cpus.h
 * The AML of hot-pluggable processors, over the register block of hotram/cpuhp.h.
 *
 * Every processor that the machine can have is in the MADT, in the SRAT if there is one, in the PPTT if there
 * is one, and in this AML, from the start. On x86-64 the MADT's entry of an absent one is
 * HOTRAM_CPU_ONLINE_CAPABLE; when the guest boots again, that of a plugged one is HOTRAM_CPU_ENABLED. On
 * arm64 the entry of a processor that may come and go is HOTRAM_CPU_ONLINE_CAPABLE, plugged or not, and the
 * others are fixed: a kernel started by kexec finds the table of the first boot.
 *
 * The rules of hotram/acpi.h for buffers, addresses, errors and threads also apply here.
 *
 * References are to the ACPI specification, release 6.5.
 */
#ifndef HOTRAM_ACPI_CPUS_H
#define HOTRAM_ACPI_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/acpi.h>
#include <hotram/acpi_arm.h>
#include <hotram/aml.h>
#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Maximum number of processors in the AML of one machine. */
#define HOTRAM_HOT_CPUS_MAX 4096u

/** Place of the register block, and the processors. Slot i of the bank is the i-th processor, whose uid is i.
 */
struct hotram_acpi_cpu_devices {
    enum hotram_aml_space space; /**< HOTRAM_AML_SYSTEM_IO or HOTRAM_AML_SYSTEM_MEMORY */
    uint32_t base;               /**< port or guest-physical address of the block, which is
                                  *   HOTRAM_CPUHP_LENGTH bytes long and must end at or below 64 KiB (ports)
                                  *   or 4 GiB (memory) */
    uint32_t count;              /**< the bank's number of slots, 1 .. HOTRAM_HOT_CPUS_MAX */
    uint32_t fixed;              /**< the CPUs of slots 0 .. fixed - 1 are fixed, 1 .. count: the boot CPU on
                                  *   x86-64, all that the MADT calls enabled on arm64 */
    uint32_t container;          /**< processors in each processor container (8.4.2.1); a divisor of count,
                                  *   such that there are at most 256 containers */
    const struct hotram_acpi_cpu *cpus; /**< x86-64: the processors, as in the MADT; otherwise NULL */
    const struct hotram_acpi_gic *gic;  /**< arm64: the MADT's contents; otherwise NULL */
    bool nodes;                         /**< there are proximity domains: each processor has a _PXM */
};

/**
 * The devices of all processors: `\_SB.CHPD` with the register block; containers CPxx (ACPI0010, xx: their
 * number in hexadecimal, which is their _UID, too), and in them a device Cxxx (ACPI0007; xxx: its index in
 * the container) for every slot (8.4), with _UID, _STA, _MAT, _OST and, unless it is fixed, _EJ0; with nodes
 * also _PXM.
 *
 * _STA of an absent processor is 0 on x86-64. On arm64 it is "present, not enabled", since a guest there
 * refuses a processor that was not present when it booted. _MAT is the processor's entry in the MADT (6.2.11)
 * with the flag "enabled", whether or not it is plugged: local APIC, local x2APIC or GICC.
 *
 * The guest must call the scan method `\_SB.CHPD.CSCN` after each call of the bank's raise callback: see
 * hotram_acpi_cpu_gpe() and the member cpus of struct hotram_acpi_ged. The number of its register accesses
 * depends on the number of pending events only.
 *
 * When: once, at the root of a DSDT or SSDT of revision 2 or above (64-bit integers), in place of
 * hotram_acpi_processors().
 *
 * @param aml     the writer
 * @param config  place of the register block, and the processors
 * @retval HOTRAM_OK          written; hotram_aml_finish() reports whether it fits
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, a member of config violates its description, both or none of
 *                            cpus and gic are set, gic has another number of processors, or a uid is not the
 *                            number of its slot; nothing is written, and the writer continues
 */
enum hotram_status hotram_acpi_cpu_devices(struct hotram_aml *aml,
                                           const struct hotram_acpi_cpu_devices *config);

/**
 * The handler of a general-purpose event (5.6.4.1): `\_GPE._Exx`, which calls the scan method.
 *
 * When: once for each event, at the root of a table, after hotram_acpi_cpu_devices() in the same table, or in
 * a table that is loaded later.
 *
 * @param aml    the writer
 * @param event  number of the event, 0 .. 255; customarily HOTRAM_GPE_CPU
 * @retval HOTRAM_OK          written; hotram_aml_finish() reports whether it fits
 * @retval HOTRAM_E_ARGUMENT  aml is NULL, or event is out of range; nothing is written, and the writer
 *                            continues
 */
enum hotram_status hotram_acpi_cpu_gpe(struct hotram_aml *aml, unsigned event);

#ifdef __cplusplus
}
#endif
#endif
