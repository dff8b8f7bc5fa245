/* SPDX-License-Identifier: MIT */
/* /proc/sys: that its numbers are the limits that calls keep to, and the names of the system. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/user/lib/capability.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"

#define SYS  "/proc/sys/"
#define NAME "a-name.of.sixty-four.bytes.0123456789.0123456789.0123456789.0123"

static char text[4096];

static unsigned long number(const char *path)
{
    char *end;
    unsigned long value;

    text_of(path, text, sizeof(text));
    value = strtoul(text, &end, 10);
    CHECK(end > text);
    CHECK(!strcmp(end, "\n"));
    return value;
}

static void line_equals(const char *path, const char *line)
{
    size_t length = strlen(line);

    text_of(path, text, sizeof(text));
    CHECK(!strncmp(text, line, length));
    CHECK(!strcmp(text + length, "\n"));
}

static void check_limits(void)
{
    unsigned long last = number(SYS "kernel/cap_last_cap"), most = number(SYS "fs/nr_open");
    unsigned long used, unused, max;
    struct rlimit limit;
    int ends[2];

    CHECK(prctl(PR_CAPBSET_READ, last, 0L, 0L, 0L) >= 0);
    CHECK_ERR(prctl(PR_CAPBSET_READ, last + 1, 0L, 0L, 0L), EINVAL);
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    CHECK(limit.rlim_max <= most);
    limit.rlim_cur = limit.rlim_max = most + 1;
    CHECK_ERR(setrlimit(RLIMIT_NOFILE, &limit), EPERM);
    CHECK_EQ(number(SYS "kernel/ngroups_max"), 65536);
    CHECK(number(SYS "kernel/pid_max") >= (unsigned long)getpid());
    CHECK(number(SYS "kernel/threads-max") > 100);
    CHECK(number(SYS "vm/max_map_count") >= 65530);
    CHECK(number(SYS "vm/mmap_min_addr") <= 65536);
    CHECK(number(SYS "vm/overcommit_memory") <= 2);
    number(SYS "kernel/tainted");
    number(SYS "vm/swappiness");
    number(SYS "fs/pipe-user-pages-soft");
    number(SYS "fs/pipe-user-pages-hard");
    number(SYS "fs/protected_hardlinks");
    number(SYS "fs/protected_symlinks");
    CHECK(number(SYS "fs/epoll/max_user_watches") > 100);
    CHECK(number(SYS "fs/inotify/max_queued_events") > 100);
    CHECK(number(SYS "fs/inotify/max_user_instances") > 10);
    CHECK(number(SYS "fs/inotify/max_user_watches") > 1000);
    CHECK(number(SYS "fs/mount-max") > 100);
    most = number(SYS "fs/pipe-max-size");
    CHECK_OK(pipe(ends));
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, most), most);
    text_of(SYS "fs/file-nr", text, sizeof(text));
    CHECK_EQ(sscanf(text, "%lu\t%lu\t%lu\n", &used, &unused, &max), 3);
    CHECK(used > 3 && max >= used);
    CHECK_EQ(max, number(SYS "fs/file-max"));
    text_of(SYS "fs/inode-nr", text, sizeof(text));
    CHECK_EQ(sscanf(text, "%lu\t%lu\n", &used, &unused), 2);
    CHECK(used > 3);
    line_equals(SYS "kernel/seccomp/actions_avail",
                "kill_process kill_thread trap errno user_notif trace log allow");
    CHECK_ERR(open(SYS "kernel/no-such-file", O_RDONLY), ENOENT);
    CHECK_ERR(open(SYS "kernel/yama", O_RDONLY), ENOENT);
}

/* As the calls themselves report them. */
static void check_ipc(void)
{
    struct seminfo sem;
    struct msginfo msg;
    struct shminfo shm;
    unsigned long values[4];

    CHECK_OK(semctl(0, 0, IPC_INFO, &sem));
    text_of(SYS "kernel/sem", text, sizeof(text));
    CHECK_EQ(sscanf(text, "%lu\t%lu\t%lu\t%lu\n", &values[0], &values[1], &values[2], &values[3]),
             4);
    CHECK_EQ(values[0], sem.semmsl);
    CHECK_EQ(values[1], sem.semmns);
    CHECK_EQ(values[2], sem.semopm);
    CHECK_EQ(values[3], sem.semmni);
    CHECK_OK(msgctl(0, IPC_INFO, (struct msqid_ds *)&msg));
    CHECK_EQ(number(SYS "kernel/msgmax"), msg.msgmax);
    CHECK_EQ(number(SYS "kernel/msgmnb"), msg.msgmnb);
    CHECK_EQ(number(SYS "kernel/msgmni"), msg.msgmni);
    CHECK_OK(shmctl(0, IPC_INFO, (struct shmid_ds *)&shm));
    CHECK_EQ(number(SYS "kernel/shmmax"), shm.shmmax);
    CHECK_EQ(number(SYS "kernel/shmmni"), shm.shmmni);
    CHECK_EQ(number(SYS "kernel/shmall"), shm.shmall);
}

