/* SPDX-License-Identifier: BSD-2-Clause */
/* Options one by one: what good ones mean, and that bad ones are refused by name, value and limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "base/count_of.h"
#include "command_line.h"
#include "options/parser.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

static void defaults(void **state)
{
    struct config config;

    (void)state;
    parse_good(&config, "");
    assert_string_equal(config.machine, "hotram-1");
    assert_int_equal(config.ram_size, 128 * MIB);
    assert_int_equal(config.maxmem, 128 * MIB);
    assert_int_equal(config.slots, 0);
    assert_int_equal(config.cpus, 1);
    assert_int_equal(config.sockets * config.cores * config.threads, 1);
    assert_true(config.start_paused);
    assert_true(config.dump_guest_core);
    assert_true(config.mem_merge);
    assert_false(config.daemonize || config.actions.reboot_is_shutdown || config.actions.shutdown_is_pause ||
                 config.no_defaults || config.lock_memory || config.timestamps || config.uuid_given);
    assert_null(config.kernel);
    assert_null(config.name);
    assert_int_equal(config.rtc_base, RTC_UTC);
    config_free(&config);
}

static void memory(void **state)
{
    static const struct {
        const char *line;
        uint64_t ram, maxmem;
        uint32_t slots;
    } cases[] = {
        { "-m 512", 512 * MIB, 512 * MIB, 0 },
        { "-m 6GB", 6 * GIB, 6 * GIB, 0 },
        { "-m 512MiB", 512 * MIB, 512 * MIB, 0 },
        { "-m 1.5G", GIB + 512 * MIB, GIB + 512 * MIB, 0 },
        { "-m size=524288k,slots=16,maxmem=8388608k", 512 * MIB, 8 * GIB, 16 },
        { "-m 1G,slots=3,maxmem=4G", GIB, 4 * GIB, 3 },
        { "-m 6GB,slots=4,maxmem=10G", 6 * GIB, 10 * GIB, 4 },
        { "-m 128M,slots=3,maxmem=2G", 128 * MIB, 2 * GIB, 3 },
        { "-m 1G,slots=256,maxmem=1048580k", GIB, GIB + 4 * KIB, 256 },
        { "-m 1G,slots=0x10,maxmem=2147483648", GIB, 2 * GIB, 16 },
        { "-m 512 -m slots=2,maxmem=1G", 512 * MIB, GIB, 2 },
        { "-m slots=2,maxmem=1G -m 512", 512 * MIB, GIB, 2 },
        { "-m 512 -m 256", 256 * MIB, 256 * MIB, 0 },
        { "-m slots=3,maxmem=2G", 128 * MIB, 2 * GIB, 3 },
        { "-m 0", 128 * MIB, 128 * MIB, 0 },
        { "-m ,slots=1,maxmem=1G", 128 * MIB, GIB, 1 },
        { "-m 1K", 8 * KIB, 8 * KIB, 0 },
        { "-m size=1B", 8 * KIB, 8 * KIB, 0 },
        { "-m 4097k", 4104 * KIB, 4104 * KIB, 0 },
        { "-m 1G,maxmem=2G", GIB, 2 * GIB, 0 },
        { "-m 1G,slots=0,maxmem=2G", GIB, 2 * GIB, 0 },
        { "-m 1G,maxmem=1G", GIB, GIB, 0 },
        { "-m 0x400", GIB, GIB, 0 },
        { "-m 4P", 4 * MIB * GIB, 4 * MIB * GIB, 0 },
        { "--m 1G", GIB, GIB, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config config;

        parse_good(&config, cases[i].line);
        if (config.ram_size != cases[i].ram || config.maxmem != cases[i].maxmem ||
            config.slots != cases[i].slots)
            fail_msg("%s: %" PRIu64 " %" PRIu64 " %" PRIu32, cases[i].line, config.ram_size, config.maxmem,
                     config.slots);
        config_free(&config);
    }
}

static void bad_memory(void **state)
{
    static const struct bad cases[] = {
        { "-m 1Q", "-m 1Q: Parameter 'size' expects a size, such as 512M or 1G; got '1Q'" },
        { "-m abc", "Parameter 'size' expects a size, such as 512M or 1G; got 'abc'" },
        { "-m -1", "Parameter 'size' expects a size of 0 or more; got '-1'" },
        { "-m 99999999999G",
          "Parameter 'size' expects a size below 16 EiB (2^64 bytes); got '99999999999G'" },
        { "-m 5P", "Parameter 'size' expects at most 4 PiB, the limit of 52 address bits; got '5P'" },
        { "-m 1G,slots=2,maxmem=1E",
          "Parameter 'maxmem' expects at most 4 PiB, the limit of 52 address bits; got '1E'" },
        { "-m 1G,slots=3", "slots=3 requires maxmem" },
        { "-m 1G,slots=0", "slots=0 requires maxmem" },
        { "-m 1G,slots=3,maxmem=1G", "slots=3 but maxmem, 1 GiB, is equal to the RAM at start" },
        { "-m 1G,slots=3,maxmem=512M", "maxmem is 512 MiB, less than the RAM at start, 1 GiB" },
        { "-m 1024,slots=3,maxmem=4096",
          "-m 1024,slots=3,maxmem=4096: maxmem is 4 KiB, less than the RAM at start, 1 GiB; it includes the RAM at start and all DIMMs, such as maxmem=4G (without a suffix maxmem counts bytes)" },
        { "-m 1G,maxmem=512M", "maxmem is 512 MiB, less than the RAM at start, 1 GiB" },
        { "-m 1G,slots=257,maxmem=2G", "Parameter 'slots' expects a number from 0 to 256; got '257'" },
        { "-m 1G,slots=-1,maxmem=2G", "Parameter 'slots' expects a number from 0 to 256; got '-1'" },
        { "-m 1G,slots=a,maxmem=2G", "Parameter 'slots' expects a number from 0 to 256; got 'a'" },
        { "-m 1G,slots=,maxmem=2G", "Parameter 'slots' expects a number from 0 to 256; got ''" },
        { "-m 1G,slots,maxmem=2G", "Parameter 'slots' expects a number from 0 to 256; got 'on'" },
        { "-m 1G,slots=2,maxmem=2098177k", "maxmem is 2098177 KiB; it must be a multiple of 4 KiB" },
        { "-m 1G,slots=2,maxmem=", "Parameter 'maxmem' expects a size, such as 512M or 1G; got ''" },
        { "-m 1G,slot=2,maxmem=2G",
          "-m has no property 'slot'; did you mean 'slots'? Available: size, slots, maxmem" },
        { "-m 1G,foo=2", "-m has no property 'foo'; available: size, slots, maxmem" },
        { "-m 1G,,slots=2", "got '1G,slots=2'" },
        { "-m", "-m: requires an argument: [size=]N[,slots=S,maxmem=M]" },
    };

    (void)state;
    check_bad(cases, COUNT_OF(cases));
}

static void cpus(void **state)
{
    static const struct {
        const char *line;
        uint32_t cpus, maxcpus, sockets, cores, threads;
    } cases[] = {
        { "-smp 4", 4, 4, 1, 4, 1 },
        { "-smp cpus=255", 255, 255, 1, 255, 1 },
        { "-smp 1,sockets=1,cores=1,threads=1", 1, 1, 1, 1, 1 },
        { "-smp 4,sockets=4,cores=1,threads=1", 4, 4, 4, 1, 1 },
        { "-smp 4,sockets=2", 4, 4, 2, 2, 1 },
        { "-smp 4,cores=2", 4, 4, 2, 2, 1 },
        { "-smp 8,sockets=2,cores=2", 8, 8, 2, 2, 2 },
        { "-smp 4,threads=2", 4, 4, 1, 2, 2 },
        { "-smp sockets=2,cores=2", 4, 4, 2, 2, 1 },
        { "-smp maxcpus=2", 2, 2, 1, 2, 1 },
        { "-smp 4,maxcpus=4,dies=1,clusters=1", 4, 4, 1, 4, 1 },
        { "-smp 4 -smp sockets=4", 4, 4, 4, 1, 1 },
        { "-smp 1,maxcpus=4", 1, 4, 1, 4, 1 },
        { "-smp 1,maxcpus=4,sockets=4,cores=1,threads=1", 1, 4, 4, 1, 1 },
        { "-smp 3,maxcpus=8,threads=2", 3, 8, 1, 4, 2 },
        { "-smp 0,maxcpus=2", 2, 2, 1, 2, 1 },
        { "-smp 1,maxcpus=0", 1, 1, 1, 1, 1 },
        { "-smp 1,maxcpus=255", 1, 255, 1, 255, 1 },
        { "-machine hotram-1,smp.cpus=2,smp.maxcpus=6", 2, 6, 1, 6, 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config config;

        parse_good(&config, cases[i].line);
        if (config.cpus != cases[i].cpus || config.maxcpus != cases[i].maxcpus ||
            config.sockets != cases[i].sockets || config.cores != cases[i].cores ||
            config.threads != cases[i].threads)
            fail_msg("%s: %" PRIu32 " = %" PRIu32 " * %" PRIu32 " * %" PRIu32, cases[i].line, config.cpus,
                     config.sockets, config.cores, config.threads);
        config_free(&config);
    }
}

/* The level that QEMU names, of which there is one element. */
#if defined(__aarch64__)
#define MIDDLE "clusters"
#else
#define MIDDLE "dies"
#endif

