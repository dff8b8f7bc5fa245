/* SPDX-License-Identifier: MIT */
/*
 * Executable files: mapped into a new address space, with their dynamic loader.
 *
 * exec_load reads the first bytes, follows scripts, and hands an ELF file to elf_load, which makes
 * the space: segments, break, dynamic loader (PT_INTERP), vDSO, stack. The running program is not
 * touched; any failure drops the new space and leaves a reason for people where the errno says
 * little.
 *
 * Contents come through the page cache: the file is mapped, only headers and the path of the loader
 * are read. file_begin_exec checks the permission to execute and that the file is not open for
 * writing.
 */
#include "kernel/proc/exec/exec.h"

#include "kernel/arch/x86_64/regs.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/elf.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/exec/exec_script.h"
#include "kernel/proc/exec/vdso.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/mman.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

#define HEAD_NBYTES      512               /* enough for the headers of nearly every program */
#define SCRIPT_DEPTH_MAX 5                 /* as Linux: scripts run by scripts */
#define PIE_BASE         0x555555554000ULL /* two thirds up user space, as Linux without randomness */

/* One ELF file being mapped. */
struct loading {
    struct file *file;
    struct vm_space *space;
    struct elf_image image;
    uint64_t bias;
    void *phdrs; /* owned */
    struct exec_layout layout;
    const char *reason;
};

static int headers_read(struct loading *load, const char *head, size_t head_nbytes)
{
    struct elf_image *image = &load->image;
    int64_t got;
    int err = elf_read_header(head, head_nbytes, file_size(load->file), image, &load->reason);

    if (err)
        return err;
    load->phdrs = kmalloc(image->phdr_size);
    if (!load->phdrs)
        return -ENOMEM;
    /* Program headers follow the ELF header in nearly every file, so one read fetches both. */
    if (image->phdr_offset + image->phdr_size <= head_nbytes) {
        memcpy(load->phdrs, head + image->phdr_offset, image->phdr_size);
    } else {
        got = file_read_kernel(load->file, load->phdrs, image->phdr_size,
                               (int64_t)image->phdr_offset);
        if (got != (int64_t)image->phdr_size)
            return got < 0 ? (int)got : -ENOEXEC;
    }
    return elf_read_segments(load->phdrs, USER_END, image, &load->reason);
}

static uint32_t prot_of(uint32_t flags)
{
    return (flags & ELF_PF_R ? LX_PROT_READ : 0u) | (flags & ELF_PF_W ? LX_PROT_WRITE : 0u) |
           (flags & ELF_PF_X ? LX_PROT_EXEC : 0u);
}

/* file NULL: zeroes. */
static int map_fixed(struct loading *load, uint64_t start, uint64_t end, uint32_t prot,
                     struct file *file, uint64_t page_index)
{
    struct vm_request request = {
        .address = start,
        .nbytes = end - start,
        .prot = prot,
        .may_write = true,
        .fixed = true,
        .pager = file ? file_pager(file) : NULL,
        .name = file ? file->dentry : NULL,
        .page_index = page_index,
    };
    /* MAP_FIXED: the address is known. */
    uint64_t ignored;
    int err = vm_map(load->space, &request, &ignored);

    /* wx=deny is kept by vm_map for every mapping of ring 3, not by the loader alone. */
    if (err == -EACCES)
        load->reason = "a segment is both writable and executable (boot option wx=deny)";
    if (err == -EPERM)
        load->reason = "a segment lies below 0x10000";
    return err;
}

/* The memory of a segment behind its bytes in the file: the rest of the last file page is cleared,
 * then come pages of zeroes. A page that another segment has already is shared with it. */
static int bss_map(struct loading *load, uint64_t start, uint64_t end, uint32_t prot)
{
    uint64_t first_page = ALIGN_UP(start, PAGE_SIZE);
    int err = 0;

    /* No page is mapped where the zeroes begin (the segment has no bytes of the file): that page is
     * one of theirs. Else the rest of it is cleared through the new space, which makes it a private
     * copy; if it is read-only, it stays as it is, as on Linux. */
    if (start < first_page &&
        vm_check_mapped(load->space, ALIGN_DOWN(start, PAGE_SIZE), PAGE_SIZE) != 0)
        first_page -= PAGE_SIZE;
    else if (start < first_page && (prot & LX_PROT_WRITE))
        err = vm_write_remote(load->space, start, NULL, first_page - start);
    if (!err && ALIGN_UP(end, PAGE_SIZE) > first_page)
        err = map_fixed(load, first_page, ALIGN_UP(end, PAGE_SIZE), prot, NULL, 0);
    return err;
}

