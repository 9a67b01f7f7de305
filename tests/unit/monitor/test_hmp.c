/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMP: what commands say, completion, and line editing as a person at a terminal sees it.
 */
#include "world.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/device.h"
#include "kvm/vcpu.h"
#include "monitor/command.h"
#include "monitor/hmp/hmp.h"
#include "monitor/pending.h"
#include "monitor/session.h"

#define VIRTIO \
    ", vhost-user-blk-pci, vhost-user-fs-pci, vhost-vsock-pci, virtconsole, virtio-balloon-pci, virtio-blk-pci, virtio-mem-pci, virtio-net-pci, virtio-rng-pci, virtio-serial-pci, " \
    "virtserialport, vmgenid"
#if defined(__x86_64__)
#define X86_DEVICES ", pvpanic"
#else
#define X86_DEVICES ""
#endif

#define MEMSLOT " -memslot id=hot1,size=512M,start=0x120000000"

#define BANNER "hotram " HOTRAM_VERSION " monitor - type 'help' for more information\r\n(hotram) "

static int set_up(void **state)
{
    int result = world_set_up(state);
    struct world *world = *state;

    world_listen(world, "hmp", false);
    return result;
}

/* Another machine, and a monitor of it. */
static struct world *start_again(void **state, const char *options)
{
    struct world *world = world_again(state, options);

    world_listen(world, "hmp", false);
    return world;
}

/* A number that no machine of a test reaches. */
uint64_t __wrap_machine_exit_count(const struct machine *machine);
uint64_t __wrap_machine_exit_count(const struct machine *machine)
{
    (void)machine;
    return UINT64_MAX;
}

static bool kvm_refuses;

bool __real_vcpus_nmi(const struct vcpus *vcpus, struct error *error);
bool __wrap_vcpus_nmi(const struct vcpus *vcpus, struct error *error);
bool __wrap_vcpus_nmi(const struct vcpus *vcpus, struct error *error)
{
    return kvm_refuses ? error_set(error, "KVM refuses") : __real_vcpus_nmi(vcpus, error);
}

struct later {
    struct text *out;
    bool shown;
};

static void show_later(void *opaque, const struct command *command, struct json_object *result,
                       const struct error *error)
{
    struct later *later = opaque;

    hmp_show(later->out, command, result, error);
    later->shown = true;
}

static void run(struct world *world, const char *line, struct text *out)
{
    struct pending *pending = hmp_run(world->monitors, line, out);
    struct later later = { .out = out };

    if (pending) {
        pending->answer = show_later;
        pending->asker = &later;
    }
    while (pending && !later.shown)
        loop_once(world->loop, -1);
}

static void expect(struct world *world, const char *line, const char *answer)
{
    struct text out = { 0 };

    run(world, line, &out);
    assert_string_equal(out.bytes ? out.bytes : "", answer);
    text_free(&out);
}

static void expect_part(struct world *world, const char *line, const char *part)
{
    struct text out = { 0 };

    run(world, line, &out);
    if (!out.bytes || !strstr(out.bytes, part))
        fail_msg("%s: '%s' lacks '%s'", line, out.bytes ? out.bytes : "", part);
    text_free(&out);
}

/* A worker returns the memory of what was ejected, and then its id is free. */
static void wait_until_gone(struct world *world, const char *id)
{
    while (device_find(machine_board(world->machine), id))
        loop_once(world->loop, -1);
}

static void test_memory_commands(void **state)
{
    struct world *world = *state;

    expect(world, "object_add memory-backend-ram,id=m0,size=128M", "");
    expect(world, "  object_add   \"memory-backend-ram,id=m1,size=0x8000000\"  ", "");
    expect(world, "object_add {\"qom-type\": \"memory-backend-ram\", \"id\": \"m2\", \"size\": 4096}", "");
    expect(world, "device_add pc-dimm,id=d0,memdev=m0", "");
    expect(world, "info memory-devices",
           "Memory device [dimm]: \"d0\"\n"
           "  addr: 0x100000000\n"
           "  slot: 0\n"
           "  node: 0\n"
           "  size: 134217728\n"
           "  memdev: /objects/m0\n"
           "  hotplugged: true\n"
           "  hotpluggable: true\n");
    expect(world, "object_del m1", "");
    expect(world, "object_del \"m2\"", "");
    expect_part(world, "info memdev",
                "  used-by: RAM\n"
                "memory backend: m0\n"
                "  size:  134217728\n"
                "  merge: true\n"
                "  dump: true\n"
                "  prealloc: false\n"
                "  share: false\n"
                "  reserve: true\n"
                "  policy: default\n"
                "  host nodes: \n"
                "  type: memory-backend-ram\n"
                "  page-size: 4096\n"
                "  resident: 0\n"
                "  reserved: 0\n"
                "  used-by: d0\n"
                "\n");
    expect(world, "info memory_size_summary", "base memory: 134217728\nplugged memory: 134217728\n");
    expect(world, "info numa", "1 nodes\nnode 0 cpus: 0 1\nnode 0 size: 256 MB\nnode 0 plugged: 128 MB\n");
    expect(
        world, "info memory-hotplug",
        "region: 0x100000000-0x237ffffff\n"
        "selector: 0\n"
        "slot 0: plugged, flags 0x03 enabled insert-pending, addr 0x100000000, size 134217728 (128 MiB), node 0\n"
        "slot 1: empty, flags 0x00\n"
        "slot 2: empty, flags 0x00\n");
    expect(
        world, "object_del m0",
        "Error: object 'm0' is in use, can not be deleted: 'd0' uses it; unplug that first: device_del d0\n");
    expect(world, "device_del d0", "");
    expect_part(world, "info memory-devices", "Memory device [dimm]: \"d0\"\n");
    guest_ejects(world, 0);
    wait_until_gone(world, "d0");
    expect(world, "info memory-devices", "");
    expect(world, "object_add memory-backend-ram,id=m3,size=8192,prealloc=on", "");
    expect_part(world, "info memdev",
                "  prealloc: true\n"
                "  share: false\n"
                "  reserve: true\n"
                "  policy: default\n"
                "  host nodes: \n"
                "  type: memory-backend-ram\n"
                "  page-size: 4096\n"
                "  resident: 8192\n"
                "  reserved: 0\n"
                "\n");
    world = start_again(state, "-m 128M -smp 2");
    expect(world, "info numa", "0 nodes\n");
    expect(world, "info memory-hotplug", "no memory slots; start with -m SIZE,slots=N,maxmem=SIZE\n");
}