static void check_random(void)
{
    char before[64];

    text_of(SYS "kernel/random/boot_id", text, sizeof(text));
    CHECK_EQ(strlen(text), 37);
    for (int i = 0; i < 36; i++)
        CHECK_EQ(text[i] == '-', i == 8 || i == 13 || i == 18 || i == 23);
    strcpy(before, text);
    text_of(SYS "kernel/random/boot_id", text, sizeof(text));
    CHECK(!strcmp(before, text)); /* the same for ever */
    text_of(SYS "kernel/random/uuid", before, sizeof(before));
    text_of(SYS "kernel/random/uuid", text, sizeof(text));
    CHECK(strcmp(before, text) != 0);
    CHECK_EQ(text[14], '4');
    CHECK_EQ(number(SYS "kernel/random/poolsize"), number(SYS "kernel/random/entropy_avail"));
}

static void check_names(void)
{
    struct utsname before, now;
    pid_t pid;
    int fd;

    CHECK_OK(uname(&before));
    line_equals(SYS "kernel/ostype", before.sysname);
    line_equals(SYS "kernel/osrelease", before.release);
    line_equals(SYS "kernel/version", before.version);
    line_equals(SYS "kernel/hostname", before.nodename);
    line_equals(SYS "kernel/domainname", before.domainname);
    /* In a name space of its own, where there is such a thing. */
    if (unshare(CLONE_NEWUTS) < 0 && errno == EPERM)
        return;
    CHECK_OK(sethostname("other", 5));
    CHECK_OK(setdomainname("", 0));
    CHECK_OK(uname(&now));
    CHECK(!strcmp(now.nodename, "other"));
    CHECK(!strcmp(now.domainname, ""));
    line_equals(SYS "kernel/hostname", "other");
    CHECK_OK(sethostname(NAME, 64));
    CHECK_OK(uname(&now));
    CHECK(!strcmp(now.nodename, NAME));
    CHECK_ERR(sethostname(NAME "x", 65), EINVAL);
    CHECK_ERR(sethostname(NAME, -1), EINVAL);
    CHECK_ERR(sethostname(NULL, 1), EFAULT);
    fd = (int)CHECK_OK(open(SYS "kernel/hostname", O_WRONLY));
    CHECK_EQ(write(fd, "written\nrest", 12), 12);
    CHECK_OK(close(fd));
    CHECK_OK(uname(&now));
    CHECK(!strcmp(now.nodename, "written"));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(setuid(1000));
        CHECK_ERR(sethostname("x", 1), EPERM);
        CHECK_ERR(setdomainname("x", 65), EPERM);
        CHECK_ERR(open(SYS "kernel/hostname", O_WRONLY), EACCES);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    CHECK_OK(sethostname(before.nodename, strlen(before.nodename)));
    CHECK_OK(setdomainname(before.domainname, strlen(before.domainname)));
}

/* Any value is kept; some of them have an effect. */
static void check_personality(void)
{
    static const unsigned values[] = {PER_LINUX32, PER_SVR4,   PER_BSD,
                                      PER_XENIX,   PER_IRIX64, UNAME26};
    struct timeval time = {0, 10000};
    struct utsname name;

    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        CHECK_OK(personality(values[i]));
        CHECK_EQ(personality(0xffffffff), values[i]);
    }
    CHECK_OK(uname(&name));
    CHECK(!strncmp(name.release, "2.6.", 4));
    CHECK_EQ(personality(PER_LINUX32), UNAME26);
    CHECK_OK(uname(&name));
    CHECK(strncmp(name.release, "2.6.", 4));
    CHECK(!strcmp(name.machine, "i686"));
    CHECK_EQ(personality(STICKY_TIMEOUTS), PER_LINUX32);
    CHECK_EQ(select(0, NULL, NULL, NULL, &time), 0);
    CHECK_EQ(time.tv_usec, 10000);
    CHECK_EQ(personality(PER_LINUX), STICKY_TIMEOUTS);
    CHECK_OK(uname(&name));
    CHECK(!strcmp(name.machine, "x86_64"));
    CHECK_EQ(personality(ADDR_NO_RANDOMIZE), PER_LINUX);
    CHECK_EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
    CHECK_EQ(personality(PER_LINUX), ADDR_NO_RANDOMIZE);
}

/* --- with the word "change": limits that root sets --- */

static void set(const char *path, const char *value, int error)
{
    int fd = (int)CHECK_OK(open(path, O_WRONLY));

    if (error)
        CHECK_ERR(write(fd, value, strlen(value)), error);
    else
        CHECK_EQ(write(fd, value, strlen(value)), strlen(value));
    CHECK_OK(close(fd));
}

