/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file aml.h
 * A writer of AML, the bytecode of ACPI (ACPI 6.5, chapter 20).
 *
 * The functions follow AML's own prefix notation: an operator, then its operands in order, each of which
 * may again be an operator. `Local0 = Arg0 & 4` is
 *
 *     hotram_aml_op(aml, HOTRAM_AML_AND);
 *         hotram_aml_arg(aml, 0);
 *         hotram_aml_integer(aml, 4);
 *         hotram_aml_local(aml, 0);
 *
 * What has a body in braces is a block: a function opens it, hotram_aml_end() closes it, and its length is
 * filled in then, in the shortest encoding.
 *
 * The writer appends to a hotram_buffer: what does not fit is counted, not written. Its own errors stick:
 * after the first one nothing more is written or counted. Both show in hotram_aml_finish(), so the calls in
 * between return nothing. The writer does not check that an operator gets the operands that it needs;
 * disassembling the result does. A NULL writer is ignored.
 *
 * Paths are text: "MHPD", "\\_SB.MHPD", "^FOO", "^^A.B"; segments shorter than four characters are padded
 * with '_'. Anything else is HOTRAM_E_ARGUMENT.
 */
#ifndef HOTRAM_AML_H
#define HOTRAM_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/buffer.h>
#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The most blocks that can be open at once. */
#define HOTRAM_AML_DEPTH 16u

/** An open block (internal). */
struct hotram_aml_block {
    size_t start; /* where its length will be inserted */
    uint8_t kind;
};

/** A writer. The members are the library's; initialize with hotram_aml_begin(). */
struct hotram_aml {
    struct hotram_buffer *out;
    size_t start;
    enum hotram_status status;
    unsigned depth;
    struct hotram_aml_block blocks[HOTRAM_AML_DEPTH];
};

/**
 * Begin to write AML at the end of a buffer.
 *
 * @param aml  the caller's memory for the writer
 * @param out  where the AML is appended; nobody else appends to it until hotram_aml_finish()
 * @retval HOTRAM_OK          ready
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL
 */
enum hotram_status hotram_aml_begin(struct hotram_aml *aml, struct hotram_buffer *out);

/**
 * The AML is complete.
 *
 * @param aml     the writer
 * @param length  when not NULL: bytes that this AML takes or would take; 0 on other errors than
 *                HOTRAM_E_BUFFER
 * @retval HOTRAM_OK          it is in the buffer
 * @retval HOTRAM_E_BUFFER    it does not fit
 * @retval HOTRAM_E_NESTING   a block was left open, closed too often, nested deeper than HOTRAM_AML_DEPTH, or
 *                            something was written outside the kind of block where it belongs
 * @retval HOTRAM_E_ARGUMENT  aml is NULL, or one of the calls had an argument that its contract excludes
 */
enum hotram_status hotram_aml_finish(struct hotram_aml *aml, size_t *length);

/* ---- Operands ---- */

/** A reference to a named object (20.2.2), or the name of a method, followed by its arguments (20.2.5.4). */
void hotram_aml_path(struct hotram_aml *aml, const char *path);
/** An integer constant, in the shortest encoding (20.2.3). UINT64_MAX is Ones: 64 bits long in tables of
 *  revision 2 and above only. */
void hotram_aml_integer(struct hotram_aml *aml, uint64_t value);
/** A string constant, ASCII 0x01-0x7f (20.2.3). */
void hotram_aml_string(struct hotram_aml *aml, const char *string);
/** A hardware id such as "PNP0C80" as a compressed integer (6.1.5, 19.3.4): three capitals, four hexadecimal
 *  digits (capitals too). */
void hotram_aml_eisaid(struct hotram_aml *aml, const char *id);
/** Argument 0 .. 6 of the method (20.2.6.1). */
void hotram_aml_arg(struct hotram_aml *aml, unsigned number);
/** Local variable 0 .. 7 of the method (20.2.6.2). */
void hotram_aml_local(struct hotram_aml *aml, unsigned number);
/** "Not stored": in place of an operator's target (20.2.2, NullName). */
void hotram_aml_no_target(struct hotram_aml *aml);

