# SPDX-License-Identifier: MIT
"""The screen: a verdict readable from across a room, and the report's last lines as text."""
import time

import pytest

import machine
from screen import Screen

VERDICT = "# firstlight: verdict="


def taken_when(running, is_shown, seconds=30):
    """The screen, once that holds for it, or as it is when the time is up. What the serial line has
    told comes to the screen later: on a slow host much later."""
    deadline = time.monotonic() + seconds
    while True:
        screen = Screen(running)
        if is_shown(screen) or time.monotonic() > deadline:
            return screen
        time.sleep(0.5)


def says_panic(screen):
    text = "\n".join(screen.text()).lower()
    return "panic" in text and "rip" in text


def is_written_on(screen):
    return len(screen.colours(0, screen.height)) >= 2


def has_banner(screen):
    """The last that is drawn; text has a grey ground at most."""
    colour, _ = screen.colours(0, screen.height // 4)[0]
    return max(colour) > min(colour) + 40


def picture(boot, image, **options):
    """The screen after the verdict, of a machine that stays on."""
    taken = []
    outcome = boot(image, exit_device=False, until=VERDICT,
                   then=lambda running: taken.append(taken_when(running, has_banner)), **options)
    assert outcome.report.problems == []
    return taken[0], outcome


def loudest(screen):
    """The strongest colour of the banner, the upper quarter of the screen."""
    (red, green, blue), count = screen.colours(0, screen.height // 4)[0]
    assert count > screen.width * screen.height // 4 // 2, "no ground of one colour"
    return red, green, blue


def test_pass_is_green_and_readable(boot, mkimg):
    screen, outcome = picture(boot, mkimg(plan="test a /bin/minimal\n", words="after=halt"))
    assert screen.width >= 640 and screen.height >= 480
    red, green, blue = loudest(screen)
    assert green > red + 40 and green > blue + 40
    letters = [c for c, n in screen.colours(0, screen.height // 4) if n > 1000]
    assert len(letters) >= 2, "large letters on the ground"
    text = "\n".join(screen.text())
    assert "verdict=PASS" in text
    assert f"total={outcome.report.planned}" in text
    assert "MINIMAL_TEST_PASS" in text


def test_fail_is_red_and_names_the_test(boot, mkimg):
    plan = "test good /bin/minimal\ntest broken expect=exit:3 /bin/minimal\n"
    screen, _ = picture(boot, mkimg(plan=plan, words="after=halt"))
    red, green, blue = loudest(screen)
    assert red > green + 40 and red > blue + 40
    text = "\n".join(screen.text())
    assert "verdict=FAIL" in text and "not ok" in text and "broken" in text


def test_panic_is_on_the_screen(boot, mkimg):
    taken = []
    boot(mkimg(plan="test a /bin/minimal\n", words="panic=test"), exit_device=False,
         until="panic", then=lambda running: taken.append(taken_when(running, says_panic)))
    assert says_panic(taken[0])


def test_refusal_is_on_the_screen(boot, mkimg):
    """Written by the firmware in a font of its own: looked for by what changes on the screen."""
    image = mkimg()
    image.write("kernel.elf", b"")
    taken = []
    outcome = boot(image, until="refused: kernel.elf",
                   then=lambda running: taken.append(taken_when(running, is_written_on)))
    assert outcome.code == machine.NO_VERDICT
    assert is_written_on(taken[0]), "the screen is blank"


@pytest.mark.parametrize("extra, size", [
    (["-vga", "none", "-device", "ramfb"], None),
    (["-vga", "none", "-device", "bochs-display"], None),
    (["-vga", "virtio"], None),
    (["-vga", "none", "-device", "VGA,xres=1920,yres=1080"], (1920, 1080)),
], ids=["ramfb", "bochs", "virtio", "full-hd"])
def test_other_displays(boot, mkimg, extra, size):
    screen, _ = picture(boot, mkimg(plan="test a /bin/minimal\n", words="after=halt"), extra=extra)
    assert "verdict=PASS" in "\n".join(screen.text())
    assert size is None or (screen.width, screen.height) == size
