#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan
"""virtio-serial-pci and its ports, whose driver the test plays, and the programs at the other end of their
chardevs, which are the test, too. It needs no KVM."""

import pathlib
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "differential"))
from lib import tap                                          # noqa: E402
from lib.machine import PROGRAM                              # noqa: E402
from lib.qmp import QMPError                                 # noqa: E402
from lib.virtio import NEEDS_RESET, VERSION_1, Device, Pci, wait_until      # noqa: E402
from peer import HOTRAM, Peer                                # noqa: E402

SERIAL = 0x1043
MULTIPORT = 2
DEVICE_READY, ADD, REMOVE, READY, CONSOLE, RESIZE, OPEN, NAME = range(8)
LIMIT = 60      # seconds; what has gone wrong, not what is slow
DATA = 0x800000
AGENT = "org.qemu.guest_agent.0"
ALONE = [PROGRAM, "-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-m", "128M"]


class Machine:
    """hotram with a controller, sockets c0, c1 ... for ports, and a driver."""

    def __init__(self, *devices, controller="virtio-serial-pci,id=serial", sockets=2, options=()):
        self.folder = tempfile.TemporaryDirectory()
        words = []
        for number in range(sockets):
            words += ["-chardev", f"socket,id=c{number},path={self.folder.name}/c{number},server=on,wait=off"]
        for device in [controller, *devices]:
            words += ["-device", device]
        try:
            self.peer = Peer(HOTRAM, "128M", [*words, *options])
            self.qtest, self.qmp = self.peer.qtest, self.peer.qmp
            self.pci = Pci(self.qtest)
            self.device = Device(self.pci, self.pci.find(0x1af4, SERIAL))
        except BaseException:
            self.close()
            raise

    def close(self):
        if hasattr(self, "peer"):
            self.peer.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def connect(self, number):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(LIMIT)
        client.connect(f"{self.folder.name}/c{number}")
        return client

    def refuses(self, command, words, **arguments):
        try:
            raise AssertionError(self.qmp.execute(command, arguments))
        except QMPError as error:
            assert words in str(error), error


class Driver:
    """A driver with as many control buffers as it likes."""

    def __init__(self, machine, buffers=16, ports=4, features=MULTIPORT):
        self.machine, self.device, self.qtest = machine, machine.device, machine.qtest
        self.device.begin(VERSION_1 | features)
        self.queues = [self.device.queue(index, size=32) for index in range(2 * ports + 2)]
        self.place = {}
        for number in range(buffers):
            self.give(DATA + 0x1000 * number)
        self.device.ready()

    def give(self, address, size=0x1000):
        """One more buffer for messages."""
        self.place[self.queues[2].offer([(address, size, True)])] = address

    def rings(self, number):
        return self.queues[0 if number == 0 else 2 * number + 2], self.queues[1 if number == 0 else 2 * number + 3]

    def tell(self, number, event, value=1):
        self.qtest.write(DATA - 0x1000, struct.pack("<IHH", number, event, value))
        self.queues[3].transfer([(DATA - 0x1000, 8, False)])

    def hears(self):
        """The next message; its buffer is given again."""
        head, written = self.queues[2].used()
        address = self.place.pop(head)
        data = self.qtest.read(address, written)
        number, event, value = struct.unpack("<IHH", data[:8])
        self.give(address)
        self.queues[2].kick()
        return (number, event, data[8:].decode()) if event == NAME else (number, event, value)

    def hears_nothing(self):
        """What is asked of the machine afterwards has been done, and no message came."""
        self.tell(1, READY, 0)
        self.tell(1, OPEN, 0)
        assert self.queues[2].used_index == self.queues[2]._seen

    def begins(self, *numbers):
        """Ports become ready; returns all that is said of them."""
        self.tell(0xffffffff, DEVICE_READY)
        for number in numbers:
            assert self.hears() == (number, ADD, 1)
        for number in numbers:
            self.tell(number, READY)

    def opens(self, number, value=1):
        self.tell(number, OPEN, value)

    def sends(self, number, data, at=DATA + 0x100000):
        self.qtest.write(at, data)
        self.rings(number)[1].transfer([(at, len(data), False)])

    def receives(self, number, size=4096, at=DATA + 0x200000):
        queue = self.rings(number)[0]
        head = queue.offer([(at, size, True)])
        queue.kick()
        ended, written = queue.used()
        assert ended == head
        return self.qtest.read(at, written)


