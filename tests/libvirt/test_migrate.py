#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# emulated: none
# guest: none
"""A domain with a plugged DIMM moves between two libvirtds on this machine, and answers on its serial port afterwards:
with the micro-guest, which writes and verifies its memory. The tests follow each other; each begins where the domain
is."""

import os
import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.libvirt import URI, Domain, Libvirt, dimm, micro_domain, say, show, with_devices   # noqa: E402
from lib.micro import tell                                   # noqa: E402
from lib.migration import begin_writing                      # noqa: E402

NAME = "db1"
DIMM = (128, 1, 3, 8 << 30)
LIMIT = 60
ACTIVE = r'"event": *"MIGRATION", *"data": *{"status": *"active"'
here, there = Libvirt(), Libvirt()
places = []             # the domain as it was seen last


def look(libvirt):
    """The domain at this libvirt, with its console; nobody else reads that any more."""
    if places:
        places.pop().close_console()
    places.append(Domain(libvirt, NAME))
    return places[-1]


def current():
    return places[-1]


def query(domain):
    return domain.qmp_command("query-status")["status"]


def names(libvirt):
    return libvirt.virsh("list", "--name", "--all").split()


def words_for(*words, migrateuri=None):
    """Of virsh migrate: to the other one."""
    place = ["--migrateuri", migrateuri.format(there.folder)] if migrateuri else []
    return ["migrate", NAME, there.uri, *words, *place]


def arrived():
    """The domain is at the other one, whole, and nowhere else."""
    global here, there                                       # pylint: disable=W0603
    assert names(here) == [] and names(there) == [NAME]
    here, there = there, here
    domain = look(here)
    assert domain.dimms() == {"dimm3": DIMM}, domain.dimms()
    return domain


def stayed():
    """It is here as before, and not at the other one."""
    current().wait_until(lambda: names(there) == [], LIMIT, "the target is gone")
    assert names(here) == [NAME]
    domain = look(here)
    assert domain.state() == "running" and query(domain) == "running", domain.state()
    return domain


def move(*words, **more):
    domain = current()
    domain.close_console()
    here.virsh(*words_for("--live", *words, **more))
    domain = arrived()
    assert domain.state() == "running" and query(domain) == "running"
    tell(domain, "e", "e")
    return domain


