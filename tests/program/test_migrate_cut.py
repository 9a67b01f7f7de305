#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""A migration whose connection ends at any byte, whose ends are killed, and whose stream is damaged: the guest runs in
one place, and it is known where.

With CUT_EVERY=1, also at each byte of the contents of configuration and state, which takes long: each is read by one
loop, so otherwise it is every 601st."""

import os
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.micro import MICRO, tell                            # noqa: E402
from lib.migration import ACCEPTED, CONFIG, GO, GREETING, HEADER, LIMIT, LOADED, PAGES, START, STATE, ZEROS  # noqa: E402
from lib.migration import Between, info, is_readable, messages, place, start, status, wait_migration  # noqa: E402
from lib.migration import set_capabilities, where_it_runs    # noqa: E402

SMALL = ["-m", "8M", "-kernel", MICRO]
EVERY = int(os.environ.get("CUT_EVERY", "601"))
TOLD = "the target was told to run the guest, and did not confirm it"


def move(source, folder, **cuts):
    """To a new target, by way of a Between, up to the end of the migration, however it ends."""
    between = Between(folder, **cuts)
    target = start(incoming=f"unix:{folder}/target", base=SMALL)
    target.qmp.execute("cont")
    source.qmp.execute("migrate", {"uri": between.uri})
    return target, between, *where_it_runs(source, target)


def stays(source, **cuts):
    """The migration is cut, and the guest stays here. Returns why, and what the target said."""
    with place() as folder:
        target, between, result, at_source, at_target = move(source, folder, **cuts)
        with target:
            assert between.was_cut or cuts.get("damage"), cuts
            assert (result["status"], at_source, at_target) == ("failed", True, False), (cuts, result)
            tell(source, "e", "e")
            assert target.process.wait(LIMIT) in (1, -9), cuts
            return result["error-desc"], target.errors.read_text()


def first_and_last(sent, *kinds):
    """Of the messages of the pass that sends all memory, in the order of their addresses, as (KIND, N)."""
    counts, before, found = {kind: 0 for kind in kinds}, -1, {}
    for at, kind, _ in messages(sent):
        address = int.from_bytes(sent[at + 8:at + 16], "little")
        if kind in kinds and address < before:
            break
        if kind in kinds:
            found.setdefault(kind, []).append((kind, counts[kind]))
            counts[kind], before = counts[kind] + 1, address
    return sorted({one for numbers in found.values() for one in (numbers[0], numbers[-1])})


def whole(source):
    """A migration that nothing cuts; the guest is at the target then."""
    with place() as folder:
        target, between, _, at_source, at_target = move(source, folder)
        assert (at_source, at_target) == (False, True)
        between.join(LIMIT)
        return target, bytes(between.sent), bytes(between.answered)


# ---- the connection ends ----

def test_cut_at_every_byte_of_what_the_source_sends():
    """The guest continues here, whichever end sees it first, and however."""
    with start(base=SMALL) as old:
        source, sent, answered = whole(old)
    with source:
        lengths = {kind: length for _, kind, length in messages(sent) if kind in (CONFIG, STATE)}
        assert len(answered) == 3 * HEADER and messages(sent)[-1][1] == STATE, messages(sent)
        cuts = [(START, 0, byte) for byte in range(GREETING)]
        for kind, number in [(CONFIG, 0), *first_and_last(sent, PAGES, ZEROS), (STATE, 0)]:
            cuts += [(kind, number, byte) for byte in range(HEADER)]
            if kind in lengths:
                cuts += [(kind, number, byte) for byte in range(HEADER, HEADER + lengths[kind], EVERY)]
            if kind == PAGES:
                cuts += [(kind, number, HEADER), (kind, number, HEADER + 4095)]
        for count, cut in enumerate(cuts[::tap.STRIDE]):
            stays(source, cut=cut, how=Between.HOW[count % len(Between.HOW)])
        for how in Between.HOW:
            stays(source, cut=(STATE, 0, HEADER + lengths[STATE] - 1), how=how)


def test_cut_at_every_byte_of_the_answers():
    """Before LOADED has arrived, the guest continues here; then it is at the target, and the source names the way out."""
    with start(base=SMALL) as source:
        for count, byte in enumerate(range(0, 2 * HEADER, tap.STRIDE)):
            stays(source, cut_back=byte, how=Between.HOW[count % len(Between.HOW)])
    for byte in range(2 * HEADER, 3 * HEADER, tap.STRIDE):
        with start(base=SMALL) as source, place() as folder:
            target, _, result, at_source, at_target = move(source, folder, cut_back=byte)
            with target:
                if byte == 2 * HEADER and at_source:
                    continue        # the end overtook the last byte
                assert result["status"] == "failed" and TOLD in result["error-desc"], (byte, result)
                assert status(source) == "postmigrate"
                if at_target:
                    tell(target, "e", "e")
                else:
                    assert byte == 2 * HEADER and target.process.wait(LIMIT) == 1, byte


def test_the_last_byte():
    """It is lost. Where the target says so, or its socket, the guest continues here; otherwise it runs nowhere until
    somebody decides."""
    with start(base=SMALL) as source:
        said, _ = stays(source, lose_last=True, how="half")
        assert said.startswith("the target refuses: the connection ended after"), said
        said, _ = stays(source, leave_last=True)
        assert said == "Connection reset by peer", said
        for how in ("shutdown", "source first", "target first"):
            with place() as folder:
                target, _, result, at_source, at_target = move(source, folder, lose_last=True, how=how)
                with target:
                    if how == "target first" and at_source:
                        assert "the target refuses" in result["error-desc"], result
                        continue
                    assert (at_source, at_target) == (False, False), (how, result)
                    assert TOLD in result["error-desc"] and status(source) == "postmigrate", result
                    assert target.process.wait(LIMIT) == 1
            source.qmp.execute("cont")
            tell(source, "e", "e")


def up_to_the_last_byte(source, folder):
    """The connection of a target that has confirmed everything; the source has sent the last byte, which nobody has read."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/m")
        listener.listen()
        source.qmp.execute("migrate", {"uri": f"unix:{folder}/m"})
        connection, _ = listener.accept()
    received = bytearray()
    for answer in (ACCEPTED, LOADED):
        while not any(kind == (CONFIG if answer == ACCEPTED else STATE) and len(received) == at + HEADER + length
                      for at, kind, length in messages(received)):
            received += connection.recv(1)
        connection.sendall(answer.to_bytes(4, "little") + bytes(12))
    assert is_readable(connection, LIMIT)
    return connection


