/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/arm64_boot.h"

#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/props.h"
#include "kvm/arm64_entry.h"
#include "layout/arm64.h"

#define IMAGE_ALIGN (2 * MIB) /* of what text_offset is added to */
#define IMAGE_BASE (ARM64_RAM + IMAGE_ALIGN)
/* The largest page of a guest: so nothing here shares one with anything else. */
#define ALIGN (64 * KIB)
/* ACPI tables, and behind them the EFI tables: one range, which the guest keeps. */
#define KEPT_SIZE (256 * KIB)
#define TABLES_SIZE (KEPT_SIZE - EFI_HANDOFF_SIZE)
/* Image and initrd have to be in a window of this size that begins at a multiple of 1 GiB. */
#define INITRD_WINDOW (32 * GIB)
#define CMDLINE_MAX 2048 /* Linux's COMMAND_LINE_SIZE, with the NUL */

_Static_assert(ARM64_RAM % GIB == 0, "the initrd's window begins with RAM");

/* Guest-physical addresses. */
struct places {
    uint64_t kept; /* with ACPI */
    uint64_t fdt;
    uint64_t fdt_size;
    uint64_t initrd;
    uint64_t end; /* RAM has to reach to here */
};

static uint64_t align(uint64_t address)
{
    return (address + ALIGN - 1) & ~(ALIGN - 1);
}

/* Only when the Image is known to fit into RAM: then nothing here wraps around. */
static struct places places_of(const struct boot *boot)
{
    struct places places = { 0 };

    places.kept = align(boot->end);
    places.fdt = places.kept + (boot->acpi ? KEPT_SIZE : 0);
    places.fdt_size = boot->acpi ? ARM64_FDT_STUB_SIZE : ARM64_FDT_SIZE;
    places.initrd = places.fdt + places.fdt_size;
    places.end = places.initrd + align(boot->initrd_size);
    return places;
}

void boot_tables_area(const struct boot *boot, uint64_t *address, uint64_t *size)
{
    *address = places_of(boot).kept;
    *size = TABLES_SIZE;
}

bool boot_arch_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error)
{
    if (!arm64_image_describe(boot, head, length, error))
        return false;
    boot->entry = IMAGE_BASE + boot->image.text_offset;
    if (__builtin_add_overflow(boot->entry, boot->image.image_size, &boot->end))
        boot->end = UINT64_MAX; /* more than there can be */
    return true;
}

static bool check_room(const struct boot *boot, struct error *error)
{
    char have[SIZE_TEXT_MAX];
    char need[SIZE_TEXT_MAX];
    struct places places;

    if (boot->end - ARM64_RAM > boot->ram_size)
        return error_set(error, "-kernel '%s' needs %s of RAM, but the guest has %s; increase -m",
                         boot->kernel_path, size_text(boot->end - ARM64_RAM, need),
                         size_text(boot->ram_size, have));
    if (boot->initrd_size > INITRD_WINDOW)
        return error_set(error, "-initrd '%s' has %s; Linux accepts less than %s", boot->initrd_path,
                         size_text(boot->initrd_size, need), size_text(INITRD_WINDOW, have));
    places = places_of(boot);
    if (places.end - ARM64_RAM > boot->ram_size && boot->initrd_size > 0)
        return error_set(
            error,
            "-initrd '%s' of %s does not fit beside the kernel, which needs %s, in %s of RAM; use -m with at least %s",
            boot->initrd_path, size_text(boot->initrd_size, (char[SIZE_TEXT_MAX]){ 0 }),
            size_text(places.initrd - ARM64_RAM, (char[SIZE_TEXT_MAX]){ 0 }), size_text(boot->ram_size, have),
            size_text(places.end - ARM64_RAM, need));
    if (places.end - ARM64_RAM > boot->ram_size)
        return error_set(error, "-m: %s of RAM is not enough for %s; at least %s is required",
                         size_text(boot->ram_size, have),
                         boot->kernel_path ? "the kernel and its boot data" : "a machine",
                         size_text(places.end - ARM64_RAM, need));
    if (places.initrd + boot->initrd_size > ARM64_RAM + INITRD_WINDOW)
        return error_set(
            error,
            "-initrd '%s' of %s would end %s above the start of RAM; Linux requires it to end at most %s above",
            boot->initrd_path, size_text(boot->initrd_size, (char[SIZE_TEXT_MAX]){ 0 }),
            size_text(places.initrd + boot->initrd_size - ARM64_RAM, need), size_text(INITRD_WINDOW, have));
    return true;
}

bool boot_arch_check(struct boot *boot, struct error *error)
{
    if (boot->format == KERNEL_NONE)
        boot->end = IMAGE_BASE;
    if (strlen(boot->cmdline) >= CMDLINE_MAX)
        return error_set(error, "-append is %zu bytes long; the limit of an arm64 kernel is %d",
                         strlen(boot->cmdline), CMDLINE_MAX - 1);
    return check_room(boot, error);
}