static void test_two_nodes(void **state)
{
    struct world *world = start_again(state,
                                      WORLD_MACHINE " -numa node,mem=64M,cpus=0 -numa node,mem=64M,cpus=1");

    expect(world, "object_add memory-backend-ram,id=m0,size=128M", "");
    expect(world, "device_add pc-dimm,id=d0,memdev=m0,node=1", "");
    expect(world, "info numa",
           "2 nodes\nnode 0 cpus: 0\nnode 0 size: 64 MB\nnode 0 plugged: 0 MB\n"
           "node 1 cpus: 1\nnode 1 size: 192 MB\nnode 1 plugged: 128 MB\n");
}

static void test_memslots(void **state)
{
    struct world *world = start_again(state, WORLD_MACHINE MEMSLOT);

    expect(world, "info memslot",
           "memslot hot1: unpopulated, start 0x120000000, size 536870912 (512 MiB), node 0, slot 0\n");
    expect(world, "memslot hot1 add", "");
    expect(world, "info memslot",
           "memslot hot1: populated, start 0x120000000, size 536870912 (512 MiB), node 0, slot 0\n");
    expect(world, "memslot hot1 delete", "");
    expect(world, "info memslot",
           "memslot hot1: removal-asked, start 0x120000000, size 536870912 (512 MiB), node 0, slot 0\n");
    expect(world, "memslot hot1 add",
           "Error: Memslot 'hot1' is already populated; delete it before adding it again\n");
    guest_ejects(world, 0);
    wait_until_gone(world, "hot1");
    expect(world, "info memslot",
           "memslot hot1: unpopulated, start 0x120000000, size 536870912 (512 MiB), node 0, slot 0\n");
    expect(
        world, "memslot hot2 add",
        "Error: Memslot 'hot2' not found: define it at start with -memslot id=hot2,size=SIZE; info memslot "
        "lists them\n");
    expect(world, "memslot hot1 remove", "Error: Parameter 'action' expects add or delete; got 'remove'\n");
    expect(world, "memslot hot1", "memslot: string expected\nTry \"help memslot\" for more information\n");
    expect(world, "memslot", "memslot: string expected\nTry \"help memslot\" for more information\n");
    expect(world, "memslot hot1 add now",
           "memslot: extraneous characters at the end of line\nTry \"help memslot\" for more information\n");
}

static void test_machine_commands(void **state)
{
    struct world *world = *state;

    expect(world, "info status", "VM status: paused (prelaunch)\n");
    expect(world, "c", "");
    expect(world, "info status", "VM status: running\n");
    expect(world, "s", "");
    expect(world, "info status", "VM status: paused\n");
    expect(world, "system_reset", "");
    expect(world, "system_powerdown", "");
    expect(world, "nmi", "");
    kvm_refuses = true;
    expect(world, "nmi", "Error: KVM refuses\n");
    kvm_refuses = false;
    expect(world, "watchdog_action pause", "");
    assert_int_equal(machine_actions(world->machine)->watchdog, WATCHDOG_PAUSES);
    expect(
        world, "watchdog_action x",
        "Error: Parameter 'action' expects reset|shutdown|poweroff|pause|debug|none|inject-nmi; got 'x'\n");
    expect(world, "info name", "");
    expect(world, "info uuid", "00000000-0000-0000-0000-000000000000\n");
    expect(world, "info cpus", "* CPU #0: thread_id=0\n  CPU #1: thread_id=0\n");
    expect(world, "info version", "hotram " HOTRAM_VERSION " (monitor commands as in QEMU 7.2.0)\n");
    expect(world, "info exits", "exits: 18446744073709551615\n");
    assert_false(world_ends(world));
    expect(world, "q", "");
    assert_true(world_ends(world));
    world = start_again(state, "-machine none -name guest");
    expect(world, "info name", "guest\n");
    assert_false(world_ends(world));
    expect(world, "quit", "");
    assert_true(world_ends(world));
}

