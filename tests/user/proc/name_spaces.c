/* SPDX-License-Identifier: MIT */
/*
 * UTS and IPC name spaces: made by clone, clone3 and unshare, entered by setns, seen in
 * /proc/PID/ns, kept by what holds them; what else unshare undoes; refusals.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/user/lib/spaces.h"

#define NOBODY     65534
#define KEY        0x5eed
#define GET_USERNS 0xb701
#define GET_PARENT 0xb702
#define GET_NSTYPE 0xb703
#define GET_OWNER  0xb704
#define NSFS       0x6e736673
#define CLONE3     435
#define PIDFD_OPEN 434
#define NEWTIME    0x80
#define ROUNDS     200

static char outer_name[65];
static int host_is(const char *name)
{
    struct utsname names;

    CHECK_OK(uname(&names));
    return strcmp(names.nodename, name) == 0;
}

/* Children say that they are ready, and wait to be killed. */
static void ready_and_wait(void)
{
    __atomic_store_n(shared, 1, __ATOMIC_RELEASE);
    for (;;)
        pause();
}

/* --- UTS --- */

static void name_inner(void)
{
    CHECK_EQ(unshare_raw(CLONE_NEWUTS), 0);
    CHECK(host_is(outer_name));
    CHECK_OK(sethostname("inner", 5));
    ready_and_wait();
}

static void grandchild_sees_inner(void)
{
    CHECK(host_is("inner"));
    CHECK_EQ(number_of(getpid(), "uts"), number_of(getppid(), "uts"));
}

static void name_is_of_the_name_space(void)
{
    char text[16] = {0};
    int fd;

    CHECK_EQ(unshare_raw(CLONE_NEWUTS), 0);
    CHECK_OK(sethostname("inner", 5));
    CHECK(host_is("inner"));
    CHECK_EQ(child_status(grandchild_sees_inner), 0);
    fd = (int)CHECK_OK(open("/proc/sys/kernel/hostname", O_RDWR));
    CHECK_EQ(read(fd, text, sizeof(text)), 6);
    CHECK_EQ(strcmp(text, "inner\n"), 0);
    CHECK_EQ(pwrite(fd, "other", 5, 0), 5);
    CHECK(host_is("other"));
    CHECK_OK(setdomainname("domain", 6));
}

static void uts_spaces_are_entered_and_kept(void)
{
    ino_t outer = number_of(getpid(), "uts"), inner;
    int own = open_space(getpid(), "uts"), fd, pidfd;
    pid_t pid;

    CHECK_EQ(child_status(name_is_of_the_name_space), 0);
    CHECK(host_is(outer_name));
    pid = start(name_inner);
    inner = number_of(pid, "uts");
    CHECK(inner != outer);
    CHECK_EQ(number_of(getpid(), "uts"), outer);
    fd = open_space(pid, "uts");
    pidfd = (int)CHECK_OK(raw2(PIDFD_OPEN, pid, 0));

    CHECK_EQ(setns_raw(pidfd, CLONE_NEWUTS | CLONE_NEWIPC), 0);
    CHECK(host_is("inner"));
    CHECK_EQ(number_of(getpid(), "uts"), inner);
    CHECK_EQ(setns_raw(own, 0), 0);
    CHECK(host_is(outer_name));
    end(pid);
    CHECK_EQ(setns_raw(pidfd, CLONE_NEWUTS), -ESRCH);

    /* Its last process has gone, the descriptor holds it. */
    CHECK_EQ(setns_raw(fd, CLONE_NEWUTS), 0);
    CHECK(host_is("inner"));
    CHECK_EQ(number_of(getpid(), "uts"), inner);
    CHECK_OK(close(fd));
    CHECK(host_is("inner"));
    CHECK_EQ(setns_raw(own, CLONE_NEWUTS), 0);
    CHECK(host_is(outer_name));
    CHECK_EQ(number_of(getpid(), "uts"), outer);
    CHECK_OK(close(own));
    CHECK_OK(close(pidfd));
}

struct clone3_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static void clone_makes_them(void)
{
    struct clone3_args args = {.flags = CLONE_NEWUTS | CLONE_NEWIPC, .exit_signal = SIGCHLD};
    ino_t uts = number_of(getpid(), "uts"), ipc = number_of(getpid(), "ipc");

