# SPDX-License-Identifier: BSD-2-Clause
"""A QMP server that a test plays: it answers as it is told to, or does not."""

import json
import pathlib
import socket
import threading

GREETING = {"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7},
                                "package": "fake"}, "capabilities": []}}


class Refuse(Exception):
    """A handler's answer is an error: Refuse(desc[, class])."""


class Silence(Exception):
    """A handler does not answer."""


class FakeGuest:
    """Commands are answered by handlers, command -> function(arguments) or plain
    result. `asked` keeps what was asked, (command, arguments), in its order."""

    def __init__(self, path, handlers=None, greeting=None):
        self.path = str(path)
        self.handlers = {"qmp_capabilities": {}, **(handlers or {})}
        self.greeting = GREETING if greeting is None else greeting
        self.asked = []
        self._changed = threading.Condition()
        self._connections = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Nobody finds it or can connect any more, and then all connections end. A handler may call it."""
        pathlib.Path(self.path).unlink(missing_ok=True)
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self.close_connections()

    def close_connections(self):
        with self._changed:
            connections, self._connections = self._connections, []
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def event(self, name, data=None):
        message = {"event": name, "timestamp": {"seconds": 1700000000, "microseconds": 5}}
        if data is not None:
            message["data"] = data
        self.say(json.dumps(message).encode() + b"\r\n")

    def say(self, data):
        """To everybody who is connected."""
        with self._changed:
            for connection in self._connections:
                self._send(connection, data)

    def wait_asked(self, command, count=1, timeout=20):
        """Waits until a command was asked for so often; returns its arguments."""
        def those():
            return [args for asked, args in self.asked if asked == command]
        with self._changed:
            assert self._changed.wait_for(lambda: len(those()) >= count, timeout), \
                f"no {command} among {self.asked}"
            return those()[-1]

    @staticmethod
    def _send(connection, data):
        try:
            connection.sendall(data)
        except OSError:
            pass                                  # it went away

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:               # no event comes before the greeting
                self._greet(connection)
                self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _greet(self, connection):
        greeting = self.greeting
        self._send(connection, greeting if isinstance(greeting, bytes)
                   else json.dumps(greeting).encode() + b"\r\n")

    def _serve(self, connection):
        try:
            for line in connection.makefile("rb"):
                self._answer(connection, json.loads(line))
        except OSError:
            pass
        connection.close()

    def _answer(self, connection, request):
        command, args = request["execute"], request.get("arguments", {})
        with self._changed:
            self.asked.append((command, args))
            self._changed.notify_all()
        try:
            if command not in self.handlers:
                raise Refuse(f"The command {command} has not been found", "CommandNotFound")
            handler = self.handlers[command]
            answer = {"return": handler(args) if callable(handler) else handler}
        except Refuse as refuse:
            desc, error_class = (*refuse.args, "GenericError")[:2]
            answer = {"error": {"class": error_class, "desc": desc}}
        except Silence:
            return
        self._send(connection, json.dumps({**answer, "id": request.get("id")}).encode()
                   + b"\r\n")
