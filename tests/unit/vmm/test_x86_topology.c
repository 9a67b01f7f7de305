/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUID's leaves of topology, from the lists that KVM gives on hosts old and new of both vendors, decoded as
 * Linux does (arch/x86/kernel/cpu/topology.c, amd.c, cacheinfo.c): every CPU is where the configuration says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kvm/x86_topology.h"

#define ROOM 64
#define INDEXED KVM_CPUID_FLAG_SIGNIFCANT_INDEX

struct host {
    const char *name;
    bool amd;
    struct kvm_cpuid_entry2 entries[24];
};

#define INTEL .ebx = 0x756e6547, .edx = 0x49656e69, .ecx = 0x6c65746e
#define AMD .ebx = 0x68747541, .edx = 0x69746e65, .ecx = 0x444d4163
/* Leaf 4 and 0x8000001d: type, level and sharing in eax; the rest is the cache's own. */
#define CACHE(leaf, number, kind, level, rest) \
    { \
        .function = leaf, .index = number, .flags = INDEXED, .eax = (rest) | (level) << 5 | (kind), \
        .ebx = 0x01c0003f, .ecx = 63 \
    }

/* Until Linux 6.1, KVM handed on what the host's own processor says: here four cores with two threads each.
 */
static const struct host hosts[] = {
    { "Intel, old KVM",
      false,
      { { .function = 0, .eax = 0x16, INTEL },
        { .function = 1, .eax = 0x000506e3, .ebx = 0x05100800, .ecx = 0x77faf3ff, .edx = 0xbfebfbff },
        CACHE(4, 0, 1, 1u, 0x1c004100),
        CACHE(4, 1, 2, 1u, 0x1c004100),
        CACHE(4, 2, 3, 2u, 0x1c004100),
        CACHE(4, 3, 3, 3u, 0x1c03c100),
        { .function = 4, .index = 4, .flags = INDEXED },
        { .function = 0xb, .index = 0, .flags = INDEXED, .eax = 1, .ebx = 2, .ecx = 0x100, .edx = 5 },
        { .function = 0xb, .index = 1, .flags = INDEXED, .eax = 4, .ebx = 8, .ecx = 0x201, .edx = 5 },
        { .function = 0xb, .index = 2, .flags = INDEXED, .ecx = 2, .edx = 5 },
        { .function = 0x80000000, .eax = 0x80000008 },
        { .function = 0x80000001, .ecx = 0x121, .edx = 0x2c100800 },
        { .function = 0x80000008, .eax = 0x3027 } } },
    { "Intel with dies, old KVM",
      false,
      { { .function = 0, .eax = 0x1f, INTEL },
        { .function = 1, .eax = 0x000606a6, .ebx = 0x07400800, .ecx = 0x77fefbff, .edx = 0xbfebfbff },
        CACHE(4, 0, 1, 1u, 0xfc004100),
        CACHE(4, 2, 3, 2u, 0xfc004100),
        CACHE(4, 3, 3, 3u, 0xfc0fc100),
        { .function = 0xb, .index = 0, .flags = INDEXED, .eax = 1, .ebx = 2, .ecx = 0x100, .edx = 7 },
        { .function = 0xb, .index = 1, .flags = INDEXED, .eax = 7, .ebx = 64, .ecx = 0x201, .edx = 7 },
        { .function = 0x1f, .index = 0, .flags = INDEXED, .eax = 1, .ebx = 2, .ecx = 0x100, .edx = 7 },
        { .function = 0x1f, .index = 1, .flags = INDEXED, .eax = 6, .ebx = 32, .ecx = 0x201, .edx = 7 },
        { .function = 0x1f, .index = 2, .flags = INDEXED, .eax = 7, .ebx = 64, .ecx = 0x502, .edx = 7 },
        { .function = 0x80000000, .eax = 0x80000008 },
        { .function = 0x80000001, .ecx = 0x121, .edx = 0x2c100800 },
        { .function = 0x80000008, .eax = 0x3934 } } },
    { "Intel, KVM that gives no topology",
      false,
      { { .function = 0, .eax = 0x1f, INTEL },
        { .function = 1, .eax = 0x000606a6, .ebx = 0x00040800, .ecx = 0xfffab223, .edx = 0x0f8bfbff },
        CACHE(4, 0, 1, 1u, 0x04000100),
        CACHE(4, 1, 2, 1u, 0x04000100),
        CACHE(4, 2, 3, 2u, 0x04000100),
        CACHE(4, 3, 3, 3u, 0x04004100),
        { .function = 0xb, .index = 0, .flags = INDEXED },
        { .function = 0x1f, .index = 0, .flags = INDEXED },
        { .function = 0x80000000, .eax = 0x80000008 },
        { .function = 0x80000001, .ecx = 0x121, .edx = 0x2c100800 },
        { .function = 0x80000008, .eax = 0x302e } } },
    { "AMD with TOPOEXT",
      true,
      { { .function = 0, .eax = 0x10, AMD },
        { .function = 1, .eax = 0x00800f12, .ebx = 0x09100800, .ecx = 0xfef83203, .edx = 0x178bfbff },
        { .function = 0xb, .index = 0, .flags = INDEXED, .eax = 1, .ebx = 2, .ecx = 0x100, .edx = 9 },
        { .function = 0xb, .index = 1, .flags = INDEXED, .eax = 4, .ebx = 16, .ecx = 0x201, .edx = 9 },
        { .function = 0x80000000, .eax = 0x8000001f },
        { .function = 0x80000001, .ecx = 0x004003f3, .edx = 0x2fd3fbff },
        { .function = 0x80000008, .eax = 0x3030, .ecx = 0x400f },
        CACHE(0x8000001d, 0, 1, 1u, 0x4100),
        CACHE(0x8000001d, 1, 2, 1u, 0x4100),
        CACHE(0x8000001d, 2, 3, 2u, 0x4100),
        CACHE(0x8000001d, 3, 3, 3u, 0x1c100),
        { .function = 0x8000001e, .eax = 9, .ebx = 0x104, .ecx = 0x300 } } },
    { "AMD as QEMU emulates it: leaves, but no TOPOEXT",
      true,
      { { .function = 0, .eax = 0xd, AMD },
        { .function = 1, .eax = 0x00800f12, .ebx = 0x00000800, .ecx = 0x76f83203, .edx = 0x078bfbfd },
        { .function = 0xb, .index = 0, .flags = INDEXED },
        { .function = 0x80000000, .eax = 0x80000021 },
        { .function = 0x80000001, .ecx = 0x00000075, .edx = 0x2dd3fbfd },
        { .function = 0x80000008, .eax = 0x3028, .ebx = 0x02000000 },
        CACHE(0x8000001d, 0, 1, 1u, 0x100),
        CACHE(0x8000001d, 1, 2, 1u, 0x100),
        CACHE(0x8000001d, 2, 3, 2u, 0),
        CACHE(0x8000001d, 3, 3, 3u, 0x100),
        { .function = 0x8000001e } } },
    { "AMD without TOPOEXT",
      true,
      { { .function = 0, .eax = 0xd, AMD },
        { .function = 1, .eax = 0x00600f12, .ebx = 0x00000800, .ecx = 0x82d82203, .edx = 0x078bfbff },
        { .function = 0x80000000, .eax = 0x8000000a },
        { .function = 0x80000001, .ecx = 0x00000013, .edx = 0x2fd3fbff },
        { .function = 0x80000008, .eax = 0x3028, .ecx = 0 } } },
};

