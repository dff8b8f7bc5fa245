/* SPDX-License-Identifier: MIT */
/* Signals without handlers: dispositions remembered, masks, pending ones, refusals. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

/* What rt_sigaction really takes; the libc hides the last fields. */
struct action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

static uint64_t bit(int sig)
{
    return 1UL << (sig - 1);
}

static long set_action(int sig, const struct action *new, struct action *old)
{
    return raw4(SYS_rt_sigaction, sig, new, old, 8);
}

static long set_mask(int how, const uint64_t *new, uint64_t *old)
{
    return raw4(SYS_rt_sigprocmask, how, new, old, 8);
}

static uint64_t mask_now(void)
{
    uint64_t mask = ~0UL;

    CHECK_EQ(set_mask(SIG_BLOCK, NULL, &mask), 0);
    return mask;
}

static uint64_t pending_now(void)
{
    uint64_t set = ~0UL;

    CHECK_EQ(raw2(SYS_rt_sigpending, &set, 8), 0);
    return set;
}

static void send(int sig)
{
    CHECK_EQ(raw2(SYS_kill, raw0(SYS_getpid), sig), 0);
}

static void handler(int sig)
{
    (void)sig;
}

static void restorer(void)
{
}

static void check_actions(void)
{
    struct action a = {.handler = handler,
                       .flags = SA_RESTART | 0x04000000,
                       .restorer = restorer,
                       .mask = bit(SIGUSR2) | bit(SIGTERM)};
    struct action old;

    CHECK_EQ(set_action(SIGUSR1, NULL, &old), 0);
    CHECK(old.handler == SIG_DFL && old.flags == 0 && old.mask == 0);
    CHECK_EQ(set_action(SIGUSR1, &a, &old), 0);
    CHECK(old.handler == SIG_DFL);
    CHECK_EQ(set_action(SIGUSR1, NULL, &old), 0);
    CHECK(old.handler == handler && old.restorer == restorer);
    CHECK_EQ(old.flags, a.flags);
    CHECK_EQ(old.mask, a.mask);
    a.handler = SIG_DFL;
    CHECK_EQ(set_action(SIGUSR1, &a, &old), 0);
    CHECK(old.handler == handler);
    CHECK_EQ(set_action(64, NULL, &old), 0);
    CHECK_EQ(set_action(0, NULL, &old), -EINVAL);
    CHECK_EQ(set_action(65, NULL, &old), -EINVAL);
    CHECK_EQ(set_action(-1, NULL, &old), -EINVAL);
    CHECK_EQ(set_action(SIGKILL, &a, NULL), -EINVAL);
    CHECK_EQ(set_action(SIGSTOP, &a, NULL), -EINVAL);
    CHECK_EQ(set_action(SIGKILL, NULL, &old), 0);
    CHECK_EQ(raw4(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 16), -EINVAL);
}

static void check_masks(void)
{
    uint64_t set = bit(SIGUSR1) | bit(SIGTERM), old = 1;

    CHECK_EQ(mask_now(), 0);
    CHECK_EQ(set_mask(SIG_BLOCK, &set, &old), 0);
    CHECK_EQ(old, 0);
    CHECK_EQ(mask_now(), set);
    set = bit(SIGUSR2);
    CHECK_EQ(set_mask(SIG_BLOCK, &set, NULL), 0);
    CHECK_EQ(mask_now(), bit(SIGUSR1) | bit(SIGTERM) | bit(SIGUSR2));
    set = bit(SIGTERM) | bit(SIGHUP);
    CHECK_EQ(set_mask(SIG_UNBLOCK, &set, &old), 0);
    CHECK_EQ(mask_now(), bit(SIGUSR1) | bit(SIGUSR2));
    set = ~0UL; /* all but the two that nobody can block */
    CHECK_EQ(set_mask(SIG_SETMASK, &set, NULL), 0);
    CHECK_EQ(mask_now(), ~(bit(SIGKILL) | bit(SIGSTOP)));
    set = 0;
    CHECK_EQ(set_mask(SIG_SETMASK, &set, NULL), 0);
    CHECK_EQ(set_mask(3, &set, NULL), -EINVAL);
    CHECK_EQ(set_mask(3, NULL, &old), 0); /* nothing to set: not looked at */
    CHECK_EQ(raw4(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 4), -EINVAL);
    CHECK_EQ(mask_now(), 0);
}

/* Ignored by default, or by wish: the program goes on. */
static void check_ignored(void)
{
    struct action ignore = {.handler = SIG_IGN}, old;

    send(SIGCHLD);
    send(SIGURG);
    send(SIGWINCH);
    send(SIGCONT);
    CHECK_EQ(pending_now(), 0);
    CHECK_EQ(set_action(SIGTERM, &ignore, NULL), 0);
    send(SIGTERM);
    CHECK_EQ(set_action(SIGTERM, NULL, &old), 0);
    CHECK(old.handler == SIG_IGN);
    CHECK_EQ(raw3(SYS_tgkill, raw0(SYS_getpid), raw0(SYS_gettid), SIGTERM), 0);
    send(0);
}

/* A pending signal goes away when it becomes one to ignore. */
static void check_pending(void)
{
    uint64_t set = bit(SIGUSR1) | bit(SIGUSR2), none = 0;
    struct action ignore = {.handler = SIG_IGN}, standard = {.handler = SIG_DFL};

    CHECK_EQ(set_mask(SIG_SETMASK, &set, NULL), 0);
    send(SIGUSR1);
    send(SIGUSR1);
    CHECK_EQ(raw2(SYS_tkill, raw0(SYS_gettid), SIGUSR2), 0);
    CHECK_EQ(pending_now(), set);
    CHECK_EQ(set_action(SIGUSR1, &ignore, NULL), 0);
    CHECK_EQ(pending_now(), bit(SIGUSR2));
    CHECK_EQ(set_action(SIGUSR2, &ignore, NULL), 0);
    CHECK_EQ(pending_now(), 0);
    CHECK_EQ(set_action(SIGUSR1, &standard, NULL), 0);
    CHECK_EQ(set_mask(SIG_SETMASK, &none, NULL), 0); /* still alive */
    CHECK_EQ(raw2(SYS_rt_sigpending, &set, 16), -EINVAL);
}

static void check_targets(void)
{
    long pid = raw0(SYS_getpid), tid = raw0(SYS_gettid);

    CHECK_EQ(raw2(SYS_kill, pid, 65), -EINVAL);
    CHECK_EQ(raw2(SYS_kill, pid, -1), -EINVAL);
    CHECK_EQ(raw2(SYS_kill, 0x3fffffff, 0), -ESRCH);
    CHECK_EQ(raw3(SYS_tgkill, pid, tid, 0), 0);
    CHECK_EQ(raw3(SYS_tgkill, 0x3fffffff, tid, SIGURG), -ESRCH);
    CHECK_EQ(raw3(SYS_tgkill, pid, 0x3fffffff, SIGURG), -ESRCH);
    CHECK_EQ(raw3(SYS_tgkill, 0, tid, SIGURG), -EINVAL);
    CHECK_EQ(raw3(SYS_tgkill, pid, -1, SIGURG), -EINVAL);
    CHECK_EQ(raw3(SYS_tgkill, pid, tid, 65), -EINVAL);
    CHECK_EQ(raw2(SYS_tkill, 0, SIGURG), -EINVAL);
    CHECK_EQ(raw2(SYS_tkill, tid, SIGURG), 0);
}

int main(void)
{
    check_actions();
    check_masks();
    check_ignored();
    check_pending();
    check_targets();
    return 0;
}