def test_a_target_that_ends_without_reading_the_last_byte():
    """As one that is killed between its answer and that byte: its socket shows it."""
    with start(base=SMALL) as source, place() as folder:
        up_to_the_last_byte(source, folder).close()
        result = wait_migration(source, "failed")
        assert result["error-desc"] == "Connection reset by peer" and status(source) == "running", result
        tell(source, "e", "e")


def test_a_target_that_stays_silent():
    """After the last byte, as on a host that is gone: for some seconds it may still answer; then migrate_cancel ends the
    wait, and whoever knows that the guest does not run there has it run here."""
    with start(base=SMALL) as source, place() as folder, up_to_the_last_byte(source, folder) as connection:
        assert connection.recv(1) == b"G"
        source.qmp.execute("migrate_cancel")
        assert info(source)["status"] == "active" and status(source) == "finish-migrate"
        time.sleep(6)
        assert info(source)["status"] == "active" and status(source) == "finish-migrate"
        source.qmp.execute("migrate_cancel")
        result = wait_migration(source, "failed")
        assert TOLD in result["error-desc"] and status(source) == "postmigrate", result
        source.qmp.execute("cont")
        tell(source, "e", "e")


def test_a_source_without_answers():
    """It has done its part when everything is written; the target runs the guest only if all of it has arrived."""
    for how in ("shutdown", "close", "half"):
        for cut in ((STATE, 0, HEADER + 5), (GO, 0, 0), None):
            with start(base=SMALL) as source, place() as folder:
                set_capabilities(source, return_path=False)
                target, between, result, at_source, at_target = move(source, folder, cut=cut, how=how)
                with target:
                    assert not between.answered and at_target == (cut is None), (cut, how)
                    assert at_source == (result["status"] == "failed"), (cut, how, result)


