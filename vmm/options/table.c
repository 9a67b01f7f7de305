/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All options of hotram, one row each, in the order of -help. Adding an option is adding a row here and a
 * paragraph to docs/man/hotram.1.
 */
#include <string.h>

#include "options/parser.h"

#define HANDLED(name, argument, group, handle, help, examples) \
    { \
        name, argument, group, handle, 0, help, examples \
    }
#define STORED(name, argument, group, member, help, examples) \
    { \
        name, argument, group, NULL, offsetof(struct config, member), help, examples \
    }

/* What differs between architectures. */
#if defined(__aarch64__)
#define EVENTS "[,acpi=on|off][,gic-version=2|3|host|max]"
#define AT_BOOT "acpi"
#define HAS_NOT ", its=off"
#define EVENTS_HELP \
    "acpi=off: a device tree instead of ACPI tables, and no memory hotplug. gic-version: the interrupt " \
    "controller (the newest that the host has). "
#else
#define EVENTS "[,acpi-events=gpe|ged]"
#define AT_BOOT "acpi|e820"
#define HAS_NOT ", acpi=on, smm=off, i8042=off, sata=off, smbus=off"
#define EVENTS_HELP \
    "acpi-events: how ACPI tells the guest of memory and power button: by general-purpose events (gpe) or, with " \
    "hardware-reduced ACPI, by a Generic Event Device. "
#endif

#define LOG_FORM "[,mux=on|off][,logfile=PATH][,logappend=on|off]"

