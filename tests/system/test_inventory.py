# SPDX-License-Identifier: MIT
"""What only the firmware can ask: the loader's inventory, from the disk to the verdict."""
import json
import os
import re
import subprocess
import time

import pytest

import machine
from conftest import BUILD, run
from test_quirks import make

CHECK = os.path.join(BUILD, "user/rootfs/usr/bin/check")
PASSED, FAILED, SKIPPED = 0, 1, 4
SHOW = "test show /bin/busybox cat /run/firstlight/inventory.json\n"
HEALTH = "test disk-health skipcode=4 /bin/check disks\n"
PLAN = SHOW + HEALTH
NVME_SERIAL, SATA_SERIAL, SCSI_SERIAL = 'N"1\\2', "SATA-77", "SCSI-0123456789-0123"


def inventory(outcome):
    """The file, as a program in the machine has read it."""
    return json.loads("\n".join(outcome.report.result("show").output))


def disk(found, serial):
    return next(disk for disk in found["disks"] if disk.get("serial") == serial)


@pytest.fixture
def devices(tmp_path):
    """QEMU's options for an NVMe, a SATA and a SCSI disk of 64 MiB each, and two network cards.
    They have a place in the boot order: OVMF starts no drivers for other devices if any has one."""
    words = ["-device", "virtio-scsi-pci,id=scsi"]
    for name, device in (("n", f"nvme,id=nvme1,drive=n,bootindex=5,serial={NVME_SERIAL}"),
                         ("s", f"ide-hd,drive=s,bus=ide.1,bootindex=6,serial={SATA_SERIAL}"),
                         ("c", f"scsi-hd,drive=c,bus=scsi.0,bootindex=9,serial={SCSI_SERIAL}")):
        path = tmp_path / f"{name}.img"
        path.write_bytes(b"")
        os.truncate(path, 64 << 20)
        words += ["-drive", f"if=none,id={name},format=raw,file={path}", "-device", device]
    for name, model in (("u", "virtio-net-pci,bootindex=7,mac=52:54:00:00:00:77"),
                        ("e", "e1000,bootindex=8,mac=52:54:00:00:00:78")):
        words += ["-netdev", f"user,id={name}", "-device", f"{model},netdev={name}"]
    return words


def test_what_is_in_the_machine(boot, mkimg, devices):
    outcome = boot(mkimg(plan=PLAN, words="report=next"), extra=devices, keep=True)
    assert outcome.code == machine.PASS, outcome.message
    found = inventory(outcome)
    assert found["version"] == 1 and found["complete"] and found["left_out"] == 0
    assert found["secure_boot"] in (False, None) and found["tpm"] is None
    nvme, sata = disk(found, NVME_SERIAL), disk(found, SATA_SERIAL)
    assert nvme["bus"] == "nvme" and nvme["model"] == "QEMU NVMe Ctrl"
    assert sata["bus"] == "sata" and sata["model"] == "QEMU HARDDISK"
    scsi = disk(found, SCSI_SERIAL)
    assert scsi["bus"] == "scsi" and scsi["model"] == "QEMU QEMU HARDDISK" and scsi["firmware"]
    for one in (nvme, sata, scsi):
        assert one["bytes"] == 64 << 20 and one["block_size"] == 512
        assert not one["removable"] and not one["read_only"]
    assert nvme["health"]["kind"] == "nvme" and nvme["health"]["critical_warning"] == 0
    assert 273 < nvme["health"]["kelvin"] < 373 and nvme["health"]["media_errors"] == 0
    assert sata["health"]["kind"] == "ata" and sata["health"]["status"] == "good"
    cards = {card["address"]: card["link"] for card in found["network"]}
    assert set(cards) >= {"52:54:00:00:00:77"}  # the other card's driver is in its own ROM
    assert set(cards.values()) <= {"up", "down", "unknown"}
    output = outcome.report.result("disk-health").output
    assert any(line.startswith(f"QEMU NVMe Ctrl, serial number {NVME_SERIAL} (disk ")
               for line in output), output


