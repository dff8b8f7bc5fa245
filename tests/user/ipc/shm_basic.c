/* SPDX-License-Identifier: MIT */
/* System V shared memory: keys, ids, places, counts of what is attached, removal, permissions. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define PAGE 4096UL
#define KEY  0x46531001

static struct shmid_ds stat_of(int id)
{
    struct shmid_ds stat;

    CHECK_EQ(shmctl(id, IPC_STAT, &stat), 0);
    return stat;
}

static void check_ids(void)
{
    int id = (int)CHECK_OK(shmget(KEY, 3 * PAGE + 1, IPC_CREAT | IPC_EXCL | 0640)), other;
    struct shmid_ds stat = stat_of(id);

    CHECK(stat.shm_segsz == 3 * PAGE + 1 && stat.shm_nattch == 0 && stat.shm_atime == 0);
    CHECK(stat.shm_cpid == getpid() && stat.shm_lpid == 0 && stat.shm_ctime != 0);
    CHECK(stat.shm_perm.__key == KEY && (stat.shm_perm.mode & 07777) == 0640);
    CHECK_EQ(shmget(KEY, 0, 0), id);
    CHECK_EQ(shmget(KEY, PAGE, IPC_CREAT), id);
    CHECK_ERR(shmget(KEY, 4 * PAGE, 0), EINVAL);
    CHECK_ERR(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL), EEXIST);
    CHECK_ERR(shmget(KEY + 1, PAGE, 0), ENOENT);
    CHECK_ERR(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
    CHECK_ERR(shmctl(id, IPC_RMID, NULL), EINVAL);
    CHECK_ERR(shmat(id, NULL, 0), EINVAL);
    CHECK_ERR(shmget(KEY, 0, 0), ENOENT);
    other = (int)CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));
    CHECK(other != id); /* the sequence number */
    CHECK_ERR(shmctl(id, IPC_STAT, &stat), EINVAL);
    CHECK_ERR(shmctl(other, 99, &stat), EINVAL);
    CHECK_ERR(shmctl(-1, IPC_RMID, NULL), EINVAL);
    CHECK_OK(shmctl(other, IPC_RMID, NULL));
}

static void check_places(void)
{
    int id = (int)CHECK_OK(shmget(IPC_PRIVATE, 2 * PAGE, 0600));
    char *room = mmap(NULL, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p;

    CHECK_ERR(shmat(id, room, 0), EINVAL);
    CHECK_ERR(shmat(id, room + 1, 0), EINVAL);
    CHECK_ERR(shmat(id, NULL, SHM_REMAP), EINVAL);
    p = shmat(id, room + PAGE + 5, SHM_RND | SHM_REMAP);
    CHECK(p == room + PAGE);
    memset(p, 7, 2 * PAGE);
    CHECK(shmat(id, room + 4 * PAGE, SHM_REMAP | SHM_RDONLY) == room + 4 * PAGE);
    CHECK(bytes_are(room + 4 * PAGE, 7, 2 * PAGE));
    CHECK_ERR(mprotect(room + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE), EACCES);
    CHECK_EQ(stat_of(id).shm_nattch, 2);
    CHECK_ERR(shmdt(p + 1), EINVAL);
    CHECK_OK(shmdt(p));
    CHECK_ERR(shmdt(p), EINVAL);
    CHECK_EQ(stat_of(id).shm_nattch, 1);
    CHECK_OK(shmdt(room + 4 * PAGE));
    CHECK_OK(munmap(room, 8 * PAGE));
    /* What was written stays without anyone who has it. */
    p = shmat(id, NULL, 0);
    CHECK(bytes_are(p, 7, 2 * PAGE));
    CHECK_OK(shmdt(p));
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

static void check_parts(void)
{
    int id = (int)CHECK_OK(shmget(IPC_PRIVATE, 6 * PAGE, 0600));
    char *p = shmat(id, NULL, 0), *to = p;
    char state[6];

    /* A hole: two areas. Its first page moved away is no part of the mapping any more. */
    CHECK_OK(munmap(p + 2 * PAGE, PAGE));
    CHECK_EQ(stat_of(id).shm_nattch, 2);
    to = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 2 * PAGE);
    CHECK(to == p + 2 * PAGE);
    CHECK_OK(shmdt(p));
    CHECK_ERR(mincore(p + PAGE, PAGE, (void *)state), ENOMEM);
    CHECK_ERR(mincore(p + 3 * PAGE, 3 * PAGE, (void *)state), ENOMEM);
    CHECK_EQ(stat_of(id).shm_nattch, 1);
    to[0] = 1;
    CHECK_OK(shmdt(to));
    CHECK_EQ(stat_of(id).shm_nattch, 0);
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

static int shared_id;

static void attach_and_end(void)
{
    CHECK(shmat(shared_id, NULL, 0) != (void *)-1);
    CHECK_EQ(stat_of(shared_id).shm_nattch, 3);
}

static void execute(void)
{
    static char path[] = "/proc/self/exe", word[] = "count";
    char *argv[] = {path, word, NULL}, *envp[] = {NULL};

    CHECK_EQ(stat_of(shared_id).shm_nattch, 2);
    execve(argv[0], argv, envp);
    CHECK(0);
}

static void check_processes(void)
{
    char *p;

    shared_id = (int)CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));
    p = shmat(shared_id, NULL, 0);
    CHECK_EQ(child_status(attach_and_end), 0);
    CHECK_EQ(stat_of(shared_id).shm_nattch, 1);
    CHECK_EQ(child_status(execute), 0);
    CHECK(stat_of(shared_id).shm_lpid != getpid());
    /* Removed, but there; its key is free. */
    CHECK_OK(shmctl(shared_id, IPC_RMID, NULL));
    CHECK(stat_of(shared_id).shm_perm.mode & SHM_DEST);
    CHECK_EQ(stat_of(shared_id).shm_perm.__key, IPC_PRIVATE);
    CHECK_ERR(shmget(KEY, 0, 0), ENOENT);
    p[5] = 1;
    CHECK_OK(shmdt(p));
    CHECK_ERR(shmat(shared_id, NULL, 0), EINVAL);
}

