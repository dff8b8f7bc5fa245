# SPDX-License-Identifier: MIT
"""What the system tests share: building images, changing files on them, booting them.

A test that boots gets the fixture `boot`; the serial log of every machine it booted is shown when
the test fails. Machines run without KVM, so that a result does not depend on the host.
"""
import contextlib
import ctypes
import fcntl
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid

import pytest

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))
import debian_tree  # noqa: E402  (found in tools/)
import machine  # noqa: E402

BUILD = os.path.join(TOP, os.environ.get("B", "build"))
PORTS = {"http": 80, "https": 443}
INSTALL_SECONDS = 600  # for a small tree of Debian packages, with the network
NOT_HERE = "not here: "  # so begins the reason of a skip that tests/run.py does not count as failed
# Of <asm/unistd_64.h>, <linux/sched.h>, <linux/mount.h> and <asm-generic/ioctls.h>.
SYS_UNSHARE, SYS_FSOPEN, SYS_FSCONFIG, SYS_FSMOUNT = 272, 430, 431, 432
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE = 1, 6
TIOCSPTLCK, TIOCGPTPEER = 0x40045431, 0x5441
ESP = uuid.UUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")  # UEFI specification, table 5.7
SBIN = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")  # mkfs, sfdisk, losetup
MTOOLS_ENV = dict(os.environ, MTOOLSRC="/dev/null", MTOOLS_SKIP_CHECK="1", TZ="UTC", LC_ALL="C")


PLANS = {"default": "rootfs/etc/firstlight/plan", "quick": "rootfs/etc/firstlight/quick.plan",
         "basic": "tests/user/basic.plan", "regression": "tests/user/regression.plan",
         "long": "tests/user/long.plan", "checks": "tests/user/checks.plan"}


def plans(*names):
    """The text of these plans, one after the other."""
    texts = []
    for name in names:
        with open(os.path.join(TOP, PLANS[name]), encoding="utf-8") as file:
            texts.append(file.read())
    return "".join(texts)


def tool(name):
    return os.path.join(TOP, "tools", name)


def run(*args, **more):
    """A command's outcome, with its output as text; never raises for a failure."""
    more.setdefault("timeout", 120)
    return subprocess.run([str(a) for a in args], capture_output=True, text=True,
                          errors="replace", check=False, **more)


def hear_hangup():
    """For a child: SIGHUP ends it, also if the tests are run behind nohup, which ignores it."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def machine_of(process, seconds=60):
    """A descriptor of the QEMU that the process has started, once it is there; for `has_ended`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        for child in children:
            try:
                if machine.QEMU in os.readlink(f"/proc/{child}/exe"):
                    return os.pidfd_open(int(child))
            except OSError:
                pass  # it has ended meanwhile
        time.sleep(0.05)
    raise AssertionError("no QEMU was started")


@pytest.fixture(scope="session")
def network():
    """Skips where Debian's archive does not answer."""
    mirror = urllib.parse.urlsplit(debian_tree.mirror_of_host())
    if mirror.scheme not in ("http", "https"):
        return
    proxy = urllib.request.getproxies().get(mirror.scheme)
    there = urllib.parse.urlsplit(proxy) if proxy else mirror
    try:
        with socket.create_connection((there.hostname, there.port or PORTS[there.scheme]), 10):
            pass
    except OSError as err:
        pytest.skip(f"{NOT_HERE}no network: {there.hostname}: {err}")


def has_ended(descriptor, seconds=20):
    """Whether the process of that descriptor ends within the time; if not, it is killed."""
    ended = bool(select.select([descriptor], [], [], seconds)[0])
    if not ended:
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    os.close(descriptor)
    return ended


