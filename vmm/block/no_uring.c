/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In place of uring.c where the program is built without liburing.
 */
#include "block/engine.h"

const struct block_engine *const block_engine_uring = NULL;