# ---- an end is killed ----

KILLED = [(START, 0, GREETING), (CONFIG, 0, 5), (CONFIG, 0, HEADER + 100), (PAGES, 0, 4), (PAGES, 0, HEADER + 1000),
          (STATE, 0, 0), (STATE, 0, HEADER), (STATE, 0, HEADER + 5000)]


def test_the_target_is_killed():
    """At a point of the stream, and with its answers."""
    with start(base=SMALL) as source:
        for cut in [{"cut": cut} for cut in KILLED] + [{"cut_back": byte} for byte in (0, HEADER, 2 * HEADER - 1)]:
            with place() as folder:
                between = Between(folder, **cut)
                with start(incoming=f"unix:{folder}/target", base=SMALL) as target:
                    between.before = target.process.kill
                    target.qmp.execute("cont")
                    source.qmp.execute("migrate", {"uri": between.uri})
                    assert wait_migration(source, "failed") and status(source) == "running", cut
                    tell(source, "e", "e")
                    assert target.process.wait(LIMIT) in (1, -9), cut


def test_the_source_is_killed():
    """The target runs the guest if the last byte has arrived, and ends otherwise."""
    for cut in [*KILLED, (GO, 0, 0), (GO, 0, 1)]:
        with start(base=SMALL) as source, place() as folder:
            between = Between(folder, cut=cut, before=source.process.kill)
            with start(incoming=f"unix:{folder}/target", base=SMALL) as target:
                target.qmp.execute("cont")
                source.qmp.execute("migrate", {"uri": between.uri})
                assert source.process.wait(LIMIT) == -9
                if cut == (GO, 0, 1):
                    wait_migration(target, "completed")
                    tell(target, "e", "e")
                else:
                    assert target.process.wait(LIMIT) == 1 and "-incoming: " in target.errors.read_text(), cut


def test_the_target_is_asked_to_end():
    """It says so, even where the source has just let it run the guest."""
    with start(base=SMALL) as source:
        for cut in KILLED:
            with place() as folder:
                between = Between(folder, cut=cut, how="nothing")
                with start(incoming=f"unix:{folder}/target", base=SMALL) as target:
                    between.before = target.process.terminate
                    source.qmp.execute("migrate", {"uri": between.uri})
                    said = wait_migration(source, "failed")["error-desc"]
                    if cut[0] in (PAGES, STATE):    # before, it may not have read whether answers are awaited
                        assert said == "the target refuses: it ends before the guest has arrived", (cut, said)
                    assert status(source) == "running"
                    tell(source, "e", "e")
                    target.process.wait(LIMIT)


# ---- the stream is damaged ----

def test_damaged_streams():
    """Whatever arrives, it is refused with what and where, and the guest runs on at the source."""
    cases = [(0, 1, "begins with other bytes"), (8, 2, "has version 3 of the format"), (12, 4, "unknown flags"),
             (16, 0x70, "no message of kind 0x71"), (16, 3, "comes before the configuration"),
             (19, 0x7f, "no message of kind"), (23, 0xff, "the limit is 33554432"), (24, 1, "instead of 0"),
             (32, 1, "saved state, at byte 0"), (60, 0x80, "saved state, at byte")]
    with start(base=SMALL) as source:
        for at, value, words in cases:
            assert words in stays(source, damage={at: value})[1], (at, words)


def test_memory_that_is_not_there():
    """A message for an address without memory."""
    with start(base=SMALL) as old:
        source, sent, _ = whole(old)
    with source:
        first = messages(sent)[1][0]
        for at, value in ((first + 13, 1), (first + 7, 0x80)):
            said = stays(source, damage={at: value})[1]
            assert "there is no memory for" in said or "the limit is 2097152" in said, said


if __name__ == "__main__":
    tap.main()
