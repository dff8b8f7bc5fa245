# SPDX-License-Identifier: MIT
"""How a machine ends: the words of after=, what stays on the screen, boots that are counted."""
import tempfile
import time

import pytest

import machine
from keys import converse, ended, press, screen_when
from screen import Screen
from test_quirks import make as quirky

PLAN = "test a /bin/minimal\n"
VERDICT = "# firstlight: verdict="
SAYS = "Firstlight starts by UEFI only"


@pytest.mark.parametrize("words, reason", [
    ("stay=1", "guest-shutdown"), ("stay=0 after=poweroff", "guest-shutdown"),
    ("stay=1 after=reboot", "guest-reset"), ("stay=0 after=reboot loops=1", "guest-shutdown"),
])
def test_end_without_an_exit_device(boot, mkimg, words, reason):
    """The report is whole and the machine does what it was told; run.sh has no verdict from it."""
    words = f"ask=0 report=off {words}"
    outcome = boot(mkimg(plan=PLAN, words=words), exit_device=False)
    assert outcome.report.problems == [] and outcome.report.verdict == "PASS"
    assert outcome.reason == reason
    assert outcome.code == machine.NO_VERDICT


def test_halt_stays(boot, mkimg):
    states = []
    outcome = boot(mkimg(plan=PLAN, words="after=halt"), exit_device=False, until=VERDICT,
                   then=lambda running: states.append(running.qmp.command("query-status")))
    assert outcome.report.problems == [] and outcome.report.verdict == "PASS"
    assert states[0]["status"] == "running"
    assert outcome.reason == "host-qmp-quit"


def test_the_verdict_stays_until_a_key(mkimg):
    """Ten minutes would be too long here; five seconds show that nothing ends it before."""
    def look(running):
        assert ended(running, 5) is None
        assert "verdict=PASS" in screen_when(running, "verdict=PASS")
        press(running, "shift")  # is no key
        assert ended(running, 2) is None
        press(running, "spc")

    image = mkimg(plan=PLAN, words="ask=0 report=off")
    outcome = converse(image, [("stays until a key is pressed, for 600 s", look)],
                       exit_device=False)
    assert outcome.report.problems == [] and outcome.reason == "guest-shutdown"


RESETS = ["-action", "reboot=reset", "-drive",
          "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
          "-drive", "if=pflash,unit=1,format=raw,snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.fd"]


@pytest.mark.parametrize("words, boots", [("", 2), ("loops=3", 3)])
def test_boots_are_counted(mkimg, words, boots):
    """As many as were asked for, by a count that a real variable store keeps; then off."""
    image = mkimg(plan=PLAN, words=f"ask=0 report=off stay=1 after=reboot {words}")
    outcome = converse(image, [], exit_device=False, firmware=None, extra=RESETS)
    assert outcome.reason == "guest-shutdown"
    assert outcome.log.count("verdict=PASS") == boots
    for number in range(1, boots + 1):
        assert f"firstlight: boot={number}/{boots}" in outcome.log
    assert f"reboot: none, this was boot {boots} of {boots}" in outcome.log


def test_a_fail_ends_the_row(mkimg):
    image = mkimg(plan="test a /bin/busybox false\n",
                  words="ask=0 report=off stay=1 after=reboot loops=3")
    outcome = converse(image, [], exit_device=False)
    assert outcome.reason == "guest-shutdown" and outcome.log.count("verdict=FAIL") == 1
    assert "reboot: none, this was boot 1 of 3, a FAIL" in outcome.log


def test_a_key_stops_the_row(mkimg):
    image = mkimg(plan=PLAN, words="ask=0 report=off stay=60 after=reboot")
    outcome = converse(image, [
        ("in 60 s; a key stops it", lambda running: press(running, "esc")),
        ("reboot: stopped by a key", lambda running: None),
        ("stays until a key is pressed, for 60 s", lambda running: press(running, "esc")),
    ], exit_device=False)
    assert outcome.reason == "guest-shutdown" and outcome.log.count("verdict=PASS") == 1


@pytest.mark.parametrize("key", [True, False], ids=["a key", "its time"])
def test_a_refusal_stays_before_the_next_option(mkimg, key):
    """Firmware goes on with the second disk only when someone may have read the sentence."""
    bad, good = mkimg(plan=PLAN), mkimg(plan=PLAN, words="ask=0 report=off stay=1")
    bad.write("kernel.elf", b"")
    times = []

    def refused(running):
        times.append(time.monotonic())
        assert Screen(running).colours(0, 400)[1:], "the screen is blank"
        if key:
            assert ended(running, 5) is None
            press(running, "ret")

    extra = ["-drive", f"if=none,id=good,format=raw,readonly=on,file={good.path}",
             "-device", "virtio-blk-pci,drive=good,bootindex=2"]
    outcome = converse(bad, [
        ("[E10]", lambda running: None),
        ("this stays for 30 s", refused),
        ("BdsDxe: starting", lambda running: times.append(time.monotonic())),
        ("verdict=PASS", lambda running: None),
    ], exit_device=False, extra=extra)
    assert outcome.reason == "guest-shutdown"
    assert (4 < times[1] - times[0] < 25) if key else (25 < times[1] - times[0])


def test_last_words_are_drawn(mkimg):
    """No firmware may be called any more, and yet the sentence is on the screen, until a key."""
    image = quirky(mkimg, "exit-stale-always", words="ask=0")

    def look(running):
        shown = screen_when(running, "the machine resets")
        assert "leave boot services" in shown and "[E22]" in shown
        assert ended(running, 3) is None
        press(running, "a")

    outcome = converse(image, [("this stays for 30 s", look)], exit_device=False)
    assert outcome.reason == "guest-reset"


def test_exit_device_tells_the_verdict_instead_of_power_off(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="after=poweroff"))
    assert outcome.status == machine.STATUS_PASS
    assert outcome.code == machine.PASS


@pytest.mark.parametrize("layout", [None, "--iso"], ids=["disk", "iso on a stick"])
def test_started_without_uefi_it_says_so(boot, mkimg, layout):
    """A BIOS runs the first sector: one sentence in text memory, and nothing else happens."""
    texts = []

    def read_screen(running):
        deadline = time.monotonic() + 60
        while SAYS not in "".join(texts[-1:]) and time.monotonic() < deadline:
            time.sleep(1)
            with tempfile.NamedTemporaryFile() as file:
                running.qmp.command("pmemsave", val=0xB8000, size=80 * 25 * 2, filename=file.name)
                texts.append(file.read()[::2].decode("cp437"))

    # The BIOS is silent on the serial line; "" is on every line.
    boot(mkimg(plan=PLAN, layout=layout), firmware="bios-256k.bin", until="", then=read_screen)
    assert SAYS in texts[-1]
