# SPDX-License-Identifier: BSD-2-Clause
"""A client of the QEMU Machine Protocol over a unix socket."""

import collections
import json
import socket
import time


class QMPError(Exception):
    """The machine answered a command with an error."""

    def __init__(self, command, error):
        super().__init__(f"{command}: {error['class']}: {error['desc']}")
        self.error_class = error["class"]
        self.desc = error["desc"]


class QMPTimeout(Exception):
    """Nothing of what was waited for came in time."""


class QMPClosed(Exception):
    """The machine closed the connection."""


class QMP:
    """One connection. Events that arrive meanwhile are kept in `events`, in
    their order, until wait_event() takes them or clear_events() drops them."""

    def __init__(self, path, timeout=60, negotiate=True):
        self.timeout = timeout
        self.events = collections.deque()
        self._received = b""
        self._id = 0
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(timeout)
            self._connect(str(path), time.monotonic() + 5)
            self.greeting = self.read_message(time.monotonic() + timeout)
            if negotiate:
                self.execute("qmp_capabilities")
        except BaseException:
            self.close()
            raise

    def discard(self):
        """Reads what there is, of a connection that is used no more for anything but send_raw(). For that too: the
        program lets go of who does not read."""
        self._socket.setblocking(False)
        try:
            while True:
                if not self._socket.recv(1 << 20):
                    raise QMPClosed("the machine closed the connection")
        except BlockingIOError:
            pass
        finally:
            self._socket.settimeout(self.timeout)

    def _connect(self, path, deadline):
        """A socket's file is there a moment before somebody listens at it."""
        while True:
            try:
                return self._socket.connect(path)
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def pass_descriptors(self, *descriptors):
        """To the next command: a blank before it carries them."""
        socket.send_fds(self._socket, [b" "], descriptors)

    def close(self):
        self._socket.close()

    def send_raw(self, data, timeout=None):
        """Sends bytes as they are: for tests of what is not valid. QMPTimeout
        when the machine takes none of them for so long."""
        self._socket.settimeout(timeout or self.timeout)
        try:
            self._socket.sendall(data)
        except socket.timeout:
            raise QMPTimeout("the machine takes no bytes") from None

    def offer_raw(self, data):
        """Sends without waiting. False: the machine took a part of it or nothing, and the connection is good for
        nothing any more."""
        self._socket.setblocking(False)
        try:
            return self._socket.send(data) == len(data)
        except (BlockingIOError, ConnectionError):
            return False
        finally:
            self._socket.settimeout(self.timeout)

    def send_no_more(self):
        """Closes the half of the connection that leads to the machine."""
        self._socket.shutdown(socket.SHUT_WR)

    def read_message(self, deadline):
        """The next message, be it an answer or an event."""
        while b"\n" not in self._received:
            left = deadline - time.monotonic()
            if left <= 0:
                raise QMPTimeout("no message in time")
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except socket.timeout:
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                raise QMPClosed("the machine closed the connection")
            self._received += data
        line, self._received = self._received.split(b"\n", 1)
        return json.loads(line)

    def read_answer(self, deadline):
        """The next message that is no event; events are kept."""
        while True:
            message = self.read_message(deadline)
            if "event" not in message:
                return message
            self.events.append(message)

    def execute(self, command, arguments=None, timeout=None):
        """Runs a command and returns its result; QMPError if refused."""
        self._id += 1
        request = {"execute": command, "id": self._id}
        if arguments:
            request["arguments"] = arguments
        self.send_raw(json.dumps(request).encode() + b"\r\n")
        answer = self.read_answer(time.monotonic() + (timeout or self.timeout))
        if answer.get("id") != self._id:
            raise AssertionError(f"answer to something else: {answer}")
        if "error" in answer:
            raise QMPError(command, answer["error"])
        return answer["return"]

    def wait_event(self, name, match=None, timeout=None):
        """Takes the first event of this name, older ones included, whose data
        holds all of match's items (in nested objects too), and returns it."""
        deadline = time.monotonic() + (timeout or self.timeout)
        seen = 0
        while True:
            for event in list(self.events)[seen:]:
                seen += 1
                if event["event"] == name and holds(event.get("data", {}),
                                                    match or {}):
                    self.events.remove(event)
                    return event
            try:
                message = self.read_message(deadline)
            except QMPTimeout:
                others = [event["event"] for event in self.events]
                raise QMPTimeout(f"no event {name} {match or ''} in time; "
                                 f"others waiting: {others}") from None
            self.events.append(message)

    def wait_event_of(self, *names):
        """Takes the first event that has one of these names."""
        while True:
            for event in list(self.events):
                if event["event"] in names:
                    self.events.remove(event)
                    return event
            self.events.append(self.read_message(time.monotonic() + self.timeout))

    def take_events(self):
        """Takes all events that have arrived, without waiting for more."""
        self._socket.setblocking(False)
        try:
            while data := self._socket.recv(65536):
                self._received += data
        except BlockingIOError:
            pass
        while b"\n" in self._received:
            self.events.append(self.read_message(time.monotonic() + self.timeout))
        events = list(self.events)
        self.events.clear()
        return events

    def clear_events(self):
        self.events.clear()


def holds(data, wanted):
    """Whether data has all that wanted has."""
    if isinstance(wanted, dict):
        return isinstance(data, dict) and all(
            key in data and holds(data[key], value)
            for key, value in wanted.items())
    return data == wanted
