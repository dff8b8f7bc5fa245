/* SPDX-License-Identifier: MIT */
/*
 * Core files: their contents.
 *
 * ELF header, program headers, notes, memory: the notes are written first, for their length stands
 * in a header. The set of areas is copied beforehand: processes that share the memory may change it
 * meanwhile, and what is gone then is a hole. Pages that are not there are holes, too: a program
 * may have reserved more than any file could hold. The other tasks wait (process_dump_begin), so
 * their registers are in memory.
 *
 * At every step the writing may end: by the limit, for lack of room, or since the process was
 * killed.
 */
#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/core/core.h"
#include "kernel/proc/exec/vdso.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_pager.h"
#include "shared/elf64.h"
#include "shared/linux/core.h"
#include "shared/linux/limits.h"
#include "shared/linux/mman.h"

#define SCAN_NBYTES   (64ULL << 20) /* of address space, in one hold of its lock */
#define FXSAVE_NBYTES 512

/* An area as it was. */
struct segment {
    uint64_t start, end;
    uint64_t page_index;
    struct dentry *name; /* counted; NULL: not of a file with a name */
    uint64_t nbytes;     /* in the file, from the start on */
    uint32_t prot;
    bool paged; /* all its pages are there, whether in its tables or not */
};

#define SEGMENTS ((PAGE_SIZE - 16) / sizeof(struct segment))

struct segments {
    struct segments *next;
    unsigned count;
    struct segment all[SEGMENTS];
};
_Static_assert(sizeof(struct segments) <= PAGE_SIZE, "a page each");

struct core {
    struct task *self;
    const struct lx_siginfo *info;
    struct file *file;
    struct vm_space *space;
    uint64_t limit, offset; /* the next byte's */
    struct segments *first;
    unsigned segments;
    char *page; /* a buffer */
};

/* ---- steps ---- */

/* False: the end. */
static COLD bool core_put_at(const struct core *core, const void *bytes, size_t nbytes,
                             uint64_t offset)
{
    sched_preempt_point();
    return !process_is_killed(core->self->process) && offset + nbytes <= core->limit &&
           file_write_kernel(core->file, bytes, nbytes, (int64_t)offset) == (int64_t)nbytes;
}

/* Behind what was put last. */
static COLD bool core_put(struct core *core, const void *bytes, size_t nbytes)
{
    bool done = core_put_at(core, bytes, nbytes, core->offset);

    core->offset += nbytes;
    return done;
}

/* What belongs to ELF is "CORE"'s, what was added by Linux its own. */
static COLD bool note_begin(struct core *core, uint32_t type, bool is_linux, size_t nbytes)
{
    struct {
        uint32_t name_nbytes, nbytes, type;
        char name[8];
    } head = {5, (uint32_t)nbytes, type, "CORE"};

    if (is_linux) {
        head.name_nbytes = 6;
        memcpy(head.name, "LINUX", 6);
    }
    return core_put(core, &head, 20);
}

/* All of them are multiples of 4 bytes. */
static COLD bool note_put(struct core *core, uint32_t type, const void *bytes, size_t nbytes)
{
    return note_begin(core, type, type == LX_NT_X86_XSTATE, nbytes) &&
           core_put(core, bytes, nbytes);
}

/* ---- areas ---- */

/* Whether the tables have a page of it; own: one that is not the file's. */
static COLD bool has_page(const struct core *core, const struct segment *segment, bool own)
{
    uint64_t va = segment->start;

    while (va < segment->end && !process_is_killed(core->self->process)) {
        uint64_t end = MIN(segment->end, va + SCAN_NBYTES);

        if (vm_next_resident(core->space, va, end, own) < end)
            return true;
        va = end;
        sched_preempt_point();
    }
    return false;
}

/* Kinds of areas, before those that need a look at their pages. */
enum kind { KIND_NONE, KIND_WHOLE, KIND_ANONYMOUS, KIND_FILE };

static COLD enum kind kind_of(const struct vm_area *area, uint32_t filter)
{
    if (area->pager && area->pager->ops->is_kernel)
        return KIND_NONE;
    if (vdso_area_name(area)) /* stacks lead through it */
        return KIND_WHOLE;
    if (!area->pager)
        return filter & CORE_ANON_PRIVATE ? KIND_ANONYMOUS : KIND_NONE;
    if (area->shared)
        return filter & (area->name ? CORE_FILE_SHARED : CORE_ANON_SHARED) ? KIND_WHOLE : KIND_NONE;
    return filter & CORE_FILE_PRIVATE ? KIND_WHOLE : KIND_FILE;
}