def take(client, count):
    got = b""
    while len(got) < count:
        more = client.recv(count - len(got))
        assert more, "the other end is gone"
        got += more
    return got


def pattern(length, seed=0):
    return bytes((seed + at * 7 + (at >> 8) * 3) & 0xff for at in range(length))


def test_it_says_what_it_is():
    with Machine() as machine:
        device = machine.device
        assert machine.pci.config_read(device.place, 8, 4) >> 8 == 0x078000, "class"
        assert device.config(4, 4) == 31 and device.offered & MULTIPORT
        assert device.read(0x12, 2) == 64, "queues"
    with Machine(controller="virtio-serial-pci-non-transitional,max_ports=64,vectors=2") as machine:
        assert machine.device.config(4, 4) == 64 and machine.device.read(0x12, 2) == 130


def test_the_guest_hears_of_ports():
    with Machine("virtconsole,chardev=c0", f"virtserialport,chardev=c1,name={AGENT},id=agent") as machine:
        driver = Driver(machine)
        driver.begins(0, 1)
        assert driver.hears() == (0, CONSOLE, 1)
        assert driver.hears() == (0, OPEN, 1), "a screen is there, whether or not somebody looks"
        assert driver.hears() == (1, NAME, AGENT)
        driver.hears_nothing()
        driver.tell(1, READY)
        assert driver.hears() == (1, NAME, AGENT)
        client = machine.connect(1)
        assert driver.hears() == (1, OPEN, 1)
        client.close()
        assert driver.hears() == (1, OPEN, 0)
        client = machine.connect(1)
        assert driver.hears() == (1, OPEN, 1)
        client.close()


def test_who_leaves_and_comes_between_two_messages():
    with Machine("virtserialport,chardev=c0,id=p", sockets=1) as machine:
        driver = Driver(machine, buffers=2)
        driver.begins(1)
        with machine.connect(0):
            assert driver.hears() == (1, OPEN, 1)
        assert driver.hears() == (1, OPEN, 0)

        # Its last buffer is taken: all that happens now waits, and is not more than what there is to know.
        driver.place.clear()
        client = machine.connect(0)
        driver.queues[2].used()
        driver.tell(1, READY)
        driver.queues[2].used()
        driver.opens(1)
        for _ in range(3):
            driver.sends(1, b"x")
            assert client.recv(1) == b"x"
            client.close()
            client = machine.connect(0)
        driver.sends(1, b"y")
        assert client.recv(1) == b"y"
        for number in range(4):
            driver.give(DATA + 0x1000 * number)
        driver.queues[2].kick()
        assert driver.hears() == (1, OPEN, 0), "somebody has left, although somebody is there"
        assert driver.hears() == (1, OPEN, 1)
        driver.hears_nothing()


def test_bytes_go_both_ways():
    with Machine("virtserialport,chardev=c0,id=p", "virtconsole,chardev=c1") as machine:
        driver = Driver(machine)
        driver.begins(0, 1)
        for number, chardev in ((0, 1), (1, 0)):
            client = machine.connect(chardev)
            client.sendall(b"before it is open")
            driver.opens(number)
            assert driver.receives(number) == b"before it is open"
            for length in (1, 100, 4096, 5000):
                driver.sends(number, pattern(length, number))
                assert take(client, length) == pattern(length, number)
                client.sendall(pattern(length, number))
                got = b""
                while len(got) < length:
                    got += driver.receives(number, size=1000)
                assert got == pattern(length, number), length


def test_a_driver_without_control_messages_has_one_console():
    with Machine("virtconsole,chardev=c0", "virtserialport,chardev=c1") as machine:
        driver = Driver(machine, features=0, buffers=0)
        client = machine.connect(0)
        client.sendall(b"in")
        assert driver.receives(0) == b"in"
        driver.sends(0, b"out")
        assert take(client, 3) == b"out"
        # The others' queues are nobody's, and their doorbells ring for nobody.
        for queue in driver.queues[2:]:
            queue.offer([(DATA, 64, queue.index % 2 == 0)])
            queue.kick()
        driver.sends(0, b"more")
        assert take(client, 4) == b"more"
        assert all(queue.used_index == 0 for queue in driver.queues[2:])