static void bad_cpus(void **state)
{
    static const struct bad cases[] = {
        { "-smp 256", "-smp: Invalid SMP CPUs 256. The max CPUs supported by machine 'hotram-1' is 255" },
        { "-smp 4294967296", "Parameter 'cpus' expects a number from 0 to 255; got '4294967296'" },
        { "-smp abc", "Parameter 'cpus' expects a number from 0 to 255; got 'abc'" },
        { "-smp -1", "got '-1'" },
        { "-smp 4,sockets=3",
          "-smp: Invalid CPU topology: product of the hierarchy must match maxcpus: sockets (3) * " MIDDLE
          " (1) * cores (1) * threads (1) != maxcpus (4); leave one of sockets, cores and threads out" },
        { "-smp 4,sockets=1,cores=2,threads=1", "cores (2) * threads (1) != maxcpus (4)" },
        { "-smp 5,sockets=2,cores=4", "cores (4) * threads (1) != maxcpus (5)" },
        { "-smp 2,sockets=2,cores=2,threads=1,maxcpus=8",
          "sockets (2) * " MIDDLE " (1) * cores (2) * threads (1) != maxcpus (8)" },
        { "-smp 4,maxcpus=2",
          "-smp: Invalid CPU topology: maxcpus must be equal to or greater than smp: "
          "sockets (1) * " MIDDLE " (1) * cores (2) * threads (1) == maxcpus (2) < smp_cpus (4)" },
        { "-smp 1,maxcpus=289",
          "-smp: Invalid SMP CPUs 289. The max CPUs supported by machine 'hotram-1' is 255" },
        { "-smp 1,maxcpus=2147483647", "Invalid SMP CPUs 2147483647." },
        { "-smp 1,maxcpus=x", "Parameter 'maxcpus' expects a number from 0 to 255; got 'x'" },
        { "-smp sockets=16,cores=16",
          "Invalid SMP CPUs 256. The max CPUs supported by machine 'hotram-1' is 255" },
        { "-smp sockets=255,cores=255,threads=255", "Invalid SMP CPUs 16581375." },
        { "-smp 1,maxcpus=2 -machine none", "maxcpus=2: -machine none has no CPUs to plug" },
#if defined(__aarch64__)
        { "-smp 1,maxcpus=2 -machine hotram-1,acpi=off",
          "maxcpus=2 exceeds cpus=1, but CPUs are plugged by ACPI, which -machine acpi=off switches off" },
#endif
        { "-smp 4,dies=2",
          "Parameter 'dies' expects 1 (hotram supports sockets, cores and threads); got '2'" },
        { "-smp 4,core=2", "-smp has no property 'core'; did you mean 'cores'?" },
        { "-cpu qemu64",
          "-cpu qemu64: Parameter 'model' expects host|max (the guest sees the host's CPU); got 'qemu64'" },
        { "-cpu host,+avx", "-cpu has no property '+avx'" },
    };

    (void)state;
    check_bad(cases, COUNT_OF(cases));
}