/* Of a file's unchanged pages the first, if it is a program's: debuggers tell by it which. */
static COLD uint64_t header_nbytes(const struct core *core, const struct segment *segment,
                                   uint32_t filter)
{
    char magic[4];

    if (!(filter & CORE_ELF_HEADERS) || segment->page_index || !(segment->prot & LX_PROT_READ) ||
        vm_debug_read(core->space, segment->start, magic, sizeof(magic)) ||
        memcmp(magic, ELF_MAGIC, sizeof(magic)) != 0)
        return 0;
    return PAGE_SIZE;
}

/* How much of it goes into the file. */
static COLD void segment_size(const struct core *core, struct segment *segment, enum kind kind,
                              uint32_t filter)
{
    const uint64_t all = segment->end - segment->start;

    segment->paged = kind == KIND_WHOLE || kind == KIND_FILE;
    if (kind == KIND_WHOLE || (kind == KIND_ANONYMOUS && has_page(core, segment, false)))
        segment->nbytes = all;
    else if (kind == KIND_FILE)
        segment->nbytes = (filter & CORE_ANON_PRIVATE) && has_page(core, segment, true)
                              ? all
                              : header_nbytes(core, segment, filter);
}

/* As many areas from that address on as have room. Returns where to go on, 0 at the end. */
static COLD uint64_t segments_take(struct core *core, struct segments *to, uint64_t from)
{
    const uint32_t filter = __atomic_load_n(&core->self->process->core_filter, __ATOMIC_RELAXED);
    uint8_t kinds[SEGMENTS];
    const struct vm_area *area;

    mutex_lock(&core->space->lock);
    for (area = vm_area_find(core->space, from); area && to->count < SEGMENTS;
         area = vm_area_next(area)) {
        kinds[to->count] = (uint8_t)kind_of(area, filter);
        to->all[to->count++] = (struct segment){
            .start = area->start,
            .end = area->end,
            .page_index = area->page_index,
            .name = area->name,
            .prot = area->prot,
        };
        if (area->name)
            dentry_get(area->name);
        from = area->end;
    }
    mutex_unlock(&core->space->lock);
    for (unsigned i = 0; i < to->count; i++)
        segment_size(core, &to->all[i], (enum kind)kinds[i], filter);
    return area ? from : 0;
}

static COLD bool segments_collect(struct core *core)
{
    struct segments **link = &core->first;
    uint64_t from = 0;

    do {
        struct segments *more = vm_memory_is_left_for_object() ? kmalloc(sizeof(*more)) : NULL;

        if (!more)
            return false;
        more->next = NULL;
        more->count = 0;
        *link = more;
        link = &more->next;
        from = segments_take(core, more, from);
        core->segments += more->count;
    } while (from);
    return true;
}

/* Names may be the last references to files that were unlinked, which sleeps. */
static COLD void segments_free(struct core *core)
{
    for (struct segments *s = core->first, *next; s; s = next) {
        next = s->next;
        for (unsigned i = 0; i < s->count; i++)
            if (s->all[i].name)
                dentry_put(s->all[i].name);
        kfree(s);
        sched_preempt_point();
    }
}

#define each_segment(segment, core)                                                                \
    for (struct segments *list = (core)->first; list; list = list->next)                           \
        for (struct segment *segment = list->all; segment < list->all + list->count; segment++)

/* ---- notes of the process ---- */

/* What ps would have shown of it. */
static COLD void program_fill(const struct core *core, struct lx_prpsinfo *info)
{
    const struct task *self = core->self;
    const struct exec_layout *layout = &self->process->layout;
    size_t nbytes = MIN(layout->args_end - layout->args_start, sizeof(info->args) - 1);

    *info = (struct lx_prpsinfo){
        .letter = 'R',
        .nice = (int8_t)self->thread.nice,
        .uid = self->fs->cred.uid,
        .gid = self->fs->cred.gid,
        .pid = self->process->pid,
        .parent = process_parent_pid(self->process),
        .group = self->process->group,
        .session = self->process->session,
    };
    memcpy(info->name, self->name, sizeof(info->name));
    if (vm_debug_read(core->space, layout->args_start, info->args, nbytes))
        nbytes = 0;
    for (size_t i = 0; i < nbytes; i++)
        if (!info->args[i])
            info->args[i] = ' ';
}

