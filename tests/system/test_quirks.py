# SPDX-License-Identifier: MIT
"""Strange firmware: the loader under tests/quirk, which makes OVMF behave like each of them.

The table of tests/quirk/README.md says what is expected; this file has a line for each of its rows.
"""
import os
import re

import pytest

import machine
from conftest import BUILD, TOP, Image
from test_screen import loudest, picture

PLAN = "test a /bin/minimal\n"
PASSES, ENDS = "PASS", "no verdict, status 0"

QUIRKS = {
    # name: (what is to happen, words on the serial line, options of the machine)
    "none": (PASSES, [], {}),
    "exit-stale-once": (PASSES, [], {}),
    "exit-stale-twice": (PASSES, [], {}),
    "exit-stale-always": (ENDS, ["firstlight: refused: firmware: does not let the loader leave "
                                 "boot services"], {}),
    "map-grows": (PASSES, [], {}),
    "descriptor-size": (PASSES, [], {}),
    "allocation-types": (PASSES, [], {}),
    "read-limit": (PASSES, [], {}),
    "high-memory": (PASSES, [], {"memory": "6G"}),
    "no-file-path": (PASSES, [], {}),
    "no-device": (PASSES, [], {}),
    "read-hangs": (ENDS, ["quirk: a read that never ends"], {"timeout": 60}),
    "graphics-rgb": (PASSES, [], {}),
    "graphics-mask": (PASSES, [], {}),
    "graphics-blt-only": (PASSES, ["firstlight: no framebuffer, going on without"], {}),
    "graphics-blt-only-in-use": (PASSES, [], {}),
    "memory-attributes": (PASSES, ["firstlight: jump code made executable by the memory attribute "
                                   "protocol"], {}),
    "memory-attributes-refused": (ENDS, ["firstlight: refused: firmware: does not let the "
                                         "loader's code run", "quirk: the loader came back"], {}),
    "serial-by-hand": (PASSES, ["firstlight: starting the kernel"], {}),
    "no-osfxsr": (PASSES, [], {}),
    "no-fpu": (PASSES, [], {}),
    "fpu-state": (PASSES, [], {}),
    "breakpoint-left": (PASSES, [], {}),
    "xd-disabled": (PASSES, ["firstlight: processor: execute-disable was off",
                             "processor 1: execute-disable was off"],
                    {"cpu": "Nehalem", "cpus": 2}),
    "la57": (PASSES, ["quirk: 5-level paging is on"], {}),
}


def make(mkimg, name, plan=PLAN, **more):
    image = mkimg(plan=plan, **more)
    with open(os.path.join(BUILD, "efi/BOOTX64.EFI"), "rb") as file:
        image.write("loader.efi", file.read())
    with open(os.path.join(BUILD, "quirk/QUIRK.EFI"), "rb") as file:
        image.write_loader(file.read())
    image.write("quirk.txt", name.encode())
    return image


def test_every_quirk_of_the_table_is_here():
    with open(os.path.join(TOP, "tests/quirk/README.md"), encoding="utf-8") as file:
        names = re.findall(r"^\| (?:F\d+|-) \| `([\w-]+)` \|", file.read(), re.M)
    assert sorted(names) == sorted(QUIRKS)


@pytest.mark.parametrize("name", QUIRKS)
def test_quirk(boot, mkimg, name):
    expected, words, options = QUIRKS[name]
    outcome = boot(make(mkimg, name), **options)
    assert f"quirk: {name}" in outcome.log
    assert "quirk: FAULT" not in outcome.log
    for word in words:
        assert outcome.log.count(word) == 1
    if expected == PASSES:
        assert outcome.code == machine.PASS, outcome.message
    else:
        assert outcome.status == 0 and outcome.code == machine.NO_VERDICT
        assert "KTAP version" not in outcome.log


@pytest.mark.parametrize("name, strongest", [
    ("graphics-rgb", 2), ("graphics-mask", 0), ("graphics-blt-only-in-use", 0),
])
def test_colours(boot, mkimg, name, strongest):
    """The red banner of a FAIL; blue where the firmware says the wrong order of colours."""
    screen, outcome = picture(boot, make(mkimg, name, plan="test a /bin/busybox false\n",
                                         words="after=halt"))
    assert "quirk: FAULT" not in outcome.log
    colour = loudest(screen)
    assert all(colour[strongest] > other + 40 for n, other in enumerate(colour) if n != strongest)
    assert "verdict=FAIL" in "\n".join(screen.text())


def test_read_limit_means_something(mkimg):
    assert len(Image(mkimg(plan=PLAN).path).read("rootfs.cpio")) > 1 << 20
