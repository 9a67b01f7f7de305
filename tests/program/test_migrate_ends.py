#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""Migrations that end otherwise: cancelled, stopped, killed at each stage; whatever breaks, the guest runs in one place at
most."""

import pathlib
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.micro import tell                                   # noqa: E402
from lib.migration import HEADER, LIMIT, LOADED, STATE, accept, begin_writing, describe, end  # noqa: E402
from lib.migration import end_writing, failed, info, messages, pass_fd, place, refusal, set_capabilities  # noqa: E402
from lib.migration import slow, start, status, wait_migration  # noqa: E402
from lib.saved import Saved                                  # noqa: E402

MIB = 1 << 20


def test_cancelled():
    """While it is set up, while it sends, and while it pauses; the guest runs on each time."""
    with place() as folder, start() as source:
        begin_writing(source)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{folder}/silent")
        listener.listen()
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/silent"})
        assert info(source)["status"] == "setup"
        source.qmp.execute("migrate_cancel")
        wait_migration(source, "cancelled")
        assert status(source) == "running"
        with start(incoming=f"unix:{folder}/1") as target:
            slow(source)
            source.qmp.execute("migrate", {"uri": f"unix:{folder}/1"})
            wait_migration(source, "active")
            assert "There's a migration process" in refusal(source.qmp.execute, "migrate", {"uri": "unix:/x"})
            source.qmp.execute("migrate_cancel")
            wait_migration(source, "cancelled")
            assert status(source) == "running" and target.process.wait(LIMIT) == 1
        source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 0, "downtime-limit": 300})
        set_capabilities(source, pause_before_switchover=True)
        with start(incoming=f"unix:{folder}/2") as target:
            source.qmp.take_events()
            source.qmp.execute("migrate", {"uri": f"unix:{folder}/2"})
            wait_migration(source, "pre-switchover")
            assert status(source) == "finish-migrate"
            assert "Migration is not finalized yet" in refusal(source.qmp.execute, "cont")
            source.qmp.execute("migrate_cancel")
            wait_migration(source, "cancelled")
            assert status(source) == "running" and target.process.wait(LIMIT) == 1
            events = [describe(event) for event in source.qmp.take_events()]
            assert [one for one in events if not one.startswith("PASS")] == \
                ["setup", "active", "STOP", "pre-switchover", "cancelling", "RESUME", "cancelled"], events
        with start(incoming=f"unix:{folder}/3") as target:
            source.qmp.execute("migrate", {"uri": f"unix:{folder}/3"})
            wait_migration(source, "pre-switchover")
            source.qmp.execute("migrate-continue", {"state": "pre-switchover"})
            wait_migration(source, "completed")
            target.qmp.execute("cont")
            end_writing(target)
            end(target)
        end(source)


def test_stopped_at_the_switch():
    """Who stops the guest while the migration has stopped it finds it paused, here and there."""
    with place() as folder, start() as source:
        set_capabilities(source, pause_before_switchover=True)
        with start(incoming=f"unix:{folder}/1") as target:
            source.qmp.execute("migrate", {"uri": f"unix:{folder}/1"})
            wait_migration(source, "pre-switchover")
            source.qmp.execute("stop")
            source.qmp.execute("migrate_cancel")
            wait_migration(source, "cancelled")
            assert status(source) == "paused" and target.process.wait(LIMIT) == 1
        source.qmp.execute("cont")
        tell(source, "e", "e")
        with open(f"{folder}/stored", "w+b") as stored:
            pass_fd(source, "stored", stored.fileno())
            source.qmp.execute("migrate", {"uri": "fd:stored"})
            wait_migration(source, "pre-switchover")
            source.qmp.execute("stop")
            source.qmp.execute("migrate-continue", {"state": "pre-switchover"})
            wait_migration(source, "completed")
            stored.seek(0)
            sent = stored.read()
        state, length = next((at, length) for at, kind, length in messages(sent) if kind == STATE)
        (folder / "state").write_bytes(sent[state + HEADER:state + HEADER + length])
        assert Saved(folder / "state")["time"]["running"] == 0
        end(source)


class Stage:
    """A source whose migration has come so far, and stays there: the test is its target, and answers no more."""

    NAMES = ("setup", "active", "pre-switchover", "device", "go")

    def __init__(self, folder, source, name):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{folder}/{name}")
        self.listener.listen()
        self.connection = None
        set_capabilities(source, pause_before_switchover=name == "pre-switchover")
        source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 1 if name == "active" else 0,
                                                      "downtime-limit": 0 if name == "active" else 300})
        source.qmp.take_events()
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/{name}"})
        if name == "setup":
            return
        self.connection = accept(self.listener)
        if name in ("active", "pre-switchover"):
            wait_migration(source, name)
            return
        source.wait_until(lambda: status(source) == "finish-migrate", LIMIT, "the guest is stopped")
        if name == "go":
            self.connection.sendall(LOADED.to_bytes(4, "little") + bytes(12))

    def close(self):
        if self.connection:
            self.connection.close()
        self.listener.close()


def at_once(machine, *commands):
    """In one write, so that nothing happens between them."""
    machine.qmp.send_raw("".join(f'{{"execute": "{command}"}}\n' for command in commands).encode())
    for command in commands:
        answer = machine.qmp.read_answer(time.monotonic() + LIMIT)
        assert "return" in answer, (command, answer)


def test_the_guest_is_stopped_and_resumed_at_each_stage():
    """Who stops it finds it paused when the migration is cancelled; who resumes it, and be it in the same moment, finds it
    running. Before the switch, cont is possible; from there on, only when the migration is being cancelled."""
    with place() as folder, start() as source:
        for name in Stage.NAMES[:-1]:
            for stops in (False, True):
                for resumes in (False, True):
                    (folder / name).unlink(missing_ok=True)
                    stage = Stage(folder, source, name)
                    if stops:
                        source.qmp.execute("stop")
                    if name in ("setup", "active"):
                        source.qmp.execute("cont") if resumes else None                 # pylint: disable=W0106
                    else:
                        assert "not finalized yet" in refusal(source.qmp.execute, "cont")
                    if resumes:
                        at_once(source, "migrate_cancel", "cont")
                    else:
                        source.qmp.execute("migrate_cancel")
                    wait_migration(source, "cancelled")
                    assert status(source) == ("paused" if stops and not resumes else "running"), (name, stops, resumes)
                    events = [one["event"] for one in source.qmp.take_events()]
                    assert events.count("STOP") - events.count("RESUME") == int(stops and not resumes), (name, events)
                    source.qmp.execute("cont")
                    tell(source, "e", "e")
                    stage.close()
        end(source)


def test_quit_at_each_stage():
    """Stopped before or not; the target's connection ends, and the program has no reason to complain."""
    for name in Stage.NAMES:
        for stops in (False, True):
            with place() as folder, start() as source:
                stage = Stage(folder, source, name)
                if stops:
                    source.qmp.execute("stop")
                assert "system_reset not allowed while migrating" in refusal(source.qmp.execute, "system_reset")
                end(source)
                stage.close()


