#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run plans on Linux, the oracle: what passes here is what the kernel has to match.

    run_on_linux.py --base DIR... --work DIR [--plan FILE]... [--only NAME]... [-v]

Each test runs under chroot in the root filesystem that an image would get, in the conditions the
kernel's harness gives: stdin on /dev/null, output into a pipe, no terminal, umask 022, niceness 0
where that may be set, a fixed environment. An ordinary user, and root without the rights for that,
does the same inside a user namespace. Root that may not mount (a container) puts each test into
one, with all users, unless the test needs more than that.

Lines of the plan that begin with `#linux:` name tests for which Linux cannot always be the judge:
    #linux: differs NAME REASON    run, result shown, neither passed nor failed
    #linux: skip NAME REASON       not run
    #linux: NEED[,NEED] NAME REASON   not run where one of these is missing, outside and inside:
        users       there are other users to become
        mounts      a mount namespace of its own, with /proc in it
        terminals   pseudo-terminals of its own in it
        niceness    the tests start with niceness 0
        cap_NAME    that capability, in the first user namespace
        root        all of these
        processor   system calls enter Linux directly: a host that runs Linux as a guest without
                    the processor's help (PVM) loses flags and looks at the stack
        ipv6        the loopback has its address of AF_INET6
Tests that are not run are counted as skipped, with the reason, never as passed.
Exit status: 0 when no test failed.
"""
import argparse
import contextlib
import ctypes
import errno
import mmap
import os
import resource
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # nothing is left behind in the folders of others
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools"))
import mkcpio  # noqa: E402  (its folder had to be named first)
from linux_plan import CAPABILITIES, ENVIRONMENT, RIGHTS, needs_of, read_plan  # noqa: E402

NAMESPACE = "USER_TEST_NAMESPACE"
NOT_ASKED = "user-linux: not here: "  # a run that is skipped whole
# What Linux answers where it was built without user namespaces, or they are forbidden or used up.
REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EINVAL, errno.ENOSPC, errno.EUSERS)
BUSYBOX = "/bin/busybox"
OUTPUT_LIMIT = 64 * 1024
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000  # of <linux/sched.h>
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18  # of <linux/mount.h>
SYS_PIVOT_ROOT, MNT_DETACH = 155, 2
DEVICES = {  # name: (major, minor, mode)
    "null": (1, 3, 0o666), "zero": (1, 5, 0o666), "full": (1, 7, 0o666),
    "random": (1, 8, 0o666), "urandom": (1, 9, 0o666), "console": (5, 1, 0o600),
    "tty": (5, 0, 0o666),
}
ALL_USERS = "0 0 4294967295"
NOBODY = 65534


def make_root(bases, work, trees=()):
    """The root filesystem of an image as a directory, freshly made; its path. The trees are laid
    over it with their modes, as mkimg.sh does."""
    root = os.path.join(work, "root")
    remove_root(root)
    overlay = mkcpio.Overlay()
    overlay.add_skeleton()
    overlay.add_busybox(os.path.realpath(BUSYBOX))
    for base in bases:
        overlay.add_tree(base, keep_modes=False)
    for tree in trees:
        overlay.add_tree(tree, keep_modes=True)
    os.makedirs(root)
    for path in sorted(overlay.nodes):
        node, place = overlay.nodes[path], os.path.join(root, path)
        if node.is_link():
            os.symlink(node.target, place)
            os.utime(place, (mkcpio.FIXED_TIME, mkcpio.FIXED_TIME), follow_symlinks=False)
            continue
        if node.is_dir():
            os.makedirs(place, exist_ok=True)
        else:
            shutil.copyfile(node.source, place)
        os.chmod(place, stat.S_IMODE(node.mode))
        os.utime(place, (mkcpio.FIXED_TIME, mkcpio.FIXED_TIME))
    for name, (major, minor, mode) in DEVICES.items():
        make_device(os.path.join(root, "dev", name), name, mode, os.makedev(major, minor))
    os.mkdir(os.path.join(root, "dev/pts"))
    os.symlink("pts/ptmx", os.path.join(root, "dev/ptmx"))
    os.symlink("/proc/self/fd", os.path.join(root, "dev/fd"))
    os.symlink("/proc/self/fd/0", os.path.join(root, "dev/stdin"))
    return root


def remove_root(root):
    """What the plan before left, in a namespace with the host's devices on top of files."""
    for name in DEVICES:
        node = os.path.join(root, "dev", name)
        if os.environ.get(NAMESPACE) and os.path.exists(node) and not os.path.isfile(node):
            subprocess.run(["umount", "-l", node], check=True)  # a task may be left that has it
    # Not shutil: a test that failed may have left a tree too deep for it.
    subprocess.run(["rm", "-rf", "--one-file-system", root], check=True)


