# SPDX-License-Identifier: MIT
"""mkimg.sh: what is on the image, the same bytes every time, and clear words when it cannot be."""
import os
import shlex
import shutil
import struct
import time

import pytest

from conftest import BUILD, MTOOLS_ENV, TOP, Image, run, tool

PAGE = 4096


@pytest.fixture
def build(tmp_path):
    """A build directory of the test's own, with small stand-ins for kernel and loader."""
    folder = tmp_path / "build"
    for name, data in (("kernel/kernel.elf", b"kernel" * 1000), ("efi/BOOTX64.EFI", b"loader"),
                       ("user/rootfs/usr/bin/minimal", b"minimal")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "user/rootfs/usr/bin/minimal").chmod(0o775)  # as a umask of 002 would have it
    return folder


def make(build, out, *args, **more):
    return run(tool("mkimg.sh"), "-b", build, "-o", out, *args, **more)


def archive(image, folder):
    """The rootfs of an image as {path: (mode, nlink, data offset, data)} and its raw bytes."""
    raw = Image(image).read("rootfs.cpio")
    (folder / "rootfs.cpio").write_bytes(raw)
    found, at = {}, 0
    while True:
        assert raw[at:at + 6] == b"070701"
        field = [int(raw[at + 6 + 8 * n:at + 14 + 8 * n], 16) for n in range(13)]
        name = raw[at + 110:at + 110 + field[11]].rstrip(b"\0").decode()
        start = (at + 110 + field[11] + 3) & ~3
        assert field[2] == 0 and field[3] == 0, "owner"
        if name == "TRAILER!!!":
            return found, raw
        assert field[11] <= PAGE
        found[name] = (field[1], field[4], start, raw[start:start + field[6]])
        at = (start + field[6] + 3) & ~3


