/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options that QEMU 7.2 has and hotram has not, so that a QEMU user is told which and why.
 */
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "options/parser.h"

static const struct {
    const char *names; /* separated by spaces */
    const char *reason;
} absent[] = {
    { "mem-path mem-prealloc",
      "use -object memory-backend-file,... for memory from a file, or prealloc=on to allocate it at start, with -machine memory-backend=ID" },
    { "net", "a network card is -nic user, or -netdev user,id=n0 -device virtio-net-pci,netdev=n0" },
    { "cdrom",
      "no CD-ROM drive; -drive file=FILE,format=raw,readonly=on is a disk that is only read, and that a guest can mount" },
    { "fda fdb mtdblock sd iscsi", "a disk is -drive file=FILE,format=raw or -hda FILE" },
    { "fsdev virtfs", "no shared folders" },
    { "usb usbdevice", "no USB" },
    { "audio audio-help", "no sound" },
    { "spice vnc sdl portrait rotate full-screen k", "no display" },
    { "tpmdev", "no TPM" },
    { "parallel debugcon virtioconsole", "the only such device is one serial port" },
    { "option-rom dtb no-fd-bootchk win2k-hack", "no option ROMs, and hotram makes the device tree itself" },
#if defined(__aarch64__)
    { "no-acpi", "-machine acpi=off describes the machine by a device tree, without memory hotplug" },
#else
    { "no-acpi", "memory hotplug requires ACPI; a libvirt domain needs <features><acpi/></features>" },
#endif
    { "acpitable", "hotram generates the ACPI tables" },
    { "realtime", "-overcommit mem-lock=on keeps memory in RAM" },
    { "only-migratable", "query-migrate names what blocks a migration" },
    { "loadvm", "-incoming file:FILE continues from a snapshot" },
    { "dump-vmstate", "hotramctl inspect prints a snapshot" },
    { "xen-domid xen-attach xen-domid-restrict", "KVM only, no Xen" },
    { "singlestep icount d D dfilter tb-size plugin seed", "KVM runs the guest without translation" },
    { "gdb s", "no debugger interface" },
    { "trace enable-sync-profile", "no tracing" },
    { "runas chroot async-teardown", "drop privileges before starting hotram" },
    { "set compat", "set the property in the option that creates the device or object" },
    { "watchdog", "no watchdog" },
    { "echr", "the escape key is Ctrl-A" },
    { "semihosting semihosting-config prom-env old-param", "not for this architecture" },
};

/* Those without which a guest can do. */
static const struct {
    const char *names;
    const char *arguments; /* NULL: it takes none; "*": any */
} extra[] = {
    { "usb sdl portrait full-screen", NULL },
    { "audio spice vnc rotate k", "*" },
    { "usbdevice", "tablet mouse keyboard wacom-tablet braille" }, /* not, as once in QEMU, a disk */
};

/* What asks for the absence of something that is absent. */
static const struct {
    const char *name;
    const char *argument; /* NULL: it takes none; "*": any */
} harmless[] = {
    { "net", "none" },      { "vnc", "none" },   { "parallel", "none" },
    { "watchdog", "none" }, { "k", "*" },        { "realtime", "mlock=off" },
    { "audio", "none" },    { "no-hpet", NULL }, { "no-fd-bootchk", NULL },
    { "win2k-hack", NULL },
};

bool option_harmless(const char *name, const char *argument, bool *takes_argument)
{
    *takes_argument = true;
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        if (strcmp(name, harmless[i].name) != 0)
            continue;
        *takes_argument = harmless[i].argument != NULL;
        return !harmless[i].argument || (argument && (strcmp(harmless[i].argument, "*") == 0 ||
                                                      strcmp(harmless[i].argument, argument) == 0));
    }
    return false;
}

const char *option_harmless_at(size_t index, char text[32])
{
    const char *argument;

    if (index >= sizeof harmless / sizeof harmless[0])
        return NULL;
    argument = harmless[index].argument;
    if (argument && *argument == '*')
        argument = "ANYTHING";
    snprintf(text, 32, "-%s%s%s", harmless[index].name, argument ? " " : "", argument ? argument : "");
    return text;
}

bool option_extra(const char *name, const char *argument, bool *takes_argument)
{
    for (size_t i = 0; i < sizeof extra / sizeof extra[0]; i++) {
        const char *arguments = extra[i].arguments;

        if (!words_contain(extra[i].names, name))
            continue;
        *takes_argument = arguments && argument && *argument != '-';
        return !arguments || *arguments == '*' || (argument && words_contain(arguments, argument));
    }
    return false;
}

const char *option_absent(const char *name)
{
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        if (words_contain(absent[i].names, name))
            return absent[i].reason;
    return NULL;
}
