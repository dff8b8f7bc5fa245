#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""programs.py - Debian's own programs on Linux and on Firstlight, compared byte for byte

Usage: programs.py [-b BUILD] [--work DIR] [-m MEM] [-s CPUS] [-t SECONDS] [--serial]
                   [--packages FILE] [--linux-only] [--list] [CASE]...

Each case runs on this Linux first, in a root filesystem with the same files as the image, as the
only program of a process namespace. How it ends there has to be what the case declares; what it
prints there is what it has to print on Firstlight, and its exit status is what the plan expects.
A case that fails, on either side, is a failure, and so is one that left no result.
With --linux-only each case runs twice on Linux, and a difference between the two is a failure:
such a case cannot judge anybody.
Each case is shown as it ends, and on a terminal which one runs; --serial shows the serial line of
the machine as it comes. --packages names another list of packages, for a smaller tree.

Ends with `programs: N passed, N failed`; exit status 0 only where none failed.
"""
import argparse
import contextlib
import difflib
import os
import re
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TOP, "tests/user"), os.path.join(TOP, "tools")]
import cases as case_files  # noqa: E402  (found by the paths above)
import compare_output  # noqa: E402
import compiled  # noqa: E402
import debian_tree  # noqa: E402
import machine  # noqa: E402
import linux_plan  # noqa: E402
import progress  # noqa: E402
import run_on_linux  # noqa: E402

NAMESPACE, TREE, COMPILED = "PROGRAMS_NAMESPACE", "PROGRAMS_TREE", "PROGRAMS_COMPILED"
PACKAGES = os.path.join(HERE, "packages.txt")
BOOTS = 12  # after this many machines that died, the rest is counted as failed
DIFF_LINES = 24
DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
                "stderr": "/proc/self/fd/2"}


def enter_namespace():
    """Start again as process 1 of own process, mount and host name namespaces."""
    if os.environ.get(NAMESPACE):
        if os.getpid() != 1:
            sys.exit(f"programs.py: {NAMESPACE} is set, but this is not process 1")
        return
    os.environ[NAMESPACE] = "1"
    options = ["--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc"]
    if os.geteuid() != 0:
        os.environ[run_on_linux.NAMESPACE] = "1"  # no device nodes can be made: host's are bound
        options.append("--map-root-user")
    if subprocess.run(["unshare"] + options + ["true"], check=False).returncode:
        sys.exit("programs.py: no name spaces of its own here. In a chroot, its directory has to "
                 "be a mount point: mount --bind DIR DIR, and then chroot DIR")
    command = ["unshare"] + options + [sys.executable] + sys.argv
    os.execvp(command[0], command)


class Linux:
    """The root filesystem on this Linux, on a tmpfs that vanishes with the namespace."""

    def __init__(self, bases, trees, work):
        self.place = os.path.join(work, "linux")
        os.makedirs(self.place, exist_ok=True)
        self.bases, self.trees = bases, trees
        self.terminals = False  # whether cases can have pseudo-terminals
        subprocess.run(["mount", "--make-rprivate", "/"], check=False)
        # What cases see of processes are those of this namespace, wherever it is mounted from.
        subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
        subprocess.run(["hostname", "firstlight"], check=False)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.place], check=True)
        self.root = ""

    def fresh(self):
        """A root as the image has it, before anything ran on it."""
        if self.root:
            subprocess.run(["umount", "-R", self.place], check=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.place],
                           check=True)
        self.root = run_on_linux.make_root(self.bases, self.place, self.trees)
        subprocess.run(["mount", "-t", "proc", "proc", os.path.join(self.root, "proc")],
                       check=True)
        shared = os.path.join(self.root, "dev/shm")
        os.makedirs(shared, exist_ok=True)
        os.chmod(shared, 0o1777)
        self.terminals = run_on_linux.can_mount_terminals(self.root)
        for name, target in DEVICE_LINKS.items():
            path = os.path.join(self.root, "dev", name)
            if not os.path.lexists(path):
                os.symlink(target, path)

    def run(self, case):
        """(how it ended, what it printed)."""
        test = linux_plan.Test(case.name)
        test.limit, test.command = case.limit, case.command
        outcome, output = run_on_linux.run_test(test, self.root, self.terminals)
        self.kill_rest()
        return outcome, output[:run_on_linux.OUTPUT_LIMIT]

    @staticmethod
    def kill_rest():
        """End whatever a case left behind. This process is the namespace's first and is spared."""
        assert os.getpid() == 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)


def difference(want, got, names):
    """A diff of lines, at most DIFF_LINES of it."""
    lines = list(difflib.unified_diff(want, got, *names, lineterm="", n=2))
    more = [f"... {len(lines) - DIFF_LINES} more lines"] if len(lines) > DIFF_LINES else []
    return [f"    {line}" for line in lines[:DIFF_LINES] + more]


