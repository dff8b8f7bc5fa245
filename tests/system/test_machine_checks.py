# SPDX-License-Identifier: MIT
"""Machine checks, put into a processor by QEMU's monitor: none of them passes unseen."""
import re

import machine

SLEEPS = 'test nap limit=60 /bin/sh -c "echo asleep; sleep {}"\n'
# Valid and enabled, with an address and misc; and the same, uncorrected and with the context lost.
CORRECTED, UNCORRECTED = 0x9C00000000000150, 0xBE00000000000150
RIPV, MCIP = 1, 4


def boot_with(image, text, command, **options):
    """To its end; the monitor gets the command once that text is on the serial line."""
    sent = []

    def during(running):
        if not sent and text in running.log:
            sent.append(running.qmp.command("human-monitor-command", **{"command-line": command}))

    outcome = machine.Machine(image.path, accel="tcg", timeout=90, **options).run(during)
    assert sent == [""], sent or outcome.log[-2000:]  # the monitor says what it refuses
    return outcome


def test_no_machine_check(boot, mkimg):
    outcome = boot(mkimg(plan="test one /bin/minimal\n"))
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.results[-1].name == "machine-checks"


def test_processor_without_banks(boot, mkimg):
    outcome = boot(mkimg(plan="test one /bin/minimal\n"), cpu="max,-mca")
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.result("machine-checks").skipped


def test_corrected_error_fails(mkimg):
    """During the last test and on another processor: looked for after the plan."""
    outcome = boot_with(mkimg(plan=SLEEPS.format(1)), "#: asleep",
                        f"mce 1 3 {CORRECTED:#x} 0 0x1234000 0x86", cpus=2)
    assert outcome.code == machine.FAIL, outcome.message
    assert outcome.report.failed_names == ["machine-checks"]
    for log in (outcome.report.result("machine-checks").note, outcome.log):
        assert "processor 1 bank 3: status 9c00000000000150, address 1234000, misc 86" in log


def test_corrected_error_is_told_while_the_plan_runs(mkimg):
    outcome = boot_with(mkimg(plan=SLEEPS.format(12)), "#: asleep",
                        f"mce 0 2 {CORRECTED:#x} 0 0x5000 0")
    assert outcome.code == machine.FAIL, outcome.message
    assert outcome.log.index("machine check, corrected: processor 0 bank 2") < \
        outcome.log.index(" nap # time")


def test_uncorrected_error_is_a_panic(mkimg):
    outcome = boot_with(mkimg(plan=SLEEPS.format(20)), "#: asleep",
                        f"mce 1 4 {UNCORRECTED:#x} {RIPV | MCIP} 0xabc000 0", cpus=2)
    assert outcome.code == machine.PANIC, outcome.message
    assert "processor 1 bank 4: status be00000000000150, address abc000" in outcome.log
    assert outcome.log.count("PANIC: ") == 1


def test_uncorrected_error_on_all_processors(mkimg):
    """As real machines send it. QEMU marks a bank of the others, too: the first one tells. It does
    so for processors that can: Intel's, from model 14 of family 6 on (SDM vol. 3, 17.3.1.1)."""
    outcome = boot_with(mkimg(plan=SLEEPS.format(20)), "#: asleep",
                        f"mce -b 1 4 {UNCORRECTED:#x} {RIPV | MCIP} 0xabc000 0", cpus=2,
                        extra=["-cpu", "max,vendor=GenuineIntel,family=6,model=85"])
    assert outcome.code == machine.PANIC, outcome.message
    assert re.search(r"PANIC: machine check at .*processor [01] bank [14]: status [ab]",
                     outcome.log)
    assert outcome.log.count("PANIC: ") == 1


def test_what_a_bank_holds_at_start_is_shown(mkimg):
    """From before: no fault of this boot. The bank survives, since the firmware leaves it."""
    outcome = boot_with(mkimg(plan="test one /bin/minimal\n"), "firstlight: loader",
                        f"mce 0 5 {CORRECTED:#x} 0 0x7000 0")
    assert outcome.code == machine.PASS, outcome.message
    assert "machine check from before this start: processor 0 bank 5" in outcome.log


def test_panic_beside_a_processor_that_is_left_off(mkimg):
    """It is where the firmware put it, and what it had for an NMI has been overwritten."""
    plan = 'test eat limit=60 /bin/sh -c "dd if=/dev/zero of=/tmp/x bs=1M count=160; ' \
           'echo asleep; sleep 20"\n'
    outcome = boot_with(mkimg(plan=plan, words="cpus=1"), "#: asleep",
                        f"mce 0 4 {UNCORRECTED:#x} {RIPV | MCIP} 0xabc000 0", cpus=2, memory="256M")
    assert outcome.code == machine.PANIC, outcome.message
    assert "backtrace" in outcome.log
