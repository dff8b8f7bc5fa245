# SPDX-License-Identifier: MIT
"""cases.py - what runs: the scripts of this folder, each with the programs that run it

A case is one command with a name, an expected exit status and a limit. Where they come from:

    shell/NAME.test  under busybox, dash and bash: NAME.busybox, NAME.dash, NAME.bash
    bash/NAME.test   under bash alone
    awk/NAME.awk     under mawk and gawk; reads awk/input.txt
    lua/NAME.lua  perl/NAME.pl  python/NAME.py    one case each: NAME.lua, NAME.perl, NAME.python
    ruby/NAME.rb     NAME.ruby        node/NAME.js     NAME.node
    suite/modules.txt  names of modules of CPython's own tests, run by suite/run.py: NAME.suite
    stress/left_out.txt  of stress-ng's stressors, which it names itself, those that do not run, and
                     why; the others, each for a second: NAME.stress
    make/NAME.make   make -f in the case's directory: NAME.make
    tour/GROUP.txt   many short ones, run by dash: GROUP.NAME. A block begins with `== NAME`
    compiled/        sources of programs that blocks of tours run as /programs/compiled/NAME

Every command gets the case's own empty directory as its first argument (make: by -C). Words in
a comment at the top of a script, or behind the name of a block, change what is expected:
`exit=N`, `signal=SIGNAME`, `limit=SECONDS`, and `root=yes` where Linux demands real root.
"""
import fnmatch
import os
import re
import subprocess

LIMIT = 60
SCRATCH = "/w"  # each case has a directory below
PLACE = "/programs"  # where this folder's scripts are in the root filesystem
SCRIPTS = ("shell", "bash", "awk", "lua", "perl", "python", "ruby", "node", "suite", "stress",
           "make")
NOT_AS_ROOT = ("exec", "spawn")  # stress/run.sh gives them another user
SHELLS = {"busybox": ["/bin/busybox", "sh"], "dash": ["/bin/dash"], "bash": ["/bin/bash"]}
AWKS = {"mawk": ["/usr/bin/mawk", "-f"], "gawk": ["/usr/bin/gawk", "-f"]}


class Case:
    """One command and what is to become of it."""

    def __init__(self, name, command, options):
        self.name = name
        self.command = command
        self.limit = int(options.get("limit", LIMIT))
        self.root = "root" in options  # a user namespace is not enough
        self.compiled = False  # it runs programs that are compiled for it
        self.expect = "exit:" + options.get("exit", "0")
        if "signal" in options:
            self.expect = "signal:" + options["signal"]

    def plan_line(self):
        """The line of the plan."""
        words = " ".join(quote(word) for word in self.command)
        return f"test {self.name} limit={self.limit} expect={self.expect} {words}\n"

    def chosen(self, words):
        """Whether one of the words names it: the whole name, a part between dots, a pattern."""
        return not words or any(word in self.name.split(".") or fnmatch.fnmatch(self.name, word)
                                for word in words)


