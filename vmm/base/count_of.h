/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VMM_BASE_COUNT_OF_H
#define VMM_BASE_COUNT_OF_H

/* How many elements an array has; not of a pointer. */
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#endif
