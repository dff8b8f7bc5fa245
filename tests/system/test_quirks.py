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
DEAD = "faulted or did not come back: none is called any more"
KEPT, NOT_KEPT = "report: complete after the next start", "report: not kept"

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
    "runtime-undefined": (PASSES, [DEAD, NOT_KEPT], {"words": "report=next"}),
    "runtime-null": (PASSES, [DEAD, NOT_KEPT], {"words": "report=now"}),
    "runtime-jumps-away": (PASSES, [DEAD, NOT_KEPT], {"words": "report=next"}),
    "runtime-stack": (PASSES, [DEAD, NOT_KEPT], {"words": "report=next"}),
    "runtime-hangs": (PASSES, [DEAD, NOT_KEPT], {"words": "report=next"}),
    "runtime-hangs-alone": (PASSES, [DEAD, NOT_KEPT], {"words": "report=next", "cpus": 2}),
    "get-time-faults": (PASSES, [DEAD, KEPT], {"words": "report=next"}),
    "variables-nearly-full": (PASSES, [NOT_KEPT], {"words": "report=now"}),
    "variables-room-unknown": (PASSES, [NOT_KEPT], {"words": "report=now"}),
    "variables-refused": (PASSES, [NOT_KEPT], {"words": "report=next"}),
    "variables-second-refused": (PASSES, ["report: the firmware keeps 1 of ", KEPT],
                                 {"words": "report=next", "plan": PLAN * 30}),
    "boot-next-ignored": (ENDS, ["now starts from this stick again"], {"words": "report=now"}),
    "reset-faults": (ENDS, ["now starts from this stick again", DEAD], {"words": "report=now"}),
    "boot-current-missing": (PASSES, ["takes no order for the next start", KEPT],
                             {"words": "report=now"}),
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
    of_image = {key: options[key] for key in ("plan", "words") if key in options}
    of_machine = {key: options[key] for key in options if key not in of_image}
    outcome = boot(make(mkimg, name, **of_image), **of_machine)
    assert f"quirk: {name}" in outcome.log
    assert "quirk: FAULT" not in outcome.log
    for word in words:
        assert outcome.log.count(word) == 1
    if expected == PASSES:
        assert outcome.code == machine.PASS, outcome.message
    else:
        assert outcome.status == 0 and outcome.code == machine.NO_VERDICT
        assert ("KTAP version" in outcome.log) == ("words" in options)


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
