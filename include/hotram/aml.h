/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file aml.h
 * A writer of AML, the bytecode of ACPI: names, operators, blocks.
 *
 * The functions follow AML's own prefix notation: an operator, then its operands in order, each of which
 * may again be an operator. `Local0 = Arg0 & 4` is
 *
 *     hotram_aml_op(aml, HOTRAM_AML_AND);
 *         hotram_aml_arg(aml, 0);
 *         hotram_aml_integer(aml, 4);
 *         hotram_aml_local(aml, 0);
 *
 * Whatever has a body in braces is a block: a function opens it, and hotram_aml_end() closes it and fills in
 * its length in the shortest encoding.
 *
 * Errors: the writer appends to a hotram_buffer; bytes that do not fit are counted, not written. The writer
 * keeps its first error: the call that fails may have written a part, and later calls write and count
 * nothing. hotram_aml_finish() reports that error, or that the buffer is too small, so the calls in between
 * return nothing. An argument that its description excludes, including a NULL string, is HOTRAM_E_ARGUMENT.
 * Calls with a NULL writer have no effect.
 *
 * "Among terms" is the table's root and the inside of all blocks except two: the block of hotram_aml_field()
 * contains only field units and gaps, that of hotram_aml_resource_template() only resource descriptors.
 * Anything in the wrong kind of block is HOTRAM_E_NESTING. Nothing else is checked: neither that an operator
 * is followed by its operands, nor that a name exists. Disassembling the result shows such mistakes.
 *
 * Paths are text: "MHPD", `"\\_SB.MHPD"` (in C), "^FOO", "^^A.B": at most 255 segments of one to four
 * characters A-Z, 0-9 and '_', not beginning with a digit; shorter ones are padded with '_'. A root or parent
 * prefix alone is also a path. Anything else is HOTRAM_E_ARGUMENT.
 *
 * Threads: a writer has no state besides its struct and its buffer; the caller serializes the calls on both.
 *
 * References are to the ACPI specification, release 6.5.
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

/** Maximum number of blocks that are open at the same time. */
#define HOTRAM_AML_DEPTH 16u

/** An open block (internal). */
struct hotram_aml_block {
    size_t start; /**< where its length will be inserted */
    uint8_t kind; /**< what it may contain */
};

/** A writer. The members belong to the library; initialize with hotram_aml_begin(). */
struct hotram_aml {
    struct hotram_buffer *out;                        /**< destination (internal) */
    size_t start;                                     /**< length of out at the beginning (internal) */
    enum hotram_status status;                        /**< the first error (internal) */
    unsigned depth;                                   /**< number of open blocks (internal) */
    struct hotram_aml_block blocks[HOTRAM_AML_DEPTH]; /**< the open blocks (internal) */
};

/**
 * Begin to write AML at the end of a buffer: a list of terms, as a DSDT or SSDT has after its header
 * (20.2.1).
 *
 * When: before any other call on this writer, for a DSDT or SSDT after hotram_acpi_table_begin().
 *
 * @param aml  the caller's memory for the writer
 * @param out  the AML is appended to it; nothing else may be appended until hotram_aml_finish()
 * @retval HOTRAM_OK          the writer is ready
 * @retval HOTRAM_E_ARGUMENT  a pointer is NULL; a writer without a buffer may be used, and
 *                            hotram_aml_finish() reports this error again
 */
enum hotram_status hotram_aml_begin(struct hotram_aml *aml, struct hotram_buffer *out);

/**
 * End the list of terms (20.2.1), and report whether it is complete.
 *
 * When: after hotram_aml_begin(), with all blocks closed, for a DSDT or SSDT before hotram_acpi_table_end().
 *
 * @param aml     the writer
 * @param length  if not NULL: set to the length of the AML, written or only counted, bytes; 0 on errors other
 *                than HOTRAM_E_BUFFER
 * @retval HOTRAM_OK          all of the AML is in the buffer
 * @retval HOTRAM_E_BUFFER    the buffer is too small
 * @retval HOTRAM_E_NESTING   a block was left open, closed too often, nested deeper than HOTRAM_AML_DEPTH, or
 *                            something was written in the wrong kind of block
 * @retval HOTRAM_E_ARGUMENT  aml is NULL, hotram_aml_begin() failed, or one of the calls had an argument that
 *                            its description excludes
 */