/* The second name of the one machine. */
#if defined(__x86_64__)
#define FAMILY_NAME "pc-q35-hotram-1"
#define FAMILY_ALIAS "q35"
#else
#define FAMILY_NAME "virt-hotram-1"
#define FAMILY_ALIAS "virt"
#endif
#define FAMILY_NAMES FAMILY_NAME ", " FAMILY_ALIAS

static void machines(void **state)
{
    static const char *const good[] = {
        "-machine hotram-1,accel=kvm",
        "-machine type=hotram-1,usb=off,dump-guest-core=on,mem-merge=on",
        "-M hotram-1",
#if defined(__x86_64__)
        "-M q35,smm=off,vmport=off,hpet=off,i8042=off,sata=off,smbus=off",
        "-machine pc-q35-hotram-1,smm=auto",
#else
        "-M virt,its=off,gic-version=3",
        "-M virt,its=on",
        "-machine virt-hotram-1",
#endif
        "-machine none,accel=kvm:mshv:tcg",
        "-machine accel=mshv:kvm",
        "-accel mshv -accel kvm",
        "-accel kvm:",
        "-machine accel=kvm:tcg",
        "-machine none,accel=kvm:tcg",
        "-accel kvm",
        "-accel kvm -accel tcg",
        "-accel tcg -accel kvm",
        "-enable-kvm",
        "-machine acpi=on,vmport=off,kernel-irqchip=on",
        "-cpu host",
        "-cpu host,migratable=on",
        "-incoming file:/x",
        "-incoming unix:/x",
        "-incoming tcp:0:4444",
        "-incoming fd:7",
        "-incoming defer",
        "-display none",
        "-vga none",
        "-audiodev none,id=a",
        "-audiodev '{\"id\":\"audio1\",\"driver\":\"none\"}'",
        "-no-user-config",
        "-boot strict=on",
        "-fw_cfg name=opt/a,string=x -fw_cfg opt/b,file=/f",
        "-boot c",
        "-boot order=nc,menu=off",
        "-action reboot=reset,shutdown=poweroff",
        "-action panic=pause,watchdog=inject-nmi",
        "-action panic=exit-failure",
        "-watchdog-action reset",
        "-watchdog-action none",
        "-global ICH9-LPC.noreboot=off",
        "-global driver=ICH9-LPC,property=noreboot,value=1",
        "-global cfi.pflash01.secure=off -global ICH9-LPC.disable_s3=1 -global ICH9-LPC.disable_s4=on",
        "-global driver=PIIX4_PM,property=disable_s4,value=yes",
        "-global isa-fdc.driveA=x.y=z",
        "-overcommit cpu-pm=off",
    };
    struct config config;
    struct error error;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        parse_good(&config, good[i]);
        config_free(&config);
    }
    parse_good(&config, "-machine none -machine dump-guest-core=off,mem-merge=off");
    assert_string_equal(config.machine, "none");
    assert_false(config.dump_guest_core);
    assert_false(config.mem_merge);
    config_free(&config);
    parse_good(&config, "-machine " FAMILY_ALIAS);
    assert_string_equal(config.machine, FAMILY_NAME);
    config_free(&config);
    assert_int_equal(parse_line(&config, "-machine none", &error), CONFIG_RUN);
    config_free(&config);
}

