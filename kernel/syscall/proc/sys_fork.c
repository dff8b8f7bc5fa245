/* SPDX-License-Identifier: MIT */
/*
 * New processes, new programs, waiting for their end: fork, clone, execve, wait4, waitid.
 *
 * clone and its relatives only translate flags into a fork_request (proc/fork.h). A failure leaves
 * no trace of the child; a bad address for its number is not one, as on Linux.
 *
 * execve reads path, arguments and environment into kernel memory first, since the commit of
 * exec_replace takes the memory that they are in away. Until then every error leaves the program as
 * it was.
 */
#include "kernel/fs/vfs/open.h"
#include "kernel/fs/vfs/path.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/exec/exec_args.h"
#include "kernel/proc/fork.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/ns.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/proc/sys_usage.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

/* Everything is copied; SIGCHLD at the end, as for a plain child. */
int64_t sys_fork(struct task *self)
{
    return fork_process(self, &(struct fork_request){.exit_signal = LX_SIGCHLD,
                                                     .trace_event = LX_PTRACE_EVENT_FORK});
}

/* The parent sleeps until the child has left its memory, by exec or exit. */
int64_t sys_vfork(struct task *self)
{
    return fork_process(self, &(struct fork_request){.exit_signal = LX_SIGCHLD,
                                                     .trace_event = LX_PTRACE_EVENT_VFORK,
                                                     .share_memory = true,
                                                     .wait_release = true});
}

/* THREAD goes with SIGHAND, SIGHAND with VM, and actions are shared or cleared. */
static bool thread_flags_are_valid(uint64_t flags)
{
    if (flags & LX_CLONE_THREAD && !(flags & LX_CLONE_SIGHAND))
        return false;
    return !(flags & LX_CLONE_SIGHAND) ||
           (flags & LX_CLONE_VM && !(flags & LX_CLONE_CLEAR_SIGHAND));
}

/* Not for threads, whose end no descriptor shows. One word cannot take both numbers, which clone
 * has a single pointer for. */
static bool pidfd_flags_are_valid(const struct lx_clone_args *args)
{
    if (!(args->flags & LX_CLONE_PIDFD))
        return true;
    return !(args->flags & (LX_CLONE_THREAD | LX_CLONE_DETACHED)) &&
           !(args->flags & LX_CLONE_PARENT_SETTID && args->pidfd == args->parent_tid);
}

#define NEW_SPACES                                                                                 \
    (LX_CLONE_NEWNS | LX_CLONE_NEWUTS | LX_CLONE_NEWIPC | LX_CLONE_NEWUSER | LX_CLONE_NEWPID |     \
     LX_CLONE_NEWNET | LX_CLONE_NEWCGROUP | LX_CLONE_NEWTIME)

/* In the order of Linux: what never goes together, rights, then what this kernel has not. */
static int new_spaces_check(const struct task *self, uint64_t flags)
{
    int err;

    if ((flags & LX_CLONE_FS) && (flags & (LX_CLONE_NEWNS | LX_CLONE_NEWUSER)))
        return -EINVAL;
    if ((flags & LX_CLONE_THREAD) && (flags & (LX_CLONE_NEWPID | LX_CLONE_NEWUSER)))
        return -EINVAL;
    err = ns_flags_check(self, flags);
    if (!err && (flags & LX_CLONE_NEWIPC) && (flags & LX_CLONE_SYSVSEM))
        err = -EINVAL;
    return err;
}

/* Honoured: VM, FS, FILES, VFORK, PARENT, SETTLS, PARENT_SETTID, CHILD_SETTID, CHILD_CLEARTID,
 * CLEAR_SIGHAND, SIGHAND, THREAD, SYSVSEM, PIDFD, PTRACE, UNTRACED, NEWUTS, NEWIPC. No effect:
 * DETACHED, IO. Refused: other name spaces. */
