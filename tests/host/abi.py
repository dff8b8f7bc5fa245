#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""abi.py - compare shared/linux/*.h, shared/elf64.h and the call table with this host's headers

Usage: abi.py OUTPUT_DIRECTORY

Writes C files full of static assertions, one for each set of host headers that get along with each
other, and counts.h. Every constant and every structure member of our headers is in one of them: a
name that is not in the tables below, and has no namesake on the host, does not compile. So nothing
goes unchecked because somebody forgot it. What no host header has stands in NO_HOST, with the
reason.
"""
import os
import re
import sys

# Header: list of (host headers, pattern of the names checked against them; the first that fits).
HOSTS = {
    "auxv": [(["linux/auxvec.h", "asm/auxvec.h", "asm/hwcap2.h"], ".*")],
    "capability": [(["linux/capability.h", "linux/securebits.h"], ".*")],
    "clone": [(["linux/sched.h", "linux/wait.h", "linux/signal.h"], ".*")],
    "core": [(["linux/elf.h"], "NT_.*"), (["sys/procfs.h"], ".*")],
    "dirent": [(["dirent.h"], ".*")],
    "errno": [(["errno.h"], ".*")],
    "event": [(["sys/eventfd.h"], "EFD_.*"), (["linux/timerfd.h"], "TFD_.*"),
              (["linux/eventpoll.h"], ".*")],
    "fcntl": [(["unistd.h"], "[FXWR]_OK"), (["linux/memfd.h"], "MFD_.*"),
              (["linux/fcntl.h", "linux/falloc.h", "linux/close_range.h", "linux/openat2.h",
                "linux/fs.h"], ".*")],
    "fb": [(["linux/fb.h"], ".*")],
    "futex": [(["linux/futex.h", "linux/rseq.h"], ".*")],
    "inotify": [(["linux/inotify.h"], ".*")],
    "ipc": [(["sys/shm.h"], "SHM_DEST|SHM_LOCKED"),
            (["limits.h", "linux/shm.h", "linux/sem.h", "linux/msg.h"], ".*")],
    "inet": [(["netinet/in.h", "netinet/tcp.h"], ".*")],
    "interface": [(["linux/sockios.h"], "SIOC.*"), (["net/if.h", "net/if_arp.h"], ".*")],
    "ioctl": [(["linux/fs.h"], "FIGETBSZ"), (["asm/sockios.h"], "FIO[SG]ETOWN|SIOC.*"),
              (["linux/random.h"], "RND.*"),
              (["asm/ioctls.h", "asm/termbits.h"], ".*")],
    "itimer": [(["linux/time.h"], ".*")],
    "kcmp": [(["linux/kcmp.h"], ".*")],
    "limits": [(["linux/limits.h"], ".*")],
    "membarrier": [(["linux/membarrier.h"], ".*")],
    "mman": [(["linux/mman.h", "asm/mman.h"], ".*")],
    "mqueue": [(["linux/mqueue.h"], ".*")],
    "mount": [(["sys/mount.h"], "(MS|MNT|UMOUNT)_.*")],
    "netlink": [(["sys/socket.h"], "SOL_NETLINK"),
                (["linux/netlink.h", "linux/rtnetlink.h", "linux/if.h", "linux/sock_diag.h",
                  "linux/inet_diag.h", "linux/unix_diag.h"], ".*")],
    "nsfs": [(["linux/nsfs.h", "linux/magic.h"], ".*")],
    "poll": [(["linux/poll.h", "linux/posix_types.h"], ".*")],
    "ptrace": [(["linux/elf.h"], "NT_.*"), (["linux/audit.h"], "AUDIT_.*"),
               (["linux/ptrace.h", "sys/user.h"], ".*")],
    "resource": [(["linux/resource.h"], ".*")],
    "sched": [(["linux/sched.h", "linux/sched/types.h"], ".*")],
    "sigframe": [(["linux/signal.h", "asm/sigcontext.h", "asm/ucontext.h"], ".*")],
    "signal": [(["signal.h"], "NSIG"), (["linux/signal.h", "linux/signalfd.h"], ".*")],
    "seccomp": [(["linux/types.h", "linux/ioctl.h", "linux/seccomp.h", "linux/filter.h",
                  "linux/ptrace.h"], ".*")],
    "socket": [(["asm/ioctls.h", "linux/sockios.h"], "SIOC.*"),
               (["sys/socket.h", "sys/un.h"], ".*")],
    "stat": [(["sys/stat.h"], "S_.*|UTIME_.*"), (["sys/statvfs.h"], "ST_.*"),
             (["linux/stat.h", "asm/stat.h", "asm/statfs.h", "linux/magic.h",
               "linux/time_types.h"], ".*")],
    "system": [(["linux/utsname.h", "linux/sysinfo.h", "linux/prctl.h", "asm/prctl.h",
                 "linux/random.h", "linux/personality.h", "linux/reboot.h"], ".*")],
    "termios": [(["linux/tty.h"], "N_TTY"), (["asm/termbits.h", "asm/termios.h"], ".*")],
    "time": [(["linux/time.h", "linux/times.h"], ".*")],
    "timex": [(["linux/timex.h"], ".*")],
    "uio": [(["linux/uio.h", "linux/fs.h"], ".*")],
    "aio": [(["linux/aio_abi.h"], ".*")],
    "xattr": [(["linux/xattr.h", "linux/limits.h"], ".*")],
}

# Ours (without LX_): the host's name, where it is another one, or an expression of its names.
RENAMED = {
    "O_TMPFILE_BIT": "__O_TMPFILE", "NSIG": "__SIGRTMAX", "FD_SETSIZE": "__FD_SETSIZE",
    "ANON_MAGIC": "ANON_INODE_FS_MAGIC", "PROC_MAGIC": "PROC_SUPER_MAGIC",
    "DEVPTS_MAGIC": "DEVPTS_SUPER_MAGIC",
    "STATX_RESERVED": "STATX__RESERVED", "O_ASYNC": "FASYNC",
    "CAPABILITY_VERSION_1": "_LINUX_CAPABILITY_VERSION_1",
    "CAPABILITY_VERSION_2": "_LINUX_CAPABILITY_VERSION_2",
    "CAPABILITY_VERSION_3": "_LINUX_CAPABILITY_VERSION_3",
    "WNOTHREAD": "__WNOTHREAD", "WALL": "__WALL", "WCLONE": "__WCLONE",
    "ITIMER_COUNT": "ITIMER_PROF + 1", "SIGINFO_NBYTES": "SI_MAX_SIZE",
    "PTRACE_PEEKUSER": "PTRACE_PEEKUSR", "PTRACE_POKEUSER": "PTRACE_POKEUSR",
    "USER_NBYTES": "sizeof(struct user)",
    "USER_DEBUG_OFFSET": "offsetof(struct user, u_debugreg)",
    "NETLINK_MAX": "MAX_LINKS", "NLMSG_MIN": "NLMSG_MIN_TYPE", "NLM_REQUEST": "NLM_F_REQUEST",
    "NLM_MULTI": "NLM_F_MULTI", "NLM_ACK": "NLM_F_ACK", "NLM_DUMP": "NLM_F_DUMP",
    "INET_DIAG_V6ONLY": "INET_DIAG_SKV6ONLY", "GROUP_REQ_NBYTES": "sizeof(struct group_req)",
    "IFA_PERMANENT": "IFA_F_PERMANENT", "RT_LOCAL": "RT_TABLE_LOCAL", "RT_HOST": "RT_SCOPE_HOST",
    "FP_SW_OFFSET": "offsetof(struct _fpstate, sw_reserved)",
}
RENAMED_PATTERNS = [(r"^REBOOT_", "LINUX_REBOOT_"),
                    (r"^FALLOC_(?!FL_)", "FALLOC_FL_"),
                    (r"^SYSCALL_INFO_", "PTRACE_SYSCALL_INFO_")]

NO_HOST = {
    "CLOCK_TICKS": "sysconf; compared when abi_test runs",
    "CPUCLOCK_PERTHREAD_MASK": "in no header for programs; tests/user/time/cpu_time.c",
    "CPUCLOCK_WHAT_MASK": "likewise", "CPUCLOCK_PROF": "likewise",
    "CPUCLOCK_VIRT": "likewise", "CPUCLOCK_SCHED": "likewise",
    "CLOCK_TICKS_COARSE": "a choice of the distribution's kernel",
    "SIG_DFL": "a function pointer; compared when abi_test runs",
    "SIG_IGN": "a function pointer; compared when abi_test runs",
    "SOCK_TYPE_MASK": "internal to Linux", "SOCK_TYPE_MAX": "internal to Linux (SOCK_MAX)",
    "SCM_MAX_FD": "internal to Linux", "MSG_CMSG_COMPAT": "internal to Linux",
    "CMSG_ALIGN": "a macro with a parameter; tests/user/net",
    "S_IALL": "a sum of bits, compared when abi_test runs",
    "ST_VALID": "internal to Linux, visible in statfs.f_flags",
    "SOCKADDR_IN6_MIN": "internal to Linux (SIN6_LEN_RFC2133)",
    "NL_ALIGN": "a macro with a parameter; tests/user/net", "RTM_MAX": "grows with the versions",
    "PTRACE_O_EVENTS": "a sum of bits", "PTRACE_O_ALLOWED": "a sum of bits",
    "struct ustat": "in no header any more; tests/user/proc/system_calls.c",
    "struct ifreq": "a union; tests/user/net/interface.c",
    "struct tcp_info": "its head alone; tests/user/net",
    "SYMLOOP_MAX": "internal to Linux (MAXSYMLINKS)",
    "MQUEUE_MAGIC": "internal to Linux",
    "PIPE_SIZE": "internal to Linux; fcntl, compared when abi_test runs",
    "MAX_RW_COUNT": "internal to Linux",
    "UTS_INIT_INO": "internal to Linux (PROC_UTS_INIT_INO)",
    "IPC_INIT_INO": "internal to Linux (PROC_IPC_INIT_INO)",
    "MNT_INIT_INO": "internal to Linux; the first that is given out",
    "F_ALL_SEALS": "internal to Linux: all the seals together",
    "MAP_ABOVE4G": "newer than the headers of some releases",
    "DT_FROM_MODE": "a macro with a parameter; compared when abi_test runs",
    "struct rseq": "its last words are newer than the host's header",
    "struct dirent": "the record of the old getdents is in no header",
    "struct sigframe": "internal to Linux (rt_sigframe); compared when abi_test runs",
    "SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR": "of old headers, that Linux still takes",
    "RED_ZONE": "of the calling convention, in no header",
    "ELF_MAGIC": "a string; compared when abi_test runs",
}

# Structure: (the host's type, prefix of its members, members of other names). A member of a named
# structure or union within is written outer.inner, and always stands here.
STRUCTS = {
    "inet_diag_id": ("struct inet_diag_sockid", "idiag_",
                     {"port": "idiag_sport", "to_port": "idiag_dport", "address": "idiag_src",
                      "to_address": "idiag_dst", "interface": "idiag_if"}),
    "inet_diag_req": ("struct inet_diag_req_v2", "idiag_",
                      {"family": "sdiag_family", "protocol": "sdiag_protocol",
                       "extensions": "idiag_ext", "pad": "pad", "id": "id"}),
    "inet_diag_msg": ("struct inet_diag_msg", "idiag_",
                      {"retransmits": "idiag_retrans", "id": "id", "input": "idiag_rqueue",
                       "output": "idiag_wqueue", "ino": "idiag_inode"}),
    "unix_diag_req": ("struct unix_diag_req", "udiag_",
                      {"family": "sdiag_family", "protocol": "sdiag_protocol", "pad": "pad"}),
    "unix_diag_msg": ("struct unix_diag_msg", "udiag_", {"pad": "pad"}),
    "cap_data": ("struct __user_cap_data_struct", "", {}),
    "cap_header": ("struct __user_cap_header_struct", "", {}),
    "clone_args": ("struct clone_args", "", {}),
    "vfs_cap": ("struct vfs_ns_cap_data", "", {"magic": "magic_etc", "root": "rootid"}),
    "dirent64": ("struct dirent", "", {}),
    "fb_bitfield": ("struct fb_bitfield", "", {}),
    "fb_fix_screeninfo": ("struct fb_fix_screeninfo", "", {}),
    "fb_var_screeninfo": ("struct fb_var_screeninfo", "", {}),
    "flock": ("struct flock", "", {}),
    "f_owner_ex": ("struct f_owner_ex", "", {}),
    "fp_sw": ("struct _fpx_sw_bytes", "", {"extended_nbytes": "extended_size",
                                           "features": "xfeatures",
                                           "xstate_nbytes": "xstate_size"}),
    "epoll_event": ("struct epoll_event", "", {}),
    "futex_waitv": ("struct futex_waitv", "", {"value": "val", "address": "uaddr"}),
    "ifaddrmsg": ("struct ifaddrmsg", "ifa_", {"prefix": "ifa_prefixlen"}),
    "ifconf": ("struct ifconf", "ifc_", {"nbytes": "ifc_len", "requests": "ifc_req"}),
    "ifinfomsg": ("struct ifinfomsg", "ifi_", {}),
    "nlattr": ("struct nlattr", "nla_", {"nbytes": "nla_len"}),
    "nlmsghdr": ("struct nlmsghdr", "nlmsg_", {"nbytes": "nlmsg_len", "sequence": "nlmsg_seq",
                                               "port": "nlmsg_pid"}),
    "rtmsg": ("struct rtmsg", "rtm_", {"to_prefix": "rtm_dst_len",
                                       "from_prefix": "rtm_src_len"}),
    "sockaddr_in": ("struct sockaddr_in", "sin_", {"address": "sin_addr"}),
    "sockaddr_in6": ("struct sockaddr_in6", "sin6_", {
        "flow": "sin6_flowinfo", "address": "sin6_addr", "scope": "sin6_scope_id"}),
    "sockaddr_nl": ("struct sockaddr_nl", "nl_", {"port": "nl_pid"}),
    "kcmp_epoll_slot": ("struct kcmp_epoll_slot", "", {}),
    "peeksiginfo": ("struct ptrace_peeksiginfo_args", "", {"first": "off", "count": "nr"}),
    "prpsinfo": ("struct elf_prpsinfo", "pr_", {
        "letter": "pr_sname", "zombie": "pr_zomb", "flags": "pr_flag", "parent": "pr_ppid",
        "group": "pr_pgrp", "session": "pr_sid", "name": "pr_fname", "args": "pr_psargs"}),
    "prstatus": ("struct elf_prstatus", "pr_", {
        "signo": "pr_info.si_signo", "code": "pr_info.si_code", "error": "pr_info.si_errno",
        "signal": "pr_cursig", "pending": "pr_sigpend", "held": "pr_sighold",
        "parent": "pr_ppid", "group": "pr_pgrp", "session": "pr_sid", "user": "pr_utime",
        "system": "pr_stime", "child_user": "pr_cutime", "child_system": "pr_cstime",
        "regs": "pr_reg", "has_fpu": "pr_fpvalid"}),
    "syscall_info": ("struct ptrace_syscall_info", "", {
        "rip": "instruction_pointer", "rsp": "stack_pointer", "entry.number": "entry.nr",
        "entry.args": "entry.args", "exit.value": "exit.rval",
        "seccomp.number": "seccomp.nr", "seccomp.args": "seccomp.args",
        "seccomp.data": "seccomp.ret_data",
        "exit.is_error": "exit.is_error"}),
    "user_regs": ("struct user_regs_struct", "", {"rflags": "eflags"}),
    "inotify_event": ("struct inotify_event", "", {}),
    "iocb": ("struct iocb", "", {}),
    "io_event": ("struct io_event", "", {}),
    "itimerspec": ("struct itimerspec", "it_", {}),
    "itimerval": ("struct itimerval", "it_", {}),
    "open_how": ("struct open_how", "", {}),
    "pollfd": ("struct pollfd", "", {}),
    "sched_attr": ("struct sched_attr", "sched_", {
        "size": "size"}),
    "futex_waitv": ("struct futex_waitv", "", {
        "value": "val", "address": "uaddr", "reserved": "__reserved"}),
    "rseq_cs": ("struct rseq_cs", "", {}),
    "robust_list_head": ("struct robust_list_head", "", {}),
    "rlimit": ("struct rlimit64", "rlim_", {"current": "rlim_cur", "maximum": "rlim_max"}),
    "rusage": ("struct rusage", "ru_", {}),
    "sched_attr": ("struct sched_attr", "sched_", {"size": "size"}),
    "sigaction": ("struct sigaction", "sa_", {}),
    "sigcontext": ("struct sigcontext", "", {"rflags": "eflags", "error": "err",
                                             "vector": "trapno", "old_mask": "oldmask",
                                             "fpu": "fpstate"}),
    "sigevent": ("struct sigevent", "sigev_", {"tid": "sigev_notify_thread_id"}),
    "siginfo": ("struct siginfo", "si_", {
        "error": "si_errno", "words": "_sifields",
        "sender.pid": "si_pid", "sender.uid": "si_uid", "sender.value": "si_value",
        "timer.id": "si_tid", "timer.overrun": "si_overrun",
        "timer.value": "_sifields._timer._sigval",
        "child.pid": "_sifields._sigchld._pid", "child.uid": "_sifields._sigchld._uid",
        "child.status": "si_status", "child.utime": "si_utime", "child.stime": "si_stime",
        "fault.address": "si_addr", "poll.band": "si_band", "poll.fd": "si_fd",
        "call.address": "si_call_addr", "call.number": "si_syscall", "call.arch": "si_arch"}),
    "signalfd_siginfo": ("struct signalfd_siginfo", "ssi_", {
        "error": "ssi_errno", "timer": "ssi_tid", "trap": "ssi_trapno", "number": "ssi_int",
        "value": "ssi_ptr", "address": "ssi_addr"}),
    "ipc_perm": ("struct ipc64_perm", "", {}),
    "msqid_ds": ("struct msqid64_ds", "msg_", {
        "cbytes": "msg_cbytes", "lspid": "msg_lspid", "lrpid": "msg_lrpid", "perm": "msg_perm"}),
    "mq_attr": ("struct mq_attr", "mq_", {}),
    "msginfo": ("struct msginfo", "", {}),
    "shmid_ds": ("struct shmid64_ds", "shm_", {}),
    "shminfo": ("struct shminfo64", "", {}),
    "shm_info": ("struct shm_info", "shm_", {"used_ids": "used_ids",
                                             "swap_attempts": "swap_attempts",
                                             "swap_successes": "swap_successes"}),
    "seccomp_data": ("struct seccomp_data", "", {"number": "nr", "rip": "instruction_pointer"}),
    "seccomp_metadata": ("struct seccomp_metadata", "", {}),
    "seccomp_notif": ("struct seccomp_notif", "", {}),
    "seccomp_notif_resp": ("struct seccomp_notif_resp", "", {}),
    "seccomp_notif_addfd": ("struct seccomp_notif_addfd", "", {}),
    "seccomp_notif_sizes": ("struct seccomp_notif_sizes", "seccomp_", {
        "resp": "seccomp_notif_resp", "data": "seccomp_data"}),
    "sembuf": ("struct sembuf", "sem_", {"flags": "sem_flg"}),
    "semid_ds": ("struct semid64_ds", "sem_", {}),
    "seminfo": ("struct seminfo", "", {}),
    "sock_filter": ("struct sock_filter", "", {}),
    "sock_fprog": ("struct sock_fprog", "", {}),
    "sockaddr_un": ("struct sockaddr_un", "sun_", {}),
    "ucred": ("struct ucred", "", {}),
    "linger": ("struct linger", "", {"on": "l_onoff", "seconds": "l_linger"}),
    "msghdr": ("struct msghdr", "msg_", {"name_nbytes": "msg_namelen", "iov_count": "msg_iovlen",
                                         "control_nbytes": "msg_controllen"}),
    "mmsghdr": ("struct mmsghdr", "", {"header": "msg_hdr", "nbytes": "msg_len"}),
    "cmsghdr": ("struct cmsghdr", "cmsg_", {"nbytes": "cmsg_len"}),
    "stack": ("stack_t", "ss_", {}),
    "stat": ("struct stat", "", {"st_atime_sec": "st_atime", "st_mtime_sec": "st_mtime",
                                 "st_ctime_sec": "st_ctime"}),
    "timespec64": ("struct __kernel_timespec", "", {}),
    "statx_time": ("struct statx_timestamp", "", {}),
    "statx": ("struct statx", "", {}),
    "statfs": ("struct statfs", "", {}),
    "utsname": ("struct new_utsname", "", {}),
    "sysinfo": ("struct sysinfo", "", {}),
    "termio": ("struct termio", "", {}),
    "termios": ("struct termios", "", {}),
    "termios2": ("struct termios2", "", {}),
    "ucontext": ("struct ucontext", "uc_", {"context": "uc_mcontext", "mask": "uc_sigmask"}),
    "winsize": ("struct winsize", "", {}),
    "timespec": ("struct timespec", "tv_", {}),
    "timeval": ("struct timeval", "tv_", {}),
    "timex": ("struct __kernel_timex", "", {"time_sec": "time.tv_sec",
                                            "time_usec": "time.tv_usec"}),
    "timezone": ("struct timezone", "tz_", {"minutes_west": "tz_minuteswest",
                                            "dst_time": "tz_dsttime"}),
    "tms": ("struct tms", "tms_", {}),
    "iovec": ("struct iovec", "", {}),
    "elf64_header": ("Elf64_Ehdr", "e_", {}),
    "elf64_phdr": ("Elf64_Phdr", "p_", {}),
    "elf64_shdr": ("Elf64_Shdr", "sh_", {}),
    "elf64_sym": ("Elf64_Sym", "st_", {}),
}
# Members that mean nothing.
NOT_COMPARED = re.compile(r"^(f_|_*)?(pad\d*|spare\d*|reserved|unused\d?)$")
# The size says nothing: a record that ends in an array, one that the kernel fills up with zeroes,
# one that is longer by its alignment.
FLEXIBLE = {"dirent64", "dirent", "siginfo", "syscall_info", "sockaddr_in6"}

ELF_RENAMED = {
    "ELF_IDENT_CLASS": "EI_CLASS", "ELF_IDENT_DATA": "EI_DATA", "ELF_IDENT_VERSION": "EI_VERSION",
    "ELF_IDENT_SIZE": "EI_NIDENT", "ELF_CLASS_64": "ELFCLASS64", "ELF_DATA_LSB": "ELFDATA2LSB",
    "ELF_MACHINE_X86_64": "EM_X86_64",
}


def members_of(body):
    """Names of the members; those of a named structure or union within as outer.inner."""
    members = []
    nested = r"\b(?:struct|union)\s*(\{(?:[^{}]|\{[^{}]*\})*\})\s*(\w*)\s*;"
    for match in re.finditer(nested + r"|([^;{}]+);", body):
        inner, outer, declaration = match.groups()
        if inner:
            members += [f"{outer}.{name}" if outer else name for name in members_of(inner[1:-1])]
        elif declaration.strip():
            first, *more = re.sub(r"\[[^]]*\]", "", declaration).strip().split(",")
            members += [first.split()[-1].lstrip("*")] + [m.strip().lstrip("*") for m in more]
    return members


def parse(path):
    """Names of the constants, and {structure: [members]}, of one of our headers."""
    text = re.sub(r"/\*.*?\*/", " ", open(path, encoding="utf-8").read(), flags=re.S)
    constants = [m.group(1) for m in re.finditer(r"^#define[ \t]+(\w+)(?=\(|[ \t]+\S)", text, re.M)]
    for body in re.findall(r"\benum\s+\w*\s*\{(.*?)\}", text, re.S):
        constants += re.findall(r"\b([A-Z]\w*)\s*=", body)
    body = r"[^{}]*"
    for _ in range(2):  # as deep as members_of looks
        body = r"(?:[^{}]|\{" + body + r"\})*"
    found = re.findall(r"^struct\s+(\w+)\s*\{(" + body + r")\}", text, re.M)
    if len(found) != len(re.findall(r"\bstruct\s+\w+\s*\{", text)):
        sys.exit(f"abi.py: {path}: a structure is nested deeper than this script reads")
    return constants, {name: members_of(body) for name, body in found}


def host_constant(name):
    for pattern, new in RENAMED_PATTERNS:
        name = re.sub(pattern, new, name)
    return RENAMED.get(name, name)


def assert_equal(ours, host, what):
    return f'_Static_assert((long long)({ours}) == (long long)({host}), "{what}");\n'


def unknown(what):
    return f'_Static_assert(0, "tests/host/abi.py does not know: {what}");\n'


def struct_lines(ours, members):
    """Offset and size of each member, and the size of the whole."""
    plain = ours.removeprefix("lx_")
    host, prefix, renamed = STRUCTS[plain]
    lines = ""
    for member in members:
        if NOT_COMPARED.match(member.rpartition(".")[2]):
            continue
        theirs = renamed.get(member, prefix + member)
        what = f"struct {ours}, member {member}"
        lines += assert_equal(f"offsetof(struct {ours}, {member})", f"offsetof({host}, {theirs})",
                              f"offset of {what}")
        if member != "d_name":
            lines += assert_equal(f"sizeof(((struct {ours} *)0)->{member})",
                                  f"sizeof((({host} *)0)->{theirs})", f"size of {what}")
    if plain not in FLEXIBLE:
        lines += assert_equal(f"sizeof(struct {ours})", f"sizeof({host})", f"size of struct {ours}")
    return lines


class Output:
    def __init__(self, directory):
        self.directory, self.count, self.skipped, self.files = directory, 0, 0, {}

    def add(self, key, includes, ours, lines):
        """includes: the host's; ours: our header, or None to check values by themselves."""
        if key not in self.files:
            head = "#define _GNU_SOURCE\n#include <stddef.h>\n#include <stdint.h>\n"
            head += "".join(f"#include <{name}>\n" for name in includes)
            head += f'#include "{ours}"\n' if ours else ""
            self.files[key] = head
        self.files[key] += lines
        self.count += lines.count("_Static_assert")

    def write(self):
        for key, text in self.files.items():
            with open(os.path.join(self.directory, f"abi_{key}.c"), "w", encoding="utf-8") as file:
                file.write(text)
        with open(os.path.join(self.directory, "counts.h"), "w", encoding="utf-8") as file:
            file.write(f"#define ABI_COMPARED {self.count}\n#define ABI_NO_HOST {self.skipped}\n"
                       f"#define ABI_FILES {len(self.files)}\n")


