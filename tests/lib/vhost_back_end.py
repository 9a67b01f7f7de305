# SPDX-License-Identifier: BSD-2-Clause
"""A back end of vhost-user in the test itself (QEMU's docs/interop/vhost-user.rst): a disk in memory, which does what a
test tells it, and notes what it is asked for.

    with BackEnd(folder / "socket") as back_end:
        ...                                    # -chardev socket,path=...
        back_end.asked                         # names of the requests, in their order
        back_end.answers["GET_CONFIG"] = lambda payload: payload[:3]      # or None: no answer
"""

import array
import contextlib
import mmap
import os
import selectors
import socket
import struct
import threading

REQUESTS = {1: "GET_FEATURES", 2: "SET_FEATURES", 3: "SET_OWNER", 5: "SET_MEM_TABLE", 8: "SET_VRING_NUM",
            9: "SET_VRING_ADDR", 10: "SET_VRING_BASE", 11: "GET_VRING_BASE", 12: "SET_VRING_KICK", 13: "SET_VRING_CALL",
            14: "SET_VRING_ERR", 15: "GET_PROTOCOL_FEATURES", 16: "SET_PROTOCOL_FEATURES", 17: "GET_QUEUE_NUM",
            18: "SET_VRING_ENABLE", 19: "SEND_RARP", 21: "SET_BACKEND_REQ_FD", 24: "GET_CONFIG", 25: "SET_CONFIG", 31: "GET_INFLIGHT_FD",
            32: "SET_INFLIGHT_FD", 34: "RESET_DEVICE", 39: "SET_STATUS", 40: "GET_STATUS", 36: "GET_MAX_MEM_SLOTS", 37: "ADD_MEM_REG", 38: "REM_MEM_REG"}
MQ, REPLY_ACK, BACKEND_REQ, CONFIG, MEM_SLOTS = (1 << bit for bit in (0, 3, 5, 9, 15))
RARP, INFLIGHT, RESET_DEVICE, STATUS = 1 << 2, 1 << 12, 1 << 13, 1 << 16
ALL = MQ | REPLY_ACK | BACKEND_REQ | CONFIG | MEM_SLOTS
# Virtio's: SEG_MAX, BLK_SIZE, FLUSH, CONFIG_WCE, MQ; rings; 1.0; and that there are protocol features.
FEATURES = 1 << 2 | 1 << 6 | 1 << 9 | 1 << 11 | 1 << 12 | 1 << 28 | 1 << 29 | 1 << 32 | 1 << 30
VERSION, REPLY, NEED_REPLY = 1, 4, 8
IN, OUT, FLUSH, GET_ID = 0, 1, 4, 8


class Region:
    def __init__(self, fields, fd):
        self.address, self.size, self.user, offset = fields
        self.map = mmap.mmap(fd, self.size, offset=offset)
        os.close(fd)


class Ring:
    def __init__(self):
        self.size = self.next = self.used = 0
        self.addresses = None
        self.kick = self.call = self.error = -1
        self.enabled = False


