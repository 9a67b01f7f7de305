/* SPDX-License-Identifier: BSD-2-Clause */
/* Chardevs and who uses them; what happens to stdio when nobody says; libvirt's command lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/count_of.h"
#include "command_line.h"

/* One line of text for all that concerns consoles, so that a table can hold what is expected:
 * "stdio serial0 mux signal=off; serial=serial0; hmp serial0; qmp ...". */
static void describe(const struct config *config, char *text, size_t size)
{
    static const char *const kinds[] = { "null", "stdio", "pty", "file", "socket" };
    size_t used = 0;

    text[0] = '\0';
#define ADD(...) used += (size_t)snprintf(text + used, size - used, __VA_ARGS__)
    for (size_t i = 0; i < config->chardev_count; i++) {
        const struct chardev_config *chardev = &config->chardevs[i];

        ADD("%s %s", kinds[chardev->kind], chardev->id);
        if (chardev->path)
            ADD(" %s", chardev->path);
        if (chardev->host)
            ADD(" %s[%s]:%s%s", chardev->telnet ? "telnet" : "tcp", chardev->host, chardev->port,
                chardev->nodelay ? " nodelay" : "");
        if (chardev->fd != -1)
            ADD(" fd=%d", chardev->fd);
        if (chardev->reconnect_ms > 0)
            ADD(" again=%llu", (unsigned long long)chardev->reconnect_ms);
        ADD("%s%s%s%s", chardev->server ? " server" : "", chardev->wait ? " wait" : "",
            chardev->append ? " append" : "", chardev->mux ? " mux" : "");
        ADD("%s", chardev->kind == CHARDEV_STDIO && chardev->signal ? " signal" : "");
        if (chardev->logfile)
            ADD(" log=%s%s", chardev->logfile, chardev->logappend ? "+" : "");
        ADD("; ");
    }
    ADD("serial=%s", config->serial_chardev ? config->serial_chardev : "-");
    for (size_t i = 0; i < config->monitor_count; i++) {
        const struct monitor_config *monitor = &config->monitors[i];

        ADD("; %s %s", monitor->control ? "qmp" : "hmp", monitor->chardev);
        if (monitor->id)
            ADD(" id=%s", monitor->id);
        ADD("%s", monitor->pretty ? " pretty" : "");
    }
#undef ADD
}

struct good {
    const char *line, *description;
};

static void check_good(const struct good *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char line[1024] = "-kernel k ", text[1024];
        struct config config;
        struct error error;

        strcat(line, cases[i].line);
        if (parse_line(&config, line, &error) != CONFIG_RUN)
            fail_msg("%s: %s", cases[i].line, error.text);
        describe(&config, text, sizeof text);
        if (strcmp(text, cases[i].description) != 0)
            fail_msg("%s:\n  is       %s\n  expected %s", cases[i].line, text, cases[i].description);
        config_free(&config);
    }
}

static void default_consoles(void **state)
{
    static const struct good cases[] = {
        { "", "stdio serial0 mux; serial=serial0; hmp serial0" },
        { "-append console=ttyS0", "stdio serial0 mux; serial=serial0; hmp serial0" },
        { "-nographic", "stdio serial0 mux; serial=serial0; hmp serial0" },
        { "-nographic -display none", "stdio serial0 mux; serial=serial0; hmp serial0" },
        { "-display none", "serial=-" },
        { "-nodefaults", "serial=-" },
        { "-nodefaults -nographic", "serial=-" },
        { "-daemonize", "serial=-" },
        { "-daemonize -nodefaults -nographic", "serial=-" },
        { "-serial null", "null serial0; stdio compat_monitor0 signal; serial=serial0; hmp compat_monitor0" },
        { "-serial none", "stdio compat_monitor0 signal; serial=-; hmp compat_monitor0" },
        { "-monitor none", "stdio serial0 signal; serial=serial0" },
        { "-monitor none -serial none", "serial=-" },
        { "-qmp unix:/q,server,nowait",
          "socket compat_monitor0 /q server; stdio serial0 signal; serial=serial0; qmp compat_monitor0" },
        { "-monitor stdio", "stdio compat_monitor0 signal; serial=-; hmp compat_monitor0" },
        { "-qmp stdio", "stdio compat_monitor0 signal; serial=-; qmp compat_monitor0" },
        { "-serial stdio", "stdio serial0 signal; serial=serial0" },
        { "-serial mon:stdio", "stdio serial0 mux; serial=serial0; hmp serial0" },
        { "-serial mon:unix:/s,server=on", "socket serial0 /s server wait mux; serial=serial0; hmp serial0" },
        { "-daemonize -nographic -serial null -monitor none", "null serial0; serial=serial0" },
        { "-chardev stdio,id=c -device isa-serial,chardev=c", "stdio c signal; serial=c" },
        { "-device isa-serial", "stdio compat_monitor0 signal; serial=-; hmp compat_monitor0" },
    };

    (void)state;
    check_good(cases, COUNT_OF(cases));
}