static void test_mistakes(void **state)
{
    struct world *world = *state;

    expect(world, "", "");
    expect(world, "   ", "");
    expect(world, "xyzzy", "unknown command: 'xyzzy'\n");
    expect(world, "devic_add pc-dimm", "unknown command: 'devic_add'\ndid you mean 'device_add'?\n");
    expect(world, "info statsu", "unknown command: 'info statsu'\ndid you mean 'info status'?\n");
    expect(world, "info qtree", "unknown command: 'info qtree'\nhelp info lists those that there are\n");
    expect(world, "memory frob", "unknown command: 'memory frob'\nhelp memory lists those that there are\n");
    expect(world, "device_del",
           "device_del: string expected\nTry \"help device_del\" for more information\n");
    expect(world, "device_del a b",
           "device_del: extraneous characters at the end of line\n"
           "Try \"help device_del\" for more information\n");
    expect(world, "stop x",
           "stop|s: extraneous characters at the end of line\n"
           "Try \"help stop\" for more information\n");
    expect(world, "device_del \"a",
           "device_del: missing closing quote\n"
           "Try \"help device_del\" for more information\n");
    expect(world, "\"", "missing closing quote\n");
    expect(world, "object_add",
           "object_add: string expected\nTry \"help object_add\" for more information\n");
    expect(world, "device_del zz",
           "Error: Device 'zz' not found; there is no device that can be unplugged\n");
    expect(
        world, "device_add nope,id=x",
        "Error: 'nope' is not a valid device model name; available: host-x86_64-cpu, isa-serial, pc-dimm, pcie-root-port" VIRTIO
            X86_DEVICES "\n");
    expect(world, "object_add memory-backend-ram", "Error: Parameter 'id' is missing, such as id=mem1\n");
    expect(world, "object_add iothread", "Error: Parameter 'id' is missing, such as id=iothread0\n");
    expect(world, "netdev_add user", "Error: Parameter 'id' is missing, such as id=net0\n");
    expect(world, "device_add id=x", "Error: Parameter 'driver' is missing, such as driver=pc-dimm\n");
}

static void test_help(void **state)
{
    struct world *world = *state;

    expect_part(
        world, "help",
        "cont|c  -- resume emulation\ncpus cancel operation -- withdraw an unplug that is in progress");
    expect_part(world, "help", "\ndevice_add driver[,prop=value][,...] -- plug a DIMM");
    expect_part(world, "?", "help|? [cmd] -- show the help\n");
    expect(
        world, "help device_del",
        "device_del device -- request that the guest release a DIMM; the event DEVICE_DELETED reports its removal\n");
    expect(world, "help c", "cont|c  -- resume emulation\n");
    expect_part(world, "help info", "info chardev  -- show the character devices\ninfo cpu-operations  --");
    expect_part(world, "info", "info chardev  -- show the character devices\ninfo cpu-operations  --");
    expect(world, "help info name", "info name  -- show the current VM name\n");
    expect(world, "help stpo", "unknown command: 'stpo'\ndid you mean 'stop'?\n");
    expect(
        world, "object_add help",
        "memory-backend-ram\nmemory-backend-file\nmemory-backend-memfd\niothread\nrng-builtin\nrng-random\nsecret\n");
    expect(world, "device_add ?",
           "host-x86_64-cpu\npc-dimm\nvhost-user-blk-pci\nvhost-user-blk-pci-non-transitional\n"
           "vhost-user-fs-pci\nvhost-vsock-pci\nvhost-vsock-pci-non-transitional\nvirtconsole\n"
           "virtio-balloon-pci\nvirtio-balloon-pci-non-transitional\nvirtio-blk-pci\n"
           "virtio-blk-pci-non-transitional\nvirtio-mem-pci\nvirtio-net-pci\n"
           "virtio-net-pci-non-transitional\nvirtio-rng-pci\nvirtio-rng-pci-non-transitional\n"
           "virtio-serial-pci\nvirtio-serial-pci-non-transitional\nvirtserialport\n");
    expect_part(world, "device_add pc-dimm,help", "pc-dimm options:\n  id=<str>");
    expect_part(
        world, "device_add pc-dimm,help",
        "- guest-physical address, a multiple of -machine dimm-granularity= (default: the lowest that fits)\n");
    expect(
        world, "device_add nope,help",
        "Error: 'nope' is not a valid device model name; available: host-x86_64-cpu, isa-serial, pc-dimm, pcie-root-port" VIRTIO
            X86_DEVICES "\n");
    expect(world, "device_add acpi-ged",
           "Error: Parameter 'driver' expects a pluggable device type: 'acpi-ged' is a part of the machine, "
           "which has it without being asked\n");
    /* every command that a person can type has its help */
    for (const struct command *command = command_next(NULL); command; command = command_next(command))
        assert_true(command->hmp == NULL || command->help != NULL);
}

