#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""mutants.py - break the kernel one line at a time, and see which test notices

Usage: mutants.py [-n N] [--seed S] [-b BUILD] [--plan FILE] [--files PATTERN] [--wrap COMMAND]

Each mutant is one change of one line in a function of kernel/**/*.c (selftest excepted). It is
built in a copy of the tree (BUILD/mutants/tree) and asked by the host tests that contain the file,
then booted with two processors (baseline, regression, default and long plan) and with one (the same
without the long plan). The first test that fails kills it. The same seed gives the same mutants as long as the sources are the same.

Each result is a line of BUILD/mutants/results.jsonl. A second run goes on where the first one was
stopped; a larger N adds to a smaller one. Verdicts:
  killed        by the test that is named
  survived      nothing noticed: a test is missing, or the change means nothing
  not compiled  the compiler refused it; another one is drawn in its place
  equivalent    the same machine code as before, or listed with a reason in tests/mutants.equivalent
Exit status: 0 if there is no survivor, 1 if there is one, 2 if the unchanged kernel fails.
"""
import argparse
import fnmatch
import hashlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tools"))
import lint  # noqa: E402  (found by the path above)

SKIPPED_ROOMS = ("kernel/selftest/",)
# What only speaks, or only fails where the kernel is wrong already.
SKIPPED_LINES = re.compile(r"\b(ASSERT\w*|static_assert|_Static_assert|klog\w*|log_\w+|panic\w*|"
                           r"PANIC|BUG|case|default|goto|__asm__|asm)\b")
ERRORS = ("EINVAL", "EPERM", "EACCES", "ENOENT", "EFAULT", "ESRCH", "EBUSY", "EAGAIN", "ENOMEM",
          "EBADF", "ENOTDIR", "EEXIST")
BUILD_SECONDS, HOST_SECONDS, SLOWEST = 300, 300, 900
QUICK_PLANS = ["tests/user/regression.plan", "rootfs/etc/firstlight/plan"]
PLANS = {1: QUICK_PLANS, 2: QUICK_PLANS + ["tests/user/long.plan"]}  # by number of processors
PATIENCE = 3  # a mutant may take so many times what the unchanged kernel took, and 60 s
NOT_OK = re.compile(rb"^not ok \d+ ([^\s#]*)", re.M)
PANIC = re.compile(rb"PANIC: ([^\n]*)")


def matching(text, start):
    """The offset behind the parenthesis that closes the one at `start`; None if the line ends."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    return None


def negate(code):
    """if (x) -> if (!(x))"""
    for match in re.finditer(r"\b(?:if|while) (\()", code):
        end = matching(code, match.start(1))
        if end:
            yield match.start(1), end, "(!" + code[match.start(1):end] + ")"


def exchange(pattern, table):
    """An operator that puts table[found] in the place of what the pattern's group found."""
    def apply(code):
        for match in re.finditer(pattern, code):
            if match.group(1) in table:
                yield match.start(1), match.end(1), table[match.group(1)]
    return apply


def off_by_one(code):
    """x + 1 -> x, x - 1 -> x, and a number that is one more."""
    for match in re.finditer(r" [+-] 1(?![\w.])", code):
        yield match.start(), match.end(), ""
    for match in re.finditer(r"(?<![\w.\[\"'])(\d+)(?=[uUlL]*\b)(?![\w.])", code):
        if not re.search(r"<<\s*$|[+-] $", code[:match.start()]):
            yield match.start(1), match.end(1), str(int(match.group(1)) + 1)


def remove_statement(code):
    """A call or an assignment on a line of its own."""
    match = re.match(r"\s*([a-z_][\w>.\[\]-]*(?:\(.*\)| [+|&-]?= .*|\+\+|--));$", code)
    if match and not re.match(r"\s*(return|break|continue|else|do)\b", code):
        yield match.start(1), match.end(1), "(void)0"


def drop_flag(code):
    """a | FLAG -> a, a & ~FLAG -> a, a |= FLAG -> nothing added."""
    for match in re.finditer(r" \| [A-Z][A-Z0-9_]+\b(?!\()", code):
        yield match.start(), match.end(), ""
    for match in re.finditer(r" & ~[A-Z][A-Z0-9_]+\b(?!\()", code):
        yield match.start(), match.end(), ""


