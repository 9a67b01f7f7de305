/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file acpi.h
 * ACPI tables, and the AML of the memory hotplug devices.
 *
 * Each function appends one table to the caller's buffer. The tables refer to each other by guest-physical
 * address, so a table is written before the one that refers to it: DSDT and FACS, then FADT, then XSDT, then
 * RSDP. A table's address is that of the buffer in the guest plus buffer->length before the call.
 *
 * A call increases buffer->length by the length of its table, also on HOTRAM_E_BUFFER; the part of the table
 * that has been written is then invalid. On HOTRAM_E_ARGUMENT the buffer is unchanged.
 *
 * Threads: the functions have no state besides their arguments; the caller serializes the calls on one buffer
 * or writer.
 *
 * References are to the ACPI specification, release 6.5.
 */
#ifndef HOTRAM_ACPI_H
#define HOTRAM_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/aml.h>
#include <hotram/buffer.h>
#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Length of a table's header (5.2.6), bytes: the body of a table begins there. */
#define HOTRAM_ACPI_HEADER_LENGTH 36u
/** Length of the RSDP (5.2.5.3), bytes. */
#define HOTRAM_ACPI_RSDP_LENGTH 36u

#ifdef __has_attribute
#if __has_attribute(nonstring)
/** Marks a member without a terminator, so that GCC 15 does not warn when an initializer fills it (internal).
 */
#define HOTRAM_NO_TERMINATOR __attribute__((nonstring))
#endif
#endif
#ifndef HOTRAM_NO_TERMINATOR
#define HOTRAM_NO_TERMINATOR
#endif

/** The makers of the tables (5.2.6). Names are padded with spaces or zeros, not terminated. */
struct hotram_acpi_ids {
    char oem_id[6] HOTRAM_NO_TERMINATOR;       /**< maker of the machine */
    char oem_table_id[8] HOTRAM_NO_TERMINATOR; /**< the maker's name for the table */
    uint32_t oem_revision;                     /**< the maker's revision of the table */
    char creator_id[4] HOTRAM_NO_TERMINATOR;   /**< program that wrote the table */
    uint32_t creator_revision;                 /**< revision of that program */
};

/** A table that is being written. The members belong to the library. */
struct hotram_acpi_table {
    struct hotram_buffer *out; /**< destination; NULL while no table is open (internal) */
    size_t start;              /**< offset of the table in out, bytes (internal) */
};

/**
 * Begin a table of any kind: append the header (5.2.6). The caller then appends the body to the buffer (that
 * of a DSDT with hotram_aml_begin()), and calls hotram_acpi_table_end().
 *
 * When: no other table is open in the buffer.
 *
 * @param table      the caller's memory for the struct
 * @param out        the buffer; must exist until hotram_acpi_table_end()
 * @param signature  at least four characters; the first four are used
 * @param revision   of the table's layout, any number
 * @param ids        identify the table's maker
 * @retval HOTRAM_OK          the header has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL; the table is not open
 * @retval HOTRAM_E_BUFFER    the buffer is too small; the table is open, and continuing measures it
 */
enum hotram_status hotram_acpi_table_begin(struct hotram_acpi_table *table, struct hotram_buffer *out,
                                           const char *signature, uint8_t revision,
                                           const struct hotram_acpi_ids *ids);

