# SPDX-License-Identifier: BSD-2-Clause
"""Machines in which calls fail: what can be seen of them, and a way back to where they were. One has a test as its
guest, the other a micro-guest on KVM."""

import collections
import os
import pathlib
import re
import socket
import time

from lib import inject, proc
from lib.machine import CLONE, PROGRAM, Machine
from lib.player import EJECT, INSERT, REMOVE, SLOT, Guest
from lib.qmp import QMP, QMPClosed, QMPError

MICRO = CLONE / "build/native/tests/micro/micro"
LIMIT = 60
MEMSLOT = "memslot"
CPU_SLOT, CPU_FLAGS, CPU_COMMAND, CPU_DATA = 0xcd8, 0xcdc, 0xcdd, 0xce0
MIB = 1 << 20
SANITIZED = re.search(rb"__[at]san_init", pathlib.Path(PROGRAM).read_bytes())
# Of a program's own: libraries, locales, what was preloaded. And [heap], [stack], [vdso].
NOT_COMPARED = re.compile(r"/usr/|/lib|/build/|\[|/faults$")


class Ended(Exception):
    """The program is gone."""


class Client(QMP):
    """A client that understands an answer without an id: what could not be read has none."""

    def read_answer(self, deadline):
        answer = super().read_answer(deadline)
        if "error" in answer:
            answer.setdefault("id", self._id)
        return answer


class Watched:
    """Mixed into machines with files, a QMP client and a bystander at the same monitor."""

    # Of less than this and without a name: libc's, who keeps stacks for the next threads.
    compared_from = MIB

    def begin(self):
        self.qmp.close()
        self.qmp, self.other = self.client(), self.client()
        self.marks = None
        self.heard = 0
        self.permanent = {memdev["id"] for memdev in self.qmp.execute("query-memdev")}
        if self.qmp.execute("query-status")["status"] != "running":
            self.qmp.execute("cont")

    # ---- what is there ----

    def state(self):
        """All that a failed operation leaves as it was."""
        ask = self.qmp.execute
        memdevs = [{key: value for key, value in memdev.items() if key not in ("resident", "reserved")}
                   for memdev in ask("query-memdev")]
        for memdev in memdevs:
            memdev["mem-path"] = pathlib.Path(memdev.get("mem-path", "")).name
        hotplug = ask("human-monitor-command", {"command-line": "info memory-hotplug"})
        return {"memdevs": memdevs, "DIMMs": ask("query-memory-devices"), "map": ask("query-memory-map"),
                "memslots": ask("query-memslot"), "size": ask("query-memory-size-summary"),
                "registers": re.sub(r"selector: .*", "", hotplug), "status": ask("query-status")["status"],
                "under way": [(entry["operation"], entry["device"]) for entry in ask("query-memory-operations")
                              if entry["result"] == "in-progress"],
                "descriptors": self.descriptors(), "mappings": self.mappings(), "threads": self.threads(),
                "files": sorted(str(path.relative_to(self.files)) for path in self.files.rglob("*"))}

    def rest(self):
        """The state when nothing is on its way any more."""
        deadline = time.monotonic() + LIMIT
        last = None
        while True:
            now = self.state()
            if now == last and "ejecting" not in now["registers"]:
                return now
            if time.monotonic() > deadline:
                raise AssertionError(f"there is no rest: {now}")
            last = now
            time.sleep(0.02)

    def descriptors(self):
        folder = f"/proc/{self.process.pid}/fd"
        found = collections.Counter()
        for name in os.listdir(folder):
            try:
                found[general(os.readlink(f"{folder}/{name}"))] += 1
            except FileNotFoundError:
                pass                     # closed meanwhile
        return dict(found)

    def mappings(self):
        """By protection and name: how many there are. A sanitizer has too many of its own, which come and go."""
        found = collections.Counter()
        if SANITIZED:
            return {}
        for line in self.maps():
            addresses, protection, _, _, _, name = (line + " ").split(" ", 5)
            start, end = (int(word, 16) for word in addresses.split("-"))
            if not NOT_COMPARED.search(name) and (name.strip() or end - start >= self.compared_from):
                found[f"{protection} {end - start:#x} {general(name)}"] += 1
        return dict(found)

    def mark(self):
        """Between two steps of an operation: a state in which it may stop."""
        if self.marks is not None:
            self.marks.append(self.state())

    def settle(self, *allowed, without=()):
        """Waits for one of these states: memory is given back, and threads end, later than an answer comes."""
        deadline = time.monotonic() + LIMIT
        allowed = [{key: value for key, value in state.items() if key not in without} for state in allowed]
        while True:
            now = {key: value for key, value in self.state().items() if key not in without}
            if now in allowed:
                return
            if time.monotonic() > deadline:
                nearest = min(allowed, key=lambda state: len(differences(state, now)))
                raise AssertionError("the state differs: " + "; ".join(differences(nearest, now)))
            time.sleep(0.01)

    # ---- clients ----

    def client_once(self):
        return Client(self.folder / "qmp", LIMIT)

    def client(self):
        """A client of the monitor, which may have let the last one go and take the next one a second later."""
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                return self.client_once()
            except (QMPClosed, ConnectionError):
                self.alive()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def alive(self):
        if self.process.poll() is not None:
            raise Ended(f"the program has ended with status {self.process.returncode}: {self.error_log[-600:]}")

    def renew(self):
        """New clients for those that were let go; returns how many these were."""
        lost = 0
        for name in ("qmp", "other"):
            client = getattr(self, name)
            try:
                client.execute("query-status")
                client.clear_events()
            except (QMPClosed, ConnectionError):
                client.close()
                setattr(self, name, self.client())
                lost += 1
        return lost

    def news(self):
        """What the program has said since the last call."""
        said = self.error_log
        new, self.heard = said[self.heard:], len(said)
        return new

    # ---- the way back ----

    def clear(self):
        """Back to an empty machine that runs, whatever is there."""
        if self.qmp.execute("query-status")["status"] != "running":
            self.reset()
        for entry in self.qmp.execute("query-memory-devices"):
            self.gone(entry["data"]["id"])
        for memdev in self.qmp.execute("query-memdev"):
            if memdev["id"] not in self.permanent:
                self.qmp.execute("object-del", {"id": memdev["id"]})
        for path in self.files.glob("memory*"):
            path.unlink()
        self.qmp.clear_events()

    def gone(self, name):
        try:
            self.qmp.execute("device_del", {"id": name})
        except QMPError:
            pass                         # it was asked back before
        self.play()
        self.qmp.wait_event("DEVICE_DELETED", {"device": name})

    def add(self, kind="ram", name="m", size=16 * MIB, **properties):
        self.qmp.execute("object-add", {"qom-type": f"memory-backend-{kind}", "id": name, "size": size,
                                        **{key.replace("_", "-"): value for key, value in properties.items()}})

    def plugs(self, name="d", memdev="m"):
        self.qmp.execute("device_add", {"driver": "pc-dimm", "id": name, "memdev": memdev})
        self.mark()
        self.play()


