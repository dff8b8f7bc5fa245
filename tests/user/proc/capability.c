/* SPDX-License-Identifier: MIT */
/* Capabilities: the five sets, what capset and prctl let a task do to them, and what follows the
 * user ids. A container's root has not all of them: sets are compared with those of the start. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/capability.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"
#include "tests/user/lib/thread_raw.h"

#define USER      1000
#define FS_BITS   (BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(9) | BIT(27) | BIT(32))
#define LAST      LX_CAP_LAST_CAP
#define KEEP_CAPS LX_SECBIT_KEEP_CAPS

static struct sets begin; /* what the test has at its start */
static pid_t roots;       /* a child that stays root's */

static void sets_are(unsigned long effective, unsigned long permitted, unsigned long inheritable)
{
    struct sets now;

    CHECK_EQ(sets_get(0, &now), 0);
    CHECK_EQ(now.effective, effective);
    CHECK_EQ(now.permitted, permitted);
    CHECK_EQ(now.inheritable, inheritable);
}

/* --- the calls --- */

static void check_versions(void)
{
    struct lx_cap_header header = {0x12345678, 0};
    struct lx_cap_data data[2];
    struct sets now;

    CHECK_EQ(raw2(SYS_capget, &header, data), -EINVAL);
    CHECK_EQ(header.version, LX_CAPABILITY_VERSION_3);
    header.version = 0;
    CHECK_EQ(raw2(SYS_capget, &header, NULL), 0); /* to learn the version */
    CHECK_EQ(header.version, LX_CAPABILITY_VERSION_3);
    header.version = 0;
    CHECK_EQ(raw2(SYS_capset, &header, data), -EINVAL);
    CHECK_EQ(header.version, LX_CAPABILITY_VERSION_3);
    CHECK_EQ(raw2(SYS_capget, NULL, data), -EFAULT);
    CHECK_EQ(raw2(SYS_capset, &header, NULL), -EFAULT);
    /* The first version has one word. */
    header.version = LX_CAPABILITY_VERSION_1;
    memset(data, 0x5a, sizeof(data));
    CHECK_EQ(raw2(SYS_capget, &header, data), 0);
    CHECK_EQ(data[0].permitted, (unsigned)begin.permitted);
    CHECK(bytes_are(&data[1], 0x5a, sizeof(data[1])));
    header.version = LX_CAPABILITY_VERSION_2;
    CHECK_EQ(raw2(SYS_capget, &header, data), 0);
    CHECK_EQ(data[1].permitted, (unsigned)(begin.permitted >> 32));
    /* Other tasks. */
    CHECK_EQ(sets_get(-1, &now), -EINVAL);
    CHECK_EQ(sets_get(0x7ffffff0, &now), -ESRCH);
    CHECK_EQ(sets_get(getpid(), &now), 0);
    CHECK_EQ(sets_get(roots, &now), 0);
    CHECK_EQ(now.permitted, begin.permitted);
    header.version = LX_CAPABILITY_VERSION_3;
    header.pid = roots;
    CHECK_EQ(raw2(SYS_capset, &header, data), -EPERM);
    header.pid = -1;
    CHECK_EQ(raw2(SYS_capset, &header, data), -EPERM);
}

