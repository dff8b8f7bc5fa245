#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""mutants.py - break the kernel one line at a time, and see which test notices

Usage: mutants.py [-n N] [--seed S] [-b BUILD] [--plan FILE] [--files PATTERN] [--quick] [--again]
                  [--wrap COMMAND] [--turn SECONDS] [--list]

Each mutant is one change of one line in a function of kernel/**/*.c (selftest excepted). It is
built in a copy of the tree (BUILD/mutants/tree) and asked by the host tests that contain the file.
Then it is booted: with two processors (checks inside the kernel, regression and default plan), with
the long plan, and with one processor. Tests whose names share words with the
changed file come first, and the first test that fails kills it: most boots are short. Meanwhile the
next mutants are built.
The same seed gives the same mutants as long as the sources are the same.

Where boots have to wait for their turn on a machine, --wrap names the command that waits, and one
turn is used for as many boots as fit into --turn seconds. --quick leaves out the last two boots.

Each result is a line of BUILD/mutants/results.jsonl. A second run goes on where the first one was
stopped; a larger N adds to a smaller one. Verdicts:
  killed        by the test that is named
  survived      nothing noticed: a test is missing, or the change means nothing
  not compiled  the compiler refused it; another one is drawn in its place
  equivalent    the same machine code as before, or listed with a reason in tests/mutants.equivalent
