/* SPDX-License-Identifier: MIT */
/* The shared object that the kernel lends: found as libc finds it, as right as the calls. */
#define _GNU_SOURCE
#include <elf.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define PAGE 4096UL
#define S    1000000000L

static struct {
    const char *base;
    size_t nbytes;
    const Elf64_Sym *symbols;
    const char *names;
    const uint32_t *hash, *gnu_hash;
    const Elf64_Half *versions;
    const Elf64_Verdef *definitions;
    const char *soname;
} vdso;

static int (*vdso_gettime)(clockid_t clock, struct timespec *time);
static int (*vdso_getres)(clockid_t clock, struct timespec *time);
static int (*vdso_gettimeofday)(struct timeval *time, void *zone);
static time_t (*vdso_time)(time_t *time);
static long (*vdso_getcpu)(unsigned *cpu, unsigned *node, void *unused);

static void tag_read(const Elf64_Dyn *tag, uint64_t *soname)
{
    const char *at = vdso.base + tag->d_un.d_ptr;

    switch (tag->d_tag) {
    case DT_SYMTAB:
        vdso.symbols = (const Elf64_Sym *)at;
        break;
    case DT_STRTAB:
        vdso.names = at;
        break;
    case DT_HASH:
        vdso.hash = (const uint32_t *)at;
        break;
    case DT_GNU_HASH:
        vdso.gnu_hash = (const uint32_t *)at;
        break;
    case DT_VERSYM:
        vdso.versions = (const Elf64_Half *)at;
        break;
    case DT_VERDEF:
        vdso.definitions = (const Elf64_Verdef *)at;
        break;
    case DT_SONAME:
        *soname = tag->d_un.d_val;
        break;
    default:
        break;
    }
}

static void vdso_open(void)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Phdr *segment;
    const Elf64_Dyn *tag = NULL;
    uint64_t soname = 0;

    CHECK(header != NULL);
    CHECK_EQ((uint64_t)header % PAGE, 0);
    CHECK(memcmp(header->e_ident, ELFMAG, SELFMAG) == 0);
    CHECK_EQ(header->e_type, ET_DYN);
    CHECK_EQ(header->e_machine, EM_X86_64);
    vdso.base = (const char *)header;
    segment = (const Elf64_Phdr *)(vdso.base + header->e_phoff);
    for (int i = 0; i < header->e_phnum; i++) {
        if (segment[i].p_type == PT_LOAD) {
            CHECK_EQ(segment[i].p_vaddr, 0);
            CHECK_EQ(segment[i].p_flags, PF_R | PF_X);
            vdso.nbytes = (segment[i].p_memsz + PAGE - 1) & -PAGE;
        }
        if (segment[i].p_type == PT_DYNAMIC)
            tag = (const Elf64_Dyn *)(vdso.base + segment[i].p_vaddr);
    }
    CHECK(tag != NULL && vdso.nbytes > 0);
    for (; tag->d_tag != DT_NULL; tag++)
        tag_read(tag, &soname);
    CHECK(vdso.symbols && vdso.names && (vdso.hash || vdso.gnu_hash));
    CHECK(vdso.versions && vdso.definitions);
    CHECK(strcmp(vdso.names + soname, "linux-vdso.so.1") == 0);
}

static const char *version_of(unsigned index)
{
    const Elf64_Verdef *definition = vdso.definitions;

    for (;;) {
        if ((definition->vd_ndx & 0x7fff) == index)
            return vdso.names +
                   ((const Elf64_Verdaux *)((const char *)definition + definition->vd_aux))
                       ->vda_name;
        CHECK(definition->vd_next != 0);
        definition = (const Elf64_Verdef *)((const char *)definition + definition->vd_next);
    }
}