/* /proc shows what capget tells. */
static void status_is(unsigned long effective, unsigned long ambient)
{
    static const char *const names[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
    unsigned long shown[5];
    char text[4096];
    struct sets now;

    CHECK_EQ(sets_get(0, &now), 0);
    text_of("/proc/self/status", text, sizeof(text));
    for (int i = 0; i < 5; i++) {
        const char *at = line_value(text, names[i]);

        CHECK(at != NULL);
        shown[i] = 0;
        for (; *at; at++)
            if (*at >= '0' && *at <= '9')
                shown[i] = shown[i] << 4 | (unsigned long)(*at - '0');
            else if (*at >= 'a' && *at <= 'f')
                shown[i] = shown[i] << 4 | (unsigned long)(*at - 'a' + 10);
            else if (*at == '\n')
                break;
    }
    CHECK_EQ(shown[0], now.inheritable);
    CHECK_EQ(shown[1], now.permitted);
    CHECK_EQ(shown[2], now.effective);
    CHECK_EQ(now.effective, effective);
    for (int n = 0; n <= LAST; n++)
        CHECK_EQ(shown[3] >> n & 1, prctl(PR_CAPBSET_READ, (long)n, 0L, 0L, 0L));
    CHECK_EQ(shown[4], ambient);
}

static void check_capset(void)
{
    unsigned long all = begin.permitted, kill = BIT(LX_CAP_KILL), few = kill | BIT(LX_CAP_SETPCAP);

    status_is(begin.effective, 0);
    /* Effective ones come and go, within the permitted ones; those that do not exist are left out.
     */
    CHECK_EQ(sets_set(0, all, 0), 0);
    sets_are(0, all, 0);
    CHECK_EQ(sets_set(all | 1UL << 50, all | 1UL << 50, 1UL << 60), 0);
    sets_are(all, all, 0);
    CHECK_EQ(sets_set(few, few, kill), 0);
    sets_are(few, few, kill);
    status_is(few, 0);
    CHECK_EQ(sets_set(few | BIT(LX_CAP_CHOWN), few, 0), -EPERM);
    CHECK_EQ(sets_set(few, few | BIT(LX_CAP_CHOWN), 0), -EPERM);
    /* Inheritable ones: with LX_CAP_SETPCAP whatever is in bounds, else what is permitted. */
    CHECK_EQ(sets_set(few, few, BIT(LX_CAP_CHOWN)), 0);
    CHECK_EQ(sets_set(kill, few, BIT(LX_CAP_CHOWN)), 0);
    CHECK_EQ(sets_set(kill, few, BIT(LX_CAP_CHOWN) | BIT(LX_CAP_FOWNER)), -EPERM);
    CHECK_EQ(sets_set(kill, few, BIT(LX_CAP_CHOWN) | kill), 0);
    CHECK_EQ(sets_set(few, few, 0), 0);
    CHECK_OK(prctl(PR_CAPBSET_DROP, (long)LX_CAP_CHOWN, 0L, 0L, 0L));
    CHECK_EQ(prctl(PR_CAPBSET_READ, (long)LX_CAP_CHOWN, 0L, 0L, 0L), 0);
    CHECK_EQ(sets_set(few, few, BIT(LX_CAP_CHOWN)), -EPERM);
    status_is(few, 0);
    CHECK_ERR(prctl(PR_CAPBSET_DROP, LAST + 1L, 0L, 0L, 0L), EINVAL);
    CHECK_ERR(prctl(PR_CAPBSET_READ, LAST + 1L, 0L, 0L, 0L), EINVAL);
    CHECK_ERR(prctl(PR_CAPBSET_READ, -1L, 0L, 0L, 0L), EINVAL);
    CHECK_EQ(sets_set(0, 0, 0), 0);
    CHECK_ERR(prctl(PR_CAPBSET_DROP, LAST + 1L, 0L, 0L, 0L), EPERM);
    sets_are(0, 0, 0);
}

/* --- the user ids --- */

static void check_ids(void)
{
    unsigned long all = begin.permitted;

    CHECK_OK(seteuid(USER));
    sets_are(0, all, 0);
    CHECK_OK(seteuid(0));
    sets_are(all, all, 0);
    setfsuid(USER);
    sets_are(all & ~FS_BITS, all, 0);
    setfsuid(0);
    sets_are(all, all, 0);
    /* Root that has fewer of them gets no more by that. */
    CHECK_EQ(sets_set(0, BIT(LX_CAP_CHOWN) | BIT(LX_CAP_KILL) | BIT(LX_CAP_SETUID), 0), 0);
    setfsuid(USER); /* the caller's own ids are allowed only */
    CHECK_EQ(setfsuid(-1), 0);
    CHECK_EQ(
        sets_set(BIT(LX_CAP_SETUID), BIT(LX_CAP_CHOWN) | BIT(LX_CAP_KILL) | BIT(LX_CAP_SETUID), 0),
        0);
    setfsuid(USER);
    setfsuid(0);
    sets_are(BIT(LX_CAP_SETUID) | BIT(LX_CAP_CHOWN),
             BIT(LX_CAP_CHOWN) | BIT(LX_CAP_KILL) | BIT(LX_CAP_SETUID), 0);
    CHECK_OK(setresuid(USER, USER, USER));
    sets_are(0, 0, 0);
    CHECK_ERR(setuid(0), EPERM);
}

static void check_keep_caps(void)
{
    unsigned long all = begin.permitted;

    CHECK_OK(prctl(PR_SET_KEEPCAPS, 1L));
    CHECK_EQ(prctl(PR_GET_SECUREBITS, 0L, 0L, 0L, 0L), KEEP_CAPS);
    CHECK_OK(setresuid(USER, USER, USER));
    sets_are(0, all, 0);
    CHECK_ERR(setuid(0), EPERM);
    CHECK_EQ(sets_set(BIT(LX_CAP_SETUID), BIT(LX_CAP_SETUID) | BIT(LX_CAP_CHOWN), 0), 0);
    CHECK_OK(setresuid(0, 0, 0)); /* by the capability, which root's id then makes all of */
    sets_are(BIT(LX_CAP_SETUID) | BIT(LX_CAP_CHOWN), BIT(LX_CAP_SETUID) | BIT(LX_CAP_CHOWN), 0);
}

static void check_securebits(void)
{
    unsigned long all = begin.permitted;

    CHECK_EQ(prctl(PR_GET_SECUREBITS, 0L, 0L, 0L, 0L), 0);
    CHECK_ERR(prctl(PR_SET_SECUREBITS, 0x10000L, 0L, 0L, 0L), EPERM);
    CHECK_OK(prctl(PR_SET_SECUREBITS,
                   (long)(LX_SECBIT_NO_SETUID_FIXUP | LX_SECBIT_KEEP_CAPS_LOCKED), 0L, 0L, 0L));
    CHECK_ERR(prctl(PR_SET_KEEPCAPS, 1L), EPERM);
    CHECK_ERR(prctl(PR_SET_SECUREBITS, 0L, 0L, 0L, 0L), EPERM); /* the lock */
    CHECK_ERR(prctl(PR_SET_SECUREBITS, (long)(LX_SECBIT_KEEP_CAPS_LOCKED | KEEP_CAPS), 0L, 0L, 0L),
              EPERM);
    CHECK_OK(setresuid(USER, USER, USER));
    sets_are(all, all, 0);
    setfsuid(7);
    sets_are(all, all, 0);
    CHECK_EQ(sets_set(0, all, 0), 0);
    CHECK_ERR(prctl(PR_SET_SECUREBITS, (long)LX_SECBIT_KEEP_CAPS_LOCKED, 0L, 0L, 0L), EPERM);
}

static long ambient(long what, long number)
{
    return raw_call(SYS_prctl, PR_CAP_AMBIENT, what, number, 0, 0, 0);
}

static void check_ambient(void)
{
    unsigned long all = begin.permitted, kill = BIT(LX_CAP_KILL), some = kill | BIT(LX_CAP_SETUID);

    CHECK_EQ(ambient(PR_CAP_AMBIENT_RAISE, LX_CAP_KILL), -EPERM); /* not inheritable */
    CHECK_EQ(sets_set(all, all, kill), 0);
    CHECK_EQ(ambient(PR_CAP_AMBIENT_IS_SET, LX_CAP_KILL), 0);
    CHECK_EQ(ambient(PR_CAP_AMBIENT_RAISE, LX_CAP_KILL), 0);
    CHECK_EQ(ambient(PR_CAP_AMBIENT_IS_SET, LX_CAP_KILL), 1);
    CHECK_EQ(ambient(PR_CAP_AMBIENT_IS_SET, LAST + 1), -EINVAL);
    CHECK_EQ(ambient(PR_CAP_AMBIENT_CLEAR_ALL, 1), -EINVAL);
    CHECK_EQ(ambient(0, 1), -EINVAL);
    CHECK_EQ(ambient(9, 1), -EINVAL);
    CHECK_EQ(raw_call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, LX_CAP_KILL, 1, 0, 0),
             -EINVAL);
    status_is(all, kill);
    CHECK_EQ(ambient(PR_CAP_AMBIENT_LOWER, LX_CAP_KILL), 0);
    CHECK_EQ(ambient(PR_CAP_AMBIENT_IS_SET, LX_CAP_KILL), 0);
    /* It goes with the inheritable one, and with root. */
    CHECK_EQ(ambient(PR_CAP_AMBIENT_RAISE, LX_CAP_KILL), 0);
    CHECK_EQ(sets_set(all, all, 0), 0);
    status_is(all, 0);
    CHECK_EQ(sets_set(some, some, some), 0);
    CHECK_EQ(ambient(PR_CAP_AMBIENT_RAISE, LX_CAP_KILL), 0);
    CHECK_OK(prctl(PR_SET_KEEPCAPS, 1L));
    CHECK_OK(setresuid(USER, USER, USER));
    status_is(0, 0);
    CHECK_EQ(ambient(PR_CAP_AMBIENT_RAISE, LX_CAP_KILL), 0);
    status_is(0, kill);
    CHECK_EQ(ambient(PR_CAP_AMBIENT_CLEAR_ALL, 0), 0);
    status_is(0, 0);
}

