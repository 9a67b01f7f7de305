/* SPDX-License-Identifier: BSD-2-Clause */
#include "kvm/x86_topology.h"

#include <stdbool.h>
#include <string.h>

/* Leaves and bits. */
#define EXTENDED 0x80000000u
#define HTT (1u << 28)       /* 1.edx: several logical CPUs in a package */
#define CMP_LEGACY (1u << 1) /* 0x80000001.ecx, AMD: they are cores rather than threads */
#define TOPOEXT (1u << 22)   /* 0x80000001.ecx, AMD: leaves 0x8000001d and 0x8000001e */
#define LEVEL_SMT 1u
#define LEVEL_CORE 2u

/* How many bits hold the numbers below `count`. */
static unsigned bits_for(unsigned count)
{
    unsigned bits = 0;

    while ((1u << bits) < count)
        bits++;
    return bits;
}

static unsigned package_bits(const struct cpu_topology *topology)
{
    return bits_for(topology->cores) + bits_for(topology->threads);
}

static unsigned package_cpus(const struct cpu_topology *topology)
{
    return topology->cores * topology->threads;
}

static unsigned core_of(const struct cpu_topology *topology, unsigned cpu)
{
    return cpu / topology->threads % topology->cores;
}

static unsigned socket_of(const struct cpu_topology *topology, unsigned cpu)
{
    return cpu / package_cpus(topology);
}

uint32_t x86_apic_id(const struct cpu_topology *topology, unsigned cpu)
{
    return (uint32_t)(socket_of(topology, cpu) << package_bits(topology) |
                      core_of(topology, cpu) << bits_for(topology->threads) | cpu % topology->threads);
}

/* ---- the list ---- */

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t function)
{
    for (uint32_t i = 0; i < cpuid->nent; i++)
        if (cpuid->entries[i].function == function)
            return &cpuid->entries[i];
    return NULL;
}

/* The highest leaf of those that begin at `base`. */
static uint32_t highest(struct kvm_cpuid2 *cpuid, uint32_t base)
{
    const struct kvm_cpuid_entry2 *entry = find(cpuid, base);

    return entry ? entry->eax : 0;
}

static bool is_amd(struct kvm_cpuid2 *cpuid)
{
    const struct kvm_cpuid_entry2 *entry = find(cpuid, 0);

    return entry && (memcmp(&entry->ebx, "Auth", 4) == 0 || memcmp(&entry->ebx, "Hygo", 4) == 0);
}

static void drop(struct kvm_cpuid2 *cpuid, uint32_t function)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < cpuid->nent; i++)
        if (cpuid->entries[i].function != function)
            cpuid->entries[kept++] = cpuid->entries[i];
    cpuid->nent = kept;
}

static void add(struct kvm_cpuid2 *cpuid, struct kvm_cpuid_entry2 entry)
{
    cpuid->entries[cpuid->nent++] = entry;
}

/* ---- the leaves ---- */

static uint32_t at_most(uint32_t value, uint32_t limit)
{
    return value < limit ? value : limit;
}

/* 1: the APIC id's low 8 bits, and how many of them are a package's: Intel counts ids, gaps included, AMD
 * CPUs. */
static void apply_features(const struct cpu_topology *topology, uint32_t id, struct kvm_cpuid2 *cpuid)
{
    struct kvm_cpuid_entry2 *entry = find(cpuid, 1);
    unsigned count = is_amd(cpuid) ? package_cpus(topology) : 1u << package_bits(topology);

    if (!entry)
        return;
    entry->ebx = (entry->ebx & 0xffff) | (id & 0xff) << 24 | at_most(count, 255) << 16;
    entry->edx = count > 1 ? entry->edx | HTT : entry->edx & ~HTT;
}

/* 0xb and 0x1f: a level for threads, one for cores, and the end. */
static void add_levels(const struct cpu_topology *topology, uint32_t function, uint32_t id,
                       struct kvm_cpuid2 *cpuid)
{
    const struct kvm_cpuid_entry2 entry = { .function = function,
                                            .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
                                            .edx = id };
    struct kvm_cpuid_entry2 level = entry;

    level.eax = bits_for(topology->threads);
    level.ebx = topology->threads;
    level.ecx = LEVEL_SMT << 8;
    add(cpuid, level);
    level.index = 1;
    level.eax = package_bits(topology);
    level.ebx = package_cpus(topology);
    level.ecx = LEVEL_CORE << 8 | level.index;
    add(cpuid, level);
    level = entry;
    level.index = level.ecx = 2;
    add(cpuid, level);
}

