/* SPDX-License-Identifier: MIT */
/*
 * FPU state in a signal frame: saved for a handler, checked and loaded on its return.
 *
 * The task's own save area is the buffer in both directions, as it has the size and the alignment
 * that XSAVE needs. It is also where a context switch saves the registers. So a copy between it and
 * the program runs with faults disabled, as one piece without a switch; when a page is missing, it
 * is brought in and the copy begins again.
 *
 * XRSTOR faults in the kernel on a header or an MXCSR with reserved bits (Intel SDM vol. 1, 13.8),
 * so nothing from the program is loaded before both have been checked.
 */
#include "kernel/proc/signal/sigframe_fpu.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/sigframe.h"

#define FXSAVE_NBYTES      512
#define MXCSR_OFFSET       24
#define MXCSR_MASK_OFFSET  28
#define MXCSR_MASK_DEFAULT 0xffbfU /* Intel SDM vol. 1, 11.6.6: when the processor says 0 */
#define COPY_TRIES         8       /* pages may be taken away again by a process with our memory */

/* Behind the first 512 bytes of an XSAVE area (Intel SDM vol. 1, 13.4.2). */
struct xsave_header {
    uint64_t features; /* XSTATE_BV */
    uint64_t compact;  /* XCOMP_BV */
    uint64_t reserved[6];
};

_Static_assert(sizeof(struct xsave_header) == 64, "Intel SDM");

static uint8_t fresh[FPU_AREA_MAX] ALIGNED(64); /* I: what handlers start with */
static size_t frame_nbytes;                     /* I: of the area in a frame */

/* Behind an XSAVE area comes the word magic2, which shows that all of the area was copied. */
void sigframe_fpu_init(void)
{
    fpu_area_init(fresh);
    frame_nbytes = features.fpu_nbytes + (features.xsave ? sizeof(uint32_t) : 0);
}

static struct xsave_header *header_of(void *area)
{
    return (struct xsave_header *)((char *)area + FXSAVE_NBYTES);
}

/* After a read that failed: XSAVE leaves most of the header alone, so it would still hold what was
 * read when the next switch back to this thread gives it to XRSTOR. */
static void header_clear(void *area)
{
    memset(header_of(area), 0, sizeof(struct xsave_header));
}

size_t sigframe_fpu_nbytes(void)
{
    return frame_nbytes;
}

/* The registers as they are, in the form of a frame. */
static void area_take(char *area)
{
    size_t nbytes = features.fpu_nbytes;

    fpu_save(area);
    if (features.xsave) {
        struct lx_fp_sw *words = (struct lx_fp_sw *)(area + LX_FP_SW_OFFSET);
        uint32_t magic2 = LX_FP_XSTATE_MAGIC2;

        /* The object that holds the area has 16 bytes and more behind it (process.c). */
        ASSERT(nbytes + 64 <= FPU_AREA_MAX);
        memcpy(area + nbytes, &magic2, sizeof(magic2));
        *words = (struct lx_fp_sw){
            .magic1 = LX_FP_XSTATE_MAGIC1,
            .extended_nbytes = (uint32_t)nbytes + sizeof(magic2),
            .features = features.xcr0,
            .xstate_nbytes = (uint32_t)nbytes,
        };
        /* x87 and SSE have been written whether in use or not, and handlers read them. */
        header_of(area)->features |= XCR0_X87 | XCR0_SSE;
    }
}

/* In one go, as area_read: a switch to another thread in the middle would save what the copy itself
 * has in vector registers over what is still to be copied. */
int sigframe_fpu_push(struct task *self, uint64_t at)
{
    struct arch_thread *arch = &self->thread.arch;
    size_t nbytes = frame_nbytes;

    for (unsigned tries = 0; tries < COPY_TRIES; tries++) {
        int err;

        area_take(arch->fpu);
        arch->faults_disabled++;
        err = vm_user_write((struct uptr){at}, arch->fpu, nbytes);
        arch->faults_disabled--;
        if (likely(!err)) {
            fpu_restore(fresh);
            return 0;
        }
        /* Less than a page, so it lies in two at most: its ends bring in both. */
        if (vm_user_zero((struct uptr){at}, 1) || vm_user_zero((struct uptr){at + nbytes - 1}, 1))
            return -EFAULT;
    }
    return -EFAULT;
}

/* Into the task's own save area, in one go: a switch to another thread would save the registers
 * over it, so a page that is not there is brought in first, and then all is read again. */
static int area_read(struct task *self, uint64_t at, size_t nbytes)
{
    struct arch_thread *arch = &self->thread.arch;

    for (unsigned tries = 0; tries < COPY_TRIES; tries++) {
        uint8_t byte;
        int err;

        arch->faults_disabled++;
        err = vm_user_read(arch->fpu, (struct uptr){at}, nbytes);
        arch->faults_disabled--;
        if (!err)
            return 0;
        if (features.xsave)
            header_clear(arch->fpu);
        if (vm_user_read(&byte, (struct uptr){at}, 1) ||
            vm_user_read(&byte, (struct uptr){at + nbytes - 1}, 1))
            return -EFAULT;
    }
    return -EFAULT;
}