class Played(Watched, Guest):
    """A test is the guest."""

    kinds = inject.KINDS

    def __init__(self, faults, *options):
        self.faults = faults
        self.hmp_socket = faults.folder / "hmp"
        super().__init__("-memslot", f"id={MEMSLOT},size=128M",
                         "-chardev", f"socket,id=hmp,path={self.hmp_socket},server=on,wait=off,"
                                     f"logfile={faults.folder}/log",
                         "-mon", "chardev=hmp,mode=readline", *options,
                         granularity="2M", environment=faults.environment)
        self.begin()

    def play(self):
        """Takes what is new, and gives back what it is asked for."""
        for slot in range(4):
            pending = self.flags(slot)
            if pending & INSERT:
                self.accept(slot)
            if pending & REMOVE:
                self.give_back(slot)
        self.qtest.port_out(SLOT, 4, 0)

    def refuse_all(self):
        for slot in range(4):
            if self.flags(slot) & REMOVE:
                self.refuse(slot)

    def reset(self):
        self.qmp.execute("system_reset")

    def close(self):
        super().close()
        if getattr(self, "other", None):
            self.other.close()


class Slotted(Played):
    """The same with a slot for a PCI device, and what a disk and a network card are made of."""

    def __init__(self, faults, *options):
        super().__init__(faults, "-device", "pcie-root-port,id=slot,chassis=1",
                         "-blockdev", "null-co,node-name=disk,size=1M", "-object", "rng-builtin,id=random",
                         "-netdev", f"stream,id=cable,server=on,addr.type=unix,addr.path={faults.folder}/cable",
                         *options)
        self.wire = socket.socket(socket.AF_UNIX)
        self.wire.connect(f"{faults.folder}/cable")
        self.qmp.wait_event("NETDEV_STREAM_CONNECTED", {}, LIMIT)

    def state(self):
        return {**super().state(), "PCI": self.qmp.execute("query-pci"), "disks": self.qmp.execute("query-block"),
                "network": self.hmp("info network")}

    def clear(self):
        """No guest listens at the slot, so what is in it goes at once."""
        try:
            self.qmp.execute("device_del", {"id": "v"})
            self.qmp.wait_event("DEVICE_DELETED", {"device": "v"})
        except QMPError:
            pass                         # it is empty
        super().clear()

    def close(self):
        if hasattr(self, "wire"):
            self.wire.close()
        super().close()