static void apply_levels(const struct cpu_topology *topology, uint32_t id, struct kvm_cpuid2 *cpuid)
{
    static const uint32_t functions[] = { 0xb, 0x1f };

    for (unsigned i = 0; i < 2; i++) {
        drop(cpuid, functions[i]);
        if (highest(cpuid, 0) >= functions[i] && (functions[i] == 0xb || !is_amd(cpuid)))
            add_levels(topology, functions[i], id, cpuid);
    }
}

/* Caches: those of the first two levels belong to a core, others to the package. */
static bool is_of_core(const struct kvm_cpuid_entry2 *entry)
{
    return (entry->eax >> 5 & 7) <= 2;
}

static void share(struct kvm_cpuid_entry2 *entry, uint32_t ids)
{
    entry->eax = (entry->eax & ~(0xfffu << 14)) | at_most(ids - 1, 0xfff) << 14;
}

/* 4 (Intel) and 0x8000001d (AMD): who shares a cache, as a number of APIC ids, gaps included: those CPUs
 * whose ids differ only in the low bits that such a number takes. */
static void apply_caches(const struct cpu_topology *topology, uint32_t function, struct kvm_cpuid2 *cpuid)
{
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

        if (entry->function == function && (entry->eax & 0x1f) != 0)
            share(entry, 1u << (is_of_core(entry) ? bits_for(topology->threads) : package_bits(topology)));
    }
}

/* 4, Intel: the cores of a package, as a number of ids. */
static void apply_cores(const struct cpu_topology *topology, struct kvm_cpuid2 *cpuid)
{
    uint32_t last = at_most((1u << bits_for(topology->cores)) - 1, 63);

    for (uint32_t i = 0; i < cpuid->nent; i++)
        if (cpuid->entries[i].function == 4 && (cpuid->entries[i].eax & 0x1f) != 0)
            cpuid->entries[i].eax = (cpuid->entries[i].eax & 0x03ffffff) | last << 26;
}

/* AMD: whether the CPU has 0x8000001e. Without it, Linux takes threads for cores, whatever leaf 0xb says. A
 * host that is itself a guest may lack TOPOEXT (QEMU's own emulation does). Like QEMU, announce it if there
 * are threads: it stands for no state, only for leaves, which are built here. */
static bool extend(const struct cpu_topology *topology, struct kvm_cpuid_entry2 *features,
                   struct kvm_cpuid2 *cpuid)
{
    if (!features || highest(cpuid, EXTENDED) < 0x8000001e)
        return false;
    if (topology->threads > 1)
        features->ecx |= TOPOEXT;
    return features->ecx & TOPOEXT;
}

/* 0x80000001, 0x80000008, 0x8000001e. 0x80000026 would tell more levels than there are. */
static void apply_amd(const struct cpu_topology *topology, unsigned cpu, struct kvm_cpuid2 *cpuid)
{
    struct kvm_cpuid_entry2 *features = find(cpuid, 0x80000001);
    struct kvm_cpuid_entry2 *sizes = find(cpuid, 0x80000008);
    bool extended = extend(topology, features, cpuid);
    unsigned count = package_cpus(topology);

    if (features)
        features->ecx = count > 1 ? features->ecx | CMP_LEGACY : features->ecx & ~CMP_LEGACY;
    if (sizes)
        sizes->ecx = (sizes->ecx & ~0xf0ffu) | at_most(count - 1, 255) | package_bits(topology) << 12;
    drop(cpuid, 0x8000001e);
    drop(cpuid, 0x80000026);
    apply_caches(topology, 0x8000001d, cpuid);
    if (extended)
        add(cpuid, (struct kvm_cpuid_entry2){
                       .function = 0x8000001e,
                       .eax = x86_apic_id(topology, cpu),
                       .ebx = core_of(topology, cpu) | (topology->threads - 1) << 8,
                       .ecx = socket_of(topology, cpu),
                   });
}

/* Intel's processors have none of AMD's; 0x80000008.ecx is reserved there. */
static void apply_intel(const struct cpu_topology *topology, struct kvm_cpuid2 *cpuid)
{
    struct kvm_cpuid_entry2 *sizes = find(cpuid, 0x80000008);

    if (sizes)
        sizes->ecx &= ~0xf0ffu;
    apply_caches(topology, 4, cpuid);
    apply_cores(topology, cpuid);
}

void x86_topology_apply(const struct cpu_topology *topology, unsigned cpu, struct kvm_cpuid2 *cpuid)
{
    uint32_t id = x86_apic_id(topology, cpu);

    apply_features(topology, id, cpuid);
    apply_levels(topology, id, cpuid);
    if (is_amd(cpuid))
        apply_amd(topology, cpu, cpuid);
    else
        apply_intel(topology, cpuid);
}
