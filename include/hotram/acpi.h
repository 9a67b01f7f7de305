/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file acpi.h
 * ACPI tables, and the AML of the memory hotplug devices.
 *
 * Each function appends one table to the caller's buffer. The tables point at each other by guest-physical
 * address, so the caller writes a table before the one that points at it: DSDT and FACS, then FADT, then
 * XSDT, then RSDP. A table's address is that of the buffer in the guest plus buffer->length before the call.
 *
 * The length that a table needs is the growth of buffer->length, also on HOTRAM_E_BUFFER; what of it fitted
 * is then without meaning. On HOTRAM_E_ARGUMENT the buffer is as it was.
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
/** Of a member that its initializer may fill to the last byte; GCC 15 would miss the terminator (internal).
 */
#define HOTRAM_NO_TERMINATOR __attribute__((nonstring))
#endif
#endif
#ifndef HOTRAM_NO_TERMINATOR
#define HOTRAM_NO_TERMINATOR
#endif

/** Who made the tables (5.2.6). Names are padded with spaces or zeroes, not terminated. */
struct hotram_acpi_ids {
    char oem_id[6] HOTRAM_NO_TERMINATOR;       /**< who made the machine */
    char oem_table_id[8] HOTRAM_NO_TERMINATOR; /**< its name for the table */
    uint32_t oem_revision;                     /**< its revision of the table */
    char creator_id[4] HOTRAM_NO_TERMINATOR;   /**< the program that made the table */
    uint32_t creator_revision;                 /**< its revision */
};

/** A table that is being written. The members are the library's. */
struct hotram_acpi_table {
    struct hotram_buffer *out; /**< where it goes; NULL when it is not begun or has ended (internal) */
    size_t start;              /**< where in out it begins (internal) */
};

/**
 * Begin a table of any kind: appends the header (5.2.6). Append the body to the buffer (a DSDT's with
 * hotram_aml_begin()), then call hotram_acpi_table_end().
 *
 * When: no other table is open in the buffer.
 *
 * @param table      the caller's memory
 * @param out        the buffer; must live until the table's end
 * @param signature  four characters; more are ignored
 * @param revision   of the table's layout, any number
 * @param ids        who made it
 * @retval HOTRAM_OK          the header is there
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    it does not fit; going on measures
 */
enum hotram_status hotram_acpi_table_begin(struct hotram_acpi_table *table, struct hotram_buffer *out,
                                           const char *signature, uint8_t revision,
                                           const struct hotram_acpi_ids *ids);

/**
 * End a table: fills in its length and checksum (5.2.6).
 *
 * When: after hotram_acpi_table_begin(), once, when less than 4 GiB have been appended since.
 *
 * @param table  the table; it may begin anew afterwards
 * @retval HOTRAM_OK          the table is complete
 * @retval HOTRAM_E_ARGUMENT  table is NULL, was not begun or has ended
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_table_end(struct hotram_acpi_table *table);

/**
 * Root system description pointer, revision 2 (5.2.5.3), without an RSDT. On x86 without UEFI it has to
 * lie on a 16-byte boundary in 0xe0000-0xfffff (5.2.5.1).
 *
 * When: no table is open in the buffer, and the XSDT's address is known.
 *
 * @param out   the buffer
 * @param ids   who made it; of the members only oem_id is used
 * @param xsdt  guest-physical address of the XSDT, any number
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_rsdp(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    uint64_t xsdt);

/**
 * Extended system description table (5.2.8).
 *
 * When: no table is open in the buffer, and the addresses of the others are known.
 *
 * @param out     the buffer
 * @param ids     who made it
 * @param tables  guest-physical addresses: the FADT first, then the others, without DSDT and FACS
 * @param count   how many, any number
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (tables may be when count is 0)
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_xsdt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const uint64_t *tables, size_t count);

/**
 * Firmware ACPI control structure, version 2 (5.2.10). It has no checksum, and has to lie on a 64-byte
 * boundary. Needed beside fixed hardware only.
 *
 * When: no table is open in the buffer; align it with hotram_buffer_align() first.
 *
 * @param out  the buffer
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  out is NULL
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_facs(struct hotram_buffer *out);

/* Fixed feature flags of the FADT (5.2.9). */
#define HOTRAM_FADT_WBINVD (1u << 0)         /**< the WBINVD instruction works */
#define HOTRAM_FADT_PROC_C1 (1u << 2)        /**< C1 works on all processors */
#define HOTRAM_FADT_PWR_BUTTON (1u << 4)     /**< no power button in the fixed registers */
#define HOTRAM_FADT_SLP_BUTTON (1u << 5)     /**< no sleep button in the fixed registers */
#define HOTRAM_FADT_FIX_RTC (1u << 6)        /**< no RTC wake status in the fixed registers */
#define HOTRAM_FADT_TMR_VAL_EXT (1u << 8)    /**< the PM timer has 32 bits, not 24 */
#define HOTRAM_FADT_RESET_REG_SUP (1u << 10) /**< the reset register works */
#define HOTRAM_FADT_HW_REDUCED (1u << 20)    /**< there is no fixed hardware */

