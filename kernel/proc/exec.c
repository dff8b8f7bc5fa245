/* SPDX-License-Identifier: MIT */
#include "kernel/proc/exec.h"

#include "kernel/arch/x86_64/regs.h"
#include "kernel/fs/file.h"
#include "kernel/fs/fs_context.h"
#include "kernel/lib/elf.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

#define HEAD_NBYTES 512               /* enough for the headers of nearly every program */
#define PIE_BASE    0x555555554000ULL /* two thirds up user space, as Linux without randomness */

/* One load in progress. */
struct loading {
    struct file *file;
    struct vm_space *space;
    struct elf_image image;
    uint64_t bias;
    void *phdrs; /* owned */
    const char *reason;
};

static int headers_read(struct loading *load)
{
    char head[HEAD_NBYTES];
    int64_t got = file_read_kernel(load->file, head, sizeof(head), 0);
    int err;

    if (got < 0)
        return (int)got;
    if (got >= 2 && head[0] == '#' && head[1] == '!') {
        load->reason = "scripts (#!) cannot be started yet: name their interpreter in the plan";
        return -ENOEXEC;
    }
    err = elf_read_header(head, (size_t)got, file_size(load->file), &load->image, &load->reason);
    if (err)
        return err;
    load->phdrs = kmalloc(load->image.phdr_size);
    if (!load->phdrs)
        return -ENOMEM;
    got = file_read_kernel(load->file, load->phdrs, load->image.phdr_size,
                           (int64_t)load->image.phdr_offset);
    if (got != (int64_t)load->image.phdr_size)
        return got < 0 ? (int)got : -ENOEXEC;
    err = elf_read_segments(load->phdrs, USER_END, &load->image, &load->reason);
    if (!err && load->image.interp.size) {
        load->reason = "dynamically linked programs cannot be started yet: link it with -static";
        err = -ENOEXEC;
    }
    return err;
}

static uint32_t prot_of(uint32_t flags)
{
    return (flags & ELF_PF_R ? LX_PROT_READ : 0u) | (flags & ELF_PF_W ? LX_PROT_WRITE : 0u) |
           (flags & ELF_PF_X ? LX_PROT_EXEC : 0u);
}

static int map_fixed(struct loading *load, uint64_t start, uint64_t end, uint32_t prot,
                     struct vm_pager *pager, uint64_t page_index)
{
    struct vm_request request = {
        .address = start,
        .nbytes = end - start,
        .prot = prot,
        .may_write = true,
        .fixed = true,
        .pager = pager,
        .page_index = page_index,
    };
    uint64_t ignored;
    int err = vm_map(load->space, &request, &ignored);

    if (err == -EACCES)
        load->reason = "a segment is both writable and executable (boot option wx=allow lets it)";
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

    if (start < first_page &&
        vm_check_mapped(load->space, ALIGN_DOWN(start, PAGE_SIZE), PAGE_SIZE) != 0)
        first_page -= PAGE_SIZE;
    else if (start < first_page && (prot & LX_PROT_WRITE))
        err = vm_poke(load->space, start, NULL, first_page - start);
    if (!err && ALIGN_UP(end, PAGE_SIZE) > first_page)
        err = map_fixed(load, first_page, ALIGN_UP(end, PAGE_SIZE), prot, NULL, 0);
    return err;
}

static int segment_map(struct loading *load, const struct elf_segment *segment)
{
    uint64_t va = segment->va + load->bias;
    uint64_t file_end = va + segment->file_size;
    uint64_t start = ALIGN_DOWN(va, PAGE_SIZE);
    uint32_t prot = prot_of(segment->flags);
    int err = 0;

    if (segment->file_size)
        err = map_fixed(load, start, ALIGN_UP(file_end, PAGE_SIZE), prot, file_pager(load->file),
                        segment->file_offset >> PAGE_SHIFT);
    if (!err && segment->mem_size > segment->file_size)
        err = bss_map(load, file_end, va + segment->mem_size, prot);
    return err;
}

static int segments_map(struct loading *load)
{
    struct elf_segment segment;
    unsigned position = 0;
    int err = 0;

    if (load->image.type == ELF_ET_DYN)
        load->bias = ALIGN_DOWN(PIE_BASE, load->image.max_align) - load->image.low;
    if (load->image.high + load->bias > load->space->map_top) {
        load->reason = "its segments reach into the stack";
        return -ENOMEM;
    }
    while (!err && elf_segment_next(&load->image, &position, &segment))
        err = segment_map(load, &segment);
    return err;
}

static int image_load(struct loading *load, const struct fs_context *context,
                      const struct exec_strings *strings, struct exec_program *program)
{
    struct exec_auxv auxv;
    int err = headers_read(load);

    if (err)
        return err;
    if (!file_pager(load->file))
        return -EACCES;
    err = vm_space_create(&load->space);
    if (err)
        return err;
    err = segments_map(load);
    if (!err) {
        vm_brk_init(load->space, load->image.high + load->bias);
        auxv = (struct exec_auxv){
            .phdr = load->image.phdr_va ? load->image.phdr_va + load->bias : 0,
            .phnum = load->image.phdr_count,
            .entry = load->image.entry + load->bias,
        };
        err = exec_stack_build(load->space, strings, context, &auxv, load->image.exec_stack,
                               &program->stack);
        program->entry = auxv.entry;
    }
    if (err)
        vm_space_destroy(load->space);
    else
        program->space = load->space;
    return err;
}

int exec_load(struct file *file, const struct fs_context *context,
              const struct exec_strings *strings, struct exec_program *out)
{
    struct loading load = {.file = file};
    int err = file_check_exec(file, context);

    if (!err)
        err = image_load(&load, context, strings, out);
    kfree(load.phdrs);
    out->reason = load.reason;
    return err;
}

void exec_frame_init(struct trap_frame *frame, const struct exec_program *program)
{
    memset(frame, 0, sizeof(*frame));
    frame->rip = program->entry;
    frame->rsp = program->stack;
    frame->cs = SELECTOR_USER_CS;
    frame->ss = SELECTOR_USER_DS;
    frame->rflags = RFLAGS_FIXED | RFLAGS_IF;
}