static void as_another(void)
{
    struct shmid_ds stat = stat_of(shared_id);

    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(1000, 1000, 1000));
    CHECK_OK(setresuid(1000, 1000, 1000));
    CHECK_ERR(shmat(shared_id, NULL, 0), EACCES);
    CHECK(shmat(shared_id, NULL, SHM_RDONLY) != (void *)-1);
    CHECK_ERR(shmctl(shared_id, IPC_RMID, NULL), EPERM);
    CHECK_ERR(shmctl(shared_id, IPC_SET, &stat), EPERM);
    CHECK_ERR(shmctl(shared_id, SHM_LOCK, NULL), EPERM);
    CHECK_ERR(shmget(KEY, 0, 0600), EACCES);
    CHECK_EQ(shmget(KEY, 0, 0400), shared_id);
}

static void check_permissions(void)
{
    struct shmid_ds stat;

    if (getuid() != 0)
        return;
    shared_id = (int)CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0604));
    CHECK_EQ(child_status(as_another), 0);
    stat = stat_of(shared_id);
    stat.shm_perm.uid = 1000;
    stat.shm_perm.mode = 07123;
    CHECK_OK(shmctl(shared_id, IPC_SET, &stat));
    stat = stat_of(shared_id);
    CHECK(stat.shm_perm.uid == 1000 && stat.shm_perm.cuid == 0 && stat.shm_perm.mode == 0123);
    stat.shm_perm.uid = (uid_t)-1;
    CHECK_ERR(shmctl(shared_id, IPC_SET, &stat), EINVAL);
    CHECK_OK(shmctl(shared_id, SHM_LOCK, NULL));
    CHECK(stat_of(shared_id).shm_perm.mode == (0123 | SHM_LOCKED));
    CHECK_OK(shmctl(shared_id, IPC_RMID, NULL));
}

/* Through a file: whether a line of it has the text. */
static int file_has(const char *path, const char *text)
{
    static char bytes[65536];
    int fd = (int)CHECK_OK(open(path, O_RDONLY));
    size_t used = 0;
    long n;

    while ((n = read(fd, bytes + used, sizeof(bytes) - 1 - used)) > 0)
        used += (size_t)n;
    CHECK_OK(close(fd));
    bytes[used] = '\0';
    return strstr(bytes, text) != NULL;
}

static void check_shown(void)
{
    int id = (int)CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600)), highest;
    struct shminfo limits;
    struct shm_info info;
    struct shmid_ds stat;
    char *p = shmat(id, NULL, 0);

    p[0] = 1;
    CHECK(file_has("/proc/self/maps", "/SYSV46531001 (deleted)"));
    CHECK(file_has("/proc/sysvipc/shm", "1179848705 "));
    highest = (int)CHECK_OK(shmctl(0, SHM_INFO, (void *)&info));
    CHECK(info.used_ids >= 1 && info.shm_tot >= 1 && info.shm_rss >= 1);
    CHECK_EQ(shmctl(0, IPC_INFO, (void *)&limits), highest);
    CHECK(limits.shmmin == 1 && limits.shmmni >= 1);
    CHECK_EQ(shmctl(id & 32767, SHM_STAT, &stat), id);
    CHECK_EQ(stat.shm_perm.__key, KEY);
    CHECK_EQ(shmctl(id & 32767, 15, &stat), id);
    CHECK_ERR(shmctl(30000, SHM_STAT, &stat), EINVAL);
    CHECK_ERR(shmctl(id, IPC_STAT, (void *)8), EFAULT);
    CHECK_ERR(shmctl(id, IPC_SET, (void *)8), EFAULT);
    CHECK_OK(shmdt(p));
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) { /* after exec: what was attached is not any more */
        int id = (int)CHECK_OK(shmget(KEY, 0, 0));

        CHECK_EQ(stat_of(id).shm_nattch, 1);
        return 0;
    }
    shmctl(shmget(KEY, 0, 0), IPC_RMID, NULL); /* what a run that failed has left */
    check_ids();
    check_places();
    check_parts();
    check_processes();
    check_permissions();
    check_shown();
    return 0;
}
