# SPDX-License-Identifier: MIT
"""Firmware of 32 bits: one sentence, a key or 30 s, and back to the firmware."""
import time

import pytest

import machine

FILES = "/usr/share/OVMF/OVMF32_"  # of Debian's package ovmf-ia32
# This build of OVMF keeps its variables by system management mode, and in nothing but flash.
FIRMWARE = ["-machine", "q35,smm=on", "-global", "ICH9-LPC.disable_s3=1",
            "-global", "driver=cfi.pflash01,property=secure,value=on",
            "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={FILES}CODE_4M.secboot.fd",
            "-drive", f"if=pflash,unit=1,format=raw,snapshot=on,file={FILES}VARS_4M.fd"]
SENTENCE = "firstlight: refused: firmware: has 32 bits, and a 64-bit UEFI firmware is needed: "
RETURNED = "failed to start Boot0001"


@pytest.mark.parametrize("key, least, most", [("spc", 0, 20), (None, 28, 60)],
                         ids=["a key", "no key"])
def test_sentence(mkimg, key, least, most):
    said = returned = None

    def during(running):
        nonlocal said, returned
        if said is None and SENTENCE in running.log:
            said = time.monotonic()
            if key:
                time.sleep(2)  # so that it is not one of the keys that the firmware has seen
                assert RETURNED not in running.log
                running.qmp.command("send-key", keys=[{"type": "qcode", "data": key}])
        if returned is None and RETURNED in running.log:
            returned = time.monotonic()
            running.qmp.command("quit")

    outcome = machine.Machine(mkimg(plan="test a /bin/minimal\n").path, accel="tcg", timeout=150,
                              firmware=None, extra=FIRMWARE).run(during)
    print(outcome.errors, outcome.log)
    assert said and returned and least <= returned - said <= most
    assert outcome.log.count(SENTENCE) == 1 and "KTAP version" not in outcome.log
    assert outcome.code == machine.NO_VERDICT
