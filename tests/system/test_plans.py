# SPDX-License-Identifier: MIT
"""Plans of their own: what goes wrong in a test turns the verdict to FAIL, and is named (D1)."""
import os
import struct
import subprocess

import pytest

import machine
from conftest import run

GOOD = "test good /bin/minimal\n"
FORGED = ("ok 1 forged", "not ok 1 forged", "1..1", "KTAP version 1", "# firstlight: verdict=PASS "
          "total=1 passed=1 failed=0 skipped=0", "#: ok 2 forged", "# [ 0.000001] forged")


def judged(outcome, code):
    """The machine told this verdict, and its report is complete."""
    assert outcome.report.problems == []
    assert outcome.code == code, outcome.message
    return outcome.report


def compile_program(folder, name, text, *flags):
    """A static program made with musl; returns its path."""
    source = folder / f"{name}.c"
    source.write_text(text)
    target = folder / name
    done = run("musl-gcc", "-static", "-O1", "-Wall", "-Werror", *flags, "-o", target, source)
    assert done.returncode == 0, done.stderr
    return target


FAULTS = {
    # name: (line, words that the failed result must have)
    "wrong-code": ("test wrong-code expect=exit:3 /bin/busybox sh -c 'exit 4'", None),
    "unexpected-code": ("test unexpected-code /bin/busybox false", ["1"]),
    "wrong-signal": ("test wrong-signal expect=signal:SIGILL /bin/t/fault write null",
                     ["SIGSEGV"]),
    "signal-expected": ("test signal-expected expect=signal:SIGSEGV /bin/minimal", ["0"]),
    "code-expected": ("test code-expected /bin/t/fault write null", ["SIGSEGV"]),
    "limit-expected": ("test limit-expected limit=1 expect=limit /bin/minimal", []),
    "limit-reached": ("test limit-reached limit=1 /bin/t/endless user", ["limit"]),
    "missing": ("test missing /bin/no-such-program", []),
    "missing-folder": ("test missing-folder /no/such/program", []),
    "no-path": ("test no-path no-such-program", []),
}


@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_fails_the_run(boot, mkimg, name):
    line, words = FAULTS[name]
    line = line.replace("'exit 4'", '"exit 4"')
    report = judged(boot(mkimg(plan=f"{GOOD}{line}\n")), machine.FAIL)
    assert report.failed_names == [name]
    assert report.result("good").passed
    for word in words or []:
        assert word in report.result(name).note


def test_the_same_without_the_fault_passes(boot, mkimg):
    report = judged(boot(mkimg(plan=GOOD + "# comment\n\n"
                               'test code expect=exit:4 /bin/busybox sh -c "exit 4"\n'
                               "test signal expect=signal:SIGSEGV /bin/t/fault write null\n"
                               "test limit limit=1 expect=limit /bin/t/endless user\n"
                               "test path minimal\n")), machine.PASS)
    names = [r.name for r in report.results]
    assert names[names.index("good"):][:5] == ["good", "code", "signal", "limit", "path"]


@pytest.mark.parametrize("plan", ["", "\n", "# only a comment\n", "\ufeff# bom\n", " \t\r\n"],
                         ids=["empty", "blank", "comment", "mark", "blanks"])
def test_plan_without_a_test_fails(boot, mkimg, plan):
    judged(boot(mkimg(plan=plan)), machine.FAIL)


def test_no_plan_at_all_fails(boot, mkimg):
    """Neither plan.txt nor the root filesystem's own."""
    image = mkimg(words="plan=/etc/no-such-plan")
    judged(boot(image), machine.FAIL)


