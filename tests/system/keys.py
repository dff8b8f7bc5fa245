# SPDX-License-Identifier: MIT
"""Keys of a machine's keyboard, pressed through QEMU's control channel, and what comes of it."""
import time

import machine
from screen import Screen

SHIFTED = dict(zip('!@#$%^&*()_+{}:"|<>?~', "1234567890-=[];'\\,./`"))
NAMES = {" ": "spc", "\n": "ret", "-": "minus", "=": "equal", "[": "bracket_left",
         "]": "bracket_right", ";": "semicolon", "'": "apostrophe", "`": "grave_accent",
         "\\": "backslash", ",": "comma", ".": "dot", "/": "slash", "\t": "tab"}


def press(running, *names):
    """These keys together, by QEMU's names for their places (of an American keyboard)."""
    running.qmp.command("send-key", keys=[{"type": "qcode", "data": name} for name in names],
                        **{"hold-time": 30})
    time.sleep(0.06)  # one after the other; the controller keeps 16 bytes


def type_text(running, text):
    for char in text:
        if char in SHIFTED:
            press(running, "shift", NAMES.get(SHIFTED[char], SHIFTED[char]))
        elif char.isupper():
            press(running, "shift", char.lower())
        else:
            press(running, NAMES.get(char, char))


def screen_when(running, text, seconds=30):
    """The screen as text, once that text is on it, or as it is when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        shown = "\n".join(Screen(running).text())
        if text in shown or time.monotonic() > deadline:
            return shown
        time.sleep(0.3)


def ended(running, seconds=30):
    """QMP's word for why the machine has ended, once it has; None: it goes on."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for event in list(running.qmp.events):
            if event["event"] == "SHUTDOWN":
                return event["data"]["reason"]
        time.sleep(0.1)
    return None


def converse(image, steps, **options):
    """Boots; steps are (text, action): when that text comes behind the one before, the action is
    called with the machine. After the last one the machine goes on to its end. Its Outcome."""
    left, seen = list(steps), 0

    def during(running):
        nonlocal seen
        if not left:
            return
        place = running.log.find(left[0][0], seen)
        if place >= 0:
            text, action = left.pop(0)
            seen = place + len(text)
            action(running)

    options.setdefault("timeout", 180)
    host = machine.Machine(image.path, accel="tcg", **options)
    outcome = host.run(during)
    assert not left, f"never came: {left[0][0]}\n{outcome.log[-3000:]}"
    return outcome


def stop(running):
    running.qmp.command("quit")