def test_a_controller_without_a_driver(boot, mkimg):
    """OVMF has none for these two; it is said that disks behind the first were not asked."""
    outcome = boot(mkimg(plan=PLAN), extra=["-device", "megasas,addr=0x10", "-device",
                                            "e1000,romfile=,addr=0x11"])
    assert outcome.code == machine.PASS, outcome.message
    found = {one["pci"]: one["kind"] for one in inventory(outcome)["unconnected"]}
    assert found["0000:00:10.0"] == "raid" and found["0000:00:11.0"] == "network"
    output = "\n".join(outcome.report.result("disk-health").output)
    assert "no driver for the raid controller at PCI 0000:00:10.0:" in output
    assert "0000:00:11.0" not in output  # it has no disks


@pytest.fixture
def tpm(tmp_path):
    """QEMU's options for a TPM 2.0 that swtpm plays."""
    path = tmp_path / "tpm"
    with subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={tmp_path}",
                           "--ctrl", f"type=unixio,path={path}"]) as process:
        try:
            for _ in range(100):
                if path.exists():
                    break
                time.sleep(0.1)
            yield ["-chardev", f"socket,id=tpm,path={path}", "-tpmdev",
                   "emulator,id=tpm0,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm0"]
        finally:
            process.kill()


def test_a_tpm(boot, mkimg, tpm):
    outcome = boot(mkimg(plan=SHOW + "test found /bin/check found\n"), extra=tpm)
    assert outcome.code == machine.PASS, outcome.message
    assert inventory(outcome)["tpm"]["version"] == "2.0"
    assert any(line.startswith("TPM 2.0 ") for line in outcome.report.result("found").output)


def test_it_stands_in_the_report(boot, mkimg, devices):
    image = mkimg(plan=PLAN, words="report=next")
    boot(image, extra=devices, keep=True)
    text = image.read("reports/0001.txt").decode()
    found = json.loads(re.search(r"^inventory:\n(.*?)\n\n", text, re.M | re.S).group(1))
    assert disk(found, SATA_SERIAL)["health"]["status"] == "good"


def test_off(boot, mkimg, devices):
    """Nothing is asked, there is no file, and the step is skipped."""
    outcome = boot(mkimg(plan="test none expect=exit:1 /bin/busybox test -e /run/firstlight\n" +
                         HEALTH, words="inventory=off"), extra=devices)
    assert outcome.code == machine.PASS, outcome.message
    assert "asking disks" not in outcome.log
    assert outcome.report.result("disk-health").skipped


@pytest.mark.parametrize("bit, words", [
    (0, "the spare blocks are used up"), (2, "it is no longer reliable"),
    (3, "it has become read-only"),
])
def test_a_disk_that_warns(boot, mkimg, devices, bit, words):
    """The bit is set before the machine runs; the disk is named by model and serial number."""
    set_bits = []

    def warn(running):
        if not set_bits:
            set_bits.append(running.qmp.command("qom-set", path="/machine/peripheral/nvme1",
                                                property="smart_critical_warning",
                                                value=1 << bit))

    outcome = boot(mkimg(plan=PLAN), extra=devices, watch=warn)
    assert set_bits == [{}]
    assert outcome.code == machine.FAIL, outcome.message
    assert outcome.report.failed_names == ["disk-health"]
    assert disk(inventory(outcome), NVME_SERIAL)["health"]["critical_warning"] == 1 << bit
    output = "\n".join(outcome.report.result("disk-health").output)
    assert re.search(rf"^QEMU NVMe Ctrl, serial number {re.escape(NVME_SERIAL)} "
                     rf"\(disk \d+, nvme\): {words}$", output, re.M), output


