#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""run.py - all rings of tests, one after the other, and one count at the end

Called by `make test`. A ring is a make target; what it printed tells how many of its tests passed
and failed. A ring that fails without naming a failed test, or that passes without a single test,
counts as one failure: silence is no success. The one ring that may be skipped asks Linux, and says
"not here: " with the reason, which the count then shows; from any other that is silence, too.
"""
import os
import re
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def count_pairs(pattern):
    """A counter that adds up every match of a pattern with two groups, passed and failed."""
    def count(text):
        pairs = [tuple(int(n or 0) for n in m) for m in re.findall(pattern, text, re.M)]
        return sum(p for p, _ in pairs), sum(f for _, f in pairs)
    return count


def count_pytest(text):
    """pytest's last line. An error in a fixture is a failure; so is a skip, except where the reason
    says that this machine cannot be asked."""
    lines = [line for line in text.splitlines() if re.search(r"\d+ \w+.* in [\d.]+s", line)]
    words = dict((w, int(n)) for n, w in re.findall(r"(\d+) (\w+)", lines[-1])) if lines else {}
    excused = sum(map(int, re.findall(r"^SKIPPED \[(\d+)\] \S+: not here: ", text, re.M)))
    failed = words.get("failed", 0) + words.get("error", 0) + words.get("errors", 0)
    return words.get("passed", 0), failed + max(0, words.get("skipped", 0) - excused)


NOT_ASKED = {"user-test-linux": r"^user-linux: not here: (.+)"}
RINGS = [
    ("lint", count_pairs(r"^lint: \d+ files, (\d+) rules passed, (\d+) failed")),
    ("host-test", count_pairs(r"^host: (\d+) passed, (\d+) failed")),
    ("fuzz-short", count_pairs(r"^fuzz: (\d+) passed, (\d+) failed")),
    ("user-test-linux", count_pairs(r"^user-linux: (\d+) passed, (\d+) failed")),
    ("system-test", count_pytest),
]


def run_ring(target):
    """Run it, show its output as it comes; returns (status, output)."""
    make = os.environ.get("MAKE", "make")
    # The job server of the make that called us is not handed down; each ring gets its own.
    flags = " ".join(word for word in os.environ.get("MAKEFLAGS", "").split()
                     if not word.startswith(("-j", "--jobserver")))
    process = subprocess.Popen([make, f"-j{os.cpu_count()}", "--no-print-directory", target],
                               cwd=TOP, text=True, env=dict(os.environ, MAKEFLAGS=flags),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, errors="replace")
    output = []
    for line in process.stdout:
        print(line, end="", flush=True)
        output.append(line)
    return process.wait(), "".join(output)


def main():
    total_passed = total_failed = 0
    table = []
    for target, count in RINGS:
        print(f"==== {target}", flush=True)
        began = time.monotonic()
        status, text = run_ring(target)
        passed, failed = count(text)
        if status != 0 and failed == 0:
            print(f"==== {target}: ended with status {status}")
            failed = 1
        skip = passed + failed == 0 and status == 0 and target in NOT_ASKED and re.search(
            NOT_ASKED[target], text, re.M)
        if passed + failed == 0 and not skip:
            print(f"==== {target}: not a single test ran")
            failed = 1
        if status == 0 and failed:
            print(f"==== {target}: says success although tests failed")
        table.append((target, passed, failed, time.monotonic() - began,
                      f"  skipped: {skip[1]}" if skip else ""))
        total_passed += passed
        total_failed += failed
    print("====")
    for target, passed, failed, seconds, skipped in table:
        print(f"{target:16} {passed:5} passed {failed:4} failed {seconds:7.0f} s{skipped}")
    line = f"{total_passed} passed, {total_failed} failed"
    if "FIRSTLIGHT_TOTALS" in os.environ:  # who wants the line once more, behind make's own words
        with open(os.environ["FIRSTLIGHT_TOTALS"], "w", encoding="ascii") as file:
            print(line, file=file)
    print(line, flush=True)
    return 1 if total_failed else 0


if __name__ == "__main__":
    sys.exit(main())
