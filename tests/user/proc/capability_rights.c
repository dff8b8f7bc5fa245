/* SPDX-License-Identifier: MIT */
/*
 * Each right is asked by its own capability, and by no user id.
 *
 * What a container's root has not, Linux cannot be asked there: a right that all capabilities of
 * the start together do not give is left out. Most have to be there.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/capability.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"

#define DIR  "/tmp/capability"
#define USER 1000

static struct sets begin; /* what the test has at its start */
static pid_t roots;       /* a child that stays root's */
static int roots_segment;

static int result(long value)
{
    return value < 0 ? errno : 0;
}

static int do_read(void)
{
    return result(open(DIR "/closed", O_RDONLY));
}

static int do_write(void)
{
    return result(open(DIR "/closed", O_WRONLY));
}

static int do_chown(void)
{
    return result(chown(DIR "/own", 0, (gid_t)-1));
}

static int do_chmod(void)
{
    return result(chmod(DIR "/roots", 0644));
}

static int do_set_group_id(void)
{
    struct stat st;

    CHECK_OK(chmod(DIR "/group", 02755));
    CHECK_OK(stat(DIR "/group", &st));
    return st.st_mode & S_ISGID ? 0 : EPERM;
}

static int do_kill(void)
{
    return result(kill(roots, 0));
}

static int do_setuid(void)
{
    return result(setuid(7));
}

static int do_setgroups(void)
{
    return result(setgroups(0, NULL));
}

static int do_bounds(void)
{
    return result(prctl(PR_CAPBSET_DROP, (long)LX_CAP_LAST_CAP, 0L, 0L, 0L));
}

static int do_lock(void)
{
    static char page[4096];

    CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){0, 0}));
    return result(mlock(page, 1));
}

static int do_segment(void)
{
    struct shmid_ds info;

    return result(shmctl(roots_segment, IPC_STAT, &info));
}

static int do_mount(void)
{
    int err = result(mount("none", DIR, "no-such-type", 0, NULL));

    return err == ENODEV ? 0 : err;
}

static int do_chroot(void)
{
    return result(chroot("/"));
}

static int do_nice(void)
{
    return result(setpriority(PRIO_PROCESS, 0, -1));
}

static int do_limit(void)
{
    CHECK_OK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}));
    return result(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 1}));
}

static int do_look(void)
{
    char text[256];

    return result(readlink(proc_path(roots, "exe"), text, sizeof(text)));
}

static int do_device(void)
{
    return result(mknod(DIR "/device", S_IFCHR | 0600, makedev(1, 3)));
}

static int do_socket(void)
{
    int fd = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0)), size = 65536;

    return result(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
}

static int do_alarm(void)
{
    return result(timerfd_create(CLOCK_REALTIME_ALARM, 0));
}

static const struct right {
    int number;
    int (*action)(void); /* 0, or an error number, as the user without rights */
    int error;           /* without the capability */
    int other;           /* another one that gives this right; -1: none */
} rights[] = {
    {LX_CAP_DAC_READ_SEARCH, do_read, EACCES, LX_CAP_DAC_OVERRIDE},
    {LX_CAP_DAC_OVERRIDE, do_write, EACCES, -1},
    {LX_CAP_CHOWN, do_chown, EPERM, -1},
    {LX_CAP_FOWNER, do_chmod, EPERM, -1},
    {LX_CAP_FSETID, do_set_group_id, EPERM, -1},
    {LX_CAP_KILL, do_kill, EPERM, -1},
    {LX_CAP_SETUID, do_setuid, EPERM, -1},
    {LX_CAP_SETGID, do_setgroups, EPERM, -1},
    {LX_CAP_SETPCAP, do_bounds, EPERM, -1},
    {LX_CAP_IPC_LOCK, do_lock, EPERM, -1},
    {LX_CAP_IPC_OWNER, do_segment, EACCES, -1},
    {LX_CAP_SYS_ADMIN, do_mount, EPERM, -1},
    {LX_CAP_SYS_CHROOT, do_chroot, EPERM, -1},
    {LX_CAP_SYS_NICE, do_nice, EACCES, -1},
    {LX_CAP_SYS_RESOURCE, do_limit, EPERM, -1},
    {LX_CAP_SYS_PTRACE, do_look, EACCES, -1},
    {LX_CAP_MKNOD, do_device, EPERM, -1},
    {LX_CAP_NET_ADMIN, do_socket, EPERM, -1},
    {LX_CAP_WAKE_ALARM, do_alarm, EPERM, -1},
};
#define NRIGHTS (sizeof(rights) / sizeof(rights[0]))