/* IA-PC boot architecture flags of the FADT (5.2.9.3). */
#define HOTRAM_FADT_LEGACY_DEVICES (1u << 0) /**< there are devices at ISA addresses */
#define HOTRAM_FADT_8042 (1u << 1)           /**< there is a keyboard controller at 0x60 */
#define HOTRAM_FADT_NO_VGA (1u << 2)         /**< do not probe for VGA */
#define HOTRAM_FADT_NO_MSI (1u << 3)         /**< do not enable message signalled interrupts */
#define HOTRAM_FADT_NO_CMOS_RTC (1u << 5)    /**< there is no RTC at 0x70 */

/* ARM boot architecture flags of the FADT (5.2.9.4). */
#define HOTRAM_FADT_PSCI (1u << 0)     /**< PSCI is there */
#define HOTRAM_FADT_PSCI_HVC (1u << 1) /**< and is called with HVC, not SMC */

/** What the FADT says. Ports are I/O ports; 0 means that there is no such register. Without
 *  HOTRAM_FADT_HW_REDUCED there have to be PM1 event and control (hotram/pm1.h): a guest's ACPI does not
 * start without them. */
struct hotram_acpi_fadt {
    uint64_t dsdt;          /**< guest-physical address of the DSDT, bytes */
    uint64_t facs;          /**< guest-physical address of the FACS, bytes; 0 for none */
    uint32_t flags;         /**< HOTRAM_FADT_* fixed feature flags */
    uint16_t boot_arch;     /**< HOTRAM_FADT_* IA-PC boot architecture flags */
    uint16_t arm_boot_arch; /**< HOTRAM_FADT_PSCI* */
    uint16_t sci;           /**< interrupt of the SCI: a GSI, or an ISA interrupt beside a dual 8259 */
    uint16_t pm1_event;     /**< port of 4 bytes: PM1a status, enable (4.8.3.1) */
    uint16_t pm1_control;   /**< port of 2 bytes: PM1a control (4.8.3.2) */
    uint16_t pm_timer;      /**< port of 4 bytes: PM timer (4.8.3.3) */
    uint16_t gpe0;          /**< port of gpe0_length bytes: GPE block 0 (4.8.4.1) */
    uint16_t reset;         /**< port of 1 byte: reset register (4.8.3.6) */
    uint16_t sleep_control; /**< port of 1 byte: sleep control register (4.8.3.7), without fixed hardware */
    uint16_t sleep_status;  /**< port of 1 byte: sleep status register (4.8.3.7), likewise */
    uint8_t gpe0_length;    /**< bytes: half status, half enable; even; said as 0 when gpe0 is 0 */
    uint8_t reset_value;    /**< what to write to the reset register */
    uint8_t profile;        /**< preferred power management profile (5.2.9.1); 0 is "unspecified" */
    uint8_t century;        /**< index in the RTC's RAM of the century, 0 for none */
};