static void chardevs(void **state)
{
    static const struct good cases[] = {
        { "-nodefaults -chardev null,id=a", "null a; serial=-" },
        { "-nodefaults -chardev socket,id=a,host=h,port=1,nodelay=on",
          "socket a tcp[h]:1 nodelay; serial=-" },
        { "-nodefaults -chardev socket,id=a,host=::1,port=65535,server=on,telnet=on",
          "socket a telnet[::1]:65535 server wait; serial=-" },
        { "-nodefaults -chardev socket,id=a,host=,port=0,server=on,wait=off",
          "socket a tcp[]:0 server; serial=-" },
        { "-nodefaults -serial tcp:h:1", "socket serial0 tcp[h]:1; serial=serial0" },
        { "-nodefaults -serial tcp:[::1]:1,server,nowait",
          "socket serial0 tcp[::1]:1 server; serial=serial0" },
        { "-nodefaults -serial tcp::1,server=on", "socket serial0 tcp[]:1 server wait; serial=serial0" },
        { "-nodefaults -monitor telnet:h:1,server=on,wait=off",
          "socket compat_monitor0 telnet[h]:1 server; serial=-; hmp compat_monitor0" },
        { "-nodefaults -chardev stdio,id=a,signal=off,mux=on", "stdio a mux; serial=-" },
        { "-nodefaults -chardev pty,id=a,logfile=/l", "pty a log=/l; serial=-" },
        { "-nodefaults -chardev file,id=a,path=/f,append=on,logfile=/l,logappend=on",
          "file a /f append log=/l+; serial=-" },
        { "-nodefaults -chardev socket,id=a,path=/s", "socket a /s; serial=-" },
        { "-nodefaults -chardev socket,id=a,path=/s,server=on", "socket a /s server wait; serial=-" },
        { "-nodefaults -chardev socket,id=a,path=/s,server=on,wait=off", "socket a /s server; serial=-" },
        { "-nodefaults -chardev socket,id=a,path=/s,server,nowait", "socket a /s server; serial=-" },
        { "-nodefaults -chardev socket,id=a,path=/s,wait=off", "socket a /s; serial=-" },
        { "-nodefaults -chardev socket,id=a,path=/s,reconnect=4294967295",
          "socket a /s again=4294967295000; serial=-" },
        { "-nodefaults -serial unix:/s,reconnect-ms=7", "socket serial0 /s again=7; serial=serial0" },
        { "-nodefaults -chardev socket,id=a,path=/s,reconnect=0", "socket a /s; serial=-" },
        { "-nodefaults -chardev socket,id=a,host=h,port=1,reconnect=0", "socket a tcp[h]:1; serial=-" },
        { "-nodefaults -chardev socket,id=a,host=h,port=1,reconnect-ms=5",
          "socket a tcp[h]:1 again=5; serial=-" },
        { "-nodefaults -chardev socket,id=a,fd=7,server=on,wait=off", "socket a fd=7 server; serial=-" },
        { "-nodefaults -chardev backend=null,id=a", "null a; serial=-" },
        { "-nodefaults -chardev null,id=a -serial chardev:a", "null a; serial=a" },
        { "-nodefaults -serial chardev:a -chardev null,id=a", "null a; serial=a" },
        { "-nodefaults -serial file:/a,b", "file serial0 /a,b; serial=serial0" },
        { "-nodefaults -serial pty -monitor pty -qmp pty",
          "pty serial0; pty compat_monitor0; pty compat_monitor1; serial=serial0; hmp compat_monitor0; "
          "qmp compat_monitor1" },
        { "-nodefaults -qmp-pretty unix:/q,server=on,wait=off",
          "socket compat_monitor0 /q server; serial=-; qmp compat_monitor0 pretty" },
        { "-nodefaults -chardev null,id=a -monitor chardev:a", "null a; serial=-; hmp a" },
        { "-nodefaults -chardev null,id=a -mon a", "null a; serial=-; hmp a" },
        { "-nodefaults -chardev null,id=a -mon chardev=a,mode=readline,id=m",
          "null a; serial=-; hmp a id=m" },
        { "-nodefaults -chardev null,id=a -mon a,mode=control,pretty=on", "null a; serial=-; qmp a pretty" },
        { "-nodefaults -chardev null,id=a -mon a,mode=control,pretty", "null a; serial=-; qmp a pretty" },
        { "-nodefaults -chardev pty,mux=on,id=a -mon a -mon a -device isa-serial,chardev=a",
          "pty a mux; serial=a; hmp a; hmp a" },
        { "-nodefaults -serial none -serial none -serial null", "null serial0; serial=serial0" },
        { "-nodefaults -chardev null,id=a -device "
          "'{\"driver\":\"isa-serial\",\"chardev\":\"a\",\"id\":\"s\",\"index\":0}'",
          "null a; serial=a" },
    };

    (void)state;
    check_good(cases, COUNT_OF(cases));
}