static uint32_t sysv_hash(const char *name)
{
    uint32_t hash = 0, high;

    for (; *name; name++) {
        hash = (hash << 4) + (unsigned char)*name;
        high = hash & 0xf0000000;
        hash = (hash ^ high >> 24) & ~high;
    }
    return hash;
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;

    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* By either table: they must agree. 0: not there. */
static uint32_t find_sysv(const char *name)
{
    uint32_t i = vdso.hash[2 + sysv_hash(name) % vdso.hash[0]];

    while (i && strcmp(vdso.names + vdso.symbols[i].st_name, name) != 0)
        i = vdso.hash[2 + vdso.hash[0] + i];
    return i;
}

static uint32_t find_gnu(const char *name)
{
    const uint32_t *table = vdso.gnu_hash;
    const uint64_t *bloom = (const uint64_t *)(table + 4);
    const uint32_t *buckets = (const uint32_t *)(bloom + table[2]);
    const uint32_t *chains = buckets + table[0];
    uint32_t hash = gnu_hash(name), i = buckets[hash % table[0]];

    if (!i || !(bloom[hash / 64 % table[2]] >> hash % 64 &
                bloom[hash / 64 % table[2]] >> (hash >> table[3]) % 64 & 1))
        return 0;
    for (;; i++) {
        uint32_t other = chains[i - table[1]];

        if ((other | 1) == (hash | 1) && strcmp(vdso.names + vdso.symbols[i].st_name, name) == 0)
            return i;
        if (other & 1)
            return 0;
    }
}

static void *vdso_symbol(const char *name)
{
    uint32_t i = vdso.hash ? find_sysv(name) : find_gnu(name);

    if (vdso.hash && vdso.gnu_hash)
        CHECK_EQ(find_gnu(name), i);
    if (!i)
        return NULL;
    CHECK_EQ(ELF64_ST_TYPE(vdso.symbols[i].st_info), STT_FUNC);
    CHECK(strcmp(version_of(vdso.versions[i] & 0x7fff), "LINUX_2.6") == 0);
    return (void *)(vdso.base + vdso.symbols[i].st_value);
}

static void symbols_find(void)
{
    CHECK((vdso_gettime = vdso_symbol("__vdso_clock_gettime")) != NULL);
    CHECK((vdso_getres = vdso_symbol("__vdso_clock_getres")) != NULL);
    CHECK((vdso_gettimeofday = vdso_symbol("__vdso_gettimeofday")) != NULL);
    CHECK((vdso_time = vdso_symbol("__vdso_time")) != NULL);
    CHECK((vdso_getcpu = vdso_symbol("__vdso_getcpu")) != NULL);
    CHECK((void *)vdso_gettime == vdso_symbol("clock_gettime"));
    CHECK(vdso_symbol("gettimeofday") && vdso_symbol("time") && vdso_symbol("getcpu"));
    CHECK(vdso_symbol("__vdso_nothing") == NULL);
    CHECK(vdso_symbol("clock_settime") == NULL);
}

static long ns_of(const struct timespec *time)
{
    CHECK(time->tv_nsec >= 0 && time->tv_nsec < S);
    return time->tv_sec * S + time->tv_nsec;
}

static long by_call(int clock)
{
    struct timespec time;

    CHECK_EQ(raw2(SYS_clock_gettime, clock, &time), 0);
    return ns_of(&time);
}

static long by_vdso(int clock)
{
    struct timespec time;

    CHECK_EQ(vdso_gettime(clock, &time), 0);
    return ns_of(&time);
}

/* The call and the function tell one time, which never goes back from one to the other. */
static void check_clock(int clock)
{
    struct timespec a = {-1, -1}, b = {-2, -2};
    long last = by_call(clock), begin = last;

    for (int i = 0; i < 2000; i++) {
        long now = i & 1 ? by_call(clock) : by_vdso(clock);

        CHECK(now >= last);
        CHECK(now - last < 10 * S);
        last = now;
    }
    CHECK(last - begin < 60 * S);
    CHECK_EQ(raw2(SYS_clock_getres, clock, &a), 0);
    CHECK_EQ(vdso_getres(clock, &b), 0);
    CHECK_EQ(ns_of(&b), ns_of(&a));
    CHECK_EQ(vdso_getres(clock, NULL), 0);
}

static void check_clocks(void)
{
    static const int clocks[] = {
        CLOCK_REALTIME,           CLOCK_MONOTONIC,         CLOCK_MONOTONIC_RAW,
        CLOCK_REALTIME_COARSE,    CLOCK_MONOTONIC_COARSE,  CLOCK_BOOTTIME,
        CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_TAI};
    static const int none[] = {-1, 12, 31, 32, 33, 99, 1 << 30};
    struct timespec time;

    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
        check_clock(clocks[i]);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        CHECK_EQ(vdso_gettime(none[i], &time), raw2(SYS_clock_gettime, none[i], &time));
        CHECK_EQ(vdso_getres(none[i], &time), raw2(SYS_clock_getres, none[i], &time));
    }
    CHECK(by_vdso(CLOCK_MONOTONIC) < by_vdso(CLOCK_MONOTONIC));
}

static void check_time_of_day(void)
{
    struct timeval a, b, c;
    struct timespec tick; /* time() is as old as the last tick, and so is this clock */
    int zone[2] = {7, 7};
    time_t seconds = 5;

    CHECK_EQ(raw2(SYS_gettimeofday, &a, NULL), 0);
    CHECK_EQ(vdso_gettimeofday(&b, zone), 0);
    CHECK_EQ(raw2(SYS_gettimeofday, &c, NULL), 0);
    CHECK(b.tv_usec >= 0 && b.tv_usec < 1000000);
    CHECK(!timercmp(&b, &a, <) && !timercmp(&c, &b, <));
    CHECK(zone[0] == 0 && zone[1] == 0);
    CHECK_EQ(vdso_gettimeofday(NULL, NULL), 0);
    CHECK_EQ(vdso_gettimeofday(NULL, zone), 0);
    CHECK_EQ(raw2(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &tick), 0);
    CHECK(vdso_time(&seconds) >= tick.tv_sec);
    CHECK(seconds >= tick.tv_sec && seconds <= a.tv_sec + 60);
    CHECK(vdso_time(NULL) >= seconds);
}

