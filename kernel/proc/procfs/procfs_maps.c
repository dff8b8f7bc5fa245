/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/maps, statm, cmdline and environ: the memory of a process.
 *
 * All of it belongs to one program: the address space and its layout are taken in one step and the
 * space is referenced, so exec or exit meanwhile leaves an old but consistent picture. Areas are
 * read under vm_space.lock, a text at a time; the cursor is an address, so areas that come or go
 * between two reads neither repeat nor stop the listing. Arguments and environment are the
 * program's own memory, which it may have changed.
 */
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/lib/string.h"
#include "kernel/proc/exec/vdso.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_pager.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"
#include "shared/linux/mman.h"

#define NAME_COLUMN  73 /* where names begin */
#define ROOM         (LX_PATH_MAX + 256)
#define ROOM_DETAILS 1024 /* what smaps adds */

/* An area's name, or NULL; path has LX_PATH_MAX bytes. */
static COLD const char *area_name(const struct vm_area *area, const struct exec_layout *layout,
                                  char *path)
{
    const struct vm_space *space = area->space;

    /* Names of files as the caller sees them from its root. */
    if (area->name) {
        int64_t len;

        dentry_get(area->name);
        len = procfs_path_text(area->name, path, LX_PATH_MAX - 1);
        path[len < 0 ? 0 : len] = '\0';
        return path;
    }
    if (area->pager) {
        const char *name = vdso_area_name(area);

        if (area->pager->ops->label_of) {
            area->pager->ops->label_of(area->pager, path, LX_PATH_MAX);
            return path;
        }
        return name ? name : area->pager->ops->label;
    }
    /* proc_pid_maps(5): the heap is what overlaps the break, the stack what holds its first
     * word. */
    if (area->start <= space->brk && area->end >= space->brk_start)
        return "[heap]";
    return area->start <= layout->stack && area->end >= layout->stack ? "[stack]" : NULL;
}

static COLD void area_print(struct procfs_text *text, const struct vm_area *area, const char *name)
{
    const struct inode *inode = area->name ? area->name->inode : NULL;
    uint64_t device = inode ? inode->super->device : 0;
    size_t start = text->used;

    /* Linux's columns; device numbers in the old form, 8 bits of minor. */
    procfs_print(text, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ",
                 (unsigned long long)area->start, (unsigned long long)area->end,
                 area->prot & LX_PROT_READ ? 'r' : '-', area->prot & LX_PROT_WRITE ? 'w' : '-',
                 area->prot & LX_PROT_EXEC ? 'x' : '-', area->shared ? 's' : 'p',
                 area->pager ? (unsigned long long)area->page_index << PAGE_SHIFT : 0ULL,
                 (unsigned)(device >> 8), (unsigned)(device & 0xff),
                 inode ? (unsigned long long)inode->ino : 0ULL);
    if (name)
        procfs_print(
            text, "%*s%s",
            (int)(text->used - start < NAME_COLUMN ? NAME_COLUMN - (text->used - start) : 1), "",
            name);
    procfs_put(text, "\n", 1);
}

/* Goes on at the first area that ends above the cursor, as long as there is room for one more. */
COLD int procfs_show_areas(const struct procfs_node *node, struct procfs_text *text,
                           void (*details)(struct procfs_text *text, const struct vm_area *area))
{
    const size_t room = details ? ROOM + ROOM_DETAILS : ROOM;
    struct exec_layout layout;
    struct vm_space *space;
    const struct vm_area *area;
    char *path;
    int err = procfs_get_memory(node, &space, &layout);

    if (err || !space)
        return err;
    /* A path is too long for the kernel's stack; allocated before the lock is taken. */
    path = namebuf_alloc(LX_PATH_MAX);
    if (!path) {
        vm_space_put_later(space);
        return -ENOMEM;
    }
    mutex_lock(&space->lock);
    for (area = vm_area_find(space, text->cursor); area && text->used + room < text->size;
         area = vm_area_next(area)) {
        area_print(text, area, area_name(area, &layout, path));
        if (details)
            details(text, area);
        text->cursor = area->end;
    }
    /* The reader comes back for the rest with the cursor as it is now. */
    text->more = area != NULL;
    mutex_unlock(&space->lock);
    if (area && text->used == 0)
        text->used = text->size; /* not enough room for even one */
    namebuf_free(path, LX_PATH_MAX);
    vm_space_put_later(space);
    return 0;
}