/**
 * End a table: fill in its length and checksum (5.2.6).
 *
 * When: once after hotram_acpi_table_begin(). The table must be shorter than 4 GiB, which is not checked.
 *
 * @param table  the table; the struct may be used for another one afterwards
 * @retval HOTRAM_OK          the table is complete
 * @retval HOTRAM_E_ARGUMENT  table is NULL or not open
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_table_end(struct hotram_acpi_table *table);

/**
 * Root system description pointer, revision 2 (5.2.5.3), without an RSDT. On x86 without UEFI it must be on a
 * 16-byte boundary in 0xe0000-0xfffff (5.2.5.1).
 *
 * When: no table is open in the buffer, and the XSDT's address is known.
 *
 * @param out   the buffer
 * @param ids   identify the maker; only oem_id is used
 * @param xsdt  guest-physical address of the XSDT, any number
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_rsdp(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    uint64_t xsdt);

/**
 * Extended system description table (5.2.8).
 *
 * When: no table is open in the buffer, and the addresses of the listed tables are known.
 *
 * @param out     the buffer
 * @param ids     identify the table's maker
 * @param tables  guest-physical addresses of the tables: the FADT first; DSDT and FACS are not listed
 * @param count   their number, any number
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (tables may be when count is 0)
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_xsdt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const uint64_t *tables, size_t count);

/**
 * Firmware ACPI control structure, version 2 (5.2.10), 64 bytes without a checksum. It must be on a 64-byte
 * boundary in the guest, and is required only with fixed hardware.
 *
 * When: no table is open in the buffer; align the buffer with hotram_buffer_align() first.
 *
 * @param out  the buffer
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  out is NULL
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_facs(struct hotram_buffer *out);

/* Fixed feature flags of the FADT (5.2.9). */
#define HOTRAM_FADT_WBINVD (1u << 0)         /**< the WBINVD instruction works */
#define HOTRAM_FADT_PROC_C1 (1u << 2)        /**< all processors have the power state C1 */
#define HOTRAM_FADT_PWR_BUTTON (1u << 4)     /**< no power button in the fixed registers */
#define HOTRAM_FADT_SLP_BUTTON (1u << 5)     /**< no sleep button in the fixed registers */
#define HOTRAM_FADT_FIX_RTC (1u << 6)        /**< no RTC wake status in the fixed registers */
#define HOTRAM_FADT_TMR_VAL_EXT (1u << 8)    /**< the PM timer has 32 bits, not 24 */
#define HOTRAM_FADT_RESET_REG_SUP (1u << 10) /**< the reset register works */
#define HOTRAM_FADT_HW_REDUCED (1u << 20)    /**< there is no fixed hardware */

/* IA-PC boot architecture flags of the FADT (5.2.9.3). */
#define HOTRAM_FADT_LEGACY_DEVICES (1u << 0) /**< the machine has devices at ISA addresses */
#define HOTRAM_FADT_8042 (1u << 1)           /**< the machine has a keyboard controller at 0x60 */
#define HOTRAM_FADT_NO_VGA (1u << 2)         /**< do not probe for VGA */
#define HOTRAM_FADT_NO_MSI (1u << 3)         /**< do not enable message-signaled interrupts */
#define HOTRAM_FADT_NO_CMOS_RTC (1u << 5)    /**< the machine has no RTC at 0x70 */

/* ARM boot architecture flags of the FADT (5.2.9.4). */
#define HOTRAM_FADT_PSCI (1u << 0)     /**< the machine has PSCI */
#define HOTRAM_FADT_PSCI_HVC (1u << 1) /**< PSCI is called with HVC, not SMC */

/** Contents of the FADT. Registers are at I/O ports; port 0 means that there is no such register. Without
 *  HOTRAM_FADT_HW_REDUCED, pm1_event and pm1_control are required (hotram/pm1.h): Linux does not start its
 *  ACPI interpreter without them. */
struct hotram_acpi_fadt {
    uint64_t dsdt;          /**< guest-physical address of the DSDT, bytes */
    uint64_t facs;          /**< guest-physical address of the FACS, bytes; 0: none */
    uint32_t flags;         /**< HOTRAM_FADT_* fixed feature flags */
    uint16_t boot_arch;     /**< HOTRAM_FADT_* IA-PC boot architecture flags */
    uint16_t arm_boot_arch; /**< HOTRAM_FADT_PSCI* */
    uint16_t sci;           /**< interrupt of the SCI: a GSI, or an ISA interrupt with a dual 8259 */
    uint16_t pm1_event;     /**< port of 4 bytes: PM1a status, enable (4.8.3.1) */
    uint16_t pm1_control;   /**< port of 2 bytes: PM1a control (4.8.3.2) */
    uint16_t pm_timer;      /**< port of 4 bytes: PM timer (4.8.3.3) */
    uint16_t gpe0;          /**< port of gpe0_length bytes: GPE block 0 (4.8.4.1) */
    uint16_t reset;         /**< port of 1 byte: reset register (4.8.3.6) */
    uint16_t sleep_control; /**< port of 1 byte: sleep control register (4.8.3.7) of reduced hardware */
    uint16_t sleep_status;  /**< port of 1 byte: sleep status register (4.8.3.7) of reduced hardware */
    uint8_t gpe0_length;    /**< bytes, even: half status, half enable; ignored if gpe0 is 0, but checked */
    uint8_t reset_value;    /**< value by which a write to the reset register resets the machine */
    uint8_t profile;        /**< preferred power management profile (5.2.9.1); 0: unspecified */
    uint8_t century;        /**< index of the century in the RTC's RAM; 0: none */
};

