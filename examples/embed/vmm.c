/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A complete VMM for one small guest (guest.S): it gives a DIMM and takes it back. All about memory hotplug
 * comes from the installed libhotram; docs/embedding.md has more, such as vCPUs with threads. Here is one,
 * and no lock.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hotram/acpi.h>
#include <hotram/dimm.h>
#include <hotram/gpe.h>
#include <hotram/memhp.h>

#include "layout.h"

#define MIB (UINT64_C(1) << 20)
#define SIZE (128 * MIB)

extern const uint8_t guest_start[], guest_end[];

struct vmm {
    int vm, vcpu;
    struct kvm_run *run;
    struct hotram_bank bank;
    struct hotram_dimm slots[SLOTS];
    struct hotram_memhp block;
    struct hotram_gpe gpe;
    unsigned reports, ejects, halts; /* of the guest, so far */
    uint32_t ost;                    /* its last report: slot << 16 | event << 8 | status */
};

static void check(enum hotram_status status, const char *what)
{
    if (status != HOTRAM_OK)
        errx(1, "%s: %s", what, hotram_status_text(status));
}

/* ---- What the bank asks of a VMM, inside the bank's own functions: so only take note ---- */

/* With an interrupt controller: then set the SCI's line to hotram_gpe_level(), here and after every access to
 * the GPE block. This guest asks the block by itself. */
static void raise_event(void *opaque)
{
    struct vmm *vmm = opaque;

    hotram_gpe_raise(&vmm->gpe, HOTRAM_GPE_MEMORY);
}

/* What the guest has not seen when it enables an event. */
static uint16_t waiting(const struct vmm *vmm)
{
    return hotram_bank_first_pending(&vmm->bank) != HOTRAM_SLOT_ANY ? 1u << HOTRAM_GPE_MEMORY : 0;
}

static void note_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    struct vmm *vmm = opaque;

    printf("guest: _OST of slot %u: event %u, status 0x%x\n", slot, event, status);
    vmm->ost = slot << 16 | event << 8 | status;
    vmm->reports++;
}

static void note_eject(void *opaque, uint32_t slot)
{
    struct vmm *vmm = opaque;

    printf("guest: gives slot %u back\n", slot);
    vmm->ejects++;
}

/* ---- Slots, registers and AML ---- */

/* DIMMs of 2 MiB and multiples, as many as the region holds. */
static void create_bank(struct vmm *vmm)
{
    static const struct hotram_bank_ops ops = { raise_event, note_ost, note_eject };
    const struct hotram_bank_config config = {
        .base = REGION_START,
        .size = REGION_SIZE,
        .capacity = REGION_SIZE,
        .granularity = 2 * MIB,
        .slots = SLOTS,
    };

    check(hotram_bank_init(&vmm->bank, &config, vmm->slots, &ops, vmm), "bank");
    check(hotram_memhp_init(&vmm->block, &vmm->bank), "registers");
}

/* The slots' devices and the GPE's handler, as an operating system reads them. (To find the DSDT it needs
 * FADT, XSDT and RSDP as well; this guest knows the address.) */
static void write_dsdt(uint8_t *ram)
{
    static const struct hotram_acpi_ids ids = { "HOTRAM", "EMBED   ", 1, "HOTR", 1 };
    const struct hotram_acpi_memory_devices devices = { HOTRAM_AML_SYSTEM_IO, PORT_MEMHP, SLOTS };
    struct hotram_buffer out;
    struct hotram_acpi_table table;
    struct hotram_aml aml;

    check(hotram_buffer_init(&out, ram + DSDT_START, RAM_SIZE - DSDT_START), "DSDT");
    check(hotram_acpi_table_begin(&table, &out, "DSDT", 2, &ids), "DSDT");
    check(hotram_aml_begin(&aml, &out), "AML");
    check(hotram_acpi_memory_devices(&aml, &devices), "AML");
    check(hotram_acpi_memory_gpe(&aml, HOTRAM_GPE_MEMORY), "AML");
    check(hotram_aml_finish(&aml, NULL), "AML");
    check(hotram_acpi_table_end(&table), "DSDT");
    printf("vmm: DSDT of %zu bytes at 0x%x\n", out.length, DSDT_START);
}

/* ---- KVM ---- */