/* Completion ------------------------------------------------------------------------------------------ */

static void expect_words(struct world *world, const char *line, size_t typed, char suffix, const char *words)
{
    struct completions completions;
    char found[4000] = "";

    complete(world->monitors, line, &completions);
    for (size_t i = 0; i < completions.count; i++) {
        strcat(found, i > 0 ? " " : "");
        strcat(found, completions.words[i]);
    }
    assert_string_equal(found, words);
    if (completions.count > 0) {
        assert_int_equal(completions.typed, typed);
        assert_int_equal(completions.suffix, suffix);
    }
    completions_free(&completions);
}

static void test_block(void **state)
{
    struct world *world = *state;

    expect(world, "info block", "");
    expect(world, "block_resize n 2",
           "Error: Cannot find device='' nor node-name='n': there are no block nodes; "
           "-blockdev and blockdev-add make them\n");
    world = start_again(state, "-blockdev raw,node-name=n,file.driver=null-co,file.size=1M,cache.no-flush=on "
                               "-device virtio-blk-pci,id=d,drive=n " WORLD_MACHINE);
    expect(world, "block_resize n 2", "");
    expect(world, "info block",
           "#block0: null-co:// (null-co)\n"
           "    Cache mode:       writeback, ignore flushes\n"
           "    Size:             2097152 (2 MiB)\n"
           "n: null-co:// (raw)\n"
           "    Attached to:      /machine/peripheral/d/virtio-backend\n"
           "    Cache mode:       writeback, ignore flushes\n"
           "    Size:             2097152 (2 MiB)\n");
    expect(
        world, "info blockstats",
        "/machine/peripheral/d/virtio-backend (n): rd_bytes=0 wr_bytes=0 rd_operations=0 wr_operations=0 flush_operations=0 "
        "wr_total_time_ns=0 rd_total_time_ns=0 flush_total_time_ns=0\n");
    expect(world, "block_resize n 1",
           "Error: Block node 'n' has 2097152 bytes and is used by disk 'd': it can only "
           "become larger; without a user it can become smaller, too\n");
    expect(world, "block_resize n x",
           "Error: Parameter 'size' expects a size, such as 512M or 1G; got 'x'\n");
    expect(world, "block_resize m 1",
           "Error: Cannot find device='' nor node-name='m'; available: #block0, n\n");
    expect_words(world, "block_resize n", 1, 0, "n");
}

static void test_completion(void **state)
{
    struct world *world = *state;

    expect_words(world, "de", 2, ' ', "device_add device_del");
    expect_words(world, "  object_", 7, ' ', "object_add object_del");
    expect_words(world, "inf", 3, ' ', "info");
    expect_words(
        world, "", 0, ' ',
        "announce_self balloon block_resize chardev-add chardev-remove cont cpus device_add device_del exit_preconfig help info machine_snapshot memory memslot migrate migrate_cancel migrate_continue migrate_incoming migrate_set_capability migrate_set_parameter netdev_add netdev_del nmi object_add object_del quit set_link stop system_powerdown "
        "system_reset watchdog_action");
    expect_words(world, "watchdog_action p", 1, 0, "pause poweroff");
    expect_words(world, "watchdog_action ", 0, 0, "debug inject-nmi none pause poweroff reset shutdown");
    expect_words(world, "watchdog_action pause ", 0, 0, "");
    expect_words(world, "x", 0, 0, "");
    expect_words(
        world, "info me", 2, ' ',
        "memdev memory-devices memory-hotplug memory-map memory-operations memory_size_summary memslot");
    expect_words(
        world, "info ", 0, ' ',
        "balloon block blockstats chardev cpu-operations cpus device-operations exits hotpluggable-cpus iothreads kvm memdev memory-devices memory-hotplug memory-map memory-operations "
        "memory_size_summary memslot migrate migrate_capabilities migrate_parameters name network numa pci status uuid version vm-generation-id");
    expect_words(world, "memory ", 0, ' ', "cancel plug set unplug");
    expect_words(world, "help memory un", 2, ' ', "unplug");
    expect_words(world, "memory plug ", 0, 0, "");
    expect_words(world, "memory plug 1G,no", 2, 0, "node=");
    expect_words(world, "memory set 1G,dry-run=", 0, 0, "off on");
    expect_words(world, "memory frob ", 0, 0, "");
    expect_words(world, "info status ", 0, 0, "");
    expect_words(world, "help dev", 3, ' ', "device_add device_del");
    expect_words(world, "? info na", 2, ' ', "name");
    expect_words(
        world, "object_add ", 0, ',',
        "iothread memory-backend-file memory-backend-memfd memory-backend-ram rng-builtin rng-random secret");
    expect_words(world, "object_add memory-backend-r", 16, ',', "memory-backend-ram");
    expect_words(world, "object_add memory-backend-ram,", 0, 0,
                 "dump= host-nodes= id= merge= policy= prealloc-threads= prealloc= reserve= share= size=");
    expect_words(world, "object_add memory-backend-ram,id=a,s", 1, 0, "share= size=");
    expect_words(world, "object_add memory-backend-ram,id=a,share=on,s", 1, 0, "size=");
    expect_words(world, "object_add memory-backend-ram,share=", 0, 0, "off on");
    expect_words(world, "object_add memory-backend-ram,share=of", 2, 0, "off");
    expect_words(world, "object_add nothing,", 0, 0, "");
    expect_words(world, "object_add memory-backend-ram,id=a b", 0, 0, "");
    expect_words(
        world, "device_add ", 0, ',',
        "host-x86_64-cpu pc-dimm vhost-user-blk-pci vhost-user-blk-pci-non-transitional vhost-user-fs-pci "
        "vhost-vsock-pci vhost-vsock-pci-non-transitional virtconsole virtio-balloon-pci "
        "virtio-balloon-pci-non-transitional virtio-blk-pci virtio-blk-pci-non-transitional virtio-mem-pci "
        "virtio-net-pci virtio-net-pci-non-transitional virtio-rng-pci virtio-rng-pci-non-transitional "
        "virtio-serial-pci virtio-serial-pci-non-transitional virtserialport");
    expect_words(world, "device_add pc-dimm,", 0, 0, "addr= id= memdev= node= slot=");
    expect_words(world, "stop ", 0, 0, "");
    expect_words(world, "averylongcommandnamethatnobodyhas_averylongcommandname x", 0, 0, "");
}