def quote(word):
    """A word as the plan's grammar wants it."""
    if re.fullmatch(r"[\w./+:=-]+", word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def options_of(text):
    """The options in the first comment lines of a script, or behind a block's name."""
    return dict(re.findall(r"\b(exit|signal|limit|root)=(\w+)", text))


def head_of(text):
    """The comment lines at the top."""
    lines = []
    for line in text.splitlines():
        if not line.startswith(("#", "--", "//")):
            break
        lines.append(line)
    return "\n".join(lines)


def blocks_of(text):
    """(name, options, text) of each block of a tour; lines before the first are a comment."""
    for block in re.split(r"(?m)^== ", text)[1:]:
        head, _, body = block.partition("\n")
        yield head.split()[0], options_of(head), body.rstrip("\n") + "\n"


def scripts(top, folder, ending):
    """(name, path, options) of the scripts of a folder, in order."""
    base = os.path.join(top, folder)
    for name in sorted(os.listdir(base)):
        if name.endswith(ending):
            with open(os.path.join(base, name), encoding="utf-8") as file:
                yield (name[:-len(ending)], f"{PLACE}/{folder}/{name}",
                       options_of(head_of(file.read())))


def stressors(top, tree):
    """The names of the stressors that stress-ng has, without those that are left out."""
    if not os.path.exists(os.path.join(tree, "usr/bin/stress-ng")):
        return []
    libraries = os.path.join(tree, "usr/lib/x86_64-linux-gnu")
    loader = os.path.join(libraries, "ld-linux-x86-64.so.2")
    said = subprocess.run([loader, "--library-path", libraries,
                           os.path.join(tree, "usr/bin/stress-ng"), "--stressors"],
                          capture_output=True, text=True, check=True).stdout.split()
    left_out = {line.split()[0] for line in read_text(top, "stress/left_out.txt").splitlines()
                if line.strip() and not line.startswith("#")}
    return [name for name in said if name not in left_out]


def all_cases(top, tree):
    """Every case of the folder `top`; the tree has the programs."""
    found = []

    def add(name, command, options):
        found.append(Case(name, command + [f"{SCRATCH}/{name}"], options))

    for name, path, options in scripts(top, "shell", ".test"):
        for shell, command in SHELLS.items():
            add(f"{name}.{shell}", command + [path], options)
    for name, path, options in scripts(top, "bash", ".test"):
        add(f"{name}.bash", SHELLS["bash"] + [path], options)
    for group in sorted(os.listdir(os.path.join(top, "tour"))):
        group = group.removesuffix(".txt")
        for name, options, body in blocks_of(read_text(top, "tour", group + ".txt")):
            add(f"{group}.{name}", SHELLS["dash"] + [f"{PLACE}/tour/{group}/{name}"], options)
            found[-1].compiled = f"{PLACE}/compiled/" in body
    for name, path, options in scripts(top, "awk", ".awk"):
        for awk, command in AWKS.items():
            found.append(Case(f"{name}.{awk}", command + [path, f"{PLACE}/awk/input.txt"],
                              options))
    for name, path, options in scripts(top, "lua", ".lua"):
        add(f"{name}.lua", ["/usr/bin/lua5.4", path], options)
    for name, path, options in scripts(top, "perl", ".pl"):
        add(f"{name}.perl", ["/usr/bin/perl", path], options)
    for name, path, options in scripts(top, "python", ".py"):
        add(f"{name}.python", ["/usr/bin/python3", path], options)
    for name, path, options in scripts(top, "ruby", ".rb"):
        add(f"{name}.ruby", ["/usr/bin/ruby", path], options)
    for name, path, options in scripts(top, "node", ".js"):
        add(f"{name}.node", ["/usr/bin/node", path], options)
    for line in read_text(top, "suite/modules.txt").splitlines():
        if line and not line.startswith("#"):
            name = line.split()[0]
            options = options_of(line)
            add(f"{name}.suite", ["/usr/bin/python3", f"{PLACE}/suite/run.py", name,
                                  options["limit"]], options)
    for name in stressors(top, tree):
        add(f"{name}.stress", SHELLS["dash"] + [f"{PLACE}/stress/run.sh", name],
            {"root": "yes"} if name in NOT_AS_ROOT else {})
    for name, path, options in scripts(top, "make", ".make"):
        add(f"{name}.make", ["/usr/bin/make", "-f", path, "-C"], options)
    names = [case.name for case in found]
    double = {name for name in names if names.count(name) > 1}
    if double:
        raise ValueError(f"two cases of one name: {sorted(double)}")
    return found


def read_text(*path):
    """A file's text."""
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def lay_out(top, tree, cases):
    """Write the scripts of all cases and their empty directories below `tree`."""
    place = os.path.join(tree, PLACE.lstrip("/"))
    for folder in SCRIPTS:
        os.makedirs(os.path.join(place, folder))
        for name in os.listdir(os.path.join(top, folder)):
            write_file(os.path.join(place, folder, name), read_text(top, folder, name))
    for group in os.listdir(os.path.join(top, "tour")):
        folder = os.path.join(place, "tour", group.removesuffix(".txt"))
        os.makedirs(folder)
        for name, _, body in blocks_of(read_text(top, "tour", group)):
            # -e is not set: what a block's last command says is its exit status.
            write_file(os.path.join(folder, name), 'cd "$1" || exit 99\n' + body)
    for case in cases:
        os.makedirs(os.path.join(tree, SCRATCH.lstrip("/"), case.name))


def write_file(path, text):
    """A file that programs only read."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o644)