/* Which file is where: places first, then names. */
static COLD bool files_put(struct core *core)
{
    const uint64_t start = core->offset, pad = 0;
    uint64_t head[2] = {0, PAGE_SIZE};
    uint32_t nbytes;

    if (!note_begin(core, LX_NT_FILE, false, 0) || !core_put(core, head, sizeof(head)))
        return false;
    each_segment(segment, core)
    {
        const uint64_t place[] = {segment->start, segment->end, segment->page_index};

        if (!segment->name)
            continue;
        head[0]++;
        if (!core_put(core, place, sizeof(place)))
            return false;
    }
    each_segment(segment, core)
    {
        int64_t len;

        if (!segment->name)
            continue;
        dentry_get(segment->name);
        len = procfs_path_text(segment->name, core->page, PAGE_SIZE - 1);
        core->page[MAX(len, 0)] = '\0';
        if (!core_put(core, core->page, (size_t)MAX(len, 0) + 1))
            return false;
    }
    nbytes = (uint32_t)(core->offset - start - 20);
    return core_put(core, &pad, ALIGN_UP(core->offset, 4) - core->offset) &&
           core_put_at(core, &nbytes, sizeof(nbytes), start + 4) &&
           core_put_at(core, head, sizeof(head), start + 20);
}

/* The auxiliary vector leads debuggers to the program's headers and to the vDSO. */
static COLD bool process_notes_put(struct core *core)
{
    const struct exec_layout *layout = &core->self->process->layout;
    size_t nbytes = MIN(layout->auxv_end - layout->auxv_start, (uint64_t)PAGE_SIZE);
    char info[LX_SIGINFO_NBYTES] = {0};
    struct lx_prpsinfo program;

    program_fill(core, &program);
    memcpy(info, core->info, sizeof(*core->info));
    if (!note_put(core, LX_NT_PRPSINFO, &program, sizeof(program)) ||
        !note_put(core, LX_NT_SIGINFO, info, sizeof(info)))
        return false;
    if (!vm_debug_read(core->space, layout->auxv_start, core->page, nbytes) &&
        !note_put(core, LX_NT_AUXV, core->page, nbytes))
        return false;
    return files_put(core);
}

/* ---- notes of tasks ---- */

/* The running task's own are in the processor. */
static COLD void own_registers_save(struct task *self)
{
    struct arch_thread *arch = &self->thread.arch;

    fpu_save(arch->fpu);
    arch->fs_base = msr_read(MSR_FS_BASE);
    arch->gs_base = msr_read(MSR_KERNEL_GS_BASE);
    arch_thread_copy_selectors(arch);
}

/* All have the signal that ended the process, as on Linux. */
static COLD bool task_status_put(struct core *core, struct task *task)
{
    struct process *process = task->process;
    struct lx_prstatus status = {
        .signo = core->info->signo,
        .code = core->info->code,
        .error = core->info->error,
        .signal = (int16_t)core->info->signo,
        .pending = task->sig_queue.set,
        .held = task->sig_mask,
        .pid = task->tid,
        .parent = process_parent_pid(process),
        .group = process->group,
        .session = process->session,
        .has_fpu = 1,
    };

    ptrace_regs_get(task, &status.regs);
    return note_put(core, LX_NT_PRSTATUS, &status, sizeof(status));
}

/* Twice: what every processor has, and all that there is. */
static COLD bool task_fpu_put(struct core *core, const struct task *task)
{
    if (!note_put(core, LX_NT_PRFPREG, task->thread.arch.fpu, FXSAVE_NBYTES))
        return false;
    if (!features.xsave)
        return true;
    ptrace_fpu_get(task, core->page);
    return note_put(core, LX_NT_X86_XSTATE, core->page, features.fpu_nbytes);
}

/* The one that the signal was for is the first: debuggers show that. */
static COLD bool notes_put(struct core *core)
{
    struct task *task = NULL;

    own_registers_save(core->self);
    if (!task_status_put(core, core->self) || !process_notes_put(core) ||
        !task_fpu_put(core, core->self))
        return false;
    while ((task = process_dump_next(core->self->process, task)) != NULL)
        if (!task_status_put(core, task) || !task_fpu_put(core, task))
            return false;
    return true;
}