enum hotram_status hotram_aml_finish(struct hotram_aml *aml, size_t *length);

/* ---- Operands ---- */

/**
 * A reference to a named object (20.2.2), or a call of a method, whose arguments follow (20.2.5.4).
 *
 * When: among terms.
 *
 * @param aml   the writer
 * @param path  of the object or method
 */
void hotram_aml_path(struct hotram_aml *aml, const char *path);

/**
 * An integer constant, in the shortest encoding (20.2.3).
 *
 * When: among terms.
 *
 * @param aml    the writer
 * @param value  any number; UINT64_MAX becomes Ones; the guest truncates it to 32 bits if the table's
 *               revision is below 2
 */
void hotram_aml_integer(struct hotram_aml *aml, uint64_t value);

/**
 * A string constant (20.2.3).
 *
 * When: among terms.
 *
 * @param aml     the writer
 * @param string  characters 0x01 .. 0x7f, null-terminated; may be empty
 */
void hotram_aml_string(struct hotram_aml *aml, const char *string);

/**
 * A hardware id as a compressed integer (6.1.5, 19.6.37).
 *
 * When: among terms, as the value of _HID or _CID.
 *
 * @param aml  the writer
 * @param id   three capital letters and four hexadecimal digits, with A-F in upper case: "PNP0C80"
 */
void hotram_aml_eisaid(struct hotram_aml *aml, const char *id);

/**
 * An argument of the method (20.2.6.1).
 *
 * When: among terms, in a method.
 *
 * @param aml     the writer
 * @param number  0 .. 6
 */
void hotram_aml_arg(struct hotram_aml *aml, unsigned number);

/**
 * A local variable of the method (20.2.6.2).
 *
 * When: among terms, in a method.
 *
 * @param aml     the writer
 * @param number  0 .. 7
 */
void hotram_aml_local(struct hotram_aml *aml, unsigned number);

/**
 * No target: the operator's result is not stored (20.2.2, NullName).
 *
 * When: among terms, in place of an operator's target.
 *
 * @param aml  the writer
 */
void hotram_aml_no_target(struct hotram_aml *aml);

/** Operators whose operands are all terms (20.2.5.3, 20.2.5.4). The comments give the operands in order. */
enum hotram_aml_operator {
    HOTRAM_AML_STORE = 0x70,            /**< value, target */
    HOTRAM_AML_ADD = 0x72,              /**< a, b, target */
    HOTRAM_AML_SUBTRACT = 0x74,         /**< a, b, target: a - b */
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
    HOTRAM_AML_LAND = 0x90,             /**< a, b: logical and */
    HOTRAM_AML_LOR = 0x91,              /**< a, b: logical or */
    HOTRAM_AML_LNOT = 0x92,             /**< a: logical negation */
    HOTRAM_AML_LEQUAL = 0x93,           /**< a, b: a == b */
    HOTRAM_AML_LGREATER = 0x94,         /**< a, b: a > b */
    HOTRAM_AML_LLESS = 0x95,            /**< a, b: a < b */
    HOTRAM_AML_LNOT_EQUAL = 0x9293,     /**< a, b: a != b */
    HOTRAM_AML_LLESS_EQUAL = 0x9294,    /**< a, b: a <= b */
    HOTRAM_AML_LGREATER_EQUAL = 0x9295, /**< a, b: a >= b */
    HOTRAM_AML_TO_INTEGER = 0x99,       /**< value, target */
    HOTRAM_AML_RETURN = 0xa4,           /**< value */
    HOTRAM_AML_BREAK = 0xa5,            /**< none */
};