COLD int procfs_show_maps(const struct procfs_node *node, struct procfs_text *text)
{
    return procfs_show_areas(node, text, NULL);
}

/* --- arguments and environment --- */

/* Bytes of [start + cursor, end), as much as there is room for. */
static COLD void memory_put(struct vm_space *space, uint64_t start, uint64_t end,
                            struct procfs_text *text)
{
    size_t nbytes = text->size - 1; /* a full buffer would be taken for too small */

    /* The cursor is the offset here. */
    start += text->cursor;
    nbytes = start < end ? MIN(nbytes, end - start) : 0;
    text->used = vm_read_remote(space, start, text->bytes, nbytes);
    text->cursor += text->used;
    /* A page that cannot be read ends the text: the program may have unmapped it. */
    text->more = text->used == nbytes && start + nbytes < end;
}

COLD int procfs_show_environ(const struct procfs_node *node, struct procfs_text *text)
{
    struct exec_layout layout;
    struct vm_space *space;
    int err = procfs_get_memory(node, &space, &layout);

    if (err || !space)
        return err;
    memory_put(space, layout.args_end, layout.env_end, text);
    vm_space_put_later(space);
    return 0;
}

/* As the program's own memory has it. */
COLD int procfs_show_auxv(const struct procfs_node *node, struct procfs_text *text)
{
    struct exec_layout layout;
    struct vm_space *space;
    int err = procfs_get_memory(node, &space, &layout);

    if (err || !space)
        return err;
    memory_put(space, layout.auxv_start, layout.auxv_end, text);
    vm_space_put_later(space);
    return 0;
}

/* A program may write a title over its arguments: when their last byte is no NUL any more, the text
 * is one string from the first of them on, as long as a page. */
static COLD void cmdline_put(struct vm_space *space, const struct exec_layout *layout,
                             struct procfs_text *text)
{
    char last = '\0';

    /* Unreadable counts as unchanged. */
    if (layout->args_start >= layout->args_end ||
        vm_read_remote(space, layout->args_end - 1, &last, 1) == 0)
        last = '\0';
    if (!last) {
        memory_put(space, layout->args_start, layout->args_end, text);
        return;
    }
    memory_put(space, layout->args_start, MIN(layout->env_end, layout->args_start + PAGE_SIZE),
               text);
    /* Up to the first NUL, and with it. */
    text->used = MIN(strnlen(text->bytes, text->used) + 1, text->used);
    text->more = false;
}

COLD int procfs_show_cmdline(const struct procfs_node *node, struct procfs_text *text)
{
    struct exec_layout layout;
    struct vm_space *space;
    int err = procfs_get_memory(node, &space, &layout);

    if (err || !space)
        return err;
    cmdline_put(space, &layout, text);
    vm_space_put_later(space);
    return 0;
}

/* --- sizes --- */

COLD int procfs_show_statm(const struct procfs_node *node, struct procfs_text *text)
{
    struct exec_layout layout;
    struct vm_space *space;
    int err = procfs_get_memory(node, &space, &layout);

    if (err)
        return err;
    if (!space) {
        procfs_print(text, "0 0 0 0 0 0 0\n");
        return 0;
    }
    /* The counts of pages change together under the lock. */
    mutex_lock(&space->lock);
    procfs_print(text, "%llu %llu 0 %llu 0 %llu 0\n", (unsigned long long)space->mapped_pages,
                 (unsigned long long)space->resident_pages,
                 (unsigned long long)((ALIGN_UP(layout.code_end, PAGE_SIZE) -
                                       ALIGN_DOWN(layout.code_start, PAGE_SIZE)) >>
                                      PAGE_SHIFT),
                 (unsigned long long)space->data_pages);
    mutex_unlock(&space->lock);
    vm_space_put_later(space);
    return 0;
}