static int64_t clone_with(struct task *self, const struct lx_clone_args *args)
{
    uint64_t flags = args->flags;
    struct fork_request request = {
        .share_memory = (flags & LX_CLONE_VM) != 0,
        .share_files = (flags & LX_CLONE_FILES) != 0,
        .share_fs = (flags & LX_CLONE_FS) != 0,
        .share_undo = (flags & LX_CLONE_SYSVSEM) != 0,
        .wait_release = (flags & LX_CLONE_VFORK) != 0,
        .clear_handlers = (flags & LX_CLONE_CLEAR_SIGHAND) != 0,
        .share_handlers = (flags & LX_CLONE_SIGHAND) != 0,
        .same_parent = (flags & LX_CLONE_PARENT) != 0,
        .exit_signal = (int)args->exit_signal,
        .trace_event = flags & LX_CLONE_VFORK            ? LX_PTRACE_EVENT_VFORK
                       : args->exit_signal != LX_SIGCHLD ? LX_PTRACE_EVENT_CLONE
                                                         : LX_PTRACE_EVENT_FORK,
        .trace_always = (flags & LX_CLONE_PTRACE) != 0,
        .trace_never = (flags & LX_CLONE_UNTRACED) != 0,
        .stack = args->stack,
        .set_tls = (flags & LX_CLONE_SETTLS) != 0,
        .tls = args->tls,
        .make_pidfd = (flags & LX_CLONE_PIDFD) != 0,
        .pidfd = {args->pidfd},
        .new_spaces = flags & NEW_SPACES,
    };
    int err;
    /* Whatever is not known is refused: a program that got less than it asked for would go wrong
     * later. */
    const uint64_t known = LX_CLONE_VM | LX_CLONE_FS | LX_CLONE_FILES | LX_CLONE_VFORK |
                           LX_CLONE_PARENT | LX_CLONE_SYSVSEM | LX_CLONE_SETTLS |
                           LX_CLONE_PARENT_SETTID | LX_CLONE_CHILD_CLEARTID | LX_CLONE_DETACHED |
                           LX_CLONE_UNTRACED | LX_CLONE_CHILD_SETTID | LX_CLONE_IO |
                           LX_CLONE_PTRACE | LX_CLONE_CLEAR_SIGHAND | LX_CLONE_THREAD |
                           LX_CLONE_SIGHAND | LX_CLONE_PIDFD | NEW_SPACES;

    if (flags & ~known || args->exit_signal > LX_NSIG || !thread_flags_are_valid(flags) ||
        !pidfd_flags_are_valid(args))
        return -EINVAL;
    if (unlikely(flags & NEW_SPACES)) {
        err = new_spaces_check(self, flags);
        if (err)
            return err;
    }
    /* The pointers mean something only with their flags. */
    if (flags & LX_CLONE_PARENT_SETTID)
        request.parent_tid.va = args->parent_tid;
    if (flags & LX_CLONE_CHILD_SETTID)
        request.child_tid_set.va = args->child_tid;
    if (flags & LX_CLONE_CHILD_CLEARTID)
        request.child_tid_clear.va = args->child_tid;
    if (flags & LX_CLONE_THREAD)
        return fork_task(self, &request);
    return fork_process(self, &request);
}

/* The lower half of the flags only: those above 2^32 are clone3's. The signal at the end is in
 * their lowest byte. */
int64_t sys_clone(struct task *self, uint64_t flags, uint64_t stack, struct uptr parent_tid,
                  struct uptr child_tid, uint64_t tls)
{
    struct lx_clone_args args = {
        .flags = flags & 0xffffffffULL & ~(uint64_t)LX_CSIGNAL,
        .exit_signal = flags & LX_CSIGNAL,
        .stack = stack,
        .parent_tid = parent_tid.va,
        .pidfd = parent_tid.va, /* only one of them is asked for */
        .child_tid = child_tid.va,
        .tls = tls,
    };

    return clone_with(self, &args);
}

#define CLONE_ARGS_FIRST 64 /* bytes of the first version of the structure */

/* A shorter structure is one of an earlier version: its missing fields are 0. stack is the lowest
 * address here, unlike in clone. */
int64_t sys_clone3(struct task *self, struct uptr user_args, size_t nbytes)
{
    struct lx_clone_args args = {0};
    int err = 0;

    if (nbytes > 4096)
        return -E2BIG;
    if (nbytes < CLONE_ARGS_FIRST)
        return -EINVAL;
    if (nbytes > sizeof(args))
        err = vm_user_check_zero((struct uptr){user_args.va + sizeof(args)}, nbytes - sizeof(args));
    if (!err)
        err = vm_user_read(&args, user_args, MIN(nbytes, sizeof(args)));
    if (err)
        return err;
    if (args.flags & ((LX_CSIGNAL & ~LX_CLONE_NEWTIME) | LX_CLONE_DETACHED) || args.set_tid_size ||
        args.set_tid || !args.stack != !args.stack_size)
        return -EINVAL;
    if (args.exit_signal && (args.flags & (LX_CLONE_THREAD | LX_CLONE_PARENT)))
        return -EINVAL;
    args.stack += args.stack_size;
    return clone_with(self, &args);
}

