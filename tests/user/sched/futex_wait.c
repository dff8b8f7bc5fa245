/* SPDX-License-Identifier: MIT */
/* futex between processes and alone: values, time-outs, wake-ups, requeue, what it refuses. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/linux/futex.h"
#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

#define PAGE   4096UL
#define PRIV   LX_FUTEX_PRIVATE_FLAG
#define ROUNDS 2000

static uint32_t *words; /* shared by all processes here */

static long futex(uint32_t *word, int operation, uint32_t value, const void *timeout,
                  uint32_t *word2, uint32_t value3)
{
    return raw6(SYS_futex, word, operation, value, timeout, word2, value3);
}

static void end_of(pid_t pid)
{
    int status = -1;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* It did not end by itself. */
static void killed(pid_t pid)
{
    int status = -1;

    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, SIGKILL);
}

static struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec time;

    CHECK_OK(clock_gettime(clock, &time));
    time.tv_nsec += ms * 1000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

static long passed_ms(struct timespec since)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return (now.tv_sec - since.tv_sec) * 1000 + (now.tv_nsec - since.tv_nsec) / 1000000;
}

static void check_values(uint32_t *word, int flag)
{
    struct timespec soon = {0, 1000000};

    *word = 5;
    CHECK_EQ(futex(word, LX_FUTEX_WAIT | flag, 4, NULL, NULL, 0), -EAGAIN);
    CHECK_EQ(futex(word, LX_FUTEX_WAIT | flag, 5, &soon, NULL, 0), -ETIMEDOUT);
    CHECK_EQ(futex(word, LX_FUTEX_WAIT_BITSET | flag, 4, NULL, NULL, 1), -EAGAIN);
    CHECK_EQ(futex(word, LX_FUTEX_WAKE | flag, 1, NULL, NULL, 0), 0);
    CHECK_EQ(futex(word, LX_FUTEX_WAKE_BITSET | flag, 1, NULL, NULL, 1), 0);
}

static void check_timeouts(uint32_t *word)
{
    struct timespec start = in_ms(CLOCK_MONOTONIC, 0), time = {0, 30000000};

    *word = 1;
    CHECK_EQ(futex(word, LX_FUTEX_WAIT, 1, &time, NULL, 0), -ETIMEDOUT);
    CHECK(passed_ms(start) >= 30);
    start = in_ms(CLOCK_MONOTONIC, 0);
    time = in_ms(CLOCK_MONOTONIC, 30);
    CHECK_EQ(futex(word, LX_FUTEX_WAIT_BITSET, 1, &time, NULL, ~0u), -ETIMEDOUT);
    CHECK(passed_ms(start) >= 30);
    start = in_ms(CLOCK_MONOTONIC, 0);
    time = in_ms(CLOCK_REALTIME, 30);
    CHECK_EQ(futex(word, LX_FUTEX_WAIT_BITSET | LX_FUTEX_CLOCK_REALTIME, 1, &time, NULL, ~0u),
             -ETIMEDOUT);
    CHECK(passed_ms(start) >= 29);
    /* Over already. */
    time = (struct timespec){1, 0};
    CHECK_EQ(futex(word, LX_FUTEX_WAIT_BITSET, 1, &time, NULL, ~0u), -ETIMEDOUT);
    time = (struct timespec){0, 0};
    CHECK_EQ(futex(word, LX_FUTEX_WAIT, 1, &time, NULL, 0), -ETIMEDOUT);
    time = (struct timespec){0, 1000000000};
    CHECK_EQ(futex(word, LX_FUTEX_WAIT, 1, &time, NULL, 0), -EINVAL);
    time = (struct timespec){-1, 0};
    CHECK_EQ(futex(word, LX_FUTEX_WAIT, 1, &time, NULL, 0), -EINVAL);
}