static void what_the_watchdog_does(void **state)
{
    static const struct {
        const char *line;
        enum watchdog_action action;
        bool strapped;
    } cases[] = {
        { "-S", WATCHDOG_RESETS, false },
        { "-watchdog-action reset", WATCHDOG_RESETS, false },
        { "-watchdog-action shutdown -global ICH9-LPC.noreboot=on", WATCHDOG_SHUTS_DOWN, true },
        { "-action watchdog=poweroff -global ICH9-LPC.noreboot=off", WATCHDOG_POWERS_OFF, false },
        { "-watchdog-action none -action watchdog=pause", WATCHDOG_PAUSES, false },
        { "-watchdog-action debug -action panic=none", WATCHDOG_DEBUGS, false },
        { "-action watchdog=none", WATCHDOG_NOTHING, false },
        { "-watchdog-action inject-nmi -global ICH9-LPC.noreboot=1 -global ICH9-LPC.noreboot=0",
          WATCHDOG_INJECTS_NMI, false },
        { "-global driver=ICH9-LPC,property=noreboot,value=yes", WATCHDOG_RESETS, true },
    };
    struct config config;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        parse_good(&config, cases[i].line);
        assert_int_equal(config.actions.watchdog, cases[i].action);
        assert_int_equal(config.watchdog_strapped, cases[i].strapped);
        config_free(&config);
    }
}

static void accelerators(void **state)
{
    static const struct {
        const char *line;
        enum accel accel;
    } cases[] = {
        { "-S", ACCEL_KVM },
        { "-accel kvm:qtest", ACCEL_KVM },
        { "-accel mshv:qtest:kvm", ACCEL_QTEST },
        { "-accel mshv -accel no:kvm -accel qtest", ACCEL_KVM },
        { "-accel tcg:qtest:kvm", ACCEL_QTEST },
        { "-accel qtest -accel kvm", ACCEL_QTEST },
        { "-machine hotram-1,accel=qtest", ACCEL_QTEST },
    };
    struct config config;
    struct error error;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        parse_good(&config, cases[i].line);
        assert_int_equal(config.accel, cases[i].accel);
        config_free(&config);
    }
    /* Nothing to boot is needed where a test plays the guest. */
    assert_int_equal(parse_line(&config, "-accel qtest", &error), CONFIG_RUN);
    assert_null(config.qtest_chardev);
    config_free(&config);
    assert_int_equal(parse_line(&config, "-accel qtest -qtest unix:/t", &error), CONFIG_RUN);
    assert_string_equal(config.qtest_chardev, "qtest");
    config_free(&config);
    assert_int_equal(parse_line(&config, "-accel qtest -chardev null,id=c -qtest chardev:c", &error),
                     CONFIG_RUN);
    assert_string_equal(config.qtest_chardev, "c");
    config_free(&config);
}

