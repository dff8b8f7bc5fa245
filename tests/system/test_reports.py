# SPDX-License-Identifier: MIT
"""Reports that survive the machine: from a verdict by EFI variables to files on the boot volume.

The firmware is OVMF in flash, whose variables are kept in a file. A machine of report=now goes
through two starts in one run of QEMU; others are started again with the same flash and image.
"""
import re
import shutil
import struct
import time
import xml.etree.ElementTree

import pytest

import machine
from test_screen import is_written_on, taken_when

FLASH = "/usr/share/OVMF/OVMF_{}_4M.fd"
PLAN = """test good /bin/minimal
test bad expect=exit:3 /bin/minimal
test left skip="no <time> & no need" /bin/minimal
"""
KEY_WORDS = ("press a key to switch the machine off", "verdict: stays until a key is pressed")
WAITING = "kernel started, no verdict yet"
NAMES = [f"FirstlightReport{n}".encode("utf-16-le") for n in range(4)]
GUID = bytes.fromhex("5e0c2f6b4a9d7b4f8b52f1257117e5a1")
VARIABLE_ADDED = 0x3F  # state of a variable of EDK II that is neither deleted nor being written


@pytest.fixture
def flash(tmp_path):
    """Variables of a machine, and QEMU's options for them."""
    variables = tmp_path / "variables.fd"
    shutil.copy(FLASH.format("VARS"), variables)

    class Flash:
        path = variables
        options = ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={FLASH.format('CODE')}",
                   "-drive", f"if=pflash,format=raw,unit=1,file={variables}"]

        def reports(self):
            """The reports' variables that are valid now, by their numbers: their contents."""
            data, found = variables.read_bytes(), {}
            for match in re.finditer(re.escape(GUID), data):
                # The header of an authenticated variable is 60 bytes, and ends with the GUID.
                start = match.start() - 44
                magic, state = struct.unpack_from("<HB", data, start)
                name_size, size = struct.unpack_from("<II", data, start + 36)
                name = data[match.end():match.end() + name_size - 2]
                if magic == 0x55AA and state == VARIABLE_ADDED:
                    begin = match.end() + name_size
                    found[NAMES.index(name)] = data[begin:begin + size]
            return found

    return Flash()


@pytest.fixture
def start(boot, flash):
    """Start a machine with these variables, with a person who presses a key when asked to."""
    def run(image, stop=None, look=None, extra=(), **options):
        pressed = []

        def press(running):
            for words in KEY_WORDS:
                if words not in pressed and words in running.log:
                    pressed.append(words)
                    time.sleep(1)
                    if look:
                        look(running)
                    running.qmp.command("send-key", keys=[{"type": "qcode", "data": "ret"}])
            if stop and stop(running.log):
                running.qmp.command("quit")

        options.setdefault("exit_device", False)
        options.setdefault("keep", True)
        return boot(image, firmware=None, extra=flash.options + list(extra), watch=press,
                    **options)

    return run


def report(image, number=1):
    return image.read(f"reports/{number:04}.txt").decode()


def junit(image, number=1):
    return xml.etree.ElementTree.fromstring(image.read(f"reports/{number:04}.xml"))


def room(image):
    """Free bytes of the volume."""
    words = image.mtool("mdir", "::")
    return int(re.search(rb"([0-9 ]+) bytes free", words).group(1).replace(b" ", b""))


def test_round_trip(start, mkimg, flash):
    """One unattended run: verdict, reset, merge, power-off. Both files are whole, no variable is
    left, and the screen has said what was going to happen."""
    image = mkimg(plan=PLAN)
    outcome = start(image)
    assert outcome.reason == "guest-shutdown"
    assert outcome.log.count("starting the kernel") == 1
    before, after = outcome.log.split("KTAP version 1")[1].split("firstlight: loader at")
    assert "now starts from this stick again" in before
    assert "start from this stick by hand" in before
    assert r"\firstlight\reports\0001.txt is complete" in after
    assert "firstlight: verdict=FAIL" in after and "firstlight: not ok" in after
    verdict = re.search(r"^# firstlight: verdict=.*$", before, re.M).group()
    text = report(image)
    assert WAITING not in text
    for words in ("id: ", "date: 20", "machine: QEMU", "processor: ", "memory module: ",
                  "memory map: ", "framebuffer: 1280x800", verdict):
        assert words in text
    results = re.findall(r"^(?:not )?ok .*$", before, re.M)
    assert sorted(re.findall(r"^(?:not )?ok .*$", text, re.M)) == sorted(results)
    assert text.index("not ok") < text.index("\nok"), "failed tests come first"
    suite = junit(image)
    assert suite.get("tests") == str(len(results)) and suite.get("failures") == "1"
    assert suite.get("skipped") == "1" and suite.get("errors") == "0"
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert len(cases) == len(results)
    assert "expected exit:3" in cases["bad"].find("failure").get("message")
    assert cases["left"].find("skipped").get("message") == "no <time> & no need"
    assert float(cases["good"].get("time")) > 0
    assert flash.reports() == {}