def test_layout_of_the_disk(build, tmp_path):
    image = tmp_path / "a.img"
    (tmp_path / "trace=file").touch()  # no pattern for file names, even where one fits
    done = make(build, image, "-c", "after=halt trace=*", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    disk = image.read_bytes()
    assert disk[510:512] == b"\x55\xaa"
    kind, start, count = disk[450], *struct.unpack("<II", disk[454:462])
    assert (kind, start) == (0x0C, 2048)
    assert (start + count) * 512 == len(disk)
    assert disk[462:510] == bytes(48), "one partition only"
    volume = tmp_path / "volume"
    volume.write_bytes(disk[start * 512:])
    checked = run("fsck.vfat", "-n", "-v", volume,
                  env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
    assert checked.returncode == 0, checked.stdout
    assert "16 bit entries" in checked.stdout
    listed = run("mdir", "-i", f"{image}@@1M", "-/", "-b", "::", env=MTOOLS_ENV).stdout.split()
    assert sorted(listed) == ["::/EFI/", "::/EFI/BOOT/", "::/EFI/BOOT/BOOTX64.EFI",
                              "::/firstlight/", "::/firstlight/boot.cfg",
                              "::/firstlight/checksums", "::/firstlight/kernel.elf",
                              "::/firstlight/rootfs.cpio"]
    config = Image(image).read("boot.cfg").decode().splitlines()
    assert config[0].startswith("#") and config[1:] == ["after=halt", "trace=*"]
    label = run("mlabel", "-s", "-i", f"{image}@@1M", "::", env=MTOOLS_ENV).stdout
    assert "FIRSTLIGHT" in label


def test_checksums_are_those_of_cksum(build, tmp_path):
    make(build, tmp_path / "a.img")
    image = Image(tmp_path / "a.img")
    for name in ("kernel.elf", "rootfs.cpio"):
        (tmp_path / name).write_bytes(image.read(name))
    told = image.read("checksums").decode()
    assert told == run("cksum", "kernel.elf", "rootfs.cpio", cwd=tmp_path).stdout


def test_plan_is_copied_as_it_is(build, tmp_path):
    (tmp_path / "p").write_bytes(b"test a /bin/minimal\r\n\xff")
    make(build, tmp_path / "a.img", "-p", tmp_path / "p")
    assert Image(tmp_path / "a.img").read("plan.txt") == b"test a /bin/minimal\r\n\xff"


def test_bare_is_the_volume_alone(build, tmp_path):
    assert make(build, tmp_path / "disk").returncode == 0
    assert make(build, tmp_path / "bare", "--bare").returncode == 0
    disk, bare = (tmp_path / "disk").read_bytes(), (tmp_path / "bare").read_bytes()
    assert len(disk) - len(bare) == 1 << 20
    assert bare[510:512] == b"\x55\xaa" and bare[54:59] == b"FAT16"
    hidden = slice(28, 32)  # where the volume begins on the disk: the only difference
    assert struct.unpack("<I", bare[hidden])[0] == 0
    assert bare[32:] == disk[(1 << 20) + 32:]


def test_same_bytes_from_anywhere_by_anyone(build, tmp_path):
    tree = tmp_path / "tree"
    for name in ("b", "a", "c/d"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    plan = tmp_path / "plan"
    plan.write_text("test a /a\n")
    assert make(build, tmp_path / "1.img", "-r", tree, "-p", plan, "-c", "x=1").returncode == 0
    time.sleep(2.1)  # FAT counts in steps of two seconds
    # another order of creation, other times, another directory, umask, time zone and locale
    other = tmp_path / "elsewhere" / "tree"
    for name in ("c/d", "a", "b"):
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text(name)
        os.utime(other / name, (1, 1))
    done = run("bash", "-c", f"umask 077; {shlex.quote(tool('mkimg.sh'))} -b ../build "
                             "-o ../2.img -r tree -p ../plan -c x=1", cwd=tmp_path / "elsewhere",
               env=dict(os.environ, TZ="Asia/Kolkata", LC_ALL="C.UTF-8"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "1.img").read_bytes() == (tmp_path / "2.img").read_bytes()


def test_needs_no_root(build, tmp_path):
    """As nobody, with nothing writable but the target's directory. Who isn't root does it so."""
    home = tmp_path / "nobody"
    home.mkdir()
    somebody = {}
    if os.getuid() == 0:
        somebody = {"user": 65534, "group": 65534, "extra_groups": []}
        os.chown(home, 65534, 65534)
        for folder in (tmp_path, *tmp_path.parents):
            if not os.stat(folder).st_mode & 1:
                os.chmod(folder, os.stat(folder).st_mode | 0o111)
    make(build, tmp_path / "root.img")
    # The checkout itself may lie where nobody has no business, such as in root's home.
    for part in ("tools", "rootfs"):
        shutil.copytree(os.path.join(TOP, part), tmp_path / "checkout" / part)
    done = run(tmp_path / "checkout/tools/mkimg.sh", "-b", build, "-o", home / "a.img",
               env=dict(os.environ, TMPDIR=str(home)), **somebody)
    assert done.returncode == 0, done.stderr
    assert (home / "a.img").read_bytes() == (tmp_path / "root.img").read_bytes()


def test_archive_is_read_by_cpio_and_bsdtar(build, tmp_path):
    make(build, tmp_path / "a.img")
    found, _ = archive(tmp_path / "a.img", tmp_path)
    names = sorted(found)
    with open(tmp_path / "rootfs.cpio", "rb") as file:
        listed = run("cpio", "-t", "--quiet", stdin=file)
    assert listed.returncode == 0 and listed.stderr == ""
    assert sorted(set(listed.stdout.split("\n")) - {""}) == names
    listed = run("bsdtar", "-tf", tmp_path / "rootfs.cpio")
    assert listed.returncode == 0 and listed.stderr == ""
    assert sorted({n.removesuffix("/") for n in listed.stdout.split("\n")} - {""}) == names


def test_large_files_start_on_pages(build, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(150):  # names of many lengths bring every kind of remainder
        (tree / ("n" * (1 + number % 90) + str(number))).write_bytes(b"x" * (PAGE + number * 7))
    for number in range(40):  # and these end so late in a page that the next name has no room in it
        (tree / ("z" * 90 + f"{number:02}")).write_bytes(b"x" * (PAGE + 3850 + 4 * number))
    make(build, tmp_path / "a.img", "-r", tree)
    found, _ = archive(tmp_path / "a.img", tmp_path)
    large = [entry for entry in found.values() if len(entry[3]) >= PAGE and entry[0] >> 12 == 8]
    assert len(large) > 150
    assert all(entry[2] % PAGE == 0 for entry in large)


def test_base_is_debians_layout_with_debians_busybox(build, tmp_path):
    make(build, tmp_path / "a.img")
    found, _ = archive(tmp_path / "a.img", tmp_path)
    for link in ("bin", "sbin", "lib", "lib64"):
        assert found[link][0] == 0o120777 and found[link][3] == b"usr/" + link.encode()
    assert found["tmp"][0] == 0o41777
    assert {"dev", "proc", "sys", "etc", "root", "home", "var"} <= set(found)
    path = run("dpkg-query", "-L", "busybox-static").stdout.split()
    path = next(p for p in path if p.endswith("/bin/busybox"))
    assert found["usr/bin/busybox"][3] == open(path, "rb").read()
    assert found["usr/bin/sh"][3] == b"busybox"
    assert found["usr/sbin/ifconfig"][3] == b"../bin/busybox"
    assert found["usr/bin/minimal"][0] == 0o100755 and found["usr/bin/minimal"][3] == b"minimal"


def test_trees_are_laid_over(build, tmp_path):
    low, high = tmp_path / "low", tmp_path / "high"
    for path, text in ((low / "bin/tool", "low"), (low / "opt/keep", "low"),
                       (low / "etc/motd", "low"), (high / "etc/motd", "high"),
                       (high / "usr/bin/sh", "my shell"), (high / "tmp/file", "t"),
                       (low / "real/x", "x"), (high / "alias/y", "y")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (low / "alias").symlink_to("real")
    os.link(low / "opt/keep", low / "opt/also")
    (high / "opt/script").parent.mkdir(parents=True)
    (high / "opt/script").write_text("s")
    (high / "opt/script").chmod(0o4751)
    done = make(build, tmp_path / "a.img", "-r", low, "-r", high)
    assert done.returncode == 0, done.stderr
    found, _ = archive(tmp_path / "a.img", tmp_path)
    assert found["usr/bin/tool"][3] == b"low", "followed /bin"
    assert found["bin"][0] == 0o120777
    assert found["etc/motd"][3] == b"high"
    assert found["usr/bin/sh"][0] >> 12 == 8 and found["usr/bin/sh"][3] == b"my shell"
    assert found["usr/bin/busybox"][3] != b"my shell"
    assert found["real/y"][3] == b"y" and found["alias"][0] >> 12 == 10
    assert found["tmp"][0] == 0o41777, "a merged directory keeps its mode"
    assert found["opt/script"][0] == 0o104751
    assert [found[n][1] for n in ("opt/keep", "opt/also")] == [2, 2]
    assert [found[n][3] for n in ("opt/also", "opt/keep")] == [b"", b"low"], "the last has the data"


def test_large_image_gets_fat32(build, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    with open(tree / "large", "wb") as file:
        file.truncate(520 << 20)
    done = make(build, tmp_path / "a.img", "-r", tree)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "a.img", "rb") as file:
        file.seek((1 << 20) + 82)
        assert file.read(5) == b"FAT32"
    os.unlink(tmp_path / "a.img")


MISSING = {
    "kernel": ("kernel/kernel.elf", ["kernel", "kernel.elf", "make image"]),
    "loader": ("efi/BOOTX64.EFI", ["loader", "BOOTX64.EFI", "make image"]),
    "programs": ("user/rootfs", ["programs", "user/rootfs", "make image"]),
}


@pytest.mark.parametrize("name", MISSING)
def test_says_what_is_missing(build, tmp_path, name):
    path, words = MISSING[name]
    if (build / path).is_dir():
        shutil.rmtree(build / path)
    else:
        (build / path).unlink()
    done = make(build, tmp_path / "a.img")
    assert done.returncode == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "a.img").exists()


@pytest.mark.parametrize("args, words", [
    (["-r", "/nowhere"], "/nowhere"),
    (["-p", "/nowhere"], "/nowhere"),
    (["-p"], "-p needs a value"),
    (["-x"], "unknown argument '-x'"),
    (["a.img"], "unknown argument 'a.img'"),
    (["-o", "/nowhere/a.img"], "/nowhere"),
])
def test_says_what_is_wrong(build, tmp_path, args, words):
    done = run(tool("mkimg.sh"), "-b", build, "-o", tmp_path / "a.img", *args)
    assert done.returncode == 1
    assert words in done.stderr
    assert not (tmp_path / "a.img").exists()


@pytest.mark.parametrize("answer, words", [
    ("exit 1", "busybox-static is missing"),
    ("echo {folder}/bin/busybox", "is not the file of Debian's package"),
])
def test_busybox_that_is_not_debians(build, tmp_path, answer, words):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "busybox").write_bytes(b"another")
    (folder / "dpkg-query").write_text("#!/bin/sh\n" + answer.format(folder=tmp_path) + "\n")
    (folder / "dpkg-query").chmod(0o755)
    done = make(build, tmp_path / "a.img",
                env=dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"))
    assert done.returncode == 1 and words in done.stderr
    assert not (tmp_path / "a.img").exists()


def test_file_over_a_directory_is_refused(build, tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/etc").write_text("no directory")
    done = make(build, tmp_path / "a.img", "-r", tmp_path / "tree")
    assert done.returncode == 1
    assert "etc is a directory" in done.stderr
    assert not (tmp_path / "a.img").exists()


def test_the_built_image_has_what_it_should(tmp_path):
    """The real build, not a stand-in."""
    done = make(BUILD, tmp_path / "a.img")
    assert done.returncode == 0, done.stderr
    found, _ = archive(tmp_path / "a.img", tmp_path)
    assert len(found["usr/bin/minimal"][3]) < 1024
    assert found["etc/firstlight/plan"][3]
    kernel = Image(tmp_path / "a.img").read("kernel.elf")
    assert kernel == open(os.path.join(TOP, BUILD, "kernel/kernel.elf"), "rb").read()