    for (int i = 0; i < 2; i++) {
        pid_t pid = (pid_t)(i ? raw2(CLONE3, &args, sizeof(args))
                              : raw4(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0));

        CHECK(pid >= 0);
        if (pid == 0) {
            CHECK_OK(sethostname("inner", 5));
            CHECK(number_of(getpid(), "uts") != uts);
            CHECK_EQ(number_of(getpid(), "ipc") != ipc, i);
            _exit(0);
        }
        CHECK_EQ(child_end(pid), 0);
        CHECK(host_is(outer_name));
    }
}

static void *thread_unshares(void *argument)
{
    CHECK_EQ(unshare_raw(CLONE_NEWUTS), 0);
    CHECK_OK(sethostname("inner", 5));
    CHECK(host_is("inner"));
    return argument;
}

static void threads_have_their_own(void)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, thread_unshares, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(host_is(outer_name));
}

/* --- the files --- */

static void files_stand_for_them(void)
{
    char path[64], text[64];
    int fd = open_space(getpid(), "uts"), again = open_space(getpid(), "uts"), place, users;
    struct stat one, other, link;
    struct statfs fs;
    ssize_t length;

    CHECK_OK(fstat(fd, &one));
    CHECK_OK(fstat(again, &other));
    CHECK_EQ(one.st_ino, number_of(getpid(), "uts"));
    CHECK(one.st_ino == other.st_ino && one.st_dev == other.st_dev);
    CHECK_EQ(one.st_mode, S_IFREG | 0444);
    CHECK_OK(lstat("/proc/self/ns/uts", &link));
    CHECK_EQ(link.st_mode, S_IFLNK | 0777);
    CHECK_OK(stat("/proc/self/ns/ipc", &other));
    CHECK(one.st_ino != other.st_ino && one.st_dev == other.st_dev);
    CHECK_OK(stat("/proc/self/ns", &other));
    CHECK_EQ(other.st_mode, S_IFDIR | 0511);
    CHECK_OK(fstatfs(fd, &fs));
    CHECK_EQ(fs.f_type, NSFS);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    length = CHECK_OK(readlink(path, text, sizeof(text) - 1));
    text[length] = '\0';
    snprintf(path, sizeof(path), "uts:[%lu]", (unsigned long)one.st_ino);
    CHECK_EQ(strcmp(text, path), 0);
    CHECK_ERR(read(fd, text, 1), EINVAL);
    CHECK_ERR(open("/proc/self/ns/none", O_RDONLY), ENOENT);
    CHECK_ERR(open("/proc/self/ns/uts", O_RDONLY | O_NOFOLLOW), ELOOP);

    CHECK_EQ(ioctl(fd, GET_NSTYPE), CLONE_NEWUTS);
    CHECK_ERR(ioctl(fd, GET_PARENT), EINVAL);
    CHECK_ERR(ioctl(fd, GET_OWNER, text), EINVAL);
    CHECK_ERR(ioctl(fd, 0xb7ff), ENOTTY);
    users = ioctl(fd, GET_USERNS); /* not on a Linux without user name spaces */
    if (users < 0)
        CHECK_EQ(errno, EPERM);
    else
        CHECK_OK(close(users));
    place = (int)CHECK_OK(open("/", O_RDONLY));
    for (int request = GET_USERNS; request <= GET_OWNER; request++)
        CHECK_ERR(ioctl(place, (unsigned)request, text), ENOTTY);
    CHECK_OK(close(place));
    place = open_space(getpid(), "mnt");
    CHECK_EQ(ioctl(place, GET_NSTYPE), CLONE_NEWNS);
    CHECK_OK(close(place));
    CHECK_OK(close(fd));
    CHECK_OK(close(again));
}

/* --- refusals --- */

static int is_there(const char *kind)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
    return access(path, F_OK) == 0;
}