/**
 * Fixed ACPI description table, revision 6.5 (5.2.9). There is no SMI command port, so the platform is
 * always in ACPI mode: SCI_EN in PM1 control always reads 1 (4.8.2.5, 5.2.9 on SMI_CMD).
 *
 * When: no table is open in the buffer, and the addresses of DSDT and FACS are known.
 *
 * @param out     the buffer
 * @param ids     who made it
 * @param config  what it says
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, gpe0_length is odd, or there is fixed hardware without PM1
 * event or PM1 control
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_fadt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_fadt *config);

/** A processor, in MADT and SRAT. */
struct hotram_acpi_cpu {
    uint32_t uid;     /**< _UID of the processor's device; in the MADT 255 and above make an x2APIC entry */
    uint32_t apic_id; /**< local (x2)APIC id; 255 and above make x2APIC entries */
    uint32_t node;    /**< proximity domain, for the SRAT */
    uint32_t flags;   /**< HOTRAM_CPU_*; in the SRAT each of the two makes the entry count */
};

/** The processor is usable (5.2.12.2). */
#define HOTRAM_CPU_ENABLED 1u
/** The processor is not usable yet, but may become so while the guest runs (5.2.12.2). */
#define HOTRAM_CPU_ONLINE_CAPABLE 2u

/* Polarity and trigger of an interrupt (5.2.12.5): one of each; 0 is "as usual for the bus". */
#define HOTRAM_MPS_ACTIVE_HIGH 0x1u /**< asserted when high */
#define HOTRAM_MPS_ACTIVE_LOW 0x3u  /**< asserted when low */
#define HOTRAM_MPS_EDGE 0x4u        /**< edge-triggered */
#define HOTRAM_MPS_LEVEL 0xcu       /**< level-triggered */

/** An ISA interrupt that is not an edge-triggered, active-high GSI of its own number (5.2.12.5). */
struct hotram_acpi_override {
    uint8_t source; /**< ISA interrupt, 0 .. 15 */
    uint32_t gsi;   /**< global system interrupt */
    uint16_t flags; /**< HOTRAM_MPS_* */
};

/** What the MADT of an x86 machine says. */
struct hotram_acpi_madt {
    uint32_t lapic;                               /**< guest-physical address of the local APICs */
    uint32_t ioapic;                              /**< guest-physical address of the I/O APIC */
    uint8_t ioapic_id;                            /**< id of the I/O APIC */
    const struct hotram_acpi_cpu *cpus;           /**< the processors; NULL when there are none */
    size_t cpu_count;                             /**< how many */
    const struct hotram_acpi_override *overrides; /**< the interrupts that differ; NULL when there are none */
    size_t override_count;                        /**< how many */
};

/**
 * Multiple APIC description table (5.2.12): dual 8259, one I/O APIC from GSI 0, local APICs with NMI at
 * LINT1.
 *
 * When: no table is open in the buffer.
 *
 * @param out     the buffer
 * @param ids     who made it
 * @param config  what it says
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be)
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_madt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_madt *config);

/* Flags of a memory affinity structure (5.2.16.2). */
#define HOTRAM_SRAT_ENABLED 1u      /**< the entry counts */
#define HOTRAM_SRAT_HOTPLUGGABLE 2u /**< memory may come and go in this range */
#define HOTRAM_SRAT_NON_VOLATILE 4u /**< memory in this range keeps its contents */

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
 * @param ids           who made it
 * @param cpus          the processors, one entry for each (see the member flags)
 * @param cpu_count     how many, any number
 * @param memory        the ranges of memory, those where DIMMs will come included
 * @param memory_count  how many, any number
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL (that of an array of 0 elements may be)
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
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
 * @param ids        who made it
 * @param distances  nodes * nodes bytes by rows: from the row's node to the column's; 10 is from a node to
 *                   itself, 255 unreachable; not checked
 * @param nodes      number of proximity domains, 1 .. 256
 * @retval HOTRAM_OK          done
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or nodes is 0 or above 256
 * @retval HOTRAM_E_BUFFER    it does not fit; out->length is the needed length
 */
enum hotram_status hotram_acpi_slit(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const uint8_t *distances, size_t nodes);