static void bad_machines(void **state)
{
    static const struct bad cases[] = {
        { "-machine pc",
          "'pc' is a machine type of QEMU; hotram has one machine, hotram-1: write -machine " MACHINE_ALIAS
          ", or omit it" },
        { "-machine none-such",
          "'none-such' is not a machine type of hotram; the default is hotram-1; available: hotram-1, " FAMILY_NAMES
          ", none" },
        { "-machine hotram-2",
          "'hotram-2' is not a machine type of hotram; the default is hotram-1; did you mean 'hotram-1'?" },
        { "-machine hotram-1,usb=on",
          "-machine usb=on: hotram has no USB; -machine ignore-absent=on starts" },
        { "-machine hotram-1,usb=maybe", "Parameter 'usb' expects off (hotram has no USB); got 'maybe'" },
        { "-machine hotram-1,acpi=off",
          "Parameter 'acpi' expects on (memory hotplug requires ACPI); got 'off'" },
        { "-machine hotram-1,dump-guest-core=maybe",
          "Parameter 'dump-guest-core' expects on|off; got 'maybe'" },
        { "-machine mem-merge=maybe", "Parameter 'mem-merge' expects on|off; got 'maybe'" },
        { "-machine hotram-1,foo=1", "-machine has no property 'foo'; available: type, accel, usb" },
        { "-machine accel=tcg", "accelerator 'tcg': hotram runs guests with kvm only" },
        { "-accel tcg", "accelerator 'tcg': hotram runs guests with kvm only" },
        { "-accel tcg:xen", "accelerator 'tcg:xen': hotram runs guests with kvm only" },
        { "-accel foo", "accelerator 'foo': hotram runs guests with kvm only" },
        { "-accel mshv:foo -machine accel=tcg",
          "accelerator 'mshv:foo:tcg': hotram runs guests with kvm only" },
        { "-M none,accel=mshv:tcg", "accelerator 'mshv:tcg': hotram runs guests with kvm only" },
        { "-accel kvm,kernel-irqchip=split", "got 'split'" },
        { "-qtest unix:/t", "-qtest requires -accel qtest, because the test program replaces the guest" },
        { "-accel kvm:qtest -qtest unix:/t", "requires -accel qtest" },
        { "-accel qtest -qtest unix:/t -qtest unix:/u", "-qtest was already given" },
        { "-accel qtest -qtest chardev:c", "-qtest: chardev 'c' not found" },
        { "-accel qtest -qtest stdio -qmp stdio", "stdio is used twice" },
        { "-accel qtest -chardev null,mux=on,id=c -qtest chardev:c",
          "chardev 'c' has mux=on, which QMP and qtest do not support" },
        { "-display gtk",
          "-display gtk: hotram has no display; -machine ignore-absent=on starts without it" },
        { "-display gtkk", "Parameter 'type' expects none (hotram has no display); got 'gtkk'" },
        { "-vga std", "-vga std: hotram has no video card; -machine ignore-absent=on starts without it" },
        { "-vga std,x=1", "got 'std'" },
        { "-audiodev alsa,id=a", "-audiodev alsa: hotram has no sound; -machine ignore-absent=on starts" },
        { "-audiodev also,id=a", "Parameter 'driver' expects none (hotram has no sound); got 'also'" },
        { "-audiodev none", "Parameter 'id' is missing" },
        { "-audiodev id=a", "Parameter 'driver' is missing" },
        { "-audiodev none,id=a,timer-period=1", "timer-period" },
        { "-audiodev '{\"driver\":\"pa\",\"id\":\"a\"}'", "-audiodev pa: hotram has no sound" },
        { "-audiodev '{\"driver\":'", "JSON" },
        { "-fw_cfg name=opt/a", "name, plus exactly one of file and string, are needed" },
        { "-fw_cfg string=x", "name, plus exactly one of file and string, are needed" },
        { "-fw_cfg opt/a,string=x,gen_id=r", "gen_id=r: hotram has no objects that generate files" },
        { "-fw_cfg opt/a,string=x -fw_cfg opt/a,file=y", "duplicate fw_cfg file name: opt/a" },
        { "-boot order=x", "Parameter 'order' expects drive letters from a to p; got 'x'" },
        { "-boot cc", "Parameter 'order' lists drive 'c' twice; got 'cc'" },
        { "-kernel k -boot menu=on", "-boot menu=on: a kernel given by -kernel is booted without firmware" },
        { "-boot menu=perhaps", "Parameter 'menu' expects on|off; got 'perhaps'" },
        { "-boot splash-time=65536", "splash-time" },
        { "-boot reboot-timeout=-2",
          "-boot reboot-timeout=-2: Parameter 'reboot-timeout' expects -1 (never) or a number from 0 to 65535; got '-2'" },
        { "-boot splash=a.bmp",
          "Parameter 'splash' has no effect (hotram has no display); leave it out; got 'a.bmp'" },
        { "-machine dimm-granularity=-1",
          "Parameter 'dimm-granularity' expects auto or a power of two from 2M to 1T; got '-1'" },
        { "-machine dimm-granularity=", "expects auto or a power of two from 2M to 1T; got ''" },
        { "-boot strict=foo", "Parameter 'strict' expects on|off; got 'foo'" },
        { "-append x", "-append requires a kernel: add -kernel FILE" },
        { "-initrd x", "-initrd x requires a kernel: add -kernel FILE" },
    };
    struct config config;
    struct error error;

    (void)state;
    check_bad(cases, COUNT_OF(cases));
#if defined(__aarch64__)
    assert_int_equal(parse_line(&config, "", &error), CONFIG_ERROR);
    assert_non_null(strstr(error.text, "nothing to boot: add -kernel FILE"));
#else
    assert_int_equal(parse_line(&config, "", &error), CONFIG_RUN);
    assert_true(config.firmware && config.fw_cfg);
#endif
    config_free(&config);
}

