/* SPDX-License-Identifier: MIT */
/* execve's commit: everything that can fail has happened on a new address space. */
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/process.h"
#include "kernel/proc/rseq.h"
#include "kernel/proc/signal.h"
#include "kernel/vm/vm_space.h"

/* The processor changes over to the new tables; the old space loses this task. */
static void space_replace(struct task *self, struct vm_space *space)
{
    struct vm_space *old = self->thread.space;

    irq_disable();
    vm_space_enter(space);
    spin_lock(&self->process->lock); /* others look at it: /proc */
    self->thread.space = space;
    process_limits_apply_locked(self->process); /* others may have set them since */
    spin_unlock(&self->process->lock);
    self->thread.arch.cr3 = space->root;
    self->thread.arch.cr3_users = &space->cpus;
    cr3_write(space->root);
    vm_space_leave(old);
    irq_enable();
    vm_space_put(old);
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
    exec_frame_init(arch_thread_frame(arch), program);
}

/* As on Linux, who shared the descriptors keeps them as they are. */
static void files_replace(struct task *self, struct fd_table *files)
{
    struct fd_table *old = self->files;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock); /* others look at it: /proc, limits */

    files->limit = (uint32_t)MIN(self->process->limits[LX_RLIMIT_NOFILE].current, FD_LIMIT_MAX);
    self->files = files;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    fd_table_put(old);
}

int exec_replace(struct task *self, struct file *file, const struct exec_strings *strings)
{
    struct process *process = self->process;
    struct exec_program program = {0};
    struct credentials *cred = &self->fs->cred;
    struct fd_table *files = NULL;
    struct file *old_exe;
    int err = exec_load(file, self->fs, strings, &program);

    if (err)
        return err;
    if (fd_table_is_shared(self->files))
        err = fd_table_dup(self->files, &files);
    if (err) {
        vm_space_put(program.space);
        file_put(program.file);
        return err;
    }
    if (files)
        files_replace(self, files);
    futex_leave_memory(self);
    process_usage_note_memory(process, self->thread.space);
    space_replace(self, program.space);
    process->exit_signal = LX_SIGCHLD; /* before others can see, by a descriptor, that it is done */
    fd_table_close_on_exec(self->files);
    signal_clear_handlers(process);
    process->sig_stack = (struct lx_stack){.flags = LX_SS_DISABLE};
    rseq_drop(self);
    spin_lock(&process->lock);
    if (program.euid != cred->euid || program.egid != cred->egid)
        process->death_signal = 0;
    cred->euid = cred->suid = cred->fsuid = program.euid;
    cred->egid = cred->sgid = cred->fsgid = program.egid;
    old_exe = process->exe;
    process->exe = program.file;
    spin_unlock(&process->lock);
    file_put(old_exe);
    process->layout = program.layout;
    process->has_execed = true;
    process_set_name(process, strings->path);
    registers_reset(self, &program);
    process_release_parent(process);
    return 0;
}