MALFORMED = [
    "tset a /bin/minimal",
    "test a skipcode=0 /bin/minimal",
    "test a skipcode=4 expect=exit:4 /bin/minimal",
    "test a user=root /bin/minimal",
    "test a env=NAME /bin/minimal",
    "test",
    "test only-a-name",
    "test bad/name /bin/minimal",
    "test a limit=0 /bin/minimal",
    "test a limit=ten /bin/minimal",
    "test a limit= /bin/minimal",
    "test a limit=99999999999999999999 /bin/minimal",
    "test a expect=exit:256 /bin/minimal",
    "test a expect=exit:-1 /bin/minimal",
    "test a expect=exit: /bin/minimal",
    "test a expect=signal:SIGNONE /bin/minimal",
    "test a expect=crash /bin/minimal",
    "test a skip= /bin/minimal",
    "test a colour=red /bin/minimal",
    "test a limit=1 limit=2 /bin/minimal",
    'test a /bin/minimal "unterminated',
    'test a /bin/minimal "back\\slash"',
    'test a ""',
    "test a /bin/minimal " + "w " * 64,
    "test a /bin/minimal " + "x" * 5000,
    "test \x01 /bin/minimal",
    "\x00test a /bin/minimal",
]


def test_each_malformed_line_is_a_failed_test_that_quotes_it(boot, mkimg):
    lines = "".join(f"{line}\n" for line in MALFORMED)
    report = judged(boot(mkimg(plan=(GOOD + lines + GOOD).encode("latin-1"))), machine.FAIL)
    failed = [r for r in report.results if not r.passed]
    assert len(failed) == len(MALFORMED)
    text = "\n".join(r.name + " " + r.note + " " + " ".join(r.output) for r in failed)
    text += "\n".join(report.kernel_lines)
    for line in MALFORMED[:20]:
        assert line.strip() in text.replace("'", '"'), f"not quoted: {line}"


@pytest.mark.parametrize("line", ["tset a /bin/minimal", 'test a "unterminated',
                                  "test a colour=red /bin/minimal"])
def test_one_malformed_line_fails_the_run(boot, mkimg, line):
    report = judged(boot(mkimg(plan=f"{GOOD}{line}\n")), machine.FAIL)
    assert len(report.failed_names) == 1


def test_plan_of_any_bytes_fails(boot, mkimg):
    judged(boot(mkimg(plan=bytes(range(256)) * 40)), machine.FAIL)


def elf(kind=2, machine_number=62, size_class=2, order=1, phoff=64, offset=0, filesz=0x1000,
        memsz=0x1000, vaddr=0x400000, entry=0x400078, count=1, flags=5, phentsize=56):
    """An executable of 4 KiB whose header says what a test wants it to say; exits with 0."""
    ident = b"\x7fELF" + bytes([size_class, order, 1]) + bytes(9)
    head = ident + struct.pack("<HHIQQQIHHHHHH", kind, machine_number, 1, entry, phoff, 0, 0, 64,
                               phentsize, count, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, flags, offset, vaddr, vaddr, filesz, memsz, 0x1000)
    code = b"\xb8\x3c\x00\x00\x00\x31\xff\x0f\x05"  # mov $60,%eax; xor %edi,%edi; syscall
    return (head + load + code).ljust(0x1000, b"\0")


BAD_PROGRAMS = {
    "directory": None,
    "empty": b"",
    "text-without-interpreter": b"echo this is no program\n",
    "script-with-missing-interpreter": b"#!/no/such/interpreter\n",
    "script-with-empty-interpreter": b"#!\necho\n",
    "script-of-itself": b"#!/bad/script-of-itself\n",
    "one-byte": b"\x7f",
    "magic-alone": b"\x7fELF",
    "half-a-header": elf()[:32],
    "another-machine": elf(machine_number=183),
    "class-of-32-bits": elf(size_class=1),
    "big-endian": elf(order=2),
    "object-file": elf(kind=1),
    "core-file": elf(kind=4),
    "program-headers-outside": elf(phoff=1 << 20),
    "program-headers-far-outside": elf(phoff=0xFFFFFFFFFFFFFFF8),
    "program-headers-of-odd-size": elf(phentsize=8),
    "too-many-program-headers": elf(count=65535),
    "no-program-headers": elf(count=0),
    "file-smaller-than-memory-reversed": elf(filesz=0x1000, memsz=0x800),
    "address-in-the-kernel": elf(vaddr=0xFFFF800000000000),
    "address-not-canonical": elf(vaddr=0x0000800000000000),
    "address-wraps": elf(vaddr=0x7FFFFFFFF000, memsz=0xFFFFFFFFFFFF0000),
    "offset-not-congruent": elf(offset=8),
}