def test_a_serial_number_is_in_the_report(start, mkimg):
    image = mkimg(plan=PLAN, words="report=next")
    start(image, extra=["-smbios", "type=1,manufacturer=Maker,product=Model,serial=SN-0815"])
    assert "machine: Maker Model" in report(image) and "serial number: SN-0815" in report(image)


def test_next(start, mkimg, flash):
    """report=next: the verdict waits for the next start, which completes the report and goes on."""
    image = mkimg(plan=PLAN, words="report=next")
    outcome = start(image)
    assert outcome.reason == "guest-shutdown" and "complete after the next start" in outcome.log
    assert WAITING in report(image) and junit(image).find("testcase/error") is not None
    assert list(flash.reports()) == [0]
    assert len(flash.reports()[0]) <= 1024
    outcome = start(image)
    assert r"\firstlight\reports\0001.txt is complete" in outcome.log
    assert outcome.report.verdict == "FAIL", "the kernel was started again"
    assert "verdict=FAIL" in report(image) and WAITING in report(image, 2)


def test_nothing_waits_for_a_person(start, mkimg):
    """stay=0: the second start ends as soon as the report is complete."""
    image = mkimg(plan=PLAN, words="stay=0")
    outcome = start(image)
    assert "press a key" not in outcome.log and outcome.reason == "guest-shutdown"
    assert "verdict=FAIL" in report(image)


def test_off(start, mkimg, flash):
    image = mkimg(plan=PLAN, words="report=off")
    outcome = start(image)
    assert outcome.reason == "guest-shutdown" and "report" not in outcome.log.split("KTAP")[1]
    assert image.mtool("mdir", "-b", "::/firstlight/reports", check=False) == b""
    assert flash.reports() == {}


def test_where_an_emulator_is_told_there_is_no_report(boot, mkimg):
    image = mkimg(plan=PLAN)
    outcome = boot(image, keep=True)
    assert outcome.code == machine.FAIL
    assert image.mtool("mdir", "-b", "::/firstlight/reports", check=False) == b""


def test_reboot_after_the_report(start, mkimg):
    """after=reboot is done by the loader, at the end of the second start."""
    image = mkimg(plan="test good /bin/minimal\n", words="after=reboot")
    outcome = start(image, stop=lambda log: log.count("reading rootfs.cpio") == 2)
    assert "press a key to restart the machine; without one that is done in 10 s" in outcome.log
    assert "verdict=PASS" in report(image)


def test_a_fail_ends_a_row_of_boots(start, mkimg):
    """The kernel deletes the count: the next start by a person is the first of a new row."""
    image = mkimg(plan=PLAN, words="report=off stay=0 after=reboot loops=3")
    for _ in range(2):
        outcome = start(image)
        assert "firstlight: boot=1/3" in outcome.log
        assert "this was boot 1 of 3, a FAIL" in outcome.log
        assert "goes on in this row" not in outcome.log


def test_many_results_are_cut_but_not_the_failed_ones(start, mkimg, flash):
    """At most four variables; what is cut are results that passed."""
    good = "".join(f"test this-is-a-long-name-of-a-test-that-passes-{n} /bin/minimal\n"
                   for n in range(90))
    image = mkimg(plan=good + "test bad expect=exit:3 /bin/minimal\n", words="report=next")
    start(image)
    variables = flash.reports()
    assert sorted(variables) == [0, 1, 2, 3]
    assert all(len(data) <= 1024 for data in variables.values())
    start(image, stop=lambda log: "starting the kernel" in log)
    text, suite = report(image), junit(image)
    assert "verdict=FAIL" in text and " bad # " in text
    assert "had no room" in suite.find("system-out").text
    assert suite.get("tests") == re.search(r"total=(\d+)", text).group(1)


