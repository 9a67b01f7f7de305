/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables that the command line shows and that belong to the makers of objects and devices.
 */
#include "hotplug/hotplug.h"
#include "memory/backend.h"

static const struct property ram_properties[] = {
    { "size", PROPERTY_SIZE, 0, PROPERTY_NO_GIVEN, "size of the memory", NULL },
    { "share", PROPERTY_BOOL, 8, PROPERTY_NO_GIVEN, "mark the memory as shared", NULL },
};

const struct backend_type backend_types[] = {
    { "memory-backend-ram", BACKEND_RAM, ram_properties, 2 },
    { "memory-backend-file", BACKEND_FILE, ram_properties, 2 },
    { "memory-backend-memfd", BACKEND_MEMFD, ram_properties, 2 },
};
const size_t backend_type_count = 3;

const struct property pc_dimm_properties[] = {
    { "memdev", PROPERTY_STRING, 0, PROPERTY_NO_GIVEN, "id of the memory backend", NULL },
    { "slot", PROPERTY_INT32, 8, PROPERTY_NO_GIVEN, "slot number", NULL },
};
const size_t pc_dimm_property_count = 2;