def return_early(code):
    """return x -> return 0."""
    match = re.search(r"\breturn ((?!0;|true;|false;|NULL;)[^;]+);", code)
    if match:
        yield match.start(1), match.end(1), "0"


def swap_error(code):
    """-EINVAL -> -EPERM, and so on."""
    for match in re.finditer(r"-(E[A-Z]{3,})\b", code):
        if match.group(1) in ERRORS:
            other = ERRORS[(ERRORS.index(match.group(1)) + 1) % len(ERRORS)]
            yield match.start(1), match.end(1), other


OPERATORS = {
    "negate condition": negate,
    "equal": exchange(r"(==|!=)", {"==": "!=", "!=": "=="}),
    "border": exchange(r"(?<![<>\-=])([<>]=?)(?![<>=])",
                       {"<": "<=", ">": ">=", "<=": "<", ">=": ">"}),
    "and, or": exchange(r"(&&|\|\|)", {"&&": "||", "||": "&&"}),
    "plus, minus": exchange(r"(?<=\w|\)) ([+-])(?= )", {"+": "-", "-": "+"}),
    "off by one": off_by_one,
    "remove statement": remove_statement,
    "drop flag": drop_flag,
    "return early": return_early,
    "true, false": exchange(r"\b(true|false)\b", {"true": "false", "false": "true"}),
    "error": swap_error,
}


class Mutant:
    """One changed line."""

    def __init__(self, source, line, operator, before, after):
        self.file, self.line, self.operator = source.path, line, operator
        self.before, self.after = before, after
        text = f"{source.path}\0{hashlib.sha256(source.text.encode()).hexdigest()}\0{line}\0{after}"
        self.id = hashlib.sha256(text.encode()).hexdigest()[:16]

    def record(self, verdict, by, seconds):
        return {"id": self.id, "file": self.file, "line": self.line, "operator": self.operator,
                "before": self.before.strip(), "after": self.after.strip(), "verdict": verdict,
                "by": by, "seconds": round(seconds)}

    def __str__(self):
        return f"{self.file}:{self.line} ({self.operator})"


def mutants_of(source):
    """{line: mutants}: every change of every line inside a function."""
    found, code = {}, source.code.split("\n")
    for function in source.functions():
        first, last = source.line_of(function.start) + 1, source.line_of(function.end)
        for number in range(first, last):
            text = source.lines[number - 1]
            if SKIPPED_LINES.search(text):
                continue
            changes = []
            for name, operator in OPERATORS.items():
                for start, end, new in operator(code[number - 1].rstrip()):
                    after = text[:start] + new + text[end:]
                    if after != text:
                        changes.append(Mutant(source, number, name, text, after))
            if changes:
                found[number] = changes
    return found


def drawn(root, seed, pattern):
    """All mutants in the order of the seed: lines are drawn evenly, then one change of each."""
    sources = []
    for folder, _, files in sorted(os.walk(os.path.join(root, "kernel"))):
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(".c") and not path.startswith(SKIPPED_ROOMS) and \
                    fnmatch.fnmatch(path, pattern):
                sources.append(lint.Source(root, path))
    lines = [changes for source in sources for _, changes in sorted(mutants_of(source).items())]
    chance = random.Random(seed)
    chance.shuffle(lines)
    for changes in lines:
        yield chance.choice(changes)


def run(command, folder, seconds, stop=None):
    """(status, output): status None if it took too long. `stop(output)` true ends it early."""
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as process:
        output, deadline, status = bytearray(), time.monotonic() + seconds, None
        os.set_blocking(process.stdout.fileno(), False)
        while True:
            data = process.stdout.read()
            output += data or b""
            status = process.poll()
            late = time.monotonic() > deadline
            if status is not None or late or (data and stop and stop(output)):
                break
            time.sleep(0.1)
        output += process.stdout.read() or b""
        if status is None:
            os.killpg(process.pid, signal.SIGTERM)  # its own group, made above
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        return status, bytes(output)


