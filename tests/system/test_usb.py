# SPDX-License-Identifier: MIT
"""usb.sh: what it refuses to write on, what it asks, what is on the stick then.

No stick is needed. Where loop devices can be had, one of them plays its part by the hook that
usb.sh has for that. The refusals that need other hardware get it from a false lsblk.
"""
import glob
import os
import stat

import pytest

import machine
from conftest import NOT_HERE, SBIN, Image, esp_offset, run, tool

MIB = 1 << 20


@pytest.fixture
def image(tmp_path):
    """Bytes of some length, for the cases that end before they are looked at."""
    path = tmp_path / "x.img"
    path.write_bytes(os.urandom(1 * MIB))
    return path


@pytest.fixture
def idle_device():
    """A block device that has nothing behind it: were it written to, nothing would be lost."""
    for path in sorted(glob.glob("/dev/loop[0-9]*")):
        name = os.path.basename(path)
        if os.path.exists(f"/sys/class/block/{name}") and \
           not os.path.exists(f"/sys/class/block/{name}/loop/backing_file"):
            return path
    return pytest.skip(f"{NOT_HERE}there is no block device without a purpose")


def usb(*args, typed="", fakes=None, folder=None, **env):
    """usb.sh with this typed, and with these commands in place of the system's."""
    path = SBIN["PATH"]
    if fakes:
        (folder / "bin").mkdir()
        for name, text in fakes.items():
            (folder / "bin" / name).write_text(f"#!/bin/bash\n{text}\n")
            (folder / "bin" / name).chmod(0o755)
        path = f"{folder / 'bin'}:{path}"
    return run(tool("usb.sh"), *args, input=typed, env=dict(SBIN, PATH=path, **env))


def refused(done, *words):
    assert done.returncode == 1, done.stdout
    for word in words:
        assert word in done.stderr
    assert "writing" not in done.stdout


def test_without_a_device_it_lists_them(image):
    done = usb("", image)
    assert done.returncode == 1
    assert "make usb DEV=" in done.stdout and "Removable disks" in done.stdout


@pytest.mark.parametrize("path", ["/dev/null", "/nowhere/x", "/", __file__])
def test_no_block_device(image, path):
    refused(usb(path, image), path, "is not a block device")


def test_no_image(idle_device):
    refused(usb(idle_device, "/nowhere/x.img"), "/nowhere/x.img is not there", "make image")


def test_loop_device_without_the_hook(stick, image):
    device, path = stick
    before = path.read_bytes()
    refused(usb(device, image, typed=os.path.basename(device) + "\n"), "is a loop device")
    assert path.read_bytes() == before


HARDWARE = {
    # name: (TYPE RM RO SIZE of the device, TYPE MOUNTPOINTS of it and all on it, words)
    "partition": ("part 1 0 99999999", "part", ["is a partition of /dev/sdx"]),
    "CD": ("rom 1 0 99999999", "rom", ["of type rom"]),
    "mounted": ("disk 1 0 99999999", "disk\npart\npart /media/a\\x20b", ["in use", "umount"]),
    "mounted whole": ("disk 1 0 99999999", "disk /", ["in use"]),
    "swap": ("disk 1 0 99999999", "disk\npart [SWAP]", ["in use"]),
    "encrypted": ("disk 1 0 99999999", "disk\npart\ncrypt", ["in use"]),
    "LVM": ("disk 1 0 99999999", "disk\nlvm", ["in use"]),
    "fixed": ("disk 0 0 99999999", "disk\npart", ["not a removable medium"]),
    "write-protected": ("disk 1 1 99999999", "disk", ["read-only"]),
    "empty reader": ("disk 1 0 0", "disk", ["no medium inside"]),
    "too small": ("disk 1 0 1048575", "disk", ["1048575 bytes", "1048576"]),
}


@pytest.mark.parametrize("name", HARDWARE)
def test_hardware(idle_device, image, tmp_path, name):
    own, tree, words = HARDWARE[name]
    lsblk = ("case $* in *TYPE,RM,RO,SIZE*) echo '%s' ;; *TYPE,MOUNTPOINTS*) echo '%s' ;;"
             " *PKNAME*) echo sdx ;; esac" % (own, tree))
    typed = os.path.basename(idle_device) + "\n"
    done = usb(idle_device, image, typed=typed, fakes={"lsblk": lsblk}, folder=tmp_path)
    refused(done, idle_device, *words)
    assert "Type" not in done.stdout, "refused before anything is asked"


