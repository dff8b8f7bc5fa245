/* SPDX-License-Identifier: MIT */
/*
 * The initial stack of a program: argc, argv, envp, auxiliary vector, strings.
 *
 * The layout is that of the psABI, 3.4.1, and its order of strings is Linux's, on which ps and
 * setproctitle rely: argv's strings, then envp's, without a gap. It is put together in a buffer of
 * the kernel, at the offsets that it will have below USER_END, and written to the new space at
 * once. If the strings are too long for one buffer, it is put together anew for each piece of them,
 * and only what lies in that piece is kept.
 */
#include "kernel/proc/exec/exec.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/core/random.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/elf64.h"
#include "shared/linux/auxv.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

#define STACK_SPARE   (128ULL << 10) /* mapped below the strings; the rest grows on demand */
#define AUXV_MAX      24
#define RANDOM_NBYTES 16
#define STRINGS_PIECE 16 /* between two preemption points: there may be very many */
#define BUFFER_MAX    (4ul << 20)
#define WORDS_MAX     (BUFFER_MAX - (256ul << 10)) /* the rest is for strings */

static const char platform[] = "x86_64";

/* The top of the stack:
 * argc, argv, NULL, envp, NULL, auxv | random bytes, platform, strings, path | 8 zero bytes. */
struct building {
    char *bytes;                            /* all words, then a piece of the strings */
    size_t first, piece;                    /* that piece's offset, and its size */
    size_t nbytes, words;                   /* of all; of argc up to the auxiliary vector */
    uint64_t argc, base;                    /* base: user address of the first byte */
    size_t text;                            /* offset where the next string goes */
    size_t pointer;                         /* offset where the next word goes */
    uint64_t args_start, args_end, env_end; /* user addresses of the argv and envp strings */
    uint64_t auxv_start, auxv_end;          /* and of the auxiliary vector */
};

/* Of the strings, at that offset, as far as it lies in the piece. */
static void bytes_put(const struct building *b, size_t at, const void *bytes, size_t nbytes)
{
    size_t from = MAX(at, b->first);
    size_t end = MIN(at + nbytes, b->first + b->piece);

    if (from < end)
        memcpy(b->bytes + b->words + (from - b->first), (const char *)bytes + (from - at),
               end - from);
}

static void word_put(struct building *b, uint64_t value)
{
    memcpy(b->bytes + b->pointer, &value, sizeof(value));
    b->pointer += sizeof(value);
}

/* Copies bytes among the strings; the result is their user address. */
static uint64_t text_put(struct building *b, const void *bytes, size_t nbytes)
{
    uint64_t va = b->base + b->text;

    bytes_put(b, b->text, bytes, nbytes);
    b->text += nbytes;
    return va;
}

static void strings_put(struct building *b, const char *const *strings)
{
    for (unsigned i = 0; strings[i]; i++) {
        if (i % STRINGS_PIECE == 0)
            sched_preempt_point();
        word_put(b, text_put(b, strings[i], strlen(strings[i]) + 1));
    }
    word_put(b, 0);
}

static void auxv_put(struct building *b, uint64_t key, uint64_t value)
{
    word_put(b, key);
    word_put(b, value);
}

static void auxv_fill(struct building *b, const struct exec_strings *strings,
                      const struct fs_context *context, const struct exec_auxv *auxv,
                      const struct exec_program *program)
{
    const struct credentials *cred = &context->cred;
    uint8_t random[RANDOM_NBYTES];

    /* AT_RANDOM: 16 bytes, from which libc takes its stack protector and pointer guard. */
    random_fill(random, sizeof(random));
    auxv_put(b, LX_AT_SYSINFO_EHDR, auxv->vdso);
    auxv_put(b, LX_AT_HWCAP, features.hwcap);
    auxv_put(b, LX_AT_PAGESZ, PAGE_SIZE);
    /* Units of times(2). */
    auxv_put(b, LX_AT_CLKTCK, LX_CLOCK_TICKS);
    auxv_put(b, LX_AT_PHDR, auxv->phdr);
    auxv_put(b, LX_AT_PHENT, sizeof(struct elf64_phdr));
    auxv_put(b, LX_AT_PHNUM, auxv->phnum);
    auxv_put(b, LX_AT_BASE, auxv->base);
    auxv_put(b, LX_AT_FLAGS, 0);
    auxv_put(b, LX_AT_ENTRY, auxv->entry);
    auxv_put(b, LX_AT_UID, cred->uid);
    auxv_put(b, LX_AT_EUID, program->cred.euid);
    auxv_put(b, LX_AT_GID, cred->gid);
    auxv_put(b, LX_AT_EGID, program->cred.egid);
    /* libc ignores LD_PRELOAD and its like in a program with other rights than its caller's. */
    auxv_put(b, LX_AT_SECURE, program->secure);
    auxv_put(b, LX_AT_RANDOM, text_put(b, random, sizeof(random)));
    auxv_put(b, LX_AT_HWCAP2, features.fsgsbase ? LX_HWCAP2_FSGSBASE : 0);
    /* A signal frame: the FPU area and the rest, rounded up. */
    auxv_put(b, LX_AT_MINSIGSTKSZ, features.fpu_nbytes + 1024u);
    auxv_put(b, LX_AT_EXECFN, text_put(b, strings->path, strlen(strings->path) + 1));
    auxv_put(b, LX_AT_PLATFORM, text_put(b, platform, sizeof(platform)));
    auxv_put(b, LX_AT_NULL, 0);
}

