# SPDX-License-Identifier: MIT
"""Other firmware than the one that all other tests run under.

What is not installed comes from Debian's mirror, through apt with lists of its own, and is unpacked
under build/firmware; without the mirror these tests are skipped.
"""
import fcntl
import os
import subprocess

import pytest

import machine
from conftest import BUILD, NOT_HERE, run
from test_quirks import make

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
PLAN = "test a /bin/minimal\n"
# These builds of OVMF keep their variables by system management mode, and in nothing but flash.
SMM = ["-machine", "q35,smm=on", "-global", "ICH9-LPC.disable_s3=1",
       "-global", "driver=cfi.pflash01,property=secure,value=on"]
U_BOOT = "usr/lib/u-boot/qemu-x86_64/u-boot.rom"


def unpacked(release, package):
    """The directory where that package of that release lies."""
    folder = os.path.join(os.path.abspath(BUILD), "firmware", release)
    for part in ("lists/partial", "archives/partial"):
        os.makedirs(os.path.join(folder, part), exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        return fetched(folder, release, package)


def fetched(folder, release, package):
    """The same, for one caller at a time."""
    target = os.path.join(folder, package)
    if os.path.isdir(target):
        return target
    with open(os.path.join(folder, "sources.list"), "w", encoding="ascii") as file:
        file.write(f"deb [signed-by={KEYS}] {MIRROR} {release} main\n")
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::SourceList={folder}/sources.list",
           "-o", "Dir::Etc::SourceParts=/dev/null", "-o", f"Dir::State::Lists={folder}/lists",
           "-o", f"Dir::Cache={folder}", "-o", f"Dir::Cache::Archives={folder}/archives",
           "-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none",
           "-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=0"]
    try:
        done = run(*apt, "update", timeout=120)
        if done.returncode == 0:
            # By name of the release: what this machine has installed may be newer.
            done = run(*apt, "download", f"{package}/{release}", cwd=folder, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as err:
        pytest.skip(f"{NOT_HERE}{package} of Debian {release}: {err}")
    packages = [name for name in os.listdir(folder) if name.startswith(f"{package}_")]
    if done.returncode != 0 or not packages:
        pytest.skip(f"{NOT_HERE}{package} of Debian {release} cannot be had: "
                    f"{done.stderr.strip()[-200:]}")
    done = run("dpkg-deb", "-x", os.path.join(folder, packages[0]), f"{target}.new")
    assert done.returncode == 0, done.stderr
    os.rename(f"{target}.new", target)
    return target


def flash(code, variables):
    return ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
            "-drive", f"if=pflash,unit=1,format=raw,snapshot=on,file={variables}"]


def passes(boot, mkimg, cpus=2, **options):
    outcome = boot(mkimg(plan=PLAN), cpus=cpus, timeout=120, **options)
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.fields["cpus"] == f"{cpus}/{cpus}"
    return outcome


@pytest.mark.parametrize("release, osfxsr", [("bookworm", False), ("trixie", True)])
def test_u_boot(boot, mkimg, release, osfxsr):
    """The one of Debian 12 starts programs without CR4.OSFXSR. Neither has ACPI tables."""
    firmware = os.path.join(unpacked(release, "u-boot-qemu"), U_BOOT)
    outcome = passes(boot, mkimg, cpus=1, firmware=firmware)
    assert "Das U-Boot" in outcome.report.fields["firmware"]
    cr4 = int(outcome.log.split("firmware left cr0 ")[1].split()[2], 16)
    assert bool(cr4 & 1 << 9) == osfxsr


def test_ovmf_of_debian_13(boot, mkimg):
    passes(boot, mkimg, firmware=os.path.join(unpacked("trixie", "ovmf"), "usr/share/ovmf/OVMF.fd"))


def test_a_driver_that_hangs_under_nested_interrupts(boot, mkimg):
    """The timer's interrupt that took the loader out of the driver never ends for this firmware,
    which puts off all work of the ones after it: the loader works at another level then."""
    firmware = os.path.join(unpacked("trixie", "ovmf"), "usr/share/ovmf/OVMF.fd")
    outcome = boot(make(mkimg, "inventory-hangs", plan=PLAN), firmware=firmware)
    assert "the firmware did not come back when asked about disk" in outcome.log
    assert "quirk: FAULT" not in outcome.log
    assert outcome.code == machine.PASS, outcome.message


def test_strict_memory_protection(boot, mkimg):
    """Nothing is writable and executable, and the memory attribute protocol is there."""
    folder = os.path.join(unpacked("trixie", "ovmf"), "usr/share/OVMF")
    passes(boot, mkimg, firmware=None,
           extra=SMM + flash(f"{folder}/OVMF_CODE_4M.secboot.strictnx.fd",
                             f"{folder}/OVMF_VARS_4M.fd"))


@pytest.mark.parametrize("size", ["", "_4M"], ids=["2 MiB", "4 MiB"])
def test_secure_boot_in_setup_mode(boot, mkimg, size):
    """Secure Boot without a platform key: nothing is verified."""
    folder = os.path.join(unpacked("bookworm", "ovmf"), "usr/share/OVMF")  # the last with 2 MiB
    passes(boot, mkimg, firmware=None,
           extra=SMM + flash(f"{folder}/OVMF_CODE{size}.secboot.fd",
                             f"{folder}/OVMF_VARS{size}.fd"))


@pytest.mark.parametrize("memory, waits", [("64M", False), ("2G", True)])
def test_memory_of_boot_services(boot, mkimg, memory, waits):
    """Runtime services may use it still: the kernel does not, unless it would have too little."""
    outcome = boot(mkimg(plan=PLAN), memory=memory)
    assert outcome.code == machine.PASS, outcome.message
    assert ("memory: that of boot services stays out of use" in outcome.log) == waits
