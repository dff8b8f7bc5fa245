# SPDX-License-Identifier: MIT
"""The program that looks at the machine (rootfs/usr/src/check/) and the plans that people get.

Most of it runs here, on Linux; tests/user/checks.plan is the rest, on both.
"""
import os
import re
import signal
import struct
import subprocess
import time

import pytest

import machine
from conftest import BUILD, TOP, plans, run
from keys import converse
from test_end import RESETS

CHECK = os.path.join(BUILD, "user/rootfs/usr/bin/check")
PASSED, FAILED, SKIPPED = 0, 1, 4
UNITS = ("integer divide x87 sse-integer sse-float popcount crc32 clmul aes avx-float fma "
         "avx2-integer bmi2 sha avx512-integer avx512-float").split()
DEFAULT_SECONDS = 60  # on one emulated processor with 256 MiB


def check(*args):
    """(exit status, output)"""
    done = run(CHECK, *args)
    return done.returncode, done.stdout


def has_units():
    """Those of this machine's processors."""
    status, text = check("cpu", "--rounds=1")
    assert status == PASSED, text
    return re.search(r"^processor \d+(?: and all like it)?: (.*)$", text, re.M).group(1).split()


def test_every_unit_is_seen_to_fail():
    """By a bit of its answer on the last processor, which is named."""
    found = has_units()
    assert set(UNITS[:5]) <= set(found) <= set(UNITS)
    last = max(os.sched_getaffinity(0))
    for unit in UNITS:
        status, text = check("cpu", "--rounds=1", f"--fault={unit}@7")
        assert status == (FAILED if unit in found else PASSED), text
        if unit in found:
            assert re.search(rf"^processor {last} \(APIC id 0x[0-9a-f]+.*\): {unit} gives "
                             r".*: bits 0000000000000080$", text, re.M), text


def test_units_follow_the_processor(boot, mkimg):
    """An older model runs without the newer instructions, and says so."""
    for cpu, units in (("qemu64", UNITS[:5]), ("Nehalem", UNITS[:7])):
        outcome = boot(mkimg(plan="test cpu limit=60 /bin/check cpu\n"), cpu=cpu)
        assert outcome.code == machine.PASS, outcome.message
        assert outcome.report.result("cpu").output[-1] == "processor 0: " + " ".join(units)


def item(kind, handle, body, *strings):
    """One structure of SMBIOS."""
    text = b"".join(s.encode() + b"\0" for s in strings) or b"\0"
    return struct.pack("<BBH", kind, len(body) + 4, handle) + body + text + b"\0"


def module(handle, mib, place):
    """Type 17, as of SMBIOS 2.8; size 0: an empty socket."""
    body = struct.pack("<HHHHHBBBBBHHBBBBBIH", 0x1000, 0xFFFE, 64, 64, mib, 9, 0, 1, 2, 26, 0,
                       3200, 3, 4, 0, 5, 0, 0, 3200)
    return item(17, handle, body, place, "BANK 0", "Maker", f"S-{place}", "PART-1")


ARRAY = item(19, 0x1100, struct.pack("<IIHBQQ", 0, (4 << 20) - 1, 0x1000, 2, 0, 0))
END = item(127, 0x7F00, b"")


def tables(tmp_path, *items):
    path = tmp_path / "DMI"
    path.write_bytes(b"".join(items))
    return f"--dmi={path}"


STUCK = ["memory", "--size=1M", "--patterns=solid", "--fault=stuck:0x2ff8:0x2010:5:1"]