Exit status: 0 if there is no survivor, 1 if there is one, 2 if the unchanged kernel fails.
"""
import argparse
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tools"))
from mutants_draw import drawn  # noqa: E402  (found by the path above)

BUILD_SECONDS, HOST_SECONDS, SLOWEST = 300, 300, 900
HANG_SECONDS = 60  # no host test program takes so long
QUICK_PLANS = ["tests/user/regression.plan", "tests/user/basic.plan"]
# Number of processors, plans, words for the kernel, and the silence, in seconds, that no sound
# kernel keeps.
STAGES = [(2, QUICK_PLANS, "ktest=*", 30), (2, ["tests/user/long.plan"], "", 120),
          (1, QUICK_PLANS, "", 30)]
# What is made of these is not an object with notes of the compiler.
MORE_OBJECTS = ("kernel/lib/string.c", "kernel/vdso/vdso.c")
UNCHANGED = "unchanged"
NO_HOST_BUILD = "host tests do not build"  # their compiler refuses more


def run(command, folder, seconds):
    """(status, output): status None if it took too long."""
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as process:
        try:
            output = process.communicate(timeout=seconds)[0]
            return process.returncode, output
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its own group, made above
            return None, process.communicate()[0]


def nearest_first(plan, path):
    """The plan with the tests first whose names share words with the path of the changed file.

    Only programs of tests/user move, each with all its lines that stand together: the other tests
    build on what the one before left behind.
    """
    words = set(re.split(r"[/_.]", path)) - {"kernel", "c", "sys", "fs", "proc", "mem", "core"}
    blocks = []  # (program, lines)
    for line in plan.splitlines(keepends=True):
        program = re.search(r" (/bin/t/\w+)", line) if line.startswith("test ") else None
        program = program.group(1) if program and "/bin/sh" not in line else ""
        if not line.startswith("test "):
            continue
        if blocks and program and blocks[-1][0] == program:
            blocks[-1][1].append(line)
        else:
            blocks.append((program, [line]))

    def distance(block):
        near = set(re.split(r"[/_ -]", block[0] + " " + block[1][0].split()[1]))
        return -len(words & near) if block[0] and not block[0].endswith("fill_tmp") else 0
    return "".join(line for block in sorted(blocks, key=distance) for line in block[1])


class Workshop:
    """The copy of the tree in which the mutants live."""

    def __init__(self, build):
        self.folder = os.path.join(build, "mutants")
        self.tree = os.path.join(self.folder, "tree")
        self.kernels = os.path.join(self.folder, "kernels")
        self.clean = None  # the hash of the unchanged kernel
        self.users = {}  # {source: the objects that are made of it}
        os.makedirs(self.kernels, exist_ok=True)

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
        for part in ("user", "efi", "host", "include", "kernel") if fresh else ():
            here = os.path.join(build, part)
            if os.path.isdir(here):
                subprocess.run(["cp", "-a", here, os.path.join(self.tree, "build")], check=True)
        self.mend()

    def mend(self):
        """What a run that was ended in the midst of a mutant has left behind is built anew."""
        note = os.path.join(self.folder, "changed")
        if os.path.exists(note):
            with open(note, encoding="utf-8") as file:
                os.utime(os.path.join(self.tree, file.read()))
            os.unlink(note)

    def kernel_hash(self):
        with open(os.path.join(self.tree, "build/kernel/kernel.elf"), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def build(self, *targets, seconds=BUILD_SECONDS):
        command = ["nice", "make", "--no-print-directory", "B=build", *targets]
        return run(command, self.tree, seconds)

    def find_objects(self):
        """Read, once, what the compiler wrote about its objects."""
        for folder, _, files in os.walk(os.path.join(self.tree, "build")):
            for name in files:
                if name.endswith(".d"):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        sources = file.read().replace("\\\n", " ").split("\n")[0].split()[1:]
                    place = os.path.join(folder, name[:-2] + ".o")
                    for source in sources if os.path.exists(place) else ():
                        self.users.setdefault(source, set()).add(place)

    def host_programs(self, path):
        """The host tests that a file is part of, by the objects made of it."""
        objects = os.path.join(self.tree, "build/host/obj") + "/"
        owners = {place[len(objects):].split("/")[0] for place in self.users.get(path, ())
                  if place.startswith(objects)}
        names = [name for name in os.listdir(os.path.join(self.tree, "build/host"))
                 if name.endswith("_test")] if owners else []
        if "lib" in owners:
            return sorted(names)
        return sorted(name for name in names if name in owners or name.split("_")[0] in owners)

    def ask_host(self, path):
        """The host test that failed, or None. Of lib, first the test with the file's own name."""
        programs = self.host_programs(path)
        stem = os.path.basename(path)[:-2]
        own = [name for name in programs if stem in name]
        for names in (own, [name for name in programs if name not in own]):
            paths = ["build/host/" + name for name in names]
            if not paths:
                continue
            status, output = self.build(*paths, seconds=HOST_SECONDS)
            if status != 0:
                return NO_HOST_BUILD
            status, output = run(["nice", "env", f"TEST_SECONDS={HANG_SECONDS}",
                                  "tests/host/run_tests.sh"] + paths, self.tree, HOST_SECONDS)
            if status != 0:
                failed = re.search(rb"^\[  FAILED  \] (\w+)$|^failed: (.*)$", output, re.M)
                what = (failed.group(1) or failed.group(2)).decode() if failed else "no end"
                return f"host test {what}"
        return None

    def keep_kernel(self, name):
        """Lay the kernel aside for boots: the copy goes on to the next mutant meanwhile."""
        shadow = os.path.join(self.kernels, name)
        os.makedirs(os.path.join(shadow, "kernel"), exist_ok=True)
        shutil.copy(os.path.join(self.tree, "build/kernel/kernel.elf"), shadow + "/kernel")
        for part in ("efi", "user"):
            if not os.path.lexists(os.path.join(shadow, part)):
                os.symlink(os.path.join(self.tree, "build", part), os.path.join(shadow, part))
        with open(os.path.join(shadow, "base"), "w", encoding="utf-8") as file:
            file.write(self.clean)

    def has_kernel(self, name):
        """Whether an earlier run has made it from the same kernel, and not booted it."""
        try:
            with open(os.path.join(self.kernels, name, "base"), encoding="utf-8") as file:
                return file.read() == self.clean
        except OSError:
            return False

    def drop_kernel(self, name):
        shutil.rmtree(os.path.join(self.kernels, name), ignore_errors=True)

    def job(self, name, stage, path):
        """An image of a kernel that was laid aside, as mutants_boot.py wants it."""
        shadow = os.path.join(self.kernels, name)
        cpus, plans, words, quiet = stage
        text = ""
        for plan in plans:
            with open(os.path.join(self.tree, plan), encoding="utf-8") as file:
                text += file.read()
        with open(shadow + "/plan", "w", encoding="utf-8") as file:
            file.write(nearest_first(text, path) if path else text)
        subprocess.run(["tools/mkimg.sh", "-b", shadow, "-o", shadow + "/image", "-p",
                        shadow + "/plan", "-c", words], cwd=self.tree, check=True,
                       stdout=subprocess.DEVNULL)
        return {"id": name, "image": shadow + "/image", "cpus": cpus, "quiet": quiet}

    def change(self, mutant):
        """Break the copy; a list of (object, its bytes) as they were."""
        path = os.path.join(self.tree, mutant.file)
        kept = []
        for place in self.users.get(mutant.file, ()):
            with open(place, "rb") as file:
                kept.append((place, file.read()))
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
        lines[mutant.line - 1] = mutant.after
        with open(os.path.join(self.folder, "changed"), "w", encoding="utf-8") as file:
            file.write(mutant.file)
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        return kept

    def undo(self, mutant, kept):
        """The source with its old time, the objects with a new one: no need to compile them."""
        path = os.path.join(self.tree, mutant.file)
        shutil.copy2(os.path.join(self.folder, "original"), path)
        for place, data in kept:
            with open(place, "wb") as file:
                file.write(data)
        if mutant.file in MORE_OBJECTS:
            os.utime(path)
        os.unlink(os.path.join(self.folder, "changed"))

    def prepare(self, mutant):
        """(verdict, by) if the compiler or a host test tells it, or None: it is to be booted."""
        shutil.copy2(os.path.join(self.tree, mutant.file), os.path.join(self.folder, "original"))
        kept = self.change(mutant)
        try:
            status, output = self.build("build/kernel/kernel.elf")
            if status != 0:
                said = re.search(rb"error: ([^\n]*)", output)
                return "not compiled", said.group(1).decode() if said else "no end"
            if self.kernel_hash() == self.clean:
                return "equivalent", "the same machine code"
            by = self.ask_host(mutant.file)
            if by:
                return "not compiled" if by == NO_HOST_BUILD else "killed", by
            self.keep_kernel(mutant.id)
            return None
        finally:
            self.undo(mutant, kept)

    def prove(self):
        """Build the unchanged kernel and ask the host tests. What fails, or None."""
        for target in ("image", "host-test"):
            status, output = self.build(target, seconds=3 * SLOWEST)
            if status != 0:
                return output.decode("utf-8", "replace")[-2000:]
        self.clean = self.kernel_hash()
        self.find_objects()
        self.keep_kernel(UNCHANGED)
        return None


