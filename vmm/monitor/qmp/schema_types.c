/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of what commands return and events tell, for query-qmp-schema. Names are QEMU's where it has the
 * type. Tests hold every answer and every event against these tables.
 */
#include "monitor/qmp/schema.h"

#define TYPE(...) \
    (const struct type_member[]) \
    { \
        __VA_ARGS__, \
        { \
            NULL, NULL \
        } \
    }

static const struct schema_type types[] = {
    /* The machine. */
    { "StatusInfo", TYPE({ "running", "bool" }, { "singlestep", "bool" }, { "status", "str" }) },
    { "VersionInfo", TYPE({ "qemu", "VersionTriple" }, { "package", "str" }) },
    { "VersionTriple", TYPE({ "major", "int" }, { "minor", "int" }, { "micro", "int" }) },
    { "NameInfo", TYPE({ "*name", "str" }) },
    { "UuidInfo", TYPE({ "UUID", "str" }) },
    { "KvmInfo", TYPE({ "enabled", "bool" }, { "present", "bool" }) },
    { "TargetInfo", TYPE({ "arch", "str" }) },
    { "ChardevInfo", TYPE({ "label", "str" }, { "filename", "str" }, { "frontend-open", "bool" }) },
    { "CpuInfoFast", TYPE({ "cpu-index", "int" }, { "qom-path", "str" }, { "thread-id", "int" },
                          { "props", "CpuInstanceProperties" }, { "target", "str" }) },
    { "CpuInstanceProperties",
      TYPE({ "*node-id", "int" }, { "socket-id", "int" }, { "core-id", "int" }, { "thread-id", "int" }) },
    { "ExitInfo", TYPE({ "exits", "int" }) },

    /* Memory. */
    { "MemoryDeviceInfo", TYPE({ "type", "str" }, { "data", "PCDIMMDeviceInfo" }) },
    { "PCDIMMDeviceInfo",
      TYPE({ "*id", "str" }, { "addr", "int" }, { "size", "int" }, { "slot", "int" }, { "node", "int" },
           { "memdev", "str" }, { "hotplugged", "bool" }, { "hotpluggable", "bool" }) },
    { "Memdev",
      TYPE({ "id", "str" }, { "size", "int" }, { "merge", "bool" }, { "dump", "bool" },
           { "prealloc", "bool" }, { "share", "bool" }, { "reserve", "bool" }, { "host-nodes", "[int]" },
           { "policy", "HostMemPolicy" }, { "type", "str" }, { "page-size", "int" }, { "resident", "int" },
           { "reserved", "int" }, { "*mem-path", "str" }, { "*used-by", "str" }) },
    { "MemoryInfo", TYPE({ "base-memory", "int" }, { "plugged-memory", "int" }) },
    { "ACPIOSTInfo", TYPE({ "*device", "str" }, { "slot", "str" }, { "slot-type", "str" },
                          { "source", "int" }, { "status", "int" }) },
    { "MemslotInfo", TYPE({ "id", "str" }, { "start", "int" }, { "size", "int" }, { "node", "int" },
                          { "slot", "int" }, { "state", "str" }) },
    { "MemoryOperation", TYPE({ "id", "int" }, { "*device", "str" }, { "slot", "int" }, { "size", "int" },
                              { "operation", "str" }, { "result", "str" }, { "*reason", "str" },
                              { "*warning", "str" }, { "*ost", "MemoryOperationOst" },
                              { "milliseconds", "int" }, { "deadline", "int" }, { "*late", "bool" }) },
    { "MemoryOperationOst", TYPE({ "source", "int" }, { "status", "int" }, { "text", "str" }) },
    /* Without operations it is only a plan. */
    { "MemorySet",
      TYPE({ "requested", "int" }, { "*node", "int" }, { "current", "int" }, { "result-size", "int" },
           { "plan", "[MemorySetStep]" }, { "*operations", "[MemoryOperation]" }, { "*reason", "str" }) },
    { "MemorySetStep", TYPE({ "action", "str" }, { "size", "int" }, { "addr", "int" }, { "*node", "int" },
                            { "*slot", "int" }, { "*device", "str" }) },
    { "MemoryMap",
      TYPE({ "ram", "int" }, { "ranges", "[MemoryMapRange]" }, { "*region", "MemoryRange" },
           { "*slots", "MemoryShare" }, { "*capacity", "MemoryShare" }, { "*granularity", "int" },
           { "*block-size", "int" }, { "*largest-free", "MemoryRange" }, { "*largest-dimm", "int" }) },
    { "MemoryMapRange",
      TYPE({ "start", "int" }, { "size", "int" }, { "type", "str" }, { "*id", "str" }, { "*slot", "int" },
           { "*node", "int" }, { "*memdev", "str" }, { "*state", "str" }) },
    { "MemoryRange", TYPE({ "start", "int" }, { "size", "int" }) },
    { "MemoryShare", TYPE({ "total", "int" }, { "free", "int" }) },

    /* What there is. */
    { "CommandInfo", TYPE({ "name", "str" }) },
    { "SchemaInfo", TYPE({ "name", "str" }, { "meta-type", "str" }, { "*json-type", "str" },
                         { "*element-type", "str" }, { "*members", "[any]" }, { "*values", "[str]" },
                         { "*tag", "str" }, { "*variants", "[any]" }, { "*arg-type", "str" },
                         { "*ret-type", "str" }, { "*allow-oob", "bool" }, { "*features", "[str]" }) },
    { "MachineInfo",
      TYPE({ "name", "str" }, { "*alias", "str" }, { "*is-default", "bool" }, { "cpu-max", "int" },
           { "hotpluggable-cpus", "bool" }, { "numa-mem-supported", "bool" }, { "deprecated", "bool" },
           { "*default-cpu-type", "str" }, { "*default-ram-id", "str" }) },
    { "CpuDefinitionInfo",
      TYPE({ "name", "str" }, { "typename", "str" }, { "unavailable-features", "[str]" },
           { "migration-safe", "bool" }, { "static", "bool" }, { "deprecated", "bool" }) },
    { "CommandLineOptionInfo", TYPE({ "option", "str" }, { "parameters", "[CommandLineParameterInfo]" }) },
    { "CommandLineParameterInfo", TYPE({ "name", "str" }, { "type", "str" }) },
    { "ObjectTypeInfo", TYPE({ "name", "str" }, { "*abstract", "bool" }, { "*parent", "str" }) },
    { "ObjectPropertyInfo", TYPE({ "name", "str" }, { "type", "str" }, { "*description", "str" }) },
    { "MigrationCapabilityStatus", TYPE({ "capability", "str" }, { "state", "bool" }) },

    /* Data of events alone. */
    { "Cause", TYPE({ "guest", "bool" }, { "reason", "str" }) },
    { "GuestPanic", TYPE({ "action", "str" }) },
    { "OstEvent", TYPE({ "info", "ACPIOSTInfo" }) },
    { "DeviceEvent", TYPE({ "*device", "str" }, { "path", "str" }) },
    { "MemoryFailure", TYPE({ "recipient", "str" }, { "action", "str" }, { "flags", "MemoryFailureFlags" },
                            { "*id", "str" }, { "*mem-path", "str" }, { "reason", "str" }) },
    { "MemoryFailureFlags", TYPE({ "action-required", "bool" }, { "recursive", "bool" }) },
    { "MemoryPrealloc", TYPE({ "id", "str" }, { "done", "int" }, { "size", "int" }) },
};

static const struct event_type events[] = {
    { "ACPI_DEVICE_OST", "OstEvent" },
    { "DEVICE_DELETED", "DeviceEvent" },
    { "DEVICE_UNPLUG_GUEST_ERROR", "DeviceEvent" },
    { "GUEST_CRASHLOADED", "GuestPanic" },
    { "GUEST_PANICKED", "GuestPanic" },
    { "MEMORY_FAILURE", "MemoryFailure" },
    { "MEMORY_OPERATION_DONE", "MemoryOperation" },
    { "MEMORY_OPERATION_LATE", "MemoryOperation" },
    { "MEMORY_OPERATION_STARTED", "MemoryOperation" },
    { "MEMORY_PREALLOC", "MemoryPrealloc" },
    { "MEMORY_SET_DONE", "MemorySet" },
    { "POWERDOWN", NULL },
    { "RESET", "Cause" },
    { "RESUME", NULL },
    { "SHUTDOWN", "Cause" },
    { "STOP", NULL },
};

const struct schema_type *schema_type_at(size_t index)
{
    return index < sizeof types / sizeof types[0] ? &types[index] : NULL;
}

const struct event_type *event_type_at(size_t index)
{
    return index < sizeof events / sizeof events[0] ? &events[index] : NULL;
}