/* Arguments and environment may take a quarter of the stack's limit, between two bounds
 * (execve(2)). */
static int64_t exec_file(struct task *self, struct file *file, const char *path, bool hidden,
                         struct uptr argv, struct uptr envp)
{
    struct exec_args args;
    uint64_t room = self->process->limits[LX_RLIMIT_STACK].current / 4;
    int err = exec_args_copy(&args, argv, envp, MAX(MIN(room, EXEC_ARGS_MAX), EXEC_ARGS_MIN));
    bool alone;

    if (err)
        return err;
    alone = process_claim_fs(self);
    err = exec_replace(self, file,
                       &(struct exec_strings){path, args.argv, args.envp, hidden,
                                              self->inherited.no_new_privs,
                                              !alone || ptrace_limits_exec(self)});
    if (alone)
        fs_context_release(self->fs);
    exec_args_free(&args);
    return err;
}

/* The name of what a descriptor, and a path from there, lead to: scripts are opened by it. */
static char *descriptor_name(int fd, const char *path)
{
    size_t nbytes = sizeof("/dev/fd/-2147483648/") + strlen(path);
    char *name = kmalloc(nbytes);

    if (name)
        fmt_print(name, nbytes, "/dev/fd/%d%s%s", fd, *path ? "/" : "", path);
    return name;
}

/* Honoured: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW. */
int64_t sys_execveat(struct task *self, int dirfd, struct uptr user_path, struct uptr argv,
                     struct uptr envp, int flags)
{
    struct open_how how = {.flags = LX_O_RDONLY, .exec = true};
    struct path_start start;
    struct user_path path;
    struct file *file;
    char *name = NULL;
    int64_t err;

