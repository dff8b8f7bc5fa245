/* SPDX-License-Identifier: MIT */
/*
 * Argument lists of execve, copied from the program into the kernel.
 *
 * The strings lie one behind the other in chunks; the arrays of pointers are made last, when their
 * number is known. Counts and lengths are those of the copy, so another process that shares the
 * memory cannot change them afterwards.
 */
#include "kernel/proc/exec/exec_args.h"

#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

#define STRING_MAX    (128u << 10)
#define FIRST_CHUNK   4096
#define LARGEST_CHUNK (256ul << 10)                      /* a string fits into a new one */
#define POINTERS      16                                 /* read at once */
#define POINTERS_MAX  ((3584u << 10) / sizeof(uint64_t)) /* less than what kmalloc gives */

/* Where the killer for want of memory finds them: they are in no address space yet, and a thread
 * may wait long for the end of the others. What fits into the first chunk is passed over. */
static COLD void args_weigh(struct exec_args *args, size_t npages)
{
    args->npages += (uint32_t)npages;
    __atomic_fetch_add(&task_current()->process->exec_pages, (uint32_t)npages, __ATOMIC_RELAXED);
}

/* Behind the others. Each is twice the one before, up to LARGEST_CHUNK; what is left of that one
 * stays unused. So the chunks together have at most some twice EXEC_ARGS_MAX. */
static int chunk_add(struct exec_args *args)
{
    size_t nbytes = args->last ? MIN(2 * args->last->nbytes, LARGEST_CHUNK) : FIRST_CHUNK;
    struct exec_chunk *chunk = kmalloc(nbytes);

    if (!chunk)
        return -ENOMEM;
    *chunk = (struct exec_chunk){.nbytes = nbytes, .end = sizeof(*chunk)};
    if (args->last)
        args_weigh(args, 2 * nbytes >> PAGE_SHIFT);
    *(args->last ? &args->last->next : &args->first) = chunk;
    args->last = chunk;
    return 0;
}

/* One string, with its NUL, behind the others. */
static int string_copy(struct exec_args *args, struct uptr string)
{
    for (;;) {
        struct exec_chunk *chunk = args->last;
        size_t room = chunk ? chunk->nbytes - chunk->end : 0;
        /* The string's end shows its length: it is copied straight to where it goes, as far as
         * there is room, and again from its begin in a larger chunk. */
        int64_t length = room ? vm_user_read_string((char *)chunk + chunk->end, string,
                                                    MIN(room, (size_t)STRING_MAX))
                              : -ENAMETOOLONG;
        int err;

        if (length >= 0) {
            /* With its NUL; the sum is checked when the string is there, as its length is known
             * only then. */
            chunk->end += (size_t)length + 1;
            args->nbytes += (size_t)length + 1;
            return args->nbytes > EXEC_ARGS_MAX ? -E2BIG : 0;
        }
        if (length != -ENAMETOOLONG)
            return (int)length;
        /* Linux's MAX_ARG_STRLEN, for one string. */
        if (room >= STRING_MAX)
            return -E2BIG;
        err = chunk_add(args);
        if (err)
            return err;
    }
}

/* One array's worth. Pointers are read several at once, singly where that meets a fault. */
static int strings_copy(struct exec_args *args, struct uptr array, uint32_t *count)
{
    uint64_t pointers[POINTERS];

    *count = 0;
    while (array.va) {
        size_t got = POINTERS;

        /* The array may end right before a page that is not there. */
        if (vm_user_read(pointers, array, sizeof(pointers))) {
            got = 1;
            if (vm_user_read(pointers, array, sizeof(pointers[0])))
                return -EFAULT;
        }
        for (size_t i = 0; i < got; i++) {
            int err;

            if (!pointers[i])
                return 0;
            err = string_copy(args, (struct uptr){pointers[i]});
            if (err)
                return err;
            /* Bounds both arrays, one of which this counts, even if all strings are empty. */
            ++*count;
            if (args->argc + args->envc > POINTERS_MAX)
                return -E2BIG;
        }
        array.va += got * sizeof(uint64_t);
        /* There may be hundreds of thousands. */
        sched_preempt_point();
        if (vm_kill_pending())
            return -EINTR;
    }
    return 0;
}

/* From the chunk and the place in it where the last call ended. */
static void pointers_fill(const char **pointers, uint32_t count, struct exec_chunk **chunk,
                          size_t *place)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i % POINTERS == 0)
            sched_preempt_point();
        while (*place == (*chunk)->end) {
            *chunk = (*chunk)->next;
            *place = sizeof(**chunk);
        }
        pointers[i] = (const char *)*chunk + *place;
        *place += strlen(pointers[i]) + 1;
    }
    pointers[count] = NULL;
}

static int args_finish(struct exec_args *args)
{
    struct exec_chunk *chunk = args->first;
    size_t place = sizeof(*chunk);

    /* Both arrays with their NULLs in one allocation. */
    args->argv = kmalloc((args->argc + args->envc + 2) * sizeof(*args->argv));
    if (!args->argv)
        return -ENOMEM;
    if (args->argc + args->envc >= PAGE_SIZE / sizeof(*args->argv))
        args_weigh(args, 2 * (args->argc + args->envc) * sizeof(*args->argv) >> PAGE_SHIFT);
    args->envp = args->argv + args->argc + 1;
    pointers_fill(args->argv, args->argc, &chunk, &place);
    pointers_fill(args->envp, args->envc, &chunk, &place);
    return 0;
}

int exec_args_copy(struct exec_args *args, struct uptr argv, struct uptr envp, size_t room)
{
    int err;

    memset(args, 0, sizeof(*args));
    err = strings_copy(args, argv, &args->argc);
    /* As Linux since 5.18: an empty argv becomes one empty string, for programs that rely on
     * argv[0]. */
    if (!err && !args->argc) {
        err = chunk_add(args);
        if (!err) {
            ((char *)args->last)[args->last->end++] = 0;
            args->nbytes = 1;
            args->argc = 1;
        }
    }
    if (!err)
        err = strings_copy(args, envp, &args->envc);
    if (!err && args->nbytes + (args->argc + args->envc) * sizeof(uint64_t) > room)
        err = -E2BIG;
    if (!err)
        err = args_finish(args);
    if (err)
        exec_args_free(args);
    return err;
}

void exec_args_free(struct exec_args *args)
{
    for (struct exec_chunk *chunk = args->first, *next; chunk; chunk = next) {
        next = chunk->next;
        kfree(chunk);
    }
    kfree(args->argv);
    if (unlikely(args->npages))
        __atomic_fetch_sub(&task_current()->process->exec_pages, args->npages, __ATOMIC_RELAXED);
    memset(args, 0, sizeof(*args));
}
