/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an arm64 guest finds in its memory: read back as its kernel reads it, by offsets from the
 * specifications.
 */
#include "../chips.h"
#include "../unit.h"

#include <libfdt.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arm64_kernel.h"
#include "boot/arm64_boot.h"
#include "kvm/arm64_entry.h"
#include "kvm/vm.h"
#include "layout/arm64.h"

#define RAM_SIZE (16 * MIB)
#define INITRD_SIZE 100001
#define CMDLINE "console=ttyAMA0 quiet"
#define RSDP UINT64_C(0x40310040)

static uint8_t *ram;
static struct bytes kernel, packed, file;
static uint8_t initrd[INITRD_SIZE];

/* What is to be booted, and what came of it. */
static struct {
    const struct bytes *kernel;
    bool acpi;
    bool its;
    bool no_initrd;
    uint64_t split; /* RAM is two objects, and the second begins here */
    int kernel_fd, initrd_fd;
    char kernel_path[32], initrd_path[32];
    struct guest_memory *map;
    struct boot boot;
    struct vcpu_entry entry;
    struct error error;
} now;

void vm_irq_line(const struct vm *vm, unsigned gsi, bool high)
{
    (void)vm, (void)gsi, (void)high;
}

bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *host, unsigned flags, struct error *error)
{
    (void)flags;
    (void)vm, (void)kvm_slot, (void)guest_address, (void)size, (void)host, (void)error;
    return true;
}

static int set_up(void **state)
{
    (void)state;
    if (!ram)
        ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(ram, 0xa5, RAM_SIZE);
    memset(initrd, 0x3c, sizeof initrd);
    initrd[0] = 1;
    initrd[INITRD_SIZE - 1] = 2;
    kernel_plain(&kernel);
    memset(&now, 0, sizeof now);
    now.kernel = &kernel;
    now.acpi = true;
    now.split = RAM_SIZE / 2;
    return ram == MAP_FAILED;
}

static void open_files(void)
{
    now.kernel_fd = file_of(now.kernel->at, now.kernel->size, now.kernel_path);
    now.initrd_fd = file_of(initrd, INITRD_SIZE, now.initrd_path);
}

static bool open_boot(uint64_t ram_size)
{
    const struct boot_config config = {
        .kernel = now.kernel_path,
        .initrd = now.no_initrd ? NULL : now.initrd_path,
        .cmdline = CMDLINE,
        .ram_size = ram_size,
        .acpi = now.acpi,
    };

    return boot_open(&now.boot, &config, &now.error);
}

static void map_ram(void)
{
    now.map = guest_memory_create(NULL, NULL, 2);
    assert_non_null(now.map);
    assert_non_null(guest_memory_add(now.map, ARM64_RAM, now.split, ram, NULL));
    assert_non_null(
        guest_memory_add(now.map, ARM64_RAM + now.split, RAM_SIZE - now.split, ram + now.split, NULL));
}

static bool load(void)
{
    static const uint64_t mpidr[] = { 0, 1 };
    static const struct numa_config no_nodes;
    const struct boot_machine machine = {
        .memory = now.map,
        .rsdp = RSDP,
        .its = now.its,
        .cpus = 2,
        .mpidr = mpidr,
        .cores = 1,
        .threads = 1,
        .gic_version = 3,
        .numa = &no_nodes,
        .board = arm64_board(),
    };

    return boot_load(&now.boot, &machine, &now.entry, &now.error);
}

static void start(void)
{
    open_files();
    if (!open_boot(RAM_SIZE))
        fail_msg("%s", now.error.text);
    map_ram();
    if (!load())
        fail_msg("%s", now.error.text);
}

static void clean_up(void)
{
    boot_close(&now.boot);
    guest_memory_destroy(now.map);
    close(now.kernel_fd);
    close(now.initrd_fd);
}

/* ---- reading as the guest does ---- */

static const uint8_t *at(uint64_t address, uint64_t size)
{
    assert_true(address >= ARM64_RAM && address - ARM64_RAM + size <= RAM_SIZE);
    return ram + (address - ARM64_RAM);
}

static uint64_t number(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    while (size-- > 0)
        value = value << 8 | bytes[size];
    return value;
}

static uint64_t u64_at(uint64_t address)
{
    return number(at(address, 8), 8);
}

static uint32_t u32_at(uint64_t address)
{
    return (uint32_t)number(at(address, 4), 4);
}

static const void *fdt(void)
{
    assert_int_equal(now.entry.x0 % 8, 0);
    return at(now.entry.x0, 4096);
}