/* On each processor that may run this: where it is, and that time goes on from the last. */
static void check_processors(void)
{
    long last = by_vdso(CLOCK_MONOTONIC);
    cpu_set_t all, one;
    unsigned cpu, node, want;

    CHECK(raw3(SYS_sched_getaffinity, 0, sizeof(all), &all) > 0);
    for (int round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 64; i++) {
            if (!CPU_ISSET(i, &all))
                continue;
            CPU_ZERO(&one);
            CPU_SET(i, &one);
            CHECK_EQ(raw3(SYS_sched_setaffinity, 0, 8, &one), 0);
            cpu = node = 99;
            CHECK_EQ(vdso_getcpu(&cpu, &node, NULL), 0);
            CHECK_EQ(cpu, i);
            CHECK_EQ(raw3(SYS_getcpu, &cpu, &want, NULL), 0);
            CHECK(cpu == i && node == want);
            CHECK(by_vdso(CLOCK_MONOTONIC) >= last);
            last = by_call(CLOCK_MONOTONIC);
        }
    }
    CHECK_EQ(raw3(SYS_sched_setaffinity, 0, 8, &all), 0);
    CHECK_EQ(vdso_getcpu(NULL, NULL, NULL), 0);
}

/* Four processes tell each other the time: none has ever heard of a later one than its own. */
static void check_together(void)
{
    long *latest = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long end = by_call(CLOCK_MONOTONIC) + S / 3;
    int status;

    CHECK(latest != MAP_FAILED);
    for (int i = 0; i < 4; i++) {
        if (CHECK_OK(fork()) != 0)
            continue;
        for (long n = 0, now = 0; now < end; n++) {
            long seen = __atomic_load_n(latest, __ATOMIC_ACQUIRE);

            now = (n + i) % 8 ? by_vdso(CLOCK_MONOTONIC) : by_call(CLOCK_MONOTONIC);
            CHECK(now >= seen);
            while (seen < now && !__atomic_compare_exchange_n(latest, &seen, now, 0,
                                                              __ATOMIC_RELEASE, __ATOMIC_RELAXED))
                ;
        }
        _exit(0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(wait(&status) > 0);
        CHECK_EQ(status, 0);
    }
    CHECK_OK(munmap(latest, PAGE));
}

/* What the program does with the mapping is its own affair, and nobody else's. */
static void store(void)
{
    *(volatile char *)vdso.base = 1;
}

static void copy_and_store(void)
{
    CHECK_EQ(raw3(SYS_mprotect, vdso.base, vdso.nbytes, PROT_READ | PROT_WRITE), 0);
    memset((char *)vdso.base, 0, 64);
    CHECK_EQ(vdso.base[0], 0);
}

static void unmap(void)
{
    CHECK_EQ(raw2(SYS_munmap, vdso.base, vdso.nbytes), 0);
    CHECK(by_call(CLOCK_MONOTONIC) > 0);
    CHECK_EQ(child_status(store), SIGSEGV);
    execl("/proc/self/exe", "vdso", "again", NULL);
    execl("/bin/t/vdso", "vdso", "again", NULL);
    _exit(1);
}

static void move(void)
{
    char *to = mmap(NULL, vdso.nbytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char before[64];

    memcpy(before, vdso.base, sizeof(before));
    CHECK(to != MAP_FAILED);
    CHECK_EQ(
        raw6(SYS_mremap, vdso.base, vdso.nbytes, vdso.nbytes, MREMAP_MAYMOVE | MREMAP_FIXED, to, 0),
        to);
    CHECK(memcmp(before, to, sizeof(before)) == 0);
    CHECK_EQ(child_status(store), SIGSEGV);
}

int main(int argc, char **argv)
{
    (void)argv;
    vdso_open();
    symbols_find();
    check_clocks();
    if (argc > 1)
        return 0; /* exec has placed it anew */
    check_time_of_day();
    check_processors();
    check_together();
    CHECK_EQ(child_status(check_clocks), 0);
    CHECK_EQ(child_status(store), SIGSEGV);
    CHECK_EQ(child_status(copy_and_store), 0);
    CHECK_EQ(child_status(unmap), 0);
    CHECK_EQ(child_status(move), 0);
    check_clocks();
    return 0;
}
