# SPDX-License-Identifier: MIT
"""Strange firmware: the loader under tests/quirk, which makes OVMF behave like each of them.

The table of tests/quirk/README.md says what is expected; this file has a line for each of its rows.
"""
import os
import re
import struct
import tempfile

import pytest

import machine
from conftest import BUILD, TOP, Image
from test_screen import code_read, loudest, picture, taken_when

PLAN = "test a /bin/minimal\n"
LIST = "test list user=1000 /bin/busybox ls /sys/firmware/efi/efivars\n"
# The sizes are those of the list; behind the attributes there is nothing but zeroes.
CLEAN = ("test dirty /bin/busybox cat /proc/cpuinfo /proc/meminfo /proc/stat\n"
         'test clean /bin/sh -c "cd /sys/firmware/efi/efivars; test $(ls | wc -l) -gt 5 && '
         """test $(cat * | tr -dc ' -~' | wc -c) = 0"\n""")
PASSES, ENDS, OFF = "PASS", "no verdict, status 0", "PASS, and switched off"
DEAD = "faulted or did not come back: none is called any more"
KEPT, NOT_KEPT = "report: complete after the next start", "report: not kept"

QUIRKS = {
    # name: (what is to happen, words on the serial line, options of the machine)
    "none": (PASSES, [], {}),
    "no-optional-protocols": (PASSES, [], {}),
    "low-memory-marked": (PASSES, [], {}),
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
    "breakpoint-left": (PASSES, [], {}),
    "xd-disabled": (PASSES, ["firstlight: processor: execute-disable was off",
                             "processor 1: execute-disable was off"],
                    {"cpu": "Nehalem", "cpus": 2}),
    "la57": (PASSES, ["quirk: 5-level paging is on"], {}),
    "runtime-attribute": (PASSES, [], {}),
    "unknown-types": (PASSES, [], {}),
    "map-600": (PASSES, [], {}),
    "descriptor-large": (PASSES, [], {}),
    "map-overlap": (PASSES, [], {}),
    "map-unaligned": (PASSES, [], {}),
    "map-outgrows": (ENDS, ["firstlight: refused: firmware: does not let the loader leave boot "
                            "services (error 28)"], {}),
    "reset-returns": (ENDS, ["firstlight: refused: firmware: does not let the loader leave boot "
                             "services"], {}),
    "read-short": (PASSES, [], {}),
    "read-fails": (ENDS, ["firstlight: refused: rootfs.cpio: cannot be read",
                          "quirk: the loader came back"], {}),
    "watchdog": (PASSES, [], {}),
    "no-connect": (PASSES, [], {}),
    "drivers-stopped": (PASSES, ["starting the firmware's drivers for disks"], {}),
    "drivers-missing": (ENDS, ["firstlight: refused: \\firstlight: no volume has this directory",
                               "quirk: the loader came back"], {}),
    "media-changed": (PASSES, [], {}),
    "options-binary": (PASSES, ["firstlight: load options: not printable text, ignored"], {}),
    "graphics-no-mode": (PASSES, ["firstlight: no framebuffer, going on without"], {}),
    "graphics-small": (PASSES, ["firstlight: no framebuffer, going on without"], {}),
    "graphics-none": (PASSES, ["firstlight: no framebuffer, going on without"], {}),
    "graphics-panel": (PASSES, ["screen: 1366x768 pixels"],
                       {"extra": ["-vga", "none", "-device", "VGA,xres=1440,yres=900"]}),
    "graphics-4k": (PASSES, ["screen: 3840x2160 pixels"],
                    {"extra": ["-vga", "none", "-device", "VGA,vgamem_mb=64"]}),
    "graphics-order": (PASSES, ["screen: 1280x800 pixels"], {}),
    "memory-attributes-unknown": (PASSES, [], {}),
    "low-memory-full": (PASSES, ["firstlight: no memory below 1 MiB"], {}),
    "acpi-1": (PASSES, [], {"cpus": 2}),
    "no-acpi": (PASSES, ["acpi: no root pointer"], {}),
    "rsdp-broken": (PASSES, [], {"cpus": 2}),
    "xsdt-broken": (PASSES, ["acpi: root table XSDT"], {"cpus": 2}),
    "s5-in-ssdt": (OFF, ["acpi: an SSDT has the sleep types"],
                   {"words": "report=off stay=1", "exit_device": False}),
    "device-writes": (PASSES, ["quirk: the page is at"], {"extra": ["-device", "edu"]}),
    "inventory-garbage": (PASSES, [], {}),
    "inventory-errors": (PASSES, [], {}),
    "inventory-hangs": (PASSES, ["inventory: the firmware did not come back when asked about disk"],
                        {}),
    "inventory-many": (PASSES, [], {}),
    "inventory-in-use": (PASSES, [], {}),
    "inventory-no-timer": (PASSES, ["the firmware has no timer: devices are not asked"], {}),
    "runtime-undefined": (PASSES, [DEAD, NOT_KEPT], {"words": "report=next"}),
    "runtime-null": (PASSES, [DEAD, NOT_KEPT], {"words": "report=now"}),
    "runtime-jumps-away": (PASSES, [DEAD, NOT_KEPT], {"words": "report=next"}),
    "runtime-stack": (PASSES, [DEAD, NOT_KEPT], {"words": "report=next"}),
    "runtime-hangs": (PASSES, [DEAD, NOT_KEPT], {"words": "report=next"}),
    "runtime-hangs-alone": (PASSES, [DEAD, NOT_KEPT], {"words": "report=next", "cpus": 2}),
    "runtime-boot-services": (PASSES, ["stays out of use", KEPT],
                              {"words": "report=next", "memory": "2G"}),
    "get-time-faults": (PASSES, [DEAD, KEPT], {"words": "report=next"}),
    "variables-nearly-full": (PASSES, [NOT_KEPT], {"words": "report=now"}),
    "variables-room-unknown": (PASSES, [NOT_KEPT], {"words": "report=now"}),
    "variables-refused": (PASSES, [NOT_KEPT], {"words": "report=next"}),
    "variables-second-refused": (PASSES, ["report: the firmware keeps 1 of ", KEPT],
                                 {"words": "report=next", "plan": PLAN * 30}),
    "boot-next-ignored": (ENDS, ["now starts from this stick again"], {"words": "report=now"}),
    "reset-faults": (ENDS, ["now starts from this stick again", DEAD], {"words": "report=now"}),
    "virtual-map": (PASSES, [KEPT], {"words": "report=next"}),
    "boot-current-missing": (PASSES, ["takes no order for the next start", KEPT],
                             {"words": "report=now"}),
    "variable-names-repeat": (PASSES, ["efi: the firmware repeats the name of a variable"],
                              {"plan": LIST}),
    "variable-names-fault": (PASSES, [DEAD], {"plan": LIST}),
    "variable-names-slow": (PASSES, ["the firmware is slow"],
                            {"plan": LIST.replace(" user", " limit=40 user")}),
    "variables-unwritten": (PASSES, [], {"plan": CLEAN}),
}
USED_OTHERWISE = 10  # MiB that the kernel does not count, at least
# What must not be used of the 256 MiB that the machine has, in MiB.
NOT_USED = {"runtime-attribute": 60, "unknown-types": 60, "map-overlap": 32, "map-unaligned": 60}


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
        assert outcome.report.fields["cpus"] == "{0}/{0}".format(options.get("cpus", 1))
        given = {"2G": 2048, "6G": 6144}.get(options.get("memory"), 256)
        lost = given - int(outcome.report.fields["memory"].removesuffix("MiB"))
        assert lost > USED_OTHERWISE + NOT_USED.get(name, -USED_OTHERWISE)
    elif expected == OFF:
        assert outcome.report.verdict == "PASS" and outcome.reason == "guest-shutdown"
    else:
        assert outcome.status == 0 and outcome.code == machine.NO_VERDICT
        assert ("KTAP version" in outcome.log) == ("words" in options)


