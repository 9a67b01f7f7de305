/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt controller, processors and their topology in the tables of hotram/acpi_arm.h, byte by byte.
 */
#include "acpi_expect.h"

#include <hotram/acpi_arm.h>

static const struct hotram_acpi_gic_cpu cpus[] = {
    { .uid = 0, .node = 0, .mpidr = 0, .flags = HOTRAM_CPU_ENABLED },
    { .uid = 0x01020304,
      .node = 0x05060708,
      .mpidr = UINT64_C(0xff00112233),
      .flags = HOTRAM_CPU_ONLINE_CAPABLE },
    { .uid = 2, .node = 1, .mpidr = 0x101, .flags = 0 },
};

static const struct hotram_acpi_registers redistributors[] = {
    { .base = 0x080a0000, .length = 2 * HOTRAM_GICR_LENGTH },
    { .base = UINT64_C(0x1122330000), .length = HOTRAM_GICR_LENGTH },
};

static const uint64_t its[] = { 0x08080000, UINT64_C(0x1122440000) };

static const struct hotram_acpi_gic gic3 = {
    .version = 3,
    .distributor = UINT64_C(0x1008000000),
    .redistributors = redistributors,
    .redistributor_count = COUNT_OF(redistributors),
    .its = its,
    .its_count = COUNT_OF(its),
    .cpus = cpus,
    .cpu_count = COUNT_OF(cpus),
    .pmu_gsi = 23,
};

static const struct hotram_acpi_gic gic2 = {
    .version = 2,
    .distributor = 0x08000000,
    .cpu_interface = UINT64_C(0x1108010000),
    .cpus = cpus,
    .cpu_count = 1,
};

static const struct hotram_acpi_memory memory[] = {
    { .base = 0x40000000, .size = UINT64_C(0x1122334455), .node = 3, .flags = HOTRAM_SRAT_ENABLED },
};

#define CPU (HOTRAM_TOPOLOGY_LEAF | HOTRAM_TOPOLOGY_UID)

static const struct hotram_acpi_topology nodes[] = {
    { HOTRAM_TOPOLOGY_ROOT, 7, HOTRAM_TOPOLOGY_PACKAGE | HOTRAM_TOPOLOGY_UID | HOTRAM_TOPOLOGY_SAME },
    { 0, 0x99, 0 }, /* a core, whose uid is not valid */
    { 1, 0, CPU | HOTRAM_TOPOLOGY_THREAD },
    { 1, 0x01020304, CPU | HOTRAM_TOPOLOGY_THREAD },
    { 0, 2, CPU },
};

static enum hotram_status write_gic3(struct hotram_buffer *out)
{
    return hotram_acpi_madt_gic(out, &acpi_test_ids, &gic3);
}

static enum hotram_status write_gic2(struct hotram_buffer *out)
{
    return hotram_acpi_madt_gic(out, &acpi_test_ids, &gic2);
}

static const struct hotram_acpi_root_complex roots[] = { { 0, 64 }, { 0x0201, 48 } };
static const struct hotram_acpi_iort iort = { 2, roots, COUNT_OF(roots) };

static enum hotram_status write_iort(struct hotram_buffer *out)
{
    return hotram_acpi_iort(out, &acpi_test_ids, &iort);
}

static enum hotram_status write_srat(struct hotram_buffer *out)
{
    return hotram_acpi_srat_gic(out, &acpi_test_ids, cpus, COUNT_OF(cpus), memory, COUNT_OF(memory));
}

static enum hotram_status write_pptt(struct hotram_buffer *out)
{
    return hotram_acpi_pptt(out, &acpi_test_ids, nodes, COUNT_OF(nodes));
}

static void at_every_capacity_nothing_is_written_beyond_it(void **state)
{
    static const acpi_writer writers[] = { write_gic3, write_gic2, write_srat, write_pptt, write_iort };

    (void)state;
    acpi_expect_capacities(writers, COUNT_OF(writers));
}

