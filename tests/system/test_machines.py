# SPDX-License-Identifier: MIT
"""The basic and the regression plan on machines that have each pair of these properties once.

The kernels are built by `make matrix`, one for each compiler and optimisation level.
"""
import itertools

import pytest

import machine
from conftest import plans, run

FACTORS = {
    "compiler": ["gcc", "clang"],
    "level": ["-O0", "-O2", "-Os"],
    "cpu": ["max", "Haswell", "Nehalem", "qemu64"],
    "memory": ["64M", "256M", "4G", "40G"],
    "disk": ["sata", "nvme", "virtio", "usb"],
    "graphics": ["std", "none"],
    "chipset": ["q35", "pc"],
    "cpus": ["1", "2", "4"],
}
MACHINES = [
    ("clang", "-O0", "Haswell", "4G", "sata", "std", "q35", "4"),
    ("clang", "-O0", "Nehalem", "256M", "nvme", "none", "q35", "1"),
    ("clang", "-O0", "Nehalem", "40G", "virtio", "none", "q35", "1"),
    ("clang", "-O2", "max", "256M", "nvme", "std", "q35", "4"),
    ("clang", "-O2", "max", "64M", "sata", "none", "q35", "2"),
    ("clang", "-O2", "qemu64", "40G", "usb", "std", "q35", "2"),
    ("clang", "-O2", "qemu64", "64M", "virtio", "std", "pc", "4"),
    ("clang", "-Os", "Haswell", "40G", "nvme", "std", "q35", "4"),
    ("clang", "-Os", "qemu64", "256M", "usb", "none", "q35", "2"),
    ("clang", "-Os", "qemu64", "4G", "nvme", "std", "pc", "1"),
    ("gcc", "-O0", "Haswell", "64M", "nvme", "none", "pc", "2"),
    ("gcc", "-O0", "max", "40G", "usb", "std", "q35", "1"),
    ("gcc", "-O0", "qemu64", "256M", "sata", "std", "pc", "1"),
    ("gcc", "-O2", "Haswell", "4G", "usb", "std", "q35", "1"),
    ("gcc", "-O2", "Nehalem", "4G", "usb", "none", "pc", "4"),
    ("gcc", "-Os", "Haswell", "256M", "virtio", "std", "pc", "4"),
    ("gcc", "-Os", "Nehalem", "40G", "sata", "std", "pc", "2"),
    ("gcc", "-Os", "Nehalem", "64M", "usb", "std", "pc", "1"),
    ("gcc", "-Os", "max", "4G", "virtio", "std", "pc", "2"),
]
PLAN_LINES = 25  # at least, says the promise


def test_table_has_every_pair():
    for (i, one), (j, two) in itertools.combinations(enumerate(FACTORS.values()), 2):
        pairs = {(row[i], row[j]) for row in MACHINES}
        assert pairs == set(itertools.product(one, two))


def parts(plan, memory):
    """All programs do not fit into the smallest machine at once: it gets them in two halves."""
    if memory != "64M":
        return [plan]
    lines = plan.splitlines(keepends=True)
    half = len(lines) // 2
    while not lines[half - 1].startswith("test "):
        half += 1
    return ["".join(lines[:half]), "".join(lines[half:])]


@pytest.mark.parametrize("row", MACHINES, ids=["-".join(row) for row in MACHINES])
def test_plans(boot, mkimg, matrix_build, row):
    compiler, level, cpu, memory, disk, graphics, chipset, cpus = row
    build = matrix_build(compiler + level)
    for plan in parts(plans("basic", "regression"), memory):
        image = mkimg(plan=plan, build=build)
        outcome = boot(image, cpu=cpu, memory=memory, disk=disk, cpus=int(cpus), timeout=300,
                       extra=["-vga", graphics, "-machine", chipset])
        assert outcome.code == machine.PASS, outcome.message
        megabytes = int(memory[:-1]) * (1024 if memory[-1] == "G" else 1)
        told = int(outcome.report.fields["memory"].removesuffix("MiB"))
        # Less the archive of the root filesystem, whose size differs between Debian's releases.
        assert megabytes * 0.85 - 12 < told <= megabytes
        assert outcome.report.fields["cpus"] == f"{cpus}/{cpus}"


def test_plans_without_fast_strings(boot, mkimg):
    """Large copies go by vector registers then."""
    image = mkimg(plan=plans("basic", "regression"))
    outcome = boot(image, cpu="max,-erms,-fsrm", cpus=2, timeout=300)
    assert outcome.code == machine.PASS, outcome.message


def test_basic_plan_has_its_size():
    lines = [line for line in plans("basic").splitlines() if line.startswith("test ")]
    failing = [line for line in lines if "expect=" in line and "expect=exit:0" not in line]
    assert len(lines) >= PLAN_LINES
    assert len(failing) * 3 >= len(lines)


def test_more_processors_than_used(boot, mkimg):
    outcome = boot(mkimg(plan="test a /bin/minimal\n"), cpus=4)
    assert outcome.code == machine.PASS


@pytest.mark.parametrize("without", ["hpet=off", "hpet=off,i8042=off,smbus=off",
                                     "hpet=off,i8042=off,pit=off"])