/* ---- Linux's side ---- */

static const struct kvm_cpuid_entry2 *leaf(const struct kvm_cpuid2 *list, uint32_t function, uint32_t index)
{
    for (uint32_t i = 0; i < list->nent; i++)
        if (list->entries[i].function == function &&
            (list->entries[i].index == index || !(list->entries[i].flags & INDEXED)))
            return &list->entries[i];
    return NULL;
}

struct place {
    uint32_t id;
    uint32_t package;
    uint32_t core; /* number that is the package's own */
};

/* detect_extended_topology() */
static bool by_levels(const struct kvm_cpuid2 *list, uint32_t function, struct place *place)
{
    const struct kvm_cpuid_entry2 *first = leaf(list, function, 0);
    unsigned smt, package;

    if (!first || !first->ebx || (first->ecx >> 8 & 0xff) != 1)
        return false;
    smt = package = first->eax & 0x1f;
    for (uint32_t index = 1;; index++) {
        const struct kvm_cpuid_entry2 *level = leaf(list, function, index);

        if (!level || (level->ecx >> 8 & 0xff) == 0)
            break;
        assert_int_equal(level->edx, first->edx);
        package = level->eax & 0x1f;
    }
    *place = (struct place){ first->edx, first->edx >> package, (first->edx & ((1u << package) - 1)) >> smt };
    return true;
}