/* clang-format off */
/* clang-format off */
static void madt_of_a_gicv3_has_redistributors_and_its(void **state)
{
    static const uint8_t body[] = {
        0, 0, 0, 0, 0, 0, 0, 0,
        /* GICD: id, base, interrupts from 0 on, version */
        0x0c, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x10, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0,
        /* GICC: number, uid, flags, parking, PMU; parked, base, GICV, GICH, VGIC, GICR; MPIDR, class, SPE */
        0x0b, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0x0b, 80, 0, 0, 1, 0, 0, 0, 4, 3, 2, 1, 8, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x33, 0x22, 0x11, 0, 0xff, 0, 0, 0, 0, 0, 0, 0,
        0x0b, 80, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        /* GICR: base, length */
        0x0e, 16, 0, 0, 0, 0, 0x0a, 0x08, 0, 0, 0, 0, 0, 0, 4, 0,
        0x0e, 16, 0, 0, 0, 0, 0x33, 0x22, 0x11, 0, 0, 0, 0, 0, 2, 0,
        /* ITS: id, base */
        0x0f, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x08, 0, 0, 0, 0, 0, 0, 0, 0,
        0x0f, 20, 0, 0, 1, 0, 0, 0, 0, 0, 0x44, 0x22, 0x11, 0, 0, 0, 0, 0, 0, 0,
    };

    (void)state;
    acpi_expect_table(write_gic3, "APIC", 5, body, sizeof body);
}

static void madt_of_a_gicv2_has_cpu_interfaces(void **state)
{
    static const uint8_t body[] = {
        0, 0, 0, 0, 0, 0, 0, 0,
        0x0c, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,
        0x0b, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x08, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    };

    (void)state;
    acpi_expect_table(write_gic2, "APIC", 5, body, sizeof body);
}

static void srat_lists_processors_by_uid(void **state)
{
    static const uint8_t body[] = {
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        3, 18, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        3, 18, 8, 7, 6, 5, 4, 3, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, /* online capable: counts */
        3, 18, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        1, 40, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0, 0,
        0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    };

    (void)state;
    acpi_expect_table(write_srat, "SRAT", 3, body, sizeof body);
}

static void pptt_has_each_node_behind_its_parent(void **state)
{
    static const uint8_t body[] = {
        0, 20, 0, 0, 0x13, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, /* at 36 */
        0, 20, 0, 0, 0, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   /* at 56 */
        0, 20, 0, 0, 0x0e, 0, 0, 0, 56, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 20, 0, 0, 0x0e, 0, 0, 0, 56, 0, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0,
        0, 20, 0, 0, 0x0a, 0, 0, 0, 36, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
    };

    (void)state;
    acpi_expect_table(write_pptt, "PPTT", 2, body, sizeof body);
}

static void iort_leads_each_root_complex_to_all_its(void **state)
{
    static const uint8_t body[] = {
        3, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0,
        /* ITS group: type, length, revision, mappings, where; count, ids */
        0, 28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
        /* root complex: the same; coherent, hints, flags; ATS, segment, address bits */
        2, 56, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 36, 0, 0, 0,
        1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0,
        /* first id, how many less one, becomes, where, flags */
        0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0,
        2, 56, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 36, 0, 0, 0,
        1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 2, 0, 0, 48, 0, 0, 0,
        0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 1, 2, 48, 0, 0, 0, 0, 0, 0, 0,
    };

    (void)state;
    acpi_expect_table(write_iort, "IORT", 0, body, sizeof body);
}

static void processors_are_in_a_container(void **state)
{
    static const uint8_t expected[] = {
        0x5b, 0x82, 0x48, 0x08, '\\', '.', '_', 'S', 'B', '_', 'C', 'P', '0', '0',
        8, '_', 'H', 'I', 'D', 13, 'A', 'C', 'P', 'I', '0', '0', '1', '0', 0, 8, '_', 'U', 'I', 'D', 10, 9,
        0x5b, 0x82, 26, 'C', '0', '0', '0',
        8, '_', 'H', 'I', 'D', 13, 'A', 'C', 'P', 'I', '0', '0', '0', '7', 0, 8, '_', 'U', 'I', 'D', 0,
        0x5b, 0x82, 37, 'C', '0', '0', '1', /* present, not enabled */
        8, '_', 'H', 'I', 'D', 13, 'A', 'C', 'P', 'I', '0', '0', '0', '7', 0,
        8, '_', 'U', 'I', 'D', 12, 4, 3, 2, 1, 8, '_', 'S', 'T', 'A', 10, 13,
        0x5b, 0x82, 33, 'C', '0', '0', '2', /* absent */
        8, '_', 'H', 'I', 'D', 13, 'A', 'C', 'P', 'I', '0', '0', '0', '7', 0,
        8, '_', 'U', 'I', 'D', 10, 2, 8, '_', 'S', 'T', 'A', 0,
    };
    const struct hotram_acpi_processors config = { "\\_SB.CP00", 9, cpus, COUNT_OF(cpus) };
    struct hotram_buffer out;
    struct hotram_aml aml;
    uint8_t data[256];

    (void)state;
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_processors(&aml, &config), HOTRAM_OK);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK);
    assert_int_equal(out.length, sizeof expected);
    assert_memory_equal(data, expected, sizeof expected);
}
/* clang-format on */