static const void *property(const char *name, int expected)
{
    int length;
    int chosen = fdt_path_offset(fdt(), "/chosen");
    const void *value = fdt_getprop(fdt(), chosen, name, &length);

    if (!value || length != expected)
        fail_msg("%s: %d bytes", name, length);
    return value;
}

static uint64_t property_u64(const char *name)
{
    return fdt64_ld(property(name, 8));
}

static uint32_t property_u32(const char *name)
{
    return fdt32_ld(property(name, 4));
}

static uint64_t system_table(void)
{
    return property_u64("linux,uefi-system-table");
}

/* Of the configuration table with a GUID, or 0. */
static uint64_t configuration(const uint8_t guid[16])
{
    uint64_t count = u64_at(system_table() + 104);
    uint64_t entry = u64_at(system_table() + 112);

    for (uint64_t i = 0; i < count; i++, entry += 24)
        if (memcmp(at(entry, 24), guid, 16) == 0)
            return u64_at(entry + 16);
    return 0;
}

/* As IEEE 802.3 has it, a bit at a time. */
static uint32_t crc_of(const uint8_t *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* ---- kernel and initrd ---- */

static void check_kernel(void)
{
    uint64_t start = property_u64("linux,initrd-start");

    assert_memory_equal(at(now.entry.pc, KERNEL_BYTES), kernel.at, KERNEL_BYTES);
    assert_int_equal(property_u64("linux,initrd-end"), start + INITRD_SIZE);
    assert_memory_equal(at(start, INITRD_SIZE), initrd, INITRD_SIZE);
    assert_true(start >= now.entry.pc + KERNEL_MEMORY);
    assert_true(now.entry.x0 >= now.entry.pc + KERNEL_MEMORY);
    assert_true(now.entry.x0 + fdt_totalsize(fdt()) <= start);
    assert_string_equal(property("bootargs", sizeof CMDLINE), CMDLINE);
}

static void the_kernel_is_where_it_wants_to_be(void **state)
{
    (void)state;
    put_u64(&kernel, IMAGE_TEXT_OFFSET, 0x80000);
    start();
    assert_int_equal(now.entry.pc, ARM64_RAM + 2 * MIB + 0x80000);
    check_kernel();
    clean_up();
}

static void a_compressed_kernel_is_unpacked(void **state)
{
    (void)state;
    kernel_gzip(&kernel, &packed);
    now.kernel = &packed;
    start();
    check_kernel();
    clean_up();
    memset(ram, 0, RAM_SIZE);
    kernel_zboot(&packed, "gzip", &file);
    now.kernel = &file;
    start();
    check_kernel();
    clean_up();
}

/* An object may end in the middle of everything that is written. */
static void ram_of_several_objects(void **state)
{
    (void)state;
    for (uint64_t split = 2 * MIB; split < 4 * MIB; split += 20 * KIB) {
        memset(ram, 0, 4 * MIB);
        now.split = split;
        start();
        check_kernel();
        assert_int_equal(u64_at(system_table()), UINT64_C(0x5453595320494249));
        clean_up();
    }
}

static void what_is_behind_the_image_is_not_loaded(void **state)
{
    (void)state;
    put_u64(&kernel, IMAGE_SIZE, KERNEL_BYTES - 1);
    start();
    assert_memory_equal(at(now.entry.pc, KERNEL_BYTES), kernel.at, KERNEL_BYTES - 1);
    assert_int_equal(at(now.entry.pc, KERNEL_BYTES)[KERNEL_BYTES - 1], 0xa5);
    clean_up();
}

static void without_an_initrd(void **state)
{
    (void)state;
    now.no_initrd = true;
    start();
    assert_null(fdt_getprop(fdt(), fdt_path_offset(fdt(), "/chosen"), "linux,initrd-start", NULL));
    assert_null(fdt_getprop(fdt(), fdt_path_offset(fdt(), "/chosen"), "linux,initrd-end", NULL));
    clean_up();
}

/* ---- what it is told ---- */

static void the_stub_has_nothing_but_chosen(void **state)
{
    int depth = 0;
    unsigned nodes = 0;

    (void)state;
    start();
    assert_int_equal(fdt_check_full(fdt(), ARM64_FDT_STUB_SIZE), 0);
    for (int node = fdt_next_node(fdt(), -1, &depth); node >= 0; node = fdt_next_node(fdt(), node, &depth))
        nodes++;
    assert_int_equal(nodes, 2);
    assert_true(fdt_path_offset(fdt(), "/chosen") > 0);
    assert_int_equal(property_u32("linux,uefi-secure-boot"), 2);
    assert_int_equal(property_u32("linux,uefi-mmap-desc-size"), 48);
    assert_int_equal(property_u32("linux,uefi-mmap-desc-ver"), 1);
    assert_int_equal(fdt_num_mem_rsv(fdt()), 0);
    clean_up();
}

static void the_efi_system_table(void **state)
{
    static const char name[] = "hotram: direct boot, no firmware";
    char vendor[2 * sizeof name] = { 0 };
    uint8_t header[120];
    uint64_t table;

    (void)state;
    start();
    table = system_table();
    assert_memory_equal(at(table, 8), "IBI SYST", 8);
    assert_int_equal(u32_at(table + 8), 2 << 16 | 70);
    assert_int_equal(u32_at(table + 12), sizeof header);
    memcpy(header, at(table, sizeof header), sizeof header);
    memset(header + 16, 0, 4);
    assert_int_equal(u32_at(table + 16), crc_of(header, sizeof header));
    for (size_t i = 0; i < sizeof name; i++)
        vendor[2 * i] = name[i];
    assert_memory_equal(at(u64_at(table + 24), sizeof vendor), vendor, sizeof vendor);
    assert_int_equal(u64_at(table + 88), 0); /* runtime services */
    assert_int_equal(u64_at(table + 96), 0); /* boot services */
    clean_up();
}

static void the_efi_configuration_tables(void **state)
{
    static const uint8_t acpi[] = "\x71\xe8\x68\x88\xf1\xe4\xd3\x11\xbc\x22\x00\x80\xc7\x3c\x88\x81";
    static const uint8_t rt[] = "\x8a\x91\x66\xeb\xef\x7e\x2a\x40\x84\x2e\x93\x1d\x21\xc3\x8a\xe9";
    static const uint8_t memreserve[] = "\xc6\xb0\x8e\x88\xde\x8e\xf5\x4f\xa8\xf0\x9a\xee\x5c\xb9\x77\xc2";

    (void)state;
    start();
    assert_int_equal(configuration(acpi), RSDP);
    assert_memory_equal(at(configuration(rt), 8), "\1\0\x08\0\0\0\0\0", 8);
    assert_int_equal(configuration(memreserve), 0);
    assert_int_equal(u64_at(system_table() + 104), 2);
    clean_up();
    now.its = true;
    start();
    assert_memory_equal(at(configuration(memreserve), 16), (const uint8_t[16]){ 0 }, 16);
    assert_int_equal(configuration(acpi), RSDP);
    clean_up();
}

/* All of RAM once, by rising address; what the guest has to keep is one range, and all tables are in it. */
static void the_efi_memory_map(void **state)
{
    static const uint32_t types[] = { 7, 9, 7 };
    uint64_t expected = ARM64_RAM;
    uint64_t tables, tables_size, map, kept, kept_end;

    (void)state;
    start();
    map = property_u64("linux,uefi-mmap-start");
    assert_int_equal(property_u32("linux,uefi-mmap-size"), 3 * 48);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(u32_at(map + i * 48), types[i]);
        assert_int_equal(u64_at(map + i * 48 + 8), expected);
        assert_int_equal(u64_at(map + i * 48 + 32), 8); /* write-back */
        expected += u64_at(map + i * 48 + 24) * 4096;
    }
    assert_int_equal(expected, ARM64_RAM + RAM_SIZE);

    kept = u64_at(map + 48 + 8);
    kept_end = u64_at(map + 96 + 8);
    assert_int_equal(kept % (64 * KIB), 0);
    assert_int_equal(kept_end % (64 * KIB), 0);
    boot_tables_area(&now.boot, &tables, &tables_size);
    assert_int_equal(tables, kept);
    assert_true(tables_size >= 128 * KIB);
    assert_true(system_table() >= tables + tables_size && system_table() + EFI_HANDOFF_SIZE <= kept_end);
    assert_true(map >= system_table() && map + sizeof types / 4 * 48 <= kept_end);
    assert_true(kept >= now.entry.pc + KERNEL_MEMORY && kept_end <= now.entry.x0);
    clean_up();
}

