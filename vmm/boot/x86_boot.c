/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/x86_boot.h"

#include <string.h>

#include "base/props.h"
#include "kvm/x86_entry.h"
#include "layout/x86.h"

bool boot_arch_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error)
{
    const char *what;

    if (length >= 4 && memcmp(head, "\177ELF", 4) == 0) {
        boot->format = KERNEL_VMLINUX;
        if (boot->by_firmware)
            return error_set(error,
                             "-kernel '%s' is an ELF file, and firmware starts a bzImage only; use the "
                             "bzImage, or omit -bios and pflash0 to boot the kernel directly",
                             boot->kernel_path);
        return vmlinux_describe(boot, head, length, error);
    }
    if (length >= 0x206 && memcmp(head + 0x202, "HdrS", 4) == 0) {
        boot->format = KERNEL_BZIMAGE;
        return bzimage_describe(boot, head, length, error);
    }
    what = boot_what_is(head, length);
    if (what)
        return error_set(error, "-kernel '%s' is %s, but this x86-64 machine requires a bzImage or a vmlinux",
                         boot->kernel_path, what);
    return error_set(
        error,
        "-kernel '%s' is not a kernel: it is neither a bzImage (no \"HdrS\" at 0x202) nor an ELF "
        "vmlinux",
        boot->kernel_path);
}

/* The initrd goes as high as it may, so that it is out of the way of the kernel. */
uint64_t x86_initrd_address(const struct boot *boot, uint64_t low_ram_end)
{
    uint64_t limit = boot->initrd_max + 1 < low_ram_end ? boot->initrd_max + 1 : low_ram_end;

    return boot->initrd_size > limit ? 0 : (limit - boot->initrd_size) & ~(4 * KIB - 1);
}

static bool check_room(const struct boot *boot, uint64_t low_ram_end, struct error *error)
{
    char have[SIZE_TEXT_MAX];
    char need[SIZE_TEXT_MAX];

    if (boot->end > low_ram_end)
        return error_set(error, "-kernel '%s' needs %s of RAM, but only %s are below %s; increase -m",
                         boot->kernel_path, size_text(boot->end, need), size_text(low_ram_end, have),
                         size_text(X86_LOW_RAM_END, (char[SIZE_TEXT_MAX]){ 0 }));
    if (boot->initrd_fd >= 0 && x86_initrd_address(boot, low_ram_end) < boot->end)
        return error_set(
            error,
            "-initrd '%s' of %s does not fit beside the kernel, which needs %s, in the %s of RAM available for an initrd; increase -m",
            boot->initrd_path, size_text(boot->initrd_size, need),
            size_text(boot->end, (char[SIZE_TEXT_MAX]){ 0 }),
            size_text(low_ram_end < boot->initrd_max ? low_ram_end : boot->initrd_max + 1, have));
    return true;
}

bool boot_arch_check(struct boot *boot, struct error *error)
{
    if (boot->format == KERNEL_NONE)
        return true;
    if (strlen(boot->cmdline) >= X86_BOOT_CMDLINE_MAX)
        return error_set(error, "-append is %zu bytes long; the limit is %llu", strlen(boot->cmdline),
                         (unsigned long long)X86_BOOT_CMDLINE_MAX - 1);
    return check_room(boot, boot->ram_size, error);
}

unsigned boot_memory_map(const struct boot_machine *machine, struct memory_entry entries[MEMORY_ENTRIES_MAX])
{
    unsigned count = 0;

    entries[count++] = (struct memory_entry){ 0, X86_REAL_MODE_END, MEMORY_RAM };
    entries[count++] = (struct memory_entry){ X86_REAL_MODE_END, 0xa0000 - X86_REAL_MODE_END,
                                              MEMORY_RESERVED };
    entries[count++] = (struct memory_entry){ X86_BIOS_AREA, X86_BIOS_AREA_END - X86_BIOS_AREA,
                                              MEMORY_RESERVED };
    entries[count++] = (struct memory_entry){ 1 * MIB, machine->low_ram_end - 1 * MIB, MEMORY_RAM };
    entries[count++] = (struct memory_entry){ X86_PCI_ECAM, X86_PCI_BUSES * MIB, MEMORY_RESERVED };
    entries[count++] = (struct memory_entry){ X86_IDENTITY_MAP, 16 * KIB, MEMORY_RESERVED };
    if (machine->high_ram_size > 0)
        entries[count++] = (struct memory_entry){ X86_HIGH_RAM_START, machine->high_ram_size, MEMORY_RAM };
    for (unsigned i = 0; i < machine->dimm_count; i++)
        entries[count++] = machine->dimms[i];
    return count;
}

struct map_room boot_map_room(const struct boot *boot, const struct boot_machine *machine)
{
    struct memory_entry entries[MEMORY_ENTRIES_MAX];
    const unsigned count = boot_memory_map(machine, entries);
    const struct memory_entry *last = &entries[count - 1];

    return (struct map_room){
        .entries = boot->format == KERNEL_VMLINUX ? VMLINUX_MAP_MAX - count : MEMORY_DIMMS_MAX,
        .ram_end = last->type == MEMORY_RAM ? last->address + last->size : 0,
        .why = "the memory map of a vmlinux is too short (a bzImage has no such limit)",
    };
}

/* Flat code and data segments and a task, where both boot protocols expect their selectors. */
static bool load_gdt(struct guest_memory *memory, struct vcpu_entry *entry)
{
    static const uint64_t gdt[] = { 0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00008b0000000067 };

    entry->gdt = X86_BOOT_GDT;
    entry->gdt_limit = sizeof gdt - 1;
    return guest_memory_write(memory, X86_BOOT_GDT, gdt, sizeof gdt);
}

bool boot_load(const struct boot *boot, const struct boot_machine *machine, struct vcpu_entry *entry,
               struct error *error)
{
    uint64_t initrd = 0;

    *entry = (struct vcpu_entry){ .ip = (uint32_t)boot->entry };
    for (unsigned i = 0; i < boot->pieces; i++)
        if (!boot_load_piece(boot, machine->memory, boot->kernel_fd, &boot->piece[i]))
            return error_set(error, "-kernel '%s' cannot be loaded at 0x%llx: was the file truncated?",
                             boot->kernel_path, (unsigned long long)boot->piece[i].address);
    if (boot->initrd_fd >= 0) {
        struct kernel_piece piece = { .file_size = boot->initrd_size, .memory_size = boot->initrd_size };

        initrd = piece.address = x86_initrd_address(boot, machine->low_ram_end);
        if (!boot_load_piece(boot, machine->memory, boot->initrd_fd, &piece))
            return error_set(error, "-initrd '%s' cannot be loaded: was the file truncated?",
                             boot->initrd_path);
    }
    if (!guest_memory_write(machine->memory, X86_BOOT_CMDLINE, boot->cmdline, strlen(boot->cmdline) + 1) ||
        !load_gdt(machine->memory, entry))
        return error_set(error, "there is no RAM for the boot information");
    if (boot->format == KERNEL_BZIMAGE)
        return bzimage_load_info(boot, machine, initrd, entry, error);
    return vmlinux_load_info(boot, machine, initrd, entry, error);
}
