#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""The arm64 emulated host is what it was asked to be, before anybody looks for a
guest's trouble in hotram: KVM's mode, its interrupt controllers and address bits, a
vCPU that runs; exit statuses, files, Python."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
PROBE = BUILD / "arm64/tests/host/kvm-probe"


def host(*words, cwd=HERE):
    return subprocess.run([HERE / "emulated", "--arch", "arm64", *words], cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


def probe(vhe, gic, **expected):
    done = host("--vhe", vhe, "--gic", gic, "--", "sh", "-c",
                f"dmesg | grep -o '[^ ]* mode initialized'; {PROBE}")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    # Newer kernels name the mode without VHE.
    modes = ("VHE mode initialized",) if vhe == "1" else ("Hyp mode initialized", "nVHE mode initialized")
    assert lines[0] in modes, lines
    assert lines[-1] == "vcpu runs", lines
    found = dict(line.split() for line in lines[1:-2])
    found = {name: int(found[name]) for name in expected}
    assert found == expected, found


def test_vhe_and_gicv3():
    probe("1", "3", gicv3=1, gicv2=0, psci=1, **{"ipa-bits": 48})


def test_nvhe_and_gicv3():
    probe("0", "3", gicv3=1, gicv2=0, psci=1, **{"ipa-bits": 44})


def test_nvhe_and_gicv2():
    probe("0", "2", gicv3=0, gicv2=1, psci=1, vcpus=8)


def test_files_python_and_the_exit_status():
    """Also that of this machine only the clone is there, at its own path."""
    program = ("import ctypes, json, os, pathlib, socket, subprocess, sys, threading\n"
               "pathlib.Path(sys.argv[1]).write_text(os.getcwd())\n"
               "assert os.environ['HOTRAM_ARCH'] == 'arm64'\n"
               "assert os.uname().machine == 'aarch64'\n"
               "assert not os.path.exists('/boot')\n"
               "subprocess.run(['mount', '-t', 'tmpfs', 'none', '/run'], check=True)\n"
               "sys.exit(42)\n")
    seen = BUILD / "tmp/seen"
    seen.unlink(missing_ok=True)
    done = host("--", "/usr/bin/python3", "-S", "-c", program, seen)
    assert done.returncode == 42, (done.returncode, done.stdout)
    assert seen.read_text() == str(HERE), seen.read_text()
    seen.unlink()


def test_a_folder_outside_the_clone():
    done = host("--", "true", cwd="/var")
    assert done.returncode == 125, (done.returncode, done.stdout)
    assert "/var" in done.stdout and str(HERE.parents[1]) in done.stdout, done.stdout


def test_an_architecture_that_there_is_not():
    done = host("--arch", "mips", "--", "true")
    assert done.returncode == 2, (done.returncode, done.stdout)
    assert "'mips' is not an architecture: x86-64 or arm64" in done.stdout, done.stdout


def test_a_clone_without_images():
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder) / "tests/host/emulated"
        script.parent.mkdir(parents=True)
        shutil.copy(HERE / "emulated", script)
        for arch in "x86-64", "arm64":
            done = subprocess.run([script, "--arch", arch, "--", "true"], cwd=folder, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=60)
            assert done.returncode == 125, (done.returncode, done.stdout)
            assert f"scripts/guest-images.sh {arch} makes it" in done.stdout, done.stdout


if __name__ == "__main__":
    tap.main()