def make_device(node, name, mode, number):
    """A device node; inside a user namespace, where none can be made, the host's own."""
    if os.environ.get(NAMESPACE):
        with open(node, "w", encoding="ascii"):
            pass
        subprocess.run(["mount", "--bind", f"/dev/{name}", node], check=True)
    else:
        os.mknod(node, stat.S_IFCHR | mode, number)
        os.chmod(node, mode)


def mount_terminals(root):
    """In the child: its own pseudo-terminals and /proc, in a mount namespace that ends with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    point, proc = (os.path.join(root, name).encode() for name in ("dev/pts", "proc"))
    options = b"newinstance,ptmxmode=0666,mode=0620"
    if (libc.unshare(CLONE_NEWNS) or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
            or libc.mount(b"devpts", point, b"devpts", 0, options)
            or not os.path.ismount(proc)
            and libc.mount(b"/proc", proc, None, MS_BIND | MS_REC, None)
            # What change_root makes the root of the name space.
            or libc.mount(root.encode(), root.encode(), None, MS_BIND | MS_REC, None)):
        raise OSError(ctypes.get_errno(), "devpts and /proc cannot be mounted")


def change_root(root, terminals):
    """In the child. With mounts: the name space's root, to which setns(2) leads; else a chroot."""
    if terminals:
        mount_terminals(root)
        libc = ctypes.CDLL(None, use_errno=True)
        os.chdir(root)
        if libc.syscall(SYS_PIVOT_ROOT, b".", b".") or libc.umount2(b".", MNT_DETACH):
            raise OSError(ctypes.get_errno(), "the root of the name space cannot be changed")
    else:
        os.chroot(root)
    os.chdir("/")


def in_child(function):
    """Whether the function, called in a child, raises no OSError."""
    pid = os.fork()
    if pid == 0:
        try:
            function()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def can_mount_terminals(root):
    """Whether it works here: not in a plain chroot, whose root is no mount point."""
    return in_child(lambda: change_root(root, True))


class Namespace:
    """A user namespace with all the users there are, for a child; made by parent and child."""

    def __init__(self):
        self.ready, self.go = os.pipe(), os.pipe()

    def enter(self):
        """In the child. Comes back once the parent has given it its users."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "no user namespace can be made")
        os.write(self.ready[1], b"1")
        if os.read(self.go[0], 1) != b"1":
            raise OSError("the namespace has no users")

    def serve(self, pid):
        """In the parent: the child's users, or its end."""
        for end in (self.ready[1], self.go[0]):
            os.close(end)
        if os.read(self.ready[0], 1):
            with contextlib.suppress(OSError):
                for name in ("uid_map", "gid_map"):
                    with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
                        file.write(ALL_USERS)
                os.write(self.go[1], b"1")
        for end in (self.ready[0], self.go[1]):
            os.close(end)


def can_mount_inside(root):
    """Whether it works in a Namespace."""
    namespace = Namespace()
    pid = os.fork()
    if pid == 0:
        try:
            for end in (namespace.ready[0], namespace.go[1]):
                os.close(end)
            namespace.enter()
            change_root(root, True)
        except OSError:
            os._exit(1)
        os._exit(0)
    namespace.serve(pid)
    return os.waitpid(pid, 0)[1] == 0