static void bad_consoles(void **state)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        { "-chardev stdio", "Parameter 'id' is missing" },
        { "-chardev id=a", "Parameter 'backend' is missing" },
        { "-chardev udp,id=a",
          "'udp' is not a chardev of hotram; available: null, stdio, pty, file, socket" },
        { "-chardev sockt,id=a", "did you mean 'socket'?" },
        { "-chardev null,id=1a", "Parameter 'id' expects an identifier" },
        { "-chardev null,id=a,path=/x",
          "chardev null has no property 'path'; available: backend, id, mux, logfile" },
        { "-chardev file,id=a", "Parameter 'path' is missing" },
        { "-chardev file,id=a,path=", "Parameter 'path' is missing" },
        { "-chardev null,id=a,logappend=on", "logappend=on needs logfile=PATH" },
        { "-chardev stdio,id=a,signal=maybe", "Parameter 'signal' expects 'on' or 'off'; got 'maybe'" },
        { "-chardev socket,id=a", "exactly one of 'path', 'fd' and 'host' (with 'port') is required" },
        { "-chardev socket,id=a,path=/x,fd=3",
          "exactly one of 'path', 'fd' and 'host' (with 'port') is required" },
        { "-chardev socket,id=a,fd=-1", "Parameter 'fd' expects a number from 0 to 4294967295; got '-1'" },
        { "-chardev socket,id=a,fd=2147483648",
          "Parameter 'fd' expects a number from 0 to 2147483647; got '2147483648'" },
        { "-chardev socket,id=a,path=/x,reconnect=1,reconnect-ms=1",
          "'reconnect' and 'reconnect-ms' are mutually exclusive" },
        { "-chardev socket,id=a,path=/x,server=on,reconnect=0",
          "'reconnect' option is incompatible with socket in server listen mode" },
        { "-chardev socket,id=a,fd=3,reconnect-ms=1",
          "'reconnect-ms' option is incompatible with 'fd' address type" },
        { "-chardev socket,id=a,path=/x,reconnect=-1", "Parameter 'reconnect' expects" },
        { "-chardev socket,id=a,path=/x,wait=on", "wait=on requires server=on" },
        { "-chardev socket,id=a,path=", "Parameter 'path' expects the path of a socket; got ''" },
        { "-chardev "
          "socket,id=a,path=/"
          "0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
          "2345678901234567890123456",
          "'path' has 108 characters; the path of a socket has at most 107" },
        { "-chardev null,id=a -chardev pty,id=a",
          "-chardev pty,id=a: Duplicate ID 'a' for chardev: already in use by -chardev null,id=a" },
        { "-chardev null,id=serial0 -serial pty",
          "Duplicate ID 'serial0' for chardev: already in use by -chardev null,id=serial0" },
        { "-serial udp::4444",
          "'udp::4444' is not a character device of hotram; expected none, null, stdio" },
        { "-monitor tcp:x:80=1",
          "'tcp:x:80=1' lacks a port: HOST:PORT, such as 127.0.0.1:4444, is expected" },
        { "-qmp telnet:server=on", "'telnet:server=on' lacks a port: HOST:PORT" },
        { "-serial tcp:4444", "'tcp:4444' lacks a port: HOST:PORT, such as 127.0.0.1:4444, is expected" },
        { "-serial tcp::4444", "Parameter 'host' expects a name or an address to connect to; got ''" },
        { "-serial tcp:h:65536", "Parameter 'port' expects a number from 0 to 65535; got '65536'" },
        { "-serial tcp:h:-1", "Parameter 'port' expects a number from 0 to 65535; got '-1'" },
        { "-serial tcp:h:ftp", "Parameter 'port' expects a number from 0 to 65535; got 'ftp'" },
        { "-monitor telnet:h:1", "telnet=on requires server=on: hotram is no telnet client" },
        { "-qmp tcp:h:1,wait=on", "wait=on requires server=on" },
        { "-chardev socket,id=a,host=h", "Parameter 'port' is missing: host=h,port=PORT" },
        { "-chardev socket,id=a,port=1", "port=1 is for TCP: it needs host=HOST,port=PORT" },
        { "-chardev socket,id=a,path=/x,telnet=on", "telnet=on is for TCP: it needs host=HOST,port=PORT" },
        { "-chardev socket,id=a,path=/x,nodelay=on", "nodelay=on is for TCP: it needs host=HOST,port=PORT" },
        { "-chardev socket,id=a,path=/x,host=h,port=1",
          "exactly one of 'path', 'fd' and 'host' (with 'port') is required" },
        { "-serial ''", "'' is not a character device" },
        { "-serial stdiox", "'stdiox' is not a character device" },
        { "-serial mon:chardev:a", "'chardev:a' is not a character device" },
        { "-monitor mon:stdio", "'mon:stdio' is not a character device" },
        { "-serial unix:", "exactly one of 'path', 'fd' and 'host' (with 'port') is required" },
        { "-serial unix:/s,foo=1", "chardev socket has no property 'foo'" },
        { "-serial file:", "Parameter 'path' is missing" },
        { "-nodefaults -serial chardev:a",
          "serial port: chardev 'a' not found: there are none; -chardev creates one, such as -chardev null,id=a" },
        { "-serial pty -serial pty", "-serial pty: hotram has one serial port, COM1" },
        { "-serial pty -device isa-serial", "-device isa-serial: hotram has one serial port, COM1" },
        { "-device isa-serial,index=1",
          "Parameter 'index' expects 0: hotram has one serial port, COM1; got '1'" },
        { "-device isa-serial,foo=1", "isa-serial has no property 'foo'" },
        { "-device {\"driver\":\"isa-serial\",\"index\":\"0\"}",
          "Invalid parameter type for 'index', expected: integer" },
        { "-nodefaults -chardev null,id=b -device isa-serial,chardev=a",
          "serial port: chardev 'a' not found; there is: b" },
        { "-chardev null,id=b -chardev null,id=c -mon a", "monitor: chardev 'a' not found; there are: b, c" },
        { "-mon mode=readline", "Parameter 'chardev' is missing" },
        { "-chardev null,id=a -mon a,mode=x", "Parameter 'mode' expects readline|control; got 'x'" },
        { "-chardev null,id=a -mon a,pretty=on", "pretty=on applies to QMP only; add mode=control" },
        { "-chardev null,id=a -mon a,foo=1", "-mon has no property 'foo'" },
        { "-chardev null,id=a,mux=on -mon a,id=m -mon a,id=m", "Duplicate ID 'm' for mon" },
        { "-chardev null,id=a -mon a,id=1", "Parameter 'id' expects an identifier" },
        { "-chardev null,id=a -mon a -mon a",
          "monitor: chardev 'a' (-chardev null,id=a) is already in use; mux=on allows it to be shared" },
        { "-chardev null,id=a -mon a,mode=control -serial chardev:a",
          "QMP monitor: chardev 'a' (-chardev null,id=a)" },
        { "-chardev null,id=a,mux=on -mon a,mode=control", "QMP monitor: chardev 'a' has mux=on" },
        { "-serial stdio -monitor stdio", "stdio is used twice, by -serial stdio and by -monitor stdio" },
        { "-chardev stdio,id=a -serial stdio",
          "stdio is used twice, by -chardev stdio,id=a and by -serial stdio" },
        { "-nographic -monitor stdio", "stdio is used twice, by -monitor stdio and by -nographic" },
        { "-daemonize -serial stdio", "-serial stdio cannot be used with -daemonize: a daemon has no stdio" },
        { "-daemonize -chardev stdio,id=x", "-chardev stdio,id=x cannot be used with -daemonize" },
        { "-daemonize -nographic",
          "-nographic cannot be used with -daemonize: it puts the serial port on stdio" },
        { "-daemonize -nographic -serial null",
          "-nographic cannot be used with -daemonize: it puts the monitor on stdio" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char line[1024] = "-kernel k ";
        struct config config;
        struct error error;

        strcat(line, cases[i].line);
        if (parse_line(&config, line, &error) != CONFIG_ERROR)
            fail_msg("%s: taken", cases[i].line);
        if (!strstr(error.text, cases[i].message))
            fail_msg("%s: %s", cases[i].line, error.text);
        config_free(&config);
    }
}