/**
 * An operator (20.2.5.3, 20.2.5.4); its operands follow.
 *
 * When: among terms; Return only in a method, Break only in a While.
 *
 * @param aml  the writer
 * @param op   one of the enum; not checked
 */
void hotram_aml_op(struct hotram_aml *aml, enum hotram_aml_operator op);

/* ---- Names and blocks ---- */

/**
 * Name (path, object): the object follows (20.2.5.1).
 *
 * When: among terms.
 *
 * @param aml   the writer
 * @param path  of the new object
 */
void hotram_aml_name(struct hotram_aml *aml, const char *path);

/**
 * Scope (path) { ... }: opens a block of terms (20.2.5.1).
 *
 * When: among terms.
 *
 * @param aml   the writer
 * @param path  of an existing object, in which the block defines names
 */
void hotram_aml_scope(struct hotram_aml *aml, const char *path);

/**
 * Device (path) { ... }: opens a block of terms (20.2.5.2).
 *
 * When: among terms.
 *
 * @param aml   the writer
 * @param path  of the new device
 */
void hotram_aml_device(struct hotram_aml *aml, const char *path);

/**
 * Method (path, args, serialized) { ... }: opens a block of terms (20.2.5.2).
 *
 * When: among terms.
 *
 * @param aml         the writer
 * @param path        of the new method
 * @param args        number of arguments, 0 .. 7
 * @param serialized  whether only one thread at a time executes it; required if its body creates names
 */
void hotram_aml_method(struct hotram_aml *aml, const char *path, unsigned args, bool serialized);

/**
 * If (predicate) { ... }: opens a block of terms (20.2.5.3). The predicate follows, then the body.
 *
 * When: among terms, in a method.
 *
 * @param aml  the writer
 */
void hotram_aml_if(struct hotram_aml *aml);

/**
 * Else { ... }: opens a block of terms (20.2.5.3).
 *
 * When: among terms, directly after the hotram_aml_end() of an If.
 *
 * @param aml  the writer
 */
void hotram_aml_else(struct hotram_aml *aml);

/**
 * While (predicate) { ... }: opens a block of terms (20.2.5.3). The predicate follows, then the body.
 *
 * When: among terms, in a method.
 *
 * @param aml  the writer
 */
void hotram_aml_while(struct hotram_aml *aml);

/**
 * Package (count) { ... }: opens a block of terms (20.2.5.4), the elements.
 *
 * When: among terms.
 *
 * @param aml    the writer
 * @param count  number of elements, 0 .. 255
 */
void hotram_aml_package(struct hotram_aml *aml, unsigned count);

/**
 * ResourceTemplate () { ... }: opens a block of the resource descriptors of hotram/aml_device.h, which
 * becomes a buffer (20.2.5.4) with an end tag (6.4.2.9).
 *
 * When: among terms.
 *
 * @param aml  the writer
 */
void hotram_aml_resource_template(struct hotram_aml *aml);

/**
 * Buffer () { ... } with these bytes (20.2.5.4).
 *
 * When: among terms.
 *
 * @param aml     the writer
 * @param bytes   the contents; may be NULL only if length is 0
 * @param length  number of bytes, 0 .. 2^28 - 16
 */
void hotram_aml_buffer(struct hotram_aml *aml, const uint8_t *bytes, size_t length);

/**
 * Close the innermost open block, and fill in its length (20.2.4). If no block is open, the error is
 * HOTRAM_E_NESTING; if the block's content is 2^28 - 4 bytes or longer, HOTRAM_E_ARGUMENT.
 *
 * When: in a block of any kind.
 *
 * @param aml  the writer
 */
void hotram_aml_end(struct hotram_aml *aml);

#ifdef __cplusplus
}
#endif

/* The other part of the writer, so that including this header is sufficient. */
#include <hotram/aml_device.h>

#endif
