/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file aml_device.h
 * The AML of a device's hardware: registers (operation regions and fields), locks, resource descriptors.
 *
 * Part of the writer of hotram/aml.h, which includes this header; its rules for errors, blocks, paths and
 * threads also apply here.
 *
 * References are to the ACPI specification, release 6.5.
 */
#ifndef HOTRAM_AML_DEVICE_H
#define HOTRAM_AML_DEVICE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hotram_aml;

/* ---- Operation regions, fields, locks ---- */

/** Address space of an operation region (20.2.5.2, RegionSpace). */
enum hotram_aml_space {
    HOTRAM_AML_SYSTEM_MEMORY = 0, /**< guest-physical addresses */
    HOTRAM_AML_SYSTEM_IO = 1,     /**< I/O ports */
};

/** Flags of a field (20.2.5.2, FieldFlags): one access width, and one rule for bits outside the written unit.
 */
enum hotram_aml_field_flags {
    HOTRAM_AML_BYTE_ACCESS = 1,         /**< the guest reads and writes single bytes */
    HOTRAM_AML_WORD_ACCESS = 2,         /**< 2 bytes at once */
    HOTRAM_AML_DWORD_ACCESS = 3,        /**< 4 bytes at once */
    HOTRAM_AML_PRESERVE = 0,            /**< other bits keep their value: they are read first */
    HOTRAM_AML_WRITE_AS_ONES = 1 << 5,  /**< other bits are written as 1 */
    HOTRAM_AML_WRITE_AS_ZEROS = 2 << 5, /**< other bits are written as 0 */
};

/**
 * OperationRegion (path, space, offset, length) (20.2.5.2).
 *
 * When: among terms.
 *
 * @param aml     the writer
 * @param path    of the new region
 * @param space   one of the enum; not checked
 * @param offset  address of its first byte, any number
 * @param length  bytes, any number; whether the region is within the address space is not checked
 */
void hotram_aml_operation_region(struct hotram_aml *aml, const char *path, enum hotram_aml_space space,
                                 uint64_t offset, uint64_t length);

/**
 * Field (region, flags) { ... }: opens a block of units and gaps, from bit 0 of the region on (20.2.5.2).
 *
 * When: among terms.
 *
 * @param aml     the writer
 * @param region  path of the operation region
 * @param flags   0 .. 255: a width and a rule of enum hotram_aml_field_flags
 */
void hotram_aml_field(struct hotram_aml *aml, const char *region, unsigned flags);

/**
 * A named field unit (20.2.5.2, NamedField).
 *
 * When: in the block of a field.
 *
 * @param aml   the writer
 * @param name  a single segment without a prefix
 * @param bits  its length, 0 .. 2^28 - 1
 */
void hotram_aml_field_unit(struct hotram_aml *aml, const char *name, uint32_t bits);

/**
 * Bits without a name (20.2.5.2, ReservedField).
 *
 * When: in the block of a field.
 *
 * @param aml   the writer
 * @param bits  how many, 0 .. 2^28 - 1
 */
void hotram_aml_field_gap(struct hotram_aml *aml, uint32_t bits);

/**
 * CreateQWordField (object, offset, path): 8 bytes of a buffer get a name (20.2.5.2).
 *
 * When: among terms.
 *
 * @param aml     the writer
 * @param object  path of the buffer
 * @param offset  of the field in it, bytes, any number
 * @param path    of the new field
 */
void hotram_aml_create_qword_field(struct hotram_aml *aml, const char *object, uint32_t offset,
                                   const char *path);

/**
 * CreateDWordField (object, offset, path): 4 bytes of a buffer get a name (20.2.5.2).
 *
 * When: among terms.
 *
 * @param aml     the writer
 * @param object  path of the buffer
 * @param offset  of the field in it, bytes, any number
 * @param path    of the new field
 */
void hotram_aml_create_dword_field(struct hotram_aml *aml, const char *object, uint32_t offset,
                                   const char *path);

/**
 * Mutex (path, 0) (20.2.5.2).
 *
 * When: among terms.
 *
 * @param aml   the writer
 * @param path  of the new mutex
 */
void hotram_aml_mutex(struct hotram_aml *aml, const char *path);

/**
 * Acquire (path, 0xffff): wait without a time limit (20.2.5.4).
 *
 * When: among terms, in a method that releases the mutex on every path.
 *
 * @param aml   the writer
 * @param path  of the mutex
 */
void hotram_aml_acquire(struct hotram_aml *aml, const char *path);

/**
 * Release (path) (20.2.5.3).
 *
 * When: among terms, in a method that has acquired the mutex.
 *
 * @param aml   the writer
 * @param path  of the mutex
 */
void hotram_aml_release(struct hotram_aml *aml, const char *path);

/* ---- Resource descriptors ---- */