/* ---- Bad input ---- */

static void tables_refuse_missing_arguments(void **state)
{
    struct hotram_buffer out;

    (void)state;
    hotram_buffer_init(&out, NULL, 0);
    acpi_expect_argument(hotram_acpi_madt_gic(NULL, &acpi_test_ids, &gic3), &out);
    acpi_expect_argument(hotram_acpi_madt_gic(&out, NULL, &gic3), &out);
    acpi_expect_argument(hotram_acpi_madt_gic(&out, &acpi_test_ids, NULL), &out);
    acpi_expect_argument(hotram_acpi_srat_gic(NULL, &acpi_test_ids, NULL, 0, NULL, 0), &out);
    acpi_expect_argument(hotram_acpi_srat_gic(&out, NULL, NULL, 0, NULL, 0), &out);
    acpi_expect_argument(hotram_acpi_srat_gic(&out, &acpi_test_ids, NULL, 1, NULL, 0), &out);
    acpi_expect_argument(hotram_acpi_srat_gic(&out, &acpi_test_ids, NULL, 0, NULL, 1), &out);
    acpi_expect_argument(hotram_acpi_pptt(NULL, &acpi_test_ids, nodes, 1), &out);
    acpi_expect_argument(hotram_acpi_pptt(&out, NULL, nodes, 1), &out);
    acpi_expect_argument(hotram_acpi_pptt(&out, &acpi_test_ids, NULL, 1), &out);
}

static void empty_lists_may_be_null(void **state)
{
    const struct hotram_acpi_gic gic = { .version = 3 };
    struct hotram_buffer out;
    uint8_t data[512];

    (void)state;
    hotram_buffer_init(&out, data, sizeof data);
    assert_int_equal(hotram_acpi_madt_gic(&out, &acpi_test_ids, &gic), HOTRAM_OK);
    assert_int_equal(hotram_acpi_srat_gic(&out, &acpi_test_ids, NULL, 0, NULL, 0), HOTRAM_OK);
    assert_int_equal(hotram_acpi_pptt(&out, &acpi_test_ids, NULL, 0), HOTRAM_OK);
}

static void an_iort_has_an_its_and_addresses(void **state)
{
    static const struct hotram_acpi_root_complex bad[] = { { 0, 0 }, { 0, 65 } };
    const struct hotram_acpi_iort wrong[] = {
        { 0, roots, 1 },   { HOTRAM_ITS_MAX + 1, roots, 1 }, { 1, NULL, 1 }, { 1, &bad[0], 1 },
        { 1, &bad[1], 1 },
    };
    const struct hotram_acpi_iort most = { HOTRAM_ITS_MAX, NULL, 0 };
    struct hotram_buffer out;

    (void)state;
    hotram_buffer_init(&out, NULL, 0);
    acpi_expect_argument(hotram_acpi_iort(NULL, &acpi_test_ids, &iort), &out);
    acpi_expect_argument(hotram_acpi_iort(&out, NULL, &iort), &out);
    acpi_expect_argument(hotram_acpi_iort(&out, &acpi_test_ids, NULL), &out);
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        acpi_expect_argument(hotram_acpi_iort(&out, &acpi_test_ids, &wrong[i]), &out);
    assert_int_equal(hotram_acpi_iort(&out, &acpi_test_ids, &most), HOTRAM_E_BUFFER);
    assert_int_equal(out.length, 48 + 20 + 4 * HOTRAM_ITS_MAX);
}

