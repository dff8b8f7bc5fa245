#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""scale.py - what a second processor adds: operations with one and with two pinned workers

Usage: scale.py [-b BUILD] [-n BOOTS] [-t TENTHS] [--linux] [ROW...]

Boots bench_scale in a machine with two processors, each a thread of the host, as often as asked,
and prints for each row the best factor of the boots, and the operations a second with one worker
and with two. With --linux Debian's own kernel runs the same program in the same machine beside it.
The exit status is 0 if every row has a factor. Times differ from host to host: judge by the
factors, on a host with two idle processors. What two of them can add here is the factor of the row
no_call, which makes no calls: rows below nine tenths of it are marked.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(TOP, "tools")]
import linux  # noqa: E402  (found by the paths above)
import machine  # noqa: E402

MEMORY, CPUS, TARGET = "512M", 2, 0.9
THREADS = ["-accel", "tcg,thread=multi"]
WINDOWS_MIN = 100  # fewer say nothing
LINE = re.compile(r"scale (\w+) one=(\d+) two=(\d+) factor=(\d+) wall=(\d+) windows=(\d+)")


def read_rows(text):
    """{name: (one, two)} of the rows that say something."""
    found = {}
    for name, one, two, _, _, windows in LINE.findall(text):
        if int(windows) >= WINDOWS_MIN and int(one) > 0:
            found[name] = (int(one), int(two))
        else:
            print(f"{name}: both workers ran in {windows} windows: left out", file=sys.stderr)
    return found


def firstlight_boot(build, folder, words):
    """The rows of one boot."""
    plan, image = os.path.join(folder, "plan.txt"), os.path.join(folder, "scale.img")
    with open(plan, "w", encoding="ascii") as file:
        file.write(f"test scale limit=600 /bin/t/bench_scale {words}\n")
    subprocess.run([os.path.join(TOP, "tools/mkimg.sh"), "-b", build, "-o", image, "-p", plan],
                   check=True, stdout=subprocess.DEVNULL)
    outcome = machine.Machine(image, memory=MEMORY, cpus=CPUS, timeout=700, extra=THREADS).run()
    if outcome.code != machine.PASS:
        print(f"firstlight: {outcome.message}\n{outcome.log[-1000:]}", file=sys.stderr)
    return read_rows(outcome.log)


def linux_boot(kernel, build, folder):
    """The same of Debian's kernel."""
    initramfs = os.path.join(folder, "initramfs")
    linux.write_initramfs(os.path.join(build, "user/rootfs/usr/bin/t/bench_scale"), initramfs)
    command = [machine.QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
               "-machine", "q35", "-m", MEMORY, "-smp", str(CPUS), "-vga", "std", "-cpu", "max",
               "-serial", "stdio", "-kernel", kernel, "-initrd", initramfs,
               "-append", linux.WORDS] + THREADS
    return read_rows(linux.run_until(command, r"^scale end$"))


def best_of(boots):
    """{name: (factor, one, two)} over the boots."""
    names = dict.fromkeys(name for rows in boots for name in rows)
    found = {}
    for name in names:
        pairs = [rows[name] for rows in boots if name in rows]
        found[name] = (max(two / one for one, two in pairs),
                       max(one for one, _ in pairs),
                       max(two for _, two in pairs))
    return found


def shown(row):
    """The factor and the rates of one kernel."""
    if not row:
        return f"{'-':>6} {'-':>11} {'-':>11}"
    return f"{row[0]:6.2f} {row[1]:11,.0f} {row[2]:11,.0f}"


def print_table(own, peer):
    """Whether every row has a factor."""
    title = f"{'operation':20} {'factor':>6} {'one':>11} {'two':>11}"
    print(title + (f"   {'Linux':>6} {'one':>11} {'two':>11}" if peer else ""))
    bound = min(own["no_call"][0], CPUS) if "no_call" in own else CPUS
    for name in dict.fromkeys(list(own) + list(peer)):
        row, other = own.get(name), peer.get(name)
        marks = "  BELOW" if row and row[0] < TARGET * bound else ""
        if row and other and row[2] < other[2]:
            marks += "  LINUX IS FASTER"
        print(f"{name:20} {shown(row)}" + (f"   {shown(other)}" if peer else "") + marks)
    return bool(own) and all(name in own for name in peer)


def main():
    args = argparse.ArgumentParser(usage=__doc__.split("\n")[2].partition("Usage: ")[2])
    args.add_argument("-b", dest="build", default=os.path.join(TOP, "build"))
    args.add_argument("-n", dest="boots", type=int, default=3)
    args.add_argument("-t", dest="tenths", type=int, default=10)
    args.add_argument("--linux", action="store_true")
    args.add_argument("rows", nargs="*")
    opts = args.parse_args()
    words = " ".join([str(opts.tenths)] + opts.rows)
    own, peer = [], []
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as folder:
        if opts.linux:
            package = linux.kernel_package(opts.build)
            kernel = linux.unpack_kernel(package, folder)
        for _ in range(opts.boots):
            own.append(firstlight_boot(opts.build, folder, words))
            if opts.linux:
                peer.append(linux_boot(kernel, opts.build, folder))
    return 0 if print_table(best_of(own), best_of(peer)) else 1


if __name__ == "__main__":
    sys.exit(main())