/* Where code and data lie, as Linux distinguishes them: code is what may be executed, data what
 * lies highest. */
static void layout_add(struct exec_layout *layout, uint64_t va, const struct elf_segment *segment)
{
    bool is_code = segment->flags & ELF_PF_X;

    if (is_code && (!layout->code_start || va < layout->code_start))
        layout->code_start = va;
    if (is_code)
        layout->code_end = MAX(layout->code_end, va + segment->file_size);
    layout->data_start = MAX(layout->data_start, va);
    layout->data_end = MAX(layout->data_end, va + segment->file_size);
}

static int segment_map(struct loading *load, const struct elf_segment *segment)
{
    uint64_t va = segment->va + load->bias;
    uint64_t file_end = va + segment->file_size;
    uint64_t start = ALIGN_DOWN(va, PAGE_SIZE);
    uint32_t prot = prot_of(segment->flags);
    int err = 0;

    layout_add(&load->layout, va, segment);
    /* A segment without bytes of the file is all zeroes: bss_map alone. */
    if (segment->file_size)
        err = map_fixed(load, start, ALIGN_UP(file_end, PAGE_SIZE), prot, load->file,
                        segment->file_offset >> PAGE_SHIFT);
    if (!err && segment->mem_size > segment->file_size)
        err = bss_map(load, file_end, va + segment->mem_size, prot);
    return err;
}

/* Room for a position-independent file where mmap would put it. */
static int room_find(struct loading *load, uint64_t *base)
{
    /* Room for the alignment, too; the reservation is taken back at once, nothing else runs in this
     * space. */
    uint64_t align = load->image.max_align;
    struct vm_request request = {
        .nbytes = load->image.high - load->image.low + align,
        .prot = LX_PROT_NONE,
        .no_reserve = true,
    };
    uint64_t start;
    int err = vm_map(load->space, &request, &start);

    if (err)
        return err;
    *base = ALIGN_UP(start, align);
    return vm_unmap(load->space, start, request.nbytes);
}

static int segments_map(struct loading *load, bool is_interpreter)
{
    struct elf_segment segment;
    unsigned position = 0;
    /* The program goes to a fixed place and its loader where mmap would put it, as on Linux with
     * randomize_va_space 0. A loader that is run as a program counts as a program. */
    uint64_t base = ALIGN_DOWN(PIE_BASE, load->image.max_align);
    int err = 0;

    if (load->image.type == ELF_ET_DYN) {
        if (is_interpreter)
            err = room_find(load, &base);
        load->bias = base - load->image.low;
    }
    /* Above map_top is the room of the stack. */
    if (!err && load->image.high + load->bias > load->space->map_top) {
        load->reason = "its segments reach into the stack";
        return -ENOMEM;
    }
    while (!err && elf_segment_next(&load->image, &position, &segment))
        err = segment_map(load, &segment);
    return err;
}

/* PT_INTERP holds the path with its NUL; its length has been checked (lib/elf.c). */
static int interpreter_open(struct loading *load, struct fs_context *context,
                            struct file **out_file)
{
    const struct elf_extent *extent = &load->image.interp;
    char *path = namebuf_alloc(extent->size);
    int64_t got;
    int err = -ENOEXEC;

    if (!path)
        return -ENOMEM;
    got = file_read_kernel(load->file, path, extent->size, (int64_t)extent->offset);
    if (got == (int64_t)extent->size && !path[got - 1]) {
        err = fs_open_exec(context, path, out_file);
        if (err)
            load->reason = "its dynamic loader (PT_INTERP) cannot be opened";
    }
    namebuf_free(path, extent->size);
    return err;
}

/* The dynamic loader, into the same space. */
static int interpreter_load(struct loading *load, struct fs_context *context,
                            struct exec_auxv *auxv, uint64_t *entry)
{
    struct loading interp = {.space = load->space};
    char head[HEAD_NBYTES];
    int64_t got;
    int err = interpreter_open(load, context, &interp.file);