class Workshop:
    """The copy of the tree in which the mutants live."""

    def __init__(self, build, plan, wrap):
        self.folder = os.path.join(build, "mutants")
        self.tree = os.path.join(self.folder, "tree")
        self.wrap = shlex.split(wrap)
        self.plan = plan
        self.clean = None  # the hash of the unchanged kernel
        self.limits = {}
        os.makedirs(self.folder, exist_ok=True)

    def copy(self, build):
        """The sources as they are now; what is built already comes along the first time."""
        fresh = not os.path.exists(os.path.join(self.tree, "build"))
        os.makedirs(os.path.join(self.tree, "build"), exist_ok=True)
        command = ["rsync", "-a", "--delete", "--exclude=.git", "--exclude=/build*", TOP + "/",
                   self.tree + "/"]
        if shutil.which("rsync") is None:
            names = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, check=True,
                                   capture_output=True).stdout.decode().split("\0")
            for name in filter(None, names):
                place, source = os.path.join(self.tree, name), os.path.join(TOP, name)
                if not os.path.exists(source):
                    continue
                os.makedirs(os.path.dirname(place), exist_ok=True)
                if os.path.lexists(place):
                    os.unlink(place)
                shutil.copy2(source, place, follow_symlinks=False)
        else:
            subprocess.run(command, check=True)
        for part in ("user", "efi", "host", "include") if fresh else ():
            here = os.path.join(build, part)
            if os.path.isdir(here):
                subprocess.run(["cp", "-a", here, os.path.join(self.tree, "build")], check=True)

    def kernel_hash(self):
        with open(os.path.join(self.tree, "build/kernel/kernel.elf"), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def build(self, *targets, seconds=BUILD_SECONDS):
        command = ["nice", "make", "--no-print-directory", "B=build", *targets]
        return run(command, self.tree, seconds)

    def host_programs(self, path):
        """The host tests that a file is part of, by what the compiler wrote about its objects."""
        objects = os.path.join(self.tree, "build/host/obj")
        owners = set()
        for folder, _, files in os.walk(objects):
            for name in files:
                if not name.endswith(".d"):
                    continue
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    if re.search(rf"(?<!\S){re.escape(path)}(?!\S)", file.read()):
                        owners.add(os.path.relpath(folder, objects).split("/")[0])
        names = [name for name in os.listdir(os.path.join(self.tree, "build/host"))
                 if name.endswith("_test")] if owners else []
        if "lib" in owners:
            return sorted(names)
        return sorted(name for name in names if name in owners or name.split("_")[0] in owners)

    def ask_host(self, path):
        """The host test that failed, or None."""
        programs = self.host_programs(path)
        if not programs:
            return None
        paths = ["build/host/" + name for name in programs]
        status, output = self.build(*paths, seconds=HOST_SECONDS)
        if status != 0:
            return "host tests do not build"
        status, output = run(["tests/host/run_tests.sh"] + paths, self.tree, HOST_SECONDS)
        if status == 0:
            return None
        failed = re.search(rb"^\[  FAILED  \] (\w+)$|^failed: (.*)$", output, re.M)
        what = (failed.group(1) or failed.group(2)).decode() if failed else "no end"
        return f"host test {what}"

    def ask_machine(self, cpus):
        """What failed in the baseline or the plan, or None."""
        image, log = os.path.join(self.folder, "mutant.img"), os.path.join(self.folder, "log")
        plan = os.path.join(self.folder, "plan")
        with open(plan, "wb") as file:
            for name in [self.plan] if self.plan else PLANS[cpus]:
                with open(os.path.join(self.tree, name), "rb") as part:
                    file.write(part.read())
        subprocess.run(["tools/mkimg.sh", "-b", "build", "-o", image, "-p", plan], cwd=self.tree,
                       check=True, stdout=subprocess.DEVNULL)
        limit = self.limits.get(cpus, SLOWEST)
        began = time.monotonic()
        command = ["tools/run.sh", "-s", str(cpus), "-t", str(limit), "-l", log, image]
        status, output = run(self.wrap + command, self.tree, limit * 4 + 60, NOT_OK.search)
        if cpus not in self.limits:
            self.limits[cpus] = min(SLOWEST, 60 + PATIENCE * int(time.monotonic() - began))
        if status == 0:
            return None
        for pattern, word in ((PANIC, "panic"), (NOT_OK, "test")):
            found = pattern.search(output)
            if found:
                return f"{word} {found.group(1).decode('utf-8', 'replace').strip()} (-smp {cpus})"
        return f"no verdict (-smp {cpus})"

    def judge(self, mutant):
        """(verdict, by)"""
        path = os.path.join(self.tree, mutant.file)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        lines = text.split("\n")
        lines[mutant.line - 1] = mutant.after
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines))
            status, output = self.build("build/kernel/kernel.elf")
            if status != 0:
                said = re.search(rb"error: ([^\n]*)", output)
                return "not compiled", said.group(1).decode() if said else "no end"
            if self.kernel_hash() == self.clean:
                return "equivalent", "the same machine code"
            by = self.ask_host(mutant.file) or self.ask_machine(2) or self.ask_machine(1)
            return ("killed", by) if by else ("survived", "")
        finally:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def prove(self):
        """Build and ask the unchanged kernel. What fails, or None."""
        status, output = self.build("image", seconds=3 * SLOWEST)
        if status != 0:
            return output.decode("utf-8", "replace")[-2000:]
        self.clean = self.kernel_hash()
        status, output = self.build("host-test", seconds=3 * SLOWEST)
        if status != 0:
            return output.decode("utf-8", "replace")[-2000:]
        return self.ask_machine(2) or self.ask_machine(1)


