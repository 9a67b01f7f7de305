# SPDX-License-Identifier: BSD-2-Clause
"""What /proc says of a process whose threads come and go: one may end between the listing of its folder (then
there is no such file) and the reading of a file that is open already (then there is no such process)."""

import contextlib
import os
import pathlib
import signal


@contextlib.contextmanager
def daemon(pid):
    """A process that is nobody's child, with a descriptor of it; if it still runs at the end, it is ended, however the
    test ends. By the descriptor: the number may be another's by then."""
    descriptor = os.pidfd_open(int(pid))
    try:
        yield descriptor
    finally:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)


def read(path):
    """A file's text; None: what it tells of is gone."""
    try:
        return pathlib.Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_alive(pid):
    """Whether a process has not ended; nobody may have reaped one that has."""
    text = read(f"/proc/{pid}/stat")
    return text is not None and text.rsplit(")", 1)[1].split()[0] != "Z"


def threads(pid, *files):
    """(number, text of each file) of each thread, but those that end meanwhile; none where there is no such process."""
    folder = pathlib.Path(f"/proc/{pid}/task")
    try:
        tasks = sorted(folder.iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return
    for task in tasks:
        texts = [read(task / name) for name in files]
        if None not in texts:
            yield (task.name, *texts)


def sockets_at(path):
    """UNIX sockets whose path is as it was given: flags, type, state and inode of each."""
    entries = [line.split() for line in pathlib.Path("/proc/net/unix").read_text().splitlines()]
    return [words[3:7] for words in entries if words[-1] == str(path)]


def is_accepted(path):
    """Whether a connection to this UNIX socket has been accepted (state 3: connected)."""
    return any(state == "03" for _, _, state, _ in sockets_at(path))


def listens(pid, path):
    """Whether a process listens on this UNIX socket, whose path is as it gave it. That the path is there comes before."""
    sockets = {inode for flags, _, _, inode in sockets_at(path) if flags == "00010000"}
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            if link.readlink().name.removeprefix("socket:[").rstrip("]") in sockets:
                return True
        except FileNotFoundError:
            continue
    return False