static void refused_by_arguments(void)
{
    struct clone3_args args = {.flags = CLONE_NEWNS | CLONE_FS, .exit_signal = SIGCHLD};
    int fd = open_space(getpid(), "uts"), file = (int)CHECK_OK(open("/dev/null", O_RDONLY));
    int pidfd = (int)CHECK_OK(raw2(PIDFD_OPEN, getpid(), 0));
    int place = (int)CHECK_OK(open("/proc/self/ns/uts", O_PATH));

    CHECK_EQ(unshare_raw(-1), -EINVAL);
    CHECK_EQ(unshare_raw(CLONE_PARENT), -EINVAL);
    CHECK_EQ(unshare_raw(1ul << 40), -EINVAL);
    CHECK_EQ(unshare_raw(0), 0);
    CHECK_EQ(setns_raw(-1, 0), -EBADF);
    CHECK_EQ(setns_raw(file, 0), -EINVAL);
    CHECK_EQ(setns_raw(file, CLONE_NEWUTS), -EINVAL);
    CHECK_EQ(setns_raw(place, 0), -EBADF);
    CHECK_EQ(setns_raw(fd, CLONE_NEWIPC), -EINVAL);
    CHECK_EQ(setns_raw(fd, CLONE_NEWUTS | CLONE_NEWIPC), -EINVAL);
    CHECK_EQ(setns_raw(fd, -1), -EINVAL);
    CHECK_EQ(setns_raw(pidfd, 0), -EINVAL);
    CHECK_EQ(setns_raw(pidfd, CLONE_NEWUTS | CLONE_FS), -EINVAL);
    CHECK_EQ(setns_raw(pidfd, -1), -EINVAL);
    CHECK_EQ(raw2(CLONE3, &args, sizeof(args)), -EINVAL);
    args.flags = CLONE_NEWIPC | CLONE_SYSVSEM;
    CHECK_EQ(raw2(CLONE3, &args, sizeof(args)), -EINVAL);
    args.flags = CLONE_NEWUSER | CLONE_FS;
    CHECK_EQ(raw2(CLONE3, &args, sizeof(args)), -EINVAL);
    if (!is_there("user"))
        CHECK_EQ(unshare_raw(CLONE_NEWUSER), -EINVAL);
    if (!is_there("pid"))
        CHECK_EQ(unshare_raw(CLONE_NEWPID), -EINVAL);
    if (!is_there("net"))
        CHECK_EQ(unshare_raw(CLONE_NEWNET), -EINVAL);
    if (!is_there("cgroup"))
        CHECK_EQ(unshare_raw(CLONE_NEWCGROUP), -EINVAL);
    args.flags = NEWTIME;
    if (!is_there("time")) {
        CHECK_EQ(unshare_raw(NEWTIME), -EINVAL);
        CHECK_EQ(raw2(CLONE3, &args, sizeof(args)), -EINVAL);
        CHECK_EQ(unshare_raw(CLONE_NEWUTS | CLONE_NEWPID), -EINVAL);
        CHECK(host_is(outer_name));
    }
    CHECK_OK(close(place));
    CHECK_OK(close(pidfd));
    CHECK_OK(close(file));
    CHECK_OK(close(fd));
}

static pid_t target;

static void refused_without_rights(void)
{
    static const unsigned kinds[] = {CLONE_NEWUTS,    CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET,
                                     CLONE_NEWCGROUP, CLONE_NEWNS,  NEWTIME};
    struct clone3_args args = {.exit_signal = SIGCHLD};
    char path[64], text[64];
    int fd = open_space(getpid(), "uts"), ipc = open_space(target, "ipc");
    int pidfd = (int)CHECK_OK(raw2(PIDFD_OPEN, target, 0));

    CHECK_OK(setgid(NOBODY));
    CHECK_OK(setuid(NOBODY));
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        args.flags = kinds[i];
        CHECK_EQ(unshare_raw(kinds[i]), -EPERM);
        CHECK_EQ(raw2(CLONE3, &args, sizeof(args)), -EPERM);
    }
    args.flags = CLONE_NEWIPC | CLONE_SYSVSEM;
    CHECK_EQ(raw2(CLONE3, &args, sizeof(args)), -EPERM);
    CHECK_EQ(setns_raw(fd, 0), -EPERM);
    CHECK_EQ(setns_raw(ipc, CLONE_NEWIPC), -EPERM);
    CHECK_EQ(setns_raw(ipc, CLONE_NEWUTS), -EINVAL);
    CHECK_EQ(setns_raw(pidfd, CLONE_NEWUTS), -EPERM);
    snprintf(path, sizeof(path), "/proc/%d/ns/uts", target);
    CHECK_ERR(open(path, O_RDONLY), EACCES);
    CHECK_ERR(readlink(path, text, sizeof(text)), EACCES);
    CHECK_EQ(unshare_raw(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM), 0);
}