def read_results(path):
    """{id: record} of earlier runs."""
    found = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                found[record["id"]] = record
    return found


def read_equivalent():
    """{(file, before, after): reason}: changes that were shown to mean nothing."""
    known, path = {}, os.path.join(TOP, "tests/mutants.equivalent")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                parts = [part.strip() for part in line.rstrip("\n").split("\t") if part.strip()]
                if len(parts) == 4 and not line.startswith("#"):
                    known[tuple(parts[:3])] = parts[3]
    return known


def summary(records):
    """Print survivors with their change, and the counts; the number of survivors."""
    survivors = [r for r in records if r["verdict"] == "survived"]
    for r in survivors:
        print(f"survived: {r['file']}:{r['line']} ({r['operator']})\n  - {r['before']}\n"
              f"  + {r['after']}")
    count = {word: sum(r["verdict"] == word for r in records)
             for word in ("killed", "survived", "equivalent", "not compiled")}
    judged = count["killed"] + count["survived"]
    share = 100 * count["killed"] / judged if judged else 0
    print(f"mutants: {count['killed']} killed ({share:.0f} %), {count['survived']} survived, "
          f"{count['equivalent']} equivalent, {count['not compiled']} not compiled")
    return count["survived"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=100, help="mutants that compile and differ (100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-b", dest="build", default=os.path.join(TOP, "build"))
    parser.add_argument("--plan", help="boot this plan instead")
    parser.add_argument("--files", default="*", help="only files whose path matches the pattern")
    parser.add_argument("--wrap", default="", help="a command in front of each boot")
    parser.add_argument("--again", action="store_true", help="ask the survivors once more")
    parser.add_argument("--list", action="store_true", help="show the mutants and stop")
    opts = parser.parse_args()
    build = os.path.abspath(opts.build)
    if opts.list:
        for index, mutant in zip(range(opts.n), drawn(TOP, opts.seed, opts.files)):
            print(f"{index + 1}: {mutant}\n  - {mutant.before.strip()}\n  + {mutant.after.strip()}")
        return 0

    shop = Workshop(build, opts.plan and os.path.abspath(opts.plan), opts.wrap)
    shop.copy(build)
    print("mutants: the unchanged kernel first", flush=True)
    wrong = shop.prove()
    if wrong:
        print(f"mutants: the unchanged kernel fails: {wrong}")
        return 2
    path = os.path.join(shop.folder, "results.jsonl")
    old, equivalent, records, judged = read_results(path), read_equivalent(), [], 0
    for mutant in drawn(shop.tree, opts.seed, opts.files):
        if judged >= opts.n:
            break
        began, record = time.monotonic(), old.get(mutant.id)
        reason = equivalent.get((mutant.file, mutant.before.strip(), mutant.after.strip()))
        if reason:
            record = mutant.record("equivalent", reason, 0)
        elif record is None or (opts.again and record["verdict"] == "survived"):
            record = mutant.record(*shop.judge(mutant), time.monotonic() - began)
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        records.append(record)
        judged += record["verdict"] in ("killed", "survived")
        by = f" by {record['by']}" if record["by"] else ""
        print(f"{judged}/{opts.n} {mutant}: {record['verdict']}{by} [{record['seconds']} s]",
              flush=True)
    return 1 if summary(records) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("mutants: stopped; the next run goes on from here")