def test_without_devices_of_a_pc(boot, mkimg, without):
    """The next clock is taken, nothing is waited for."""
    outcome = boot(mkimg(plan=plans("basic")), cpus=2,
                   extra=["-machine", f"q35,memory-backend=ram,{without}"])
    assert outcome.code == machine.PASS, outcome.message
    assert "HPET no" in outcome.log


def test_without_a_serial_port(boot, mkimg):
    """Nothing is waited for there, and the verdict is told all the same."""
    outcome = boot(mkimg(plan=plans("basic")), extra=["-serial", "none"])
    assert outcome.log == ""
    assert outcome.status == machine.STATUS_PASS


@pytest.mark.parametrize("disk", ["usb-2", "usb-hub"])
def test_sticks_elsewhere(boot, mkimg, disk):
    """In a port of USB 2, and behind a hub."""
    outcome = boot(mkimg(plan="test a /bin/minimal\n"), disk=disk)
    assert outcome.code == machine.PASS, outcome.message
    assert "USB" in outcome.log.splitlines()[0]


def test_newest_server_processor(boot, mkimg):
    """The newest of AMD's that QEMU has; two sockets, threads of one core."""
    models = run(machine.QEMU, "-cpu", "help").stdout
    model = "EPYC-Genoa" if "EPYC-Genoa" in models else "EPYC-Milan"
    outcome = boot(mkimg(plan=plans("basic")), cpu=model, cpus=8,
                   extra=["-smp", "8,sockets=2,cores=2,threads=2"])
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.fields["cpus"] == "8/8"


def test_debug_traps_on_one_stack(boot, mkimg):
    """QEMU makes two traps of a step that hits a watchpoint, the second at the first instruction
    of the kernel. If it does not say that it is QEMU, that one overwrites the first one's frame,
    and the machine is switched off behind its report like any other."""
    image = mkimg(plan="test steps /bin/t/ptrace_debug emulator\n",
                  words="ask=0 report=off stay=1")
    outcome = boot(image, accel="tcg", cpu="max,hypervisor=off")
    assert outcome.report.problems == [] and outcome.report.verdict == "PASS", outcome.log
    assert outcome.report.result("steps").passed and outcome.reason == "guest-shutdown"


def test_two_nodes(boot, mkimg):
    """NUMA: memory and processors in two nodes, as the SRAT has them."""
    nodes = [word for i in range(2) for word in (
        "-object", f"memory-backend-ram,id=node{i},size=256M",
        "-numa", f"node,nodeid={i},memdev=node{i},cpus={2 * i}-{2 * i + 1}")]
    outcome = boot(mkimg(plan=plans("basic")), memory="512M", cpus=4,
                   extra=["-smp", "4,sockets=2", *nodes])
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.fields["cpus"] == "4/4"


def test_processor_without_nx_is_refused(boot, mkimg):
    outcome = boot(mkimg(), cpu="qemu64,-nx", until="[E02]")
    assert "firstlight: refused: processor: cannot make memory non-executable" in outcome.log
    assert "KTAP" not in outcome.log


def test_512_mib(boot, mkimg):
    outcome = boot(mkimg(plan="test a /bin/minimal\n"), memory="512M")
    assert outcome.code == machine.PASS


def test_bare_volume_boots(boot, mkimg):
    """The FAT volume alone, as a file server or an installer would hand it out."""
    assert boot(mkimg(plan="test a /bin/minimal\n", layout="--bare")).code == machine.PASS


@pytest.mark.parametrize("disk", ["cdrom", "usb"])
def test_iso_boots(boot, mkimg, disk):
    """As a CD, and written to a stick as it is."""
    image = mkimg(plan="test a /bin/minimal\n", layout="--iso")
    outcome = boot(image, disk=disk)
    assert outcome.code == machine.PASS
    assert ('"UEFI QEMU DVD-ROM' in outcome.log) == (disk == "cdrom")


def test_one_file_boots_by_network(boot, mkimg):
    """By PXE, from a machine without any disk."""
    image = mkimg(plan="test a /bin/minimal\n", words="report=next", layout="--efi")
    outcome = boot(image, disk="network")
    assert outcome.code == machine.PASS, outcome.message
    assert "the boot directory is in the loader's own file" in outcome.log
    assert "report: none is kept: the loader came without a boot volume" in outcome.log


def test_one_file_boots_from_a_disk(boot, mkimg):
    """Its own plan wins over the one of the volume it lies on, where reports are kept."""
    one = mkimg(plan="test inside /bin/minimal\n", words="report=next", layout="--efi")
    image = mkimg(plan="test outside /bin/minimal\n")
    with open(one.path, "rb") as file:
        image.write_loader(file.read())
    outcome = boot(image)
    assert outcome.code == machine.PASS
    assert "inside" in [result.name for result in outcome.report.results]
    assert "report: none is kept" not in outcome.log


def test_large_volume_boots(boot, mkimg, tmp_path):
    """From half a gigabyte on, the clusters are larger than those of other tests."""
    tree = tmp_path / "tree"
    tree.mkdir()
    with open(tree / "large", "wb") as file:
        file.truncate(510 << 20)
    plan = 'test size /bin/busybox test -s /large\n'
    outcome = boot(mkimg(plan=plan, trees=[tree]), memory="2G")
    assert outcome.code == machine.PASS
