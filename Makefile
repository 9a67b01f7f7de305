# SPDX-License-Identifier: BSD-2-Clause
# A thin layer over meson and the scripts: `make help` lists what it knows.
# Everything is made under build/, set-up included.

BUILD = build/native

# Compiles and does no more: what is missing is named, and `make setup` installs it.
all:
	@scripts/setup.sh --check build
	scripts/build.sh $(BUILD)

setup:
	scripts/setup.sh build

check:
	scripts/check.sh

# Also what `make check` leaves out where guests' hosts are emulated.
check-all:
	scripts/check.sh all

# The real libvirt drives hotram.
check-libvirt:
	scripts/check.sh build libvirt

# SECONDS for each target; TARGETS picks some of them.
fuzz:
	scripts/setup.sh build fuzz
	scripts/fuzz.sh --seconds $(or $(SECONDS),60) $(TARGETS)

# SECONDS with each guest and sanitizer.
stress:
	HOTRAM_SECONDS=$(or $(SECONDS),60) scripts/check.sh build stress

prove:
	@scripts/prove.sh

# ARCH=arm64: an arm64 guest, on an arm64 host that is emulated where need be.
demo:
	@scripts/demo.sh $(ARCH)

# Debian on a disk, for guests.
disk:
	scripts/setup.sh disk
	scripts/debian-disk.sh

# PARTS=start,plug: these alone; bench/bench.py --help lists them.
bench: setup
	scripts/setup.sh guest bench disk
	scripts/build.sh $(BUILD)
	scripts/guest-images.sh
	scripts/debian-disk.sh
	tests/host/run --timeout 3600 -- bench/bench.py $(if $(PARTS),--only $(PARTS))

# DESTDIR and the like go to meson; the prefix is set with
# `meson configure build/native --prefix=...`.
install: setup
	scripts/build.sh $(BUILD)
	meson install -C $(BUILD) --no-rebuild

format:
	scripts/setup.sh format
	scripts/format.sh

# Downloads (CBMC too) and guests' images are kept; `make distclean` drops these too.
clean:
	[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name 'guest*' ! -name disk ! -name cbmc \
	    ! -name acpica ! -name debian-arm64 ! -name distributions -exec rm -rf {} +

distclean:
	rm -rf build

help:
	@echo 'make            build the program and the library into $(BUILD)'
	@echo 'make setup      install the Debian packages that building needs; demo, check and the like do it themselves'
	@echo 'make check      run all tests; closes with "N passed, N failed"'
	@echo 'make check-all  the same with those tests that take long without hardware virtualization'
	@echo 'make check-libvirt   the real libvirtd and virsh with hotram as emulator; make check has some of it'
	@echo 'make fuzz       fuzz what parses input; SECONDS=60 for each of TARGETS="memhp qmp ..."'
	@echo 'make stress     random commands of many clients on builds with sanitizers; SECONDS=60; part of make check'
	@echo 'make prove      prove properties of the library with CBMC; make check runs the quick ones'
	@echo 'make demo       a Linux guest gains 1 GiB and two CPUs, gives them back, moves, and is restored; ARCH=arm64'
	@echo 'make disk       make a disk with Debian on it, of Debian'"'"'s packages, and a key for ssh, in build/disk'
	@echo 'make bench      measure hotram beside QEMU; PARTS=start,plug: these alone'
	@echo 'make install    install what was built (DESTDIR is respected)'
	@echo 'make format     put the C sources into shape'
	@echo 'make clean      remove what was built; distclean: and downloaded'

.PHONY: all setup check check-all check-libvirt fuzz stress prove demo disk bench install format clean distclean help