static void small_options(void **state)
{
    static const uint8_t uuid[16] = { 0x8b, 0x5e, 0xc5, 0xa0, 0x2c, 0x3f, 0x4a, 0xd2,
                                      0x9a, 0x55, 0x0c, 0x5c, 0x5d, 0x6e, 0x7f, 0x80 };
    struct config config;

    (void)state;
    parse_good(&config,
               "-name guest=db,,1,debug-threads=on -uuid 8B5EC5A0-2c3f-4ad2-9a55-0c5c5d6e7f80 "
               "-kernel k -initrd i -append 'console=ttyS0, quiet' -pidfile /run/p -no-reboot -no-shutdown "
               "-msg timestamp,guest-name=on -overcommit mem-lock=on -kernel k2 -nodefaults");
    assert_string_equal(config.name, "db,1");
    assert_true(config.debug_threads);
    assert_true(config.uuid_given);
    assert_memory_equal(config.uuid, uuid, sizeof uuid);
    assert_string_equal(config.kernel, "k2");
    assert_string_equal(config.initrd, "i");
    assert_string_equal(config.append, "console=ttyS0, quiet");
    assert_string_equal(config.pidfile, "/run/p");
    assert_true(config.actions.reboot_is_shutdown && config.actions.shutdown_is_pause && config.timestamps &&
                config.message_guest_name && config.lock_memory && config.no_defaults);
    config_free(&config);
    parse_good(&config,
               "-no-reboot -no-shutdown -action reboot=reset -action shutdown=poweroff -daemonize -name x");
    assert_false(config.actions.reboot_is_shutdown || config.actions.shutdown_is_pause);
    assert_true(config.daemonize);
    assert_string_equal(config.name, "x");
    config_free(&config);
    parse_good(&config, "-action reboot=shutdown,shutdown=pause");
    assert_true(config.actions.reboot_is_shutdown && config.actions.shutdown_is_pause);
    config_free(&config);
}

static void clocks(void **state)
{
    struct config config;

    (void)state;
    parse_good(&config, "-rtc base=localtime,clock=host,driftfix=none");
    assert_int_equal(config.rtc_base, RTC_LOCALTIME);
    config_free(&config);
    parse_good(&config, "-rtc base=2006-06-17T16:01:21");
    assert_int_equal(config.rtc_base, RTC_DATE);
    assert_int_equal(config.rtc_date, 1150560081);
    config_free(&config);
    parse_good(&config, "-rtc base=2020-02-29");
    assert_int_equal(config.rtc_date, 1582934400);
    config_free(&config);
    parse_good(&config, "-rtc base=2006-06-17 -rtc base=utc");
    assert_int_equal(config.rtc_base, RTC_UTC);
    config_free(&config);
}

static void bad_small_options(void **state)
{
    static const struct bad cases[] = {
        { "-rtc base=foo", "Parameter 'base' expects utc, localtime, or a date such as 2006-06-17 or "
                           "2006-06-17T16:01:21; got 'foo'" },
        { "-rtc base=2020-13-01", "got '2020-13-01'" },
        { "-rtc base=2021-02-29", "got '2021-02-29'" },
        { "-rtc base=2020-01-01T25:00:00", "got '2020-01-01T25:00:00'" },
        { "-rtc base=2020-01-01x", "got '2020-01-01x'" },
        { "-rtc base=", "got ''" },
        { "-rtc clock=vm", "Parameter 'clock' expects host (the clock runs with the host's); got 'vm'" },
        { "-rtc driftfix=x", "Parameter 'driftfix' expects none|slew; got 'x'" },
        { "-rtc foo=1", "-rtc has no property 'foo'" },
        { "-uuid 12",
          "expects a UUID such as 8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80 (8-4-4-4-12 hexadecimal digits); "
          "got '12'" },
        { "-uuid 01234567-89ab-cdef-0123-456789abcdeg", "got '01234567-89ab-cdef-0123-456789abcdeg'" },
        { "-uuid 01234567089ab-cdef-0123-456789abcdef", "got '01234567089ab-cdef" },
        { "-name a,b", "-name has no property 'b'; available: guest, debug-threads" },
        { "-name a,debug-threads=maybe", "Parameter 'debug-threads' expects on|off; got 'maybe'" },
        { "-msg foo=1", "-msg has no property 'foo'" },
        { "-msg timestamp=x", "Parameter 'timestamp' expects on|off; got 'x'" },
        { "-overcommit mem-lock=x", "Parameter 'mem-lock' expects on|off; got 'x'" },
        { "-overcommit cpu-pm=on", "got 'on'" },
        { "-action reboot=foo", "Parameter 'reboot' expects reset|shutdown; got 'foo'" },
        { "-action panic=reset", "Parameter 'panic' expects pause|shutdown|exit-failure|none; got 'reset'" },
        { "-watchdog-action bark",
          "Parameter 'watchdog' expects reset|shutdown|poweroff|pause|debug|none|inject-nmi; got 'bark'" },
        { "-action guest=none", "-action has no property 'guest'" },
        { "-global ICH9-LPC.disable_s3=0",
          "-global ICH9-LPC.disable_s3=0: the guest has no suspend to RAM: omit it, or set it to 1" },
        { "-global driver=PIIX4_PM,property=disable_s4,value=off", "the guest has no suspend to disk" },
        { "-global driver=cfi.pflash01,property=secure,value=on",
          "flash that only system management mode may change requires that mode, which the machine lacks: omit it, or set it to 0" },
        { "-global ICH9-LPC.disable_s3=maybe", "Parameter 'disable_s3' expects on or off; got 'maybe'" },
        { "-global ICH9-LPC.noreboot=2", "Parameter 'noreboot' expects on or off; got '2'" },
        { "-global pc-dimm.node=1", "defaults for pc-dimm are not supported: set 'node' in each -device" },
        { "-global memory-backend-ram.share=on", "set 'share' in each -object" },
        { "-global x", "-global has no property 'x'; available: driver, property, value" },
        { "-global x.y", "expects DRIVER.PROPERTY=VALUE; got 'x.y'" },
        { "-global driver=x,value=1", "Parameter 'property' is missing" },
        { "-action reboot=reset|shutdown", "got 'reset|shutdown'" },
    };

    (void)state;
    check_bad(cases, COUNT_OF(cases));
}