class Yard:
    """Boots what is handed in, stage after stage, while more is handed in."""

    def __init__(self, shop, wrap, turn, stages):
        self.shop, self.wrap, self.turn, self.stages = shop, shlex.split(wrap), turn, stages
        self.jobs = os.path.join(shop.folder, "jobs")
        self.lock = threading.Condition()
        self.waiting = {}  # {name: (stage's number, path of the changed file, job)}
        self.closed = False

    def hand_in(self, name, path, stage=0):
        job = self.shop.job(name, self.stages[stage], path)
        with self.lock:
            self.waiting[name] = (stage, path, job)
            with open(self.jobs, "a", encoding="utf-8") as file:
                file.write(json.dumps(job) + "\n")
            self.lock.notify_all()

    def close(self):
        with self.lock:
            self.closed = True
            self.lock.notify_all()

    def answers(self):
        """Each machine's (name, what failed or None, seconds), until closed and empty."""
        while True:
            with self.lock:
                self.lock.wait_for(lambda: self.waiting or self.closed)
                if not self.waiting:
                    return
                with open(self.jobs, "w", encoding="utf-8") as file:
                    for _, _, job in self.waiting.values():
                        file.write(json.dumps(job) + "\n")
            command = [os.path.join(TOP, "tools/mutants_boot.py"), self.jobs, str(self.turn)]
            with subprocess.Popen(self.wrap + command, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE) as process:
                try:
                    for line in process.stdout:
                        yield from self.take(json.loads(line))
                finally:
                    process.terminate()  # mutants_boot.py ends with it

    def take(self, answer):
        name, by = answer["id"], answer["by"]
        with self.lock:
            stage, path, _ = self.waiting.pop(name)
        if not by and stage + 1 < len(self.stages):
            self.hand_in(name, path, stage + 1)
            return
        self.shop.drop_kernel(name)
        yield name, by, answer["seconds"]


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
    """{(file, before, after): reason}: changes that mean nothing. The file is followed
    by `:` and the function where it has that line more than once."""
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
    parser.add_argument("--turn", type=int, default=300,
                        help="so many seconds of boots behind one --wrap (300)")
    parser.add_argument("--again", action="store_true", help="ask the survivors once more")
    parser.add_argument("--quick", action="store_true", help="two processors, no long plan")
    parser.add_argument("--list", action="store_true", help="show the mutants and stop")
    opts = parser.parse_args()
    build = os.path.abspath(opts.build)
    if opts.list:
        for index, mutant in zip(range(opts.n), drawn(TOP, opts.seed, opts.files)):
            print(f"{index + 1}: {mutant}\n  - {mutant.before.strip()}\n  + {mutant.after.strip()}")
        return 0

    shop = Workshop(build)
    shop.copy(build)
    print("mutants: the unchanged kernel first", flush=True)
    wrong = shop.prove()
    if wrong:
        print(f"mutants: the unchanged kernel fails: {wrong}")
        return 2
    stages = [(cpus, [os.path.abspath(opts.plan)] if opts.plan else plans, words, quiet)
              for cpus, plans, words, quiet in STAGES]
    yard = Yard(shop, opts.wrap, opts.turn, stages[:1] if opts.quick else stages)
    book = Book(os.path.join(shop.folder, "results.jsonl"), opts.n)
    yard.hand_in(UNCHANGED, "")
    builder = threading.Thread(target=fill, args=(shop, yard, book, opts), daemon=True)
    builder.start()
    for name, by, seconds in yard.answers():
        if name == UNCHANGED:
            if by:
                print(f"mutants: the unchanged kernel fails: {by}")
                return 2
            continue
        book.judge(name, by, seconds)
    return 1 if summary(list(book.records.values())) else 0