static void test_completion_of_ids(void **state)
{
    struct world *world = start_again(state, "-m 128M,slots=10,maxmem=2G -smp 2" MEMSLOT);

    expect(world, "object_add memory-backend-ram,id=mem-a,size=128M", "");
    expect(world, "object_add memory-backend-ram,id=mem-b,size=128M", "");
    expect(world, "object_add memory-backend-ram,id=other,size=128M", "");
    expect(world, "device_add pc-dimm,id=dimm1,memdev=mem-b", "");
    expect(world, "device_add pc-dimm,id=dimm2,memdev=other,slot=9", "");
    expect_words(world, "device_del ", 0, 0, "dimm1 dimm2");
    expect_words(world, "memslot ", 0, ' ', "hot1");
    expect_words(world, "memslot h", 1, ' ', "hot1");
    expect_words(world, "memslot x", 1, ' ', "");
    expect_words(world, "memslot hot1 ", 0, ' ', "add delete");
    expect_words(world, "memslot hot1  d", 1, ' ', "delete");
    expect_words(world, "device_del dimm2", 5, 0, "dimm2");
    expect_words(world, "object_del ", 0, 0, "mem-a");
    expect_words(world, "device_add pc-dimm,id=x,memdev=m", 1, 0, "mem-a");
    expect(world, "device_del dimm1", "");
    guest_ejects(world, 1);
    wait_until_gone(world, "dimm1");
    expect_words(world, "device_add pc-dimm,id=x,memdev=m", 1, 0, "mem-a mem-b");
    expect_words(world, "device_del dimm2 ", 0, 0, "");
}

/* A screen --------------------------------------------------------------------------------------------- */

/* What a terminal shows: one long line of characters per row, enough of a vt100 for libedit. */
struct screen {
    char rows[64][256];
    size_t row, column;
};

static void control(struct screen *screen, const char *sequence, char final)
{
    int number = atoi(sequence);

    if (number == 0)
        number = 1;
    if (final == 'C')
        screen->column += (size_t)number;
    else if (final == 'D')
        screen->column -= (size_t)number;
    else if (final == 'A')
        screen->row -= (size_t)number;
    else if (final == 'K')
        memset(&screen->rows[screen->row][screen->column], 0, 255 - screen->column);
    else if (final == 'J')
        memset(&screen->rows[screen->row + 1], 0, sizeof screen->rows[0] * (62 - screen->row));
    else if (final == 'H')
        screen->row = screen->column = 0;
    else
        assert_int_equal(final, 'm');
}

static void show(struct screen *screen, const char *text)
{
    for (; *text; text++) {
        char sequence[16];
        size_t length = 0;

        assert_between(screen->row, 0, 62);
        assert_between(screen->column, 0, 250);
        if (*text == '\r') {
            screen->column = 0;
        } else if (*text == '\n') {
            screen->row++;
        } else if (*text == '\b') {
            screen->column--;
        } else if (*text == '\a') {
            continue;
        } else if (*text == 033) {
            assert_int_equal(*++text, '[');
            while (!(*++text >= 0x40) && length < sizeof sequence - 1)
                sequence[length++] = *text;
            sequence[length] = '\0';
            control(screen, sequence, *text);
        } else {
            for (size_t i = 0; i < screen->column; i++)
                if (!screen->rows[screen->row][i])
                    screen->rows[screen->row][i] = ' ';
            screen->rows[screen->row][screen->column++] = *text;
        }
    }
}

/* Read what is there. */
static void look(struct world *world, int fd, struct screen *screen)
{
    char text[4097];
    ssize_t count;

    world_run(world);
    while ((count = read(fd, text, sizeof text - 1)) > 0) {
        text[count] = '\0';
        show(screen, text);
        world_run(world);
    }
}