const struct option options_table[] = {
    HANDLED(
        "machine",
        "[type=]NAME[,accel=kvm[:OTHER...]]" EVENTS "[,usb=off][,dump-guest-core=on|off][,mem-merge=on|off]"
        "[,memory-backend=ID][,dimm-at-boot=" AT_BOOT "][,dimm-node=N|own][,dimm-granularity=auto|SIZE]"
        "[,dimm-template=TYPE,,KEY=VALUE...][,dimm-map-limit=PERCENT][,dimm-map-strict=on|off][,plug-timeout=SECONDS]"
        "[,unplug-timeout=SECONDS]",
        GROUP_MACHINE, option_machine,
        "the machine ('-machine help' for a list); what a guest sees of hotram-1 never changes. " EVENTS_HELP
        "memory-backend: the -object that is the RAM at start. dimm-at-boot: how a booting guest finds the "
        "DIMMs that are plugged. dimm-node: the NUMA node of DIMMs that are not given one (default 0; with "
        "dimm-at-boot=e820 own). dimm-granularity: what sizes and addresses of DIMMs are multiples of (auto: "
        "a Linux guest's memory block). dimm-template: memory of DIMMs that are made by size (memory plug, memory "
        "set), as -object has it, without id and size (memory-backend-ram). dimm-map-limit: how much of the "
        "guest's memory a new DIMM's memory map may take before there is a warning (25), or with dimm-map-strict=on an "
        "error. plug-timeout, unplug-timeout: how long a guest may take to answer (30, 60). Accepted, for that is how "
        "the machine is: kernel-irqchip=on, vmport=off, hpet=off" HAS_NOT,
        "-machine hotram-1,accel=kvm\n"
        "-m 1G -object memory-backend-memfd,id=ram,size=1G -machine memory-backend=ram\n"
        "-machine dimm-template=memory-backend-memfd,,prealloc=on"),
    HANDLED("M", "[type=]NAME[,KEY=VALUE]", GROUP_MACHINE, option_machine, "the same as -machine", NULL),
    HANDLED("accel", "kvm|qtest", GROUP_MACHINE, option_accel,
            "what runs the guest: KVM (default), or for tests of hotram nothing (see -qtest)", NULL),
    HANDLED("enable-kvm", NULL, GROUP_MACHINE, option_enable_kvm, "the same as -accel kvm", NULL),
    HANDLED(
        "cpu", "host|max[,migratable=on|off][,pmu=on|off][,host-phys-bits=on]", GROUP_MACHINE, option_cpu,
        "the CPU model; the guest sees the host's, by either name. The properties are QEMU's and change nothing: "
        "the guest has the host's PMU and address bits as far as KVM gives them",
        "-cpu host,migratable=off"),
    HANDLED("smp", "[cpus=]N[,sockets=S][,cores=C][,threads=T][,maxcpus=N]", GROUP_MACHINE, option_smp,
            "number of vCPUs (default 1, at most 255) and their topology: S * C * T must be N",
            "-smp 4\n-smp 4,sockets=1,cores=2,threads=2"),
    HANDLED(
        "m", "[size=]N[,slots=S,maxmem=M]", GROUP_MACHINE, option_memory,
        "N: RAM at start (default 128M; without a suffix MiB). S: slots for DIMMs, at most 256. M: the most "
        "memory that the guest can have, RAM at start and DIMMs together (without a suffix bytes)",
        "-m 1G,slots=3,maxmem=4G"),
    HANDLED(
        "memslot", "id=ID,size=SIZE[,start=ADDRESS][,node=N]", GROUP_MACHINE, option_memslot,
        "a named place for memory, empty at first; the monitor's memslot ID add and memslot ID delete fill and "
        "empty it ('-memslot help' for its properties). Without slots and maxmem in -m there is room for the "
        "memslots, and no more",
        "-memslot id=hot1,start=4294967296,size=536870912,node=0"),
    HANDLED(
        "numa",
        "node[,nodeid=N][,cpus=FIRST[-LAST]][,mem=SIZE|,memdev=ID]\n"
        "dist,src=N,dst=N,val=D\n"
        "cpu,node-id=N[,socket-id=S][,core-id=C][,thread-id=T]",
        GROUP_MACHINE, option_numa,
        "node: a NUMA node with CPUs (cpus may be repeated) and a part of the RAM at start: SIZE of it (without "
        "a suffix MiB), or an -object. dist: the distance between two nodes, 10 to 255. cpu: put all CPUs with "
        "these ids into a node",
        "-m 1G -smp 2 -numa node,cpus=0,mem=512M -numa node,cpus=1,mem=512M -numa dist,src=0,dst=1,val=20"),
    HANDLED(
        "object", "TYPE,id=ID[,KEY=VALUE]\n{\"qom-type\":\"TYPE\",\"id\":\"ID\"}", GROUP_MACHINE,
        option_object,
        "make an object, such as memory for a DIMM ('-object help' for a list, '-object TYPE,help' for its "
        "properties)",
        "-object memory-backend-ram,id=mem1,size=1G"),
    HANDLED(
        "device", "DRIVER[,id=ID][,KEY=VALUE]\n{\"driver\":\"DRIVER\",\"id\":\"ID\"}", GROUP_MACHINE,
        option_device, "add a device ('-device help' for a list, '-device DRIVER,help' for its properties)",
        "-m 1G,slots=3,maxmem=4G -object memory-backend-ram,id=m1,size=1G -device pc-dimm,id=d1,memdev=m1\n"
        "-nodefaults -chardev pty,id=c0 -device isa-serial,chardev=c0"),
    HANDLED(
        "global", "DRIVER.PROPERTY=VALUE", GROUP_MACHINE, option_global,
        "accepted for libvirt's sake where hotram has no such device, or the value asks for nothing that it "
        "lacks",
        "-global ICH9-LPC.disable_s3=1"),
    HANDLED("name", "[guest=]NAME[,debug-threads=on|off]", GROUP_MACHINE, option_name,
            "the guest's name, and with it a QMP socket for the user who started it,\n"
            "$XDG_RUNTIME_DIR/hotram/NAME.sock. With debug-threads=on threads are named by what they do",
            "-name db1,debug-threads=on"),
    HANDLED("uuid", "UUID", GROUP_MACHINE, option_uuid, "the machine's UUID",
            "-uuid 8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80"),
    HANDLED(
        "rtc", "[base=utc|localtime|DATE][,clock=host][,driftfix=none|slew]", GROUP_MACHINE, option_rtc,
        "what the clock shows at start (default utc); DATE is 2006-06-17 or 2006-06-17T16:01:21. driftfix is QEMU's "
        "and changes nothing",
        "-rtc base=2006-06-17T16:01:21"),
    HANDLED("boot", "[order=DRIVES][,once=DRIVES][,menu=off][,dimm-map-strict=on|off]", GROUP_MACHINE,
            option_boot, "accepted for QEMU's sake: what boots is always the -kernel", NULL),
    HANDLED("overcommit", "[mem-lock=on|off][,cpu-pm=off]", GROUP_MACHINE, option_overcommit,
            "mem-lock=on keeps all of the program's memory in RAM", "-overcommit mem-lock=on"),

    STORED("kernel", "FILE", GROUP_KERNEL, kernel,
           "the Linux kernel: bzImage or ELF vmlinux; on arm64 an Image, plain, gzip or zboot",
           "-kernel vmlinuz -initrd initrd.img -append console=ttyS0"),
    STORED("initrd", "FILE", GROUP_KERNEL, initrd, "the initial RAM disk", NULL),
    STORED("append", "TEXT", GROUP_KERNEL, append, "the kernel's command line", NULL),

    HANDLED("chardev",
            "null,id=ID" LOG_FORM "\n"
            "stdio,id=ID[,signal=on|off]" LOG_FORM "\n"
            "pty,id=ID" LOG_FORM "\n"
            "file,id=ID,path=PATH[,append=on|off]" LOG_FORM "\n"
            "socket,id=ID,path=PATH[,server=on|off][,wait=on|off]" LOG_FORM "\n"
            "socket,id=ID,fd=N[,server=on|off][,wait=on|off]" LOG_FORM,
            GROUP_CONSOLE, option_chardev,
            "a character device: where the bytes of a serial port or a monitor go and come from. fd is an "
            "inherited "
            "socket, with server=on one that listens",
            "-nodefaults -chardev socket,id=q,path=/run/q.sock,server=on,wait=off -mon q,mode=control"),
    HANDLED("serial", "DEVICE\nmon:DEVICE", GROUP_CONSOLE, option_serial,
            "connect the serial port COM1. DEVICE: none, null, stdio, pty, file:PATH, "
            "unix:PATH[,server=on][,wait=off], "
            "or chardev:ID. mon: puts a monitor on the device too (Ctrl-A c changes between them, Ctrl-A x "
            "ends hotram)",
            "-serial mon:stdio\n-serial pty -monitor stdio"),
    HANDLED("monitor", "DEVICE", GROUP_CONSOLE, option_monitor, "a monitor for people; DEVICE as for -serial",
            "-monitor unix:/run/monitor.sock,server=on,wait=off"),
    HANDLED("qmp", "DEVICE", GROUP_CONSOLE, option_qmp, "a monitor for programs (QMP); DEVICE as for -serial",
            "-qmp unix:/run/qmp.sock,server=on,wait=off"),
    HANDLED("qmp-pretty", "DEVICE", GROUP_CONSOLE, option_qmp_pretty, "the same with indented replies", NULL),
    HANDLED("mon", "[chardev=]ID[,mode=readline|control][,pretty=on|off]", GROUP_CONSOLE, option_mon,
            "a monitor on a chardev: for people (readline, the default) or QMP (control)",
            "-nodefaults -chardev stdio,id=c0 -mon c0"),
    HANDLED(
        "qtest", "DEVICE", GROUP_CONSOLE, option_qtest,
        "with -accel qtest: a test program on DEVICE (as for -serial) reads and writes ports and memory in "
        "the guest's place",
        "-accel qtest -nodefaults -qtest unix:/run/qtest.sock,server=on,wait=off"),
    STORED("qtest-log", "FILE", GROUP_CONSOLE, qtest_log,
           "a copy of what the test and hotram say to each other, each line behind [R] or [S]; none: no copy",
           "-accel qtest -qtest unix:/run/qtest.sock -qtest-log /dev/fd/2"),
    HANDLED(
        "nographic", NULL, GROUP_CONSOLE, option_nographic,
        "serial port and monitor share stdio, where no option places them; this is so without it too, unless "
        "-display none or -daemonize is given or stdio is taken",
        NULL),
    HANDLED("display", "none", GROUP_CONSOLE, option_display,
            "there is no display; with 'none' serial port and monitor are not put on stdio either", NULL),
    HANDLED("vga", "none", GROUP_CONSOLE, option_vga, "there is no video card", NULL),
    HANDLED("audiodev", "none,id=ID\n{\"driver\":\"none\",\"id\":\"ID\"}", GROUP_CONSOLE, option_audiodev,
            "accepted for libvirt's sake: there is no sound", NULL),
    STORED("nodefaults", NULL, GROUP_CONSOLE, no_defaults,
           "no serial port and no monitor but those that are asked for", NULL),

    STORED("S", NULL, GROUP_RUN, start_paused, "do not start the vCPUs: the monitor's cont does", NULL),
    STORED(
        "preconfig", NULL, GROUP_RUN, preconfig,
        "do not run yet and, until the monitor's x-exit-preconfig, take only commands that ask and those of "
        "objects; for QEMU's tests: what can be set then in QEMU, options set here",
        NULL),
    STORED("no-reboot", NULL, GROUP_RUN, actions.reboot_is_shutdown, "end instead of rebooting", NULL),
    STORED("no-shutdown", NULL, GROUP_RUN, actions.shutdown_is_pause,
           "when the guest powers off, pause instead of ending", NULL),
    HANDLED(
        "action", "[reboot=reset|shutdown][,shutdown=poweroff|pause][,panic=ACTION][,watchdog=ACTION]",
        GROUP_RUN, option_action,
        "-no-reboot and -no-shutdown in other words; panic=shutdown|pause|exit-failure|none is what follows when a "
        "guest with -device pvpanic panics. watchdog is QEMU's and changes nothing: there is no watchdog",
        "-action reboot=shutdown,shutdown=pause"),
    HANDLED("watchdog-action", "ACTION", GROUP_RUN, option_watchdog_action,
            "accepted for libvirt's sake: there is no watchdog", NULL),
    STORED("daemonize", NULL, GROUP_RUN, daemonize,
           "go into the background once all is open and the machine is built; the exit status tells whether "
           "it was",
           NULL),
    STORED("pidfile", "FILE", GROUP_RUN, pidfile, "write the process id to a file",
           "-pidfile /run/hotram.pid"),
    HANDLED(
        "sandbox",
        "on|off|log[,obsolete=allow|deny][,elevateprivileges=allow|deny|children][,spawn=allow|deny]"
        "[,resourcecontrol=allow|deny]",
        GROUP_RUN, option_sandbox,
        "restrict the program to the system calls that it needs, by kind of thread (default on). log: permit the "
        "others, and let the kernel's audit log name them. The other properties are QEMU's and change nothing: "
        "hotram starts no program and gains no privilege, whatever they say",
        "-sandbox on,spawn=deny\n-sandbox log"),
    HANDLED("msg", "[timestamp=on|off][,guest-name=on|off]", GROUP_RUN, option_msg,
            "put time and guest's name in front of messages", "-msg timestamp=on"),
    HANDLED("no-user-config", NULL, GROUP_RUN, NULL,
            "accepted for QEMU's sake: hotram reads no configuration files", NULL),

    HANDLED("help", NULL, GROUP_HELP, option_help, "show this help", NULL),
    HANDLED("h", NULL, GROUP_HELP, option_help, "the same", NULL),
    HANDLED("version", NULL, GROUP_HELP, option_version, "show the version", NULL),
};
const size_t options_count = sizeof options_table / sizeof options_table[0];

const struct option *option_find(const char *name)
{
    for (size_t i = 0; i < options_count; i++) {
        if (strcmp(options_table[i].name, name) == 0)
            return &options_table[i];
    }
    return NULL;
}
