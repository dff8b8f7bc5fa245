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
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/utsname.h>
#include <unistd.h>

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

static void check_personality(void)
{
    CHECK_EQ(personality(0xffffffff) & 0xff, PER_LINUX);
    CHECK_OK(personality(PER_LINUX));
    CHECK_EQ(personality(ADDR_NO_RANDOMIZE), PER_LINUX);
    CHECK_EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
    CHECK_EQ(personality(PER_LINUX), ADDR_NO_RANDOMIZE);
}

int main(void)
{
    check_limits();
    check_ipc();
    check_random();
    check_names();
    check_personality();
    return 0;
}