static void expect_row(const struct screen *screen, size_t back, const char *text)
{
    char row[256];
    size_t length;

    strcpy(row, screen->rows[screen->row - back]);
    length = strlen(row);
    while (length > 0 && row[length - 1] == ' ')
        row[--length] = '\0';
    assert_string_equal(row, text);
}

static void type(struct world *world, int fd, struct screen *screen, const char *keys)
{
    client_say(world, fd, keys);
    look(world, fd, screen);
}

static void test_session(void **state)
{
    struct world *world = *state;
    int fd = world_connect(world, "hmp");
    char *text = client_read(world, fd, "(hotram) ");

    assert_string_equal(text, BANNER);
    free(text);
    client_is_quiet(world, fd);
    client_say(world, fd, "info status\r");
    text = client_read(world, fd, "(hotram) ");
    assert_string_equal(text, "info status\r\nVM status: paused (prelaunch)\r\n(hotram) ");
    free(text);
    client_say(world, fd, "info status\r\ninfo name\n\ndevice_del x\n");
    client_skip(world, fd,
                "(prelaunch)\r\n(hotram) info name\r\n(hotram) \r\n(hotram) device_del x\r\n"
                "Error: Device 'x' not found; there is no device that can be unplugged\r\n(hotram) ");
    client_is_quiet(world, fd);
    close(fd);
}

static void test_editing(void **state)
{
    static const struct {
        const char *keys;
        const char *line;
    } table[] = {
        { "help", "help" },
        { "hlp\033[D\033[De", "help" },
        { "hlp\002\002e", "help" },
        { "elp\001h", "help" },
        { "elp\033[Hh\033[F", "help" },
        { "elp\033OHh\033OF!\177", "help" },
        { "helpx\b", "help" },
        { "helpx\177", "help" },
        { "helpxx\033[D\033[3~\177", "help" },
        { "helpxx\002\002\004\004", "help" },
        { "word help\033b\027", "help" },
        { "nothing at all\025help", "help" },
        { "helpnothing\033[D\033[D\033[D\033[D\033[D\033[D\033[D\013", "help" },
        { "one two\033[1;5D\033[1;5Dx\033[1;5Cy", "xoney two" },
        { "lp\001he\005", "help" },
        /* unknown keys leave nothing */
        { "he\033[15~lp\033[200~\033OP\033[<0;1;1M\033x\033[1;2;3;4;5;6;7;8;9;10;11H", "help" },
        { "h\026e\021l\023p\003\032\034\030\017", "help" },
        { "h\177\177\177\177help\006\006", "help" },
        { "gr\xc3\xb6\xc3\x9f"
          "e\xff\xc3(\xe2\x82",
          "gr\xc3\xb6\xc3\x9f"
          "e(" },
        /* characters that Unicode has not: 6, 5 and 4 bytes, half of a pair */
        { "h\xfd\x96\x91\x99\x90\x99"
          "e\xfb\x80\x80\x80\x80l\xf7\xbf\xbf\xbf\xed\xa0\x80p",
          "help" },
        { "ab\033[1;\bc\033\001d", "dac" },
        { "x\tb", "xb" },
    };
    struct world *world = *state;
    int fd = world_connect(world, "hmp");
    struct screen *screen = calloc(1, sizeof *screen);

    look(world, fd, screen);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char row[100];

        snprintf(row, sizeof row, "(hotram) %s", table[i].line);
        type(world, fd, screen, table[i].keys);
        expect_row(screen, 0, row);
        type(world, fd, screen, "\005\025");
        expect_row(screen, 0, "(hotram)");
    }
    close(fd);
    free(screen);
}

static void test_keys_one_byte_at_a_time(void **state)
{
    static const char keys[] =
        "inx\033[D\033[C\177fo\033[D\033[D\033[D\033[D\033[1;5C\033OD\033OCsx\033[D\033[3~"
        "\033[H\033[C\033[F stat\tx\177\177\r\n";
    struct world *world = *state;
    int fd = world_connect(world, "hmp");
    struct screen *screen = calloc(1, sizeof *screen);

    for (size_t i = 0; i < sizeof keys - 1; i++) {
        client_send(world, fd, keys + i, 1);
        look(world, fd, screen);
    }
    expect_row(screen, 2, "unknown command: 'infos'");
    expect_row(screen, 1, "did you mean 'info'?");
    close(fd);
    free(screen);
}

static void test_history(void **state)
{
    struct world *world = *state;
    int fd = world_connect(world, "hmp");
    struct screen *screen = calloc(1, sizeof *screen);

    look(world, fd, screen);
    type(world, fd, screen, "info name\rinfo uuid\rinfo uuid\r\r");
    type(world, fd, screen, "\033[A");
    expect_row(screen, 0, "(hotram) info uuid");
    type(world, fd, screen, "\020");
    expect_row(screen, 0, "(hotram) info name");
    type(world, fd, screen, "\033[B");
    expect_row(screen, 0, "(hotram) info uuid");
    type(world, fd, screen, "\016new");
    expect_row(screen, 0, "(hotram) new");
    type(world, fd, screen, "\025info n\022");
    expect_row(screen, 0, "(hotram) info name");
    type(world, fd, screen, " x\r");
    expect_row(screen, 2, "info name: extraneous characters at the end of line");
    close(fd);
    free(screen);
}

