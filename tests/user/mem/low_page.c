/* SPDX-License-Identifier: MIT */
/* low_page: memory at address 0, which takes CAP_SYS_RAWIO, and is memory like any other. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "tests/user/lib/capability.h"
#include "tests/user/lib/child.h"

#define PAGE  4096L
#define FIXED (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define RW    (PROT_READ | PROT_WRITE)

static long map_low(long address, long flags)
{
    return raw6(SYS_mmap, address, PAGE, RW, flags, -1, 0);
}

/* Out of reach of what the compiler thinks of null pointers. */
static char *at(long address)
{
    char *p;

    __asm__("" : "=r"(p) : "0"(address));
    return p;
}

/* The kernel's accesses by a null pointer fail or not as any other's. */
static void used_by_the_kernel(void)
{
    int fds[2];

    CHECK_OK(pipe(fds));
    CHECK_EQ(raw3(SYS_write, fds[1], 0, 4), -EFAULT);
    CHECK_EQ(map_low(0, FIXED), 0);
    memcpy(at(0), "null", 5);
    CHECK_EQ(raw3(SYS_write, fds[1], 0, 4), 4);
    memset(at(0), 0, 8);
    CHECK_EQ(raw3(SYS_read, fds[0], 0, 4), 4);
    CHECK_EQ(memcmp(at(0), "null", 5), 0);
    CHECK_EQ(raw2(SYS_access, 0, 0), -ENOENT);
    CHECK(raw2(SYS_getcwd, 0, PAGE) > 0);
    CHECK_EQ(*at(0), '/');
    CHECK_EQ(raw2(SYS_clock_gettime, 1, 16), 0);
    CHECK_OK(mprotect(at(0), PAGE, PROT_READ));
    CHECK_EQ(raw3(SYS_read, fds[0], 0, 0), 0);
    CHECK_EQ(raw2(SYS_clock_gettime, 1, 0), -EFAULT);
    CHECK_OK(munmap(at(0), PAGE));
    CHECK_EQ(raw3(SYS_write, fds[1], 0, 4), -EFAULT);
    close(fds[0]);
    close(fds[1]);
}

static void read_zero(void)
{
    CHECK_EQ(*at(0), 'x');
    *at(0) = 'y';
}

/* Nothing that has no address of its own comes near it. */
static void places(void)
{
    char *page;

    CHECK_EQ(map_low(0, FIXED), 0);
    *at(0) = 'x';
    CHECK_EQ(child_status(read_zero), 0);
    CHECK_EQ(*at(0), 'x');
    CHECK(map_low(0, MAP_PRIVATE | MAP_ANONYMOUS) > 65536);
    CHECK_EQ(map_low(0, FIXED | MAP_FIXED_NOREPLACE), -EEXIST);
    CHECK_EQ(map_low(PAGE, FIXED), PAGE);
    page = mremap(at(0), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(2 * PAGE));
    CHECK_EQ(page, 2 * PAGE);
    CHECK_EQ(*page, 'x');
    page = mremap(page, PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    CHECK(page == at(2 * PAGE) || page > at(65536));
    CHECK_EQ(*page, 'x');
    CHECK_OK(munmap(page, 64 * PAGE));
    CHECK_OK(munmap(at(PAGE), PAGE));
}

/* It takes that right alone, at the time of the call. */
static void rights(void)
{
    const unsigned long rawio = BIT(LX_CAP_SYS_RAWIO);
    char *page = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int id = (int)CHECK_OK(shmget(IPC_PRIVATE, (size_t)PAGE, 0600));

    CHECK_EQ(raw3(SYS_shmat, id, 1, SHM_RND), 0);
    CHECK_EQ(raw1(SYS_shmdt, 0), 0);
    CHECK_EQ(sets_set(rawio, rawio, 0), 0);
    CHECK_EQ(map_low(0, FIXED), 0);
    *at(0) = 'z';
    CHECK_EQ(sets_set(0, rawio, 0), 0);
    CHECK_EQ(*at(0), 'z');
    CHECK_EQ(map_low(0, FIXED), -EPERM);
    CHECK_EQ(raw6(SYS_mremap, page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0, 0), -EPERM);
    CHECK_OK(munmap(at(0), PAGE));
    CHECK_EQ(map_low(0, FIXED | MAP_FIXED_NOREPLACE), -EPERM);
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

int main(void)
{
    used_by_the_kernel();
    places();
    CHECK_EQ(child_status(rights), 0);
    return 0;
}
