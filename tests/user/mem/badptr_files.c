/* SPDX-License-Identifier: MIT */
/* Wrong pointers given to the system calls on files and names. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/user/lib/badptr.h"
#include "tests/user/lib/check.h"

#define STR   BADPTR_STRING
#define IN    BADPTR_IN
#define OUT   BADPTR_OUT
#define AT    AT_FDCWD
#define DIR   5 /* descriptors made by main */
#define FULL  6 /* a pipe with something in it: its reading end */
#define WRITE 7 /* its writing end */
#define FILE1 8 /* a file of ten thousand bytes */
#define ZERO  9
#define PATH  ((long)"/tmp/badptr-none")

static const struct badptr_row rows[] = {
    {"read", SYS_read, 1, 1, {FULL, 0, 1}, OUT, 0, 0},
    {"read file", SYS_read, 1, 1, {FILE1, 0, 1}, OUT, 0, 0},
    {"read zero", SYS_read, 1, 1, {ZERO, 0, 1}, OUT, 0, 0},
    {"write pipe", SYS_write, 1, 1, {WRITE, 0, 1}, IN, 0, 0},
    {"write file", SYS_write, 1, 1, {FILE1, 0, 1}, IN, 0, 0},
    {"pread64", SYS_pread64, 1, 1, {FILE1, 0, 1, 0}, OUT, 0, 0},
    {"pwrite64", SYS_pwrite64, 1, 1, {FILE1, 0, 1, 0}, IN, 0, 0},
    {"readv", SYS_readv, 1, 16, {FILE1, 0, 1}, IN, 0, 0},
    {"writev", SYS_writev, 1, 16, {FILE1, 0, 1}, IN, 0, 0},
    {"open", SYS_open, 0, 0, {0, O_RDONLY, 0}, STR, 0, 0},
    {"open create", SYS_open, 0, 0, {0, O_RDWR | O_CREAT, 0600}, STR, 0, 0},
    {"openat", SYS_openat, 1, 0, {AT, 0, O_RDONLY, 0}, STR, 0, 0},
    {"stat path", SYS_stat, 0, 0, {0, 0}, STR, 0, 0},
    {"stat buffer", SYS_stat, 1, 144, {(long)"/", 0}, OUT, 0, 0},
    {"lstat buffer", SYS_lstat, 1, 144, {(long)"/", 0}, OUT, 0, 0},
    {"fstat", SYS_fstat, 1, 144, {FILE1, 0}, OUT, 0, 0},
    {"newfstatat path", SYS_newfstatat, 1, 0, {AT, 0, 0, 0}, STR, 0, 0},
    {"newfstatat buffer", SYS_newfstatat, 2, 144, {AT, (long)"/", 0, 0}, OUT, 0, 0},
    {"statx path", SYS_statx, 1, 0, {AT, 0, 0, 0x7ff, 0}, STR, 0, 0},
    {"statx buffer", SYS_statx, 4, 256, {AT, (long)"/", 0, 0x7ff, 0}, OUT, 0, 0},
    {"statfs path", SYS_statfs, 0, 0, {0, 0}, STR, 0, 0},
    {"statfs buffer", SYS_statfs, 1, 120, {(long)"/", 0}, OUT, 0, 0},
    {"access", SYS_access, 0, 0, {0, 0}, STR, 0, 0},
    {"readlink path", SYS_readlink, 0, 0, {0, 0, 1}, STR, 0, 0},
    {"readlink buffer", SYS_readlink, 1, 7, {(long)"/bin", 0, 7}, OUT, 0, 0},
    {"getcwd", SYS_getcwd, 0, 2, {0, 100}, OUT, 0, 0},
    {"chdir", SYS_chdir, 0, 0, {0}, STR, 0, 0},
    {"mkdir", SYS_mkdir, 0, 0, {0, 0755}, STR, 0, 0},
    {"rmdir", SYS_rmdir, 0, 0, {0}, STR, 0, 0},
    {"unlink", SYS_unlink, 0, 0, {0}, STR, 0, 0},
    {"unlinkat", SYS_unlinkat, 1, 0, {AT, 0, 0}, STR, 0, 0},
    {"link old", SYS_link, 0, 0, {0, PATH}, STR, 0, 0},
    {"link new", SYS_link, 1, 0, {(long)"/tmp/badptr", 0}, STR, 0, 0},
    {"symlink target", SYS_symlink, 0, 0, {0, PATH}, STR, 0, 0},
    {"symlink name", SYS_symlink, 1, 0, {(long)"x", 0}, STR, 0, 0},
    {"rename old", SYS_rename, 0, 0, {0, PATH}, STR, 0, 0},
    {"rename new", SYS_rename, 1, 0, {(long)"/tmp/badptr", 0}, STR, 0, 0},
    {"chmod", SYS_chmod, 0, 0, {0, 0644}, STR, 0, 0},
    {"chown", SYS_chown, 0, 0, {0, 0, 0}, STR, 0, 0},
    {"truncate", SYS_truncate, 0, 0, {0, 0}, STR, 0, 0},
    {"utimensat path", SYS_utimensat, 1, 0, {AT, 0, 0, 0}, STR, 1, 0},
    {"utimensat times", SYS_utimensat, 2, 32, {AT, (long)"/tmp/badptr", 0, 0}, IN, 1, 0},
    {"getdents64", SYS_getdents64, 1, 20, {DIR, 0, 4096}, OUT, 0, 0},
    {"pipe", SYS_pipe, 0, 8, {0}, OUT, 0, 0},
    {"pipe2", SYS_pipe2, 0, 8, {0, O_CLOEXEC}, OUT, 0, 0},
    {"splice offset", SYS_splice, 1, 8, {FILE1, 0, WRITE, 0, 1, 0}, IN, 1, 0},
    {"vmsplice", SYS_vmsplice, 1, 16, {WRITE, 0, 1, 0}, IN, 0, 0},
    {"setxattr path", SYS_setxattr, 0, 0, {0, (long)"user.a", (long)"v", 1, 0}, STR, 0, 0},
    {"setxattr name", SYS_setxattr, 1, 0, {(long)"/tmp/badptr", 0, (long)"v", 1, 0}, STR, 0, 0},
    {"setxattr value",
     SYS_setxattr,
     2,
     5,
     {(long)"/tmp/badptr", (long)"user.a", 0, 5, 0},
     IN,
     0,
     0},
    {"getxattr name", SYS_getxattr, 1, 0, {(long)"/tmp/badptr", 0, 0, 0}, STR, 0, 0},
    {"listxattr path", SYS_listxattr, 0, 0, {0, 0, 0}, STR, 0, 0},
    {"sendfile offset", SYS_sendfile, 2, 8, {WRITE, FILE1, 0, 1}, IN, 1, 0},
};

