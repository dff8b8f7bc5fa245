# SPDX-License-Identifier: MIT
"""compare.py - one table: what an operation costs on Linux and on Firstlight, in instructions

Both run the same benchmark in the same QEMU with one processor and `-icount shift=0`, so that a
tick of the time stamp counter is one instruction. Linux is started directly (linux.py), Firstlight
by its firmware, as always.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TOP, "tools")]
import linux  # noqa: E402  (found by the paths above)
import machine  # noqa: E402

# `rep` instructions are slow steps for software emulation, where hardware has microcode: without
# these two flags neither kernel uses them for copies.
COUNTING = ["-icount", "shift=0,sleep=off", "-cpu", "max,-erms,-fsrm"]
MEMORY = "512M"
PLAN = "test bench limit=600 /bin/bench all\n"
TARGET, BOOT_TARGET = 0.5, 0.02
# name in the benchmark's output, name for people, at most so many instructions: a regression is
# noticed without the peer
ROWS = [
    ("getppid", "null system call", 122),
    ("read_zero", "read 1 byte of /dev/zero", 330),
    ("write_null", "write 1 byte to /dev/null", 265),
    ("stat", "stat", 1_650),
    ("open_close", "open + close", 2_400),
    ("mmap_touch_munmap", "mmap + touch + munmap", 4_300),
    ("mprotect", "mprotect", 1_650),
    ("page_fault", "page fault", 860),
    ("fork_exit_wait", "fork + exit + wait", 35_500),
    ("vfork_exec_wait", "vfork + exec + wait", 48_000),
    ("spawn_shell", "spawn of sh -c :", 232_000),
    ("pipe_round_trip", "pipe round trip", 3_900),
    ("unix_round_trip", "AF_UNIX round trip", 5_000),
    ("tcp_round_trip", "TCP loopback round trip", 4_900),
    ("yield_round_trip", "sched_yield round trip", 1_210),  # of SCHED_FIFO
    ("signal_install", "signal install", 253),
    ("signal_delivery", "signal delivery", 1_920),
    ("pipe_64k", "64 KiB through a pipe", 19_000),
    ("file_64k", "64 KiB from a file", 9_100),
    ("poll_100", "poll on 100 descriptors", 6_600),
    ("select_100", "select on 100 descriptors", 6_650),
    ("epoll_100", "epoll_wait, one of 100 ready", 440),
    ("eventfd", "eventfd write + read", 770),
]
# Instructions from the loader's entry on. While the firmware waits for the disk it counts, too, and
# a busy host's disk is slow: the fastest of a few boots is the one that says something. Reading
# takes about 9 for each byte of kernel and archive.
BOOT_LIMIT, BOOTS = 18_000_000, 5
BOOT_PLAN = "test minimal /bin/minimal\n"
LINE = re.compile(r"bench (\w+) (?:ticks=(\d+) n=(\d+) overhead=(\d+)|(missing|failed.*))")


def read_lines(lines):
    """{name: instructions of one operation, or the word why there are none}."""
    found = {}
    for words in filter(None, map(LINE.fullmatch, lines)):
        name, ticks, count, overhead, why = words.groups()
        found[name] = why or (int(ticks) - int(overhead)) / int(count)
    return found


def linux_numbers(build):
    """(package, numbers), the time from the kernel's first instruction to init's among them."""
    command = [machine.QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
               "-machine", "q35", "-m", MEMORY, "-smp", "1", "-vga", "std", "-accel", "tcg",
               "-serial", "stdio"] + COUNTING
    benchmark = os.path.join(build, "user/rootfs/usr/bin/bench")
    package, lines = linux.numbers(os.path.join(build, "bench"), benchmark, command)
    found = read_lines(lines)
    found["boot"] -= found.pop("linux_entry")
    return package, found


def small_build(build, folder):
    """A build with the benchmark alone: the peer's initramfs holds no test programs either."""
    small = os.path.join(folder, "build")
    os.makedirs(os.path.join(small, "user/rootfs/usr/bin"))
    for name in ("kernel", "efi"):
        os.symlink(os.path.join(os.path.abspath(build), name), os.path.join(small, name))
    for name in ("bench", "minimal"):  # copies: a link in the tree would be one in the image
        path = os.path.join("user/rootfs/usr/bin", name)
        shutil.copy(os.path.join(build, path), os.path.join(small, path))
    return small


