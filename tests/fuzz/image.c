/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel loader of arm64: any file as -kernel, plain or compressed, beside an -initrd and -append of any
 * length, with and without ACPI, in a guest with little RAM.
 *
 * An input is struct options' bytes, then the kernel. The guest's RAM ends where a page that cannot be
 * touched begins.
 */
#include "input.h"

#include "../unit/chips.h"

#include <libfdt.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot/arm64_boot.h"
#include "kvm/arm64_entry.h"
#include "kvm/vm.h"
#include "layout/arm64.h"

#define RAM_MIN (2 * MIB)
#define RAM_STEP (64 * KIB)
#define RAM_MAX (RAM_MIN + 255 * RAM_STEP)
#define INITRD_MAX (20 * MIB)

/* The first bytes of an input. */
struct options {
    uint64_t ram;
    bool initrd;
    uint64_t initrd_size;
    size_t append_length;
    bool acpi;
    bool cut; /* the file becomes shorter before it is loaded */
    unsigned gic_version;
    uint32_t cpus;
};

static struct {
    int kernel, initrd;
    char kernel_path[32], initrd_path[32];
} files;

/* KVM, as far as the map of guest memory uses it. */
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

static struct options read_options(struct input *input)
{
    struct options options = { .ram = RAM_MIN + input_u8(input) * RAM_STEP };
    uint8_t flags = input_u8(input);

    options.initrd = flags & 1;
    options.acpi = flags & 2;
    options.cut = flags & 4;
    options.gic_version = flags & 16 ? 2 : 3;
    options.cpus = flags & 32 ? 8 : 1;
    options.initrd_size = input_number(input) % INITRD_MAX;
    options.append_length = flags & 8 ? input_u16(input) % 4096 : input_u8(input);
    return options;
}

static int make_file(const char *name, char path[32])
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    CHECK(fd >= 0);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

/* All zeroes but for the last byte, which shows that all of it was loaded. */
static void fill_initrd(uint64_t size)
{
    CHECK(ftruncate(files.initrd, 0) == 0 && ftruncate(files.initrd, (off_t)size) == 0);
    if (size > 0)
        CHECK(pwrite(files.initrd, "!", 1, (off_t)size - 1) == 1);
}

/* ---- What must hold ---- */

static void check_description(const struct boot *boot, const struct options *options, size_t kernel_size)
{
    const struct arm64_image *image = &boot->image;

    CHECK(boot->format == KERNEL_IMAGE && image->text_offset < 2 * MIB);
    CHECK(boot->entry == ARM64_RAM + 2 * MIB + image->text_offset);
    CHECK(image->size <= kernel_size && image->offset <= kernel_size - image->size);
    CHECK(image->gzip || image->size <= image->image_size);
    CHECK(boot->end <= ARM64_RAM + options->ram && boot->end - boot->entry == image->image_size);
}

/* Of /chosen: a number of 64 bits that has to be there. */
static uint64_t chosen_u64(const void *fdt, const char *name)
{
    int length;
    const void *value = fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), name, &length);

    CHECK(value && length == 8);
    return fdt64_ld(value);
}

static void check_loaded(const struct boot *boot, const struct options *options,
                         const struct vcpu_entry *entry, const uint8_t *ram, const uint8_t *kernel)
{
    const uint8_t *fdt = ram + (entry->x0 - ARM64_RAM);
    const char *cmdline;
    int length;

    CHECK(entry->pc == boot->entry && entry->x0 % 8 == 0 && entry->x0 >= boot->end);
    if (!boot->image.gzip)
        CHECK(memcmp(ram + (entry->pc - ARM64_RAM), kernel, boot->image.size) == 0);
    CHECK(fdt_check_full(fdt, ARM64_RAM + options->ram - entry->x0) == 0);
    cmdline = fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "bootargs", &length);
    CHECK(cmdline && (size_t)length == options->append_length + 1 && strlen(cmdline) + 1 == (size_t)length);
    if (options->initrd && options->initrd_size > 0) {
        uint64_t start = chosen_u64(fdt, "linux,initrd-start");
        uint64_t end = chosen_u64(fdt, "linux,initrd-end");

        CHECK(start >= entry->x0 + fdt_totalsize(fdt) && end - start == options->initrd_size);
        CHECK(end <= ARM64_RAM + options->ram && ram[end - 1 - ARM64_RAM] == '!');
    }
    if (options->acpi) {
        uint64_t system_table = chosen_u64(fdt, "linux,uefi-system-table");
        uint64_t address, size;

        boot_tables_area(boot, &address, &size);
        CHECK(address >= boot->end && address + size <= system_table && system_table < entry->x0);
        CHECK(memcmp(ram + (system_table - ARM64_RAM), "IBI SYST", 8) == 0);
    }
}

static void load(const struct boot *boot, const struct options *options, const uint8_t *kernel, uint8_t *ram)
{
    static const uint64_t mpidr[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    static const struct numa_config numa;
    struct guest_memory *map = guest_memory_create(NULL, NULL, 1);
    const struct boot_machine machine = {
        .memory = map,
        .rsdp = ARM64_RAM,
        .cpus = options->cpus,
        .mpidr = mpidr,
        .cores = 1,
        .threads = 1,
        .gic_version = options->gic_version,
        .numa = &numa,
        .board = arm64_board(),
    };
    struct vcpu_entry entry;
    struct error error = { 0 };
    bool loaded;

    CHECK(map && guest_memory_add(map, ARM64_RAM, options->ram, ram, &error));
    loaded = boot_load(boot, &machine, &entry, &error);
    if (!loaded)
        CHECK((options->cut || boot->image.gzip) && error.text[0]);
    else if (!options->cut)
        check_loaded(boot, options, &entry, ram, kernel);
    guest_memory_destroy(map);
}

/* ---- */

static uint8_t *make_ram(void)
{
    uint8_t *arena = mmap(NULL, RAM_MAX + 4 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                          0);

    CHECK(arena != MAP_FAILED && mprotect(arena + RAM_MAX, 4 * KIB, PROT_NONE) == 0);
    return arena + RAM_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char append[8 * KIB];
    static uint8_t *ram_end;
    struct input input = { data, size };
    struct options options = read_options(&input);
    struct boot_config config = { .cmdline = append, .ram_size = options.ram, .acpi = options.acpi };
    struct error error = { 0 };
    struct boot boot;

    if (!ram_end) {
        ram_end = make_ram();
        files.kernel = make_file("kernel", files.kernel_path);
        files.initrd = make_file("initrd", files.initrd_path);
    }
    CHECK(ftruncate(files.kernel, 0) == 0);
    CHECK(pwrite(files.kernel, input.at, input.left, 0) == (ssize_t)input.left);
    fill_initrd(options.initrd_size);
    memset(append, 'a', options.append_length);
    append[options.append_length] = '\0';
    config.kernel = files.kernel_path;
    config.initrd = options.initrd ? files.initrd_path : NULL;
    if (boot_open(&boot, &config, &error)) {
        check_description(&boot, &options, input.left);
        if (options.cut)
            CHECK(ftruncate(files.kernel, (off_t)(input.left / 2)) == 0);
        load(&boot, &options, input.at, ram_end - options.ram);
    } else {
        CHECK(error.text[0]);
    }
    boot_close(&boot);
    return 0;
}