static volatile int thread_done;

static int thread_drop(void *unused)
{
    (void)unused;
    if (sets_set(0, 0, 0) == 0)
        __atomic_store_n(&thread_done, 1, __ATOMIC_RELEASE);
    return 0;
}

/* The sets are a thread's own. */
static void check_thread(void)
{
    static char stack[16384] __attribute__((aligned(16)));

    CHECK(thread_raw_begin(thread_drop, stack + sizeof(stack), 0) > 0);
    for (int i = 0; i < 10000 && !__atomic_load_n(&thread_done, __ATOMIC_ACQUIRE); i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    CHECK_EQ(thread_done, 1);
    sets_are(begin.effective, begin.permitted, begin.inheritable);
}

int main(void)
{
    int status;

    CHECK_EQ(sets_get(0, &begin), 0);
    CHECK_EQ(begin.effective, begin.permitted);
    roots = (pid_t)CHECK_OK(fork());
    if (roots == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    CHECK_EQ(child_status(check_versions), 0);
    CHECK_EQ(child_status(check_capset), 0);
    CHECK_EQ(child_status(check_ids), 0);
    CHECK_EQ(child_status(check_keep_caps), 0);
    CHECK_EQ(child_status(check_securebits), 0);
    CHECK_EQ(child_status(check_ambient), 0);
    CHECK_EQ(child_status(check_thread), 0);
    CHECK_OK(kill(roots, SIGKILL));
    status = child_end(roots);
    CHECK(WIFSIGNALED(status));
    return 0;
}