def fill(shop, yard, book, opts):
    """Draw mutants, build them, ask the host tests; what is left is booted."""
    old, equivalent, judged = read_results(book.path), read_equivalent(), 0
    try:
        for mutant in drawn(shop.tree, opts.seed, opts.files):
            if judged >= opts.n:
                break
            began, record = time.monotonic(), old.get(mutant.id)
            change = mutant.before.strip(), mutant.after.strip()
            reason = equivalent.get((mutant.file, *change)) or \
                equivalent.get((f"{mutant.file}:{mutant.function}", *change))
            found = None
            if reason:
                found = "equivalent", reason
            elif record and not (opts.again and record["verdict"] == "survived"):
                found = record["verdict"], record["by"]
            else:
                record = None
                found = None if shop.has_kernel(mutant.id) else shop.prepare(mutant)
            judged += found is None or found[0] in ("killed", "survived")
            if found:
                book.enter(mutant, *found, time.monotonic() - began, new=not record and not reason)
            else:
                book.boot(mutant)
                yard.hand_in(mutant.id, mutant.file)
    finally:
        yard.close()


class Book:
    """The records, of this run and in the file of all runs."""

    def __init__(self, path, wanted):
        self.path, self.wanted = path, wanted
        self.lock = threading.Lock()
        self.booted = {}  # {name: mutant}
        self.records = {}  # {name: record}

    def boot(self, mutant):
        with self.lock:
            self.booted[mutant.id] = mutant

    def judge(self, name, by, seconds):
        with self.lock:
            mutant = self.booted[name]
        self.enter(mutant, "killed" if by else "survived", by or "", seconds)

    def enter(self, mutant, verdict, by, seconds, new=True):
        with self.lock:
            record = mutant.record(verdict, by, seconds)
            self.records[mutant.id] = record
            if new:
                with open(self.path, "a", encoding="utf-8") as file:
                    file.write(json.dumps(record) + "\n")
            judged = sum(r["verdict"] in ("killed", "survived") for r in self.records.values())
            print(f"{judged}/{self.wanted} {mutant}: {verdict}{' by ' + by if by else ''} "
                  f"[{record['seconds']} s]", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # through every `finally`
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("mutants: stopped; the next run goes on from here")