/**
 * Fixed ACPI description table, revision 6.5 (5.2.9). It declares no SMI command port, so the platform is
 * always in ACPI mode, and SCI_EN in PM1 control must read 1 (4.8.2.5; SMI_CMD in 5.2.9).
 *
 * When: no table is open in the buffer, and the addresses of DSDT and FACS are known.
 *
 * @param out     the buffer
 * @param ids     identify the table's maker
 * @param config  the table's contents
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, gpe0_length is odd, or pm1_event or pm1_control is 0 without
 *                            HOTRAM_FADT_HW_REDUCED
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_fadt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_fadt *config);

/** A processor, in MADT and SRAT. */
struct hotram_acpi_cpu {
    uint32_t uid;     /**< _UID of the processor's device; in the MADT 255 and above make an x2APIC entry */
    uint32_t apic_id; /**< local (x2)APIC id; 255 and above make x2APIC entries */
    uint32_t node;    /**< proximity domain, for the SRAT */
    uint32_t flags;   /**< HOTRAM_CPU_*; either flag sets "enabled" in the SRAT */
};

/** The processor is usable (5.2.12.2). */
#define HOTRAM_CPU_ENABLED 1u
/** The processor is not usable at boot, but can be enabled while the guest runs (5.2.12.2). */
#define HOTRAM_CPU_ONLINE_CAPABLE 2u

/* Polarity and trigger of an interrupt (5.2.12.5): one of each; 0: conforms to the bus. */
#define HOTRAM_MPS_ACTIVE_HIGH 0x1u /**< asserted when high */
#define HOTRAM_MPS_ACTIVE_LOW 0x3u  /**< asserted when low */
#define HOTRAM_MPS_EDGE 0x4u        /**< edge-triggered */
#define HOTRAM_MPS_LEVEL 0xcu       /**< level-triggered */

/** An ISA interrupt that differs from an edge-triggered, active-high GSI of the same number (5.2.12.5). */
struct hotram_acpi_override {
    uint8_t source; /**< ISA interrupt, 0 .. 15 */
    uint32_t gsi;   /**< global system interrupt */
    uint16_t flags; /**< HOTRAM_MPS_* */
};

/** Contents of the MADT of an x86 machine. */
struct hotram_acpi_madt {
    uint32_t lapic;                               /**< guest-physical address of the local APICs */
    uint32_t ioapic;                              /**< guest-physical address of the I/O APIC */
    uint8_t ioapic_id;                            /**< id of the I/O APIC */
    const struct hotram_acpi_cpu *cpus;           /**< the processors; may be NULL if there are none */
    size_t cpu_count;                             /**< their number */
    const struct hotram_acpi_override *overrides; /**< ISA interrupts that differ; may be NULL if none does */
    size_t override_count;                        /**< their number */
};

/**
 * Multiple APIC description table (5.2.12): dual 8259, one I/O APIC from GSI 0, local APICs with NMI at
 * LINT1.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     identify the table's maker
 * @param config  the table's contents
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be)
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_madt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_madt *config);

/* Flags of a memory affinity structure (5.2.16.2). */
#define HOTRAM_SRAT_ENABLED 1u      /**< the entry is valid; without it the guest ignores the entry */
#define HOTRAM_SRAT_HOTPLUGGABLE 2u /**< memory may be plugged and unplugged in this range */
#define HOTRAM_SRAT_NON_VOLATILE 4u /**< memory in this range is non-volatile */

/** A range of guest-physical memory and its proximity domain. */
struct hotram_acpi_memory {
    uint64_t base;  /**< first guest-physical address, bytes */
    uint64_t size;  /**< bytes */
    uint32_t node;  /**< proximity domain */
    uint32_t flags; /**< HOTRAM_SRAT_* */
};

/**
 * System resource affinity table (5.2.16).
 *
 * When: no table is open in the buffer.
 *
 * @param out           the buffer
 * @param ids           identify the table's maker
 * @param cpus          the processors: one entry for each
 * @param cpu_count     their number, any number
 * @param memory        the ranges of memory, including those for DIMMs
 * @param memory_count  their number, any number
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be)
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_srat(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_cpu *cpus, size_t cpu_count,
                                    const struct hotram_acpi_memory *memory, size_t memory_count);

/**
 * System locality distance information table (5.2.17).
 *
 * When: no table is open in the buffer.
 *
 * @param out        the buffer
 * @param ids        identify the table's maker
 * @param distances  nodes * nodes bytes by rows: from the row's node to the column's; 10: from a node to
 *                   itself, 255: unreachable; not checked
 * @param nodes      number of proximity domains, 1 .. 256
 * @retval HOTRAM_OK          the table has been appended
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or nodes is 0 or above 256
 * @retval HOTRAM_E_BUFFER    the buffer is too small; out->length is the required length
 */
