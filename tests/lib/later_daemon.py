# SPDX-License-Identifier: BSD-2-Clause
"""Back ends of vhost-user of a later suite than this system's: this system's own, if it has them, or
scripts/later-daemon.sh, which gets them."""

import functools
import pathlib
import shutil
import subprocess

from . import tap

CLONE = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = CLONE / "scripts/later-daemon.sh"
# What says that one is as late as it has to be.
OWN = {"passt": ("passt", ["passt", "--help"], "--vhost-user"),
       "virtiofsd": ("/usr/libexec/virtiofsd", ["/usr/libexec/virtiofsd", "--help"], "--shared-dir")}


def _is_own(name):
    path, words, option = OWN[name]
    if not shutil.which(path):
        return False
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    return option in said.stdout + said.stderr


@functools.lru_cache(None)
def command(name):
    """The words that begin it; or None, with the reason in why()."""
    if _is_own(name):
        return [OWN[name][0]]
    got = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
    return [str(SCRIPT), name] if got.returncode == 0 else None


def missing(name):
    """Why it cannot be had, or None."""
    return None if command(name) else f"{name} of Debian 13 cannot be had: {SCRIPT.name} fails here"


def check_isolated(name, said):
    """Skips the test if the program ended because it may not isolate itself, as in a chroot or in a container."""
    if "not permitted" in said or "Permission denied" in said:
        raise tap.Skip(f"{name} cannot isolate itself here: {said.splitlines()[-1]}")