def test_a_client_that_does_not_read_stops_the_guest():
    """Nothing is lost, and no more is kept than pipe, buffer and socket hold."""
    with Machine("virtserialport,chardev=c0,id=p", sockets=1) as machine:
        driver = Driver(machine)
        driver.begins(1)
        client = machine.connect(0)
        assert driver.hears() == (1, OPEN, 1)
        driver.opens(1)
        piece, at = 1 << 20, DATA + 0x100000
        sends = driver.rings(1)[1]
        machine.qtest.write(at, pattern(piece))
        for _ in range(8):
            sends.offer([(at, piece, False)])
        sends.kick()
        got = take(client, 4096)
        driver.tell(1, OPEN)            # the thread has seen the doorbell before
        assert sends.used_index <= 1, "8 MiB are somewhere"
        machine.qmp.execute("cont")
        machine.qmp.execute("stop")     # which does not wait for the client
        machine.qmp.execute("cont")
        got += take(client, 8 * piece - 4096)
        assert got == pattern(piece) * 8
        wait_until(lambda: sends.used_index == 8, "requests")


def test_a_guest_that_does_not_read_stops_the_client():
    with Machine("virtserialport,chardev=c0,id=p", sockets=1) as machine:
        driver = Driver(machine)
        driver.begins(1)
        driver.opens(1)
        client = machine.connect(0)
        client.setblocking(False)
        sent = 0
        data = pattern(1 << 20)
        idle = 0
        while idle < 20:                # until the kernel's buffers are full, too
            try:
                sent += client.send(data[sent % len(data):])
                idle = 0
            except BlockingIOError:
                machine.qmp.execute("query-status")
                idle += 1
            assert sent < 16 << 20, "where does it all go"
        got = b""
        while len(got) < sent:
            got += driver.receives(1)
        assert got == (data * 16)[:sent]


def test_a_console_does_not_wait_for_a_client():
    """A guest's kernel waits for it with a lock held."""
    with Machine("virtconsole,chardev=c0", sockets=1) as machine:
        driver = Driver(machine)
        driver.begins(0)
        client = machine.connect(0)
        driver.opens(0)
        machine.qtest.write(DATA + 0x100000, pattern(1 << 20))
        for _ in range(12):
            driver.rings(0)[1].transfer([(DATA + 0x100000, 1 << 20, False)])
        got = take(client, 2 << 20)
        assert got == pattern(1 << 20) * 2


def test_nobody_at_the_other_end():
    """Bytes are dropped; but not in the log, and not by a chardev that has no clients."""
    with Machine("virtserialport,id=none", "virtserialport,id=p,chardev=c0", "virtserialport,id=q,chardev=null",
                 "virtserialport,id=r,chardev=file", sockets=1,
                 options=["-chardev", "null,id=null", "-chardev", "file,id=file,path=/dev/null"]) as machine:
        driver = Driver(machine, ports=5)
        driver.begins(1, 2, 3, 4)
        assert driver.hears() == (3, OPEN, 1)
        assert driver.hears() == (4, OPEN, 1)
        for number in (1, 2, 3, 4):
            driver.opens(number)
            driver.sends(number, pattern(5000))
        client = machine.connect(0)
        assert driver.hears() == (2, OPEN, 1)
        driver.sends(2, b"new")
        assert take(client, 3) == b"new"


def test_vserport_change():
    with Machine("virtserialport,chardev=c0,id=p", "virtserialport", "virtconsole,id=c", sockets=1) as machine:
        driver = Driver(machine)
        driver.begins(0, 1, 2)
        for number in (0, 1, 2):
            driver.opens(number)
        assert machine.qmp.wait_event("VSERPORT_CHANGE")["data"] == {"id": "p", "open": True}
        for _ in range(20):             # at most one a second
            driver.opens(1, 0)
            driver.opens(1, 1)
        driver.opens(1, 0)
        assert machine.qmp.wait_event("VSERPORT_CHANGE")["data"] == {"id": "p", "open": False}
        driver.opens(1)
        assert machine.qmp.wait_event("VSERPORT_CHANGE")["data"]["open"]
        machine.qmp.execute("cont")
        machine.qmp.execute("system_reset")
        assert not machine.qmp.wait_event("VSERPORT_CHANGE")["data"]["open"]