/** Operators whose operands are all terms (20.2.5.3, 20.2.5.4). In the comments: the operands in order. */
enum hotram_aml_operator {
    HOTRAM_AML_STORE = 0x70,            /**< value, target */
    HOTRAM_AML_ADD = 0x72,              /**< a, b, target */
    HOTRAM_AML_SUBTRACT = 0x74,         /**< a, b, target */
    HOTRAM_AML_INCREMENT = 0x75,        /**< target */
    HOTRAM_AML_DECREMENT = 0x76,        /**< target */
    HOTRAM_AML_MULTIPLY = 0x77,         /**< a, b, target */
    HOTRAM_AML_SHIFT_LEFT = 0x79,       /**< value, count, target */
    HOTRAM_AML_SHIFT_RIGHT = 0x7a,      /**< value, count, target */
    HOTRAM_AML_AND = 0x7b,              /**< a, b, target */
    HOTRAM_AML_OR = 0x7d,               /**< a, b, target */
    HOTRAM_AML_XOR = 0x7f,              /**< a, b, target */
    HOTRAM_AML_NOT = 0x80,              /**< value, target */
    HOTRAM_AML_DEREF_OF = 0x83,         /**< reference */
    HOTRAM_AML_NOTIFY = 0x86,           /**< object, value */
    HOTRAM_AML_SIZE_OF = 0x87,          /**< object */
    HOTRAM_AML_INDEX = 0x88,            /**< package, index, target */
    HOTRAM_AML_LAND = 0x90,             /**< a, b */
    HOTRAM_AML_LOR = 0x91,              /**< a, b */
    HOTRAM_AML_LNOT = 0x92,             /**< a */
    HOTRAM_AML_LEQUAL = 0x93,           /**< a, b */
    HOTRAM_AML_LGREATER = 0x94,         /**< a, b */
    HOTRAM_AML_LLESS = 0x95,            /**< a, b */
    HOTRAM_AML_LNOT_EQUAL = 0x9293,     /**< a, b */
    HOTRAM_AML_LLESS_EQUAL = 0x9294,    /**< a, b */
    HOTRAM_AML_LGREATER_EQUAL = 0x9295, /**< a, b */
    HOTRAM_AML_TO_INTEGER = 0x99,       /**< value, target */
    HOTRAM_AML_RETURN = 0xa4,           /**< value */
    HOTRAM_AML_BREAK = 0xa5,            /**< nothing */
};

/** An operator; its operands follow. */
void hotram_aml_op(struct hotram_aml *aml, enum hotram_aml_operator op);

/* ---- Names and blocks ---- */

/** Name (path, object): the object follows (20.2.5.1). */
void hotram_aml_name(struct hotram_aml *aml, const char *path);
/** Scope (path) { ... } (20.2.5.1). */
void hotram_aml_scope(struct hotram_aml *aml, const char *path);
/** Device (path) { ... } (20.2.5.2). */
void hotram_aml_device(struct hotram_aml *aml, const char *path);
/** Method (path, args, serialized) { ... } (20.2.5.2): args is 0 .. 7. One that creates names in its body
 *  has to be serialized. */
void hotram_aml_method(struct hotram_aml *aml, const char *path, unsigned args, bool serialized);
/** If (predicate) { ... } (20.2.5.3): the predicate follows, then the body. */
void hotram_aml_if(struct hotram_aml *aml);
/** Else { ... }: directly after the end of an If (20.2.5.3). */
void hotram_aml_else(struct hotram_aml *aml);
/** While (predicate) { ... } (20.2.5.3): the predicate follows, then the body. */
void hotram_aml_while(struct hotram_aml *aml);
/** Package (count) { ... } (20.2.5.4): count elements follow, at most 255. */
void hotram_aml_package(struct hotram_aml *aml, unsigned count);
/** ResourceTemplate () { ... }: a buffer of resource descriptors, closed with an end tag (6.4.2.9). */
void hotram_aml_resource_template(struct hotram_aml *aml);
/** Close the block that was opened last. */
void hotram_aml_end(struct hotram_aml *aml);

/* ---- Operation regions, fields, locks ---- */

/** Address space of an operation region (20.2.5.2). */
enum hotram_aml_space {
    HOTRAM_AML_SYSTEM_MEMORY = 0,
    HOTRAM_AML_SYSTEM_IO = 1,
};

