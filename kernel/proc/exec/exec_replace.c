/* SPDX-License-Identifier: MIT */
/*
 * execve: the commit of a loaded program, which cannot fail.
 *
 * Before program_replace nothing of the caller has changed but its descriptor table, which stops
 * being shared, and that the other tasks of its process have ended; after it nothing can fail.
 * Others see the change in one step under process.lock (see program_publish). Close-on-exec files
 * go after that, so that a reader of a pipe that learns of the exec by its end finds the new
 * program. Signal handlers, timers and the alternate stack belonged to the old program and go last;
 * ring 3 runs none of this.
 */
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/lib/string.h"
#include "kernel/proc/exec/exec.h"
#include "kernel/proc/futex/futex.h"
#include "kernel/proc/futex/rseq.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/vm/vm_space.h"

/* What the new program runs as. */
static int identity_prepare(const struct task *self, const struct exec_program *program,
                            struct identity **out_identity)
{
    if (memcmp(&program->cred, &self->fs->cred, sizeof(program->cred)) != 0)
        return identity_create(&program->cred, out_identity);
    identity_get(self->identity);
    *out_identity = self->identity;
    return 0;
}

/* Others of the same user may not look into a program that has rights which they have not, nor into
 * one that they may not read. As on Linux, the user of before counts, too. */
static bool is_undumpable(const struct task *self, const struct exec_program *program)
{
    const struct credentials *old = &self->fs->cred, *new = &program->cred;

    return old->euid != old->uid || old->egid != old->gid || new->euid != old->euid ||
           new->egid != old->egid || new->fsuid != old->fsuid || new->fsgid != old->fsgid ||
           (new->permitted & ~old->permitted) ||
           inode_permission(program->file->inode, old, INODE_READ) != 0;
}

/* Everything that others see of the program changes in one step under process.lock: its memory and
 * where things are in it, whose it is, its file. So /proc never applies the rights or the bounds of
 * one program to the other. The generation ends what open files of /proc show. process.exe and the
 * identity of before are left in the arguments, to be put without the lock. */
static void program_publish(struct task *self, struct exec_program *program,
                            struct identity **identity)
{
    struct process *process = self->process;
    struct identity *old_identity = self->identity;
    struct file *old_exe = process->exe;

    spin_lock(&process->lock);
    self->thread.space = program->space;
    process_limits_apply_locked(process); /* others may have set them since */
    process->layout = program->layout;
    __atomic_store_n(&process->generation, process->generation + 1, __ATOMIC_RELAXED);
    process->exe = program->file;
    if (program->cred.euid != self->fs->cred.euid || program->cred.egid != self->fs->cred.egid ||
        (program->cred.permitted & ~self->fs->cred.permitted))
        self->death_signal = 0;
    self->identity = *identity;
    self->fs->cred = (*identity)->cred; /* its groups are those of before */
    spin_unlock(&process->lock);
    *identity = old_identity;
    program->file = old_exe;
}

/* The processor changes over to the new tables; the old space loses this task. */
static void program_replace(struct task *self, struct exec_program *program,
                            struct identity *identity)
{
    struct vm_space *old = self->thread.space;
    uint64_t npages = vm_space_end_begin(old);

    irq_disable();
    vm_space_enter(program->space);
    program_publish(self, program, &identity);
    self->thread.arch.cr3 = program->space->root;
    self->thread.arch.cr3_users = &program->space->cpus;
    cr3_write(program->space->root);
    vm_space_leave(old);
    irq_enable();
    vm_space_end(old, npages);
    identity_put(identity);
    file_put(program->file);
}

/* Registers that ring 3 keeps across system calls start afresh. */
static void registers_reset(struct task *self, const struct exec_program *program)
{
    struct arch_thread *arch = &self->thread.arch;

    irq_disable();
    arch->ds = arch->es = arch->fs = arch->gs = 0;
    arch_thread_load_selectors(arch);
    msr_write(MSR_FS_BASE, 0);
    msr_write(MSR_KERNEL_GS_BASE, 0);
    fpu_area_init(arch->fpu);
    fpu_restore(arch->fpu);
    irq_enable();
    if (unlikely(arch->rare & ARCH_RARE_DEBUG))
        arch_thread_end_debug(arch);
    arch->debug.dr6 = 0; /* of the old program's last #DB */
    exec_frame_init(arch_thread_frame(arch), program);
}

static void exit_signal_reset(struct process *process)
{
    uint64_t flags;

    if (process->exit_signal == LX_SIGCHLD)
        return;
    flags = spin_lock_irqsave(&process_tree_lock);
    family_set_exit_signal_locked(process, LX_SIGCHLD);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

int exec_replace(struct task *self, struct file *file, const struct exec_strings *strings)
{
    struct process *process = self->process;
    struct exec_program program = {0};
    struct identity *identity = NULL;
    struct fd_table *files = NULL;
    const int old_tid = self->tid;
    int err = exec_load(file, self->fs, strings, &program);

    if (err)
        return err;
    err = identity_prepare(self, &program, &identity);
    if (!err && process->threaded) {
        err = process_end_others(self);
        /* By another thread's filters, after the rights had been decided on. */
        if (!err && unlikely(self->inherited.no_new_privs && !strings->no_new_privs))
            err = -EAGAIN;
    }
    if (!err && fd_table_is_shared(self->files))
        err = fd_table_dup(self->files, &files);
    if (err) {
        identity_put(identity);
        vm_space_put(program.space);
        file_put(program.file);
        return err;
    }
    if (files) /* as on Linux, the tasks that shared the descriptors keep them as they are */
        process_replace_files(self, files);
    futex_leave_memory(self);
    process_usage_note_memory(process, self->thread.space);
    /* Before the space is anyone's: no reader of /proc sees the new memory with the old right. */
    program.space->undumpable = is_undumpable(self, &program);
    program_replace(self, &program, identity);
    exit_signal_reset(process); /* before others can see, by a descriptor, that it is done */
    fd_table_close_on_exec(self->files);
    signal_clear_handlers(process);
    self->sig_stack = (struct lx_stack){.flags = LX_SS_DISABLE};
    rseq_drop(self);
    process->has_execed = true;
    if (program.secure)
        self->inherited.personality = 0;
    task_set_name(self, strings->path);
    registers_reset(self, &program);
    self->trace_flag = false; /* the new frame is without */
    process_release_parent(process);
    /* Asked under its lock where rights were gained: a tracer may just be coming. */
    if (unlikely(__atomic_load_n(&self->ptrace, __ATOMIC_RELAXED) ||
                 self->thread.space->undumpable))
        ptrace_exec(self, old_tid);
    return 0;
}