static void unknown_options(void **state)
{
    static const struct bad cases[] = {
        { "-net user",
          "-net: QEMU option not supported by hotram (a network card is -nic user, or -netdev user,id=n0 -device virtio-net-pci,netdev=n0)" },
        { "-nic user,model=e1000", "Unsupported NIC model: 'e1000'" },
        { "-nic usr", "Parameter 'type' does not accept value 'usr'" },
        { "-nic user,mac=53:54:00:12:34:56", "multicast" },
        { "-nic user,netdev=n", "netdev" },
        { "-nic none,mac=52:54:00:12:34:56", "no network card" },
        { "-nic user,id=n -netdev user,id=n", "Duplicate ID 'n' for netdev" },
        { "-nic model=virtio", "'type' is missing" },
        { "-netdev user", "Parameter 'id' is missing" },
        { "-netdev usr,id=n", "Parameter 'type' does not accept value 'usr'" },
        { "-netdev tap,id=n,fd=1,ifname=t", "cannot be given together" },
        { "-netdev user,id=n -netdev user,id=n", "Duplicate ID 'n' for netdev" },
        { "-hda x -hda y", "-hda y: drive with index=0 exists: -hda is index 0" },
        { "-hdd x -drive file=y,index=3", "drive with index=3 exists" },
        { "-drive file=y -hda x", "-hda x: drive with index=0 exists" },
        { "x y", "-hda y: drive with index=0 exists" },
        { "-drive file=x,index=-1", "'index'" },
        { "-cdrom x", "(no CD-ROM drive; -drive file=FILE,format=raw,readonly=on is" },
        { "-fda x", "(a disk is -drive file=FILE,format=raw or -hda FILE)" },
        { "-vnc :0", "(no display)" },
        { "-incoming tcp:", "unix:PATH, tcp:ADDRESS:PORT, exec:COMMAND, fd:N or defer; got 'tcp:'" },
        { "-incoming exec:", "got 'exec:'" },
        { "-incoming file:", "got 'file:'" },
        { "-incoming unix:", "got 'unix:'" },
        { "-incoming deferred", "got 'deferred'" },
        { "-only-migratable", "(query-migrate names what blocks a migration)" },
        { "-snapshot -pflash x", "-pflash x: -snapshot is for disks" },
        { "-drive file=x,format=raw,snapshot=on,if=pflash", "snapshot=on is for disks" },
        { "-s", "-s: QEMU option not supported by hotram (no debugger interface)" },
#if defined(__aarch64__)
        { "-no-acpi", "(-machine acpi=off describes" },
#else
        { "-no-acpi", "(memory hotplug requires ACPI" },
#endif
        { "-kernal x", "-kernal: unknown option; did you mean -kernel? -help shows all" },
        { "-sernial x", "did you mean -serial?" },
        { "-no-rebot", "did you mean -no-reboot?" },
        { "-nodefconfig", "-nodefconfig: unknown option" },
        { "-frobnicate", "-frobnicate: unknown option; -help shows all" },
        { "-m=1G", "-m=1G: an option's argument follows after a space: -m 1G" },
        { "--kernel=x", "--kernel=x: an option's argument follows after a space: -kernel x" },
        { "-", "-: unknown option" },
        { "--", "--: unknown option" },
        { "---m 1G", "---m: unknown option" },
        { "''", "-hda : Parameter 'file' is missing: the path of an image" },
        { "-kernel", "-kernel: requires an argument: FILE" },
        { "'-netdev '", "unknown option" },
        { "'-fda fdb'", "unknown option" },
    };

    (void)state;
    check_bad(cases, COUNT_OF(cases));
}

