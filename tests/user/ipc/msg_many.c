/* SPDX-License-Identifier: MIT */
/* Thousands of queues: each is found by its key and by its index, and ids are not given out twice.
 */
#define _GNU_SOURCE
#include <sys/ipc.h>
#include <sys/msg.h>

#include "tests/user/lib/check.h"

#define QUEUES 10000
#define KEY    0x46540000

static int ids[QUEUES];

int main(void)
{
    struct msqid_ds stat;

    for (int i = 0; i < QUEUES; i++)
        ids[i] = (int)CHECK_OK(msgget(KEY + i, IPC_CREAT | IPC_EXCL | 0600));
    for (int i = 0; i < QUEUES; i++) {
        CHECK_EQ(msgget(KEY + i, 0), ids[i]);
        CHECK_EQ(msgctl(ids[i] & 32767, MSG_STAT, &stat), ids[i]);
        CHECK_EQ(stat.msg_perm.__key, KEY + i);
    }
    for (int i = 0; i < QUEUES; i += 2)
        CHECK_OK(msgctl(ids[i], IPC_RMID, NULL));
    for (int i = 0; i < QUEUES; i += 2) {
        int old = ids[i];

        ids[i] = (int)CHECK_OK(msgget(IPC_PRIVATE, 0600));
        CHECK(ids[i] != old);
        CHECK_ERR(msgctl(old, IPC_STAT, &stat), EINVAL);
    }
    for (int i = 0; i < QUEUES; i++)
        CHECK_OK(msgctl(ids[i], IPC_RMID, NULL));
    return 0;
}