def test_error_is_named(tmp_path):
    """A wrong word with its bits, its physical address, its module, and lines for boot loaders."""
    if not physical_known():
        pytest.skip("not here: page numbers are not shown to us")
    dmi = tables(tmp_path, module(0x1001, 2048, "DIMM A"), module(0x1002, 0, "DIMM B"),
                 item(19, 0x1100, struct.pack("<IIHBQQ", 0xFFFFFFFF, 0, 0x1000, 2, 0, 1 << 52)),
                 END)
    status, text = check(*STUCK, dmi)
    assert status == FAILED
    line = re.search(r"^solid: wrote ([0-9a-f]{16}), read ([0-9a-f]{16}), wrong bits "
                     r"0000000000000020, read again \2, at physical 0x([0-9a-f]+), module "
                     r"DIMM A BANK 0 \(Maker PART-1, serial number S-DIMM A\), by processor \d+ "
                     r"\(APIC id", text, re.M)
    assert line, text
    assert int(line.group(1), 16) ^ int(line.group(2), 16) == 0x20
    pages = set()
    for kib, start in re.findall(r"^memmap=(\d+)K\$0x([0-9a-f]+)$", text, re.M):
        pages |= {int(start, 16) // 4096 + n for n in range(int(kib) // 4)}
    masked = set()
    for start, mask in re.findall(r"^badram 0x([0-9a-f]{16}),0x([0-9a-f]{16})$", text, re.M):
        size = -(int(mask, 16) - (1 << 64))
        assert int(start, 16) % size == 0
        masked |= {int(start, 16) // 4096 + n for n in range(size // 4096)}
    assert len(pages) == 4 and pages == masked, "0x2ff8 to 0x5008 lies in four pages"
    assert int(line.group(3), 16) // 4096 in pages
    assert re.search(r"bits that were wrong: 0000000000000020$", text, re.M)


def physical_known():
    """Whether Linux tells page numbers to us."""
    return "at physical 0x" in check(*STUCK)[1]


def test_modules_by_address(tmp_path):
    """Type 20 names one module; without it, all populated ones of the array are possible."""
    if not physical_known():
        pytest.skip("not here: page numbers are not shown to us")
    both = [module(0x1001, 2048, "DIMM A"), module(0x1002, 2048, "DIMM B")]
    everything = item(19, 0x1100, struct.pack("<IIHBQQ", 0xFFFFFFFF, 0, 0x1000, 2, 0, 1 << 52))
    second = item(20, 0x1200, struct.pack("<IIHHBBBQQ", 0xFFFFFFFF, 0, 0x1002, 0x1100, 1, 0, 0, 0,
                                          1 << 52))
    assert "module DIMM A BANK 0 (Maker PART-1, serial number S-DIMM A) or DIMM B" in \
        check(*STUCK, tables(tmp_path, *both, everything, END))[1]
    assert "module DIMM B BANK 0 (" in \
        check(*STUCK, tables(tmp_path, *both, everything, second, END))[1]
    nowhere = item(19, 0x1100, struct.pack("<IIHBQQ", 0, 1, 0x1000, 2, 0, 0))
    assert "module unknown" in check(*STUCK, tables(tmp_path, *both, nowhere, END))[1]


def test_tables_of_any_bytes(tmp_path):
    """Cut off anywhere, or changed: nothing outside of the table is read."""
    good = b"".join([item(0, 0, bytes([1, 2, 0, 0, 3]) + bytes(20), "Firmware", "1.0", "2026"),
                     item(1, 1, bytes([1, 2, 3, 4]) + bytes(20), "Maker", "Machine", "v", "S1"),
                     module(0x1001, 2048, "DIMM A"), ARRAY, END])
    status, text = check("found", tables(tmp_path, good))
    assert status == PASSED
    assert "machine: Maker Machine, serial number S1\n" in text
    assert "memory module DIMM A: 2048 MiB, 3200 MT/s, Maker PART-1\n" in text
    for cut in range(0, len(good)):
        assert check("found", tables(tmp_path, good[:cut]))[0] == PASSED, cut
    for at in range(0, len(good), 3):
        changed = good[:at] + b"\xff" + good[at + 1:]
        assert check("found", tables(tmp_path, changed))[0] == PASSED, at


@pytest.mark.parametrize("status, target, result, words", [
    (0x88320000, 100 << 16, PASSED, "core: 50 C, 50 below the limit, well"),
    (0x88320002, 100 << 16, FAILED, "has been too hot, and slowed down for it"),
    (0x88000001, 100 << 16, PASSED, "at its limit in this moment"),
    (0x88000003, 100 << 16, FAILED, "slowed down"),
    (0x88000011, 100 << 16, FAILED, "critically hot"),
    (0x88320020, 100 << 16, FAILED, "has been critically hot"),
], ids=["well", "before", "moment", "hot", "critical", "was critical"])
def test_thermal_status(tmp_path, status, target, result, words):
    for cpu in os.sched_getaffinity(0):
        (tmp_path / str(cpu)).mkdir()
        registers = bytearray(0x1C0)
        struct.pack_into("<I", registers, 0x19C, status)
        struct.pack_into("<I", registers, 0x1A2, target)
        struct.pack_into("<I", registers, 0x1B1, status)
        (tmp_path / str(cpu) / "msr").write_bytes(registers)
    got, text = check("thermal", "--any", f"--cpus={tmp_path}")
    assert (got, words in text) == (result, True), text
    assert check("thermal", "--any", "--cpus=/none")[0] == SKIPPED


def test_thermal_of_some(tmp_path):
    """A processor that does not answer where others do is a finding, not one less to look at."""
    cpus = sorted(os.sched_getaffinity(0))
    for cpu in cpus[1:]:
        (tmp_path / str(cpu)).mkdir()
        (tmp_path / str(cpu) / "msr").write_bytes(bytes(0x1C0))
    got, text = check("thermal", "--any", f"--cpus={tmp_path}")
    assert got == (FAILED if len(cpus) > 1 else SKIPPED), text


@pytest.mark.parametrize("cpus", [1, 2])
def test_checks(boot, mkimg, cpus):
    """Each passes, and fails with its fault."""
    outcome = boot(mkimg(plan=plans("checks")), cpus=cpus)
    assert outcome.code == machine.PASS, outcome.message


def test_default_plan(boot, mkimg):
    """What the image brings, within its time."""
    outcome = boot(mkimg(), memory="256M")
    assert outcome.code == machine.PASS, outcome.message
    steps = ["found", "disk-health", "clocks", "random", "cpu", "cpu-together", "traffic",
             "bandwidth", "memory", "thermal"]
    assert [r.name for r in outcome.report.results if r.name in steps] == steps
    assert int(outcome.report.fields["time"].removesuffix("us")) < DEFAULT_SECONDS * 1e6
    tested, free = map(int, re.search(r"(\d+) MiB of (\d+) MiB", "\n".join(
        outcome.report.result("memory").output)).groups())
    assert tested >= 0.9 * free and free >= 200


@pytest.mark.parametrize("cpus, memory, cpu", [(4, "64M", "Haswell"), (2, "1G", "qemu64")])
def test_quick_plan(boot, mkimg, cpus, memory, cpu):
    """By its file on the image, on a small and on a larger machine."""
    image = mkimg()
    image.write("plan.txt", image.read("quick.plan"))
    outcome = boot(image, cpus=cpus, memory=memory, cpu=cpu)
    assert outcome.code == machine.PASS, outcome.message
    assert f" by {cpus} processors" in outcome.report.result("memory").output[1]


def test_longer_plans_are_sound():
    """Every line is a test that runs a check there is."""
    for name in ("full", "soak"):
        path = os.path.join(TOP, f"rootfs/etc/firstlight/{name}.plan")
        with open(path, encoding="utf-8") as file:
            lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
        assert len(lines) > 8
        for words in lines:
            at = words.index("/bin/check")
            assert words[0] == "test" and words[at + 1] in check()[1]
            seconds = [int(word.split("=")[1]) for word in words if word.startswith("--seconds=")]
            limit = [int(word[6:]) for word in words if word.startswith("limit=")] or [10]
            assert limit[0] <= 3600 and sum(seconds) < limit[0]


SHORTER = {"limit": 120, "--seconds": 1, "--at-most": 2, "--ms": 200, "--rounds": 1}


def shortened(text):
    """A plan that looks at everything, but not for long."""
    for option, value in SHORTER.items():
        text = re.sub(rf"(?<= {option}=)\d+", str(value), text)
    return text


@pytest.mark.parametrize("name", ["full", "soak"])
def test_longer_plans(boot, mkimg, name):
    """All of the lines, each for a moment."""
    image = mkimg()
    image.write("plan.txt", shortened(image.read(f"{name}.plan").decode()).encode())
    outcome = boot(image, cpus=2, memory="128M")
    assert outcome.code == machine.PASS, outcome.message
    lines = [line.split() for line in image.read("plan.txt").decode().splitlines()]
    names = [words[1] for words in lines if words[:1] == ["test"]]
    assert [r.name for r in outcome.report.results if r.name in names] == names


def test_a_plan_in_a_row_of_boots(mkimg):
    """loops=: the plan is run as often, on a machine that restarts itself. From the second boot on
    memory is full of what the boot before has left there, the kernel's own lists included."""
    image = mkimg(words="ask=0 stay=1 report=off after=reboot loops=2")
    image.write("plan.txt", image.read("quick.plan"))
    outcome = converse(image, [], exit_device=False, firmware=None, extra=RESETS, memory="128M")
    assert outcome.reason == "guest-shutdown"
    assert outcome.log.count("verdict=PASS") == 2 and "this was boot 2 of 2" in outcome.log


@pytest.mark.parametrize("what", [["memory", "--size=8M", "--seconds=60"],
                                  ["traffic", "--seconds=60"]], ids=["memory", "traffic"])
def test_a_worker_that_dies_is_a_failure(what):
    """And is not waited for."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("not here: a single processor has a single worker")
    with subprocess.Popen([CHECK, *what], stdout=subprocess.PIPE, text=True) as process:
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        deadline = time.monotonic() + 20
        workers = []
        while len(workers) < 2 and time.monotonic() < deadline:
            with open(children, encoding="ascii") as file:
                workers = file.read().split()
        os.kill(int(workers[1]), signal.SIGKILL)
        text, _ = process.communicate(timeout=20)
    assert process.returncode == FAILED
    assert "was ended by signal 9" in text, text
