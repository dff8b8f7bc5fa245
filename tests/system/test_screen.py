# SPDX-License-Identifier: MIT
"""The screen: there from the kernel's first line on, how far the plan is, a verdict readable from
across a room with the failed tests, and the report's last lines as text."""
import re
import tempfile
import time

import pytest

import machine
from conftest import run, tool
from screen import Screen

VERDICT = "# firstlight: verdict="


def taken_when(running, is_shown, seconds=30, device=None):
    """The screen, once that holds for it, or as it is when the time is up. What the serial line has
    told comes to the screen later: on a slow host much later."""
    deadline = time.monotonic() + seconds
    while True:
        screen = Screen(running, device)
        if is_shown(screen) or time.monotonic() > deadline:
            return screen
        time.sleep(0.5)


def says_panic(screen):
    text = "\n".join(screen.text()).lower()
    return "panic" in text and "rip" in text


def says_early(screen):
    return says_panic(screen) or "backtrace" in "\n".join(screen.text())


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


def test_no_program_draws_over_the_verdict(boot, mkimg):
    """Not even the one that is run to draw the code, which a test has replaced by its own."""
    plan = ("test swap /bin/sh -c 'printf \"#!/bin/sh\\nexec dd if=/dev/zero of=/dev/fb0 bs=4096 "
            "count=900\\n\" >/usr/lib/firstlight/verdict-code'\ntest bad /bin/false\n")
    taken = []
    boot(mkimg(plan=plan, words="after=halt"), exit_device=False, until=VERDICT,
         then=lambda running: taken.append(taken_when(running, lambda screen: False, 15)))
    red, green, blue = loudest(taken[0])
    assert red > green + 40 and red > blue + 40


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


@pytest.mark.parametrize("point", ["first", "memory", "files"])
def test_early_panic_is_on_the_screen(boot, mkimg, point):
    """From the first line of the kernel that knows the command line on: before there is memory."""
    taken = []
    boot(mkimg(plan="test a /bin/minimal\n", words=f"panic={point}"), exit_device=False,
         until="flight recorder",
         then=lambda running: taken.append(taken_when(running, says_early)))
    text = "\n".join(taken[0].text())
    assert f"PANIC: asked for by panic={point}" in text and "kernel_main" in text
    red, green, blue = loudest(taken[0])
    assert red > green + 40 and red > blue + 40


