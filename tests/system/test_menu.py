# SPDX-License-Identifier: MIT
"""The keys before the start, on the firmware's console; and a key that ends a running test."""
import time

import machine
from keys import converse, press, stop, type_text
from test_keys import NO_CONTROLLER
from test_shell import Serial

PLAN = "test a /bin/minimal\n"
KEYS = "Keys: P choose a plan"


def pressing(*names):
    """A step that presses these keys with a pause between: the firmware looks now and then."""
    def action(running):
        for name in names:
            time.sleep(0.3)
            press(running, name)
    return action


def test_without_a_key_it_starts_by_itself(mkimg):
    times = []

    def note(running):
        times.append(time.monotonic())

    outcome = converse(mkimg(plan=PLAN, words="stay=1"),
                       [(KEYS, note), ("Starting in 1 s", note), ("starting the kernel", note)],
                       exit_device=False)
    assert outcome.report.verdict == "PASS"
    assert 1 < times[1] - times[0] < 10


def test_nobody_is_asked_where_a_harness_is(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN))
    assert outcome.code == machine.PASS and KEYS not in outcome.log
    outcome = boot(mkimg(plan=PLAN, words="ask=1"))  # but if the words say so
    assert outcome.code == machine.PASS and KEYS in outcome.log


def test_another_plan_and_a_shell(mkimg):
    """Whichever plan boot.cfg names: what a person chooses wins."""
    image = mkimg(plan=PLAN, words="plan=/etc/firstlight/plan")
    image.write("a.plan", b"test chosen /bin/minimal\n")
    outcome = converse(image, [
        (KEYS, pressing("p")),
        ("Which one?", pressing("1")),
        ("firstlight: plan: a.plan", lambda running: None),
        ("Starting in", pressing("s")),
        ("a shell follows the plan", lambda running: None),
        ("Starting in", pressing("ret")),
        ("shell: on the screen", stop),
    ], exit_device=False)
    names = [result.name for result in outcome.report.results]
    assert "chosen" in names and "found" not in names and outcome.report.verdict == "PASS"


def test_a_usb_keyboard(mkimg):
    """Before the start every keyboard will do that the firmware knows: QEMU gives this one the keys
    and leaves the PC's own without."""
    image = mkimg(plan=PLAN, words="stay=1")
    image.write("a.plan", b"test chosen /bin/minimal\n")
    outcome = converse(image, [
        (KEYS, pressing("p")),
        ("Which one?", pressing("1")),
        ("firstlight: plan: a.plan", pressing("ret")),
    ], exit_device=False, extra=["-device", "qemu-xhci", "-device", "usb-kbd"])
    assert "chosen" in [result.name for result in outcome.report.results]
    assert outcome.report.verdict == "PASS"


def test_the_last_report(mkimg):
    image = mkimg(plan=PLAN)
    image.mtool("mmd", "::/firstlight/reports")
    for number in (1, 2):
        text = "".join(f"report {number}, line {n}\n" for n in range(30))
        image.write(f"reports/000{number}.txt", text.encode())
    outcome = converse(image, [
        (KEYS, pressing("r")),
        ("report 2, line 21", lambda running: None),
        ("a key for more", pressing("spc")),
        ("report 2, line 29", lambda running: None),
        ("Starting in", stop),
    ], exit_device=False)
    assert "report 1" not in outcome.log


def test_a_key_is_the_limit_of_a_running_test(mkimg):
    plan = "test long limit=600 expect=limit /bin/busybox sleep 1000\n" + PLAN
    begun = []

    def act(running):
        time.sleep(2)
        begun.append(time.monotonic())
        type_text(running, "q")

    outcome = converse(mkimg(plan=plan, words="stop=key"),
                       [("boot-return-1000", act), ("key: the test", lambda running: None)])
    assert outcome.code == machine.PASS, outcome.message
    assert time.monotonic() - begun[0] < 60


def test_without_a_keyboard_it_ends_all_the_same(boot, mkimg):
    """Key M gives a limit: no key of a USB keyboard reaches the kernel."""
    plan = "test long limit=600 expect=limit /bin/busybox sleep 1000\n" + PLAN
    outcome = boot(mkimg(plan=plan, words="stop=key limit=3"), timeout=60,
                   extra=NO_CONTROLLER)
    assert outcome.code == machine.PASS, outcome.message
    assert "stop: a key of the serial line, as there is no PS/2 keyboard, ends" in outcome.log


def test_a_key_of_the_serial_line_stops(mkimg):
    """Where there is no keyboard that the kernel knows."""
    plan = "test long limit=600 expect=limit /bin/busybox sleep 1000\n" + PLAN
    line = Serial(mkimg(plan=plan, words="stop=key").path)
    try:
        line.expect("boot-return-1000", 60)
        time.sleep(2)
        line.send("q")
        line.expect("key: the test that is running")
        assert line.end() == 33, line.log
    finally:
        line.stop()


def test_memory_until_a_key(mkimg):
    """It does not end by itself, and the key is no failure."""
    outcome = converse(mkimg(plan=PLAN), [
        (KEYS, pressing("m")),
        ("For how many hours?", pressing("9")),
        ("memory test for 9 hours, or until a key", lambda running: None),
        ("boot-return-1000", lambda running: None),
        (" that are available", lambda running: time.sleep(5)),
        ("", pressing("q")),
        ("key: the test", lambda running: None),
    ], exit_device=False)
    assert outcome.report.result("memory-until-a-key").passed
    assert outcome.report.verdict == "PASS"
