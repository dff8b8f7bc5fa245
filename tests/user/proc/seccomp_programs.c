/* SPDX-License-Identifier: MIT */
/* seccomp_programs [FIRST COUNT]: BPF programs, by hand and at random: the kernel takes those that
 * lib/bpf.c takes, and they return what that says. On Linux this is a test of lib/bpf.c, on
 * Firstlight of what is around it.
 *
 * A program is put between two parts that make it harmless: other calls than the one that is tried
 * are allowed, and of what it returns 12 bits become an errno. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/lib/bpf.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/seccomp.h"

#define INSNS_MAX 40

static struct lx_sock_filter insns[INSNS_MAX];
static unsigned count;
static uint64_t state;

static uint32_t draw(void)
{
    state = state * 6364136223846793005ul + 1442695040888963407ul;
    return (uint32_t)(state >> 33);
}

static void add(uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
    insns[count++] = (struct lx_sock_filter){code, jt, jf, k};
}

/* A returning instruction becomes a jump to the part that makes an errno of A. */
static void wrap_begin(void)
{
    count = 0;
    add(0x20, 0, 0, 0);
    add(0x15, 1, 0, TRIED);
    add(0x06, 0, 0, LX_SECCOMP_RET_ALLOW);
    add(0x00, 0, 0, 0);
}

static void wrap_end(void)
{
    add(0x54, 0, 0, 0xfff);
    add(0x44, 0, 0, LX_SECCOMP_RET_ERRNO);
    add(0x16, 0, 0, 0);
}

/* Args of the call that is tried. */
static const uint64_t args[6] = {0x123456789abcdef0, 2,  0xffffffff00000000,
                                 0x8000000080000000, 31, 0x7fffffff};

/* RIP is the kernel's to know, so no program that is tried reads it. */
static uint32_t model_run(void)
{
    struct lx_seccomp_data data = {.number = TRIED, .arch = 0xc000003e};

    memcpy(data.args, args, sizeof(args));
    return bpf_run(insns, &data);
}

/* Ends with 1 where the program was taken. */
static void child_tries(void)
{
    uint16_t scratch[INSNS_MAX];
    bool good = bpf_check(insns, count, scratch);
    long set, got;
    uint32_t want;

    forgo_rights();
    set = filter_set(insns, count, 0);
    CHECK_EQ(set, good ? 0 : -EINVAL);
    if (!good)
        _exit(0);
    want = model_run();
    if (want && (want & LX_SECCOMP_RET_ACTION_FULL) != LX_SECCOMP_RET_ERRNO)
        _exit(1); /* a return of its own, that may mean anything */
    got = raw6(TRIED, args[0], args[1], args[2], args[3], args[4], args[5]);
    /* A division by X that is 0 ends the program by 0, which ends the task. */
    CHECK_EQ(-got, MIN(want & 0xffff, 4095));
    _exit(1);
}

static unsigned accepted, killed;

static void program_try(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    int status;

    if (pid == 0)
        child_tries();
    status = child_end(pid);
    if (status == SIGSYS) {
        uint16_t scratch[INSNS_MAX];

        CHECK(bpf_check(insns, count, scratch));
        CHECK_EQ(model_run(), 0);
        killed++;
    } else if (status == 1 << 8) {
        accepted++;
    } else {
        CHECK_EQ(status, 0);
    }
}

/* ---- at random ---- */

static const uint8_t codes[] = {
    0x00, 0x20, 0x60, 0x80, 0x01, 0x61, 0x81, 0x02, 0x03, 0x04, 0x0c, 0x14, 0x1c,
    0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0x84,
    0xa4, 0xac, 0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d, 0x07, 0x87,
};

static uint32_t draw_constant(void)
{
    static const uint32_t special[] = {0, 1, 2, 31, 32, 0x7fffffff, 0x80000000, 0xffffffff, TRIED};

    return draw() % 2 ? special[draw() % (sizeof(special) / sizeof(special[0]))] : draw();
}

/* Mostly right; `wild`: as it comes. */
static void draw_insn(unsigned left, bool wild)
{
    uint16_t code = codes[draw() % sizeof(codes)];
    uint8_t jt = (uint8_t)(draw() % (left + wild)), jf = (uint8_t)(draw() % (left + wild));
    uint32_t k = draw_constant();

    if (wild && draw() % 20 == 0)
        code = (uint16_t)(draw() % 300);
    switch (code) {
    case 0x20: /* not the address, which the model does not know */
        k = draw() % 2 * 4 + draw() % 2 * 16;
        k = k == 20 || k == 16 ? 16 + draw() % 12 * 4 : k;
        if (wild)
            k += draw() % 30 == 0 ? draw() % 80 : 0;
        if (k >= 8 && k < 16)
            k = 16;
        break;
    case 0x02:
    case 0x03:
    case 0x60:
    case 0x61:
        k = draw() % (wild ? 18 : 3);
        break;
    case 0x05:
        k = draw() % (left + wild);
        break;
    case 0x64:
    case 0x74:
        k %= wild ? 34 : 32;
        break;
    case 0x34:
        k += !wild && !k;
        break;
    }
    add(code, jt, jf, k);
}

