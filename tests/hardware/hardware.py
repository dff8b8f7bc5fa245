#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hardware.py - what Debian's programs find in a machine: under Linux and under Firstlight

Usage: hardware.py --work DIR [-b BUILD] [-s CPUS] [-m MEM] [--machine q35|pc] [--linux-only]
                   [--show] [CASE]...

The same QEMU machine, with the same firmware and disk, starts Debian's own kernel (-kernel, with
an initramfs of the programs) and Firstlight. Every case of cases.txt runs under both, as root; what
it prints and how it ends has to be the same. What Linux printed is kept for the next run.

Ends with `hardware: N passed, N failed`; exit status 0 only where none failed.
"""
import argparse
import difflib
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(TOP, folder) for folder in ("tests/bench", "tests/programs",
                                                         "tests/user", "tools")]
import cases as case_files  # noqa: E402  (found by the paths above)
import compare_output  # noqa: E402
import debian_tree  # noqa: E402
import linux as linux_kernel  # noqa: E402
import machine  # noqa: E402
import mkcpio  # noqa: E402

PLACE = "hardware"  # the scripts, in the root of either system
MODULES = ("msr.ko", "cpuid.ko", "efivarfs.ko")  # Debian's kernel has these outside of itself
WORDS = "console=ttyS0 quiet panic=-1 pcie_ports=compat"  # no driver for ports
FIRSTLIGHT_SECONDS = 600
# Something behind a PCI Express port, and something behind an old bridge. No ROM: Linux finds
# places for those that the firmware left without one.
BRIDGES = ["-device", "pcie-root-port,id=express,chassis=1",
           "-device", "e1000e,bus=express,romfile=",
           "-device", "i82801b11-bridge,id=bridge",
           "-device", "e1000,bus=bridge,addr=1,romfile="]

# What runs as the first program under Linux. A tmpfs is the root, as it is in Firstlight.
INIT = """#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do insmod $module; done
mount -t efivarfs -o ro efivarfs /sys/firmware/efi/efivars
cd /
echo "@@@ start"
for case in /%s/*; do
    echo "@@@ begin ${case##*/}"
    /bin/dash $case </dev/null >/out 2>&1
    status=$?
    cat /out
    echo
    echo "@@@ end $status"
done
echo "@@@ all"
poweroff -f
""" % PLACE


def read_cases():
    """{name: (expected exit status, script)} in the order of their names."""
    with open(os.path.join(HERE, "cases.txt"), encoding="utf-8") as file:
        found = {name: (int(options.get("exit", "0")), body)
                 for name, options, body in case_files.blocks_of(file.read())}
    return dict(sorted(found.items()))


def lay_out(cases, folder):
    """The scripts as a tree to be laid over either root."""
    place = os.path.join(folder, PLACE)
    os.makedirs(place)
    for name, (_, body) in cases.items():
        with open(os.path.join(place, name), "w", encoding="utf-8") as file:
            file.write(body)


def unpack_modules(package, folder):
    """The modules of the package that MODULES names."""
    archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", folder, "--wildcards"] +
                   [f"*/{name}" for name in MODULES], stdin=archive.stdout, check=True)
    archive.wait()
    for root, _, names in os.walk(folder):
        yield from (os.path.join(root, name) for name in names if name in MODULES)


def write_initramfs(trees, modules, path):
    """busybox, the programs, the scripts, the modules."""
    overlay = mkcpio.Overlay()
    overlay.add_skeleton()
    overlay.add_busybox(linux_kernel.BUSYBOX)
    for tree in trees:
        overlay.add_tree(tree, keep_modes=True)
    overlay.put_dir("modules", 0o755, "modules")
    for module in modules:
        overlay.put("modules/" + os.path.basename(module),
                    mkcpio.Node(stat.S_IFREG | 0o644, source=module), module)
    with tempfile.NamedTemporaryFile("w", suffix=".init") as init:
        init.write(INIT)
        init.flush()
        overlay.put("init", mkcpio.Node(stat.S_IFREG | 0o755, source=init.name), "init")
        overlay.put("dev/console", mkcpio.Node(stat.S_IFCHR | 0o600, rdev=os.makedev(5, 1)), "dev")
        with open(path, "wb") as out:
            mkcpio.write_archive(overlay, out, mkcpio.FIXED_TIME)


def parse_linux(text):
    """{name: (exit status, lines)} of what Linux's machine printed."""
    found = {}
    for match in re.finditer(r"^@@@ begin (\S+)\n(.*?)\n@@@ end (\d+)\n", text, re.M | re.S):
        lines = compare_output.shown(match.group(2).encode("utf-8", "replace"))
        while lines and not lines[-1]:
            lines.pop()
        found[match.group(1)] = (int(match.group(3)), lines)
    return found