def test_ports_come_and_go():
    with Machine() as machine:
        qmp, driver = machine.qmp, Driver(machine)
        driver.begins()
        client = machine.connect(0)
        for turn in range(3):
            qmp.execute("device_add", {"driver": "virtserialport", "id": "p", "chardev": "c0", "name": AGENT, "nr": 3,
                                       "bus": "serial.0"})
            assert driver.hears() == (3, ADD, 1)
            driver.tell(3, READY)
            assert driver.hears() == (3, NAME, AGENT)
            assert driver.hears() == (3, OPEN, 1)
            # libvirt takes it for the state of a guest's agent.
            assert [entry["frontend-open"] for entry in qmp.execute("query-chardev") if entry["label"] == "c0"] == [False]
            driver.opens(3)
            client.sendall(b"to it")
            assert driver.receives(3) == b"to it"
            driver.sends(3, b"from it")
            assert take(client, 7) == b"from it", "the client has stayed"
            assert [entry["frontend-open"] for entry in qmp.execute("query-chardev") if entry["label"] == "c0"] == [True]
            machine.refuses("device_add", "chardev 'c0' is already in use", driver="virtserialport", chardev="c0", id="q")
            machine.refuses("device_add", "already exists at id 3: 'p'", driver="virtserialport", nr=3)
            machine.refuses("device_add", f"already exists by name {AGENT}: 'p'", driver="virtserialport", name=AGENT)
            assert qmp.execute("qom-get", {"path": "/machine/peripheral/p", "property": "nr"}) == 3
            assert qmp.execute("qom-get", {"path": "/machine/peripheral/p", "property": "bus"}) == "serial.0"
            qmp.execute("device_del", {"id": "p"})
            assert qmp.wait_event("DEVICE_DELETED")["data"] == {"device": "p", "path": "/machine/peripheral/p"}
            assert driver.hears() == (3, REMOVE, 1)
            assert [entry["frontend-open"] for entry in qmp.execute("query-chardev") if entry["label"] == "c0"] == [False]
            # What the driver still says of it, and sends, is no fault.
            driver.opens(3, 0)
            driver.sends(3, b"too late")
            assert not driver.device.status & NEEDS_RESET, turn
        machine.refuses("device_add", "can't find value 'c9'", driver="virtserialport", chardev="c9")


def test_a_port_goes_while_its_client_does_not_read():
    with Machine("virtserialport,chardev=c0,id=p", sockets=1) as machine:
        driver = Driver(machine)
        driver.begins(1)
        client = machine.connect(0)
        driver.opens(1)
        sends = driver.rings(1)[1]
        sends.offer([(DATA + 0x100000, 4 << 20, False)])
        sends.kick()
        take(client, 100)
        machine.qmp.execute("device_del", {"id": "p"})
        sends.used()
        machine.qmp.execute("device_add", {"driver": "virtserialport", "chardev": "c0", "id": "p"})
        client.close()
        client = machine.connect(0)
        driver.sends(1, b"new")
        assert take(client, 3) == b"new"


def test_messages_wait_for_buffers():
    """The driver has one buffer; ports come and go meanwhile."""
    with Machine(sockets=0) as machine:
        driver = Driver(machine, buffers=0)
        driver.tell(0, DEVICE_READY)
        for turn in range(50):
            for number in range(1, 31):
                machine.qmp.execute("device_add", {"driver": "virtserialport", "id": f"p{number}", "name": f"n{turn}-{number}"})
            for number in range(1, 31) if turn < 49 else (4,):
                machine.qmp.execute("device_del", {"id": f"p{number}"})
        driver.give(DATA)
        driver.queues[2].kick()
        for number in (*range(1, 4), *range(5, 31)):
            assert driver.hears() == (number, ADD, 1)
        machine.qmp.execute("device_del", {"id": "p5"})
        assert driver.hears() == (5, REMOVE, 1)


def test_a_controller_goes_with_its_ports():
    with Machine("virtserialport,chardev=c0,id=p,bus=serial.0", controller="virtio-serial-pci,id=serial",
                 options=["-device", "pcie-root-port,id=port,chassis=1"]) as machine:
        qmp = machine.qmp
        client = machine.connect(1)
        qmp.execute("cont")
        for _ in range(2):
            qmp.execute("device_add", {"driver": "virtio-serial-pci", "id": "second", "bus": "port"})
            qmp.execute("device_add", {"driver": "virtserialport", "id": "q", "chardev": "c1", "bus": "second.0"})
            qmp.execute("device_add", {"driver": "virtconsole", "bus": "second.0"})
            qmp.execute("device_del", {"id": "second"})
            qmp.execute("system_reset")
            names = [qmp.wait_event("DEVICE_DELETED")["data"].get("device") for _ in range(3)]
            assert names == ["q", None, "second"], names
        machine.refuses("device_add", "Bus 'second.0' of type virtio-serial-bus not found for device 'virtserialport'; "
                        "there is: serial.0", driver="virtserialport", bus="second.0")
        client.close()


