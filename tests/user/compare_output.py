#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare what programs print on Firstlight with what they print on Linux, byte for byte.

    compare_output.py --base DIR... --work DIR --plan FILE (--log SERIAL_LOG | --build DIR)

The log is the serial output of a boot with that plan; with --build, an image is made of the built
kernel and booted for it. Each test is run on this Linux under the
same root filesystem; its output, written the way a report writes it (prefix, caret notation, cut
at 64 KiB), must be the lines in front of the test's result line. How it ended is compared too.
Tests whose `#linux:` line names what is missing here (run_on_linux.py) are skipped.
Exit status: 0 when every test of the plan was found in the log and nothing differs.
"""
import argparse
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import linux_plan  # noqa: E402
import run_on_linux  # noqa: E402  (its folder had to be named first)

BOOT_SECONDS = 300
PREFIX = "#: "
RESULT = re.compile(r"^(not )?ok (\d+) (\S+)( #.*)?$")


def shown(output):
    """The lines in which a report shows this output: a list of str."""
    lines, line, i = [], [], 0
    while i < len(output):
        byte = output[i]
        if byte == 0x0A:
            lines.append("".join(line))
            line = []
            i += 1
            continue
        text, size = one_character(output, i)
        line.append(text)
        i += size
    if line:
        lines.append("".join(line))
    return lines


def one_character(output, i):
    """(how the character at i is written, how many bytes it takes)."""
    byte = output[i]
    if byte == 0x09 or 0x20 <= byte < 0x7F:
        return chr(byte), 1
    if byte < 0x20 or byte == 0x7F:
        return "^" + chr(byte ^ 0x40), 1
    for size in (2, 3, 4):
        try:
            text = output[i:i + size].decode("utf-8")
        except UnicodeDecodeError:
            continue
        if len(text) == 1 and not 0x80 <= ord(text) < 0xA0:
            return text, size
    return f"\\x{byte:02x}", 1


def read_log(path):
    """{test name: (passed, [lines printed])} of a serial log."""
    tests, printed = {}, []
    with open(path, "rb") as log:
        text = log.read().decode("utf-8", "backslashreplace")
    for line in text.split("\n"):
        line = line.rstrip("\r")
        result = RESULT.match(line)
        if line.startswith(PREFIX) or line == PREFIX.rstrip():
            printed.append(line[len(PREFIX):])
        elif result:
            tests[result.group(3)] = (result.group(1) is None, printed)
            printed = []
    return tests


def boot(build, plan, work):
    """Boot an image with this plan; the path of what it said."""
    tools = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools")
    image, log = os.path.join(work, "output.img"), os.path.join(work, "output.log")
    os.makedirs(work, exist_ok=True)
    subprocess.run([os.path.join(tools, "mkimg.sh"), "-b", build, "-p", plan, "-o", image],
                   check=True, stdout=subprocess.DEVNULL)
    with open(log, "wb") as out:
        subprocess.run([os.path.join(tools, "run.sh"), "-t", str(BOOT_SECONDS), image],
                       stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
    return log


def first_difference(want, got):
    """Two lines of text that show where the lists part."""
    for i in range(max(len(want), len(got))):
        a = want[i] if i < len(want) else None
        b = got[i] if i < len(got) else None
        if a != b:
            return f"    line {i + 1}\n    linux:      {a!r}\n    firstlight: {b!r}"
    return ""


def main():
    """See the top."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", action="append", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--plan", required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--log")
    source.add_argument("--build")
    args = parser.parse_args()

    run_on_linux.enter_namespace()
    if args.build:
        args.log = boot(args.build, args.plan, args.work)
    root = run_on_linux.make_root(args.base, args.work)
    tests, directives = linux_plan.read_plan(args.plan)
    log = read_log(args.log)
    here = run_on_linux.abilities(root)[0]
    equal = different = skipped = 0
    for test in tests:
        kind, reason = directives.get(test.name, (None, None))
        missing = linux_plan.needs_of(kind) - here
        if kind in linux_plan.NO_JUDGE or missing:
            skipped += 1
            print(f"skip {test.name}: {reason}")
            continue
        outcome, output = run_on_linux.run_test(test, root)
        passed, got = log.get(test.name, (False, None))
        want = shown(output[:run_on_linux.OUTPUT_LIMIT])
        if got is None:
            problem = "not in the log"
        elif outcome != test.expect:
            problem = f"{outcome} on Linux, expected {test.expect}"
        elif not passed:
            problem = "failed on Firstlight\n" + first_difference(want, got)
        elif got != want:
            problem = "output differs\n" + first_difference(want, got)
        else:
            equal += 1
            continue
        different += 1
        print(f"different {test.name}: {problem}")
    print(f"user-output: {equal} equal, {different} different, {skipped} skipped")
    return 1 if different or not equal else 0


if __name__ == "__main__":
    sys.exit(main())