def open_terminal_by(unshare):
    """(master, slave) of pseudo-terminals of our own, which are mounted nowhere."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(number, *args):
        result = libc.syscall(number, *args)
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    if unshare:
        call(SYS_UNSHARE, CLONE_NEWUSER | CLONE_NEWNS)
    context = call(SYS_FSOPEN, b"devpts", 0)
    call(SYS_FSCONFIG, context, FSCONFIG_SET_STRING, b"ptmxmode", b"0666", 0)
    call(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, None, None, 0)
    mount = call(SYS_FSMOUNT, context, 0, 0)
    master = os.open("ptmx", os.O_RDWR | os.O_NOCTTY, dir_fd=mount)
    fcntl.ioctl(master, TIOCSPTLCK, b"\0\0\0\0")
    return master, fcntl.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY)


def open_terminal():
    """os.openpty, also where no /dev/pts is mounted: then by mounting one, in a user namespace
    where that takes one. A skip where Linux gives none at all."""
    try:
        return os.openpty()
    except OSError as err:
        reason = err.strerror
    for unshare in (False, True):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            pid = os.fork()
            if pid == 0:
                with contextlib.suppress(OSError):
                    socket.send_fds(theirs, [b"1"], open_terminal_by(unshare))
                os._exit(0)
            os.waitpid(pid, 0)
            theirs.close()
            data, descriptors, *_ = socket.recv_fds(ours, 1, 2)
        if data:
            return descriptors
    pytest.skip(f"{NOT_HERE}there are no pseudo-terminals: {reason}")


def esp_offset(path):
    """Where the boot volume begins in an image, as its partition table says; 0 without a table."""
    with open(path, "rb") as file:
        head = file.read(64 << 10)
        if head[512:520] != b"EFI PART":
            return 0
        table, count, size = struct.unpack_from("<QII", head, 512 + 72)
        file.seek(table * 512)
        entries = file.read(count * size)
    for at in range(0, len(entries), size):
        if entries[at:at + 16] == ESP.bytes_le:
            return struct.unpack_from("<Q", entries, at + 32)[0] * 512
    raise AssertionError(f"{path} has no EFI system partition")


class Image:
    """A disk image, and the means to change what is on its boot volume."""

    def __init__(self, path):
        self.path = str(path)

    def mtool(self, name, *args, check=True, **more):
        volume = f"{self.path}@@{esp_offset(self.path)}"
        return subprocess.run([name, "-i", volume, *args], check=check, capture_output=True,
                              env=MTOOLS_ENV, timeout=60, **more).stdout

    def read(self, name):
        return self.mtool("mcopy", "-n", f"::/firstlight/{name}", "-")

    def write(self, name, data):
        self.remove(name)
        self.mtool("mcopy", "-o", "-", f"::/firstlight/{name}", input=data)

    def write_loader(self, data):
        self.mtool("mcopy", "-o", "-", "::/EFI/BOOT/BOOTX64.EFI", input=data)

    def remove(self, name):
        self.mtool("mdel", f"::/firstlight/{name}", check=False)

    def remove_directory(self):
        self.mtool("mrd", "::/firstlight")

    def refresh_checksums(self, folder):
        """Make the checksums right again after a file was changed on purpose."""
        for name in ("kernel.elf", "rootfs.cpio"):
            (folder / name).write_bytes(self.read(name))
        sums = subprocess.run(["cksum", "kernel.elf", "rootfs.cpio"], cwd=folder, check=True,
                              capture_output=True).stdout
        self.write("checksums", sums)


@pytest.fixture
def tmp_path(tmp_path, request):
    """pytest's folder of the test, which goes with it: all of them together would be 12 GB. That of
    a failed test stays."""
    yield tmp_path
    report = getattr(request.node, "call_report", None)
    if report is None or not report.failed:
        shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def mkimg(tmp_path):
    """Make an image: mkimg(plan="text", words="...", trees=[...], layout="--iso") -> Image."""
    count = 0

    def make(plan=None, words=None, trees=(), build=BUILD, layout=None):
        nonlocal count
        count += 1
        args = ["-b", build, "-o", tmp_path / f"image{count}.img"] + ([layout] if layout else [])
        if plan is not None:
            (tmp_path / f"plan{count}.txt").write_bytes(
                plan if isinstance(plan, bytes) else plan.encode())
            args += ["-p", tmp_path / f"plan{count}.txt"]
        if words is not None:
            args += ["-c", words]
        for tree in trees:
            args += ["-r", tree]
        done = run(tool("mkimg.sh"), *args)
        assert done.returncode == 0, done.stderr
        return Image(args[3])

    return make


@pytest.fixture
def matrix_build(tmp_path):
    """A build directory with one kernel of the matrix, and everything else of the main build."""
    def make(name):
        kernel = os.path.join(BUILD, "matrix", name, "kernel")
        assert os.path.exists(os.path.join(kernel, "kernel.elf")), "'make matrix' builds it"
        folder = tmp_path / "build"
        folder.mkdir()
        (folder / "kernel").symlink_to(kernel)
        for part in ("efi", "user"):
            (folder / part).symlink_to(os.path.join(BUILD, part))
        return folder

    return make


@pytest.fixture
def stick_mib():
    """How large the stick of a test is; a test that writes a whole image to it says 280."""
    return 12


@pytest.fixture
def stick(tmp_path, stick_mib):
    """A loop device and the file behind it, full of old data."""
    if not os.path.isdir("/sys/dev/block"):
        pytest.skip(f"{NOT_HERE}without /sys no disk is known")
    path = tmp_path / "stick"
    path.write_bytes(os.urandom(1 << 20) * stick_mib + bytes(512))  # no multiple of anything
    done = run("losetup", "-f", "--show", path, env=SBIN)
    if done.returncode != 0:
        pytest.skip(f"{NOT_HERE}no loop device can be had: {done.stderr.strip()}")
    device = done.stdout.strip()
    done = run("blockdev", "--flushbufs", device, env=SBIN)
    if done.returncode == 0:
        yield device, path
    run("losetup", "-d", device, env=SBIN)
    if done.returncode != 0:
        pytest.skip(f"{NOT_HERE}nothing can be read back from a device: {done.stderr.strip()}")


@pytest.fixture
def boot(request):
    """Boot an image (an Image or a path) to its end: boot(image, cpu=..., **Machine's) -> Outcome.

    `until` is for machines that do not end by themselves: once that text is on the serial line
    and `then(machine)` is through, the machine is stopped. `watch(machine)` is called all the time.
    """
    outcomes = []

    def start(image, until=None, then=None, extra=(), cpu=None, watch=None, **options):
        options.setdefault("accel", "tcg")
        options.setdefault("timeout", 180)
        extra = list(extra) + (["-cpu", cpu] if cpu else [])
        host = machine.Machine(getattr(image, "path", image), extra=extra, **options)

        def during(running):
            nonlocal until
            if watch:
                watch(running)
            if until is not None and until in running.log and running.log[-1:] in ("", "\n"):
                until = None
                if then:
                    time.sleep(1)  # until the picture, too, has changed
                    then(running)
                running.qmp.command("quit")

        outcome = host.run(during if until is not None or watch else None)
        outcomes.append(outcome)
        return outcome

    yield start
    report = getattr(request.node, "call_report", None)
    if report is not None and report.failed:
        for outcome in outcomes:
            print(f"---- QEMU status {outcome.status}: {outcome.message}")
            if outcome.errors.strip():
                print(f"---- QEMU said: {outcome.errors.strip()}")
            if outcome.code == machine.PASS and outcome is not outcomes[-1]:
                continue  # its log would push the others' out of what is shown of a long run
            failed = re.findall(r"(?:^#.*\n){0,5}^not ok.*", outcome.log.replace("\r", ""), re.M)
            print(f"---- serial log, its last part:\n{outcome.log[-6000:]}\n----")
            print("\n".join(["---- what failed, and what it said:"] + failed))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.when == "call":
        item.call_report = report