class Moving:
    """A migration over a UNIX socket that does not end by itself, as the guest writes faster than it is sent."""

    def __init__(self, *words, speed=1):
        domain = look(here)              # a test's end closes consoles
        here.virsh("migrate-setspeed", NAME, speed)
        tell(domain, "e", "e")           # hotram looks once a second whether somebody has opened the console
        begin_writing(domain)
        self.seen = len(here.log)
        command = words_for("--live", *words, migrateuri="unix://{}/m.sock")
        say(f"  $ virsh {' '.join(command)} &")
        self.virsh = subprocess.Popen(["virsh", "-c", URI, *command], env=here.environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        domain.wait_until(lambda: re.search(ACTIVE, here.log[self.seen:]), LIMIT, "the migration is active")

    def end(self, *expected):
        """What virsh said; its status is 0 if nothing is expected."""
        text = self.virsh.communicate(timeout=2 * LIMIT)[0].decode()
        show(text)
        assert (self.virsh.returncode == 0) == (not expected), self.virsh.returncode
        assert not expected or any(words in text for words in expected), text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.virsh.kill()
        self.virsh.wait()


def end_writing(domain):
    """It has found all that it wrote."""
    domain.console.send_keys("e")
    _, match = domain.console.wait_for(r"^([0-9a-f]{8}) ([0-9a-f]{8})\.\r?\ne\.\r?\n", LIMIT, 0)
    domain.said = match.end()
    assert match.group(1) == b"00000000", match.group(0)


def test_a_domain_with_a_dimm():
    here.start()
    there.start()
    here.virsh("create", here.file(micro_domain()))
    domain = look(here)
    size, node, slot, base = DIMM
    domain.virsh("attach-device", here.file(dimm(size, node=node, slot=slot, base=base)), "--live")


def test_tcp():
    move("--verbose", migrateuri="tcp://127.0.0.1")


def test_unix():
    move(migrateuri="unix://{}/m.sock")


def test_plain():
    move()


def test_p2p():
    move("--p2p", migrateuri="tcp://127.0.0.1:49200")


def test_tunnelled():
    move("--p2p", "--tunnelled")


def test_persistent():
    move("--persistent", "--undefinesource", migrateuri="tcp://127.0.0.1")
    here.virsh("undefine", NAME)


def test_a_suspended_domain():
    domain = current()
    domain.virsh("suspend")
    domain.close_console()
    here.virsh(*words_for("--live", migrateuri="tcp://127.0.0.1"))
    domain = arrived()
    assert domain.state() == "paused" and query(domain) == "paused"
    domain.virsh("resume")
    tell(domain, "e", "e")


def test_not_live():
    domain = current()
    domain.close_console()
    here.virsh(*words_for(migrateuri="tcp://127.0.0.1"))
    tell(arrived(), "e", "e")


def test_what_is_not_there():
    for words in (["--postcopy"], ["--parallel"], ["--compressed"], ["--tls"]):
        here.refused(["error"], *words_for("--live", *words, migrateuri="tcp://127.0.0.1"))
    tell(stayed(), "e", "e")


def test_limits_and_the_job():
    """While it moves: domjobinfo, limits that change, an attach, for which libvirt waits in vain, and domjobabort."""
    with Moving() as move:
        text = here.virsh("domjobinfo", NAME)
        assert "Outgoing migration" in text and re.search(r"Memory total: +[1-9]", text), text
        assert re.search(r"Memory remaining: +[1-9]", text), text
        here.virsh("migrate-setmaxdowntime", NAME, 1)
        here.virsh("migrate-setspeed", NAME, 2)
        parameters = current().qmp_command("query-migrate-parameters")
        assert parameters["max-bandwidth"] == 2 << 20 and parameters["downtime-limit"] == 1, parameters
        here.refused(["cannot acquire state change lock"], "attach-device", NAME, here.file(dimm(128, node=1, slot=2)),
                     "--live")
        here.virsh("domjobabort", NAME)
        move.end("canceled by client")
    end_writing(stayed())


def test_auto_converge():
    """Its CPUs rest for a part of the time, as virsh says; the rest is sent as soon as the bandwidth is there."""
    with Moving("--auto-converge", "--auto-converge-initial", "70", "--auto-converge-increment", "9", speed=4) as move:
        domain = current()
        parameters = domain.qmp_command("query-migrate-parameters")
        assert (parameters["cpu-throttle-initial"], parameters["cpu-throttle-increment"]) == (70, 9), parameters
        domain.wait_until(lambda: domain.qmp_command("query-migrate").get("cpu-throttle-percentage", 0) >= 70, LIMIT,
                          "the domain is slowed")
        here.virsh("domjobinfo", NAME)
        here.virsh("migrate-setspeed", NAME, 10000)
        move.end()
    domain = arrived()
    assert domain.state() == "running" and query(domain) == "running"
    end_writing(domain)


def test_timeouts():
    """virsh suspends the domain when the time is over, by default, too; libvirt lets it run at the target."""
    for words in (["--timeout-suspend"], []):
        with Moving("--timeout", "1", *words, speed=8) as move:
            current().wait_until(lambda: '"event": "STOP"' in here.log[move.seen:], LIMIT, "it is suspended")    # pylint: disable=W0640
            move.end()
        domain = arrived()
        assert domain.state() == "running" and query(domain) == "running"
        end_writing(domain)


def test_the_target_is_killed():
    with Moving() as move:
        os.kill(int((there.run_folder / f"{NAME}.pid").read_text()), signal.SIGKILL)
        move.end("error")
    end_writing(stayed())


def test_the_target_s_libvirtd_is_restarted():
    with Moving() as move:
        there.stop()
        there.start()
        move.end("error")
    end_writing(stayed())


def test_libvirtd_is_restarted():
    with Moving() as move:
        here.stop()
        here.start()
        move.end("error")
    end_writing(stayed())


def test_a_disk():
    """Its image is on this host, which libvirt calls unsafe: locked where the guest is."""
    current().virsh("destroy")
    image = here.folder / "disk"
    image.write_bytes(bytes(1 << 20))
    disk = (f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{image}'/>"
            "<target dev='vda' bus='virtio'/></disk>\n")
    here.virsh("create", here.file(with_devices(micro_domain(), disk)))
    domain = look(here)
    size, node, slot, base = DIMM
    domain.virsh("attach-device", here.file(dimm(size, node=node, slot=slot, base=base)), "--live")
    move("--unsafe", migrateuri="tcp://127.0.0.1")
    move("--unsafe", "--p2p", migrateuri="unix://{}/m.sock")


if __name__ == "__main__":
    try:
        tap.main()
    finally:
        here.close()
        there.close()