/* ---- headers and memory ---- */

/* Where each segment is follows from the length of those before it. */
static COLD bool headers_put(struct core *core, uint64_t notes, uint64_t notes_end)
{
    const struct elf64_header header = {
        .ident = {0x7f, 'E', 'L', 'F', ELF_CLASS_64, ELF_DATA_LSB, 1},
        .type = ELF_ET_CORE,
        .machine = ELF_MACHINE_X86_64,
        .version = 1,
        .phoff = sizeof(header),
        .ehsize = sizeof(header),
        .phentsize = sizeof(struct elf64_phdr),
        .phnum = (uint16_t)(core->segments + 1),
    };
    struct elf64_phdr phdr = {
        .type = ELF_PT_NOTE, .offset = notes, .filesz = notes_end - notes, .align = 4};
    uint64_t data = ALIGN_UP(notes_end, PAGE_SIZE);

    core->offset = 0;
    if (!core_put(core, &header, sizeof(header)) || !core_put(core, &phdr, sizeof(phdr)))
        return false;
    each_segment(segment, core)
    {
        phdr = (struct elf64_phdr){
            .type = ELF_PT_LOAD,
            .flags = (segment->prot & LX_PROT_READ ? ELF_PF_R : 0) |
                     (segment->prot & LX_PROT_WRITE ? ELF_PF_W : 0) |
                     (segment->prot & LX_PROT_EXEC ? ELF_PF_X : 0),
            .offset = data,
            .vaddr = segment->start,
            .filesz = segment->nbytes,
            .memsz = segment->end - segment->start,
            .align = PAGE_SIZE,
        };
        data += segment->nbytes;
        if (!core_put(core, &phdr, sizeof(phdr)))
            return false;
    }
    core->offset = ALIGN_UP(notes_end, PAGE_SIZE);
    return true;
}

/* The next page from there on that is not one of zeroes for certain. */
static COLD uint64_t next_page(const struct core *core, const struct segment *segment, uint64_t va)
{
    const uint64_t end = segment->start + segment->nbytes;
    uint64_t stop = MIN(end, va + SCAN_NBYTES);
    uint8_t there = 1;

    if (!segment->paged)
        return vm_next_resident(core->space, va, stop, false);
    return vm_residency(core->space, va, 1, &there) || !there ? va + PAGE_SIZE : va;
}

/* What cannot be read any more is a hole. */
static COLD bool segment_put(struct core *core, const struct segment *segment)
{
    const uint64_t end = segment->start + segment->nbytes, offset = core->offset;

    core->offset += segment->nbytes;
    for (uint64_t va = segment->start; va < end;) {
        uint64_t next = next_page(core, segment, va);

        sched_preempt_point();
        if (next == va) {
            next += PAGE_SIZE;
            if (!vm_debug_read(core->space, va, core->page, PAGE_SIZE) &&
                !core_put_at(core, core->page, PAGE_SIZE, offset + (va - segment->start)))
                return false;
        } else if (process_is_killed(core->self->process) ||
                   offset + (va - segment->start) >= core->limit) {
            return false;
        }
        va = next;
    }
    return true;
}

/* In the order of the file, but for the headers, which follow from the notes' length. */
static COLD void core_put_all(struct core *core)
{
    const uint64_t notes =
        sizeof(struct elf64_header) + (core->segments + 1ULL) * sizeof(struct elf64_phdr);
    char last = 0;

    core->offset = notes;
    if (!notes_put(core) || !headers_put(core, notes, core->offset))
        return;
    each_segment(segment, core) if (segment->nbytes && !segment_put(core, segment)) return;
    /* A hole at the end is part of the file. */
    if (file_size(core->file) < core->offset)
        (void)core_put_at(core, &last, 1, core->offset - 1);
}

COLD void core_write(struct task *self, const struct lx_siginfo *info, struct file *file,
                     uint64_t limit)
{
    struct core core = {
        .self = self, .info = info, .file = file, .space = self->thread.space, .limit = limit};

    core.page = kmalloc(PAGE_SIZE);
    if (core.page && segments_collect(&core))
        core_put_all(&core);
    segments_free(&core);
    kfree(core.page);
}