def firstlight_numbers(build, folder, text=PLAN):
    """(numbers, stamps) of one run."""
    plan, image = os.path.join(folder, "plan.txt"), os.path.join(folder, "bench.img")
    with open(plan, "w", encoding="ascii") as file:
        file.write(text)
    subprocess.run([os.path.join(TOP, "tools/mkimg.sh"), "-b", small_build(build, folder),
                    "-o", image, "-p", plan],
                   check=True, stdout=subprocess.DEVNULL)
    host = machine.Machine(image, memory=MEMORY, timeout=900, accel="tcg", extra=COUNTING)
    outcome = host.run()
    log = os.path.join(build, "bench/firstlight.log")
    with open(log, "w", encoding="utf-8") as file:
        file.write(outcome.log)
    stamps = {}
    for line in outcome.report.kernel_lines:
        if "firstlight: stamp" in line:
            stamps.update((key, int(value)) for key, value in re.findall(r"(\w+)=(\d+)", line))
    result = outcome.report.result("bench")
    lines = result.output if result else re.findall(r"(?m)^#: (bench .*)$", outcome.log)
    if outcome.code != machine.PASS:
        print(f"firstlight: {outcome.message}; see {log}")
    found = read_lines(lines)
    if "first_ring3" in stamps:
        found["boot"] = stamps["first_ring3"] - stamps["loader_entry"]
    return found, stamps


def limit_of(name, limit):
    """Most of a shell's instructions are its own: those of Debian 13's are twice Debian 12's."""
    if name != "spawn_shell":
        return limit
    version = subprocess.run(["busybox"], capture_output=True, text=True, check=False).stdout
    return limit if version.startswith("BusyBox v1.35.") else 2 * limit


def within_limits(build):
    """Firstlight alone against the limits; prints every row. Whether all are kept."""
    os.makedirs(os.path.join(build, "bench"), exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-firstlight-") as folder:
        own, _ = firstlight_numbers(build, folder)
    for _ in range(1, BOOTS):
        if own.get("boot", 0) <= BOOT_LIMIT:
            break
        print(f"boot to the first program: {own['boot']:,} by a slow disk or a fault, once more")
        with tempfile.TemporaryDirectory(prefix="bench-firstlight-") as folder:
            again, _ = firstlight_numbers(build, folder, BOOT_PLAN)
        own["boot"] = min(own["boot"], again.get("boot", own["boot"]))
    good = True
    for name, title, limit in ROWS + [("boot", "boot to the first program", BOOT_LIMIT)]:
        value, limit = own.get(name), limit_of(name, limit)
        kept = isinstance(value, (float, int)) and value <= limit
        good &= kept
        print(f"{title:44} {shown(value):>14} {limit:12,} {'ok' if kept else 'TOO MANY'}")
    return good


def shown(value):
    """A number with separators, or the word."""
    if value is None:
        return "no result"
    return value if isinstance(value, str) else f"{value:,.0f}"


def row(title, peer, own, target):
    """Print one row; 'good', 'above' or 'missing'."""
    if isinstance(peer, float | int) and isinstance(own, float | int) and peer > 0:
        ratio = own / peer
        verdict = "good" if ratio <= target else "above"
        text = f"{ratio:.3f}" + ("" if verdict == "good" else f"  ABOVE {target}")
    else:
        verdict, text = "missing", "-  MISSING"
    print(f"{title:28} {shown(peer):>15} {shown(own):>15} {text:>8}")
    return verdict


def compare(build):
    """The table. 0 if every row has a number, 1 otherwise; a row above its target is marked."""
    os.makedirs(os.path.join(build, "bench"), exist_ok=True)
    package, peer = linux_numbers(build)
    with tempfile.TemporaryDirectory(prefix="bench-firstlight-") as folder:
        own, stamps = firstlight_numbers(build, folder)
    print(f"instructions, one processor, {MEMORY}; Linux: {package.partition('_')[0]}")
    print(f"{'operation':28} {'Linux':>15} {'Firstlight':>15} {'ratio':>8}")
    verdicts = [row(title, peer.get(name), own.get(name), TARGET) for name, title, _ in ROWS]
    verdicts.append(row("boot to the first program", peer.get("boot"), own.get("boot"),
                        BOOT_TARGET))
    if stamps:
        loader = stamps["kernel_entry"] - stamps["loader_entry"]
        kernel = stamps["first_ring3"] - stamps["kernel_entry"]
        print(f"  of it the loader {loader:,} (some per cent differ from run to run: the disk), "
              f"the kernel {kernel:,}; exactly {kernel - stamps['clock_wait']:,} without its wait "
              f"for a clock")
    count = {word: verdicts.count(word) for word in ("good", "above", "missing")}
    print(f"bench: {count['good']} rows at or below the target, {count['above']} above, "
          f"{count['missing']} without a number")
    return 1 if count["missing"] else 0