def test_programs_that_are_none(boot, mkimg, tmp_path):
    """Each is refused by name, the next one still runs, and no memory is lost."""
    bad = tmp_path / "tree/bad"
    bad.mkdir(parents=True)
    (bad / "fine").write_bytes(elf())
    for name, data in BAD_PROGRAMS.items():
        if data is None:
            (bad / name).mkdir()
        else:
            (bad / name).write_bytes(data)
    (bad / "not-executable").write_bytes(elf())
    for path in bad.iterdir():
        path.chmod(0o644 if path.name == "not-executable" else 0o755)
    names = [*BAD_PROGRAMS, "not-executable"]
    plan = "test fine /bad/fine\n" + "".join(f"test {n} /bad/{n}\n" for n in names) + GOOD
    report = judged(boot(mkimg(plan=plan, trees=[tmp_path / "tree"])), machine.FAIL)
    assert report.failed_names == names
    assert report.result("fine").passed and report.result("good").passed


def test_segment_outside_the_file_is_no_success(boot, mkimg, tmp_path):
    """Linux maps such a file and ends the program at its first touch; so either way it fails."""
    bad = tmp_path / "tree/bad"
    bad.mkdir(parents=True)
    (bad / "outside").write_bytes(elf(offset=1 << 20, filesz=0x1000))
    (bad / "outside").chmod(0o755)
    plan = "test outside /bad/outside\n" + GOOD
    report = judged(boot(mkimg(plan=plan, trees=[tmp_path / "tree"])), machine.FAIL)
    assert report.failed_names == ["outside"]


def test_forged_lines_change_nothing(boot, mkimg, tmp_path):
    """A program that fails prints every line a report is made of, wherever it can print."""
    folder = tmp_path / "tree/bin"
    folder.mkdir(parents=True)
    lines = ", ".join('"' + line.replace('"', '\\"') + '\\n"' for line in FORGED)
    program = compile_program(tmp_path, "forge", r"""
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
static const char *lines[] = {%s, "\r# firstlight: verdict=PASS\r", "\033[2J\033[1;1Hok 9 x\n"};
static void all(int fd)
{
    for (unsigned n = 0; n < sizeof(lines) / sizeof(*lines); n++)
        if (write(fd, lines[n], strlen(lines[n])) < 0)
            return;
}
int main(void)
{
    all(1);
    all(2);
    all(open("/dev/console", O_WRONLY));
    all(open("/dev/kmsg", O_WRONLY));
    all(1);
    return write(1, "no line end", 11) != 11 ? 2 : 1;
}
""" % lines)
    os.rename(program, folder / "forge")
    outcome = boot(mkimg(plan=f"test forge /bin/forge\n{GOOD}", trees=[tmp_path / "tree"]))
    report = judged(outcome, machine.FAIL)
    assert report.failed_names == ["forge"]
    assert report.planned == len(report.results)
    assert report.result("forged") is None
    printed = report.result("forge").output
    for line in FORGED:
        assert printed.count(line) == 5, f"{line}: on stdout twice, stderr, console and kmsg"
    assert printed[-1] == "no line end"
    assert any("^[[2J" in line for line in printed)
    assert "\x1b" not in outcome.log[outcome.log.index("KTAP"):]


def test_output_beyond_the_limit_is_cut_and_told(boot, mkimg):
    plan = 'test chatty /bin/busybox sh -c "for i in $(seq 9999); do echo 0123456789; done"\n'
    plan = plan.replace("$(seq 9999)", " ".join(str(n) for n in range(400))).replace(
        "echo 0123456789", "echo " + "0123456789" * 40)
    report = judged(boot(mkimg(plan=plan + GOOD)), machine.PASS)
    printed = "\n".join(report.result("chatty").output)
    assert 60_000 < len(printed) <= 65536
    assert any("chatty" in line or "cut" in line or "dropped" in line
               for line in report.kernel_lines)


