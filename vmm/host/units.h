/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VMM_HOST_UNITS_H
#define VMM_HOST_UNITS_H

#include <stdint.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#endif