/**
 * IO (Decode16, min, max, align, length): a range of ports (6.4.2.5).
 *
 * When: in a resource template.
 *
 * @param aml     the writer
 * @param min     lowest possible first port, any number
 * @param max     highest possible first port, any number
 * @param align   alignment of the first port, any number
 * @param length  number of ports, any number
 */
void hotram_aml_io(struct hotram_aml *aml, uint16_t min, uint16_t max, uint8_t align, uint8_t length);

/**
 * IRQNoFlags () {irq}: edge-triggered, active high, exclusive (6.4.2.1).
 *
 * When: in a resource template.
 *
 * @param aml  the writer
 * @param irq  ISA interrupt, 0 .. 15
 */
void hotram_aml_irq_no_flags(struct hotram_aml *aml, unsigned irq);

/**
 * Memory32Fixed (ReadWrite, base, length): a range of MMIO (6.4.3.4).
 *
 * When: in a resource template.
 *
 * @param aml     the writer
 * @param base    guest-physical address, any number
 * @param length  bytes, any number
 */
void hotram_aml_memory32_fixed(struct hotram_aml *aml, uint32_t base, uint32_t length);

/**
 * DWordMemory (ResourceConsumer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite): a range of memory
 * (6.4.3.5.2). For CreateDWordField: min is at byte 10 of the descriptor, max at 14, length at 22; the first
 * descriptor of a template is at byte 0 of its buffer.
 *
 * When: in a resource template.
 *
 * @param aml     the writer
 * @param min     guest-physical address of the first byte, any number
 * @param max     guest-physical address of the last byte, any number
 * @param length  bytes, any number; max - min + 1 in a valid descriptor, which is not checked
 */
void hotram_aml_dword_memory(struct hotram_aml *aml, uint32_t min, uint32_t max, uint32_t length);

/**
 * QWordMemory, with the attributes of hotram_aml_dword_memory() (6.4.3.5.1). In the descriptor, min is at
 * byte 14, max at 22, length at 38.
 *
 * When: in a resource template.
 *
 * @param aml     the writer
 * @param min     guest-physical address of the first byte, any number
 * @param max     guest-physical address of the last byte, any number
 * @param length  bytes, any number; max - min + 1 in a valid descriptor, which is not checked
 */
void hotram_aml_qword_memory(struct hotram_aml *aml, uint64_t min, uint64_t max, uint64_t length);

/**
 * WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode): the buses behind a PCI host bridge
 * (6.4.3.5.3).
 *
 * When: in a resource template.
 *
 * @param aml    the writer
 * @param first  bus, 0 .. 255
 * @param last   bus, 0 .. 255; below first is HOTRAM_E_ARGUMENT
 */
void hotram_aml_bus_window(struct hotram_aml *aml, uint8_t first, uint8_t last);

/**
 * WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange): ports that a bridge forwards
 * (6.4.3.5.3), or, in a device that is not a bridge, a range of any length.
 *
 * When: in a resource template.
 *
 * @param aml    the writer
 * @param first  port, 0 .. 65535
 * @param last   port, 0 .. 65535; below first, or all 65536 of them, is HOTRAM_E_ARGUMENT
 */
void hotram_aml_io_window(struct hotram_aml *aml, uint16_t first, uint16_t last);

/**
 * DWordMemory, or beyond 4 GiB QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable,
 * ReadWrite): guest-physical addresses that a bridge forwards (6.4.3.5.1, 6.4.3.5.2).
 *
 * When: in a resource template.
 *
 * @param aml    the writer
 * @param first  address of the first byte, any number
 * @param last   address of the last byte, any number; below first, or all 2^64 of them, is HOTRAM_E_ARGUMENT
 */
void hotram_aml_memory_window(struct hotram_aml *aml, uint64_t first, uint64_t last);

/** Flags of an extended interrupt descriptor (6.4.3.6): one trigger, one polarity, and whether shared. */
enum hotram_aml_interrupt_flags {
    HOTRAM_AML_INTERRUPT_LEVEL = 0,       /**< level-triggered */
    HOTRAM_AML_INTERRUPT_EDGE = 2,        /**< edge-triggered */
    HOTRAM_AML_INTERRUPT_ACTIVE_HIGH = 0, /**< asserted when high, or at the rising edge */
    HOTRAM_AML_INTERRUPT_ACTIVE_LOW = 4,  /**< asserted when low, or at the falling edge */
    HOTRAM_AML_INTERRUPT_SHARED = 8,      /**< shared with other devices */
};

/**
 * Interrupt (ResourceConsumer, flags) {gsi} (6.4.3.6).
 *
 * When: in a resource template.
 *
 * @param aml    the writer
 * @param gsi    global system interrupt, any number
 * @param flags  HOTRAM_AML_INTERRUPT_* bits; others are HOTRAM_E_ARGUMENT
 */
void hotram_aml_interrupt(struct hotram_aml *aml, uint32_t gsi, unsigned flags);

#ifdef __cplusplus
}
#endif
#endif