def run_oracle(linux, cases):
    """{name: (outcome, lines)} on Linux."""
    shown = progress.Progress(cases, title="Linux: ")
    print(f"programs: {len(cases)} cases on Linux", flush=True)
    shown.line("the root filesystem")
    linux.fresh()
    seen = {}
    for case in cases:
        shown.line(case.name)
        outcome, output = linux.run(case)
        seen[case.name] = (outcome, compare_output.shown(output))
        shown.done += 1
        shown.failed += outcome != case.expect
    shown.clear()
    return seen


def check_oracle(cases, oracle):
    """The cases that Linux ended as they declare; says which did not."""
    good = []
    for case in cases:
        outcome, lines = oracle[case.name]
        if case.root and os.environ.get(run_on_linux.NAMESPACE):
            print(f"FAILED {case.name}: on Linux this needs real root; run make as root")
            continue
        if outcome == case.expect:
            good.append(case)
            continue
        print(f"FAILED {case.name}: {outcome} on Linux, declared {case.expect}")
        for line in lines[-8:]:
            print(f"    {line}")
    return good


def check_twice(cases, first, second):
    """How many cases printed the same, ended the same, both times."""
    good = 0
    for case in cases:
        if first[case.name] == second[case.name]:
            good += 1
            continue
        print(f"FAILED {case.name}: not the same twice on Linux: {first[case.name][0]}, "
              f"{second[case.name][0]}")
        print("\n".join(difference(first[case.name][1], second[case.name][1],
                                   ("first", "second"))))
    return good


class Firstlight:
    """Machines that run plans of cases."""

    def __init__(self, opts, trees, shown, judge):
        self.opts = opts
        self.trees = trees
        self.shown, self.judge = shown, judge  # the Progress, and what is called for each result
        self.plan = os.path.join(opts.work, "plan.txt")
        self.image = os.path.join(opts.work, "programs.img")
        self.log = os.path.join(opts.work, "serial.log")  # written as it comes
        self.ended = 0  # cases of this machine

    def boot(self, cases):
        """One machine. ({name: Result}, what was wrong with the machine or '')."""
        with open(self.plan, "w", encoding="utf-8") as file:
            file.writelines(case.plan_line() for case in cases)
        command = [os.path.join(TOP, "tools/mkimg.sh"), "-b", self.opts.build, "-o", self.image,
                   "-p", self.plan]
        for tree in self.trees:
            command += ["-r", tree]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(self.log, "ab") as file:
            host = machine.Machine(self.image, memory=self.opts.memory, cpus=self.opts.cpus,
                                   timeout=self.opts.timeout + cases[0].limit,
                                   stream=file)
            self.shown.machine_begins()
            self.ended = 0
            outcome = host.run(lambda host: self.follow(host, cases))
        self.follow(host, cases)
        self.shown.clear()
        results = {result.name: result for result in outcome.report.results}
        if outcome.code in (machine.PASS, machine.FAIL):
            return results, ""
        last = [line for line in outcome.log.splitlines() if line.strip()][-12:]
        return results, "\n    ".join([outcome.message] + last)

    def follow(self, host, cases):
        """Show what a machine with these cases has said so far. It has -t seconds to start, and
        as many beyond the limit of each case, which the kernel itself watches."""
        left = {case.name for case in cases}

        def judge_result(result):
            if result.name in left:
                self.ended += 1
                self.judge(result)

        before = self.ended
        self.shown.follow(host.log, judge_result)
        if "KTAP" not in host.log:
            self.shown.line("the machine starts")
        elif self.ended == len(cases):
            self.shown.line("the machine ends")
        else:
            self.shown.line(cases[self.ended].name)
        if self.ended != before:
            more = cases[self.ended].limit if self.ended < len(cases) else 0
            host.extend(more + self.opts.timeout)

    def run(self, cases):
        """({name: Result}, {name: why there is none}); starts again behind a case that kills it."""
        results, lost = {}, {}
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.log)
        left = list(cases)
        for _ in range(BOOTS):
            seen, problem = self.boot(left)
            results.update(seen)
            # In plan order: everything up to the last result has run.
            done = max((i for i, case in enumerate(left) if case.name in seen), default=-1) + 1
            left = left[done:]
            if not problem:
                break
            if not left:  # it died after the last case
                lost["machine"] = problem
                break
            lost[left[0].name] = problem
            print(f"programs: the machine ended in {left[0].name}; starting another", flush=True)
            left = left[1:]
            if not left:
                break
        for case in left:
            lost[case.name] = "not run"
        names = {case.name for case in cases}
        for name, result in results.items():
            if name not in names and not result.passed:
                lost[name] = f"the kernel's own test: {result.note}"
        return results, lost


