/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel loaders: any file as -kernel, beside an -initrd and -append of any length, in a guest with
 * little RAM, booted directly and read for firmware.
 *
 * An input is struct options' bytes, then the kernel. The guest's RAM ends where a page that cannot be
 * touched begins.
 */
#include "input.h"

#include <asm/bootparam.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot/firmware_kernel.h"
#include "boot/x86_boot.h"
#include "kvm/vm.h"
#include "kvm/x86_entry.h"
#include "layout/x86.h"

#define RAM_MIN (2 * MIB) /* as the machine demands */
#define RAM_STEP (64 * KIB)
#define RAM_MAX (RAM_MIN + 255 * RAM_STEP)
#define INITRD_MAX (20 * MIB)
#define RSDP UINT64_C(0xe0010)

/* The first bytes of an input. */
struct options {
    uint64_t ram;
    bool initrd;
    uint64_t initrd_size;
    size_t append_length;
    bool high_ram;
    bool cut; /* the file becomes shorter before it is loaded */
};

struct files {
    int kernel, initrd;
    char kernel_path[32], initrd_path[32];
};

/* KVM, as far as the map of guest memory uses it. */
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
    options.high_ram = flags & 2;
    options.cut = flags & 4;
    options.initrd_size = input_number(input) % INITRD_MAX;
    options.append_length = flags & 8 ? input_u16(input) + (size_t)(flags >> 4) : input_u8(input);
    return options;
}

static int make_file(const char *name, char path[32])
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    CHECK(fd >= 0);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

static void fill_file(int fd, const uint8_t *bytes, size_t size)
{
    CHECK(ftruncate(fd, 0) == 0);
    CHECK(pwrite(fd, bytes, size, 0) == (ssize_t)size);
}

/* All zeroes but for the last byte, which shows that all of it was loaded. */
static void fill_initrd(int fd, uint64_t size)
{
    CHECK(ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)size) == 0);
    if (size > 0)
        CHECK(pwrite(fd, "!", 1, (off_t)size - 1) == 1);
}

/* ---- What must hold ---- */

static void check_description(const struct boot *boot, const struct options *options, size_t kernel_size)
{
    CHECK(boot->format == KERNEL_BZIMAGE || boot->format == KERNEL_VMLINUX);
    CHECK(boot->pieces <= KERNEL_PIECES_MAX && boot->end <= options->ram);
    for (unsigned i = 0; i < boot->pieces; i++) {
        const struct kernel_piece *piece = &boot->piece[i];

        CHECK(piece->file_size <= piece->memory_size && piece->file_size <= kernel_size);
        CHECK(piece->file_offset <= kernel_size - piece->file_size);
        CHECK(piece->address >= X86_KERNEL_START && piece->address <= boot->end);
        CHECK(piece->memory_size <= boot->end - piece->address);
    }
}

/* Pieces may overlap, so only the last must be whole; nothing that is loaded after it touches it. */
static void check_loaded(const struct boot *boot, const struct options *options, const uint8_t *ram,
                         const uint8_t *kernel)
{
    const struct boot_params *params = (const void *)(ram + X86_BOOT_PARAMS);
    const struct kernel_piece *last = &boot->piece[boot->pieces - 1];

    CHECK(strlen((const char *)ram + X86_BOOT_CMDLINE) == options->append_length);
    if (boot->pieces > 0) {
        CHECK(memcmp(ram + last->address, kernel + last->file_offset, last->file_size) == 0);
        for (uint64_t i = last->file_size; i < last->memory_size; i++)
            CHECK(ram[last->address + i] == 0);
    }
    if (boot->format != KERNEL_BZIMAGE)
        return;
    /* Nothing of the file behind its header. */
    for (const uint8_t *at = (const void *)(&params->hdr + 1); at < (const uint8_t *)params->e820_table; at++)
        CHECK(*at == 0);
    CHECK(params->hdr.boot_flag == 0xaa55 && params->hdr.type_of_loader == 0xff);
    CHECK(params->hdr.cmd_line_ptr == X86_BOOT_CMDLINE && params->e820_entries > 0);
    CHECK(params->hdr.version < 0x20e || params->acpi_rsdp_addr == RSDP);
    if (options->initrd && options->initrd_size > 0) {
        uint64_t start = params->hdr.ramdisk_image;

        CHECK(params->hdr.ramdisk_size == options->initrd_size);
        CHECK(start >= boot->end && start + options->initrd_size <= options->ram);
        CHECK(ram[start + options->initrd_size - 1] == '!');
    }
}

