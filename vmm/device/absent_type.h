/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Types of devices that QEMU 7.2 has and hotram lacks: why, and whether a guest can do without.
 */
#ifndef VMM_DEVICE_ABSENT_TYPE_H
#define VMM_DEVICE_ABSENT_TYPE_H

enum absence {
    ABSENT_NEEDED, /* a guest without it would lack a disk, a network, or what else the device provides */
    ABSENT_EXTRA,  /* for people at a screen: a guest on a serial port and a network works without */
    ABSENT_BRIDGE, /* the same, once the devices of its bus are on another */
};

struct absent_type {
    const char *names;  /* separated by spaces */
    const char *reason; /* a sentence without a full stop */
    enum absence how;
};

/* The row of a name; NULL: hotram has the type, or nobody has it. Any thread. */
const struct absent_type *absent_type_find(const char *name);
/* Row `index`; NULL after the last. */
const struct absent_type *absent_type_at(unsigned index);

#endif
