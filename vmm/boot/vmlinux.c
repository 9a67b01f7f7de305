/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmlinux: an uncompressed ELF kernel, started at the entry point that its PVH note names (Xen
 * docs/misc/pvh.pandoc and xen/include/public/arch-x86/hvm/start_info.h describe the contract).
 */
#include <elf.h>
#include <string.h>

#include "base/props.h"
#include "boot/x86_boot.h"
#include "kvm/x86_entry.h"
#include "layout/x86.h"

#define NOTE_PHYS32_ENTRY 18
#define NOTES_MAX (64 * KIB)
#define START_MAGIC 0x336ec578u

struct start_info {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t module_count;
    uint64_t modules;
    uint64_t cmdline;
    uint64_t rsdp;
    uint64_t memory_map; /* from version 1 on */
    uint32_t memory_entries;
    uint32_t reserved;
};

struct start_module {
    uint64_t address;
    uint64_t size;
    uint64_t cmdline;
    uint64_t reserved;
};

struct start_memory {
    uint64_t address;
    uint64_t size;
    uint32_t type;
    uint32_t reserved;
};

/* Everything that the kernel is told, in one piece at X86_BOOT_START_INFO. */
struct start {
    struct start_info info;
    struct start_module module;
    struct start_memory memory[VMLINUX_MAP_MAX];
};

static bool add_piece(struct boot *boot, const Elf64_Phdr *segment, struct error *error)
{
    if (segment->p_memsz == 0)
        return true;
    if (boot->pieces == KERNEL_PIECES_MAX)
        return error_set(error, "-kernel '%s' has more than %d loadable segments", boot->kernel_path,
                         KERNEL_PIECES_MAX);
    if (segment->p_filesz > segment->p_memsz || segment->p_offset > boot->kernel_size ||
        segment->p_filesz > boot->kernel_size - segment->p_offset)
        return error_set(error,
                         "-kernel '%s' is truncated or broken: a segment of %llu bytes at offset %llu, in a "
                         "file of %llu",
                         boot->kernel_path, (unsigned long long)segment->p_filesz,
                         (unsigned long long)segment->p_offset, (unsigned long long)boot->kernel_size);
    if (segment->p_paddr < X86_KERNEL_START || segment->p_memsz > UINT32_MAX || segment->p_paddr > UINT32_MAX)
        return error_set(
            error,
            "-kernel '%s' requires a segment of 0x%llx bytes at 0x%llx; hotram loads between 1 MiB "
            "and %s",
            boot->kernel_path, (unsigned long long)segment->p_memsz, (unsigned long long)segment->p_paddr,
            size_text(X86_LOW_RAM_END, (char[SIZE_TEXT_MAX]){ 0 }));
    boot->piece[boot->pieces++] = (struct kernel_piece){
        .file_offset = segment->p_offset,
        .file_size = segment->p_filesz,
        .address = segment->p_paddr,
        .memory_size = segment->p_memsz,
    };
    if (boot->end < segment->p_paddr + segment->p_memsz)
        boot->end = segment->p_paddr + segment->p_memsz;
    return true;
}

/* Look for Xen's note with the address of the 32-bit entry. */
static bool find_entry(struct boot *boot, const Elf64_Phdr *segment)
{
    uint8_t notes[NOTES_MAX];
    uint64_t length = segment->p_filesz < NOTES_MAX ? segment->p_filesz : NOTES_MAX;
    uint64_t at = 0;

    if (!boot_read(boot, segment->p_offset, notes, length))
        return false;
    while (length - at >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note;
        uint64_t name;
        uint64_t content;

        memcpy(&note, notes + at, sizeof note);
        name = at + sizeof note;
        content = name + ((note.n_namesz + UINT64_C(3)) & ~UINT64_C(3));
        if (content > length || note.n_descsz > length - content)
            return false;
        if (note.n_type == NOTE_PHYS32_ENTRY && note.n_namesz == 4 && memcmp(notes + name, "Xen", 4) == 0 &&
            note.n_descsz >= 4) {
            uint32_t entry;

            memcpy(&entry, notes + content, sizeof entry);
            boot->entry = entry;
            return true;
        }
        at = content + ((note.n_descsz + UINT64_C(3)) & ~UINT64_C(3));
        if (at > length)
            return false;
    }
    return false;
}