def test_a_kernel_that_dies_leaves_its_report(start, mkimg):
    """Nothing is told after a reset of the machine: the first part is on the stick all the same."""
    image = mkimg(plan=PLAN)
    start(image, stop=lambda log: "ok 1 baseline" in log)
    assert report(image).rstrip("\n").endswith(WAITING)
    assert junit(image).get("errors") == "1"


def test_a_panic_is_in_the_report(start, mkimg, flash):
    image = mkimg(plan=PLAN, words="panic=test")
    seen = []

    def stop(log):
        if "verdict=PANIC" in log:
            seen.append(True)  # called five times a second: time enough for a variable
        return len(seen) > 10

    start(image, stop=stop)
    assert WAITING in report(image) and list(flash.reports()) == [0]
    start(image, stop=lambda log: "starting the kernel" in log)
    assert "verdict=PANIC\n# PANIC: " in report(image)
    assert "PANIC: " in junit(image).find("testcase/error").get("message")


def test_variables_of_another_stick(start, mkimg, flash):
    """They get a report of their own on this one, and its own verdict is not mixed with theirs."""
    start(mkimg(plan=PLAN, words="report=next"))
    other = mkimg(plan="test good /bin/minimal\n", words="report=next")
    outcome = start(other)
    assert "a verdict of another stick is kept on this one" in outcome.log
    assert "of another stick" in report(other) and "verdict=FAIL" in report(other)
    assert WAITING in report(other, 2)
    outcome = start(other, stop=lambda log: "starting the kernel" in log)
    assert "0002.txt is complete" in outcome.log
    assert "verdict=PASS" in report(other, 2)
    assert flash.reports() == {}


def test_a_full_volume(start, mkimg, flash):
    """No report, and said so before and after; the verdict is on the screen as ever."""
    image = mkimg(plan=PLAN)
    image.write("filler", bytes(room(image) - 4096))
    outcome = start(image)
    assert "report: none is kept: the boot volume is full" in outcome.log
    assert "report: not kept: the boot volume cannot be written" in outcome.log
    assert outcome.report.verdict == "FAIL" and outcome.reason == "guest-shutdown"
    assert flash.reports() == {}


def test_a_volume_that_is_full_when_the_report_is_completed(start, mkimg, flash):
    """The verdict is shown, and completes its report once there is room."""
    image = mkimg(plan=PLAN, words="report=next")
    start(image)
    text = report(image)
    more = 4096 - len(text) % 4096  # what still fits its last cluster
    image.mtool("mdel", "::/firstlight/reports/0001.txt")
    image.mtool("mcopy", "-", "::/firstlight/reports/0001.txt",
                input=(text.replace("machine: ", "note: " + "x" * (more - 8) + "\nmachine: ", 1))
                .encode())
    image.write("filler", bytes(room(image)))
    outcome = start(image, stop=lambda log: "starting the kernel" in log)
    assert "cannot be written: the boot volume is full" in outcome.log
    assert "firstlight: verdict=FAIL" in outcome.log
    assert 0 in flash.reports()
    image.remove("filler")
    outcome = start(image, stop=lambda log: "starting the kernel" in log)
    assert "0001.txt is complete" in outcome.log
    assert "verdict=FAIL" in report(image) and flash.reports() == {}


def test_a_medium_that_cannot_be_written(start, mkimg, flash):
    """A CD. With a screen that shows the verdict nothing is stored ..."""
    outcome = start(mkimg(plan=PLAN, layout="--iso"), disk="cdrom", keep=False)
    assert "report: none is kept: the boot volume is write-protected" in outcome.log
    assert outcome.reason == "guest-shutdown" and outcome.report.verdict == "FAIL"
    assert flash.reports() == {}


@pytest.mark.parametrize("display", [[], ["-device", "virtio-gpu-pci"]],
                         ids=["none", "the firmware's alone"])
def test_without_a_screen_the_firmware_shows_the_verdict(start, mkimg, flash, display):
    """... and without one that the kernel can draw on the firmware's console shows it, at a second
    start: on a screen on which only the firmware can draw, too."""
    shown = []

    def look(running):
        if display:
            shown.append(taken_when(running, is_written_on))

    outcome = start(mkimg(plan=PLAN, layout="--iso"), disk="cdrom", look=look,
                    extra=["-vga", "none", *display])
    assert all(is_written_on(screen) for screen in shown) and len(shown) == bool(display)
    after = outcome.log.split("KTAP version 1")[1].split("firstlight: loader at")[1]
    assert "firstlight: verdict=FAIL" in after and "firstlight: not ok" in after
    assert outcome.reason == "guest-shutdown"
    assert flash.reports() == {}