static void libvirt_probes(void **state)
{
    struct config config;
    struct error error;
    char text[256];

    (void)state;
    if (parse_line(&config,
                   "-S -no-user-config -nodefaults -nographic -machine none,accel=kvm:tcg "
                   "-qmp unix:/var/lib/libvirt/qemu/qmp-x/qmp.monitor,server=on,wait=off "
                   "-pidfile /var/lib/libvirt/qemu/qmp-x/qmp.pid -daemonize",
                   &error) != CONFIG_RUN)
        fail_msg("%s", error.text);
    describe(&config, text, sizeof text);
    assert_string_equal(text,
                        "socket compat_monitor0 /var/lib/libvirt/qemu/qmp-x/qmp.monitor server; serial=-; "
                        "qmp compat_monitor0");
    assert_true(config.daemonize);
    assert_string_equal(config.machine, "none");
    config_free(&config);
}

static void libvirt_starts(void **state)
{
    struct config config;
    struct error error;
    char text[256];

    (void)state;
    if (parse_line(
            &config,
            "-name guest=vm,debug-threads=on -S "
            "-object '{\"qom-type\":\"secret\",\"id\":\"masterKey0\",\"format\":\"raw\",\"file\":\"/k\"}' "
            "-machine hotram-1,usb=off,dump-guest-core=off -accel kvm -cpu host "
            "-m size=524288k,slots=16,maxmem=8388608k -overcommit mem-lock=off "
            "-smp 1,sockets=1,cores=1,threads=1 -uuid 8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80 -display none "
            "-no-user-config -nodefaults -chardev socket,id=charmonitor,fd=22,server=on,wait=off "
            "-mon chardev=charmonitor,id=monitor,mode=control -rtc base=utc -no-shutdown -boot strict=on "
            "-kernel /k -initrd /i -append console=ttyS0 -chardev pty,id=charserial0 "
            "-device "
            "'{\"driver\":\"isa-serial\",\"chardev\":\"charserial0\",\"id\":\"serial0\",\"index\":0}' "
            "-audiodev '{\"id\":\"audio1\",\"driver\":\"none\"}' -msg timestamp=on",
            &error) != CONFIG_RUN)
        fail_msg("%s", error.text);
    describe(&config, text, sizeof text);
    assert_string_equal(text, "socket charmonitor fd=22 server; pty charserial0; serial=charserial0; "
                              "qmp charmonitor id=monitor");
    assert_int_equal(config.object_count, 0);
    assert_false(config.dump_guest_core);
    assert_int_equal(config.slots, 16);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_consoles), cmocka_unit_test(chardevs),       cmocka_unit_test(bad_consoles),
        cmocka_unit_test(libvirt_probes),   cmocka_unit_test(libvirt_starts),
    };

    return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