# What a driver does that no driver does, and what is said of it.
HOSTILE = [
    (struct.pack("<IHH", 1, ADD, 1), "queue 3: control message 1, which a driver does not send"),
    (struct.pack("<IHH", 1, 0xffff, 1), "control message 65535, which a driver does not send"),
    (struct.pack("<IHH", 31, OPEN, 1), "a control message for port 31; max_ports is 31"),
    (struct.pack("<IHH", 0xffffffff, READY, 1), "a control message for port 4294967295; max_ports is 31"),
    (b"short", "a control message of 5 bytes; each has 8"),
]


def test_a_hostile_driver_needs_a_reset():
    with Machine("virtserialport,chardev=c0,id=p,name=a", sockets=1) as machine:
        for number, (message, words) in enumerate(HOSTILE, 1):
            driver = Driver(machine)
            driver.begins(1)
            assert driver.hears() == (1, NAME, "a")
            machine.qtest.write(DATA - 0x1000, message)
            driver.queues[3].offer([(DATA - 0x1000, len(message), False)])
            driver.queues[3].kick()
            driver.device.wait_status(NEEDS_RESET)
            said = machine.peer.said().splitlines()
            assert len(said) == number and words in said[-1], (words, said)
            assert said[-1].endswith("the device does nothing until the guest resets it"), said
            machine.qmp.execute("system_reset")
            machine.qmp.wait_event("RESET")
            machine.device = Device(machine.pci, machine.pci.find(0x1af4, SERIAL))
        driver = Driver(machine, buffers=0)
        driver.give(DATA, 7)
        driver.tell(0, DEVICE_READY)
        driver.device.wait_status(NEEDS_RESET)
        assert "queue 2: a buffer of 7 bytes for control messages; this one has 8" in machine.peer.said()
        driver = Driver(machine)
        driver.begins(1)
        assert driver.hears() == (1, NAME, "a")


SOCKET = ["-chardev", "null,id=c"]
BUS = ["-device", "virtio-serial-pci,id=s"]
BAD = [
    ([], "virtserialport", "No 'virtio-serial-bus' bus found for device 'virtserialport': add a virtio-serial-pci before it"),
    (BUS, "virtconsole,bus=t.0", "Bus 't.0' of type virtio-serial-bus not found for device 'virtconsole'; there is: s.0"),
    (BUS, "virtserialport,nr=0", "Port number 0 on virtio-serial devices is reserved for virtconsole devices"),
    (BUS, "virtserialport,nr=31", "Out-of-range port id specified, max. allowed: 30; got nr=31 on 's.0'"),
    (BUS, "virtserialport,chardev=d", "Device property 'virtserialport.chardev' can't find value 'd'"),
    (BUS, "virtserialport,chardev=#control", "can't find value '#control'"),
    (BUS, "virtserialport,name=" + "x" * 256, "Parameter 'name' expects at most 255 bytes; got 256"),
    (BUS, "virtserialport,nme=x", "did you mean 'name'"),
    ([], "virtio-serial-pci,max_ports=0", "Parameter 'max_ports' expects a number from 1 to 64; got '0'"),
    ([], "virtio-serial-pci,max_ports=65", "Parameter 'max_ports' expects a number from 1 to 64; got '65'"),
    (["-device", "virtio-serial-pci,max_ports=1"], "virtserialport",
     "Maximum port limit for this device reached: 'virtio-serial-bus.0' has max_ports=1"),
    ([*BUS, "-device", "virtserialport,chardev=c"], "virtserialport,chardev=c", "chardev 'c' is already in use"),
    ([*BUS, "-serial", "chardev:c"], "virtserialport,chardev=c", "chardev 'c' is already in use"),
]


def test_bad_words():
    for options, device, words in BAD:
        run = subprocess.run([*ALONE, *SOCKET, *options, "-device", device], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=LIMIT, check=False)
        assert run.returncode == 1 and words in run.stderr, (device, run.stderr)


def test_a_second_controller_takes_what_the_first_has_no_room_for():
    with Machine("virtio-serial-pci", "virtserialport,id=p", "virtserialport,id=q",
                 controller="virtio-serial-pci,max_ports=2", sockets=0) as machine:
        assert [machine.qmp.execute("qom-get", {"path": f"/machine/peripheral/{name}", "property": "bus"})
                for name in "pq"] == ["virtio-serial-bus.0", "virtio-serial-bus.1"]


if __name__ == "__main__":
    tap.main()