def test_environment_of_a_test(boot, mkimg):
    plan = ('test env /bin/busybox env\n'
            'test pwd /bin/busybox pwd\n'
            'test tty expect=exit:1 /bin/busybox tty\n'
            'test umask /bin/busybox sh -c umask\n'
            'test stdin /bin/busybox cat\n'
            'test words /bin/busybox printf "[%s]" "two words" "a \\"quote\\"" "a \\\\ slash" ""\n'
            'test err /bin/busybox sh -c "echo to stderr >&2"\n')
    report = judged(boot(mkimg(plan=plan)), machine.PASS)

    def output(name):
        return report.result(name).output

    assert sorted(output("env")) == ["HOME=/", "PATH=/bin:/sbin:/usr/bin:/usr/sbin"]
    assert output("pwd") == ["/"]
    assert output("tty") == ["not a tty"]
    assert output("umask") == ["0022"]
    assert output("stdin") == []
    assert output("words") == ['[two words][a "quote"][a \\ slash][]']
    assert output("err") == ["to stderr"]


def test_programs_that_are_no_files(boot, mkimg, tmp_path):
    """On the boot medium: each is refused at once, and the plan goes on."""
    tree = tmp_path / "tree"
    (tree / "odd/directory").mkdir(parents=True)
    os.mkfifo(tree / "odd/fifo", 0o755)
    (tree / "odd/link").symlink_to("fifo")
    (tree / "odd/loop").symlink_to("loop")
    (tree / "odd/script").write_text("#!/odd/fifo\n")
    (tree / "odd/script").chmod(0o755)
    names = ("fifo", "link", "loop", "directory", "script")
    plan = "".join(f"test {name} limit=5 /odd/{name}\n" for name in names)
    plan += "test terminal limit=5 /dev/console\n" + GOOD
    report = judged(boot(mkimg(plan=plan, trees=[tree])), machine.FAIL)
    for name in names + ("terminal",):
        expected = "ELOOP" if name == "loop" else "EACCES"
        assert "could not start" in report.result(name).note
        assert expected in report.result(name).note
    assert report.fields["failed"] == str(len(names) + 1)