/* Data of which a part is there: either nothing happens, or just that part is moved. */
static void check_partial(char *edge)
{
    for (long inside = 1; inside <= 64; inside++) {
        long n = raw3(SYS_write, FILE1, edge - inside, 128);
        CHECK(n == -EFAULT || n == inside);
        n = raw3(SYS_read, FILE1, edge - inside, 128);
        CHECK(n == -EFAULT || n == inside);
        n = raw3(SYS_read, ZERO, edge - inside, 128);
        CHECK(n == -EFAULT || n == inside);
    }
}

static void open_descriptors(void)
{
    static char bytes[10000];
    int p[2];

    CHECK_EQ(open("/dev/null", O_RDONLY), 3); /* takes the number that a free one would get */
    CHECK_EQ(dup(3), 4);
    CHECK_EQ(open("/", O_RDONLY | O_DIRECTORY), DIR);
    CHECK_OK(pipe(p));
    CHECK(p[0] == FULL && p[1] == WRITE);
    CHECK_EQ(open("/tmp/badptr", O_RDWR | O_CREAT | O_TRUNC, 0600), FILE1);
    CHECK_EQ(write(FILE1, bytes, sizeof(bytes)), (long)sizeof(bytes));
    CHECK_EQ(lseek(FILE1, 0, SEEK_SET), 0);
    CHECK_EQ(write(WRITE, bytes, 1000), 1000);
    CHECK_EQ(open("/dev/zero", O_RDWR), ZERO);
}

int main(void)
{
    struct stat st;

    open_descriptors();
    badptr_try_all(rows, sizeof(rows) / sizeof(rows[0]));
    /* No descriptor leaked out of the failed calls, and nothing was renamed, cut or made. */
    CHECK_EQ(dup(0), 10);
    CHECK_OK(stat("/tmp/badptr", &st));
    CHECK_EQ(st.st_size, 10000);
    CHECK_ERR(stat("/tmp/badptr-none", &st), ENOENT);
    char *edge = (char *)raw1(SYS_brk, 0);
    edge = (char *)(((uintptr_t)edge + 8191) & ~4095UL);
    CHECK_EQ(raw1(SYS_brk, edge), edge);
    check_partial(edge);
    CHECK_OK(unlink("/tmp/badptr"));
    return 0;
}
