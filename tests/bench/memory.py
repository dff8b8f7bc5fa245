#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""memory.py - the fourth table of `make bench`: bytes an instruction that memory tests move

Usage: memory.py [-b BUILD] [--linux]

`check memory` on Firstlight and, with --linux, Debian's memtester on Debian's kernel (linux.py) in
the same machine: one processor that counts instructions. A row is a pattern that both have; its
numbers are bytes written and read for each instruction, of programs and kernel together.
Exit status: 0 if every row has a number and is at least at its limit, or, with --linux, at TARGET
of memtester's number.
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
import compare  # noqa: E402  (found by the paths above)
import debian_tree  # noqa: E402
import linux  # noqa: E402
import machine  # noqa: E402
import mkcpio  # noqa: E402

TARGET = 0.8
SIZE = 256 << 10  # as in memtester_cost.c
# pattern of check, memtester's name and number (-1: always), bytes that it moves in a loop for each
# byte of memory (Debian 12's 4.6: steps, each of which writes and reads all), limit without Linux
ROWS = [
    ("address", "Stuck Address", -1, 2 * 16, 2.5),
    ("random", "Random Value", 0, 2, 1.0),
    ("solid", "Solid Bits", 8, 2 * 64, 5.0),
    ("blocks", "Block Sequential", 9, 2 * 256, 5.0),
    ("checkerboard", "Checkerboard", 10, 2 * 64, 5.0),
    ("spread", "Bit Spread", 11, 2 * 128, 5.0),
    ("flip", "Bit Flip", 12, 2 * 8 * 64, 5.0),
    ("walk-ones", "Walking Ones", 13, 2 * 128, 5.0),
    ("walk-zeros", "Walking Zeroes", 14, 2 * 128, 5.0),
]
# The first pattern brings the memory into being and is not among the rows.
PLAN = "test rate limit=900 /bin/check memory --size=256K --rate --patterns=quick-walk," + \
    ",".join(row[0] for row in ROWS) + "\n"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
# What is in the archive, and where it is in the tree, in which links lead to /.
NEEDED = {"usr/sbin/memtester": "usr/sbin/memtester",
          "usr/lib64/ld-linux-x86-64.so.2": f"{LIBRARIES}/ld-linux-x86-64.so.2",
          f"{LIBRARIES}/libc.so.6": f"{LIBRARIES}/libc.so.6"}
COUNTING = compare.COUNTING


def memtester_tree(build):
    """A tree with memtester; checks that its tests are as in ROWS."""
    where = debian_tree.make_tree(build, ["memtester"])
    program = os.path.join(where, "usr/sbin/memtester")
    for _, name, number, _, _ in ROWS:
        if number >= 0:
            said = subprocess.run([program, "64K", "1"], capture_output=True, text=True, check=True,
                                  env={"MEMTESTER_TEST_MASK": hex(1 << number)}).stdout
            if not re.search(rf"^  {name} +: ", said.replace("\b", ""), re.M):
                raise RuntimeError(f"test {number} of memtester is not {name}: {said}")
    return where


def memtester_numbers(build):
    """{pattern: bytes an instruction} of memtester on Linux."""
    bench = os.path.join(build, "bench")
    os.makedirs(bench, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as folder:
        where = memtester_tree(build)
        driver, archive = os.path.join(folder, "init"), os.path.join(folder, "initramfs")
        subprocess.run(["musl-gcc", "-static", "-O2", "-o", driver,
                        os.path.join(HERE, "memtester_cost.c")], check=True)
        overlay = mkcpio.Overlay()
        overlay.add_skeleton()
        overlay.put_dir(LIBRARIES, 0o755, LIBRARIES)
        for name, source in NEEDED.items():
            path = os.path.join(where, source)
            overlay.put(name, mkcpio.Node(0o100755, source=path), path)
        overlay.put("init", mkcpio.Node(0o100755, source=driver), driver)
        for name, (major, minor) in linux.NODES.items():
            overlay.put(name, mkcpio.Node(0o020666, rdev=os.makedev(major, minor)), name)
        with open(archive, "wb") as out:
            mkcpio.write_archive(overlay, out, mkcpio.FIXED_TIME)
        kernel = linux.unpack_kernel(linux.kernel_package(build), folder)
        text = linux.run_until(
            [machine.QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
             "-machine", "q35", "-m", compare.MEMORY, "-smp", "1", "-vga", "std", "-accel", "tcg",
             "-serial", "stdio", *COUNTING, "-kernel", kernel, "-initrd", archive,
             "-append", linux.WORDS], r"^bench end$")
    ticks = {int(n): int(t) for n, t in re.findall(r"^bench memtester@(-?\d+) ticks=(\d+)$", text,
                                                   re.M)}
    return {row[0]: row[3] * SIZE / (ticks[row[2]] - (ticks[-1] if row[2] >= 0 else 0))
            for row in ROWS if row[2] in ticks}


def check_numbers(build):
    """{pattern: bytes an instruction} of check memory on Firstlight."""
    os.makedirs(os.path.join(build, "bench"), exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as folder:
        plan, image = os.path.join(folder, "plan"), os.path.join(folder, "image")
        with open(plan, "w", encoding="ascii") as file:
            file.write(PLAN)
        subprocess.run([os.path.join(TOP, "tools/mkimg.sh"), "-b", build, "-o", image, "-p", plan],
                       check=True, stdout=subprocess.DEVNULL)
        outcome = machine.Machine(image, memory=compare.MEMORY, timeout=900, accel="tcg",
                                  extra=COUNTING).run()
    if outcome.code != machine.PASS:
        print(f"firstlight: {outcome.message}\n{outcome.log[-2000:]}")
    # A nanosecond is an instruction.
    return {name: int(nbytes) / int(ns) for name, ns, nbytes in re.findall(
        r"(?m)^#: bench (\S+) ticks=(\d+) n=(\d+) overhead=0$", outcome.log)}


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[2].partition("Usage: ")[2])
    parser.add_argument("-b", dest="build", default=os.path.join(TOP, "build"))
    parser.add_argument("--linux", action="store_true")
    opts = parser.parse_args()
    peer = memtester_numbers(opts.build) if opts.linux else {}
    own = check_numbers(opts.build)
    good = True
    print(f"{'bytes an instruction':20} {'memtester':>10} {'check':>10} {'ratio':>8}")
    for name, _, _, _, limit in ROWS:
        value, other = own.get(name), peer.get(name)
        least = TARGET * other if other else limit
        kept = value is not None and value >= least and (other is not None or not opts.linux)
        good &= kept
        print(f"{name:20} {f'{other:.2f}' if other else '-':>10} "
              f"{f'{value:.2f}' if value else '-':>10} "
              f"{f'{value / other:.2f}' if value and other else '-':>8} "
              f"{'ok' if kept else f'TOO FEW, at least {least:.2f}'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