def test_a_plan_that_is_no_file(boot, mkimg, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    os.mkfifo(tree / "fifo")
    (tree / "loop").symlink_to("loop")
    for path in ("/fifo", "/loop", "/dev/console", "/bin"):
        outcome = boot(mkimg(words=f"plan={path}", trees=[tree]))
        judged(outcome, machine.FAIL)
        assert f"plan: {path} cannot be read" in outcome.log


def test_skip_is_counted_as_skip(boot, mkimg):
    plan = GOOD + 'test later skip="not on this machine" /bin/no-such-program\n'
    report = judged(boot(mkimg(plan=plan)), machine.PASS)
    assert report.result("later").skipped
    assert report.fields["skipped"] == "1"
    assert "not on this machine" in report.result("later").note


def test_a_plan_that_is_skipped_whole_is_no_pass(boot, mkimg):
    plan = 'test later skip="not today" /bin/minimal\ntest absent skipcode=4 /bin/sh -c "exit 4"\n'
    outcome = boot(mkimg(plan=plan))
    judged(outcome, machine.FAIL)
    assert "# firstlight: no test of the plan passed" in outcome.log


def test_skip_code_is_counted_as_skip(boot, mkimg, tmp_path):
    """That code alone, and only where nothing is left behind."""
    program = compile_program(tmp_path, "leave", r"""
#include <unistd.h>
int main(void)
{
    if (fork() == 0) /* left running: ended by the harness, no leak */
        pause();
    return 4;
}
""")
    folder = tmp_path / "tree/bin"
    folder.mkdir(parents=True)
    os.rename(program, folder / "leave")
    plan = ("test here skipcode=4 /bin/minimal\n"
            "test absent skipcode=4 /bin/sh -c 'echo no device; exit 4'\n"
            "test other skipcode=4 /bin/sh -c 'exit 5'\n"
            "test fault skipcode=11 expect=exit:1 /bin/t/fault write null\n"
            "test leave skipcode=4 /bin/leave\n")
    report = judged(boot(mkimg(plan=plan, trees=[tmp_path / "tree"])), machine.FAIL)
    assert [r.name for r in report.results if r.skipped] == ["absent", "leave"]
    assert report.result("absent").output == ["no device"]
    assert report.fields["skipped"] == "2"
    assert report.failed_names == ["other", "fault"]
    assert "expected exit:0, got exit:5" in report.result("other").note


def test_a_leak_is_not_skipped(boot, mkimg):
    plan = "test leak skipcode=4 /bin/sh -c 'exit 4'\n"
    report = judged(boot(mkimg(plan=plan, words="inject=leak")), machine.FAIL)
    assert "leak" in report.failed_names


def test_user_and_variables(boot, mkimg):
    """user= is that user in its group and no other, who may do what that user may; env= adds and
    replaces."""
    plan = ("test id user=1234 /bin/busybox id\n"
            "test root /bin/busybox id -u\n"
            "test denied user=1234 expect=exit:1 /bin/sh -c '>/etc/firstlight/own'\n"
            "test closed user=1234 /root/none\n"
            "test env env=SHIP='two  words' env=HOME=/tmp env=A= /bin/busybox env\n"
            "test path env=PATH=/none minimal\n"
            "test after /bin/busybox env\n")
    report = judged(boot(mkimg(plan=plan)), machine.FAIL)
    assert report.failed_names == ["closed"] and "EACCES" in report.result("closed").note
    assert report.result("id").output == ["uid=1234 gid=1234"]
    assert report.result("root").output == ["0"]
    assert sorted(report.result("env").output) == [
        "A=", "HOME=/tmp", "PATH=/bin:/sbin:/usr/bin:/usr/sbin", "SHIP=two  words"]
    assert sorted(report.result("after").output) == ["HOME=/", "PATH=/bin:/sbin:/usr/bin:/usr/sbin"]


def test_limits_are_seconds(boot, mkimg):
    """A program that spins in ring 3, in system calls, or sleeps is ended when its limit is up."""
    plan = ("test user limit=2 expect=limit /bin/t/endless user\n"
            "test calls limit=1 expect=limit /bin/t/endless calls\n" + GOOD)
    report = judged(boot(mkimg(plan=plan)), machine.PASS)
    for name, seconds in (("user", 2), ("calls", 1)):
        note = report.result(name).note
        took = int(note.split("time=")[1].split("us")[0]) / 1e6
        assert seconds <= took < seconds + 0.5, note


def test_archives_of_other_tools_boot(boot, mkimg, tmp_path):
    """The root filesystem packed by cpio and by bsdtar, without alignment or sorting."""
    image = mkimg(plan=GOOD + "test sh /bin/sh -c true\n")
    tree = tmp_path / "root"
    tree.mkdir()
    archive = tmp_path / "rootfs.cpio"
    archive.write_bytes(image.read("rootfs.cpio"))
    with open(archive, "rb") as file:
        done = run("cpio", "-idm", "--quiet", "--no-absolute-filenames", cwd=tree, stdin=file)
    assert done.returncode == 0, done.stderr
    for command in ("find . | cpio -o -H newc --quiet -R 0:0",
                    "bsdtar --format newc --uid 0 --gid 0 -cf - ."):
        packed = subprocess.run(["bash", "-c", command], cwd=tree, capture_output=True, check=True,
                                timeout=60).stdout
        image.write("rootfs.cpio", packed)
        image.refresh_checksums(tmp_path)
        judged(boot(image), machine.PASS)


# Memory that is writable and executable at once: allowed, unless the option forbids it.
def test_writable_and_executable(boot, mkimg):
    allowed = "test allowed /bin/t/mem_refusals\n"
    denied = "test denied /bin/t/mem_refusals denied\n"
    judged(boot(mkimg(plan=allowed)), machine.PASS)
    judged(boot(mkimg(plan=denied, words="wx=deny")), machine.PASS)
    report = judged(boot(mkimg(plan=GOOD + denied)), machine.FAIL)
    assert report.failed_names == ["denied"]