@pytest.mark.parametrize("name", ["inventory-garbage", "inventory-errors"])
def test_hostile_answers_are_sound_json(boot, mkimg, name):
    outcome = boot(make(mkimg, name, plan=SHOW + "test judged skipcode=4 /bin/check disks\n"))
    found = inventory(outcome)
    assert found["complete"]
    assert "quirk: FAULT" not in outcome.log and "\x1b" not in outcome.log.split("KTAP")[1]
    assert set(outcome.report.failed_names) <= {"judged"}, "no line of a device became a result"
    if name == "inventory-garbage":
        nvme = next(one for one in found["disks"] if one["bus"] == "nvme")
        assert nvme["model"].count('"') and "\\" in nvme["model"] and nvme["bytes"] == 0
        assert found["tpm"]["version"] == "2.0"
        assert any(len(card["address"]) == 32 * 3 - 1 for card in found["network"])
        assert '"' in found["panels"][-1]["name"]
    else:
        faults = [one["health_fault"] for one in found["disks"] if "health_fault" in one]
        assert "error" in faults


def test_a_disk_that_hangs_is_no_pass(boot, mkimg):
    """Nor is anything written afterwards: the stick may be behind the driver that hangs."""
    image = make(mkimg, "inventory-hangs", plan=PLAN, words="report=next")
    outcome = boot(image)
    assert outcome.report.failed_names == ["disk-health"]
    assert outcome.log.count("report: none is kept: a driver of the firmware") == 1
    assert b"reports" not in image.mtool("mdir", "-b", "::/firstlight")
    found = inventory(outcome)
    assert not found["complete"] and found["hung"] == "disk"
    assert found["disks"][-1]["health_fault"] == "no answer"


def test_a_thousand_disks(boot, mkimg):
    outcome = boot(make(mkimg, "inventory-many", plan=SHOW))
    found = inventory(outcome)
    assert len(found["disks"]) == 64 and found["left_out"] >= 1000 - 64


def test_a_disk_in_use_is_left_alone(boot, mkimg):
    assert inventory(boot(make(mkimg, "inventory-in-use", plan=SHOW)))["in_use"] == 1


# --- the step of the plan, on this host ---


def judge(tmp_path, *disks, **more):
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps({"version": 1, "disks": disks, "in_use": 0, "complete": True} |
                               more), encoding="utf-8")
    done = run(CHECK, "disks", f"--inventory={path}")
    return done.returncode, done.stdout


def nvme_disk(**more):
    return {"number": 1, "bus": "nvme", "model": "Maker Model", "serial": "S-1",
            "health": {"kind": "nvme", "critical_warning": 0, "kelvin": 300, "spare": 100,
                       "spare_threshold": 10, "used": 5, "media_errors": 0} | more}


def ata_disk(**more):
    return {"number": 2, "bus": "sata", "model": "Disk", "serial": "S-2",
            "health": {"kind": "ata", "status": "good"} | more}


MX500 = {"model": "CT500MX500SSD1"}


@pytest.mark.parametrize("one, words", [
    (nvme_disk(critical_warning=1 << 1), "it is too hot, or too cold"),
    (nvme_disk(critical_warning=1 << 4), "its backup of volatile memory has failed"),
    (nvme_disk(critical_warning=1 << 7), "an unknown warning"),
    (nvme_disk(spare=9), "9 % of its spare blocks are left"),
    (nvme_disk(media_errors=2), "2 media errors"),
    (ata_disk(status="threshold exceeded"), "SMART: threshold exceeded"),
    (ata_disk(pending=3), "3 sectors that cannot be read"),
    (ata_disk(uncorrectable=1), "1 sectors that could not be corrected"),
    (ata_disk(pending=1), "1 sectors that cannot be read"),
    (ata_disk(pending=2) | MX500, "2 sectors that cannot be read"),
    (ata_disk(pending=1, uncorrectable=1) | MX500, "1 sectors that could not be corrected"),
    (ata_disk(pending=1, status="threshold exceeded") | MX500, "SMART: threshold exceeded"),
])
def test_what_fails_a_disk(tmp_path, one, words):
    status, text = judge(tmp_path, nvme_disk(), one)
    assert status == FAILED
    assert re.search(rf"^{one['model']}, serial number {one['serial']} \(.*\): {words}", text,
                     re.M), text