/** Where the memory hotplug register block is, for its AML. */
struct hotram_acpi_memory_devices {
    enum hotram_aml_space space; /**< HOTRAM_AML_SYSTEM_IO or HOTRAM_AML_SYSTEM_MEMORY */
    uint32_t base;               /**< port or guest-physical address of the block, HOTRAM_MEMHP_EXTENT long:
                                  *   it has to end at 64 KiB or below, or at 4 GiB or below */
    uint32_t slots;              /**< 1 .. HOTRAM_SLOTS_MAX, as the bank has */
};

/**
 * The memory hotplug devices: `\_SB.MHPD` with the register block, and a device MPxx in it for every slot
 * (xx: the slot in hexadecimal), with _HID PNP0C80 (9.11), _CRS, _STA, _PXM, _OST, _EJ0.
 *
 * Its scan, `\_SB.MHPD.MSCN`, has to be called when the bank's raise callback has been: see
 * hotram_acpi_memory_gpe() and hotram_acpi_ged().
 *
 * When: once, at the root of a DSDT or SSDT of revision 2 or above (64-bit integers).
 *
 * @param aml     the writer
 * @param config  where the block is
 * @retval HOTRAM_OK          written, as far as hotram_aml_finish() says
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, or a member of config is out of range; nothing is written,
 *                            and the writer continues
 */
enum hotram_status hotram_acpi_memory_devices(struct hotram_aml *aml,
                                              const struct hotram_acpi_memory_devices *config);

/**
 * The handler of a general-purpose event (5.6.4.1): `\_GPE._Exx`, which calls the scan.
 *
 * When: once for an event, at the root of a table, after hotram_acpi_memory_devices() in the same table or in
 * one that is loaded later.
 *
 * @param aml    the writer
 * @param event  number of the event, 0 .. 255; customarily HOTRAM_GPE_MEMORY
 * @retval HOTRAM_OK          written, as far as hotram_aml_finish() says
 * @retval HOTRAM_E_ARGUMENT  aml is NULL, or event is out of range; nothing is written, and the writer
 *                            continues
 */
enum hotram_status hotram_acpi_memory_gpe(struct hotram_aml *aml, unsigned event);

/** Where the selector register of the Generic Event Device is, and what its handler notifies. */
struct hotram_acpi_ged {
    uint32_t base;            /**< guest-physical address of the register (hotram/ged.h): 2^32 - 4 at most */
    uint32_t gsi;             /**< its interrupt: level-triggered, active high */
    const char *power_button; /**< path of the power button's device (PNP0C0C), or NULL for none */
    bool without_memory; /**< there are no memory devices: nothing but the button, which has to be there */
};

/**
 * A power button (PNP0C0C, 4.8.2.2.1.2), for hotram_acpi_ged() to notify.
 *
 * When: at the root of a table, once for a path.
 *
 * @param aml   the writer
 * @param path  of its device: `"\\_SB.PWRB"` (in C)
 * @retval HOTRAM_OK          written, as far as hotram_aml_finish() says, which is HOTRAM_E_ARGUMENT when
 * path is not a path
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL; nothing is written, and the writer continues
 */
enum hotram_status hotram_acpi_power_button(struct hotram_aml *aml, const char *path);

/**
 * The Generic Event Device (5.6.9), in place of a GPE where there is no fixed hardware: `\_SB.GED` with _EVT,
 * which calls the scan of hotram_acpi_memory_devices() and notifies the power button.
 *
 * When: once, at the root of a table, after hotram_acpi_memory_devices() in the same table or in one that is
 * loaded later, or instead of it (without_memory).
 *
 * @param aml     the writer
 * @param config  where the register is
 * @retval HOTRAM_OK          written, as far as hotram_aml_finish() says, which is HOTRAM_E_ARGUMENT when
 *                            power_button is not a path
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL, base is above 2^32 - 4, or there is nothing to tell: neither
 *                            memory nor a button; nothing is written, and the writer continues
 */
enum hotram_status hotram_acpi_ged(struct hotram_aml *aml, const struct hotram_acpi_ged *config);

#ifdef __cplusplus
}
#endif
#endif
