/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm.h"

#include <asm/bootparam.h>
#include <err.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define BOOT_PARAMS 0x10000u
#define COMMAND_LINE 0x20000u
#define LOW_END 0x9fc00u
#define HIGH 0x100000u
#define PAGE 4096u
#define HEADER_MAGIC 0x53726448u /* "HdrS" */
#define BOOT_CS 0x10u
#define BOOT_DS 0x18u

/* Into RAM from `at` on; its length. */
static size_t read_file(const struct vm *vm, const char *path, long from, uint64_t at)
{
    FILE *file = fopen(path, "rb");
    size_t length;

    if (!file || fseek(file, from, SEEK_SET) < 0)
        err(1, "%s", path);
    length = fread(vm->ram + at, 1, vm->ram_size - at, file);
    if (ferror(file) || !feof(file))
        errx(1, "%s: cannot be read, or is larger than the RAM", path);
    fclose(file);
    return length;
}

static size_t length_of(const char *path)
{
    FILE *file = fopen(path, "rb");
    long length;

    if (!file || fseek(file, 0, SEEK_END) < 0 || (length = ftell(file)) < 0)
        err(1, "%s", path);
    fclose(file);
    return (size_t)length;
}

static void add_e820(struct boot_params *params, uint64_t start, uint64_t end, uint32_t type)
{
    params->e820_table[params->e820_entries++] = (struct boot_e820_entry){ start, end - start, type };
}

static void set_registers(struct vm *vm)
{
    struct kvm_segment code = {
        .limit = UINT32_MAX, .selector = BOOT_CS, .type = 11, .present = 1, .db = 1, .s = 1, .g = 1
    };
    struct kvm_segment data = code;
    struct kvm_regs regs = { .rip = HIGH, .rsi = BOOT_PARAMS, .rflags = 2 };
    struct kvm_sregs sregs;

    data.selector = BOOT_DS;
    data.type = 3;
    if (ioctl(vm->vcpu, KVM_GET_SREGS, &sregs) < 0)
        err(1, "KVM_GET_SREGS");
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.cr0 |= 1; /* protected mode */
    if (ioctl(vm->vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(vm->vcpu, KVM_SET_REGS, &regs) < 0)
        err(1, "KVM_SET_REGS");
}

void vm_load(struct vm *vm, const char *kernel, const char *initrd, const char *command_line)
{
    struct boot_params *params = (struct boot_params *)(vm->ram + BOOT_PARAMS);
    struct setup_header *header = &params->hdr;
    const size_t initrd_size = length_of(initrd);
    const uint64_t initrd_at = (vm->ram_size - initrd_size) & ~(uint64_t)(PAGE - 1);

    read_file(vm, kernel, 0, HIGH); /* for a look at its header, which is at the same place in both */
    memcpy(header, vm->ram + HIGH + offsetof(struct boot_params, hdr), sizeof *header);
    if (header->header != HEADER_MAGIC || header->version < 0x20a || !(header->loadflags & LOADED_HIGH))
        errx(1, "%s: no bzImage", kernel);
    read_file(vm, kernel, (header->setup_sects + 1L) * 512, HIGH);
    if (initrd_size > vm->ram_size / 2)
        errx(1, "%s: too large", initrd);
    read_file(vm, initrd, 0, initrd_at);

    header->type_of_loader = 0xff;
    header->cmd_line_ptr = COMMAND_LINE;
    header->ramdisk_image = (uint32_t)initrd_at;
    header->ramdisk_size = (uint32_t)initrd_size;
    strcpy((char *)vm->ram + COMMAND_LINE, command_line);
    add_e820(params, 0, LOW_END, 1);
    add_e820(params, VM_TABLES, VM_TABLES + VM_TABLES_ROOM, 2);
    add_e820(params, HIGH, vm->ram_size, 1);
    set_registers(vm);
}