static size_t strings_measure(const char *const *strings, uint64_t *count)
{
    size_t nbytes = 0;

    for (*count = 0; strings[*count]; ++*count) {
        if (*count % STRINGS_PIECE == 0)
            sched_preempt_point();
        nbytes += strlen(strings[*count]) + 1;
    }
    return nbytes;
}

static int stack_measure(struct building *b, const struct exec_strings *strings)
{
    uint64_t envc;
    size_t text = strings_measure(strings->argv, &b->argc) + strings_measure(strings->envp, &envc) +
                  strlen(strings->path) + 1 + sizeof(platform) + RANDOM_NBYTES + 8;

    /* Room for AUXV_MAX pairs, whether all are used or not: words behind AT_NULL are zero. */
    b->words = (1 + b->argc + 1 + envc + 1) * 8 + 2 * AUXV_MAX * 8;
    /* execve has checked argv and envp against the stack's limit; this bounds what a script adds.
     */
    if (text > 2 * (size_t)EXEC_ARGS_MAX || b->words > WORDS_MAX)
        return -E2BIG;
    b->nbytes = ALIGN_UP(text + b->words, 16);
    b->first = b->words;
    b->piece = MIN(b->nbytes, BUFFER_MAX) - b->words;
    b->bytes = kmalloc(b->words + b->piece);
    /* The last 8 bytes stay zero, as on Linux: the end of the stack is never a string without
     * NUL. */
    b->base = USER_END - b->nbytes; /* so RSP is a multiple of 16 at entry (psABI 3.4.1) */
    return b->bytes ? 0 : -ENOMEM;
}

static void stack_fill(struct building *b, const struct exec_strings *strings,
                       const struct fs_context *context, const struct exec_auxv *auxv,
                       const struct exec_program *program)
{
    memset(b->bytes, 0, b->words + b->piece);
    b->text = b->words;
    b->pointer = 0;
    word_put(b, b->argc);
    b->args_start = b->base + b->text;
    strings_put(b, strings->argv);
    b->args_end = b->base + b->text;
    strings_put(b, strings->envp);
    b->env_end = b->base + b->text;
    b->auxv_start = b->base + b->pointer;
    auxv_fill(b, strings, context, auxv, program);
    b->auxv_end = b->base + b->pointer;
}

static int stack_map(struct vm_space *space, uint64_t base, bool executable)
{
    struct vm_request request = {
        .address = ALIGN_DOWN(base - STACK_SPARE, PAGE_SIZE),
        .prot = LX_PROT_READ | LX_PROT_WRITE | (executable ? LX_PROT_EXEC : 0u),
        .may_write = true,
        .fixed = true,
        /* Segments that reach up here make exec fail rather than lose a page. */
        .no_replace = true,
        /* The stack may grow to its limit; memory is only accounted when it is touched. */
        .no_reserve = true,
        .grows_down = true,
    };
    uint64_t ignored;
    int err;

    request.nbytes = USER_END - request.address;
    err = vm_map(space, &request, &ignored);
    if (err == -EACCES) {
        /* An executable stack is asked for by programs with assembly that forgot to say that they
         * need none; they run well without. */
        request.prot &= ~(uint32_t)LX_PROT_EXEC;
        err = vm_map(space, &request, &ignored);
    }
    return err;
}

int exec_stack_build(struct vm_space *space, const struct exec_strings *strings,
                     const struct fs_context *context, const struct exec_auxv *auxv,
                     bool executable, struct exec_program *out)
{
    struct building b = {0};
    int err = stack_measure(&b, strings);

    if (!err)
        err = stack_map(space, b.base, executable);
    for (; !err && b.first < b.nbytes; b.first += b.piece) {
        /* The words go with the first piece. */
        size_t words = b.first == b.words ? b.words : 0;

        stack_fill(&b, strings, context, auxv, out);
        err = vm_write_remote(space, b.base + b.first - words, b.bytes + b.words - words,
                              words + MIN(b.piece, b.nbytes - b.first));
    }
    if (!err) {
        out->layout.stack = b.base;
        out->layout.args_start = b.args_start;
        out->layout.args_end = b.args_end;
        out->layout.env_end = b.env_end;
        out->layout.auxv_start = b.auxv_start;
        out->layout.auxv_end = b.auxv_end;
    }
    kfree(b.bytes);
    return err;
}
