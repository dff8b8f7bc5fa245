# SPDX-License-Identifier: MIT
"""run.sh and its exit status: D2, a hung, reset or lying kernel is never a PASS.

The machine's part is played by stub.c, so that each way to end can be had on demand.
"""
import os
import re
import signal
import subprocess
import time

import pytest

import machine
from conftest import TOP, has_ended, hear_hangup, machine_of, run, tool

HEAD = "KTAP version 1\n1..1\n"
TAIL = "# firstlight: verdict={} total=1 passed={} failed={} skipped=0\n"
PASS = HEAD + "ok 1 a # time=1us\n" + TAIL.format("PASS", 1, 0)
FAIL = HEAD + "not ok 1 a # time=1us exit code 1, expected 0\n" + TAIL.format("FAIL", 0, 1)
MANY = 25
ALL_FAIL = f"KTAP version 1\n1..{MANY}\n" + "".join(
    f"not ok {n} t{n} # time=1us exit code 1\n" for n in range(1, MANY + 1)) + (
    f"# firstlight: verdict=FAIL total={MANY} passed=0 failed={MANY} skipped=0\n")
HANG, TRIPLE, POWEROFF, RETURN = range(4)


@pytest.fixture(scope="module")
def stub(tmp_path_factory):
    """Make an image whose loader is the stub: stub(text, value, end) -> path."""
    folder = tmp_path_factory.mktemp("stub")
    count = 0

    def make(text, value, end):
        nonlocal count
        count += 1
        obj, efi = folder / f"{count}.obj", folder / f"{count}.efi"
        escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        subprocess.run(["clang", "-target", "x86_64-unknown-windows", "-ffreestanding", "-O2",
                        "-mno-red-zone", "-mno-stack-arg-probe", "-Wall", "-Wextra", "-Werror",
                        f'-DTEXT="{escaped}"', f"-DVALUE={value}", f"-DEND={end}", "-c", "-o",
                        obj, os.path.join(TOP, "tests/system/stub.c")], check=True)
        subprocess.run(["lld-link", "/subsystem:efi_application", "/entry:stub_main",
                        f"/out:{efi}", obj], check=True)
        image = folder / f"{count}.img"
        with open(image, "wb") as file:
            file.truncate(34 << 20)
        subprocess.run(["mkfs.vfat", "-F", "16", image], check=True, capture_output=True,
                       env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
        for args in (["mmd", "-i", image, "::/EFI", "::/EFI/BOOT"],
                     ["mcopy", "-i", image, efi, "::/EFI/BOOT/BOOTX64.EFI"]):
            subprocess.run(args, check=True)
        return image

    return make


def run_sh(*args, **more):
    return run(tool("run.sh"), "-a", "tcg", *args, **more)


CASES = {
    # name: (text, value, end, exit status, words in the message)
    "pass": (PASS, 0x10, HANG, machine.PASS, "1 tests passed, none failed"),
    "fail": (FAIL, 0x11, HANG, machine.FAIL, "1 failed: a"),
    "many": (ALL_FAIL, 0x11, HANG, machine.FAIL,
             f"{MANY} failed: " + ", ".join(f"t{n}" for n in range(1, MANY + 1))),
    "panic": (HEAD + "# panic: x\n", 0x12, HANG, machine.PANIC, "panicked"),
    "panic after a report of success": (PASS, 0x12, HANG, machine.PANIC, "panicked"),
    "pass without a report": ("hello\n", 0x10, HANG, machine.NO_VERDICT, "not complete"),
    "pass with a report cut short": (PASS[:-30], 0x10, HANG, machine.NO_VERDICT, "not complete"),
    "pass with a report of failure": (FAIL, 0x10, HANG, machine.NO_VERDICT, "its report FAIL"),
    "fail with a report of success": (PASS, 0x11, HANG, machine.NO_VERDICT, "its report PASS"),
    "fail without a report": (HEAD, 0x11, HANG, machine.NO_VERDICT, "not complete"),
    "another value": (PASS, 0x13, HANG, machine.NO_VERDICT, "status 39"),
    "report, then a triple fault": (PASS, 0, TRIPLE, machine.NO_VERDICT, "reset itself"),
    "report, then power-off": (PASS, 0, POWEROFF, machine.NO_VERDICT, "switched off"),
}


@pytest.mark.parametrize("name", CASES)
def test_exit_status(stub, name):
    text, value, end, status, words = CASES[name]
    done = run_sh("-t", "60", stub(text, value, end))
    assert done.returncode == status, done.stdout + done.stderr
    assert words in done.stderr
    assert "\x1b" not in done.stdout and "\r" not in done.stdout
    if value != 0x12:
        assert text in done.stdout


def test_hang_is_no_verdict(stub):
    began = time.monotonic()
    done = run_sh("-t", "15", stub(PASS, 0, HANG))
    assert done.returncode == machine.NO_VERDICT
    assert "no verdict within 15 s" in done.stderr
    assert re.search(r"; 0: (halted )?at [0-9a-f]{16}", done.stderr), "where the processor is"
    assert time.monotonic() - began < 30


def test_loader_that_returns_to_the_firmware(stub):
    done = run_sh("-t", "20", stub("refused\n", 0, RETURN))
    assert done.returncode == machine.NO_VERDICT


@pytest.mark.parametrize("number, status", [
    (signal.SIGTERM, machine.NO_VERDICT), (signal.SIGHUP, machine.NO_VERDICT),
    (signal.SIGKILL, -signal.SIGKILL)], ids=["TERM", "HUP", "KILL"])
def test_streams_and_dies_when_told(stub, number, status):
    """The serial line comes out while the machine runs; what ends run.sh ends QEMU, too."""
    proc = subprocess.Popen([tool("run.sh"), "-a", "tcg", stub("hello\n", 0, HANG)],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            preexec_fn=hear_hangup)
    for line in proc.stdout:
        if line == b"hello\n":
            break
    qemu = machine_of(proc)
    proc.send_signal(number)
    assert proc.wait(20) == status
    assert has_ended(qemu)


def test_nohup(stub):
    """A caller that ignores SIGHUP gets a verdict all the same."""
    proc = subprocess.Popen(["nohup", tool("run.sh"), "-a", "tcg", "-t", "15",
                             stub("hello\n", 0, HANG)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in proc.stdout:
        if line == "hello\n":
            break
    proc.send_signal(signal.SIGHUP)
    assert "no verdict within 15 s" in proc.communicate(timeout=60)[1]


def test_image_is_not_written_and_options_are_passed_on(stub):
    image = stub(PASS, 0x10, HANG)
    before = image.read_bytes()
    done = run_sh("-m", "128", "-s", "2", "-t", "60", image, "--", "-machine", "pc", "-vga",
                  "none", "-cpu", "Nehalem")
    assert done.returncode == machine.PASS, done.stdout + done.stderr
    assert image.read_bytes() == before


@pytest.mark.parametrize("args, words", [
    ([], "IMAGE"),
    (["/nowhere/x.img"], "is not there"),
    (["-m"], "-m"),
    (["--unknown", "x.img"], "unknown"),
    (["-s", "many", "x.img"], "many"),
])
def test_wrong_use_is_no_verdict(args, words):
    done = run(tool("run.sh"), *args)
    assert done.returncode == machine.NO_VERDICT
    assert words in done.stderr


def test_a_window_needs_a_desktop(stub):
    """One sentence, at once, instead of the toolkit's; a display of another kind needs none."""
    image = stub(PASS, 0, POWEROFF)
    env = {name: value for name, value in os.environ.items() if name not in machine.DESKTOPS}
    done = run_sh("-w", image, env=env)
    assert done.returncode == machine.NO_VERDICT
    assert "needs a desktop" in done.stderr and done.stdout == ""
    assert run_sh("-w", image, "--", "-display", "none", env=env).returncode == machine.PASS


@pytest.mark.parametrize("option", [["-device", "no-such-device"], ["-no-such-option"]])
def test_qemu_that_does_not_start(stub, option):
    """Its own words, at once: nobody waits for the control channel of a QEMU that has ended."""
    done = run_sh("-t", "20", stub(PASS, 0x10, HANG), "--", *option)
    assert done.returncode == machine.NO_VERDICT
    assert "QEMU ended with status 1" in done.stderr and option[-1] in done.stderr


def test_escape_filter_across_every_cut():
    data = b"a\x1b[2J\x1b[01;01H\x1b[=3hb\x1b(Bc\r\n\x00\x08\td\x7f\x1bce \xc3\xa4"
    for cut in range(len(data)):
        sieve = machine.EscapeFilter()
        assert sieve.feed(data[:cut]) + sieve.feed(data[cut:]) == b"abc\n\tde \xc3\xa4"


def test_kvm_is_believed_only_with_a_proof(monkeypatch, tmp_path):
    """The proof is made once for each start of this machine, and kept where only we can write."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(machine.os, "access", lambda *args: True)
    calls = []
    monkeypatch.setattr(machine, "_prove_kvm", lambda: calls.append(1) or False)
    assert [machine.kvm_works(), machine.kvm_works()] == [False, False]
    assert len(calls) == 1
    folder = tmp_path / f"firstlight-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)  # somebody else could have written there: not believed
    machine.kvm_works()
    assert len(calls) == 2


@pytest.mark.parametrize("report, value, ends", [
    (PASS, 0x10, "2 passed, 0 failed"), (FAIL, 0x11, "0 passed, 2 failed")])
def test_repeat(stub, report, value, ends):
    """Each run counts, and a red one shows its log."""
    done = run(os.path.join(TOP, "tests/repeat.sh"), "2", "-a", "tcg", "-t", "60",
               stub(report, value, HANG))
    assert done.returncode == (0 if report == PASS else 1)
    assert done.stdout.splitlines()[-1] == ends
    assert done.stdout.count("not ok 1 a") == (0 if report == PASS else 2)


@pytest.mark.parametrize("times", ["", "0", "many", "-s"])
def test_repeat_asks_for_a_number(times):
    done = run(os.path.join(TOP, "tests/repeat.sh"), times, "x.img")
    assert done.returncode == 1 and "TIMES" in done.stderr