static void objects(void **state)
{
    struct config config;

    (void)state;
    parse_good(&config,
               "-m 1G,slots=3,maxmem=4G -object memory-backend-ram,id=mem1,size=1G "
               "-object '{\"qom-type\":\"memory-backend-file\",\"id\":\"mem2\",\"size\":4096}' "
               "-object '{\"qom-type\":\"secret\",\"id\":\"masterKey0\",\"format\":\"raw\",\"file\":\"/x\"}' "
               "-object secret,id=s1,data=x "
               "-device pc-dimm,id=dimm1,memdev=mem1 -device '{\"driver\":\"pc-dimm\",\"memdev\":\"mem2\"}' "
               "-device pc-dimm,memdev=mem3");
    assert_int_equal(config.object_count, 2);
    assert_true(config.objects[0].keyval);
    assert_false(config.objects[1].keyval);
    assert_string_equal(json_object_to_json_string_ext(config.objects[0].object, JSON_C_TO_STRING_PLAIN),
                        "{\"qom-type\":\"memory-backend-ram\",\"id\":\"mem1\",\"size\":\"1G\"}");
    assert_int_equal(config.device_count, 3);
    assert_true(config.devices[0].keyval);
    assert_false(config.devices[1].keyval);
    config_free(&config);
}

#if defined(__aarch64__)
#define CPU_TYPE "host-arm-cpu"
#else
#define CPU_TYPE "host-x86_64-cpu"
#endif

static void bad_objects(void **state)
{
    static const struct bad cases[] = {
        { "-object memory-backend-rom,id=a",
          "-object memory-backend-rom,id=a: invalid object type: memory-backend-rom; did you mean 'memory-backend-ram'?" },
        { "-object throttle-group,id=a",
          "invalid object type: throttle-group; available: memory-backend-ram" },
        { "-object memory-backend-ram", "Parameter 'id' is missing" },
        { "-object id=a", "Parameter 'qom-type' is missing" },
        { "-object memory-backend-ram,id=1a",
          "Parameter 'id' expects an identifier: letters, digits, '-', '.', '_', "
          "starting with a letter; got '1a'" },
        { "-object memory-backend-ram,id=a -object memory-backend-file,id=a", "Duplicate ID 'a' for object" },
        { "-object {\"qom-type\":", "JSON parse error, the text ends too early" },
        { "-object {\"qom-type\":5}", "Invalid parameter type for 'qom-type', expected: string" },
        { "-object {\"qom-type\":\"memory-backend-ram\",\"id\":5}",
          "Invalid parameter type for 'id', expected: string" },
        { "-object secret", "Parameter 'id' is missing" },
        { "-device foo",
          "'foo' is not a valid device model name; available: " CPU_TYPE ", isa-serial, pc-dimm" },
        { "-device acpi-ged", "-device acpi-ged: Parameter 'driver' expects a pluggable device type: "
                              "'acpi-ged' is a part of the machine" },
        { "-device acpi-ged,help", "'acpi-ged' is a part of the machine" },
        { "-device pc-dim,memdev=a", "'pc-dim' is not a valid device model name; did you mean 'pc-dimm'?" },
        { "-device ''", "-device : Parameter 'driver' is missing" },
        { "-device pc-dimm,id=a -device pc-dimm,id=a", "Duplicate ID 'a' for device" },
        { "-device isa-serial,id=a -device pc-dimm,id=a",
          "Duplicate ID 'a' for device: already in use by an earlier one" },
        { "-device pc-dimm,id=-a", "Parameter 'id' expects an identifier" },
        { "-device {\"driver\":\"pc-dimm\",\"id\":5}", "Invalid parameter type for 'id', expected: string" },
        { "-device {\"driver\":\"help\"}", "'help' is not a valid device" },
    };

    (void)state;
    check_bad(cases, COUNT_OF(cases));
}

static void long_arguments(void **state)
{
    static char line[9000] = "-m ";
    struct config config;
    struct error error;

    (void)state;
    memset(line + 3, '9', 8000);
    assert_int_equal(parse_line(&config, line, &error), CONFIG_ERROR);
    assert_true(strlen(error.text) < 600);
    assert_non_null(strstr(error.text, "below 16 EiB"));
    config_free(&config);
    memset(line, 'x', 8000);
    line[0] = '-';
    assert_int_equal(parse_line(&config, line, &error), CONFIG_ERROR);
    assert_true(strlen(error.text) < 200);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),        cmocka_unit_test(memory),
        cmocka_unit_test(bad_memory),      cmocka_unit_test(cpus),
        cmocka_unit_test(bad_cpus),        cmocka_unit_test(machines),
        cmocka_unit_test(accelerators),    cmocka_unit_test(what_the_watchdog_does),
        cmocka_unit_test(bad_machines),    cmocka_unit_test(small_options),
        cmocka_unit_test(clocks),          cmocka_unit_test(bad_small_options),
        cmocka_unit_test(unknown_options), cmocka_unit_test(objects),
        cmocka_unit_test(bad_objects),     cmocka_unit_test(long_arguments),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
