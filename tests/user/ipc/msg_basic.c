/* SPDX-License-Identifier: MIT */
/* System V messages: types, order, lengths, waiting, limits, control, removal. */
#define _GNU_SOURCE
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define COPY 040000 /* MSG_COPY */
#define KEY  0x46531002

static struct {
    long type;
    char text[8192 + 1];
} buffer;

static int id;

static void send(long type, const char *text)
{
    buffer.type = type;
    strcpy(buffer.text, text);
    CHECK_OK(msgsnd(id, &buffer, strlen(text), IPC_NOWAIT));
}

static void expect(long type, int flags, long got_type, const char *text)
{
    memset(&buffer, 0, sizeof(buffer));
    CHECK_EQ(msgrcv(id, &buffer, 100, type, flags | IPC_NOWAIT), strlen(text));
    CHECK_EQ(buffer.type, got_type);
    CHECK(strcmp(buffer.text, text) == 0);
}

static struct msqid_ds stat_of(void)
{
    struct msqid_ds stat;

    CHECK_EQ(msgctl(id, IPC_STAT, &stat), 0);
    return stat;
}

static void check_types(void)
{
    send(5, "five");
    send(3, "three");
    send(4, "four");
    send(3, "drei");
    CHECK_ERR(msgrcv(id, &buffer, 100, 9, IPC_NOWAIT), ENOMSG);
    CHECK_ERR(msgrcv(id, &buffer, 100, -2, IPC_NOWAIT), ENOMSG);
    expect(-4, 0, 3, "three");
    expect(5, MSG_EXCEPT, 4, "four");
    expect(3, 0, 3, "drei");
    send(7, "");
    CHECK(stat_of().msg_qnum == 2 && stat_of().__msg_cbytes == 4);
    CHECK(stat_of().msg_lspid == getpid() && stat_of().msg_stime && stat_of().msg_rtime);
    expect(0, 0, 5, "five");
    expect((long)1 << 63, 0, 7, "");
    CHECK_ERR(msgrcv(id, &buffer, 100, 0, IPC_NOWAIT), ENOMSG);
}

static void check_lengths(void)
{
    send(1, "longer");
    CHECK_ERR(msgrcv(id, &buffer, 3, 0, 0), E2BIG);
    CHECK_EQ(msgrcv(id, &buffer, 3, 0, MSG_NOERROR), 3);
    CHECK(memcmp(buffer.text, "lon", 3) == 0);
    CHECK_ERR(msgsnd(id, &buffer, 8193, 0), EINVAL);
    CHECK_ERR(msgsnd(id, &buffer, (size_t)-1, 0), EINVAL);
    buffer.type = 0;
    CHECK_ERR(msgsnd(id, &buffer, 1, 0), EINVAL);
    CHECK_EQ(raw4(SYS_msgsnd, id, 8, 1, 0), -EFAULT);
    CHECK_ERR(msgrcv(-1, &buffer, 1, 0, 0), EINVAL);
    buffer.type = 1;
    CHECK_ERR(msgsnd(id + 1, &buffer, 1, 0), EINVAL);
    /* Full: by bytes, by their number when they are empty. */
    CHECK_OK(msgsnd(id, &buffer, 8192, IPC_NOWAIT));
    CHECK_OK(msgsnd(id, &buffer, 8192, IPC_NOWAIT));
    CHECK_ERR(msgsnd(id, &buffer, 1, IPC_NOWAIT), EAGAIN);
    CHECK_OK(msgsnd(id, &buffer, 0, IPC_NOWAIT));
    for (int i = 0; i < 3; i++)
        CHECK_OK(msgrcv(id, &buffer, 8192, 0, 0));
    /* What cannot be copied out is lost. */
    send(1, "x");
    CHECK_EQ(raw6(SYS_msgrcv, id, 8, 10, 0, 0, 0), -EFAULT);
    CHECK_EQ(stat_of().msg_qnum, 0);
}

