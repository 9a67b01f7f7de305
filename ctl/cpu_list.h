/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The possible CPUs of a guest, as a table or as JSON.
 */
#ifndef CTL_CPU_LIST_H
#define CTL_CPU_LIST_H

#include "ctl.h"

/* Print those of the guest that the options select, by number. Returns the exit status. */
enum status cpu_list_print(const struct options *options);

#endif