static void zombies_have_none(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    char path[64];
    siginfo_t info;
    int pidfd;

    if (pid == 0)
        _exit(0);
    CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    snprintf(path, sizeof(path), "/proc/%d/ns/uts", pid);
    CHECK_ERR(open(path, O_RDONLY), ENOENT);
    pidfd = (int)CHECK_OK(raw2(PIDFD_OPEN, pid, 0));
    CHECK_EQ(setns_raw(pidfd, CLONE_NEWUTS), -ESRCH);
    CHECK_OK(close(pidfd));
    CHECK_EQ(child_end(pid), 0);
}

/* --- what else is unshared --- */

static int unshares_place_and_files(void *argument)
{
    int fd = *(int *)argument;

    CHECK_EQ(unshare_raw(CLONE_VM), -EINVAL);
    CHECK_EQ(unshare_raw(CLONE_SIGHAND), -EINVAL);
    CHECK_EQ(unshare_raw(CLONE_THREAD), 0);
    CHECK_EQ(setns_raw(open_space(getpid(), "mnt"), 0), -EINVAL); /* shares its place */
    CHECK_EQ(unshare_raw(CLONE_FS | CLONE_FILES), 0);
    CHECK_OK(chdir("/proc"));
    umask(0);
    CHECK_OK(close(fd));
    CHECK_EQ(setns_raw(open_space(getpid(), "mnt"), CLONE_NEWNS), 0); /* to its root */
    return 0;
}

static void *thread_sleeps(void *argument)
{
    while (!__atomic_load_n(shared, __ATOMIC_ACQUIRE))
        usleep(1000);
    return argument;
}

static void sharing_ends(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    int fd = (int)CHECK_OK(open("/dev/null", O_RDONLY));
    struct sembuf up = {0, 1, SEM_UNDO};
    int sem = (int)CHECK_OK(semget(IPC_PRIVATE, 1, 0600));
    char before[256], after[256];
    pthread_t thread;
    pid_t pid;

    CHECK(getcwd(before, sizeof(before)) != NULL);
    umask(022);
    pid = (pid_t)CHECK_OK(clone(unshares_place_and_files, stack + sizeof(stack),
                                CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD, &fd));
    CHECK_EQ(child_end(pid), 0);
    CHECK(getcwd(after, sizeof(after)) != NULL);
    CHECK_EQ(strcmp(before, after), 0);
    CHECK_EQ(umask(022), 022);
    CHECK_OK(close(fd));

    CHECK_OK(semop(sem, &up, 1));
    CHECK_EQ(semctl(sem, 0, GETVAL), 1);
    CHECK_EQ(unshare_raw(CLONE_SYSVSEM), 0);
    CHECK_EQ(semctl(sem, 0, GETVAL), 0);
    CHECK_OK(semctl(sem, 0, IPC_RMID));

    __atomic_store_n(shared, 0, __ATOMIC_RELEASE);
    CHECK_EQ(pthread_create(&thread, NULL, thread_sleeps, NULL), 0);
    CHECK_EQ(unshare_raw(CLONE_THREAD), -EINVAL);
    CHECK_EQ(unshare_raw(CLONE_VM), -EINVAL);
    CHECK_EQ(unshare_raw(CLONE_FS | CLONE_FILES), 0);
    __atomic_store_n(shared, 1, __ATOMIC_RELEASE);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    /* A thread that was waited for may still be leaving. */
    for (int i = 0; i < 5000 && unshare_raw(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD) == -EINVAL;
         i++)
        usleep(1000);
    CHECK_EQ(unshare_raw(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD), 0);
}

int main(void)
{
    struct utsname names;

    shared_make();
    /* What is done to System V objects concerns nothing but this program. */
    CHECK_OK(unshare(CLONE_NEWUTS | CLONE_NEWIPC));
    CHECK_OK(sethostname("outer", 5));
    CHECK_OK(uname(&names));
    memcpy(outer_name, names.nodename, sizeof(outer_name));

    uts_spaces_are_entered_and_kept();
    clone_makes_them();
    threads_have_their_own();
    files_stand_for_them();
    CHECK_EQ(child_status(refused_by_arguments), 0);
    target = getpid();
    CHECK_EQ(child_status(refused_without_rights), 0);
    zombies_have_none();
    CHECK_EQ(child_status(sharing_ends), 0);
    return 0;
}
