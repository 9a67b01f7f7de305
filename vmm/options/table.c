/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All options of hotram, one row each, in the order of -help. Adding an option is adding a row here and a
 * paragraph to docs/man/hotram.1.
 */
#include <string.h>

#include "firmware/rom.h"
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
#define EVENTS "[,acpi=on|off][,gic-version=2|3|host|max][,its=on|off]"
#define AT_BOOT "acpi"
#define HAS_NOT ""
#define EVENTS_HELP \
    "acpi=off: describe the machine by a device tree instead of ACPI tables; disables memory hotplug. gic-version: " \
    "the interrupt controller (default: the newest that the host supports). its: a GICv3 with a translation service " \
    "for interrupts of devices (default on, where the host's KVM has one). "
#else
#define EVENTS "[,acpi-events=gpe|ged]"
#define AT_BOOT "acpi|e820"
#define HAS_NOT ", acpi=on, smm=off, i8042=off, sata=off, smbus=off"
#define EVENTS_HELP \
    "acpi-events: how ACPI signals memory hotplug and the power button: general-purpose events (gpe, default) or, with " \
    "hardware-reduced ACPI, a Generic Event Device (ged). "
#endif

#define LOG_FORM "[,mux=on|off][,logfile=PATH][,logappend=on|off]"

const struct option options_table[] = {
    HANDLED(
        "machine",
        "[type=]NAME[,accel=kvm[:OTHER...]]" EVENTS
        "[,usb=off][,graphics=off][,dump-guest-core=on|off][,mem-merge=on|off][,ignore-absent=on|off]"
        "[,memory-backend=ID][,pflash0=NODE][,pflash1=NODE][,dimm-at-boot=" AT_BOOT
        "][,dimm-node=N|own][,dimm-granularity=auto|SIZE]"
        "[,dimm-template=TYPE,,KEY=VALUE...][,dimm-map-limit=PERCENT][,dimm-map-strict=on|off][,plug-timeout=SECONDS]"
        "[,unplug-timeout=SECONDS]",
        GROUP_MACHINE, option_machine,
        "select the machine type ('-machine help' lists them); hotram-1 as seen by guests never changes. " EVENTS_HELP
        "ignore-absent=on: start without devices and options of QEMU that hotram lacks and a guest can do without (USB, "
        "video, input, sound, conventional PCI bridges), with a warning for each; other kinds, and other mistakes, remain "
        "errors (default off). memory-backend: the -object that provides the RAM at start. pflash0, pflash1: the block nodes (-blockdev) that "
        "are the banks of flash. dimm-at-boot: how a booting guest discovers "
        "DIMMs that are already plugged. dimm-node: the NUMA node of DIMMs without node= (default 0; own with "
        "dimm-at-boot=e820). dimm-granularity: alignment of DIMM sizes and addresses (default auto: the memory block "
        "of a Linux guest). dimm-template: the memory of DIMMs created by size (memory plug, memory set), in the "
        "form of -object, without id and size (default memory-backend-ram). dimm-map-limit: percentage of the "
        "guest's memory that the memory map of a new DIMM may occupy before hotram warns (default 25) or, with "
        "dimm-map-strict=on, rejects the DIMM. plug-timeout, unplug-timeout: seconds that the guest has to respond "
        "(default 30, 60). Accepted for compatibility, with these values only: kernel-irqchip=on, vmport=off, "
        "hpet=off" HAS_NOT,
        "-machine hotram-1,accel=kvm\n"
        "-m 1G -object memory-backend-memfd,id=ram,size=1G -machine memory-backend=ram\n"
        "-machine dimm-template=memory-backend-memfd,,prealloc=on"),
    HANDLED("M", "[type=]NAME[,KEY=VALUE]", GROUP_MACHINE, option_machine, "the same as -machine", NULL),
    HANDLED(
        "accel", "kvm|qtest", GROUP_MACHINE, option_accel,
        "the accelerator: KVM (default), or qtest, which runs no guest and serves tests of hotram (see -qtest)",
        NULL),
    HANDLED("enable-kvm", NULL, GROUP_MACHINE, option_enable_kvm, "the same as -accel kvm", NULL),
    HANDLED(
        "cpu", "host|max[,migratable=on|off][,pmu=on|off][,host-phys-bits=on][,kvm-pv-eoi=on|off]",
        GROUP_MACHINE, option_cpu,
        "the CPU model: both names expose the host CPU. kvm-pv-eoi (x86-64, default on): the guest can end interrupts in "
        "memory that it shares with KVM, without an exit. The other properties are accepted for compatibility and have no "
        "effect: the guest gets the host's PMU and address bits as far as KVM supports them",
        "-cpu host,migratable=off"),
    HANDLED(
        "smp", "[cpus=]N[,maxcpus=M][,sockets=S][,cores=C][,threads=T]", GROUP_MACHINE, option_smp,
        "number of vCPUs at start (default 1), of those that are possible (default N, at most 255; the others can be plugged), "
        "and the topology of the latter: S * C * T must be M",
        "-smp 4\n-smp 4,sockets=1,cores=2,threads=2\n-smp 2,maxcpus=8"),
    HANDLED(
        "m", "[size=]N[,slots=S,maxmem=M]", GROUP_MACHINE, option_memory,
        "N: RAM at start (default 128M; MiB without a suffix). S: number of DIMM slots, at most 256. M: maximum memory of "
        "the guest, RAM at start plus all DIMMs and virtio-mem devices, which need no slots (bytes without a suffix)",
        "-m 1G,slots=3,maxmem=4G"),
    HANDLED(
        "memslot", "id=ID,size=SIZE[,start=ADDRESS][,node=N]", GROUP_MACHINE, option_memslot,
        "define a named place for a DIMM, initially empty; the monitor commands memslot ID add and memslot ID delete "
        "populate and empty it ('-memslot help' lists its properties). If -m sets neither slots nor maxmem, both "
        "are sized to fit the memslots",
        "-memslot id=hot1,start=4294967296,size=536870912,node=0"),
    HANDLED(
        "numa",
        "node[,nodeid=N][,cpus=FIRST[-LAST]][,mem=SIZE|,memdev=ID]\n"
        "dist,src=N,dst=N,val=D\n"
        "cpu,node-id=N[,socket-id=S][,core-id=C][,thread-id=T]",
        GROUP_MACHINE, option_numa,
        "node: define a NUMA node with CPUs (cpus may be repeated) and a share of the RAM at start: SIZE (MiB without a "
        "suffix) or an -object. dist: set the distance between two nodes, 10 to 255. cpu: assign all CPUs with "
        "these ids to a node",
        "-m 1G -smp 2 -numa node,cpus=0,mem=512M -numa node,cpus=1,mem=512M -numa dist,src=0,dst=1,val=20"),
    HANDLED(
        "object", "TYPE,id=ID[,KEY=VALUE]\n{\"qom-type\":\"TYPE\",\"id\":\"ID\"}", GROUP_MACHINE,
        option_object,
        "create an object, such as the memory of a DIMM ('-object help' lists the types, '-object TYPE,help' the "
        "properties of one)",
        "-object memory-backend-ram,id=mem1,size=1G"),
    HANDLED(
        "device", "DRIVER[,id=ID][,KEY=VALUE]\n{\"driver\":\"DRIVER\",\"id\":\"ID\"}", GROUP_MACHINE,
        option_device,
        "add a device ('-device help' lists the drivers, '-device DRIVER,help' the properties of one)",
        "-m 1G,slots=3,maxmem=4G -object memory-backend-ram,id=m1,size=1G -device pc-dimm,id=d1,memdev=m1\n"
        "-nodefaults -chardev pty,id=c0 -device isa-serial,chardev=c0"),
    HANDLED(
        "blockdev", "DRIVER,node-name=NAME[,KEY=VALUE]\n{\"driver\":\"DRIVER\",\"node-name\":\"NAME\"}",
        GROUP_MACHINE, option_blockdev,
        "create a block node: the image of a disk ('-blockdev help' lists the drivers, '-blockdev DRIVER,help' the "
        "properties of one), which -device virtio-blk-pci,drive=NAME uses; qcow2 and other formats of QEMU are served by "
        "qemu-storage-daemon",
        "-blockdev null-co,node-name=d,size=1G -device virtio-blk-pci,id=disk,drive=d\n"
        "-blockdev raw,node-name=d,file.driver=null-co,file.size=1G"),
    HANDLED(
        "drive", "file=FILE[,format=raw|qcow2|...][,if=virtio|pflash|none][,index=N][,id=ID][,KEY=VALUE]",
        GROUP_MACHINE, option_drive,
        "a disk in QEMU's short form: a -blockdev of the format and, with if=virtio (default), a -device virtio-blk-pci; with "
        "if=pflash, a bank of flash (unit, or index: which one). Other "
        "keys: cache=writeback|none|writethrough|directsync|unsafe, aio, discard, readonly, snapshot, werror, rerror",
        "-drive file=/var/lib/vm/disk.img,format=raw,cache=none"),
    HANDLED(
        "pflash", "FILE", GROUP_MACHINE, option_pflash,
        "the next bank of parallel flash: the same as -drive if=pflash,format=raw,file=FILE. The first holds "
        "firmware, which starts, with or without a -kernel, the second its variables",
        "-pflash /usr/share/OVMF/OVMF_CODE_4M.fd -pflash VARS.fd"),
    HANDLED(
        "hda", "FILE", GROUP_MACHINE, option_hd,
        "a disk in QEMU's shortest form: -drive file=FILE,index=0 with if=virtio; FILE alone, without an option, "
        "is the same. The format is seen as without -drive's format=",
        NULL),
    HANDLED("hdb", "FILE", GROUP_MACHINE, option_hd, "the same with index=1", NULL),
    HANDLED("hdc", "FILE", GROUP_MACHINE, option_hd, "the same with index=2", NULL),
    HANDLED("hdd", "FILE", GROUP_MACHINE, option_hd, "the same with index=3", NULL),
    STORED(
        "snapshot", NULL, GROUP_MACHINE, snapshot,
        "each -drive, and each of its short forms, has snapshot=on unless it says snapshot=off: what the guest writes is "
        "kept in a temporary file, and lost at the end",
        "-snapshot -drive file=/var/lib/vm/disk.img,format=raw"),
    HANDLED(
        "netdev",
        "user,id=ID[,hostfwd=tcp|udp:[ADDRESS]:PORT-[ADDRESS]:PORT][,KEY=VALUE]\n"
        "tap,id=ID[,ifname=NAME][,queues=N][,vhost=on|off]\n"
        "tap,id=ID,fd=N\n"
        "vhost-user,id=ID,chardev=ID[,queues=N]\n"
        "stream,id=ID,addr.type=unix,addr.path=PATH[,server=on|off][,reconnect=SECONDS][,reconnect-ms=N]\n"
        "stream,id=ID,addr.type=inet,addr.host=HOST,addr.port=PORT[,server=on|off][,reconnect=SECONDS]",
        GROUP_MACHINE, option_netdev,
        "create a network back end, the other end of a network card's cable ('-netdev help' lists the types, '-netdev "
        "TYPE,help' the properties of one); -device virtio-net-pci,netdev=ID is the card",
        "-netdev user,id=n -device virtio-net-pci,netdev=n"),
    HANDLED(
        "nic", "TYPE[,model=virtio-net-pci][,mac=ADDRESS][,KEY=VALUE]\nnone", GROUP_MACHINE, option_nic,
        "a network card in QEMU's short form: a -netdev, whose keys it takes, and the -device that uses it. "
        "none: no card, as without the option",
        "-nic user,hostfwd=tcp:127.0.0.1:2222-:22"),
    HANDLED("add-fd", "fd=NUMBER,set=NUMBER[,opaque=TEXT]", GROUP_MACHINE, option_add_fd,
            "take over an open descriptor: -blockdev, -chardev file and rng-random open it as /dev/fdset/SET",
            NULL),
    HANDLED(
        "global", "DRIVER.PROPERTY=VALUE", GROUP_MACHINE, option_global,
        "ICH9-LPC.noreboot=on: the watchdog of an x86-64 guest never acts (default off). Others are accepted for "
        "compatibility with libvirt if hotram has no such device, or if the value requests nothing that hotram lacks",
        "-global ICH9-LPC.noreboot=on"),
    HANDLED(
        "readconfig", "FILE", GROUP_MACHINE, option_readconfig,
        "read options from a file in QEMU's format: sections such as [machine], [memory], [smp-opts] and "
        "[device \"ID\"] of lines KEY = \"VALUE\". Each section is the argument of the option of that name, at "
        "this place in the command line. FILE may be /dev/fd/N, also of a pipe, or /dev/fdset/SET of an -add-fd "
        "before it",
        NULL),
    HANDLED("name", "[guest=]NAME[,debug-threads=on|off]", GROUP_MACHINE, option_name,
            "name the guest and create a QMP socket for the user who started it,\n"
            "$XDG_RUNTIME_DIR/hotram/NAME.sock. debug-threads=on names threads by their function",
            "-name db1,debug-threads=on"),
    HANDLED("uuid", "UUID", GROUP_MACHINE, option_uuid, "set the machine's UUID",
            "-uuid 8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80"),
    HANDLED(
        "smbios", "type=0|1|2|3|4|8|9|17|41[,KEY=VALUE]\ntype=11,value=TEXT", GROUP_MACHINE, option_smbios,
        "what the guest's SMBIOS tables (dmidecode) say of firmware (0), system (1), board (2), chassis (3), "
        "processors (4), memory (17), ports (8), slots (9) and onboard devices (41), of which each option adds one; type 11 "
        "is a text for the guest, and may be repeated. "
        "'-smbios type=N,help' lists the keys of a type",
        "-kernel vmlinuz -smbios type=1,manufacturer=Example,serial=1234\n-kernel vmlinuz -smbios type=11,value=role:db"),
    HANDLED(
        "rtc", "[base=utc|localtime|DATE][,clock=host][,driftfix=none|slew]", GROUP_MACHINE, option_rtc,
        "set the time of the real-time clock at start (default utc); DATE is 2006-06-17 or 2006-06-17T16:01:21. driftfix "
        "is accepted for compatibility and has no effect",
        "-rtc base=2006-06-17T16:01:21"),
    HANDLED(
        "boot",
        "[order=DRIVES][,once=DRIVES][,menu=on|off][,strict=on|off][,splash-time=MS][,reboot-timeout=MS]",
        GROUP_MACHINE, option_boot,
        "what firmware boots: order names kinds of drives (c: disks, n: networks), once those until the first reset; "
        "bootindex= of a device comes before. menu=on: firmware offers a menu, for splash-time milliseconds. strict=on: "
        "only devices with a bootindex. reboot-timeout: reset when nothing boots (default -1, never)",
        "-boot menu=on,splash-time=5000"),
    HANDLED("overcommit", "[mem-lock=on|off][,cpu-pm=off]", GROUP_MACHINE, option_overcommit,
            "mem-lock=on locks all memory of the program, including the guest's, in RAM",
            "-overcommit mem-lock=on"),

    STORED("kernel", "FILE", GROUP_KERNEL, kernel,
           "the Linux kernel: bzImage or ELF vmlinux; on arm64 an Image, plain, gzip or zboot",
           "-kernel vmlinuz -initrd initrd.img -append console=ttyS0"),
    STORED("initrd", "FILE", GROUP_KERNEL, initrd, "the initial RAM disk", NULL),
    STORED("append", "TEXT", GROUP_KERNEL, append, "the kernel's command line", NULL),
    HANDLED("bios", "FILE", GROUP_KERNEL, option_bios,
            "firmware for a machine without -pflash (default without -kernel: " ROM_DEFAULT
            " of the package " ROM_PACKAGE "); with -kernel, it starts the kernel",
            NULL),
    HANDLED("L", "FOLDER", GROUP_KERNEL, option_firmware_folder,
            "a folder in which firmware is looked for first; '-L help' lists all of them", NULL),
    HANDLED(
        "fw_cfg", "[name=]NAME,file=FILE\n[name=]NAME,string=TEXT", GROUP_KERNEL, option_fw_cfg,
        "a file that firmware and guest read from the firmware configuration device, which the machine then "
        "has; names of your own begin with opt/",
        "-fw_cfg name=opt/org.example/role,string=database"),

    HANDLED(
        "chardev",
        "null,id=ID" LOG_FORM "\n"
        "stdio,id=ID[,signal=on|off]" LOG_FORM "\n"
        "pty,id=ID" LOG_FORM "\n"
        "file,id=ID,path=PATH[,append=on|off]" LOG_FORM "\n"
        "socket,id=ID,path=PATH[,server=on|off][,wait=on|off][,reconnect=SECONDS][,reconnect-ms=N]" LOG_FORM
        "\n"
        "socket,id=ID,host=HOST,port=PORT[,server=on|off][,wait=on|off][,telnet=on|off][,nodelay=on|off]"
        "[,reconnect=SECONDS][,reconnect-ms=N]" LOG_FORM "\n"
        "socket,id=ID,fd=N[,server=on|off][,wait=on|off]" LOG_FORM,
        GROUP_CONSOLE, option_chardev,
        "create a character device, the endpoint of a serial port or monitor. fd is an inherited socket, a listening one "
        "with server=on",
        "-nodefaults -chardev socket,id=q,path=/run/q.sock,server=on,wait=off -mon q,mode=control"),
    HANDLED(
        "serial", "DEVICE\nmon:DEVICE", GROUP_CONSOLE, option_serial,
        "connect the first serial port. DEVICE: none, null, stdio, pty, file:PATH, unix:PATH, tcp:HOST:PORT or "
        "telnet:HOST:PORT[,server=on][,wait=off], or "
        "chardev:ID. mon: adds a monitor on the same device (Ctrl-A c switches between them, Ctrl-A x "
        "quits hotram)",
        "-serial mon:stdio\n-serial pty -monitor stdio"),
    HANDLED("monitor", "DEVICE", GROUP_CONSOLE, option_monitor,
            "add a human monitor on DEVICE (as for -serial)",
            "-monitor unix:/run/monitor.sock,server=on,wait=off"),
    HANDLED("qmp", "DEVICE", GROUP_CONSOLE, option_qmp,
            "add a QMP monitor, for programs, on DEVICE (as for -serial)",
            "-qmp unix:/run/qmp.sock,server=on,wait=off"),
    HANDLED("qmp-pretty", "DEVICE", GROUP_CONSOLE, option_qmp_pretty, "like -qmp, with indented replies",
            NULL),
    HANDLED("mon", "[chardev=]ID[,mode=readline|control][,pretty=on|off]", GROUP_CONSOLE, option_mon,
            "add a monitor on a chardev: human (readline, the default) or QMP (control)",
            "-nodefaults -chardev stdio,id=c0 -mon c0"),
    HANDLED(
        "qtest", "DEVICE", GROUP_CONSOLE, option_qtest,
        "with -accel qtest: let a test program on DEVICE (as for -serial) access ports and memory in place of a guest",
        "-accel qtest -nodefaults -qtest unix:/run/qtest.sock,server=on,wait=off"),
    STORED("qtest-log", "FILE", GROUP_CONSOLE, qtest_log,
           "log the qtest conversation, each line prefixed with [R] (received) or [S] (sent); none: no log",
           "-accel qtest -qtest unix:/run/qtest.sock -qtest-log /dev/fd/2"),
    HANDLED(
        "nographic", NULL, GROUP_CONSOLE, option_nographic,
        "multiplex serial port and monitor on stdio unless other options place them; this is the default unless "
        "-display none or -daemonize is given or stdio is in use",
        NULL),
    HANDLED("display", "none", GROUP_CONSOLE, option_display,
            "hotram has no display; none also keeps serial port and monitor off stdio", NULL),
    HANDLED("vga", "none", GROUP_CONSOLE, option_vga, "accepted for compatibility: hotram has no video card",
            NULL),
    HANDLED("audiodev", "none,id=ID\n{\"driver\":\"none\",\"id\":\"ID\"}", GROUP_CONSOLE, option_audiodev,
            "accepted for compatibility with libvirt: hotram has no sound device", NULL),
    STORED("nodefaults", NULL, GROUP_CONSOLE, no_defaults,
           "create no default serial port and no default monitor", NULL),

    STORED("S", NULL, GROUP_RUN, start_paused,
           "do not start the vCPUs; start them with the monitor command cont", NULL),
    HANDLED(
        "incoming", "file:FILE|unix:PATH|tcp:ADDRESS:PORT|exec:COMMAND|fd:N|defer", GROUP_RUN,
        option_incoming,
        "continue from a snapshot (monitor command machine_snapshot), or receive a guest from another program "
        "(migrate), over a socket, a descriptor, a command's output (with -sandbox off), or (defer) what migrate_incoming names; all other options are those "
        "with which that guest was started, with -device for each DIMM that was plugged, and its slot and address",
        "-incoming file:guest.snapshot"),
    HANDLED(
        "restore", "FILE", GROUP_RUN, option_restore,
        "continue from a snapshot with the options that are stored in it. Options of the host are given anew: monitors, "
        "-name, -serial, -chardev, -netdev, -blockdev; -object ID, which replaces the memory of that id; -kernel, -initrd, "
        "-bios, if these files have moved; -fw_cfg, which replaces the contents of a file that the guest has",
        NULL),
    STORED(
        "preconfig", NULL, GROUP_RUN, preconfig,
        "wait for the monitor command x-exit-preconfig and until then accept only queries and object commands; for QEMU's "
        "tests, as hotram's machine is configured by options alone",
        NULL),
    STORED("no-reboot", NULL, GROUP_RUN, actions.reboot_is_shutdown, "exit instead of rebooting", NULL),
    STORED("no-shutdown", NULL, GROUP_RUN, actions.shutdown_is_pause,
           "pause instead of exiting when the guest powers off", NULL),
    HANDLED(
        "action", "[reboot=reset|shutdown][,shutdown=poweroff|pause][,panic=ACTION][,watchdog=ACTION]",
        GROUP_RUN, option_action,
        "reboot and shutdown: like -no-reboot and -no-shutdown. panic=shutdown|pause|exit-failure|none: the response when a "
        "guest with -device pvpanic panics. watchdog: as -watchdog-action",
        "-action reboot=shutdown,shutdown=pause"),
    HANDLED(
        "watchdog-action", "reset|shutdown|poweroff|pause|debug|none|inject-nmi", GROUP_RUN,
        option_watchdog_action,
        "the response when an x86-64 guest does not feed its watchdog (Linux: iTCO_wdt) any more: reset it (the "
        "default), press the power button, end the program, stop the guest, print a message, nothing, or an "
        "interrupt that the guest cannot mask",
        "-watchdog-action pause"),
    STORED(
        "daemonize", NULL, GROUP_RUN, daemonize,
        "run in the background once all files are open and the machine is built; the exit status of the foreground "
        "process reports success or failure",
        NULL),
    STORED("pidfile", "FILE", GROUP_RUN, pidfile, "write the process id to a file",
           "-pidfile /run/hotram.pid"),
    HANDLED(
        "sandbox",
        "on|off|log[,obsolete=allow|deny][,elevateprivileges=allow|deny|children][,spawn=allow|deny]"
        "[,resourcecontrol=allow|deny]",
        GROUP_RUN, option_sandbox,
        "restrict each kind of thread to the system calls that it needs (default on). log: permit other calls and record "
        "them in the kernel's audit log. The remaining properties are accepted for compatibility and have no "
        "effect: once it is restricted, hotram neither starts programs nor gains privileges",
        "-sandbox on,spawn=deny\n-sandbox log"),
    HANDLED("msg", "[timestamp=on|off][,guest-name=on|off]", GROUP_RUN, option_msg,
            "prefix messages with the time or the guest's name", "-msg timestamp=on"),
    HANDLED("no-user-config", NULL, GROUP_RUN, NULL,
            "accepted for compatibility: hotram reads no configuration file other than that of -readconfig",
            NULL),

    HANDLED("help", NULL, GROUP_HELP, option_help, "show this help", NULL),
    HANDLED("h", NULL, GROUP_HELP, option_help, "the same as -help", NULL),
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
