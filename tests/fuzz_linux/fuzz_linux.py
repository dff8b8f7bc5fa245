#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""fuzz_linux.py - the same random sequences of calls on this Linux and on Firstlight, compared

Usage: fuzz_linux.py [-b BUILD] [--seeds 1-100] [--users both] [--calls 200] [--per-boot 2000]
                     [--shrink 12]

Each seed is run as root (even numbers) or as uid 1000 (odd ones), with --users 0, 1000 or both by
those, on this machine's Linux and in Firstlight, many sequences a boot (fuzz_linux.c). Where
answers or the state at the end differ, the sequence is cut behind the first difference and calls
are left out as long as the last answer still differs; what remains is printed with its seed.
Differences that are known (known.txt: a pattern of the call, the reason) are counted apart. Needs
root for the Linux side.
Exit status: 0 if every difference is a known one.
"""
import argparse
import collections
import fnmatch
import os
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests/user"))
import fuzz_boots  # noqa: E402  (its reader of seeds)

JOB = re.compile(r"job (\d+) all=(\w+) last=(\w+) state=(\w+) end=(\w+)$")
PER_TEST = 400  # jobs a line of the plan: so many lines of output are kept
ROUNDS = 40
CPUS = 2  # a child runs beside its parent

Job = collections.namedtuple("Job", "seed user mode mask")


class Kernels:
    """The two that are compared."""

    def __init__(self, build, calls, wrap):
        self.build, self.calls, self.wrap = os.path.abspath(build), calls, wrap
        self.program = os.path.join(self.build, "user/rootfs/usr/bin/t/fuzz_linux")
        self.boots = 0

    def lines(self, jobs):
        return "".join(f"{i} {job.seed} {job.user} {job.mode} {job.mask}\n"
                       for i, job in enumerate(jobs))

    def linux(self, jobs, folder):
        path = os.path.join(folder, "jobs")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.lines(jobs))
        done = subprocess.run([self.program, path, str(self.calls)], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False, timeout=3600)
        if done.returncode != 0:
            raise RuntimeError("on Linux: " + done.stderr.decode("utf-8", "replace")[-500:])
        return done.stdout.decode("utf-8", "replace").splitlines()

    def firstlight(self, jobs, folder):
        self.boots += 1
        tree, plan = os.path.join(folder, "tree/etc"), os.path.join(folder, "plan")
        image = os.path.join(folder, "image")
        os.makedirs(tree, exist_ok=True)
        with open(os.path.join(tree, "jobs"), "w", encoding="ascii") as file:
            file.write(self.lines(jobs))
        step = 1 if any(job.mode == "t" for job in jobs) else PER_TEST
        with open(plan, "w", encoding="ascii") as file:
            for i in range(0, len(jobs), step):
                file.write(f"test jobs-{i} limit={60 + 4 * step} /bin/t/fuzz_linux /etc/jobs "
                           f"{self.calls} {i} {i + step}\n")
        subprocess.run([os.path.join(TOP, "tools/mkimg.sh"), "-b", self.build, "-p", plan,
                        "-r", os.path.dirname(tree), "-o", image], check=True,
                       stdout=subprocess.DEVNULL)
        run = [os.path.join(TOP, "tools/run.sh"), "-s", str(CPUS), "-m", "256M",
               "-t", str(60 + len(jobs) // 4), image]
        with open(os.path.join(self.build, "fuzz-linux.log"), "w+b") as file:
            done = subprocess.run(self.wrap + run, stdin=subprocess.DEVNULL, stdout=file,
                                  stderr=subprocess.STDOUT, check=False)
            file.seek(0)
            log = file.read().decode("utf-8", "replace").replace("\r", "")
        if done.returncode > 1:
            raise RuntimeError(f"Firstlight gave no report; {self.build}/fuzz-linux.log")
        for line in log.splitlines():
            if line.startswith("not ok"):
                print(f"  {line}", flush=True)
        return [line[3:] for line in log.splitlines() if line.startswith("#: ")]

    def both(self, jobs):
        """[(result on Linux, result on Firstlight)], a result as (all, last, state, end)."""
        with tempfile.TemporaryDirectory(prefix="fuzz-linux-") as folder:
            answers = []
            for lines in (self.linux(jobs, folder), self.firstlight(jobs, folder)):
                found = {int(m[1]): m.groups()[1:] for m in map(JOB.match, lines) if m}
                answers.append([found.get(i, ("none",) * 4) for i in range(len(jobs))])
        return list(zip(*answers))

    def texts(self, jobs):
        """[(lines on Linux, lines on Firstlight)] of jobs with transcripts."""
        with tempfile.TemporaryDirectory(prefix="fuzz-linux-") as folder:
            answers = []
            for lines in (self.linux(jobs, folder), self.firstlight(jobs, folder)):
                parts, at = {}, None
                for line in lines:
                    begin = re.match(r"transcript (\d+)$", line)
                    if begin:
                        at = int(begin[1])
                        parts[at] = []
                    elif at is not None:
                        parts[at].append(line)
                answers.append([parts.get(i, []) for i in range(len(jobs))])
        return list(zip(*answers))


def mask_of(indexes, calls):
    """The hexadecimal mask of the calls that are made."""
    bits = sum(1 << (calls - 1 - i) for i in indexes)
    pad = -calls % 4
    return f"{bits << pad:0{(calls + pad) // 4}x}"


def first_difference(pair):
    """(index of the call or None for the state, line on Linux, line on Firstlight)."""
    for one, other in zip(*pair):
        if one != other:
            number = re.match(r"(\d+) ", one)
            if one.startswith("job"):
                one, other = "ends as " + one.split("end=")[1], "ends as " + other.split("end=")[1]
            return (int(number[1]) if number else None), one, other
    return None, f"{len(pair[0])} lines", f"{len(pair[1])} lines"


class Case:
    """A sequence that differs, while it becomes shorter."""

    def __init__(self, seed, user, pair, calls):
        self.seed, self.user, self.calls = seed, user, calls
        self.index, self.linux, self.own = first_difference(pair)
        last = calls - 1 if self.index is None else self.index
        self.kept = list(range(last + 1))
        self.size = max(1, len(self.kept) // 2)
        self.final = False

    def job(self, kept, mode="h"):
        return Job(self.seed, self.user, mode, mask_of(kept, self.calls))

    def candidates(self):
        """Sequences with a run of calls left out; the last call always stays."""
        end = len(self.kept) - (self.index is not None)
        return [self.kept[:i] + self.kept[min(i + self.size, end):]
                for i in range(0, end, self.size)]

    def differs(self, pair):
        one, other = pair
        if self.index is None:
            return one[2:] != other[2:]
        return one[1] != other[1] and one[3] == other[3]

    def take(self, candidates, pairs):
        """The first candidate that still differs; with none, smaller steps."""
        for kept, pair in zip(candidates, pairs):
            if self.differs(pair):
                self.kept = kept
                self.size = min(self.size, max(1, len(kept) // 2))
                return
        if self.size == 1:
            self.final = True
        self.size = max(1, self.size // 2)


def shrink(kernels, cases):
    """All cases at once: each round is one boot."""
    for _ in range(ROUNDS):
        open_cases = [case for case in cases if not case.final]
        if not open_cases:
            return
        trials = [(case, case.candidates()) for case in open_cases]
        pairs = kernels.both([case.job(kept) for case, some in trials for kept in some])
        at = 0
        for case, some in trials:
            case.take(some, pairs[at:at + len(some)])
            at += len(some)


def read_known():
    """[(pattern of the call's line on Linux, on Firstlight, reason)]"""
    known = []
    with open(os.path.join(HERE, "known.txt"), encoding="utf-8") as file:
        for line in file:
            parts = [part.strip() for part in line.split("|")]
            if len(parts) == 3 and not line.startswith("#"):
                known.append(tuple(parts))
    return known


def reason_of(known, case):
    """Why this difference is known, or None."""
    for linux, own, reason in known:
        if fnmatch.fnmatch(case.linux, "* " + linux) and fnmatch.fnmatch(case.own, "* " + own):
            return reason
    return None


def kind_of(case):
    """What cases have in common that are shrunk once: the call and both answers."""
    return tuple(re.sub(r"^\d+ (\w+).*? = (error \d+)?.*", r"\1 \2", line)
                 for line in (case.linux, case.own))


def show(kernels, cases):
    """The shortest sequences, as both kernels answer them."""
    pairs = kernels.texts([case.job(case.kept, "t") for case in cases]) if cases else []
    for case, (linux, own) in zip(cases, pairs):
        print(f"DIFFERENT: seed {case.seed}, user {case.user}, {len(case.kept)} calls, "
              f"--mask {mask_of(case.kept, case.calls)}")
        for one, other in zip(linux, own):
            if one == other and re.match(r"\d", one):
                print(f"    {one}")
            elif one != other:
                print(f"  L {one}\n  F {other}")


def jobs_of(seeds, users):
    """The sequences of these seeds."""
    return [Job(seed, user, "h", "*") for seed in seeds for user in
            ((0, 1000) if users == "both" else (int(users or 1000 * (seed % 2)),))]


def compare(args, kernels, jobs):
    """[cases] of a boot's jobs."""
    pairs = kernels.both(jobs)
    # A sequence that a second run on Linux answers in another way says nothing.
    different = [job for job, (one, other) in zip(jobs, pairs) if one != other]
    with tempfile.TemporaryDirectory(prefix="fuzz-linux-") as folder:
        again = [m.groups()[1:] for m in map(JOB.match, kernels.linux(different, folder)) if m]
    before = [one for one, other in pairs if one != other]
    steady = [job for job, a, b in zip(different, before, again) if a == b]
    if len(steady) < len(different):
        print(f"  {len(different) - len(steady)} sequences are not steady on Linux", flush=True)
    texts = kernels.texts([job._replace(mode="t") for job in steady]) if steady else []
    return [Case(job.seed, job.user, pair, args.calls) for job, pair in zip(steady, texts)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-b", "--build", default=os.path.join(TOP, "build"))
    parser.add_argument("--seeds", default="1-100")
    parser.add_argument("--users", choices=("0", "1000", "both"), help="each seed as these users")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--per-boot", type=int, default=2000)
    parser.add_argument("--shrink", type=int, default=12, help="kinds of differences to shorten")
    parser.add_argument("--wrap", default="", help="a command in front of each boot")
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("fuzz-linux: the Linux side needs root")
        return 2
    kernels = Kernels(args.build, args.calls, args.wrap.split())
    jobs, known, kinds = jobs_of(fuzz_boots.seeds_of(args.seeds), args.users), read_known(), {}
    start = time.monotonic()
    counts, reasons = collections.Counter(), collections.Counter()
    for i in range(0, len(jobs), args.per_boot):
        some = jobs[i:i + args.per_boot]
        cases = compare(args, kernels, some)
        counts["same"] += len(some) - len(cases)
        for case in cases:
            reason = reason_of(known, case)
            counts["known" if reason else "different"] += 1
            if reason:
                reasons[reason] += 1
            else:
                if kind_of(case) not in kinds:
                    print(f"  seed {case.seed} user {case.user}\n  L {case.linux}\n  F {case.own}")
                kinds.setdefault(kind_of(case), []).append(case)
        print(f"fuzz-linux: seeds {some[0].seed} to {some[-1].seed}: {dict(counts)}, "
              f"{60 * (i + len(some)) / (time.monotonic() - start):.0f} sequences a minute",
              flush=True)
    order = sorted(kinds.values(), key=len, reverse=True)
    for cases in order:
        case = min(cases, key=lambda c: len(c.kept))
        print(f"{len(cases):5} times, first seed {case.seed}:\n  L {case.linux}\n  F {case.own}")
    chosen = [min(cases, key=lambda c: len(c.kept)) for cases in order[:args.shrink]]
    shrink(kernels, chosen)
    show(kernels, chosen)
    for reason, count in reasons.most_common():
        print(f"known, {count} times: {reason}")
    print(f"fuzz-linux: {len(jobs)} sequences of {args.calls} calls, {counts['same']} the same, "
          f"{counts['known']} differ in a known way, {counts['different']} differ; "
          f"{kernels.boots} boots")
    return 1 if counts["different"] or not counts["same"] + counts["known"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.CalledProcessError) as err:
        sys.exit(f"fuzz-linux: {err}")