/* Of AMD's processors Linux reads neither 0x8000001e nor 0xb without this bit (init_amd(),
 * parse_topology_amd()). */
static bool has_topoext(const struct kvm_cpuid2 *list)
{
    return leaf(list, 0x80000001, 0)->ecx & 1u << 22;
}

/* The initial APIC id, and cores by leaf 4 (Intel) or 0x80000008 and 0x8000001e (AMD). */
static struct place by_legacy(const struct kvm_cpuid2 *list, bool amd)
{
    struct place place = { .id = leaf(list, 1, 0)->ebx >> 24 };
    uint32_t sizes = leaf(list, 0x80000008, 0)->ecx;
    const struct kvm_cpuid_entry2 *extended = amd && has_topoext(list) ? leaf(list, 0x8000001e, 0) : NULL;
    unsigned bits = sizes >> 12 & 0xf;

    if (!amd) {
        uint32_t siblings = leaf(list, 1, 0)->ebx >> 16 & 0xff;
        uint32_t cores = (leaf(list, 4, 0)->eax >> 26) + 1;
        unsigned core_bits = 0;

        for (bits = 0; (1u << bits) < siblings; bits++)
            ;
        while ((1u << core_bits) < cores)
            core_bits++;
        assert_true(core_bits <= bits);
        place.package = place.id >> bits;
        place.core = (place.id & ((1u << bits) - 1)) >> (bits - core_bits);
        return place;
    }
    if (bits == 0)
        while ((1u << bits) < (sizes & 0xff) + 1)
            bits++;
    place.package = place.id >> bits;
    place.core = place.id & ((1u << bits) - 1);
    if (extended) {
        assert_int_equal(extended->eax, place.id);
        place.core = extended->ebx & 0xff;
    }
    return place;
}

/* CPUs that share a cache: those whose ids differ only in so many low bits. */
static unsigned sharing_bits(const struct kvm_cpuid_entry2 *cache)
{
    uint32_t count = (cache->eax >> 14 & 0xfff) + 1;
    unsigned bits = 0;

    while ((1u << bits) < count)
        bits++;
    return bits;
}

/* ---- the test ---- */

struct machine {
    struct cpu_topology topology;
    unsigned cpus;
    struct kvm_cpuid2 *list[64];
};

static struct kvm_cpuid2 *list_of(struct machine *machine, unsigned cpu)
{
    return machine->list[cpu];
}

static void allocate(struct machine *machine)
{
    for (unsigned cpu = 0; cpu < 64; cpu++) {
        machine->list[cpu] = calloc(1, sizeof **machine->list + ROOM * sizeof(struct kvm_cpuid_entry2));
        assert_non_null(machine->list[cpu]);
    }
}

static void release(struct machine *machine)
{
    for (unsigned cpu = 0; cpu < 64; cpu++)
        free(machine->list[cpu]);
}

static void build(struct machine *machine, const struct host *host)
{
    for (unsigned cpu = 0; cpu < machine->cpus; cpu++) {
        struct kvm_cpuid2 *list = list_of(machine, cpu);
        uint32_t before;

        list->nent = 0;
        while (host->entries[list->nent].function || host->entries[list->nent].eax) {
            list->entries[list->nent] = host->entries[list->nent];
            list->nent++;
        }
        before = list->nent;
        x86_topology_apply(&machine->topology, cpu, list);
        assert_true(list->nent <= before + X86_TOPOLOGY_ENTRIES);
    }
}

static struct place place_of(struct machine *machine, const struct host *host, unsigned cpu)
{
    struct kvm_cpuid2 *list = list_of(machine, cpu);
    struct place legacy = by_legacy(list, host->amd);
    struct place place;

    if ((!host->amd || has_topoext(list)) && by_levels(list, 0xb, &place)) {
        struct place newer;

        assert_int_equal(place.id, legacy.id);
        assert_int_equal(place.package, legacy.package);
        if (by_levels(list, 0x1f, &newer))
            assert_memory_equal(&newer, &place, sizeof place);
        return place;
    }
    return legacy;
}

static void check_caches(struct machine *machine, unsigned a, unsigned b, bool same_core, bool same_package)
{
    static const uint32_t functions[] = { 4, 0x8000001d };
    uint32_t differ = x86_apic_id(&machine->topology, a) ^ x86_apic_id(&machine->topology, b);

    for (unsigned f = 0; f < 2; f++)
        for (uint32_t index = 0; index < 4; index++) {
            const struct kvm_cpuid_entry2 *cache = leaf(list_of(machine, a), functions[f], index);

            if (!cache || !(cache->eax & 0x1f))
                continue;
            assert_int_equal(differ >> sharing_bits(cache) == 0,
                             (cache->eax >> 5 & 7) <= 2 ? same_core : same_package);
        }
}