/* Otherwise the guest would run zeroes. */
static bool is_loaded(const struct boot *boot, uint64_t address)
{
    for (unsigned i = 0; i < boot->pieces; i++)
        if (address >= boot->piece[i].address && address - boot->piece[i].address < boot->piece[i].file_size)
            return true;
    return false;
}

bool vmlinux_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error)
{
    Elf64_Ehdr header = { 0 };
    bool entry = false;

    memcpy(&header, head, length < sizeof header ? length : sizeof header);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_machine != EM_X86_64)
        return error_set(error, "-kernel '%s' is an ELF file, but not one for x86-64 (machine %u)",
                         boot->kernel_path, header.e_machine);
    if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0)
        return error_set(error, "-kernel '%s' is an ELF file without program headers, not a kernel",
                         boot->kernel_path);
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;

        if (!boot_read(boot, header.e_phoff + i * sizeof segment, &segment, sizeof segment))
            return error_set(error, "-kernel '%s' is truncated: no program header %u", boot->kernel_path, i);
        if (segment.p_type == PT_LOAD && !add_piece(boot, &segment, error))
            return false;
        if (segment.p_type == PT_NOTE && !entry)
            entry = find_entry(boot, &segment);
    }
    if (!entry)
        return error_set(error,
                         "-kernel '%s' is an ELF file without a PVH entry note, so not a kernel that starts "
                         "without firmware; use a bzImage, or a vmlinux with CONFIG_PVH",
                         boot->kernel_path);
    if (!is_loaded(boot, boot->entry))
        return error_set(error, "-kernel '%s' is broken: its entry point 0x%llx is in no loadable segment",
                         boot->kernel_path, (unsigned long long)boot->entry);
    boot->initrd_max = UINT32_MAX;
    return true;
}

/* Entries that meet become one: the guest's memory is the same, and it tells DIMMs apart by the SRAT. */
static unsigned merge_neighbours(struct memory_entry *memory, unsigned count)
{
    unsigned last = 0;

    for (unsigned i = 1; i < count; i++) {
        if (memory[i].type == memory[last].type &&
            memory[i].address == memory[last].address + memory[last].size)
            memory[last].size += memory[i].size;
        else
            memory[++last] = memory[i];
    }
    return last + 1;
}

bool vmlinux_load_info(const struct boot *boot, const struct boot_machine *machine, uint64_t initrd,
                       struct vcpu_entry *entry, struct error *error)
{
    struct memory_entry memory[MEMORY_ENTRIES_MAX];
    unsigned count = boot_memory_map(machine, memory);
    struct start start = {
        .info = {
            .magic = START_MAGIC,
            .version = 1,
            .module_count = initrd != 0,
            .modules = X86_BOOT_START_INFO + offsetof(struct start, module),
            .cmdline = X86_BOOT_CMDLINE,
            .rsdp = machine->rsdp,
            .memory_map = X86_BOOT_START_INFO + offsetof(struct start, memory),
        },
        .module = { .address = initrd, .size = boot->initrd_size },
    };

    if (count > VMLINUX_MAP_MAX)
        count = merge_neighbours(memory, count);
    if (count > VMLINUX_MAP_MAX) /* boot_map_room() was not asked */
        return error_set(
            error,
            "the memory map has %u entries, but a vmlinux supports only %u; a bzImage has no such limit",
            count, VMLINUX_MAP_MAX);
    start.info.memory_entries = count;
    for (unsigned i = 0; i < count; i++)
        start.memory[i] = (struct start_memory){
            .address = memory[i].address,
            .size = memory[i].size,
            .type = memory[i].type,
        };
    if (!guest_memory_write(machine->memory, X86_BOOT_START_INFO, &start, sizeof start))
        return error_set(error, "there is no RAM for the start info at 0x%llx",
                         (unsigned long long)X86_BOOT_START_INFO);
    entry->bx = (uint32_t)X86_BOOT_START_INFO;
    return true;
}
