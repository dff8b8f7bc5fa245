#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""race.py - run every pair of operations on a shared object against each other, on 4 processors

Usage: race.py [-b BUILD] [--seconds 0.1] [--seed 1] [--probe] [SELECTOR...]

The machine has four processors and the kernel that overwrites freed memory (make poison: BUILD is
where that kernel is, --programs the build with the programs). A pair that brings the kernel down or
hangs it is known by the last line that the kernel logged; the next boot goes on behind it. Then the
pair is run alone, and each of its operations against itself: the shortest of these that still fails
is printed. With --probe each operation runs beside a latency probe instead, on one processor under
-icount, where a busy host changes nothing (tests/race/probe.c).
Exit status: 0 if all pairs held.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
GROUPS = ["table", "space", "directory", "terminal", "process", "pipe", "timer", "futex", "mounts",
          "lock"]
PAIR = re.compile(r"race: ((\w+)/\w+\+\w+)$")
ICOUNT = ["-icount", "shift=0,sleep=off"]


class Boots:
    """Machines with a plan of race programs."""

    def __init__(self, args):
        self.args = args
        self.count = 0

    def boot(self, tests, cpus=4, memory="256M", extra=()):
        """(exit status, log) of a plan; a test is (name, arguments, seconds)."""
        self.count += 1
        args = self.args
        with tempfile.TemporaryDirectory(prefix="race-") as folder:
            build, plan = os.path.join(folder, "build"), os.path.join(folder, "plan")
            os.mkdir(build)
            os.symlink(os.path.abspath(os.path.join(args.build, "kernel")), build + "/kernel")
            for part in ("efi", "user"):
                os.symlink(os.path.abspath(os.path.join(args.programs, part)), f"{build}/{part}")
            with open(plan, "w", encoding="ascii") as file:
                for name, words, seconds in tests:
                    file.write(f"test {name} limit={int(seconds)} /bin/t/race {words}\n")
            image = os.path.join(folder, "race.img")
            subprocess.run([os.path.join(TOP, "tools/mkimg.sh"), "-b", build, "-p", plan,
                            "-o", image], check=True, stdout=subprocess.DEVNULL)
            limit = 120 + sum(seconds for _, _, seconds in tests)
            done = subprocess.run(args.wrap.split() + [os.path.join(TOP, "tools/run.sh"), "-s",
                                                       str(cpus), "-m", memory,
                                                       "-t", str(int(limit)), image]
                                  + (["--", *extra] if extra else []), stdin=subprocess.DEVNULL,
                                  capture_output=True, check=False)
        log = (done.stdout + done.stderr).decode("utf-8", "replace").replace("\r", "")
        path = os.path.join(args.build, f"race-{self.count}.log")
        with open(path, "w", encoding="utf-8") as file:
            file.write(log)
        return done.returncode, log


def failures(log):
    """{pair: what was said} of pairs that the program itself called failed."""
    found, pair, said = {}, None, ""
    for line in log.splitlines():
        text = line[3:] if line.startswith("#: ") else line
        begin = PAIR.search(text)
        if begin:
            pair = begin.group(1)
        elif "race: wrong: " in text:
            said = text.partition("race: wrong: ")[2]
        elif "FAILED, seed" in text and pair:
            found[pair], said = said or "it ended otherwise", ""
    return found


def last_words(log):
    """(pair that ran, why the machine ended) of a boot without a complete report."""
    pairs = [m.group(1) for m in map(PAIR.search, log.splitlines()) if m]
    panic = re.search(r"PANIC: (.*)|assertion (.*)", log)
    return pairs[-1] if pairs else None, panic.group(0) if panic else log.splitlines()[-1]


def pairs_of(args, selectors):
    """Every pair, group by group, as the program lists them."""
    program = os.path.join(args.programs, "user/rootfs/usr/bin/t/race")
    text = subprocess.run([program, "list", *selectors], check=True, capture_output=True,
                          text=True).stdout
    return [m.group(1) for m in map(PAIR.match, text.splitlines()) if m]


def smallest(boots, pair, ms, seed):
    """The shortest of the pair and its halves that fails alone; the pair where none does."""
    group, _, names = pair.partition("/")
    one, _, other = names.partition("+")
    for trial in dict.fromkeys([f"{group}/{one}+{one}", f"{group}/{other}+{other}", pair]):
        status, _ = boots.boot([("race", f"{ms} {seed} {trial}", ms / 1000 + 90)])
        if status != 0:
            return trial, True
    return pair, False


def run_pairs(boots, args, ms):
    """{pair: why}"""
    left = {}
    for pair in pairs_of(args, args.selectors):
        left.setdefault(pair.split("/")[0], []).append(pair)
    asked, ran_at_all = [pair for pairs in left.values() for pair in pairs], set()
    found, begin = {}, {}
    while left:
        tests = []
        for group, pairs in left.items():
            words = [s for s in args.selectors if s.split("/")[0] == group] or [group]
            tests.append((f"race-{group}", f"{ms} {args.seed}:{begin.get(group, 0)} "
                          + " ".join(words), len(pairs) * (ms / 1000 * 2 + 2) + 60))
        status, log = boots.boot(tests)
        found.update(failures(log))
        ran_at_all.update(m.group(1) for m in map(PAIR.search, log.splitlines()) if m)
        if status == 0:
            break
        if status == 1:
            for line in re.findall(r"^not ok \d+ (.*)$", log, re.M):
                found.setdefault(line.split(" ")[0], line) if not failures(log) else None
            break
        pair, why = last_words(log)
        if pair is None:
            found["the machine"] = why
            break
        found[pair] = why
        print(f"race: {pair}: {why}", flush=True)
        group = pair.split("/")[0]
        ran = len(dict.fromkeys(m.group(1) for m in map(PAIR.search, log.splitlines())
                                if m and m.group(2) == group))
        begin[group] = begin.get(group, 0) + ran
        for name in list(left):
            if name == group:
                break
            del left[name]
        if begin[group] >= len(left[group]):
            del left[group]
    silent = [pair for pair in asked if pair not in ran_at_all]
    if silent:  # whatever the reason: what did not run has not passed
        found.setdefault("the machine", f"{len(silent)} pairs did not run, {silent[0]} the first")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-b", "--build", default=os.path.join(TOP, "build/matrix/poison"))
    parser.add_argument("--programs", default=os.path.join(TOP, "build"))
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--probe", action="store_true")
    parser.add_argument("--wrap", default="", help="a command in front of each boot")
    parser.add_argument("selectors", nargs="*")
    args = parser.parse_args()
    boots, ms = Boots(args), max(1, int(args.seconds * 1000))
    if args.probe:
        status, log = boots.boot([("probe", f"probe {ms} {args.seed} {' '.join(args.selectors)}",
                                   1000)], cpus=1, memory="512M", extra=ICOUNT)
        print("\n".join(line[3:] for line in log.splitlines() if line.startswith("#: ")))
        print(log.splitlines()[-1])
        return 0 if status == 0 else 1
    found = run_pairs(boots, args, ms)
    for pair, why in found.items():
        print(f"FAILED: {pair}, seed {args.seed}: {why}")
        if "/" in pair:
            trial, again = smallest(boots, pair, ms * 10, args.seed)
            print(f"  shortest: {trial}{'' if again else ' (not seen again alone)'}", flush=True)
    print(f"race: {len(pairs_of(args, args.selectors))} pairs, {len(found)} failed, seed "
          f"{args.seed}, {boots.count} boots")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