/* The area for ACPI tables is nobody else's. */
static void the_tables_area_is_left_alone(void **state)
{
    uint64_t address, size;

    (void)state;
    start();
    boot_tables_area(&now.boot, &address, &size);
    for (uint64_t i = 0; i < size; i++)
        assert_int_equal(at(address, size)[i], 0xa5);
    clean_up();
}

static void a_reset_loads_all_of_it_again(void **state)
{
    static uint8_t before[4 * MIB];
    uint64_t seed;
    uint8_t rng[32];

    (void)state;
    start();
    memcpy(before, ram, sizeof before);
    seed = property_u64("kaslr-seed");
    memcpy(rng, property("rng-seed", 32), 32);
    memset(ram, 0xa5, RAM_SIZE);
    assert_true(load());
    check_kernel();
    assert_int_not_equal(property_u64("kaslr-seed"), seed);
    assert_memory_not_equal(property("rng-seed", 32), rng, 32);
    /* But for the seeds it is what it was. */
    memcpy((void *)property("rng-seed", 32), rng, 32);
    fdt64_st((void *)property("kaslr-seed", 8), seed);
    assert_memory_equal(ram, before, sizeof before);
    clean_up();
}

static void without_acpi_the_tree_is_whole(void **state)
{
    (void)state;
    now.acpi = false;
    start();
    check_kernel();
    assert_int_equal(fdt_check_full(fdt(), ARM64_FDT_SIZE), 0);
    assert_null(fdt_getprop(fdt(), fdt_path_offset(fdt(), "/chosen"), "linux,uefi-system-table", NULL));
    assert_true(fdt_path_offset(fdt(), "/cpus/cpu@1") > 0);
    assert_true(fdt_path_offset(fdt(), "/psci") > 0);
    clean_up();
}

