/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/ipc.h - System V IPC: commands, flags, structures of 64-bit programs
 *
 * Used by: proc/ipc, syscall/ipc. Values and layouts are those of the host's <sys/ipc.h>,
 *          <sys/shm.h>, <sys/sem.h> and <sys/msg.h>.
 */
#pragma once

#include <stdint.h>

#define LX_IPC_PRIVATE 0
#define LX_IPC_CREAT   01000
#define LX_IPC_EXCL    02000
#define LX_IPC_NOWAIT  04000

#define LX_IPC_RMID 0
#define LX_IPC_SET  1
#define LX_IPC_STAT 2
#define LX_IPC_INFO 3

struct lx_ipc_perm {
    int32_t key;
    uint32_t uid, gid, cuid, cgid;
    uint32_t mode;
    uint16_t seq, pad;
    uint64_t unused1, unused2;
};
_Static_assert(sizeof(struct lx_ipc_perm) == 48, "ipc64_perm");

/* --- shared memory --- */

#define LX_SHM_LOCK     11
#define LX_SHM_UNLOCK   12
#define LX_SHM_STAT     13
#define LX_SHM_INFO     14
#define LX_SHM_STAT_ANY 15

#define LX_SHM_RDONLY    010000
#define LX_SHM_RND       020000
#define LX_SHM_REMAP     040000
#define LX_SHM_EXEC      0100000
#define LX_SHM_HUGETLB   04000
#define LX_SHM_NORESERVE 010000
#define LX_SHM_DEST      01000 /* in a mode: goes with the last that has it attached */
#define LX_SHM_LOCKED    02000

#define LX_SHMMNI 4096
#define LX_SHMMAX 18446744073692774399ULL
#define LX_SHMALL 18446744073692774399ULL

struct lx_shmid_ds {
    struct lx_ipc_perm perm;
    uint64_t segsz;
    int64_t atime, dtime, ctime;
    int32_t cpid, lpid;
    uint64_t nattch;
    uint64_t unused4, unused5;
};
_Static_assert(sizeof(struct lx_shmid_ds) == 112, "shmid64_ds");

struct lx_shminfo {
    uint64_t shmmax, shmmin, shmmni, shmseg, shmall;
    uint64_t unused[4];
};

struct lx_shm_info {
    int32_t used_ids, pad;
    uint64_t tot, rss, swp, swap_attempts, swap_successes;
};

/* --- semaphores --- */

#define LX_SEM_UNDO 0x1000

#define LX_GETPID       11
#define LX_GETVAL       12
#define LX_GETALL       13
#define LX_GETNCNT      14
#define LX_GETZCNT      15
#define LX_SETVAL       16
#define LX_SETALL       17
#define LX_SEM_STAT     18
#define LX_SEM_INFO     19
#define LX_SEM_STAT_ANY 20

#define LX_SEMMNI 32000
#define LX_SEMMSL 32000
#define LX_SEMMNS (LX_SEMMNI * LX_SEMMSL)
#define LX_SEMOPM 500
#define LX_SEMVMX 32767
#define LX_SEMAEM LX_SEMVMX
#define LX_SEMUSZ 20

struct lx_sembuf {
    uint16_t num;
    int16_t op;
    int16_t flags;
};

struct lx_semid_ds {
    struct lx_ipc_perm perm;
    int64_t otime;
    uint64_t unused1;
    int64_t ctime;
    uint64_t unused2;
    uint64_t nsems;
    uint64_t unused3, unused4;
};
_Static_assert(sizeof(struct lx_semid_ds) == 104, "semid64_ds");

struct lx_seminfo {
    int32_t semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem;
};

/* --- messages --- */

#define LX_MSG_STAT     11
#define LX_MSG_INFO     12
#define LX_MSG_STAT_ANY 13

#define LX_MSG_NOERROR 010000
#define LX_MSG_EXCEPT  020000
#define LX_MSG_COPY    040000

#define LX_MSGMNI 32000
#define LX_MSGMAX 8192
#define LX_MSGMNB 16384
#define LX_MSGSSZ 16

struct lx_msqid_ds {
    struct lx_ipc_perm perm;
    int64_t stime, rtime, ctime;
    uint64_t cbytes, qnum, qbytes;
    int32_t lspid, lrpid;
    uint64_t unused4, unused5;
};
_Static_assert(sizeof(struct lx_msqid_ds) == 120, "msqid64_ds");

struct lx_msginfo {
    int32_t msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql;
    uint16_t msgseg;
};
