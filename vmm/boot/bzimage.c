/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bzImage: a Linux kernel with its own decompressor, started by the 32-bit boot protocol
 * (Linux Documentation/arch/x86/boot.rst and zero-page.rst).
 */
#include <asm/bootparam.h>
#include <string.h>

#include "boot/firmware_kernel.h"
#include "boot/x86_boot.h"
#include "kvm/x86_entry.h"
#include "layout/x86.h"

#define HEADER 0x1f1
#define PROTOCOL_MIN 0x020a /* Linux 2.6.31: init_size and pref_address */
#define PROTOCOL_RSDP 0x020e
#define LOADER_OTHER 0xff /* a loader without a number of its own */

bool bzimage_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error)
{
    struct setup_header header;
    uint64_t setup;
    uint64_t body;
    uint64_t start;

    (void)length; /* the caller's head is longer than the header, padded with zeroes */
    memcpy(&header, head + HEADER, sizeof header);
    if (header.boot_flag != 0xaa55)
        return error_set(error, "-kernel '%s' has boot flag 0x%04x where a bzImage has 0xaa55",
                         boot->kernel_path, header.boot_flag);
    if (header.version < PROTOCOL_MIN || !(header.loadflags & LOADED_HIGH))
        return error_set(error,
                         "-kernel '%s' uses boot protocol %u.%02u; hotram requires a bzImage with 2.10 or "
                         "later (Linux 2.6.31)",
                         boot->kernel_path, header.version >> 8, header.version & 0xff);
    setup = (header.setup_sects == 0 ? 4 : header.setup_sects) * UINT64_C(512) + 512;
    body = header.syssize * UINT64_C(16);
    if (body == 0 || setup + body > ((boot->kernel_size + 15) & ~UINT64_C(15)))
        return error_set(
            error, "-kernel '%s' is truncated: its header announces %llu bytes, the file has %llu",
            boot->kernel_path, (unsigned long long)(setup + body), (unsigned long long)boot->kernel_size);
    if (setup + body > boot->kernel_size)
        body = boot->kernel_size - setup; /* its last 16 bytes are counted whole */
    if (strlen(boot->cmdline) > header.cmdline_size)
        return error_set(error, "-append is %zu bytes long; the limit of this kernel is %u",
                         strlen(boot->cmdline), header.cmdline_size);

    boot->piece[boot->pieces++] = (struct kernel_piece){
        .file_offset = setup,
        .file_size = body,
        .address = X86_KERNEL_START,
        .memory_size = body,
    };
    boot->entry = X86_KERNEL_START;
    /* The decompressor works where the kernel wants to be, in init_size bytes. */
    start = header.pref_address > X86_KERNEL_START ? header.pref_address : X86_KERNEL_START;
    if (__builtin_add_overflow(start, header.init_size, &boot->end))
        boot->end = UINT64_MAX; /* more than there can be */
    if (boot->end < X86_KERNEL_START + body)
        boot->end = X86_KERNEL_START + body;
    boot->initrd_max = header.initrd_addr_max;
    /* The header ends where the byte at 0x201 says; boot_params has room for what it knows. */
    boot->setup_size = 0x202 + head[0x201] - HEADER;
    if (boot->setup_size > sizeof header)
        boot->setup_size = sizeof header;
    return true;
}

/* Its parts, as a boot loader of this protocol writes them to memory. The BIOS's program puts the initrd
 * lower where the BIOS uses what is here. */
bool firmware_kernel_arch_read(struct firmware_kernel *read, const struct boot *boot, struct error *error)
{
    const uint64_t setup = boot->piece[0].file_offset;
    const uint64_t initrd = boot->initrd_size > 0 ? x86_initrd_address(boot, boot->ram_size) : 0;
    struct setup_header header;

    if (!firmware_part_read(&read->setup, boot, 0, setup, error) ||
        !firmware_part_read(&read->kernel, boot, setup, boot->kernel_size - setup, error))
        return false;
    read->setup.address = (uint32_t)X86_BIOS_SETUP;
    read->kernel.address = (uint32_t)X86_KERNEL_START;
    read->initrd.address = (uint32_t)initrd;
    read->cmdline_address = (uint32_t)X86_BOOT_CMDLINE;
    memcpy(&header, read->setup.bytes + HEADER, sizeof header);
    header.type_of_loader = LOADER_OTHER;
    header.loadflags |= CAN_USE_HEAP;
    header.heap_end_ptr = X86_BOOT_CMDLINE - X86_BIOS_SETUP - 0x200; /* relative to setup + 0x200 */
    header.cmd_line_ptr = read->cmdline_address;
    header.ramdisk_image = (uint32_t)initrd;
    header.ramdisk_size = (uint32_t)boot->initrd_size;
    memcpy(read->setup.bytes + HEADER, &header, sizeof header);
    return true;
}

static struct boot_e820_entry e820_entry(const struct memory_entry *memory)
{
    return (struct boot_e820_entry){ .addr = memory->address, .size = memory->size, .type = memory->type };
}

/* The entries that boot_params has no room for (boot.rst, setup_data: SETUP_E820_EXT). */
static bool write_more_e820(const struct boot_machine *machine, const struct memory_entry *memory,
                            unsigned count)
{
    struct {
        uint64_t next; /* struct setup_data, with its data */
        uint32_t type;
        uint32_t length;
        struct boot_e820_entry entry[MEMORY_ENTRIES_MAX];
    } more = { .type = SETUP_E820_EXT, .length = (uint32_t)(count * sizeof more.entry[0]) };

    _Static_assert(sizeof more <= X86_BOOT_E820_MORE_MAX, "there is room in the layout");
    for (unsigned i = 0; i < count; i++)
        more.entry[i] = e820_entry(&memory[i]);
    return count == 0 || guest_memory_write(machine->memory, X86_BOOT_E820_MORE, &more,
                                            sizeof(struct setup_data) + more.length);
}

bool bzimage_load_info(const struct boot *boot, const struct boot_machine *machine, uint64_t initrd,
                       struct vcpu_entry *entry, struct error *error)
{
    struct memory_entry memory[MEMORY_ENTRIES_MAX];
    unsigned count = boot_memory_map(machine, memory);
    unsigned first = count < E820_MAX_ENTRIES_ZEROPAGE ? count : E820_MAX_ENTRIES_ZEROPAGE;
    struct boot_params params = { 0 };

    if (!boot_read(boot, HEADER, &params.hdr, boot->setup_size))
        return error_set(error, "-kernel '%s' cannot be read", boot->kernel_path);
    params.hdr.type_of_loader = LOADER_OTHER;
    params.hdr.cmd_line_ptr = (uint32_t)X86_BOOT_CMDLINE;
    params.hdr.ramdisk_image = (uint32_t)initrd;
    params.hdr.ramdisk_size = initrd ? (uint32_t)boot->initrd_size : 0;
    if (params.hdr.version >= PROTOCOL_RSDP)
        params.acpi_rsdp_addr = machine->rsdp;
    params.e820_entries = (uint8_t)first;
    for (unsigned i = 0; i < first; i++)
        params.e820_table[i] = e820_entry(&memory[i]);
    if (count > first)
        params.hdr.setup_data = X86_BOOT_E820_MORE;
    if (!write_more_e820(machine, memory + first, count - first) ||
        !guest_memory_write(machine->memory, X86_BOOT_PARAMS, &params, sizeof params))
        return error_set(error, "there is no RAM for boot_params at 0x%llx",
                         (unsigned long long)X86_BOOT_PARAMS);
    entry->si = (uint32_t)X86_BOOT_PARAMS;
    return true;
}