static void refuse_gic(const struct hotram_acpi_gic *gic)
{
    struct hotram_buffer out;

    hotram_buffer_init(&out, NULL, 0);
    acpi_expect_argument(hotram_acpi_madt_gic(&out, &acpi_test_ids, gic), &out);
}

#define REFUSE_GIC(base, member, value) \
    do { \
        struct hotram_acpi_gic gic = (base); \
\
        gic.member = (value); \
        refuse_gic(&gic); \
    } while (0)

static void a_gic_has_the_parts_of_its_version(void **state)
{
    static const struct hotram_acpi_registers bad[] = {
        { 0x080a8000, 3 * HOTRAM_GICR_LENGTH }, /* not at 64 KiB */
        { 0x080a0000, 0 },
        { 0x080a0000, 3 * HOTRAM_GICR_LENGTH + 0x10000 },
        { 0x080a0000, 2 * HOTRAM_GICR_LENGTH }, /* for three processors */
    };

    (void)state;
    REFUSE_GIC(gic3, version, 1);
    REFUSE_GIC(gic3, version, 4);
    REFUSE_GIC(gic3, version, 2);
    REFUSE_GIC(gic2, version, 3);
    REFUSE_GIC(gic3, cpus, NULL);
    REFUSE_GIC(gic3, its, NULL);
    REFUSE_GIC(gic3, redistributors, NULL);
    REFUSE_GIC(gic3, redistributor_count, 1);
    REFUSE_GIC(gic3, redistributor_count, 0);
    REFUSE_GIC(gic3, cpu_interface, 0x08010000);
    REFUSE_GIC(gic2, cpu_interface, 0);
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        struct hotram_acpi_gic gic = gic3;

        gic.redistributors = &bad[i];
        gic.redistributor_count = 1;
        refuse_gic(&gic);
    }
}

static void a_gicv2_has_8_processors_and_no_its(void **state)
{
    static const struct hotram_acpi_gic_cpu nine[HOTRAM_GICV2_CPUS_MAX + 1];
    struct hotram_acpi_gic gic = gic2;
    struct hotram_buffer out;

    (void)state;
    gic.its = its;
    gic.its_count = 1;
    refuse_gic(&gic);
    gic = gic2;
    gic.cpus = nine;
    gic.cpu_count = HOTRAM_GICV2_CPUS_MAX + 1;
    refuse_gic(&gic);
    gic.cpu_count = HOTRAM_GICV2_CPUS_MAX;
    hotram_buffer_init(&out, NULL, 0);
    assert_int_equal(hotram_acpi_madt_gic(&out, &acpi_test_ids, &gic), HOTRAM_E_BUFFER);
    assert_int_equal(out.length, 44 + 24 + 8 * 80);
}

static void a_processor_is_enabled_or_online_capable_and_has_an_affinity(void **state)
{
    static const struct hotram_acpi_gic_cpu bad[] = {
        { .flags = HOTRAM_CPU_ENABLED | HOTRAM_CPU_ONLINE_CAPABLE },
        { .flags = 4 },
        { .mpidr = UINT64_C(0x80000000) },
        { .mpidr = UINT64_C(0x10000000000) },
        { .mpidr = UINT64_C(0x0001000000) },
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(bad); i++)
        REFUSE_GIC(gic3, cpus, ((struct hotram_acpi_gic_cpu[]){ cpus[0], cpus[1], bad[i] }));
}

static void a_topology_is_a_tree(void **state)
{
    static const struct hotram_acpi_topology bad[] = {
        { 5, 0, CPU },                                             /* its own parent */
        { 6, 0, CPU },                                             /* one that follows */
        { 4, 0, CPU },                                             /* a processor */
        { 0, 0, HOTRAM_TOPOLOGY_LEAF },                            /* without an id */
        { 0, 0, HOTRAM_TOPOLOGY_THREAD },                          /* no processor */
        { HOTRAM_TOPOLOGY_ROOT, 0, CPU | HOTRAM_TOPOLOGY_THREAD }, /* of no core */
        { 0, 0, CPU | 0x20 },
    };
    struct hotram_acpi_topology tree[COUNT_OF(nodes) + 1];
    struct hotram_buffer out;

    (void)state;
    hotram_buffer_init(&out, NULL, 0);
    memcpy(tree, nodes, sizeof nodes);
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        tree[COUNT_OF(nodes)] = bad[i];
        acpi_expect_argument(hotram_acpi_pptt(&out, &acpi_test_ids, tree, COUNT_OF(tree)), &out);
    }
}

