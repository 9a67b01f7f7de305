/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables as an operating system reads them, from the RSDP on: written from the specification
 * (ACPI 6.5, 5.2, 6.4.3.5 and 20.2), without a line of the library's. What is wrong stops the fuzzer.
 */
#ifndef TESTS_FUZZ_TABLES_READER_H
#define TESTS_FUZZ_TABLES_READER_H

#include "input.h"

/* Bytes of the guest's memory, the first at `address`. */
struct reader {
    const uint8_t *bytes;
    size_t length;
    uint64_t address;
    size_t covered; /* where the last table ended: none overlaps one before it, since they are in order */
};

/* A table, or a part of one. */
struct part {
    const uint8_t *bytes;
    size_t length;
};

struct tables {
    struct part fadt, facs, dsdt, madt, srat; /* without bytes: not there */
};

/* Follow the pointers; all checksums, alignments and lengths are right, and only what is found lies in the
 * memory. */
struct tables reader_find(struct reader *reader);

uint64_t part_number(struct part part, size_t offset, size_t size);

/* The next entry of a table whose entries begin with type and length; false at the table's end. */
bool part_next(struct part table, size_t *offset, struct part *entry);

/* The resource template that is the first thing in the only device with _CRS in \_SB, named PCI0. */
struct part reader_pci_resources(struct part dsdt);

/* An address space descriptor. */
struct window {
    unsigned type; /* 0: memory, 1: ports, 2: buses */
    uint64_t first, last, length;
    unsigned general_flags, type_flags;
};

/* The next descriptor of a template; false at its end tag, behind which there must be nothing. */
bool part_next_window(struct part resources, size_t *offset, struct window *window);

#endif