def test_nothing_is_changed_meanwhile():
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        slow(source)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "active")
        for command, arguments in (("device_add", {"driver": "pc-dimm", "id": "d0", "memdev": "m0"}),
                                   ("device_del", {"id": "d0"}), ("memory-set", {"size": 128 * MIB}),
                                   ("memory-plug", {"size": 128 * MIB}), ("memory-unplug", {"id": "d0"}),
                                   ("machine-snapshot", {"file": f"{folder}/x"}), ("system_reset", None)):
            assert f"{command} not allowed while migrating; migrate_cancel ends" in \
                refusal(source.qmp.execute, command, arguments)
        source.qmp.execute("stop")
        source.qmp.execute("cont")
        tell(source, "e", "e")
        source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 0, "downtime-limit": 300})
        wait_migration(source, "completed")
        target.qmp.execute("cont")
        tell(target, "e", "e")
        end(source)
        end(target)


def test_the_target_is_killed():
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        slow(source)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "active")
        target.process.send_signal(signal.SIGKILL)
        failed(source, None)
        end(source)


def test_the_source_is_killed():
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        slow(source)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "active")
        source.process.send_signal(signal.SIGKILL)
        assert target.process.wait(LIMIT) == 1
        assert "-incoming: " in target.errors.read_text()


def test_quit_while_it_moves():
    with place() as folder, start() as source, start(incoming=f"unix:{folder}/m") as target:
        slow(source)
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        wait_migration(source, "active")
        end(source)
        assert target.process.wait(LIMIT) == 1
    with place() as folder, start(incoming=f"unix:{folder}/m") as target:
        end(target)
        assert not (folder / "m").exists()


def test_a_full_disk():
    """The guest runs on, and what was written is refused."""
    with place() as folder, start() as source:
        with open("/dev/full", "wb") as full:
            pass_fd(source, "image", full.fileno())
        source.qmp.execute("migrate", {"uri": "fd:image"})
        assert "No space left" in failed(source, None)
        end(source)


if __name__ == "__main__":
    tap.main()