/* ---- what cannot be ---- */

static void expect_problem(bool good, const char *problem)
{
    if (good != !problem)
        fail_msg("good: %d, '%s'", good, now.error.text);
    if (problem && !strstr(now.error.text, problem))
        fail_msg("'%s' lacks '%s'", now.error.text, problem);
}

static void expect_open(uint64_t ram_size, const char *problem)
{
    expect_problem(open_boot(ram_size), problem);
    boot_close(&now.boot);
}

static void ram_that_is_too_small(void **state)
{
    /* 2 MiB, the Image, 256 KiB of tables, 64 KiB of device tree; the initrd, on a multiple of 64 KiB. */
    const uint64_t least = 2 * MIB + KERNEL_MEMORY + 256 * KIB + 64 * KIB;

    (void)state;
    open_files();
    expect_open(2 * MIB, "needs 3 MiB of RAM, but the guest has 2 MiB; increase -m");
    expect_open(least + 128 * KIB, NULL);
    expect_open(least + 128 * KIB - 1,
                "of 100001 bytes does not fit beside the kernel, which needs 3392 KiB");
    expect_open(least, "use -m with at least 3520 KiB");
    now.no_initrd = true;
    expect_open(least, NULL);
    expect_open(least - 1, "not enough for the kernel and its boot data; at least 3392 KiB");
    strcpy(now.kernel_path, "/nowhere");
    expect_open(least, "-kernel '/nowhere': No such file or directory");
    clean_up();
}

static void nothing_to_boot(void **state)
{
    struct boot_config config = { .ram_size = 3 * MIB, .acpi = true };
    uint64_t address, size;

    (void)state;
    expect_problem(boot_open(&now.boot, &config, &now.error), NULL);
    assert_int_equal(now.boot.format, KERNEL_NONE);
    boot_tables_area(&now.boot, &address, &size);
    assert_int_equal(address, ARM64_RAM + 2 * MIB);
    boot_close(&now.boot);
    config.ram_size = 2 * MIB;
    expect_problem(boot_open(&now.boot, &config, &now.error),
                   "-m: 2 MiB of RAM is not enough for a machine; at least 2368 KiB is required");
    boot_close(&now.boot);
}

static void the_command_line_has_a_limit(void **state)
{
    char cmdline[2049];
    struct boot_config config = { .ram_size = RAM_SIZE, .acpi = true, .cmdline = cmdline };

    (void)state;
    open_files();
    config.kernel = now.kernel_path;
    memset(cmdline, 'a', sizeof cmdline);
    cmdline[2047] = '\0';
    expect_problem(boot_open(&now.boot, &config, &now.error), NULL);
    map_ram();
    expect_problem(load(), NULL);
    assert_string_equal(property("bootargs", 2048), cmdline);
    boot_close(&now.boot);
    cmdline[2047] = 'a';
    cmdline[2048] = '\0';
    expect_problem(boot_open(&now.boot, &config, &now.error),
                   "-append is 2048 bytes long; the limit of an arm64 kernel is 2047");
    clean_up();
}