static void test_tab(void **state)
{
    struct world *world = *state;
    int fd = world_connect(world, "hmp");
    struct screen *screen = calloc(1, sizeof *screen);

    look(world, fd, screen);
    type(world, fd, screen, "obj\t");
    expect_row(screen, 0, "(hotram) object_");
    type(world, fd, screen, "\t");
    expect_row(screen, 1, "object_add  object_del");
    expect_row(screen, 0, "(hotram) object_");
    type(world, fd, screen, "a\tm\tr\tid=m0,si\t128M\r");
    expect_row(screen, 1, "(hotram) object_add memory-backend-ram,id=m0,size=128M");
    type(world, fd, screen, "dev\ta\tp\tid=d0,m\tm\t\r");
    expect_row(screen, 1, "(hotram) device_add pc-dimm,id=d0,memdev=m0");
    type(world, fd, screen, "device_d\td\t\r");
    expect_row(screen, 1, "(hotram) device_del d0");
    /* in the middle of a line, and where there is nothing */
    type(world, fd, screen, "stat\001inf\t");
    expect_row(screen, 0, "(hotram) info stat");
    type(world, fd, screen, "\005\t\r");
    expect_row(screen, 1, "VM status: paused (prelaunch)");
    type(world, fd, screen, "qqq\t\t\r");
    expect_row(screen, 1, "unknown command: 'qqq'");
    /* The list may be wider than the screen; after it the line is there again. */
    type(world, fd, screen, "info \t");
    expect_row(screen, 0, "(hotram) info");
    type(world, fd, screen, "nu\t\r");
    expect_row(screen, 4, "1 nodes");
    close(fd);
    free(screen);
}

/* A line that is too long is refused as a whole, one that fills rows is not. */
static void test_long_lines(void **state)
{
    struct world *world = *state;
    int fd = world_connect(world, "hmp");
    char line[3000];

    client_skip(world, fd, "(hotram) ");
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    client_say(world, fd, line);
    client_say(world, fd, "\r");
    client_skip(world, fd, "\r\nError: the line is too long; the limit is 1023 bytes\r\n(hotram) ");
    client_say(world, fd, "info uuid");
    for (int i = 0; i < 1000; i++)
        client_say(world, fd, " ");
    client_say(world, fd, "\r");
    client_skip(world, fd, "\r\n00000000-0000-0000-0000-000000000000\r\n(hotram) ");
    client_is_quiet(world, fd);
    close(fd);
}

static void test_random_keys(void **state)
{
    static const char *const pieces[] = { "\033",    "[",    "A",      "\t",    "device_add pc-dimm,",
                                          "memdev=", "\r",   "\033[D", "\001",  "\005",
                                          "\177",    "\xc3", "\xb6",   "\033[", "info ",
                                          "x" };
    struct world *world = *state;
    struct unit_random random = unit_random_start("hmp random keys");
    int fd = world_connect(world, "hmp");
    char block[4096];

    for (int i = 0; i < 4000; i++) {
        if (unit_random_below(&random, 3)) {
            client_say(world, fd, pieces[unit_random_below(&random, COUNT_OF(pieces))]);
        } else {
            char byte = (char)unit_random_next(&random);

            client_send(world, fd, &byte, 1);
        }
        loop_once(world->loop, 0);
        while (read(fd, block, sizeof block) > 0)
            ;
    }
    client_say(world, fd, "\005\025\005\025info status\r");
    client_skip(world, fd, "VM status: ");
    close(fd);
}

/* Several people, one of whom reads nothing. */
static void test_several_sessions(void **state)
{
    struct world *world = *state;
    int fds[3];

    for (int i = 0; i < 3; i++) {
        fds[i] = world_connect(world, "hmp");
        client_skip(world, fds[i], BANNER);
    }
    client_say(world, fds[0], "info st");
    client_say(world, fds[1], "info na");
    client_say(world, fds[0], "atus\r");
    client_skip(world, fds[0], "prelaunch)\r\n(hotram) ");
    client_say(world, fds[1], "me\r");
    client_skip(world, fds[1], "info name\r\n(hotram) ");
    for (int i = 0; i < 100000 && write(fds[2], "help\r", 5) == 5; i++)
        loop_once(world->loop, 0);
    client_say(world, fds[0], "info status\r");
    client_skip(world, fds[0], "prelaunch)\r\n(hotram) ");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    world_run(world);
}

static void test_piped_commands(void **state)
{
    struct world *world = *state;
    int fd = world_connect(world, "hmp");
    char *text;

    client_say(world, fd, "object_add memory-backend-ram,id=m0,size=4096\ninfo memory_size_summary\nquit\n");
    shutdown(fd, SHUT_WR);
    text = client_read(world, fd, NULL);
    assert_non_null(strstr(text, "\r\nbase memory: 134217728\r\nplugged memory: 0\r\n(hotram) quit\r\n"));
    free(text);
    assert_true(world_ends(world));
    close(fd);
}