static bool load_initrd(const struct boot *boot, struct guest_memory *memory, uint64_t address,
                        struct error *error)
{
    const struct kernel_piece piece = {
        .file_size = boot->initrd_size,
        .address = address,
        .memory_size = boot->initrd_size,
    };

    return boot->initrd_size == 0 || boot_load_piece(boot, memory, boot->initrd_fd, &piece) ||
           error_set(error, "-initrd '%s' cannot be loaded: was the file truncated?", boot->initrd_path);
}

static bool random_bytes(void *bytes, size_t size)
{
    ssize_t got;

    do
        got = getrandom(bytes, size, 0);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)size;
}

static bool load_efi(const struct boot *boot, const struct boot_machine *machine, const struct places *places,
                     struct efi_tables *tables)
{
    const struct efi_handoff handoff = {
        .ram = ARM64_RAM,
        .ram_size = boot->ram_size,
        .kept = places->kept,
        .kept_size = KEPT_SIZE,
        .rsdp = machine->rsdp,
        .memreserve = machine->its,
    };
    uint64_t address = places->kept + TABLES_SIZE;
    uint8_t buffer[EFI_HANDOFF_SIZE];

    efi_handoff_build(&handoff, address, buffer, tables);
    return guest_memory_write(machine->memory, address, buffer, sizeof buffer);
}

static struct arm64_fdt_machine described(const struct boot *boot, const struct boot_machine *machine)
{
    return (struct arm64_fdt_machine){
        .ram_size = boot->ram_size,
        .cpus = machine->cpus,
        .mpidr = machine->mpidr,
        .cores = machine->cores,
        .threads = machine->threads,
        .gic_version = machine->gic_version,
        .its = machine->its,
        .numa = machine->numa,
        .board = machine->board,
    };
}

static bool choose_seeds(struct arm64_fdt_chosen *chosen, struct error *error)
{
    return (random_bytes(&chosen->kaslr_seed, sizeof chosen->kaslr_seed) &&
            random_bytes(chosen->rng_seed, sizeof chosen->rng_seed)) ||
           error_set(error, "cannot get random numbers for the guest's seeds: %s", strerror(errno));
}

static bool build_fdt(const struct boot *boot, const struct boot_machine *machine,
                      const struct places *places, const struct efi_tables *efi, void *fdt,
                      struct error *error)
{
    const struct arm64_fdt_machine whole = described(boot, machine);
    struct arm64_fdt_chosen chosen = {
        .cmdline = boot->cmdline,
        .initrd_start = places->initrd,
        .initrd_end = places->initrd + boot->initrd_size,
    };

    if (!choose_seeds(&chosen, error))
        return false;
    if (boot->acpi)
        return arm64_fdt_stub(fdt, places->fdt_size, &chosen, efi, error);
    return arm64_fdt_full(fdt, places->fdt_size, &chosen, &whole, error);
}

/* Everything that the kernel is told. */
static bool load_info(const struct boot *boot, const struct boot_machine *machine,
                      const struct places *places, struct error *error)
{
    struct efi_tables efi = { 0 };
    void *fdt;
    bool good;

    if (boot->acpi && !load_efi(boot, machine, places, &efi))
        return error_set(error, "there is no RAM for the EFI tables at 0x%llx",
                         (unsigned long long)(places->kept + TABLES_SIZE));
    fdt = calloc(1, places->fdt_size);
    if (!fdt)
        return error_set(error, "out of memory for the guest's device tree");
    good = build_fdt(boot, machine, places, &efi, fdt, error);
    if (good && !guest_memory_write(machine->memory, places->fdt, fdt, places->fdt_size))
        good = error_set(error, "there is no RAM for the device tree at 0x%llx",
                         (unsigned long long)places->fdt);
    free(fdt);
    return good;
}

bool boot_describe_to_firmware(const struct boot *boot, const struct boot_machine *machine,
                               struct error *error)
{
    const struct arm64_fdt_machine whole = described(boot, machine);
    struct arm64_fdt_chosen chosen = { .cmdline = boot->cmdline };
    void *fdt = calloc(1, ARM64_FIRMWARE_FDT_SIZE);
    bool good = fdt || error_set(error, "out of memory for the guest's device tree");

    good = good && choose_seeds(&chosen, error) &&
           arm64_fdt_full(fdt, ARM64_FIRMWARE_FDT_SIZE, &chosen, &whole, error) &&
           (guest_memory_write(machine->memory, ARM64_RAM, fdt, fdt_totalsize(fdt)) ||
            error_set(error, "there is no RAM for the device tree at 0x%llx", (unsigned long long)ARM64_RAM));
    free(fdt);
    return good;
}

bool boot_load(const struct boot *boot, const struct boot_machine *machine, struct vcpu_entry *entry,
               struct error *error)
{
    const struct places places = places_of(boot);

    *entry = (struct vcpu_entry){ .pc = boot->entry, .x0 = places.fdt };
    return arm64_image_load(boot, machine->memory, boot->entry, error) &&
           load_initrd(boot, machine->memory, places.initrd, error) &&
           load_info(boot, machine, &places, error);
}