def linux_header(out, name):
    path = f"shared/linux/{name}.h"
    if name not in HOSTS:
        out.add(name, [], None, unknown(f"{path}: which host headers to compare it with"))
        return
    constants, structs = parse(path)
    if name == "errno":  # our names are the host's: compare the numbers as written
        text = open(path, encoding="utf-8").read()
        for error, value in re.findall(r"^#define\s+(E\w+)\s+(\w+)", text, re.M):
            out.add(name, HOSTS[name][0][0], None, assert_equal(value, error, error))
        return
    for item in [c.removeprefix("LX_") for c in constants] + [f"struct {s}" for s in structs]:
        plain = item.replace("struct lx_", "struct ")
        if plain in NO_HOST:
            out.skipped += 1
            continue
        if item.startswith("struct "):
            ours = item.removeprefix("struct ")
            if ours.removeprefix("lx_") in STRUCTS:
                lines = struct_lines(ours, structs[ours])
            else:
                lines = unknown(f"{path}: {item}: the host's structure")
        else:
            lines = assert_equal(f"LX_{item}", host_constant(item), f"LX_{item}")
        for index, (includes, pattern) in enumerate(HOSTS[name]):
            if re.fullmatch(pattern, plain):
                out.add(f"{name}_{index}", includes, path, lines)
                break


def elf_header(out):
    constants, structs = parse("shared/elf64.h")
    for name in constants:
        if name in NO_HOST:
            out.skipped += 1
            continue
        host = ELF_RENAMED.get(name, name.removeprefix("ELF_"))
        out.add("elf", ["elf.h"], "shared/elf64.h", assert_equal(name, host, name))
    for name, members in structs.items():
        out.add("elf", ["elf.h"], "shared/elf64.h", struct_lines(name, members))


def call_table(out):
    text = open("kernel/syscall/table.def", encoding="utf-8").read()
    rows = re.findall(r"^SYSCALL\d\(\s*(\d+),\s*(\w+)", text, re.M)
    for number, name in rows:
        out.add("calls", ["sys/syscall.h"], None,
                assert_equal(number, f"SYS_{name}", f"number of {name}"))


def main():
    directory = sys.argv[1]
    os.makedirs(directory, exist_ok=True)
    for old in os.listdir(directory):
        os.remove(os.path.join(directory, old))
    out = Output(directory)
    for header in sorted(os.listdir("shared/linux")):
        linux_header(out, header.removesuffix(".h"))
    elf_header(out)
    call_table(out)
    out.write()


if __name__ == "__main__":
    main()