static void check_refused(uint32_t *word)
{
    uint32_t *odd = (uint32_t *)((char *)word + 1), *kernel = (uint32_t *)0xffff800000000000;
    uint32_t *hole = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK_OK(munmap(hole, PAGE));
    CHECK_EQ(futex(odd, LX_FUTEX_WAIT, 0, NULL, NULL, 0), -EINVAL);
    CHECK_EQ(futex(odd, LX_FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
    CHECK_EQ(futex(kernel, LX_FUTEX_WAIT, 0, NULL, NULL, 0), -EFAULT);
    CHECK_EQ(futex(kernel, LX_FUTEX_WAKE, 1, NULL, NULL, 0), -EFAULT);
    CHECK_EQ(futex(hole, LX_FUTEX_WAIT, 0, NULL, NULL, 0), -EFAULT);
    CHECK_EQ(futex(hole, LX_FUTEX_WAKE, 1, NULL, NULL, 0), -EFAULT);
    CHECK_EQ(futex(hole, LX_FUTEX_WAIT | PRIV, 0, NULL, NULL, 0), -EFAULT);
    CHECK_EQ(futex(hole, LX_FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), 0); /* nobody looks there */
    CHECK_EQ(futex(word, LX_FUTEX_WAIT, *word, (void *)1, NULL, 0), -EFAULT);
    CHECK_EQ(futex(word, LX_FUTEX_WAIT_BITSET, *word, NULL, NULL, 0), -EINVAL);
    CHECK_EQ(futex(word, LX_FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), -EINVAL);
    CHECK_EQ(futex(word, LX_FUTEX_WAKE | LX_FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), -ENOSYS);
    CHECK_EQ(futex(word, 99, 1, NULL, NULL, 0), -ENOSYS);
    CHECK_EQ(futex(word, LX_FUTEX_REQUEUE, (uint32_t)-1, (void *)1, word, 0), -EINVAL);
    CHECK_EQ(futex(word, LX_FUTEX_CMP_REQUEUE, 1, (void *)1, word + 1, *word + 1), -EAGAIN);
}

/* A token goes to and fro: every wake-up must arrive (a lost one hangs until the limit). */
static void check_ping_pong(void)
{
    pid_t pid;

    words[0] = 0;
    pid = (pid_t)CHECK_OK(fork());
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t mine = pid == 0;

        while (__atomic_load_n(&words[0], __ATOMIC_SEQ_CST) != mine) {
            long got = futex(&words[0], LX_FUTEX_WAIT, 1 - mine, NULL, NULL, 0);
            CHECK(got == 0 || got == -EAGAIN);
        }
        __atomic_store_n(&words[0], 1 - mine, __ATOMIC_SEQ_CST);
        CHECK(futex(&words[0], LX_FUTEX_WAKE, 1, NULL, NULL, 0) >= 0);
    }
    if (pid == 0)
        _exit(0);
    end_of(pid);
}

/* A child that waits at words[1] before this returns. Its answer is its exit status. */
static pid_t waiter(uint32_t bitset)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        struct timespec limit = in_ms(CLOCK_MONOTONIC, 20000);
        CHECK_EQ(futex(&words[1], LX_FUTEX_WAIT_BITSET, 0, &limit, NULL, bitset), 0);
        _exit(0);
    }
    asleep_await(pid);
    return pid;
}

static void check_wake_count(void)
{
    pid_t pids[5];

    words[1] = 0;
    for (int i = 0; i < 5; i++)
        pids[i] = waiter(~0u);
    CHECK_EQ(futex(&words[1], LX_FUTEX_WAKE, 2, NULL, NULL, 0), 2);
    CHECK_EQ(futex(&words[1], LX_FUTEX_WAKE, 1000, NULL, NULL, 0), 3);
    for (int i = 0; i < 5; i++)
        end_of(pids[i]);
    CHECK_EQ(futex(&words[1], LX_FUTEX_WAKE, 1000, NULL, NULL, 0), 0);
}

static void check_bitset(void)
{
    pid_t one, two;

    words[1] = 0;
    one = waiter(1);
    two = waiter(2);
    CHECK_EQ(futex(&words[1], LX_FUTEX_WAKE_BITSET, 10, NULL, NULL, 4), 0);
    CHECK_EQ(futex(&words[1], LX_FUTEX_WAKE_BITSET, 10, NULL, NULL, 2 | 4), 1);
    end_of(two);
    CHECK_EQ(futex(&words[1], LX_FUTEX_WAKE, 10, NULL, NULL, 0), 1);
    end_of(one);
}

static void check_requeue(void)
{
    pid_t pids[4];

    words[1] = words[3] = 0;
    for (int i = 0; i < 4; i++)
        pids[i] = waiter(~0u);
    CHECK_EQ(futex(&words[1], LX_FUTEX_CMP_REQUEUE, 1, (void *)2, &words[3], 1), -EAGAIN);
    CHECK_EQ(futex(&words[1], LX_FUTEX_CMP_REQUEUE, 1, (void *)2, &words[3], 0), 3);
    CHECK_EQ(futex(&words[3], LX_FUTEX_WAKE, 10, NULL, NULL, 0), 2);
    CHECK_EQ(futex(&words[1], LX_FUTEX_WAKE, 10, NULL, NULL, 0), 1);
    for (int i = 0; i < 4; i++)
        end_of(pids[i]);
}

