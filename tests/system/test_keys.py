# SPDX-License-Identifier: MIT
"""The keyboard of the kernel: a shell on the screen, layouts, machines without a controller."""
import time

import pytest

import machine
from keys import ended, press, screen_when, type_text

PLAN = "test a /bin/minimal\n"
SHELL = "shell: on the screen"
NO_CONTROLLER = ["-machine", "q35,memory-backend=ram,i8042=off"]


def on_screen(boot, image, dialogue, **options):
    """Boots a machine that nobody watches, and holds the dialogue at its shell."""
    through = []

    def then(running):
        dialogue(running)
        through.append(True)

    options.setdefault("exit_device", False)
    outcome = boot(image, until=SHELL, then=then, **options)
    assert through, "no shell came"
    return outcome


def test_a_shell_on_the_screen(boot, mkimg):
    def dialogue(running):
        type_text(running, "echo he''llo $((6*7)) `tty`\n")
        assert "hello 42 /dev/tty1" in screen_when(running, "hello 42 /dev/tty1")
        type_text(running, "sleep 1000\n")
        press(running, "ctrl", "c")
        type_text(running, "echo status $?\n")
        assert "status 130" in screen_when(running, "status 130")
        press(running, "up")  # the last line again, one word longer
        press(running, "backspace")
        press(running, "backspace")
        type_text(running, "{A,_}|tr A-Z a-z\n")
        assert "status {a,_}" in screen_when(running, "status {a,_}")
        press(running, "caps_lock")
        type_text(running, "echo aB1\n")
        press(running, "caps_lock")
        assert "sh: ECHO: not found" in screen_when(running, "sh: ECHO: not found")
        type_text(running, "stty size; exit\n")
        assert ended(running) == "guest-shutdown"

    on_screen(boot, mkimg(plan=PLAN, words="ask=0 after=shell"), dialogue)


def test_the_serial_line_is_still_to_be_had(boot, mkimg):
    """console= decides; a machine with a harness or without a keyboard has its shell there, too."""
    for words, options in (("console=ttyS0", {"exit_device": False}), ("", {}),
                           ("console=tty1", {"exit_device": False, "extra": NO_CONTROLLER})):
        outcome = boot(mkimg(plan=PLAN, words=f"ask=0 after=shell {words}"),
                       until="shell: on the serial line", **options)
        assert outcome.report.verdict == "PASS"


NO_ASCII = "\ufffd"  # how Screen gives what its font has no letter for


@pytest.mark.parametrize("layout, cat, places, text", [
    ("de-latin1", "cat", ["z", "y", "minus", "shift 2", "alt_r q", "shift slash"],
     f'yz{NO_ASCII}"@_'),
    ("fr-latin1", "cqt", ["q", "shift 1", "2", "shift comma"], f"a1{NO_ASCII}."),
])
def test_layouts(boot, mkimg, layout, cat, places, text):
    """The keys of an American keyboard at these places, as another layout has them."""
    def dialogue(running):
        type_text(running, cat + "\n")
        time.sleep(1)
        for place in places:
            press(running, *place.split())
        assert f"\n{text}" in screen_when(running, f"\n{text}")

    on_screen(boot, mkimg(plan=PLAN, words=f"ask=0 after=shell keymap={layout}"), dialogue)


def test_unknown_layout_is_told(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="keymap=klingon"))
    assert outcome.code == machine.PASS
    assert "keyboard: no layout 'klingon' (error 2): as in the United States" in outcome.log


def test_no_controller_is_noticed(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN), extra=NO_CONTROLLER)
    assert outcome.code == machine.PASS
    assert "keyboard: this machine has no controller (i8042) for one" in outcome.log
