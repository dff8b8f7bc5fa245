#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bench.py - count instructions: power-on to ring 3 in the kernel, and of operations

Usage: bench.py [-b BUILD] [--linux]     exit status 0 only if every number is within its limit

The machine runs under -icount shift=5: each instruction takes exactly 32 ns of virtual time, and
the time stamp counter shows virtual nanoseconds. So ticks / 32 is a number of instructions, the
same on every host.

Then many operations (tests/bench/), against limits of their own, or with --linux in one table
against Debian's own kernel: rows above their target are marked, one without a number is a failure.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import machine  # noqa: E402  (found beside this file)

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
SHIFT = 5
TICKS_PER_INSTRUCTION = 1 << SHIFT
# Instructions, entry to ring 3. The 100 GiB bound the first pixel, too, which comes before.
BOOT_LIMITS = [("64M", 5_000_000), ("4G", 8_000_000), ("100G", 10_000_000)]
CALL_LIMIT = 150  # instructions in the kernel
STARTS = 12  # at most, until two of them can be compared; four pairs of rate and wait are usual
# The date decides how long its conversion takes, so it is not the host's.
EXACT = ["-icount", f"shift={SHIFT},sleep=off", "-rtc", "base=2026-01-01T00:00:00,clock=vm"]
PLAN = "test bench limit=60 /bin/bench\n"


def boot(image, memory):
    """The report of one run under -icount; raises RuntimeError if it is no PASS."""
    host = machine.Machine(image, memory=memory, timeout=240, accel="tcg",
                           extra=EXACT)
    outcome = host.run()
    if outcome.code != machine.PASS:
        print(outcome.log[-4000:], file=sys.stderr)
        raise RuntimeError(f"the machine with {memory}: {outcome.message}")
    return outcome.report


def stamps(report):
    """The time stamps that the kernel prints, by name."""
    found = {}
    for line in report.kernel_lines:
        if "firstlight: stamp" in line:
            found.update((k, int(v)) for k, v in re.findall(r"(\w+)=(\d+)", line))
    return found


def call_cost(report):
    """Instructions of one getppid in the kernel: the round trip without the loop around it."""
    for line in report.result("bench").output:
        words = re.match(r"bench getppid ticks=(\d+) n=(\d+) overhead=(\d+)", line)
        if words:
            ticks, calls, loop = map(int, words.groups())
            return (ticks - loop) / calls / TICKS_PER_INSTRUCTION
    raise RuntimeError("/bin/bench printed no line 'bench getppid ...'")


def kernel_ticks(seen):
    """(ticks in the kernel up to ring 3, those of them that it only waited for a clock's edges)."""
    return seen["first_ring3"] - seen["kernel_entry"], seen["clock_wait"]


def repeat_row(image, memory, report):
    """Whether the kernel's start, of which that is the report, gives the same number once more. It
    measures the TSC against another timer, whose phase depends on when the firmware's disk was
    done: the wait for it does not count. But the rate that comes out is calculated with and
    printed, and how long the wait was decides how later times in nanoseconds are rounded: two
    starts that have both in common are compared."""
    numbers = {}
    for _ in range(STARTS):
        seen = stamps(report)
        ticks, wait = kernel_ticks(seen)
        number, phase = (ticks - wait) / TICKS_PER_INSTRUCTION, (seen["tsc_hz"], wait)
        if phase in numbers:
            same = numbers[phase] == number
            print(f"{'without its wait for a clock; once more':44} {numbers[phase]:14,.1f} "
                  f"{number:12,.1f} {'ok' if same else 'NOT THE SAME'}")
            return same
        numbers[phase] = number
        report = boot(image, memory)
    print(f"no two of {STARTS} starts measured the same rate of the TSC in the same time")
    return False


def boot_rows(image):
    """(whether all is well, the last report): the kernel's start with each size of memory, and
    again with the first."""
    good, reports = True, []
    for memory, limit in BOOT_LIMITS:
        reports.append(boot(image, memory))
        ticks, _ = kernel_ticks(stamps(reports[-1]))
        good &= row(f"kernel entry to ring 3, {memory} ({ticks:,} ticks)",
                    ticks / TICKS_PER_INSTRUCTION, limit)
    return repeat_row(image, BOOT_LIMITS[0][0], reports[0]) and good, reports[-1]


def row(what, value, limit):
    good = value <= limit
    print(f"{what:44} {value:14,.1f} {limit:12,} {'ok' if good else 'TOO MANY'}")
    return good


def main():
    args = argparse.ArgumentParser(usage=__doc__.split("\n")[2].partition("Usage: ")[2])
    args.add_argument("-b", dest="build", default=os.path.join(TOP, "build"))
    args.add_argument("--linux", action="store_true")
    opts = args.parse_args()
    build = opts.build
    with tempfile.TemporaryDirectory(prefix="firstlight-bench-") as folder:
        plan, image = os.path.join(folder, "plan.txt"), os.path.join(folder, "bench.img")
        with open(plan, "w", encoding="ascii") as file:
            file.write(PLAN)
        subprocess.run([os.path.join(TOP, "tools/mkimg.sh"), "-b", build, "-o", image, "-p", plan],
                       check=True, stdout=subprocess.DEVNULL)
        print(f"{'instructions':44} {'measured':>14} {'limit':>12}")
        good, report = boot_rows(image)
        good &= row("getppid, in the kernel", call_cost(report), CALL_LIMIT)
    sys.path.insert(0, os.path.join(TOP, "tests/bench"))
    import compare  # pylint: disable=import-outside-toplevel  -- only here, with its tools
    if not opts.linux:
        good &= compare.within_limits(build)
    else:
        print()
        good &= compare.compare(build) == 0
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, KeyError, subprocess.CalledProcessError) as err:
        sys.exit(f"bench.py: {type(err).__name__}: {err}")
