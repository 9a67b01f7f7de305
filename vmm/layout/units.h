/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VMM_LAYOUT_UNITS_H
#define VMM_LAYOUT_UNITS_H

#include <stdint.h>

/* Binary units, bytes. */
#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#endif