static int set_kvm_slot(struct vmm *vmm, uint32_t kvm_slot, uint64_t address, uint64_t size, void *memory)
{
    struct kvm_userspace_memory_region region = { kvm_slot, 0, address, size, (uintptr_t)memory };

    return ioctl(vmm->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static void *map(struct vmm *vmm, uint32_t kvm_slot, uint64_t address, uint64_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED || set_kvm_slot(vmm, kvm_slot, address, size, memory) == 0)
        return memory;
    munmap(memory, size);
    return MAP_FAILED;
}

static int must(int result, const char *what)
{
    if (result < 0)
        err(1, "%s", what);
    return result;
}

static uint8_t *create_vm(struct vmm *vmm)
{
    const struct kvm_segment flat = { .limit = UINT32_MAX, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1 };
    struct kvm_regs regs = { .rip = GUEST_START, .rflags = 2 };
    struct kvm_sregs sregs;
    int kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    size_t run_size = (size_t)must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    uint8_t *ram;

    vmm->vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    vmm->vcpu = must(ioctl(vmm->vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    vmm->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vmm->vcpu, 0);
    ram = map(vmm, 0, 0, RAM_SIZE);
    if (vmm->run == MAP_FAILED || ram == MAP_FAILED)
        err(1, "memory to start with");
    memcpy(ram + GUEST_START, guest_start, (size_t)(guest_end - guest_start));

    must(ioctl(vmm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    sregs.cs = sregs.ds = sregs.es = sregs.ss = flat;
    sregs.cs.type = 11;
    sregs.cr0 |= 1; /* protected mode */
    must(ioctl(vmm->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    must(ioctl(vmm->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
    return ram;
}

/* One access: this guest has no string instructions. */
static void access_port(struct vmm *vmm, uint32_t port, unsigned width, bool write, uint8_t *data)
{
    uint32_t value = UINT32_MAX; /* of a port where nobody is */

    if (write)
        memcpy(&value, data, width);
    if (port - PORT_MEMHP < HOTRAM_MEMHP_EXTENT) {
        if (write)
            hotram_memhp_write(&vmm->block, port - PORT_MEMHP, width, value);
        else
            value = hotram_memhp_read(&vmm->block, port - PORT_MEMHP, width);
    } else if (port - PORT_GPE < HOTRAM_GPE_LENGTH) {
        if (write)
            hotram_gpe_write(&vmm->gpe, port - PORT_GPE, (uint8_t)value, waiting(vmm));
        else
            value = hotram_gpe_read(&vmm->gpe, port - PORT_GPE);
    }
    if (!write)
        memcpy(data, &value, width);
}

/* Run the guest until it has done something so many times. */
static void run_until(struct vmm *vmm, const unsigned *counter, unsigned count)
{
    struct kvm_run *run = vmm->run;

    while (*counter < count) {
        if (ioctl(vmm->vcpu, KVM_RUN, 0) < 0) {
            if (errno != EINTR)
                err(1, "KVM_RUN");
            continue;
        }
        if (run->exit_reason == KVM_EXIT_IO)
            access_port(vmm, run->io.port, run->io.size, run->io.direction == KVM_EXIT_IO_OUT,
                        (uint8_t *)run + run->io.data_offset);
        else if (run->exit_reason == KVM_EXIT_HLT && vmm->halts++ == 0)
            printf("guest: halts\n");
        else
            errx(1, "the guest goes wrong: KVM exit %u", run->exit_reason);
    }
}

/* ---- A DIMM comes and goes ---- */

/* Reserve, map, commit: whatever can fail comes before the guest sees anything. */
static void *plug(struct vmm *vmm, uint64_t size, struct hotram_dimm_result *place)
{
    const struct hotram_dimm_request request = { .size = size, .align = 2 * MIB };
    void *memory;

    check(hotram_bank_reserve(&vmm->bank, &request, place), "no place for a DIMM");
    memory = map(vmm, 1 + place->slot, place->addr, size);
    if (memory == MAP_FAILED) {
        check(hotram_bank_cancel(&vmm->bank, place->slot), "cancel");
        return NULL;
    }
    check(hotram_bank_commit(&vmm->bank, place->slot, true), "commit");
    printf("vmm: plugs %lu MiB into slot %u, at 0x%lx\n", size / MIB, place->slot, place->addr);
    return memory;
}

static void unplug(struct vmm *vmm, uint32_t slot, void *memory, uint64_t size)
{
    printf("vmm: requests the removal of the DIMM in slot %u\n", slot);
    check(hotram_bank_request_removal(&vmm->bank, slot), "request the removal");
    run_until(vmm, &vmm->ejects, 1);
    /* Between two runs of the vCPU, and not in the callback, which has to be short. */
    if (set_kvm_slot(vmm, 1 + slot, 0, 0, NULL) < 0 || munmap(memory, size) < 0)
        err(1, "taking memory away");
    check(hotram_bank_finish(&vmm->bank, slot), "finish");
    printf("vmm: has the memory back, slot %u is empty\n", slot);
}

int main(void)
{
    static struct vmm vmm; /* the GPE block starts as zeroes */
    struct hotram_dimm_result place;
    uint32_t *memory;

    alarm(60); /* the end, if the guest does not answer */
    setvbuf(stdout, NULL, _IOLBF, 0);
    create_bank(&vmm);
    write_dsdt(create_vm(&vmm));

    memory = plug(&vmm, SIZE, &place);
    if (!memory)
        err(1, "memory for a DIMM");
    run_until(&vmm, &vmm.reports, 1);
    if (vmm.ost != (place.slot << 16 | 0x100) || memory[0] != PATTERN || memory[SIZE / 4 - 1] != PATTERN)
        errx(1, "the guest does not use its memory");
    printf("vmm: finds what the guest wrote at both ends of it\n");

    unplug(&vmm, place.slot, memory, SIZE);
    run_until(&vmm, &vmm.halts, 1);
    if (vmm.reports != 3 || vmm.ost != (place.slot << 16 | 0x300) || vmm.ejects != 1)
        errx(1, "the guest does not report the end");
    return 0;
}