static void a_topology_has_a_largest_size(void **state)
{
    struct hotram_acpi_topology *tree = calloc(HOTRAM_TOPOLOGY_NODES_MAX + 1, sizeof *tree);
    struct hotram_buffer out;

    (void)state;
    for (size_t i = 0; i <= HOTRAM_TOPOLOGY_NODES_MAX; i++)
        tree[i].parent = HOTRAM_TOPOLOGY_ROOT;
    hotram_buffer_init(&out, NULL, 0);
    acpi_expect_argument(hotram_acpi_pptt(&out, &acpi_test_ids, tree, HOTRAM_TOPOLOGY_NODES_MAX + 1), &out);
    assert_int_equal(hotram_acpi_pptt(&out, &acpi_test_ids, tree, HOTRAM_TOPOLOGY_NODES_MAX),
                     HOTRAM_E_BUFFER);
    assert_int_equal(out.length, 36 + 20 * (size_t)HOTRAM_TOPOLOGY_NODES_MAX);
    free(tree);
}

static void processors_refuse_what_is_missing_or_out_of_range(void **state)
{
    static const struct hotram_acpi_gic_cpu both = { .flags = HOTRAM_CPU_ENABLED |
                                                              HOTRAM_CPU_ONLINE_CAPABLE };
    static const struct hotram_acpi_processors bad[] = {
        { NULL, 0, cpus, 1 },
        { "\\_SB.CP00", 0, NULL, 1 },
        { "\\_SB.CP00", 0, &both, 1 },
        { "\\_SB.CP00", 0, cpus, HOTRAM_PROCESSORS_MAX + 1 },
    };
    struct hotram_acpi_processors wrong = { "cpus", 0, NULL, 0 };
    struct hotram_buffer out;
    struct hotram_aml aml;

    (void)state;
    hotram_buffer_init(&out, NULL, 0);
    hotram_aml_begin(&aml, &out);
    for (unsigned i = 0; i < COUNT_OF(bad); i++)
        acpi_expect_argument(hotram_acpi_processors(&aml, &bad[i]), &out);
    acpi_expect_argument(hotram_acpi_processors(NULL, &wrong), &out);
    acpi_expect_argument(hotram_acpi_processors(&aml, NULL), &out);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK); /* the writer went on */
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_processors(&aml, &wrong), HOTRAM_OK);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_E_ARGUMENT); /* "cpus" is no path */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_every_capacity_nothing_is_written_beyond_it),
        cmocka_unit_test(madt_of_a_gicv3_has_redistributors_and_its),
        cmocka_unit_test(madt_of_a_gicv2_has_cpu_interfaces),
        cmocka_unit_test(srat_lists_processors_by_uid),
        cmocka_unit_test(pptt_has_each_node_behind_its_parent),
        cmocka_unit_test(iort_leads_each_root_complex_to_all_its),
        cmocka_unit_test(an_iort_has_an_its_and_addresses),
        cmocka_unit_test(processors_are_in_a_container),
        cmocka_unit_test(tables_refuse_missing_arguments),
        cmocka_unit_test(empty_lists_may_be_null),
        cmocka_unit_test(a_gic_has_the_parts_of_its_version),
        cmocka_unit_test(a_gicv2_has_8_processors_and_no_its),
        cmocka_unit_test(a_processor_is_enabled_or_online_capable_and_has_an_affinity),
        cmocka_unit_test(a_topology_is_a_tree),
        cmocka_unit_test(a_topology_has_a_largest_size),
        cmocka_unit_test(processors_refuse_what_is_missing_or_out_of_range),
    };

    return cmocka_run_group_tests_name("acpi-gic", tests, NULL, NULL);
}
