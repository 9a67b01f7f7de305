# SPDX-License-Identifier: BSD-2-Clause
"""What a person reads at the human monitor."""


def read_until(person, end):
    """From a socket; all of it."""
    text = b""
    while not text.endswith(end):
        more = person.recv(4096)
        assert more, text
        text += more
    return text