/* MSG_COPY: by the place in the queue, and nothing is taken out. */
static void check_copies(void)
{
    struct msqid_ds before;

    send(5, "five");
    send(3, "three");
    before = stat_of();
    CHECK_ERR(msgrcv(id, &buffer, 100, 0, COPY), EINVAL);
    CHECK_ERR(msgrcv(id, &buffer, 100, 0, COPY | IPC_NOWAIT | MSG_EXCEPT), EINVAL);
    CHECK_ERR(msgrcv(id, &buffer, 100, 2, COPY | IPC_NOWAIT), ENOMSG);
    CHECK_ERR(msgrcv(id, &buffer, 100, -1, COPY | IPC_NOWAIT), ENOMSG);
    CHECK_ERR(msgrcv(id, &buffer, 3, 0, COPY | IPC_NOWAIT), E2BIG);
    CHECK_ERR(msgrcv(id, &buffer, 3, 0, COPY | IPC_NOWAIT | MSG_NOERROR), EINVAL);
    expect(1, COPY, 3, "three");
    expect(0, COPY, 5, "five");
    CHECK_EQ(stat_of().msg_qnum, 2);
    CHECK(stat_of().msg_rtime == before.msg_rtime && stat_of().msg_lrpid == before.msg_lrpid);
    expect(0, 0, 5, "five");
    expect(0, COPY, 3, "three");
    expect(0, 0, 3, "three");
}

static void nothing(int number)
{
    (void)number;
}

static void receive_removed(void)
{
    CHECK_ERR(msgrcv(id, &buffer, 10, 0, 0), EIDRM);
}

static void receive_interrupted(void)
{
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};

    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    CHECK_ERR(msgrcv(id, &buffer, 10, 0, 0), EINTR);
}

static void receive_one(void)
{
    CHECK_EQ(msgrcv(id, &buffer, 10, 2, 0), 3);
}

static void send_one(void)
{
    buffer.type = 1;
    CHECK_OK(msgsnd(id, &buffer, 10, 0));
}

static pid_t start(void (*function)(void))
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        function();
        _exit(0);
    }
    asleep_await(pid);
    return pid;
}

static void check_waiting(void)
{
    pid_t pid = start(receive_one);
    struct msqid_ds stat;

    send(1, "one");
    send(2, "two");
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(stat_of().msg_lrpid, pid);
    expect(0, 0, 1, "one");
    pid = start(receive_interrupted);
    CHECK_OK(kill(pid, SIGUSR1));
    CHECK_EQ(child_end(pid), 0);
    /* Room that IPC_SET gives. */
    stat = stat_of();
    stat.msg_qbytes = 5;
    CHECK_OK(msgctl(id, IPC_SET, &stat));
    pid = start(send_one);
    stat.msg_qbytes = 10;
    CHECK_OK(msgctl(id, IPC_SET, &stat));
    CHECK_EQ(child_end(pid), 0);
    /* Room that a receive gives. */
    pid = start(send_one);
    CHECK_EQ(msgrcv(id, &buffer, 10, 0, 0), 10);
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(msgrcv(id, &buffer, 10, 0, 0), 10);
}

static void as_another(void)
{
    struct msqid_ds stat = stat_of();

    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(1000, 1000, 1000));
    CHECK_OK(setresuid(1000, 1000, 1000));
    CHECK_ERR(msgrcv(id, &buffer, 10, 0, IPC_NOWAIT), ENOMSG);
    CHECK_ERR(msgsnd(id, &buffer, 10, IPC_NOWAIT), EACCES);
    CHECK_ERR(msgctl(id, IPC_SET, &stat), EPERM);
    CHECK_ERR(msgctl(id, IPC_RMID, NULL), EPERM);
}

int main(void)
{
    struct msginfo info;
    pid_t pid;

    msgctl(msgget(KEY, 0), IPC_RMID, NULL); /* what a run that failed has left */
    id = (int)CHECK_OK(msgget(KEY, IPC_CREAT | IPC_EXCL | 0604));
    CHECK_EQ(msgget(KEY, 0), id);
    CHECK_ERR(msgget(KEY, IPC_CREAT | IPC_EXCL), EEXIST);
    CHECK_ERR(msgget(KEY + 1, 0), ENOENT);
    check_types();
    check_lengths();
    check_copies();
    check_waiting();
    if (getuid() == 0)
        CHECK_EQ(child_status(as_another), 0);
    CHECK(msgctl(0, IPC_INFO, (void *)&info) >= 0 && info.msgmax == 8192 && info.msgmnb == 16384);
    CHECK(msgctl(0, MSG_INFO, (void *)&info) >= 0 && info.msgpool >= 1);
    CHECK_EQ(msgctl(id & 32767, MSG_STAT, (void *)&buffer), id);
    CHECK_ERR(msgctl(id, 99, NULL), EINVAL);
    pid = start(receive_removed);
    CHECK_OK(msgctl(id, IPC_RMID, NULL));
    CHECK_EQ(child_end(pid), 0);
    CHECK_ERR(msgctl(id, IPC_RMID, NULL), EINVAL);
    return 0;
}