static void check_random(uint64_t seed)
{
    unsigned length;
    bool wild;

    state = seed * 0x9e3779b97f4a7c15ul + 1;
    wild = draw() % 3 == 0;
    length = 1 + draw() % 30;
    wrap_begin();
    if (!wild)
        for (unsigned i = 0; i < 3; i++) /* or most would be refused for these */
            add(draw() % 2 ? 0x02 : 0x03, 0, 0, i);
    for (unsigned i = 0; i < length && count < INSNS_MAX - 4; i++)
        draw_insn(length - i, wild);
    wrap_end();
    program_try();
}

/* ---- by hand ---- */

#define ALLOW RETURN(LX_SECCOMP_RET_ALLOW)

static const struct {
    struct lx_sock_filter insns[8];
    unsigned count;
    bool good;
} cases[] = {
    {{ALLOW}, 1, true},
    {{RETURN_A}, 1, true},
    {{{0x0e, 0, 0, 0}}, 1, false}, /* return X */
    {{LOAD(0)}, 1, false},         /* no end */
    {{ALLOW, LOAD(0)}, 2, false},  /* likewise */
    {{LOAD(64), ALLOW}, 2, false},
    {{LOAD(60), ALLOW}, 2, true},
    {{LOAD(1), ALLOW}, 2, false},
    {{LOAD(0xfffff000), ALLOW}, 2, false}, /* ancillary data */
    {{{0x28, 0, 0, 0}, ALLOW}, 2, false},  /* half words and bytes */
    {{{0x30, 0, 0, 0}, ALLOW}, 2, false},
    {{{0x40, 0, 0, 0}, ALLOW}, 2, false}, /* at X */
    {{{0xb1, 0, 0, 0}, ALLOW}, 2, false}, /* header length */
    {{{0x94, 0, 0, 3}, ALLOW}, 2, false}, /* remainders */
    {{{0x9c, 0, 0, 3}, ALLOW}, 2, false},
    {{{0x34, 0, 0, 0}, ALLOW}, 2, false}, /* by 0 */
    {{{0x3c, 0, 0, 0}, ALLOW}, 2, true},
    {{{0x64, 0, 0, 31}, ALLOW}, 2, true},
    {{{0x64, 0, 0, 32}, ALLOW}, 2, false},
    {{{0x74, 0, 0, 32}, ALLOW}, 2, false},
    {{{0x60, 0, 0, 0}, ALLOW}, 2, false}, /* never written */
    {{{0x02, 0, 0, 15}, {0x61, 0, 0, 15}, ALLOW}, 3, true},
    {{{0x02, 0, 0, 16}, ALLOW}, 2, false},
    {{{0x03, 0, 0, 0xffffffff}, ALLOW}, 2, false},
    /* Written on one way only, on both, and behind a return. */
    {{{0x15, 0, 1, 0}, {0x02, 0, 0, 3}, {0x60, 0, 0, 3}, ALLOW}, 4, false},
    {{{0x15, 0, 2, 0}, {0x02, 0, 0, 3}, {0x05, 0, 0, 1}, {0x03, 0, 0, 3}, {0x60, 0, 0, 3}, ALLOW},
     6,
     true},
    {{ALLOW, {0x60, 0, 0, 3}, ALLOW}, 3, false},
    {{{0x05, 0, 0, 1}, {0x60, 0, 0, 3}, ALLOW}, 3, true}, /* not reached */
    {{{0x05, 0, 0, 0}, ALLOW}, 2, true},
    {{{0x05, 0, 0, 1}, ALLOW}, 2, false},
    {{{0x05, 0, 0, 0xffffffff}, ALLOW}, 2, false},
    {{{0x05, 0, 0, 0xfffffffe}, ALLOW}, 2, false},
    {{{0x15, 0, 1, 0}, ALLOW}, 2, false},
    {{{0x15, 1, 0, 0}, ALLOW}, 2, false},
    {{{0x15, 255, 255, 0}, ALLOW}, 2, false},
    {{{0x8c, 0, 0, 0}, ALLOW}, 2, false}, /* a negation by X */
    {{{0x120, 0, 0, 0}, ALLOW}, 2, false},
    {{{0xffff, 0, 0, 0}, ALLOW}, 2, false},
};

static unsigned chosen;

static void child_takes_case(void)
{
    uint16_t scratch[8];

    CHECK_EQ(bpf_check(cases[chosen].insns, cases[chosen].count, scratch), cases[chosen].good);
    forgo_rights();
    CHECK_EQ(filter_set(cases[chosen].insns, cases[chosen].count, 0),
             cases[chosen].good ? 0 : -EINVAL);
}

/* Whether its end is allowed. */
static bool case_ends(void)
{
    const struct lx_seccomp_data data = {.number = SYS_exit_group};

    return !cases[chosen].good || bpf_run(cases[chosen].insns, &data) == LX_SECCOMP_RET_ALLOW;
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 2 ? strtoul(argv[1], NULL, 0) : 1;
    uint64_t number = argc > 2 ? strtoul(argv[2], NULL, 0) : 300;

    for (chosen = 0; chosen < sizeof(cases) / sizeof(cases[0]); chosen++)
        CHECK_EQ(child_status(child_takes_case), case_ends() ? 0 : SIGSYS);
    for (uint64_t seed = first; seed < first + number; seed++)
        check_random(seed);
    CHECK(number < 100 || (accepted > number / 3 && killed));
    return 0;
}
