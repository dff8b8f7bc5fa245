/* SPDX-License-Identifier: MIT */
/*
 * Large reads and writes: every byte arrives, up to the very fault, and vector registers are what
 * they were. Kernels may copy with the same registers; so sizes and places vary around powers of
 * two, and what lies behind the buffer is not there.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE      4096
#define NBYTES    (8 * PAGE)
#define REGISTERS 8
#define WIDTH     32

#define EACH(instruction) ".irp n, 0, 1, 2, 3, 4, 5, 6, 7\n" instruction "\n.endr\n"
#define VECTORS           "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7"

static char pattern[NBYTES];
static char *window; /* NBYTES that are there, then a page that is not */
static int file;

static int open_file(void)
{
    int fd = (int)CHECK_OK(open("/tmp/copy_wide", O_RDWR | O_CREAT | O_TRUNC, 0600));

    CHECK_OK(unlink("/tmp/copy_wide"));
    return fd;
}

/* A read with known values in YMM0 to YMM7, or XMM0 to XMM7 without AVX. */
static long read_with_canaries(void *to, size_t nbytes, off_t offset)
{
    static char before[REGISTERS * WIDTH], after[REGISTERS * WIDTH];
    register long r10 __asm__("r10") = offset;
    long result = SYS_pread64;

    memcpy(before, pattern + 100, sizeof(before));
    memcpy(after, before, sizeof(after));
    if (__builtin_cpu_supports("avx"))
        __asm__ volatile(EACH("vmovdqu 32 * \\n(%1), %%ymm\\n") "syscall\n" EACH(
                             "vmovdqu %%ymm\\n, 32 * \\n(%2)") "vzeroupper"
                         : "+a"(result)
                         : "b"(before), "r"(after), "D"(file), "S"(to), "d"(nbytes), "r"(r10)
                         : "rcx", "r11", "memory", VECTORS);
    else
        __asm__ volatile(
            EACH("movdqu 32 * \\n(%1), %%xmm\\n") "syscall\n" EACH("movdqu %%xmm\\n, 32 * \\n(%2)")
            : "+a"(result)
            : "b"(before), "r"(after), "D"(file), "S"(to), "d"(nbytes), "r"(r10)
            : "rcx", "r11", "memory", VECTORS);
    CHECK(memcmp(before, after, sizeof(before)) == 0);
    return result;
}

/* The buffer ends where memory does, or `over` bytes behind it. */
static void check_read(size_t nbytes, size_t offset, size_t over)
{
    char *to = window + NBYTES - nbytes + over;
    size_t there = nbytes - over;

    /* Present or not yet touched: both in turn. */
    CHECK_OK(madvise(window, NBYTES, MADV_DONTNEED));
    if (offset % 2)
        memset(window, 1, NBYTES);
    CHECK_EQ(read_with_canaries(to, nbytes, (off_t)offset), there);
    CHECK(memcmp(to, pattern + offset, there) == 0);
    CHECK(to == window || to[-1] == (offset % 2 ? 1 : 0));
}

static void check_write(size_t nbytes, size_t offset)
{
    char *from = window + NBYTES - nbytes;
    char back[64];
    int copy = open_file();

    memcpy(from, pattern + offset, nbytes);
    CHECK_EQ(pwrite(copy, from, nbytes, (off_t)offset), nbytes);
    CHECK_EQ(pread(copy, back, sizeof(back), (off_t)(offset + nbytes - sizeof(back))),
             sizeof(back));
    CHECK(memcmp(back, pattern + offset + nbytes - sizeof(back), sizeof(back)) == 0);
    close(copy);
}

int main(void)
{
    static const size_t sizes[] = {511, 512, 513, 639, 640, 1000, 4095, 4096, 4097, 9001};

    for (size_t i = 0; i < NBYTES; i++)
        pattern[i] = (char)(i * 7 + i / 251);
    window = mmap(NULL, NBYTES + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(window != MAP_FAILED);
    CHECK_OK(mprotect(window + NBYTES, PAGE, PROT_NONE));
    file = open_file();
    CHECK_EQ(write(file, pattern, NBYTES), NBYTES);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (size_t offset = 0; offset < 4; offset++) {
            check_read(sizes[i], offset * 1001, 0);
            check_write(sizes[i], offset * 1001);
            for (size_t over = 1; over < 300; over += 37)
                check_read(sizes[i], offset * 1001, over);
        }
    return 0;
}