static void check_wake_op(void)
{
    pid_t pid;

    words[1] = 0;
    words[3] = 10;
    pid = waiter(~0u);
    /* words[3] += 5; words[1] is woken; words[3] would be if it had been 11. */
    CHECK_EQ(futex(&words[1], LX_FUTEX_WAKE_OP, 1, (void *)1, &words[3],
                   LX_FUTEX_OP_ADD << 28 | LX_FUTEX_OP_CMP_EQ << 24 | 5 << 12 | 11),
             1);
    CHECK_EQ(words[3], 15);
    end_of(pid);
}

static uint32_t code_of(uint32_t operation, uint32_t comparison, int argument, int operand)
{
    return operation << 28 | comparison << 24 | ((uint32_t)argument & 0xfff) << 12 |
           ((uint32_t)operand & 0xfff);
}

/* What becomes of the word. There is no waiter. */
static void check_wake_operations(void)
{
    static const struct {
        uint32_t operation;
        int argument;
        uint32_t word;
    } cases[] = {
        {LX_FUTEX_OP_SET, 9, 9},
        {LX_FUTEX_OP_SET, -2, 0xfffffffe},
        {LX_FUTEX_OP_ADD, -1, 0xa5},
        {LX_FUTEX_OP_OR, 0x18, 0xbe},
        {LX_FUTEX_OP_ANDN, 0x22, 0x84},
        {LX_FUTEX_OP_XOR, 0x0f, 0xa9},
        {LX_FUTEX_OP_OPARG_SHIFT | LX_FUTEX_OP_XOR, 7, 0x26},
        {LX_FUTEX_OP_OPARG_SHIFT | LX_FUTEX_OP_SET, 31, 0x80000000},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        words[3] = 0xa6;
        CHECK_EQ(futex(&words[5], LX_FUTEX_WAKE_OP, 1, (void *)1, &words[3],
                       code_of(cases[i].operation, LX_FUTEX_OP_CMP_EQ, cases[i].argument, 0)),
                 0);
        CHECK_EQ(words[3], cases[i].word);
    }
    CHECK_EQ(futex(&words[5], LX_FUTEX_WAKE_OP, 1, (void *)1, &words[3], code_of(5, 0, 0, 0)),
             -ENOSYS);
}

/* A waiter is woken if the word was below, at or above the operand, as signed numbers. */
static void check_wake_comparisons(void)
{
    static const unsigned wakes[] = {/* by comparison: below 1, at 2, above 4 */
                                     2, 5, 1, 3, 4, 6};
    pid_t pid;

    words[1] = 0;
    pid = waiter(~0u);
    for (uint32_t comparison = LX_FUTEX_OP_CMP_EQ; comparison <= LX_FUTEX_OP_CMP_GE; comparison++)
        for (int word = -1; word <= 1; word++) {
            int woken = wakes[comparison] >> (word + 1) & 1;

            words[1] = (uint32_t)word;
            CHECK_EQ(futex(&words[5], LX_FUTEX_WAKE_OP, 1, (void *)1, &words[1],
                           code_of(LX_FUTEX_OP_SET, comparison, 0, 0)),
                     woken);
            if (woken) {
                end_of(pid);
                pid = waiter(~0u);
            }
        }
    CHECK_EQ(futex(&words[1], LX_FUTEX_WAKE, 1, NULL, NULL, 0), 1);
    end_of(pid);
}

/* The same page by two addresses is one word; private memory after fork is two. */
static void check_keys(void)
{
    uint32_t *other = mremap(words, 0, PAGE, MREMAP_MAYMOVE);
    uint32_t *mine = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    CHECK(other != MAP_FAILED && mine != MAP_FAILED);
    words[1] = 0;
    pid = waiter(~0u);
    CHECK_EQ(futex(&other[1], LX_FUTEX_WAKE, 1, NULL, NULL, 0), 1);
    end_of(pid);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        futex(mine, LX_FUTEX_WAIT, 0, NULL, NULL, 0);
        _exit(0);
    }
    asleep_await(pid);
    CHECK_EQ(futex(mine, LX_FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    killed(pid);
    CHECK_OK(munmap(other, PAGE));
    CHECK_OK(munmap(mine, PAGE));
}

/* One that is killed while it waits leaves nothing behind. */
static void check_killed(void)
{
    pid_t pid;

    words[1] = 0;
    pid = waiter(~0u);
    killed(pid);
    CHECK_EQ(futex(&words[1], LX_FUTEX_WAKE, 10, NULL, NULL, 0), 0);
}

int main(void)
{
    words = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)words != MAP_FAILED);
    check_values(words, 0);
    check_values(words, PRIV);
    check_timeouts(words);
    check_refused(words);
    check_ping_pong();
    check_wake_count();
    check_bitset();
    check_requeue();
    check_wake_op();
    check_wake_operations();
    check_wake_comparisons();
    check_keys();
    check_killed();
    return 0;
}
