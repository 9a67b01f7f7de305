/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a backend's bytes come from: anonymous memory, a file, or a memfd; opened, mapped, and given back.
 */
#ifndef VMM_MEMORY_BACKEND_MEMORY_H
#define VMM_MEMORY_BACKEND_MEMORY_H

#include "memory/backend.h"

/* Open or create the file or memfd, find the page size, check the size against both. */
bool backend_open(struct backend *backend, struct error *error);

/* Map it, if it is not mapped. */
bool backend_map(struct backend *backend, struct error *error);

/* Give its memory back to the host and unmap it: after an unplug. What a file that people can name
 * contains stays. It can be mapped again. */
void backend_release(struct backend *backend);

/* Unmap and close. */
void backend_close(struct backend *backend);

#endif