@pytest.mark.parametrize("typed", ["", "\n", "y\n", "yes\n", "/dev/null\n"])
def test_another_answer(stick, image, typed):
    device, path = stick
    before = path.read_bytes()
    refused(usb(device, image, typed=typed, FIRSTLIGHT_USB="loop"), "nothing was written")
    assert path.read_bytes() == before


def test_mounted_while_the_name_was_typed(stick, image, tmp_path):
    device, path = stick
    before = path.read_bytes()
    lsblk = (f"case $* in *TYPE,MOUNTPOINTS*) [ -e {tmp_path}/asked ] && echo 'loop /mnt'"
             f" || echo loop; touch {tmp_path}/asked ;; *) exec /usr/bin/lsblk \"$@\" ;; esac")
    done = usb(device, image, typed=os.path.basename(device) + "\n", fakes={"lsblk": lsblk},
               folder=tmp_path, FIRSTLIGHT_USB="loop")
    refused(done, "in use")
    assert path.read_bytes() == before


@pytest.mark.parametrize("dd, words", [
    ("exit 1", "writing failed"),
    ("exit 0", "what was read back is not what was written"),  # as some false sticks do
])
def test_bad_medium(stick, image, tmp_path, dd, words):
    device, _ = stick
    fake = f"[[ $* != *of=* ]] || {dd}\nexec /bin/dd \"$@\""
    done = usb(device, image, typed=os.path.basename(device) + "\n", fakes={"dd": fake},
               folder=tmp_path, FIRSTLIGHT_USB="loop")
    assert done.returncode == 1 and words in done.stderr
    assert "verified" not in done.stdout


def test_stick_that_is_pulled_out(stick, image, tmp_path):
    """Its name goes; what is made in its place would be written, read back and found good."""
    device, _ = stick
    name = tmp_path / os.path.basename(device)
    try:
        os.mknod(name, 0o600 | stat.S_IFBLK, os.stat(device).st_rdev)
        os.close(os.open(name, os.O_RDWR))
    except OSError as error:
        pytest.skip(f"{NOT_HERE}no second name for a device: {error}")
    fake = f"[[ $* != *of=* ]] || rm -f {name}\nexec /bin/dd \"$@\""
    done = usb(name, image, typed=name.name + "\n", fakes={"dd": fake}, folder=tmp_path,
               FIRSTLIGHT_USB="loop")
    assert done.returncode == 1 and "writing failed" in done.stderr
    assert not name.exists()


def test_image_by_another_name(stick, tmp_path):
    """All that the link leads to is written, not as many bytes as its text has."""
    device, path = stick
    image, link = tmp_path / "real file", tmp_path / "link"
    run("truncate", "-s", 9 * MIB, image)
    run("sfdisk", "-q", image, input="label: gpt\nsize=8\n", env=SBIN)
    with open(image, "r+b") as file:
        file.seek(5 * MIB)
        file.write(b"behind the first piece")
    link.symlink_to(image.name)
    done = usb(device, link, typed=os.path.basename(device) + "\n", FIRSTLIGHT_USB="loop")
    assert done.returncode == 0, done.stdout + done.stderr
    with open(path, "rb") as file:
        file.seek(5 * MIB)
        assert file.read(22) == b"behind the first piece"


@pytest.mark.parametrize("stick_mib", [280])
@pytest.mark.parametrize("layout", [None, "--iso"], ids=["disk", "iso"])
def test_stick_is_whole_and_boots(boot, mkimg, stick, layout):
    """The partition table reaches to the end of the stick, as the specification wants it."""
    device, path = stick
    made = mkimg(plan="test a /bin/minimal\n", layout=layout)
    done = usb(device, made.path, typed=os.path.basename(device) + "\n", FIRSTLIGHT_USB="loop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "100 %" in done.stdout and "written and verified" in done.stdout
    checked = run("sgdisk", "-v", path, env=SBIN)
    assert checked.returncode == 0 and "No problems found" in checked.stdout, checked.stdout
    stick_bytes, image_bytes = path.read_bytes(), open(made.path, "rb").read()
    assert stick_bytes[-512:-504] == b"EFI PART"
    start, end = esp_offset(path), len(image_bytes) - 64 * 512
    assert stick_bytes[start:end] == image_bytes[start:end]
    assert Image(path).read("plan.txt") == b"test a /bin/minimal\n"
    assert boot(path, disk="usb").code == machine.PASS