static void load(const struct boot *boot, const struct options *options, struct input kernel, uint8_t *ram)
{
    struct guest_memory *map = guest_memory_create(NULL, NULL, 1);
    const struct boot_machine machine = {
        .memory = map,
        .low_ram_end = options->ram,
        .high_ram_size = options->high_ram ? GIB : 0,
        .rsdp = RSDP,
    };
    struct vcpu_entry entry;
    struct error error = { 0 };
    bool loaded;

    CHECK(map && guest_memory_add(map, 0, options->ram, ram, &error));
    loaded = boot_load(boot, &machine, &entry, &error);
    if (!loaded)
        CHECK(options->cut && error.text[0]);
    else if (!options->cut)
        check_loaded(boot, options, ram, kernel.at);
    guest_memory_destroy(map);
}

/* ---- The same file, for firmware to start ---- */

static void read_for_firmware(struct boot_config config, const struct options *options, const uint8_t *kernel)
{
    struct firmware_kernel read;
    struct error error = { 0 };
    struct boot boot;

    config.by_firmware = true;
    if (boot_open(&boot, &config, &error)) {
        CHECK(boot.format == KERNEL_BZIMAGE && !boot_is_direct(&boot));
        CHECK(firmware_kernel_read(&read, &boot, &error));
        CHECK(read.setup.size >= 1024 && read.setup.size + read.kernel.size == boot.kernel_size);
        CHECK(memcmp(read.kernel.bytes, kernel + read.setup.size, read.kernel.size) == 0);
        CHECK(memcmp(read.setup.bytes, kernel, 0x1f1) == 0);
        if (options->initrd && options->initrd_size > 0) {
            CHECK(read.initrd.size == options->initrd_size && read.initrd.bytes[read.initrd.size - 1] == '!');
            CHECK(read.initrd.address >= boot.end &&
                  read.initrd.address + options->initrd_size <= options->ram);
        }
        firmware_kernel_free(&read);
    } else {
        CHECK(error.text[0]);
    }
    boot_close(&boot);
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
    static char append[80 * KIB];
    static struct files files = { -1, -1, "", "" };
    static uint8_t *ram_end;
    struct input input = { data, size };
    struct options options = read_options(&input);
    const struct boot_config config = {
        .kernel = files.kernel_path,
        .initrd = options.initrd ? files.initrd_path : NULL,
        .cmdline = append,
        .ram_size = options.ram,
        .acpi = true,
    };
    struct error error = { 0 };
    struct boot boot;

    if (!ram_end) {
        ram_end = make_ram();
        files.kernel = make_file("kernel", files.kernel_path);
        files.initrd = make_file("initrd", files.initrd_path);
    }
    fill_file(files.kernel, input.at, input.left);
    fill_initrd(files.initrd, options.initrd_size);
    memset(append, 'a', options.append_length);
    append[options.append_length] = '\0';
    if (boot_open(&boot, &config, &error)) {
        check_description(&boot, &options, input.left);
        if (options.cut)
            CHECK(ftruncate(files.kernel, (off_t)(input.left / 2)) == 0);
        load(&boot, &options, input, ram_end - options.ram);
    } else {
        CHECK(error.text[0]);
    }
    boot_close(&boot);
    read_for_firmware(config, &options, input.at);
    return 0;
}