    if (flags & ~(LX_AT_EMPTY_PATH | LX_AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    if (flags & LX_AT_SYMLINK_NOFOLLOW)
        how.flags |= LX_O_NOFOLLOW;
    if (flags & LX_AT_EMPTY_PATH)
        how.walk = PATH_EMPTY;
    err = user_path_get(&path, user_path);
    if (err)
        return err;
    err = identity_may_exec(self) ? path_start_get(self, dirfd, path.text, &start) : -EAGAIN;
    if (!err) {
        err = fs_open(self->fs, start.dentry, path.text, &how, &file);
        path_start_put(&start);
    }
    if (!err) {
        /* Opened by descriptor: an interpreter of a script has to find the file by name, which is
         * impossible if the descriptor closes on exec. */
        if (start.dentry)
            name = descriptor_name(dirfd, path.text);
        if (start.dentry && !name)
            err = -ENOMEM;
        else
            err = exec_file(self, file, name ? name : path.text,
                            name && fd_get_cloexec(self->files, dirfd) == 1, argv, envp);
        kfree(name);
        file_put(file);
    }
    user_path_put(&path);
    return err;
}

int64_t sys_execve(struct task *self, struct uptr path, struct uptr argv, struct uptr envp)
{
    return sys_execveat(self, LX_AT_FDCWD, path, argv, envp, 0);
}

/* The layout of wait(2): low 7 bits the signal, 0x7f stopped, bit 7 a core dump, the exit status
 * above. A test that was ended by its limit looks killed. */
static int wait_status_of(const struct process_change *change)
{
    if (change->stopped)
        return change->code << 8 | 0x7f;
    if (change->continued)
        return 0xffff;
    if (change->end == PROCESS_EXITED)
        return change->code << 8;
    return (change->end == PROCESS_LIMIT ? LX_SIGKILL : change->code) |
           (change->core_dumped ? 0x80 : 0);
}

/* Honoured: NOHANG, UNTRACED, CONTINUED, WALL, WCLONE; WNOTHREAD makes no difference. */
int64_t sys_wait4(struct task *self, int pid, struct uptr status, int options, struct uptr usage)
{
    struct process_wait which = {
        .pid = pid,
        .exited = true,
        .stopped = (options & LX_WUNTRACED) != 0,
        .continued = (options & LX_WCONTINUED) != 0,
        .no_hang = (options & LX_WNOHANG) != 0,
        .kinds = options,
    };
    struct process_change change;
    int err;

    if ((unsigned)options &
        ~(LX_WNOHANG | LX_WUNTRACED | LX_WCONTINUED | LX_WNOTHREAD | LX_WALL | LX_WCLONE))
        return -EINVAL;
    /* Its negation, a group, would overflow. */
    if (pid == INT32_MIN)
        return -ESRCH;
    err = process_wait(self->process, &which, &change);
    if (err || !change.pid)
        return err;
    if (status.va) {
        int word = wait_status_of(&change);

        err = vm_user_write(status, &word, sizeof(word));
    }
    if (!err && usage.va)
        err = usage_tell(usage, &change.usage);
    return err ? err : change.pid;
}

/* The part of siginfo that waitid fills. */
struct wait_info {
    int32_t signo, error, code, pad;
    int32_t pid;
    uint32_t uid;
    int32_t status;
};

static struct wait_info wait_info_of(const struct process_change *change)
{
    struct wait_info info = {
        .signo = change->pid ? LX_SIGCHLD : 0,
        .pid = change->pid,
        .uid = change->uid,
        .status = change->code,
    };

    if (!change->pid)
        return info;
    if (change->stopped)
        info.code = change->traced ? LX_CLD_TRAPPED : LX_CLD_STOPPED;
    else if (change->continued)
        info.code = LX_CLD_CONTINUED;
    else if (change->end == PROCESS_EXITED)
        info.code = LX_CLD_EXITED;
    else
        info.code = change->core_dumped ? LX_CLD_DUMPED : LX_CLD_KILLED;
    if (change->end == PROCESS_LIMIT)
        info.status = LX_SIGKILL;
    return info;
}

/* The child that a descriptor leads to, which *ref keeps. One with O_NONBLOCK is not waited for. */
static int wait_pidfd(struct task *self, int fd, struct fd_ref *ref, struct process_wait *which)
{
    if (fd < 0)
        return -EINVAL;
    *ref = fd_find(self->files, fd);
    which->pidfd = ref->file ? pidfd_of(ref->file) : NULL;
    if (!which->pidfd)
        return -EBADF;
    if (ref->file->flags & LX_O_NONBLOCK)
        which->no_hang = true;
    return 0;
}

/* The forms of idtype; process_wait takes them as wait4 does: -1, a number, a negative group, 0 for
 * the own group. */
static int wait_which(struct task *self, int type, int id, int options, struct fd_ref *ref,
                      struct process_wait *which)
{
    if ((unsigned)options & ~(LX_WNOHANG | LX_WNOWAIT | LX_WEXITED | LX_WSTOPPED | LX_WCONTINUED |
                              LX_WNOTHREAD | LX_WALL | LX_WCLONE) ||
        !(options & (LX_WEXITED | LX_WSTOPPED | LX_WCONTINUED)))
        return -EINVAL;
    if (type == LX_P_ALL)
        which->pid = -1;
    else if (type == LX_P_PID && id > 0)
        which->pid = id;
    else if (type == LX_P_PGID && id >= 0)
        which->pid = -id;
    else
        return type == LX_P_PIDFD ? wait_pidfd(self, id, ref, which) : -EINVAL;
    return 0;
}

/* As on Linux the structure is written after a failure, too, with zeroes: a bad pointer is EFAULT
 * in any case. */
int64_t sys_waitid(struct task *self, int type, int id, struct uptr user_info, int options,
                   struct uptr usage)
{
    struct process_wait which = {
        .exited = (options & LX_WEXITED) != 0,
        .stopped = (options & LX_WSTOPPED) != 0,
        .continued = (options & LX_WCONTINUED) != 0,
        .no_hang = (options & LX_WNOHANG) != 0,
        .keep = (options & LX_WNOWAIT) != 0,
        .kinds = options,
    };
    struct fd_ref ref = {NULL, false};
    struct process_change change;
    struct wait_info info;
    int err = wait_which(self, type, id, options, &ref, &which);

    if (!err)
        err = process_wait(self->process, &which, &change);
    fd_ref_put(ref);
    if (!err && !change.pid && !(options & LX_WNOHANG)) /* O_NONBLOCK said so */
        err = -EAGAIN;
    if (err)
        change = (struct process_change){0};
    info = wait_info_of(&change);
    if (user_info.va && vm_user_write(user_info, &info, sizeof(info)))
        return -EFAULT;
    if (!err && usage.va && change.pid)
        err = usage_tell(usage, &change.usage);
    return err;
}