class Comparison:
    """One machine, started twice."""

    def __init__(self, opts, cases):
        self.opts = opts
        self.cases = cases
        self.image = os.path.join(opts.work, "hardware.img")
        names = debian_tree.read_packages(os.path.join(HERE, "packages.txt"))
        self.tree = debian_tree.make_tree(opts.build, names)
        self.scripts = os.path.join(opts.work, "scripts")
        subprocess.run(["rm", "-rf", self.scripts], check=True)
        lay_out(cases, self.scripts)

    def machine(self, extra=()):
        """The machine that both kernels get."""
        words = ["-machine", f"{self.opts.machine},memory-backend=ram"] + \
            (BRIDGES if self.opts.machine == "q35" else []) + self.opts.extra
        return machine.Machine(self.image, memory=self.opts.memory, cpus=self.opts.cpus,
                               timeout=FIRSTLIGHT_SECONDS, extra=words + list(extra))

    def make_image(self):
        """The disk: the plan has a line for each case."""
        plan = os.path.join(self.opts.work, "plan.txt")
        with open(plan, "w", encoding="utf-8") as file:
            for name, (status, _) in self.cases.items():
                file.write(f"test {name} limit=120 expect=exit:{status} "
                           f"/bin/dash /{PLACE}/{name}\n")
        subprocess.run([os.path.join(TOP, "tools/mkimg.sh"), "-b", self.opts.build, "-o",
                        self.image, "-p", plan, "-r", self.tree, "-r", self.scripts,
                        "-c", "dma=keep"],  # Linux's drivers take bus mastering, too
                       check=True, stdout=subprocess.DEVNULL)

    def run_linux(self):
        """{name: (exit status, lines)}, from an earlier run where nothing has changed."""
        package = linux_kernel.kernel_package(self.opts.build)
        arguments = self.machine().arguments("qmp")
        key = hashlib.sha256("\n".join([package, self.tree, INIT, json.dumps(self.cases)] +
                                       arguments).encode()).hexdigest()
        kept = os.path.join(self.opts.work, "linux.json")
        if os.path.exists(kept):
            with open(kept, encoding="utf-8") as file:
                old = json.load(file)
            if old["key"] == key:
                return old["found"]
        with tempfile.TemporaryDirectory(prefix="hardware-") as folder:
            initramfs = os.path.join(folder, "initramfs")
            write_initramfs([self.tree, self.scripts], unpack_modules(package, folder), initramfs)
            kernel = linux_kernel.unpack_kernel(package, folder)
            more = ["-kernel", kernel, "-initrd", initramfs, "-append", WORDS]
            text = linux_kernel.run_until(self.machine(more).arguments(folder + "/qmp"),
                                          r"^@@@ all$")
        with open(os.path.join(self.opts.work, "linux.log"), "w", encoding="utf-8") as file:
            file.write(text)
        found = parse_linux(text)
        with open(kept, "w", encoding="utf-8") as file:
            json.dump({"key": key, "found": found}, file)
        return found

    def run_firstlight(self):
        """{name: Result}."""
        outcome = self.machine().run()
        with open(os.path.join(self.opts.work, "firstlight.log"), "w", encoding="utf-8") as file:
            file.write(outcome.log)
        print(f"Firstlight: {outcome.message}")
        return {result.name: result for result in outcome.report.results}


def judge(name, want, result):
    """Whether both printed the same; shows what differs."""
    if result is None:
        print(f"FAILED {name}: no result")
        return False
    got = [line.rstrip("\r") for line in result.output]
    while got and not got[-1]:
        got.pop()
    if result.passed and got == want[1]:
        return True
    print(f"FAILED {name}: {'ok' if result.passed else 'not ok'} {result.note}")
    for line in list(difflib.unified_diff(want[1], got, "linux", "firstlight", lineterm="",
                                          n=1))[:60]:
        print(f"    {line}")
    return False


def main():
    """See the top."""
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--work", default=os.path.join(TOP, "build/hardware"))
    args.add_argument("-b", dest="build", default=os.path.join(TOP, "build"))
    args.add_argument("-m", dest="memory", default="512M")
    args.add_argument("-s", dest="cpus", type=int, default=2)
    args.add_argument("--machine", default="q35")
    args.add_argument("--linux-only", action="store_true")
    args.add_argument("--show", action="store_true", help="print what Linux printed")
    args.add_argument("--extra", default=[], action="append", help="words for QEMU")
    args.add_argument("case", nargs="*")
    opts = args.parse_args()
    opts.extra = [word for words in opts.extra for word in words.split()]
    cases = {name: case for name, case in read_cases().items()
             if not opts.case or name in opts.case}
    if not cases:
        sys.exit("hardware.py: no such case")
    os.makedirs(opts.work, exist_ok=True)
    both = Comparison(opts, cases)
    both.make_image()
    oracle = both.run_linux()
    good = {}
    for name, (status, _) in cases.items():
        if name in oracle and oracle[name][0] == status:
            good[name] = oracle[name]
        else:
            print(f"FAILED {name}: on Linux {oracle.get(name, 'no result')}")
        if opts.show and name in oracle:
            print(f"== {name}: {oracle[name][0]}", *oracle[name][1], sep="\n")
    if opts.linux_only:
        passed = len(good)
    else:
        results = both.run_firstlight()
        passed = sum(judge(name, good[name], results.get(name)) for name in good)
    print(f"hardware: {passed} passed, {len(cases) - passed} failed")
    return 0 if passed == len(cases) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, RuntimeError, subprocess.CalledProcessError) as err:
        sys.exit(f"hardware.py: {type(err).__name__}: {err}")