def test_progress(boot, mkimg):
    """Which test runs, for how long, how many have failed, a bar."""
    plan = "test good /bin/minimal\ntest bad expect=exit:3 /bin/minimal\n" \
        "test long-one limit=60 /bin/sleep 50\n"
    taken = []

    def is_seen(screen):
        return re.search(r"test \d+ of \d+: long-one +[2-9] s +1 failed +0:\d\d",
                         screen.text()[0])

    boot(mkimg(plan=plan), until="not ok",
         then=lambda running: taken.append(taken_when(running, is_seen)))
    text = taken[0].text()[0]
    number, total = map(int, re.search(r"test (\d+) of (\d+): long-one", text).groups())
    assert is_seen(taken[0]) and number == total - 3  # clocks, memory, machine checks: behind it
    bar = [taken[0].pixel(x, 24) for x in range(taken[0].width)]
    red = sum(r > g + 40 and r > b + 40 for r, g, b in bar)
    assert abs(red - taken[0].width * (number - 1) // total) <= 1


def code_read(screen):
    """What a reader of QR codes sees on the screen."""
    with tempfile.NamedTemporaryFile(suffix=".ppm") as file:
        file.write(screen.data)
        file.flush()
        done = run("zbarimg", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", file.name)
    return done.stdout.strip()


@pytest.mark.parametrize("size", ["800x600", "1360x768", "800x1280", "2560x1440"])
def test_verdict_and_its_code(boot, mkimg, size):
    """The failed tests stand below the letters, each with its reason; the code is the line."""
    width, height = size.split("x")
    plan = "test broken expect=exit:3 /bin/minimal\ntest absent /bin/is-not-there\n"
    extra = ["-vga", "none", "-device", f"VGA,xres={width},yres={height},vgamem_mb=64"]
    taken = []
    outcome = boot(mkimg(plan=plan, words="after=halt"), exit_device=False, until=VERDICT,
                   extra=extra,
                   then=lambda running: taken.append(taken_when(running, code_read)))
    screen = taken[0]
    assert (screen.width, screen.height) == (int(width), int(height))
    text = [line.strip() for line in screen.text()]
    assert text[text.index("broken") + 1] == "expected exit:3, got exit:0"
    assert text[text.index("absent") + 1].startswith("could not start /bin/is-not-there: ENOENT")
    verdict = [line for line in outcome.log.splitlines() if line.startswith(VERDICT)]
    assert code_read(screen) == verdict[0][len("# "):]


def test_traced_verdict_has_no_code(boot, mkimg):
    """The calls of the program that draws it would be lines behind the verdict."""
    outcome = boot(mkimg(plan="test a /bin/minimal\n", words="trace=syscall"))
    assert outcome.log.rstrip().splitlines()[-1].startswith(VERDICT)


def busy_us(report, name):
    """Microseconds that the processor was busy up to a test that shows /proc/uptime."""
    up, idle = report.result(name).output[0].split()
    return (float(up) - float(idle)) * 1e6


def test_scrolling_is_cheap(boot, mkimg):
    """A thousand lines cost at most a tenth of the instructions of a console that copies the whole
    screen for each, eight bytes an instruction: with a screen, minus without one."""
    plan = "test before /bin/cat /proc/uptime\n" \
        "test lines limit=60 /bin/sh -c \"" \
        "yes 'a line of some fifty letters, as reports have them' | head -n 1000\"\n" \
        "test after /bin/cat /proc/uptime\n"
    image, cost = mkimg(plan=plan), {}
    displays = {"screen": ["-vga", "none", "-device", "VGA,xres=1920,yres=1080"],
                "none": ["-vga", "none"]}
    for name, extra in displays.items():
        outcome = boot(image, extra=["-icount", "shift=5,sleep=off"] + extra)
        assert outcome.code == machine.PASS, outcome.message
        busy = busy_us(outcome.report, "after") - busy_us(outcome.report, "before")
        cost[name] = busy / 0.032
    copying = 1000 * 1920 * 1080 * 4 / 8
    print(f"screen {cost['screen']:,.0f}, none {cost['none']:,.0f}, copying {copying:,.0f}")
    assert cost["none"] < cost["screen"], "nothing was drawn"
    assert cost["screen"] - cost["none"] <= copying / 10


@pytest.mark.parametrize("devices", [("VGA", "secondary-vga"), ("secondary-vga", "VGA")],
                         ids=["VGA first", "VGA second"])
def test_two_displays(boot, mkimg, devices):
    """OVMF's console is on both: the verdict is on the one that it finds first. (A display without
    the console is what the quirk graphics-order has.)"""
    extra, texts = ["-vga", "none"], []
    for place, device in enumerate(devices):
        extra += ["-device", f"{device},id=display{place}"]

    def take(running):
        texts.append("\n".join(taken_when(running, has_banner, device="display0").text()))
        texts.append("\n".join(Screen(running, "display1").text()))

    outcome = boot(mkimg(plan="test a /bin/minimal\n", words="after=halt"), exit_device=False,
                   until=VERDICT, then=take, extra=extra)
    assert outcome.report.verdict == "PASS"
    assert ["verdict=PASS" in text for text in texts] == [True, False]


def test_firmware_alone_can_draw(boot, mkimg):
    """A display whose every mode is BltOnly: none, as far as the kernel is concerned."""
    outcome = boot(mkimg(plan="test a /bin/minimal\n"),
                   extra=["-vga", "none", "-device", "virtio-gpu-pci"])
    assert outcome.code == machine.PASS, outcome.message
    assert "firstlight: no framebuffer, going on without" in outcome.log


def test_window_ends_with_the_verdict_of_the_report(mkimg):
    """run.sh -w, without a window here: power-off ends it, as closing the window does."""
    for plan, code in (("test a /bin/minimal\n", machine.PASS),
                       ("test a expect=exit:1 /bin/minimal\n", machine.FAIL)):
        done = run(tool("run.sh"), "-w", mkimg(plan=plan).path, "--", "-display", "none")
        assert done.returncode == code, done.stderr


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