def test_what_does_not_fail_a_disk(tmp_path):
    for disks in ([nvme_disk()], [nvme_disk(used=99, spare=10)], [ata_disk(), nvme_disk()],
                  [ata_disk(reallocated=8, celsius=70)],
                  [ata_disk(status="unknown", pending=0)],
                  [nvme_disk(), {"number": 2, "bus": "usb"}]):
        status, text = judge(tmp_path, *disks)
        assert status == PASSED, text


@pytest.mark.parametrize("one, words", [
    (nvme_disk(used=100), "100 % of its life is used"),
    (nvme_disk(used=255), "255 % of its life is used"),
    (ata_disk(pending=1) | MX500, "attribute 197 counts a sector"),
])
def test_what_is_a_warning(tmp_path, one, words):
    status, text = judge(tmp_path, one)
    assert status == PASSED
    assert re.search(rf"^{one['model']}, serial number {one['serial']} \(.*\): warning: {words}",
                     text, re.M), text


def test_controllers_without_a_driver_are_named(tmp_path):
    status, text = judge(tmp_path, nvme_disk(),
                         unconnected=[{"pci": "0000:00:17.0", "kind": "sata"}])
    assert status == PASSED
    assert "no driver for the sata controller at PCI 0000:00:17.0:" in text


def test_what_is_skipped(tmp_path):
    for disks in ([], [{"number": 1, "bus": "usb"}],
                  [{"number": 1, "bus": "nvme", "health_fault": "error"}]):
        assert judge(tmp_path, *disks)[0] == SKIPPED
    # What was not looked at is not called well, whatever another disk says.
    for disks, more in (([ata_disk(status="unknown")], {}), ([nvme_disk()], {"complete": False}),
                        ([nvme_disk()], {"left_out": 1}),
                        ([nvme_disk(), {"number": 2, "bus": "sata", "health_fault": "error"}], {})):
        assert judge(tmp_path, *disks, **more)[0] == SKIPPED
    assert judge(tmp_path, {"number": 1, "bus": "nvme", "health_fault": "no answer"})[0] == FAILED


@pytest.mark.parametrize("text", [
    "", "{", '{"disks":[', '{"disks":[{}}', "[" * 100000, '{"disks":[{"model":"\\', '{"a":1} x',
    '{"disks":[{"model":"\\u00"}]}', '{"disks":["\n"]}', '{"disks":[1,]}', '{"disks":[tru]}',
    '{"disks" 1}', "{}{}", '{"disks":[-]}',
], ids=lambda text: text[:20])
def test_damaged_files(tmp_path, text):
    path = tmp_path / "inventory.json"
    path.write_text(text, encoding="utf-8")
    done = run(CHECK, "disks", f"--inventory={path}")
    assert done.returncode == (FAILED if text else SKIPPED), done.stdout


def test_files_of_another_shape(tmp_path):
    """Sound JSON that is not what it should be is no reason to fail over."""
    for text in ("[]", "null", "3", '{"disks":{}}', '{"disks":[1,"a",null,[],{"health":5}]}',
                 '{"disks":[{"health":{"kind":"nvme","used":"many"}}]}'):
        path = tmp_path / "inventory.json"
        path.write_text(text, encoding="utf-8")
        assert run(CHECK, "disks", f"--inventory={path}").returncode in (PASSED, SKIPPED), text


def test_what_is_shown(tmp_path):
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps({
        "disks": [nvme_disk() | {"bytes": 5 << 20}, {"number": 2, "bus": "pci", "bytes": 0}],
        "network": [{"address": "52:54:00:00:00:77", "link": "up"}],
        "panels": [{"maker": "AUO", "name": "B1", "width": 1920, "height": 1080}],
        "secure_boot": True, "setup_mode": False,
        "tpm": {"version": "2.0", "manufacturer": "IBM"}}), encoding="utf-8")
    text = run(CHECK, "found", f"--inventory={path}").stdout
    assert text.endswith("disk 1: Maker Model, 5 MiB, nvme\ndisk 2: 0 MiB, pci\n"
                         "network card 52:54:00:00:00:77, link up\n"
                         "panel: AUO B1, 1920 x 1080\nSecure Boot: on\nTPM 2.0 IBM\n"), text
