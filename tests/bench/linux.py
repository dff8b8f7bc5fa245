# SPDX-License-Identifier: MIT
"""linux.py - Debian's own kernel as the peer of the benchmark

The package is downloaded, not installed. Its kernel starts in QEMU (-kernel) with an initramfs that
holds the benchmark as /init, the busybox that Firstlight's image has, and a few device nodes.
The numbers are kept: they are the same as long as package, benchmark and machine are.
"""
import hashlib
import os
import re
import stat
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))
import debian_tree  # noqa: E402  (found by the paths above)
import machine as qemu  # noqa: E402
import mkcpio  # noqa: E402

META = "linux-image-cloud-amd64"
IMAGE = re.compile(r"linux-image-\d[\w.+-]*-cloud-amd64")
BUSYBOX = "/bin/busybox"
WORDS = "console=ttyS0 quiet panic=-1"
LIMIT = 2400  # seconds for one machine: the growth table takes some 800 on an idle host
NODES = {"dev/null": (1, 3), "dev/zero": (1, 5), "dev/console": (5, 1)}


def kernel_package(build):
    """The file of the newest kernel that the lists in the build directory know."""
    with debian_tree.archive_of(build) as archive:
        return archive.download_alone(META, IMAGE)


def unpack_kernel(package, folder):
    """The kernel's file, taken out of the package."""
    archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", folder, "--wildcards", "./boot/vmlinuz-*"],
                   stdin=archive.stdout, check=True)
    archive.wait()
    boot = os.path.join(folder, "boot")
    return os.path.join(boot, os.listdir(boot)[0])


def write_initramfs(benchmark, path):
    """The benchmark, a shell, and nothing else that would take time."""
    overlay = mkcpio.Overlay()
    overlay.add_skeleton()
    mode = stat.S_IFREG | 0o755
    overlay.put("usr/bin/busybox", mkcpio.Node(mode, source=os.path.realpath(BUSYBOX)), BUSYBOX)
    overlay.put("usr/bin/sh", mkcpio.Node(stat.S_IFLNK | 0o777, target="busybox"), "sh")
    overlay.put("usr/bin/bench", mkcpio.Node(mode, source=benchmark), benchmark)
    overlay.put("init", mkcpio.Node(stat.S_IFLNK | 0o777, target="usr/bin/bench"), "init")
    for name, (major, minor) in NODES.items():
        overlay.put(name, mkcpio.Node(stat.S_IFCHR | 0o666, rdev=os.makedev(major, minor)), name)
    with open(path, "wb") as out:
        mkcpio.write_archive(overlay, out, mkcpio.FIXED_TIME)


def write_stamped(kernel, path, folder):
    """A copy of the kernel that tells the time at its entry and stops."""
    code = os.path.join(folder, "stamp")
    source = os.path.join(TOP, "tests/bench/stamp.S")
    subprocess.run(["gcc", "-m32", "-c", "-o", code + ".o", source], check=True)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", code + ".o", code], check=True)
    with open(kernel, "rb") as file:
        data = bytearray(file.read())
    with open(code, "rb") as file:
        stub = file.read()
    # The boot protocol: a short jump at 0x200, behind it "HdrS"; where it leads, code begins.
    if data[0x202:0x206] != b"HdrS" or data[0x200] != 0xEB:
        raise RuntimeError(f"{kernel} does not look like a kernel for this boot protocol")
    start = 0x202 + struct.unpack_from("b", data, 0x201)[0]
    data[start:start + len(stub)] = stub
    with open(path, "wb") as file:
        file.write(data)


def run_until(arguments, pattern):
    """What the machine printed up to a line that the pattern matches; the machine is ended."""
    with tempfile.TemporaryFile() as log:
        machine = qemu.start(arguments, stdin=subprocess.DEVNULL, stdout=log,
                             stderr=subprocess.STDOUT)
        deadline = time.monotonic() + LIMIT
        try:
            while True:
                ended = machine.poll() is not None
                # Not seek and read: the machine writes where that has left the shared position.
                text = os.pread(log.fileno(), os.fstat(log.fileno()).st_size, 0)
                text = text.decode("utf-8", "replace").replace("\r", "")
                if re.search(pattern, text, re.M):
                    return text
                if ended or time.monotonic() > deadline:
                    raise RuntimeError("Linux ended or took too long; it said:\n" + text[-2000:])
                time.sleep(0.5)
        finally:
            machine.kill()
            machine.wait()


def measure(kernel, benchmark, machine, words):
    """The lines of the benchmark on Linux, and one for the start: `bench linux_entry ticks=T`."""
    with tempfile.TemporaryDirectory(prefix="bench-linux-") as folder:
        initramfs = os.path.join(folder, "initramfs")
        write_initramfs(benchmark, initramfs)
        stamped = os.path.join(folder, "stamped")
        write_stamped(kernel, stamped, folder)

        def arguments(file):
            return machine + ["-kernel", file, "-initrd", initramfs, "-append", words]

        entry = run_until(arguments(stamped), r"^[0-9a-f]{16}$")
        ticks = int(re.search(r"^[0-9a-f]{16}$", entry, re.M).group(0), 16)
        text = run_until(arguments(kernel), r"^bench end$")
    lines = [line for line in text.splitlines() if line.startswith("bench ")]
    return [f"bench linux_entry ticks={ticks} n=1 overhead=0"] + lines


def file_hash(path):
    """A file's identity."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def numbers(folder, benchmark, machine, rows=()):
    """(the package's name, the lines), of these rows alone where some are named. Run only where the
    kept ones do not fit any more."""
    words = " ".join([WORDS, "--", *rows] if rows else [WORDS])
    package = kernel_package(os.path.dirname(folder))
    name = os.path.basename(package)
    version = subprocess.run([machine[0], "--version"], capture_output=True, text=True,
                             check=True).stdout.splitlines()[0]
    key = f"# {name} {file_hash(benchmark)} {file_hash(BUSYBOX)[:16]} {version} " \
          f"{' '.join(machine[1:])} {words}"
    kept = os.path.join(folder, "-".join(["linux", *rows]) + ".txt")
    if os.path.exists(kept):
        with open(kept, encoding="utf-8") as file:
            first, *lines = file.read().splitlines()
        if first == key:
            return name, lines
    print(f"measuring {name}; this takes a few minutes, and is then remembered", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-kernel-") as unpacked:
        lines = measure(unpack_kernel(package, unpacked), benchmark, machine, words)
    with open(kept + ".new", "w", encoding="utf-8") as file:
        file.write("\n".join([key] + lines) + "\n")
    os.replace(kept + ".new", kept)
    return name, lines