def become(user=NOBODY):
    """In a child."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def execute(test):
    """In a child: the test's command, found as the harness finds it."""
    word = test.command[0]
    folders = [""] if "/" in word else [f"{folder}/" for folder in ENVIRONMENT["PATH"].split(":")]
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):
            os.execve(folder + word, test.command, test.environment)
    raise FileNotFoundError(f"no program '{word}'")


def capabilities():
    """The names of those that count everywhere: none in a user namespace."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        if os.environ.get(NAMESPACE) or " ".join(file.read().split()) != ALL_USERS:
            return set()
    with open("/proc/self/status", encoding="ascii") as file:
        mask = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    return {name for name, bit in CAPABILITIES.items() if mask >> bit & 1}


FLAG_NT = 0x4000
# FLAG_NT set; getpid(); the flags are the result, FLAG_NT cleared.
FLAGS_AFTER_CALL = bytes.fromhex(
    "9c58 0d00400000 509d b827000000 0f05 9c58 89c2 81e2ffbfffff 529d c3")


def check_flags():
    """OSError, if a system call does not leave the flags as the processor does. In a child."""
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(FLAGS_AFTER_CALL)
    function = ctypes.CFUNCTYPE(ctypes.c_int)
    if not function(ctypes.addressof(ctypes.c_char.from_buffer(code)))() & FLAG_NT:
        raise OSError("flags are lost")


def has_ipv6():
    """Whether the loopback has ::1; a namespace of users does not change that."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


def abilities(root):
    """(what tests can be given here, what a Namespace would give)."""
    here, inside = rights(root)
    if here == RIGHTS:
        here = here | {"root"}
    machine = {"processor"} if in_child(check_flags) else set()
    machine |= {"ipv6"} if has_ipv6() else set()
    return here | machine, inside | (machine if inside else set())


def rights(root):
    """The same without what does not depend on who asks."""
    here = capabilities()
    plain = {"niceness"} if os.getpriority(os.PRIO_PROCESS, 0) == 0 else set()
    here |= plain
    if in_child(become):
        here.add("users")
    if can_mount_terminals(root):
        return here | {"mounts", "terminals"}, set()
    return here, plain | {"users", "mounts", "terminals"} if can_mount_inside(root) else set()


def prepare_child(root, stdin, output, terminals, namespace):
    """In the child, before exec: the conditions of the harness."""
    os.setsid()
    if namespace:
        for end in (namespace.ready[0], namespace.go[1]):
            os.close(end)
        namespace.enter()
    change_root(root, terminals)
    os.dup2(stdin, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, 256)
    os.umask(0o022)
    with contextlib.suppress(PermissionError):  # only root gets back what `nice make` took
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, resource.RLIM_INFINITY))
    hard = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])  # fs/vfs/fdtable.h
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            try:
                signal.signal(number, signal.SIG_DFL)
            except (OSError, ValueError):
                pass


def reap_orphans(spare):
    """As process 1 does: what has ended and nobody waits for goes, but for our own child."""
    with contextlib.suppress(ChildProcessError):
        while True:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if not ended or ended.si_pid == spare:
                return
            os.waitpid(ended.si_pid, 0)


def collect(pid, pipe, limit):
    """(outcome, output): waits for the child at most `limit` seconds."""
    if os.getpid() == 1:
        signal.signal(signal.SIGCHLD, lambda *_: reap_orphans(pid))
        reap_orphans(pid)
    try:
        return collect_while(pid, pipe, limit)
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def collect_while(pid, pipe, limit):
    """The same, with orphans looked after."""
    deadline = time.monotonic() + limit
    output, killed, reaped = bytearray(), False, None
    while True:
        left = deadline - time.monotonic()
        if left <= 0 and not killed:
            os.kill(pid, signal.SIGKILL)
            killed = True
        ready, _, _ = select.select([pipe], [], [], max(0.0, min(left, 0.2)) if not killed else 1)
        data = os.read(pipe, 65536) if ready else b""
        output += data
        if reaped is None:
            done, status = os.waitpid(pid, os.WNOHANG)
            reaped = status if done else None
        if reaped is not None and not data:
            break
    if killed:
        return "limit", bytes(output)
    if os.WIFSIGNALED(reaped):
        return "signal:" + signal.Signals(os.WTERMSIG(reaped)).name, bytes(output)
    return f"exit:{os.WEXITSTATUS(reaped)}", bytes(output)


