/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux on what docs/embedding.md says, and nothing else: the page's code, which brings all of ACPI, around a
 * machine that has none (vm.h). The guest gets a DIMM, gives it back, hears the power button, and powers off.
 *
 *   embedding_linux BZIMAGE INITRD COMMAND-LINE
 *
 * The guest says where it is by lines "@...@" on its console, which are printed, like what the VMM does.
 * tests/guest/test_embedding.py starts it, has the guest's side, and reads what came of it.
 */
#include "embedding.h" /* made from docs/embedding.md */

#include <err.h>
#include <stdio.h>
#include <sys/mman.h>

#include "vm.h"

#define RAM (UINT64_C(512) << 20)
#define DIMM (UINT64_C(256) << 20)

static struct vm vm;
static struct hotplug hotplug;
static struct {
    void *memory;
    uint64_t size;
} dimms[SLOTS];
static void (*posted_work)(struct hotplug *hotplug, uint32_t slot);
static uint32_t posted_slot, plugged_slot;
static unsigned totals; /* how often the guest has said how much memory it has */
static bool powered_off;

/* ---- What the page leaves to the VMM ---- */

bool your_map(uint32_t slot, uint64_t addr, uint64_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return false;
    if (!vm_map(&vm, 1 + slot, addr, memory, size)) {
        munmap(memory, size);
        return false;
    }
    dimms[slot].memory = memory;
    dimms[slot].size = size;
    return true;
}

void your_unmap(uint32_t slot)
{
    if (!vm_map(&vm, 1 + slot, 0, NULL, 0) || munmap(dimms[slot].memory, dimms[slot].size) < 0)
        err(1, "the memory of slot %u cannot be taken away", slot);
    printf("vmm: slot %u is unmapped\n", slot);
}

void your_interrupt_level(bool high)
{
    vm_set_irq(&vm, SCI, high);
}

void your_power_off(void)
{
    powered_off = true;
}

/* Carried out between two runs of the vCPU. */
void your_post(void (*work)(struct hotplug *hotplug, uint32_t slot), struct hotplug *of, uint32_t slot)
{
    if (posted_work || of != &hotplug)
        errx(1, "the guest ejects slot %u, which nobody asked for", slot);
    posted_work = work;
    posted_slot = slot;
}

void your_report(uint32_t slot, uint32_t event, uint32_t status)
{
    printf("vmm: _OST slot %u event %u status 0x%x\n", slot, event, status);
}

/* The page's code for CPUs is run by page.c: this machine has one CPU. */
bool your_prepare_vcpu(uint32_t slot)
{
    (void)slot;
    return false;
}

void your_stop_vcpu(uint32_t slot)
{
    (void)slot;
}

void your_post_cpu(void (*work)(struct cpu_hotplug *cpus, uint32_t slot), struct cpu_hotplug *cpus,
                   uint32_t slot)
{
    (void)work, (void)cpus, (void)slot;
}

/* ---- The story ---- */

static bool port(void *opaque, uint16_t port, unsigned width, bool write, uint32_t *value)
{
    (void)opaque;
    return port_access(&hotplug, port, width, write, value);
}

static void plug(void)
{
    enum hotram_status why;

    if (!hotplug_plug(&hotplug, DIMM, &plugged_slot, &why))
        errx(1, "no DIMM can be plugged: %s", hotram_status_text(why));
    printf("vmm: slot %u has %lu kB\n", plugged_slot, DIMM >> 10);
}

static void unplug(void)
{
    enum hotram_status status = hotplug_unplug(&hotplug, plugged_slot);

    if (status != HOTRAM_OK)
        errx(1, "the guest cannot be asked: %s", hotram_status_text(status));
}

/* "@total N@" comes when the guest is ready, and whenever it sees more memory or less. */
static void line(void *opaque, const char *line)
{
    (void)opaque;
    puts(line);
    if (!strstr(line, "@total "))
        return;
    totals++;
    if (totals == 1)
        plug();
    else if (totals == 2)
        unplug();
    else
        press_power_button(&hotplug);
}

int main(int argc, char **argv)
{
    const struct vm_user user = { port, line, NULL };
    enum hotram_status status;

    if (argc != 4)
        errx(2, "usage: embedding_linux BZIMAGE INITRD COMMAND-LINE");
    setvbuf(stdout, NULL, _IOLBF, 0);
    vm_create(&vm, RAM);
    vm_load(&vm, argv[1], argv[2], argv[3]);
    status = hotplug_init(&hotplug, &gpe_ops);
    if (status == HOTRAM_OK)
        status = write_tables(vm.ram + VM_TABLES, VM_TABLES_ROOM, RAM, &hotplug.bank.config);
    if (status != HOTRAM_OK)
        errx(1, "hotplug: %s", hotram_status_text(status));
    while (!powered_off) {
        void (*work)(struct hotplug *, uint32_t) = posted_work;

        posted_work = NULL;
        if (work)
            work(&hotplug, posted_slot);
        vm_step(&vm, &user);
    }
    printf("vmm: the guest has powered off\n");
    return 0;
}
