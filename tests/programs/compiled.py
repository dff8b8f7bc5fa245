# SPDX-License-Identifier: MIT
"""compiled.py - the programs of compiled/, made by Debian's compilers in a tree of their own

Every source is one program of its name; lines `build NAME: FLAGS` at the top of a C source name
others. The compilers are not part of the tree that the cases run in: they are larger than all else.

Promises: compiled once for the same sources and compilers; a run that was cut short leaves nothing
that a later one takes for complete.
"""
import hashlib
import os
import re
import shutil
import subprocess

import debian_tree

PLACE = "programs/compiled"  # in the tree that is made
SECONDS = 900  # for all of them; Go compiles its own library
COMMANDS = {".go": "go build -o {out} {source}", ".rs": "rustc -O -o {out} {source}",
            ".c": "gcc {flags} -o {out} {source}"}


def commands(name, text):
    """The shell's lines that compile a source."""
    stem, ending = os.path.splitext(name)
    programs = re.findall(r"build ([\w-]+): ([^*\n]*)", text) if ending == ".c" else [(stem, "")]
    return [COMMANDS[ending].format(out="out/" + program, source=name, flags=flags.strip())
            for program, flags in programs]


def compile_all(tree, folder, sources, log):
    """Run the compilers by chroot; a directory with the programs."""
    work = os.path.join(tree, "tmp/compiled")
    shutil.rmtree(work, ignore_errors=True)  # of a run that was cut short
    os.makedirs(os.path.join(work, "out"))
    script = ["set -e", "cd /tmp/compiled", "export PATH=/usr/bin:/bin HOME=/tmp/compiled/home"]
    for name, text in sources:
        shutil.copy(os.path.join(folder, name), work)
        script += commands(name, text)
    with open(os.path.join(work, "build.sh"), "w", encoding="ascii") as file:
        file.write("\n".join(script) + "\n")
    enter = debian_tree.DEVICES + "exec chroot . /bin/sh -x /tmp/compiled/build.sh\n"
    with open(log, "wb") as out:
        done = subprocess.run([*debian_tree.namespaces(), "/bin/sh", "-c", enter], check=False,
                              cwd=tree, stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.STDOUT, timeout=SECONDS)
    if done.returncode:
        raise debian_tree.Failure(f"the compiled programs could not be made; the log is {log}")
    return os.path.join(work, "out")


def make(build, folder):
    """The directory of a tree with the programs, from an earlier run where nothing has changed."""
    packages = debian_tree.read_packages(os.path.join(folder, "packages.txt"))
    compilers = debian_tree.make_tree(build, packages)
    sources = []
    for name in sorted(os.listdir(folder)):
        if os.path.splitext(name)[1] in COMMANDS:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                sources.append((name, file.read()))
    key = hashlib.sha256(repr((os.path.basename(compilers), sources, COMMANDS)).encode())
    base = os.path.join(os.path.realpath(build), "compiled")
    tree = os.path.join(base, key.hexdigest()[:16])
    os.makedirs(base, exist_ok=True)
    with debian_tree.locked(base):
        if not os.path.isdir(tree):
            print("compiled.py: compiling the programs of compiled/", flush=True)
            made = compile_all(compilers, folder, sources, os.path.join(base, "log"))
            shutil.rmtree(tree + ".new", ignore_errors=True)
            os.makedirs(os.path.dirname(os.path.join(tree + ".new", PLACE)))
            shutil.copytree(made, os.path.join(tree + ".new", PLACE))
            shutil.rmtree(os.path.dirname(made))
            os.rename(tree + ".new", tree)
    return tree