static void check(struct machine *machine, const struct host *host)
{
    const unsigned threads = machine->topology.threads;
    const unsigned package = machine->topology.cores * threads;
    /* Of AMD's processors only those so old that the leaf does not exist show threads as cores. */
    const bool knows_threads = !host->amd || leaf(list_of(machine, 0), 0x80000000, 0)->eax >= 0x8000001e;

    for (unsigned a = 0; a < machine->cpus; a++) {
        struct place one = place_of(machine, host, a);

        assert_int_equal(one.id, x86_apic_id(&machine->topology, a));
        assert_int_equal(!!(leaf(list_of(machine, a), 1, 0)->edx & 1u << 28), package > 1);
        for (unsigned b = 0; b < a; b++) {
            struct place other = place_of(machine, host, b);
            bool same_package = a / package == b / package;
            bool same_core = a / threads == b / threads;

            assert_int_not_equal(one.id, other.id);
            assert_int_equal(one.package == other.package, same_package);
            if (same_package && knows_threads)
                assert_int_equal(one.core == other.core, same_core);
            check_caches(machine, a, b, same_core, same_package);
        }
    }
}

static void every_cpu_is_where_the_configuration_says(void **state)
{
    struct machine machine;

    (void)state;
    allocate(&machine);
    for (size_t h = 0; h < sizeof hosts / sizeof *hosts; h++)
        for (unsigned threads = 1; threads <= 3; threads++)
            for (unsigned cores = 1; cores <= 9; cores++)
                for (unsigned sockets = 1; sockets <= 5 && sockets * cores * threads <= 64; sockets++) {
                    machine.topology = (struct cpu_topology){ cores, threads };
                    machine.cpus = sockets * cores * threads;
                    build(&machine, &hosts[h]);
                    check(&machine, &hosts[h]);
                }
    release(&machine);
}

/* What the host's own topology was is nowhere to be seen: the same configuration gives the same leaves on an
 * old and on a new KVM. */
static void the_hosts_topology_does_not_show(void **state)
{
    struct machine old, new;

    (void)state;
    allocate(&old);
    allocate(&new);
    old.topology = new.topology = (struct cpu_topology){ 3, 2 };
    old.cpus = new.cpus = 12;
    build(&old, &hosts[1]);
    build(&new, &hosts[2]);
    for (unsigned cpu = 0; cpu < 12; cpu++)
        for (uint32_t function = 0xb; function <= 0x1f; function += 0x1f - 0xb)
            for (uint32_t index = 0; index < 4; index++) {
                const struct kvm_cpuid_entry2 *a = leaf(list_of(&old, cpu), function, index);
                const struct kvm_cpuid_entry2 *b = leaf(list_of(&new, cpu), function, index);

                assert_int_equal(a == NULL, b == NULL);
                if (a)
                    assert_memory_equal(a, b, sizeof *a);
            }
    release(&old);
    release(&new);
}

/* TOPOEXT is the host's where there are no threads: without it Linux reads about caches elsewhere. */
static void cores_alone_need_no_leaf_of_threads(void **state)
{
    struct machine machine;

    (void)state;
    allocate(&machine);
    for (unsigned threads = 1; threads <= 2; threads++)
        for (size_t h = 0; h < sizeof hosts / sizeof *hosts; h++) {
            bool own;

            if (!hosts[h].amd)
                continue;
            machine.topology = (struct cpu_topology){ 2, threads };
            machine.cpus = 2 * threads;
            build(&machine, &hosts[h]);
            own = strcmp(hosts[h].name, "AMD with TOPOEXT") == 0;
            assert_int_equal(
                has_topoext(list_of(&machine, 0)),
                own || (threads > 1 && leaf(list_of(&machine, 0), 0x80000000, 0)->eax >= 0x8000001e));
            assert_int_equal(leaf(list_of(&machine, 0), 0x8000001e, 0) != NULL,
                             has_topoext(list_of(&machine, 0)));
        }
    release(&machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cpu_is_where_the_configuration_says),
        cmocka_unit_test(the_hosts_topology_does_not_show),
        cmocka_unit_test(cores_alone_need_no_leaf_of_threads),
    };

    return cmocka_run_group_tests_name("x86-topology", tests, NULL, NULL);
}