def judge(case, oracle, result):
    """(whether the case is the same on both, lines that tell what is not)."""
    outcome, want = oracle[case.name]
    if result.passed and not result.skipped and result.output == want:
        return True, []
    return False, [f"    {'ok' if result.passed else 'not ok'} {result.note} (Linux: {outcome})",
                   *difference(want, result.output, ("linux", "firstlight"))]


def run_both(opts, trees, oracle, good, count):
    """(how many of the good cases passed, how many failures there are beside them)."""
    shown = progress.Progress([case.name for case in good], opts.serial)
    print(f"programs: {len(good)} cases on Firstlight", flush=True)
    named = {case.name: case for case in good}
    passed = set()

    def judge_result(result):
        same, lines = judge(named[result.name], oracle, result)
        time = re.search(r"time=(\d+)us", result.note)
        shown.case(result.name, same, lines, int(time[1]) / 1e6 if time else None)
        if same:
            passed.add(result.name)

    results, lost = Firstlight(opts, trees, shown, judge_result).run(good)
    for name in named:
        if name not in results:
            shown.case(name, False, [f"    no result. {lost.get(name, '')}"])
    extra = sorted(set(lost) - set(named))
    for name in extra:
        print(f"FAILED {name}: {lost[name]}")
    failed = [name for name in named if name not in passed] + extra
    if failed and count > 1:
        print(f"programs: failed: {' '.join(failed)}")
    return len(passed), len(extra)


def trees_of(opts, cases):
    """The trees to lay over the root filesystem: Debian's packages, the cases' scripts, what was
    compiled for them."""
    scripts = os.path.join(opts.work, "scripts")
    shutil.rmtree(scripts, ignore_errors=True)
    os.makedirs(scripts)
    case_files.lay_out(HERE, scripts, cases)
    return [tree for tree in (opts.tree, scripts, os.environ[COMPILED]) if tree]


def choose(words, tree):
    """The cases that the words name; a word that names none is an error."""
    found = case_files.all_cases(HERE, tree)
    for word in words:
        if not any(case.chosen([word]) for case in found):
            sys.exit(f"programs.py: no case is called '{word}'; --list names them")
    return [case for case in found if case.chosen(words)]


def main():
    """See the top."""
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("-b", dest="build", default=os.path.join(TOP, "build"))
    args.add_argument("--work", help="where logs and images are (BUILD/programs)")
    args.add_argument("-m", dest="memory", default="3G")
    args.add_argument("-s", dest="cpus", type=int, default=1)
    args.add_argument("-t", dest="timeout", type=float, default=600.0,
                      help="to start, and beyond the limit of each case (600)")
    args.add_argument("--packages", default=PACKAGES, help="a list of packages")
    args.add_argument("--serial", action="store_true", help="show the serial line as it comes")
    args.add_argument("--linux-only", action="store_true")
    args.add_argument("--list", action="store_true")
    args.add_argument("case", nargs="*")
    opts = args.parse_args()
    opts.work = opts.work or os.path.join(opts.build, "programs")
    if not os.environ.get(NAMESPACE):  # outside of it, where a tree of packages can be made
        packages = debian_tree.read_packages(opts.packages)
        os.environ[TREE] = debian_tree.make_tree(opts.build, packages)
    opts.tree = os.environ[TREE]
    cases = choose(opts.case, opts.tree)
    if opts.list:
        print("\n".join(case.name for case in cases))
        return 0

    if not os.environ.get(NAMESPACE):
        os.environ[COMPILED] = (compiled.make(opts.build, os.path.join(HERE, "compiled"))
                                if any(case.compiled for case in cases) else "")
    enter_namespace()
    os.makedirs(opts.work, exist_ok=True)
    trees = trees_of(opts, cases)
    bases = [os.path.join(opts.build, "user/rootfs"), os.path.join(TOP, "rootfs")]
    linux = Linux([base for base in bases if os.path.isdir(base)], trees, opts.work)
    oracle = run_oracle(linux, cases)
    good = check_oracle(cases, oracle)
    if opts.linux_only:
        passed, extra = check_twice(good, oracle, run_oracle(linux, cases)), 0
    else:
        passed, extra = run_both(opts, trees, oracle, good, len(cases))
    failed = len(cases) - passed + extra
    print(f"programs: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    machine.exit_on_signals()  # as process 1, it would not even see them
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("programs.py: stopped")
    except debian_tree.Failure as err:
        sys.exit(f"programs.py: {err}")
    except (OSError, ValueError, subprocess.CalledProcessError) as err:
        sys.exit(f"programs.py: {type(err).__name__}: {err}")