/** Flags of a field (20.2.5.2, FieldFlags): one access width, and one rule for the bits not written. */
enum hotram_aml_field_flags {
    HOTRAM_AML_BYTE_ACCESS = 1,
    HOTRAM_AML_WORD_ACCESS = 2,
    HOTRAM_AML_DWORD_ACCESS = 3,
    HOTRAM_AML_PRESERVE = 0,
    HOTRAM_AML_WRITE_AS_ONES = 1 << 5,
    HOTRAM_AML_WRITE_AS_ZEROS = 2 << 5,
};

/** OperationRegion (path, space, offset, length): bytes (20.2.5.2). */
void hotram_aml_operation_region(struct hotram_aml *aml, const char *path, enum hotram_aml_space space,
                                 uint64_t offset, uint64_t length);
/** Field (region, flags) { ... } (20.2.5.2): a block of units and gaps, from bit 0 of the region. */
void hotram_aml_field(struct hotram_aml *aml, const char *region, unsigned flags);
/** A named field unit, in a field block: a single segment, and its length in bits. */
void hotram_aml_field_unit(struct hotram_aml *aml, const char *name, uint32_t bits);
/** Bits without a name, in a field block. */
void hotram_aml_field_gap(struct hotram_aml *aml, uint32_t bits);
/** CreateQWordField (object, offset, path): a field in a buffer, offset in bytes (20.2.5.2). */
void hotram_aml_create_qword_field(struct hotram_aml *aml, const char *object, uint32_t offset,
                                   const char *path);
/** CreateDWordField (object, offset, path), likewise. */
void hotram_aml_create_dword_field(struct hotram_aml *aml, const char *object, uint32_t offset,
                                   const char *path);

/** Mutex (path, 0) (20.2.5.2). */
void hotram_aml_mutex(struct hotram_aml *aml, const char *path);
/** Acquire (path, forever) (20.2.5.4). */
void hotram_aml_acquire(struct hotram_aml *aml, const char *path);
/** Release (path) (20.2.5.3). */
void hotram_aml_release(struct hotram_aml *aml, const char *path);

/* ---- Resource descriptors (6.4), inside a resource template only ---- */

/** IO (Decode16, min, max, align, length): ports (6.4.2.5). */
void hotram_aml_io(struct hotram_aml *aml, uint16_t min, uint16_t max, uint8_t align, uint8_t length);
/** IRQNoFlags () {irq}: edge, active high, exclusive; irq 0 .. 15 (6.4.2.1). */
void hotram_aml_irq_no_flags(struct hotram_aml *aml, unsigned irq);
/** Memory32Fixed (ReadWrite, base, length) (6.4.3.4). */
void hotram_aml_memory32_fixed(struct hotram_aml *aml, uint32_t base, uint32_t length);
/** DWordMemory (ResourceConsumer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite) from min to max,
 *  both included (6.4.3.5.2). In the template: min at byte 10, max at 14, length at 22 of the descriptor. */
void hotram_aml_dword_memory(struct hotram_aml *aml, uint32_t min, uint32_t max, uint32_t length);
/** QWordMemory, likewise (6.4.3.5.1): min at byte 14, max at 22, length at 38 of the descriptor. */
void hotram_aml_qword_memory(struct hotram_aml *aml, uint64_t min, uint64_t max, uint64_t length);

/** Flags of an extended interrupt descriptor (6.4.3.6). */
enum hotram_aml_interrupt_flags {
    HOTRAM_AML_INTERRUPT_LEVEL = 0,
    HOTRAM_AML_INTERRUPT_EDGE = 2,
    HOTRAM_AML_INTERRUPT_ACTIVE_HIGH = 0,
    HOTRAM_AML_INTERRUPT_ACTIVE_LOW = 4,
    HOTRAM_AML_INTERRUPT_SHARED = 8,
};

/** Interrupt (ResourceConsumer, flags) {gsi} (6.4.3.6). */
void hotram_aml_interrupt(struct hotram_aml *aml, uint32_t gsi, unsigned flags);

#ifdef __cplusplus
}
#endif
#endif