enum hotram_status hotram_acpi_slit(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const uint8_t *distances, size_t nodes);

/** Place of the memory hotplug register block, for its AML. */
struct hotram_acpi_memory_devices {
    enum hotram_aml_space space; /**< HOTRAM_AML_SYSTEM_IO or HOTRAM_AML_SYSTEM_MEMORY */
    uint32_t base;               /**< port or guest-physical address of the block, which is
                                  *   HOTRAM_MEMHP_EXTENT bytes long and must end at or below 64 KiB (ports)
                                  *   or 4 GiB (memory) */
    uint32_t slots;              /**< the bank's number of slots, 1 .. HOTRAM_SLOTS_MAX */
};

/**
 * The memory hotplug devices: `\_SB.MHPD` with the register block, and in it a device MPxx for every slot
 * (xx: the slot in hexadecimal), with _HID PNP0C80 (9.11), _CRS, _STA, _PXM, _OST, _EJ0.
 *
 * The guest must call the scan method `\_SB.MHPD.MSCN` after each call of the bank's raise callback: see
 * hotram_acpi_memory_gpe() and hotram_acpi_ged().
 *
 * When: once, at the root of a DSDT or SSDT of revision 2 or above (64-bit integers).
 *
 * @param aml     the writer
 * @param config  place of the register block
 * @retval HOTRAM_OK          written; hotram_aml_finish() reports whether it fits
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or a member of config is out of range; nothing is written,
 *                            and the writer continues
 */
enum hotram_status hotram_acpi_memory_devices(struct hotram_aml *aml,
                                              const struct hotram_acpi_memory_devices *config);

/**
 * The handler of a general-purpose event (5.6.4.1): `\_GPE._Exx`, which calls the scan method.
 *
 * When: once for each event, at the root of a table, after hotram_acpi_memory_devices() in the same table, or
 * in a table that is loaded later.
 *
 * @param aml    the writer
 * @param event  number of the event, 0 .. 255; customarily HOTRAM_GPE_MEMORY
 * @retval HOTRAM_OK          written; hotram_aml_finish() reports whether it fits
 * @retval HOTRAM_E_ARGUMENT  aml is NULL, or event is out of range; nothing is written, and the writer
 *                            continues
 */
enum hotram_status hotram_acpi_memory_gpe(struct hotram_aml *aml, unsigned event);

/** Place of the Generic Event Device's selector register, and what its handler notifies. */
struct hotram_acpi_ged {
    uint32_t base;            /**< guest-physical address of the register (hotram/ged.h): at most 2^32 - 4 */
    uint32_t gsi;             /**< its interrupt: level-triggered, active high */
    const char *power_button; /**< path of the power button's device (PNP0C0C); NULL: none */
    bool without_memory;      /**< the machine has no memory devices; power_button or cpus is then required */
    bool cpus;                /**< the machine has the devices of hotram_acpi_cpu_devices() */
};

/**
 * A power button (PNP0C0C, 4.8.2.2.1.2), for hotram_acpi_ged() to notify.
 *
 * When: at the root of a table, once for each path.
 *
 * @param aml   the writer
 * @param path  of its device: `"\\_SB.PWRB"` (in C)
 * @retval HOTRAM_OK          written; hotram_aml_finish() reports whether it fits, and HOTRAM_E_ARGUMENT if
 *                            path is invalid
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL; nothing is written, and the writer continues
 */
enum hotram_status hotram_acpi_power_button(struct hotram_aml *aml, const char *path);

/**
 * The Generic Event Device (5.6.9), which replaces the GPE on machines without fixed hardware: `\_SB.GED`
 * with _EVT, which calls the scan methods of hotram_acpi_memory_devices() and hotram_acpi_cpu_devices(), and
 * notifies the power button.
 *
 * When: once, at the root of a table, after those devices that it has in the same table or in a table that is
 * loaded later.
 *
 * @param aml     the writer
 * @param config  place of the register
 * @retval HOTRAM_OK          written; hotram_aml_finish() reports whether it fits, and HOTRAM_E_ARGUMENT if
 *                            power_button is an invalid path
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, base is above 2^32 - 4, or without_memory is set without
 *                            power button and CPUs; nothing is written, and the writer continues
 */
enum hotram_status hotram_acpi_ged(struct hotram_aml *aml, const struct hotram_acpi_ged *config);

#ifdef __cplusplus
}
#endif
#endif