static void check_set_ipc(void)
{
    int id, other;

    set(SYS "kernel/shmmni", "1\n", 0);
    CHECK_EQ(number(SYS "kernel/shmmni"), 1);
    id = (int)CHECK_OK(shmget(IPC_PRIVATE, 4096, 0600));
    CHECK_ERR(shmget(IPC_PRIVATE, 4096, 0600), ENOSPC);
    set(SYS "kernel/shmmni", "4096", 0);
    set(SYS "kernel/shmmax", "8192", 0);
    CHECK_ERR(shmget(IPC_PRIVATE, 8193, 0600), EINVAL);
    other = (int)CHECK_OK(shmget(IPC_PRIVATE, 8192, 0600));
    set(SYS "kernel/shmmax", "18446744073692774399", 0);
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
    CHECK_OK(shmctl(other, IPC_RMID, NULL));
    set(SYS "kernel/msgmni", "0", 0);
    CHECK_ERR(msgget(IPC_PRIVATE, 0600), ENOSPC);
    set(SYS "kernel/msgmni", "32000", 0);
    set(SYS "kernel/sem", "250 32000 32 1", 0);
    line_equals(SYS "kernel/sem", "250\t32000\t32\t1");
    CHECK_ERR(semget(IPC_PRIVATE, 251, 0600), EINVAL);
    id = (int)CHECK_OK(semget(IPC_PRIVATE, 250, 0600));
    CHECK_ERR(semget(IPC_PRIVATE, 1, 0600), ENOSPC);
    CHECK_OK(semctl(id, 0, IPC_RMID));
    set(SYS "kernel/sem", "32000\t1024000000\t500\t32000\n", 0);
}

/* Linux asks for it at the write, whatever the file's mode says. */
static void log_without_rights(void)
{
    CHECK_EQ(sets_set(0, 0, 0), 0);
    set(SYS "kernel/seccomp/actions_logged", "errno trap", EPERM);
}

static void check_set_seccomp(void)
{
    CHECK_EQ(child_status(log_without_rights), 0);
    set(SYS "kernel/seccomp/actions_logged", "errno trap", 0);
    line_equals(SYS "kernel/seccomp/actions_logged", "trap errno");
    set(SYS "kernel/seccomp/actions_logged", "allow", EINVAL);
    set(SYS "kernel/seccomp/actions_logged", "errno,trap", EINVAL);
    set(SYS "kernel/seccomp/actions_logged", "err", EINVAL);
    set(SYS "kernel/seccomp/actions_logged", "\n", 0);
    line_equals(SYS "kernel/seccomp/actions_logged", "");
    set(SYS "kernel/seccomp/actions_logged",
        "kill_process kill_thread trap errno user_notif trace log\n", 0);
}

/* Without it F_NOTIFY is not there, not even to end what there was. */
static void check_set_notify(void)
{
    int fd = (int)CHECK_OK(open("/tmp", O_RDONLY | O_DIRECTORY));

    CHECK_EQ(number(SYS "fs/dir-notify-enable"), 1);
    set(SYS "fs/dir-notify-enable", "0", 0);
    CHECK_ERR(fcntl(fd, F_NOTIFY, DN_CREATE), EINVAL);
    CHECK_ERR(fcntl(fd, F_NOTIFY, 0), EINVAL);
    set(SYS "fs/dir-notify-enable", "1", 0);
    CHECK_OK(fcntl(fd, F_NOTIFY, DN_CREATE));
    CHECK_OK(fcntl(fd, F_NOTIFY, 0));
    CHECK_OK(close(fd));
}

static void check_set(void)
{
    int ends[2];
    pid_t pid;

    check_set_ipc();
    check_set_seccomp();
    check_set_notify();
    set(SYS "kernel/shmmni", "x", EINVAL);
    set(SYS "kernel/shmmni", "-1", EINVAL);
    set(SYS "kernel/shmmni", "40000", EINVAL);
    set(SYS "kernel/shmmni", "99999999999999999999999", EINVAL);
    set(SYS "kernel/sem", "1 2 x", EINVAL);
    line_equals(SYS "kernel/sem", "32000\t1024000000\t500\t32000");
    set(SYS "fs/pipe-max-size", "4095", EINVAL);
    set(SYS "fs/pipe-max-size", "4097", 0);
    CHECK_EQ(number(SYS "fs/pipe-max-size"), 8192);
    set(SYS "fs/pipe-max-size", "4096", 0);
    CHECK_OK(pipe(ends));
    CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), 65536);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(setuid(1000));
        CHECK_OK(pipe(ends));
        CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), 4096);
        CHECK_ERR(fcntl(ends[0], F_SETPIPE_SZ, 8192), EPERM);
        CHECK_ERR(open(SYS "fs/pipe-max-size", O_WRONLY), EACCES);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    set(SYS "fs/pipe-max-size", "1048576", 0);
    set(SYS "kernel/pid_max", "32768", 0);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        check_set();
        return 0;
    }
    check_limits();
    check_ipc();
    check_random();
    check_names();
    check_personality();
    return 0;
}