/* Bytes of the area that hold more than x87 and SSE; 0: just those. */
static size_t xstate_nbytes(uint64_t at, struct lx_fp_sw *words)
{
    uint32_t magic2;

    /* A program may give a shorter area than the kernel's, or one of FXSAVE alone; what is too long
     * or has no magic counts as the latter, as on Linux (check_xstate_in_sigframe). */
    if (words->magic1 != LX_FP_XSTATE_MAGIC1 ||
        words->xstate_nbytes < FXSAVE_NBYTES + sizeof(struct xsave_header) ||
        words->xstate_nbytes > features.fpu_nbytes || words->xstate_nbytes > words->extended_nbytes)
        return 0;
    if (vm_user_read(&magic2, (struct uptr){at + words->xstate_nbytes}, sizeof(magic2)) ||
        magic2 != LX_FP_XSTATE_MAGIC2)
        return 0;
    return words->xstate_nbytes;
}

static bool header_valid(const struct xsave_header *header)
{
    const uint64_t *words = header->reserved;
    uint64_t reserved = header->compact | words[0] | words[1] | words[2] | words[3] | words[4] |
                        words[5]; /* a loop would take three times as many instructions */

    return !reserved && !(header->features & ~features.xcr0);
}

/* Bits of MXCSR that exist; the same on every processor of a machine. */
static uint32_t mxcsr_mask(char *area)
{
    static uint32_t mask;

    if (unlikely(!mask)) {
        fpu_save(area);
        memcpy(&mask, area + MXCSR_MASK_OFFSET, sizeof(mask));
        if (!mask)
            mask = MXCSR_MASK_DEFAULT;
    }
    return mask;
}

/* The frame as sigframe_fpu_push leaves it, read in one go. False: it has another form, or some of
 * it is not there. */
static bool usual_read(struct task *self, uint64_t at, struct lx_fp_sw *words)
{
    struct arch_thread *arch = &self->thread.arch;
    char *area = arch->fpu;
    uint32_t magic2;
    int err;

    arch->faults_disabled++;
    err = vm_user_read(area, (struct uptr){at}, features.fpu_nbytes + sizeof(magic2));
    arch->faults_disabled--;
    memcpy(words, area + LX_FP_SW_OFFSET, offsetof(struct lx_fp_sw, xstate_nbytes) + 4);
    memcpy(&magic2, area + features.fpu_nbytes, sizeof(magic2));
    if (!err && words->magic1 == LX_FP_XSTATE_MAGIC1 && magic2 == LX_FP_XSTATE_MAGIC2 &&
        words->xstate_nbytes == features.fpu_nbytes &&
        words->extended_nbytes >= features.fpu_nbytes)
        return true;
    header_clear(area);
    return false;
}

/* Fills the save area; *nbytes of it are XSAVE's, 0: those of FXSAVE. */
static int area_fill(struct task *self, uint64_t at, struct lx_fp_sw *words, size_t *nbytes)
{
    *nbytes = 0;
    if (features.xsave) {
        *nbytes = features.fpu_nbytes;
        if (likely(usual_read(self, at, words)))
            return 0;
        if (vm_user_read(words, (struct uptr){at + LX_FP_SW_OFFSET}, sizeof(*words)))
            return -EFAULT;
        *nbytes = xstate_nbytes(at, words);
    }
    return area_read(self, at, *nbytes ? *nbytes : FXSAVE_NBYTES);
}

static int area_load(struct task *self, uint64_t at)
{
    char *area = self->thread.arch.fpu;
    struct xsave_header *header = header_of(area);
    uint32_t mxcsr_bits = mxcsr_mask(area);
    struct lx_fp_sw words;
    uint32_t mxcsr;
    size_t nbytes;

    if (!IS_ALIGNED(at, features.xsave ? 64 : 16) || area_fill(self, at, &words, &nbytes))
        return -EFAULT;
    memcpy(&mxcsr, area + MXCSR_OFFSET, sizeof(mxcsr));
    if ((mxcsr & ~mxcsr_bits) || (nbytes && !header_valid(header)))
        return -EFAULT; /* the processor would refuse it, as a fault in the kernel */
    /* State that the frame does not claim to hold is initialized by XRSTOR. */
    if (nbytes)
        header->features &= words.features;
    else if (features.xsave)
        *header = (struct xsave_header){.features = XCR0_X87 | XCR0_SSE};
    fpu_restore(area);
    return 0;
}

/* MXCSR's bits are known since the first signal or made known by the caller's own area. */
COLD int sigframe_fpu_set(struct task *task, const char *from, size_t nbytes)
{
    char *area = task->thread.arch.fpu;
    const uint32_t mxcsr_bits = mxcsr_mask(thread_current()->arch.fpu);
    struct xsave_header header = {.features = XCR0_X87 | XCR0_SSE};
    uint32_t mxcsr;

    memcpy(&mxcsr, from + MXCSR_OFFSET, sizeof(mxcsr));
    if (nbytes > FXSAVE_NBYTES)
        memcpy(&header, from + FXSAVE_NBYTES, sizeof(header));
    if ((mxcsr & ~mxcsr_bits) || !header_valid(&header))
        return -EINVAL;
    if (nbytes == FXSAVE_NBYTES && features.xsave) /* the rest stays as it is */
        header.features |= header_of(area)->features;
    memcpy(area, from, nbytes);
    if (features.xsave)
        *header_of(area) = header;
    return 0;
}

int sigframe_fpu_pop(struct task *self, uint64_t at)
{
    int err = at ? area_load(self, at) : -EFAULT;

    if (!err)
        return 0;
    /* What the read has left in the save area must not be loaded by a later switch. */
    fpu_area_init(self->thread.arch.fpu);
    fpu_restore(fresh);
    return at ? err : 0;
}