def test_little_memory_goes_before_strange_firmware(boot, mkimg):
    """With 256 MiB the memory of boot services has other users: such a call is stopped."""
    outcome = boot(make(mkimg, "runtime-boot-services", words="report=next"))
    assert DEAD in outcome.log and NOT_KEPT in outcome.log
    assert outcome.code == machine.PASS, outcome.message


@pytest.mark.parametrize("words, fill", [(None, 0x55), ("dma=keep", 0)], ids=["off", "keep"])
def test_device_that_writes(boot, mkimg, words, fill):
    """The page at which it aims, when all is over."""
    pages = []

    def read_page(running):
        address = int(re.search(r"the page is at (0x[0-9a-f]+)", running.log).group(1), 16)
        with tempfile.NamedTemporaryFile() as file:
            running.qmp.command("pmemsave", val=address, size=4096, filename=file.name)
            pages.append(file.read())

    image = make(mkimg, "device-writes", words=" ".join(filter(None, ["after=halt", words])))
    outcome = boot(image, extra=["-device", "edu"], exit_device=False,
                   until="# firstlight: verdict=", then=read_page)
    assert "quirk: FAULT" not in outcome.log
    assert pages == [bytes([fill]) * 2048 + b"\x55" * 2048]


LOW_MARK = 0x4C4F574D00000000  # of tests/quirk/memory.c


