# SPDX-License-Identifier: MIT
"""Seeing what programs ask of the kernel (trace, audit), and what they need not ask (vDSO)."""
import os
import re
import shutil

import pytest

import machine
from conftest import run
from test_plans import compile_program, judged

LINE = re.compile(r"# \[ *\d+\.\d{6}\] \[pid (\d+)\] (\w+)\((.*)\) = (\S.*)")
RESULT = re.compile(r"\?( -EINTR)?|-?\d+|0x[0-9a-f]+|-E[A-Z0-9]+")


def traced(outcome):
    """All lines of the trace: (pid, call, arguments, result). None may be torn."""
    found = []
    for line in outcome.log.splitlines():
        if "[pid " in line:
            match = LINE.fullmatch(line)
            assert match and RESULT.fullmatch(match.group(4)), line
            found.append((int(match.group(1)),) + match.groups()[1:])
    return found


def tree_with(tmp_path, *programs):
    """A tree with these programs in /bin/t."""
    folder = tmp_path / "tree" / "usr" / "bin" / "t"
    folder.mkdir(parents=True, exist_ok=True)
    for program in programs:
        shutil.copy(program, folder)
    return tmp_path / "tree"


CALLS = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static void nothing(int number) { (void)number; }

int main(void)
{
    struct sigaction action = {.sa_handler = nothing};
    struct itimerval soon = {.it_value.tv_usec = 20000};
    char longer[200];

    memset(longer, 'x', sizeof(longer));
    longer[0] = '/';
    longer[sizeof(longer) - 1] = 0;
    syscall(SYS_openat, AT_FDCWD, "/none", O_RDONLY | O_CLOEXEC, 0);
    syscall(SYS_openat, 77, "/tmp/made", O_CREAT | O_WRONLY, 0640);
    syscall(SYS_openat, -5, "a\nb", 0, 0);
    syscall(SYS_unlink, longer);
    syscall(SYS_unlink, (char *)0xdead000000000000);
    syscall(SYS_unlink, NULL);
    syscall(SYS_write, 99, "abc", 3ul);
    syscall(SYS_lseek, 99, -7l, 2);
    syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    syscall(SYS_fcntl, 99, F_GETFD, 0);
    syscall(9999, 1, 2, 3, 4, 5, 0xffffffffffffffff);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    pause();
    syscall(SYS_execve, "/bin/none", NULL, NULL);
    execl("/bin/t/exits", "exits", (char *)NULL);
    return 1;
}
"""
EXITS = "int main(void) { return 7; }\n"


def test_lines(boot, mkimg, tmp_path):
    programs = [compile_program(tmp_path, "calls", CALLS),
                compile_program(tmp_path, "exits", EXITS)]
    outcome = boot(mkimg(plan="test calls expect=exit:7 /bin/t/calls\n", words="trace=syscall",
                         trees=[tree_with(tmp_path, *programs)]))
    judged(outcome, machine.PASS)
    found = traced(outcome)
    pid = next(line[0] for line in found if line[2].startswith("AT_FDCWD, '/none'"))
    lines = [f"{call}({args}) = {result}" for p, call, args, result in found if p == pid]
    expected = [
        r"openat\(AT_FDCWD, '/none', 0x80000, 00\) = -ENOENT",
        r"openat\(77, '/tmp/made', 0x41, 0640\) = 3",
        r"openat\(-5, 'a\^Jb', 0x0, 00\) = -EBADF",
        r"unlink\('/x{62,63}'\.\.\.\) = -ENOENT",
        r"unlink\(0xdead000000000000\) = -EFAULT",
        r"unlink\(NULL\) = -EFAULT",
        r"write\(99, 0x[0-9a-f]+, 3\) = -EBADF",
        r"lseek\(99, -7, 2\) = -EBADF",
        r"mmap\(0x0, 4096, 0x1, 0x22, -1, 0x0\) = 0x7[0-9a-f]+",
        r"fcntl\(99, 1, 0x0\) = -EBADF",
        r"syscall_9999\(0x1, 0x2, 0x3, 0x4, 0x5, 0xffffffffffffffff\) = -ENOSYS",
        r"rt_sigaction\(14, 0x[0-9a-f]+, NULL, 8\) = 0",
        r"pause\(\) = \? -EINTR",
        r"rt_sigreturn\(\) = \?",
        r"execve\('/bin/none', NULL, NULL\) = -ENOENT",
        r"execve\('/bin/t/exits', 0x[0-9a-f]+, 0x[0-9a-f]+\) = 0",
        r"exit_group\(7\) = \?",
    ]
    at = 0
    for pattern in expected:  # in this order, others between them
        while at < len(lines) and not re.fullmatch(pattern, lines[at]):
            at += 1
        assert at < len(lines), f"no {pattern} in its place:\n" + "\n".join(lines)
    assert lines[-1] == "exit_group(7) = ?"


def test_only_those_named(boot, mkimg):
    outcome = boot(mkimg(plan='test sh /bin/sh -c "cat /etc/passwd"\n',
                         words="trace=syscall,exit_group,no_such,openat"))
    judged(outcome, machine.PASS)
    assert {line[1] for line in traced(outcome)} == {"exit_group", "openat"}
    assert "no system call 'no_such'" in outcome.log


@pytest.mark.parametrize("words", ["trace=open", "trace=syscalls", "audit=yes"])
def test_what_is_not_understood_is_said(boot, mkimg, words):
    outcome = boot(mkimg(plan="test minimal /bin/minimal\n", words=words))
    judged(outcome, machine.PASS)
    assert f"{words} is not understood" in outcome.log
    assert traced(outcome) == []


def test_lines_of_several_processors_never_mix(boot, mkimg):
    plan = ('test storm limit=120 /bin/sh -c "for i in 1 2 3 4; do (for j in 1 2 3 4 5 6; do '
            'cat /etc/passwd >/dev/null; done) & done; wait"\n')
    outcome = boot(mkimg(plan=plan, words="trace=syscall"), cpus=4)
    judged(outcome, machine.PASS)
    found = traced(outcome)
    assert sum(line[1] == "execve" for line in found) >= 24
    assert len({line[0] for line in found}) > 24


@pytest.mark.parametrize("cpus", [1, 4])
def test_audit_adds_up(boot, mkimg, cpus):
    """D3: what is read and what was dropped are all the calls that were made."""
    plan = ("test all /bin/t/audit 4 1000 all\n"
            "test some limit=60 /bin/t/audit 8 20000 some\n"
            "test one /bin/t/audit 1 3000 all\n"
            'test by-hand /bin/sh -c "grep -q getppid /proc/audit; head -n 1 /proc/audit"\n')
    report = judged(boot(mkimg(plan=plan, words="audit=syscall"), cpus=cpus), machine.PASS)
    assert re.search(r"^# dropped \d+ of \d+ calls$", "\n".join(report.result("by-hand").output),
                     re.M)


def test_no_audit_unless_asked_for(boot, mkimg):
    judged(boot(mkimg(plan='test none /bin/sh -c "test ! -e /proc/audit"\n')), machine.PASS)


TIMES = r"""
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    struct timespec a = {0};
    struct timeval b;

    for (int i = 0; i < 1000; i++) {
        if (clock_gettime(CLOCK_MONOTONIC, &a) || clock_gettime(CLOCK_REALTIME, &a) ||
            gettimeofday(&b, NULL) || time(NULL) < a.tv_sec || sched_getcpu() < 0)
            return 1;
    }
    return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &a) != 0;
}
"""
TIME_CALLS = "clock_gettime,gettimeofday,time,getcpu"


def times_image(mkimg, tmp_path, kind):
    source = tmp_path / "times.c"
    source.write_text(TIMES)
    flags = {"musl": ["musl-gcc", "-static"], "glibc": ["gcc", "-static"], "dynamic": ["gcc"]}
    done = run(*flags[kind], "-O1", "-o", tmp_path / "times", source)
    assert done.returncode == 0, done.stderr
    tree = tree_with(tmp_path, tmp_path / "times")
    if kind == "dynamic":
        for lib in ("/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6"):
            (tree / os.path.dirname(lib)[1:]).mkdir(parents=True, exist_ok=True)
            shutil.copy(lib, tree / lib[1:])
    return mkimg(plan="test times /bin/t/times\n", trees=[tree],
                 words=f"trace=syscall,{TIME_CALLS}")


@pytest.mark.parametrize("kind", ["musl", "glibc", "dynamic"])
def test_time_without_a_call(boot, mkimg, tmp_path, kind):
    """libc's own code finds the vDSO: of 5,001 questions one is a call, the one made by hand."""
    outcome = boot(times_image(mkimg, tmp_path, kind))
    judged(outcome, machine.PASS)
    calls = [line[1] for line in traced(outcome)]
    if kind == "musl":  # its sched_getcpu looks only once, its time() asks clock_gettime
        calls = [call for call in calls if call != "getcpu"]
    assert calls == ["clock_gettime"]


def test_time_by_calls_without_a_steady_counter(boot, mkimg, tmp_path):
    """No invariant TSC on what claims to be a real processor: the functions ask the kernel."""
    outcome = boot(times_image(mkimg, tmp_path, "glibc"), cpu="max,-hypervisor", cpus=2)
    assert outcome.report.failed_names == []
    calls = [line[1] for line in traced(outcome)]
    assert calls.count("clock_gettime") == 2001
    assert calls.count("gettimeofday") == 1000 and calls.count("time") == 1000