class BackEnd:
    """One client at a time, on a thread."""

    def __init__(self, path, protocol=ALL, features=FEATURES, slots=32, queues=4, size=1 << 20,
                 dies_at=None):
        self.path = path
        self.protocol, self.features, self.slots, self.queues = protocol, features, slots, queues
        self.disk = bytearray(bytes(range(256)) * (size // 256))
        self.config = bytearray(60)
        struct.pack_into("<QIIHBBI", self.config, 0, size // 512, 0, 126, 0, 0, 0, 512)
        self.config[32] = 1
        self.answers = {}
        self.refuses = set()
        self.held = False       # requests of the disk wait
        self.reverse = False    # requests that are there together end in the reverse of their order
        self.dies_at = dies_at  # closes the connection once, instead of carrying out this request
        self.status = 0
        self.ended = []         # heads of what it has ended
        self.inflight = None    # what has been passed: a map of a byte for each head of each ring
        self.late = 0           # seconds after a ring's end until the driver sees what was taken from it before
        self.asked = []
        self.announced = []     # addresses, as they were passed
        self.regions = []
        self.rings = {}
        self.channel = None     # for requests of its own
        self.failure = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._client = None
        self._wake, self._woken = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """As if it were killed."""
        os.write(self._woken, b"x")
        self._thread.join()
        self._listener.close()
        assert self.failure is None, self.failure

    def has_gone(self):
        """Nobody is connected, and all that was passed is closed."""
        return self._client is None and self.regions == []

    @contextlib.contextmanager
    def slow(self, request):
        """It answers this when the test sets the event, which has to come before hotram gives up: what the test asks the
        monitors meanwhile, they have answered without waiting for it."""
        gate, answered, in_time = threading.Event(), threading.Event(), []

        def wait(answer):
            in_time.append(gate.wait(4))        # seconds; hotram waits for 5
            answered.set()
            return answer

        self.answers[request] = wait
        yield gate
        gate.set()
        answered.wait(4)
        del self.answers[request]
        assert in_time and all(in_time), f"{request} was not asked, or somebody waited for its answer"

    # ---- the thread ----

    def _run(self):
        try:
            with selectors.DefaultSelector() as self._selector:
                self._selector.register(self._wake, selectors.EVENT_READ, None)
                self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
                while True:
                    for key, _ in self._selector.select():
                        if key.data is None:
                            return
                        if key.fd in self._selector.get_map():      # nothing before has closed it
                            key.data()
        except Exception as error:              # for the test's thread
            self.failure = repr(error)
        finally:
            self._drop()

    def _accept(self):
        self._drop()
        self._client = self._listener.accept()[0]
        self._selector.register(self._client, selectors.EVENT_READ, self._message)

    def _drop(self):
        if self._client:
            try:
                self._selector.unregister(self._client)
            except (KeyError, ValueError):
                pass
            self._client.close()
        for ring in self.rings.values():
            self._close(ring)
        for region in self.regions:
            region.map.close()
        if self.channel:
            self.channel.close()
        self._client, self.channel, self.rings, self.regions = None, None, {}, []

    def _close(self, ring):
        for fd in (ring.kick, ring.call, ring.error):
            if fd == ring.kick and fd >= 0:
                try:
                    self._selector.unregister(fd)
                except (KeyError, ValueError):
                    pass
            if fd >= 0:
                os.close(fd)
        ring.kick = ring.call = ring.error = -1

    def _receive(self, length):
        data, fds = b"", array.array("i")
        while len(data) < length:
            part, controls, _, _ = self._client.recvmsg(length - len(data), socket.CMSG_SPACE(8 * 4))
            for _, _, some in controls:
                fds.frombytes(some[:len(some) - len(some) % 4])
            if not part:
                return None, fds
            data += part
        return data, fds

    def _message(self):
        try:
            header, fds = self._receive(12)
            if header is None:
                self._drop()
                return
            request, flags, size = struct.unpack("<III", header)
            payload, more = self._receive(size)
            name = REQUESTS[request]
            self.asked.append(name)
            if name == self.dies_at:
                self.dies_at = None
                self._drop()
                return
            answer = getattr(self, name.lower())(payload, list(fds) + list(more))
            if answer is None and flags & NEED_REPLY:
                answer = struct.pack("<Q", name in self.refuses)
            if name in self.answers and answer is not None:
                answer = self.answers[name](answer)
            if isinstance(answer, tuple):       # a whole message, or what else there is to send
                self._client.sendall(answer[0])
            elif answer is not None:
                self._client.sendall(struct.pack("<III", request, VERSION | REPLY, len(answer)) + answer)
        except (ConnectionError, OSError):
            self._drop()

    # ---- requests ----

    def get_features(self, _, __):
        return struct.pack("<Q", self.features)

    def get_protocol_features(self, _, __):
        return struct.pack("<Q", self.protocol)

    def get_queue_num(self, _, __):
        return struct.pack("<Q", self.queues)

    def get_max_mem_slots(self, _, __):
        return struct.pack("<Q", self.slots)

    def set_features(self, payload, _):
        self.accepted, = struct.unpack("<Q", payload)

    def set_protocol_features(self, payload, _):
        self.agreed, = struct.unpack("<Q", payload)

    def set_owner(self, _, __):
        pass

    def send_rarp(self, payload, _):
        self.announced.append(payload)

    def set_backend_req_fd(self, _, fds):
        self.channel = socket.socket(fileno=fds[0])
        self.channel.setblocking(True)

    def get_config(self, payload, _):
        offset, size, flags = struct.unpack_from("<III", payload)
        return struct.pack("<III", offset, size, flags) + self.config[offset:offset + size]

    def set_config(self, payload, _):
        offset, size, _ = struct.unpack_from("<III", payload)
        self.config[offset:offset + size] = payload[12:]

    # A byte for each head of 16 rings at most of 1024 entries; 1: it is in progress.

    def get_inflight_fd(self, payload, _):
        self.wanted = struct.unpack("<QQHHI", payload)
        fd = os.memfd_create("inflight")
        os.ftruncate(fd, 16384)
        answer = struct.pack("<IIIQQHHI", 31, VERSION | REPLY, 24, 16384, 0, *self.wanted[2:])
        socket.send_fds(self._client, [answer], [fd])
        os.close(fd)
        return (b"",)

    def set_inflight_fd(self, payload, fds):
        assert struct.unpack("<QQHHI", payload)[:2] == (16384, 0) and len(fds) == 1
        self.inflight = mmap.mmap(fds[0], 16384)
        os.close(fds[0])

    def reset_device(self, _, __):
        pass

    def set_status(self, payload, _):
        self.status, = struct.unpack("<Q", payload)

    def get_status(self, _, __):
        return struct.pack("<Q", self.status)

    def add_mem_reg(self, payload, fds):
        region = Region(struct.unpack_from("<QQQQ", payload, 8), fds[0])
        if "ADD_MEM_REG" not in self.refuses:
            self.regions.append(region)

    def rem_mem_reg(self, payload, _):
        address, = struct.unpack_from("<Q", payload, 8)
        region, = [region for region in self.regions if region.address == address]
        self.regions.remove(region)
        region.map.close()

    def set_mem_table(self, payload, fds):
        for region in self.regions:
            region.map.close()
        self.regions = [Region(struct.unpack_from("<QQQQ", payload, 8 + 32 * number), fd) for number, fd in enumerate(fds)]
        assert len(fds) == struct.unpack_from("<I", payload)[0]
        assert all(ring.kick < 0 for ring in self.rings.values()), "a ring is served"

    def _ring(self, payload):
        return self.rings.setdefault(payload[0], Ring())

    def set_vring_num(self, payload, _):
        self._ring(payload).size = struct.unpack("<II", payload)[1]

    def set_vring_base(self, payload, _):
        self._ring(payload).next = struct.unpack("<II", payload)[1]

    def set_vring_addr(self, payload, _):
        ring = self._ring(payload)
        ring.addresses = struct.unpack_from("<QQQ", payload, 8)     # descriptors, used, available
        ring.used, = struct.unpack("<H", self._user(ring.addresses[1] + 2, 2))

    def set_vring_call(self, payload, fds):
        ring = self._ring(payload)
        if ring.call >= 0:
            os.close(ring.call)
        ring.call, = fds

    def set_vring_err(self, payload, fds):
        self._ring(payload).error, = fds

    def set_vring_kick(self, payload, fds):
        ring = self._ring(payload)
        ring.kick, = fds
        ring.again = []
        if self.inflight:           # what one before this has begun
            at = 1024 * payload[0]
            ring.again = [head for head in range(1024) if self.inflight[at + head]]
            ring.next = (ring.next + len(ring.again)) & 0xffff
        self._selector.register(ring.kick, selectors.EVENT_READ, lambda: self._kicked(ring))

    def set_vring_enable(self, payload, _):
        self._ring(payload).enabled = struct.unpack("<II", payload)[1] == 1

    def get_vring_base(self, payload, _):
        ring = self._ring(payload)
        self._close(ring)
        return struct.pack("<II", payload[0], ring.next)

    # ---- requests of its own ----

    def resize(self, size, need_reply=True):
        self.disk = bytearray(size)
        struct.pack_into("<Q", self.config, 0, size // 512)
        self.say(struct.pack("<III", 2, VERSION | (NEED_REPLY if need_reply else 0), 0))

    def say(self, message):
        self.channel.sendall(message)

    # ---- the disk ----

    def _place(self, address, length, user):
        for region in self.regions:
            start = region.user if user else region.address
            if start <= address and address + length <= start + region.size:
                return region.map, address - start
        raise AssertionError(f"{address:#x} is in none of its regions")

    def _user(self, address, length, data=None):
        memory, at = self._place(address, length, True)
        if data is not None:
            memory[at:at + length] = data
        return memory[at:at + length]

    def _guest(self, address, length, data=None):
        memory, at = self._place(address, length, False)
        if data is not None:
            memory[at:at + length] = data
        return memory[at:at + length]

    def _kicked(self, ring):
        os.read(ring.kick, 8)
        self.serve(ring)

    def _number(self, ring):
        return next(number for number, other in self.rings.items() if other is ring)

    def _mark(self, ring, head, value):
        if self.inflight:
            self.inflight[1024 * self._number(ring) + head] = value

    def serve(self, ring):
        """All that is there; with `held`, it is taken and does not end."""
        available = ring.addresses[2]
        heads = ring.again if not self.held else []
        ring.again = ring.again if self.held else []
        while ring.next != struct.unpack("<H", self._user(available + 2, 2))[0]:
            if self.held and not self.inflight:
                return
            head, = struct.unpack("<H", self._user(available + 4 + 2 * (ring.next % ring.size), 2))
            ring.next = (ring.next + 1) & 0xffff
            self._mark(ring, head, 1)
            (ring.again if self.held else heads).append(head)
        for head in reversed(heads) if self.reverse else heads:
            self.end(ring, head)

    def end(self, ring, head):
        descriptors, used, _ = ring.addresses
        written = self._request(descriptors, head)
        self.ended.append(head)
        self._user(used + 4 + 8 * (ring.used % ring.size), 8, struct.pack("<II", head, written))
        ring.used = (ring.used + 1) & 0xffff
        if self.late:
            threading.Timer(self.late, self._user, (used + 2, 2, struct.pack("<H", ring.used))).start()
            return
        self._user(used + 2, 2, struct.pack("<H", ring.used))
        self._mark(ring, head, 0)
        if ring.call >= 0:
            os.write(ring.call, struct.pack("<Q", 1))

    def chain(self, descriptors, index):
        """Address and length of each of its buffers."""
        chain = []
        while True:
            address, length, flags, following = struct.unpack("<QIHH", self._user(descriptors + 16 * index, 16))
            chain.append((address, length))
            if not flags & 1:
                return chain
            index = following

    def _request(self, descriptors, index):
        chain = self.chain(descriptors, index)
        kind, _, sector = struct.unpack("<IIQ", self._guest(*chain[0]))
        at, written = 512 * sector, 1
        for address, length in chain[1:-1]:
            if kind == IN:
                self._guest(address, length, bytes(self.disk[at:at + length]))
                written += length
            elif kind == OUT:
                self.disk[at:at + length] = self._guest(address, length)
            at += length
        self._guest(*chain[-1], b"\0")
        return written
