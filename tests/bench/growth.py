#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""growth.py - the second table of `make bench`: what an operation costs among n others of its kind

Usage: growth.py [-b BUILD] [--own] [ROW...]

growth.c runs on Debian's kernel (linux.py) and on Firstlight in the same machine, one processor
that counts instructions. A row is an operation; its columns are the instructions with each n on
Linux (L) and on Firstlight (F), the growth from the smallest to the largest n, and the worst ratio
to Linux. Above the limits: a growth of more than GROWTH (TREE where a tree is searched, none where
the answer itself has n parts), a ratio of more than RATIO.
Exit status: 0 if every row has a number.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TOP, "tools")]
import compare  # noqa: E402  (found by the paths above)
import linux  # noqa: E402
import machine  # noqa: E402

MEMORY = "2G"
GROWTH, TREE, RATIO = 1.3, 2.0, 0.5
TREES = {"record_lock", "mmap_munmap", "mmap_file", "mprotect", "fault", "timer_settime",
         "open", "create", "missing", "rename", "futex_wake", "setuid"}
PARTS = {"poll", "select", "killpg", "parent_exit", "fork_areas", "fork_files"}
LINE = re.compile(r"bench (\w+)@(\d+) (?:ticks=(\d+) n=(\d+) overhead=\d+|(missing|failed.*))")
PLAN = "test growth limit=800 /bin/t/growth"
SIZES = (10, 100, 1000, 10000)


def read_lines(lines):
    """{(name, n): instructions of one operation}; a failed one is left out."""
    found = {}
    for match in filter(None, map(LINE.match, lines)):
        name, size, ticks, count, why = match.groups()
        if not why:
            found[name, int(size)] = int(ticks) / int(count)
    return found


def linux_numbers(build, rows=()):
    """(package, numbers)"""
    folder = os.path.join(build, "bench/growth")
    os.makedirs(folder, exist_ok=True)
    os.makedirs(os.path.join(build, "bench/debs"), exist_ok=True)
    if not os.path.lexists(os.path.join(folder, "debs")):
        os.symlink("../debs", os.path.join(folder, "debs"))
    command = [machine.QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
               "-machine", "q35", "-m", MEMORY, "-smp", "1", "-vga", "std", "-accel", "tcg",
               "-serial", "stdio"] + compare.COUNTING
    package, lines = linux.numbers(folder, os.path.join(build, "user/rootfs/usr/bin/t/growth"),
                                   command, rows)
    return package, read_lines(lines)


def firstlight_numbers(build, rows=()):
    """numbers"""
    os.makedirs(os.path.join(build, "bench"), exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-growth-") as folder:
        plan, image = os.path.join(folder, "plan"), os.path.join(folder, "image")
        with open(plan, "w", encoding="ascii") as file:
            file.write(" ".join([PLAN, *rows]) + "\n")
        subprocess.run([os.path.join(TOP, "tools/mkimg.sh"), "-b", build, "-o", image, "-p", plan],
                       check=True, stdout=subprocess.DEVNULL)
        outcome = machine.Machine(image, memory=MEMORY, timeout=1500, accel="tcg",
                                  extra=compare.COUNTING).run()
    with open(os.path.join(build, "bench/growth.log"), "w", encoding="utf-8") as file:
        file.write(outcome.log)
    if outcome.code != machine.PASS:
        print(f"firstlight: {outcome.message}; see {build}/bench/growth.log")
    return read_lines(re.findall(r"(?m)^#: (bench .*)$", outcome.log))


def verdict(name, growth, ratio):
    """What is above the limits, in words."""
    words = []
    limit = None if name in PARTS else TREE if name in TREES else GROWTH
    if limit and growth > limit:
        words.append(f"GROWS {growth:.1f}, at most {limit}")
    if ratio > RATIO:
        words.append(f"ABOVE {RATIO}")
    return "; ".join(words)


def table(peer, own):
    """Print the rows; (rows above a limit, rows without a number)."""
    above = missing = 0
    print(f"{'operation':14}" + "".join(f"{'L ' + format(n, ','):>13}" for n in SIZES)
          + "".join(f"{'F ' + format(n, ','):>13}" for n in SIZES) + "   growth  ratio")
    for name in dict.fromkeys(name for name, _ in list(own) + list(peer)):
        cells = "".join(f"{compare.shown(numbers.get((name, n), '-')):>13}"
                        for numbers in (peer, own) for n in SIZES)
        both = [n for n in SIZES if (name, n) in own and (name, n) in peer]
        mine = [n for n in SIZES if (name, n) in own]
        if not both or not mine:
            missing += 1
            print(f"{name:14}{cells}   MISSING")
            continue
        growth = own[name, mine[-1]] / own[name, mine[0]]
        ratio = max(own[name, n] / peer[name, n] for n in both)
        words = verdict(name, growth, ratio)
        above += bool(words)
        print(f"{name:14}{cells} {growth:8.2f} {ratio:6.2f}  {words}")
    return above, missing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-b", dest="build", default=os.path.join(TOP, "build"))
    parser.add_argument("--own", action="store_true", help="Firstlight alone")
    parser.add_argument("rows", nargs="*", help="these alone")
    opts = parser.parse_args()
    package, peer = ("", {}) if opts.own else linux_numbers(opts.build, opts.rows)
    own = firstlight_numbers(opts.build, opts.rows)
    print(f"instructions an operation among n, one processor, {MEMORY}; "
          f"{package.partition('_')[0]}")
    above, missing = table(peer, own)
    print(f"growth: {above} rows above a limit, {missing} without a number")
    return 1 if missing and not opts.own else 0


if __name__ == "__main__":
    sys.exit(main())
