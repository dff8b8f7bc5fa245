/* SPDX-License-Identifier: MIT */
#include "kernel/proc/sigframe_fpu.h"

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
#define READ_TRIES         8       /* pages may be taken away again by a process with our memory */

/* Behind the first 512 bytes of an XSAVE area (Intel SDM vol. 1, 13.4.2). */
struct xsave_header {
    uint64_t features; /* XSTATE_BV */
    uint64_t compact;  /* XCOMP_BV */
    uint64_t reserved[6];
};

_Static_assert(sizeof(struct xsave_header) == 64, "Intel SDM");

static uint8_t fresh[FPU_AREA_MAX] ALIGNED(64);
static bool fresh_ready;

/* Threads that come here at once write the same bytes. */
static void fresh_load(void)
{
    if (!__atomic_load_n(&fresh_ready, __ATOMIC_ACQUIRE)) {
        fpu_area_init(fresh);
        __atomic_store_n(&fresh_ready, true, __ATOMIC_RELEASE);
    }
    fpu_restore(fresh);
}

static struct xsave_header *header_of(void *area)
{
    return (struct xsave_header *)((char *)area + FXSAVE_NBYTES);
}

size_t sigframe_fpu_nbytes(void)
{
    return features.fpu_nbytes + (features.xsave ? sizeof(uint32_t) : 0);
}

int sigframe_fpu_push(struct task *self, uint64_t at)
{
    char *area = self->thread.arch.fpu;
    size_t nbytes = features.fpu_nbytes;

    fpu_save(area);
    if (features.xsave) {
        struct lx_fp_sw words = {
            .magic1 = LX_FP_XSTATE_MAGIC1,
            .extended_nbytes = features.fpu_nbytes + 4,
            .features = features.xcr0,
            .xstate_nbytes = features.fpu_nbytes,
        };
        uint32_t magic2 = LX_FP_XSTATE_MAGIC2;

        memcpy(area + LX_FP_SW_OFFSET, &words, sizeof(words));
        /* x87 and SSE have been written whether in use or not, and handlers read them. */
        header_of(area)->features |= XCR0_X87 | XCR0_SSE;
        if (vm_user_write((struct uptr){at + nbytes}, &magic2, sizeof(magic2)))
            return -EFAULT;
    }
    if (vm_user_write((struct uptr){at}, area, nbytes))
        return -EFAULT;
    fresh_load();
    return 0;
}

/* Into the task's own save area, in one go: a switch to another thread would save the registers
 * over it, so a page that is not there is brought in first, and then all is read again. */
static int area_read(struct task *self, uint64_t at, size_t nbytes)
{
    struct arch_thread *arch = &self->thread.arch;

    for (unsigned tries = 0; tries < READ_TRIES; tries++) {
        uint8_t byte;
        int err;

        arch->faults_disabled++;
        err = vm_user_read(arch->fpu, (struct uptr){at}, nbytes);
        arch->faults_disabled--;
        if (!err)
            return 0;
        /* XSAVE leaves most of the header alone, and XRSTOR would refuse what is in it now. */
        if (features.xsave)
            memset(header_of(arch->fpu), 0, sizeof(struct xsave_header));
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

    if (words->magic1 != LX_FP_XSTATE_MAGIC1 ||
        words->xstate_nbytes < FXSAVE_NBYTES + sizeof(struct xsave_header) ||
        words->xstate_nbytes > features.fpu_nbytes || words->xstate_nbytes > words->extended_nbytes)
        return 0;
    if (vm_user_read(&magic2, (struct uptr){at + words->xstate_nbytes}, sizeof(magic2)) ||
        magic2 != LX_FP_XSTATE_MAGIC2)
        return 0;
    return words->xstate_nbytes;
}

/* The processor would refuse these, as a fault in the kernel. */
static bool refused(const char *area, uint32_t mxcsr_mask)
{
    uint32_t mxcsr;

    memcpy(&mxcsr, area + MXCSR_OFFSET, sizeof(mxcsr));
    return (mxcsr & ~mxcsr_mask) != 0;
}

static bool header_valid(const struct xsave_header *header)
{
    uint64_t reserved = header->compact;

    for (unsigned i = 0; i < ARRAY_SIZE(header->reserved); i++)
        reserved |= header->reserved[i];
    return !reserved && !(header->features & ~features.xcr0);
}

static uint32_t mxcsr_mask_read(const char *area)
{
    uint32_t mask;

    memcpy(&mask, area + MXCSR_MASK_OFFSET, sizeof(mask));
    return mask ? mask : MXCSR_MASK_DEFAULT;
}

static int area_load(struct task *self, uint64_t at)
{
    char *area = self->thread.arch.fpu;
    struct xsave_header *header = header_of(area);
    struct lx_fp_sw words;
    uint32_t mxcsr_mask;
    size_t nbytes = 0;

    if (!IS_ALIGNED(at, features.xsave ? 64 : 16))
        return -EFAULT;
    fpu_save(area); /* for the mask, which ring 3 cannot change there */
    mxcsr_mask = mxcsr_mask_read(area);
    if (features.xsave) {
        if (vm_user_read(&words, (struct uptr){at + LX_FP_SW_OFFSET}, sizeof(words)))
            return -EFAULT;
        nbytes = xstate_nbytes(at, &words);
    }
    if (area_read(self, at, nbytes ? nbytes : FXSAVE_NBYTES))
        return -EFAULT;
    if (refused(area, mxcsr_mask) || (nbytes && !header_valid(header)))
        return -EFAULT;
    if (nbytes)
        header->features &= words.features;
    else if (features.xsave)
        *header = (struct xsave_header){.features = XCR0_X87 | XCR0_SSE};
    fpu_restore(area);
    return 0;
}

int sigframe_fpu_pop(struct task *self, uint64_t at)
{
    int err = at ? area_load(self, at) : -EFAULT;

    if (!err)
        return 0;
    /* What the read has left in the save area must not be loaded by a later switch. */
    fpu_area_init(self->thread.arch.fpu);
    fresh_load();
    return at ? err : 0;
}