class Micro(Watched, Machine):
    """A micro-guest on KVM does it, and says so at its console: clients are none of its faults."""

    kinds = ["ioctl", "mmap", "munmap", "open", "pthread_create"]
    # Stacks that are neighbours are one mapping, and those of some vCPUs are more than 1 MiB. Memory of guests is
    # 16 MiB and more here.
    compared_from = 8 * MIB

    def __init__(self, faults, *options):
        self.files = faults.folder / "files"
        self.files.mkdir(exist_ok=True)
        super().__init__(["-m", "128M,slots=4,maxmem=2G", "-kernel", MICRO,
                          "-machine", "dimm-map-limit=0,dimm-granularity=128M",
                          "-memslot", f"id={MEMSLOT},size=128M", *options],
                         kernel=None, reboot=True, environment=faults.environment)
        self.said = 0
        self.hears("micro")
        self.begin()

    def hears(self, text):
        _, match = self.console.wait_for(rf"^{text}\.\r?\n", LIMIT, self.said)
        self.said = match.end()

    def play(self):
        self.console.send_keys("h")
        self.hears("")

    def reset(self):
        self.qmp.execute("system_reset")
        if self.qmp.execute("query-status")["status"] != "running":
            self.qmp.execute("cont")
        self.hears("micro")

    def close(self):
        super().close()
        if getattr(self, "other", None):
            self.other.close()


class Processors:
    """Mixed into a machine with CPUs that come and go."""

    OPTIONS = ("-smp", "1,maxcpus=4", "-name", "debug-threads=on")
    # KVM creates a vCPU once: its descriptor, shared page and thread stay for the next time.
    VCPU = "anon_inode:kvm-vcpu"

    def state(self):
        ask = self.qmp.execute
        return {**super().state(), "CPUs": ask("query-hotpluggable-cpus"),
                "CPUs under way": [(entry["operation"], entry["cpu-index"]) for entry in ask("query-cpu-operations")
                                   if entry["result"] == "in-progress"]}

    def descriptors(self):
        return {name: count for name, count in super().descriptors().items() if self.VCPU not in name}

    def mappings(self):
        return {name: count for name, count in super().mappings().items() if self.VCPU not in name}

    def threads(self):
        return super().threads() - sum(name.startswith("CPU ") for _, name in proc.threads(self.process.pid, "comm"))

    def clear(self):
        if self.qmp.execute("query-status")["status"] != "running":
            self.reset()
        self.qmp.execute("cpus-set", {"cpus": 1})
        self.play()
        self.wait_until(lambda: len(self.qmp.execute("query-cpus-fast")) == 1, LIMIT, "CPUs that are gone")
        super().clear()


class PlayedProcessors(Processors, Played):
    def __init__(self, faults, *options):
        super().__init__(faults, *self.OPTIONS, *options)

    def play(self):
        super().play()
        for cpu in range(4):
            self.qtest.port_out(CPU_SLOT, 4, cpu)
            pending = self.qtest.port_in(CPU_FLAGS, 1)
            for bit, event in ((INSERT, 1), (REMOVE, 3)):
                if not pending & bit:
                    continue
                self.qtest.port_out(CPU_FLAGS, 1, bit)
                if bit == REMOVE:
                    self.qtest.port_out(CPU_FLAGS, 1, EJECT)
                for register, width, value in ((CPU_COMMAND, 1, 1), (CPU_DATA, 4, event), (CPU_COMMAND, 1, 2),
                                               (CPU_DATA, 4, 0)):
                    self.qtest.port_out(register, width, value)
        self.qtest.port_out(CPU_SLOT, 4, 0)


class MicroProcessors(Processors, Micro):
    def __init__(self, faults, *options):
        super().__init__(faults, *self.OPTIONS, *options)

    def play(self):
        super().play()
        self.console.send_keys("p")
        self.hears("")


def general(name):
    """Of a file, without what differs each time: numbers of sockets and terminals, names that mkstemp() made."""
    return re.sub(r"\[\d+\]|-\w{6,8}\b|(?<=/pts/)\d+", "", name.strip())


def differences(before, now):
    """In words; of parts that are counted only what is not the same."""
    found = []
    for key, was in before.items():
        new = now[key]
        if isinstance(was, list) and isinstance(new, list):
            was, new = ({str(entry): 1 for entry in one} for one in (was, new))
        if isinstance(was, dict) and was != new:
            was, new = ({name: value for name, value in one.items() if other.get(name) != value}
                        for one, other in ((was, new), (new, was)))
        if was != new:
            found.append(f"{key}: {was} -> {new}")
    return found