/* Mux -------------------------------------------------------------------------------------------------- */

static struct channel *serial_channel;

static void *serial_opened(void *user, struct channel *channel)
{
    serial_channel = channel;
    return user;
}

static void serial_input(void *session, const uint8_t *bytes, size_t length)
{
    (void)session;
    channel_write(serial_channel, bytes, length, true);
}

static void serial_closed(void *session)
{
    (void)session;
}

/* -nographic: the serial port first, the banner at the first Ctrl-A c. */
static void test_shared_with_a_serial_port(void **state)
{
    static const struct chardev_user_ops serial = {
        .single = true, .opened = serial_opened, .input = serial_input, .closed = serial_closed
    };
    struct world *world = *state;
    const struct chardev_config config = {
        .id = "mux", .kind = CHARDEV_SOCKET, .fd = -1, .server = true, .mux = true
    };
    struct chardev *chardev = world_chardev(world, config, NULL);
    char *text;
    int fd;

    assert_true(chardev_attach(chardev, &serial, world, NULL));
    world_monitor(world, "mux", false, false);
    assert_true(chardev_start(chardev, NULL));
    fd = world_connect(world, "mux");
    client_say(world, fd, "guest");
    client_skip(world, fd, "guest");
    client_is_quiet(world, fd);
    client_say(world, fd, "\001c");
    text = client_read(world, fd, "(hotram) ");
    assert_string_equal(text, "\r\n" BANNER);
    free(text);
    client_say(world, fd, "info st\001cguest again");
    client_skip(world, fd, "info stguest again");
    client_say(world, fd, "\001c");
    client_skip(world, fd, "\r\n(hotram) info st");
    client_say(world, fd, "atus\r");
    client_skip(world, fd, "atus\r\nVM status: paused (prelaunch)\r\n(hotram) ");
    client_is_quiet(world, fd);
    close(fd);
}

/* No descriptors are left for a terminal of our own: lines are taken as they come. */
static void test_without_editor(void **state)
{
    struct world *world = *state;
    int fd = world_connect(world, "hmp");
    struct rlimit limit;
    struct rlimit low;
    char *text;

    client_skip(world, fd, "(hotram) ");
    getrlimit(RLIMIT_NOFILE, &limit);
    low = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
    setrlimit(RLIMIT_NOFILE, &low);
    client_say(world, fd, "info status");
    world_run(world);
    setrlimit(RLIMIT_NOFILE, &limit);
    client_say(world, fd, "\ninfo uuid\n");
    text = client_read(world, fd, "000000000000\r\n(hotram) ");
    assert_string_equal(text, "VM status: paused (prelaunch)\r\n(hotram) "
                              "00000000-0000-0000-0000-000000000000\r\n(hotram) ");
    free(text);
    close(fd);
}

static size_t count_descriptors(void)
{
    size_t count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Sessions leave nothing behind, in whatever order they come and go, but an editor with its history. */
static void test_sessions_do_not_leak(void **state)
{
    struct world *world = *state;
    struct unit_random random = unit_random_start("hmp sessions");
    int fds[4] = { -1, -1, -1, -1 };
    size_t descriptors = count_descriptors();
    size_t used = 0;

    for (int i = 0; i < 1000; i++) {
        int *fd = &fds[unit_random_below(&random, 4)];

        if (*fd >= 0)
            close(*fd);
        world_run(world);
        *fd = world_connect(world, "hmp");
        client_skip(world, *fd, BANNER);
        client_say(world, *fd, "info name\r");
        client_skip(world, *fd, "info name\r\n(hotram) ");
        client_say(world, *fd, "unfinished\033[");
#ifndef __SANITIZE_ADDRESS__
        if (i == 100)
            used = mallinfo2().uordblks;
        if (i > 100)
            assert_between(mallinfo2().uordblks, 0, used + 50000);
#endif
    }
    (void)used;
    world_run(world);
    client_say(world, fds[0], "mA\025\033[A"); /* the sequence before is over with the m */
    client_skip(world, fds[0], "info name");
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    world_run(world);
    assert_int_equal(count_descriptors(), descriptors + 2 * COUNT_OF(fds));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_memory_commands),
        TEST(test_two_nodes),
        TEST(test_memslots),
        TEST(test_block),
        TEST(test_machine_commands),
        TEST(test_mistakes),
        TEST(test_help),
        TEST(test_completion),
        TEST(test_completion_of_ids),
        TEST(test_session),
        TEST(test_editing),
        TEST(test_keys_one_byte_at_a_time),
        TEST(test_history),
        TEST(test_tab),
        TEST(test_long_lines),
        TEST(test_random_keys),
        TEST(test_several_sessions),
        TEST(test_piped_commands),
        TEST(test_shared_with_a_serial_port),
        TEST(test_without_editor),
        TEST(test_sessions_do_not_leak),
    };

    return cmocka_run_group_tests_name("hmp", tests, NULL, NULL);
}