/* Kernel and initrd lie in 32 GiB. These files have holes, and nothing of them is loaded. */
static void a_huge_initrd(void **state)
{
    const uint64_t before = 2 * MIB + KERNEL_MEMORY + 256 * KIB + 64 * KIB;
    const uint64_t most = 32 * GIB - before;

    (void)state;
    open_files();
    assert_int_equal(ftruncate(now.initrd_fd, (off_t)most), 0);
    expect_open(64 * GIB, NULL);
    assert_int_equal(ftruncate(now.initrd_fd, (off_t)most + 1), 0);
    expect_open(64 * GIB, "above the start of RAM; Linux requires it to end at most 32 GiB above");
    expect_open(8 * GIB, "does not fit beside the kernel");
    assert_int_equal(ftruncate(now.initrd_fd, INT64_MAX), 0);
    expect_open(UINT64_C(1) << 48, "Linux accepts less than 32 GiB");
    clean_up();
}

static void files_that_become_shorter(void **state)
{
    (void)state;
    start();
    assert_int_equal(ftruncate(now.initrd_fd, INITRD_SIZE - 1), 0);
    expect_problem(load(), "-initrd '/proc/self/fd/");
    assert_int_equal(ftruncate(now.kernel_fd, KERNEL_BYTES - 1), 0);
    expect_problem(load(), "cannot be loaded at 0x40200000: was the file truncated?");
    clean_up();
    kernel_gzip(&kernel, &packed);
    now.kernel = &packed;
    start();
    assert_int_equal(ftruncate(now.kernel_fd, 1000), 0);
    expect_problem(load(), "cannot be unpacked: it cannot be read, or was truncated");
    clean_up();
}

static void load_broken(const struct bytes *broken, const char *problem)
{
    now.kernel = broken;
    open_files();
    expect_problem(open_boot(RAM_SIZE), NULL);
    map_ram();
    expect_problem(load(), problem);
    clean_up();
}

static void gzip_that_is_broken(void **state)
{
    (void)state;
    kernel_gzip(&kernel, &packed);
    packed.size--;
    load_broken(&packed, "cannot be unpacked: unexpected end of data");
    packed.size++;
    packed.at[packed.size - 8] ^= 1; /* checksum */
    load_broken(&packed, "cannot be unpacked: incorrect data check");
    put_u64(&kernel, IMAGE_SIZE, KERNEL_BYTES - 1);
    kernel_gzip(&kernel, &packed);
    load_broken(&packed, "unpacks to more than the 299999 bytes that its header announces");
}

static void no_memory_there(void **state)
{
    (void)state;
    open_files();
    assert_true(open_boot(RAM_SIZE));
    now.map = guest_memory_create(NULL, NULL, 1);
    expect_problem(load(), "cannot be loaded at 0x40200000");
    /* Room for kernel and initrd, and for nothing else. */
    assert_non_null(guest_memory_add(now.map, ARM64_RAM, 3 * MIB, ram, NULL));
    expect_problem(load(), "-initrd '/proc/self/fd/");
    boot_close(&now.boot);
    now.no_initrd = true;
    assert_true(open_boot(RAM_SIZE));
    expect_problem(load(), "there is no RAM for the EFI tables at 0x4033f000");
    boot_close(&now.boot);
    now.acpi = false;
    assert_true(open_boot(RAM_SIZE));
    expect_problem(load(), "there is no RAM for the device tree at 0x40300000");
    clean_up();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_kernel_is_where_it_wants_to_be, set_up),
        cmocka_unit_test_setup(a_compressed_kernel_is_unpacked, set_up),
        cmocka_unit_test_setup(ram_of_several_objects, set_up),
        cmocka_unit_test_setup(what_is_behind_the_image_is_not_loaded, set_up),
        cmocka_unit_test_setup(without_an_initrd, set_up),
        cmocka_unit_test_setup(the_stub_has_nothing_but_chosen, set_up),
        cmocka_unit_test_setup(the_efi_system_table, set_up),
        cmocka_unit_test_setup(the_efi_configuration_tables, set_up),
        cmocka_unit_test_setup(the_efi_memory_map, set_up),
        cmocka_unit_test_setup(the_tables_area_is_left_alone, set_up),
        cmocka_unit_test_setup(a_reset_loads_all_of_it_again, set_up),
        cmocka_unit_test_setup(without_acpi_the_tree_is_whole, set_up),
        cmocka_unit_test_setup(ram_that_is_too_small, set_up),
        cmocka_unit_test_setup(nothing_to_boot, set_up),
        cmocka_unit_test_setup(the_command_line_has_a_limit, set_up),
        cmocka_unit_test_setup(a_huge_initrd, set_up),
        cmocka_unit_test_setup(files_that_become_shorter, set_up),
        cmocka_unit_test_setup(gzip_that_is_broken, set_up),
        cmocka_unit_test_setup(no_memory_there, set_up),
    };

    return cmocka_run_group_tests_name("arm64_boot", tests, NULL, NULL);
}