    if (err)
        return err;
    err = file_begin_exec(interp.file, context);
    if (!err) {
        got = file_read_kernel(interp.file, head, sizeof(head), 0);
        err = got < 0 ? (int)got : headers_read(&interp, head, (size_t)got);
        /* execve(2): ELIBBAD for a loader of an unknown format; as on Linux not for a short one. */
        if (err == -ENOEXEC)
            err = got < (int64_t)sizeof(struct elf64_header) ? -EIO : -ELIBBAD;
    }
    if (!err)
        err = segments_map(&interp, true);
    /* AT_BASE, by which the loader finds itself before it has relocated itself: 0 if it lies where
     * its file says. */
    auxv->base = interp.bias;
    *entry = interp.image.entry + interp.bias;
    kfree(interp.phdrs);
    file_put(interp.file);
    return err;
}

static int program_map(struct loading *load, struct fs_context *context,
                       const struct exec_strings *strings, struct exec_program *program)
{
    struct exec_auxv auxv;
    int err = segments_map(load, false);

    if (err)
        return err;
    /* The break begins behind the highest segment of the program, not of its loader. */
    vm_brk_init(load->space, load->image.high + load->bias);
    auxv = (struct exec_auxv){
        /* 0 when no segment holds the headers, as on Linux. */
        .phdr = load->image.phdr_va ? load->image.phdr_va + load->bias : 0,
        .phnum = load->image.phdr_count,
        .entry = load->image.entry + load->bias,
    };
    program->entry = auxv.entry;
    program->layout = load->layout;
    if (load->image.interp.size)
        err = interpreter_load(load, context, &auxv, &program->entry);
    if (!err)
        err = vdso_map(load->space, &auxv.vdso);
    if (err)
        return err;
    return exec_stack_build(load->space, strings, context, &auxv, load->image.exec_stack, program);
}

static int elf_load(struct file *file, struct fs_context *context,
                    const struct exec_strings *strings, const char *head, size_t head_nbytes,
                    struct exec_program *program)
{
    struct loading load = {.file = file};
    int err = headers_read(&load, head, head_nbytes);

    /* A file that cannot be mapped (a device, /proc) cannot be run. */
    if (!err && !file_pager(file))
        err = -EACCES;
    if (!err)
        err = vm_space_create(&load.space);
    if (!err) {
        err = exec_identity_find(file, &context->cred, strings, program);
        if (!err)
            err = program_map(&load, context, strings, program);
        if (err)
            vm_space_put(load.space);
        else
            program->space = load.space;
    }
    kfree(load.phdrs);
    program->reason = load.reason;
    return err;
}

int exec_load(struct file *file, struct fs_context *context, const struct exec_strings *strings,
              struct exec_program *out)
{
    struct exec_script script = {.strings = *strings};
    char head[HEAD_NBYTES];
    int64_t got;
    int err = 0;

    /* Each step owns its file: a script's goes when its interpreter has been opened. */
    file_get(file);
    for (unsigned depth = 0; !err; depth++) {
        err = file_begin_exec(file, context);
        if (err)
            break;
        got = file_read_kernel(file, head, sizeof(head), 0);
        if (got < 0)
            err = (int)got;
        else if (got < 2 || head[0] != '#' || head[1] != '!') {
            err = elf_load(file, context, &script.strings, head, (size_t)got, out);
            break;
        } else if (depth == SCRIPT_DEPTH_MAX)
            err = -ELOOP;
        else {
            file_put(file);
            file = NULL;
            err = exec_script_step(&script, head, (size_t)got, context, &file);
        }
    }
    exec_script_free(&script);
    if (!err)
        out->file = file;
    else if (file)
        file_put(file);
    return err;
}

void exec_frame_init(struct trap_frame *frame, const struct exec_program *program)
{
    memset(frame, 0, sizeof(*frame));
    frame->rip = program->entry;
    frame->rsp = program->layout.stack;
    frame->cs = SELECTOR_USER_CS;
    frame->ss = SELECTOR_USER_DS;
    /* psABI 3.4.1: flags are clear at entry; interrupts are on in ring 3. */
    frame->rflags = RFLAGS_FIXED | RFLAGS_IF;
}