def test_free_memory_below_1_mib_is_left_alone(boot, mkimg):
    """Each word of it has its own address, still when all is over."""
    marked = []

    def count_marks(running):
        with tempfile.NamedTemporaryFile() as file:
            running.qmp.command("pmemsave", val=0, size=1 << 20, filename=file.name)
            words = struct.unpack("<131072Q", file.read())
        for page in range(0, 1 << 20, 4096):
            hits = sum(words[at // 8] == LOW_MARK | at for at in range(page, page + 4096, 8))
            if hits:
                marked.append(hits)

    outcome = boot(make(mkimg, "low-memory-marked", words="after=halt"), cpus=2, exit_device=False,
                   until="# firstlight: verdict=", then=count_marks)
    assert "verdict=PASS" in outcome.log
    npages = int(re.search(r"quirk: (0x\w+) pages are marked", outcome.log)[1], 16)
    assert npages > 100 and marked == [512] * npages


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


def test_panel_with_longer_lines(boot, mkimg):
    """Nothing is slanted, and nothing is drawn beside the picture."""
    extra = QUIRKS["graphics-panel"][2]["extra"]
    screen, _ = picture(boot, make(mkimg, "graphics-panel", words="after=halt"), extra=extra)
    assert (screen.width, screen.height) == (1440, 900)
    ground, _ = screen.colours(0, 100)[0]
    assert [screen.pixel(x, 4) for x in (0, 1365)] == [ground] * 2
    assert ground not in [screen.pixel(x, y) for x in range(1366, 1440) for y in range(900)]
    assert "verdict=PASS" in "\n".join(screen.text())


def test_verdict_on_a_large_screen(boot, mkimg):
    """Readable: letters of twice the size; the code can be read."""
    taken = []
    outcome = boot(make(mkimg, "graphics-4k", words="after=halt"), exit_device=False,
                   extra=QUIRKS["graphics-4k"][2]["extra"], until="# firstlight: verdict=",
                   then=lambda running: taken.append(taken_when(running, code_read)))
    assert (taken[0].width, taken[0].height) == (3840, 2160)
    lines = taken[0].text()
    assert len(lines) == 2160 // 32 and any("verdict=PASS" in line for line in lines)
    assert f"# {code_read(taken[0])}" in outcome.log.splitlines()


def test_read_limit_means_something(mkimg):
    assert len(Image(mkimg(plan=PLAN).path).read("rootfs.cpio")) > 1 << 20