/* What the action gives to that user with those capabilities. */
static int try_as(const struct right *right, uid_t uid, unsigned long capabilities)
{
    pid_t pid;
    int status;

    unlink(DIR "/device");
    CHECK_OK(chown(DIR "/own", USER, USER));
    CHECK_OK(chown(DIR "/group", USER, 5));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(prctl(PR_SET_KEEPCAPS, 1L));
        CHECK_OK(setgroups(0, NULL));
        CHECK_OK(setresgid(USER, USER, USER));
        CHECK_OK(setresuid(uid, uid, uid));
        CHECK_EQ(sets_set(capabilities, capabilities, 0), 0);
        _exit(right->action());
    }
    status = child_end(pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check_rights(void)
{
    unsigned asked = 0;

    for (unsigned i = 0; i < NRIGHTS; i++) {
        const struct right *right = &rights[i];
        unsigned long bit = BIT(right->number);
        unsigned long without = begin.permitted & ~bit;

        if (right->other >= 0)
            without &= ~BIT(right->other);
        if (!(begin.permitted & bit) || try_as(right, USER, begin.permitted) != 0)
            continue;
        asked++;
        CHECK_EQ(try_as(right, USER, bit), 0);
        CHECK_EQ(try_as(right, USER, without), right->error);
        /* Root is nothing by its id alone. Files are its own, so there its rights show. */
        if (right->number == LX_CAP_KILL || right->number > LX_CAP_FSETID)
            CHECK_EQ(try_as(right, 0, bit), 0);
        if (right->number > LX_CAP_KILL && right->number != LX_CAP_IPC_OWNER &&
            right->number != LX_CAP_SYS_PTRACE)
            CHECK_EQ(try_as(right, 0, without), right->error);
    }
    CHECK(asked >= 10);
    say(1, "rights asked: ");
    say_number(1, asked);
    say(1, "\n");
}

/* access(2) asks for the real user, with the capabilities that this one would have. */
static void check_access(void)
{
    unsigned long all = begin.permitted;

    CHECK_OK(access(DIR "/closed", R_OK));
    CHECK_EQ(sets_set(0, all, 0), 0);
    CHECK_OK(access(DIR "/closed", R_OK)); /* those permitted to root */
    CHECK_ERR(open(DIR "/closed", O_RDONLY), EACCES);
    CHECK_EQ(sets_set(all, all, 0), 0);
    CHECK_OK(setresuid(USER, 0, 0));
    CHECK_ERR(access(DIR "/closed", R_OK), EACCES);
    CHECK_OK(faccessat(AT_FDCWD, DIR "/closed", R_OK, AT_EACCESS));
    CHECK_OK(close((int)CHECK_OK(open(DIR "/closed", O_RDONLY))));
    CHECK_OK(prctl(PR_SET_SECUREBITS, (long)LX_SECBIT_NO_SETUID_FIXUP, 0L, 0L, 0L));
    CHECK_OK(access(DIR "/closed", R_OK));
}

static void make_file(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
    CHECK_OK(close((int)CHECK_OK(open(path, O_CREAT | O_WRONLY, 0600))));
    CHECK_OK(chown(path, uid, gid));
    CHECK_OK(chmod(path, mode));
}

int main(void)
{
    int status;

    CHECK_EQ(sets_get(0, &begin), 0);
    CHECK_EQ(begin.effective, begin.permitted);
    CHECK_OK(mkdir(DIR, 0777));
    CHECK_OK(chmod(DIR, 0777));
    make_file(DIR "/closed", 0, 0, 0);
    make_file(DIR "/roots", 0600, 0, 0);
    make_file(DIR "/own", 0600, USER, USER);
    make_file(DIR "/group", 0755, USER, 5);
    roots_segment = (int)CHECK_OK(shmget(IPC_PRIVATE, 4096, 0600));
    roots = (pid_t)CHECK_OK(fork());
    if (roots == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    CHECK_EQ(child_status(check_access), 0);
    check_rights();
    CHECK_OK(kill(roots, SIGKILL));
    status = child_end(roots);
    CHECK(WIFSIGNALED(status));
    CHECK_OK(shmctl(roots_segment, IPC_RMID, NULL));
    CHECK_OK(unlink(DIR "/closed"));
    CHECK_OK(unlink(DIR "/roots"));
    CHECK_OK(unlink(DIR "/own"));
    CHECK_OK(unlink(DIR "/group"));
    unlink(DIR "/device");
    CHECK_OK(rmdir(DIR));
    return 0;
}
