#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random system calls from many seeds, in few boots.

    fuzz_boots.py -b BUILD [--seeds 1-10,77] [--calls N] [--cpus N,N...] [--per-boot N]

Every seed is a line of a plan (stress/fuzz_syscalls.c). A boot has passed when the kernel
lived, every seed came to its end, and nothing was lost: the leak check of every test. What went
wrong is said with its seed, and the log of that boot is kept beside the build.
Exit status: 0 when all boots passed.
"""
import argparse
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOOLS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools")

SECONDS_PER_1000 = 12  # of calls: ten times what a busy machine takes


def seeds_of(text):
    """[1, 2, 3, 77] for "1-3,77"; blanks separate like commas."""
    seeds = []
    for part in text.replace(",", " ").split():
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def boot(args, seeds, cpus):
    """True when it passed."""
    limit = 10 + args.calls * SECONDS_PER_1000 // 1000
    plan = "".join(f"test fuzz-{seed} limit={limit} /bin/t/fuzz_syscalls {seed} {args.calls}\n"
                   for seed in seeds)
    with tempfile.TemporaryDirectory() as work:
        image, listing = os.path.join(work, "fuzz.img"), os.path.join(work, "plan")
        with open(listing, "w", encoding="ascii") as file:
            file.write(plan)
        subprocess.run([os.path.join(TOOLS, "mkimg.sh"), "-b", args.build, "-p", listing,
                        "-o", image], check=True, stdout=subprocess.DEVNULL)
        done = subprocess.run([os.path.join(TOOLS, "run.sh"), "-s", str(cpus),
                               "-t", str(60 + limit * len(seeds)), image],
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
    log = (done.stdout + done.stderr).decode("utf-8", "replace")
    if done.returncode == 0:
        return True
    name = os.path.join(args.build, f"fuzz-{seeds[0]}-{seeds[-1]}-cpus{cpus}.log")
    with open(name, "w", encoding="utf-8") as file:
        file.write(log)
    for line in log.splitlines():
        if line.startswith("not ok") or "PANIC:" in line or line.startswith("run.sh:"):
            print(f"    {line}")
    print(f"    the log: {name}")
    return False


def main():
    """See the top."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-b", "--build", default="build")
    parser.add_argument("--seeds", default="1-10")
    parser.add_argument("--calls", type=int, default=100000)
    parser.add_argument("--cpus", default="1,4")
    parser.add_argument("--per-boot", type=int, default=10)
    args = parser.parse_args()

    passed = failed = 0
    seeds = seeds_of(args.seeds)
    for cpus in args.cpus.split(","):
        for i in range(0, len(seeds), args.per_boot):
            some = seeds[i:i + args.per_boot]
            print(f"fuzz-syscalls: seeds {some[0]} to {some[-1]}, {args.calls} calls each, "
                  f"{cpus} processors", flush=True)
            good = boot(args, some, cpus)
            passed, failed = passed + good, failed + (not good)
    print(f"fuzz-syscalls: {passed} boots passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
