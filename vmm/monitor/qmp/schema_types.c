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
    { "StatusInfo",
      TYPE({ "running", "bool" }, { "singlestep", "bool" }, { "status", "str" }, { "*waits-for", "[str]" }) },
    { "VersionInfo", TYPE({ "qemu", "VersionTriple" }, { "package", "str" }) },
    { "VersionTriple", TYPE({ "major", "int" }, { "minor", "int" }, { "micro", "int" }) },
    { "NameInfo", TYPE({ "*name", "str" }) },
    { "UuidInfo", TYPE({ "UUID", "str" }) },
    { "GuidInfo", TYPE({ "guid", "str" }) },
    { "BalloonInfo", TYPE({ "actual", "int" }) },
    { "KvmInfo", TYPE({ "enabled", "bool" }, { "present", "bool" }) },
    { "TargetInfo", TYPE({ "arch", "str" }) },
    { "String", TYPE({ "str", "str" }) },
    { "ChardevReturn", TYPE({ "*pty", "str" }) },
    { "ChardevInfo", TYPE({ "label", "str" }, { "filename", "str" }, { "frontend-open", "bool" }) },
    { "CpuInfoFast", TYPE({ "cpu-index", "int" }, { "qom-path", "str" }, { "thread-id", "int" },
                          { "props", "CpuInstanceProperties" }, { "target", "str" }) },
    { "CpuInstanceProperties",
      TYPE({ "*node-id", "int" }, { "socket-id", "int" }, { "core-id", "int" }, { "thread-id", "int" }) },
    { "HotpluggableCPU", TYPE({ "type", "str" }, { "vcpus-count", "int" },
                              { "props", "CpuInstanceProperties" }, { "*qom-path", "str" }) },
    { "CpuOperation",
      TYPE({ "id", "int" }, { "*device", "str" }, { "cpu-index", "int" }, { "operation", "str" },
           { "result", "str" }, { "*reason", "str" }, { "*warning", "str" }, { "*ost", "MemoryOperationOst" },
           { "*started", "bool" }, { "milliseconds", "int" }, { "deadline", "int" }, { "*late", "bool" }) },
    { "CpusSet", TYPE({ "cpus", "int" }, { "operations", "[CpuOperation]" }) },
    { "DeviceOperation",
      TYPE({ "id", "int" }, { "*device", "str" }, { "path", "str" }, { "operation", "str" },
           { "result", "str" }, { "*reason", "str" }, { "*warning", "str" }, { "milliseconds", "int" },
           { "deadline", "int" }, { "*late", "bool" }) },
    { "ExitInfo", TYPE({ "exits", "int" }) },

    /* PCI. */
    { "PciInfo", TYPE({ "bus", "int" }, { "devices", "[PciDeviceInfo]" }) },
    { "PciDeviceInfo",
      TYPE({ "bus", "int" }, { "slot", "int" }, { "function", "int" }, { "class_info", "PciDeviceClass" },
           { "id", "PciDeviceId" }, { "*irq", "int" }, { "irq_pin", "int" }, { "qdev_id", "str" },
           { "*pci_bridge", "PciBridgeInfo" }, { "regions", "[PciMemoryRegion]" }) },
    { "PciDeviceClass", TYPE({ "*desc", "str" }, { "class", "int" }) },
    { "PciDeviceId", TYPE({ "device", "int" }, { "vendor", "int" }, { "*subsystem", "int" },
                          { "*subsystem-vendor", "int" }) },
    { "PciBridgeInfo", TYPE({ "bus", "PciBusInfo" }, { "*devices", "[PciDeviceInfo]" }) },
    { "PciBusInfo", TYPE({ "number", "int" }, { "secondary", "int" }, { "subordinate", "int" },
                         { "memory_range", "PciMemoryRange" }, { "prefetchable_range", "PciMemoryRange" }) },
    { "PciMemoryRange", TYPE({ "base", "int" }, { "limit", "int" }) },
    { "PciMemoryRegion", TYPE({ "bar", "int" }, { "type", "str" }, { "size", "int" }, { "*address", "int" },
                              { "prefetch", "bool" }, { "mem_type_64", "bool" }) },

    /* Memory. */
    { "MemoryDeviceInfo", TYPE({ "type", "str" }, { "data", "MemoryDeviceData" }) },
    /* Of QEMU's PCDIMMDeviceInfo and VirtioMEMDeviceInfo, by the type. */
    { "MemoryDeviceData",
      TYPE({ "*id", "str" }, { "*addr", "int" }, { "*memaddr", "int" }, { "size", "int" },
           { "*requested-size", "int" }, { "*max-size", "int" }, { "*block-size", "int" }, { "*slot", "int" },
           { "node", "int" }, { "memdev", "str" }, { "*hotplugged", "bool" }, { "*hotpluggable", "bool" }) },
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
    /* Of whatever kind of device: slot, verified and gained are a DIMM's, plugged is of a resize. */
    { "MemoryOperation", TYPE({ "id", "int" }, { "*device", "str" }, { "*slot", "int" }, { "*size", "int" },
                              { "operation", "str" }, { "result", "str" }, { "*reason", "str" },
                              { "*warning", "str" }, { "*ost", "MemoryOperationOst" }, { "*verified", "str" },
                              { "*gained", "int" }, { "*plugged", "int" }, { "*waits-for", "[str]" },
                              { "milliseconds", "int" }, { "deadline", "int" }, { "*late", "bool" }) },
    { "MemoryOperationOst", TYPE({ "source", "int" }, { "status", "int" }, { "text", "str" }) },
    /* Without operations it is only a plan. */
    { "MemorySet",
      TYPE({ "requested", "int" }, { "*node", "int" }, { "current", "int" }, { "result-size", "int" },
           { "plan", "[MemorySetStep]" }, { "*operations", "[MemoryOperation]" }, { "*reason", "str" }) },
    { "MemorySetStep", TYPE({ "action", "str" }, { "size", "int" }, { "*current", "int" }, { "*addr", "int" },
                            { "*node", "int" }, { "*slot", "int" }, { "*device", "str" }) },
    { "MemoryMap",
      TYPE({ "ram", "int" }, { "ranges", "[MemoryMapRange]" }, { "*region", "MemoryRange" },
           { "*slots", "MemoryShare" }, { "*capacity", "MemoryShare" }, { "*granularity", "int" },
           { "*block-size", "int" }, { "*largest-free", "MemoryRange" }, { "*largest-dimm", "int" }) },
    { "MemoryMapRange",
      TYPE({ "start", "int" }, { "size", "int" }, { "type", "str" }, { "*id", "str" }, { "*slot", "int" },
           { "*node", "int" }, { "*memdev", "str" }, { "*state", "str" }, { "*plugged", "int" }) },
    { "MemoryRange", TYPE({ "start", "int" }, { "size", "int" }) },
    { "MemoryShare", TYPE({ "total", "int" }, { "free", "int" }) },

    /* Disks. */
    { "BlockDeviceInfo",
      TYPE({ "file", "str" }, { "node-name", "str" }, { "ro", "bool" }, { "drv", "str" },
           { "backing_file_depth", "int" }, { "encrypted", "bool" }, { "detect_zeroes", "str" },
           { "bps", "int" }, { "bps_rd", "int" }, { "bps_wr", "int" }, { "iops", "int" },
           { "iops_rd", "int" }, { "iops_wr", "int" }, { "image", "ImageInfo" },
           { "cache", "BlockdevCacheInfo" }, { "write_threshold", "int" }) },
    { "ImageInfo", TYPE({ "filename", "str" }, { "format", "str" }, { "*dirty-flag", "bool" },
                        { "actual-size", "int" }, { "virtual-size", "int" }) },
    { "BlockdevCacheInfo", TYPE({ "writeback", "bool" }, { "direct", "bool" }, { "no-flush", "bool" }) },
    { "IOThreadInfo", TYPE({ "id", "str" }, { "thread-id", "int" }, { "poll-max-ns", "int" },
                           { "poll-grow", "int" }, { "poll-shrink", "int" }, { "aio-max-batch", "int" }) },
    { "BlockInfo", TYPE({ "*io-status", "str" }, { "device", "str" }, { "qdev", "str" }, { "type", "str" },
                        { "removable", "bool" }, { "locked", "bool" }, { "inserted", "BlockDeviceInfo" }) },
    { "BlockStats", TYPE({ "*device", "str" }, { "*qdev", "str" }, { "node-name", "str" },
                         { "stats", "BlockDeviceStats" }, { "*parent", "BlockNodeStats" }) },
    { "BlockNodeStats", TYPE({ "node-name", "str" }, { "stats", "BlockDeviceStats" }, { "*parent", "any" }) },
    { "BlockDeviceStats",
      TYPE({ "rd_bytes", "int" }, { "wr_bytes", "int" }, { "unmap_bytes", "int" }, { "rd_operations", "int" },
           { "wr_operations", "int" }, { "flush_operations", "int" }, { "unmap_operations", "int" },
           { "rd_total_time_ns", "int" }, { "wr_total_time_ns", "int" }, { "flush_total_time_ns", "int" },
           { "unmap_total_time_ns", "int" }, { "wr_highest_offset", "int" }, { "rd_merged", "int" },
           { "wr_merged", "int" }, { "unmap_merged", "int" }, { "*idle_time_ns", "int" },
           { "failed_rd_operations", "int" }, { "failed_wr_operations", "int" },
           { "failed_flush_operations", "int" }, { "failed_unmap_operations", "int" },
           { "invalid_rd_operations", "int" }, { "invalid_wr_operations", "int" },
           { "invalid_flush_operations", "int" }, { "invalid_unmap_operations", "int" },
           { "account_invalid", "bool" }, { "account_failed", "bool" }, { "timed_stats", "[any]" }) },

    /* Network cards. */
    { "RxFilterInfo",
      TYPE({ "name", "str" }, { "promiscuous", "bool" }, { "multicast", "str" }, { "unicast", "str" },
           { "vlan", "str" }, { "broadcast-allowed", "bool" }, { "multicast-overflow", "bool" },
           { "unicast-overflow", "bool" }, { "main-mac", "str" }, { "vlan-table", "[int]" },
           { "unicast-table", "[str]" }, { "multicast-table", "[str]" }) },

    /* Descriptors. */
    { "AddfdInfo", TYPE({ "fdset-id", "int" }, { "fd", "int" }) },
    { "FdsetInfo", TYPE({ "fdset-id", "int" }, { "fds", "[FdsetFdInfo]" }) },
    { "FdsetFdInfo", TYPE({ "fd", "int" }, { "*opaque", "str" }) },

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

    /* Migration. */
    { "MigrationCapabilityStatus", TYPE({ "capability", "str" }, { "state", "bool" }) },
    { "MigrationParameters", TYPE({ "max-bandwidth", "int" }, { "downtime-limit", "int" },
                                  { "throttle-trigger-threshold", "int" }, { "cpu-throttle-initial", "int" },
                                  { "cpu-throttle-increment", "int" }, { "max-cpu-throttle", "int" }) },
    { "MigrationInfo",
      TYPE({ "*status", "str" }, { "*error-desc", "str" }, { "*total-time", "int" }, { "*setup-time", "int" },
           { "*downtime", "int" }, { "*expected-downtime", "int" }, { "*cpu-throttle-percentage", "int" },
           { "*ram", "MigrationStats" }, { "*blocked-reasons", "[str]" }) },
    { "MigrationStats",
      TYPE({ "transferred", "int" }, { "remaining", "int" }, { "total", "int" }, { "duplicate", "int" },
           { "skipped", "int" }, { "normal", "int" }, { "normal-bytes", "int" },
           { "dirty-pages-rate", "int" }, { "mbps", "int" }, { "dirty-sync-count", "int" },
           { "postcopy-requests", "int" }, { "page-size", "int" }) },

    /* Data of events alone. */
    { "BlockIoError",
      TYPE({ "device", "str" }, { "qdev", "str" }, { "node-name", "str" }, { "operation", "str" },
           { "action", "str" }, { "nospace", "bool" }, { "reason", "str" }) },
    { "BlockWriteThreshold",
      TYPE({ "node-name", "str" }, { "amount-exceeded", "int" }, { "write-threshold", "int" }) },
    { "Cause", TYPE({ "guest", "bool" }, { "reason", "str" }) },
    { "GuestPanic", TYPE({ "action", "str" }) },
    { "Watchdog", TYPE({ "action", "str" }) },
    { "OstEvent", TYPE({ "info", "ACPIOSTInfo" }) },
    { "DeviceEvent", TYPE({ "*device", "str" }, { "path", "str" }) },
    { "MemoryDeviceSizeChange", TYPE({ "*id", "str" }, { "size", "int" }, { "qom-path", "str" }) },
    { "MemoryFailure", TYPE({ "recipient", "str" }, { "action", "str" }, { "flags", "MemoryFailureFlags" },
                            { "*id", "str" }, { "*mem-path", "str" }, { "reason", "str" }) },
    { "MemoryFailureFlags", TYPE({ "action-required", "bool" }, { "recursive", "bool" }) },
    { "NetdevConnected", TYPE({ "netdev-id", "str" }, { "addr", "SocketAddress" }) },
    { "MigrationEvent", TYPE({ "status", "str" }) },
    { "MigrationPass", TYPE({ "pass", "int" }) },
    { "SocketAddress", TYPE({ "type", "str" }, { "*path", "str" }, { "*host", "str" }, { "*port", "str" },
                            { "*ipv4", "bool" }, { "*ipv6", "bool" }) },
    { "RxFilterChanged", TYPE({ "*name", "str" }, { "path", "str" }) },
    { "NetdevVhostUserConnected", TYPE({ "netdev-id", "str" }, { "chardev-id", "str" }) },
    { "NetdevDisconnected", TYPE({ "netdev-id", "str" }) },
    { "VserportChange", TYPE({ "id", "str" }, { "open", "bool" }) },
    { "MemoryPrealloc", TYPE({ "id", "str" }, { "done", "int" }, { "size", "int" }) },
};

const struct schema_type *schema_type_at(size_t index)
{
    return index < sizeof types / sizeof types[0] ? &types[index] : NULL;
}