def run_test(test, root, terminals=False, namespace=None):
    """(outcome, output) of one test, which may get a Namespace."""
    reader, writer = os.pipe()
    # The tree's own node: a program may change the mode of what it has open.
    null = os.open(os.path.join(root, "dev/null"), os.O_RDONLY)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            prepare_child(root, null, writer, terminals, namespace)
            if test.user:
                become(test.user)
            execute(test)
        except OSError as error:
            os.write(2, f"cannot start: {error}\n".encode())
        os._exit(127)
    os.close(writer)
    os.close(null)
    if namespace:
        namespace.serve(pid)
    try:
        return collect(pid, reader, test.limit)
    finally:
        os.close(reader)


def show_output(output):
    """The last lines a test printed."""
    for line in output.decode("utf-8", "backslashreplace").splitlines()[-8:]:
        print(f"#: {line}")


def enter_namespace():
    """Starts again as root of a namespace of its own, unless it is root that can make a root. Where
    Linux refuses that, says so, and ends as a skip does; whatever else goes wrong is a failure."""
    if not {"cap_sys_chroot", "cap_mknod"} <= capabilities() and not os.environ.get(NAMESPACE):
        tried = subprocess.run(["unshare", "-rm", "true"], env=dict(os.environ, LC_ALL="C"),
                               stderr=subprocess.PIPE, text=True, check=False)
        why = tried.stderr.strip()
        if tried.returncode:  # an ordinary user in a chroot, or a machine that forbids them
            if not why.endswith(tuple(os.strerror(number) for number in REFUSALS)):
                sys.exit(f"unshare: status {tried.returncode}: {why}")
            print(f"{NOT_ASKED}neither root nor a user namespace: {why}")
            sys.exit(0)
        os.environ[NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "-rm", sys.executable] + sys.argv)


def run_plan(path, root, args, counts):
    """Runs one plan, adds to the counts."""
    tests, directives = read_plan(path)
    here, inside = abilities(root)
    for test in tests:
        if args.only and test.name not in args.only:
            continue
        kind, reason = directives.get(test.name, (None, None))
        needs = needs_of(kind) | ({"users"} if test.user else set())
        enter = not needs - inside and bool(inside)  # it has /proc, by which tests wait for others
        if test.skip or kind == "skip" or needs - here and not enter:
            counts["skipped"] += 1
            missing = ", ".join(sorted(needs - here))
            print(f"skip   {test.name}: {test.skip or reason}{missing and f' (no {missing} here)'}")
            continue
        begin = time.monotonic()
        outcome, output = run_test(test, root, enter or "terminals" in here,
                                   Namespace() if enter else None)
        verdict = test.passes(outcome)
        if kind == "differs":
            verdict = "not comparable"
        counts[verdict] += 1
        if verdict != "passed" or args.v:
            print(f"{verdict:6} {test.name}: {outcome}, expected {test.expect}"
                  f" ({time.monotonic() - begin:.2f} s){' - ' + reason if reason else ''}")
            show_output(output)


def main():
    """Runs the plans, prints one line a test and the totals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", action="append", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--plan", action="append")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("-v", action="store_true")
    args = parser.parse_args()

    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    enter_namespace()
    counts = {"passed": 0, "failed": 0, "skipped": 0, "not comparable": 0}
    for plan in args.plan or [None]:
        root = make_root(args.base, args.work)  # anew: a plan starts with a clean file system
        run_plan(plan or os.path.join(root, "etc/firstlight/plan"), root, args, counts)
    print(f"user-linux: {counts['passed']} passed, {counts['failed']} failed"
          f" ({counts['not comparable']} not comparable, {counts['skipped']} skipped)")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
